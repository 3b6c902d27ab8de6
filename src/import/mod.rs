//! Files of rows, read into batches as `check_insert` takes them.
//!
//! Nothing here does IO: a caller pushes the bytes of a file as they come, cut wherever they are cut, and takes batches. What is
//! pushed is only kept; rows are read when a batch is taken, so memory is the bytes pushed, one batch and one row.

mod batches;
mod csv;
mod input;
mod json;
mod json_rows;
mod npy_header;
mod numpy;
mod reader;
mod row;
mod value;

pub use batches::FileBatches;
pub use input::Chunk;
pub use numpy::{NumpyBatches, NumpyReader};
pub use reader::RowReader;

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};

/// A row with more bytes is refused, as it has to be in memory whole.
pub const MAX_ROW_BYTES: usize = 64 << 20;
/// A batch ends with the row that brings it to so many bytes of the file, however many rows were asked for.
pub const MAX_BATCH_BYTES: usize = 4 << 20;

const PACKED: &str = ".gz";

/// How a file holds rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Format {
    /// `{"rows": [{...}, ...]}` or `[{...}, ...]`.
    Json,
    /// One object a line.
    JsonLines,
    /// A header, then a row a line. A cell that equals `null_key` is null where the field can be.
    Csv { separator: char, null_key: String },
    /// A column in each file.
    Numpy,
}

impl Format {
    /// Told by the extension alone, as in Milvus; a `.gz` behind it says how the file is stored, not what it holds.
    pub fn of_file(name: &str) -> Result<Format> {
        match extension(name).as_str() {
            "json" => Ok(Format::Json),
            // Whoever sends the bytes of a Parquet file has turned them into lines.
            "jsonl" | "ndjson" | "parquet" => Ok(Format::JsonLines),
            "csv" => Ok(Format::Csv { separator: ',', null_key: String::new() }),
            "npy" => Ok(Format::Numpy),
            _ => Err(failed(format!(
                "unexpected file type, files=[{name}]: the extension must be one of .json, .jsonl, .ndjson, .csv, .npy, .parquet"
            ))),
        }
    }
}

/// The ending of a file's name, in small letters and that of its contents when it is packed; empty when it has none.
pub fn extension(name: &str) -> String {
    let extension = unpacked(name).rsplit_once('.').map(|(_, extension)| extension);
    extension.unwrap_or_default().to_ascii_lowercase()
}

/// A file's name without folders and endings.
pub fn stem(name: &str) -> &str {
    let unpacked = unpacked(name);
    unpacked.rsplit_once('.').map_or(unpacked, |(stem, _)| stem)
}

fn unpacked(name: &str) -> &str {
    let base = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let packed = base.len().checked_sub(PACKED.len()).filter(|at| base.is_char_boundary(*at));
    match packed.map(|at| base.split_at(at)) {
        Some((unpacked, ending)) if ending.eq_ignore_ascii_case(PACKED) => unpacked,
        _ => base,
    }
}

fn failed(text: impl Into<String>) -> Error {
    Error::ImportFailed(text.into())
}

/// What is wrong with a value; who knows the row puts it in front.
type Parsed<T> = std::result::Result<T, String>;

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use super::*;

    #[test]
    fn the_extension_says_the_format() {
        let csv = Format::Csv { separator: ',', null_key: String::new() };
        for (name, format) in [
            ("a.json", Format::Json),
            ("dir.csv/A.JSON", Format::Json),
            ("a.jsonl", Format::JsonLines),
            ("a.b.ndjson.gz", Format::JsonLines),
            ("a.csv", csv),
            ("$meta.npy", Format::Numpy),
            ("a.parquet", Format::JsonLines),
        ] {
            assert_eq!(Format::of_file(name), Ok(format), "{name}");
        }
        for name in ["json", "a.txt", "", "a.json/b", "a.gz"] {
            assert!(Format::of_file(name).is_err(), "{name}");
        }
    }
}
