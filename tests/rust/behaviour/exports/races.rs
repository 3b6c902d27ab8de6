//! What becomes of an export when something changes, dies or goes away meanwhile.

use super::{begin, export, small_steps};
use crate::behaviour::library;
use crate::support::rows::books;
use crate::support::{Lab, scenario_with};
use elanus::cluster::NodeKind;
use serde_json::json;

fn all() -> Vec<i64> {
    (1..6).chain(101..106).chain(201..206).collect()
}

async fn filled(lab: &Lab) {
    library(lab, 5, "COSINE").await;
    lab.flush("book").await.ok();
}

async fn step_some(lab: &Lab, begun: &mut super::Begun) {
    for _ in 0..lab.executor.rng().below(8) {
        begun.step(lab).await;
    }
}

#[test]
fn writes_flushes_and_compactions_do_not_show_in_it() {
    scenario_with(small_steps(), async |lab| {
        filled(&lab).await;
        let mut begun = begin(&lab, "book", json!({})).await;
        step_some(&lab, &mut begun).await;
        lab.delete("book", "", "id in [1, 2, 3, 104, 105, 205]").await.ok();
        lab.upsert("book", "p1", &books([101, 150])).await.ok();
        lab.flush("book").await.ok();
        step_some(&lab, &mut begun).await;
        lab.compact("book").await.ok();
        for id in 300..305 {
            lab.insert("book", "", &books([id])).await.ok();
            lab.flush("book").await.ok();
        }
        lab.compact("book").await.ok();
        step_some(&lab, &mut begun).await;
        let other = begin(&lab, "book", json!({})).await;
        let begun = begun.finish(&lab).await;
        assert_eq!(begun.ids(), all());
        let now: Vec<i64> = [4, 5, 101, 102, 103, 150].into_iter().chain(201..205).chain(300..305).collect();
        assert_eq!(other.finish(&lab).await.ids(), now);
        lab.settle().await;
        lab.assert_tidy().await;
    });
}

#[test]
fn rows_that_are_dropped_stay_in_it() {
    scenario_with(small_steps(), async |lab| {
        filled(&lab).await;
        let mut begun = begin(&lab, "book", json!({})).await;
        let second = begin(&lab, "book", json!({ "partition_names": ["p1"] })).await;
        step_some(&lab, &mut begun).await;
        lab.call_on("DropPartition", "book", json!({ "partition_name": "p1" })).await.ok();
        lab.call_on("TruncateCollection", "book", json!({})).await.ok();
        assert_eq!(begun.finish(&lab).await.ids(), all());
        assert_eq!(second.finish(&lab).await.ids(), (101..106).collect::<Vec<_>>());
        assert_eq!(export(&lab, "book", json!({})).await.text(), "");
        lab.assert_tidy().await;
    });
}

#[test]
fn dropping_the_collection_ends_it() {
    scenario_with(small_steps(), async |lab| {
        filled(&lab).await;
        let mut begun = begin(&lab, "book", json!({})).await;
        let place = begun.body["next"].clone();
        begun.step(&lab).await;
        let during = begun.try_step(&lab, &place);
        let dropped = lab.call_on("DropCollection", "book", json!({}));
        let ((during, _), dropped) = futures::future::join(during, dropped).await;
        dropped.ok();
        assert!(during.is_ok() || during.code() == 100, "{:?}", during.body);
        begun.try_step(&lab, &place).await.0.refused(100, "collection not found[database=default][collection=book]");
        lab.assert_tidy().await;
        library(&lab, 1, "L2").await;
        begun.try_step(&lab, &place).await.0.refused(1, "begin again");
    });
}

#[test]
fn data_nodes_that_die_cost_nothing() {
    scenario_with(small_steps(), async |lab| {
        filled(&lab).await;
        lab.delete("book", "", "id == 3").await.ok();
        let mut begun = begin(&lab, "book", json!({})).await;
        loop {
            let kill = async {
                lab.executor.sleep(lab.executor.rng().below(4)).await;
                for node in lab.process().nodes.running(NodeKind::Data) {
                    lab.process().nodes.kill(&node);
                }
            };
            if lab.executor.rng().one_in(3) {
                kill.await;
                if !begun.step(&lab).await {
                    break;
                }
            } else if !futures::future::join(begun.step(&lab), kill).await.0 {
                break;
            }
        }
        let expected: Vec<i64> = all().into_iter().filter(|id| *id != 3).collect();
        assert_eq!(begun.ids(), expected);
        begun.end(&lab).await;
        lab.settle().await;
        lab.assert_tidy().await;
    });
}

#[test]
fn an_export_that_nobody_asks_about_lets_go_of_its_files() {
    scenario_with(small_steps(), async |lab| {
        filled(&lab).await;
        let mut begun = begin(&lab, "book", json!({})).await;
        lab.call_on("TruncateCollection", "book", json!({})).await.ok();
        let pinned = lab.files().await.0.len();
        assert!(pinned > 0);
        for _ in 0..3 {
            lab.executor.sleep(40_000).await;
            begun.step(&lab).await;
        }
        assert_eq!(lab.files().await.0.len(), pinned, "it is asked about now and then");
        lab.executor.sleep(61_000).await;
        lab.assert_tidy().await;
        begun.try_step(&lab, &json!({ "segment": 0, "row": 0 })).await.0.refused(1, "begin again");
    });
}

#[test]
fn an_export_goes_with_its_owner() {
    scenario_with(small_steps(), async |lab| {
        filled(&lab).await;
        let mut begun = begin(&lab, "book", json!({})).await;
        begun.step(&lab).await;
        lab.call_on("TruncateCollection", "book", json!({})).await.ok();
        lab.reopen().await;
        let (lost, _) = begun.try_step(&lab, &json!({ "segment": 0, "row": 0 })).await;
        assert_eq!(lost.status()["retriable"], true);
        lost.refused(1, "begin again");
        lab.assert_tidy().await;
    });
}
