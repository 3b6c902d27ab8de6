//! What the coordinator says to the nodes, and what they answer.

use crate::catalog::{Collection, IndexDefinition, LoadRecord, LogSummary, SourceFile};
use crate::error::Result;
use crate::export::{ExportFormat, Layout, Measures};
use crate::ids::{CollectionId, ExportId, ImportId, IndexId, PartitionId, SegmentId, Timestamp};
use crate::import::Format;
use crate::platform::InstanceMemory;
use crate::schema::{CollectionSchema, FieldId};
use crate::segment::{IndexEntry, SegmentManifest, Shard, Wanted};
use crate::sorted::{SortedMap, SortedSet};
use crate::storage::Handed;
use crate::value::PrimaryKeys;
use futures::future::LocalBoxFuture;
use serde::{Deserialize, Serialize};
use std::rc::Rc;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum NodeKind {
    /// Holds what is loaded of one collection's shard or a part of it, searches and queries it.
    Query,
    /// Flushes, builds indexes, compacts; ended when idle.
    Data,
}

/// Name of a node, unique for ever.
pub type NodeId = String;

/// Starts, calls and ends nodes; each is a worker of its own, or a task of a native test.
pub trait Nodes: Clone + 'static {
    async fn start(&self, kind: NodeKind, id: &NodeId) -> Result<()>;
    /// Commands reach a node in the order of their calls. `Error::NodeOffline` when the node dies before it answers.
    /// The command is sent by the call, not by awaiting its answer.
    fn call(
        &self,
        id: &NodeId,
        command: NodeCommand,
        blob: Option<Rc<[u8]>>,
    ) -> LocalBoxFuture<'static, Result<NodeAnswer>>;
    /// The node's memory goes back to the system; calls that wait for it fail with `Error::NodeOffline`.
    fn end(&self, id: &NodeId);
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum NodeCommand {
    // To a query node:
    /// Reads partitions into memory; answered when they are there. They are not searchable before they are published.
    Load(Box<LoadPlan>),
    /// Makes everything that has been read searchable at once, and drops what that replaces.
    Publish {
        version: Timestamp,
    },
    /// A log record, as the call's blob. Nodes without growing rows get what it deletes only.
    Apply {
        written: Timestamp,
    },
    /// Forgets partitions, also while they are being loaded.
    Release {
        partitions: SortedSet<PartitionId>,
        version: Timestamp,
    },
    /// Sealed segments have changed: reads what is new of them, until it is published.
    Refresh(RefreshPlan),
    /// Names, partitions, properties or fields have changed.
    View {
        view: CollectionView,
        /// Those that are loaded: more than before when one was added.
        fields: SortedSet<FieldId>,
    },
    /// Sends callers away, and is answered when the calls of before are.
    Retire,
    Memory,
    /// Primary keys of the rows for which a filter is true.
    MatchingKeys {
        expr: String,
        templates: SortedMap<String, serde_json::Value>,
        partition: Option<PartitionId>,
    },
    // To a data node:
    /// Reads what a flush will seal, and keeps it for that or a later call.
    Gather(Box<FlushPlan>),
    Flush(Box<FlushPlan>),
    Compact(Box<CompactPlan>),
    BuildIndex(Box<IndexPlan>),
    /// To a node of its own: it lets nothing in meanwhile.
    BuildGraph(Box<GraphPlan>),
    /// Moves a file to where it would be written to now.
    MoveFile(String),
    /// Begins a job from the start; any other that is under way is forgotten.
    BeginImport(Box<ImportPlan>),
    /// Reads a little more of a job.
    StepImport(Box<StepOfImport>),
    /// What the rows that an export takes of a segment decide about its files.
    MeasureExport(Box<ExportOfSegment>),
    /// The next rows that an export takes of a segment.
    StepExport(Box<StepOfExport>),
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum NodeAnswer {
    Done,
    Memory(NodeMemory),
    Keys(PrimaryKeys),
    Flushed(FlushOutcome),
    Compacted(Option<SegmentManifest>),
    IndexBuilt(IndexOutcome),
    /// With the bytes of its file.
    GraphBuilt(u64),
    Imported(ImportStep),
    Measured(Measures),
    Exported(ExportStep),
}

impl NodeCommand {
    /// Who passes the command on sees to it that the node's files have these.
    pub fn lent(&self) -> &[Lent] {
        match self {
            NodeCommand::StepImport(step) => &step.lent,
            _ => &[],
        }
    }
}

impl NodeAnswer {
    /// The bytes that travel beside the answer, not in it.
    pub fn take_blobs(&mut self) -> Vec<Vec<u8>> {
        match self {
            NodeAnswer::Exported(step) => std::mem::take(&mut step.parts),
            _ => Vec::new(),
        }
    }

    /// The answer with the bytes that travelled beside it.
    pub fn with_blobs(mut self, blobs: Vec<Vec<u8>>) -> Self {
        if let NodeAnswer::Exported(step) = &mut self {
            step.parts = blobs;
        }
        self
    }
}

/// What a query node must know of the collection beside its rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CollectionView {
    pub id: CollectionId,
    pub database: String,
    /// Name and aliases; a call under any other name comes by an old route.
    pub names: SortedSet<String>,
    /// All partitions, loaded or not.
    pub partitions: SortedMap<String, PartitionId>,
    pub schema: CollectionSchema,
}

impl From<&Collection> for CollectionView {
    fn from(collection: &Collection) -> Self {
        CollectionView {
            id: collection.id,
            database: collection.database.clone(),
            names: collection.names(),
            partitions: collection.partitions.iter().map(|it| (it.name.clone(), it.id)).collect(),
            schema: collection.schema.clone(),
        }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LoadPlan {
    pub view: CollectionView,
    pub fields: SortedSet<FieldId>,
    pub indexes: Vec<IndexDefinition>,
    /// Those whose larger part stays in files.
    pub mapped: SortedSet<IndexId>,
    /// With the node's segments.
    pub partitions: Vec<PartitionSegments>,
    pub shard: Shard,
    pub has_growing: bool,
    pub is_shared: bool,
    /// Whether the log has anything for the node.
    pub reads_log: bool,
    /// The log has every write after this.
    pub flushed: Timestamp,
}

impl LoadPlan {
    pub fn new(collection: &Collection, record: &LoadRecord, held: Held, log: &LogSummary) -> Self {
        let indexes = collection.indexes.iter().filter(|it| record.indexes.values().any(|loaded| *loaded == it.id));
        LoadPlan {
            view: CollectionView::from(collection),
            fields: record.fields.clone(),
            mapped: indexes.clone().filter(|it| it.is_mapped(&collection.schema)).map(|it| it.id).collect(),
            indexes: indexes.cloned().collect(),
            partitions: held.partitions,
            shard: held.shard,
            has_growing: held.has_growing,
            is_shared: held.is_shared,
            reads_log: held.has_growing || log.has_deletes,
            flushed: collection.flushed,
        }
    }

    /// Of what is to be read of files before searches, by whether these give single rows quickly.
    pub fn total_bytes(&self, reads_rows_quickly: bool) -> u64 {
        let indexes = self.indexes.iter().map(|index| index.id).collect();
        let left_in_files = reads_rows_quickly.then(|| self.mapped.clone());
        let wanted = Wanted { fields: self.fields.clone(), indexes, left_in_files, before_searches: true };
        let segments = self.partitions.iter().flat_map(|partition| &partition.segments);
        segments.map(|segment| segment.bytes_of(&wanted)).sum()
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RefreshPlan {
    pub partitions: Vec<PartitionSegments>,
    pub flushed: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PartitionSegments {
    pub id: PartitionId,
    pub segments: Vec<SegmentManifest>,
}

/// What a node is to hold of some partitions: of a shard all sealed segments or some.
#[derive(Debug, Clone)]
pub struct Held {
    pub shard: Shard,
    /// Whether it gets the shard's growing rows: one node of each shard does.
    pub has_growing: bool,
    /// Whether other nodes have rows of the shard.
    pub is_shared: bool,
    pub partitions: Vec<PartitionSegments>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct NodeMemory {
    pub partitions: Vec<PartitionMemory>,
    pub instance: InstanceMemory,
    /// Bytes read from files since the node started, by field.
    pub read_bytes: SortedMap<FieldId, u64>,
    /// Of what searches read from files until it is in memory.
    pub awaited_bytes: u64,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct PartitionMemory {
    pub name: String,
    pub rows: u64,
    /// Of fields and indexes, and of what tells when rows were written and which are deleted.
    pub bytes: u64,
    pub field_bytes: SortedMap<String, u64>,
    pub index_bytes: SortedMap<String, u64>,
}

impl PartitionMemory {
    pub fn new(name: String) -> Self {
        PartitionMemory { name, ..PartitionMemory::default() }
    }

    /// What another node has of the partition.
    pub fn add(&mut self, other: PartitionMemory) {
        self.rows += other.rows;
        self.bytes += other.bytes;
        for (field, bytes) in other.field_bytes {
            *self.field_bytes.entry(field).or_default() += bytes;
        }
        for (index, bytes) in other.index_bytes {
            *self.index_bytes.entry(index).or_default() += bytes;
        }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FlushPlan {
    pub collection: CollectionId,
    pub schema: CollectionSchema,
    pub indexes: Vec<IndexDefinition>,
    pub partitions: Vec<PartitionSegments>,
    pub new_segments: Vec<NewSegment>,
    pub after: Timestamp,
    pub through: Timestamp,
}

/// The id for what a flush finds of one partition and shard.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NewSegment {
    pub partition: PartitionId,
    pub shard: Shard,
    pub id: SegmentId,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct FlushOutcome {
    pub new_segments: Vec<(PartitionId, SegmentManifest)>,
    /// Segments of before in which rows were deleted, with their new deletes.
    pub deleted_in: Vec<SegmentManifest>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CompactPlan {
    pub collection: CollectionId,
    pub schema: CollectionSchema,
    pub indexes: Vec<IndexDefinition>,
    pub inputs: Vec<SegmentManifest>,
    pub output: SegmentId,
    /// Rows written before this are left out.
    pub expired_before: Option<Timestamp>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct IndexPlan {
    pub collection: CollectionId,
    pub index: IndexDefinition,
    pub segments: Vec<SegmentManifest>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GraphPlan {
    pub collection: CollectionId,
    pub index: IndexDefinition,
    /// It has the index's codes.
    pub segment: SegmentManifest,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct IndexOutcome {
    pub index: IndexId,
    pub entries: SortedMap<SegmentId, IndexEntry>,
}

/// Rows of one step of an import at most; as many ids are kept for it.
pub const IMPORT_STEP_ROWS: usize = 65_536;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ImportPlan {
    pub job: ImportId,
    pub collection: CollectionId,
    pub schema: CollectionSchema,
    pub indexes: Vec<IndexDefinition>,
    /// One, or all of a collection with a partition key.
    pub partitions: Vec<PartitionId>,
    pub shards: u32,
    pub files: Vec<SourceFile>,
    pub format: Format,
    /// Gathered rows that are kept in memory between two steps, at most.
    pub buffer_bytes: usize,
}

/// Bytes that were handed to the coordinator, and that the node can open once by a name which the store may not have yet.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Lent {
    pub name: String,
    pub handed: Handed,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StepOfImport {
    pub job: ImportId,
    /// As far as they are known to be stored.
    pub files: Vec<SourceFile>,
    pub lent: Vec<Lent>,
    pub ids: ImportIds,
}

/// What a step of an import may give ids from.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ImportIds {
    /// Of `IMPORT_STEP_ROWS`, for keys that are generated.
    pub first_row: u64,
    /// Two for each partition and shard: for what was gathered before the step, and at the end for what came in it.
    pub segments: Vec<SegmentId>,
}

/// What one step of an import did.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ImportStep {
    pub rows: u64,
    /// Bytes of the source that were read.
    pub bytes: u64,
    /// How many keys were generated, from the step's first id on.
    pub generated_ids: u64,
    pub new_segments: Vec<(PartitionId, SegmentManifest)>,
    /// Every row of every file is in a segment.
    pub is_last: bool,
    /// All that has come of the source is read.
    pub needs_more: bool,
}

/// What an export takes of every segment.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ExportPlan {
    pub export: ExportId,
    pub collection: CollectionId,
    pub schema: CollectionSchema,
    pub expr: String,
    pub templates: SortedMap<String, serde_json::Value>,
    pub fields: Vec<FieldId>,
    /// Of the dynamic field; all if it is empty.
    pub dynamic_keys: SortedSet<String>,
    /// Rows written before this are left out. Fixed when the export begins, so that a step that is repeated gives the same.
    pub expired_before: Option<Timestamp>,
    pub format: ExportFormat,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ExportOfSegment {
    pub plan: Rc<ExportPlan>,
    pub segment: SegmentManifest,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StepOfExport {
    pub of: ExportOfSegment,
    pub layout: Rc<Layout>,
    /// Counted among those that the export takes.
    pub first_row: u32,
    /// The step ends with the row that brings it to so many.
    pub enough_bytes: usize,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ExportStep {
    pub rows: u64,
    /// Where the next step begins; `None` at the end of the segment.
    pub next_row: Option<u32>,
    /// Rows of the segment that are behind it, whether the export takes them or not.
    pub passed_rows: u32,
    /// What comes to the end of each file.
    #[serde(skip)]
    pub parts: Vec<Vec<u8>>,
}
