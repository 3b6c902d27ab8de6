//! What a load request makes of the load record, or why Milvus refuses it: its checks, in its order.

use super::partition::partition_ids;
use crate::catalog::{Collection, CollectionName, LoadRecord};
use crate::error::{Error, Result};
use crate::schema::{DYNAMIC_FIELD, FieldId};
use crate::sorted::{SortedMap, SortedSet};

pub(super) struct LoadRequest<'a> {
    pub collection: CollectionName<'a>,
    /// `None`: the whole collection.
    pub partitions: Option<&'a [String]>,
    /// Empty: all fields.
    pub fields: &'a [String],
    pub skip_dynamic_field: bool,
    pub replica_number: i64,
    pub resource_groups: &'a [String],
}

/// Nodes have no other.
const DEFAULT_RESOURCE_GROUP: &str = "__default_resource_group";

/// What this request would make of a collection of which nothing is loaded, or why it must not.
pub(super) fn asked_record(collection: &Collection, request: &LoadRequest) -> Result<LoadRecord> {
    if request.partitions.is_some() && collection.uses_partition_key() {
        return Err(Error::invalid("disable load partitions if partition key mode is used"));
    }
    let fields = load_fields(collection, request)?;
    if collection.indexes.is_empty() {
        return Err(Error::IndexNotFound { key: "collection".into(), value: collection.schema.name.clone() });
    }
    let vectors = collection.schema.vector_fields().filter(|field| fields.contains(&field.id));
    let unindexed: Vec<&str> =
        vectors.filter(|field| collection.index_of(field.id).is_none()).map(|field| field.name.as_str()).collect();
    if !unindexed.is_empty() {
        let text = format!("there is no vector index on field: [{}], please create index firstly", unindexed.join(" "));
        return Err(Error::invalid(text));
    }
    let partitions = match request.partitions {
        None => collection.partitions.iter().map(|partition| partition.id).collect(),
        Some([]) => return Err(Error::invalid("failed to load partition, due to no partition specified")),
        Some(names) => partition_ids(collection, names)?,
    };
    let indexes: SortedMap<_, _> = collection
        .indexes
        .iter()
        .filter(|index| fields.contains(&index.field))
        .map(|index| (index.field, index.id))
        .collect();
    Ok(LoadRecord {
        partitions,
        fields,
        indexes,
        replica_number: 1,
        listed_fields: !request.fields.is_empty(),
        whole_collection: request.partitions.is_none(),
    })
}

/// What the record would be after this request, or why it must not be.
pub(super) fn wanted_record(collection: &Collection, request: &LoadRequest) -> Result<LoadRecord> {
    let mut record = asked_record(collection, request)?;
    if request.replica_number > 1 && request.partitions.is_some() && collection.load.is_some() {
        let text = "can't change the replica number for loaded partitions";
        return Err(Error::mismatch(text, 1, request.replica_number));
    }
    if request.replica_number > 1 {
        return Err(Error::ResourceInsufficient {
            text: "failed to load collection: failed to spawn replica for collection: nodes not enough".into(),
            available: 1,
            wanted: request.replica_number.min(i64::from(u32::MAX)) as u32,
        });
    }
    if let Some(group) = request.resource_groups.iter().find(|group| *group != DEFAULT_RESOURCE_GROUP) {
        return Err(Error::ResourceGroupNotFound { group: group.clone() });
    }
    if let Some(current) = &collection.load {
        if current.fields != record.fields {
            let names = |ids: &SortedSet<FieldId>| {
                let names = collection.fields_with(ids).into_iter().map(|field| field.name);
                format!("[{}]", names.collect::<Vec<_>>().join(" "))
            };
            return Err(Error::mismatch(
                "can't change the load field list for loaded collection",
                names(&current.fields),
                names(&record.fields),
            ));
        }
        record.partitions.extend(current.partitions.iter().copied());
        record.indexes = current.indexes.clone();
        record.listed_fields &= current.listed_fields;
        record.whole_collection |= current.whole_collection;
    }
    Ok(record)
}

/// The fields that a load request asks for, by the strict rule: those listed, and the dynamic field unless it is skipped.
fn load_fields(collection: &Collection, request: &LoadRequest) -> Result<SortedSet<FieldId>> {
    let schema = &collection.schema;
    let dynamic = schema.dynamic_field().filter(|_| !request.skip_dynamic_field).map(|field| field.id);
    if request.fields.is_empty() {
        let named = schema.fields.iter().filter(|field| !field.is_dynamic && !field.skips_load()).map(|field| field.id);
        return Ok(named.chain(dynamic).collect());
    }
    let mut fields = SortedSet::new();
    for name in request.fields {
        fields.insert(schema.expect_field(name)?.id);
    }
    let list = request.fields.join(" ");
    let lacks = |what: String| Error::invalid(format!("load field list [{list}] does not contain {what}"));
    let primary_key = schema.primary_key();
    if !fields.contains(&primary_key.id) {
        return Err(lacks(format!("primary key field {}", primary_key.name)));
    }
    if !schema.vector_fields().any(|field| fields.contains(&field.id)) {
        return Err(lacks("vector field".into()));
    }
    if let Some(key) = schema.partition_key().filter(|key| !fields.contains(&key.id)) {
        return Err(lacks(format!("partition key field {}", key.name)));
    }
    if let Some(key) = schema.fields.iter().find(|field| field.is_clustering_key && !fields.contains(&field.id)) {
        return Err(lacks(format!("clustering key field {}", key.name)));
    }
    if request.skip_dynamic_field && request.fields.iter().any(|name| name == DYNAMIC_FIELD) {
        return Ok(fields);
    }
    fields.extend(dynamic);
    Ok(fields)
}
