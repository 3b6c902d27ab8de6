//! The write path: check, give it a time, commit it to the log, tell the query node.

use super::partition::partition_ids;
use super::{Coordinator, Runtime, Serving};
use crate::catalog::{CatalogBatch, Collection, LogSummary};
use crate::cluster::{NodeAnswer, NodeCommand, NodeId, Nodes};
use crate::error::{Error, Result};
use crate::expr::Filter;
use crate::ids::{PartitionId, Timestamp};
use crate::platform::Platform;
use crate::segment::{Deletes, LogRecord, log_key};
use crate::storage::{Durability, Store, WriteBatch};
use crate::value::{Batch, CheckedRows, PrimaryKeys, WriteMode, check_insert};
use futures::future::{LocalBoxFuture, join_all};
use std::collections::BTreeMap;
use std::rc::Rc;

pub(super) struct Written {
    pub at: Timestamp,
    pub keys: PrimaryKeys,
}

pub(super) struct Target<'a> {
    pub database: &'a str,
    pub collection: &'a str,
    /// Empty: the default partition for an insert, all partitions for a delete.
    pub partition: &'a str,
}

impl<P: Platform, N: Nodes> Coordinator<P, N> {
    /// Resolves when the log has the rows and, where they are loaded, they can be found.
    pub(super) async fn insert(self: &Rc<Self>, target: Target<'_>, rows: Batch, mode: WriteMode) -> Result<Written> {
        let collection = self.resolve(target.database, target.collection)?;
        let partitions = insert_partitions(&collection, target.partition)?;
        let mut rows = check_insert(&collection.schema, rows, mode)?;
        if rows.needs_ids() {
            rows.assign_ids(self.tick_many(rows.batch.rows as u64).0 as i64);
        }
        let record = LogRecord {
            deletes: rows
                .replaced
                .clone()
                .map(|keys| Deletes { partition: delete_scope(&collection, &partitions), keys }),
            inserts: split_by_partition(&collection, &partitions, &rows),
        };
        let keys = rows.keys;
        let runtime = self.runtime(collection.id);
        let (at, applied) = {
            let _turn = runtime.writing.lock().await;
            self.append(&collection, &runtime, record).await?
        };
        applied.await;
        self.flush_if_large(collection.id, &runtime);
        Ok(Written { at, keys })
    }

    /// Deletes by filter. One that names the primary keys needs nothing loaded; any other is searched for first.
    pub(super) async fn delete(
        self: &Rc<Self>,
        target: Target<'_>,
        expr: &str,
        templates: &BTreeMap<String, serde_json::Value>,
    ) -> Result<Written> {
        let collection = self.resolve(target.database, target.collection)?;
        if collection.uses_partition_key() && !target.partition.is_empty() {
            return Err(Error::invalid(
                "not support manually specifying the partition names if partition key mode is used",
            ));
        }
        let partition = match target.partition {
            "" => None,
            name => Some(collection.expect_partition(name)?.id),
        };
        if expr.trim().is_empty() {
            return Err(Error::invalid("delete plan can't be empty or always true"));
        }
        let filter = Filter::parse(expr, templates, &collection.schema, None)
            .map_err(|error| error.during("failed to create delete plan"))?;
        let runtime = self.runtime(collection.id);
        let (at, keys, applied) = {
            let _turn = runtime.writing.lock().await;
            let keys = match filter.primary_keys() {
                Some(keys) => keys,
                None => {
                    let nodes = self.serving_nodes(&collection, &runtime, partition.as_slice())?;
                    self.matching_keys(&nodes, expr, templates, partition).await?
                }
            };
            if keys.is_empty() {
                return Ok(Written { at: self.tick(), keys });
            }
            let deletes = Deletes { partition, keys: keys.clone() };
            let record = LogRecord { deletes: Some(deletes), inserts: Vec::new() };
            let (at, applied) = self.append(&collection, &runtime, record).await?;
            (at, keys, applied)
        };
        applied.await;
        self.flush_if_large(collection.id, &runtime);
        Ok(Written { at, keys })
    }

    /// Primary keys of the rows for which a filter is true, in all nodes of a collection.
    async fn matching_keys(
        &self,
        nodes: &[NodeId],
        expr: &str,
        templates: &BTreeMap<String, serde_json::Value>,
        partition: Option<PartitionId>,
    ) -> Result<PrimaryKeys> {
        let command = NodeCommand::MatchingKeys { expr: expr.to_owned(), templates: templates.clone(), partition };
        let mut found: Option<PrimaryKeys> = None;
        for answer in join_all(nodes.iter().map(|node| self.nodes.call(node, command.clone(), None))).await {
            match (answer?, &mut found) {
                (NodeAnswer::Keys(keys), None) => found = Some(keys),
                (NodeAnswer::Keys(keys), Some(found)) => found.extend(keys),
                (other, _) => return Err(Error::Unexpected(format!("a query node answered {other:?}"))),
            }
        }
        found.ok_or_else(|| Error::Unexpected("a collection without query nodes was asked for keys".into()))
    }

    /// Commits one record; the caller holds `writing`. The future that comes back ends when the nodes that hold the
    /// collection have applied it.
    async fn append(
        self: &Rc<Self>,
        collection: &Collection,
        runtime: &Runtime,
        record: LogRecord,
    ) -> Result<(Timestamp, LocalBoxFuture<'static, ()>)> {
        if runtime.dropped.get() {
            return Err(Error::CollectionNotFound {
                database: collection.database.clone(),
                collection: collection.schema.name.clone(),
            });
        }
        let written = self.tick();
        let bytes = record.encode();
        let log = with_record(&runtime.log.borrow(), written, &record, bytes.len());
        let durability = if self.config.strict_durability { Durability::Strict } else { Durability::Relaxed };
        let mut batch = WriteBatch::new(self.epoch.get(), durability);
        let for_nodes: Option<Rc<[u8]>> = runtime.serving.borrow().as_ref().map(|_| bytes.as_slice().into());
        batch.put(Store::Log, log_key(collection.id, written), bytes);
        batch.put_log_summary(collection.id, &log);
        self.commit(batch).await?;
        *runtime.log.borrow_mut() = log;
        let nodes = runtime.serving.borrow().as_ref().map(Serving::told_nodes).unwrap_or_default();
        // A node that came while the record was committed reads it in the log.
        let tell = |node: NodeId, bytes: Rc<[u8]>| {
            let call = self.nodes.call(&node, NodeCommand::Apply { written }, Some(bytes));
            (call, node)
        };
        let calls: Vec<_> = nodes.into_iter().filter_map(|node| Some(tell(node, for_nodes.clone()?))).collect();
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
fn insert_partitions(collection: &Collection, name: &str) -> Result<Vec<PartitionId>> {
    if collection.uses_partition_key() {
        if !name.is_empty() {
            return Err(Error::invalid(
                "not support manually specifying the partition names if partition key mode is used",
            ));
        }
        return Ok(collection.partitions.iter().map(|partition| partition.id).collect());
    }
    let name = if name.is_empty() { super::collection::DEFAULT_PARTITION } else { name };
    Ok(partition_ids(collection, &[name.to_owned()])?.into_iter().collect())
}

/// An upsert replaces what its partition has; with a partition key a row may have been in any.
fn delete_scope(collection: &Collection, partitions: &[PartitionId]) -> Option<PartitionId> {
    if collection.uses_partition_key() { None } else { partitions.first().copied() }
}

fn split_by_partition(
    collection: &Collection,
    partitions: &[PartitionId],
    rows: &CheckedRows,
) -> Vec<(PartitionId, Batch)> {
    if let [only] = partitions {
        return vec![(*only, rows.batch.clone())];
    }
    let mut rows_of: BTreeMap<PartitionId, Vec<u32>> = BTreeMap::new();
    for (row, partition) in rows.partition_of(&collection.schema, partitions.len()).into_iter().enumerate() {
        rows_of.entry(partitions[partition as usize]).or_default().push(row as u32);
    }
    rows_of.into_iter().map(|(partition, chosen)| (partition, rows.select(&chosen).batch)).collect()
}
