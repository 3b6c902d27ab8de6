//! A shard that is large is shared out among several query nodes: one answer of all of them, and no half of a change.

use super::library;
use crate::support::rows::{book, books, index, vector_of};
use crate::support::{Lab, scenario_with};
use elanus::cluster::NodeKind;
use elanus::coordinator::Config;
use futures::future::{Either, select};
use serde_json::json;
use std::cell::Cell;
use std::pin::pin;

fn shared() -> Config {
    Config { node_bytes: 1, cores: 3, ..Config::default() }
}

/// 60 rows in three segments, 10 growing.
async fn library_of_segments(lab: &Lab) {
    lab.call("CreateCollection", book()).await.ok();
    lab.call("CreateIndex", index("book", "v", "L2")).await.ok();
    for first in [0, 100, 200] {
        lab.insert("book", "", &books(first..first + 20)).await.ok();
        lab.flush("book").await.ok();
    }
    lab.insert("book", "", &books(300..310)).await.ok();
    lab.load("book", json!({})).await.ok();
}

fn all() -> Vec<i64> {
    [0..20, 100..120, 200..220, 300..310].into_iter().flatten().collect()
}

fn query_nodes(lab: &Lab) -> Vec<String> {
    lab.process().nodes.running(NodeKind::Query)
}

async fn count(lab: &Lab) -> i64 {
    lab.count("book", &[]).await.ok().numbers("count(*)")[0]
}

async fn nearest(lab: &Lab, limit: usize) -> Vec<i64> {
    let body = json!({ "search_params": [{ "key": "topk", "value": limit.to_string() }], "output_fields": ["id"] });
    lab.search("book", &[vector_of(3)], body).await.ok().numbers("id")
}

/// Reads again and again until the work is done.
async fn meanwhile(work: impl Future<Output = ()>, read: impl AsyncFn()) {
    let mut work = pin!(work);
    loop {
        let reading = pin!(read());
        match select(work.as_mut(), reading).await {
            Either::Left(((), reading)) => return reading.await,
            Either::Right(((), _)) => {}
        }
    }
}

#[test]
fn segments_are_spread_and_reads_see_all() {
    scenario_with(shared(), async |lab| {
        library_of_segments(&lab).await;
        let nodes = query_nodes(&lab);
        assert_eq!(nodes.len(), 3);
        for node in &nodes {
            let read = lab.process().nodes.read_bytes(node);
            let columns_of_keys = read.keys().filter(|file| file.ends_with("/column-100")).count();
            assert_eq!(columns_of_keys, 1, "{node} has read {read:?}");
        }
        assert_eq!(lab.keys("book", &[]).await, all());
        assert_eq!(count(&lab).await, 70);
        let found = nearest(&lab, 70).await;
        assert_eq!(found.len(), 70);
        assert_eq!(found[0], 3);
        assert_eq!(nearest(&lab, 7).await, found[..7]);
        let described = lab.call_on("DescribeCollection", "book", json!({})).await.ok().body;
        assert_eq!(described["shards_num"], 1);
    });
}

#[test]
fn shards_and_cores_bound_the_number() {
    for (shards, cores, expected) in [(1, 2, 2), (2, 3, 2), (2, 4, 4), (3, 1, 3), (1, 64, 4)] {
        scenario_with(Config { node_bytes: 1, cores, ..Config::default() }, async move |lab| {
            let mut request = book();
            request["shards_num"] = json!(shards);
            lab.call("CreateCollection", request).await.ok();
            lab.call("CreateIndex", index("book", "v", "L2")).await.ok();
            lab.insert("book", "", &books(0..50)).await.ok();
            lab.flush("book").await.ok();
            lab.load("book", json!({})).await.ok();
            assert_eq!(query_nodes(&lab).len(), expected, "{shards} shards on {cores} cores");
            assert_eq!(lab.keys("book", &[]).await, (0..50).collect::<Vec<_>>());
        });
    }
}

#[test]
fn of_rows_with_one_key_in_several_nodes_the_newest_is_read_and_the_nearest_found() {
    for shards in [1, 2] {
        scenario_with(Config { cores: 4, ..shared() }, async move |lab| rows_with_one_key(&lab, shards).await);
    }
}

async fn rows_with_one_key(lab: &Lab, shards: usize) {
    let mut collection = book();
    collection["shards_num"] = json!(shards);
    lab.call("CreateCollection", collection).await.ok();
    lab.call("CreateIndex", index("book", "v", "L2")).await.ok();
    for version in 0..4 {
        let mut rows = books(0..10);
        rows.columns[2].1 = crate::support::rows::ints((0..10).map(|id| id * 100 + version));
        lab.insert("book", "", &rows).await.ok();
        if version < 3 {
            lab.flush("book").await.ok();
        }
    }
    lab.load("book", json!({})).await.ok();
    assert!(query_nodes(lab).len() > shards);
    let newest = lab.query("book", json!({ "expr": "id >= 0", "output_fields": ["words"] })).await.ok();
    assert_eq!(newest.numbers("id"), (0..10).collect::<Vec<_>>());
    assert_eq!(newest.numbers("words"), (0..10).map(|id| id * 100 + 3).collect::<Vec<_>>());
    let page = json!({ "expr": "words % 100 < 2", "output_fields": ["words"], "query_params": [
            { "key": "limit", "value": "4" }, { "key": "offset", "value": "3" }] });
    assert_eq!(lab.query("book", page).await.ok().numbers("words"), [301, 401, 501, 601]);
    let mut found = nearest(lab, 10).await;
    assert_eq!(found[0], 3);
    found.sort_unstable();
    assert_eq!(found, (0..10).collect::<Vec<_>>());
    let deleted = lab.delete("book", "", "words < 300").await.ok();
    assert_eq!(deleted.body["delete_cnt"], "3");
    assert_eq!(lab.keys("book", &[]).await, (3..10).collect::<Vec<_>>());
}

#[test]
fn a_row_that_is_replaced_is_there_once_at_every_time() {
    scenario_with(shared(), async |lab| {
        library_of_segments(&lab).await;
        let reader = lab.client();
        let replace = async {
            for first in [0, 110, 205, 300] {
                lab.upsert("book", "", &books(first..first + 5)).await.ok();
            }
        };
        meanwhile(replace, async || {
            assert_eq!(reader.count("book", &[]).await.ok().numbers("count(*)"), [70]);
            assert_eq!(reader.keys("book", &[]).await, all());
        })
        .await;
        assert_eq!(lab.keys("book", &[]).await, all());
    });
}

#[test]
fn a_flush_and_a_compaction_are_seen_as_a_whole_or_not() {
    scenario_with(shared(), async |lab| {
        library_of_segments(&lab).await;
        let reader = lab.client();
        let work = async {
            lab.flush("book").await.ok();
            lab.delete("book", "", "id in [0, 1, 2, 3, 4, 5, 6, 7, 8]").await.ok();
            lab.insert("book", "", &books(400..409)).await.ok();
            lab.flush("book").await.ok();
            lab.settle().await;
        };
        meanwhile(work, async || {
            let rows = reader.count("book", &[]).await.ok().numbers("count(*)")[0];
            assert!([70, 61].contains(&rows), "{rows} rows");
        })
        .await;
        assert_eq!(count(&lab).await, 70);
        lab.release("book").await.ok();
        lab.load("book", json!({})).await.ok();
        assert_eq!(count(&lab).await, 70);
    });
}

#[test]
fn what_a_delete_by_filter_is_about_is_not_missed_during_a_flush() {
    scenario_with(shared(), async |lab| {
        library_of_segments(&lab).await;
        lab.insert("book", "", &books(310..800)).await.ok();
        let (other, next) = (lab.client(), Cell::new(300));
        meanwhile(async { drop(lab.flush("book").await.ok()) }, async || {
            let words = next.replace(next.get() + 1) * 10;
            let deleted = other.delete("book", "", &format!("words == {words}")).await.ok();
            assert_eq!(deleted.body["delete_cnt"], "1", "{words}");
        })
        .await;
        assert_eq!(count(&lab).await, 60 + 800 - next.get());
    });
}

#[test]
fn a_collection_that_grows_gets_more_nodes() {
    let config = Config { node_bytes: 1_000, cores: 2, ..Config::default() };
    scenario_with(config, async |lab| {
        lab.call("CreateCollection", book()).await.ok();
        lab.call("CreateIndex", index("book", "v", "L2")).await.ok();
        lab.load("book", json!({})).await.ok();
        assert_eq!(query_nodes(&lab).len(), 1);
        for first in [0, 100, 200] {
            lab.insert("book", "", &books(first..first + 50)).await.ok();
            lab.flush("book").await.ok();
        }
        lab.settle().await;
        assert_eq!(query_nodes(&lab).len(), 2);
        assert_eq!(count(&lab).await, 150);
        lab.call_on("TruncateCollection", "book", json!({})).await.ok();
        assert_eq!(count(&lab).await, 0);
        lab.insert("book", "", &books(0..3)).await.ok();
        assert_eq!(lab.keys("book", &[]).await, [0, 1, 2]);
    });
}

#[test]
fn a_shard_that_is_loaded_by_partitions_gets_more_nodes() {
    scenario_with(Config { node_bytes: 700, cores: 2, ..Config::default() }, async |lab| {
        library(&lab, 50, "L2").await;
        lab.flush("book").await.ok();
        lab.load_partitions("book", &["p1"]).await.ok();
        assert_eq!(query_nodes(&lab).len(), 1);
        lab.load_partitions("book", &["p2"]).await.ok();
        assert_eq!(count(&lab).await, 100);
        lab.settle().await;
        assert_eq!(query_nodes(&lab).len(), 2);
        assert_eq!(count(&lab).await, 100);
    });
}

#[test]
fn what_many_collections_have_leaves_a_node_for_each_shard() {
    let config = Config { cores: 4, ..shared() };
    scenario_with(config, async |lab| {
        let name = |number: usize| format!("book{number}");
        for number in 0..30 {
            let mut collection = book();
            collection["collection_name"] = json!(name(number));
            lab.call("CreateCollection", collection).await.ok();
            lab.call("CreateIndex", index(&name(number), "v", "L2")).await.ok();
            lab.insert(&name(number), "", &books(0..5)).await.ok();
            lab.flush(&name(number)).await.ok();
            lab.load(&name(number), json!({})).await.ok();
        }
        let nodes = query_nodes(&lab).len();
        assert!((50..80).contains(&nodes), "{nodes}");
        lab.reopen().await;
        for number in [0, 29] {
            assert_eq!(lab.keys(&name(number), &[]).await, [0, 1, 2, 3, 4]);
        }
        assert_eq!(query_nodes(&lab).len(), nodes);
    });
}

#[test]
fn all_nodes_are_replaced_when_one_dies() {
    scenario_with(shared(), async |lab| {
        library_of_segments(&lab).await;
        let before = query_nodes(&lab);
        lab.process().nodes.kill(&before[1]);
        assert_eq!(count(&lab).await, 70);
        let after = query_nodes(&lab);
        assert_eq!(after.len(), 3);
        assert!(after.iter().all(|node| !before.contains(node)));
    });
}
