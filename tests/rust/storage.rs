//! The storage contract over the memory store and the fault-injecting one, and what those two promise beyond it.

use elanus::storage::contract::{self, Place};
use elanus::storage::faulty::{After, Fault, Faults, Faulty, Torn};
use elanus::storage::memory::{MemoryStore, Pause};
use elanus::storage::{Durability, Epoch, Files, Records, Store, WriteBatch};
use elanus::{Error, Result};
use futures::FutureExt;
use futures::executor::block_on;
use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

/// Pending a few times, as often as a little generator says.
struct Pending(u32);

impl Future for Pending {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.0 == 0 {
            return Poll::Ready(());
        }
        self.0 -= 1;
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

fn pauses(seed: u32) -> Pause {
    let state = Rc::new(Cell::new(seed));
    Rc::new(move || {
        state.set(state.get().wrapping_mul(1_664_525).wrapping_add(1_013_904_223));
        Box::pin(Pending(state.get() >> 29))
    })
}

impl Place for MemoryPlace {
    type Storage = MemoryStore;

    async fn open(&self) -> MemoryStore {
        self.0.reopen()
    }
}

impl Place for FaultyPlace {
    type Storage = Faulty<MemoryStore>;

    async fn open(&self) -> Faulty<MemoryStore> {
        Faulty::new(self.0.reopen(), Faults::none())
    }
}

struct MemoryPlace(MemoryStore);
struct FaultyPlace(MemoryStore);

macro_rules! memory_test {
    ($check:ident) => {
        #[test]
        fn $check() {
            block_on(super::contract::$check(&super::MemoryPlace(super::MemoryStore::new())));
            for seed in 0..4 {
                let store = super::MemoryStore::with_pause(super::pauses(seed));
                block_on(super::contract::$check(&super::MemoryPlace(store)));
            }
        }
    };
}

macro_rules! faulty_test {
    ($check:ident) => {
        #[test]
        fn $check() {
            block_on(super::contract::$check(&super::FaultyPlace(super::MemoryStore::new())));
        }
    };
}

mod memory {
    use futures::executor::block_on;
    elanus::storage_contract!(memory_test);
}

mod faulty_without_faults {
    use futures::executor::block_on;
    elanus::storage_contract!(faulty_test);
}

fn one_record(epoch: Epoch, key: &str) -> WriteBatch {
    let mut batch = WriteBatch::new(epoch, Durability::Relaxed);
    batch.put(Store::Log, key, key.as_bytes().to_vec());
    batch
}

async fn keys(store: &impl Records) -> Vec<String> {
    let found = store.scan(Store::Log, "".into().."~".into(), usize::MAX).await.unwrap();
    found.into_iter().map(|(key, _)| key).collect()
}

/// A store whose operations stay pending at every pause until polled again.
fn stepping() -> MemoryStore {
    MemoryStore::with_pause(Rc::new(|| Box::pin(Pending(1))))
}

#[test]
fn a_commit_whose_caller_is_gone_still_happens_before_later_ones() {
    let store = stepping();
    block_on(async {
        let epoch = store.take_over().await.unwrap();
        assert!(Box::pin(store.commit(one_record(epoch, "a"))).now_or_never().is_none());
        store.commit(one_record(epoch, "b")).await.unwrap();
        assert_eq!(keys(&store).await, ["a", "b"]);
    });
}

#[test]
fn a_commit_whose_caller_is_gone_is_fenced_by_a_take_over_before_it() {
    let store = stepping();
    block_on(async {
        let epoch = store.take_over().await.unwrap();
        let next = store.reopen();
        let mut take_over = Box::pin(next.take_over());
        assert!(futures::poll!(&mut take_over).is_pending());
        assert!(Box::pin(store.commit(one_record(epoch, "late"))).now_or_never().is_none());
        let epoch = take_over.await.unwrap();
        next.commit(one_record(epoch, "next")).await.unwrap();
        assert_eq!(keys(&next).await, ["next"]);
    });
}

#[test]
fn the_chosen_operation_fails_and_does_nothing() {
    let faults = Faults::none();
    let store = Faulty::new(MemoryStore::new(), faults.clone());
    block_on(async {
        let epoch = store.take_over().await.unwrap();
        faults.fail(1, Fault::Io);
        faults.fail(2, Fault::Quota);
        store.commit(one_record(epoch, "a")).await.unwrap();
        assert!(matches!(store.commit(one_record(epoch, "b")).await, Err(Error::Io { .. })));
        assert!(matches!(store.write("f", b"bytes").await, Err(Error::DiskQuotaExceeded { .. })));
        assert_eq!(keys(&store).await, ["a"]);
        assert!(store.list("").await.unwrap().is_empty());
    });
}

#[test]
fn random_faults_repeat_with_their_seed() {
    let run = |seed| {
        let faults = Faults::none();
        let store = Faulty::new(MemoryStore::new(), faults.clone());
        block_on(async {
            let epoch = store.take_over().await.unwrap();
            faults.fail_randomly(seed, 4);
            let mut outcomes = Vec::new();
            for n in 0..200 {
                outcomes.push(store.commit(one_record(epoch, &format!("{n:03}"))).await);
            }
            faults.heal();
            let kept = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
            assert_eq!(keys(&store).await.len(), kept);
            assert!((100..190).contains(&kept), "{kept} of 200 kept");
            outcomes
        })
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

/// What a sealed segment's way into the store is made of: two files, then the commit that makes them visible.
async fn seal(store: &(impl Records + Files)) -> Result<()> {
    let epoch = store.take_over().await?;
    store.write("f/1", &[1; 10]).await?;
    store.write("f/2", &[2; 10]).await?;
    store.commit(one_record(epoch, "sealed")).await
}

#[test]
fn nothing_reaches_the_store_after_a_crash() {
    let memory = MemoryStore::new();
    let faults = Faults::none();
    block_on(seal(&Faulty::new(memory, faults.clone()))).unwrap();
    assert_eq!(faults.writes(), 4);

    for (torn, files, sealed) in [
        (Torn::Lost, [0, 0, 1, 2], [false; 4]),
        (Torn::Half, [0, 1, 2, 2], [false; 4]),
        (Torn::Done, [0, 1, 2, 2], [false, false, false, true]),
    ] {
        for crash_at in 0..4 {
            let memory = MemoryStore::new();
            let faults = Faults::none();
            faults.crash(crash_at as u64, torn, After::Errors);
            let store = Faulty::new(memory.reopen(), faults.clone());
            assert!(matches!(block_on(seal(&store)), Err(Error::Io { .. })));
            assert!(faults.crashed());
            assert!(block_on(store.list("")).is_err());
            assert_eq!(block_on(memory.list("")).unwrap().len(), files[crash_at], "{torn:?} at {crash_at}");
            assert_eq!(!block_on(keys(&memory)).is_empty(), sealed[crash_at], "{torn:?} at {crash_at}");
            if torn == Torn::Half && crash_at == 2 {
                assert_eq!(block_on(memory.size("f/2")), Ok(5));
            }
        }
    }
}

#[test]
fn a_crashed_store_may_hang_until_the_next_process() {
    let faults = Faults::none();
    let store = Faulty::new(MemoryStore::new(), faults.clone());
    faults.crash(0, Torn::Done, After::Hangs);
    assert!(store.take_over().now_or_never().is_none());
    assert!(store.list("").now_or_never().is_none());
    faults.heal();
    assert_eq!(block_on(store.take_over()), Ok(Epoch(2)));
}
