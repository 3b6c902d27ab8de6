//! What a collection may be: Milvus' rules of create collection, in the order in which it applies them.

use super::{CollectionSchema, DataType, DefaultValue, Field, KeyValue, names};
use crate::error::{Error, Result};
use crate::value::float_text;

pub const MAX_FIELDS: usize = 256;
pub const MAX_VECTOR_FIELDS: usize = 10;
pub const MAX_SHARDS: i64 = 16;
pub const MAX_PARTITIONS: i64 = 1024;
pub const DEFAULT_PARTITION_KEY_PARTITIONS: u32 = 16;
pub const MAX_DIM: i64 = 32_768;
pub const MAX_VARCHAR_BYTES: i64 = 65_535;
pub const MAX_ARRAY_CAPACITY: i64 = 4_096;

/// How a collection is cut: what `CreateCollection` asks for next to the schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    pub shards: u32,
    /// Hidden partitions of a collection with a partition key; 1 without.
    pub partitions: u32,
}

/// Absent numbers are 0 in the request and take Milvus' defaults, as negative numbers of shards do.
pub fn check_layout(schema: &CollectionSchema, shards_num: i64, num_partitions: i64) -> Result<Layout> {
    if shards_num > MAX_SHARDS {
        return Err(Error::invalid(format!(
            "maximum shards's number should be limited to {MAX_SHARDS}, collection {} asks for {shards_num}",
            schema.name
        )));
    }
    let shards = shards_num.max(1) as u32;
    if schema.partition_key().is_none() {
        return match num_partitions {
            0 => Ok(Layout { shards, partitions: 1 }),
            _ => Err(Error::invalid("num_partitions should only be specified with partition key field enabled")),
        };
    }
    match num_partitions {
        0 => Ok(Layout { shards, partitions: DEFAULT_PARTITION_KEY_PARTITIONS }),
        1..=MAX_PARTITIONS => Ok(Layout { shards, partitions: num_partitions as u32 }),
        ..0 => Err(Error::invalid("the specified partitions should be greater than 0 if partition key is used")),
        _ => Err(Error::invalid(format!(
            "partition number ({num_partitions}) exceeds max configuration ({MAX_PARTITIONS})"
        ))),
    }
}

/// Everything but the type parameters, which parsing has already read. `$meta` is not among the fields yet.
pub(super) fn check(schema: &CollectionSchema) -> Result<()> {
    check_counts(schema)?;
    names::check_collection(&schema.name)?;
    for field in &schema.fields {
        names::check_field(&field.name)?;
        if names::SYSTEM_FIELDS.contains(&field.name.as_str()) {
            return Err(Error::mismatch(
                format!("schema contains system field: {}, collection {}", field.name, schema.name),
                "schema don't contains system field",
                "contains",
            ));
        }
    }
    check_unique(schema)?;
    check_primary_key(schema)?;
    check_partition_key(schema)?;
    check_clustering_key(schema)?;
    check_skipped(schema)?;
    schema.fields.iter().try_for_each(check_field)
}

/// Every load needs the keys and something to search.
fn check_skipped(schema: &CollectionSchema) -> Result<()> {
    for field in schema.fields.iter().filter(|field| field.skips_load()) {
        let keys = [
            (field.is_primary_key, "Primary key"),
            (field.is_partition_key, "Partition Key"),
            (field.is_clustering_key, "Clustering Key"),
        ];
        if let Some((_, kind)) = keys.into_iter().find(|(is_key, _)| *is_key) {
            return Err(Error::invalid(format!("{kind} field {} cannot skip loading", field.name)));
        }
    }
    match schema.vector_fields().all(Field::skips_load) {
        true => Err(Error::invalid("cannot config all vector field(s) skip loading")),
        false => Ok(()),
    }
}

/// A field for a collection that exists: Milvus' rules of add collection field, in its order.
pub(super) fn check_added(schema: &CollectionSchema, field: &Field) -> Result<()> {
    let name = &field.name;
    let invalid = |actual: String| Err(Error::ParameterOutOfPlace { expected: "invalid field".into(), actual });
    check_room(schema)?;
    if field.data_type.is_vector() {
        return invalid(format!("not support to add vector field, field name = {name}"));
    }
    if names::SYSTEM_FIELDS.contains(&name.as_str()) {
        return invalid(format!("not support to add system field, field name = {name}"));
    }
    if field.is_primary_key {
        return invalid(format!("not support to add pk field, field name = {name}"));
    }
    if !field.nullable {
        return invalid(format!("added field must be nullable, please check it, field name = {name}"));
    }
    if field.auto_id {
        return invalid(format!("only primary field can speficy AutoID with true, field name = {name}"));
    }
    if field.is_partition_key {
        return invalid(format!("not support to add partition key field, field name  = {name}"));
    }
    if field.is_clustering_key && schema.fields.iter().any(|known| known.is_clustering_key) {
        return Err(Error::invalid(format!("already has another clutering key field, field name: {name}")));
    }
    names::check_field(name)?;
    check_field(field)?;
    if schema.field(name).is_some() {
        return Err(Error::invalid(format!("field already exists, name: {name}")));
    }
    Ok(())
}

pub(super) fn check_room(schema: &CollectionSchema) -> Result<()> {
    match schema.fields.len() < MAX_FIELDS {
        true => Ok(()),
        false => Err(Error::invalid(format!("The number of fields has reached the maximum value {MAX_FIELDS}"))),
    }
}

fn check_counts(schema: &CollectionSchema) -> Result<()> {
    if schema.fields.len() > MAX_FIELDS {
        return Err(Error::invalid(format!("maximum field's number should be limited to {MAX_FIELDS}")));
    }
    match schema.vector_fields().count() {
        0 => Err(Error::invalid("schema does not contain vector field")),
        1..=MAX_VECTOR_FIELDS => Ok(()),
        _ => Err(Error::invalid(format!("maximum vector field's number should be limited to {MAX_VECTOR_FIELDS}"))),
    }
}

fn check_unique(schema: &CollectionSchema) -> Result<()> {
    let mut seen = crate::sorted::SortedSet::new();
    match schema.fields.iter().find(|field| !seen.insert(&field.name)) {
        None => Ok(()),
        Some(field) => Err(Error::invalid(format!("duplicated field name: {}", field.name))),
    }
}

/// The one field with a property; the second one that has it is an error of the given text.
fn single<'a>(
    schema: &'a CollectionSchema,
    what: &str,
    is_key: impl Fn(&Field) -> bool,
) -> Result<Option<&'a Field>, String> {
    let mut keys = schema.fields.iter().filter(|field| is_key(field));
    match (keys.next(), keys.next()) {
        (first, None) => Ok(first),
        (Some(first), Some(second)) => {
            Err(format!("there are more than one {what}, field name = {}, {}", first.name, second.name))
        }
        (None, Some(_)) => unreachable!("a second key follows a first one"),
    }
}

fn check_primary_key(schema: &CollectionSchema) -> Result<()> {
    let key = single(schema, "primary key", |field| field.is_primary_key)
        .map_err(Error::invalid)?
        .ok_or_else(|| Error::invalid(format!("primary key is not specified, collection {}", schema.name)))?;
    let kind = format!("type:{}, name:{}", key.data_type.name(), key.name);
    if !matches!(key.data_type, DataType::Int64 | DataType::VarChar) {
        return Err(Error::invalid(format!("the data type of primary key should be Int64 or VarChar, {kind}")));
    }
    if key.nullable {
        return Err(Error::invalid(format!("primary field not support null, {kind}")));
    }
    if key.default_value.is_some() {
        return Err(Error::invalid(format!("primary field not support default_value, {kind}")));
    }
    match schema.fields.iter().find(|field| field.auto_id && !field.is_primary_key) {
        None => Ok(()),
        Some(field) => {
            Err(Error::invalid(format!("only primary field can speficy AutoID with true, field name = {}", field.name)))
        }
    }
}

fn check_partition_key(schema: &CollectionSchema) -> Result<()> {
    let key = single(schema, "partition key", |field| field.is_partition_key).map_err(Error::invalid)?;
    match key {
        Some(key) if key.is_primary_key => {
            Err(Error::invalid(format!("the partition key field must not be primary field, field {}", key.name)))
        }
        Some(key) if key.nullable => {
            Err(Error::invalid(format!("partition key field not support nullable, field {}", key.name)))
        }
        Some(key) if !matches!(key.data_type, DataType::Int64 | DataType::VarChar) => Err(Error::invalid(format!(
            "the data type of partition key should be Int64 or VarChar, type:{}, name:{}",
            key.data_type.name(),
            key.name
        ))),
        _ => Ok(()),
    }
}

fn check_clustering_key(schema: &CollectionSchema) -> Result<()> {
    let illegal = |text| Error::IllegalSchema { collection: schema.name.clone(), text };
    let key = single(schema, "clustering key", |field| field.is_clustering_key).map_err(illegal)?;
    match key {
        Some(key) if !is_orderable(key.data_type) => Err(illegal(format!(
            "the clustering key must be a number or VarChar, type:{}, name:{}",
            key.data_type.name(),
            key.name
        ))),
        _ => Ok(()),
    }
}

fn is_orderable(data_type: DataType) -> bool {
    data_type.is_integer() || data_type.is_floating() || data_type == DataType::VarChar
}

fn check_field(field: &Field) -> Result<()> {
    let kind = format!("type:{}, name:{}", field.data_type.name(), field.name);
    if field.nullable && field.data_type.is_vector() {
        return Err(Error::invalid(format!("vector type not support null, {kind}")));
    }
    if field.is_set("enable_match") && !field.is_set("enable_analyzer") {
        return Err(Error::invalid(format!("field {} is set to enable match but not enable analyzer", field.name)));
    }
    if let Some(element) = field.element_type
        && matches!(element, DataType::Array | DataType::Json | DataType::FloatVector)
    {
        return Err(Error::invalid(format!("element type {} is not supported, {kind}", element.name())));
    }
    field.default_value.as_ref().map_or(Ok(()), |value| check_default(field, value))
}

fn check_default(field: &Field, value: &DefaultValue) -> Result<()> {
    let (name, data_type) = (&field.name, field.data_type);
    if matches!(data_type, DataType::Array | DataType::Json) || data_type.is_vector() {
        return Err(Error::invalid(format!("type not support default_value, type:{}, name:{name}", data_type.name())));
    }
    let (fits, given) = match value {
        DefaultValue::Bool(_) => (data_type == DataType::Bool, "Bool"),
        DefaultValue::Int(_) => (data_type.is_integer(), "Int"),
        DefaultValue::Float(_) => (data_type == DataType::Float, "Float"),
        DefaultValue::Double(_) => (data_type == DataType::Double, "Double"),
        DefaultValue::String(_) => (data_type == DataType::VarChar, "VarChar"),
    };
    if !fits {
        return Err(Error::invalid(format!(
            "type ({}) of field ({name}) is not equal to the type(DataType_{given}) of default_value",
            data_type.name()
        )));
    }
    match value {
        DefaultValue::Int(int) => {
            let (low, high) = match data_type {
                DataType::Int8 => (i8::MIN.into(), i8::MAX.into()),
                DataType::Int16 => (i16::MIN.into(), i16::MAX.into()),
                DataType::Int32 => (i32::MIN.into(), i32::MAX.into()),
                _ => (i64::MIN, i64::MAX),
            };
            match (low..=high).contains(int) {
                true => Ok(()),
                false => Err(Error::invalid(format!(
                    "[{int} out of range {low} <= value <= {high}]: default value out of range, field {name}"
                ))),
            }
        }
        DefaultValue::String(text) if text.len() > field.max_length.unwrap_or(0) as usize => Err(Error::mismatch(
            format!(
                "the length ({}) of string exceeds max length ({}), field {name}",
                text.len(),
                field.max_length.unwrap_or(0)
            ),
            "valid length string",
            "string length exceeds max length",
        )),
        DefaultValue::Float(number) if !number.is_finite() => Err(not_finite(name, (*number).into())),
        DefaultValue::Double(number) if !number.is_finite() => Err(not_finite(name, *number)),
        _ => Ok(()),
    }
}

fn not_finite(field: &str, value: f64) -> Error {
    Error::invalid(format!("value '{}' is not a number or infinity, default value of field {field}", float_text(value)))
}

/// A type parameter as an integer, if it is given.
fn parameter(params: &[KeyValue], key: &str, field: &str) -> Result<Option<i64>> {
    let Some(param) = params.iter().find(|param| param.key == key) else { return Ok(None) };
    param.value.parse().map(Some).map_err(|_| {
        Error::invalid(format!("the value for {key} of field {field} must be an integer, but got {}", param.value))
    })
}

pub(super) fn max_length(params: &[KeyValue], field: &str, collection: &str) -> Result<u32> {
    match parameter(params, "max_length", field)? {
        None => Err(Error::invalid(format!(
            "type param(max_length) should be specified for the field({field}) of collection {collection}"
        ))),
        Some(length @ 1..=MAX_VARCHAR_BYTES) => Ok(length as u32),
        Some(length) => Err(Error::invalid(format!(
            "the maximum length specified for the field({field}) should be in (0, {MAX_VARCHAR_BYTES}], but got {length} \
             instead"
        ))),
    }
}

pub(super) fn max_capacity(params: &[KeyValue], field: &str, collection: &str) -> Result<u32> {
    match parameter(params, "max_capacity", field)? {
        None => Err(Error::invalid(format!(
            "type param(max_capacity) should be specified for array field {field} of collection {collection}"
        ))),
        Some(capacity @ 1..=MAX_ARRAY_CAPACITY) => Ok(capacity as u32),
        Some(capacity) => Err(Error::invalid(format!(
            "the maximum capacity specified for a Array should be in (0, {MAX_ARRAY_CAPACITY}], but got {capacity} for \
             field {field}"
        ))),
    }
}

pub(super) fn dim(params: &[KeyValue], field: &str) -> Result<u32> {
    match parameter(params, "dim", field)? {
        None => Err(Error::invalid(format!(
            "dimension is not defined in field type params, check type param `dim` for vector field {field}"
        ))),
        Some(dim @ 2..=MAX_DIM) => Ok(dim as u32),
        Some(dim) => Err(Error::invalid(format!(
            "invalid dimension: {dim} of field {field}. float vector dimension should be in range 2 ~ {MAX_DIM}"
        ))),
    }
}
