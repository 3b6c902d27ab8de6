//! Records and files in memory, for tests and simulations.
//!
//! Handles share their data, so several owners can contend for one store and "reopening" is taking another handle. Every
//! operation pauses before and after its effect through an injected hook; a seeded executor that decides when a pause ends
//! reorders operations, and drops roles between an effect and its answer.

use super::{
    Epoch, Files, HEAD_KEY, Handed, Head, OpenFile, Records, Store, StoredBytes, WriteBatch, check_bounds,
    check_file_name, prefix_range,
};
use crate::error::{Error, Result};
use crate::sorted::SortedMap;
use futures::future::LocalBoxFuture;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::rc::Rc;

/// Makes the future that an operation awaits before and after its effect.
pub type Pause = Rc<dyn Fn() -> LocalBoxFuture<'static, ()>>;

pub struct MemoryStore {
    state: Rc<RefCell<State>>,
    handed: RefCell<BTreeMap<Handed, Rc<[u8]>>>,
    handed_before: Cell<u32>,
    lent: RefCell<BTreeMap<String, Rc<[u8]>>>,
    read_bytes: ReadBytes,
    pause: Pause,
}

type ReadBytes = Rc<RefCell<SortedMap<String, u64>>>;

pub struct MemoryFile {
    rows_are_slow: bool,
    name: String,
    bytes: Rc<[u8]>,
    read_bytes: ReadBytes,
    pause: Pause,
}

#[derive(Default)]
struct State {
    records: BTreeMap<Store, BTreeMap<String, Vec<u8>>>,
    files: BTreeMap<String, Rc<[u8]>>,
    /// Writes that were called and have not happened yet. Whoever is resumed first makes all that were called before it
    /// happen too: that keeps the order of the calls, whatever order the pauses end in, and a write whose caller is gone
    /// does not hold up the others.
    queue: VecDeque<Queued>,
    rows_are_slow: bool,
}

struct Queued {
    write: Write,
    outcome: Outcome,
}

enum Write {
    TakeOver,
    Commit(WriteBatch),
}

type Outcome = Rc<Cell<Option<Result<Epoch>>>>;

impl Default for MemoryStore {
    fn default() -> Self {
        MemoryStore::with_pause(Rc::new(|| Box::pin(async {})))
    }
}

impl MemoryStore {
    /// Has it say that single rows of files are slow to read, as they are in IndexedDB.
    pub fn make_rows_slow(&self) {
        self.state.borrow_mut().rows_are_slow = true;
    }

    /// An empty store whose operations never pause.
    pub fn new() -> Self {
        MemoryStore::default()
    }

    pub fn with_pause(pause: Pause) -> Self {
        MemoryStore::over(Rc::default(), pause)
    }

    /// Another handle to the same data, as another worker or a later session would open it.
    pub fn reopen(&self) -> Self {
        MemoryStore::over(self.state.clone(), self.pause.clone())
    }

    fn over(state: Rc<RefCell<State>>, pause: Pause) -> Self {
        MemoryStore {
            state,
            handed: RefCell::default(),
            handed_before: Cell::default(),
            lent: RefCell::default(),
            read_bytes: Rc::default(),
            pause,
        }
    }

    /// Keeps bytes for `adopt` until they are taken back.
    pub fn hand(&self, bytes: Rc<[u8]>) -> Handed {
        // Never the same again: who uses it too late must not get something else.
        let number = Handed(self.handed_before.get());
        self.handed_before.set(number.0 + 1);
        self.handed.borrow_mut().insert(number, bytes);
        number
    }

    pub fn handed(&self, handed: Handed) -> Option<Rc<[u8]>> {
        self.handed.borrow().get(&handed).cloned()
    }

    pub fn take_back(&self, handed: Handed) {
        self.handed.borrow_mut().remove(&handed);
    }

    /// Can be opened once by that name.
    pub fn lend(&self, name: String, bytes: Rc<[u8]>) {
        self.lent.borrow_mut().insert(name, bytes);
    }

    async fn paused<T>(&self, effect: impl FnOnce(&mut State) -> T) -> T {
        (self.pause)().await;
        let done = effect(&mut self.state.borrow_mut());
        (self.pause)().await;
        done
    }

    /// Sees what was written by calls before.
    async fn read_records<T>(&self, effect: impl FnOnce(&mut State) -> T) -> T {
        let before = self.state.borrow().queue.back().map(|queued| queued.outcome.clone());
        self.paused(|state| {
            before.iter().for_each(|outcome| state.settle(outcome));
            effect(state)
        })
        .await
    }

    async fn write_record(&self, write: Write) -> Result<Epoch> {
        let outcome = Outcome::default();
        self.state.borrow_mut().queue.push_back(Queued { write, outcome: outcome.clone() });
        self.paused(|state| state.settle(&outcome)).await;
        outcome.take().expect("settling gives every queued write its outcome")
    }
}

impl State {
    fn records(&mut self, store: Store) -> &mut BTreeMap<String, Vec<u8>> {
        self.records.entry(store).or_default()
    }

    fn settle(&mut self, wanted: &Outcome) {
        let Some(last) = self.queue.iter().position(|queued| Rc::ptr_eq(&queued.outcome, wanted)) else {
            return;
        };
        for Queued { write, outcome } in self.queue.drain(..=last).collect::<Vec<_>>() {
            outcome.set(Some(self.apply(write)));
        }
    }

    fn apply(&mut self, write: Write) -> Result<Epoch> {
        let head = Head::parse(self.records(Store::Catalog).get(HEAD_KEY).map(Vec::as_slice))?;
        let batch = match write {
            Write::TakeOver => {
                let raised = head.raised();
                self.records(Store::Catalog).insert(HEAD_KEY.into(), raised.to_bytes());
                return Ok(raised.epoch());
            }
            Write::Commit(batch) => batch,
        };
        head.admit(&batch)?;
        for (store, keys) in batch.range_deletes {
            self.records(store).retain(|key, _| !keys.contains(key));
        }
        for (store, key) in batch.deletes {
            self.records(store).remove(&key);
        }
        for (store, key, value) in batch.puts {
            self.records(store).insert(key, value);
        }
        Ok(head.epoch())
    }

    fn file(&self, name: &str) -> Result<Rc<[u8]>> {
        self.files.get(name).cloned().ok_or_else(|| Error::KeyNotFound { key: name.to_string() })
    }
}

impl Records for MemoryStore {
    async fn take_over(&self) -> Result<Epoch> {
        self.write_record(Write::TakeOver).await
    }

    async fn get_many(&self, store: Store, keys: &[String]) -> Result<Vec<Option<Vec<u8>>>> {
        self.read_records(|state| {
            let records = state.records(store);
            Ok(keys.iter().map(|key| records.get(key).cloned()).collect())
        })
        .await
    }

    async fn scan(&self, store: Store, keys: Range<String>, limit: usize) -> Result<Vec<(String, Vec<u8>)>> {
        self.read_records(|state| {
            if keys.is_empty() {
                return Ok(Vec::new());
            }
            let found = state.records(store).range(keys).take(limit);
            Ok(found.map(|(key, value)| (key.clone(), value.clone())).collect())
        })
        .await
    }

    async fn commit(&self, batch: WriteBatch) -> Result<()> {
        batch.check()?;
        self.write_record(Write::Commit(batch)).await.map(|_| ())
    }
}

impl MemoryFile {
    fn copy(&self, offset: u64, into: &mut [u8]) -> Result<()> {
        check_bounds(&self.name, self.bytes(), offset, into.len())?;
        let start = offset as usize;
        into.copy_from_slice(&self.bytes[start..start + into.len()]);
        *self.read_bytes.borrow_mut().entry(self.name.clone()).or_default() += into.len() as u64;
        Ok(())
    }
}

impl OpenFile for MemoryFile {
    fn bytes(&self) -> u64 {
        self.bytes.len() as u64
    }

    async fn read(&self, offset: u64, into: &mut [u8]) -> Result<()> {
        (self.pause)().await;
        let done = self.copy(offset, into);
        (self.pause)().await;
        done
    }

    fn into_rows(self) -> std::result::Result<Rc<dyn StoredBytes>, Self> {
        if self.rows_are_slow { Err(self) } else { Ok(Rc::new(self)) }
    }
}

impl StoredBytes for MemoryFile {
    fn read_now(&self, offset: u64, into: &mut [u8]) -> Result<()> {
        self.copy(offset, into)
    }
}

impl Files for MemoryStore {
    type File = MemoryFile;

    async fn write_parts(&self, name: &str, parts: &[&[u8]]) -> Result<()> {
        check_file_name(name)?;
        self.paused(|state| state.files.insert(name.to_string(), parts.concat().into())).await;
        Ok(())
    }

    async fn adopt(&self, name: &str, handed: Handed) -> Result<()> {
        let bytes = self.handed(handed);
        let bytes = bytes.ok_or_else(|| Error::Unexpected(format!("nothing was handed over for {name}")))?;
        self.write(name, &bytes).await
    }

    async fn open(&self, name: &str) -> Result<MemoryFile> {
        let lent = self.lent.borrow_mut().remove(name);
        let bytes = match lent {
            Some(lent) => lent,
            None => self.paused(|state| state.file(name)).await?,
        };
        let (read_bytes, pause) = (self.read_bytes.clone(), self.pause.clone());
        let rows_are_slow = self.state.borrow().rows_are_slow;
        Ok(MemoryFile { rows_are_slow, name: name.to_string(), bytes, read_bytes, pause })
    }

    fn reads_rows_quickly(&self) -> bool {
        !self.state.borrow().rows_are_slow
    }

    async fn size(&self, name: &str) -> Result<u64> {
        self.paused(|state| state.file(name).map(|file| file.len() as u64)).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>> {
        let names = prefix_range(prefix);
        self.paused(|state| Ok(state.files.range(names).map(|(name, _)| name.clone()).collect())).await
    }

    async fn delete(&self, names: &[String]) -> Result<()> {
        self.paused(|state| names.iter().for_each(|name| drop(state.files.remove(name)))).await;
        Ok(())
    }

    /// Files appear whole here.
    async fn sweep_partial(&self) -> Result<()> {
        self.paused(|_| Ok(())).await
    }

    fn read_bytes_by_file(&self) -> SortedMap<String, u64> {
        self.read_bytes.borrow().clone()
    }
}
