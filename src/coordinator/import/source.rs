//! The source of an import: pieces that the client sends, kept as files of the store until the job has ended, so that it
//! outlives the page. What is not whole when the page has gone is fetched again from its URLs, or the job fails.

use super::super::Coordinator;
use super::check_target;
use crate::catalog::{ImportJob, source_file_prefix, source_piece};
use crate::cluster::Nodes;
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
pub(super) const PATIENCE_AFTER_OPEN_MS: u32 = 10_000;
/// So often a file is fetched again.
const MAX_ATTEMPTS: u32 = 3;

pub(in crate::coordinator) enum Content {
    Bytes(Vec<u8>),
    Handed(Handed),
}

pub(in crate::coordinator) struct Piece {
    pub job: ImportId,
    pub file: usize,
    pub attempt: u32,
    pub number: u32,
    pub is_last: bool,
    /// Of the whole file.
    pub expected_bytes: Option<u64>,
    pub content: Content,
}

impl<P: Platform, N: Nodes> Coordinator<P, N> {
    /// Stores a piece; with the last one of the last file the job begins. The same piece may come again.
    pub(in crate::coordinator) async fn put_import(self: &Rc<Self>, piece: Piece) -> Result<()> {
        let id = piece.job;
        let job = self.job_under_way(id)?;
        let file = job.files.get(piece.file).ok_or_else(|| Error::invalid(format!("import {id} has no such file")))?;
        if let Err(gone) = check_target(&job, self.collection(job.collection)) {
            self.fail_import(id, gone.clone()).await;
            return Err(gone);
        }
        if file.pieces.is_some() || file.attempt != piece.attempt {
            return Ok(());
        }
        self.import_alive(id)?;
        let name = source_piece(id, piece.file, piece.attempt, piece.number);
        let files = self.platform.files();
        let written = match &piece.content {
            Content::Bytes(bytes) => files.write(&name, bytes).await,
            Content::Handed(handed) => files.adopt(&name, *handed).await,
        };
        if !self.import_job(id).is_ok_and(|job| job.state.is_under_way()) {
            // It has ended meanwhile, and does not know of this piece.
            self.discard(&[name]).await;
            return Err(Error::ImportEnded(format!("import {id} has ended")));
        }
        written?;
        if piece.is_last {
            return self.finish_source(&piece).await;
        }
        let stored_bytes = files.size(&name).await?;
        let mut job = self.job_under_way(id)?;
        let file = &mut job.files[piece.file];
        if file.attempt == piece.attempt {
            file.bytes += stored_bytes;
            file.expected_bytes = piece.expected_bytes;
            self.show_import(job);
        }
        Ok(())
    }

    /// Whoever sends the source is still there.
    pub(in crate::coordinator) fn import_alive(&self, id: ImportId) -> Result<()> {
        if !self.job_under_way(id)?.is_stored() {
            self.imports.heard_ms.borrow_mut().insert(id, self.platform.now_ms());
        }
        Ok(())
    }

    async fn finish_source(self: &Rc<Self>, last: &Piece) -> Result<()> {
        let files = self.platform.files();
        let names = files.list(&source_file_prefix(last.job, last.file, last.attempt)).await?;
        let count = last.number.saturating_add(1);
        if !(0..count).map(|piece| source_piece(last.job, last.file, last.attempt, piece)).eq(names.iter().cloned()) {
            return Err(Error::invalid(format!("{} pieces of {count} have arrived", names.len())));
        }
        let mut bytes = 0;
        for name in &names {
            bytes += files.size(name).await?;
        }
        self.change_import(last.job, |job| {
            let file = &mut job.files[last.file];
            (file.pieces, file.bytes) = (Some(count), bytes);
        })
        .await?;
        if self.import_job(last.job)?.is_stored() {
            self.imports.heard_ms.borrow_mut().remove(&last.job);
            self.run_import(last.job);
        }
        Ok(())
    }

    /// Fetches or fails what a client stops sending.
    pub(super) fn watch_source(self: &Rc<Self>, id: ImportId, first_patience_ms: u32) {
        self.imports.heard_ms.borrow_mut().insert(id, self.platform.now_ms());
        let coordinator = self.clone();
        let task = async move {
            let (mut patience_ms, mut wait_ms) = (first_patience_ms, first_patience_ms);
            loop {
                coordinator.platform.sleep(wait_ms).await;
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
                if let Err(error) = coordinator.fetch_source(id).await {
                    coordinator.imports.heard_ms.borrow_mut().remove(&id);
                    return coordinator.fail_import(id, error).await;
                }
            }
        };
        self.platform.spawn(task.boxed_local());
    }

    /// Has what is missing fetched from the beginning.
    async fn fetch_source(&self, id: ImportId) -> Result<()> {
        let mut wanted = Vec::new();
        let job = self.job_under_way(id)?;
        let collection = check_target(&job, self.collection(job.collection))?;
        for (at, file) in job.files.into_iter().enumerate().filter(|(_, file)| file.pieces.is_none()) {
            let Some(url) = file.url.filter(|_| file.attempt < MAX_ATTEMPTS) else {
                return Err(Error::ImportEnded("the page that sent the files has gone".into()));
            };
            wanted.push(WantedFile { file: at, attempt: file.attempt + 1, name: file.name, url });
        }
        let begin = |job: &mut ImportJob| {
            for it in &wanted {
                let file = &mut job.files[it.file];
                (file.attempt, file.bytes) = (it.attempt, 0);
            }
        };
        self.change_import(id, begin).await?;
        self.import_alive(id)?;
        let files = self.platform.files();
        for WantedFile { file, attempt, .. } in &wanted {
            self.discard(&files.list(&source_file_prefix(id, *file, attempt - 1)).await?).await;
        }
        self.platform.emit(Event::ImportSource {
            task: id.to_string(),
            db_name: collection.database,
            collection_name: collection.schema.name,
            files: wanted,
        });
        Ok(())
    }
}
