use super::{CollectionName, LoadRecord};
use crate::error::{Error, Result};
use crate::ids::{CollectionId, IndexId, PartitionId, Timestamp};
use crate::index::{self, MetricType};
use crate::schema::{CollectionSchema, Field, FieldId, KeyValue, MMAP_ENABLED};
use crate::segment::SegmentManifest;
use crate::sorted::SortedSet;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Collection {
    pub id: CollectionId,
    pub database: String,
    pub schema: CollectionSchema,
    pub created_at: Timestamp,
    /// The last change of the schema or the properties.
    pub updated_at: Timestamp,
    pub shards_num: u32,
    pub consistency_level: ConsistencyLevel,
    pub aliases: SortedSet<String>,
    /// In order of creation.
    pub partitions: Vec<Partition>,
    pub indexes: Vec<IndexDefinition>,
    pub load: Option<LoadRecord>,
    /// Sealed segments hold every write up to here, the log every later one.
    pub flushed: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Partition {
    pub id: PartitionId,
    pub name: String,
    pub created_at: Timestamp,
    pub segments: Vec<SegmentManifest>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IndexDefinition {
    pub id: IndexId,
    pub name: String,
    pub field: FieldId,
    /// As asked for.
    pub index_type: String,
    /// Of vector fields.
    pub metric: Option<MetricType>,
    /// As given, for describe.
    pub params: Vec<KeyValue>,
    pub created_at: Timestamp,
}

impl IndexDefinition {
    /// Whether the larger part of it is to stay in files: as its own parameters say, else its field's, else the collection's.
    pub fn is_mapped(&self, schema: &CollectionSchema) -> bool {
        let said = |pairs: &[KeyValue]| {
            let value = index::parameter(pairs, MMAP_ENABLED)?;
            Some(value.eq_ignore_ascii_case("true"))
        };
        let of_field = || said(&schema.field_by_id(self.field)?.type_params);
        said(&self.params).or_else(of_field).or_else(|| said(&schema.properties)).unwrap_or(false)
    }
}

/// One process answers every read with all that was written before it, so the level is only kept and told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ConsistencyLevel {
    Strong = 0,
    Session = 1,
    Bounded = 2,
    Eventually = 3,
    Customized = 4,
}

impl ConsistencyLevel {
    pub const ALL: [ConsistencyLevel; 5] = [
        ConsistencyLevel::Strong,
        ConsistencyLevel::Session,
        ConsistencyLevel::Bounded,
        ConsistencyLevel::Eventually,
        ConsistencyLevel::Customized,
    ];

    pub fn name(self) -> &'static str {
        match self {
            ConsistencyLevel::Strong => "Strong",
            ConsistencyLevel::Session => "Session",
            ConsistencyLevel::Bounded => "Bounded",
            ConsistencyLevel::Eventually => "Eventually",
            ConsistencyLevel::Customized => "Customized",
        }
    }
}

impl Collection {
    pub fn name(&self) -> CollectionName<'_> {
        CollectionName { database: &self.database, collection: &self.schema.name }
    }

    pub fn partition(&self, name: &str) -> Option<&Partition> {
        self.partitions.iter().find(|partition| partition.name == name)
    }

    pub fn expect_partition(&self, name: &str) -> Result<&Partition> {
        self.partition(name).ok_or_else(|| Error::PartitionNotFound { partition: name.to_owned() })
    }

    pub fn partition_by_id(&self, id: PartitionId) -> Option<&Partition> {
        self.partitions.iter().find(|partition| partition.id == id)
    }

    pub fn uses_partition_key(&self) -> bool {
        self.schema.partition_key().is_some()
    }

    pub fn index_of(&self, field: FieldId) -> Option<&IndexDefinition> {
        self.indexes.iter().find(|index| index.field == field)
    }

    pub fn segments(&self) -> impl Iterator<Item = &SegmentManifest> {
        self.partitions.iter().flat_map(|partition| &partition.segments)
    }

    /// Adds a segment without the indexes that were dropped while it was written, and returns their files.
    pub fn add_segment(&mut self, partition: PartitionId, mut segment: SegmentManifest) -> Result<Vec<String>> {
        let partition = self.partitions.iter_mut().find(|known| known.id == partition);
        let partition = partition.ok_or_else(|| Error::Unexpected("the partition was dropped".into()))?;
        let unnamed = segment.retain_indexes(self.id, |index| self.indexes.iter().any(|known| known.id == index));
        partition.segments.push(segment);
        Ok(unnamed)
    }

    /// The latest of all times and ids in it.
    pub fn last_time(&self) -> Timestamp {
        let partitions = self.partitions.iter().map(|partition| partition.created_at);
        let indexes = self.indexes.iter().map(|index| index.created_at);
        let segments =
            self.segments().map(|segment| Timestamp(segment.id.0).max(segment.imported_at.unwrap_or_default()));
        let latest = partitions.chain(indexes).chain(segments).max().unwrap_or_default();
        latest.max(self.updated_at).max(self.flushed)
    }

    pub fn fields_with(&self, ids: &SortedSet<FieldId>) -> Vec<Field> {
        self.schema.fields.iter().filter(|field| ids.contains(&field.id)).cloned().collect()
    }

    /// Every name under which it can be asked for.
    pub fn names(&self) -> SortedSet<String> {
        self.aliases.iter().chain([&self.schema.name]).cloned().collect()
    }
}
