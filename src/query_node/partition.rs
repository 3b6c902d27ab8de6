use crate::ids::{PartitionId, SegmentId, Timestamp};
use crate::schema::Field;
use crate::segment::{Deletes, Growing, KeySet, LogRecord, SegmentRows};
use crate::sorted::SortedMap;
use std::rc::Rc;

/// The loaded rows of one partition.
pub(super) struct PartitionRows {
    pub sealed: SortedMap<SegmentId, SegmentRows>,
    pub growing: Growing,
    /// Every write up to here is in.
    pub applied: Timestamp,
}

impl PartitionRows {
    pub fn new(fields: Rc<[Field]>, applied: Timestamp) -> Self {
        PartitionRows { sealed: SortedMap::new(), growing: Growing::new(fields), applied }
    }

    /// A field that no row was written with so far.
    pub fn add_field(&mut self, field: &Field) {
        self.sealed.values_mut().for_each(|segment| segment.add_field(field));
        self.growing.add_field(field);
    }

    /// Applies a write unless it is in already.
    pub fn apply(&mut self, id: PartitionId, written: Timestamp, record: &LogRecord) {
        if written <= self.applied {
            return;
        }
        if let Some(deletes) = &record.deletes {
            self.delete(id, written, deletes);
        }
        for (_, batch) in record.inserts.iter().filter(|(partition, _)| *partition == id) {
            self.growing.append(written, batch);
        }
        self.applied = written;
    }

    fn delete(&mut self, id: PartitionId, written: Timestamp, deletes: &Deletes) {
        if deletes.concerns(id) {
            let keys = KeySet::of(&deletes.keys);
            self.sealed.values_mut().for_each(|segment| segment.delete_at(written, &keys));
            self.growing.delete(&keys);
        }
    }

    /// Everything that can be read, as it is now; what is written later does not show in it.
    pub fn snapshot(&self, ignore_growing: bool) -> impl Iterator<Item = SegmentRows> {
        let growing = self.growing.chunks().filter(move |_| !ignore_growing);
        self.sealed.values().chain(growing).cloned()
    }
}
