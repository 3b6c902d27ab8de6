//! Rows as columns: what crosses from the page, what the log holds, what segments are made of, what results are.

mod batch;
mod checks;
mod column;
mod float;
mod hash;
mod rows;

pub use batch::{Batch, EncodedBatch};
pub use checks::MAX_JSON_BYTES;
pub use column::{Column, ColumnData, Lists, Strings};
pub use elanus_vectors::Mask;
pub(crate) use float::{float_text, parsed_float};
pub(crate) use hash::{hash_int64, hash_text};
pub(crate) use rows::allows_given_ids;
pub use rows::{CheckedRows, WriteMode, check_insert};

use crate::error::Error;
use crate::schema::DataType;
use serde::{Deserialize, Serialize};
use std::collections::BinaryHeap;
use xxhash_rust::xxh3::xxh3_64;

/// Position of a row inside one segment or batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RowOffset(pub u32);

impl RowOffset {
    /// Of a place in a column: none has 2^32 rows.
    pub fn from_index(index: usize) -> Self {
        RowOffset(index as u32)
    }

    pub fn index(self) -> usize {
        self.0 as usize
    }
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PrimaryKey {
    Int64(i64),
    VarChar(String),
}

impl PrimaryKey {
    /// A number of its own: of texts, their hash.
    pub fn number(&self) -> i64 {
        match self {
            PrimaryKey::Int64(key) => *key,
            PrimaryKey::VarChar(key) => xxh3_64(key.as_bytes()) as i64,
        }
    }
}

/// The primary keys of several rows, all of one type.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum PrimaryKeys {
    Int64(Vec<i64>),
    VarChar(Vec<String>),
}

impl PrimaryKeys {
    pub fn len(&self) -> usize {
        match self {
            PrimaryKeys::Int64(keys) => keys.len(),
            PrimaryKeys::VarChar(keys) => keys.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Keys of the same type.
    pub fn extend(&mut self, more: PrimaryKeys) {
        match (self, more) {
            (PrimaryKeys::Int64(keys), PrimaryKeys::Int64(more)) => keys.extend(more),
            (PrimaryKeys::VarChar(keys), PrimaryKeys::VarChar(more)) => keys.extend(more),
            (keys, more) => unreachable!("{keys:?} and {more:?} of one collection"),
        }
    }

    /// The same keys, each once.
    pub fn into_distinct(self) -> PrimaryKeys {
        match self {
            PrimaryKeys::Int64(mut keys) => {
                keys.sort_unstable();
                keys.dedup();
                PrimaryKeys::Int64(keys)
            }
            PrimaryKeys::VarChar(keys) => {
                let mut keys = BinaryHeap::from(keys).into_sorted_vec();
                keys.dedup();
                PrimaryKeys::VarChar(keys)
            }
        }
    }

    /// The keys `first_id`, `first_id + 1`, ... as those of a field with autoID.
    pub fn generated(data_type: DataType, first_id: i64, rows: usize) -> PrimaryKeys {
        let ids = first_id..first_id + rows as i64;
        match data_type {
            DataType::VarChar => PrimaryKeys::VarChar(ids.map(|id| id.to_string()).collect()),
            _ => PrimaryKeys::Int64(ids.collect()),
        }
    }

    pub fn data_type(&self) -> DataType {
        match self {
            PrimaryKeys::Int64(_) => DataType::Int64,
            PrimaryKeys::VarChar(_) => DataType::VarChar,
        }
    }

    pub fn to_column(&self) -> Column {
        Column::new(match self {
            PrimaryKeys::Int64(keys) => ColumnData::Int64(keys.clone()),
            PrimaryKeys::VarChar(keys) => ColumnData::VarChar(keys.iter().map(String::as_str).collect()),
        })
    }

    /// `None` unless the column has a primary key's type.
    pub fn from_column(column: &Column) -> Option<PrimaryKeys> {
        match &column.data {
            ColumnData::Int64(keys) => Some(PrimaryKeys::Int64(keys.clone())),
            ColumnData::VarChar(keys) => Some(PrimaryKeys::VarChar(keys.iter().map(str::to_owned).collect())),
            _ => None,
        }
    }

    /// Whether a key is there twice.
    pub fn has_duplicates(&self) -> bool {
        fn repeats<T: Ord>(mut keys: Vec<T>) -> bool {
            keys.sort_unstable();
            keys.windows(2).any(|pair| pair[0] == pair[1])
        }
        match self {
            PrimaryKeys::Int64(keys) => repeats(keys.clone()),
            PrimaryKeys::VarChar(keys) => repeats(keys.iter().collect()),
        }
    }
}

impl std::fmt::Display for PrimaryKey {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            PrimaryKey::Int64(key) => write!(out, "{key}"),
            PrimaryKey::VarChar(key) => write!(out, "{key}"),
        }
    }
}

fn corrupt_batch(detail: impl Into<String>) -> Error {
    Error::invalid(format!("malformed batch: {}", detail.into()))
}
