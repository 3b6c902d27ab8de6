//! The record by which a file exists: how long it is and where its bytes are.

use super::connection::{FILES, WriteTransaction, buffer_of, bytes_of};
use super::error;
use crate::error::{Error, Result};
use crate::json;
use js_sys::ArrayBuffer;
use serde::{Deserialize, Serialize};
use std::ops::Range;
use wasm_bindgen::JsValue;

/// Of 4 MB: what is written in chunks was in this module's memory.
const MAX_CHUNKS: u64 = 1024;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FileHead {
    pub bytes: u64,
    #[serde(flatten)]
    pub place: Place,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Place {
    /// Beside this record, under `chunk_key`.
    Chunks { chunk_bytes: u64, chunks: u64 },
    /// The slot of that name in the store's folder.
    Slot { slot: String },
}

impl FileHead {
    pub fn encode(&self) -> ArrayBuffer {
        buffer_of(&serde_json::to_vec(self).expect("numbers and a name"))
    }

    fn parse(name: &str, bytes: &[u8]) -> Result<Self> {
        let corrupt = |detail: String| Error::Corrupt { file: name.to_string(), detail };
        let head: FileHead = json::read(bytes).map_err(|error| corrupt(error.to_string()))?;
        match head.place {
            Place::Chunks { chunk_bytes, chunks }
                if chunk_bytes == 0 || head.bytes.div_ceil(chunk_bytes) != chunks || chunks > MAX_CHUNKS =>
            {
                Err(corrupt(format!("{} bytes in {chunks} chunks of {chunk_bytes}", head.bytes)))
            }
            _ => Ok(head),
        }
    }

    pub fn slot(self) -> Option<String> {
        match self.place {
            Place::Slot { slot } => Some(slot),
            Place::Chunks { .. } => None,
        }
    }
}

pub fn chunk_key(name: &str, chunk: u64) -> String {
    format!("{name}#{chunk}")
}

/// `$` is the character after `#`.
fn chunk_keys(name: &str) -> Range<String> {
    format!("{name}#")..format!("{name}$")
}

/// `None` if there is no such file.
pub async fn read_head(store: &rexie::Store, name: &str) -> Result<Option<FileHead>> {
    let value = store.get(name.into()).await.map_err(error::of_rexie)?.unwrap_or(JsValue::UNDEFINED);
    bytes_of(&value).map(|bytes| FileHead::parse(name, &bytes)).transpose()
}

/// The same within a write.
pub async fn current_head(transaction: &WriteTransaction, name: &str) -> Result<Option<FileHead>> {
    transaction.get(FILES, name).await?.map(|bytes| FileHead::parse(name, &bytes)).transpose()
}

/// Deletes what the database has of a file; returns the slot that has its bytes, if one has.
pub async fn delete_file(transaction: &WriteTransaction, name: &str) -> Result<Option<String>> {
    // A head that cannot be read names nothing.
    let head = match current_head(transaction, name).await {
        Err(Error::Corrupt { .. }) => None,
        head => head?,
    };
    transaction.delete(FILES, name)?;
    transaction.delete_range(FILES, &chunk_keys(name))?;
    Ok(head.and_then(FileHead::slot))
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasm_bindgen_test::wasm_bindgen_test;

    #[wasm_bindgen_test]
    fn heads_of_both_kinds_are_read() {
        let chunks = FileHead { bytes: 9, place: Place::Chunks { chunk_bytes: 4, chunks: 3 } };
        assert_eq!(FileHead::parse("f", br#"{"bytes":9,"chunk_bytes":4,"chunks":3}"#), Ok(chunks));
        let in_slot = FileHead { bytes: 9, place: Place::Slot { slot: "g0-1".into() } };
        assert_eq!(FileHead::parse("f", br#"{"bytes":9,"slot":"g0-1"}"#), Ok(in_slot));
        for broken in [
            r#"{"bytes":9}"#,
            r#"{"bytes":9,"chunk_bytes":0,"chunks":3}"#,
            r#"{"bytes":9,"chunk_bytes":4,"chunks":2}"#,
            r#"{"bytes":1000000000,"chunk_bytes":1,"chunks":1000000000}"#,
        ] {
            assert!(matches!(FileHead::parse("f", broken.as_bytes()), Err(Error::Corrupt { .. })), "{broken}");
        }
    }
}
