//! A slot that is being written: by this worker, or by one beside it while this one computes.

use super::error;
use super::opfs::{Handle, check_written};
use crate::error::Result;
use futures::future::try_join_all;
use js_sys::Promise;
use std::rc::Rc;
use tokio::sync::Semaphore;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::Blob;

/// On their way to the other worker at once, of all files; enough that it always has something to write.
const PIECES_UNDER_WAY: usize = 3;
/// The script keeps buffers of that size.
const PIECE_BYTES: usize = 8 << 20;

#[wasm_bindgen]
extern "C" {
    /// The workers that write files of OPFS and read Blobs beside this one. What fails there throws the same here.
    pub type FilesBeside;
    /// Otherwise the writing one starts with the first file.
    #[wasm_bindgen(method)]
    fn start(this: &FilesBeside);
    /// Resolves with a `WriterFile`; opens it alone.
    #[wasm_bindgen(method)]
    fn open(this: &FilesBeside, folders: Vec<String>, name: &str) -> Promise;
    /// Resolves with a `Uint8Array`.
    #[wasm_bindgen(method)]
    pub fn read(this: &FilesBeside, blob: &Blob, at: f64, length: f64) -> Promise;

    type WriterFile;
    /// When it was opened.
    #[wasm_bindgen(method, getter)]
    fn bytes(this: &WriterFile) -> f64;
    /// Takes bytes of a piece that is to be written, of at most `PIECE_BYTES` in all.
    #[wasm_bindgen(method)]
    fn take(this: &WriterFile, bytes: &[u8]);
    /// Writes what was taken; resolves with the number of bytes that could be written.
    #[wasm_bindgen(method)]
    fn write(this: &WriterFile, at: f64) -> Promise;
    #[wasm_bindgen(method)]
    fn flush(this: &WriterFile) -> Promise;
    /// Also more than once.
    #[wasm_bindgen(method)]
    fn close(this: &WriterFile) -> Promise;
}

/// Has another worker write.
pub struct WriterBeside {
    script: Rc<FilesBeside>,
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
    /// Where it cannot be started no file can be opened.
    pub fn start(script: Rc<FilesBeside>) -> Self {
        script.start();
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

/// What is sent to the other worker in one message.
struct Piece<'a> {
    at: u64,
    bytes: usize,
    parts: Vec<&'a [u8]>,
}

/// Cuts and joins parts that follow one another.
fn pieces<'a>(mut at: u64, parts: &[&'a [u8]]) -> Vec<Piece<'a>> {
    let mut pieces: Vec<Piece> = Vec::new();
    for part in parts {
        let mut rest = *part;
        while !rest.is_empty() {
            if pieces.last().is_none_or(|piece| piece.bytes == PIECE_BYTES) {
                pieces.push(Piece { at, bytes: 0, parts: Vec::new() });
            }
            let piece = pieces.last_mut().expect("there is one now");
            let (now, later) = rest.split_at(rest.len().min(PIECE_BYTES - piece.bytes));
            piece.parts.push(now);
            piece.bytes += now.len();
            at += now.len() as u64;
            rest = later;
        }
    }
    pieces
}

impl FileBeside {
    async fn write_piece(&self, Piece { at, bytes, parts }: Piece<'_>) -> Result<()> {
        let _turn = self.pieces.acquire().await.expect("nobody closes it");
        parts.iter().for_each(|part| self.file.take(part));
        let written = JsFuture::from(self.file.write(at as f64)).await;
        check_written(written.map(|bytes| bytes.as_f64().unwrap_or_default()), bytes)
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
        match self {
            SlotFile::Here(handle) => {
                let mut at = offset;
                for part in parts {
                    handle.write(at, part)?;
                    at += part.len() as u64;
                }
            }
            SlotFile::Beside(beside) => {
                let writes = pieces(offset, parts).into_iter().map(|piece| beside.write_piece(piece));
                try_join_all(writes).await?;
            }
        }
        Ok(offset + parts.iter().map(|part| part.len() as u64).sum::<u64>())
    }

    pub async fn flush(&self) -> Result<()> {
        match self {
            SlotFile::Here(handle) => handle.flush(),
            SlotFile::Beside(beside) => done(beside.file.flush()).await,
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
