//! Loading: the load record of a collection, and the query nodes that make it true.

use super::load_request::{LoadRequest, wanted_record};
use super::{Coordinator, LoadCause, LoadTicket, Runtime, Serving};
use crate::cluster::{CollectionView, Held, LoadPlan, NodeAnswer, NodeCommand, NodeId, NodeKind, Nodes, RefreshPlan};
use crate::error::{Error, Result};
use crate::ids::{CollectionId, PartitionId};
use crate::platform::Platform;
use crate::schema::names;
use crate::sorted::{SortedMap, SortedSet};
use futures::FutureExt;
use futures::future::{LocalBoxFuture, join_all};
use std::rc::Rc;
use tokio::sync::MutexGuard;

/// After so many in a row a load is given up.
const MAX_DEATHS_WHILE_LOADING: u32 = 3;
/// So long after a load has been published a death still counts as one of it: most of the memory is taken then.
const TAKING_IN_MS: u64 = 5000;

impl<P: Platform, N: Nodes> Coordinator<P, N> {
    /// Starts a load; it has ended when progress says 100. Answers with its ticket, by which it can be cancelled, unless
    /// there was nothing to do.
    pub(super) async fn load(self: &Rc<Self>, request: LoadRequest<'_>) -> Result<Option<u64>> {
        names::check_collection(request.collection.collection)?;
        let _admission = self.admitting.lock().await;
        let collection = self.resolve(request.collection)?;
        let id = collection.id;
        let runtime = self.runtime(id);
        self.check_room(&collection, &runtime, &wanted_record(&collection, &request)?).await?;
        let added = self
            .change_load(id, |collection| {
                let wanted = wanted_record(collection, &request)?;
                let before = collection.load.replace(wanted.clone()).map(|load| load.partitions);
                Ok(wanted.partitions.difference(&before.unwrap_or_default()).copied().collect::<SortedSet<_>>())
            })
            .await?;
        let is_new = !added.is_empty();
        let ticket = if is_new { self.start_loading(id, &runtime, added, LoadCause::Request) } else { None };
        self.load_missing(id, &runtime);
        Ok(ticket)
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

    /// Has the query nodes read partitions, in the background; answers with the ticket.
    pub(super) fn start_loading(
        self: &Rc<Self>,
        id: CollectionId,
        runtime: &Rc<Runtime>,
        added: SortedSet<PartitionId>,
        cause: LoadCause,
    ) -> Option<u64> {
        let ticket = LoadTicket { number: self.tick().0, cause };
        self.run_load(id, runtime, Load { ticket, added })
    }

    fn run_load(self: &Rc<Self>, id: CollectionId, runtime: &Rc<Runtime>, load: Load) -> Option<u64> {
        let collection = self.collection(id)?;
        let record = collection.load.as_ref()?;
        let number = load.ticket.number;
        if runtime.serving.borrow().is_none() {
            let serving = Serving::by(self.new_nodes(&collection, record), self.tick().0);
            runtime.serving.replace(Some(serving));
        }
        if let Some(serving) = runtime.serving.borrow_mut().as_mut() {
            serving.loading.extend(load.added.iter().map(|partition| (*partition, load.ticket)));
        }
        let total_bytes = load.added.iter().map(|it| (*it, self.bytes_before_searches(&collection, record, *it)));
        runtime.progress.borrow_mut().expect(total_bytes);
        runtime.failed_load.replace(None);
        let (coordinator, runtime) = (self.clone(), runtime.clone());
        let task = async move {
            let _moving = runtime.moving.lock().await;
            match coordinator.load_partitions_now(id, &runtime, &load).await {
                Ok(()) if coordinator.has_outgrown(id, &runtime) => coordinator.relocate_when_quiet(id, &runtime),
                Ok(()) => {}
                Err(error) => coordinator.load_failed(id, &runtime, &load, error).await,
            }
            coordinator.settle_loads(id, &runtime);
        };
        self.platform.spawn(task.boxed_local());
        Some(number)
    }

    /// Has the query nodes read partitions; starts the nodes when there are none. The caller holds `moving`.
    async fn load_partitions_now(&self, id: CollectionId, runtime: &Runtime, load: &Load) -> Result<()> {
        let Some((nodes, are_new)) = runtime.serving.borrow_mut().as_mut().map(|serving| {
            let are_new = !std::mem::replace(&mut serving.started, true);
            (serving.nodes.ids.clone(), are_new)
        }) else {
            return Ok(());
        };
        if are_new {
            self.start_query_nodes(runtime, &nodes).await?;
        }
        let calls = {
            // From here on the nodes are told of every write: they must be asked in the same breath in which the plan is made.
            let _turn = runtime.writing.lock().await;
            let Some(collection) = self.collection(id) else { return Ok(()) };
            let mut serving = runtime.serving.borrow_mut();
            let Some(serving) = serving.as_mut().filter(|serving| serving.nodes.ids == nodes) else { return Ok(()) };
            let Some(record) = &collection.load else { return Ok(()) };
            // What was released meanwhile is not wanted any more, and what was then loaded again is another load's.
            serving.loading.retain(|it, ticket| *ticket != load.ticket || record.partitions.contains(it));
            let wanted = load.own_in(&serving.loading);
            if wanted.is_empty() {
                return Ok(());
            }
            let held = serving.nodes.share_out(&collection, &wanted);
            let log = runtime.log.borrow();
            self.have_read(&nodes, held, |held| {
                NodeCommand::Load(Box::new(LoadPlan::new(&collection, record, held, &log)))
            })
        };
        let answers = join_all(calls).await;
        let is_current = || runtime.serving.borrow().as_ref().is_some_and(|serving| serving.nodes.ids == nodes);
        if !is_current() {
            return Ok(());
        }
        answers.into_iter().collect::<Result<Vec<_>>>()?;
        // A delete by filter asks all nodes between two writes: it finds a partition in all of them or in none.
        let _turn = runtime.writing.lock().await;
        self.publish(&nodes).await?;
        let mut serving = runtime.serving.borrow_mut();
        if let Some(serving) = serving.as_mut().filter(|serving| serving.nodes.ids == nodes) {
            serving.published_ms = self.platform.now_ms();
            let arrived = load.finish_in(&mut serving.loading);
            runtime.progress.borrow_mut().arrived(&arrived);
            serving.loaded.extend(arrived);
        }
        Ok(())
    }

    /// Ends all of them when one does not start.
    async fn start_query_nodes(&self, runtime: &Runtime, nodes: &[NodeId]) -> Result<()> {
        let started = join_all(nodes.iter().map(|node| self.nodes.start(NodeKind::Query, node))).await;
        let Some(error) = started.into_iter().find_map(Result::err) else { return Ok(()) };
        nodes.iter().for_each(|node| self.nodes.end(node));
        let mut serving = runtime.serving.borrow_mut();
        if !matches!(error, Error::NodeOffline { .. })
            && let Some(serving) = serving.as_mut().filter(|serving| serving.nodes.ids == nodes)
        {
            // Loads that wait for their turn try with others.
            serving.started = false;
            serving.nodes.ids = self.new_node_ids(nodes.len() as u32);
        }
        Err(error)
    }

    /// Makes what the nodes have read searchable.
    pub(super) async fn publish(&self, nodes: &[NodeId]) -> Result<()> {
        let version = self.tick();
        let calls = nodes.iter().map(|node| self.nodes.call(node, NodeCommand::Publish { version }, None));
        join_all(calls.collect::<Vec<_>>()).await.into_iter().collect::<Result<Vec<_>>>().map(drop)
    }

    /// Tells who waits for the loads when none is left.
    pub(super) fn settle_loads(&self, id: CollectionId, runtime: &Runtime) {
        let waiting = match runtime.serving.borrow_mut().as_mut() {
            Some(serving) if serving.loading.is_empty() => {
                serving.read_bytes.clear();
                std::mem::take(&mut serving.settled)
            }
            Some(_) => return,
            None => Vec::new(),
        };
        self.tell_progress(id, runtime);
        runtime.progress.take();
        waiting.into_iter().for_each(settle);
    }

    /// Leaves what was loaded before as it was, and keeps the reason.
    async fn load_failed(self: &Rc<Self>, id: CollectionId, runtime: &Rc<Runtime>, load: &Load, error: Error) {
        if matches!(error, Error::NodeOffline { .. }) {
            // The node's death is handled where it is heard of: a new one loads everything that the record names.
            return;
        }
        let mut why = error;
        if load.ticket.cause == LoadCause::Request {
            let is_own = |it: &PartitionId| {
                runtime.serving.borrow().as_ref().is_some_and(|serving| serving.loading.get(it) == Some(&load.ticket))
            };
            let reverted = self.take_out_of_load(id, is_own).await;
            if let Err(error) = reverted {
                why = error;
            }
        }
        let failed = {
            let mut serving = runtime.serving.borrow_mut();
            let Some(serving) = serving.as_mut() else { return };
            load.finish_in(&mut serving.loading)
        };
        runtime.note_failure(load.ticket.number, &why);
        self.tell_given_up(id, runtime, &failed);
        let left = runtime.serving.borrow().as_ref().and_then(|serving| {
            let something_left = !serving.loaded.is_empty() || !serving.loading.is_empty();
            something_left.then(|| serving.nodes.ids.clone())
        });
        match left {
            None => self.stop_serving(id, runtime),
            // Who reads from these nodes would miss rows and not know: others start over.
            Some(nodes) if load.ticket.cause == LoadCause::Recovery => self.node_failed(&nodes[0]),
            // What some of the nodes may have read is not to be published, even where the record still names it because it could
            // not be changed; the next load or read loads it. But another load may have been asked for it meanwhile.
            Some(_) => {
                let _turn = runtime.writing.lock().await;
                let is_nobodys = |it: &PartitionId| {
                    let serving = runtime.serving.borrow();
                    serving
                        .as_ref()
                        .is_some_and(|serving| !serving.loading.contains_key(it) && !serving.loaded.contains(it))
                };
                let failed = failed.iter().copied().filter(is_nobodys).collect();
                drop(self.forget_in_nodes(runtime, &failed).await);
            }
        }
    }

    /// Loads everything that the records name: after opening a store that had something loaded.
    pub(super) fn restore_loads(self: &Rc<Self>) {
        let records: Vec<(CollectionId, SortedSet<PartitionId>)> = {
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
            .find(|(_, runtime)| runtime.serving.borrow().as_ref().is_some_and(|serving| serving.has_node(node)));
        let Some((id, runtime)) = served.map(|(id, runtime)| (*id, runtime.clone())) else {
            if let Ok(mut current) = self.data_node.try_lock()
                && current.as_deref() == Some(node)
            {
                *current = None;
            }
            return;
        };
        drop(runtimes);
        let Some(serving) = runtime.serving.borrow_mut().take() else { return };
        // The others of them too: nobody tells them of what changes from now on.
        serving.told_nodes().iter().for_each(|node| self.nodes.end(node));
        let was_loading =
            !serving.loading.is_empty() || self.platform.now_ms() < serving.published_ms.saturating_add(TAKING_IN_MS);
        let deaths = if was_loading { runtime.deaths_while_loading.get() + 1 } else { 0 };
        runtime.deaths_while_loading.set(deaths % MAX_DEATHS_WHILE_LOADING);
        if deaths < MAX_DEATHS_WHILE_LOADING {
            self.start_over(id, &runtime, serving);
            return;
        }
        let coordinator = self.clone();
        let task = async move { coordinator.give_up_loads(id, &runtime, serving).await };
        self.platform.spawn(task.boxed_local());
    }

    /// Loads again what dead nodes had and were loading: that as what it was, so that it can still be cancelled.
    fn start_over(self: &Rc<Self>, id: CollectionId, runtime: &Rc<Runtime>, dead: Serving) {
        let record = self.collection(id).and_then(|collection| collection.load);
        let mut recovered = record.map(|load| load.partitions).unwrap_or_default();
        let mut requests: SortedMap<u64, Load> = SortedMap::new();
        for (partition, ticket) in dead.loading.into_iter().filter(|(_, ticket)| ticket.is_request()) {
            if recovered.remove(&partition) {
                let load = requests.entry(ticket.number).or_insert_with(|| Load { ticket, added: SortedSet::new() });
                load.added.insert(partition);
            }
        }
        if !recovered.is_empty() {
            self.start_loading(id, runtime, recovered, LoadCause::Recovery);
        }
        for load in requests.into_values() {
            self.run_load(id, runtime, load);
        }
        match runtime.serving.borrow_mut().as_mut() {
            Some(serving) => serving.settled.extend(dead.settled),
            None => dead.settled.into_iter().for_each(settle),
        }
    }

    /// A load that ends whatever node runs it is not tried for ever: what was asked for is refused, what is needed for what
    /// was loaded before waits for the next read.
    async fn give_up_loads(self: &Rc<Self>, id: CollectionId, runtime: &Rc<Runtime>, mut dead: Serving) {
        let why = Error::Unexpected(format!("{MAX_DEATHS_WHILE_LOADING} query nodes ended while they were loading"));
        let requests: SortedMap<PartitionId, LoadTicket> =
            std::mem::take(&mut dead.loading).into_iter().filter(|(_, ticket)| ticket.is_request()).collect();
        // If the record cannot be changed, the next read tries to load all of it.
        drop(self.take_out_of_load(id, |partition| requests.contains_key(partition)).await);
        requests.values().for_each(|ticket| runtime.note_failure(ticket.number, &why));
        self.tell_given_up(id, runtime, &requests.keys().copied().collect());
        if requests.is_empty() {
            runtime.failed_load.replace(Some(why));
            runtime.progress.take();
            dead.settled.into_iter().for_each(settle);
        } else {
            self.start_over(id, runtime, dead);
        }
    }

    /// Tells the query nodes of new names, partitions, properties and fields, before anything that they are told later.
    pub(super) fn tell_view(&self, id: CollectionId) -> LocalBoxFuture<'static, ()> {
        let nodes = self.runtime(id).serving.borrow().as_ref().map(Serving::told_nodes);
        let told = self.collection(id).map(|collection| {
            let fields = collection.load.as_ref().map(|load| load.fields.clone()).unwrap_or_default();
            let view = NodeCommand::View { view: CollectionView::from(&collection), fields };
            nodes.iter().flatten().map(|node| self.nodes.call(node, view.clone(), None)).collect::<Vec<_>>()
        });
        async move {
            for call in told.into_iter().flatten() {
                // A node that dies meanwhile is replaced by one that is given the new view with its load.
                drop(call.await);
            }
        }
        .boxed_local()
    }

    /// Has the query nodes follow a commit of segments; the caller holds `moving`, and gives its turn to write if it has it.
    pub(super) async fn refresh_nodes(
        self: &Rc<Self>,
        id: CollectionId,
        runtime: &Runtime,
        turn: Option<MutexGuard<'_, ()>>,
    ) {
        let Some(collection) = self.collection(id) else { return };
        let Some((nodes, calls)) = runtime.serving.borrow_mut().as_mut().map(|serving| {
            let held = serving.nodes.share_out(&collection, &serving.loaded);
            let calls = self.have_read(&serving.nodes.ids, held, |held| {
                NodeCommand::Refresh(RefreshPlan { partitions: held.partitions, flushed: collection.flushed })
            });
            (serving.nodes.ids.clone(), calls)
        }) else {
            return;
        };
        let answers = join_all(calls).await.into_iter().collect::<Result<Vec<_>>>();
        let published = match answers {
            Ok(_) => {
                // As when partitions are loaded: rows move from node to node.
                let _turn = match turn {
                    Some(turn) => turn,
                    None => runtime.writing.lock().await,
                };
                self.publish(&nodes).await
            }
            Err(error) => Err(error),
        };
        match published {
            Ok(()) => self.relocate_when_quiet(id, runtime),
            Err(Error::NodeOffline { .. }) => {}
            Err(_) => self.node_failed(&nodes[0]),
        }
    }

    /// Tells each node what it is to hold.
    pub(super) fn have_read(
        &self,
        nodes: &[NodeId],
        held: Vec<Held>,
        command: impl Fn(Held) -> NodeCommand,
    ) -> Vec<LocalBoxFuture<'static, Result<NodeAnswer>>> {
        nodes.iter().zip(held).map(|(node, held)| self.nodes.call(node, command(held), None)).collect()
    }
}

/// Some partitions on their way into the nodes.
struct Load {
    ticket: LoadTicket,
    added: SortedSet<PartitionId>,
}

impl Load {
    fn own_in(&self, loading: &SortedMap<PartitionId, LoadTicket>) -> SortedSet<PartitionId> {
        self.added.iter().copied().filter(|it| loading.get(it) == Some(&self.ticket)).collect()
    }

    /// Takes out what is still its own.
    fn finish_in(&self, loading: &mut SortedMap<PartitionId, LoadTicket>) -> SortedSet<PartitionId> {
        let own = self.own_in(loading);
        loading.retain(|it, _| !own.contains(it));
        own
    }
}

pub(super) fn settle(waiter: futures::channel::oneshot::Sender<()>) {
    // A waiter that has gone away does not mind.
    let _ = waiter.send(());
}
