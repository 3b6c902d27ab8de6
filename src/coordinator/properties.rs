//! Properties of collections and indexes.

use crate::error::{Error, Result};
use crate::schema::{KeyValue, MAX_TTL_SECONDS, MMAP_ENABLED, TTL_SECONDS};

/// Properties whose values mean something here must have a value that does.
pub(super) fn check_property(property: &KeyValue) -> Result<()> {
    let value = &property.value;
    let text = match property.key.as_str() {
        TTL_SECONDS => match value.parse::<i64>() {
            Ok(-1..=MAX_TTL_SECONDS) => return Ok(()),
            Ok(seconds) => format!("collection TTL is out of range, expect [-1, {MAX_TTL_SECONDS}], got {seconds}"),
            Err(error) => format!("collection ttl property value not valid, parse error: {value:?}: {error}"),
        },
        MMAP_ENABLED | "dynamicfield.enabled" | "partitionkey.isolation"
            if !matches!(value.to_ascii_lowercase().as_str(), "true" | "false") =>
        {
            format!("invalid value {value:?} of property {}", property.key)
        }
        _ => return Ok(()),
    };
    Err(Error::invalid(text))
}
