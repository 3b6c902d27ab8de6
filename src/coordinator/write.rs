//! The write path: check, give it a time, commit it to the log, tell the query node.

use super::partition::partition_ids;
use super::repeat::WriteRequest;
use super::{Coordinator, Runtime};
use crate::catalog::{CatalogBatch, Collection, CollectionName, LogSummary, WriteOutcome};
use crate::cluster::{NodeAnswer, NodeCommand, NodeId, Nodes};
use crate::error::{Error, Result};
use crate::expr::Filter;
use crate::ids::{CollectionId, PartitionId, Timestamp};
use crate::platform::Platform;
use crate::segment::{Deletes, LogRecord, log_key};
use crate::sorted::SortedMap;
use crate::storage::{Durability, Store, WriteBatch};
use crate::value::{Batch, PrimaryKeys, WriteMode, check_insert};
use futures::future::{LocalBoxFuture, join_all};
use std::rc::Rc;

/// A log that is so many times as large as one that is flushed is a long one.
const LONGEST_LOG: u64 = 8;

pub(super) struct Written {
    pub at: Timestamp,
    pub keys: PrimaryKeys,
}

pub(super) struct Insert {
    pub rows: Batch,
    pub mode: WriteMode,
    /// The time of the schema that the rows were packed for, where the client says so.
    pub packed_for: Option<Timestamp>,
    pub request: WriteRequest,
}

pub(super) struct Delete<'a> {
    pub expr: &'a str,
    pub templates: &'a SortedMap<String, serde_json::Value>,
    pub request: WriteRequest,
}

pub(super) struct Target<'a> {
    pub collection: CollectionName<'a>,
    /// Empty: the default partition for an insert, all partitions for a delete.
    pub partition: &'a str,
}

impl<P: Platform, N: Nodes> Coordinator<P, N> {
    /// Resolves when the log has the rows and, where they are loaded, they can be found.
    pub(super) async fn insert(self: &Rc<Self>, target: Target<'_>, mut insert: Insert) -> Result<Written> {
        let id = self.resolve(target.collection)?.id;
        let runtime = self.runtime(id);
        self.wait_for_flush(&runtime).await;
        let (written, applied) = {
            let _turn = runtime.writing.lock().await;
            // Before anything is checked: what the first run met may have changed.
            let known = self.recall(id, &runtime, insert.request).await?;
            let collection = self.expect_collection(id, &target)?;
            if let Some((at, outcome)) = known {
                return Ok(Written { at, keys: keys_of(&collection, &insert.rows, &outcome) });
            }
            if insert.packed_for.is_some_and(|schema| schema != collection.updated_at) {
                return Err(Error::SchemaMismatch { collection: collection.schema.name });
            }
            let partitions = insert_partitions(&collection, target.partition)?;
            let mut rows = check_insert(&collection.schema, &mut insert.rows, insert.mode)?;
            let first_id = rows.needs_ids().then(|| self.tick_many(rows.batch.rows as u64).0 as i64);
            if let Some(first_id) = first_id {
                rows.assign_ids(first_id);
            }
            let keys = rows.keys.clone();
            let replaced = rows.replaced.take();
            let record = LogRecord {
                deletes: replaced.map(|keys| Deletes { partition: delete_scope(&collection, &partitions), keys }),
                inserts: rows.by_partition(&collection.schema, &partitions),
            };
            let rows = keys.len() as u64;
            let outcome = insert.request.id.map(|request| WriteOutcome { request, rows, first_id });
            let durability = insert.request.durability;
            let (at, applied) = self.append(&collection, &runtime, record, (outcome, durability)).await?;
            (Written { at, keys }, applied)
        };
        applied.await;
        self.flush_if_large(id, &runtime);
        Ok(written)
    }

    /// While the log is so long that the data node could not take it in much longer, rows wait for the flush that it has coming.
    async fn wait_for_flush(&self, runtime: &Runtime) {
        let is_long = runtime.log.borrow().bytes >= LONGEST_LOG * self.config.flush_log_bytes;
        if is_long && runtime.flush_scheduled.get() {
            drop(runtime.maintaining.lock().await);
        }
    }

    /// Deletes by filter; returns how many keys. A filter that names the primary keys needs nothing loaded; rows of any other
    /// are searched for first.
    pub(super) async fn delete(self: &Rc<Self>, target: Target<'_>, delete: Delete<'_>) -> Result<u64> {
        let id = self.resolve(target.collection)?.id;
        let runtime = self.runtime(id);
        match self.delete_once(id, &runtime, &target, &delete).await {
            Err(Error::CollectionNotFullyLoaded { .. } | Error::LoadFailed { .. }) => {}
            // Of its death this may be the first that is heard.
            Err(Error::NodeOffline { node }) => self.node_died(&node),
            done => return done,
        }
        // What it has to search comes back: who asks need not know that the owner or a node has changed.
        self.recovered(id, &runtime).await;
        self.delete_once(id, &runtime, &target, &delete).await
    }

    async fn delete_once(
        self: &Rc<Self>,
        id: CollectionId,
        runtime: &Rc<Runtime>,
        target: &Target<'_>,
        delete: &Delete<'_>,
    ) -> Result<u64> {
        let (deleted, applied) = {
            let _turn = runtime.writing.lock().await;
            if let Some((_, outcome)) = self.recall(id, runtime, delete.request).await? {
                return Ok(outcome.rows);
            }
            let collection = self.expect_collection(id, target)?;
            let partition = delete_partition(&collection, target.partition)?;
            let keys = self.keys_to_delete(&collection, runtime, partition, delete).await?;
            let deleted = keys.len() as u64;
            if deleted == 0 {
                return Ok(0);
            }
            let record = LogRecord { deletes: Some(Deletes { partition, keys }), inserts: Vec::new() };
            let outcome = |request| WriteOutcome { request, rows: deleted, first_id: None };
            let asked = (delete.request.id.map(outcome), delete.request.durability);
            let (_, applied) = self.append(&collection, runtime, record, asked).await?;
            (deleted, applied)
        };
        applied.await;
        self.flush_if_large(id, runtime);
        Ok(deleted)
    }

    async fn keys_to_delete(
        &self,
        collection: &Collection,
        runtime: &Runtime,
        partition: Option<PartitionId>,
        delete: &Delete<'_>,
    ) -> Result<PrimaryKeys> {
        if delete.expr.trim().is_empty() {
            return Err(Error::invalid("delete plan can't be empty or always true"));
        }
        let filter = Filter::parse(delete.expr, delete.templates, &collection.schema, None)
            .map_err(|error| error.during("failed to create delete plan"))?;
        if let Some(keys) = filter.primary_keys() {
            return Ok(keys);
        }
        let nodes = self.serving_nodes(collection, runtime, partition.as_slice())?;
        let (expr, templates) = (delete.expr.to_owned(), delete.templates.clone());
        let command = NodeCommand::MatchingKeys { expr, templates, partition };
        let mut found: Option<PrimaryKeys> = None;
        for answer in join_all(nodes.iter().map(|node| self.nodes.call(node, command.clone(), None))).await {
            match (answer?, &mut found) {
                (NodeAnswer::Keys(keys), None) => found = Some(keys),
                (NodeAnswer::Keys(keys), Some(found)) => found.extend(keys),
                _ => return Err(Error::Unexpected("a query node did not answer with keys".into())),
            }
        }
        // Of nodes that share a shard, several may have rows of one key.
        let may_repeat = runtime.serving.borrow().as_ref().is_some_and(|serving| serving.nodes.share_shards());
        let found = if may_repeat { found.map(PrimaryKeys::into_distinct) } else { found };
        found.ok_or_else(|| Error::Unexpected("a collection without query nodes was asked for keys".into()))
    }

    /// The collection as it is after a wait.
    fn expect_collection(&self, id: CollectionId, target: &Target<'_>) -> Result<Collection> {
        self.collection(id).ok_or_else(|| target.collection.not_found())
    }

    /// Commits one record; the caller holds `writing`. The future that comes back ends when the nodes that hold the
    /// collection have applied it.
    async fn append(
        self: &Rc<Self>,
        collection: &Collection,
        runtime: &Runtime,
        mut record: LogRecord,
        (outcome, durability): (Option<WriteOutcome>, Durability),
    ) -> Result<(Timestamp, LocalBoxFuture<'static, ()>)> {
        let written = self.tick();
        let bytes = record.encode();
        let log = with_record(&runtime.log.borrow(), written, &record, bytes.len());
        // What this instance takes for a large write it keeps.
        record.inserts.clear();
        let mut batch = WriteBatch::new(self.epoch.get(), durability);
        let for_nodes: Option<Rc<[u8]>> = runtime.serving.borrow().as_ref().map(|_| bytes.as_slice().into());
        batch.put(Store::Log, log_key(collection.id, written), bytes);
        batch.put_log_summary(collection.id, &log);
        if let Some(outcome) = outcome {
            batch.put_write_outcome(collection.id, written, &outcome);
        }
        self.commit(batch).await?;
        runtime.written_bytes.update(|before| before + log.bytes - runtime.log.borrow().bytes);
        *runtime.log.borrow_mut() = log;
        let mut calls = Vec::new();
        // A node that came while the record was committed reads it in the log.
        if let (Some(serving), Some(whole)) = (runtime.serving.borrow().as_ref(), for_nodes) {
            let told: Vec<(NodeId, bool)> = serving.told_of_write(record.deletes.is_some()).collect();
            let deletes: Option<Rc<[u8]>> =
                told.iter().any(|(_, has_growing)| !has_growing).then(|| record.encode().into());
            for (node, has_growing) in told {
                let bytes = deletes.clone().filter(|_| !has_growing).unwrap_or_else(|| whole.clone());
                calls.push((self.nodes.call(&node, NodeCommand::Apply { written }, Some(bytes)), node));
            }
        }
        let coordinator = self.clone();
        let applied = async move {
            for (call, node) in calls {
                // The write stands either way: a node that dies or fails is replaced by one that reads the log.
                match call.await {
                    Ok(_) | Err(Error::NodeOffline { .. }) => {}
                    Err(_) => coordinator.node_failed(&node),
                }
            }
        };
        let applied: LocalBoxFuture<'static, ()> = Box::pin(applied);
        Ok((written, applied))
    }
}

/// The keys of rows that were written before: those that they were given, or those of the request.
fn keys_of(collection: &Collection, rows: &Batch, outcome: &WriteOutcome) -> PrimaryKeys {
    let key = collection.schema.primary_key();
    let generated = |first_id| PrimaryKeys::generated(key.data_type, first_id, outcome.rows as usize);
    let given = || rows.column(&key.name).and_then(PrimaryKeys::from_column);
    outcome.first_id.map(generated).or_else(given).unwrap_or_else(|| PrimaryKeys::Int64(Vec::new()))
}

fn with_record(log: &LogSummary, written: Timestamp, record: &LogRecord, bytes: usize) -> LogSummary {
    let mut log = log.clone();
    log.last = written;
    log.bytes += bytes as u64;
    log.has_deletes |= record.deletes.is_some();
    for (partition, batch) in &record.inserts {
        *log.inserted_rows.entry(*partition).or_default() += batch.rows as u64;
    }
    log
}

/// Where inserted rows may go: one partition, or all of them by the hash of the partition key.
pub(super) fn insert_partitions(collection: &Collection, name: &str) -> Result<Vec<PartitionId>> {
    if collection.uses_partition_key() {
        collection.schema.check_named_partitions(!name.is_empty())?;
        return Ok(collection.partitions.iter().map(|partition| partition.id).collect());
    }
    let name = if name.is_empty() { super::collection::DEFAULT_PARTITION } else { name };
    Ok(partition_ids(collection, &[name.to_owned()])?.into_iter().collect())
}

/// Where rows may be deleted: `None` for everywhere.
fn delete_partition(collection: &Collection, name: &str) -> Result<Option<PartitionId>> {
    collection.schema.check_named_partitions(!name.is_empty())?;
    if name.is_empty() { Ok(None) } else { Ok(Some(collection.expect_partition(name)?.id)) }
}

/// An upsert replaces what its partition has; with a partition key a row may have been in any.
fn delete_scope(collection: &Collection, partitions: &[PartitionId]) -> Option<PartitionId> {
    if collection.uses_partition_key() { None } else { partitions.first().copied() }
}
