//! What a collection is: its fields, their types and limits.

mod alter;
mod check;
mod field;
pub mod names;
mod output;
mod parse;
mod proto;

pub use alter::merge_properties;
pub use check::{
    DEFAULT_PARTITION_KEY_PARTITIONS, Layout, MAX_DIM, MAX_FIELDS, MAX_PARTITIONS, MAX_SHARDS, MAX_VECTOR_FIELDS,
    check_layout,
};
pub use field::{DataType, DefaultValue, Field, FieldId, KeyValue};
pub use output::OutputFields;
pub use parse::FIRST_FIELD_ID;

use crate::error::{Error, Result};
use crate::ids::Timestamp;
use serde::{Deserialize, Serialize};

/// The hidden JSON field that holds keys the schema does not name.
pub const DYNAMIC_FIELD: &str = "$meta";
/// The property of collections that lets rows expire so long after they were written; 0 and -1 never.
pub const TTL_SECONDS: &str = "collection.ttl.seconds";
/// A hundred years.
pub const MAX_TTL_SECONDS: i64 = 3_155_760_000;
/// The property of collections, fields and indexes that asks for them to be mapped instead of read.
pub const MMAP_ENABLED: &str = "mmap.enabled";
/// When a server reads what is loaded, which here is always as with `disable`: kept and described, without effect.
pub const WARMUP: &str = "warmup";
/// Of a field: loads that list no fields leave it out.
pub const SKIP_LOAD: &str = "field.skipLoad";

pub fn check_warmup(policy: &str) -> Result<()> {
    match policy {
        "sync" | "async" | "disable" => Ok(()),
        _ => Err(Error::invalid(format!("invalid warmup policy: {policy}, expected: sync, async, disable"))),
    }
}

/// The fields of a collection in their order; the dynamic field, if any, is the last one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CollectionSchema {
    pub name: String,
    pub description: String,
    pub fields: Vec<Field>,
    pub enable_dynamic_field: bool,
    pub properties: Vec<KeyValue>,
}

impl CollectionSchema {
    /// Whatever the order of properties.
    pub fn is_same(&self, other: &CollectionSchema) -> bool {
        let CollectionSchema { name, description, fields, enable_dynamic_field, properties } = other;
        (&self.name, &self.description, &self.fields) == (name, description, fields)
            && self.enable_dynamic_field == *enable_dynamic_field
            && self.properties.len() == properties.len()
            && self.properties.iter().all(|property| properties.contains(property))
    }

    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    pub fn field_by_id(&self, id: FieldId) -> Option<&Field> {
        self.fields.iter().find(|field| field.id == id)
    }

    /// Every stored schema was checked to have exactly one primary key.
    pub fn primary_key(&self) -> &Field {
        self.fields.iter().find(|field| field.is_primary_key).expect("a checked schema has a primary key")
    }

    /// Whether who reads or writes rows may say in which partitions they are.
    pub fn check_named_partitions(&self, are_named: bool) -> Result<()> {
        match self.partition_key() {
            Some(_) if are_named => {
                Err(Error::invalid("not support manually specifying the partition names if partition key mode is used"))
            }
            _ => Ok(()),
        }
    }

    pub fn partition_key(&self) -> Option<&Field> {
        self.fields.iter().find(|field| field.is_partition_key)
    }

    pub fn dynamic_field(&self) -> Option<&Field> {
        self.fields.iter().find(|field| field.is_dynamic)
    }

    pub fn vector_fields(&self) -> impl Iterator<Item = &Field> {
        self.fields.iter().filter(|field| field.data_type.is_vector())
    }

    /// Rows written before this have expired; `None` when they never do.
    pub fn expired_before(&self, now_ms: u64) -> Option<Timestamp> {
        let ttl = self.properties.iter().find(|property| property.key == TTL_SECONDS)?;
        let seconds = ttl.value.parse::<u64>().ok().filter(|seconds| *seconds > 0)?;
        Some(Timestamp::from_millis(now_ms.saturating_sub(seconds.saturating_mul(1000))))
    }

    pub fn expect_field(&self, name: &str) -> Result<&Field> {
        self.field(name).ok_or_else(|| Error::FieldNotFound {
            field: name.to_owned(),
            text: format!("collection {} has no such field", self.name),
        })
    }
}
