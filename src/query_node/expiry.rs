//! Rows that are older than their collection lets them become. Growing rows know when they were written; of sealed ones that
//! is read when the first read needs it, because a collection may get its time to live long after it was loaded.

use super::{Loaded, QueryNode};
use crate::error::Result;
use crate::ids::{PartitionId, SegmentId, Timestamp};
use crate::platform::Platform;
use crate::segment::{SegmentManifest, TIMESTAMP_FIELD, read_write_times};
use std::rc::Rc;

impl<P: Platform> QueryNode<P> {
    /// Afterwards every row that is loaded of a collection with a time to live says when it was written, until more is
    /// loaded or sealed.
    pub(super) async fn learn_write_times(&self) -> Result<()> {
        let lacks_times = || self.loaded.borrow().sealed_without_times(self.platform.now_ms());
        if lacks_times().is_none() {
            return Ok(());
        }
        let _turn = self.learning_times.lock().await;
        while let Some(Untimed { partition, segment, rows, imported_at, file }) = lacks_times() {
            let on_read = |bytes: u64| *self.read_bytes.borrow_mut().entry(TIMESTAMP_FIELD).or_default() += bytes;
            let read = match imported_at {
                Some(at) => Ok(vec![at; rows]),
                None => read_write_times(self.platform.files(), &file, rows, &on_read).await,
            };
            let mut loaded = self.loaded.borrow_mut();
            let known = loaded.partitions.get_mut(&partition).and_then(|it| it.sealed.get_mut(&segment));
            // What was released or compacted meanwhile may have lost its files too.
            if let Some(known) = known {
                known.written = Some(Rc::new(read?));
            }
        }
        Ok(())
    }
}

/// A sealed segment of which it is not known when its rows were written.
struct Untimed {
    partition: PartitionId,
    segment: SegmentId,
    rows: usize,
    imported_at: Option<Timestamp>,
    file: String,
}

impl Loaded {
    /// The first one of a collection whose rows expire.
    fn sealed_without_times(&self, now_ms: u64) -> Option<Untimed> {
        let view = self.view.as_ref()?;
        view.schema.expired_before(now_ms)?;
        self.partitions.iter().find_map(|(partition, rows)| {
            let (segment, untimed) = rows.sealed.iter().find(|(_, segment)| segment.written.is_none())?;
            let file = SegmentManifest::new(*segment, 0).column_file(view.id, TIMESTAMP_FIELD);
            Some(Untimed {
                partition: *partition,
                segment: *segment,
                rows: untimed.primary_keys().len(),
                imported_at: untimed.imported_at,
                file,
            })
        })
    }
}
