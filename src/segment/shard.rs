use crate::value::{Batch, ColumnData, RowOffset, hash_int64, hash_text};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// A part of a collection's rows, chosen by the hash of the primary key: a row, what replaces it and what deletes it meet in
/// the same shard. Each shard has segments of its own and, when it is loaded, query nodes of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shard {
    pub number: u32,
    pub of: u32,
}

impl Default for Shard {
    fn default() -> Self {
        Shard { number: 0, of: 1 }
    }
}

impl Shard {
    pub fn all(count: u32) -> impl Iterator<Item = Shard> {
        (0..count).map(move |number| Shard { number, of: count })
    }

    /// The rows of a batch that are the shard's.
    pub fn rows_of<'a>(&self, batch: &'a Batch, primary_key: &str) -> Cow<'a, Batch> {
        if self.of == 1 {
            return Cow::Borrowed(batch);
        }
        let mine = |hash: u32| hash % self.of == self.number;
        let chosen: Vec<RowOffset> = match batch.column(primary_key).map(|column| &column.data) {
            Some(ColumnData::Int64(keys)) => rows_with(keys.iter().map(|key| mine(hash_int64(*key)))),
            Some(ColumnData::VarChar(keys)) => rows_with(keys.iter().map(|key| mine(hash_text(key)))),
            _ => Vec::new(),
        };
        Cow::Owned(batch.select(&chosen))
    }
}

fn rows_with(chosen: impl Iterator<Item = bool>) -> Vec<RowOffset> {
    chosen.enumerate().filter(|(_, chosen)| *chosen).map(|(row, _)| RowOffset::from_index(row)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Column;

    #[test]
    fn every_row_is_in_one_shard() {
        let keys: Vec<i64> = (-500..500).collect();
        let batch = Batch { rows: 1000, columns: vec![("id".into(), Column::new(ColumnData::Int64(keys.clone())))] };
        for count in [1, 2, 3, 16] {
            let mut found = Vec::new();
            for shard in Shard::all(count) {
                let part = shard.rows_of(&batch, "id");
                assert!(part.rows * count as usize > 500, "{} rows in one of {count}", part.rows);
                match &part.column("id").unwrap().data {
                    ColumnData::Int64(keys) => found.extend_from_slice(keys),
                    other => panic!("{other:?}"),
                }
            }
            found.sort_unstable();
            assert_eq!(found, keys);
        }
    }
}
