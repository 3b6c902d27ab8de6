//! `Files`: a file is a small head record under its name, and its bytes in chunks under `<name>#<chunk number>`.
//!
//! The head is written last: a file exists if and only if its head does. A transaction holds one chunk, because whoever
//! wants to read from the object store meanwhile waits for it.
//!
//! Chunks are Blobs, which read at three times the speed of an `ArrayBuffer` of that size, and by range; only small ones
//! are not worth a file of the browser's.

use super::connection::{Connection, FILES, WriteTransaction, buffer_of, bytes_of, key_range};
use super::{IndexedDb, error, run};
use crate::error::{Error, Result};
use crate::storage::{Durability, Files, Handed, check_bounds, check_file_name, prefix_range};
use futures::channel::mpsc::{self, UnboundedSender};
use futures::future::join_all;
use futures::stream::{self, StreamExt};
use js_sys::{Array, ArrayBuffer, Uint8Array};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::rc::Rc;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::Blob;

const CHUNK_BYTES: usize = 4 << 20;

/// Smaller chunks are kept as an `ArrayBuffer`.
const BLOB_BYTES: usize = 64 << 10;

/// One read after the other gets half the speed.
const READS_IN_FLIGHT: usize = 8;

#[derive(Serialize, Deserialize)]
struct FileHead {
    bytes: u64,
    chunk_bytes: u64,
    chunks: u64,
}

impl FileHead {
    fn of_length(bytes: usize) -> Self {
        FileHead { bytes: bytes as u64, chunk_bytes: CHUNK_BYTES as u64, chunks: bytes.div_ceil(CHUNK_BYTES) as u64 }
    }

    fn encode(&self) -> ArrayBuffer {
        buffer_of(&serde_json::to_vec(self).expect("three numbers"))
    }

    fn parse(name: &str, value: Option<JsValue>) -> Result<Self> {
        let missing = || Error::KeyNotFound { key: name.to_string() };
        let bytes = value.and_then(|value| bytes_of(&value)).ok_or_else(missing)?;
        let corrupt = |detail: String| Error::Corrupt { file: name.to_string(), detail };
        let head: FileHead = serde_json::from_slice(&bytes).map_err(|error| corrupt(error.to_string()))?;
        if head.chunk_bytes == 0 || head.bytes.div_ceil(head.chunk_bytes) != head.chunks {
            return Err(corrupt(format!("{} bytes in {} chunks of {}", head.bytes, head.chunks, head.chunk_bytes)));
        }
        Ok(head)
    }
}

fn chunk_key(name: &str, chunk: u64) -> String {
    format!("{name}#{chunk}")
}

/// `$` is the character after `#`.
fn chunk_keys(name: &str) -> Range<String> {
    format!("{name}#")..format!("{name}$")
}

/// The bytes of `range` of parts that follow one another.
fn chunk_of(parts: &[&[u8]], range: Range<usize>) -> Result<JsValue> {
    let chunk = Uint8Array::new_with_length(range.len() as u32);
    let mut part_start = 0;
    for part in parts {
        let from = range.start.clamp(part_start, part_start + part.len());
        let to = range.end.clamp(part_start, part_start + part.len());
        if from < to {
            let into = chunk.subarray((from - range.start) as u32, (to - range.start) as u32);
            into.copy_from(&part[from - part_start..to - part_start]);
        }
        part_start += part.len();
    }
    let buffer = chunk.buffer();
    if range.len() < BLOB_BYTES {
        return Ok(buffer.into());
    }
    Ok(Blob::new_with_buffer_source_sequence(&Array::of1(&buffer)).map_err(error::of_js)?.into())
}

fn delete_file(transaction: &WriteTransaction, name: &str) -> Result<()> {
    transaction.delete(FILES, name)?;
    transaction.delete_range(FILES, &chunk_keys(name))
}

/// One transaction of a write: the first drops what an earlier attempt left, the last makes the file exist.
struct Step {
    name: String,
    chunk: u64,
    bytes: JsValue,
    head: Option<ArrayBuffer>,
}

async fn write_step(connection: Rc<Connection>, step: Step) -> Result<()> {
    let put = async |transaction: &WriteTransaction| {
        if step.chunk == 0 {
            delete_file(transaction, &step.name)?;
        }
        transaction.put(FILES, &chunk_key(&step.name, step.chunk), &step.bytes)?;
        match &step.head {
            Some(head) => transaction.put(FILES, &step.name, head),
            None => Ok(()),
        }
    };
    connection.write(&[FILES], Durability::Strict, put).await
}

async fn delete_files(connection: Rc<Connection>, names: Vec<String>) -> Result<()> {
    let delete =
        async |transaction: &WriteTransaction| names.iter().try_for_each(|name| delete_file(transaction, name));
    // What a power loss brings back, the next sweep finds.
    connection.write(&[FILES], Durability::Relaxed, delete).await
}

async fn read_head(store: &rexie::Store, name: &str) -> Result<FileHead> {
    FileHead::parse(name, store.get(name.into()).await.map_err(error::of_rexie)?)
}

async fn keys(connection: &Connection, range: Range<String>) -> Result<Vec<String>> {
    let found = connection.read(FILES)?.get_all_keys(Some(key_range(&range)?), None).await.map_err(error::of_rexie)?;
    Ok(found.iter().filter_map(JsValue::as_string).collect())
}

struct Wanted {
    name: String,
    offset: u64,
    bytes: usize,
}

/// Sends the wanted bytes in order, piece by piece.
async fn fetch(connection: &Connection, wanted: &Wanted, sender: &UnboundedSender<Result<Uint8Array>>) -> Result<()> {
    let store = connection.read(FILES)?;
    let head = read_head(&store, &wanted.name).await?;
    check_bounds(&wanted.name, head.bytes, wanted.offset, wanted.bytes)?;
    if wanted.bytes == 0 {
        return Ok(());
    }
    let end = wanted.offset + wanted.bytes as u64;
    let chunks: Vec<u64> = (wanted.offset / head.chunk_bytes..end.div_ceil(head.chunk_bytes)).collect();
    // All at once, because the transaction ends with the first wait for a Blob's bytes. The answers hold handles.
    let values = join_all(chunks.iter().map(|chunk| store.get(chunk_key(&wanted.name, *chunk).into()))).await;
    let pieces = chunks.into_iter().zip(values).map(|(chunk, value)| {
        let start = chunk * head.chunk_bytes;
        let length = head.chunk_bytes.min(head.bytes - start);
        let part = wanted.offset.max(start) - start..end.min(start + length) - start;
        async move {
            let value = value.map_err(error::of_rexie)?.unwrap_or(JsValue::UNDEFINED);
            let corrupt = || Error::Corrupt {
                file: wanted.name.clone(),
                detail: format!("chunk {chunk} is missing or not of {length} bytes"),
            };
            part_of_chunk(&value, length, part).await?.ok_or_else(corrupt)
        }
    });
    let mut pieces = stream::iter(pieces).buffered(READS_IN_FLIGHT);
    while let Some(piece) = pieces.next().await {
        if sender.unbounded_send(piece).is_err() {
            // Nobody wants the rest.
            break;
        }
    }
    Ok(())
}

/// `None` if the value is no chunk of that length.
async fn part_of_chunk(value: &JsValue, length: u64, part: Range<u64>) -> Result<Option<Uint8Array>> {
    if let Some(blob) = value.dyn_ref::<Blob>().filter(|blob| blob.size() == length as f64) {
        let part = blob.slice_with_f64_and_f64(part.start as f64, part.end as f64).map_err(error::of_js)?;
        let buffer = JsFuture::from(part.array_buffer()).await.map_err(error::of_js)?;
        return Ok(Some(Uint8Array::new(&buffer)));
    }
    let buffer = value.dyn_ref::<ArrayBuffer>().filter(|buffer| u64::from(buffer.byte_length()) == length);
    Ok(buffer.map(|buffer| Uint8Array::new(buffer).subarray(part.start as u32, part.end as u32)))
}

impl IndexedDb {
    fn count(&self, name: &str, bytes: u64) {
        *self.read_bytes.borrow_mut().entry(name.to_string()).or_default() += bytes;
    }
}

impl Files for IndexedDb {
    async fn write_parts(&self, name: &str, parts: &[&[u8]]) -> Result<()> {
        check_file_name(name)?;
        let bytes = parts.iter().map(|part| part.len()).sum();
        let head = FileHead::of_length(bytes);
        // An empty file has an empty chunk that its head does not count: it is written as any other.
        for chunk in 0..head.chunks.max(1) {
            let start = chunk as usize * CHUNK_BYTES;
            let end = bytes.min(start + CHUNK_BYTES);
            let is_last = chunk + 1 >= head.chunks;
            let step = Step {
                name: name.to_string(),
                chunk,
                bytes: chunk_of(parts, start..end)?,
                head: is_last.then(|| head.encode()),
            };
            if let Err(error) = run(write_step(self.connection.clone(), step)).await {
                // The room is wanted back at once, above all when there was too little of it; if that fails too, the
                // chunks wait for the next sweep.
                let _ = run(delete_files(self.connection.clone(), vec![name.to_string()])).await;
                return Err(error);
            }
        }
        Ok(())
    }

    async fn adopt(&self, name: &str, handed: Handed) -> Result<()> {
        check_file_name(name)?;
        let blob = self.handed.borrow().get(&handed).cloned();
        let blob = blob.ok_or_else(|| Error::Unexpected(format!("nothing was handed over for {name}")))?;
        let bytes = blob.size() as u64;
        if bytes == 0 {
            return self.write(name, &[]).await;
        }
        // The browser copies it as it is, so it is one chunk.
        let head = FileHead { bytes, chunk_bytes: bytes, chunks: 1 };
        let step = Step { name: name.to_string(), chunk: 0, bytes: blob.into(), head: Some(head.encode()) };
        run(write_step(self.connection.clone(), step)).await
    }

    async fn read(&self, name: &str, offset: u64, into: &mut [u8]) -> Result<()> {
        check_file_name(name)?;
        let (sender, mut pieces) = mpsc::unbounded();
        let wanted = Wanted { name: name.to_string(), offset, bytes: into.len() };
        let connection = self.connection.clone();
        spawn_local(async move {
            if let Err(error) = fetch(&connection, &wanted, &sender).await {
                let _ = sender.unbounded_send(Err(error));
            }
        });
        let mut filled = 0;
        while let Some(piece) = pieces.next().await {
            let piece = piece?;
            let next = filled + piece.length() as usize;
            piece.copy_to(&mut into[filled..next]);
            filled = next;
            self.count(name, piece.length().into());
        }
        Ok(())
    }

    async fn size(&self, name: &str) -> Result<u64> {
        check_file_name(name)?;
        let (connection, name) = (self.connection.clone(), name.to_string());
        run(async move { Ok(read_head(&connection.read(FILES)?, &name).await?.bytes) }).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>> {
        let (connection, range) = (self.connection.clone(), prefix_range(prefix));
        let mut names = run(async move { keys(&connection, range).await }).await?;
        names.retain(|key| !key.contains('#'));
        Ok(names)
    }

    async fn delete(&self, names: &[String]) -> Result<()> {
        run(delete_files(self.connection.clone(), names.to_vec())).await
    }

    async fn sweep_partial(&self) -> Result<()> {
        let connection = self.connection.clone();
        run(async move {
            let found = keys(&connection, prefix_range("")).await?;
            let (chunks, heads): (Vec<_>, Vec<_>) = found.iter().partition(|key| key.contains('#'));
            let heads: BTreeSet<&str> = heads.into_iter().map(String::as_str).collect();
            let owners: BTreeSet<&str> = chunks.into_iter().filter_map(|key| Some(key.split_once('#')?.0)).collect();
            let partial: Vec<String> = owners.difference(&heads).map(|name| name.to_string()).collect();
            if partial.is_empty() { Ok(()) } else { delete_files(connection, partial).await }
        })
        .await
    }

    fn read_bytes_by_file(&self) -> BTreeMap<String, u64> {
        self.read_bytes.borrow().clone()
    }
}
