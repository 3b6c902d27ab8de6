//! `Files`: a file is a small head record under its name, and its bytes, which are in OPFS where the browser has it.
//!
//! The head is written last: a file exists if and only if its head does. In OPFS its bytes are in a [slot](super::slots).
//!
//! Small files, and all where there is no OPFS, are chunks in the database under `<name>#<chunk number>`. A transaction holds
//! one chunk, or small files of no more bytes together, because whoever wants to read from the object store meanwhile waits for
//! it. Chunks are Blobs, which read at
//! three times the speed of an `ArrayBuffer` of that size, and by range.

use super::connection::{Connection, FILES, WriteTransaction, key_range};
use super::file_head::{FileHead, Place, chunk_key, delete_file, read_head};
use super::open_file::{BrowserFile, Chunks, Content, Found, find};
use super::opfs::Handle;
use super::slots::Slot;
use super::value::{SMALL_BYTES, value_of};
use super::{BrowserStore, error, run};
use crate::error::{Error, Result};
use crate::sorted::{SortedMap, SortedSet};
use crate::storage::{Durability, Files, Handed, check_file_name, prefix_range};
use futures::channel::oneshot;
use futures::future::try_join_all;
use js_sys::ArrayBuffer;
use std::cell::{Cell, RefCell};
use std::ops::Range;
use std::rc::Rc;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::Blob;

const CHUNK_BYTES: usize = 4 << 20;
/// Of a transaction.
const MOST_SMALL_FILES: usize = CHUNK_BYTES / SMALL_BYTES;
/// Every slot is opened for it, while an owner that has just opened has better to do.
const SWEPT_AFTER_MS: u32 = 1_000;

/// One transaction of a write: the first drops what was there under that name, the last makes the file exist.
struct Step {
    name: String,
    is_first: bool,
    chunk: Option<(u64, JsValue)>,
    head: Option<ArrayBuffer>,
}

/// All or none. Returns the slots of files that they replace.
async fn write_steps(connection: &Connection, steps: &[Step]) -> Result<Vec<String>> {
    let put_all = async |transaction: &WriteTransaction| {
        let replaced = try_join_all(steps.iter().map(|step| put_step(transaction, step))).await?;
        Ok(replaced.into_iter().flatten().collect())
    };
    connection.write(&[FILES], Durability::Strict, put_all).await
}

async fn put_step(transaction: &WriteTransaction, step: &Step) -> Result<Option<String>> {
    let replaced = if step.is_first { delete_file(transaction, &step.name).await? } else { None };
    if let Some((number, bytes)) = &step.chunk {
        transaction.put(FILES, &chunk_key(&step.name, *number), bytes)?;
    }
    if let Some(head) = &step.head {
        transaction.put(FILES, &step.name, head)?;
    }
    Ok(replaced)
}

async fn write_step(connection: Rc<Connection>, step: Step) -> Result<Vec<String>> {
    write_steps(&connection, &[step]).await
}

/// Is told the slots of files that were replaced.
type Written = oneshot::Sender<Result<Vec<String>>>;

/// Small files. Those that come while a transaction is under way are the next one together: it is waiting for the disk that
/// takes its time.
#[derive(Default)]
pub struct SmallFiles {
    waiting: RefCell<Vec<(Step, Written)>>,
    is_writing: Cell<bool>,
}

impl SmallFiles {
    async fn write(self: &Rc<Self>, connection: &Rc<Connection>, step: Step) -> Result<Vec<String>> {
        let (sender, receiver) = oneshot::channel();
        self.waiting.borrow_mut().push((step, sender));
        if !self.is_writing.replace(true) {
            spawn_local(self.clone().write_waiting(connection.clone()));
        }
        receiver.await.expect("what waits is written")
    }

    async fn write_waiting(self: Rc<Self>, connection: Rc<Connection>) {
        loop {
            let (steps, senders): (Vec<_>, Vec<_>) = {
                let mut waiting = self.waiting.borrow_mut();
                let count = waiting.len().min(MOST_SMALL_FILES);
                waiting.drain(..count).unzip()
            };
            if steps.is_empty() {
                return self.is_writing.set(false);
            }
            let mut written = write_steps(&connection, &steps).await;
            for sender in senders {
                // Slots are one caller's to empty. It may be gone; the file was to be written all the same.
                let _ = sender.send(written.clone());
                written = written.map(|_| Vec::new());
            }
        }
    }
}

/// Returns the slots of those that have one.
async fn delete_files(connection: Rc<Connection>, names: Vec<String>) -> Result<Vec<String>> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let delete = async |transaction: &WriteTransaction| {
        let mut slots = Vec::new();
        for name in &names {
            slots.extend(delete_file(transaction, name).await?);
        }
        Ok(slots)
    };
    // A head that a power cut brings back must not name a slot that has another file by then.
    connection.write(&[FILES], Durability::Strict, delete).await
}

pub async fn keys(connection: &Connection, range: Range<String>) -> Result<Vec<String>> {
    let found = connection.read(FILES)?.get_all_keys(Some(key_range(&range)?), None).await.map_err(error::of_rexie)?;
    Ok(found.iter().filter_map(JsValue::as_string).collect())
}

/// Chunks of writes that never ended.
async fn partial_files(connection: &Connection) -> Result<Vec<String>> {
    let found = keys(connection, prefix_range("")).await?;
    let (chunks, heads): (Vec<_>, Vec<_>) = found.iter().partition(|key| key.contains('#'));
    let heads: SortedSet<&str> = heads.into_iter().map(String::as_str).collect();
    let owners: SortedSet<&str> = chunks.into_iter().filter_map(|key| Some(key.split_once('#')?.0)).collect();
    Ok(owners.difference(&heads).map(|name| name.to_string()).collect())
}

impl BrowserStore {
    async fn write_chunks(&self, name: &str, parts: &[&[u8]]) -> Result<()> {
        let bytes = parts.iter().map(|part| part.len()).sum::<usize>();
        let chunks = bytes.div_ceil(CHUNK_BYTES) as u64;
        let place = Place::Chunks { chunk_bytes: CHUNK_BYTES as u64, chunks };
        let head = FileHead { bytes: bytes as u64, place };
        let is_small = bytes < SMALL_BYTES;
        // An empty file has an empty chunk that its head does not count: it is written as any other.
        for chunk in 0..chunks.max(1) {
            let start = chunk as usize * CHUNK_BYTES;
            let end = bytes.min(start + CHUNK_BYTES);
            let is_last = chunk + 1 >= chunks;
            let step = Step {
                name: name.to_string(),
                is_first: chunk == 0,
                chunk: Some((chunk, value_of(parts, start..end)?)),
                head: is_last.then(|| head.encode()),
            };
            let replaced = match is_small {
                true => self.small_files.write(&self.connection, step).await?,
                false => run(write_step(self.connection.clone(), step)).await?,
            };
            self.empty_slots(replaced).await;
        }
        Ok(())
    }

    async fn write_to_slot(&self, slot: Slot, name: &str, parts: &[&[u8]]) -> Result<()> {
        let write = async || {
            let bytes = slot.file.write(0, parts).await?;
            slot.file.flush().await?;
            Ok(bytes)
        };
        match write().await {
            Ok(bytes) => self.name_slot(slot, name, bytes).await,
            Err(error) => {
                slot.file.close().await;
                self.empty_slots([slot.name]).await;
                Err(error)
            }
        }
    }

    /// Makes a slot that has been written the file of that name.
    async fn name_slot(&self, Slot { name: slot, file }: Slot, name: &str, bytes: u64) -> Result<()> {
        let head = FileHead { bytes, place: Place::Slot { slot: slot.clone() } };
        let step = Step { name: name.to_string(), is_first: true, chunk: None, head: Some(head.encode()) };
        let connection = self.connection.clone();
        let named = run(async move {
            let named = write_step(connection, step).await;
            file.close().await;
            named
        })
        .await;
        let unnamed = match &named {
            Ok(replaced) => replaced.clone(),
            Err(_) => vec![slot],
        };
        self.empty_slots(unnamed).await;
        named.map(drop)
    }

    /// Into the database, where the browser copies it by itself: in OPFS a large one would take a slot.
    async fn adopt_blob(&self, name: &str, blob: Blob) -> Result<()> {
        let bytes = blob.size() as u64;
        if bytes == 0 {
            return self.write_chunks(name, &[]).await;
        }
        // A private window's database keeps the Blob itself, of which the browser may still be fetching bytes from its page.
        let last_byte = blob.slice_with_f64((bytes - 1) as f64).map_err(error::of_js)?;
        JsFuture::from(last_byte.array_buffer()).await.map_err(error::of_js)?;
        // The browser copies it as it is, so it is one chunk.
        let head = FileHead { bytes, place: Place::Chunks { chunk_bytes: bytes, chunks: 1 } };
        let chunk = Some((0, blob.into()));
        let step = Step { name: name.to_string(), is_first: true, chunk, head: Some(head.encode()) };
        let replaced = run(write_step(self.connection.clone(), step)).await?;
        self.empty_slots(replaced).await;
        Ok(())
    }

    /// The room of a write that failed is wanted back at once, above all when there was too little of it; if that fails too,
    /// it waits for the next sweep.
    async fn nothing_left_of<T>(&self, name: &str, written: Result<T>) -> Result<T> {
        if written.is_err() {
            drop(self.delete(&[name.to_string()]).await);
        }
        written
    }
}

impl Files for BrowserStore {
    type File = BrowserFile;

    async fn write_parts(&self, name: &str, parts: &[&[u8]]) -> Result<()> {
        check_file_name(name)?;
        let bytes: usize = parts.iter().map(|part| part.len()).sum();
        let slot = if bytes >= SMALL_BYTES { self.slot_to_write().await } else { None };
        let written = match slot {
            Some(slot) => self.write_to_slot(slot, name, parts).await,
            None => self.write_chunks(name, parts).await,
        };
        self.nothing_left_of(name, written).await
    }

    async fn adopt(&self, name: &str, handed: Handed) -> Result<()> {
        check_file_name(name)?;
        let blob =
            self.handed(handed).ok_or_else(|| Error::Unexpected(format!("nothing was handed over for {name}")))?;
        let written = self.adopt_blob(name, blob).await;
        self.nothing_left_of(name, written).await
    }

    async fn open(&self, name: &str) -> Result<BrowserFile> {
        check_file_name(name)?;
        if let Some(blob) = self.lent.borrow_mut().remove(name) {
            let (bytes, content) = (blob.size() as u64, Content::Chunks(Chunks::of_blob(blob, self.reader.clone())));
            return Ok(BrowserFile { name: name.to_string(), bytes, content, read_bytes: self.read_bytes_of(name) });
        }
        let mut opened: Option<(String, Option<Handle>)> = None;
        loop {
            let found = run(find(self.connection.clone(), name.to_string(), self.reader.clone())).await?;
            let (bytes, content) = match (found, opened.take()) {
                (Found::Nothing, _) => return Err(Error::KeyNotFound { key: name.to_string() }),
                (Found::Chunks { chunks, bytes }, _) => (bytes, Content::Chunks(chunks)),
                // Still named when it is open: so nobody has written another file to it in between.
                (Found::Slot { slot, bytes }, Some((known, handle))) if slot == known => {
                    let detail = format!("the browser has lost its slot {slot}");
                    let missing = || Error::Corrupt { file: name.to_string(), detail };
                    let handle = handle.ok_or_else(missing)?;
                    (bytes, Content::Slot { handle, rows_are_quick: self.slots()?.probed().rows_are_quick })
                }
                (Found::Slot { slot, .. }, _) => {
                    let handle = self.slots()?.open_to_read(&slot).await?;
                    opened = Some((slot, handle));
                    continue;
                }
            };
            return Ok(BrowserFile { name: name.to_string(), bytes, content, read_bytes: self.read_bytes_of(name) });
        }
    }

    fn reads_rows_quickly(&self) -> bool {
        self.slots.as_ref().is_some_and(|slots| slots.are_written_to() && slots.probed().rows_are_quick)
    }

    async fn size(&self, name: &str) -> Result<u64> {
        check_file_name(name)?;
        let (connection, name) = (self.connection.clone(), name.to_string());
        run(async move {
            let head = read_head(&connection.read(FILES)?, &name).await?;
            head.map(|head| head.bytes).ok_or(Error::KeyNotFound { key: name })
        })
        .await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>> {
        let (connection, range) = (self.connection.clone(), prefix_range(prefix));
        let mut names = run(async move { keys(&connection, range).await }).await?;
        names.retain(|key| !key.contains('#'));
        Ok(names)
    }

    async fn delete(&self, names: &[String]) -> Result<()> {
        let slots = run(delete_files(self.connection.clone(), names.to_vec())).await?;
        self.empty_slots(slots).await;
        Ok(())
    }

    async fn misplaced(&self) -> Result<Vec<String>> {
        self.files_to_move().await
    }

    async fn move_over(&self, name: &str) -> Result<()> {
        self.move_into_slot(name).await
    }

    async fn sweep_partial(&self) -> Result<()> {
        let connection = self.connection.clone();
        run(async move {
            let partial = partial_files(&connection).await?;
            delete_files(connection, partial).await.map(drop)
        })
        .await?;
        self.sweep_slots(SWEPT_AFTER_MS);
        Ok(())
    }

    fn sweep_after_death(&self) {
        self.sweep_slots(0);
    }

    fn read_bytes_by_file(&self) -> SortedMap<String, u64> {
        let read_bytes = self.read_bytes.borrow();
        read_bytes.iter().map(|(name, bytes)| (name.clone(), bytes.get())).filter(|(_, bytes)| *bytes > 0).collect()
    }
}
