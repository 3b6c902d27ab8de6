//! A slot that is being written: by this worker, or by one beside it while this one computes.

use super::error;
use super::opfs::{Handle, check_written};
use crate::error::Result;
use futures::stream::{self, StreamExt, TryStreamExt};
use js_sys::Promise;
use std::rc::Rc;
use tokio::sync::Semaphore;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

/// On their way to the other worker at once, of all files; enough that it always has something to write.
const PIECES_UNDER_WAY: usize = 3;
/// The script keeps buffers of that size.
const PIECE_BYTES: usize = 8 << 20;

#[wasm_bindgen]
extern "C" {
    /// The worker that writes files of OPFS beside this one. What fails there throws the same here.
    pub type FileWriter;
    /// Otherwise it starts with the first file.
    #[wasm_bindgen(method)]
    fn start(this: &FileWriter) -> Promise;
    /// Resolves with a `WriterFile`; opens it alone.
    #[wasm_bindgen(method)]
    fn open(this: &FileWriter, folders: Vec<String>, name: &str) -> Promise;

    type WriterFile;
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
    /// Also more than once.
    #[wasm_bindgen(method)]
    fn close(this: &WriterFile) -> Promise;
}

/// Has another worker write.
pub struct WriterBeside {
    script: FileWriter,
    pieces: Rc<Semaphore>,
}

/// Open alone, closed with its owner.
pub enum SlotFile {
    Here(Handle),
    Beside(FileBeside),
}

pub struct FileBeside {
    file: WriterFile,
    pieces: Rc<Semaphore>,
}

impl Drop for FileBeside {
    fn drop(&mut self) {
        drop(self.file.close());
    }
}

impl WriterBeside {
    pub fn start(script: FileWriter) -> Self {
        // Where it cannot be started no file can be opened.
        drop(script.start());
        WriterBeside { script, pieces: Rc::new(Semaphore::new(PIECES_UNDER_WAY)) }
    }

    /// Whatever becomes of the caller, what is opened is closed.
    pub fn open(&self, folders: Vec<String>, name: &str) -> impl Future<Output = Result<FileBeside, JsValue>> + use<> {
        let (opening, pieces) = (JsFuture::from(self.script.open(folders, name)), self.pieces.clone());
        async move { Ok(FileBeside { file: opening.await?.unchecked_into(), pieces }) }
    }
}

async fn done(promise: Promise) -> Result<()> {
    JsFuture::from(promise).await.map(drop).map_err(error::of_js)
}

impl FileBeside {
    async fn write_piece(&self, at: u64, piece: &[u8]) -> Result<()> {
        let _turn = self.pieces.acquire().await.expect("nobody closes it");
        let written = JsFuture::from(self.file.write(at as f64, piece)).await;
        check_written(written.map(|bytes| bytes.as_f64().unwrap_or_default()), piece.len())
    }
}

impl SlotFile {
    pub fn bytes_before(&self) -> Result<u64> {
        match self {
            SlotFile::Here(handle) => handle.size(),
            SlotFile::Beside(beside) => Ok(beside.file.bytes() as u64),
        }
    }

    /// Writes parts one behind the other; returns where they end.
    pub async fn write(&self, offset: u64, parts: &[&[u8]]) -> Result<u64> {
        let mut end = offset;
        let mut pieces = Vec::new();
        for piece in parts.iter().flat_map(|part| part.chunks(PIECE_BYTES)) {
            pieces.push((end, piece));
            end += piece.len() as u64;
        }
        match self {
            SlotFile::Here(handle) => pieces.into_iter().try_for_each(|(at, piece)| handle.write(at, piece))?,
            SlotFile::Beside(beside) => {
                let writes = pieces.into_iter().map(|(at, piece)| beside.write_piece(at, piece));
                stream::iter(writes).buffer_unordered(PIECES_UNDER_WAY).try_collect::<()>().await?;
            }
        }
        Ok(end)
    }

    pub async fn flush(&self) -> Result<()> {
        match self {
            SlotFile::Here(handle) => handle.flush(),
            SlotFile::Beside(beside) => done(beside.file.flush()).await,
        }
    }

    pub async fn empty(&self) -> Result<()> {
        match self {
            SlotFile::Here(handle) => handle.empty(),
            SlotFile::Beside(beside) => done(beside.file.truncate()).await,
        }
    }

    /// Others can open it when this has ended; without it, some time later.
    pub async fn close(self) {
        if let SlotFile::Beside(beside) = self {
            // A worker that does not answer any more has nothing open.
            drop(done(beside.file.close()).await);
        }
    }
}
