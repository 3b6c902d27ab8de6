//! Nodes that die, what is loaded again, and calls that were waiting for them.

use super::loading::{begin_load, sealed};
use crate::support::rows::books;
use crate::support::scenario;
use elanus::cluster::NodeKind;
use futures::future::join;
use serde_json::json;

#[test]
fn a_node_that_dies_is_replaced_and_reads_wait_for_it() {
    scenario(async |lab| {
        sealed(&lab).await;
        lab.load_partitions("book", &["p1"]).await.ok();
        for round in 0..3 {
            lab.insert("book", "p1", &books([150 + round])).await.ok();
            let nodes = lab.process().nodes.running(NodeKind::Query);
            lab.process().nodes.kill(&nodes[0]);
            assert_eq!(lab.count("book", &[]).await.ok().numbers("count(*)"), [21 + round]);
        }
    });
}

#[test]
fn a_node_that_dies_while_it_loads_is_replaced() {
    scenario(async |lab| {
        sealed(&lab).await;
        begin_load(&lab, &[]).await;
        let nodes = lab.process().nodes.running(NodeKind::Query);
        lab.process().nodes.kill(&nodes[0]);
        lab.process().nodes.gate().open();
        lab.load("book", json!({})).await.ok();
        assert_eq!(lab.count("book", &[]).await.ok().numbers("count(*)"), [60]);
    });
}

#[test]
fn a_load_that_ends_every_node_is_given_up() {
    scenario(async |lab| {
        sealed(&lab).await;
        lab.load_partitions("book", &["p1"]).await.ok();
        lab.process().nodes.gate().shut();
        let started = lab.call_on("LoadPartitions", "book", json!({ "partition_names": ["p2"] })).await.ok();
        for _ in 0..3 {
            while lab.process().nodes.gate().waiting() == 0 {
                lab.executor.sleep(1).await;
            }
            lab.process().nodes.running(NodeKind::Query).iter().for_each(|node| lab.process().nodes.kill(node));
            while lab.process().nodes.gate().waiting() > 0 {
                lab.executor.sleep(1).await;
            }
        }
        lab.process().nodes.gate().open();
        let ticket = started.status()["extra_info"]["elanus.ticket"].clone();
        let waiting = json!({ "partition_names": ["p2"], "ticket": ticket, "wait_ms": 1_000_000 });
        lab.call_on("GetLoadingProgress", "book", waiting)
            .await
            .refused(101, "3 query nodes ended while they were loading");
        assert_eq!(lab.load_state("book", &["p2"]).await, "LoadStateNotLoad");
        assert_eq!(lab.keys("book", &[]).await, (101..121).collect::<Vec<_>>(), "what was loaded before comes back");
        lab.load_partitions("book", &["p2"]).await.ok();
    });
}

#[test]
fn nodes_that_end_soon_after_every_load_wait_for_a_read() {
    scenario(async |lab| {
        sealed(&lab).await;
        lab.load_partitions("book", &["p1"]).await.ok();
        let end_nodes = async || {
            let running = lab.process().nodes.running(NodeKind::Query);
            running.iter().for_each(|node| lab.process().nodes.kill(node));
            lab.executor.sleep(100).await;
            running.len()
        };
        for ended in [1, 1, 1, 0] {
            assert_eq!(end_nodes().await, ended);
        }
        assert_eq!(lab.keys("book", &[]).await, (101..121).collect::<Vec<_>>());
        for _ in 0..5 {
            lab.executor.sleep(10_000).await;
            assert_eq!(end_nodes().await, 1, "later they are replaced each time");
        }
    });
}

#[test]
fn a_load_goes_on_as_what_it_was_when_a_node_dies() {
    scenario(async |lab| {
        sealed(&lab).await;
        lab.load_partitions("book", &["p1"]).await.ok();
        lab.process().nodes.gate().shut();
        let started = lab.call_on("LoadPartitions", "book", json!({ "partition_names": ["p2"] })).await.ok();
        let ticket = started.status()["extra_info"]["elanus.ticket"].clone();
        while lab.process().nodes.gate().waiting() == 0 {
            lab.executor.sleep(1).await;
        }
        lab.process().nodes.running(NodeKind::Query).iter().for_each(|node| lab.process().nodes.kill(node));
        lab.executor.sleep(50).await;
        lab.call_on("CancelLoad", "book", json!({ "ticket": ticket })).await.ok();
        lab.process().nodes.gate().open();
        assert_eq!(lab.keys("book", &[]).await, (101..121).collect::<Vec<_>>());
        assert_eq!(lab.load_state("book", &["p2"]).await, "LoadStateNotLoad");
    });
}

#[test]
fn a_delete_by_filter_and_a_flush_survive_the_death_of_their_node() {
    for pauses in 0..30 {
        scenario(async move |lab| {
            sealed(&lab).await;
            lab.load("book", json!({})).await.ok();
            let end_node = async |kind| {
                for _ in 0..pauses {
                    lab.executor.pause().await;
                }
                lab.process().nodes.running(kind).iter().for_each(|node| lab.process().nodes.kill(node));
            };
            let (deleted, ()) = join(lab.delete("book", "", "words == 1050"), end_node(NodeKind::Query)).await;
            deleted.ok();
            let (flushed, ()) = join(lab.flush("book"), end_node(NodeKind::Data)).await;
            flushed.ok();
            assert_eq!(lab.keys("book", &["p1"]).await, (101..121).filter(|id| *id != 105).collect::<Vec<_>>());
        });
    }
}
