//! The query node: what is loaded of one collection, and the searches and queries over it.
//!
//! It reads storage itself. Writes reach it as log records in their order; what it reads from the log while loading and what
//! it is told meanwhile are told apart by time, so that nothing is missed and nothing applied twice.

mod coded;
mod exact;
mod expiry;
mod load;
mod memory;
mod output;
mod partition;
mod query;
mod search;
mod take_in;
mod target;

pub use output::NodeReply;

use crate::catalog::IndexDefinition;
use crate::cluster::{CollectionView, NodeAnswer, NodeCommand, RefreshPlan};
use crate::error::{Error, Result, Status};
use crate::event::LoadProgress;
use crate::ids::{IndexId, PartitionId, SegmentId, Timestamp};
use crate::platform::Platform;
use crate::schema::FieldId;
use crate::segment::{Deletes, LogRecord, SegmentRows, Shard};
use crate::sorted::{SortedMap, SortedSet};
use futures::FutureExt;
use futures::channel::oneshot;
use partition::{PartitionRows, apply_to_all};
use serde_json::json;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use tokio::sync::Mutex;

pub struct QueryNode<P: Platform> {
    platform: P,
    loaded: RefCell<Loaded>,
    read_bytes: RefCell<SortedMap<FieldId, u64>>,
    /// One at a time reads when sealed rows were written.
    learning_times: Mutex<()>,
    /// One at a time takes in what loads have left in files.
    taking_in: Mutex<()>,
    /// Client calls that are being answered.
    calls: Cell<usize>,
    /// Waiters for the end of all calls.
    idle: RefCell<Vec<oneshot::Sender<()>>>,
}

/// Everything but `view` is empty until the first load.
#[derive(Default)]
struct Loaded {
    view: Option<Rc<CollectionView>>,
    fields: SortedSet<FieldId>,
    indexes: Vec<IndexDefinition>,
    /// Those whose larger part stays in files.
    mapped: SortedSet<IndexId>,
    partitions: SortedMap<PartitionId, PartitionRows>,
    /// Sealed segments hold every write up to here.
    flushed: Timestamp,
    /// Deletes after `flushed`: a sealed segment that arrives later does not know of them.
    recent_deletes: SortedMap<Timestamp, Deletes>,
    /// Loads under way.
    staging: Vec<Rc<Staging>>,
    /// What has been read of a commit of segments, until it is published.
    refreshed: Option<Refreshed>,
    shard: Shard,
    /// Whether what replaces a row may be in another node than the row.
    is_shared: bool,
    /// Of the last change that concerns several nodes; those of a collection that say the same have the same partitions, segments
    /// and deletes.
    version: Timestamp,
}

/// A load under way: partitions that are being read, and the writes that arrived meanwhile.
struct Staging {
    partitions: RefCell<SortedSet<PartitionId>>,
    pending: RefCell<Vec<(Timestamp, Rc<[u8]>)>>,
    loaded_bytes: RefCell<LoadProgress>,
    /// Bytes after which progress is told again.
    telling_bytes: u64,
    untold_bytes: Cell<u64>,
    /// What has been read, until it is published.
    read: RefCell<Option<ReadPartitions>>,
}

/// Segments in the place of the rows and segments that they hold.
struct Refreshed {
    plan: RefreshPlan,
    arrived: SortedMap<SegmentId, SegmentRows>,
}

struct ReadPartitions {
    partitions: SortedMap<PartitionId, PartitionRows>,
    /// Of the log, for segments that arrive later.
    deletes: Vec<(Timestamp, LogRecord)>,
}

impl<P: Platform> QueryNode<P> {
    pub fn new(platform: P) -> Rc<Self> {
        Rc::new(QueryNode {
            platform,
            loaded: RefCell::default(),
            read_bytes: RefCell::default(),
            learning_times: Mutex::default(),
            taking_in: Mutex::default(),
            calls: Cell::new(0),
            idle: RefCell::default(),
        })
    }

    /// Answers a client's call.
    pub async fn handle(&self, method: &str, body: &str, blobs: Vec<Vec<u8>>) -> NodeReply {
        self.calls.set(self.calls.get() + 1);
        let reply = self.answer(method, body, &blobs).await;
        self.calls.set(self.calls.get() - 1);
        if self.calls.get() == 0 {
            self.idle.take().into_iter().for_each(|waiter| {
                // One that has gone away does not mind.
                let _ = waiter.send(());
            });
        }
        reply
    }

    /// From now on callers are told to ask for a new route; comes back when the calls of before are answered.
    async fn retire(&self) {
        self.loaded.borrow_mut().view = None;
        if self.calls.get() > 0 {
            let (idle, waiting) = oneshot::channel();
            self.idle.borrow_mut().push(idle);
            let _ = waiting.await;
        }
    }

    async fn answer(&self, method: &str, body: &str, blobs: &[Vec<u8>]) -> NodeReply {
        let answer = self.try_answer(method, body, blobs).await;
        let answer = answer.map_err(|error| match method {
            "Search" => error.during("failed to search"),
            "Query" => error.during("failed to query"),
            _ => error,
        });
        answer.unwrap_or_else(|error| NodeReply {
            body: json!({ "status": Status::from(&error) }).to_string(),
            blobs: Vec::new(),
        })
    }

    async fn try_answer(&self, method: &str, body: &str, blobs: &[Vec<u8>]) -> Result<NodeReply> {
        match method {
            "Search" => self.search(body, blobs).boxed_local().await,
            "Query" => self.query(body).boxed_local().await,
            other => Err(Error::Unimplemented { what: format!("{other} is not available in the browser") }),
        }
    }

    /// Bytes read from files since the node started, by field.
    pub fn read_bytes(&self) -> SortedMap<FieldId, u64> {
        self.read_bytes.borrow().clone()
    }

    /// What takes long is boxed, as in the data node.
    pub async fn execute(self: &Rc<Self>, command: NodeCommand, blob: Option<Rc<[u8]>>) -> Result<NodeAnswer> {
        match command {
            NodeCommand::Load(plan) => self.load(*plan).boxed_local().await?,
            NodeCommand::Apply { written } => {
                self.apply(written, blob.ok_or_else(|| Error::Unexpected("a log record is missing".into()))?)?;
            }
            NodeCommand::Publish { version } => {
                self.publish(version)?;
                self.take_in_rows();
            }
            NodeCommand::Release { partitions, version } => self.release(&partitions, version),
            NodeCommand::Refresh(plan) => self.refresh(plan).boxed_local().await?,
            NodeCommand::View { view, fields } => self.loaded.borrow_mut().change_view(view, &fields),
            NodeCommand::Retire => self.retire().await,
            NodeCommand::Memory => return Ok(NodeAnswer::Memory(self.memory())),
            NodeCommand::MatchingKeys { expr, templates, partition } => {
                return Ok(NodeAnswer::Keys(self.matching_keys(&expr, &templates, partition).boxed_local().await?));
            }
            NodeCommand::Gather(_)
            | NodeCommand::Flush(_)
            | NodeCommand::Compact(_)
            | NodeCommand::BuildIndex(_)
            | NodeCommand::BuildGraph(_)
            | NodeCommand::BeginImport(_)
            | NodeCommand::StepImport(_)
            | NodeCommand::MeasureExport(_)
            | NodeCommand::StepExport(_)
            | NodeCommand::MoveFile(_) => {
                return Err(Error::Unexpected("a query node was given a data node's work".into()));
            }
        }
        Ok(NodeAnswer::Done)
    }

    /// A write that the log has: into what is loaded at once, into what is being loaded when it has been read.
    fn apply(&self, written: Timestamp, bytes: Rc<[u8]>) -> Result<()> {
        let mut loaded = self.loaded.borrow_mut();
        for staging in &loaded.staging {
            staging.pending.borrow_mut().push((written, bytes.clone()));
        }
        let record = loaded.decode(&bytes, &|partition| loaded.partitions.contains_key(&partition))?;
        loaded.remember_deletes(written, &record);
        if loaded.is_shared && record.deletes.is_some() {
            loaded.version = written;
        }
        apply_to_all(&mut loaded.partitions, written, &record);
        Ok(())
    }

    fn release(&self, partitions: &SortedSet<PartitionId>, version: Timestamp) {
        let mut loaded = self.loaded.borrow_mut();
        loaded.version = version;
        loaded.partitions.retain(|id, _| !partitions.contains(id));
        loaded.staging.retain(|staging| {
            staging.partitions.borrow_mut().retain(|id| !partitions.contains(id));
            !staging.partitions.borrow().is_empty()
        });
    }

    fn progress(&self) -> LoadProgress {
        let mut sum = LoadProgress::new();
        for staging in &self.loaded.borrow().staging {
            for (partition, bytes) in staging.loaded_bytes.borrow().iter() {
                *sum.entry(*partition).or_default() += bytes;
            }
        }
        sum
    }
}

impl Loaded {
    /// A log record as far as it is the node's.
    fn decode(&self, bytes: &[u8], wanted: &dyn Fn(PartitionId) -> bool) -> Result<LogRecord> {
        let record = LogRecord::decode(bytes, wanted)?;
        Ok(match &self.view {
            Some(view) => record.of_shard(self.shard, &view.schema.primary_key().name),
            None => record,
        })
    }

    fn remember_deletes(&mut self, written: Timestamp, record: &LogRecord) {
        if let Some(deletes) = record.deletes.as_ref().filter(|_| written > self.flushed) {
            self.recent_deletes.insert(written, deletes.clone());
        }
    }

    fn change_view(&mut self, view: CollectionView, fields: &SortedSet<FieldId>) {
        if self.view.is_none() {
            // It is retired, or its first load will bring the view: nobody is to be answered.
            return;
        }
        for field in view.schema.fields.iter().filter(|field| fields.contains(&field.id)) {
            if self.fields.insert(field.id) {
                self.partitions.values_mut().for_each(|partition| partition.add_field(field));
            }
        }
        self.view = Some(Rc::new(view));
    }

    fn field_name(&self, field: FieldId) -> String {
        let view = self.view.as_ref();
        let known = view.and_then(|view| view.schema.field_by_id(field)).map(|field| field.name.clone());
        known.unwrap_or_else(|| field.0.to_string())
    }
}
