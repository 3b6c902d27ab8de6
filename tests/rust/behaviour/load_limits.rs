//! Loads that do not fit are refused before anything is read.

use super::library;
use crate::support::rows::{book, books, index, primary_key, vector_field};
use crate::support::{Lab, scenario, scenario_with};
use elanus::cluster::NodeKind;
use elanus::coordinator::Config;
use serde_json::json;

const MIB: u64 = 1 << 20;

fn limited(bytes: u64) -> Config {
    Config { memory_limit_bytes: Some(bytes), ..Config::default() }
}

#[test]
fn a_load_beyond_the_limit_is_refused_with_the_figures() {
    scenario_with(limited(2 * MIB + 3_000), async |lab| {
        library(&lab, 50, "L2").await;
        lab.flush("book").await.ok();
        lab.settle().await;
        let refused = lab.load("book", json!({})).await;
        let refused = refused.refused(3, "memory limit exceeded[predict=");
        assert!(refused.reason().contains("failed to load collection book, it needs "), "{}", refused.reason());
        assert!(refused.reason().contains(&format!("[limit={}]", 2 * MIB + 3_000)));
        assert_eq!(refused.status()["error_code"], "InsufficientMemoryToLoad");
        assert!(lab.process().nodes.running(NodeKind::Query).is_empty(), "nothing was begun");
        assert_eq!(lab.load_state("book", &[]).await, "LoadStateNotLoad");
    });
}

#[test]
fn what_fits_is_loaded_and_the_rest_refused() {
    scenario_with(limited(2 * MIB + 3_000), async |lab| {
        library(&lab, 50, "L2").await;
        lab.flush("book").await.ok();
        lab.settle().await;
        lab.load_partitions("book", &["p1"]).await.ok();
        let more = json!({ "partition_names": ["p2"] });
        lab.call_on("LoadPartitions", "book", more).await.refused(3, "memory limit exceeded");
        assert_eq!(lab.keys("book", &[]).await, (101..151).collect::<Vec<_>>());
        lab.load_partitions("book", &["p1"]).await.ok();
        lab.release_partitions("book", &["p1"]).await.ok();
        lab.load_partitions("book", &["p2"]).await.ok();
    });
}

#[test]
fn rows_that_only_the_log_has_count_too() {
    scenario_with(limited(2 * MIB + 3_000), async |lab| {
        library(&lab, 0, "L2").await;
        lab.load_partitions("book", &["p1"]).await.ok();
        lab.release("book").await.ok();
        lab.insert("book", "p1", &books(0..500)).await.ok();
        let body = json!({ "partition_names": ["p1"] });
        lab.call_on("LoadPartitions", "book", body).await.refused(3, "memory limit exceeded");
        lab.load_partitions("book", &["p2"]).await.ok();
    });
}

#[test]
fn two_loads_do_not_take_the_same_room() {
    scenario_with(limited(2 * (2 * MIB + 3_000) - 1), async |lab| {
        for name in ["book", "magazine"] {
            let mut request = book();
            request["collection_name"] = json!(name);
            request["schema"]["name"] = json!(name);
            lab.call("CreateCollection", request).await.ok();
            lab.call("CreateIndex", index(name, "v", "L2")).await.ok();
            lab.insert(name, "", &books(0..100)).await.ok();
            lab.flush(name).await.ok();
        }
        lab.settle().await;
        let (first, second) = (lab.client(), lab.client());
        let loads = futures::future::join(first.load("book", json!({})), second.load("magazine", json!({}))).await;
        assert_eq!([loads.0.is_ok(), loads.1.is_ok()].iter().filter(|loaded| **loaded).count(), 1);
    });
}

async fn create_many(lab: &Lab, shards: u64) {
    for name in ["a", "b"] {
        let mut request = crate::support::rows::create(name, &[primary_key(), vector_field("v", 4)]);
        request["shards_num"] = json!(shards);
        lab.call("CreateCollection", request).await.ok();
        lab.call("CreateIndex", index(name, "v", "L2")).await.ok();
    }
}

#[test]
fn nodes_are_counted_by_shard() {
    scenario(async |lab| {
        create_many(&lab, 16).await;
        for name in ["a", "b"] {
            lab.load(name, json!({})).await.ok();
        }
        assert_eq!(lab.process().nodes.running(NodeKind::Query).len(), 32);
        let more = json!({ "replica_number": 2 });
        lab.release("a").await.ok();
        lab.call_on("LoadCollection", "a", more).await.refused(12, "service resource insufficient");
    });
}
