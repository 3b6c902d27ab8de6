//! Running a job: steps of the data node as its source comes, then the one commit; or the end without a trace.

use super::super::Coordinator;
use super::super::maintenance::despite_deaths;
use super::arguments::ImportOptions;
use super::check_target;
use crate::catalog::{CatalogBatch, Collection, ImportJob, ImportState};
use crate::cluster::{
    IMPORT_STEP_ROWS, ImportIds, ImportPlan, ImportStep, NodeAnswer, NodeCommand, Nodes, StepOfImport,
};
use crate::error::{Error, Result};
use crate::ids::{ImportId, PartitionId, SegmentId};
use crate::platform::Platform;
use crate::segment::SegmentManifest;
use crate::sorted::SortedSet;
use futures::FutureExt;
use std::ops::Range;
use std::rc::Rc;

const CLEAN_AGAIN_MS: u32 = 5_000;

type NewSegments = Vec<(PartitionId, SegmentManifest)>;

/// How an attempt to read a source ended.
#[derive(PartialEq)]
enum Attempt {
    Whole,
    /// It is read again from the start when all of it is there.
    Stalled,
}

impl<P: Platform, N: Nodes> Coordinator<P, N> {
    /// Runs a job in the background, when those before it have ended.
    pub(super) fn run_import(self: &Rc<Self>, id: ImportId) {
        if !self.imports.running.borrow_mut().insert(id) {
            return;
        }
        let coordinator = self.clone();
        let task = async move {
            let outcome = loop {
                let attempt = coordinator.import_in_turn(id).await;
                let has_come = || coordinator.import_job(id).is_ok_and(|job| job.is_stored());
                if attempt != Ok(Attempt::Stalled) || !has_come() {
                    break attempt;
                }
            };
            let imports = &coordinator.imports;
            imports.running.borrow_mut().remove(&id);
            if outcome == Ok(Attempt::Stalled) && coordinator.job_under_way(id).is_ok() {
                imports.stalled.borrow_mut().insert(id);
            } else {
                imports.stalled.borrow_mut().remove(&id);
                imports.to_be_stored.borrow_mut().remove(&id);
            }
            match outcome {
                Err(error) => coordinator.fail_import(id, error).await,
                // Who gave a job up while it was run has left the rest to it.
                Ok(_) => coordinator.clean_import(id).await,
            }
        };
        self.platform.spawn(task.boxed_local());
    }

    async fn import_in_turn(self: &Rc<Self>, id: ImportId) -> Result<Attempt> {
        let _turn = self.imports.turn.lock().await;
        despite_deaths(async || self.try_import(id).await).await
    }

    /// Reads the whole source and commits it. Of an attempt that comes to nothing no segment stays.
    async fn try_import(self: &Rc<Self>, id: ImportId) -> Result<Attempt> {
        let (job, collection) = self.ongoing_import(id)?;
        let plan = ImportPlan {
            job: id,
            collection: collection.id,
            schema: collection.schema,
            indexes: collection.indexes,
            partitions: job.partitions,
            shards: collection.shards_num,
            format: ImportOptions::of(&job.options)?.format_of(&job.files[0].name)?,
            files: job.files,
            buffer_bytes: self.config.import_buffer_bytes,
        };
        let mut read = ReadSoFar::default();
        let outcome = match self.read_import(plan, &mut read).await {
            Ok(Attempt::Whole) => self.commit_import(id, read.segments.clone()).await.map(|()| Attempt::Whole),
            unread => unread,
        };
        if outcome != Ok(Attempt::Whole) {
            let written = read.segments.iter().flat_map(|(_, segment)| segment.files(collection.id));
            self.discard(&written.collect::<Vec<_>>()).await;
        }
        outcome
    }

    /// A job and its collection, or why it cannot go on.
    fn ongoing_import(&self, id: ImportId) -> Result<(ImportJob, Collection)> {
        let job = self.job_under_way(id)?;
        let collection = check_target(&job, self.collection(job.collection))?;
        Ok((job, collection))
    }

    /// Has the data node read the source into segments.
    async fn read_import(self: &Rc<Self>, plan: ImportPlan, read: &mut ReadSoFar) -> Result<Attempt> {
        let (id, collection, started_ms) = (plan.job, plan.collection, self.platform.now_ms());
        let new_segments = 2 * plan.partitions.len() * plan.shards as usize;
        let attempts: Vec<u32> = plan.files.iter().map(|file| file.attempt).collect();
        let mut known_to_node = SortedSet::new();
        self.change_import(id, |job| job.state = ImportState::Started).await?;
        self.with_data_node(NodeCommand::BeginImport(Box::new(plan))).await?;
        loop {
            let (job, _) = self.ongoing_import(id)?;
            if !job.files.iter().map(|file| file.attempt).eq(attempts.iter().copied()) {
                return Ok(Attempt::Stalled);
            }
            let is_stored = job.is_stored();
            // Other work of the data node gets its turn between two steps.
            let first_row = self.tick_many(IMPORT_STEP_ROWS as u64).0;
            let segments: Vec<SegmentId> = (0..new_segments).map(|_| SegmentId(self.tick().0)).collect();
            let changes = self.imports.changes.count.get();
            let lent = self.to_lend(id).into_iter().filter(|piece| known_to_node.insert(piece.name.clone())).collect();
            let ids = ImportIds { first_row, segments: segments.clone() };
            let command = NodeCommand::StepImport(Box::new(StepOfImport { job: id, files: job.files, lent, ids }));
            let NodeAnswer::Imported(step) = self.write_segments(collection, &segments, command).await? else {
                return Err(Error::Unexpected("the data node did not answer with what it imported".into()));
            };
            let (is_last, needs_more) = (step.is_last, step.needs_more);
            read.add(step, first_row);
            let (mut job, _) = self.ongoing_import(id)?;
            read.show_in(&mut job);
            if is_last {
                job.state = ImportState::Persisted;
                job.persist_ms = self.platform.now_ms().saturating_sub(started_ms);
            }
            self.show_import(job);
            if is_last {
                return Ok(Attempt::Whole);
            }
            if needs_more && !is_stored {
                if self.imports.to_be_stored.borrow_mut().insert(id) {
                    self.imports.changes.tell();
                }
                if !self.more_comes(changes).await {
                    return Ok(Attempt::Stalled);
                }
            }
        }
    }

    /// Makes all rows of a job visible, and then says that it has completed.
    async fn commit_import(self: &Rc<Self>, id: ImportId, segments: NewSegments) -> Result<()> {
        let (job, collection) = self.ongoing_import(id)?;
        let runtime = self.runtime(collection.id);
        let completed = {
            let _moving = runtime.moving.lock().await;
            let (completed, unused) = {
                let _turn = runtime.writing.lock().await;
                let committed = self.commit_segments(job, segments).await?;
                self.imports.committed.borrow_mut().insert(id);
                committed
            };
            self.refresh_nodes(collection.id, &runtime, None).await;
            self.discard(&unused).await;
            completed
        };
        self.imports.committed.borrow_mut().remove(&id);
        self.show_import(completed);
        self.tidy_up(collection.id);
        // What stays is swept when the store is opened the next time.
        drop(self.discard_source(id).await);
        Ok(())
    }

    /// The commit itself; the caller holds `writing`. Returns the job as it is then, and files of indexes that were dropped.
    async fn commit_segments(&self, job: ImportJob, segments: NewSegments) -> Result<(ImportJob, Vec<String>)> {
        let at = self.tick();
        let completed = ImportJob { state: ImportState::Completed, ended_at: Some(at), ..job };
        self.change_with_import(&completed, |collection| {
            let mut unused = Vec::new();
            for (partition, mut segment) in segments {
                segment.commit_import(at);
                unused.extend(collection.add_segment(partition, segment).expect("the target was checked"));
            }
            unused
        })
        .await
        .map(|unused| (completed, unused))
    }

    /// Changes a job's collection and completes the job, in one commit.
    async fn change_with_import<T>(&self, completed: &ImportJob, edit: impl FnOnce(&mut Collection) -> T) -> Result<T> {
        let _turn = self.committing.lock().await;
        let (_, mut collection) = self.ongoing_import(completed.id)?;
        let result = edit(&mut collection);
        let mut batch = self.catalog_batch();
        batch.put_collection(&collection);
        batch.put_import(completed);
        self.commit(batch).await?;
        self.catalog.borrow_mut().collections.insert(collection.id, collection);
        Ok(result)
    }

    /// Ends a job that has not ended yet, and removes what is left of it. While it is being run, that comes after the step
    /// that is under way.
    pub(super) async fn fail_import(self: &Rc<Self>, id: ImportId, why: Error) {
        let ended_at = self.tick();
        let fail = |job: &mut ImportJob| {
            job.state = ImportState::Failed;
            job.failed_reason = why.to_string();
            (job.rows, job.ended_at) = (0, Some(ended_at));
            job.segments.clear();
            job.generated_ids.clear();
        };
        match self.change_import(id, fail).await {
            Ok(_) => {}
            // Job and files are the next owner's.
            Err(Error::Fenced { .. }) => return,
            // Deleting makes room on a full disk. A job whose end is not kept even then is run again by the next owner.
            Err(_) => {
                if let Ok(mut job) = self.job_under_way(id) {
                    fail(&mut job);
                    self.show_import(job);
                }
            }
        }
        if !self.imports.running.borrow().contains(&id) {
            self.clean_import(id).await;
        }
    }

    /// Removes the source of a job that failed, and says so; while the store refuses it, again and again.
    pub(super) async fn clean_import(&self, id: ImportId) {
        while let Err(error) = self.try_clean(id).await {
            if let Error::Fenced { .. } = error {
                return;
            }
            self.platform.sleep(CLEAN_AGAIN_MS).await;
        }
    }

    async fn try_clean(&self, id: ImportId) -> Result<()> {
        let is_failed = |job: &ImportJob| job.state == ImportState::Failed;
        if !self.import_job(id).is_ok_and(|job| is_failed(&job)) {
            return Ok(());
        }
        self.discard_source(id).await?;
        let _turn = self.committing.lock().await;
        let Some(mut job) = self.import_job(id).ok().filter(is_failed) else { return Ok(()) };
        job.state = ImportState::FailedAndCleaned;
        let mut batch = self.catalog_batch();
        batch.put_import(&job);
        self.commit(batch).await?;
        self.show_import(job);
        Ok(())
    }
}

/// What the steps of an attempt have done.
#[derive(Default)]
struct ReadSoFar {
    rows: u64,
    bytes: u64,
    generated_ids: Vec<Range<u64>>,
    segments: NewSegments,
}

impl ReadSoFar {
    fn add(&mut self, step: ImportStep, first_id: u64) {
        self.rows += step.rows;
        self.bytes += step.bytes;
        self.segments.extend(step.new_segments);
        if step.generated_ids > 0 {
            self.generated_ids.push(first_id..first_id + step.generated_ids);
        }
    }

    /// Figures of an attempt that begins again do not fall behind those of the last one.
    fn show_in(&self, job: &mut ImportJob) {
        job.rows = job.rows.max(self.rows);
        job.read_bytes = job.read_bytes.max(self.bytes);
        job.generated_ids = self.generated_ids.clone();
        job.segments = self.segments.iter().map(|(_, segment)| segment.id).collect::<Vec<SegmentId>>();
    }
}
