//! Rows of a collection with a time to live.

use super::library;
use crate::support::rows::{book, books, index};
use crate::support::{Lab, scenario};
use elanus::catalog::CollectionName;
use elanus::cluster::NodeKind;
use serde_json::{Value, json};

const TTL_SECONDS: i64 = 600;
const TTL_MS: i64 = TTL_SECONDS * 1000;

async fn alter(lab: &Lab, seconds: impl Into<Value>) {
    let properties = json!({ "properties": [{ "key": "collection.ttl.seconds", "value": seconds.into() }] });
    lab.call_on("AlterCollection", "book", properties).await.ok();
}

/// Every kind of read shows the same keys.
#[track_caller]
fn shows(lab: &Lab, expected: impl IntoIterator<Item = i64>) -> impl Future<Output = ()> {
    let (lab, expected) = (lab.clone(), expected.into_iter().collect::<Vec<i64>>());
    async move {
        assert_eq!(lab.keys("book", &[]).await, expected);
        assert_eq!(lab.count("book", &[]).await.ok().numbers("count(*)"), [expected.len() as i64]);
        let search = json!({ "output_fields": ["id"], "search_params": [{ "key": "topk", "value": 100 }] });
        let mut found = lab.search("book", &[vec![1.0; 4]], search).await.ok().numbers("id");
        found.sort_unstable();
        assert_eq!(found, expected);
        for id in expected.iter().take(1).chain(&[1]) {
            let got = lab.query("book", json!({ "expr": format!("id in [{id}]") })).await.ok().numbers("id");
            assert_eq!(got, expected.iter().filter(|it| *it == id).copied().collect::<Vec<_>>());
        }
    }
}

/// Ten sealed rows and five growing ones, all of which are about to expire, then the same number that is not.
async fn old_and_new(lab: &Lab) {
    library(lab, 0, "COSINE").await;
    lab.load("book", json!({})).await.ok();
    lab.insert("book", "", &books(1..11)).await.ok();
    lab.flush("book").await.ok();
    lab.insert("book", "p1", &books(101..106)).await.ok();
    lab.executor.shift_clock(TTL_MS / 2);
    lab.insert("book", "p2", &books(201..206)).await.ok();
}

#[test]
fn rows_expire_sealed_and_growing_while_the_collection_is_loaded() {
    scenario(async |lab| {
        old_and_new(&lab).await;
        alter(&lab, TTL_SECONDS).await;
        let all = (1..11).chain(101..106).chain(201..206);
        shows(&lab, all.clone()).await;
        // Writing a row again renews it.
        lab.upsert("book", "", &books([3])).await.ok();
        lab.upsert("book", "p1", &books([104])).await.ok();
        lab.executor.shift_clock(TTL_MS / 2);
        shows(&lab, [3, 104].into_iter().chain(201..206)).await;
        // Milvus counts rows of segments, whatever has become of them.
        let stats = lab.call_on("GetCollectionStatistics", "book", json!({})).await.ok().body;
        assert_eq!(stats["stats"][0]["value"], "22");
        lab.release("book").await.ok();
        lab.load("book", json!({})).await.ok();
        lab.flush("book").await.ok();
        shows(&lab, [3, 104].into_iter().chain(201..206)).await;
        lab.executor.shift_clock(TTL_MS);
        shows(&lab, []).await;
    });
}

#[test]
fn a_time_to_live_can_be_changed_and_taken_away_again() {
    scenario(async |lab| {
        old_and_new(&lab).await;
        lab.executor.shift_clock(TTL_MS / 2);
        let all = (1..11).chain(101..106).chain(201..206);
        for never in [json!(0), json!(-1), json!("0")] {
            alter(&lab, TTL_SECONDS).await;
            shows(&lab, 201..206).await;
            alter(&lab, never).await;
            shows(&lab, all.clone()).await;
        }
        alter(&lab, TTL_SECONDS.to_string()).await;
        shows(&lab, 201..206).await;
        lab.call_on("AlterCollection", "book", json!({ "delete_keys": ["collection.ttl.seconds"] })).await.ok();
        shows(&lab, all).await;
        alter(&lab, 1).await;
        lab.executor.shift_clock(2000);
        shows(&lab, []).await;
        for (wrong, text) in [("soon", "not valid, parse error"), ("-2", "expect [-1, 3155760000], got -2")] {
            let body = json!({ "properties": [{ "key": "collection.ttl.seconds", "value": wrong }] });
            lab.call_on("AlterCollection", "book", body.clone()).await.refused(1100, text);
            let mut create = book();
            create["collection_name"] = json!("other");
            create["properties"] = body["properties"].clone();
            lab.call("CreateCollection", create).await.refused(1100, text);
        }
    });
}

#[test]
fn a_collection_may_be_created_with_a_time_to_live() {
    scenario(async |lab| {
        let mut create = book();
        create["properties"] = json!([{ "key": "collection.ttl.seconds", "value": TTL_SECONDS }]);
        lab.call("CreateCollection", create).await.ok();
        lab.call("CreateIndex", index("book", "v", "L2")).await.ok();
        lab.insert("book", "", &books(1..6)).await.ok();
        lab.flush("book").await.ok();
        lab.executor.shift_clock(TTL_MS + 1000);
        lab.insert("book", "", &books(6..8)).await.ok();
        lab.reopen().await;
        lab.load("book", json!({})).await.ok();
        shows(&lab, 6..8).await;
        let described = lab.call_on("DescribeCollection", "book", json!({})).await.ok().body;
        assert_eq!(described["properties"], json!([{ "key": "collection.ttl.seconds", "value": "600" }]));
    });
}

#[test]
fn expired_rows_are_not_deleted_by_a_filter() {
    scenario(async |lab| {
        old_and_new(&lab).await;
        alter(&lab, TTL_SECONDS).await;
        lab.executor.shift_clock(TTL_MS / 2);
        let deleted = lab.delete("book", "", "words > 0 and words < 2020").await.ok();
        assert_eq!(deleted.text("delete_cnt"), "1");
        shows(&lab, 202..206).await;
        alter(&lab, -1).await;
        shows(&lab, (1..11).chain(101..106).chain(202..206)).await;
    });
}

async fn sealed_rows(lab: &Lab) -> u32 {
    let catalog = lab.catalog().await;
    catalog.resolve(CollectionName::new("default", "book")).expect("there").segments().map(|segment| segment.rows).sum()
}

#[test]
fn compaction_drops_what_has_expired() {
    scenario(async |lab| {
        old_and_new(&lab).await;
        alter(&lab, TTL_SECONDS).await;
        // A segment half of whose rows expire.
        lab.insert("book", "p1", &books(111..116)).await.ok();
        lab.flush("book").await.ok();
        lab.settle().await;
        assert_eq!(sealed_rows(&lab).await, 25);
        lab.executor.shift_clock(TTL_MS / 2);
        let left = (111..116).chain(201..206);
        shows(&lab, left.clone()).await;
        lab.compact("book").await.ok();
        assert_eq!(sealed_rows(&lab).await, 10);
        lab.assert_tidy().await;
        alter(&lab, 0).await;
        shows(&lab, left).await;
    });
}

#[test]
fn times_are_read_of_collections_with_a_time_to_live_only() {
    scenario(async |lab| {
        library(&lab, 10, "COSINE").await;
        lab.flush("book").await.ok();
        lab.load("book", json!({})).await.ok();
        shows(&lab, (1..11).chain(101..111).chain(201..211)).await;
        let times_read = || {
            let node = lab.process().nodes.running(NodeKind::Query).remove(0);
            let files = lab.process().nodes.read_bytes(&node);
            files.keys().filter(|file| file.ends_with("/column-1")).count()
        };
        assert_eq!(times_read(), 0);
        alter(&lab, TTL_SECONDS).await;
        shows(&lab, (1..11).chain(101..111).chain(201..211)).await;
        assert_eq!(times_read(), 3);
    });
}

#[test]
fn whoever_cannot_read_the_times_of_rows_says_so() {
    scenario(async |lab| {
        old_and_new(&lab).await;
        alter(&lab, TTL_SECONDS).await;
        lab.executor.shift_clock(TTL_MS / 2);
        lab.process().faults.fail(0, elanus::storage::faulty::Fault::Io);
        lab.count("book", &[]).await.refused(1001, "IO failed[injected]");
        shows(&lab, 201..206).await;
    });
}
