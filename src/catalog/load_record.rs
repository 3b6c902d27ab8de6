use crate::ids::{IndexId, PartitionId};
use crate::schema::FieldId;
use crate::sorted::{SortedMap, SortedSet};
use serde::{Deserialize, Serialize};

/// What is to be in memory of a collection. An operation on it computes the wanted record; equal means nothing to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LoadRecord {
    pub partitions: SortedSet<PartitionId>,
    /// The loaded fields, the primary key among them.
    pub fields: SortedSet<FieldId>,
    /// The index that serves each loaded field. One that is created later needs a new load.
    pub indexes: SortedMap<FieldId, IndexId>,
    pub replica_number: u32,
    /// Its fields were listed: those that are added later stay out.
    pub listed_fields: bool,
    /// Loaded by collection, not by partition: partitions that are created later come along.
    pub whole_collection: bool,
}
