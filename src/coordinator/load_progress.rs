//! What is loaded, how far a load is, and where reads go.

use super::partition::partition_ids;
use super::{Coordinator, LoadTicket, Runtime, Serving};
use crate::catalog::{Collection, CollectionName};
use crate::cluster::{NodeId, Nodes};
use crate::error::{Error, Result};
use crate::event::{Event, LoadProgress};
use crate::ids::{CollectionId, PartitionId};
use crate::platform::Platform;
use crate::schema::names;
use crate::sorted::{SortedMap, SortedSet};
use futures::FutureExt;
use futures::future::{Either, select};
use std::pin::pin;
use std::rc::Rc;

const BETWEEN_NODES_MS: u32 = 10;

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
    pub(super) fn load_state(&self, name: CollectionName<'_>, partitions: &[String]) -> Result<LoadState> {
        names::check_collection(name.collection)?;
        let collection = match self.resolve(name) {
            Err(Error::CollectionNotFound { .. } | Error::DatabaseNotFound { .. }) => return Ok(LoadState::NotExist),
            found => found?,
        };
        match self.progress_of(&collection, partitions) {
            Ok(true) => Ok(LoadState::Loaded),
            Ok(false) => Ok(LoadState::Loading),
            Err(Error::CollectionNotLoaded { .. } | Error::PartitionNotLoaded { .. } | Error::LoadFailed { .. }) => {
                Ok(LoadState::NotLoad)
            }
            Err(error) => Err(error),
        }
    }

    /// Why a load failed, for those who wait for it.
    pub(super) fn check_not_failed(&self, name: CollectionName<'_>, ticket: u64) -> Result<()> {
        let collection = self.resolve(name)?.id;
        match self.runtime(collection).failures.borrow().get(&ticket) {
            Some(why) => Err(Error::LoadFailed { collection, why: Box::new(why.clone()) }),
            None => Ok(()),
        }
    }

    /// Percent; 100 means searchable. Of a collection that has something loaded already, how far the rest is.
    pub(super) fn loading_progress(&self, name: CollectionName<'_>, partitions: &[String]) -> Result<u32> {
        let collection = self.resolve(name)?;
        if self.progress_of(&collection, partitions)? {
            return Ok(100);
        }
        let runtime = self.runtime(collection.id);
        if partitions.is_empty() {
            return Ok(runtime.progress.borrow_mut().percent());
        }
        let asked = partition_ids(&collection, partitions)?;
        let record = collection.load.as_ref();
        let loaded_bytes = |it| record.map_or(0, |record| self.bytes_before_searches(&collection, record, it));
        Ok(runtime.progress.borrow().percent_of(&asked, loaded_bytes))
    }

    /// A query node has told how far it is.
    pub fn node_progressed(&self, node: &str, loaded_bytes: LoadProgress) {
        let runtimes = self.runtimes.borrow();
        let found = runtimes
            .iter()
            .find(|(_, runtime)| runtime.serving.borrow().as_ref().is_some_and(|serving| serving.has_node(node)));
        let Some((id, runtime)) = found.map(|(id, runtime)| (*id, runtime.clone())) else { return };
        drop(runtimes);
        if let Some(serving) = runtime.serving.borrow_mut().as_mut() {
            serving.read_bytes.insert(node.to_owned(), loaded_bytes);
            runtime.progress.borrow_mut().note(serving.read_bytes.values());
        }
        self.tell_progress(id, &runtime);
    }

    /// Tells the pages when there is news of a collection's loads.
    pub(super) fn tell_progress(&self, id: CollectionId, runtime: &Runtime) {
        let mut progress = runtime.progress.borrow_mut();
        let is_over = runtime.serving.borrow().as_ref().is_some_and(|serving| serving.loading.is_empty());
        let percent = if is_over { 100 } else { progress.percent() };
        if progress.told_percent.replace(percent) == Some(percent) {
            return;
        }
        let state = if is_over { LoadState::Loaded } else { LoadState::Loading };
        self.emit_progress(id, progress.total_bytes.keys(), percent, state);
    }

    /// Tells the pages of partitions that were on their way and will not come.
    pub(super) fn tell_given_up(&self, id: CollectionId, runtime: &Runtime, partitions: &SortedSet<PartitionId>) {
        let mut progress = runtime.progress.borrow_mut();
        let percent = progress.percent;
        let given_up: Vec<PartitionId> = partitions.iter().copied().filter(|it| progress.forget(*it)).collect();
        self.emit_progress(id, given_up.iter(), percent, LoadState::NotLoad);
    }

    fn emit_progress<'a>(
        &self,
        id: CollectionId,
        partitions: impl Iterator<Item = &'a PartitionId>,
        progress: u32,
        state: LoadState,
    ) {
        let Some(collection) = self.collection(id) else { return };
        let named = partitions.filter_map(|id| collection.partition_by_id(*id));
        let partition_names: Vec<String> = named.map(|partition| partition.name.clone()).collect();
        if partition_names.is_empty() {
            return;
        }
        let (db_name, collection_name) = (collection.database, collection.schema.name);
        let state = state.name();
        self.platform.emit(Event::LoadProgress { db_name, collection_name, partition_names, progress, state });
    }

    /// Comes back when all that is asked for is loaded, refused or released, or after some time at the latest.
    pub(super) async fn await_load(&self, name: CollectionName<'_>, partitions: &[String], milliseconds: u32) {
        let Ok(collection) = self.resolve(name) else { return };
        let runtime = self.runtime(collection.id);
        let mut late = pin!(self.platform.sleep(milliseconds));
        while let Ok(false) = self.progress_of(&collection, partitions) {
            // Between the end of some nodes and the start of others nobody tells.
            let settled = match runtime.next_settled() {
                Some(settled) => settled.map(drop).boxed_local(),
                None => self.platform.sleep(BETWEEN_NODES_MS).boxed_local(),
            };
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

    /// The nodes to ask for rows of some partitions (none: of all that are loaded), or Milvus' refusal of such a read.
    pub(super) fn serving_nodes(
        &self,
        collection: &Collection,
        runtime: &Runtime,
        partitions: &[PartitionId],
    ) -> Result<Vec<NodeId>> {
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
            Some(serving) => {
                let is_requested = || serving.loading.get(it).is_some_and(LoadTicket::is_request);
                serving.loaded.contains(it) || (partitions.is_empty() && is_requested())
            }
            None => false,
        };
        let nothing_lost = record.partitions.iter().filter(|it| asked_for(it)).all(is_there);
        match serving.as_ref().filter(|serving| nothing_lost && !serving.loaded.is_empty()) {
            Some(serving) => Ok(serving.nodes.ids.clone()),
            None => Err(match runtime.failed_load.borrow().clone() {
                Some(why) => Error::LoadFailed { collection: collection.id, why: Box::new(why) },
                None => Error::CollectionNotFullyLoaded { collection: collection.id },
            }),
        }
    }

    /// Where a client sends its reads. Waits while a node that has died is being replaced.
    pub(super) async fn route(self: &Rc<Self>, name: CollectionName<'_>, partition_names: &[String]) -> Result<Route> {
        let collection = self.resolve(name)?;
        if let Some(unknown) = partition_names.iter().find(|name| collection.partition(name).is_none()) {
            return Err(Error::unknown_partition_name(unknown));
        }
        let runtime = self.runtime(collection.id);
        self.recovered(collection.id, &runtime).await;
        let nodes = self.serving_nodes(&collection, &runtime, &[])?;
        let version = runtime.serving.borrow().as_ref().map_or(0, |serving| serving.version);
        Ok(Route { collection, version, nodes })
    }

    /// Comes back when no load is under way that brings back what was loaded before.
    pub(super) async fn recovered(self: &Rc<Self>, id: CollectionId, runtime: &Rc<Runtime>) {
        self.load_missing(id, runtime);
        let is_recovering = |serving: &Serving| !serving.loading.values().all(LoadTicket::is_request);
        while runtime.serving.borrow().as_ref().is_some_and(is_recovering) {
            let Some(settled) = runtime.next_settled() else { break };
            // A sender that is dropped means the same as one that is used: look again.
            let _ = settled.await;
        }
    }
}

/// How far the loads under way are. It never falls, whatever node dies and starts over.
#[derive(Default)]
pub(super) struct Progress {
    /// Of each partition that was not there when the first of these loads began.
    total_bytes: SortedMap<PartitionId, u64>,
    read_bytes: SortedMap<PartitionId, u64>,
    percent: u32,
    told_percent: Option<u32>,
}

impl Progress {
    pub fn expect(&mut self, total_bytes: impl Iterator<Item = (PartitionId, u64)>) {
        self.total_bytes.extend(total_bytes);
    }

    /// What each node has read.
    fn note<'a>(&mut self, nodes: impl Iterator<Item = &'a LoadProgress>) {
        let mut sum = LoadProgress::new();
        for (partition, bytes) in nodes.flatten() {
            *sum.entry(*partition).or_default() += bytes;
        }
        for (partition, bytes) in sum {
            let total_bytes = self.total_bytes.get(&partition).copied().unwrap_or(0);
            let read_bytes = self.read_bytes.entry(partition).or_default();
            *read_bytes = bytes.min(total_bytes).max(*read_bytes);
        }
    }

    /// Whether it was one of those.
    fn forget(&mut self, partition: PartitionId) -> bool {
        self.read_bytes.remove(&partition);
        self.total_bytes.remove(&partition).is_some()
    }

    pub fn arrived(&mut self, partitions: &SortedSet<PartitionId>) {
        let totals = self.total_bytes.iter().filter(|(partition, _)| partitions.contains(partition));
        self.read_bytes.extend(totals.map(|(partition, bytes)| (*partition, *bytes)));
    }

    fn percent(&mut self) -> u32 {
        let read_bytes = self.read_bytes.values().sum();
        self.percent = self.percent.max(percent(read_bytes, self.total_bytes.values().sum()));
        self.percent
    }

    /// Of some partitions; what is not under way is there.
    fn percent_of(&self, partitions: &SortedSet<PartitionId>, loaded_bytes: impl Fn(PartitionId) -> u64) -> u32 {
        let (mut read, mut total) = (0, 0);
        for partition in partitions {
            let of_partition = self.total_bytes.get(partition).copied();
            let bytes = of_partition.unwrap_or_else(|| loaded_bytes(*partition));
            total += bytes;
            read += match of_partition {
                Some(_) => self.read_bytes.get(partition).copied().unwrap_or(0),
                None => bytes,
            };
        }
        percent(read, total)
    }
}

/// Of what is not all there.
fn percent(read_bytes: u64, total_bytes: u64) -> u32 {
    (read_bytes * 100).checked_div(total_bytes).unwrap_or(0).min(99) as u32
}
