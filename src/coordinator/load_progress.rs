//! What is loaded, how far a load is, and where reads go.

use super::partition::partition_ids;
use super::{Coordinator, LoadTicket, Runtime, Serving};
use crate::catalog::Collection;
use crate::cluster::{NodeAnswer, NodeCommand, NodeId, NodeMemory, Nodes};
use crate::error::{Error, Result};
use crate::ids::PartitionId;
use crate::platform::Platform;
use crate::schema::names;
use futures::future::{Either, select};
use std::pin::pin;
use std::rc::Rc;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LoadState {
    NotExist,
    NotLoad,
    Loading,
    Loaded,
}

impl LoadState {
    pub fn name(self) -> &'static str {
        match self {
            LoadState::NotExist => "LoadStateNotExist",
            LoadState::NotLoad => "LoadStateNotLoad",
            LoadState::Loading => "LoadStateLoading",
            LoadState::Loaded => "LoadStateLoaded",
        }
    }
}

/// Where the reads of a collection go.
pub(super) struct Route {
    pub collection: Collection,
    pub version: u64,
    pub nodes: Vec<NodeId>,
}

impl<P: Platform, N: Nodes> Coordinator<P, N> {
    /// A name that nothing has is a state, not an error.
    pub(super) fn load_state(&self, database: &str, name: &str, partitions: &[String]) -> Result<LoadState> {
        names::check_collection(name)?;
        let collection = match self.resolve(database, name) {
            Err(Error::CollectionNotFound { .. }) => return Ok(LoadState::NotExist),
            found => found?,
        };
        match self.progress_of(&collection, partitions) {
            Ok(true) => Ok(LoadState::Loaded),
            Ok(false) => Ok(LoadState::Loading),
            Err(Error::CollectionNotLoaded { .. } | Error::PartitionNotLoaded { .. }) => Ok(LoadState::NotLoad),
            Err(error) => Err(error),
        }
    }

    /// Percent; 100 means searchable.
    pub(super) async fn loading_progress(&self, database: &str, name: &str, partitions: &[String]) -> Result<u32> {
        let collection = self.resolve(database, name)?;
        let runtime = self.runtime(collection.id);
        if self.progress_of(&collection, partitions)? {
            return Ok(100);
        }
        let started = runtime.serving.borrow().as_ref().filter(|serving| serving.started).map(|it| it.node.clone());
        let Some(node) = started else { return Ok(0) };
        let percent = match self.nodes.call(&node, NodeCommand::Progress, None).await {
            Ok(NodeAnswer::Progress(progress)) if progress.total_bytes > 0 => {
                (progress.loaded_bytes * 100 / progress.total_bytes).min(99) as u32
            }
            _ => 0,
        };
        // Meanwhile it may have ended.
        if self.progress_of(&collection, partitions).unwrap_or(false) {
            return Ok(100);
        }
        let mut serving = runtime.serving.borrow_mut();
        let Some(serving) = serving.as_mut().filter(|serving| serving.node == node) else { return Ok(0) };
        // A node that has just finished has nothing under way any more.
        serving.told_percent = serving.told_percent.max(percent);
        Ok(serving.told_percent)
    }

    /// Comes back when all that is asked for is loaded, refused or released, or after some time at the latest.
    pub(super) async fn await_load(&self, database: &str, name: &str, partitions: &[String], milliseconds: u32) {
        let Ok(collection) = self.resolve(database, name) else { return };
        let runtime = self.runtime(collection.id);
        let mut late = pin!(self.platform.sleep(milliseconds));
        while let Ok(false) = self.progress_of(&collection, partitions) {
            let Some(settled) = runtime.next_settled() else { return };
            if let Either::Right(_) = select(settled, late.as_mut()).await {
                return;
            }
        }
    }

    /// Whether all that is asked for is loaded; an error when some of it is not to be.
    fn progress_of(&self, collection: &Collection, partitions: &[String]) -> Result<bool> {
        let asked = partition_ids(collection, partitions)?;
        let runtime = self.runtime(collection.id);
        let Some(record) = self.collection(collection.id).and_then(|collection| collection.load) else {
            return Err(match (runtime.failed_load.borrow().clone(), asked.first()) {
                (Some(why), _) => Error::LoadFailed { collection: collection.id, why: Box::new(why) },
                (None, Some(partition)) => Error::PartitionNotLoaded { partition: *partition },
                (None, None) => Error::CollectionNotLoaded { collection: collection.id },
            });
        };
        if let Some(partition) = asked.iter().find(|partition| !record.partitions.contains(partition)) {
            return Err(Error::PartitionNotLoaded { partition: *partition });
        }
        let serving = runtime.serving.borrow();
        let wanted = if asked.is_empty() { &record.partitions } else { &asked };
        let is_loaded = |it: &PartitionId| serving.as_ref().is_some_and(|serving| serving.loaded.contains(it));
        let is_loading = |it: &PartitionId| serving.as_ref().is_some_and(|serving| serving.loading.contains_key(it));
        match runtime.failed_load.borrow().clone() {
            Some(why) if wanted.iter().any(|it| !is_loaded(it) && !is_loading(it)) => {
                Err(Error::LoadFailed { collection: collection.id, why: Box::new(why) })
            }
            _ => Ok(wanted.iter().all(is_loaded)),
        }
    }

    /// Percent of a collection for listings, `None` when it is not loaded.
    pub(super) async fn loaded_percentage(&self, collection: &Collection) -> Option<u32> {
        self.loading_progress(&collection.database, &collection.schema.name, &[]).await.ok()
    }

    /// The node to ask for rows of some partitions (none: of all that are loaded), or Milvus' refusal of such a read.
    pub(super) fn serving_node(
        &self,
        collection: &Collection,
        runtime: &Runtime,
        partitions: &[PartitionId],
    ) -> Result<NodeId> {
        let Some(record) = self.collection(collection.id).and_then(|collection| collection.load) else {
            return Err(Error::CollectionNotLoaded { collection: collection.id });
        };
        if let Some(partition) = partitions.iter().find(|partition| !record.partitions.contains(partition)) {
            return Err(Error::PartitionNotLoaded { partition: *partition });
        }
        let serving = runtime.serving.borrow();
        let asked_for = |it: &PartitionId| partitions.is_empty() || partitions.contains(it);
        let is_there = |it: &PartitionId| match serving.as_ref() {
            // What somebody has just asked for is not there yet, and nobody counts on it.
            Some(serving) => serving.loaded.contains(it) || serving.loading.get(it).is_some_and(LoadTicket::is_request),
            None => false,
        };
        let nothing_lost = record.partitions.iter().filter(|it| asked_for(it)).all(is_there);
        match serving.as_ref().filter(|serving| nothing_lost && !serving.loaded.is_empty()) {
            Some(serving) => Ok(serving.node.clone()),
            None => Err(match runtime.failed_load.borrow().clone() {
                Some(why) => Error::LoadFailed { collection: collection.id, why: Box::new(why) },
                None => Error::CollectionNotFullyLoaded { collection: collection.id },
            }),
        }
    }

    /// Where a client sends its reads. Waits while a node that has died is being replaced.
    pub(super) async fn route(self: &Rc<Self>, database: &str, name: &str) -> Result<Route> {
        let collection = self.resolve(database, name)?;
        let runtime = self.runtime(collection.id);
        self.load_missing(collection.id, &runtime);
        let is_recovering = |serving: &Serving| !serving.loading.values().all(LoadTicket::is_request);
        while runtime.serving.borrow().as_ref().is_some_and(is_recovering) {
            let Some(settled) = runtime.next_settled() else { break };
            // A sender that is dropped means the same as one that is used: look again.
            let _ = settled.await;
        }
        let node = self.serving_node(&collection, &runtime, &[])?;
        let version = runtime.serving.borrow().as_ref().map_or(0, |serving| serving.version);
        Ok(Route { collection, version, nodes: vec![node] })
    }

    /// What the nodes hold, by collection.
    pub(super) async fn memory(&self) -> Vec<(Collection, NodeId, NodeMemory)> {
        let serving: Vec<(Collection, NodeId)> = {
            let runtimes = self.runtimes.borrow();
            let nodes = runtimes.iter().filter_map(|(id, runtime)| {
                Some((self.collection(*id)?, runtime.serving.borrow().as_ref()?.node.clone()))
            });
            nodes.collect()
        };
        let mut memory = Vec::new();
        for (collection, node) in serving {
            if let Ok(NodeAnswer::Memory(held)) = self.nodes.call(&node, NodeCommand::Memory, None).await {
                memory.push((collection, node, held));
            }
        }
        memory
    }
}
