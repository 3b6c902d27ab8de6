//! A schema from the request that asks for it. The SDK sends protobuf's JSON in either spelling of its keys, and enums as
//! numbers or names; what the values mean together is checked in `check`.

use super::{CollectionSchema, DYNAMIC_FIELD, DataType, DefaultValue, Field, FieldId, KeyValue, check};
use crate::error::{Error, Result};
use crate::value::parsed_float;
use serde_json::Value;

/// Milvus numbers user fields from here.
pub const FIRST_FIELD_ID: i64 = 100;

/// Types of Milvus that elanus does not store, so that a refusal can name them.
const UNSUPPORTED_TYPES: [(i64, &str); 14] = [
    (20, "String"),
    (24, "Geometry"),
    (25, "Text"),
    (26, "Timestamptz"),
    (27, "Mol"),
    (100, "BinaryVector"),
    (102, "Float16Vector"),
    (103, "BFloat16Vector"),
    (104, "SparseFloatVector"),
    (105, "Int8Vector"),
    (106, "ArrayOfVector"),
    (200, "ArrayOfStruct"),
    (201, "Struct"),
    (0, "None"),
];

impl CollectionSchema {
    /// The checked schema that a `CreateCollectionRequest.schema` describes, `$meta` included.
    pub fn from_proto(collection: &str, proto: &Value) -> Result<CollectionSchema> {
        for key in ["functions", "struct_array_fields"] {
            if list(proto, key)?.is_some_and(|entries| !entries.is_empty()) {
                return Err(Error::Unimplemented { what: format!("{key} in the schema of collection {collection}") });
            }
        }
        for key in ["external_source", "external_spec"] {
            if text(proto, key)?.is_some_and(|given| !given.is_empty()) {
                return Err(Error::Unimplemented { what: format!("{key} in the schema of collection {collection}") });
            }
        }
        let protos = list(proto, "fields")?.unwrap_or_default();
        let mut fields = Vec::with_capacity(protos.len() + 1);
        for (position, field) in protos.iter().enumerate() {
            fields.push(parse_field(field, collection, FieldId(FIRST_FIELD_ID + position as i64))?);
        }
        let mut schema = CollectionSchema {
            name: collection.to_owned(),
            description: text(proto, "description")?.unwrap_or_default(),
            fields,
            enable_dynamic_field: flag(proto, "enable_dynamic_field")?,
            properties: key_values(proto, "properties")?,
        };
        check::check(&schema)?;
        if schema.enable_dynamic_field {
            schema.fields.push(dynamic_field(FieldId(FIRST_FIELD_ID + protos.len() as i64)));
        }
        Ok(schema)
    }
}

pub(super) fn dynamic_field(id: FieldId) -> Field {
    Field {
        id,
        name: DYNAMIC_FIELD.to_owned(),
        description: "dynamic schema".to_owned(),
        data_type: DataType::Json,
        element_type: None,
        is_primary_key: false,
        auto_id: false,
        is_partition_key: false,
        is_clustering_key: false,
        is_dynamic: true,
        nullable: false,
        default_value: None,
        max_length: None,
        max_capacity: None,
        dim: None,
        type_params: Vec::new(),
    }
}

pub(super) fn parse_field(proto: &Value, collection: &str, id: FieldId) -> Result<Field> {
    let name = text(proto, "name")?.unwrap_or_default();
    let data_type = data_type(proto, "data_type", &name)?
        .ok_or_else(|| Error::invalid(format!("data type None is not valid, field: {name}")))?;
    let element_type = match data_type {
        DataType::Array => Some(
            self::data_type(proto, "element_type", &name)?
                .ok_or_else(|| Error::invalid(format!("element data type None is not valid, field: {name}")))?,
        ),
        _ => None,
    };
    if flag(proto, "is_dynamic")? {
        return Err(Error::invalid("cannot explicitly set a field as a dynamic field"));
    }
    if flag(proto, "is_function_output")? {
        return Err(Error::Unimplemented { what: format!("function output field {name} of collection {collection}") });
    }
    let type_params = key_values(proto, "type_params")?;
    let text_type = data_type == DataType::VarChar || element_type == Some(DataType::VarChar);
    let field = Field {
        id,
        description: text(proto, "description")?.unwrap_or_default(),
        data_type,
        element_type,
        is_primary_key: flag(proto, "is_primary_key")?,
        auto_id: flag(proto, "autoID")?,
        is_partition_key: flag(proto, "is_partition_key")?,
        is_clustering_key: flag(proto, "is_clustering_key")?,
        is_dynamic: false,
        nullable: flag(proto, "nullable")?,
        default_value: default_value(get(proto, "default_value"), &name)?,
        max_length: if text_type { Some(check::max_length(&type_params, &name, collection)?) } else { None },
        max_capacity: match data_type {
            DataType::Array => Some(check::max_capacity(&type_params, &name, collection)?),
            _ => None,
        },
        dim: if data_type.is_vector() { Some(check::dim(&type_params, &name)?) } else { None },
        type_params,
        name,
    };
    Ok(field)
}

/// The value of a proto key in either spelling; `null` counts as absent.
fn get<'a>(proto: &'a Value, key: &str) -> Option<&'a Value> {
    let found = proto.get(key).or_else(|| {
        let mut camel = String::with_capacity(key.len());
        let mut upper = false;
        for letter in key.chars() {
            if letter == '_' {
                upper = true;
            } else {
                camel.push(if upper { letter.to_ascii_uppercase() } else { letter });
                upper = false;
            }
        }
        proto.get(camel)
    });
    found.filter(|value| !value.is_null())
}

fn unexpected(key: &str, value: &Value, expected: &str) -> Error {
    Error::mismatch(format!("schema key {key} has a wrong type"), expected, value)
}

fn list<'a>(proto: &'a Value, key: &str) -> Result<Option<&'a [Value]>> {
    get(proto, key)
        .map(|value| value.as_array().map(Vec::as_slice).ok_or_else(|| unexpected(key, value, "a list")))
        .transpose()
}

fn text(proto: &Value, key: &str) -> Result<Option<String>> {
    get(proto, key)
        .map(|value| value.as_str().map(str::to_owned).ok_or_else(|| unexpected(key, value, "a string")))
        .transpose()
}

fn flag(proto: &Value, key: &str) -> Result<bool> {
    match get(proto, key) {
        None => Ok(false),
        Some(Value::Bool(value)) => Ok(*value),
        Some(value) => Err(unexpected(key, value, "true or false")),
    }
}

/// Key/value pairs as a list of pairs or as an object; numbers and booleans become text.
pub(super) fn key_values(proto: &Value, key: &str) -> Result<Vec<KeyValue>> {
    let as_text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match get(proto, key) {
        None => Ok(Vec::new()),
        Some(Value::Object(pairs)) => {
            Ok(pairs.iter().map(|(key, value)| KeyValue { key: key.clone(), value: as_text(value) }).collect())
        }
        Some(Value::Array(pairs)) => pairs
            .iter()
            .map(|pair| {
                let name = pair.get("key").and_then(Value::as_str).ok_or_else(|| unexpected(key, pair, "key/value"))?;
                let value = pair.get("value").map(as_text).unwrap_or_default();
                Ok(KeyValue { key: name.to_owned(), value })
            })
            .collect(),
        Some(value) => Err(unexpected(key, value, "key/value pairs")),
    }
}

fn data_type(proto: &Value, key: &str, field: &str) -> Result<Option<DataType>> {
    let Some(value) = get(proto, key) else { return Ok(None) };
    let unsupported = match value {
        Value::String(name) => match DataType::from_name(name) {
            Some(data_type) => return Ok(Some(data_type)),
            None => UNSUPPORTED_TYPES.iter().find(|(_, unsupported)| unsupported == name),
        },
        _ => {
            let number = value.as_i64().ok_or_else(|| unexpected(key, value, "a data type"))?;
            match u32::try_from(number).ok().and_then(|number| DataType::try_from(number).ok()) {
                Some(data_type) => return Ok(Some(data_type)),
                None => UNSUPPORTED_TYPES.iter().find(|(unsupported, _)| *unsupported == number),
            }
        }
    };
    match unsupported {
        Some((0, _)) => Ok(None),
        Some((20, _)) => Err(Error::invalid("string data type not supported yet, please use VarChar type instead")),
        Some((_, name)) => Err(Error::Unimplemented { what: format!("data type {name} of field {field}") }),
        None => Err(Error::invalid(format!("data type {value} of field {field} does not exist"))),
    }
}

/// The one member of a `ValueField` that is set.
fn default_value(proto: Option<&Value>, field: &str) -> Result<Option<DefaultValue>> {
    let Some(proto) = proto else { return Ok(None) };
    let fail =
        |expected: &str, value: &Value| Error::mismatch(format!("default value of field {field}"), expected, value);
    let members = [
        ("bool_data", "a bool"),
        ("int_data", "an integer"),
        ("long_data", "an int64"),
        ("float_data", "a number"),
        ("double_data", "a number"),
        ("string_data", "a string"),
    ];
    for (key, expected) in members {
        let Some(value) = get(proto, key) else { continue };
        let parsed = match key {
            "bool_data" => value.as_bool().map(DefaultValue::Bool),
            "int_data" | "long_data" => integer(value).map(DefaultValue::Int),
            "float_data" => number(value).map(|number| DefaultValue::Float(number as f32)),
            "double_data" => number(value).map(DefaultValue::Double),
            _ => value.as_str().map(|text| DefaultValue::String(text.to_owned())),
        };
        return parsed.map(Some).ok_or_else(|| fail(expected, value));
    }
    match get(proto, "data").is_some() || proto.as_object().is_some_and(|members| !members.is_empty()) {
        true => {
            Err(Error::invalid(format!("the type of the default value of field {field} is not supported: {proto}")))
        }
        false => Ok(None),
    }
}

fn integer(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| parsed_float(value.as_str()?)).filter(|number| number.is_finite())
}
