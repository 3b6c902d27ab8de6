//! Loading and releasing: the load record of a collection, and the query node that makes it true.

use super::load_request::{LoadRequest, wanted_record};
use super::partition::partition_ids;
use super::{Coordinator, LoadCause, LoadTicket, Runtime, Serving};
use crate::cluster::{CollectionView, LoadPlan, NodeCommand, NodeId, NodeKind, Nodes, PartitionSegments, RefreshPlan};
use crate::error::{Error, Result};
use crate::ids::{CollectionId, PartitionId};
use crate::platform::Platform;
use futures::FutureExt;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// More instances than this and a browser's renderer runs out of them.
const MAX_QUERY_NODES: usize = 100;

impl<P: Platform, N: Nodes> Coordinator<P, N> {
    /// Starts a load; it has ended when progress says 100.
    pub(super) async fn load(self: &Rc<Self>, request: LoadRequest<'_>) -> Result<()> {
        let id = self.resolve(request.database, request.collection)?.id;
        let runtime = self.runtime(id);
        let added = self
            .change_load(id, |collection| {
                let wanted = wanted_record(collection, &request)?;
                self.check_room(&runtime)?;
                let before = collection.load.replace(wanted.clone()).map(|load| load.partitions).unwrap_or_default();
                Ok(wanted.partitions.difference(&before).copied().collect::<BTreeSet<_>>())
            })
            .await?;
        if !added.is_empty() {
            self.start_loading(id, &runtime, added, LoadCause::Request);
        }
        self.load_missing(id, &runtime);
        Ok(())
    }

    /// Whether the browser has room for the collection's node.
    fn check_room(&self, runtime: &Runtime) -> Result<()> {
        let nodes = self.runtimes.borrow().values().filter(|other| other.serving.borrow().is_some()).count();
        if runtime.serving.borrow().is_some() || nodes < MAX_QUERY_NODES {
            return Ok(());
        }
        let text = "failed to load collection: no more query nodes fit into this browser, release a collection first";
        let wanted = (nodes + 1) as u32;
        Err(Error::ResourceInsufficient { text: text.into(), available: MAX_QUERY_NODES as u32, wanted })
    }

    /// Loads what the record names and no node has or reads: what failed to come back before.
    pub(super) fn load_missing(self: &Rc<Self>, id: CollectionId, runtime: &Rc<Runtime>) {
        let Some(mut missing) = self.collection(id).and_then(|it| it.load).map(|load| load.partitions) else { return };
        if let Some(serving) = runtime.serving.borrow().as_ref() {
            missing.retain(|it| !serving.loaded.contains(it) && !serving.loading.contains_key(it));
        }
        if !missing.is_empty() {
            self.start_loading(id, runtime, missing, LoadCause::Recovery);
        }
    }

    /// Has the query node read partitions, in the background.
    fn start_loading(
        self: &Rc<Self>,
        id: CollectionId,
        runtime: &Rc<Runtime>,
        added: BTreeSet<PartitionId>,
        cause: LoadCause,
    ) {
        let load = Load { ticket: LoadTicket { number: self.tick().0, cause }, added };
        {
            let mut serving = runtime.serving.borrow_mut();
            let serving = serving.get_or_insert_with(|| Serving {
                node: format!("query-{:x}", load.ticket.number),
                version: load.ticket.number,
                started: false,
                loaded: BTreeSet::new(),
                loading: BTreeMap::new(),
                told_percent: 0,
                companion: None,
                settled: Vec::new(),
            });
            if serving.loading.is_empty() {
                serving.told_percent = 0;
            }
            serving.loading.extend(load.added.iter().map(|partition| (*partition, load.ticket)));
        }
        runtime.failed_load.replace(None);
        let (coordinator, runtime) = (self.clone(), runtime.clone());
        let task = async move {
            let _moving = runtime.moving.lock().await;
            if let Err(error) = coordinator.load_partitions_now(id, &runtime, &load).await {
                coordinator.load_failed(id, &runtime, &load, error).await;
            }
            let waiting = match runtime.serving.borrow_mut().as_mut() {
                Some(serving) if serving.loading.is_empty() => std::mem::take(&mut serving.settled),
                _ => Vec::new(),
            };
            waiting.into_iter().for_each(settle);
        };
        self.platform.spawn(task.boxed_local());
    }

    /// Has the query node read partitions; starts the node when there is none. The caller holds `moving`.
    async fn load_partitions_now(&self, id: CollectionId, runtime: &Runtime, load: &Load) -> Result<()> {
        let Some((node, is_new)) = runtime.serving.borrow_mut().as_mut().map(|serving| {
            let is_new = !std::mem::replace(&mut serving.started, true);
            (serving.node.clone(), is_new)
        }) else {
            return Ok(());
        };
        if is_new && let Err(error) = self.nodes.start(NodeKind::Query, &node).await {
            let mut serving = runtime.serving.borrow_mut();
            if !matches!(error, Error::NodeOffline { .. })
                && let Some(serving) = serving.as_mut().filter(|serving| serving.node == node)
            {
                // Loads that wait for their turn try with another one.
                serving.started = false;
                serving.node = format!("query-{:x}", self.tick().0);
            }
            return Err(error);
        }
        let call = {
            // From here on the node is told of every write: it must be asked in the same breath in which the plan is made.
            let _turn = runtime.writing.lock().await;
            let Some(collection) = self.collection(id) else { return Ok(()) };
            let mut serving = runtime.serving.borrow_mut();
            let Some(serving) = serving.as_mut().filter(|serving| serving.node == node) else { return Ok(()) };
            let Some(record) = &collection.load else { return Ok(()) };
            // What was released meanwhile is not wanted any more, and what was then loaded again is another load's.
            serving.loading.retain(|it, ticket| *ticket != load.ticket || record.partitions.contains(it));
            let plan = LoadPlan::new(&collection, record, |it| serving.loading.get(&it) == Some(&load.ticket));
            if plan.partitions.is_empty() {
                return Ok(());
            }
            self.nodes.call(&node, NodeCommand::Load(Box::new(plan)), None)
        };
        let answer = call.await;
        let mut serving = runtime.serving.borrow_mut();
        let Some(serving) = serving.as_mut().filter(|serving| serving.node == node) else { return Ok(()) };
        answer?;
        serving.loaded.extend(load.finish_in(&mut serving.loading));
        Ok(())
    }

    /// Leaves what was loaded before as it was, and keeps the reason.
    async fn load_failed(self: &Rc<Self>, id: CollectionId, runtime: &Rc<Runtime>, load: &Load, error: Error) {
        if matches!(error, Error::NodeOffline { .. }) {
            // The node's death is handled where it is heard of: a new one loads everything that the record names.
            return;
        }
        let mut why = error;
        if load.ticket.cause == LoadCause::Request {
            let reverted = self
                .change_load(id, |collection| {
                    let serving = runtime.serving.borrow();
                    let Some((record, serving)) = collection.load.as_mut().zip(serving.as_ref()) else { return Ok(()) };
                    record.partitions.retain(|it| serving.loading.get(it) != Some(&load.ticket));
                    if record.partitions.is_empty() {
                        collection.load = None;
                    }
                    Ok(())
                })
                .await;
            if let Err(error) = reverted {
                why = error;
            }
        }
        let (node, something_left) = {
            let mut serving = runtime.serving.borrow_mut();
            let Some(serving) = serving.as_mut() else { return };
            load.finish_in(&mut serving.loading);
            (serving.node.clone(), !serving.loaded.is_empty() || !serving.loading.is_empty())
        };
        runtime.failed_load.replace(Some(why));
        if !something_left {
            self.stop_serving(runtime);
        } else if load.ticket.cause == LoadCause::Recovery {
            // Who reads from this node would miss rows and not know: another one starts over.
            self.node_failed(&node);
        }
    }

    pub(super) async fn release_collection(self: &Rc<Self>, database: &str, name: &str) -> Result<()> {
        let collection = self.resolve(database, name)?;
        let runtime = self.runtime(collection.id);
        runtime.failed_load.replace(None);
        self.change_load(collection.id, |collection| {
            collection.load = None;
            Ok(())
        })
        .await?;
        self.stop_serving(&runtime);
        Ok(())
    }

    pub(super) async fn release_partitions(
        self: &Rc<Self>,
        database: &str,
        name: &str,
        partitions: &[String],
    ) -> Result<()> {
        let collection = self.resolve(database, name)?;
        if collection.uses_partition_key() {
            return Err(Error::invalid("disable release partitions if partition key mode is used"));
        }
        if partitions.is_empty() {
            return Err(Error::ParameterOutOfPlace {
                expected: "any partition".into(),
                actual: "empty partition list".into(),
            });
        }
        let released = partition_ids(&collection, partitions)?;
        let runtime = self.runtime(collection.id);
        runtime.failed_load.replace(None);
        let rest_is_loaded = self
            .change_load(collection.id, |collection| {
                if let Some(load) = &mut collection.load {
                    load.partitions.retain(|partition| !released.contains(partition));
                }
                if collection.load.as_ref().is_some_and(|load| load.partitions.is_empty()) {
                    collection.load = None;
                }
                Ok(collection.load.is_some())
            })
            .await?;
        if !rest_is_loaded {
            self.stop_serving(&runtime);
            return Ok(());
        }
        let nodes = runtime.serving.borrow_mut().as_mut().map(|serving| {
            serving.loaded.retain(|partition| !released.contains(partition));
            serving.loading.retain(|partition, _| !released.contains(partition));
            serving.nodes()
        });
        for node in nodes.into_iter().flatten() {
            let told = self.nodes.call(&node, NodeCommand::Release { partitions: released.clone() }, None).await;
            // A dead node holds nothing; the next one is not told to load what was released.
            match told {
                Ok(_) | Err(Error::NodeOffline { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        self.relocate_if_worth(&collection, &released);
        Ok(())
    }

    /// Ends the query node; its memory goes back to the system.
    pub(super) fn stop_serving(&self, runtime: &Runtime) {
        let serving = runtime.serving.borrow_mut().take();
        if let Some(serving) = serving {
            serving.nodes().iter().for_each(|node| self.nodes.end(node));
            serving.settled.into_iter().for_each(settle);
        }
    }

    /// Loads everything that the records name: after opening a store that had something loaded.
    pub(super) fn restore_loads(self: &Rc<Self>) {
        let records: Vec<(CollectionId, BTreeSet<PartitionId>)> = {
            let catalog = self.catalog.borrow();
            let loaded = catalog.collections.values();
            loaded.filter_map(|it| Some((it.id, it.load.as_ref()?.partitions.clone()))).collect()
        };
        for (id, partitions) in records {
            self.start_loading(id, &self.runtime(id), partitions, LoadCause::Recovery);
        }
    }

    /// A node that could not do what it must has lost touch with the store: another one takes its place.
    pub(super) fn node_failed(self: &Rc<Self>, node: &NodeId) {
        self.nodes.end(node);
        self.node_died(node);
    }

    /// A node has died: where it held a collection, another one takes its place and loads the same.
    pub fn node_died(self: &Rc<Self>, node: &str) {
        let runtimes = self.runtimes.borrow();
        let served = runtimes
            .iter()
            .find(|(_, runtime)| runtime.serving.borrow().as_ref().is_some_and(|serving| serving.node == node));
        let Some((id, runtime)) = served.map(|(id, runtime)| (*id, runtime.clone())) else {
            if let Some(mut current) = self.data_node.try_lock()
                && current.as_deref() == Some(node)
            {
                *current = None;
            }
            return;
        };
        drop(runtimes);
        let Some(serving) = runtime.serving.borrow_mut().take() else { return };
        // Nobody tells it of what changes from now on.
        serving.companion.iter().for_each(|companion| self.nodes.end(companion));
        let waiting = serving.settled;
        if let Some(load) = self.collection(id).and_then(|collection| collection.load) {
            self.start_loading(id, &runtime, load.partitions, LoadCause::Recovery);
            if let Some(serving) = runtime.serving.borrow_mut().as_mut() {
                serving.settled = waiting;
            }
        }
    }

    /// Tells the query node of new names and partitions.
    pub(super) async fn tell_view(&self, id: CollectionId) {
        let Some(collection) = self.collection(id) else { return };
        let nodes = self.runtime(id).serving.borrow().as_ref().map(Serving::nodes);
        for node in nodes.into_iter().flatten() {
            let view = CollectionView::from(&collection);
            // A node that dies meanwhile is replaced by one that is given the new view with its load.
            drop(self.nodes.call(&node, NodeCommand::View(view), None).await);
        }
    }

    /// Has the query node follow a commit of segments; the caller holds `moving`.
    pub(super) async fn refresh_node(self: &Rc<Self>, id: CollectionId, runtime: &Runtime) {
        let Some(collection) = self.collection(id) else { return };
        let Some((node, loaded)) =
            runtime.serving.borrow().as_ref().map(|serving| (serving.node.clone(), serving.loaded.clone()))
        else {
            return;
        };
        let chosen = collection.partitions.iter().filter(|partition| loaded.contains(&partition.id));
        let partitions = chosen.map(|it| PartitionSegments { id: it.id, segments: it.segments.clone() }).collect();
        let plan = RefreshPlan { partitions, flushed: collection.flushed };
        if let Err(error) = self.nodes.call(&node, NodeCommand::Refresh(plan), None).await
            && !matches!(error, Error::NodeOffline { .. })
        {
            self.node_failed(&node);
        }
    }
}

/// Some partitions on their way into the node.
struct Load {
    ticket: LoadTicket,
    added: BTreeSet<PartitionId>,
}

impl Load {
    /// Takes out what is still its own.
    fn finish_in(&self, loading: &mut BTreeMap<PartitionId, LoadTicket>) -> BTreeSet<PartitionId> {
        let own: BTreeSet<PartitionId> =
            self.added.iter().copied().filter(|it| loading.get(it) == Some(&self.ticket)).collect();
        loading.retain(|it, _| !own.contains(it));
        own
    }
}

fn settle(waiter: futures::channel::oneshot::Sender<()>) {
    // A waiter that has gone away does not mind.
    let _ = waiter.send(());
}
