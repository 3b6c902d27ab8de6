//! What fits: a load is weighed before anything is read, and refused with the figures when there is no room for it.

use super::{Coordinator, Runtime, Serving};
use crate::catalog::{Collection, LoadRecord};
use crate::cluster::{NodeAnswer, NodeCommand, NodeId, NodeMemory, Nodes};
use crate::error::{Error, Result};
use crate::ids::{CollectionId, PartitionId};
use crate::platform::Platform;
use crate::segment::Wanted;
use crate::sorted::SortedSet;
use crate::storage::Files;
use std::rc::Rc;

/// More instances than this and a browser's renderer runs out of them.
pub(super) const MAX_QUERY_NODES: usize = 100;

/// What an instance takes before it has loaded anything.
pub(super) const EMPTY_NODE_BYTES: u64 = 2 << 20;

impl<P: Platform, N: Nodes> Coordinator<P, N> {
    /// Whether there is room for what a record names beyond what the collection has loaded.
    pub(super) async fn check_room(
        &self,
        collection: &Collection,
        runtime: &Runtime,
        wanted: &LoadRecord,
    ) -> Result<()> {
        let is_served = runtime.serving.borrow().is_some();
        let own_nodes = match runtime.serving.borrow().as_ref() {
            Some(serving) => serving.nodes.ids.len(),
            None => self.node_count(collection, wanted) as usize,
        };
        let new_nodes = if is_served { 0 } else { own_nodes };
        let nodes: usize = self.served().iter().map(|(_, nodes)| nodes.len()).sum();
        if nodes + new_nodes > MAX_QUERY_NODES {
            let text =
                "failed to load collection: no more query nodes fit into this browser, release a collection first";
            let (available, wanted) = (MAX_QUERY_NODES as u32, (nodes + new_nodes) as u32);
            return Err(Error::ResourceInsufficient { text: text.into(), available, wanted });
        }
        let Some(limit_bytes) = self.config.memory_limit_bytes else { return Ok(()) };
        let known = collection.load.as_ref().map(|load| load.partitions.clone()).unwrap_or_default();
        let mut after = wanted.clone();
        after.partitions.extend(known.iter().copied());
        if after.partitions == known {
            return Ok(());
        }
        let [now_bytes, after_bytes] = [&known, &after.partitions].map(|partitions| {
            let nodes = if partitions.is_empty() { 0 } else { own_nodes as u64 };
            nodes * EMPTY_NODE_BYTES + self.bytes_to_hold(collection, runtime, wanted, partitions)
        });
        // An instance that has once been larger has room for what comes.
        let instance_bytes = self.instance_bytes(runtime).await;
        let own_bytes = instance_bytes.max(after_bytes);
        let predicted_bytes = self.held_bytes(Some(collection.id)).await + own_bytes;
        if predicted_bytes > limit_bytes {
            let name = &collection.schema.name;
            let added_bytes = after_bytes - now_bytes;
            let doing = format!("failed to load collection {name}, it needs {added_bytes} more bytes");
            let cause = Box::new(Error::MemoryLimitExceeded { predicted_bytes, limit_bytes });
            return Err(Error::While { doing: doing.into(), cause });
        }
        Ok(())
    }

    /// Whether a second copy of what a collection has loaded fits beside the first.
    pub(super) async fn has_room_for_copy(&self, id: CollectionId, runtime: &Runtime) -> bool {
        let Some(limit_bytes) = self.config.memory_limit_bytes else { return true };
        let Some(collection) = self.collection(id) else { return false };
        let Some(record) = &collection.load else { return false };
        let nodes = self.node_count(&collection, record);
        let copy_bytes =
            u64::from(nodes) * EMPTY_NODE_BYTES + self.bytes_to_hold(&collection, runtime, record, &record.partitions);
        self.held_bytes(None).await + copy_bytes <= limit_bytes
    }

    /// What the query nodes of all collections but one hold, or will when what they load has arrived.
    async fn held_bytes(&self, but: Option<CollectionId>) -> u64 {
        let mut bytes = 0;
        for (id, nodes) in self.served().into_iter().filter(|(id, _)| but != Some(*id)) {
            let runtime = self.runtime(id);
            let instance_bytes = self.instance_bytes(&runtime).await;
            let expected_bytes = self.collection(id).and_then(|collection| {
                let record = collection.load.as_ref()?;
                let rows = self.bytes_to_hold(&collection, &runtime, record, &record.partitions);
                Some(nodes.len() as u64 * EMPTY_NODE_BYTES + rows)
            });
            bytes += instance_bytes.max(expected_bytes.unwrap_or(0));
        }
        bytes
    }

    /// What a collection's nodes have taken from the system, those included to which it moves.
    async fn instance_bytes(&self, runtime: &Runtime) -> u64 {
        let nodes = runtime.serving.borrow().as_ref().map(Serving::told_nodes).unwrap_or_default();
        let mut bytes = 0;
        for node in nodes {
            bytes += self.node_memory(&node).await.map_or(0, |memory| memory.instance.instance_bytes);
        }
        bytes
    }

    /// Of some partitions: the columns and indexes of a record's fields, and the rows that only the log has.
    fn bytes_to_hold(
        &self,
        collection: &Collection,
        runtime: &Runtime,
        record: &LoadRecord,
        partitions: &SortedSet<PartitionId>,
    ) -> u64 {
        let sealed: u64 = partitions.iter().map(|partition| self.bytes_to_read(collection, record, *partition)).sum();
        let log = runtime.log.borrow();
        let rows = |counted: &dyn Fn(&PartitionId) -> bool| -> u64 {
            log.inserted_rows.iter().filter(|(partition, _)| counted(partition)).map(|(_, rows)| *rows).sum()
        };
        let all_rows = rows(&|_| true).max(1);
        sealed + log.bytes * rows(&|partition| partitions.contains(partition)) / all_rows
    }

    pub(super) async fn node_memory(&self, node: &NodeId) -> Option<NodeMemory> {
        match self.nodes.call(node, NodeCommand::Memory, None).await {
            Ok(NodeAnswer::Memory(memory)) => Some(memory),
            _ => None,
        }
    }

    /// The nodes of every collection that has any.
    pub(super) fn served(&self) -> Vec<(CollectionId, Vec<NodeId>)> {
        let runtimes = self.runtimes.borrow();
        let nodes = |runtime: &Rc<Runtime>| runtime.serving.borrow().as_ref().map(|serving| serving.nodes.ids.clone());
        runtimes.iter().filter_map(|(id, runtime)| Some((*id, nodes(runtime)?))).collect()
    }

    /// What a load of a record reads of a partition's sealed segments.
    pub(super) fn bytes_to_read(&self, collection: &Collection, record: &LoadRecord, partition: PartitionId) -> u64 {
        self.bytes_of_load(collection, record, partition, false)
    }

    /// The same before searches are answered.
    pub(super) fn bytes_before_searches(
        &self,
        collection: &Collection,
        record: &LoadRecord,
        partition: PartitionId,
    ) -> u64 {
        self.bytes_of_load(collection, record, partition, true)
    }

    fn bytes_of_load(
        &self,
        collection: &Collection,
        record: &LoadRecord,
        partition: PartitionId,
        before_searches: bool,
    ) -> u64 {
        let left_in_files = self.platform.files().reads_rows_quickly().then(|| {
            let mapped = collection.indexes.iter().filter(|index| index.is_mapped(&collection.schema));
            mapped.map(|index| index.id).collect()
        });
        let indexes = record.indexes.values().copied().collect();
        let wanted = Wanted { fields: record.fields.clone(), indexes, left_in_files, before_searches };
        let segments = collection.partition_by_id(partition).into_iter().flat_map(|partition| &partition.segments);
        segments.map(|segment| segment.bytes_of(&wanted)).sum()
    }
}
