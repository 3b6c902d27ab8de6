//! What roles tell without being asked.

use crate::catalog::ImportState;
use crate::ids::PartitionId;
use crate::sorted::SortedMap;
use serde::Serialize;

/// Bytes that a node has read of what it is loading.
pub type LoadProgress = SortedMap<PartitionId, u64>;

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", content = "detail", rename_all = "lowercase")]
pub enum Event {
    /// A query node has read a good deal more.
    Progress { loaded_bytes: LoadProgress },
    /// For pages that show how far a load is.
    LoadProgress {
        db_name: String,
        collection_name: String,
        partition_names: Vec<String>,
        progress: u32,
        /// Milvus' name of the load state that these partitions are in now.
        state: &'static str,
    },
    /// For pages that show how far an import is.
    ImportState {
        task: String,
        db_name: String,
        collection_name: String,
        state: ImportState,
        /// Percent; 100 when the rows can be found.
        progress: u64,
        row_count: String,
        /// Of the source.
        stored_bytes: String,
        /// The job needs nobody any more who sends it.
        is_stored: bool,
        failed_reason: String,
    },
    /// Files of an import are to be fetched.
    ImportSource { task: String, db_name: String, collection_name: String, files: Vec<WantedFile> },
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WantedFile {
    pub file: usize,
    pub attempt: u32,
    pub name: String,
    pub url: String,
}
