//! Slots: files of the store's folder in OPFS that are created ahead of need, hold one file of the store after another, and
//! are never removed.
//!
//! Bytes that were flushed survive a power cut, but the name of a file that was just created may not: no browser syncs names,
//! and the operating system takes up to half a minute to write them out. So a file goes into a slot that has been there for
//! longer; only a store that was empty when its slots were created has nothing to lose that is older than they are.
//!
//! An empty slot is free. Who writes to one has it open alone until a head names it; who empties one has it open alone while
//! it reads which slots heads name. So a slot that is named is never emptied or written to, however late somebody is.

use super::connection::{Connection, FILES, LOG};
use super::file_head::{FileHead, read_head};
use super::files::keys;
use super::opfs::{Handle, Opened, Probed, StoreFolder};
use super::slot_file::{SlotFile, WriterBeside};
use super::{BrowserStore, BrowserStoreConfig, run};
use crate::error::{Error, Result};
use crate::sorted::SortedSet;
use crate::storage::prefix_range;
use crate::wasm::platform::sleep;
use futures::future::join_all;
use futures::stream::{self, StreamExt};
use serde::{Deserialize, Serialize};
use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use tokio::sync::Mutex;
use wasm_bindgen_futures::spawn_local;

/// Created at a time.
const NEW_SLOTS: usize = 128;
const FEW_FREE: usize = 48;
/// A name that has been there for so long survives a power cut.
const AGED_MS: f64 = 60_000.0;
const OPENED_AT_ONCE: usize = 16;
/// Between two looks for free slots that find none: a look reads the head of every file of the store.
const FRUITLESS_PAUSE_MS: f64 = 5_000.0;
const FIRST_RETRY_MS: u32 = 500;
const LAST_RETRY_MS: u32 = 60_000;
/// Who writes to a slot or empties it has it to itself for a moment.
const TAKEN_RETRY_MS: u32 = 5;
const TAKEN_RETRIES: u32 = 2_000;

/// Where files are written to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FilesIn {
    /// Where the browser has it, else in the database.
    #[default]
    Opfs,
    IndexedDb,
}

/// A free slot, which nobody else has.
pub struct Slot {
    pub name: String,
    pub file: SlotFile,
}

pub struct Slots {
    folder: StoreFolder,
    is_written_to: bool,
    probed: Probed,
    survives_power_loss: bool,
    /// Not named when that was last looked up.
    free: RefCell<Vec<String>>,
    finding_free: Mutex<()>,
    /// Before that there is nothing free.
    look_again_ms: Cell<f64>,
    is_growing: Cell<bool>,
    /// To be emptied once nobody has them open.
    leftovers: RefCell<SortedSet<String>>,
    is_retrying: Cell<bool>,
}

/// When a slot was created, and whether it was for a store without anything in it.
struct Origin {
    created_ms: f64,
    in_empty_store: bool,
}

impl Origin {
    fn of(slot: &str) -> Option<Origin> {
        let (kind, rest) = slot.split_at_checked(1)?;
        let created_ms = u64::from_str_radix(rest.split_once('-')?.0, 16).ok()? as f64;
        Some(Origin { created_ms, in_empty_store: kind == "e" })
    }

    fn name(&self, number: usize) -> String {
        format!("{}{:x}-{number}", if self.in_empty_store { 'e' } else { 's' }, self.created_ms as u64)
    }
}

async fn named_slots(connection: Rc<Connection>) -> Result<SortedSet<String>> {
    let mut names = keys(&connection, prefix_range("")).await?;
    names.retain(|key| !key.contains('#'));
    let store = connection.read(FILES)?;
    let mut slots = SortedSet::new();
    for head in join_all(names.iter().map(|name| read_head(&store, name))).await {
        match head {
            // A head that is broken names nothing.
            Err(Error::Corrupt { .. }) => {}
            head => slots.extend(head?.and_then(FileHead::slot)),
        }
    }
    Ok(slots)
}

impl Slots {
    /// `None` where the browser has no such thing for this page.
    pub async fn open(config: &BrowserStoreConfig<'_>) -> Option<Slots> {
        let folder = StoreFolder::open(config.name).await?;
        let probed = match config.probed {
            Some(probed) => probed,
            None => folder.probe().await,
        };
        Some(Slots {
            is_written_to: config.files_in == FilesIn::Opfs && probed.is_shared,
            probed,
            folder,
            survives_power_loss: config.survives_power_loss,
            free: RefCell::default(),
            finding_free: Mutex::default(),
            look_again_ms: Cell::default(),
            is_growing: Cell::new(false),
            leftovers: RefCell::default(),
            is_retrying: Cell::new(false),
        })
    }

    pub fn are_written_to(&self) -> bool {
        self.is_written_to
    }

    pub fn probed(&self) -> Probed {
        self.probed
    }

    /// A slot that a head names; `None` if it is not there.
    pub async fn open_to_read(&self, slot: &str) -> Result<Option<Handle>> {
        for _ in 0..TAKEN_RETRIES {
            match self.folder.open_to_read(slot).await? {
                Opened::File(handle) => return Ok(Some(handle)),
                Opened::Missing => return Ok(None),
                Opened::Taken => sleep(TAKEN_RETRY_MS).await,
            }
        }
        Err(Error::Io { detail: format!("somebody keeps {slot} open") })
    }

    fn is_old_enough(&self, slot: &str) -> bool {
        Origin::of(slot).is_some_and(|origin| {
            let is_aged = js_sys::Date::now() - origin.created_ms >= AGED_MS;
            is_aged || (origin.in_empty_store && !self.survives_power_loss)
        })
    }

    async fn unnamed(&self, connection: &Rc<Connection>) -> Result<Vec<String>> {
        let (mut slots, named) = (self.folder.list().await?, run(named_slots(connection.clone())).await?);
        slots.retain(|slot| !named.contains(slot));
        Ok(slots)
    }

    /// Looks for free slots when none are known.
    pub async fn find_free(&self, connection: &Rc<Connection>) -> Result<()> {
        let _turn = self.finding_free.lock().await;
        let now_ms = js_sys::Date::now();
        if self.free.borrow().is_empty() && now_ms >= self.look_again_ms.get() {
            let mut unnamed = self.unnamed(connection).await?;
            unnamed.retain(|slot| self.is_old_enough(slot));
            self.look_again_ms.set(if unnamed.is_empty() { now_ms + FRUITLESS_PAUSE_MS } else { 0.0 });
            self.free.replace(unnamed);
        }
        Ok(())
    }

    /// `None` if there is none that may be used yet.
    async fn free_slot(&self, connection: &Rc<Connection>, writer: Option<&WriterBeside>) -> Result<Option<Slot>> {
        self.find_free(connection).await?;
        loop {
            let Some(name) = self.free.borrow_mut().pop() else { return Ok(None) };
            // Somebody else may have written to it meanwhile.
            let file = match writer {
                Some(writer) => self.folder.open_beside(writer, &name).await?.map(SlotFile::Beside),
                None => self.folder.open_alone(&name).await?.map(SlotFile::Here),
            };
            match file {
                Opened::File(file) if file.bytes_before()? == 0 => return Ok(Some(Slot { name, file })),
                _ => continue,
            }
        }
    }

    async fn grow(&self, in_empty_store: bool) -> Result<()> {
        self.folder.fill_log_block().await?;
        let origin = Origin { created_ms: js_sys::Date::now(), in_empty_store };
        let names: Vec<String> = (0..NEW_SLOTS).map(|number| origin.name(number)).collect();
        let created = join_all(names.iter().map(|name| self.folder.create(name))).await;
        self.look_again_ms.set(0.0);
        created.into_iter().collect()
    }

    /// Returns those that somebody has open.
    async fn empty(&self, connection: &Rc<Connection>, slots: SortedSet<String>) -> Result<SortedSet<String>> {
        let open = |name: String| async move {
            let opened = self.folder.open_alone(&name).await;
            (name, opened)
        };
        let opened: Vec<_> = stream::iter(slots.into_iter().map(open)).buffered(OPENED_AT_ONCE).collect().await;
        let named = run(named_slots(connection.clone())).await?;
        let mut taken = SortedSet::new();
        for (name, opened) in opened {
            match opened? {
                Opened::File(handle) if !named.contains(&name) && handle.size()? > 0 => {
                    handle.empty()?;
                    self.look_again_ms.set(0.0);
                }
                Opened::File(_) | Opened::Missing => {}
                Opened::Taken => drop(taken.insert(name)),
            }
        }
        Ok(taken)
    }
}

impl BrowserStore {
    /// To be called by an owner that has just opened the store, before it or a node of it writes files.
    pub async fn prepare_files(&self) {
        let Some(slots) = self.slots.as_ref().filter(|slots| slots.is_written_to) else { return };
        let prepare = async || {
            let unnamed = slots.unnamed(&self.connection).await?;
            if unnamed.len() < FEW_FREE {
                let connection = self.connection.clone();
                let is_empty = run(async move {
                    let count = async |store| connection.read(store)?.count(None).await.map_err(super::error::of_rexie);
                    Ok::<_, Error>(count(FILES).await? == 0 && count(LOG).await? == 0)
                });
                slots.grow(is_empty.await?).await?;
            }
            Ok::<_, Error>(())
        };
        // Without slots files go into the database.
        self.prepared.get_or_init(async || drop(prepare().await)).await;
    }

    /// `None` if the file has to go into the database.
    pub async fn slot_to_write(&self) -> Option<Slot> {
        let slots = self.slots.as_ref().filter(|slots| slots.is_written_to)?;
        let slot = slots.free_slot(&self.connection, self.writer.as_ref()).await.ok()?;
        if slots.free.borrow().len() < FEW_FREE && !slots.is_growing.replace(true) {
            let (slots, connection) = (slots.clone(), self.connection.clone());
            spawn_local(async move {
                let unnamed = slots.unnamed(&connection).await;
                if unnamed.is_ok_and(|unnamed| unnamed.len() < FEW_FREE) {
                    // What cannot be created is not used.
                    drop(slots.grow(false).await);
                }
                slots.is_growing.set(false);
            });
        }
        slot
    }

    /// Empties slots that no head names any more, later those that somebody has open.
    pub async fn empty_slots(&self, names: impl IntoIterator<Item = String>) {
        let names: SortedSet<String> = names.into_iter().collect();
        let Some(slots) = self.slots.as_ref().filter(|_| !names.is_empty()) else { return };
        empty_slots(slots, &self.connection, names).await;
    }

    /// Empties what writes that never ended have left, and files that somebody had open when they were deleted; while other
    /// things go on.
    pub fn sweep_slots(&self, delay_ms: u32) {
        let Some(slots) = self.slots.clone() else { return };
        let connection = self.connection.clone();
        spawn_local(async move {
            sleep(delay_ms).await;
            // What cannot be listed is swept by the next owner.
            let Ok(unnamed) = slots.unnamed(&connection).await else { return };
            empty_slots(&slots, &connection, unnamed.into_iter().collect()).await;
        });
    }
}

async fn empty_slots(slots: &Rc<Slots>, connection: &Rc<Connection>, names: SortedSet<String>) {
    let taken = slots.empty(connection, names.clone()).await.unwrap_or(names);
    slots.leftovers.borrow_mut().extend(taken);
    retry_later(slots, connection);
}

/// Goes on as long as somebody holds the store and something is left.
fn retry_later(slots: &Rc<Slots>, connection: &Rc<Connection>) {
    if slots.leftovers.borrow().is_empty() || slots.is_retrying.replace(true) {
        return;
    }
    let (slots, connection) = (Rc::downgrade(slots), Rc::downgrade(connection));
    spawn_local(async move {
        let mut pause_ms = FIRST_RETRY_MS;
        while retry(&slots, &connection, pause_ms).await {
            pause_ms = (pause_ms * 2).min(LAST_RETRY_MS);
        }
    });
}

/// Whether there is something left to try again.
async fn retry(slots: &Weak<Slots>, connection: &Weak<Connection>, pause_ms: u32) -> bool {
    sleep(pause_ms).await;
    let (Some(slots), Some(connection)) = (slots.upgrade(), connection.upgrade()) else { return false };
    let leftovers = slots.leftovers.take();
    let taken = slots.empty(&connection, leftovers.clone()).await.unwrap_or(leftovers);
    slots.leftovers.borrow_mut().extend(taken);
    let is_left = !slots.leftovers.borrow().is_empty();
    slots.is_retrying.set(is_left);
    is_left
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasm_bindgen_test::wasm_bindgen_test;

    #[wasm_bindgen_test]
    fn names_tell_where_slots_come_from() {
        for in_empty_store in [true, false] {
            let name = Origin { created_ms: 1_763_700_000_123.0, in_empty_store }.name(7);
            let origin = Origin::of(&name).unwrap();
            assert_eq!((origin.created_ms, origin.in_empty_store), (1_763_700_000_123.0, in_empty_store));
        }
        assert!(Origin::of("").is_none() && Origin::of("e12").is_none() && Origin::of("sxyz-1").is_none());
    }
}
