//! Bringing into memory what a load has left in files so that searches need not wait for it.

use super::{Loaded, QueryNode};
use crate::error::Error;
use crate::ids::{IndexId, PartitionId, SegmentId};
use crate::index::SegmentIndex;
use crate::platform::Platform;
use crate::schema::FieldId;
use crate::segment::{SegmentRows, StoredRows};
use futures::FutureExt;
use std::rc::Rc;

/// Until a read that failed is tried again.
const RETRY_MS: u32 = 1000;

/// int8 numbers of one segment.
pub(super) struct RowsToTakeIn {
    partition: PartitionId,
    segment: SegmentId,
    index: IndexId,
    field: FieldId,
    pub rows: StoredRows,
}

impl Loaded {
    /// Those that are to be in memory, and are not; without what turned out to be broken.
    pub(super) fn rows_to_take_in(&self) -> impl Iterator<Item = RowsToTakeIn> {
        let indexes = self.indexes.iter().filter(|index| !self.mapped.contains(&index.id));
        indexes.flat_map(|index| {
            self.partitions.iter().flat_map(|(partition, rows)| {
                rows.sealed.iter().filter_map(|(segment, of_segment)| {
                    let rows = of_segment.stored_rows.get(&index.id).filter(|rows| rows.are_intact())?.clone();
                    let (partition, segment) = (*partition, *segment);
                    Some(RowsToTakeIn { partition, segment, index: index.id, field: index.field, rows })
                })
            })
        })
    }

    fn segment_of(&mut self, rows: &RowsToTakeIn) -> Option<&mut SegmentRows> {
        let segment = self.partitions.get_mut(&rows.partition)?.sealed.get_mut(&rows.segment)?;
        segment.stored_rows.contains_key(&rows.index).then_some(segment)
    }
}

impl<P: Platform> QueryNode<P> {
    /// While the node goes on: searches read from files what they need until then.
    pub(super) fn take_in_rows(self: &Rc<Self>) {
        let node = self.clone();
        let task = async move {
            let _turn = node.taking_in.lock().await;
            loop {
                let next = node.loaded.borrow().rows_to_take_in().next();
                let Some(rows) = next.filter(|_| node.is_serving()) else { return };
                match node.take_in(&rows).await {
                    // Searches say what is broken.
                    Ok(()) | Err(Error::Corrupt { .. }) => {}
                    Err(_) => node.platform.sleep(RETRY_MS).await,
                }
            }
        };
        self.platform.spawn(task.boxed_local());
    }

    fn is_serving(&self) -> bool {
        self.loaded.borrow().view.is_some()
    }

    async fn take_in(&self, rows: &RowsToTakeIn) -> Result<(), Error> {
        let go_on = async |bytes: u64| {
            *self.read_bytes.borrow_mut().entry(rows.field).or_default() += bytes;
            self.platform.yield_now().await;
            self.is_serving() && self.loaded.borrow_mut().segment_of(rows).is_some()
        };
        let Some(numbers) = rows.rows.read_whole(go_on).await? else { return Ok(()) };
        let mut loaded = self.loaded.borrow_mut();
        let Some(segment) = loaded.segment_of(rows) else { return Ok(()) };
        match segment.indexes.get(&rows.index) {
            Some(SegmentIndex::Codes(codes)) if codes.take_in(numbers) => {
                Rc::make_mut(&mut segment.stored_rows).remove(&rows.index);
                Ok(())
            }
            _ => Err(Error::Unexpected("numbers do not fit the codes that they were read for".into())),
        }
    }
}
