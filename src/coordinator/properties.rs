//! Properties of collections and indexes.

use crate::error::{Error, Result};
use crate::schema::{KeyValue, MMAP_ENABLED};

/// Properties whose values mean something here must have a value that does.
pub(super) fn check_property(property: &KeyValue) -> Result<()> {
    let valid = match property.key.as_str() {
        "collection.ttl.seconds" => property.value.parse::<i64>().is_ok_and(|seconds| seconds >= -1),
        MMAP_ENABLED | "dynamicfield.enabled" | "partitionkey.isolation" => {
            matches!(property.value.to_ascii_lowercase().as_str(), "true" | "false")
        }
        _ => true,
    };
    if valid {
        return Ok(());
    }
    Err(Error::invalid(format!("invalid value {:?} of property {}", property.value, property.key)))
}
