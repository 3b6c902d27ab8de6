//! The store's folder in OPFS: whether there is one, and removing what nothing names.

use super::connection::{Connection, FILES};
use super::file_head::{FileHead, read_head};
use super::file_names::name_of;
use super::opfs::StoreFolder;
use super::{BrowserStore, run};
use crate::error::{Error, Result};
use crate::wasm::platform::sleep;
use serde::Deserialize;
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::{Rc, Weak};
use tokio::sync::OnceCell;
use wasm_bindgen_futures::spawn_local;

const FIRST_RETRY_MS: u32 = 500;
const LAST_RETRY_MS: u32 = 60_000;

/// Where files are written to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FilesIn {
    /// Where the browser has it, else in the database.
    #[default]
    Opfs,
    IndexedDb,
}

pub struct Folder {
    store: String,
    files_in: FilesIn,
    opened: OnceCell<Option<StoreFolder>>,
    /// Whether files are written to it.
    is_used: OnceCell<bool>,
    /// Files that somebody had open when they were to be removed.
    leftovers: RefCell<BTreeSet<String>>,
    is_retrying: Cell<bool>,
}

impl Folder {
    pub fn new(store: &str, files_in: FilesIn) -> Self {
        Folder {
            store: store.to_string(),
            files_in,
            opened: OnceCell::new(),
            is_used: OnceCell::new(),
            leftovers: RefCell::default(),
            is_retrying: Cell::new(false),
        }
    }

    async fn open(&self) -> Option<StoreFolder> {
        self.opened.get_or_init(|| StoreFolder::open(&self.store)).await.clone()
    }

    async fn can_be_used(&self) -> Option<StoreFolder> {
        if self.files_in == FilesIn::IndexedDb {
            return None;
        }
        let folder = self.open().await?;
        folder.can_share().await.then_some(folder)
    }
}

async fn is_named(connection: Rc<Connection>, own_name: String) -> Result<bool> {
    let Some(name) = name_of(&own_name) else { return Ok(false) };
    let head = read_head(&connection.read(FILES)?, &name).await?;
    Ok(head.and_then(FileHead::opfs_name) == Some(own_name))
}

/// Removes a file that nothing names and nobody has open; false if it has to be tried again.
async fn sweep_file(folder: &StoreFolder, connection: &Rc<Connection>, own_name: &str) -> Result<bool> {
    // Its writer has it open until its head is there, so who finds it closed reads a head that is final.
    if !folder.is_closed(own_name).await {
        return Ok(false);
    }
    if run(is_named(connection.clone(), own_name.to_string())).await? {
        return Ok(true);
    }
    Ok(folder.remove_file(own_name).await.is_ok())
}

impl BrowserStore {
    /// To be called by an owner that has just opened the store, before it or a node of it writes files.
    pub async fn prepare_files(&self) {
        let prepare = async || {
            let Some(folder) = self.folder.can_be_used().await else { return false };
            folder.fill_log_block().await.is_ok()
        };
        self.folder.is_used.get_or_init(prepare).await;
    }

    pub async fn folder_to_write(&self) -> Option<StoreFolder> {
        let is_used = *self.folder.is_used.get_or_init(async || self.folder.can_be_used().await.is_some()).await;
        if is_used { self.folder.open().await } else { None }
    }

    pub async fn folder_to_read(&self) -> Result<StoreFolder> {
        self.folder.open().await.ok_or_else(|| Error::Io { detail: "the browser's file system is not there".into() })
    }

    /// Removes files that nothing names any more, later those that somebody has open.
    pub async fn remove_from_folder(&self, own_names: impl IntoIterator<Item = String>) {
        let mut own_names = own_names.into_iter().peekable();
        if own_names.peek().is_none() {
            return;
        }
        let Some(folder) = self.folder.open().await else { return };
        for own_name in own_names {
            if folder.remove_file(&own_name).await.is_err() {
                self.folder.leftovers.borrow_mut().insert(own_name);
            }
        }
        self.retry_later();
    }

    pub async fn sweep_folder(&self) -> Result<()> {
        let Some(folder) = self.folder.open().await else { return Ok(()) };
        for own_name in folder.list().await? {
            let is_named = run(is_named(self.connection.clone(), own_name.clone())).await?;
            if !is_named && !sweep_file(&folder, &self.connection, &own_name).await? {
                self.folder.leftovers.borrow_mut().insert(own_name);
            }
        }
        self.retry_later();
        Ok(())
    }

    /// Goes on as long as somebody holds the store and something is left.
    fn retry_later(&self) {
        if self.folder.leftovers.borrow().is_empty() || self.folder.is_retrying.replace(true) {
            return;
        }
        let (folder, connection) = (Rc::downgrade(&self.folder), Rc::downgrade(&self.connection));
        spawn_local(async move {
            let mut pause_ms = FIRST_RETRY_MS;
            while retry(&folder, &connection, pause_ms).await {
                pause_ms = (pause_ms * 2).min(LAST_RETRY_MS);
            }
        });
    }
}

/// Whether there is something left to try again.
async fn retry(folder: &Weak<Folder>, connection: &Weak<Connection>, pause_ms: u32) -> bool {
    sleep(pause_ms).await;
    let (Some(folder), Some(connection)) = (folder.upgrade(), connection.upgrade()) else { return false };
    let Some(opened) = folder.open().await else { return false };
    let leftovers: Vec<String> = folder.leftovers.borrow().iter().cloned().collect();
    for own_name in leftovers {
        if sweep_file(&opened, &connection, &own_name).await == Ok(true) {
            folder.leftovers.borrow_mut().remove(&own_name);
        }
    }
    let is_left = !folder.leftovers.borrow().is_empty();
    folder.is_retrying.set(is_left);
    is_left
}
