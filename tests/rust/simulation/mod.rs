//! Random histories with crashes, killed nodes, failing storage and changes of owner, checked against a model.
//!
//! `ELANUS_SEEDS` says how many histories run, `ELANUS_SEED` repeats one.

mod actors;
mod exporter;
mod model;

use crate::support::client::Client;
use crate::support::executor::Executor;
use crate::support::lab::{SeedOnPanic, new_store};
use crate::support::process::Process;
use crate::support::rows::{create, field, index, primary_key, vector_field};
use actors::{Rules, Stage, Unanswered, stamps};
use elanus::catalog::{Catalog, Collection};
use elanus::coordinator::Config;
use elanus::storage::Files;
use elanus::storage::faulty::{After, Faults, Torn};
use elanus::storage::memory::MemoryStore;
use futures::channel::oneshot;
use model::{Model, PARTITIONS};
use serde_json::{Value, json};
use std::cell::RefCell;
use std::rc::Rc;

const DEFAULT_SEEDS: u64 = 2000;
const WRITERS: i64 = 2;
const ROUNDS: u64 = 3;

#[test]
fn histories_end_as_clients_were_told() {
    let number = |name: &str| std::env::var(name).ok().map(|value| value.parse::<u64>().expect("a number"));
    let seeds = match number("ELANUS_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("ELANUS_SEEDS").unwrap_or(DEFAULT_SEEDS),
    };
    for seed in seeds {
        let _told = SeedOnPanic(seed);
        let executor = Executor::new(seed);
        let history = History::new(&executor);
        executor.block_on(history.run());
        executor.drain();
        let left = executor.pending();
        assert!(left.is_empty(), "{left:?} wait for dead processes");
    }
}

/// How a process ends.
#[derive(Debug, Clone, Copy)]
enum End {
    /// During a write.
    Crash(Torn),
    /// Between two steps, wherever it is.
    Kill,
    /// Another owner takes over while it still works.
    Superseded,
    /// When all its clients are done.
    Idle,
}

/// For whoever repeats one history.
fn trace(executor: &Executor, text: impl FnOnce() -> String) {
    if std::env::var_os("ELANUS_SEED").is_some() {
        eprintln!("{} {}", executor.now_ms(), text());
    }
}

struct History {
    executor: Executor,
    store: Rc<MemoryStore>,
    model: Rc<RefCell<Model>>,
    config: Config,
}

impl History {
    fn new(executor: &Executor) -> Self {
        let config = Config {
            relocate_bytes: 0,
            import_buffer_bytes: 2_000,
            export_step_bytes: 200 << executor.rng().below(6),
            flush_log_bytes: 1000 << executor.rng().below(8),
            max_segment_bytes: 4000 << executor.rng().below(8),
            memory_limit_bytes: None,
            node_bytes: 1 << executor.rng().below(16),
            cores: 1 + executor.rng().below(6) as u32,
            ..Config::default()
        };
        let store = Rc::new(new_store(executor));
        History { executor: executor.clone(), store, model: Rc::default(), config }
    }

    async fn start(&self, faults: Faults) -> Process {
        Process::start(&self.executor, &self.store, faults, self.config.clone()).await.expect("opens")
    }

    async fn run(self) {
        let mut process = self.start(Faults::none()).await;
        let stage = self.stage(&process);
        let call = async |method: &str, body: Value| stage.client.call(method, body).await.ok();
        let mut book = create("book", &[primary_key(), vector_field("v", 4), field("stamp", 5)]);
        book["shards_num"] = json!([1, 1, 2, 3][self.executor.rng().below(4) as usize]);
        call("CreateCollection", book).await;
        call("CreateIndex", index("book", "v", "L2")).await;
        for name in &PARTITIONS[1..PARTITIONS.len() - 1] {
            call("CreatePartition", json!({ "collection_name": "book", "partition_name": name })).await;
        }
        for _ in 0..ROUNDS {
            process = self.round(process).await;
        }
        process.kill();
    }

    fn stage(&self, process: &Process) -> Stage {
        Stage {
            executor: self.executor.clone(),
            model: self.model.clone(),
            client: Client::new(Rc::new(RefCell::new(process.clone()))),
            process: process.clone(),
            rules: Rc::new(Rules::default()),
            unanswered: Rc::default(),
        }
    }

    /// Lets everybody at a process until it ends in one way or another; the next process must be as they were told.
    async fn round(&self, process: Process) -> Process {
        let rng = self.executor.rng();
        let stage = self.stage(&process);
        let ends = [
            End::Crash(Torn::Lost),
            End::Crash(Torn::Half),
            End::Crash(Torn::Done),
            End::Kill,
            End::Superseded,
            End::Idle,
        ];
        let end = *rng.pick(&ends);
        if let End::Crash(torn) = end {
            process.faults.crash(rng.below(60), torn, After::Hangs);
        } else if rng.one_in(4) {
            stage.rules.faults.set(true);
            process.faults.fail_randomly(rng.next(), 5 + rng.below(100));
        }
        trace(&self.executor, || {
            format!("a round that ends with {end:?}, storage errors: {}", stage.rules.faults.get())
        });
        let actors = self.enter(&stage);
        let next = match end {
            End::Superseded => Some(self.take_over(&stage).await),
            End::Kill => {
                self.executor.sleep(rng.below(1000)).await;
                process.kill();
                None
            }
            End::Crash(_) | End::Idle => None,
        };
        for actor in actors {
            let mut actor = actor;
            while !matches!(actor.try_recv(), Ok(Some(_)) | Err(_)) {
                if process.faults.crashed() {
                    process.kill();
                }
                self.executor.sleep(5).await;
            }
        }
        process.kill();
        let superseded = next.is_some();
        let next = match next {
            Some(next) => next,
            None => self.restart().await,
        };
        self.repeat_unanswered(&next, stage.unanswered.take()).await;
        self.check(&next, stage.rules.faults.get()).await;
        if !superseded {
            // Builds that the last owner did not come to may be under way.
            self.executor.sleep(20_000).await;
            self.check_files().await;
        }
        next
    }

    /// Everybody begins; each says when he is done.
    fn enter(&self, stage: &Stage) -> Vec<oneshot::Receiver<()>> {
        let operations = 2 + self.executor.rng().below(15);
        let mut actors = Vec::new();
        let mut enter = |name, actor: futures::future::LocalBoxFuture<'static, ()>| {
            let (done, ended) = oneshot::channel();
            self.executor.spawn(name, async move {
                actor.await;
                let _ = done.send(());
            });
            actors.push(ended);
        };
        for number in 0..WRITERS {
            let writer = stage.clone().writer(number, operations);
            enter(
                "writer",
                Box::pin(async move {
                    let _ = writer.await;
                }),
            );
        }
        let (reader, keeper) = (stage.clone().reader(operations), stage.clone().keeper(operations));
        enter(
            "reader",
            Box::pin(async move {
                let _ = reader.await;
            }),
        );
        enter(
            "keeper",
            Box::pin(async move {
                let _ = keeper.await;
            }),
        );
        let exporter = stage.clone().exporter(self.executor.rng().below(3));
        enter(
            "exporter",
            Box::pin(async move {
                let _ = exporter.await;
            }),
        );
        enter("killer", Box::pin(stage.clone().killer(self.executor.rng().below(4))));
        actors
    }

    /// A second owner comes while the first one still works.
    async fn take_over(&self, stage: &Stage) -> Process {
        self.executor.sleep(self.executor.rng().below(500)).await;
        stage.rules.superseded.set(true);
        let next = self.start(Faults::none()).await;
        let now = self.model.borrow_mut().tick();
        stage.rules.fenced.set(Some(now));
        next
    }

    /// Opens the store again, maybe not at the first attempt, and with a clock that may have been set back.
    async fn restart(&self) -> Process {
        let rng = self.executor.rng();
        if rng.one_in(4) {
            self.executor.shift_clock(-(rng.below(5000) as i64));
        }
        while rng.one_in(4) {
            let faults = Faults::none();
            let torn = *rng.pick(&[Torn::Lost, Torn::Half, Torn::Done]);
            faults.crash(rng.below(4), torn, After::Errors);
            if let Ok(process) = Process::start(&self.executor, &self.store, faults, self.config.clone()).await {
                process.kill();
            }
        }
        self.start(Faults::none()).await
    }

    /// Some clients send again what nobody answered, at once or when the log has been sealed since.
    async fn repeat_unanswered(&self, process: &Process, unanswered: Vec<Unanswered>) {
        let stage = self.stage(process);
        for write in unanswered {
            if self.executor.rng().one_in(3) {
                stage.client.flush("book").await.ok();
            }
            if self.executor.rng().one_in(2) {
                stage.repeat(write).await;
            }
        }
    }

    async fn check_files(&self) {
        let store = self.store.reopen();
        let catalog = Catalog::open(&store).await.expect("reads");
        let of = |collection: &Collection| {
            collection.segments().flat_map(|segment| segment.files(collection.id)).collect::<Vec<_>>()
        };
        let mut named: Vec<String> = catalog.collections.values().flat_map(of).collect();
        named.sort();
        assert_eq!(store.list("").await.expect("lists"), named, "files that are there, and files that have a name");
    }

    /// What a process shows that nobody disturbs must be what clients were told. A load or release on a full disk holds
    /// until the store is opened the next time only.
    async fn check(&self, process: &Process, disk_was_full: bool) {
        let client = self.stage(process).client;
        let has_passing = json!({ "partition_name": PARTITIONS[3] });
        let here =
            3 + usize::from(client.call_on("HasPartition", "book", has_passing).await.ok().body["value"] == true);
        for (partition, name) in PARTITIONS.iter().enumerate() {
            let state = if partition < here { client.load_state("book", &[name]).await } else { String::new() };
            let is_loaded = matches!(&*state, "LoadStateLoaded" | "LoadStateLoading");
            self.model.borrow_mut().restored(partition, is_loaded, disk_was_full);
        }
        let loaded = self.model.borrow().loaded();
        // An index may have been dropped and not created again.
        if !client.call_on("DescribeIndex", "book", json!({})).await.is_ok() {
            client.call("CreateIndex", index("book", "v", "COSINE")).await.ok();
        }
        for partition in &loaded {
            client.keys("book", &[PARTITIONS[*partition]]).await;
        }
        client.load("book", json!({})).await.ok();
        let body = json!({ "output_fields": ["stamp"], "query_params": [{ "key": "limit", "value": 16384 }] });
        let rows = stamps(&client.query("book", body).await.ok());
        self.model.borrow_mut().settle(&rows);
        let count = client.count("book", &[]).await.ok().numbers("count(*)");
        assert_eq!(count, [rows.len() as i64], "rows are there twice");
        if loaded.is_empty() {
            client.release("book").await.ok();
        } else {
            let released: Vec<&str> = (0..here).filter(|it| !loaded.contains(it)).map(|it| PARTITIONS[it]).collect();
            if !released.is_empty() {
                client.release_partitions("book", &released).await.ok();
            }
        }
    }
}
