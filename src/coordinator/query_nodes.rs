//! The query nodes of a collection, and which sealed segments each has: those of a shard that is large are shared out among
//! several.

use super::load_limits::MAX_QUERY_NODES;
use super::{Coordinator, Runtime};
use crate::catalog::{Collection, LoadRecord};
use crate::cluster::{Held, NodeId, Nodes, PartitionSegments};
use crate::ids::{CollectionId, PartitionId, SegmentId};
use crate::platform::Platform;
use crate::segment::{Shard, Wanted};
use crate::sorted::{SortedMap, SortedSet};

/// More than these have no memory bandwidth left to gain, and each costs the caller a message.
const MAX_NODES_OF_SHARD: u64 = 4;
/// While there are fewer in all, so that many collections can still be loaded.
const ROOM_FOR_SEVERAL: usize = MAX_QUERY_NODES / 2;

#[derive(Debug, Clone)]
pub(super) struct QueryNodes {
    /// Shard after shard.
    pub ids: Vec<NodeId>,
    nodes_of_shard: u32,
    placed: SortedMap<SegmentId, u32>,
}

impl QueryNodes {
    /// Those that a write concerns, and whether they have growing rows: others need only what it deletes.
    pub fn told_of_write(&self, has_deletes: bool) -> impl Iterator<Item = (NodeId, bool)> {
        let nodes = self.ids.iter().zip(0..).map(|(id, node)| (id.clone(), self.has_growing(node)));
        nodes.filter(move |(_, has_growing)| has_deletes || *has_growing)
    }

    pub fn share_shards(&self) -> bool {
        self.nodes_of_shard > 1
    }

    /// What each node is to hold of some loaded partitions. A segment stays where it is; a new one goes to the node of its shard
    /// that has the fewest rows.
    pub fn share_out(&mut self, collection: &Collection, partitions: &SortedSet<PartitionId>) -> Vec<Held> {
        let is_loaded = |id| collection.load.as_ref().is_some_and(|load| load.partitions.contains(id));
        let mut rows_of_nodes = vec![0u64; self.ids.len()];
        let known = std::mem::take(&mut self.placed);
        for partition in collection.partitions.iter().filter(|it| partitions.contains(&it.id) || is_loaded(&it.id)) {
            for segment in &partition.segments {
                if let Some(node) = known.get(&segment.id) {
                    self.placed.insert(segment.id, *node);
                    rows_of_nodes[*node as usize] += u64::from(segment.rows);
                }
            }
        }
        let mut held = Vec::new();
        for node in 0..self.ids.len() as u32 {
            let of = self.ids.len() as u32 / self.nodes_of_shard;
            held.push(Held {
                shard: Shard { number: node / self.nodes_of_shard, of },
                has_growing: self.has_growing(node),
                is_shared: self.share_shards(),
                partitions: Vec::new(),
            });
        }
        for partition in collection.partitions.iter().filter(|partition| partitions.contains(&partition.id)) {
            for of_node in &mut held {
                of_node.partitions.push(PartitionSegments { id: partition.id, segments: Vec::new() });
            }
            for segment in &partition.segments {
                let first = segment.shard * self.nodes_of_shard;
                let of_shard = first..first + self.nodes_of_shard;
                let node = self.placed.get(&segment.id).copied().unwrap_or_else(|| {
                    let lightest = of_shard.min_by_key(|node| rows_of_nodes[*node as usize]);
                    lightest.expect("a shard has nodes")
                });
                if self.placed.insert(segment.id, node).is_none() {
                    rows_of_nodes[node as usize] += u64::from(segment.rows);
                }
                let of_partition = held[node as usize].partitions.last_mut().expect("there is one now");
                of_partition.segments.push(segment.clone());
            }
        }
        held
    }

    fn has_growing(&self, node: u32) -> bool {
        node.is_multiple_of(self.nodes_of_shard)
    }
}

impl<P: Platform, N: Nodes> Coordinator<P, N> {
    /// For what a record names; they have not been started yet.
    pub(super) fn new_nodes(&self, collection: &Collection, record: &LoadRecord) -> QueryNodes {
        let nodes_of_shard = self.nodes_of_shard(collection, record);
        let ids = self.new_node_ids(collection.shards_num * nodes_of_shard);
        QueryNodes { ids, nodes_of_shard, placed: SortedMap::new() }
    }

    pub(super) fn new_node_ids(&self, count: u32) -> Vec<NodeId> {
        (0..count).map(|_| self.new_node_id("query")).collect()
    }

    pub(super) fn new_node_id(&self, kind: &str) -> NodeId {
        format!("{kind}-{:x}-{}", self.tick().0, self.config.name)
    }

    /// As many as `new_nodes` makes.
    pub(super) fn node_count(&self, collection: &Collection, record: &LoadRecord) -> u32 {
        collection.shards_num * self.nodes_of_shard(collection, record)
    }

    /// One, or several where there is much to look at, there are cores for them, and not too many nodes yet.
    fn nodes_of_shard(&self, collection: &Collection, record: &LoadRecord) -> u32 {
        let is_vector = |id: &&_| collection.schema.field_by_id(**id).is_some_and(|field| field.dim.is_some());
        let wanted = Wanted {
            fields: record.fields.iter().filter(is_vector).copied().collect(),
            indexes: record.indexes.values().copied().collect(),
            // Wherever they are kept, searches look at codes and numbers, and at vectors only where there are none.
            left_in_files: Some(SortedSet::new()),
            before_searches: false,
        };
        let loaded = collection.partitions.iter().filter(|partition| record.partitions.contains(&partition.id));
        let searched_bytes: u64 = loaded.flat_map(|it| &it.segments).map(|segment| segment.bytes_of(&wanted)).sum();
        let shards = u64::from(collection.shards_num);
        let running: usize = self.served().iter().map(|(_, nodes)| nodes.len()).sum();
        let room = ROOM_FOR_SEVERAL.saturating_sub(running) as u64;
        let most = (u64::from(self.config.cores).min(room) / shards).clamp(1, MAX_NODES_OF_SHARD);
        (searched_bytes / shards / self.config.node_bytes.max(1)).clamp(1, most) as u32
    }

    /// Whether what is loaded of a collection has grown so that it should have more nodes.
    pub(super) fn has_outgrown(&self, id: CollectionId, runtime: &Runtime) -> bool {
        let Some(collection) = self.collection(id) else { return false };
        let wanted = collection.load.as_ref().map(|record| self.nodes_of_shard(&collection, record));
        let serving = runtime.serving.borrow();
        serving.as_ref().zip(wanted).is_some_and(|(serving, wanted)| wanted > serving.nodes.nodes_of_shard)
    }
}
