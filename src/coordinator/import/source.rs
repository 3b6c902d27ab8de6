//! The source of an import: pieces that the client sends, or that are fetched from URLs beside the coordinator, kept as files of
//! the store until the job has ended, so that it outlives the page. What is not whole when the store gets another owner is
//! fetched again; what only a page had that has gone fails the job. A job that is being read does not wait for a piece to be
//! stored: it is lent to the data node, until storing keeps up with reading.

use super::super::Coordinator;
use super::check_target;
use crate::catalog::{ImportJob, SourceFile, source_file_prefix, source_piece, source_prefix};
use crate::cluster::{Lent, Nodes};
use crate::error::{Error, Result};
use crate::event::{Event, WantedFile};
use crate::ids::ImportId;
use crate::platform::Platform;
use crate::storage::{Files, Handed};
use futures::FutureExt;
use std::rc::Rc;

/// A client of which nothing is heard for so long has gone. Timers of a page that is not seen may come once a minute.
pub(super) const PATIENCE_MS: u32 = 150_000;
/// A client that is still there goes on as soon as there is another owner.
const PATIENCE_AFTER_OPEN_MS: u32 = 10_000;
/// A timer that is so late says that the computer slept, and the page with it.
const SLEPT_MS: u64 = 5000;
/// A source that is read within this time of the job's beginning is not stored,
const STORED_FROM_MS: u64 = 6_000;
/// which can be told by its pace when so much time has passed.
const FORESEEN_AFTER_MS: u64 = 2_000;
const LOOK_AGAIN_MS: u32 = 1_000;
/// Without news for so long, reading is given up until the source is whole.
const STALL_MS: u32 = 1_000;
/// So often a file is fetched again of which nothing comes.
const MAX_ATTEMPTS: u32 = 3;

pub(in crate::coordinator) struct Piece {
    pub job: ImportId,
    pub file: usize,
    pub attempt: u32,
    pub number: u32,
    /// How many the whole file has, as soon as whoever sends it can tell.
    pub of: Option<u32>,
    /// Of the whole file.
    pub expected_bytes: Option<u64>,
    pub handed: Handed,
}

impl Piece {
    fn name(&self) -> String {
        source_piece(self.job, self.file, self.attempt, self.number)
    }
}

impl<P: Platform, N: Nodes> Coordinator<P, N> {
    /// Takes a piece and returns when it is stored, or not needed any more. The same piece may come again.
    pub(in crate::coordinator) async fn put_import(self: &Rc<Self>, piece: Piece) -> Result<()> {
        let id = piece.job;
        let Some(job) = self.job_in_want(id)? else { return Ok(()) };
        let file = job.files.get(piece.file).ok_or_else(|| Error::invalid(format!("import {id} has no such file")))?;
        if let Err(gone) = check_target(&job, self.collection(job.collection)) {
            self.fail_import(id, gone.clone()).await;
            return Err(gone);
        }
        if file.pieces.is_some() || file.attempt != piece.attempt {
            return Ok(());
        }
        self.import_alive(id)?;
        let mut announced = job.clone();
        let file = &mut announced.files[piece.file];
        file.expected_bytes = piece.expected_bytes;
        file.expected_pieces = piece.of.or(file.expected_pieces);
        self.show_import(announced);
        self.imports.arriving.borrow_mut().insert(piece.name(), piece.handed);
        self.imports.changes.tell();
        if !self.imports.stalled.borrow().contains(&id) {
            self.run_import(id);
        }
        self.storing_is_due(id).await;
        let stored = self.store_piece(&piece).await;
        if let Err(error) = &stored
            && job.files[piece.file].url.is_none()
        {
            // Its page, which would say so, may have gone, and with it the bytes.
            self.fail_import(id, error.clone()).await;
        }
        self.imports.arriving.borrow_mut().remove(&piece.name());
        self.imports.changes.tell();
        stored
    }

    /// What is read soon need not be stored. But a client sends only so much that is not.
    async fn storing_is_due(&self, id: ImportId) {
        while !self.imports.to_be_stored.borrow().contains(&id) {
            let Ok(job) = self.job_under_way(id) else { return };
            let elapsed_ms = self.platform.now_ms().saturating_sub(job.created_at.millis());
            let seen = job.expected_bytes().filter(|_| elapsed_ms >= FORESEEN_AFTER_MS);
            let whole_ms = seen.map_or(elapsed_ms, |bytes| elapsed_ms.saturating_mul(bytes) / job.read_bytes.max(1));
            if whole_ms >= STORED_FROM_MS {
                return;
            }
            self.imports.changes.wait(&self.platform, LOOK_AGAIN_MS).await;
        }
    }

    /// A job that has not ended; `None` when it has completed.
    fn job_in_want(&self, id: ImportId) -> Result<Option<ImportJob>> {
        match self.job_under_way(id) {
            Ok(job) => Ok(Some(job)),
            Err(_) if self.has_committed(id) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn store_piece(self: &Rc<Self>, piece: &Piece) -> Result<()> {
        // Commits of the data node would wait behind large pieces, and both write to one disk: so they take turns.
        let _turn = self.data_node.lock().await;
        if self.job_in_want(piece.job)?.is_none() {
            return Ok(());
        }
        let stored = self.try_store_piece(piece).await;
        match self.job_in_want(piece.job) {
            Ok(Some(_)) => stored,
            ended => {
                // What deletes the source of a job that ends may have come too early for this piece.
                self.discard(&[piece.name()]).await;
                ended.map(drop)
            }
        }
    }

    async fn try_store_piece(self: &Rc<Self>, piece: &Piece) -> Result<()> {
        let files = self.platform.files();
        files.adopt(&piece.name(), piece.handed).await?;
        let stored_bytes = files.size(&piece.name()).await?;
        let mut job = self.job_under_way(piece.job)?;
        let file = &mut job.files[piece.file];
        if file.attempt == piece.attempt && file.pieces.is_none() {
            file.bytes += stored_bytes;
            self.show_import(job);
        }
        match piece.of {
            Some(count) => self.finish_source(piece, count).await,
            None => Ok(()),
        }
    }

    /// Whoever sends the source is still there.
    pub(in crate::coordinator) fn import_alive(&self, id: ImportId) -> Result<()> {
        if !self.job_under_way(id)?.is_stored() {
            self.imports.heard_ms.borrow_mut().insert(id, self.platform.now_ms());
        }
        Ok(())
    }

    /// Takes a file as whole when all of its pieces are there.
    async fn finish_source(self: &Rc<Self>, piece: &Piece, count: u32) -> Result<()> {
        let files = self.platform.files();
        let names = files.list(&source_file_prefix(piece.job, piece.file, piece.attempt)).await?;
        if !(0..count).map(|at| source_piece(piece.job, piece.file, piece.attempt, at)).eq(names.iter().cloned()) {
            return Ok(());
        }
        let mut bytes = 0;
        for name in &names {
            bytes += files.size(name).await?;
        }
        self.change_import(piece.job, |job| {
            let file = &mut job.files[piece.file];
            if file.attempt == piece.attempt {
                (file.pieces, file.expected_pieces, file.bytes) = (Some(count), Some(count), bytes);
            }
        })
        .await?;
        if self.import_job(piece.job)?.is_stored() {
            self.imports.heard_ms.borrow_mut().remove(&piece.job);
            self.run_import(piece.job);
        }
        Ok(())
    }

    /// What the data node may read although the store does not have it. A source that is stored as it comes is read from the
    /// store: what was lent stays in the browser's memory until it is read, and such a source may come faster.
    pub(super) fn to_lend(&self, id: ImportId) -> Vec<Lent> {
        if self.imports.to_be_stored.borrow().contains(&id) {
            return Vec::new();
        }
        let arriving = self.imports.arriving.borrow();
        let of_job = arriving
            .range_from(source_prefix(id).as_str())
            .take_while(|(name, _)| name.starts_with(&source_prefix(id)));
        of_job.map(|(name, handed)| Lent { name: name.clone(), handed: *handed }).collect()
    }

    /// Whether anything of a source has come since `seen`, or comes soon. Others that can be read meanwhile come first.
    pub(super) async fn more_comes(&self, seen: u64) -> bool {
        let changes = &self.imports.changes;
        if changes.count.get() != seen {
            return true;
        }
        self.imports.running.borrow().len() == 1 && changes.wait(&self.platform, STALL_MS).await
    }

    /// Fetches or fails what a client stops sending.
    pub(super) fn watch_source(self: &Rc<Self>, id: ImportId, first_patience_ms: u32) {
        self.imports.heard_ms.borrow_mut().insert(id, self.platform.now_ms());
        let coordinator = self.clone();
        let task = async move {
            let (mut patience_ms, mut wait_ms) = (first_patience_ms, first_patience_ms);
            loop {
                let awaited_ms = coordinator.platform.now_ms() + u64::from(wait_ms);
                coordinator.platform.sleep(wait_ms).await;
                let is_late = coordinator.platform.now_ms() > awaited_ms + SLEPT_MS;
                let heard = coordinator.imports.heard_ms.borrow().get(&id).copied();
                // All of it is there, or the job has ended.
                let Some(heard) = heard else { return };
                let silent_ms = coordinator.platform.now_ms().saturating_sub(heard);
                let is_there = silent_ms < patience_ms.into();
                // Whoever has found this owner may be slow.
                (patience_ms, wait_ms) = (PATIENCE_MS, PATIENCE_MS);
                if is_there {
                    wait_ms -= silent_ms as u32;
                    continue;
                }
                if is_late {
                    wait_ms = PATIENCE_AFTER_OPEN_MS;
                    continue;
                }
                if let Err(error) = coordinator.fetch_instead(id).await {
                    coordinator.imports.heard_ms.borrow_mut().remove(&id);
                    return coordinator.fail_import(id, error).await;
                }
            }
        };
        self.platform.spawn(task.boxed_local());
    }

    /// Has what is missing fetched from its beginning, unless that has been tried often or only a page had it.
    async fn fetch_instead(&self, id: ImportId) -> Result<()> {
        let job = self.job_under_way(id)?;
        if job.missing().any(|(_, file)| file.url.is_none() || file.attempt >= MAX_ATTEMPTS) {
            return Err(Error::ImportEnded("the page that sent the files has gone".into()));
        }
        self.fetch_again(&job).await
    }

    /// Under a new owner of the store: pages send again what they have.
    pub(super) fn resume_source(self: &Rc<Self>, job: &ImportJob) {
        let is_fetched = job.missing().all(|(_, file)| file.url.is_some());
        self.watch_source(job.id, if is_fetched { PATIENCE_MS } else { PATIENCE_AFTER_OPEN_MS });
        let (coordinator, job) = (self.clone(), job.clone());
        let task = async move {
            if let Err(error) = coordinator.fetch_again(&job).await {
                coordinator.fail_import(job.id, error).await;
            }
        };
        self.platform.spawn(task.boxed_local());
    }

    /// Under the number of the next attempt, so that late pieces of the last one count for nothing.
    async fn fetch_again(&self, job: &ImportJob) -> Result<()> {
        let fetched: Vec<(usize, u32)> =
            job.missing().filter(|(_, file)| file.url.is_some()).map(|(at, file)| (at, file.attempt)).collect();
        if fetched.is_empty() {
            return Ok(());
        }
        let begin = |job: &mut ImportJob| {
            for (at, last_attempt) in &fetched {
                let file = &mut job.files[*at];
                (file.attempt, file.bytes, file.expected_pieces) = (last_attempt + 1, 0, None);
            }
        };
        self.change_import(job.id, begin).await?;
        let files = self.platform.files();
        for (at, last_attempt) in fetched {
            self.discard(&files.list(&source_file_prefix(job.id, at, last_attempt)).await?).await;
        }
        self.fetch(&self.job_under_way(job.id)?)
    }

    /// Has the files fetched that have a URL.
    pub(super) fn fetch(&self, job: &ImportJob) -> Result<()> {
        let collection = check_target(job, self.collection(job.collection))?;
        let wanted = |(at, file): (usize, &SourceFile)| {
            let (attempt, name, url) = (file.attempt, file.name.clone(), file.url.clone()?);
            Some(WantedFile { file: at, attempt, name, url })
        };
        let wanted: Vec<WantedFile> = job.missing().filter_map(wanted).collect();
        if !wanted.is_empty() {
            self.platform.emit(Event::ImportSource {
                task: job.id.to_string(),
                db_name: collection.database,
                collection_name: collection.schema.name,
                files: wanted,
            });
        }
        Ok(())
    }
}

impl ImportJob {
    /// The files that the store does not have as a whole, with their numbers.
    fn missing(&self) -> impl Iterator<Item = (usize, &SourceFile)> {
        self.files.iter().enumerate().filter(|(_, file)| file.pieces.is_none())
    }
}
