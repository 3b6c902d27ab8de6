//! The origin private file system: a folder a store, whose files are read straight into the engine's memory.
//!
//! A file is created under a name of its own and written once; that it counts is said by its head record alone. A file that is
//! open anywhere cannot be removed: who removes it tries again later.

use super::file_names::{encode, own_name};
use super::{error, run};
use crate::error::{Error, Result};
use js_sys::{AsyncIterator, IteratorNext, Object, Promise, Reflect};
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

/// Above all stores, beside what else the origin keeps.
const PARENT: &str = "elanus";
/// Begins what is no file of a store.
const ASIDE: char = '~';
const PROBE: &str = "~probe";
const FILLING: &str = "~filling";
/// The browser writes a large range slower than a few small ones.
const WRITE_BYTES: usize = 1 << 20;
/// Together more than a block of 32 KiB.
const FILLINGS: usize = 45;
/// As long as a name may be, with what stands before it.
const FILLING_NAME_BYTES: usize = 240;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = ["navigator", "storage"], js_name = getDirectory, catch)]
    fn origin_folder() -> Result<Promise, JsValue>;

    #[derive(Clone)]
    type Folder;
    #[wasm_bindgen(method, catch, js_name = getDirectoryHandle)]
    fn folder(this: &Folder, name: &str, options: &Object) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch, js_name = getFileHandle)]
    fn file(this: &Folder, name: &str, options: &Object) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch, js_name = removeEntry)]
    fn remove(this: &Folder, name: &str, options: &Object) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn keys(this: &Folder) -> Result<AsyncIterator, JsValue>;

    type FileHandle;
    #[wasm_bindgen(method, catch, js_name = createSyncAccessHandle)]
    fn open(this: &FileHandle, options: &Object) -> Result<Promise, JsValue>;

    type AccessHandle;
    #[wasm_bindgen(method, catch)]
    fn read(this: &AccessHandle, into: &mut [u8], options: &Object) -> Result<f64, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn write(this: &AccessHandle, bytes: &[u8], options: &Object) -> Result<f64, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn flush(this: &AccessHandle) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch, js_name = getSize)]
    fn size(this: &AccessHandle) -> Result<f64, JsValue>;
    #[wasm_bindgen(method)]
    fn close(this: &AccessHandle);
}

fn options(key: &str, value: impl Into<JsValue>) -> Object {
    let options = Object::new();
    Reflect::set(&options, &key.into(), &value.into()).expect("a new object takes any key");
    options
}

async fn settled<T: JsCast>(promise: Result<Promise, JsValue>) -> Result<T> {
    let value = JsFuture::from(promise.map_err(error::of_js)?).await.map_err(error::of_js)?;
    Ok(value.unchecked_into())
}

/// In a task of its own: a handle whose caller has gone is closed all the same.
async fn opened(opening: Result<Promise, JsValue>) -> Result<Handle> {
    let opening = opening.map_err(error::of_js)?;
    run(async move {
        let handle = JsFuture::from(opening).await.map_err(error::of_js)?;
        Ok(Handle(handle.unchecked_into()))
    })
    .await
}

/// A disk that is full in the middle of a write is told by the number of bytes alone.
fn check_written(written: Result<f64, JsValue>, wanted: usize) -> Result<()> {
    let written = written.map_err(error::of_js)?;
    if written != wanted as f64 {
        return Err(Error::DiskQuotaExceeded { detail: format!("{written} of {wanted} bytes could be written") });
    }
    Ok(())
}

/// An open file, closed with the last of its owners.
pub struct Handle(AccessHandle);

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl Handle {
    pub fn size(&self) -> Result<u64> {
        Ok(self.0.size().map_err(error::of_js)? as u64)
    }

    /// Whether there were as many bytes there.
    pub fn read(&self, offset: u64, into: &mut [u8]) -> Result<bool> {
        let read = self.0.read(into, &options("at", offset as f64)).map_err(error::of_js)?;
        Ok(read == into.len() as f64)
    }

    pub fn write(&self, offset: u64, bytes: &[u8]) -> Result<()> {
        let mut at = offset;
        for piece in bytes.chunks(WRITE_BYTES) {
            check_written(self.0.write(piece, &options("at", at as f64)), piece.len())?;
            at += piece.len() as u64;
        }
        Ok(())
    }

    pub fn flush(&self) -> Result<()> {
        self.0.flush().map_err(error::of_js)
    }
}

/// The files of one store.
#[derive(Clone)]
pub struct StoreFolder(Rc<Folder>);

impl StoreFolder {
    /// `None` where the browser has no such thing for this page, or the store's name is too long for a folder.
    pub async fn open(store: &str) -> Option<StoreFolder> {
        let name = encode(store).filter(|_| !store.is_empty())?;
        let root: Folder = settled(origin_folder()).await.ok()?;
        let parent: Folder = settled(root.folder(PARENT, &options("create", true))).await.ok()?;
        let folder = settled(parent.folder(&name, &options("create", true))).await.ok()?;
        Some(StoreFolder(Rc::new(folder)))
    }

    /// Removes the folder with all that is in it. What is open somewhere stays, and is swept when a store of that name is
    /// opened again.
    pub async fn remove(store: &str) {
        let remove = async |name: String| {
            let root: Folder = settled(origin_folder()).await?;
            let parent: Folder = settled(root.folder(PARENT, &Object::new())).await?;
            settled::<JsValue>(parent.remove(&name, &options("recursive", true))).await
        };
        if let Some(name) = encode(store) {
            drop(remove(name).await);
        }
    }

    /// Whether a file can be open in several workers that read it: without that, a worker that has it open would keep it
    /// from all others.
    pub async fn can_share(&self) -> bool {
        let share = async || {
            let file: FileHandle = settled(self.0.file(PROBE, &options("create", true))).await?;
            let first = opened(file.open(&options("mode", "read-only"))).await?;
            let second = opened(file.open(&options("mode", "read-only"))).await?;
            Ok::<_, Error>(first.size()? == second.size()?)
        };
        share().await == Ok(true)
    }

    /// Protects files that are created from now on from the traces of an earlier kill; to be called before the first is.
    ///
    /// Chromium keeps the names in a LevelDB, and a browser that is killed in the middle of an append leaves a torn record at
    /// the end of its log. The next start passes over it and goes on behind it; the start after that takes it for damage and
    /// skips the rest of the log's block, so that the files which were created there are gone. Names that are created and
    /// removed fill the block up.
    pub async fn fill_log_block(&self) -> Result<()> {
        let name = format!("{FILLING}{}", "-".repeat(FILLING_NAME_BYTES - FILLING.len()));
        for _ in 0..FILLINGS {
            settled::<JsValue>(self.0.file(&name, &options("create", true))).await?;
            settled::<JsValue>(self.0.remove(&name, &Object::new())).await?;
        }
        Ok(())
    }

    /// A new file for the bytes of `name`, and what it is called.
    pub async fn create(&self, name: &str) -> Result<(String, Handle)> {
        let own = own_name(name).ok_or_else(|| Error::Unexpected(format!("{name} is too long a name")))?;
        let file: FileHandle = settled(self.0.file(&own, &options("create", true))).await?;
        let handle = opened(file.open(&Object::new())).await;
        if handle.is_err() {
            drop(self.remove_file(&own).await);
        }
        Ok((own, handle?))
    }

    pub async fn open_to_read(&self, own: &str) -> Result<Handle> {
        let file: FileHandle = settled(self.0.file(own, &Object::new())).await?;
        opened(file.open(&options("mode", "read-only"))).await
    }

    /// Whether nobody has the file open.
    pub async fn is_closed(&self, own: &str) -> bool {
        let open = async || {
            let file: FileHandle = settled(self.0.file(own, &Object::new())).await?;
            opened(file.open(&Object::new())).await
        };
        open().await.is_ok()
    }

    /// Fails while somebody has the file open; one that is not there is removed already.
    pub async fn remove_file(&self, own: &str) -> Result<()> {
        let removing = self.0.remove(own, &Object::new()).map_err(error::of_js)?;
        match JsFuture::from(removing).await {
            Err(thrown) if !error::is_not_found(&thrown) => Err(error::of_js(thrown)),
            _ => Ok(()),
        }
    }

    /// What all files are called.
    pub async fn list(&self) -> Result<Vec<String>> {
        let keys = self.0.keys().map_err(error::of_js)?;
        let mut found = Vec::new();
        loop {
            let next: IteratorNext = settled(keys.next()).await?;
            if next.done() {
                return Ok(found);
            }
            found.extend(next.value().as_string().filter(|name| !name.starts_with(ASIDE)));
        }
    }
}
