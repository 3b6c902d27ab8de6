//! Parameters of searches and queries as they come: texts and JSON.

use crate::error::{Error, Result};
use crate::json;
use crate::schema::KeyValue;
use crate::sorted::SortedMap;
use crate::value::parsed_float;
use serde_json::Value;

/// All parameters by name. The SDK sends those of `params` twice: as JSON text under that key, and one by one.
pub(super) struct Params(pub SortedMap<String, Value>);

impl Params {
    pub fn read(pairs: &[KeyValue]) -> Result<Params> {
        let mut all = SortedMap::new();
        // Without a value it is not there, but for the one that must be.
        for pair in pairs.iter().filter(|pair| pair.key != "params" && (!pair.value.is_empty() || pair.key == "topk")) {
            all.insert(pair.key.clone(), Value::String(pair.value.clone()));
        }
        for pair in pairs.iter().filter(|pair| pair.key == "params" && !pair.value.trim().is_empty()) {
            match json::parse(pair.value.as_bytes()) {
                Ok(Value::Object(inner)) => all.extend(inner.into_iter().filter(|(_, value)| !value.is_null())),
                Ok(Value::Null) => {}
                _ => {
                    return Err(Error::invalid(format!(
                        "failed to parse search params: {} is not a JSON object",
                        pair.value
                    )));
                }
            }
        }
        Ok(Params(all))
    }

    pub fn text(&self, key: &str) -> Option<String> {
        self.0.get(key).map(|value| match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        })
    }

    pub fn integer(&self, key: &str) -> Result<Option<i64>> {
        let Some(text) = self.text(key) else { return Ok(None) };
        text.trim().parse().map(Some).map_err(|_| Error::invalid(format!("{key} [{text}] is invalid")))
    }

    pub fn required_integer(&self, key: &str) -> Result<i64> {
        self.integer(key)?.ok_or_else(|| Error::invalid(format!("{key} not found in search_params")))
    }

    pub fn number(&self, key: &str) -> Result<Option<f32>> {
        let Some(text) = self.text(key) else { return Ok(None) };
        let number = parsed_float::<f32>(text.trim()).filter(|number| !number.is_nan());
        number.map(Some).ok_or_else(|| Error::invalid(format!("{key} [{text}] is invalid, should be a number")))
    }

    pub fn flag(&self, key: &str) -> Result<bool> {
        match self.text(key).as_deref().map(str::trim) {
            None | Some("" | "false" | "False" | "FALSE" | "0") => Ok(false),
            Some("true" | "True" | "TRUE" | "1") => Ok(true),
            Some(text) => Err(Error::invalid(format!("{key} [{text}] is invalid, should be true or false"))),
        }
    }
}
