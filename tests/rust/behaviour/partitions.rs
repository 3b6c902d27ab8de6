//! Partitions by name, and those that a key chooses.

use super::library;
use crate::support::rows::{batch, books, create, index, ints, primary_key, texts, vector_field, vector_of, vectors};
use crate::support::{Lab, scenario};
use elanus::storage::{Records, Store};
use elanus::value::Batch;
use serde_json::json;

async fn partition(lab: &Lab, method: &str, name: &str) -> crate::support::client::Answer {
    lab.call_on(method, "book", json!({ "partition_name": name })).await
}

async fn listed(lab: &Lab) -> serde_json::Value {
    lab.call_on("ShowPartitions", "book", json!({})).await.ok().body["partition_names"].clone()
}

#[test]
fn partitions_are_made_listed_and_dropped() {
    scenario(async |lab| {
        library(&lab, 10, "L2").await;
        lab.flush("book").await.ok();
        lab.insert("book", "p1", &books([150])).await.ok();
        assert_eq!(listed(&lab).await, json!(["_default", "p1", "p2"]));
        partition(&lab, "CreatePartition", "p1").await.ok();
        partition(&lab, "CreatePartition", "1-a").await.ok();
        partition(&lab, "CreatePartition", "with space").await.refused(1100, "with space");
        partition(&lab, "CreatePartition", "").await.refused(1100, "");
        partition(&lab, "DropPartition", "p1").await.ok();
        partition(&lab, "DropPartition", "nope").await.ok();
        assert_eq!(listed(&lab).await, json!(["_default", "p2", "1-a"]));
        assert_eq!(partition(&lab, "HasPartition", "p1").await.ok().body["value"], false);
        assert_eq!(partition(&lab, "HasPartition", "p2").await.ok().body["value"], true);
        lab.assert_tidy().await;
        lab.load("book", json!({})).await.ok();
        assert_eq!(lab.count("book", &[]).await.ok().numbers("count(*)"), [20]);
        partition(&lab, "CreatePartition", "p1").await.ok();
        assert_eq!(lab.keys("book", &["p1"]).await, [] as [i64; 0]);
        lab.flush("book").await.ok();
        lab.reopen().await;
        assert_eq!(lab.count("book", &[]).await.ok().numbers("count(*)"), [20]);
    });
}

#[test]
fn statistics_count_what_was_written() {
    scenario(async |lab| {
        library(&lab, 10, "L2").await;
        let rows = async |partition: &str| match partition {
            "" => lab.call_on("GetCollectionStatistics", "book", json!({})).await.ok(),
            name => lab.call_on("GetPartitionStatistics", "book", json!({ "partition_name": name })).await.ok(),
        };
        for _ in 0..2 {
            assert_eq!(rows("").await.body["stats"], json!([{ "key": "row_count", "value": "30" }]));
            assert_eq!(rows("p1").await.body["stats"], json!([{ "key": "row_count", "value": "10" }]));
            lab.flush("book").await.ok();
        }
        // Deletes are not subtracted.
        lab.delete("book", "", "id == 1").await.ok();
        assert_eq!(rows("").await.body["stats"][0]["value"], "30");
        lab.reopen().await;
        lab.insert("book", "p2", &books([250])).await.ok();
        assert_eq!(rows("p2").await.body["stats"][0]["value"], "11");
        partition(&lab, "GetPartitionStatistics", "nope").await.refused(200, "partition not found");
        let segments = lab.call("GetPersistentSegmentInfo", json!({ "collectionName": "book" })).await.ok().body;
        assert_eq!(segments["infos"].as_array().map(Vec::len), Some(3));
        let loaded = lab.call("GetQuerySegmentInfo", json!({ "collectionName": "book" })).await.ok().body;
        assert_eq!(loaded["infos"], json!([]));
        lab.load_partitions("book", &["p1"]).await.ok();
        let loaded = lab.call("GetQuerySegmentInfo", json!({ "collectionName": "book" })).await.ok().body;
        let info = &loaded["infos"][0];
        assert_eq!((loaded["infos"].as_array().map(Vec::len), &info["index_name"]), (Some(1), &json!("v")));
        assert_eq!(info["nodeIds"].as_array().map(Vec::len), Some(1));
    });
}

#[test]
fn partitions_are_listed_by_name_and_by_whether_they_are_loaded() {
    scenario(async |lab| {
        library(&lab, 10, "L2").await;
        lab.load_partitions("book", &["p1", "_default"]).await.ok();
        let list = async |body: serde_json::Value| lab.call_on("ShowPartitions", "book", body).await;
        assert_eq!(list(json!({ "partition_names": ["p2"] })).await.ok().body["partition_names"], json!(["p2"]));
        for kind in [json!(1), json!("InMemory")] {
            let loaded = list(json!({ "type": kind })).await.ok().body;
            assert_eq!(loaded["partition_names"], json!(["_default", "p1"]));
            assert_eq!(loaded["inMemory_percentages"], json!(["100", "100"]));
        }
        let named = list(json!({ "type": 1, "partition_names": ["p1"] })).await.ok().body;
        assert_eq!(named["partition_names"], json!(["p1"]));
        list(json!({ "type": 1, "partition_names": ["p2"] })).await.refused(201, "partition not loaded");
        list(json!({ "partition_names": ["nope"] })).await.refused(200, "partition not found[partition=nope]");
    });
}

#[test]
fn a_partition_dropped_meanwhile_takes_no_rows() {
    scenario(async |lab| {
        library(&lab, 10, "L2").await;
        let (writer, dropper) = (lab.client(), lab.client());
        let rows = books([150]);
        let write = writer.insert("book", "p1", &rows);
        let drop = dropper.call_on("DropPartition", "book", json!({ "partition_name": "p1" }));
        let (written, dropped) = futures::future::join(write, drop).await;
        dropped.ok();
        if !written.is_ok() {
            written.refused(200, "partition not found[partition=p1]");
        }
        partition(&lab, "CreatePartition", "p1").await.ok();
        lab.flush("book").await.ok();
        lab.load("book", json!({})).await.ok();
        assert_eq!(lab.keys("book", &["p1"]).await, [] as [i64; 0]);
        lab.insert("book", "nope", &books([1])).await.refused(200, "partition not found[partition=nope]");
        lab.delete("book", "nope", "id == 1").await.refused(200, "partition not found[partition=nope]");
    });
}

fn keyed(ids: &[i64], keys: &[&str]) -> Batch {
    batch([
        ("id", ints(ids.iter().copied())),
        ("v", vectors(ids.iter().map(|id| vector_of(*id)))),
        ("k", texts(keys.iter().copied())),
    ])
}

#[test]
fn a_partition_key_hides_the_partitions() {
    scenario(async |lab| {
        let mut key = json!({ "name": "k", "data_type": 21, "is_partition_key": true });
        key["type_params"] = json!([{ "key": "max_length", "value": "10" }]);
        let mut request = create("book", &[primary_key(), vector_field("v", 4), key]);
        request["num_partitions"] = json!(4);
        lab.call("CreateCollection", request).await.ok();
        lab.call("CreateIndex", index("book", "v", "L2")).await.ok();
        assert_eq!(listed(&lab).await, json!(["_default_0", "_default_1", "_default_2", "_default_3"]));
        for method in ["CreatePartition", "DropPartition", "LoadPartitions", "ReleasePartitions"] {
            let body = json!({ "partition_name": "_default_0", "partition_names": ["_default_0"] });
            lab.call_on(method, "book", body).await.refused(1100, "if partition key mode is used");
        }
        let manual = "not support manually specifying the partition names if partition key mode is used";
        lab.insert("book", "_default_0", &keyed(&[1], &["a"])).await.refused(1100, manual);
        lab.delete("book", "_default_0", "id == 1").await.refused(1100, manual);
        lab.call_on("LoadCollection", "book", json!({ "load_fields": ["id", "v"] }))
            .await
            .refused(1100, "partition key field k");
        lab.insert("book", "", &keyed(&[1, 2, 3, 4], &["a", "b", "c", "d"])).await.ok();
        lab.load("book", json!({})).await.ok();
        lab.count("book", &["_default_0"]).await.refused(1100, manual);
        // An upsert may move a row to the partition of another key.
        lab.upsert("book", "", &keyed(&[1, 2], &["z", "y"])).await.ok();
        for _ in 0..2 {
            assert_eq!(lab.count("book", &[]).await.ok().numbers("count(*)"), [4]);
            let rows = lab.query("book", json!({ "expr": "id in [1, 2, 3]", "output_fields": ["k"] })).await.ok();
            assert_eq!(rows.texts("k"), ["z", "y", "c"]);
            lab.flush("book").await.ok();
        }
    });
}

#[test]
fn the_log_of_a_dropped_partition_goes_with_the_next_flush() {
    scenario(async |lab| {
        library(&lab, 0, "L2").await;
        lab.insert("book", "p1", &books(1..20)).await.ok();
        lab.call_on("DropPartition", "book", json!({ "partition_name": "p1" })).await.ok();
        lab.flush("book").await.ok();
        let records = "record/".to_owned().."record/~".to_owned();
        let left = lab.store.reopen().scan(Store::Log, records, usize::MAX).await.expect("reads");
        assert_eq!(left.len(), 0);
    });
}
