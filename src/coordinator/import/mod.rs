//! Import: jobs that read files into a collection.
//!
//! A job's record in the catalog says what is to be read and how far it is. The client sends the files in pieces, which the
//! store keeps until the job has ended if that takes long (`source`). As they come the data node reads them a step at a time
//! into segments that nothing names, and one commit adds all of them and completes the job (`run`). A job that an owner left
//! behind is run again from its stored source; segments that it had written are orphans, so no row is there twice.

mod arguments;
mod reply;
mod run;
mod source;

pub(super) use source::Piece;

use arguments::{ImportOptions, check_files};
use source::PATIENCE_MS;

use super::Coordinator;
use super::collection::DEFAULT_PARTITION;
use super::write::{Target, insert_partitions};
use crate::catalog::{CatalogBatch, Collection, CollectionName, ImportJob, ImportState, SourceFile, source_prefix};
use crate::cluster::Nodes;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::ids::{CollectionId, ImportId, RequestId, Timestamp};
use crate::platform::Platform;
use crate::schema::KeyValue;
use crate::sorted::{SortedMap, SortedSet};
use crate::storage::{Files, Handed, WriteBatch};
use futures::FutureExt;
use futures::future::{Either, select};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use tokio::sync::{Mutex, Notify};

/// Milvus' limit.
const MAX_JOBS: usize = 1024;
/// How often a job with a timeout is looked at, at least.
const DEADLINE_LOOK_MS: u64 = 60_000;
/// Jobs that have ended are known for so long, as in Milvus.
const RETENTION_MS: u64 = 10_800_000;

/// What the coordinator knows of jobs beside their records.
#[derive(Default)]
pub(super) struct Imports {
    /// One is read at a time, whatever the collection, so that the data node's memory has a bound.
    turn: Mutex<()>,
    /// Those that are being read or wait for their turn.
    running: RefCell<SortedSet<ImportId>>,
    /// Those that are read when all of their source is there: it came too slowly.
    stalled: RefCell<SortedSet<ImportId>>,
    /// Pieces of sources that are being stored or wait for it, by their names.
    arriving: RefCell<SortedMap<String, Handed>>,
    /// Those whose source comes no further before it is stored.
    to_be_stored: RefCell<SortedSet<ImportId>>,
    /// Pieces that have come or been stored, jobs that have ended.
    changes: Changes,
    /// When something last came of a source that is not whole yet.
    heard_ms: RefCell<SortedMap<ImportId, u64>>,
    /// Committed, and told as completed when the query nodes have the rows.
    committed: RefCell<SortedSet<ImportId>>,
}

/// Counts, and wakes who waits for more.
#[derive(Default)]
struct Changes {
    count: Cell<u64>,
    waiting: Notify,
}

impl Changes {
    fn tell(&self) {
        self.count.set(self.count.get() + 1);
        self.waiting.notify_waiters();
    }

    /// Returns at the next change, or when that much time has passed; whether there was a change.
    async fn wait(&self, platform: &impl Platform, at_most_ms: u32) -> bool {
        let (change, patience) = (self.waiting.notified(), platform.sleep(at_most_ms));
        futures::pin_mut!(change, patience);
        matches!(select(change, patience).await, Either::Left(_))
    }
}

pub(super) struct NewImport<'a> {
    pub target: Target<'a>,
    pub files: &'a [String],
    /// Of each file that the client does not send.
    pub urls: &'a [Option<String>],
    pub options: &'a [KeyValue],
    /// By which a call that is sent again is known.
    pub request: Option<RequestId>,
}

impl<P: Platform, N: Nodes> Coordinator<P, N> {
    /// Makes a job that waits for its files.
    pub(super) async fn import(self: &Rc<Self>, new: NewImport<'_>) -> Result<ImportId> {
        let job = {
            let _turn = self.committing.lock().await;
            let known = |job: &&ImportJob| new.request.is_some() && job.request == new.request;
            if let Some(known) = self.catalog.borrow().imports.values().find(known) {
                return Ok(known.id);
            }
            let job = self.new_import(&new)?;
            let mut batch = self.catalog_batch();
            batch.put_import(&job);
            let forgotten = self.forget_imports(&mut batch);
            self.commit(batch).await?;
            let mut catalog = self.catalog.borrow_mut();
            catalog.imports.retain(|id, _| !forgotten.contains(id));
            catalog.imports.insert(job.id, job.clone());
            job
        };
        self.tell_import(&job);
        self.watch_source(job.id, PATIENCE_MS);
        self.watch_deadline(&job);
        self.fetch(&job)?;
        Ok(job.id)
    }

    /// Fails a job that takes longer than its options allow.
    fn watch_deadline(self: &Rc<Self>, job: &ImportJob) {
        let options = ImportOptions::of(&job.options).ok();
        let Some(timeout_ms) = options.and_then(|options| options.timeout_ms) else { return };
        let (id, deadline_ms) = (job.id, job.created_at.millis().saturating_add(timeout_ms));
        let coordinator = self.clone();
        let task = async move {
            loop {
                let left_ms = deadline_ms.saturating_sub(coordinator.platform.now_ms());
                if coordinator.job_under_way(id).is_err() {
                    return;
                } else if left_ms == 0 {
                    return coordinator.fail_import(id, Error::ImportEnded("import timeout".into())).await;
                }
                coordinator.platform.sleep(left_ms.min(DEADLINE_LOOK_MS) as u32).await;
            }
        };
        self.platform.spawn(task.boxed_local());
    }

    fn new_import(&self, new: &NewImport<'_>) -> Result<ImportJob> {
        let collection = self.resolve(new.target.collection)?;
        let keyed = collection.uses_partition_key();
        if keyed && !new.target.partition.is_empty() {
            let text = "not allow to set partition name for collection with partition key";
            return Err(Error::ImportFailed(text.into()));
        }
        let partitions = insert_partitions(&collection, new.target.partition)?;
        check_files(new.files.iter().map(String::as_str))?;
        let options = ImportOptions::of(new.options)?;
        options.format_of(&new.files[0])?;
        let under_way = self.catalog.borrow().imports.values().filter(|job| job.state.is_under_way()).count();
        if under_way >= MAX_JOBS {
            let text = format!("The number of jobs has reached the limit, please try again later. limit: {MAX_JOBS}");
            return Err(Error::ImportFailed(text));
        }
        let named = if new.target.partition.is_empty() && !keyed { DEFAULT_PARTITION } else { new.target.partition };
        let created_at = self.tick();
        let file = |(at, name): (usize, &String)| {
            let url = new.urls.get(at).cloned().flatten();
            SourceFile {
                name: name.clone(),
                url,
                attempt: 0,
                pieces: None,
                bytes: 0,
                expected_bytes: None,
                expected_pieces: None,
            }
        };
        Ok(ImportJob {
            id: ImportId(created_at.0),
            request: new.request,
            database: collection.database,
            collection: collection.id,
            collection_name: collection.schema.name,
            partition_name: named.to_owned(),
            partitions,
            files: new.files.iter().enumerate().map(file).collect(),
            options: new.options.to_vec(),
            state: ImportState::Pending,
            failed_reason: String::new(),
            rows: 0,
            read_bytes: 0,
            generated_ids: Vec::new(),
            segments: Vec::new(),
            created_at,
            persist_ms: 0,
            ended_at: None,
        })
    }

    /// Takes jobs that ended long ago out of the catalog; returns which.
    fn forget_imports(&self, batch: &mut WriteBatch) -> SortedSet<ImportId> {
        let catalog = self.catalog.borrow();
        let old = catalog.imports.values().filter(|job| !self.is_remembered(job)).map(|job| job.id);
        let old: SortedSet<ImportId> = old.collect();
        old.iter().for_each(|id| batch.delete_import(*id));
        old
    }

    fn is_remembered(&self, job: &ImportJob) -> bool {
        let horizon = Timestamp::from_millis(self.platform.now_ms().saturating_sub(RETENTION_MS));
        job.ended_at.is_none_or(|ended| ended >= horizon)
    }

    pub(super) fn import_job(&self, id: ImportId) -> Result<ImportJob> {
        let job = self.catalog.borrow().imports.get(&id).cloned();
        job.filter(|job| self.is_remembered(job)).ok_or(Error::ImportNotFound(id))
    }

    /// A job that has not ended, or why it did.
    fn job_under_way(&self, id: ImportId) -> Result<ImportJob> {
        let job = self.import_job(id)?;
        let is_committed = self.imports.committed.borrow().contains(&id);
        if job.state.is_under_way() && !is_committed { Ok(job) } else { Err(Error::ImportEnded(job.failed_reason)) }
    }

    /// The jobs of a collection, or of all of a database; the last ones if there is a limit.
    pub(super) fn import_jobs(&self, name: CollectionName<'_>, limit: usize) -> Result<Vec<ImportJob>> {
        let only: Option<CollectionId> = if name.collection.is_empty() { None } else { Some(self.resolve(name)?.id) };
        let catalog = self.catalog.borrow();
        let wanted = |job: &&ImportJob| job.database == name.database && only.is_none_or(|only| job.collection == only);
        let jobs = catalog.imports.values().filter(wanted).filter(|job| self.is_remembered(job));
        let jobs: Vec<ImportJob> = jobs.cloned().collect();
        let left_out = if limit == 0 { 0 } else { jobs.len().saturating_sub(limit) };
        Ok(jobs[left_out..].to_vec())
    }

    /// Ends a job and removes what it has written. One that has ended stays as it is.
    pub(super) async fn cancel_import(self: &Rc<Self>, id: ImportId, reason: &str) -> Result<()> {
        let reason = if reason.is_empty() { "the import was cancelled" } else { reason };
        if self.import_job(id)?.state.is_under_way() {
            self.fail_import(id, Error::ImportEnded(reason.to_owned())).await;
        }
        // Its commit may have been under way, and then it has completed all the same.
        if self.has_committed(id) {
            let text = format!("job {id} is in terminal/committed state Completed, abort not allowed");
            return Err(Error::ImportEnded(text));
        }
        Ok(())
    }

    /// Whether all rows of a job are there for good.
    fn has_committed(&self, id: ImportId) -> bool {
        let is_completed = self.import_job(id).is_ok_and(|job| job.state == ImportState::Completed);
        is_completed || self.imports.committed.borrow().contains(&id)
    }

    /// Changes a job in one commit. False when it has ended: then nothing changes.
    async fn change_import(&self, id: ImportId, edit: impl Fn(&mut ImportJob)) -> Result<bool> {
        let _turn = self.committing.lock().await;
        let Ok(mut job) = self.job_under_way(id) else { return Ok(false) };
        edit(&mut job);
        let mut batch = self.catalog_batch();
        batch.put_import(&job);
        self.commit(batch).await?;
        // Figures that are not committed may have changed meanwhile.
        if let Ok(mut job) = self.import_job(id) {
            edit(&mut job);
            self.show_import(job);
        }
        Ok(true)
    }

    /// What is told of a job from now on.
    fn show_import(&self, job: ImportJob) {
        self.tell_import(&job);
        let has_ended = !job.state.is_under_way();
        self.catalog.borrow_mut().imports.insert(job.id, job);
        if has_ended {
            self.imports.changes.tell();
        }
    }

    fn tell_import(&self, job: &ImportJob) {
        self.platform.emit(Event::ImportState {
            task: job.id.to_string(),
            db_name: job.database.clone(),
            collection_name: job.collection_name.clone(),
            state: job.state,
            progress: job.progress(),
            row_count: job.rows.to_string(),
            stored_bytes: job.source_bytes().to_string(),
            is_stored: job.is_stored(),
            failed_reason: job.failed_reason.clone(),
        });
    }

    /// Goes on with what earlier owners left: jobs whose source is there are run again, others wait for it or fail.
    pub(super) async fn resume_imports(self: &Rc<Self>) -> Result<()> {
        let mut batch = self.catalog_batch();
        let forgotten = self.forget_imports(&mut batch);
        if !forgotten.is_empty() {
            self.commit(batch).await?;
            self.catalog.borrow_mut().imports.retain(|id, _| !forgotten.contains(id));
        }
        let jobs: Vec<ImportJob> = self.catalog.borrow().imports.values().cloned().collect();
        for job in jobs {
            if job.state.is_under_way() {
                self.watch_deadline(&job);
            }
            match job.state {
                ImportState::Failed => {
                    let coordinator = self.clone();
                    self.platform.spawn(async move { coordinator.clean_import(job.id).await }.boxed_local());
                }
                state if !state.is_under_way() => {}
                _ if job.is_stored() => self.run_import(job.id),
                _ => self.resume_source(&job),
            }
        }
        Ok(())
    }

    /// Deletes the stored source of a job that has ended.
    async fn discard_source(&self, id: ImportId) -> Result<()> {
        let files = self.platform.files();
        files.delete(&files.list(&source_prefix(id)).await?).await
    }
}

impl ImportJob {
    /// Bytes of the whole source, when somebody knows.
    fn expected_bytes(&self) -> Option<u64> {
        self.files.iter().map(|file| file.pieces.map(|_| file.bytes).or(file.expected_bytes)).sum()
    }

    /// Percent; 100 when the rows can be found.
    pub(super) fn progress(&self) -> u64 {
        match self.state {
            ImportState::Failed | ImportState::FailedAndCleaned => 0,
            // Milvus' shares: the first tenth is the source's, the last what comes when every row is in a file.
            ImportState::Pending | ImportState::Started => {
                let expected_bytes = self.expected_bytes();
                let share = |bytes: u64, of: u64| {
                    expected_bytes.map_or(0, |all| (bytes.min(all) * of).checked_div(all).unwrap_or(0))
                };
                share(self.source_bytes(), 10) + share(self.read_bytes, 79)
            }
            ImportState::Persisted => 90,
            ImportState::Completed => 100,
        }
    }
}

/// The collection of a job as it is now, or why the job cannot go on.
fn check_target(job: &ImportJob, collection: Option<Collection>) -> Result<Collection> {
    let dropped = |what: &str, id: u64| Error::ImportEnded(format!("{what} {id} dropped"));
    let collection = collection.ok_or_else(|| dropped("collection", job.collection.0))?;
    let gone = job.partitions.iter().find(|id| collection.partition_by_id(**id).is_none());
    gone.map_or(Ok(collection.clone()), |gone| Err(dropped("partition", gone.0)))
}
