//! The write path: check, give it a time, commit it to the log, tell the query nodes.

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
use crate::value::PrimaryKeys;
use futures::future::{LocalBoxFuture, join_all};
use std::rc::Rc;

pub(super) struct Written {
    pub at: Timestamp,
    pub keys: PrimaryKeys,
}

/// Ends when the nodes that hold the collection have applied a write.
pub(super) type Applied = LocalBoxFuture<'static, ()>;

/// What a write leaves in the log.
pub(super) struct LogWrite {
    pub record: LogRecord,
    pub outcome: Option<WriteOutcome>,
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
        let (deleted, appended) = {
            runtime.deletes_called.update(|called| called + 1);
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
            let write = LogWrite { record, outcome: delete.request.id.map(outcome) };
            let appended = self.append(&collection, runtime, vec![write], delete.request.durability).await?;
            (deleted, appended)
        };
        for (_, applied) in appended {
            applied.await;
        }
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
    pub(super) fn expect_collection(&self, id: CollectionId, target: &Target<'_>) -> Result<Collection> {
        self.collection(id).ok_or_else(|| target.collection.not_found())
    }

    /// Commits records, all or none, and gives each a time; the caller holds `writing`.
    pub(super) async fn append(
        self: &Rc<Self>,
        collection: &Collection,
        runtime: &Runtime,
        writes: Vec<LogWrite>,
        durability: Durability,
    ) -> Result<Vec<(Timestamp, Applied)>> {
        let mut batch = WriteBatch::new(self.epoch.get(), durability);
        let mut log = runtime.log.borrow().clone();
        let is_served = runtime.serving.borrow().is_some();
        let mut appended = Vec::with_capacity(writes.len());
        for LogWrite { mut record, outcome } in writes {
            let written = self.tick();
            let bytes = record.encode();
            add_record(&mut log, written, &record, bytes.len());
            // What this instance takes for a large write it keeps.
            record.inserts.clear();
            let for_nodes: Option<Rc<[u8]>> = is_served.then(|| bytes.as_slice().into());
            batch.put(Store::Log, log_key(collection.id, written), bytes);
            if let Some(outcome) = outcome {
                batch.put_write_outcome(collection.id, written, &outcome);
            }
            appended.push((written, record, for_nodes));
        }
        batch.put_log_summary(collection.id, &log);
        self.commit(batch).await?;
        runtime.written_bytes.update(|before| before + log.bytes - runtime.log.borrow().bytes);
        *runtime.log.borrow_mut() = log;
        let told = |(written, record, for_nodes)| (written, self.tell_nodes(runtime, written, &record, for_nodes));
        Ok(appended.into_iter().map(told).collect())
    }

    fn tell_nodes(
        self: &Rc<Self>,
        runtime: &Runtime,
        written: Timestamp,
        without_rows: &LogRecord,
        whole: Option<Rc<[u8]>>,
    ) -> Applied {
        let mut calls = Vec::new();
        // A node that came while the record was committed reads it in the log.
        if let (Some(serving), Some(whole)) = (runtime.serving.borrow().as_ref(), whole) {
            let told: Vec<(NodeId, bool)> = serving.told_of_write(without_rows.deletes.is_some()).collect();
            let deletes: Option<Rc<[u8]>> =
                told.iter().any(|(_, has_growing)| !has_growing).then(|| without_rows.encode().into());
            for (node, has_growing) in told {
                let bytes = deletes.clone().filter(|_| !has_growing).unwrap_or_else(|| whole.clone());
                calls.push((self.nodes.call(&node, NodeCommand::Apply { written }, Some(bytes)), node));
            }
        }
        let coordinator = self.clone();
        Box::pin(async move {
            for (call, node) in calls {
                // The write stands either way: a node that dies or fails is replaced by one that reads the log.
                match call.await {
                    Ok(_) | Err(Error::NodeOffline { .. }) => {}
                    Err(_) => coordinator.node_failed(&node),
                }
            }
        })
    }
}

fn add_record(log: &mut LogSummary, written: Timestamp, record: &LogRecord, bytes: usize) {
    log.last = written;
    log.bytes += bytes as u64;
    log.has_deletes |= record.deletes.is_some();
    for (partition, batch) in &record.inserts {
        *log.inserted_rows.entry(*partition).or_default() += batch.rows as u64;
    }
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
