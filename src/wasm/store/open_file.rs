//! A file in use: a handle of the file system's, or the chunks as the database gives them. Both outlive the file's name.

use super::connection::{Connection, FILES};
use super::error;
use super::file_head::{FileHead, Place, chunk_key, read_head};
use super::opfs::Handle;
use super::slot_file::FilesBeside;
use super::value::part_of_value;
use crate::error::{Error, Result};
use crate::sorted::SortedMap;
use crate::storage::{OpenFile, StoredBytes, check_bounds};
use futures::future::join_all;
use futures::stream::{self, StreamExt};
use std::cell::{Cell, RefCell};
use std::ops::Range;
use std::rc::Rc;
use wasm_bindgen::JsValue;
use web_sys::Blob;

/// One read after the other gets half the speed.
const READS_IN_FLIGHT: usize = 8;
/// By file. Single rows are read so often that looking for the name each time would be felt.
pub type ReadBytes = RefCell<SortedMap<String, Rc<Cell<u64>>>>;

pub struct BrowserFile {
    pub name: String,
    pub bytes: u64,
    pub content: Content,
    pub read_bytes: Rc<Cell<u64>>,
}

pub enum Content {
    Slot { handle: Handle, rows_are_quick: bool },
    Chunks(Chunks),
}

/// Blobs, which are handles too, and buffers.
pub struct Chunks {
    chunk_bytes: u64,
    values: Vec<JsValue>,
    reader: Option<Rc<FilesBeside>>,
}

/// What a file's head leads to.
pub enum Found {
    Nothing,
    Slot { slot: String, bytes: u64 },
    Chunks { chunks: Chunks, bytes: u64 },
}

/// The head and what it names, from one moment.
pub async fn find(connection: Rc<Connection>, name: String, reader: Option<Rc<FilesBeside>>) -> Result<Found> {
    let store = connection.read(FILES)?;
    let Some(FileHead { bytes, place }) = read_head(&store, &name).await? else { return Ok(Found::Nothing) };
    let (chunk_bytes, count) = match place {
        Place::Slot { slot } => return Ok(Found::Slot { slot, bytes }),
        Place::Chunks { chunk_bytes, chunks } => (chunk_bytes, chunks),
    };
    let values = join_all((0..count).map(|chunk| store.get(chunk_key(&name, chunk).into()))).await;
    let values = values.into_iter().map(|value| Ok(value.map_err(error::of_rexie)?.unwrap_or(JsValue::UNDEFINED)));
    Ok(Found::Chunks { chunks: Chunks { chunk_bytes, values: values.collect::<Result<_>>()?, reader }, bytes })
}

impl Chunks {
    pub fn of_blob(blob: Blob, reader: Option<Rc<FilesBeside>>) -> Self {
        Chunks { chunk_bytes: blob.size() as u64, values: vec![blob.into()], reader }
    }

    /// The chunks that have bytes of `range`: number, length, and which of its bytes.
    fn parts(&self, file_bytes: u64, range: Range<u64>) -> impl Iterator<Item = (usize, u64, Range<u64>)> {
        // That of an empty Blob is 0.
        let chunk_bytes = self.chunk_bytes.max(1);
        let chunks = range.start / chunk_bytes..range.end.div_ceil(chunk_bytes);
        let wanted = if range.is_empty() { 0..0 } else { chunks };
        wanted.map(move |chunk| {
            let start = chunk * chunk_bytes;
            let length = chunk_bytes.min(file_bytes - start);
            (chunk as usize, length, range.start.max(start) - start..range.end.min(start + length) - start)
        })
    }
}

impl BrowserFile {
    fn count(&self, bytes: usize) {
        self.read_bytes.update(|before| before + bytes as u64);
    }

    fn corrupt(&self, detail: String) -> Error {
        Error::Corrupt { file: self.name.clone(), detail }
    }

    fn no_chunk(&self, chunk: usize, length: u64) -> Error {
        self.corrupt(format!("chunk {chunk} is missing or not of {length} bytes"))
    }

    fn read_handle(&self, handle: &Handle, offset: u64, into: &mut [u8]) -> Result<()> {
        if !handle.read(offset, into)? {
            return Err(self.corrupt(format!("it does not have all of its {} bytes", self.bytes)));
        }
        self.count(into.len());
        Ok(())
    }

    async fn read_chunks(&self, chunks: &Chunks, offset: u64, into: &mut [u8]) -> Result<()> {
        let parts = chunks.parts(self.bytes, offset..offset + into.len() as u64);
        let pieces = parts.map(|(chunk, length, part)| async move {
            let bytes = part_of_value(&chunks.values[chunk], length, part, chunks.reader.as_deref()).await?;
            bytes.ok_or_else(|| self.no_chunk(chunk, length))
        });
        let mut pieces = stream::iter(pieces).buffered(READS_IN_FLIGHT);
        let mut filled = 0;
        while let Some(piece) = pieces.next().await {
            let piece = piece?;
            let next = filled + piece.length() as usize;
            piece.copy_to(&mut into[filled..next]);
            filled = next;
            self.count(piece.length() as usize);
        }
        Ok(())
    }
}

impl OpenFile for BrowserFile {
    fn bytes(&self) -> u64 {
        self.bytes
    }

    async fn read(&self, offset: u64, into: &mut [u8]) -> Result<()> {
        check_bounds(&self.name, self.bytes, offset, into.len())?;
        match &self.content {
            Content::Slot { handle, .. } => self.read_handle(handle, offset, into),
            Content::Chunks(chunks) => self.read_chunks(chunks, offset, into).await,
        }
    }

    fn into_rows(self) -> std::result::Result<Rc<dyn StoredBytes>, Self> {
        match self.content {
            Content::Slot { rows_are_quick: true, .. } => Ok(Rc::new(self)),
            _ => Err(self),
        }
    }
}

impl StoredBytes for BrowserFile {
    fn read_now(&self, offset: u64, into: &mut [u8]) -> Result<()> {
        check_bounds(&self.name, self.bytes, offset, into.len())?;
        match &self.content {
            Content::Slot { handle, .. } => self.read_handle(handle, offset, into),
            Content::Chunks(_) => Err(Error::Unexpected(format!("{} is not in a slot", self.name))),
        }
    }
}
