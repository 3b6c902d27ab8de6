//! Flush and compaction: rows move into files, and nobody can tell by the answers.

use super::library;
use crate::support::client::Client;
use crate::support::executor::Executor;
use crate::support::rows::{book, books, index};
use crate::support::{Lab, scenario, scenario_with};
use elanus::catalog::CollectionName;
use elanus::cluster::NodeKind;
use elanus::coordinator::Config;
use elanus::storage::faulty::Fault;
use elanus::value::Batch;
use futures::future::{Either, select};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::pin::pin;

#[test]
fn flush_keeps_every_row_and_empties_the_log() {
    scenario(async |lab| {
        library(&lab, 20, "COSINE").await;
        lab.load("book", json!({})).await.ok();
        lab.upsert("book", "p1", &books(101..105)).await.ok();
        let before = lab.keys("book", &[]).await;
        let flushed = lab.flush("book").await.ok().body;
        assert_eq!(flushed["coll_segIDs"]["book"]["data"].as_array().map(Vec::len), Some(3));
        assert_eq!(lab.call("GetFlushState", json!({})).await.ok().body["flushed"], true);
        assert_eq!(lab.keys("book", &[]).await, before);
        lab.flush("book").await.ok();
        let (files, named) = lab.files().await;
        assert_eq!((files.len(), files.len()), (3 * 5, named.len()));
        lab.call("Flush", json!({ "collection_names": ["nope"] })).await.refused(100, "collection not found");
        lab.call("FlushAll", json!({})).await.ok();
        assert_eq!(lab.call("GetFlushAllState", json!({})).await.ok().body["flushed"], true);
    });
}

#[test]
fn compaction_keeps_rows_and_deletes() {
    scenario(async |lab| {
        library(&lab, 10, "COSINE").await;
        lab.load_partitions("book", &["p1"]).await.ok();
        let mut expected: Vec<i64> = (101..111).collect();
        for round in 0..6 {
            let first = 111 + round * 10;
            lab.insert("book", "p1", &books(first..first + 10)).await.ok();
            lab.delete("book", "", &format!("id in [{}, {}]", first - 3, first + 4)).await.ok();
            expected.extend(first..first + 10);
            expected.retain(|id| *id != first - 3 && *id != first + 4);
            lab.flush("book").await.ok();
            assert_eq!(lab.keys("book", &["p1"]).await, expected);
        }
        lab.settle().await;
        lab.compact("book").await.ok();
        assert_eq!(lab.call("GetCompactionState", json!({})).await.ok().text("state"), "Completed");
        assert_eq!(lab.call("GetCompactionStateWithPlans", json!({})).await.ok().text("state"), "Completed");
        assert_eq!(lab.keys("book", &["p1"]).await, expected);
        assert_eq!(lab.count("book", &["p1"]).await.ok().numbers("count(*)"), [expected.len() as i64]);
        let catalog = lab.catalog().await;
        let segments = catalog
            .resolve(CollectionName::new("default", "book"))
            .expect("there")
            .partition("p1")
            .expect("there")
            .segments
            .len();
        assert!(segments < 4, "{segments} segments of p1 are left");
        lab.assert_tidy().await;
    });
}

#[test]
fn a_segment_that_lost_all_its_rows_goes() {
    scenario(async |lab| {
        library(&lab, 10, "L2").await;
        lab.flush("book").await.ok();
        let all: Vec<String> = (101..111).map(|id| id.to_string()).collect();
        lab.delete("book", "p1", &format!("id in [{}]", all.join(","))).await.ok();
        lab.flush("book").await.ok();
        lab.compact("book").await.ok();
        lab.settle().await;
        assert!(
            lab.catalog()
                .await
                .resolve(CollectionName::new("default", "book"))
                .expect("there")
                .partition("p1")
                .expect("there")
                .segments
                .is_empty()
        );
        lab.assert_tidy().await;
        lab.load("book", json!({})).await.ok();
        assert_eq!(lab.count("book", &[]).await.ok().numbers("count(*)"), [20]);
    });
}

#[test]
fn a_large_log_is_flushed_by_itself() {
    let config = Config { flush_log_bytes: 2_000, ..Config::default() };
    scenario_with(config, async |lab| {
        library(&lab, 2, "L2").await;
        for first in 0..10 {
            lab.insert("book", "p1", &books(first * 10 + 100..first * 10 + 110)).await.ok();
        }
        lab.settle().await;
        assert!(lab.catalog().await.collections.values().any(|it| it.segments().count() > 0));
        lab.load("book", json!({})).await.ok();
        assert_eq!(lab.keys("book", &["p1"]).await, (100..200).collect::<Vec<_>>());
    });
}

#[test]
fn a_large_log_whose_flush_fails_is_not_flushed_with_every_write() {
    let config = Config { flush_log_bytes: 2_000, ..Config::default() };
    scenario_with(config, async |lab| {
        library(&lab, 2, "L2").await;
        lab.settle().await;
        lab.process().nodes.fail_starts(100);
        for first in 0..20 {
            lab.insert("book", "p1", &books(first * 10 + 100..first * 10 + 110)).await.ok();
            lab.executor.sleep(100).await;
        }
        assert_eq!(lab.process().nodes.failing_starts(), 99);
        lab.process().nodes.fail_starts(0);
        lab.settle().await;
        lab.insert("book", "p1", &books([300])).await.ok();
        lab.settle().await;
        assert!(lab.catalog().await.collections.values().any(|it| it.segments().count() > 0));
    });
}

#[test]
fn rows_that_come_faster_than_they_are_flushed_wait() {
    let config = Config { flush_log_bytes: 4_000, ..Config::default() };
    scenario_with(config, async |lab| {
        library(&lab, 2, "L2").await;
        lab.flush("book").await.ok();
        lab.process().nodes.gate().shut();
        // What it deletes from, the flush has to read.
        lab.delete("book", "", "id in [1]").await.ok();
        let mut first = 1000;
        loop {
            let rows = books(first..first + 10);
            let insert = pin!(lab.insert("book", "p1", &rows));
            first += 10;
            match select(insert, pin!(lab.executor.sleep(3_600_000))).await {
                Either::Left((inserted, _)) => inserted.ok(),
                Either::Right((_, insert)) => {
                    lab.process().nodes.gate().open();
                    insert.await.ok();
                    break;
                }
            };
            assert!(first < 3000, "{first}");
        }
        lab.settle().await;
        lab.load("book", json!({})).await.ok();
        let keys = lab.keys("book", &["p1"]).await;
        assert!((1000..first).all(|key| keys.contains(&key)));
    });
}

/// What happens between the reading of rows for a flush and that flush.
#[derive(Clone, Copy)]
enum Meanwhile {
    Nothing,
    RowsAreDeleted,
    RowsAreReplaced,
    APartitionComes,
    APartitionGoes,
    AFieldComes,
    AllIsTruncated,
    AnotherIsFlushed,
    TheDataNodeDies,
    TheDataNodeEnds,
    TheStoreIsOpenedAgain,
}

#[test]
fn rows_that_come_quickly_are_read_before_their_flush() {
    use Meanwhile::*;
    let config = Config { flush_log_bytes: 120_000, ..Config::default() };
    for meanwhile in [
        Nothing,
        RowsAreDeleted,
        RowsAreReplaced,
        APartitionComes,
        APartitionGoes,
        AFieldComes,
        AllIsTruncated,
        AnotherIsFlushed,
        TheDataNodeDies,
        TheDataNodeEnds,
        TheStoreIsOpenedAgain,
    ] {
        scenario_with(config.clone(), async move |lab| {
            library(&lab, 10, "L2").await;
            lab.flush("book").await.ok();
            lab.settle().await;
            let mut expected: Vec<i64> = (1..11).chain(101..111).chain(201..211).collect();
            for first in (1000..4000).step_by(500) {
                lab.insert("book", "p1", &books(first..first + 500)).await.ok();
                expected.extend(first..first + 500);
            }
            lab.delete("book", "", "id in [3, 1003]").await.ok();
            expected.retain(|id| ![3, 1003].contains(id));
            assert!(
                lab.catalog().await.collections.values().all(|it| it.segments().count() == 3),
                "nothing is flushed"
            );
            assert_eq!(lab.process().nodes.running(NodeKind::Data).len(), 1, "and yet there is a data node");
            match meanwhile {
                Nothing => {}
                RowsAreDeleted => {
                    lab.delete("book", "", "id in [5, 105, 1005, 3005]").await.ok();
                    expected.retain(|id| ![5, 105, 1005, 3005].contains(id));
                }
                RowsAreReplaced => {
                    lab.upsert("book", "p1", &books([101, 1001, 5000])).await.ok();
                    expected.push(5000);
                }
                APartitionComes => {
                    lab.call_on("CreatePartition", "book", json!({ "partition_name": "p3" })).await.ok();
                    lab.insert("book", "p3", &books([5000])).await.ok();
                    expected.push(5000);
                }
                APartitionGoes => {
                    lab.call_on("DropPartition", "book", json!({ "partition_name": "p1" })).await.ok();
                    expected.retain(|id| !(101..111).contains(id) && *id < 1000);
                }
                AFieldComes => {
                    let field = json!({ "name": "pages", "data_type": 5, "nullable": true });
                    lab.call_on("AddCollectionField", "book", json!({ "schema": field })).await.ok();
                }
                AllIsTruncated => {
                    lab.call_on("TruncateCollection", "book", json!({})).await.ok();
                    lab.insert("book", "p2", &books([7])).await.ok();
                    expected = vec![7];
                }
                AnotherIsFlushed => {
                    let mut other = book();
                    other["collection_name"] = json!("other");
                    lab.call("CreateCollection", other).await.ok();
                    lab.insert("other", "", &books(1..50)).await.ok();
                    lab.flush("other").await.ok();
                }
                TheDataNodeDies => {
                    let nodes = lab.process().nodes;
                    nodes.running(NodeKind::Data).iter().for_each(|node| nodes.kill(node));
                    // It may fail, as the coordinator may not have heard of it yet.
                    drop(lab.flush("book").await);
                }
                TheDataNodeEnds => lab.settle().await,
                TheStoreIsOpenedAgain => lab.reopen().await,
            }
            lab.flush("book").await.ok();
            lab.load("book", json!({})).await.ok();
            assert_eq!(lab.keys("book", &[]).await, expected);
            lab.settle().await;
            lab.assert_tidy().await;
        });
    }
}

#[test]
fn a_data_node_is_ended_when_it_is_idle() {
    scenario(async |lab| {
        library(&lab, 2, "L2").await;
        lab.flush("book").await.ok();
        assert_eq!(lab.process().nodes.running(NodeKind::Data).len(), 1);
        lab.settle().await;
        assert!(lab.process().nodes.running(NodeKind::Data).is_empty());
        lab.insert("book", "", &books([50])).await.ok();
        lab.process().nodes.fail_starts(1);
        lab.flush("book").await.refused(65535, "a worker could not be started");
        lab.flush("book").await.ok();
        lab.load("book", json!({})).await.ok();
        assert_eq!(lab.count("book", &[]).await.ok().numbers("count(*)"), [7]);
    });
}

#[test]
fn a_full_disk_refuses_the_flush_and_nothing_is_lost() {
    scenario(async |lab| {
        library(&lab, 20, "COSINE").await;
        lab.load("book", json!({})).await.ok();
        for operation in 0..40 {
            lab.process().faults.fail(operation, Fault::Quota);
            let flushed = lab.flush("book").await;
            lab.process().faults.heal();
            if !flushed.is_ok() {
                flushed.refused(7, "disk limit exceeded");
                lab.assert_tidy().await;
            }
            assert_eq!(lab.count("book", &[]).await.ok().numbers("count(*)"), [60 + operation as i64]);
            lab.insert("book", "p2", &books([300 + operation as i64])).await.ok();
        }
        lab.flush("book").await.ok();
        lab.reopen().await;
        lab.settle().await;
        assert_eq!(lab.count("book", &[]).await.ok().numbers("count(*)"), [100]);
        lab.assert_tidy().await;
    });
}

/// What a client may see of a collection, in any way.
async fn seen(client: &Client) -> Vec<Batch> {
    let mut seen = Vec::new();
    for partitions in [&[][..], &["p1"]] {
        let all = json!({ "expr": "id > 0", "output_fields": ["*"], "partition_names": partitions });
        seen.push(client.query("book", all).await.ok().rows().clone());
        let filtered = json!({ "expr": "words % 20 == 10", "output_fields": ["words"], "partition_names": partitions });
        seen.push(client.query("book", filtered).await.ok().rows().clone());
        let search = json!({ "output_fields": ["*"], "partition_names": partitions, "dsl": "words > 40",
            "search_params": [{ "key": "topk", "value": 25 }] });
        let queries = [vec![0.5; 4], vec![-1.0, 2.0, 0.0, 3.0]];
        seen.push(client.search("book", &queries, search).await.ok().rows().clone());
    }
    seen
}

/// The same random writes; `sealed` says after which of them everything is flushed or compacted.
async fn write_randomly(lab: &Lab, seed: u64, sealed: bool) {
    let rng = Executor::new(seed);
    let rng = rng.rng();
    let mut there: BTreeMap<i64, usize> = BTreeMap::new();
    for _ in 0..25 {
        let partition = rng.below(3) as usize;
        let name = ["", "p1", "p2"][partition];
        let ids: Vec<i64> = (0..8).map(|_| partition as i64 * 100 + 1 + rng.below(30) as i64).collect();
        let mut ids: Vec<i64> = ids.into_iter().collect();
        ids.sort_unstable();
        ids.dedup();
        match rng.below(3) {
            0 => drop(lab.delete("book", name, &format!("id in {ids:?}")).await.ok()),
            _ => drop(lab.upsert("book", name, &books(ids.iter().copied())).await.ok()),
        }
        there.extend(ids.iter().map(|id| (*id, partition)));
        match rng.below(5) {
            0 if sealed => drop(lab.flush("book").await.ok()),
            1 if sealed => drop(lab.compact("book").await.ok()),
            _ => {}
        }
    }
}

#[test]
fn growing_and_sealed_rows_give_the_same_answers() {
    for metric in ["L2", "IP", "COSINE"] {
        scenario(async move |lab| {
            let seed = lab.executor.rng().next();
            let mut answers: Vec<Vec<Batch>> = Vec::new();
            for sealed in [false, true] {
                lab.call_on("DropCollection", "book", json!({})).await.ok();
                library(&lab, 5, metric).await;
                lab.load("book", json!({})).await.ok();
                write_randomly(&lab, seed, sealed).await;
                answers.push(seen(&lab).await);
                lab.flush("book").await.ok();
                answers.push(seen(&lab).await);
                lab.release("book").await.ok();
                lab.load("book", json!({})).await.ok();
                answers.push(seen(&lab).await);
            }
            for other in &answers[1..] {
                assert_eq!(*other, answers[0]);
            }
        });
    }
}

/// Bytes that the query node has read of the files of each field.
async fn read_by_field(lab: &Lab) -> Value {
    lab.call("GetMemoryUsage", json!({})).await.ok().body["collections"][0]["read_bytes"].clone()
}

#[test]
fn bytes_of_what_is_not_asked_for_are_never_read() {
    scenario(async |lab| {
        let mut request = book();
        let more = json!({ "name": "more", "data_type": 21, "type_params": [{ "key": "max_length", "value": "100" }] });
        request["schema"]["fields"].as_array_mut().expect("a list").push(more);
        lab.call("CreateCollection", request).await.ok();
        lab.call("CreateIndex", index("book", "v", "COSINE")).await.ok();
        lab.call_on("CreatePartition", "book", json!({ "partition_name": "p1" })).await.ok();
        for (partition, first) in [("", 1), ("p1", 1001)] {
            let mut rows = books(first..first + 500);
            let texts = (0..500).map(|_| "a text that nobody asks for");
            rows.columns.push(("more".into(), crate::support::rows::texts(texts)));
            lab.insert("book", partition, &rows).await.ok();
        }
        lab.flush("book").await.ok();
        let fields = json!({ "load_fields": ["id", "v"], "partition_names": ["p1"] });
        lab.call_on("LoadPartitions", "book", fields).await.ok();
        lab.call_on("GetLoadingProgress", "book", json!({ "wait_ms": 100_000 })).await.ok();
        assert_eq!(lab.count("book", &[]).await.ok().numbers("count(*)"), [500]);
        let catalog = lab.catalog().await;
        let collection = catalog.resolve(CollectionName::new("default", "book")).expect("there");
        let segment = &collection.partition("p1").expect("there").segments[0];
        let nodes = lab.process().nodes.running(NodeKind::Query);
        let read = lab.process().nodes.read_bytes(&nodes[0]);
        let mut wanted: Vec<String> = ["id", "v"]
            .map(|name| segment.column_file(collection.id, collection.schema.field(name).expect("there").id))
            .into();
        wanted.push(segment.index_file(collection.id, collection.indexes[0].id));
        wanted.sort();
        assert_eq!(read.keys().cloned().collect::<Vec<_>>(), wanted);
        let told = read_by_field(&lab).await;
        assert_eq!(
            told.as_object().map(|told| told.keys().cloned().collect::<Vec<_>>()),
            Some(vec!["id".into(), "v".into()])
        );
        assert_eq!(told["id"], segment.column_bytes[&collection.schema.primary_key().id]);
    });
}
