//! What loaded collections hold in memory, and where.

use super::Coordinator;
use super::describe::with_success;
use crate::catalog::Collection;
use crate::cluster::{NodeId, NodeMemory, Nodes, PartitionMemory};
use crate::platform::Platform;
use crate::sorted::SortedMap;
use serde::Serialize;
use serde_json::{Value, json};

#[derive(Serialize)]
struct CollectionMemory {
    db_name: String,
    collection_name: String,
    /// Of rows and indexes.
    bytes: u64,
    partitions: Vec<PartitionMemory>,
    nodes: Vec<NodeUsage>,
    /// Read from files since the nodes started, by field.
    read_bytes: SortedMap<String, u64>,
    /// Of what searches read from files until it is in memory.
    awaited_bytes: u64,
}

#[derive(Serialize)]
struct NodeUsage {
    node: NodeId,
    /// What it has taken from the system; this it gives back only by ending.
    instance_bytes: u64,
    /// What of that is in use.
    allocated_bytes: u64,
}

impl CollectionMemory {
    fn new(collection: &Collection, nodes: Vec<(NodeId, NodeMemory)>) -> Self {
        let mut partitions: SortedMap<String, PartitionMemory> = SortedMap::new();
        let mut read_bytes: SortedMap<String, u64> = SortedMap::new();
        let mut usage = Vec::new();
        let mut awaited_bytes = 0;
        for (node, memory) in nodes {
            usage.push(NodeUsage {
                node,
                instance_bytes: memory.instance.instance_bytes,
                allocated_bytes: memory.instance.allocated_bytes,
            });
            awaited_bytes += memory.awaited_bytes;
            for held in memory.partitions {
                let name = held.name.clone();
                let sum = partitions.entry(name).or_insert_with_key(|name| PartitionMemory::new(name.clone()));
                sum.add(held);
            }
            for (field, bytes) in memory.read_bytes {
                let name = collection.schema.field_by_id(field).map(|field| field.name.clone());
                *read_bytes.entry(name.unwrap_or_else(|| field.0.to_string())).or_default() += bytes;
            }
        }
        let bytes = partitions.values().map(|partition| partition.bytes).sum();
        CollectionMemory {
            db_name: collection.database.clone(),
            collection_name: collection.schema.name.clone(),
            bytes,
            partitions: partitions.into_values().collect(),
            nodes: usage,
            read_bytes,
            awaited_bytes,
        }
    }
}

impl<P: Platform, N: Nodes> Coordinator<P, N> {
    /// Of one collection, or of all that are loaded.
    pub(super) async fn memory_usage(&self, only: Option<&Collection>) -> Value {
        let mut collections = Vec::new();
        for (id, nodes) in self.served() {
            if only.is_some_and(|only| only.id != id) {
                continue;
            }
            let mut held = Vec::new();
            for node in nodes {
                held.extend(self.node_memory(&node).await.map(|memory| (node, memory)));
            }
            collections.extend(self.collection(id).map(|collection| CollectionMemory::new(&collection, held)));
        }
        let total_bytes: u64 = collections.iter().flat_map(|it| &it.nodes).map(|node| node.instance_bytes).sum();
        with_success(json!({
            "total_bytes": total_bytes,
            "limit_bytes": self.config.memory_limit_bytes,
            "collections": collections,
        }))
    }
}
