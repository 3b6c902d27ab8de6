//! A slot that is being written: by this worker, or by one beside it while this one computes.

use super::error;
use super::opfs::{Handle, check_written};
use crate::error::Result;
use futures::stream::{self, StreamExt, TryStreamExt};
use js_sys::Promise;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

/// On their way to the other worker at once; together enough that it always has something to write.
const PIECES_UNDER_WAY: usize = 3;
const PIECE_BYTES: usize = 8 << 20;

#[wasm_bindgen]
extern "C" {
    /// The worker that writes files of OPFS beside this one. What fails there throws the same here.
    #[derive(Clone)]
    pub type FileWriter;
    /// Otherwise it starts with the first file.
    #[wasm_bindgen(method)]
    pub fn start(this: &FileWriter) -> Promise;
    /// Resolves with a `WriterFile`; opens it alone.
    #[wasm_bindgen(method)]
    pub fn open(this: &FileWriter, folders: Vec<String>, name: &str) -> Promise;

    pub type WriterFile;
    /// When it was opened.
    #[wasm_bindgen(method, getter)]
    fn bytes(this: &WriterFile) -> f64;
    /// Takes the bytes before it returns; resolves with the number of those that could be written.
    #[wasm_bindgen(method)]
    fn write(this: &WriterFile, at: f64, bytes: &[u8]) -> Promise;
    #[wasm_bindgen(method)]
    fn truncate(this: &WriterFile) -> Promise;
    #[wasm_bindgen(method)]
    fn flush(this: &WriterFile) -> Promise;
    #[wasm_bindgen(method)]
    fn close(this: &WriterFile);
}

/// Open alone, closed with its owner.
pub enum SlotFile {
    Here(Handle),
    Beside(FileBeside),
}

pub struct FileBeside(WriterFile);

impl Drop for FileBeside {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl FileBeside {
    pub fn new(opened: JsValue) -> Self {
        FileBeside(opened.unchecked_into())
    }
}

async fn done(promise: Promise) -> Result<()> {
    JsFuture::from(promise).await.map(drop).map_err(error::of_js)
}

impl SlotFile {
    pub fn bytes_before(&self) -> Result<u64> {
        match self {
            SlotFile::Here(handle) => handle.size(),
            SlotFile::Beside(file) => Ok(file.0.bytes() as u64),
        }
    }

    pub async fn write(&self, offset: u64, bytes: &[u8]) -> Result<()> {
        let file = match self {
            SlotFile::Here(handle) => return handle.write(offset, bytes),
            SlotFile::Beside(file) => &file.0,
        };
        let pieces = bytes.chunks(PIECE_BYTES).enumerate().map(|(number, piece)| async move {
            let at = offset as f64 + (number * PIECE_BYTES) as f64;
            let written = JsFuture::from(file.write(at, piece)).await;
            check_written(written.map(|bytes| bytes.as_f64().unwrap_or_default()), piece.len())
        });
        stream::iter(pieces).buffer_unordered(PIECES_UNDER_WAY).try_collect::<()>().await
    }

    pub async fn flush(&self) -> Result<()> {
        match self {
            SlotFile::Here(handle) => handle.flush(),
            SlotFile::Beside(file) => done(file.0.flush()).await,
        }
    }

    pub async fn empty(&self) -> Result<()> {
        match self {
            SlotFile::Here(handle) => handle.empty(),
            SlotFile::Beside(file) => done(file.0.truncate()).await,
        }
    }
}
