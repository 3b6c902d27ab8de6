//! Properties of collections and indexes.

use crate::catalog::ConsistencyLevel;
use crate::error::{Error, Result};
use crate::schema::{CollectionSchema, KeyValue, MAX_TTL_SECONDS, MMAP_ENABLED, TTL_SECONDS, WARMUP, check_warmup};
use serde_json::Value;

/// Set as properties these are none, but change the collection itself.
pub(super) const DESCRIPTION: &str = "collection.description";
pub(super) const CONSISTENCY_LEVEL: &str = "consistency_level";
pub(super) const DYNAMIC_FIELD_ENABLED: &str = "dynamicfield.enabled";

const PARTITION_KEY_ISOLATION: &str = "partitionkey.isolation";

/// Those that a collection is to get.
pub(super) fn check_properties(schema: &CollectionSchema, properties: &[KeyValue]) -> Result<()> {
    properties.iter().try_for_each(check_property)?;
    let isolates =
        |property: &KeyValue| property.key == PARTITION_KEY_ISOLATION && property.value.eq_ignore_ascii_case("true");
    if schema.partition_key().is_none() && properties.iter().any(isolates) {
        let text = "partition key isolation mode is enabled but no partition key field is set. Please set the partition key first";
        return Err(Error::IllegalSchema { collection: schema.name.clone(), text: text.to_owned() });
    }
    Ok(())
}

/// Limits that a server keeps, and what needs types of field that are not here. To take them would be to promise them.
const OF_SERVERS: [&str; 5] =
    ["ttl_field", "database.max.", "database.diskQuota.", "database.force.deny.", "collection.diskProtection."];

fn is_of_servers(key: &str) -> bool {
    OF_SERVERS.iter().any(|known| key.starts_with(known)) || (key.starts_with("collection.") && key.contains("Rate."))
}

/// Properties whose values mean something here must have a value that does.
pub(super) fn check_property(property: &KeyValue) -> Result<()> {
    let value = &property.value;
    let text = match property.key.as_str() {
        key if is_of_servers(key) => return Err(Error::Unimplemented { what: format!("property {key}") }),
        key if key.starts_with(WARMUP) => return check_warmup(value),
        TTL_SECONDS => match value.parse::<i64>() {
            Ok(-1..=MAX_TTL_SECONDS) => return Ok(()),
            Ok(seconds) => format!("collection TTL is out of range, expect [-1, {MAX_TTL_SECONDS}], got {seconds}"),
            Err(error) => format!("collection ttl property value not valid, parse error: {value:?}: {error}"),
        },
        MMAP_ENABLED | DYNAMIC_FIELD_ENABLED | PARTITION_KEY_ISOLATION
            if !matches!(value.to_ascii_lowercase().as_str(), "true" | "false") =>
        {
            format!("invalid value {value:?} of property {}", property.key)
        }
        _ => return Ok(()),
    };
    Err(Error::invalid(text))
}

/// By number or name; Bounded where none is given.
pub(super) fn consistency_level(value: &Value) -> Result<ConsistencyLevel> {
    let numbered = |number: u64| ConsistencyLevel::ALL.into_iter().find(|level| *level as u64 == number);
    let found = match value {
        Value::Null => Some(ConsistencyLevel::Bounded),
        Value::Number(number) => number.as_u64().and_then(numbered),
        Value::String(text) => {
            let named = ConsistencyLevel::ALL.into_iter().find(|level| level.name() == text);
            named.or_else(|| text.parse().ok().and_then(numbered))
        }
        _ => None,
    };
    found.ok_or_else(|| Error::invalid(format!("invalid consistency level: {value}")))
}
