//! Giving memory back after a part was released, or rows were written into files that need not be in memory: linear memory
//! never shrinks, so what remains moves to fresh nodes.

use super::load_limits::EMPTY_NODE_BYTES;
use super::query_nodes::QueryNodes;
use super::{Coordinator, Runtime};
use crate::catalog::Collection;
use crate::cluster::{LoadPlan, NodeCommand, NodeId, NodeKind, Nodes};
use crate::error::{Error, Result};
use crate::ids::{CollectionId, PartitionId};
use crate::platform::Platform;
use crate::sorted::SortedSet;
use futures::FutureExt;
use futures::future::{join_all, try_join_all};
use std::rc::Rc;

/// A collection whose segments do not change for so long is not being filled.
const QUIET_MS: u32 = 2_000;

impl<P: Platform, N: Nodes> Coordinator<P, N> {
    /// Moves what remains loaded of a collection when that gives back enough. Searches go on meanwhile, on the old nodes.
    pub(super) fn relocate_if_worth(self: &Rc<Self>, before: &Collection, released: &SortedSet<PartitionId>) {
        let Some(record) = &before.load else { return };
        let given_back = released.intersection(&record.partitions);
        let given_back_bytes: u64 = given_back.map(|partition| self.bytes_to_read(before, record, *partition)).sum();
        if given_back_bytes >= self.config.relocate_bytes {
            self.relocate_in_background(before.id);
        }
    }

    /// The same once the nodes have followed all commits of segments, if they then have more from the system than they use, or
    /// the collection should have more of them.
    pub(super) fn relocate_when_quiet(self: &Rc<Self>, id: CollectionId, runtime: &Runtime) {
        runtime.refreshes.set(runtime.refreshes.get() + 1);
        if runtime.refreshes.get() > 1 {
            return;
        }
        let (coordinator, runtime) = (self.clone(), self.runtime(id));
        let task = async move {
            loop {
                let seen = runtime.refreshes.get();
                coordinator.platform.sleep(QUIET_MS).await;
                if runtime.refreshes.get() == seen {
                    break;
                }
            }
            runtime.refreshes.set(0);
            let unused_bytes = coordinator.unused_bytes(&runtime).await;
            // Growing rows would only be copied.
            let is_wasteful =
                unused_bytes.saturating_sub(runtime.log.borrow().bytes) >= coordinator.config.relocate_bytes;
            if is_wasteful || coordinator.has_outgrown(id, &runtime) {
                coordinator.relocate_in_background(id);
            }
        };
        self.platform.spawn(task.boxed_local());
    }

    /// What a collection's nodes have from the system beyond what they use.
    async fn unused_bytes(&self, runtime: &Runtime) -> u64 {
        let nodes = runtime.serving.borrow().as_ref().map(|serving| serving.nodes.ids.clone()).unwrap_or_default();
        let memory = join_all(nodes.iter().map(|node| self.node_memory(node))).await;
        let instances = memory.into_iter().flatten().map(|memory| memory.instance);
        instances.map(|it| it.instance_bytes.saturating_sub(it.allocated_bytes + EMPTY_NODE_BYTES)).sum()
    }

    fn relocate_in_background(self: &Rc<Self>, id: CollectionId) {
        let coordinator = self.clone();
        let task = async move {
            let runtime = coordinator.runtime(id);
            let _moving = runtime.moving.lock().await;
            // The second copy takes room that a load must not count on.
            let _admission = coordinator.admitting.lock().await;
            if !coordinator.has_room_for_copy(id, &runtime).await {
                return;
            }
            let Some(collection) = coordinator.collection(id) else { return };
            let Some(record) = &collection.load else { return };
            let successors = coordinator.new_nodes(&collection, record);
            let ids = successors.ids.clone();
            if coordinator.relocate(id, &runtime, successors).await.is_err() {
                // What was loaded stays where it is, and the next release tries again.
                coordinator.dismiss_companions(&runtime, &ids);
            }
        };
        self.platform.spawn(task.boxed_local());
    }

    fn dismiss_companions(&self, runtime: &Runtime, nodes: &[NodeId]) {
        if let Some(serving) = runtime.serving.borrow_mut().as_mut()
            && serving.companions.as_ref().is_some_and(|companions| companions.ids == nodes)
        {
            serving.companions = None;
        }
        nodes.iter().for_each(|node| self.nodes.end(node));
    }

    /// The caller holds `moving`.
    async fn relocate(
        self: &Rc<Self>,
        id: CollectionId,
        runtime: &Rc<Runtime>,
        mut successors: QueryNodes,
    ) -> Result<()> {
        let moved_on = || Error::Unexpected("the collection was released or moved meanwhile".into());
        let old = {
            let serving = runtime.serving.borrow();
            let serving = serving.as_ref().filter(|serving| serving.started && !serving.loaded.is_empty());
            serving.map(|serving| serving.nodes.ids.clone()).ok_or_else(moved_on)?
        };
        try_join_all(successors.ids.iter().map(|node| self.nodes.start(NodeKind::Query, node))).await?;
        let calls = {
            // From here on both old and new nodes are told of every write.
            let _turn = runtime.writing.lock().await;
            let collection = self.collection(id).ok_or_else(moved_on)?;
            let record = collection.load.as_ref().ok_or_else(moved_on)?;
            let mut serving = runtime.serving.borrow_mut();
            let serving = serving.as_mut().filter(|serving| serving.nodes.ids == old).ok_or_else(moved_on)?;
            let loaded = serving.loaded.intersection(&record.partitions).copied().collect();
            let held = successors.share_out(&collection, &loaded);
            serving.companions = Some(successors.clone());
            let log = runtime.log.borrow();
            self.have_read(&successors.ids, held, |held| {
                NodeCommand::Load(Box::new(LoadPlan::new(&collection, record, held, &log)))
            })
        };
        try_join_all(calls).await?;
        self.publish(&successors.ids).await?;
        {
            let _turn = runtime.writing.lock().await;
            let mut serving = runtime.serving.borrow_mut();
            let serving = serving.as_mut().filter(|serving| serving.nodes.ids == old).ok_or_else(moved_on)?;
            let before = std::mem::replace(&mut serving.nodes, successors.clone());
            serving.version = self.tick().0;
            // Until they are retired the old nodes answer callers who know no better: they go on being told of every write.
            serving.companions = Some(before);
        }
        // A successor that died just before the switch was nobody's yet, and nobody was told.
        for successor in &successors.ids {
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
