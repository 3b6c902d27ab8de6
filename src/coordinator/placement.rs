//! Which query node has which sealed segment: those of a shard that is large are shared out among several nodes.

use super::{Coordinator, Runtime};
use crate::catalog::{Collection, LoadRecord};
use crate::cluster::{Held, Nodes, PartitionSegments};
use crate::ids::{CollectionId, PartitionId, SegmentId};
use crate::platform::Platform;
use crate::segment::{Shard, Wanted};
use crate::sorted::{SortedMap, SortedSet};

/// More than these have no memory bandwidth left to gain, and each costs the caller a message.
const MAX_NODES_OF_SHARD: u64 = 4;

/// Nodes are counted shard after shard.
#[derive(Debug, Clone)]
pub(super) struct Placement {
    shards: u32,
    nodes_of_shard: u32,
    placed: SortedMap<SegmentId, u32>,
}

impl Placement {
    pub fn new(shards: u32, nodes_of_shard: u32) -> Self {
        Placement { shards, nodes_of_shard, placed: SortedMap::new() }
    }

    pub fn nodes(&self) -> u32 {
        self.shards * self.nodes_of_shard
    }

    /// What each node is to hold of some loaded partitions. A segment stays where it is; a new one goes to the node of its shard
    /// that has the fewest rows.
    pub fn share_out(&mut self, collection: &Collection, partitions: &SortedSet<PartitionId>) -> Vec<Held> {
        let is_loaded = |id| collection.load.as_ref().is_some_and(|load| load.partitions.contains(id));
        let mut rows_of_nodes = vec![0u64; self.nodes() as usize];
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
        for shard in Shard::all(self.shards) {
            for node in 0..self.nodes_of_shard {
                held.push(Held { shard, has_growing: node == 0, partitions: Vec::new() });
            }
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
}

impl<P: Platform, N: Nodes> Coordinator<P, N> {
    /// For what a record names: a node of each shard, or several where there is much to look at and there are cores for them.
    pub(super) fn placement(&self, collection: &Collection, record: &LoadRecord) -> Placement {
        let wanted = Wanted {
            fields: record.fields.clone(),
            indexes: record.indexes.values().copied().collect(),
            // Wherever they are kept, searches look at codes and numbers and not at vectors.
            left_in_files: Some(SortedSet::new()),
            before_searches: false,
        };
        let loaded = collection.partitions.iter().filter(|partition| record.partitions.contains(&partition.id));
        let searched_bytes: u64 = loaded.flat_map(|it| &it.segments).map(|segment| segment.bytes_of(&wanted)).sum();
        let shards = u64::from(collection.shards_num);
        let cores_of_shard = (u64::from(self.config.cores) / shards).clamp(1, MAX_NODES_OF_SHARD);
        let suitable = searched_bytes / shards / self.config.node_bytes.max(1);
        Placement::new(collection.shards_num, suitable.clamp(1, cores_of_shard) as u32)
    }

    /// Whether what is loaded of a collection has grown so that it should have more nodes.
    pub(super) fn has_outgrown(&self, id: CollectionId, runtime: &Runtime) -> bool {
        let Some(collection) = self.collection(id) else { return false };
        let wanted = collection.load.as_ref().map(|record| self.placement(&collection, record).nodes());
        let serving = runtime.serving.borrow();
        serving.as_ref().zip(wanted).is_some_and(|(serving, wanted)| wanted > serving.placement.nodes())
    }
}
