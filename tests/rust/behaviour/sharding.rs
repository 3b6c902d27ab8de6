//! Collections of several shards: a query node each, and one answer of all of them.

use super::loading::begin_load;
use crate::support::rows::{book, books, index};
use crate::support::{Lab, scenario};
use elanus::cluster::NodeKind;
use serde_json::{Value, json};

/// 60 rows in files, 20 growing, over three nodes.
async fn library_of_shards(lab: &Lab) {
    let mut request = book();
    request["shards_num"] = json!(3);
    lab.call("CreateCollection", request).await.ok();
    lab.call("CreateIndex", index("book", "v", "L2")).await.ok();
    for name in ["p1", "p2"] {
        lab.call_on("CreatePartition", "book", json!({ "partition_name": name })).await.ok();
    }
    lab.insert("book", "", &books(0..20)).await.ok();
    lab.insert("book", "p1", &books(100..120)).await.ok();
    lab.insert("book", "p2", &books(200..220)).await.ok();
    lab.flush("book").await.ok();
    lab.insert("book", "p1", &books(120..140)).await.ok();
    lab.load("book", json!({})).await.ok();
}

async fn count(lab: &Lab) -> i64 {
    lab.count("book", &[]).await.ok().numbers("count(*)")[0]
}

#[test]
fn every_shard_has_a_node_and_reads_see_all() {
    scenario(async |lab| {
        library_of_shards(&lab).await;
        assert_eq!(lab.process().nodes.running(NodeKind::Query).len(), 3);
        let described = lab.call_on("DescribeCollection", "book", json!({})).await.ok().body;
        assert_eq!(described["virtual_channel_names"].as_array().map(Vec::len), Some(3));
        assert_eq!(described["physical_channel_names"], json!(["elanus-dml_0", "elanus-dml_1", "elanus-dml_2"]));
        let all: Vec<i64> = (0..20).chain(100..140).chain(200..220).collect();
        assert_eq!(lab.keys("book", &[]).await, all);
        assert_eq!(count(&lab).await, 80);
        let page = json!({ "output_fields": ["id"], "query_params": [
            { "key": "limit", "value": "10" }, { "key": "offset", "value": "15" }] });
        assert_eq!(lab.query("book", page).await.ok().numbers("id"), all[15..25]);
    });
}

/// Nor where the record still names the partition, because it could not be changed back either.
#[test]
fn of_a_failed_load_nothing_shows_that_some_nodes_have_read() {
    scenario(async |lab| {
        library_of_shards(&lab).await;
        for attempt in 0..10 {
            lab.call_on("ReleasePartitions", "book", json!({ "partition_names": ["p1"] })).await.ok();
            begin_load(&lab, &["p1"]).await;
            let faults = lab.process().faults;
            faults.fail_randomly(lab.executor.rng().below(1 << 32), 6);
            lab.process().nodes.gate().open();
            let waited = json!({ "partition_names": ["p1"], "wait_ms": 100_000 });
            lab.call_on("GetLoadingProgress", "book", waited).await;
            faults.heal();
            lab.insert("book", "p2", &books([220 + attempt])).await.ok();
            lab.flush("book").await.ok();
            let shown = lab.keys("book", &[]).await.into_iter().filter(|key| (100..140).contains(key)).count();
            assert!(shown == 0 || shown == 40, "{shown} rows");
            lab.load_partitions("book", &["p1"]).await.ok();
            assert_eq!(count(&lab).await, 81 + attempt);
        }
    });
}

#[test]
fn the_nearest_rows_of_all_shards_come_in_order() {
    scenario(async |lab| {
        library_of_shards(&lab).await;
        let params = |limit: usize, offset: usize| -> Value {
            json!([{ "key": "topk", "value": limit.to_string() }, { "key": "offset", "value": offset.to_string() },
                { "key": "anns_field", "value": "v" }])
        };
        let search = async |limit, offset| {
            let body = json!({ "search_params": params(limit, offset), "output_fields": ["id"] });
            lab.search("book", &[vec![3.0, -1.0, 4.0, 1.5]], body).await.ok()
        };
        let all = search(80, 0).await;
        let scores = all.scores();
        assert_eq!(scores.len(), 80);
        assert!(scores.windows(2).all(|pair| pair[0] <= pair[1]), "{scores:?}");
        assert_eq!(search(10, 5).await.numbers("id"), all.numbers("id")[5..15]);
    });
}

#[test]
fn parameters_are_checked_as_in_one_shard_and_scores_left_to_be_rounded_together() {
    scenario(async |lab| {
        library_of_shards(&lab).await;
        let search = async |key, value: &str| {
            let body = json!({ "search_params": [{ "key": "topk", "value": "1" }, { "key": key, "value": value }] });
            lab.search("book", &[vec![3.3, -1.0, 4.0, 1.5]], body).await
        };
        search("offset", "16384").await.refused(1100, "offset+topk [16385] is invalid");
        search("round_decimal", "7").await.refused(1100, "round_decimal [7] is invalid");
        search("round_decimal", "x").await.refused(1100, "round_decimal [x] is invalid");
        let (plain, rounded) = (search("offset", "0").await.ok(), search("round_decimal", "0").await.ok());
        assert_eq!(rounded.scores(), plain.scores());
        assert_ne!(plain.scores()[0].fract(), 0.0);
    });
}

#[test]
fn a_row_and_what_replaces_or_deletes_it_meet_in_one_shard() {
    scenario(async |lab| {
        library_of_shards(&lab).await;
        lab.upsert("book", "p1", &books(100..140)).await.ok();
        assert_eq!(count(&lab).await, 80);
        lab.delete("book", "", "id < 10 or id in [105, 215]").await.ok();
        assert_eq!(count(&lab).await, 68);
        lab.delete("book", "", "id in [106, 216]").await.ok();
        assert_eq!(count(&lab).await, 66);
        lab.flush("book").await.ok();
        lab.compact("book").await.ok();
        lab.settle().await;
        assert_eq!(count(&lab).await, 66);
        lab.release("book").await.ok();
        assert!(lab.process().nodes.running(NodeKind::Query).is_empty());
        lab.load("book", json!({})).await.ok();
        assert_eq!(count(&lab).await, 66);
    });
}

#[test]
fn partitions_come_and_go_in_all_shards_at_once() {
    scenario(async |lab| {
        library_of_shards(&lab).await;
        lab.release_partitions("book", &["p1"]).await.ok();
        assert_eq!(count(&lab).await, 40);
        let other = lab.client();
        let load = lab.load_partitions("book", &["p1"]);
        let reads = async {
            loop {
                let count = other.count("book", &[]).await.ok().numbers("count(*)")[0];
                assert!([40, 80].contains(&count), "{count}: some of a partition");
                if count == 80 {
                    break;
                }
            }
        };
        futures::future::join(load, reads).await.0.ok();
        lab.count("book", &["p1"]).await.ok();
    });
}

#[test]
fn all_nodes_are_replaced_when_one_dies() {
    scenario(async |lab| {
        library_of_shards(&lab).await;
        let before = lab.process().nodes.running(NodeKind::Query);
        lab.process().nodes.kill(&before[1]);
        assert_eq!(count(&lab).await, 80);
        let after = lab.process().nodes.running(NodeKind::Query);
        assert_eq!(after.len(), 3);
        assert!(after.iter().all(|node| !before.contains(node)));
    });
}

#[test]
fn a_partition_key_and_shards_go_together() {
    scenario(async |lab| {
        let mut request = book();
        request["shards_num"] = json!(2);
        request["schema"]["fields"][2]["is_partition_key"] = json!(true);
        lab.call("CreateCollection", request).await.ok();
        lab.call("CreateIndex", index("book", "v", "L2")).await.ok();
        lab.load("book", json!({})).await.ok();
        lab.insert("book", "", &books(0..100)).await.ok();
        assert_eq!(count(&lab).await, 100);
        lab.flush("book").await.ok();
        lab.upsert("book", "", &books(50..120)).await.ok();
        assert_eq!(count(&lab).await, 120);
    });
}
