//! Any store, failing on purpose: single operations that fail, and crashes after which nothing reaches the store any more.
//!
//! Operations and writes are counted from 0 over all handles that share the same `Faults`, so a test first counts the
//! writes of an undisturbed run and then repeats it with a crash at each of them.

use super::{Epoch, Files, Handed, OpenFile, Records, Store, StoredBytes, WriteBatch};
use crate::error::{Error, Result};
use crate::sorted::SortedMap;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    Io,
    Quota,
}

/// What becomes of the write during which the process dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Torn {
    /// Nothing of it is there.
    Lost,
    /// Half of the file is there under its name, as no store should leave it; records are lost, they are never torn.
    Half,
    /// All of it is there, but its caller never heard so.
    Done,
}

/// What callers see of a crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After {
    Errors,
    Hangs,
}

/// The plan of what fails, shared between a test and its stores.
#[derive(Clone, Default)]
pub struct Faults(Rc<RefCell<Plan>>);

#[derive(Default)]
struct Plan {
    operations: u64,
    writes: u64,
    faults: BTreeMap<u64, Fault>,
    random: Option<Random>,
    crash: Option<(u64, Torn, After)>,
    crashed: Option<After>,
}

struct Random {
    state: u64,
    one_in: u64,
}

enum Verdict {
    Go,
    Fail(Error),
    Crash(Torn),
    Down,
}

impl Faults {
    pub fn none() -> Self {
        Faults::default()
    }

    /// The `operation`-th operation from now fails and does nothing.
    pub fn fail(&self, operation: u64, fault: Fault) {
        let mut plan = self.0.borrow_mut();
        let at = plan.operations + operation;
        plan.faults.insert(at, fault);
    }

    /// From now on one operation in `one_in` fails and does nothing, at random but the same for the same seed.
    pub fn fail_randomly(&self, seed: u64, one_in: u64) {
        self.0.borrow_mut().random = Some(Random { state: seed, one_in });
    }

    /// The process dies during the `write`-th write from now.
    pub fn crash(&self, write: u64, torn: Torn, after: After) {
        let mut plan = self.0.borrow_mut();
        plan.crash = Some((plan.writes + write, torn, after));
    }

    /// Nothing fails any more: the next process. What counted goes on.
    pub fn heal(&self) {
        let mut plan = self.0.borrow_mut();
        *plan = Plan { operations: plan.operations, writes: plan.writes, ..Plan::default() };
    }

    pub fn operations(&self) -> u64 {
        self.0.borrow().operations
    }

    pub fn writes(&self) -> u64 {
        self.0.borrow().writes
    }

    pub fn crashed(&self) -> bool {
        self.0.borrow().crashed.is_some()
    }

    fn judge(&self, is_write: bool) -> Verdict {
        let mut plan = self.0.borrow_mut();
        if plan.crashed.is_some() {
            return Verdict::Down;
        }
        let (operation, write) = (plan.operations, plan.writes);
        plan.operations += 1;
        plan.writes += is_write as u64;
        if let Some((at, torn, after)) = plan.crash
            && is_write
            && at == write
        {
            plan.crashed = Some(after);
            return Verdict::Crash(torn);
        }
        let unlucky = plan.random.as_mut().and_then(Random::next);
        match plan.faults.remove(&operation).or(unlucky) {
            None => Verdict::Go,
            Some(Fault::Io) => Verdict::Fail(Error::Io { detail: "injected".into() }),
            Some(Fault::Quota) => Verdict::Fail(Error::DiskQuotaExceeded { detail: "injected".into() }),
        }
    }

    async fn read_through<T>(&self, effect: impl Future<Output = Result<T>>) -> Result<T> {
        match self.judge(false) {
            Verdict::Go => {
                let answer = effect.await;
                // The process may have died while it waited.
                if self.crashed() { self.down().await } else { answer }
            }
            Verdict::Fail(error) => Err(error),
            Verdict::Crash(_) | Verdict::Down => self.down().await,
        }
    }

    /// What every call answers once the process has died.
    async fn down<T>(&self) -> Result<T> {
        match self.0.borrow().crashed {
            Some(After::Errors) => return Err(Error::Io { detail: "injected crash".into() }),
            Some(After::Hangs) | None => {}
        }
        std::future::pending().await
    }
}

impl Random {
    /// SplitMix64: one addition and three shifts, and it passes for random.
    fn next(&mut self) -> Option<Fault> {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        z.is_multiple_of(self.one_in).then_some(if z >> 63 == 0 { Fault::Io } else { Fault::Quota })
    }
}

pub struct Faulty<S> {
    inner: S,
    faults: Faults,
}

pub struct FaultyFile<F> {
    inner: F,
    faults: Faults,
}

struct FaultyRows {
    inner: Rc<dyn StoredBytes>,
    faults: Faults,
}

impl<S> Faulty<S> {
    pub fn new(inner: S, faults: Faults) -> Self {
        Faulty { inner, faults }
    }

    pub fn inner(&self) -> &S {
        &self.inner
    }

    async fn read_through<T>(&self, effect: impl Future<Output = Result<T>>) -> Result<T> {
        self.faults.read_through(effect).await
    }

    async fn write_through<T>(
        &self,
        effect: impl Future<Output = Result<T>>,
        half: impl Future<Output = Result<()>>,
    ) -> Result<T> {
        match self.faults.judge(true) {
            Verdict::Go => {
                let answer = effect.await;
                if self.faults.crashed() { self.faults.down().await } else { answer }
            }
            Verdict::Fail(error) => Err(error),
            Verdict::Crash(Torn::Done) => {
                effect.await?;
                self.faults.down().await
            }
            Verdict::Crash(Torn::Half) => {
                half.await?;
                self.faults.down().await
            }
            Verdict::Crash(Torn::Lost) | Verdict::Down => self.faults.down().await,
        }
    }
}

async fn nothing() -> Result<()> {
    Ok(())
}

impl<S: Records> Records for Faulty<S> {
    async fn take_over(&self) -> Result<Epoch> {
        self.write_through(self.inner.take_over(), nothing()).await
    }

    async fn get_many(&self, store: Store, keys: &[String]) -> Result<Vec<Option<Vec<u8>>>> {
        self.read_through(self.inner.get_many(store, keys)).await
    }

    async fn scan(&self, store: Store, keys: Range<String>, limit: usize) -> Result<Vec<(String, Vec<u8>)>> {
        self.read_through(self.inner.scan(store, keys, limit)).await
    }

    async fn commit(&self, batch: WriteBatch) -> Result<()> {
        self.write_through(self.inner.commit(batch), nothing()).await
    }
}

impl<F: OpenFile> OpenFile for FaultyFile<F> {
    fn bytes(&self) -> u64 {
        self.inner.bytes()
    }

    async fn read(&self, offset: u64, into: &mut [u8]) -> Result<()> {
        self.faults.read_through(self.inner.read(offset, into)).await
    }

    fn into_rows(self) -> std::result::Result<Rc<dyn StoredBytes>, Self> {
        let FaultyFile { inner, faults } = self;
        match inner.into_rows() {
            Ok(inner) => Ok(Rc::new(FaultyRows { inner, faults })),
            Err(inner) => Err(FaultyFile { inner, faults }),
        }
    }
}

impl StoredBytes for FaultyRows {
    /// Who cannot wait hears of a dead process as of a failed read.
    fn read_now(&self, offset: u64, into: &mut [u8]) -> Result<()> {
        match self.faults.judge(false) {
            Verdict::Go => self.inner.read_now(offset, into),
            Verdict::Fail(error) => Err(error),
            Verdict::Crash(_) | Verdict::Down => Err(Error::Io { detail: "injected crash".into() }),
        }
    }
}

impl<S: Files> Files for Faulty<S> {
    type File = FaultyFile<S::File>;

    async fn write_parts(&self, name: &str, parts: &[&[u8]]) -> Result<()> {
        let bytes = parts.concat();
        let half = self.inner.write(name, &bytes[..bytes.len() / 2]);
        self.write_through(self.inner.write(name, &bytes), half).await
    }

    async fn adopt(&self, name: &str, handed: Handed) -> Result<()> {
        self.write_through(self.inner.adopt(name, handed), nothing()).await
    }

    async fn open(&self, name: &str) -> Result<FaultyFile<S::File>> {
        let inner = self.read_through(self.inner.open(name)).await?;
        Ok(FaultyFile { inner, faults: self.faults.clone() })
    }

    fn reads_rows_quickly(&self) -> bool {
        self.inner.reads_rows_quickly()
    }

    async fn size(&self, name: &str) -> Result<u64> {
        self.read_through(self.inner.size(name)).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>> {
        self.read_through(self.inner.list(prefix)).await
    }

    async fn delete(&self, names: &[String]) -> Result<()> {
        let half = self.inner.delete(&names[..names.len() / 2]);
        self.write_through(self.inner.delete(names), half).await
    }

    async fn sweep_partial(&self) -> Result<()> {
        self.write_through(self.inner.sweep_partial(), nothing()).await
    }

    fn read_bytes_by_file(&self) -> SortedMap<String, u64> {
        self.inner.read_bytes_by_file()
    }
}
