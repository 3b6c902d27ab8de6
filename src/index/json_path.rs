//! What an index on a JSON field says beside its type: the path that it is on, and what values there are read as.

use super::parameter;
use crate::error::{Error, Result};
use crate::expr::split_path;
use crate::schema::{DataType, Field, KeyValue};
use crate::sorted::SortedMap;

const JSON_PATH: &str = "json_path";
const JSON_CAST_TYPE: &str = "json_cast_type";

const CAST_TYPES: [&str; 7] = ["BOOL", "DOUBLE", "VARCHAR", "ARRAY_BOOL", "ARRAY_DOUBLE", "ARRAY_VARCHAR", "JSON"];

/// Checks both, and puts them into the one way to write them, so that equal indexes have equal parameters.
pub(super) fn check(field: &Field, params: &mut SortedMap<String, String>) -> Result<()> {
    let cast_type = params.get(JSON_CAST_TYPE).ok_or_else(|| Error::invalid("json index must specify cast type"))?;
    let upper = cast_type.trim().to_ascii_uppercase();
    if !CAST_TYPES.contains(&upper.as_str()) {
        return Err(Error::invalid(format!("json_cast_type {cast_type} is not supported")));
    }
    let path = params.get(JSON_PATH).ok_or_else(|| Error::invalid("json index must specify json path"))?;
    let pointer = pointer(field, path)
        .ok_or_else(|| Error::invalid(format!("json path {path} is not one of field {}", field.name)))?;
    params.insert(JSON_PATH.to_owned(), pointer);
    params.insert(JSON_CAST_TYPE.to_owned(), upper);
    Ok(())
}

/// Where in its field an index is: `/a/b` for `field["a"]["b"]`, nothing for a whole field.
pub fn path_in_field(field: &Field, given: &[KeyValue]) -> String {
    let path = Some(given).filter(|_| field.data_type == DataType::Json).and_then(|given| parameter(given, JSON_PATH));
    path.and_then(|path| pointer(field, &path)).unwrap_or_default()
}

/// The path as a JSON pointer. Keys of the dynamic field stand by themselves, too.
fn pointer(field: &Field, path: &str) -> Option<String> {
    let (name, mut keys) = split_path(path)?;
    if name != field.name {
        if !field.is_dynamic {
            return None;
        }
        keys.insert(0, name.to_owned());
    }
    Some(keys.iter().map(|key| step(key)).collect())
}

fn step(key: &str) -> String {
    format!("/{}", key.replace('~', "~0").replace('/', "~1"))
}

/// Whether an index on the field is of that key, or of something in it.
pub fn is_of_key(field: &Field, given: &[KeyValue], key: &str) -> bool {
    let path = path_in_field(field, given);
    path.strip_prefix(&step(key)).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
