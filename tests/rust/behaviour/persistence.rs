//! What the next owner of a store finds.

use super::library;
use crate::support::lab::Lab;
use crate::support::rows::{books, index};
use crate::support::scenario;
use elanus::storage::faulty::{Fault, Torn};
use serde_json::json;

async fn sealed_and_growing(lab: &Lab) {
    library(lab, 10, "COSINE").await;
    lab.flush("book").await.ok();
    lab.insert("book", "p1", &books(111..116)).await.ok();
    lab.delete("book", "", "id in [1, 101, 112]").await.ok();
}

#[test]
fn everything_is_there_after_reopening() {
    scenario(async |lab| {
        sealed_and_growing(&lab).await;
        lab.call_on("CreateAlias", "book", json!({ "alias": "tome" })).await.ok();
        let before = lab.call_on("DescribeCollection", "book", json!({})).await.ok().body;
        for _ in 0..3 {
            lab.reopen().await;
            assert_eq!(lab.call_on("DescribeCollection", "book", json!({})).await.ok().body, before);
            lab.assert_tidy().await;
            lab.load("tome", json!({})).await.ok();
            assert_eq!(lab.count("tome", &[]).await.ok().numbers("count(*)"), [32]);
            lab.release("book").await.ok();
        }
    });
}

#[test]
fn the_load_set_comes_back_by_itself() {
    scenario(async |lab| {
        sealed_and_growing(&lab).await;
        lab.load_partitions("book", &["p1"]).await.ok();
        lab.reopen().await;
        // The first read waits for it.
        let expected: Vec<i64> = (102..112).chain(113..116).collect();
        assert_eq!(lab.keys("book", &[]).await, expected);
        assert_eq!(lab.load_state("book", &["p1"]).await, "LoadStateLoaded");
        assert_eq!(lab.load_state("book", &["p2"]).await, "LoadStateNotLoad");
        lab.count("book", &["p2"]).await.refused(201, "partition not loaded");
        lab.release("book").await.ok();
        lab.reopen().await;
        assert_eq!(lab.load_state("book", &[]).await, "LoadStateNotLoad");
    });
}

#[test]
fn a_load_set_that_cannot_come_back_is_tried_again() {
    scenario(async |lab| {
        sealed_and_growing(&lab).await;
        lab.load("book", json!({})).await.ok();
        for attempt in 0..2 {
            lab.reopen().await;
            lab.process().faults.fail(attempt, Fault::Io);
            lab.settle().await;
            let state = lab.call_on("GetLoadState", "book", json!({})).await;
            if !state.is_ok() {
                state.refused(101, "IO failed[injected]: collection not loaded");
            }
            // A read tries again, and so does a load.
            match attempt {
                0 => assert_eq!(lab.count("book", &[]).await.ok().numbers("count(*)"), [32]),
                _ => drop(lab.load("book", json!({})).await.ok()),
            }
            assert_eq!(lab.load_state("book", &[]).await, "LoadStateLoaded");
        }
    });
}

#[test]
fn whoever_was_fenced_off_writes_nothing_more() {
    scenario(async |lab| {
        sealed_and_growing(&lab).await;
        lab.load("book", json!({})).await.ok();
        let first = lab.take_over().await;
        let call = async |method: &'static str, mut body: serde_json::Value, blobs: Vec<Vec<u8>>| {
            body["collection_name"] = json!("book");
            let reply = first.call(method, body.to_string(), blobs).await.expect("it lives");
            serde_json::from_str::<serde_json::Value>(&reply.body).expect("JSON")
        };
        let inserted = call("Insert", json!({}), vec![books([50]).encode()]).await;
        assert_eq!((&inserted["status"]["code"], &inserted["status"]["retriable"]), (&json!(1), &json!(true)));
        for (method, body) in [
            ("Delete", json!({ "expr": "id == 2" })),
            ("Flush", json!({ "collection_names": ["book"] })),
            ("CreatePartition", json!({ "partition_name": "p9" })),
            ("ReleaseCollection", json!({})),
            ("TruncateCollection", json!({})),
            ("DropCollection", json!({})),
        ] {
            let answer = call(method, body, Vec::new()).await;
            let status = if answer["code"].is_null() { &answer["status"] } else { &answer };
            assert_eq!(status["code"], 1, "{method}: {answer}");
        }
        assert_eq!(lab.count("book", &[]).await.ok().numbers("count(*)"), [32]);
        lab.flush("book").await.ok();
        first.kill();
        lab.reopen().await;
        assert_eq!(lab.count("book", &[]).await.ok().numbers("count(*)"), [32]);
        lab.assert_tidy().await;
    });
}

#[test]
fn a_process_that_dies_at_any_write_of_a_flush_loses_nothing() {
    for torn in [Torn::Lost, Torn::Half, Torn::Done] {
        scenario(async move |lab| {
            sealed_and_growing(&lab).await;
            lab.crash_at(lab.executor.rng().below(12), torn);
            let client = lab.client();
            let flushing = lab.executor.clone();
            flushing.spawn("flush", async move {
                let _ = client.try_call("Flush", json!({ "collection_names": ["book"] }), None).await;
            });
            lab.settle().await;
            lab.reopen().await;
            lab.settle().await;
            lab.assert_tidy().await;
            lab.load("book", json!({})).await.ok();
            assert_eq!(lab.count("book", &[]).await.ok().numbers("count(*)"), [32]);
        });
    }
}

#[test]
fn ids_never_repeat_although_the_clock_is_set_back() {
    scenario(async |lab| {
        library(&lab, 5, "L2").await;
        let mut expected = 15;
        for round in 0..5 {
            lab.executor.shift_clock(-10_000);
            lab.reopen().await;
            lab.call_on("CreatePartition", "book", json!({ "partition_name": format!("r{round}") })).await.ok();
            lab.insert("book", &format!("r{round}"), &books([1000 + round])).await.ok();
            lab.flush("book").await.ok();
            expected += 1;
            lab.load("book", json!({})).await.ok();
            assert_eq!(lab.count("book", &[]).await.ok().numbers("count(*)"), [expected]);
        }
        let catalog = lab.catalog().await;
        let mut ids: Vec<u64> =
            catalog.collections.values().flat_map(|it| it.partitions.iter().map(|it| it.id.0)).collect();
        let before = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), before);
    });
}

#[test]
fn an_index_that_was_not_finished_is_built_by_the_next_owner() {
    scenario(async |lab| {
        library(&lab, 10, "L2").await;
        lab.flush("book").await.ok();
        lab.call_on("DropIndex", "book", json!({ "field_name": "v" })).await.ok();
        lab.process().nodes.gate().shut();
        lab.call("CreateIndex", index("book", "v", "COSINE")).await.ok();
        lab.reopen().await;
        lab.settle().await;
        let described = lab.call_on("DescribeIndex", "book", json!({})).await.ok().body;
        assert_eq!(described["index_descriptions"][0]["state"], "Finished");
        lab.assert_tidy().await;
    });
}
