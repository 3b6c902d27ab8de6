//! `Records` in IndexedDB, `Files` there and in OPFS.
//!
//! One database a store, with the object stores `catalog`, `log` and `files`. Its IndexedDB version is 1 for ever: raising
//! it would make every tab that has the database open close it; what changes is said by the records themselves.
//!
//! Reads go through rexie. Writes need what rexie lacks, which is strict durability, deleting a range, and the cause of an
//! abort, so they are one level down, on web-sys.
//!
//! Every operation runs in a task of its own, to its end, whatever becomes of its caller. A transaction commits by itself
//! as soon as it is left without a request, so a caller that is slow to poll would cut a write in two; and a dropped rexie
//! future leaves a dead event handler behind, which throws when its event comes.

mod connection;
mod error;
mod file_head;
mod files;
mod moving;
mod open_file;
mod opfs;
mod records;
mod renewal;
mod slot_file;
mod slots;
mod value;

pub use open_file::BrowserFile;
pub use opfs::Probed;
pub use slot_file::FilesBeside;
pub use slots::FilesIn;

use crate::error::{Error, Result};
use crate::sorted::SortedMap;
use crate::storage::Handed;
use connection::Connection;
use files::SmallFiles;
use futures::channel::oneshot;
use futures::future::join;
use open_file::ReadBytes;
use opfs::StoreFolder;
use slot_file::WriterBeside;
use slots::Slots;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use tokio::sync::OnceCell;
use wasm_bindgen_futures::spawn_local;
use web_sys::Blob;

/// A handle to a store. Dropping it closes the store once its last operation has ended.
pub struct BrowserStore {
    connection: Rc<Connection>,
    /// `None` where the browser has no OPFS for this page.
    slots: Option<Rc<Slots>>,
    /// Into slots; without one this worker writes.
    writer: Option<WriterBeside>,
    /// Of Blobs; without one this worker reads.
    reader: Option<Rc<FilesBeside>>,
    prepared: OnceCell<()>,
    small_files: Rc<SmallFiles>,
    read_bytes: ReadBytes,
    handed: RefCell<SortedMap<Handed, Blob>>,
    handed_before: Cell<u32>,
    lent: RefCell<SortedMap<String, Blob>>,
}

/// Which store, and how it keeps files.
pub struct BrowserStoreConfig<'a> {
    pub name: &'a str,
    pub files_in: FilesIn,
    pub survives_power_loss: bool,
    /// What another worker has found out about this store's OPFS.
    pub probed: Option<Probed>,
}

impl BrowserStore {
    /// Opens the store of this origin, and creates it if it does not exist.
    pub async fn open(config: &BrowserStoreConfig<'_>) -> Result<Self> {
        let name = database_name(config.name);
        let opening = run(async move { Connection::open(&name).await });
        let (connection, slots) = join(opening, Slots::open(config)).await;
        Ok(BrowserStore {
            connection: Rc::new(connection?),
            slots: slots.map(Rc::new),
            writer: None,
            reader: None,
            prepared: OnceCell::new(),
            small_files: Rc::default(),
            read_bytes: RefCell::default(),
            handed: RefCell::default(),
            handed_before: Cell::default(),
            lent: RefCell::default(),
        })
    }

    /// Has workers beside this one write into slots, which are got ready by and by, and read Blobs.
    pub fn with_files_beside(mut self, beside: FilesBeside) -> Self {
        let beside = Rc::new(beside);
        self.reader = Some(beside.clone());
        if let Some(slots) = self.slots.clone().filter(|slots| slots.are_written_to()) {
            let connection = self.connection.clone();
            // Who needs one looks again.
            spawn_local(async move { drop(slots.find_free(&connection).await) });
            self.writer = Some(WriterBeside::start(beside));
        }
        self
    }

    /// For other workers that open the store.
    pub fn probed(&self) -> Option<Probed> {
        self.slots.as_ref().map(|slots| slots.probed())
    }

    /// Calls `then` when the database was deleted or the browser has closed it.
    pub fn when_lost(&self, then: impl Fn() + 'static) {
        self.connection.when_lost(then);
    }

    /// What counts the bytes that are read of a file.
    fn read_bytes_of(&self, name: &str) -> Rc<Cell<u64>> {
        self.read_bytes.borrow_mut().entry(name.to_owned()).or_default().clone()
    }

    fn slots(&self) -> Result<&Rc<Slots>> {
        self.slots.as_ref().ok_or_else(|| Error::Io { detail: "the browser's file system is not there".into() })
    }

    /// Keeps bytes for `adopt` until they are taken back.
    pub fn hand(&self, blob: Blob) -> Handed {
        // Never the same again: who uses it too late must not get something else.
        let number = Handed(self.handed_before.get());
        self.handed_before.set(number.0 + 1);
        self.handed.borrow_mut().insert(number, blob);
        number
    }

    pub fn take_back(&self, handed: Handed) {
        self.handed.borrow_mut().remove(&handed);
    }

    pub fn handed(&self, handed: Handed) -> Option<Blob> {
        self.handed.borrow().get(&handed).cloned()
    }

    /// Can be opened once by that name.
    pub fn lend(&self, name: String, blob: Blob) {
        self.lent.borrow_mut().insert(name, blob);
    }

    /// Deletes the store with all that is in it. Handles that have it open are closed: their operations fail from then on.
    pub async fn delete(store: &str) -> Result<()> {
        let name = database_name(store);
        run(async move { rexie::Rexie::delete(&name).await }).await.map_err(error::of_rexie)?;
        StoreFolder::remove(store).await;
        Ok(())
    }
}

fn database_name(store: &str) -> String {
    format!("elanus/{store}")
}

async fn run<T: 'static>(operation: impl Future<Output = T> + 'static) -> T {
    let (sender, receiver) = oneshot::channel();
    spawn_local(async move {
        // The caller may be gone; the operation was to happen all the same.
        let _ = sender.send(operation.await);
    });
    receiver.await.expect("an operation runs to its end")
}
