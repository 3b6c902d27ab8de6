//! The one error type, with Milvus' codes, names and texts.
//!
//! `reason` is what Milvus' clients match on: base text, `[key=value]` fields, and free text in front of it, as
//! Milvus' own errors are built. `Status::from` is the one conversion towards the client.

use crate::ids::{CollectionId, ImportId, PartitionId};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use thiserror::Error;

pub type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Debug, Clone, PartialEq, Error)]
pub enum Error {
    #[error("service not ready[{reason}]")]
    NotReady { reason: String },
    #[error("memory limit exceeded[predict={predicted_bytes}][limit={limit_bytes}]")]
    MemoryLimitExceeded { predicted_bytes: u64, limit_bytes: u64 },
    #[error("disk limit exceeded: {detail}")]
    DiskQuotaExceeded { detail: String },
    #[error("service unimplemented: {what}")]
    Unimplemented { what: String },
    #[error("{text}: service resource insufficient[currentStreamingNode={available}][expected={wanted}]")]
    ResourceInsufficient { text: String, available: u32, wanted: u32 },
    #[error("collection not found[database={database}][collection={collection}]")]
    CollectionNotFound { database: String, collection: String },
    #[error("collection not loaded[collection={collection}]")]
    CollectionNotLoaded { collection: CollectionId },
    /// Why the last load failed, in front of the text that clients match on.
    #[error("{why}: collection not loaded[collection={collection}]")]
    LoadFailed { collection: CollectionId, why: Box<Error> },
    #[error("collection not fully loaded[collection={collection}]")]
    CollectionNotFullyLoaded { collection: CollectionId },
    #[error("exceeded the limit number of collections[limit={limit}]")]
    TooManyCollections { limit: usize },
    /// Something that must be released first (altering an index or mmap of what is loaded).
    #[error("{text}: collection already loaded[collection={collection}]")]
    CollectionLoaded { text: String, collection: String },
    #[error("{text}: illegal collection schema[collection={collection}]")]
    IllegalSchema { collection: String, text: String },
    #[error("collection schema mismatch[collection={collection}]")]
    SchemaMismatch { collection: String },
    #[error("partition not found[partition={partition}]")]
    PartitionNotFound { partition: String },
    #[error("partition not loaded[partition={partition}]")]
    PartitionNotLoaded { partition: PartitionId },
    #[error("resource group not found[rg={group}]")]
    ResourceGroupNotFound { group: String },
    #[error("index not found[{key}={value}]")]
    IndexNotFound { key: Cow<'static, str>, value: String },
    #[error("there are multiple indexes, please specify the index_name: index duplicates[indexName={name}]")]
    IndexAmbiguous { name: String },
    #[error("database not found[database={database}]")]
    DatabaseNotFound { database: String },
    #[error("{text}: invalid database name[database={database}]")]
    InvalidDatabaseName { database: String, text: String },
    #[error("exceeded the limit number of database[limit={limit}]")]
    TooManyDatabases { limit: usize },
    #[error("key not found[key={key}]")]
    KeyNotFound { key: String },
    /// A storage request failed; the text is the platform's own.
    #[error("IO failed[{detail}]")]
    Io { detail: String },
    /// Stored bytes that cannot be what was written: wrong magic, version, length or checksum.
    #[error("data integrity check failed[file={file}]: {detail}")]
    Corrupt { file: String, detail: String },
    /// Free text of an input error; Milvus appends the base text of code 1100.
    #[error("{0}: invalid parameter")]
    InvalidParameter(String),
    #[error("{text}: invalid parameter[expected={expected}][actual={actual}]")]
    ParameterMismatch { text: String, expected: String, actual: String },
    #[error("invalid parameter[expected={expected}][actual={actual}]")]
    ParameterOutOfPlace { expected: String, actual: String },
    #[error("alias not found[database={database}][alias={alias}]")]
    AliasNotFound { database: String, alias: String },
    #[error("alias and collection name conflict[database={database}][alias={alias}]")]
    AliasCollectionNameConflict { database: String, alias: String },
    #[error("{found}: alias already exist[database={database}][alias={alias}]")]
    AliasAlreadyExists { database: String, alias: String, found: String },
    #[error("{text}: field not found[field={field}]")]
    FieldNotFound { field: String, text: String },
    #[error("{text}: field name invalid[field={field}]")]
    FieldNameInvalid { field: String, text: String },
    #[error("field index of the field: {field} is not loaded, please reload the collection")]
    FieldIndexNotLoaded { field: String },
    #[error("{0}: importing data failed")]
    ImportFailed(String),
    /// Not by what it reads.
    #[error("{0}")]
    ImportEnded(String),
    #[error("import job does not exist, jobID={0}: importing data failed on server side")]
    ImportNotFound(ImportId),
    /// A filter that does not parse or does not fit the schema.
    #[error("{0}")]
    QueryPlan(String),
    /// Another owner has taken over this store; nothing was written.
    #[error("channel not found: this tab no longer owns the store (epoch {ours}, now {current})")]
    Fenced { ours: u64, current: u64 },
    /// The route that a client kept is out of date; it asks for a new one and repeats the call.
    #[error("stale route")]
    StaleRoute,
    /// The worker that was to answer has died; the call may be repeated.
    #[error("node offline[{node}]")]
    NodeOffline { node: String },
    #[error("{0}")]
    Unexpected(String),
    /// What another worker failed with.
    #[error("{}", .0.reason)]
    Relayed(RelayedError),
    /// What was being done when it failed, in front of why.
    #[error("{doing}: {cause}")]
    While { doing: Cow<'static, str>, cause: Box<Error> },
}

impl Error {
    pub fn invalid(text: impl Into<String>) -> Self {
        Error::InvalidParameter(text.into())
    }

    /// Of reads; what changes partitions has a code for it.
    pub fn unknown_partition_name(name: &str) -> Self {
        Error::invalid(format!("partition name {name} not found"))
    }

    /// The same error, told with what was being done.
    pub fn during(self, doing: &'static str) -> Self {
        Error::While { doing: doing.into(), cause: Box::new(self) }
    }

    pub fn mismatch(text: impl Into<String>, expected: impl ToString, actual: impl ToString) -> Self {
        Error::ParameterMismatch { text: text.into(), expected: expected.to_string(), actual: actual.to_string() }
    }

    /// Whether a node died over it, wherever that was noticed.
    pub fn is_node_offline(&self) -> bool {
        const NODE_OFFLINE: i32 = 901;
        self.code() == NODE_OFFLINE
    }

    /// Milvus' numeric code.
    pub fn code(&self) -> i32 {
        match self {
            Error::NotReady { .. } | Error::Fenced { .. } => 1,
            Error::MemoryLimitExceeded { .. } => 3,
            Error::DiskQuotaExceeded { .. } => 7,
            Error::Unimplemented { .. } => 10,
            Error::ResourceInsufficient { .. } => 12,
            Error::CollectionNotFound { .. } => 100,
            Error::CollectionNotLoaded { .. } | Error::LoadFailed { .. } => 101,
            Error::TooManyCollections { .. } => 102,
            Error::CollectionNotFullyLoaded { .. } => 103,
            Error::CollectionLoaded { .. } => 104,
            Error::IllegalSchema { .. } => 105,
            Error::SchemaMismatch { .. } => 109,
            Error::PartitionNotFound { .. } => 200,
            Error::PartitionNotLoaded { .. } => 201,
            Error::ResourceGroupNotFound { .. } => 300,
            Error::IndexNotFound { .. } => 700,
            Error::IndexAmbiguous { .. } => 702,
            Error::DatabaseNotFound { .. } => 800,
            Error::TooManyDatabases { .. } => 801,
            Error::InvalidDatabaseName { .. } => 802,
            Error::NodeOffline { .. } => 901,
            Error::KeyNotFound { .. } => 1000,
            Error::Io { .. } => 1001,
            Error::Corrupt { .. } => 1009,
            Error::InvalidParameter(_)
            | Error::ParameterMismatch { .. }
            | Error::ParameterOutOfPlace { .. }
            | Error::QueryPlan(_) => 1100,
            Error::AliasNotFound { .. } => 1600,
            Error::AliasCollectionNameConflict { .. } => 1601,
            Error::AliasAlreadyExists { .. } => 1602,
            Error::FieldNotFound { .. } => 1700,
            Error::FieldNameInvalid { .. } => 1701,
            Error::FieldIndexNotLoaded { .. } => 2000,
            Error::ImportFailed(_) | Error::ImportEnded(_) => 2100,
            Error::ImportNotFound(_) => 2101,
            Error::StaleRoute => 65000,
            Error::Unexpected(_) => 65535,
            Error::Relayed(error) => error.code,
            Error::While { cause, .. } => cause.code(),
        }
    }

    /// The name of the legacy `error_code`.
    pub fn legacy_name(&self) -> &'static str {
        match self.code() {
            1 => "NotReadyServe",
            3 => "InsufficientMemoryToLoad",
            7 => "DiskQuotaExhausted",
            100 => "CollectionNotExists",
            109 => "SchemaMismatch",
            200 => "MetaFailed",
            700 => "IndexNotExist",
            1100 => "IllegalArgument",
            _ => "UnexpectedError",
        }
    }

    /// Whether the same call may succeed when it is made again.
    pub fn retriable(&self) -> bool {
        match self {
            Error::While { cause, .. } => cause.retriable(),
            Error::Relayed(error) => error.retriable,
            Error::NotReady { .. }
            | Error::ResourceInsufficient { .. }
            | Error::CollectionNotFullyLoaded { .. }
            | Error::Fenced { .. }
            | Error::StaleRoute
            | Error::NodeOffline { .. } => true,
            _ => false,
        }
    }
}

/// An error between workers: what a client is told of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RelayedError {
    code: i32,
    reason: String,
    retriable: bool,
}

impl From<Error> for RelayedError {
    fn from(error: Error) -> Self {
        RelayedError { code: error.code(), retriable: error.retriable(), reason: error.to_string() }
    }
}

/// `common.Status` as the SDK's gRPC layer hands it out.
#[derive(Debug, Clone, Serialize)]
pub struct Status {
    pub extra_info: crate::sorted::SortedMap<String, String>,
    pub error_code: &'static str,
    pub reason: String,
    pub code: i32,
    pub retriable: bool,
    pub detail: String,
}

impl Status {
    pub fn success() -> Self {
        Status {
            extra_info: Default::default(),
            error_code: "Success",
            reason: String::new(),
            code: 0,
            retriable: false,
            detail: String::new(),
        }
    }
}

impl From<&Error> for Status {
    fn from(error: &Error) -> Self {
        let reason = error.to_string();
        Status {
            extra_info: Default::default(),
            error_code: error.legacy_name(),
            detail: reason.clone(),
            reason,
            code: error.code(),
            retriable: error.retriable(),
        }
    }
}
