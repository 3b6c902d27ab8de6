//! Reading the JSON of requests: Milvus' proto, as lenient as its SDKs need it.

use crate::error::{Error, Result};
use crate::json;
use crate::schema::KeyValue;
use serde::de::DeserializeOwned;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

pub fn parse<T: DeserializeOwned>(method: &str, body: &str) -> Result<T> {
    json::read(body.as_bytes()).map_err(|error| Error::invalid(format!("malformed {method} request: {error}")))
}

/// A key that is null reads as one that is not there.
pub fn or_default<'de, D: Deserializer<'de>, T: DeserializeOwned + Default>(value: D) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(value)?.unwrap_or_default())
}

/// A text, for which SDKs take whatever has one.
pub fn text<'de, D: Deserializer<'de>>(value: D) -> Result<String, D::Error> {
    Ok(text_of(Value::deserialize(value)?))
}

/// Texts; what is no list is none. A caller may send one object for several calls, and a key that one of them does not have goes
/// unread with a server, whatever it is.
pub fn texts_if_list<'de, D: Deserializer<'de>>(value: D) -> Result<Vec<String>, D::Error> {
    match Value::deserialize(value)? {
        Value::Array(texts) => Ok(texts.into_iter().map(text_of).collect()),
        _ => Ok(Vec::new()),
    }
}

/// The same of key-value pairs.
pub fn key_values_if_list<'de, D: Deserializer<'de>>(value: D) -> Result<Vec<KeyValue>, D::Error> {
    match Value::deserialize(value)? {
        Value::Array(pairs) => pairs_of(pairs).map_err(D::Error::custom),
        _ => Ok(Vec::new()),
    }
}

fn text_of(value: Value) -> String {
    match value {
        Value::String(text) => text,
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// Values of key-value pairs are texts in the proto; SDKs also send numbers and booleans.
pub fn key_values<'de, D: Deserializer<'de>>(value: D) -> Result<Vec<KeyValue>, D::Error> {
    match Value::deserialize(value)? {
        Value::Array(pairs) => pairs_of(pairs).map_err(D::Error::custom),
        Value::Null => Ok(Vec::new()),
        other => Err(D::Error::custom(format!("expected a list of key-value pairs, found {other}"))),
    }
}

fn pairs_of(pairs: Vec<Value>) -> Result<Vec<KeyValue>, String> {
    let pair_of = |mut pair: Value| match pair.get_mut("key").map(Value::take) {
        Some(Value::String(key)) => {
            let value = pair.get_mut("value").map(Value::take);
            Ok(KeyValue { key, value: value.map_or_else(String::new, text_of) })
        }
        _ => Err(format!("expected a pair with a key, found {pair}")),
    };
    pairs.into_iter().map(pair_of).collect()
}
