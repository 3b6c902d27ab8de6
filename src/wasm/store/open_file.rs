//! A file in use: a handle of the file system's, or the chunks as the database gives them. Both outlive the file's name.

use super::connection::{Connection, FILES};
use super::error;
use super::file_head::{FileHead, Place, chunk_key, read_head};
use super::opfs::Handle;
use super::slot_file::FilesBeside;
use crate::error::{Error, Result};
use crate::sorted::SortedMap;
use crate::storage::{OpenFile, StoredBytes, check_bounds};
use futures::future::join_all;
use futures::stream::{self, StreamExt};
use js_sys::{ArrayBuffer, Uint8Array};
use std::cell::{Cell, RefCell};
use std::ops::Range;
use std::rc::Rc;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::Blob;

/// One read after the other gets half the speed.
const READS_IN_FLIGHT: usize = 8;
/// What is read in this worker all the same: what the page had in memory comes in Blobs of that size, whose memory would be kept
/// until another worker has collected its garbage, too.
const NEAR_BYTES: u64 = 4 << 20;

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

/// `None` if the value is no chunk of that length.
async fn part_of_chunk(
    value: &JsValue,
    length: u64,
    part: Range<u64>,
    reader: Option<&FilesBeside>,
) -> Result<Option<Uint8Array>> {
    let Some(blob) = value.dyn_ref::<Blob>().filter(|blob| blob.size() == length as f64) else {
        return Ok(part_of_buffer(value, length, part));
    };
    if let Some(reader) = reader.filter(|_| part.end - part.start > NEAR_BYTES) {
        let read = reader.read(blob, part.start as f64, (part.end - part.start) as f64);
        return Ok(Some(JsFuture::from(read).await.map_err(error::of_js)?.unchecked_into()));
    }
    let part = blob.slice_with_f64_and_f64(part.start as f64, part.end as f64).map_err(error::of_js)?;
    let buffer = JsFuture::from(part.array_buffer()).await.map_err(error::of_js)?;
    Ok(Some(Uint8Array::new(&buffer)))
}

fn part_of_buffer(value: &JsValue, length: u64, part: Range<u64>) -> Option<Uint8Array> {
    let buffer = value.dyn_ref::<ArrayBuffer>().filter(|buffer| u64::from(buffer.byte_length()) == length);
    buffer.map(|buffer| Uint8Array::new(buffer).subarray(part.start as u32, part.end as u32))
}

impl Chunks {
    pub fn of_blob(blob: Blob, reader: Option<Rc<FilesBeside>>) -> Self {
        Chunks { chunk_bytes: blob.size() as u64, values: vec![blob.into()], reader }
    }

    /// The chunks that have bytes of `range`: number, length, and which of its bytes.
    fn parts(&self, file_bytes: u64, range: Range<u64>) -> impl Iterator<Item = (usize, u64, Range<u64>)> {
        let chunk_bytes = self.chunk_bytes;
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
            let bytes = part_of_chunk(&chunks.values[chunk], length, part, chunks.reader.as_deref()).await?;
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
