//! JSON into types, by way of a tree of values.
//!
//! What serde derives is compiled anew for each kind of input; a tree is the only one here.

use serde::de::DeserializeOwned;
use serde_json::{Error, Value};

type Result<T> = std::result::Result<T, Error>;

pub fn read<T: DeserializeOwned>(json: &[u8]) -> Result<T> {
    T::deserialize(&parse(json)?)
}

#[inline(never)]
pub fn parse(json: &[u8]) -> Result<Value> {
    serde_json::from_slice(json)
}
