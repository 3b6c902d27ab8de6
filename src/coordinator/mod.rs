//! The coordinator: the one owner of a store. It decides and commits, and never computes.
//!
//! Its locks, and their order, are in ARCHITECTURE.md. They are tokio's because those are fair: who waits is not overtaken by a
//! stream of writes.

mod alias;
mod alter;
mod collection;
mod database;
mod describe;
mod export;
mod graph;
mod import;
mod index;
mod insert;
mod load;
mod load_limits;
mod load_progress;
mod load_request;
mod maintenance;
mod memory_usage;
mod partition;
mod properties;
mod query_nodes;
mod release;
mod relocate;
mod repeat;
mod rpc;
mod write;

pub use rpc::Reply;

use export::Exports;
use import::Imports;
use index::IndexCoverage;
use insert::Waiting;
use load_progress::Progress;

use crate::catalog::{
    Catalog, CatalogBatch, Collection, CollectionName, DEFAULT_DATABASE, Database, LogSummary, SOURCES,
    read_log_summaries, source_prefix,
};
use crate::cluster::{NodeId, Nodes};
use crate::error::{Error, Result};
use crate::event::LoadProgress;
use crate::ids::{CollectionId, PartitionId, RequestId, Timestamp};
use crate::platform::Platform;
use crate::segment::SEGMENTS;
use crate::sorted::{SortedMap, SortedSet};
use crate::storage::{Durability, Epoch, Files, HEAD_KEY, Head, Records, Store, WriteBatch};
use futures::channel::oneshot;
use futures::future::{join, try_join, try_join3};
use maintenance::Pace;
use query_nodes::QueryNodes;
use serde::Deserialize;
use std::cell::{Cell, RefCell};
use std::collections::{HashSet, VecDeque};
use std::rc::Rc;
use tokio::sync::Mutex;

#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct Config {
    /// No other coordinator of the origin has it, of whatever store; its nodes are called by it, and locks by them.
    pub name: String,
    /// A collection's log is flushed when it is larger.
    pub flush_log_bytes: u64,
    /// What an import gathers of all partitions and shards before it makes segments of the largest.
    pub import_buffer_bytes: usize,
    /// A step of an export ends with the row that brings it to so many bytes.
    pub export_step_bytes: usize,
    /// Compaction merges segments up to this size.
    pub max_segment_bytes: u64,
    /// When nodes have so much that they do not need any more, what they hold moves to fresh ones, so that the system gets the
    /// memory back.
    pub relocate_bytes: u64,
    /// What query nodes may hold together; a load that would take more is refused.
    pub memory_limit_bytes: Option<u64>,
    /// A shard gets as many query nodes as it has this much of what searches look at, while there are cores for them.
    pub node_bytes: u64,
    pub cores: u32,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            name: "coordinator".to_owned(),
            flush_log_bytes: 64 << 20,
            import_buffer_bytes: 48 << 20,
            export_step_bytes: 2 << 20,
            max_segment_bytes: 64 << 20,
            relocate_bytes: 16 << 20,
            memory_limit_bytes: None,
            node_bytes: 128 << 20,
            cores: 1,
        }
    }
}

pub struct Coordinator<P: Platform, N: Nodes> {
    platform: P,
    nodes: N,
    config: Config,
    epoch: Cell<Epoch>,
    /// Whether the epoch is our own, or still the last owner's.
    owns: Cell<bool>,
    taking_over: Mutex<()>,
    catalog: RefCell<Catalog>,
    committing: Mutex<()>,
    /// Held while a load is weighed and let in, so that two do not take the same room.
    admitting: Mutex<()>,
    clock: Cell<Timestamp>,
    runtimes: RefCell<SortedMap<CollectionId, Rc<Runtime>>>,
    data_node: Mutex<Option<NodeId>>,
    /// Held while graphs of a collection are built.
    graphs: Mutex<()>,
    /// Rises with every use of the data node, so that one that waits for it to be idle knows.
    data_node_uses: Cell<u64>,
    /// Of which collection the data node has read what a flush will want.
    gathered: Cell<Option<CollectionId>>,
    imports: Imports,
    exports: Exports,
}

/// What a collection needs beside its catalog record while the coordinator lives.
#[derive(Default)]
struct Runtime {
    writing: Mutex<()>,
    /// Those that wait for it, in the order of their turns.
    inserts: RefCell<VecDeque<Waiting>>,
    deletes_called: Cell<u64>,
    maintaining: Mutex<()>,
    moving: Mutex<()>,
    log: RefCell<LogSummary>,
    /// Why the last load failed; forgotten with the next load or release.
    failed_load: RefCell<Option<Error>>,
    /// Of the last loads that failed, by ticket: for those who wait for them.
    failures: RefCell<SortedMap<u64, Error>>,
    /// Of nodes that died while they loaded, one after the other.
    deaths_while_loading: Cell<u32>,
    serving: RefCell<Option<Serving>>,
    progress: RefCell<Progress>,
    flush_scheduled: Cell<bool>,
    /// Since the store was opened.
    written_bytes: Cell<u64>,
    /// When that was last looked at.
    pace: Cell<Pace>,
    /// How often nodes have followed a commit of segments since there was last a quiet while.
    refreshes: Cell<u64>,
    /// Writes that were sent again.
    repeated: RefCell<SortedSet<RequestId>>,
}

/// The query nodes of a collection, and what they have.
struct Serving {
    nodes: QueryNodes,
    /// Rises with every change of the nodes, so that an old route is known.
    version: u64,
    started: bool,
    loaded: SortedSet<PartitionId>,
    /// When what the nodes had read became searchable last; for some time after that they still read.
    published_ms: u64,
    /// With the load that reads them.
    loading: SortedMap<PartitionId, LoadTicket>,
    /// What each node has read of the loads under way.
    read_bytes: SortedMap<NodeId, LoadProgress>,
    /// While what is loaded moves to fresh nodes: those, then the old ones until nobody reads from them any more.
    companions: Option<QueryNodes>,
    /// Waiters for the end of the loads under way.
    settled: Vec<oneshot::Sender<()>>,
}

/// Tells a load from other loads of the same partitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct LoadTicket {
    number: u64,
    cause: LoadCause,
}

/// Why partitions are being loaded, which decides what happens when that fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LoadCause {
    /// Somebody asked: the record forgets them again.
    Request,
    /// The record said so already, and goes on saying so: reads wait, and the next one tries again.
    Recovery,
}

impl LoadTicket {
    fn is_request(&self) -> bool {
        self.cause == LoadCause::Request
    }
}

impl Serving {
    fn by(nodes: QueryNodes, version: u64) -> Serving {
        Serving {
            nodes,
            version,
            started: false,
            loaded: SortedSet::new(),
            published_ms: 0,
            loading: SortedMap::new(),
            read_bytes: SortedMap::new(),
            companions: None,
            settled: Vec::new(),
        }
    }

    /// All that must be told of what changes.
    fn told_nodes(&self) -> Vec<NodeId> {
        self.sets().flat_map(|nodes| &nodes.ids).cloned().collect()
    }

    /// Those that a write concerns, and whether they have growing rows.
    fn told_of_write(&self, has_deletes: bool) -> impl Iterator<Item = (NodeId, bool)> {
        self.sets().flat_map(move |nodes| nodes.told_of_write(has_deletes))
    }

    fn sets(&self) -> impl Iterator<Item = &QueryNodes> {
        [&self.nodes].into_iter().chain(&self.companions)
    }

    fn has_node(&self, node: &str) -> bool {
        self.nodes.ids.iter().any(|known| known == node)
    }
}

impl Runtime {
    /// Keeps why a load failed.
    fn note_failure(&self, ticket: u64, why: &Error) {
        const KEPT: usize = 16;
        self.failed_load.replace(Some(why.clone()));
        let mut failures = self.failures.borrow_mut();
        failures.insert(ticket, why.clone());
        while failures.len() > KEPT {
            failures.pop_first();
        }
    }

    /// Tells of the end of the next load, `None` when nothing is loaded or being loaded.
    fn next_settled(&self) -> Option<oneshot::Receiver<()>> {
        let (settled, waiting) = oneshot::channel();
        self.serving.borrow_mut().as_mut()?.settled.push(settled);
        Some(waiting)
    }
}

impl<P: Platform, N: Nodes> Coordinator<P, N> {
    /// Takes over the store, sweeps what earlier owners left behind, and restores what was loaded.
    pub async fn open(platform: P, nodes: N, config: Config) -> Result<Rc<Self>> {
        let records = platform.records();
        // Called after the take-over, these read what earlier owners have written until then, and they write no more.
        let known = async {
            try_join3(Catalog::open(records), read_log_summaries(records), stored_files(platform.files())).await
        };
        let (taken_over, known) = join(records.take_over(), known).await;
        let (epoch, owns) = match taken_over {
            Ok(epoch) => (epoch, true),
            // A full disk refuses even this. What is there can be read and deleted; the first write takes over again.
            Err(Error::DiskQuotaExceeded { .. }) => (last_owner(records).await?, false),
            Err(error) => return Err(error),
        };
        let (catalog, logs, stored) = known?;
        let last_known = catalog.last_time().max(logs.values().map(|log| log.last).max().unwrap_or_default());
        let runtimes = catalog.collections.keys().map(|id| {
            let log = logs.get(id).cloned().unwrap_or_default();
            (*id, Rc::new(Runtime { log: RefCell::new(log), ..Runtime::default() }))
        });
        let coordinator = Rc::new(Coordinator {
            nodes,
            config,
            epoch: Cell::new(epoch),
            owns: Cell::new(owns),
            taking_over: Mutex::default(),
            committing: Mutex::default(),
            admitting: Mutex::default(),
            clock: Cell::new(last_known),
            runtimes: RefCell::new(runtimes.collect()),
            catalog: RefCell::new(catalog),
            data_node: Mutex::default(),
            graphs: Mutex::default(),
            data_node_uses: Cell::new(0),
            gathered: Cell::new(None),
            imports: Imports::default(),
            exports: Exports::default(),
            platform,
        });
        coordinator.create_default_database().await?;
        coordinator.sweep_orphans(stored).await?;
        coordinator.resume_imports().await?;
        // From here on nothing waits: who is told of nodes that die comes after this.
        coordinator.restore_loads();
        coordinator.finish_maintenance();
        coordinator.move_files_over();
        Ok(coordinator)
    }

    async fn create_default_database(&self) -> Result<()> {
        if self.catalog.borrow().databases.contains_key(DEFAULT_DATABASE) {
            return Ok(());
        }
        let created_at = self.tick();
        let database = Database { name: DEFAULT_DATABASE.into(), id: 1, created_at, properties: Vec::new() };
        self.put_database(database).await
    }

    /// Does what earlier owners did not come to, and frees what has expired since.
    fn finish_maintenance(self: &Rc<Self>) {
        let lacks_index = |collection: &Collection| {
            let mut indexes = collection.indexes.iter();
            indexes.any(|index| !IndexCoverage::of(collection, index.id).is_finished())
        };
        let catalog = self.catalog.borrow();
        let unfinished = catalog.collections.values().filter(|collection| lacks_index(collection));
        unfinished.for_each(|collection| self.build_in_background(collection.id));
        let expiring =
            catalog.collections.values().filter(|it| it.schema.expired_before(self.platform.now_ms()).is_some());
        expiring.for_each(|collection| self.tidy_up(collection.id));
    }

    /// Deletes files that no manifest names, and sources of imports that have ended: left by work that a crash cut short, or
    /// by drops.
    async fn sweep_orphans(&self, mut stored: Vec<String>) -> Result<()> {
        let (known, sources): (HashSet<String>, Vec<String>) = {
            let catalog = self.catalog.borrow();
            let imports = catalog.imports.values().filter(|job| job.state.is_under_way());
            let sources = imports.map(|job| source_prefix(job.id)).collect();
            let files = |collection: &Collection| {
                let id = collection.id;
                collection.segments().flat_map(|segment| segment.files(id)).collect::<Vec<_>>()
            };
            (catalog.collections.values().flat_map(files).collect(), sources)
        };
        stored.retain(|name| !known.contains(name) && !sources.iter().any(|it| name.starts_with(it)));
        let files = self.platform.files();
        try_join(files.sweep_partial(), files.delete(&stored)).await.map(|_| ())
    }

    /// Deletes files that a commit has made useless, those that an export reads when it has ended. The commit stands whether
    /// this succeeds or not: files that stay are swept when the store is opened the next time.
    async fn discard(&self, names: &[String]) {
        let deletable = self.exports.deletable(names);
        if !deletable.is_empty() {
            drop(self.platform.files().delete(&deletable).await);
        }
    }

    /// A time later than every one before.
    fn tick(&self) -> Timestamp {
        self.tick_many(1)
    }

    /// The first of `count` consecutive times, all later than every one before.
    fn tick_many(&self, count: u64) -> Timestamp {
        let now = Timestamp::from_millis(self.platform.now_ms());
        let first = now.max(Timestamp(self.clock.get().0 + 1)).first_of_owner(self.epoch.get().0);
        self.clock.set(Timestamp(first.0 + count - 1));
        first
    }

    fn catalog_batch(&self) -> WriteBatch {
        WriteBatch::new(self.epoch.get(), Durability::Strict)
    }

    /// Every change of records goes through here.
    async fn commit(&self, mut batch: WriteBatch) -> Result<()> {
        if !self.owns.get() && !batch.puts.is_empty() {
            // Of changes that come at once only one takes over: another would fence it.
            let _turn = self.taking_over.lock().await;
            if !self.owns.get() {
                self.epoch.set(self.platform.records().take_over().await?);
                self.owns.set(true);
            }
            batch.expected_epoch = self.epoch.get();
        }
        self.platform.records().commit(batch).await
    }

    /// A name or alias to what it stands for now.
    fn resolve(&self, name: CollectionName<'_>) -> Result<Collection> {
        self.catalog.borrow().resolve(name).cloned()
    }

    fn collection(&self, id: CollectionId) -> Option<Collection> {
        self.catalog.borrow().collections.get(&id).cloned()
    }

    fn runtime(&self, id: CollectionId) -> Rc<Runtime> {
        self.runtimes.borrow_mut().entry(id).or_default().clone()
    }

    /// Changes what is loaded. On a full disk the change holds until the store is opened the next time: loading must not
    /// need room.
    async fn change_load<T>(&self, id: CollectionId, edit: impl Fn(&mut Collection) -> Result<T>) -> Result<T> {
        match self.change(id, |collection, _| edit(collection)).await {
            Err(Error::DiskQuotaExceeded { .. }) => {
                let mut catalog = self.catalog.borrow_mut();
                let collection = catalog.collections.get_mut(&id);
                edit(collection.ok_or_else(|| Error::Unexpected("the collection was dropped".into()))?)
            }
            changed => changed,
        }
    }

    /// Changes a collection's record in one commit, together with what else `edit` puts into the batch. An error or an edit
    /// that changes nothing commits nothing.
    async fn change<T>(
        &self,
        id: CollectionId,
        edit: impl FnOnce(&mut Collection, &mut WriteBatch) -> Result<T>,
    ) -> Result<T> {
        let _turn = self.committing.lock().await;
        let before = self.collection(id).ok_or_else(|| Error::CollectionNotFound {
            database: DEFAULT_DATABASE.into(),
            collection: id.to_string(),
        })?;
        let mut after = before.clone();
        let mut batch = self.catalog_batch();
        let result = edit(&mut after, &mut batch)?;
        if after != before {
            batch.put_collection(&after);
            self.commit(batch).await?;
            self.catalog.borrow_mut().collections.insert(id, after);
        }
        Ok(result)
    }
}

/// Those of segments, and the sources of imports.
async fn stored_files(files: &impl Files) -> Result<Vec<String>> {
    let (mut stored, sources) = try_join(files.list(SEGMENTS), files.list(SOURCES)).await?;
    stored.extend(sources);
    Ok(stored)
}

async fn last_owner(records: &impl Records) -> Result<Epoch> {
    let head = records.get_many(Store::Catalog, &[HEAD_KEY.to_owned()]).await?;
    Ok(Head::parse(head.into_iter().flatten().next().as_deref())?.epoch())
}
