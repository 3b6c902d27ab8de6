//! Flush and compaction: what the data node is given to do, and the commits that make its work visible.

use super::{Coordinator, Runtime};
use crate::catalog::{CatalogBatch, Collection, LogSummary, SOURCES};
use crate::cluster::{
    CompactPlan, FlushOutcome, FlushPlan, NewSegment, NodeAnswer, NodeCommand, NodeKind, Nodes, PartitionSegments,
};
use crate::error::{Error, Result};
use crate::ids::{CollectionId, PartitionId, SegmentId, Timestamp};
use crate::platform::Platform;
use crate::segment::{SegmentManifest, Shard, log_range, segment_prefix};
use crate::sorted::{SortedMap, SortedSet};
use crate::storage::{Files, Store, WriteBatch};
use futures::FutureExt;
use std::rc::Rc;

/// The data node is ended when it had nothing to do for so long.
const DATA_NODE_IDLE_MS: u32 = 5_000;
/// What keeps one flush from succeeding does not go away by the next write: reading a large log for each would be all that is done.
const FAILED_FLUSH_PAUSE_MS: u32 = 10_000;
/// What a flush will want is read in about so many steps, where rows come at the pace of one in that time.
const GATHERING_STEPS: u64 = 8;
const GATHERING_STEP_MS: u64 = 1_000;
/// When a page has opened a store, it wants something else first; and a place that was just prepared for files may have to age.
const MOVE_AFTER_MS: [u32; 2] = [5_000, 70_000];
/// As many small segments of a partition are worth merging.
const SMALL_SEGMENTS: usize = 4;
/// What a data node dies over is given to another one so often.
const DATA_NODE_ATTEMPTS: usize = 3;

/// How much had been written to a collection when.
#[derive(Clone, Copy, Default)]
pub(super) struct Pace {
    written_bytes: u64,
    at_ms: u64,
}

/// Work that needs the data node; it is done again when that dies over it.
pub(super) async fn despite_deaths<T>(mut work: impl AsyncFnMut() -> Result<T>) -> Result<T> {
    for _ in 1..DATA_NODE_ATTEMPTS {
        match work().await {
            Err(error) if error.is_node_offline() => {}
            done => return done,
        }
    }
    work().await
}

impl<P: Platform, N: Nodes> Coordinator<P, N> {
    /// Gives the data node one thing to do, starting it when there is none.
    pub(super) async fn with_data_node(self: &Rc<Self>, command: NodeCommand) -> Result<NodeAnswer> {
        let mut current = self.data_node.lock().await;
        let node = match &*current {
            Some(node) => node.clone(),
            None => {
                let node = self.new_node_id("data");
                self.nodes.start(NodeKind::Data, &node).await?;
                *current = Some(node.clone());
                node
            }
        };
        let answer = self.nodes.call(&node, command, None).await;
        if matches!(answer, Err(Error::NodeOffline { .. })) {
            *current = None;
            self.gathered.set(None);
            self.platform.files().sweep_after_death();
        }
        drop(current);
        self.end_data_node_when_idle();
        answer
    }

    /// Has the data node write new segments, of which no file stays where that fails.
    pub(super) async fn write_segments(
        self: &Rc<Self>,
        id: CollectionId,
        new_segments: &[SegmentId],
        command: NodeCommand,
    ) -> Result<NodeAnswer> {
        let written = self.with_data_node(command).await;
        if written.is_err() {
            for segment in new_segments {
                let files = self.platform.files().list(&segment_prefix(id, *segment)).await;
                self.discard(&files.unwrap_or_default()).await;
            }
        }
        written
    }

    fn end_data_node_when_idle(self: &Rc<Self>) {
        let use_number = self.data_node_uses.get() + 1;
        self.data_node_uses.set(use_number);
        let coordinator = self.clone();
        let task = async move {
            coordinator.platform.sleep(DATA_NODE_IDLE_MS).await;
            let mut current = coordinator.data_node.lock().await;
            if coordinator.data_node_uses.get() == use_number
                && let Some(node) = current.take()
            {
                coordinator.gathered.set(None);
                coordinator.nodes.end(&node);
            }
        };
        self.platform.spawn(task.boxed_local());
    }

    /// Moves files that are not where they would be written to now, a file at a time between other work. What cannot be moved
    /// can be read all the same, and the next owner tries again.
    pub(super) fn move_files_over(self: &Rc<Self>) {
        let coordinator = self.clone();
        let task = async move {
            for pause_ms in MOVE_AFTER_MS {
                coordinator.platform.sleep(pause_ms).await;
                let misplaced = coordinator.platform.files().misplaced().await.unwrap_or_default();
                // A job's source is deleted soon.
                for name in misplaced.into_iter().filter(|name| !name.starts_with(SOURCES)) {
                    if coordinator.with_data_node(NodeCommand::MoveFile(name)).await.is_err() {
                        return;
                    }
                }
            }
        };
        self.platform.spawn(task.boxed_local());
    }

    pub(super) fn flush_if_large(self: &Rc<Self>, id: CollectionId, runtime: &Runtime) {
        if runtime.log.borrow().bytes < self.config.flush_log_bytes {
            return self.gather_if_quick(id, runtime);
        }
        if runtime.flush_scheduled.replace(true) {
            return;
        }
        let coordinator = self.clone();
        let task = async move {
            let runtime = coordinator.runtime(id);
            let flushed = coordinator.flush(id).await;
            if flushed.is_err() {
                coordinator.platform.sleep(FAILED_FLUSH_PAUSE_MS).await;
            }
            runtime.flush_scheduled.set(false);
            if flushed.is_ok() {
                coordinator.tidy_up(id);
                coordinator.gather_if_quick(id, &runtime);
            }
        };
        self.platform.spawn(task.boxed_local());
    }

    /// While rows come quickly the data node reads them already, so that the flush need not: until then it has nothing to do.
    fn gather_if_quick(self: &Rc<Self>, id: CollectionId, runtime: &Runtime) {
        let step_bytes = self.config.flush_log_bytes / GATHERING_STEPS;
        let now = Pace { written_bytes: runtime.written_bytes.get(), at_ms: self.platform.now_ms() };
        let before = runtime.pace.get();
        let bytes = now.written_bytes - before.written_bytes;
        if bytes < step_bytes {
            return;
        }
        runtime.pace.set(now);
        let is_quick = bytes * GATHERING_STEP_MS >= step_bytes * now.at_ms.saturating_sub(before.at_ms);
        // The data node has room for one.
        if !is_quick || self.gathered.get().is_some_and(|other| other != id) {
            return;
        }
        let coordinator = self.clone();
        let task = async move {
            let runtime = coordinator.runtime(id);
            let Ok(_maintaining) = runtime.maintaining.try_lock() else { return };
            let Some((plan, _)) = coordinator.planned_flush(id, &runtime).await else { return };
            coordinator.gathered.set(Some(id));
            // The flush tells of what fails.
            drop(coordinator.with_data_node(NodeCommand::Gather(Box::new(plan))).await);
        };
        self.platform.spawn(task.boxed_local());
    }

    /// What is worth doing after a flush. It only makes reading cheaper: what fails is tried again after the next one.
    pub(super) fn tidy_up(self: &Rc<Self>, id: CollectionId) {
        let coordinator = self.clone();
        let task = async move {
            drop(coordinator.compact(id).await);
            if coordinator.log_is_in_the_way(id) && coordinator.flush(id).await.is_ok() {
                drop(coordinator.compact(id).await);
            }
            drop(coordinator.build_missing_indexes(id).await);
        };
        self.platform.spawn(task.boxed_local());
    }

    /// Seals everything that the log has of a collection now. Resolves when it is committed.
    pub(super) async fn flush(self: &Rc<Self>, id: CollectionId) -> Result<()> {
        let runtime = self.runtime(id);
        let _maintaining = runtime.maintaining.lock().await;
        let written = despite_deaths(async || {
            let Some((plan, planned)) = self.planned_flush(id, &runtime).await else { return Ok(None) };
            if self.gathered.get() == Some(id) {
                self.gathered.set(None);
            }
            let new_segments: Vec<SegmentId> = plan.new_segments.iter().map(|new| new.id).collect();
            match self.write_segments(id, &new_segments, NodeCommand::Flush(Box::new(plan))).await? {
                NodeAnswer::Flushed(outcome) => Ok(Some((planned, outcome))),
                _ => Err(Error::Unexpected("the data node did not answer with what it flushed".into())),
            }
        });
        let Some((planned, outcome)) = written.await? else { return Ok(()) };
        let written: Vec<String> = outcome.new_segments.iter().flat_map(|(_, segment)| segment.files(id)).collect();
        let committed = {
            let _moving = runtime.moving.lock().await;
            let committed = self.commit_flush(id, &runtime, &planned, outcome).await;
            if committed.is_ok() {
                self.refresh_nodes(id, &runtime, None).await;
            }
            committed
        };
        match committed {
            Ok(replaced) => {
                self.discard(&replaced).await;
                Ok(())
            }
            Err(error) => {
                self.discard(&written).await;
                Err(error)
            }
        }
    }

    /// `None` if there is nothing to flush.
    async fn planned_flush(&self, id: CollectionId, runtime: &Runtime) -> Option<(FlushPlan, LogSummary)> {
        let _turn = runtime.writing.lock().await;
        let (collection, log) = (self.collection(id)?, runtime.log.borrow().clone());
        // Also of rows whose partition was dropped: they would be read with every load.
        let has_any = log.last > collection.flushed;
        has_any.then(|| (self.flush_plan(&collection, &log), log))
    }

    fn flush_plan(&self, collection: &Collection, planned: &LogSummary) -> FlushPlan {
        let partitions = collection.partitions.iter();
        let with_rows = planned.inserted_rows.keys().filter(|id| collection.partition_by_id(**id).is_some());
        let new_segments = with_rows.flat_map(|partition| {
            let new = |shard| NewSegment { partition: *partition, shard, id: SegmentId(self.tick().0) };
            Shard::all(collection.shards_num).map(new)
        });
        FlushPlan {
            collection: collection.id,
            schema: collection.schema.clone(),
            indexes: collection.indexes.clone(),
            partitions: partitions.map(|it| PartitionSegments { id: it.id, segments: it.segments.clone() }).collect(),
            new_segments: new_segments.collect(),
            after: collection.flushed,
            through: planned.last,
        }
    }

    /// Makes a flush visible; returns the files that nothing names any more.
    async fn commit_flush(
        &self,
        id: CollectionId,
        runtime: &Runtime,
        planned: &LogSummary,
        outcome: FlushOutcome,
    ) -> Result<Vec<String>> {
        let _turn = runtime.writing.lock().await;
        let remaining = written_since(&runtime.log.borrow(), planned);
        let replaced = self
            .change(id, |collection, batch| {
                let mut replaced = Vec::new();
                for segment in collection.partitions.iter_mut().flat_map(|partition| &mut partition.segments) {
                    let Some(deleted) = outcome.deleted_in.iter().find(|deleted| deleted.id == segment.id) else {
                        continue;
                    };
                    replaced.extend(segment.deletes.map(|last| segment.deletes_file(id, last)));
                    segment.deletes = deleted.deletes;
                    segment.deleted_rows = deleted.deleted_rows;
                }
                for (partition, segment) in outcome.new_segments {
                    replaced.extend(collection.add_segment(partition, segment)?);
                }
                collection.flushed = planned.last;
                drop_log_through(batch, id, planned.last);
                batch.forget_write_outcomes(id, self.remembered_since());
                batch.put_log_summary(id, &remaining);
                Ok(replaced)
            })
            .await?;
        *runtime.log.borrow_mut() = remaining;
        Ok(replaced)
    }

    /// Merges small segments and rewrites much-deleted ones until there is nothing worth doing.
    pub(super) async fn compact(self: &Rc<Self>, id: CollectionId) -> Result<u64> {
        let runtime = self.runtime(id);
        let _maintaining = runtime.maintaining.lock().await;
        let mut compactions = 0;
        let now_ms = self.platform.now_ms();
        loop {
            let Some(collection) = self.collection(id) else { return Ok(compactions) };
            let expired_before = collection.schema.expired_before(now_ms);
            let log_is_empty = runtime.log.borrow().last <= collection.flushed;
            // What the log deletes of older rows must find them apart from rows that were imported later.
            let is_settled =
                |it: &SegmentManifest| log_is_empty || it.imported_at.is_none_or(|at| at <= collection.flushed);
            let chosen = self.next_compaction(&collection, expired_before, is_settled);
            let Some((partition, inputs)) = chosen else { return Ok(compactions) };
            let plan = CompactPlan {
                collection: id,
                schema: collection.schema,
                indexes: collection.indexes,
                inputs,
                output: SegmentId(self.tick().0),
                expired_before,
            };
            self.compact_segments(&runtime, partition, plan).await?;
            compactions += 1;
        }
    }

    fn next_compaction(
        &self,
        collection: &Collection,
        expired_before: Option<Timestamp>,
        takes_part: impl Fn(&SegmentManifest) -> bool,
    ) -> Option<(PartitionId, Vec<SegmentManifest>)> {
        collection.partitions.iter().find_map(|partition| {
            (0..collection.shards_num).find_map(|shard| {
                let segments: Vec<_> =
                    partition.segments.iter().filter(|it| it.shard == shard && takes_part(it)).collect();
                let inputs = worth_compacting(&segments, self.config.max_segment_bytes, expired_before);
                (!inputs.is_empty()).then_some((partition.id, inputs))
            })
        })
    }

    /// Whether imported segments would be compacted if the log were empty, which it may not be for long where little is written.
    fn log_is_in_the_way(&self, id: CollectionId) -> bool {
        let Some(collection) = self.collection(id) else { return false };
        let expired_before = collection.schema.expired_before(self.platform.now_ms());
        let has_log = self.runtime(id).log.borrow().last > collection.flushed;
        has_log && self.next_compaction(&collection, expired_before, |_| true).is_some()
    }

    async fn compact_segments(
        self: &Rc<Self>,
        runtime: &Runtime,
        partition: PartitionId,
        plan: CompactPlan,
    ) -> Result<()> {
        let (id, new_segment, inputs) = (plan.collection, plan.output, plan.inputs.clone());
        let NodeAnswer::Compacted(output) =
            self.write_segments(id, &[new_segment], NodeCommand::Compact(Box::new(plan))).await?
        else {
            return Err(Error::Unexpected("the data node did not answer with what it compacted".into()));
        };
        let written = output.iter().flat_map(|segment| segment.files(id)).collect::<Vec<_>>();
        let gone: SortedSet<SegmentId> = inputs.iter().map(|segment| segment.id).collect();
        let committed = {
            let _moving = runtime.moving.lock().await;
            let committed = self
                .change(id, |collection, _| {
                    for of in collection.partitions.iter_mut().filter(|it| it.id == partition) {
                        of.segments.retain(|segment| !gone.contains(&segment.id));
                    }
                    output.map_or(Ok(Vec::new()), |segment| collection.add_segment(partition, segment))
                })
                .await;
            if committed.is_ok() {
                self.refresh_nodes(id, runtime, None).await;
            }
            committed
        };
        match committed {
            Ok(unnamed) => {
                let replaced = inputs.iter().flat_map(|segment| segment.files(id));
                self.discard(&replaced.chain(unnamed).collect::<Vec<_>>()).await;
                Ok(())
            }
            Err(error) => {
                self.discard(&written).await;
                Err(error)
            }
        }
    }
}

fn drop_log_through(batch: &mut WriteBatch, id: CollectionId, through: Timestamp) {
    batch.delete_range(Store::Log, log_range(id, Timestamp(0), through));
}

/// What the log has beyond what it had when a flush was planned.
fn written_since(now: &LogSummary, planned: &LogSummary) -> LogSummary {
    let mut inserted_rows = now.inserted_rows.clone();
    inserted_rows.retain(|partition, rows| {
        *rows -= planned.inserted_rows.get(partition).copied().unwrap_or(0);
        *rows > 0
    });
    LogSummary {
        last: now.last,
        bytes: now.bytes - planned.bytes,
        inserted_rows,
        // Whether one of the later writes deletes is not known; a flush that finds none does little.
        has_deletes: now.last > planned.last,
    }
}

/// The segments of a partition and shard to make one of, if any: one that has lost a fifth of its rows, or enough small ones.
fn worth_compacting(
    segments: &[&SegmentManifest],
    max_segment_bytes: u64,
    expired_before: Option<Timestamp>,
) -> Vec<SegmentManifest> {
    let is_worn = |segment: &&&SegmentManifest| segment.lost_rows(expired_before) * 5 > segment.rows;
    if let Some(worn) = segments.iter().find(is_worn) {
        return vec![(*worn).clone()];
    }
    let small = segments.iter().filter(|segment| segment.total_bytes() < max_segment_bytes / 2);
    let small: SortedMap<_, _> = small.map(|segment| ((segment.total_bytes(), segment.id), *segment)).collect();
    if small.len() < SMALL_SEGMENTS {
        return Vec::new();
    }
    let mut bytes = 0;
    let fitting = small.into_values().take_while(|segment| {
        bytes += segment.total_bytes();
        bytes <= max_segment_bytes
    });
    let fitting: Vec<SegmentManifest> = fitting.cloned().collect();
    if fitting.len() < 2 { Vec::new() } else { fitting }
}
