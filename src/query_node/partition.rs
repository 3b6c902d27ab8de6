use crate::ids::{PartitionId, SegmentId, Timestamp};
use crate::schema::Field;
use crate::segment::{Growing, KeySet, LogRecord, SegmentRows};
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

    /// Applies a write unless it is in already; `keys` are those of its deletes.
    fn apply(&mut self, id: PartitionId, written: Timestamp, record: &LogRecord, keys: Option<&KeySet<'_>>) {
        if written <= self.applied {
            return;
        }
        if let (Some(deletes), Some(keys)) = (&record.deletes, keys)
            && deletes.concerns(id)
        {
            self.sealed.values_mut().for_each(|segment| segment.delete_at(written, keys));
            self.growing.delete(keys);
        }
        for (_, batch) in record.inserts.iter().filter(|(partition, _)| *partition == id) {
            self.growing.append(written, batch);
        }
        self.applied = written;
    }

    /// Everything that can be read, as it is now; what is written later does not show in it.
    pub fn snapshot(&self, ignore_growing: bool) -> impl Iterator<Item = SegmentRows> {
        let growing = self.growing.chunks().filter(move |_| !ignore_growing);
        self.sealed.values().chain(growing).cloned()
    }
}

/// Applies a write to all partitions that do not have it.
pub fn apply_to_all(partitions: &mut SortedMap<PartitionId, PartitionRows>, written: Timestamp, record: &LogRecord) {
    let keys = record.deletes.as_ref().map(|deletes| KeySet::of(&deletes.keys));
    for (id, partition) in partitions {
        partition.apply(*id, written, record, keys.as_ref());
    }
}
