//! Reading the JSON of requests: Milvus' proto, as lenient as its SDKs need it.

use crate::error::{Error, Result};
use crate::json;
use crate::schema::KeyValue;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

pub fn parse<T: DeserializeOwned>(method: &str, body: &str) -> Result<T> {
    json::read(body.as_bytes()).map_err(|error| Error::invalid(format!("malformed {method} request: {error}")))
}

/// A key that is null reads as one that is not there.
pub fn or_default<'de, D: Deserializer<'de>, T: DeserializeOwned + Default>(value: D) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(value)?.unwrap_or_default())
}

/// Values of key-value pairs are texts in the proto; SDKs also send numbers and booleans.
pub fn key_values<'de, D: Deserializer<'de>>(value: D) -> Result<Vec<KeyValue>, D::Error> {
    #[derive(Deserialize)]
    struct Loose {
        key: String,
        #[serde(default)]
        value: Value,
    }
    let pairs = Option::<Vec<Loose>>::deserialize(value)?.unwrap_or_default();
    let text = |value: Value| match value {
        Value::String(text) => text,
        Value::Null => String::new(),
        other => other.to_string(),
    };
    Ok(pairs.into_iter().map(|pair| KeyValue { key: pair.key, value: text(pair.value) }).collect())
}
