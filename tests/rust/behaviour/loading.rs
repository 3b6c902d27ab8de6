//! Loads under way: progress, failure, cancelling.

use super::library;
use crate::support::rows::{book, books, index};
use crate::support::{Lab, scenario};
use elanus::cluster::NodeKind;
use elanus::event::Event;
use elanus::storage::faulty::Fault;
use serde_json::json;

/// A library whose rows are in files.
pub(super) async fn sealed(lab: &Lab) {
    library(lab, 20, "COSINE").await;
    lab.flush("book").await.ok();
    lab.settle().await;
}

/// Starts to load and comes back when the node waits for its first files.
pub(super) async fn begin_load(lab: &Lab, partitions: &[&str]) {
    lab.process().nodes.gate().shut();
    match partitions {
        [] => lab.call_on("LoadCollection", "book", json!({})).await.ok(),
        names => lab.call_on("LoadPartitions", "book", json!({ "partition_names": names })).await.ok(),
    };
    while lab.process().nodes.gate().waiting() == 0 {
        lab.executor.sleep(1).await;
    }
}

#[test]
fn until_everything_is_there_reads_are_told_to_come_again() {
    scenario(async |lab| {
        sealed(&lab).await;
        begin_load(&lab, &[]).await;
        assert_eq!(lab.load_state("book", &[]).await, "LoadStateLoading");
        let refused = lab.count("book", &[]).await.refused(103, "collection not fully loaded");
        assert_eq!(refused.status()["retriable"], true);
        lab.process().nodes.gate().open();
        lab.load("book", json!({})).await.ok();
        assert_eq!(lab.count("book", &[]).await.ok().numbers("count(*)"), [60]);
    });
}

#[test]
fn what_is_loaded_stays_readable_while_more_loads() {
    scenario(async |lab| {
        sealed(&lab).await;
        lab.load_partitions("book", &["p1"]).await.ok();
        begin_load(&lab, &["p2"]).await;
        assert_eq!(lab.load_state("book", &["p1"]).await, "LoadStateLoaded");
        assert_eq!(lab.load_state("book", &["p2"]).await, "LoadStateLoading");
        assert_eq!(lab.keys("book", &[]).await, (101..121).collect::<Vec<_>>());
        lab.count("book", &["p2"]).await.refused(201, "partition not loaded");
        lab.process().nodes.gate().open();
        lab.load_partitions("book", &["p2"]).await.ok();
        assert_eq!(lab.keys("book", &["p2"]).await, (201..221).collect::<Vec<_>>());
    });
}

#[test]
fn a_load_is_cancelled_by_releasing() {
    scenario(async |lab| {
        sealed(&lab).await;
        begin_load(&lab, &[]).await;
        lab.release("book").await.ok();
        assert_eq!(lab.load_state("book", &[]).await, "LoadStateNotLoad");
        assert!(lab.process().nodes.running(NodeKind::Query).is_empty());
        lab.process().nodes.gate().open();
        lab.load("book", json!({})).await.ok();
        assert_eq!(lab.count("book", &[]).await.ok().numbers("count(*)"), [60]);
    });
}

#[test]
fn a_partition_released_while_it_loads_stays_out() {
    scenario(async |lab| {
        sealed(&lab).await;
        begin_load(&lab, &["p1", "p2"]).await;
        lab.release_partitions("book", &["p1"]).await.ok();
        lab.process().nodes.gate().open();
        lab.load_partitions("book", &["p2"]).await.ok();
        assert_eq!(lab.keys("book", &[]).await, (201..221).collect::<Vec<_>>());
        assert_eq!(lab.load_state("book", &["p1"]).await, "LoadStateNotLoad");
    });
}

#[test]
fn a_partition_loaded_again_while_its_first_load_is_cancelled_is_there_at_100() {
    scenario(async |lab| {
        sealed(&lab).await;
        lab.load_partitions("book", &["_default"]).await.ok();
        begin_load(&lab, &["p1"]).await;
        lab.release_partitions("book", &["p1"]).await.ok();
        lab.call_on("LoadPartitions", "book", json!({ "partition_names": ["p1"] })).await.ok();
        lab.process().nodes.gate().open();
        lab.load_partitions("book", &["p1"]).await.ok();
        assert_eq!(lab.keys("book", &["p1"]).await, (101..121).collect::<Vec<_>>());
    });
}

#[test]
fn a_release_between_load_and_load_is_not_undone() {
    scenario(async |lab| {
        sealed(&lab).await;
        lab.load_partitions("book", &["p1"]).await.ok();
        let (first, second) = (lab.client(), lab.client());
        let release = first.release("book");
        let load = second.call_on("LoadPartitions", "book", json!({ "partition_names": ["p2"] }));
        let (released, started) = futures::future::join(release, load).await;
        released.ok();
        started.ok();
        if lab.load_state("book", &["p2"]).await != "LoadStateNotLoad" {
            assert_eq!(lab.load_state("book", &["p1"]).await, "LoadStateNotLoad");
        }
    });
}

#[test]
fn writes_that_arrive_while_a_partition_loads_are_in_it() {
    scenario(async |lab| {
        sealed(&lab).await;
        begin_load(&lab, &[]).await;
        // Its promise waits for the nodes that have the collection, not for those that get it.
        lab.insert("book", "p1", &books([150])).await.ok();
        lab.upsert("book", "p1", &books([101])).await.ok();
        lab.delete("book", "", "id in [102, 202]").await.ok();
        lab.process().nodes.gate().open();
        lab.load("book", json!({})).await.ok();
        let expected: Vec<i64> = [101].into_iter().chain(103..121).chain([150]).collect();
        assert_eq!(lab.keys("book", &["p1"]).await, expected);
        assert_eq!(lab.count("book", &["p1"]).await.ok().numbers("count(*)"), [20]);
        assert_eq!(lab.count("book", &["p2"]).await.ok().numbers("count(*)"), [19]);
    });
}

#[test]
fn a_failed_load_says_why_and_leaves_what_was_loaded() {
    scenario(async |lab| {
        sealed(&lab).await;
        lab.load_partitions("book", &["p1"]).await.ok();
        begin_load(&lab, &["p2"]).await;
        lab.process().faults.fail(0, Fault::Io);
        lab.process().nodes.gate().open();
        let waited = json!({ "partition_names": ["p2"], "wait_ms": 100_000 });
        lab.call_on("GetLoadingProgress", "book", waited).await.refused(201, "partition not loaded");
        assert_eq!(lab.keys("book", &[]).await, (101..121).collect::<Vec<_>>());
        lab.load_partitions("book", &["p2"]).await.ok();
        assert_eq!(lab.keys("book", &["p2"]).await, (201..221).collect::<Vec<_>>());
    });
}

#[test]
fn the_first_load_that_fails_leaves_nothing_loaded() {
    scenario(async |lab| {
        sealed(&lab).await;
        begin_load(&lab, &[]).await;
        lab.process().faults.fail(0, Fault::Io);
        lab.process().nodes.gate().open();
        let waited = lab.call_on("GetLoadingProgress", "book", json!({ "wait_ms": 100_000 })).await;
        waited.refused(101, "IO failed[injected]: collection not loaded");
        lab.count("book", &[]).await.refused(101, "collection not loaded");
        assert!(lab.process().nodes.running(NodeKind::Query).is_empty());
        lab.load("book", json!({})).await.ok();
    });
}

#[test]
fn a_node_that_does_not_start_fails_its_load_only() {
    scenario(async |lab| {
        sealed(&lab).await;
        lab.process().nodes.fail_starts(1);
        let (first, second) = (lab.client(), lab.client());
        let load = |client: crate::support::client::Client, partition: &'static str| async move {
            client.call_on("LoadPartitions", "book", json!({ "partition_names": [partition] })).await.ok()
        };
        futures::future::join(load(first, "p1"), load(second, "p2")).await;
        lab.settle().await;
        let states = [lab.load_state("book", &["p1"]).await, lab.load_state("book", &["p2"]).await];
        assert!(states.contains(&"LoadStateLoaded".to_owned()), "{states:?}");
        assert!(states.contains(&"LoadStateNotLoad".to_owned()), "{states:?}");
        lab.load("book", json!({})).await.ok();
        assert_eq!(lab.count("book", &[]).await.ok().numbers("count(*)"), [60]);
    });
}

#[test]
fn a_collection_dropped_while_it_loads_is_gone() {
    scenario(async |lab| {
        sealed(&lab).await;
        begin_load(&lab, &[]).await;
        lab.call_on("DropCollection", "book", json!({})).await.ok();
        lab.process().nodes.gate().open();
        lab.count("book", &[]).await.refused(100, "collection not found");
        lab.settle().await;
        assert!(lab.process().nodes.running(NodeKind::Query).is_empty());
        lab.assert_tidy().await;
    });
}

#[test]
fn a_partition_dropped_while_it_loads_does_not_hold_up_the_others() {
    scenario(async |lab| {
        sealed(&lab).await;
        begin_load(&lab, &["p1", "p2"]).await;
        lab.release_partitions("book", &["p1"]).await.ok();
        lab.call_on("DropPartition", "book", json!({ "partition_name": "p1" })).await.ok();
        lab.process().nodes.gate().open();
        lab.call_on("GetLoadingProgress", "book", json!({ "wait_ms": 100_000 })).await.ok();
        assert_eq!(lab.keys("book", &[]).await, (201..221).collect::<Vec<_>>());
    });
}

#[test]
fn a_partition_created_while_the_collection_loads_comes_along() {
    scenario(async |lab| {
        sealed(&lab).await;
        begin_load(&lab, &[]).await;
        let creator = lab.client();
        let created = creator.call_on("CreatePartition", "book", json!({ "partition_name": "p3" }));
        let opened = async {
            lab.executor.sleep(50).await;
            lab.process().nodes.gate().open();
        };
        futures::future::join(created, opened).await.0.ok();
        lab.insert("book", "p3", &books([301])).await.ok();
        assert_eq!(lab.keys("book", &["p3"]).await, [301]);
        assert_eq!(lab.load_state("book", &[]).await, "LoadStateLoaded");
    });
}

#[test]
fn progress_can_be_waited_for() {
    scenario(async |lab| {
        sealed(&lab).await;
        lab.call_on("LoadCollection", "book", json!({})).await.ok();
        let waited = lab.call_on("GetLoadingProgress", "book", json!({ "wait_ms": 100_000 })).await.ok();
        assert_eq!((waited.text("progress"), waited.text("refresh_progress")), ("100", "100"));
        lab.release("book").await.ok();
        begin_load(&lab, &[]).await;
        let waited = lab.call_on("GetLoadingProgress", "book", json!({ "wait_ms": 10 })).await.ok();
        assert_ne!(waited.text("progress"), "100");
        lab.process().nodes.gate().open();
    });
}

#[test]
fn memory_is_told_by_partition_field_and_index() {
    scenario(async |lab| {
        sealed(&lab).await;
        lab.load_partitions("book", &["p1"]).await.ok();
        let usage = lab.call("GetMemoryUsage", json!({})).await.ok().body;
        let of = &usage["collections"][0];
        assert_eq!((&of["collection_name"], &of["partitions"][0]["name"]), (&json!("book"), &json!("p1")));
        assert_eq!(of["partitions"][0]["rows"], 20);
        assert_eq!(of["partitions"][0]["field_bytes"], json!({ "id": 160, "v": 320, "words": 160 }));
        assert_eq!(of["partitions"][0]["index_bytes"], json!({ "v": 80 }));
        assert_eq!(usage["total_bytes"], 1 << 20);
        lab.call("CreateCollection", json!({ "collection_name": "empty", "schema": book()["schema"] })).await.ok();
        let nothing = lab.call_on("GetMemoryUsage", "empty", json!({})).await.ok().body;
        assert_eq!(nothing["collections"], json!([]));
        lab.call("CreateIndex", index("empty", "v", "IP")).await.ok();
        lab.call_on("GetMemoryUsage", "nope", json!({})).await.refused(100, "collection not found");
    });
}

/// What clients were told of the loads of `book`, in order.
fn told_progress(lab: &Lab) -> Vec<(Vec<String>, u32)> {
    let events = lab.process().events.take();
    let told = events.into_iter().filter_map(|event| match event {
        Event::LoadProgress { collection_name, partition_names, progress, .. } if collection_name == "book" => {
            Some((partition_names, progress))
        }
        _ => None,
    });
    told.collect()
}

#[test]
fn clients_hear_how_far_a_load_is() {
    scenario(async |lab| {
        sealed(&lab).await;
        lab.load_partitions("book", &["p1"]).await.ok();
        let told = told_progress(&lab);
        assert_eq!(told.last(), Some(&(vec!["p1".to_owned()], 100)));
        assert!(told.windows(2).all(|pair| pair[0].1 < pair[1].1), "{told:?}");
        lab.load("book", json!({})).await.ok();
        let told = told_progress(&lab);
        assert!(told.len() > 3, "{told:?}");
        assert!(told.iter().all(|(partitions, _)| partitions == &["_default", "p2"]), "{told:?}");
        assert!(told.windows(2).all(|pair| pair[0].1 < pair[1].1), "{told:?}");
        assert_eq!(told.last().map(|(_, progress)| *progress), Some(100));
    });
}

#[test]
fn progress_of_partitions_counts_what_is_there() {
    scenario(async |lab| {
        sealed(&lab).await;
        lab.load_partitions("book", &["p1"]).await.ok();
        begin_load(&lab, &["p2"]).await;
        let progress = async |partitions: &[&str]| {
            let body = json!({ "partition_names": partitions });
            let answer = lab.call_on("GetLoadingProgress", "book", body).await.ok();
            answer.text("progress").parse::<u32>().expect("a number")
        };
        assert_eq!(progress(&["p1"]).await, 100);
        assert_eq!(progress(&["p2"]).await, 0);
        assert!((45..55).contains(&progress(&["p1", "p2"]).await), "both are of one size");
        assert_eq!(progress(&[]).await, 0, "of what is loading now");
        lab.process().nodes.gate().open();
        lab.load_partitions("book", &["p1", "p2"]).await.ok();
    });
}

#[test]
fn progress_does_not_fall_when_a_node_dies() {
    scenario(async |lab| {
        sealed(&lab).await;
        lab.call_on("LoadCollection", "book", json!({})).await.ok();
        let mut before = 0;
        let mut killed = false;
        loop {
            let answer = lab.call_on("GetLoadingProgress", "book", json!({})).await.ok();
            let progress: u32 = answer.text("progress").parse().expect("a number");
            assert!(progress >= before, "{progress} percent after {before}");
            before = progress;
            if progress == 100 {
                break;
            }
            if progress > 30 && !std::mem::replace(&mut killed, true) {
                lab.process().nodes.running(NodeKind::Query).iter().for_each(|node| lab.process().nodes.kill(node));
            }
        }
        assert_eq!(lab.count("book", &[]).await.ok().numbers("count(*)"), [60]);
    });
}

#[test]
fn a_load_is_given_up_by_its_ticket() {
    scenario(async |lab| {
        sealed(&lab).await;
        lab.load_partitions("book", &["p1"]).await.ok();
        lab.process().nodes.gate().shut();
        let started = lab.call_on("LoadCollection", "book", json!({})).await.ok();
        let ticket = started.status()["extra_info"]["elanus.ticket"].clone();
        lab.call_on("CancelLoad", "book", json!({ "ticket": ticket })).await.ok();
        assert_eq!(lab.load_state("book", &["p2"]).await, "LoadStateNotLoad");
        assert_eq!(lab.load_state("book", &["p1"]).await, "LoadStateLoaded");
        assert_eq!(lab.keys("book", &[]).await, (101..121).collect::<Vec<_>>());
        lab.process().nodes.gate().open();
        lab.settle().await;
        assert_eq!(lab.keys("book", &[]).await, (101..121).collect::<Vec<_>>());
        lab.load("book", json!({})).await.ok();
        // A load that has ended cannot be given up any more.
        lab.call_on("CancelLoad", "book", json!({ "ticket": ticket })).await.ok();
        assert_eq!(lab.count("book", &[]).await.ok().numbers("count(*)"), [60]);
        let idle = lab.call_on("LoadCollection", "book", json!({})).await.ok();
        assert_eq!(idle.status()["extra_info"], json!({}));
    });
}

#[test]
fn a_failed_load_of_the_collection_is_no_success_because_a_part_was_there() {
    scenario(async |lab| {
        sealed(&lab).await;
        lab.load_partitions("book", &["p1"]).await.ok();
        lab.process().nodes.gate().shut();
        let started = lab.call_on("LoadCollection", "book", json!({})).await.ok();
        while lab.process().nodes.gate().waiting() == 0 {
            lab.executor.sleep(1).await;
        }
        lab.process().faults.fail(0, Fault::Io);
        lab.process().nodes.gate().open();
        let ticket = started.status()["extra_info"]["elanus.ticket"].clone();
        let waiting = json!({ "ticket": ticket, "wait_ms": 100_000 });
        lab.call_on("GetLoadingProgress", "book", waiting).await.refused(101, "collection not loaded");
        assert_eq!(lab.keys("book", &[]).await, (101..121).collect::<Vec<_>>());
        let given_up = lab.process().events.take().into_iter().any(|event| {
            matches!(event, Event::LoadProgress { state: "LoadStateNotLoad", ref partition_names, .. }
                if partition_names == &["_default", "p2"])
        });
        assert!(given_up, "pages hear of it");
    });
}

#[test]
fn a_partition_loaded_while_its_release_waits_for_a_write_is_there_at_100() {
    scenario(async |lab| {
        sealed(&lab).await;
        lab.load("book", json!({})).await.ok();
        let clients = [lab.client(), lab.client(), lab.client()];
        let rows = books([150]);
        let write = clients[0].insert("book", "p1", &rows);
        let release = clients[1].release_partitions("book", &["p2"]);
        let load = async {
            lab.executor.sleep(1).await;
            clients[2].load_partitions("book", &["p2"]).await
        };
        let (written, released, loaded) = futures::future::join3(write, release, load).await;
        written.ok();
        released.ok();
        // Either the release was first, or there was nothing to load and the release came after it.
        match lab.load_state("book", &["p2"]).await.as_str() {
            "LoadStateLoaded" => {
                loaded.ok();
                assert_eq!(lab.keys("book", &["p2"]).await, (201..221).collect::<Vec<_>>());
            }
            state => {
                assert_eq!(state, "LoadStateNotLoad");
                assert!(loaded.is_ok() || loaded.code() == 201, "{}", loaded.body);
            }
        }
    });
}

#[test]
fn a_delete_by_filter_does_not_pass_over_a_partition_that_is_loading() {
    scenario(async |lab| {
        sealed(&lab).await;
        lab.load_partitions("book", &["p1"]).await.ok();
        begin_load(&lab, &["p2"]).await;
        lab.delete("book", "p2", "words > 0").await.refused(103, "collection not fully loaded");
        lab.process().nodes.gate().open();
        lab.load_partitions("book", &["p2"]).await.ok();
        let deleted = lab.delete("book", "p2", "words > 0").await.ok();
        assert_eq!(deleted.text("delete_cnt"), "20");
    });
}

#[test]
fn a_load_is_not_overtaken_by_a_stream_of_writes() {
    scenario(async |lab| {
        sealed(&lab).await;
        let done = std::rc::Rc::new(std::cell::Cell::new(false));
        let writers = (0..4).map(|writer| {
            let (client, done) = (lab.client(), done.clone());
            async move {
                let mut written = 0;
                while !done.get() {
                    client.insert("book", "p1", &books([1000 + 1000 * writer + written])).await.ok();
                    written += 1;
                    assert!(written < 500, "the load never comes to its turn");
                }
            }
        });
        let load = async {
            lab.load("book", json!({})).await.ok();
            done.set(true);
        };
        futures::future::join(futures::future::join_all(writers), load).await;
    });
}
