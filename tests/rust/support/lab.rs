//! Where a behaviour test happens: one store, the process that owns it, and clients.

use super::client::Client;
use super::executor::Executor;
use super::process::Process;
use elanus::catalog::Catalog;
use elanus::coordinator::Config;
use elanus::storage::Files;
use elanus::storage::faulty::{After, Faults, Torn};
use elanus::storage::memory::MemoryStore;
use std::cell::RefCell;
use std::ops::Deref;
use std::rc::Rc;

/// Every behaviour holds in whatever order tasks come to run.
const SEEDS: u64 = 40;

#[derive(Clone)]
pub struct Lab {
    pub executor: Executor,
    pub store: Rc<MemoryStore>,
    process: Rc<RefCell<Process>>,
    client: Client,
    config: Config,
}

/// The lab's own client.
impl Deref for Lab {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

/// Runs a test over an empty store under several seeds.
pub fn scenario(test: impl AsyncFn(Lab) + Clone + 'static) {
    scenario_with(Config::default(), test);
}

pub fn scenario_with(config: Config, test: impl AsyncFn(Lab) + Clone + 'static) {
    for seed in 0..SEEDS {
        let _told = SeedOnPanic(seed);
        let executor = Executor::new(seed);
        let (inside, config, test) = (executor.clone(), config.clone(), test.clone());
        let lab = executor.block_on(async move {
            let lab = Lab::open(inside, config).await;
            test(lab.clone()).await;
            lab
        });
        lab.close();
    }
}

/// Tells under which seed a test failed.
pub struct SeedOnPanic(pub u64);

impl Drop for SeedOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("with seed {}", self.0);
        }
    }
}

pub fn new_store(executor: &Executor) -> MemoryStore {
    let executor = executor.clone();
    MemoryStore::with_pause(Rc::new(move || {
        let executor = executor.clone();
        Box::pin(async move { executor.pause().await })
    }))
}

impl Lab {
    async fn open(executor: Executor, config: Config) -> Lab {
        let store = Rc::new(new_store(&executor));
        let process = Process::start(&executor, &store, Faults::none(), config.clone()).await.expect("opens");
        let process = Rc::new(RefCell::new(process));
        Lab { client: Client::new(process.clone()), executor, store, process, config }
    }

    pub fn process(&self) -> Process {
        self.process.borrow().clone()
    }

    /// The process dies where it stands, and another one opens the store.
    pub async fn reopen(&self) {
        self.process().kill();
        self.take_over().await;
    }

    /// Another process opens the store; who owned it before lives on. Returns that one.
    pub async fn take_over(&self) -> Process {
        let next = Process::start(&self.executor, &self.store, Faults::none(), self.config.clone()).await;
        self.process.replace(next.expect("opens"))
    }

    /// The process dies during its `write`-th write from now; afterwards nothing answers.
    pub fn crash_at(&self, write: u64, torn: Torn) {
        self.process().faults.crash(write, torn, After::Hangs);
    }

    pub fn client(&self) -> Client {
        Client::new(self.process.clone())
    }

    pub async fn catalog(&self) -> Catalog {
        Catalog::open(&self.store.reopen()).await.expect("reads")
    }

    /// Files that are there, and files that the catalog names.
    pub async fn files(&self) -> (Vec<String>, Vec<String>) {
        let there = self.store.reopen().list("").await.expect("lists");
        let catalog = self.catalog().await;
        let of = |collection: &elanus::catalog::Collection| {
            collection.segments().flat_map(|segment| segment.files(collection.id)).collect::<Vec<_>>()
        };
        let mut named: Vec<String> = catalog.collections.values().flat_map(of).collect();
        named.sort();
        (there, named)
    }

    /// No file is there that nothing names.
    pub async fn assert_tidy(&self) {
        let (there, named) = self.files().await;
        assert_eq!(there, named);
    }

    /// Waits until background work is done: as long as nodes idle before they are ended.
    pub async fn settle(&self) {
        self.executor.sleep(20_000).await;
    }

    fn close(&self) {
        self.process().kill();
        self.executor.drain();
        let left = self.executor.pending();
        assert!(left.is_empty(), "{left:?} wait for a dead process");
    }
}
