//! A client as the page's is: names and JSON, routes that it keeps, reads that it repeats.

use super::merge::{for_nodes, merge};
use super::process::{Disconnected, Process};
use elanus::query_node::NodeReply;
use elanus::value::{Batch, ColumnData};
use futures::future::join_all;
use serde_json::{Value, json};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

const STALE_ROUTE: i64 = 65_000;
const NODE_OFFLINE: i64 = 901;
/// A read that is sent elsewhere more often than this never gets anywhere.
const MAX_ROUTES: usize = 50;

#[derive(Clone)]
pub struct Client {
    /// The process that owns the store now.
    process: Rc<RefCell<Process>>,
    routes: Rc<RefCell<BTreeMap<String, Vec<String>>>>,
}

/// What came back, and the columns beside it.
#[derive(Debug, Clone)]
pub struct Answer {
    pub body: Value,
    pub batch: Option<Batch>,
}

impl Answer {
    fn of(reply: NodeReply) -> Answer {
        let batch = reply.blobs.first().map(|bytes| Batch::decode(bytes).expect("a batch"));
        Answer { body: serde_json::from_str(&reply.body).expect("replies are JSON"), batch }
    }

    fn of_call(body: &str) -> Answer {
        Answer { body: serde_json::from_str(body).expect("replies are JSON"), batch: None }
    }

    /// The status, which some replies are and the others have.
    pub fn status(&self) -> &Value {
        if self.body["code"].is_null() { &self.body["status"] } else { &self.body }
    }

    pub fn code(&self) -> i64 {
        self.status()["code"].as_i64().unwrap_or_else(|| panic!("no status in {}", self.body))
    }

    pub fn reason(&self) -> &str {
        self.status()["reason"].as_str().unwrap_or_default()
    }

    pub fn is_ok(&self) -> bool {
        self.code() == 0
    }

    #[track_caller]
    pub fn ok(self) -> Answer {
        assert!(self.is_ok(), "refused: {}", self.status());
        self
    }

    #[track_caller]
    pub fn refused(self, code: i64, text: &str) -> Answer {
        assert!(self.code() == code && self.reason().contains(text), "{} is not {code} {text:?}", self.body);
        self
    }

    #[track_caller]
    pub fn rows(&self) -> &Batch {
        self.batch.as_ref().unwrap_or_else(|| panic!("no rows: {}", self.body))
    }

    /// An Int64 column.
    #[track_caller]
    pub fn numbers(&self, column: &str) -> Vec<i64> {
        match self.rows().column(column).map(|column| &column.data) {
            Some(ColumnData::Int64(numbers)) => numbers.clone(),
            other => panic!("{column} is {other:?}"),
        }
    }

    #[track_caller]
    pub fn texts(&self, column: &str) -> Vec<String> {
        match self.rows().column(column).map(|column| &column.data) {
            Some(ColumnData::VarChar(texts) | ColumnData::Json(texts)) => texts.iter().map(str::to_owned).collect(),
            other => panic!("{column} is {other:?}"),
        }
    }

    #[track_caller]
    pub fn scores(&self) -> Vec<f32> {
        match self.rows().column("$score").map(|column| &column.data) {
            Some(ColumnData::Float(scores)) => scores.clone(),
            other => panic!("$score is {other:?}"),
        }
    }

    pub fn text(&self, key: &str) -> &str {
        self.body[key].as_str().unwrap_or_else(|| panic!("no {key} in {}", self.body))
    }
}

impl Client {
    pub fn new(process: Rc<RefCell<Process>>) -> Self {
        Client { process, routes: Rc::default() }
    }

    fn process(&self) -> Process {
        self.process.borrow().clone()
    }

    /// A call to the coordinator.
    pub async fn try_call(&self, method: &str, body: Value, rows: Option<&Batch>) -> Result<Answer, Disconnected> {
        let blobs = rows.iter().map(|batch| batch.encode()).collect();
        let reply = self.process().call(method, body.to_string(), blobs).await?;
        let has_keys = matches!(method, "Insert" | "Upsert");
        let keys = reply.blobs.first().filter(|_| has_keys).map(|bytes| Batch::decode(bytes).expect("a batch"));
        Ok(Answer { batch: keys, ..Answer::of_call(&reply.body) })
    }

    /// A call to the coordinator that answers with bytes beside the JSON.
    pub async fn try_call_for_bytes(&self, method: &str, body: Value) -> Result<(Answer, Vec<Vec<u8>>), Disconnected> {
        let reply = self.process().call(method, body.to_string(), Vec::new()).await?;
        Ok((Answer::of_call(&reply.body), reply.blobs))
    }

    /// Sends a piece of an import's file; whether it was taken.
    pub async fn try_put(&self, body: Value, piece: &[u8]) -> bool {
        let reply = self.process().put("ImportPut", body, piece).await;
        reply.is_ok_and(|reply| Answer::of_call(&reply.body).is_ok())
    }

    /// A call to the coordinator of a test in which no process dies.
    pub async fn call(&self, method: &str, body: Value) -> Answer {
        self.try_call(method, body, None).await.expect("the process lives")
    }

    pub async fn call_on(&self, method: &str, collection: &str, mut body: Value) -> Answer {
        body["collection_name"] = json!(collection);
        self.call(method, body).await
    }

    pub async fn try_read(
        &self,
        method: &'static str,
        body: Value,
        blobs: Vec<Vec<u8>>,
    ) -> Result<Answer, Disconnected> {
        let key = format!("{} {}", body["db_name"], body["collection_name"]);
        for _ in 0..MAX_ROUTES {
            let known = self.routes.borrow().get(&key).cloned();
            let nodes = match known {
                Some(nodes) => nodes,
                None => {
                    let route = self.try_call("Route", body.clone(), None).await?;
                    if !route.is_ok() {
                        return Ok(route);
                    }
                    let nodes: Vec<String> = serde_json::from_value(route.body["nodes"].clone()).expect("ids");
                    self.routes.borrow_mut().insert(key.clone(), nodes.clone());
                    nodes
                }
            };
            let process = self.process();
            let asked = for_nodes(&body, nodes.len());
            let replies = nodes.iter().map(|node| process.nodes.read(node, method, asked.to_string(), blobs.clone()));
            let answers: Result<Vec<Answer>, _> =
                join_all(replies).await.into_iter().map(|it| it.map(Answer::of)).collect();
            let answers = match answers {
                Ok(answers) => answers,
                Err(_) if process.is_dead() => return Err(Disconnected),
                Err(error) => {
                    assert_eq!(i64::from(error.code()), NODE_OFFLINE);
                    self.routes.borrow_mut().remove(&key);
                    continue;
                }
            };
            if answers.iter().any(|answer| answer.code() == STALE_ROUTE) {
                self.routes.borrow_mut().remove(&key);
            } else if let Some(merged) = merge(&body, answers) {
                return Ok(merged);
            }
        }
        panic!("{method} of {key} is sent from node to node");
    }

    pub async fn read(&self, method: &'static str, body: Value, blobs: Vec<Vec<u8>>) -> Answer {
        self.try_read(method, body, blobs).await.expect("the process lives")
    }

    pub async fn insert(&self, collection: &str, partition: &str, rows: &Batch) -> Answer {
        self.write("Insert", collection, partition, rows).await
    }

    pub async fn upsert(&self, collection: &str, partition: &str, rows: &Batch) -> Answer {
        self.write("Upsert", collection, partition, rows).await
    }

    async fn write(&self, method: &str, collection: &str, partition: &str, rows: &Batch) -> Answer {
        let body = json!({ "collection_name": collection, "partition_name": partition, "num_rows": rows.rows });
        self.try_call(method, body, Some(rows)).await.expect("the process lives")
    }

    pub async fn query(&self, collection: &str, mut body: Value) -> Answer {
        body["collection_name"] = json!(collection);
        self.read("Query", body, Vec::new()).await
    }

    /// All primary keys that can be read, in order.
    #[track_caller]
    pub fn keys(&self, collection: &str, partitions: &[&str]) -> impl Future<Output = Vec<i64>> {
        let body = json!({ "output_fields": ["id"], "partition_names": partitions,
            "query_params": [{ "key": "limit", "value": 16384 }] });
        let (client, collection) = (self.clone(), collection.to_owned());
        async move { client.query(&collection, body).await.ok().numbers("id") }
    }

    pub async fn count(&self, collection: &str, partitions: &[&str]) -> Answer {
        self.query(collection, json!({ "output_fields": ["count(*)"], "partition_names": partitions })).await
    }

    pub async fn search(&self, collection: &str, queries: &[Vec<f32>], mut body: Value) -> Answer {
        body["collection_name"] = json!(collection);
        body["nq"] = json!(queries.len());
        let bytes = queries.iter().flatten().flat_map(|value| value.to_le_bytes()).collect();
        self.read("Search", body, vec![bytes]).await
    }

    pub async fn load(&self, collection: &str, body: Value) -> Answer {
        let started = self.call_on("LoadCollection", collection, body).await;
        if started.is_ok() { self.loaded(collection, &[], &started).await } else { started }
    }

    pub async fn load_partitions(&self, collection: &str, partitions: &[&str]) -> Answer {
        let body = json!({ "partition_names": partitions });
        let started = self.call_on("LoadPartitions", collection, body).await;
        if started.is_ok() { self.loaded(collection, partitions, &started).await } else { started }
    }

    /// Waits for the end of a load as the page's client does, and checks that progress never falls.
    async fn loaded(&self, collection: &str, partitions: &[&str], started: &Answer) -> Answer {
        let ticket = &started.status()["extra_info"]["elanus.ticket"];
        let mut before = 0;
        loop {
            let body = json!({ "partition_names": partitions, "ticket": ticket });
            let answer = self.call_on("GetLoadingProgress", collection, body).await;
            if !answer.is_ok() {
                return answer;
            }
            let progress: i32 = answer.text("progress").parse().expect("a number");
            assert!((before..=100).contains(&progress), "{progress} percent after {before}");
            if progress == 100 {
                return answer;
            }
            before = progress;
        }
    }

    pub async fn release(&self, collection: &str) -> Answer {
        self.call_on("ReleaseCollection", collection, json!({})).await
    }

    pub async fn release_partitions(&self, collection: &str, partitions: &[&str]) -> Answer {
        self.call_on("ReleasePartitions", collection, json!({ "partition_names": partitions })).await
    }

    pub async fn flush(&self, collection: &str) -> Answer {
        self.call("Flush", json!({ "collection_names": [collection] })).await
    }

    pub async fn compact(&self, collection: &str) -> Answer {
        self.call_on("ManualCompaction", collection, json!({})).await
    }

    pub async fn delete(&self, collection: &str, partition: &str, expr: &str) -> Answer {
        self.call_on("Delete", collection, json!({ "partition_name": partition, "expr": expr })).await
    }

    pub async fn load_state(&self, collection: &str, partitions: &[&str]) -> String {
        let body = json!({ "partition_names": partitions });
        self.call_on("GetLoadState", collection, body).await.ok().text("state").to_owned()
    }
}
