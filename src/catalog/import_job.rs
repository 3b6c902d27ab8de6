//! Jobs of import: what is read into which collection, and how far it has come.

use crate::ids::{CollectionId, ImportId, PartitionId, RequestId, SegmentId, Timestamp};
use crate::schema::KeyValue;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// In Milvus' order and names; jobs that ended well are `Completed`, others `FailedAndCleaned` when nothing of them is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ImportState {
    #[serde(rename = "ImportPending")]
    Pending,
    #[serde(rename = "ImportStarted")]
    Started,
    /// All rows are in files; they become visible together.
    #[serde(rename = "ImportPersisted")]
    Persisted,
    #[serde(rename = "ImportCompleted")]
    Completed,
    #[serde(rename = "ImportFailed")]
    Failed,
    #[serde(rename = "ImportFailedAndCleaned")]
    FailedAndCleaned,
}

impl ImportState {
    pub fn is_under_way(self) -> bool {
        matches!(self, ImportState::Pending | ImportState::Started | ImportState::Persisted)
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ImportJob {
    pub id: ImportId,
    /// By which the call that made it is known again.
    pub request: Option<RequestId>,
    pub database: String,
    pub collection: CollectionId,
    /// As it was called then.
    pub collection_name: String,
    /// Empty where the partition key decides.
    pub partition_name: String,
    pub partitions: Vec<PartitionId>,
    pub files: Vec<SourceFile>,
    pub options: Vec<KeyValue>,
    pub state: ImportState,
    pub failed_reason: String,
    /// Read so far; only the last figure is kept.
    pub rows: u64,
    pub read_bytes: u64,
    /// Of the primary keys that were generated.
    pub generated_ids: Vec<Range<u64>>,
    pub segments: Vec<SegmentId>,
    pub created_at: Timestamp,
    /// Milliseconds from the start until all rows were in files.
    pub persist_ms: u64,
    pub ended_at: Option<Timestamp>,
}

/// A file of the source. The client sends it in pieces, each a file of the store until the job has ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SourceFile {
    pub name: String,
    /// Where it can be fetched again.
    pub url: Option<String>,
    /// How often that was begun; pieces of earlier attempts count for nothing.
    pub attempt: u32,
    /// How many; known when all of them are stored.
    pub pieces: Option<u32>,
    /// Stored so far; only the last figure is kept.
    pub bytes: u64,
    /// As far as whoever sends it can tell.
    pub expected_bytes: Option<u64>,
    pub expected_pieces: Option<u32>,
}

pub const SOURCES: &str = "import/";
pub(super) const IMPORTS: &str = "import/";

pub(super) fn import_key(id: ImportId) -> String {
    format!("{IMPORTS}{:016x}", id.0)
}

/// Every piece of a job's source is called so.
pub fn source_prefix(id: ImportId) -> String {
    format!("{SOURCES}{:016x}/", id.0)
}

/// Pieces of one file sort by their number.
pub fn source_piece(id: ImportId, file: usize, attempt: u32, piece: u32) -> String {
    format!("{}{piece:08x}", source_file_prefix(id, file, attempt))
}

pub fn source_file_prefix(id: ImportId, file: usize, attempt: u32) -> String {
    format!("{}{file:04x}/{attempt:04x}/", source_prefix(id))
}

impl ImportJob {
    pub fn is_stored(&self) -> bool {
        self.files.iter().all(|file| file.pieces.is_some())
    }

    pub fn source_bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }

    /// The latest of all times and ids in it.
    pub fn last_time(&self) -> Timestamp {
        self.created_at.max(self.ended_at.unwrap_or_default())
    }
}
