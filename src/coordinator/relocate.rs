//! Giving memory back after a part was released: linear memory never shrinks, so what remains moves to fresh nodes.

use super::{Coordinator, Runtime};
use crate::catalog::Collection;
use crate::cluster::{LoadPlan, NodeCommand, NodeId, NodeKind, Nodes};
use crate::error::{Error, Result};
use crate::ids::{CollectionId, PartitionId};
use crate::platform::Platform;
use crate::segment::Shard;
use futures::FutureExt;
use futures::future::{join_all, try_join_all};
use std::collections::BTreeSet;
use std::rc::Rc;

impl<P: Platform, N: Nodes> Coordinator<P, N> {
    /// Moves what remains loaded of a collection when that gives back enough. Searches go on meanwhile, on the old nodes.
    pub(super) fn relocate_if_worth(self: &Rc<Self>, before: &Collection, released: &BTreeSet<PartitionId>) {
        let Some(record) = &before.load else { return };
        let given_back = released.intersection(&record.partitions);
        let given_back_bytes: u64 = given_back.map(|partition| self.bytes_to_read(before, record, *partition)).sum();
        if given_back_bytes < self.config.relocate_bytes {
            return;
        }
        let (coordinator, id) = (self.clone(), before.id);
        let task = async move {
            let runtime = coordinator.runtime(id);
            let _moving = runtime.moving.lock().await;
            // The second copy takes room that a load must not count on.
            let _admission = coordinator.admitting.lock().await;
            if !coordinator.has_room_for_copy(id, &runtime).await {
                return;
            }
            let shards = runtime.serving.borrow().as_ref().map_or(0, |serving| serving.nodes.len());
            let successors = coordinator.new_nodes(shards as u32);
            if coordinator.relocate(id, &runtime, &successors).await.is_err() {
                // What was loaded stays where it is, and the next release tries again.
                coordinator.dismiss_companions(&runtime, &successors);
            }
        };
        self.platform.spawn(task.boxed_local());
    }

    fn dismiss_companions(&self, runtime: &Runtime, nodes: &[NodeId]) {
        if let Some(serving) = runtime.serving.borrow_mut().as_mut()
            && serving.companions == nodes
        {
            serving.companions.clear();
        }
        nodes.iter().for_each(|node| self.nodes.end(node));
    }

    /// The caller holds `moving`.
    async fn relocate(self: &Rc<Self>, id: CollectionId, runtime: &Rc<Runtime>, successors: &[NodeId]) -> Result<()> {
        let moved_on = || Error::Unexpected("the collection was released or moved meanwhile".into());
        let old = {
            let serving = runtime.serving.borrow();
            let serving = serving.as_ref().filter(|serving| serving.started && !serving.loaded.is_empty());
            serving.map(|serving| serving.nodes.clone()).ok_or_else(moved_on)?
        };
        try_join_all(successors.iter().map(|node| self.nodes.start(NodeKind::Query, node))).await?;
        let calls = {
            // From here on both old and new nodes are told of every write.
            let _turn = runtime.writing.lock().await;
            let collection = self.collection(id).ok_or_else(moved_on)?;
            let record = collection.load.as_ref().ok_or_else(moved_on)?;
            let mut serving = runtime.serving.borrow_mut();
            let serving = serving.as_mut().filter(|serving| serving.nodes == old).ok_or_else(moved_on)?;
            let loaded = serving.loaded.intersection(&record.partitions).copied().collect();
            serving.companions = successors.to_vec();
            let shards = Shard::all(successors.len() as u32).zip(successors);
            let calls = shards.map(|(shard, node)| {
                let plan = LoadPlan::new(&collection, record, &loaded, shard);
                self.nodes.call(node, NodeCommand::Load(Box::new(plan)), None)
            });
            calls.collect::<Vec<_>>()
        };
        try_join_all(calls).await?;
        self.publish(successors).await?;
        {
            let _turn = runtime.writing.lock().await;
            let mut serving = runtime.serving.borrow_mut();
            let serving = serving.as_mut().filter(|serving| serving.nodes == old).ok_or_else(moved_on)?;
            serving.nodes = successors.to_vec();
            serving.version = self.tick().0;
            // Until they are retired the old nodes answer callers who know no better: they go on being told of every write.
            serving.companions = old.clone();
        }
        // A successor that died just before the switch was nobody's yet, and nobody was told.
        for successor in successors {
            if let Err(Error::NodeOffline { .. }) = self.nodes.call(successor, NodeCommand::Memory, None).await {
                self.node_died(successor);
            }
        }
        // Requests that reach the old nodes from now on are sent on; those that they are answering are waited for.
        let retired = old.iter().map(|node| self.nodes.call(node, NodeCommand::Retire, None));
        drop(join_all(retired.collect::<Vec<_>>()).await);
        self.dismiss_companions(runtime, &old);
        Ok(())
    }
}
