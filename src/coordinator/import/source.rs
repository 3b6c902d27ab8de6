//! The source of an import: pieces that the client sends, kept as files of the store until the job has ended, so that it
//! outlives the page.

use super::super::Coordinator;
use super::check_target;
use crate::catalog::{source_file_prefix, source_piece};
use crate::cluster::Nodes;
use crate::error::{Error, Result};
use crate::ids::ImportId;
use crate::platform::Platform;
use crate::storage::Files;
use futures::FutureExt;
use std::rc::Rc;

/// A client of which nothing is heard for so long has gone, and its job with it.
const PATIENCE_MS: u32 = 60_000;

pub(in crate::coordinator) struct Piece {
    pub job: ImportId,
    pub file: usize,
    pub number: u32,
    pub is_last: bool,
    pub bytes: Vec<u8>,
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
        if file.pieces.is_some() {
            return Ok(());
        }
        let now = self.platform.now_ms();
        self.imports.heard_ms.borrow_mut().insert(id, now);
        let name = source_piece(id, piece.file, piece.number);
        let written = self.platform.files().write(&name, &piece.bytes).await;
        if !self.import_job(id).is_ok_and(|job| job.state.is_under_way()) {
            // It has ended meanwhile, and does not know of this piece.
            self.discard(&[name]).await;
            return Err(Error::ImportFailed(format!("import {id} has ended")));
        }
        written?;
        if piece.is_last {
            self.finish_source(&piece).await?;
        }
        Ok(())
    }

    async fn finish_source(self: &Rc<Self>, last: &Piece) -> Result<()> {
        let files = self.platform.files();
        let names = files.list(&source_file_prefix(last.job, last.file)).await?;
        let count = last.number.saturating_add(1);
        if !(0..count).map(|piece| source_piece(last.job, last.file, piece)).eq(names.iter().cloned()) {
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

    /// Fails a job whose client stops sending.
    pub(super) fn watch_source(self: &Rc<Self>, id: ImportId) {
        self.imports.heard_ms.borrow_mut().insert(id, self.platform.now_ms());
        let coordinator = self.clone();
        let task = async move {
            loop {
                coordinator.platform.sleep(PATIENCE_MS).await;
                let heard = coordinator.imports.heard_ms.borrow().get(&id).copied();
                // All of it is there, or the job has ended.
                let Some(heard) = heard else { return };
                let silent_ms = coordinator.platform.now_ms().saturating_sub(heard);
                if silent_ms >= PATIENCE_MS.into() {
                    coordinator.imports.heard_ms.borrow_mut().remove(&id);
                    let why = Error::ImportFailed("the page that sent the files has gone".into());
                    coordinator.fail_in_background(id, why);
                    return;
                }
            }
        };
        self.platform.spawn(task.boxed_local());
    }
}
