//! Segments: the columns of some rows of one partition.
//!
//! A growing segment is what the log holds and no file does yet; a sealed one is a file per field, sorted by primary key, and
//! never changes. Deletes are kept beside either as a bitmap of row offsets.

mod checksum;
mod column_file;
mod delete_file;
mod growing;
mod index_file;
mod log_reader;
mod log_record;
mod manifest;
mod read;
mod recent_rows;
mod rows;
mod seal;
mod sections;
mod shard;

pub use column_file::{StoredVectors, read_column, write_column, write_vectors};
pub use delete_file::{read_deletes, write_deletes};
pub use growing::Growing;
pub use index_file::{StoredRows, read_codes, read_graph, write_codes, write_graph};
pub use log_reader::LogReader;
pub use log_record::{Deletes, LogRecord, log_key, log_range, log_timestamp, whole_log};
pub use manifest::{IndexEntry, SEGMENTS, SegmentManifest, Wanted, segment_prefix};
pub use read::{read_columns, read_segment, read_times, read_written};
pub use rows::{KeySet, SegmentRows};
pub use seal::{SealPlan, SealSource, SealedColumn, SourceRow, merge_order, seal, seal_times, written_in};
pub use shard::Shard;

use crate::error::{Error, Result};
use crate::ids::Timestamp;
use crate::schema::FieldId;
use crate::storage::Files;
use crate::value::ColumnData;

/// The hidden column that says when each row was written.
pub const TIMESTAMP_FIELD: FieldId = FieldId(1);

/// When each of a sealed segment's rows was written, by its file of times.
pub async fn read_write_times(
    files: &impl Files,
    name: &str,
    rows: usize,
    on_read: &dyn Fn(u64),
) -> Result<Vec<Timestamp>> {
    match read_column(files, name, on_read).await?.data {
        ColumnData::Int64(times) if times.len() == rows => {
            Ok(times.into_iter().map(|at| Timestamp(at as u64)).collect())
        }
        _ => Err(Error::Corrupt { file: name.to_owned(), detail: "not the times of this segment's rows".into() }),
    }
}
