//! Inserts and upserts. Those that wait for their turn at the same time are committed together: a transaction for each row takes
//! many times as long as the row.

use super::repeat::WriteRequest;
use super::write::{Applied, LogWrite, Target, Written, insert_partitions};
use super::{Coordinator, Runtime};
use crate::catalog::{Collection, WriteOutcome};
use crate::cluster::Nodes;
use crate::error::{Error, Result};
use crate::ids::{CollectionId, PartitionId, Timestamp};
use crate::platform::Platform;
use crate::segment::{Deletes, LogRecord};
use crate::value::{Batch, PrimaryKeys, WriteMode, check_insert};
use futures::channel::oneshot;
use futures::future::ready;
use std::rc::Rc;

/// A log that is so many times as large as one that is flushed is a long one.
const LONGEST_LOG: u64 = 8;

/// Of inserts that are committed together, at most; a larger one is alone.
const ROWS_TOGETHER: usize = 1000;
const BYTES_TOGETHER: usize = 1 << 20;

pub(super) struct Insert {
    pub rows: Batch,
    pub mode: WriteMode,
    /// The time of the schema that the rows were packed for, where the client says so.
    pub packed_for: Option<Timestamp>,
    pub request: WriteRequest,
}

type Done = (Written, Applied);

/// An insert that waits for its turn.
pub(super) struct Waiting {
    insert: Insert,
    partition: String,
    /// Deletes that were called before it, and have their turns before it.
    deletes_before: u64,
    done: oneshot::Sender<Result<Done>>,
}

impl<P: Platform, N: Nodes> Coordinator<P, N> {
    /// Resolves when the log has the rows and, where they are loaded, they can be found.
    pub(super) async fn insert(self: &Rc<Self>, target: Target<'_>, insert: Insert) -> Result<Written> {
        let id = self.resolve(target.collection)?.id;
        let runtime = self.runtime(id);
        self.wait_for_flush(&runtime).await;
        let (done, mut is_done) = oneshot::channel();
        let (partition, deletes_before) = (target.partition.to_owned(), runtime.deletes_called.get());
        runtime.inserts.borrow_mut().push_back(Waiting { insert, partition, deletes_before, done });
        let (written, applied) = {
            let _turn = runtime.writing.lock().await;
            match is_done.try_recv() {
                Ok(None) => {
                    let first = runtime.next_insert_if(&mut |first| first.done.is_connected_to(&is_done));
                    let first = first.ok_or_else(|| Error::Unexpected("an insert has lost its rows".into()))?;
                    self.insert_first((id, &runtime), &target, first).await?
                }
                Ok(Some(done)) => done?,
                Err(oneshot::Canceled) => return Err(Error::Unexpected("an insert was given up with another".into())),
            }
        };
        applied.await;
        self.flush_if_large(id, &runtime);
        Ok(written)
    }

    /// The insert whose turn it is, and those that can be committed with it.
    async fn insert_first(
        self: &Rc<Self>,
        (id, runtime): (CollectionId, &Runtime),
        target: &Target<'_>,
        first: Waiting,
    ) -> Result<Done> {
        let (request, deletes_before) = (first.insert.request, first.deletes_before);
        // Before anything is checked: what the first run met may have changed.
        let known = self.recall(id, runtime, request).await?;
        let collection = self.expect_collection(id, target)?;
        if let Some((at, outcome)) = known {
            let keys = keys_of(&collection, &first.insert.rows, &outcome);
            return Ok((Written { at, keys }, Box::pin(ready(()))));
        }
        let (mut rows, mut bytes) = (first.insert.rows.rows, bytes_of(&first.insert.rows));
        let (write, keys) = self.prepare(&collection, first.insert, &first.partition)?;
        let mut writes = vec![write];
        let mut with_it = Vec::new();
        let mut comes_along = |next: &Waiting| {
            rows += next.insert.rows.rows;
            bytes += bytes_of(&next.insert.rows);
            let fits = rows <= ROWS_TOGETHER && bytes <= BYTES_TOGETHER;
            let is_alike =
                next.deletes_before == deletes_before && next.insert.request.durability == request.durability;
            fits && is_alike && !self.may_be_known(runtime, next.insert.request)
        };
        while let Some(Waiting { insert, partition, done, .. }) = runtime.next_insert_if(&mut comes_along) {
            match self.prepare(&collection, insert, &partition) {
                Ok((write, keys)) => {
                    writes.push(write);
                    with_it.push((keys, done));
                }
                Err(error) => tell(done, Err(error)),
            }
        }
        let mut appended = match self.append(&collection, runtime, writes, request.durability).await {
            Ok(appended) => appended.into_iter(),
            Err(error) => {
                with_it.into_iter().for_each(|(_, done)| tell(done, Err(error.clone())));
                return Err(error);
            }
        };
        let (at, applied) = appended.next().ok_or_else(|| Error::Unexpected("nothing was appended".into()))?;
        for ((at, applied), (keys, done)) in appended.zip(with_it) {
            tell(done, Ok((Written { at, keys }, applied)));
        }
        Ok((Written { at, keys }, applied))
    }

    fn prepare(&self, collection: &Collection, mut insert: Insert, partition: &str) -> Result<(LogWrite, PrimaryKeys)> {
        if insert.packed_for.is_some_and(|schema| schema != collection.updated_at) {
            return Err(Error::SchemaMismatch { collection: collection.schema.name.clone() });
        }
        let partitions = insert_partitions(collection, partition)?;
        let mut rows = check_insert(&collection.schema, &mut insert.rows, insert.mode)?;
        let first_id = rows.needs_ids().then(|| self.tick_many(rows.batch.rows as u64).0 as i64);
        if let Some(first_id) = first_id {
            rows.assign_ids(first_id);
        }
        let keys = rows.keys.clone();
        let replaced = rows.replaced.take();
        let record = LogRecord {
            deletes: replaced.map(|keys| Deletes { partition: delete_scope(collection, &partitions), keys }),
            inserts: rows.by_partition(&collection.schema, &partitions),
        };
        let rows = keys.len() as u64;
        let outcome = insert.request.id.map(|request| WriteOutcome { request, rows, first_id });
        Ok((LogWrite { record, outcome }, keys))
    }

    /// While the log is so long that the data node could not take it in much longer, rows wait for the flush that it has coming.
    async fn wait_for_flush(&self, runtime: &Runtime) {
        let is_long = runtime.log.borrow().bytes >= LONGEST_LOG * self.config.flush_log_bytes;
        if is_long && runtime.flush_scheduled.get() {
            drop(runtime.maintaining.lock().await);
        }
    }
}

impl Runtime {
    /// Whoever has given up waiting has no turn.
    fn next_insert_if(&self, is_meant: &mut dyn FnMut(&Waiting) -> bool) -> Option<Waiting> {
        let mut inserts = self.inserts.borrow_mut();
        while inserts.front().is_some_and(|first| first.done.is_canceled()) {
            inserts.pop_front();
        }
        if inserts.front().is_some_and(is_meant) { inserts.pop_front() } else { None }
    }
}

fn bytes_of(rows: &Batch) -> usize {
    rows.columns.iter().map(|(_, column)| column.allocated_bytes()).sum()
}

/// Whoever does not wait any more need not know.
fn tell(done: oneshot::Sender<Result<Done>>, result: Result<Done>) {
    done.send(result).ok();
}

/// The keys of rows that were written before: those that they were given, or those of the request.
fn keys_of(collection: &Collection, rows: &Batch, outcome: &WriteOutcome) -> PrimaryKeys {
    let key = collection.schema.primary_key();
    let generated = |first_id| PrimaryKeys::generated(key.data_type, first_id, outcome.rows as usize);
    let given = || rows.column(&key.name).and_then(PrimaryKeys::from_column);
    outcome.first_id.map(generated).or_else(given).unwrap_or_else(|| PrimaryKeys::Int64(Vec::new()))
}

/// An upsert replaces what its partition has; with a partition key a row may have been in any.
fn delete_scope(collection: &Collection, partitions: &[PartitionId]) -> Option<PartitionId> {
    if collection.uses_partition_key() { None } else { partitions.first().copied() }
}
