//! Those who use a store while it runs: writers, readers, the one who loads and maintains, and the one who kills nodes.

use super::model::{Certainty, KEYS_PER_PARTITION, Key, Model, PARTITIONS, Stamp};
use crate::support::client::{Answer, Client};
use crate::support::executor::Executor;
use crate::support::process::{Disconnected, Process};
use crate::support::rows::{batch, index, ints, vector_of, vectors};
use elanus::cluster::NodeKind;
use elanus::value::Batch;
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

/// Keys of a partition that one writer writes.
const KEYS_PER_WRITER: Key = 12;
/// Partitions that writers write to; the last one comes and goes.
pub const STEADY: usize = PARTITIONS.len() - 1;
const PASSING: usize = STEADY;

const QUERY: [f32; 4] = [1.0, -2.0, 3.0, 4.0];
const METRICS: [&str; 3] = ["L2", "IP", "COSINE"];

/// What all actors of one process share.
#[derive(Clone)]
pub struct Stage {
    pub executor: Executor,
    pub model: Rc<RefCell<Model>>,
    pub client: Client,
    pub process: Process,
    pub rules: Rc<Rules>,
    pub unanswered: Rc<RefCell<Vec<Unanswered>>>,
}

/// A write of which nobody knows what became of it.
pub struct Unanswered {
    method: &'static str,
    body: Value,
    rows: Option<Batch>,
    /// The model's number of it.
    batch: u64,
}

/// What may happen besides the right answers.
#[derive(Default)]
pub struct Rules {
    /// Storage operations fail at random: calls may be refused for it, but what they answer is right.
    pub faults: Cell<bool>,
    /// Another owner has begun to take over: what is read may be old.
    pub superseded: Cell<bool>,
    /// When it had taken over: no call that was sent later may write.
    pub fenced: Cell<Option<u64>>,
}

pub type Ended = Result<(), Disconnected>;

pub fn rows_of(keys: &[Key], stamp: Stamp) -> Batch {
    batch([
        ("id", ints(keys.iter().copied())),
        ("v", vectors(keys.iter().map(|_| vector_of(stamp)))),
        ("stamp", ints(keys.iter().map(|_| stamp))),
    ])
}

/// Rows by key; no key comes twice.
pub fn stamps(answer: &Answer) -> BTreeMap<Key, Stamp> {
    let keys = answer.numbers("id");
    let rows: BTreeMap<Key, Stamp> = keys.iter().copied().zip(answer.numbers("stamp")).collect();
    assert_eq!(rows.len(), keys.len(), "a key shows twice: {keys:?}");
    rows
}

/// The scores of rows under one of the metrics, best first.
fn check_scores(scores: &[f32], stamps: &[Stamp]) {
    let dot = |left: &[f32], right: &[f32]| left.iter().zip(right).map(|(left, right)| left * right).sum::<f32>();
    let score = |metric: &str, vector: &[f32]| match metric {
        "L2" => QUERY.iter().zip(vector).map(|(left, right)| (left - right).powi(2)).sum(),
        "IP" => dot(&QUERY, vector),
        _ => dot(&QUERY, vector) / (dot(&QUERY, &QUERY) * dot(vector, vector)).sqrt(),
    };
    let fits = |metric: &&str| {
        let expected: Vec<f32> = stamps.iter().map(|stamp| score(metric, &vector_of(*stamp))).collect();
        let better = |pair: &[f32]| if *metric == "L2" { pair[0] <= pair[1] + 1e-3 } else { pair[0] >= pair[1] - 1e-3 };
        let near = scores.iter().zip(&expected).all(|(score, expected)| (score - expected).abs() < 1e-3);
        near && expected.windows(2).all(better)
    };
    assert!(METRICS.iter().any(fits), "{scores:?} of {stamps:?}");
}

impl Stage {
    pub fn tick(&self) -> u64 {
        self.model.borrow_mut().tick()
    }

    async fn call(&self, method: &str, mut body: Value) -> Result<Answer, Disconnected> {
        body["collection_name"] = json!("book");
        self.call_with(method, body, None).await
    }

    async fn call_with(&self, method: &str, body: Value, rows: Option<&Batch>) -> Result<Answer, Disconnected> {
        super::trace(&self.executor, || format!("{method} {body}"));
        let answer = self.client.try_call(method, body, rows).await;
        super::trace(&self.executor, || match &answer {
            Ok(answer) => format!("{method}: {} {}", answer.code(), answer.reason()),
            Err(_) => format!("{method}: nobody answers"),
        });
        answer
    }

    /// Some of the partitions, at least one.
    pub fn some_partitions(&self, of: usize) -> Vec<usize> {
        let chosen = 1 + self.executor.rng().below((1 << of) - 1);
        (0..of).filter(|partition| chosen & (1 << partition) != 0).collect()
    }

    /// A refusal that is nobody's fault: the storage's, or because another process owns the store.
    fn is_excused(&self, answer: &Answer) -> bool {
        let died_too_often = answer.reason().contains("query nodes ended while they were loading");
        self.is_excused_code(answer.code()) || died_too_often
    }

    pub fn is_excused_code(&self, code: i64) -> bool {
        self.rules.faults.get() || self.rules.superseded.get() || code == 1
    }

    pub async fn write(&self, keys: &[Key], partition: usize, delete: bool) -> Ended {
        let stamp = if delete { None } else { Some(self.tick() as Stamp) };
        super::trace(&self.executor, || format!("{keys:?} to {stamp:?}"));
        let sent = self.tick();
        let fresh = keys.iter().all(|key| self.model.borrow().is_absent(*key));
        let number = self.model.borrow_mut().send(keys, stamp);
        let (method, mut body) = match stamp {
            None => {
                let list = keys.iter().map(Key::to_string).collect::<Vec<_>>().join(",");
                ("Delete", json!({ "expr": format!("id in [{list}]") }))
            }
            Some(_) => {
                let method = if fresh && self.executor.rng().one_in(2) { "Insert" } else { "Upsert" };
                (method, json!({ "partition_name": PARTITIONS[partition] }))
            }
        };
        body["collection_name"] = json!("book");
        body["request_id"] = json!(format!("{number:032x}"));
        let rows = stamp.map(|stamp| rows_of(keys, stamp));
        let answer = self.call_with(method, body.clone(), rows.as_ref()).await.inspect_err(|_| {
            self.unanswered.borrow_mut().push(Unanswered { method, body, rows, batch: number });
        })?;
        if answer.is_ok() {
            let fenced = self.rules.fenced.get().is_some_and(|at| sent > at);
            assert!(!fenced, "a write of {keys:?} was accepted by a process that does not own the store any more");
            self.model.borrow_mut().acknowledged(number);
        } else {
            assert!(self.is_excused(&answer), "a write is refused: {}", answer.body);
            self.model.borrow_mut().rejected(number);
        }
        Ok(())
    }

    /// Sends again what an earlier process did not answer.
    pub async fn repeat(&self, mut write: Unanswered) {
        write.body["repeated"] = json!(true);
        let answer = self.call_with(write.method, write.body, write.rows.as_ref()).await.expect("the process lives");
        answer.ok();
        self.model.borrow_mut().acknowledged(write.batch);
    }

    pub async fn writer(self, number: Key, operations: u64) -> Ended {
        let rng = self.executor.rng();
        for _ in 0..operations {
            let partition = rng.below(STEADY as u64) as usize;
            let first = partition as Key * KEYS_PER_PARTITION + number * KEYS_PER_WRITER;
            let mut keys: Vec<Key> =
                (0..=rng.below(3)).map(|_| first + rng.below(KEYS_PER_WRITER as u64) as Key).collect();
            keys.sort_unstable();
            keys.dedup();
            self.write(&keys, partition, rng.one_in(3)).await?;
            self.executor.pause().await;
        }
        Ok(())
    }

    pub async fn reader(self, operations: u64) -> Ended {
        for _ in 0..operations {
            let all = self.executor.rng().one_in(3);
            let partitions = if all { (0..PARTITIONS.len()).collect() } else { self.some_partitions(STEADY) };
            self.read_and_check(&partitions, all).await?;
            self.executor.pause().await;
        }
        Ok(())
    }

    async fn read_and_check(&self, partitions: &[usize], all: bool) -> Ended {
        let names: Vec<&str> = partitions.iter().filter(|_| !all).map(|it| PARTITIONS[*it]).collect();
        let body = json!({ "collection_name": "book", "partition_names": names, "output_fields": ["stamp"] });
        let from = self.tick();
        let (kind, answer) = match self.executor.rng().below(3) {
            0 => ("count", self.count(body).await?),
            1 => ("query", self.query(body).await?),
            _ => ("search", self.search(body).await?),
        };
        let to = self.tick();
        super::trace(&self.executor, || format!("a {kind} of {names:?} from {from} to {to}: {}", answer.code()));
        if self.rules.superseded.get() {
            return Ok(());
        }
        let model = self.model.borrow();
        if !answer.is_ok() {
            let loaded = |it: &usize| model.was_loaded(*it, from, to);
            let expected = if all {
                partitions.iter().all(|it| loaded(it) != Certainty::Yes)
            } else {
                partitions.iter().any(|it| loaded(it) != Certainty::Yes)
            };
            let excused = matches!(answer.code(), 101 | 103 | 201) && expected;
            assert!(excused || self.is_excused(&answer), "a {kind} of {names:?} is refused: {}", answer.body);
            return Ok(());
        }
        if kind == "count" {
            model.check_count(partitions, from, to, answer.numbers("count(*)")[0] as usize);
            return Ok(());
        }
        let named_is_absent = !all && partitions.iter().any(|it| model.was_loaded(*it, from, to) == Certainty::No);
        assert!(!named_is_absent, "{names:?} are read, but not all of them are loaded");
        model.check_rows(partitions, from, to, &stamps(&answer));
        if kind == "search" {
            check_scores(&answer.scores(), &answer.numbers("stamp"));
        }
        Ok(())
    }

    async fn count(&self, mut body: Value) -> Result<Answer, Disconnected> {
        body["output_fields"] = json!(["count(*)"]);
        self.client.try_read("Query", body, Vec::new()).await
    }

    async fn query(&self, mut body: Value) -> Result<Answer, Disconnected> {
        body["query_params"] = json!([{ "key": "limit", "value": 16384 }]);
        self.client.try_read("Query", body, Vec::new()).await
    }

    async fn search(&self, mut body: Value) -> Result<Answer, Disconnected> {
        body["output_fields"] = json!(["id", "stamp"]);
        body["nq"] = json!(1);
        body["search_params"] = json!([{ "key": "topk", "value": 16384 }]);
        self.client.try_read("Search", body, vec![QUERY.iter().flat_map(|value| value.to_le_bytes()).collect()]).await
    }

    /// Loads, releases, flushes and compacts; makes a partition, fills and drops it.
    pub async fn keeper(self, operations: u64) -> Ended {
        for _ in 0..operations {
            let here = if self.has_passing().await? { PARTITIONS.len() } else { STEADY };
            match self.executor.rng().below(11) {
                0 | 1 => self.load(&self.some_partitions(here), false).await?,
                2 => self.load(&(0..here).collect::<Vec<_>>(), true).await?,
                3 | 4 => self.release(&self.some_partitions(here), false).await?,
                5 => self.release(&(0..PARTITIONS.len()).collect::<Vec<_>>(), true).await?,
                6 | 7 => self.maintain().await?,
                8 => self.passing_partition().await?,
                9 => self.change_ttl().await?,
                _ => self.change_index().await?,
            }
            self.executor.pause().await;
        }
        Ok(())
    }

    async fn has_passing(&self) -> Result<bool, Disconnected> {
        let answer = self.call("HasPartition", json!({ "partition_name": PARTITIONS[PASSING] })).await?;
        Ok(answer.body["value"] == true)
    }

    pub async fn load(&self, partitions: &[usize], whole: bool) -> Ended {
        let names: Vec<&str> = partitions.iter().map(|it| PARTITIONS[*it]).collect();
        let changed = self.model.borrow_mut().change_load(partitions, true);
        let mut answer = match whole {
            true => self.call("LoadCollection", json!({})).await?,
            false => self.call("LoadPartitions", json!({ "partition_names": names })).await?,
        };
        let started = answer.is_ok();
        let ticket = answer.status()["extra_info"]["elanus.ticket"].clone();
        while answer.is_ok() {
            answer = self.call("GetLoadingProgress", json!({ "partition_names": names, "ticket": ticket })).await?;
            if answer.body["progress"] == "100" {
                self.model.borrow_mut().load_changed(&changed);
                return Ok(());
            }
            if self.rules.superseded.get() {
                // Its nodes need not hold up with what the next owner does.
                return Ok(());
            }
        }
        assert!(self.is_excused(&answer), "a load of {names:?} is refused: {}", answer.body);
        // Where storage fails, so may the attempt to take a load back.
        if !started {
            self.model.borrow_mut().load_refused(&changed);
        }
        Ok(())
    }

    pub async fn release(&self, partitions: &[usize], whole: bool) -> Ended {
        let names: Vec<&str> = partitions.iter().map(|it| PARTITIONS[*it]).collect();
        let changed = self.model.borrow_mut().change_load(partitions, false);
        let answer = match whole {
            true => self.call("ReleaseCollection", json!({})).await?,
            false => self.call("ReleasePartitions", json!({ "partition_names": names })).await?,
        };
        if answer.is_ok() {
            self.model.borrow_mut().load_changed(&changed);
        } else {
            assert!(self.is_excused(&answer), "a release of {names:?} is refused: {}", answer.body);
            self.model.borrow_mut().load_refused(&changed);
        }
        Ok(())
    }

    async fn maintain(&self) -> Ended {
        let answer = match self.executor.rng().below(3) {
            0 => self.call("ManualCompaction", json!({})).await?,
            _ => self.call("Flush", json!({ "collection_names": ["book"] })).await?,
        };
        // A data node that was killed meanwhile is an answer too.
        assert!(answer.is_ok() || answer.code() == 901 || self.is_excused(&answer), "{}", answer.body);
        Ok(())
    }

    /// Another index in the place of the old one, when nothing is loaded.
    async fn change_index(&self) -> Ended {
        let now = self.tick();
        // A load whose nodes died too often has failed, or is tried again.
        let is_loaded = |partition| self.model.borrow().was_loaded(partition, now, now) == Certainty::Yes;
        let loaded = (0..PARTITIONS.len()).any(is_loaded);
        let dropped = self.call("DropIndex", json!({ "field_name": "v" })).await?;
        if loaded && !self.is_excused(&dropped) {
            dropped.refused(1100, "vector index cannot be dropped on loaded collection");
            return Ok(());
        }
        let metric = self.executor.rng().pick(&METRICS);
        let created = self.client.try_call("CreateIndex", index("book", "v", metric), None).await?;
        assert!(created.is_ok() || self.is_excused(&created), "{}", created.body);
        Ok(())
    }

    /// A time to live that no row outlives, so that reads need to know when rows were written; or none.
    async fn change_ttl(&self) -> Ended {
        let change = match self.executor.rng().one_in(2) {
            true => json!({ "properties": [{ "key": "collection.ttl.seconds", "value": 1_000_000 }] }),
            false => json!({ "delete_keys": ["collection.ttl.seconds"] }),
        };
        let altered = self.call("AlterCollection", change).await?;
        assert!(altered.is_ok() || self.is_excused(&altered), "{}", altered.body);
        Ok(())
    }

    /// Makes the passing partition or drops it.
    async fn passing_partition(&self) -> Ended {
        let name = json!({ "partition_name": PARTITIONS[PASSING] });
        if self.has_passing().await? {
            if self.model.borrow().is_loaded(PASSING) {
                self.release(&[PASSING], false).await?;
            }
            let keys: Vec<Key> = self.model.borrow().present(PASSING).into_keys().collect();
            let batch = self.model.borrow_mut().send(&keys, None);
            let answer = self.call("DropPartition", name).await?;
            if answer.is_ok() {
                self.model.borrow_mut().acknowledged(batch);
            } else {
                assert!(self.is_excused(&answer), "{}", answer.body);
                self.model.borrow_mut().rejected(batch);
            }
            return Ok(());
        }
        // It may come along with the others: whether it does, its state tells.
        let changed = self.model.borrow_mut().change_load(&[PASSING], true);
        let created = self.call("CreatePartition", name).await?;
        assert!(created.is_ok() || self.is_excused(&created), "{}", created.body);
        let query = json!({ "partition_names": [PARTITIONS[PASSING]] });
        let mut state = self.call("GetLoadState", query.clone()).await?;
        // Its node may have been killed since.
        while state.body["state"] == "LoadStateLoading" && !self.rules.superseded.get() {
            state = self.call("GetLoadState", query.clone()).await?;
        }
        match state.body["state"].as_str() {
            Some("LoadStateLoaded") => self.model.borrow_mut().load_changed(&changed),
            Some("LoadStateNotLoad") => {
                self.model.borrow_mut().load_refused(&changed);
                // If its nodes died too often, the next load would try again.
                self.release(&[PASSING], false).await?;
            }
            _ => assert!(self.is_excused(&state), "{}", state.body),
        }
        if created.is_ok() {
            let first = PASSING as Key * KEYS_PER_PARTITION;
            self.write(&(first..first + 5).collect::<Vec<_>>(), PASSING, false).await?;
        }
        Ok(())
    }

    /// Kills nodes now and then.
    pub async fn killer(self, kills: u64) {
        for _ in 0..kills {
            self.executor.sleep(self.executor.rng().below(300)).await;
            let kind = if self.executor.rng().one_in(3) { NodeKind::Data } else { NodeKind::Query };
            let running = self.process.nodes.running(kind);
            if !running.is_empty() {
                let chosen: &String = self.executor.rng().pick(&running);
                super::trace(&self.executor, || format!("kill {chosen}"));
                self.process.nodes.kill(chosen);
            }
        }
    }
}
