//! The origin private file system: a folder a store, whose files are read straight into the engine's memory.

use super::slot_file::{FileBeside, WriterBeside};
use super::{error, run};
use crate::error::{Error, Result};
use futures::future::try_join;
use js_sys::{AsyncIterator, IteratorNext, Object, Promise, Reflect};
use serde::{Deserialize, Serialize};
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

/// Above all stores, beside what else the origin keeps.
const PARENT: &str = "elanus";
/// Begins what is no slot.
const ASIDE: char = '~';
/// A little less than file systems take.
const MAX_NAME_BYTES: usize = 220;
const PROBE: &str = "~probe";
/// A busy machine may hold one of them up.
const PROBES: usize = 3;
const PROBE_READS: usize = 24;
const QUICK_READS_MS: f64 = 2.0;
const FILLING: &str = "~filling";
/// The browser writes a large range slower than a few small ones.
const WRITE_BYTES: usize = 1 << 20;
/// Together more than a block of 32 KiB.
const FILLINGS: usize = 45;
const FILLING_NAME_BYTES: usize = 240;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = ["navigator", "storage"], js_name = getDirectory, catch)]
    fn origin_folder() -> Result<Promise, JsValue>;

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
    fn read(this: &AccessHandle, into: &mut [u8], place: &PlaceInFile) -> Result<f64, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn write(this: &AccessHandle, bytes: &[u8], place: &PlaceInFile) -> Result<f64, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn truncate(this: &AccessHandle, bytes: f64) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch)]
    fn flush(this: &AccessHandle) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch, js_name = getSize)]
    fn size(this: &AccessHandle) -> Result<f64, JsValue>;
    #[wasm_bindgen(method)]
    fn close(this: &AccessHandle);

    type PlaceInFile;
    #[wasm_bindgen(method, setter, js_name = at)]
    fn set_at(this: &PlaceInFile, at: f64);
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

/// A folder's name that any file system takes: small letters, digits and `-` stay, all else becomes `%` and two digits.
fn folder_name(store: &str) -> Option<String> {
    let mut name = String::new();
    for byte in store.bytes() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'-' => name.push(byte as char),
            _ => name.push_str(&format!("%{byte:02x}")),
        }
    }
    (1..=MAX_NAME_BYTES).contains(&name.len()).then_some(name)
}

/// A disk that is full in the middle of a write is told by the number of bytes alone.
pub fn check_written(written: Result<f64, JsValue>, wanted: usize) -> Result<()> {
    let written = written.map_err(error::of_js)?;
    if written != wanted as f64 {
        return Err(Error::DiskQuotaExceeded { detail: format!("not all of {wanted} bytes could be written") });
    }
    Ok(())
}

/// An open file, closed with the last of its owners.
pub struct Handle {
    file: AccessHandle,
    /// Set for each read and write, because making one takes as long as reading a row.
    place: PlaceInFile,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.file.close();
    }
}

impl Handle {
    fn new(file: AccessHandle) -> Handle {
        Handle { file, place: Object::new().unchecked_into() }
    }

    fn place(&self, at: u64) -> &PlaceInFile {
        self.place.set_at(at as f64);
        &self.place
    }

    pub fn size(&self) -> Result<u64> {
        Ok(self.file.size().map_err(error::of_js)? as u64)
    }

    fn reads_quickly(&self) -> bool {
        let started_ms = js_sys::Date::now();
        let is_in_time = || js_sys::Date::now() - started_ms < QUICK_READS_MS;
        (0..PROBE_READS).all(|_| self.read(0, &mut [0]).is_ok() && is_in_time())
    }

    pub fn empty(&self) -> Result<()> {
        self.file.truncate(0.0).map_err(error::of_js)
    }

    /// Whether there were as many bytes there.
    pub fn read(&self, offset: u64, into: &mut [u8]) -> Result<bool> {
        let read = self.file.read(into, self.place(offset)).map_err(error::of_js)?;
        Ok(read == into.len() as f64)
    }

    pub fn write(&self, offset: u64, bytes: &[u8]) -> Result<()> {
        let mut at = offset;
        for piece in bytes.chunks(WRITE_BYTES) {
            check_written(self.file.write(piece, self.place(at)), piece.len())?;
            at += piece.len() as u64;
        }
        Ok(())
    }

    pub fn flush(&self) -> Result<()> {
        self.file.flush().map_err(error::of_js)
    }
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Probed {
    /// Whether a file can be open in several workers that read it: without that, a worker that has it open would keep it from
    /// all others.
    pub is_shared: bool,
    /// In a private window the browser's main process answers each read, which takes half a millisecond.
    pub rows_are_quick: bool,
}

pub enum Opened<File> {
    File(File),
    /// Somebody else has it open in a way that lets nobody in.
    Taken,
    Missing,
}

impl<File> Opened<File> {
    fn of(opened: Result<File, JsValue>) -> Result<Self> {
        match opened {
            Ok(file) => Ok(Opened::File(file)),
            Err(thrown) if error::is_named(&thrown, "NoModificationAllowedError") => Ok(Opened::Taken),
            Err(thrown) if error::is_named(&thrown, "NotFoundError") => Ok(Opened::Missing),
            Err(thrown) => Err(error::of_js(thrown)),
        }
    }

    pub fn map<Mapped>(self, make: impl FnOnce(File) -> Mapped) -> Opened<Mapped> {
        match self {
            Opened::File(file) => Opened::File(make(file)),
            Opened::Taken => Opened::Taken,
            Opened::Missing => Opened::Missing,
        }
    }
}

/// The files of one store.
pub struct StoreFolder {
    name: String,
    folder: Rc<Folder>,
    parent: Folder,
}

impl StoreFolder {
    /// `None` where the browser has no such thing for this page, or the store's name is too long for a folder.
    pub async fn open(store: &str) -> Option<StoreFolder> {
        let name = folder_name(store)?;
        let root: Folder = settled(origin_folder()).await.ok()?;
        let parent: Folder = settled(root.folder(PARENT, &options("create", true))).await.ok()?;
        let folder = settled(parent.folder(&name, &options("create", true))).await.ok()?;
        Some(StoreFolder { name, folder: Rc::new(folder), parent })
    }

    /// Removes the folder with all that is in it. What is open somewhere stays, and is emptied when a store of that name is
    /// opened again.
    pub async fn remove(store: &str) {
        let remove = async |name: String| {
            let root: Folder = settled(origin_folder()).await?;
            let parent: Folder = settled(root.folder(PARENT, &Object::new())).await?;
            settled::<JsValue>(parent.remove(&name, &options("recursive", true))).await
        };
        if let Some(name) = folder_name(store) {
            drop(remove(name).await);
        }
    }

    /// Finds out what files here are good for.
    pub async fn probe(&self) -> Probed {
        let probe = async || {
            self.create(PROBE).await?;
            try_join(self.open_to_read(PROBE), self.open_to_read(PROBE)).await
        };
        match probe().await {
            Ok((Opened::File(handle), Opened::File(_))) => {
                Probed { is_shared: true, rows_are_quick: (0..PROBES).any(|_| handle.reads_quickly()) }
            }
            _ => Probed { is_shared: false, rows_are_quick: false },
        }
    }

    /// Protects names that are created from now on from the traces of an earlier kill; to be called before the first is.
    ///
    /// Chromium keeps the names in a LevelDB, and a browser that is killed in the middle of an append leaves a torn record at
    /// the end of its log. The next start passes over it and goes on behind it; the start after that takes it for damage and
    /// skips the rest of the log's block, so that what was created there is gone. Names that are created and removed fill the
    /// block up.
    pub async fn fill_log_block(&self) -> Result<()> {
        let name = format!("{FILLING}{}", "-".repeat(FILLING_NAME_BYTES - FILLING.len()));
        for _ in 0..FILLINGS {
            // Beside the folder, because a listing fails over what goes meanwhile.
            settled::<JsValue>(self.parent.file(&name, &options("create", true))).await?;
            // Somebody else may just have done so.
            drop(settled::<JsValue>(self.parent.remove(&name, &Object::new())).await);
        }
        Ok(())
    }

    /// An empty file, unless there is one of that name.
    pub async fn create(&self, name: &str) -> Result<()> {
        settled::<JsValue>(self.folder.file(name, &options("create", true))).await.map(drop)
    }

    /// For reading and writing, while nobody else has it open.
    pub async fn open_alone(&self, name: &str) -> Result<Opened<Handle>> {
        self.open_file(name, Object::new()).await
    }

    /// While nobody has it open alone.
    pub async fn open_to_read(&self, name: &str) -> Result<Opened<Handle>> {
        self.open_file(name, options("mode", "read-only")).await
    }

    /// In a task of its own: a handle whose caller has gone is closed all the same.
    async fn open_file(&self, name: &str, options: Object) -> Result<Opened<Handle>> {
        let (folder, name) = (self.folder.clone(), name.to_string());
        run(async move {
            let open = async || {
                let file: FileHandle = JsFuture::from(folder.file(&name, &Object::new())?).await?.unchecked_into();
                JsFuture::from(file.open(&options)?).await
            };
            Ok(Opened::of(open().await)?.map(|file| Handle::new(file.unchecked_into())))
        })
        .await
    }

    /// As `open_alone`, in the worker that writes beside this one.
    pub async fn open_beside(&self, writer: &WriterBeside, name: &str) -> Result<Opened<FileBeside>> {
        let opening = writer.open(vec![PARENT.into(), self.name.clone()], name);
        run(async move { Opened::of(opening.await) }).await
    }

    /// What all slots are called.
    pub async fn list(&self) -> Result<Vec<String>> {
        let keys = self.folder.keys().map_err(error::of_js)?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use wasm_bindgen_test::wasm_bindgen_test;

    #[wasm_bindgen_test]
    fn folders_have_names_that_any_file_system_takes() {
        assert_eq!(folder_name("My store/1-a."), Some("%4dy%20store%2f1-a%2e".into()));
        assert_eq!(folder_name(".."), Some("%2e%2e".into()));
        assert_eq!((folder_name(""), folder_name(&"/".repeat(74))), (None, None));
    }
}
