//! Moving files that an earlier version, or a browser without OPFS, has written into the database.

use super::connection::{Connection, FILES, WriteTransaction};
use super::file_head::{FileHead, Place, current_head, delete_file, read_head};
use super::files::keys;
use super::open_file::BrowserFile;
use super::slot_file::SlotFile;
use super::slots::Slot;
use super::value::SMALL_BYTES;
use super::{BrowserStore, run};
use crate::error::Result;
use crate::storage::{Durability, Files, OpenFile, prefix_range};
use std::rc::Rc;

const COPIED_BYTES: usize = 4 << 20;

async fn copy(file: &BrowserFile, into: &SlotFile) -> Result<()> {
    let mut bytes = vec![0; COPIED_BYTES.min(file.bytes as usize)];
    for offset in (0..file.bytes).step_by(COPIED_BYTES) {
        let length = (file.bytes - offset).min(COPIED_BYTES as u64) as usize;
        file.read(offset, &mut bytes[..length]).await?;
        into.write(offset, &[&bytes[..length]]).await?;
    }
    into.flush().await
}

/// One transaction that drops the old bytes and names the new ones. False if the file is no longer what was copied.
async fn change_place(connection: Rc<Connection>, name: String, old: FileHead, new: FileHead) -> Result<bool> {
    let change = async |transaction: &WriteTransaction| {
        if current_head(transaction, &name).await?.as_ref() != Some(&old) {
            return Ok(false);
        }
        delete_file(transaction, &name).await?;
        transaction.put(FILES, &name, &new.encode())?;
        Ok(true)
    };
    connection.write(&[FILES], Durability::Strict, change).await
}

fn is_to_move(head: &FileHead) -> bool {
    matches!(head.place, Place::Chunks { .. }) && head.bytes >= SMALL_BYTES as u64
}

impl BrowserStore {
    pub async fn files_to_move(&self) -> Result<Vec<String>> {
        if !self.slots.as_ref().is_some_and(|slots| slots.are_written_to()) {
            return Ok(Vec::new());
        }
        let connection = self.connection.clone();
        run(async move {
            let mut found = Vec::new();
            for name in keys(&connection, prefix_range("")).await?.into_iter().filter(|key| !key.contains('#')) {
                if read_head(&connection.read(FILES)?, &name).await?.is_some_and(|head| is_to_move(&head)) {
                    found.push(name);
                }
            }
            Ok(found)
        })
        .await
    }

    pub async fn move_into_slot(&self, name: &str) -> Result<()> {
        let (connection, wanted) = (self.connection.clone(), name.to_string());
        let head = run(async move { read_head(&connection.read(FILES)?, &wanted).await }).await?;
        let Some(old) = head.filter(is_to_move) else { return Ok(()) };
        let Some(Slot { name: slot, file: into }) = self.slot_to_write().await else { return Ok(()) };
        let new = FileHead { bytes: old.bytes, place: Place::Slot { slot: slot.clone() } };
        let moved = self.copy_and_name(name, into, (old, new)).await;
        if moved != Ok(true) {
            self.empty_slots([slot]).await;
        }
        moved.map(drop)
    }

    async fn copy_and_name(&self, name: &str, into: SlotFile, (old, new): (FileHead, FileHead)) -> Result<bool> {
        let file = self.open(name).await?;
        copy(&file, &into).await?;
        let (connection, name) = (self.connection.clone(), name.to_string());
        run(async move {
            let moved = change_place(connection, name, old, new).await;
            into.close().await;
            moved
        })
        .await
    }
}
