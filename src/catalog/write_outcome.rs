//! What is remembered of a write that its client may send again: a record of its own, committed together with the write, which
//! outlives the log record that a flush drops.

use super::{all_keys, read_all};
use crate::error::Result;
use crate::ids::{CollectionId, RequestId, Timestamp};
use crate::segment::log_timestamp;
use crate::storage::{Records, Store};
use serde::{Deserialize, Serialize};
use std::ops::Range;

const WRITE_OUTCOMES: &str = "request/";

/// What the answer to a write needs beside the request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WriteOutcome {
    pub request: RequestId,
    /// Inserted or deleted.
    pub rows: u64,
    /// Where the keys were not the client's: the first of them, which ascend by one.
    pub first_id: Option<i64>,
}

fn prefix(collection: CollectionId) -> String {
    format!("{WRITE_OUTCOMES}{:016x}/", collection.0)
}

pub(super) fn outcome_key(collection: CollectionId, written: Timestamp) -> String {
    format!("{}{:016x}", prefix(collection), written.0)
}

pub(super) fn outcomes_before(collection: CollectionId, horizon: Timestamp) -> Range<String> {
    prefix(collection)..outcome_key(collection, horizon)
}

pub(super) fn all_outcomes(collection: CollectionId) -> Range<String> {
    all_keys(&prefix(collection))
}

/// When a request was run and what became of it, if it has written anything to the collection since `horizon`. What is older
/// may still be there, and be much.
pub async fn read_write_outcome(
    records: &impl Records,
    collection: CollectionId,
    request: RequestId,
    horizon: Timestamp,
) -> Result<Option<(Timestamp, WriteOutcome)>> {
    let since = outcome_key(collection, horizon)..all_outcomes(collection).end;
    let outcomes: Vec<(String, WriteOutcome)> = read_all(records, Store::Log, since).await?;
    let found = outcomes.into_iter().find(|(_, outcome)| outcome.request == request);
    Ok(found.and_then(|(key, outcome)| Some((log_timestamp(&key)?, outcome))))
}
