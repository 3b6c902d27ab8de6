//! Giving memory back after a part was released: linear memory never shrinks, so what remains moves to a fresh node.

use super::{Coordinator, Runtime};
use crate::catalog::Collection;
use crate::cluster::{LoadPlan, NodeCommand, NodeId, NodeKind, Nodes};
use crate::error::{Error, Result};
use crate::ids::{CollectionId, PartitionId};
use crate::platform::Platform;
use futures::FutureExt;
use std::collections::BTreeSet;
use std::rc::Rc;

impl<P: Platform, N: Nodes> Coordinator<P, N> {
    /// Moves what remains loaded of a collection when that gives back enough. Searches go on meanwhile, on the old node.
    pub(super) fn relocate_if_worth(self: &Rc<Self>, before: &Collection, released: &BTreeSet<PartitionId>) {
        if bytes_loaded(before, released) < self.config.relocate_bytes {
            return;
        }
        let (coordinator, id) = (self.clone(), before.id);
        let task = async move {
            let runtime = coordinator.runtime(id);
            let _moving = runtime.moving.lock().await;
            let successor = format!("query-{:x}", coordinator.tick().0);
            if coordinator.relocate(id, &runtime, &successor).await.is_err() {
                // What was loaded stays where it is, and the next release tries again.
                coordinator.dismiss_companion(&runtime, &successor);
            }
        };
        self.platform.spawn(task.boxed_local());
    }

    fn dismiss_companion(&self, runtime: &Runtime, node: &NodeId) {
        if let Some(serving) = runtime.serving.borrow_mut().as_mut() {
            serving.companion.take_if(|companion| companion == node);
        }
        self.nodes.end(node);
    }

    /// The caller holds `moving`.
    async fn relocate(self: &Rc<Self>, id: CollectionId, runtime: &Rc<Runtime>, successor: &NodeId) -> Result<()> {
        let moved_on = || Error::Unexpected("the collection was released or moved meanwhile".into());
        let old = {
            let serving = runtime.serving.borrow();
            let serving = serving.as_ref().filter(|serving| serving.started && !serving.loaded.is_empty());
            serving.map(|serving| serving.node.clone()).ok_or_else(moved_on)?
        };
        self.nodes.start(NodeKind::Query, successor).await?;
        let call = {
            // From here on both nodes are told of every write.
            let _turn = runtime.writing.lock().await;
            let collection = self.collection(id).ok_or_else(moved_on)?;
            let record = collection.load.as_ref().ok_or_else(moved_on)?;
            let mut serving = runtime.serving.borrow_mut();
            let serving = serving.as_mut().filter(|serving| serving.node == old).ok_or_else(moved_on)?;
            let plan = LoadPlan::new(&collection, record, |partition| serving.loaded.contains(&partition));
            serving.companion = Some(successor.clone());
            self.nodes.call(successor, NodeCommand::Load(Box::new(plan)), None)
        };
        call.await?;
        {
            let _turn = runtime.writing.lock().await;
            let mut serving = runtime.serving.borrow_mut();
            let serving = serving.as_mut().filter(|serving| serving.node == old).ok_or_else(moved_on)?;
            serving.node = successor.clone();
            serving.version = self.tick().0;
            // Until it is retired the old node answers callers who know no better: it goes on being told of every write.
            serving.companion = Some(old.clone());
        }
        // A successor that died just before the switch was nobody's yet, and nobody was told.
        if let Err(Error::NodeOffline { .. }) = self.nodes.call(successor, NodeCommand::Progress, None).await {
            self.node_died(successor);
        }
        // Requests that reach the old node from now on are sent on; those that it is answering are waited for.
        drop(self.nodes.call(&old, NodeCommand::Retire, None).await);
        self.dismiss_companion(runtime, &old);
        Ok(())
    }
}

/// Bytes that the loaded fields of some partitions have in sealed segments.
fn bytes_loaded(collection: &Collection, partitions: &BTreeSet<PartitionId>) -> u64 {
    let Some(record) = &collection.load else { return 0 };
    let chosen =
        collection.partitions.iter().filter(|it| record.partitions.contains(&it.id) && partitions.contains(&it.id));
    let columns = chosen.flat_map(|it| &it.segments).flat_map(|segment| &segment.column_bytes);
    columns.filter(|(field, _)| record.fields.contains(field)).map(|(_, bytes)| bytes).sum()
}
