//! What becomes of an import when something dies, goes away or is full.

use super::{begin, ended, import, info, lines, send, send_at_once, state};
use crate::behaviour::library;
use crate::support::{Lab, scenario, scenario_with};
use elanus::cluster::NodeKind;
use elanus::coordinator::Config;
use elanus::event::Event;
use elanus::storage::faulty::{Fault, Torn};
use serde_json::json;

#[test]
fn a_client_that_falls_silent_fails_its_import() {
    scenario(async |lab| {
        library(&lab, 0, "L2").await;
        for reopen in [false, true] {
            let task = begin(&lab, json!({})).await;
            let piece = json!({ "task": task, "piece": 0 });
            assert!(lab.try_put(piece, b"{\"id\":").await);
            if reopen {
                lab.reopen().await;
                assert_eq!(state(&lab, &task).await["state"], "ImportStarted");
            }
            let failed = ended(&lab, &task).await;
            assert_eq!(info(&failed, "failed_reason"), "the page that sent the files has gone");
            lab.assert_tidy().await;
            let late = json!({ "task": task, "piece": 1, "pieces": 2 });
            assert!(!lab.try_put(late, b"1}").await);
            lab.assert_tidy().await;
        }
    });
}

/// What the coordinator last asked to be fetched: the file's attempt.
fn wanted_attempt(lab: &Lab) -> Option<u32> {
    let events = lab.process().events.borrow().clone();
    events.iter().rev().find_map(|event| match event {
        Event::ImportSource { files, .. } => Some(files[0].attempt),
        _ => None,
    })
}

#[test]
fn what_has_a_url_is_fetched_at_once_and_again_for_the_next_owner() {
    scenario(async |lab| {
        library(&lab, 0, "L2").await;
        let wanted = |lab: &Lab| {
            let events = lab.process().events.borrow().clone();
            let files = events.into_iter().filter_map(|event| match event {
                Event::ImportSource { files, .. } => Some(files),
                _ => None,
            });
            files.flatten().map(|file| (file.name, file.attempt)).collect::<Vec<_>>()
        };
        let files = json!(["id.npy", "v.npy"]);
        begin(&lab, json!({ "files": files, "urls": [null, "https://a.example/v.npy"] })).await;
        assert_eq!(wanted(&lab), [("v.npy".to_owned(), 0)]);
        lab.reopen().await;
        lab.executor.sleep(100).await;
        assert_eq!(wanted(&lab), [("v.npy".to_owned(), 1)]);
        let task = begin(&lab, json!({ "urls": ["https://a.example/rows.jsonl"] })).await;
        lab.reopen().await;
        lab.executor.sleep(100).await;
        let rows = json!({ "task": task, "attempt": 1, "piece": 0, "pieces": 1 });
        assert!(lab.try_put(rows, lines(1..10).as_bytes()).await);
        assert_eq!(ended(&lab, &task).await["row_count"], "9");
    });
}

#[test]
fn a_url_is_fetched_again_of_which_nothing_comes() {
    scenario(async |lab| {
        library(&lab, 0, "L2").await;
        let task = begin(&lab, json!({ "urls": ["https://a.example/rows.jsonl"] })).await;
        let piece = |attempt: u32, piece: u32, is_last: bool| json!({ "task": task, "attempt": attempt, "piece": piece, "pieces": is_last.then_some(piece + 1) });
        assert!(lab.try_put(piece(0, 0, false), lines(1..10).as_bytes()).await);
        lab.executor.sleep(200_000).await;
        assert_eq!(wanted_attempt(&lab), Some(1));
        lab.reopen().await;
        lab.executor.sleep(15_000).await;
        assert_eq!(wanted_attempt(&lab), Some(2));
        // The page was only slow: what it sends now is not mixed with what is fetched.
        assert!(lab.try_put(piece(2, 0, false), lines(100..110).as_bytes()).await);
        assert!(lab.try_put(piece(0, 1, true), lines(10..20).as_bytes()).await);
        assert_eq!(state(&lab, &task).await["state"], "ImportStarted");
        assert!(lab.try_put(piece(2, 1, true), lines(110..120).as_bytes()).await);
        assert_eq!(ended(&lab, &task).await["row_count"], "20");
        lab.load("book", json!({})).await.ok();
        assert_eq!(lab.keys("book", &[]).await, (100..120).collect::<Vec<_>>());
        lab.assert_tidy().await;
    });
}

#[test]
fn a_url_that_never_comes_fails_its_import() {
    scenario(async |lab| {
        library(&lab, 0, "L2").await;
        let task = begin(&lab, json!({ "urls": ["https://a.example/rows.jsonl"] })).await;
        lab.executor.sleep(600_000).await;
        let failed = ended(&lab, &task).await;
        assert_eq!(info(&failed, "failed_reason"), "the page that sent the files has gone");
        assert_eq!(wanted_attempt(&lab), Some(3));
        lab.assert_tidy().await;
    });
}

#[test]
fn a_page_that_says_that_it_is_there_is_waited_for() {
    scenario(async |lab| {
        library(&lab, 0, "L2").await;
        let task = begin(&lab, json!({})).await;
        for _ in 0..20 {
            lab.executor.sleep(60_000).await;
            lab.call("ImportAlive", json!({ "task": task })).await.ok();
        }
        send(&lab, &task, &lines(1..10)).await;
        assert_eq!(ended(&lab, &task).await["state"], "ImportCompleted");
    });
}

#[test]
fn a_page_that_found_the_next_owner_may_be_slow_again() {
    scenario(async |lab| {
        library(&lab, 0, "L2").await;
        let task = begin(&lab, json!({})).await;
        lab.reopen().await;
        lab.executor.sleep(5_000).await;
        lab.call("ImportAlive", json!({ "task": task })).await.ok();
        lab.executor.sleep(100_000).await;
        assert_eq!(state(&lab, &task).await["state"], "ImportPending");
        send(&lab, &task, &lines(1..10)).await;
        assert_eq!(ended(&lab, &task).await["state"], "ImportCompleted");
    });
}

#[test]
fn an_import_may_take_no_longer_than_its_timeout() {
    scenario(async |lab| {
        library(&lab, 0, "L2").await;
        let body = json!({ "options": [{ "key": "timeout", "value": "1m30s" }] });
        let task = begin(&lab, body.clone()).await;
        for reopen in [false, true] {
            lab.executor.sleep(40_000).await;
            lab.call("ImportAlive", json!({ "task": task })).await.ok();
            if reopen {
                lab.reopen().await;
            }
        }
        let failed = ended(&lab, &task).await;
        assert_eq!(info(&failed, "failed_reason"), "import timeout");
        lab.assert_tidy().await;
        assert_eq!(import(&lab, body, &lines(1..10)).await["state"], "ImportCompleted");
    });
}

#[test]
fn a_source_that_is_stored_as_it_comes_is_read_from_the_store() {
    scenario(async |lab| {
        library(&lab, 0, "L2").await;
        let task = begin(&lab, json!({})).await;
        for piece in 0..50 {
            let of = (piece == 49).then_some(50);
            let body = json!({ "task": task, "piece": piece, "pieces": of });
            assert!(lab.try_put(body, lines(piece * 10..piece * 10 + 10).as_bytes()).await);
        }
        assert_eq!(ended(&lab, &task).await["row_count"], "500");
        assert!(lab.process().nodes.lent_pieces() <= 1, "{} pieces", lab.process().nodes.lent_pieces());
    });
}

#[test]
fn progress_tells_how_much_of_the_source_is_stored_and_read() {
    scenario(async |lab| {
        library(&lab, 0, "L2").await;
        let task = begin(&lab, json!({})).await;
        for (number, only_stored, all_read) in [(0, 2, 21), (1, 5, 44), (2, 7, 66)] {
            let body = json!({ "task": task, "piece": number, "expected_bytes": 400 });
            assert!(lab.try_put(body, &[b' '; 100]).await);
            let percent = async || {
                let now = state(&lab, &task).await;
                assert_eq!(now["state"], "ImportStarted");
                info(&now, "progress_percent").parse::<u32>().expect("a number")
            };
            assert!((only_stored..=all_read).contains(&percent().await));
            lab.executor.sleep(500).await;
            assert_eq!(percent().await, all_read);
        }
    });
}

#[test]
fn a_source_goes_on_with_the_next_owner() {
    scenario(async |lab| {
        library(&lab, 0, "L2").await;
        let body = json!({ "request_id": "0123456789abcdef0123456789abcdef" });
        let task = begin(&lab, body.clone()).await;
        assert!(lab.try_put(json!({ "task": task, "piece": 0 }), lines(1..10).as_bytes()).await);
        lab.reopen().await;
        assert_eq!(begin(&lab, body).await, task);
        let gap = json!({ "task": task, "piece": 2, "pieces": 3 });
        assert!(lab.try_put(gap, lines(20..30).as_bytes()).await);
        lab.executor.sleep(3_000).await;
        assert_eq!(state(&lab, &task).await["state"], "ImportStarted", "a source with a gap is no source");
        lab.reopen().await;
        for (number, ids) in [(2, 20..30), (1, 10..20), (1, 10..20)] {
            let body = json!({ "task": task, "piece": number, "pieces": 3 });
            assert!(lab.try_put(body, lines(ids).as_bytes()).await);
        }
        assert_eq!(ended(&lab, &task).await["row_count"], "29");
        lab.load("book", json!({})).await.ok();
        assert_eq!(lab.keys("book", &[]).await, (1..30).collect::<Vec<_>>());
    });
}

#[test]
fn a_source_that_comes_slowly_keeps_no_other_waiting() {
    scenario(async |lab| {
        library(&lab, 0, "L2").await;
        lab.load("book", json!({})).await.ok();
        let slow = begin(&lab, json!({})).await;
        let first = json!({ "task": slow, "piece": 0, "expected_bytes": lines(100..200).len() });
        assert!(lab.try_put(first, lines(100..110).as_bytes()).await);
        lab.executor.sleep(200).await;
        assert_ne!(info(&state(&lab, &slow).await, "progress_percent"), "1", "it is read as far as it has come");
        let before_ms = lab.executor.now_ms();
        assert_eq!(import(&lab, json!({}), &lines(1..10)).await["state"], "ImportCompleted");
        assert!(lab.executor.now_ms() - before_ms < 5_000);
        lab.executor.sleep(20_000).await;
        assert_eq!(state(&lab, &slow).await["state"], "ImportStarted");
        assert_eq!(lab.keys("book", &[]).await, (1..10).collect::<Vec<_>>());
        assert!(lab.try_put(json!({ "task": slow, "piece": 1, "pieces": 2 }), lines(110..120).as_bytes()).await);
        assert_eq!(ended(&lab, &slow).await["row_count"], "20");
        assert_eq!(lab.keys("book", &[]).await, (1..10).chain(100..120).collect::<Vec<_>>());
        lab.settle().await;
        lab.assert_tidy().await;
    });
}

#[test]
fn a_bad_row_ends_a_job_whose_source_still_comes() {
    scenario(async |lab| {
        library(&lab, 0, "L2").await;
        let task = begin(&lab, json!({})).await;
        // It may be read, and the job have failed, before it is stored.
        lab.try_put(json!({ "task": task, "piece": 0 }), &b"{\"id\": 1}\n".repeat(2000)).await;
        let failed = ended(&lab, &task).await;
        assert!(info(&failed, "failed_reason").contains("row 1"), "{failed}");
        assert!(!lab.try_put(json!({ "task": task, "piece": 1, "pieces": 2 }), b"{}").await);
        lab.assert_tidy().await;
    });
}

#[test]
fn a_process_that_dies_at_any_write_imports_all_or_nothing_once() {
    for torn in [Torn::Lost, Torn::Half, Torn::Done] {
        scenario(async move |lab| {
            library(&lab, 5, "COSINE").await;
            lab.load("book", json!({})).await.ok();
            lab.settle().await;
            let task = begin(&lab, json!({ "partition_name": "p2" })).await;
            lab.crash_at(lab.executor.rng().below(24), torn);
            let (client, sent) = (lab.client(), task.clone());
            let at_once = lab.executor.rng().below(2) == 0;
            lab.executor.spawn("send", async move {
                if at_once {
                    send_at_once(&client, &sent, &lines(1000..1040)).await;
                } else {
                    send(&client, &sent, &lines(1000..1040)).await;
                }
            });
            lab.settle().await;
            lab.reopen().await;
            lab.settle().await;
            let ended = ended(&lab, &task).await;
            let imported = ended["state"] == "ImportCompleted";
            let expected: Vec<i64> = (201..206).chain((1000..1040).filter(|_| imported)).collect();
            assert_eq!(lab.keys("book", &["p2"]).await, expected);
            lab.settle().await;
            lab.assert_tidy().await;
        });
    }
}

#[test]
fn a_process_that_dies_between_any_two_steps_imports_all_once() {
    let config = Config { import_buffer_bytes: 300, ..Config::default() };
    scenario_with(config, async |lab| {
        library(&lab, 5, "COSINE").await;
        lab.load("book", json!({})).await.ok();
        let task = begin(&lab, json!({})).await;
        send(&lab, &task, &lines(1000..1040)).await;
        let mut reopened = 0;
        // Most of these deaths come in the middle of the run that the last one began.
        while reopened < 6 {
            for _ in 0..lab.executor.rng().below(60) {
                lab.executor.pause().await;
            }
            lab.reopen().await;
            reopened += 1;
        }
        let done = ended(&lab, &task).await;
        assert_eq!((&done["state"], &done["row_count"]), (&json!("ImportCompleted"), &json!("40")));
        assert_eq!(lab.keys("book", &["_default"]).await, (1..6).chain(1000..1040).collect::<Vec<_>>());
        lab.settle().await;
        lab.assert_tidy().await;
    });
}

#[test]
fn a_data_node_that_dies_is_replaced() {
    scenario(async |lab| {
        library(&lab, 0, "L2").await;
        lab.load("book", json!({})).await.ok();
        let task = begin(&lab, json!({})).await;
        send(&lab, &task, &lines(1..100)).await;
        for _ in 0..2 {
            lab.executor.sleep(lab.executor.rng().below(30)).await;
            for node in lab.process().nodes.running(NodeKind::Data) {
                lab.process().nodes.kill(&node);
            }
        }
        let done = ended(&lab, &task).await;
        assert_eq!(done["row_count"], "99");
        assert_eq!(lab.keys("book", &[]).await, (1..100).collect::<Vec<_>>());
        lab.settle().await;
        lab.assert_tidy().await;
    });
}

#[test]
fn an_owner_that_lost_the_store_leaves_the_job_to_the_next() {
    scenario(async |lab| {
        library(&lab, 0, "L2").await;
        let task = begin(&lab, json!({})).await;
        send(&lab, &task, &lines(1..60)).await;
        lab.executor.sleep(lab.executor.rng().below(40)).await;
        let former = lab.take_over().await;
        let done = ended(&lab, &task).await;
        assert_eq!(done["row_count"], "59");
        lab.settle().await;
        former.kill();
        lab.load("book", json!({})).await.ok();
        assert_eq!(lab.keys("book", &[]).await, (1..60).collect::<Vec<_>>());
        lab.reopen().await;
        lab.assert_tidy().await;
    });
}

#[test]
fn a_full_disk_fails_the_import_and_nothing_else() {
    scenario(async |lab| {
        library(&lab, 5, "COSINE").await;
        lab.load("book", json!({})).await.ok();
        let mut expected = 15;
        for operation in 0..30 {
            let task = begin(&lab, json!({})).await;
            (0..=operation % 5).for_each(|more| lab.process().faults.fail(operation + more, Fault::Quota));
            send(&lab, &task, &lines(1000 + operation as i64 * 10..1010 + operation as i64 * 10)).await;
            lab.settle().await;
            lab.process().faults.heal();
            if ended(&lab, &task).await["state"] == "ImportCompleted" {
                expected += 10;
            }
            assert_eq!(lab.count("book", &[]).await.ok().numbers("count(*)"), [expected]);
            lab.settle().await;
        }
        lab.reopen().await;
        lab.settle().await;
        assert_eq!(lab.count("book", &[]).await.ok().numbers("count(*)"), [expected]);
        lab.assert_tidy().await;
    });
}
