//! What a role finds where it runs: a store that pauses at every operation and fails when it is told to, and virtual time.

use super::executor::Scope;
use elanus::Result;
use elanus::event::Event;
use elanus::platform::{InstanceMemory, Platform};
use elanus::sorted::SortedMap;
use elanus::storage::faulty::{Faults, Faulty, FaultyFile};
use elanus::storage::memory::{MemoryFile, MemoryStore};
use elanus::storage::{Epoch, Files, Handed, OpenFile, Records, Store, StoredBytes, WriteBatch};
use futures::channel::oneshot;
use futures::future::LocalBoxFuture;
use std::cell::RefCell;
use std::ops::Range;
use std::rc::Rc;

#[derive(Clone)]
pub struct SimPlatform {
    store: Rc<SimStore>,
    scope: Scope,
    outlet: Rc<dyn Fn(Event)>,
}

pub struct SimStore {
    inner: Faulty<MemoryStore>,
    gate: Gate,
}

pub struct SimFile {
    inner: FaultyFile<MemoryFile>,
    gate: Gate,
}

/// Holds up reads of files while it is shut.
#[derive(Clone, Default)]
pub struct Gate(Rc<RefCell<Option<Vec<oneshot::Sender<()>>>>>);

impl Gate {
    pub fn shut(&self) {
        self.0.borrow_mut().get_or_insert_default();
    }

    pub fn open(&self) {
        let waiting = self.0.take();
        waiting.into_iter().flatten().for_each(|waiting| {
            let _ = waiting.send(());
        });
    }

    /// How many reads it holds up.
    pub fn waiting(&self) -> usize {
        self.0.borrow().as_ref().map_or(0, |waiting| waiting.iter().filter(|waiting| !waiting.is_canceled()).count())
    }

    async fn pass(&self) {
        let opened = self.0.borrow_mut().as_mut().map(|waiting| {
            let (sender, opened) = oneshot::channel();
            waiting.push(sender);
            opened
        });
        if let Some(opened) = opened {
            let _ = opened.await;
        }
    }
}

impl SimPlatform {
    /// Another handle to the store, whose life is the scope's.
    pub fn new(store: &MemoryStore, faults: &Faults, gate: &Gate, scope: Scope, outlet: Rc<dyn Fn(Event)>) -> Self {
        let inner = Faulty::new(store.reopen(), faults.clone());
        SimPlatform { store: Rc::new(SimStore { inner, gate: gate.clone() }), scope, outlet }
    }

    pub fn store(&self) -> &MemoryStore {
        self.store.inner.inner()
    }
}

impl Platform for SimPlatform {
    type Records = SimStore;
    type Files = SimStore;

    fn records(&self) -> &SimStore {
        &self.store
    }

    fn files(&self) -> &SimStore {
        &self.store
    }

    fn now_ms(&self) -> u64 {
        self.scope.executor().now_ms()
    }

    async fn yield_now(&self) {
        self.scope.executor().pause().await;
    }

    async fn sleep(&self, milliseconds: u32) {
        self.scope.executor().sleep(milliseconds.into()).await;
    }

    fn memory(&self) -> InstanceMemory {
        InstanceMemory { instance_bytes: 1 << 20, allocated_bytes: 1 << 19 }
    }

    fn emit(&self, event: Event) {
        (self.outlet)(event);
    }

    fn spawn(&self, task: LocalBoxFuture<'static, ()>) {
        self.scope.spawn_boxed("role", task);
    }
}

impl Records for SimStore {
    async fn take_over(&self) -> Result<Epoch> {
        self.inner.take_over().await
    }

    async fn get_many(&self, store: Store, keys: &[String]) -> Result<Vec<Option<Vec<u8>>>> {
        self.inner.get_many(store, keys).await
    }

    async fn scan(&self, store: Store, keys: Range<String>, limit: usize) -> Result<Vec<(String, Vec<u8>)>> {
        self.inner.scan(store, keys, limit).await
    }

    async fn commit(&self, batch: WriteBatch) -> Result<()> {
        self.inner.commit(batch).await
    }
}

impl OpenFile for SimFile {
    fn bytes(&self) -> u64 {
        self.inner.bytes()
    }

    async fn read(&self, offset: u64, into: &mut [u8]) -> Result<()> {
        self.gate.pass().await;
        self.inner.read(offset, into).await
    }

    fn into_rows(self) -> std::result::Result<Rc<dyn StoredBytes>, Self> {
        let SimFile { inner, gate } = self;
        inner.into_rows().map_err(|inner| SimFile { inner, gate })
    }
}

impl Files for SimStore {
    type File = SimFile;

    async fn write_parts(&self, name: &str, parts: &[&[u8]]) -> Result<()> {
        self.inner.write_parts(name, parts).await
    }

    async fn adopt(&self, name: &str, handed: Handed) -> Result<()> {
        self.inner.adopt(name, handed).await
    }

    async fn open(&self, name: &str) -> Result<SimFile> {
        Ok(SimFile { inner: self.inner.open(name).await?, gate: self.gate.clone() })
    }

    fn reads_rows_quickly(&self) -> bool {
        self.inner.reads_rows_quickly()
    }

    async fn size(&self, name: &str) -> Result<u64> {
        self.inner.size(name).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>> {
        self.inner.list(prefix).await
    }

    async fn delete(&self, names: &[String]) -> Result<()> {
        self.inner.delete(names).await
    }

    async fn sweep_partial(&self) -> Result<()> {
        self.inner.sweep_partial().await
    }

    fn read_bytes_by_file(&self) -> SortedMap<String, u64> {
        self.inner.read_bytes_by_file()
    }
}
