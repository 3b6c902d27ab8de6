//! Import: files in, all rows or none.

mod crashes;

use super::library;
use crate::support::client::{Answer, Client};
use crate::support::rows::{books, create, field, index, primary_key, vector_field, vector_of};
use crate::support::{Lab, scenario, scenario_with};
use elanus::catalog::{CollectionName, ImportState};
use elanus::coordinator::Config;
use elanus::event::Event;
use futures::future::join_all;
use serde_json::{Value, json};

/// Rows of `book` as JSON Lines.
fn lines(ids: impl IntoIterator<Item = i64>) -> String {
    let line = |id: i64| format!("{}\n", json!({ "id": id, "v": vector_of(id), "words": id * 10 }));
    ids.into_iter().map(line).collect()
}

async fn begin(client: &Client, body: Value) -> String {
    let mut request = json!({ "collection_name": "book", "files": ["rows.jsonl"] });
    request.as_object_mut().expect("an object").extend(body.as_object().expect("an object").clone());
    task_of(client.call("Import", request).await)
}

fn task_of(answer: Answer) -> String {
    answer.ok().body["tasks"][0].as_str().expect("a task").to_owned()
}

/// Sends a file in pieces, as far as anybody takes them.
async fn send(client: &Client, task: &str, text: &str) {
    let pieces: Vec<&[u8]> = if text.is_empty() { vec![b""] } else { text.as_bytes().chunks(700).collect() };
    for (number, piece) in pieces.iter().enumerate() {
        let body =
            json!({ "task": task, "piece": number, "pieces": (number + 1 == pieces.len()).then_some(pieces.len()) });
        if !client.try_put(body, piece).await {
            return;
        }
    }
}

/// Sends all pieces of a file side by side, as they are sent of a Blob.
async fn send_at_once(client: &Client, task: &str, text: &str) {
    let pieces: Vec<&[u8]> = text.as_bytes().chunks(700).collect();
    let puts = pieces
        .iter()
        .enumerate()
        .map(|(number, piece)| client.try_put(json!({ "task": task, "piece": number, "pieces": pieces.len() }), piece));
    join_all(puts).await;
}

async fn state(client: &Client, task: &str) -> Value {
    client.call("GetImportState", json!({ "task": task })).await.ok().body
}

/// The last state of a job.
async fn ended(lab: &Lab, task: &str) -> Value {
    for _ in 0..10_000 {
        let now = state(lab, task).await;
        if now["state"] == "ImportCompleted" || now["state"] == "ImportFailedAndCleaned" {
            return now;
        }
        lab.executor.sleep(50).await;
    }
    panic!("{} goes on for ever", state(lab, task).await)
}

async fn import(lab: &Lab, body: Value, text: &str) -> Value {
    let task = begin(lab, body).await;
    if lab.executor.rng().below(2) == 0 && !text.is_empty() {
        send_at_once(lab, &task, text).await;
    } else {
        send(lab, &task, text).await;
    }
    ended(lab, &task).await
}

fn info<'a>(state: &'a Value, key: &str) -> &'a str {
    let infos = state["infos"].as_array().expect("a list");
    let found = infos.iter().find(|info| info["key"] == key).unwrap_or_else(|| panic!("no {key} in {state}"));
    found["value"].as_str().expect("a text")
}

#[test]
fn rows_of_a_file_can_be_found() {
    scenario(async |lab| {
        library(&lab, 5, "COSINE").await;
        let done = import(&lab, json!({ "partition_name": "p1" }), &lines(1000..1100)).await;
        assert_eq!((&done["state"], &done["row_count"]), (&json!("ImportCompleted"), &json!("100")));
        for (key, value) in [
            ("files", "rows.jsonl"),
            ("collection", "book"),
            ("partition", "p1"),
            ("failed_reason", ""),
            ("progress_percent", "100"),
        ] {
            assert_eq!(info(&done, key), value);
        }
        assert!(info(&done, "persist_cost").contains('.'));
        assert_eq!(done["segment_ids"].as_array().map(Vec::len), Some(1));
        assert_eq!(lab.load_state("book", &[]).await, "LoadStateNotLoad");
        lab.settle().await;
        lab.assert_tidy().await;
        lab.load("book", json!({})).await.ok();
        assert_eq!(lab.keys("book", &["p1"]).await, (101..106).chain(1000..1100).collect::<Vec<_>>());
        let nearest = json!({ "search_params": [{ "key": "topk", "value": 1 }] });
        let found = lab.search("book", &[vector_of(1050)], nearest).await;
        assert_eq!(found.ok().scores().len(), 1);
        lab.reopen().await;
        assert_eq!(state(&lab, done["id"].as_str().expect("an id")).await, done);
        let tasks = lab.call_on("ListImportTasks", "book", json!({})).await.ok().body["tasks"].clone();
        assert_eq!(tasks, json!([done]));
    });
}

#[test]
fn states_come_in_order() {
    scenario(async |lab| {
        library(&lab, 0, "L2").await;
        import(&lab, json!({}), &lines(1..3000)).await;
        let events = lab.process().events.borrow().clone();
        let told: Vec<_> = events
            .iter()
            .filter_map(|event| match event {
                Event::ImportState { state, progress, row_count, .. } => {
                    Some((*state, *progress, row_count.parse::<u64>().expect("a number")))
                }
                _ => None,
            })
            .collect();
        let mut states: Vec<ImportState> = told.iter().map(|(state, ..)| *state).collect();
        states.dedup();
        use ImportState::{Completed, Pending, Persisted, Started};
        assert_eq!(states, [Pending, Started, Persisted, Completed]);
        assert!(told.windows(2).all(|pair| pair[0].1 <= pair[1].1 && pair[0].2 <= pair[1].2), "{told:?}");
        assert!(told.iter().any(|(state, _, rows)| *state == Started && (1..2999).contains(rows)), "{told:?}");
    });
}

#[test]
fn an_import_into_a_loaded_collection_shows_when_it_is_completed() {
    scenario(async |lab| {
        library(&lab, 5, "L2").await;
        lab.load("book", json!({})).await.ok();
        lab.insert("book", "p1", &books(500..505)).await.ok();
        let before = lab.keys("book", &[]).await;
        let task = begin(&lab, json!({ "partition_name": "p1" })).await;
        send(&lab, &task, &lines(1000..1050)).await;
        let after: Vec<i64> = before.iter().copied().chain(1000..1050).collect();
        loop {
            let was_completed = state(&lab, &task).await["state"] == "ImportCompleted";
            let keys = lab.keys("book", &[]).await;
            assert!(keys == after || (keys == before && !was_completed), "{keys:?}");
            if was_completed {
                break;
            }
        }
        lab.delete("book", "", "id in [1000, 1049]").await.ok();
        let after = &after[..after.len() - 1];
        let after: Vec<i64> = after.iter().copied().filter(|id| *id != 1000).collect();
        assert_eq!(lab.keys("book", &[]).await, after);
        lab.flush("book").await.ok();
        lab.reopen().await;
        assert_eq!(lab.keys("book", &[]).await, after);
        lab.settle().await;
        lab.assert_tidy().await;
    });
}

/// What was deleted before an import was committed is not meant for its rows, wherever the delete is then.
#[test]
fn deletes_of_before_spare_imported_rows() {
    for flush_first in [false, true] {
        scenario(async move |lab| {
            library(&lab, 5, "L2").await;
            lab.load("book", json!({})).await.ok();
            lab.delete("book", "", "id in [1, 2, 1000]").await.ok();
            lab.upsert("book", "", &books([1001])).await.ok();
            lab.delete("book", "", "id == 1001").await.ok();
            if flush_first {
                lab.flush("book").await.ok();
                lab.delete("book", "", "id in [1002]").await.ok();
            }
            import(&lab, json!({}), &lines(1000..1010)).await;
            let expected: Vec<i64> = (3..6).chain(1000..1010).collect();
            assert_eq!(lab.keys("book", &["_default"]).await, expected);
            lab.reopen().await;
            assert_eq!(lab.keys("book", &["_default"]).await, expected);
            for round in 0..5 {
                lab.compact("book").await.ok();
                lab.insert("book", "", &books([2000 + round])).await.ok();
                lab.delete("book", "", &format!("id == {}", 2000 + round)).await.ok();
                lab.flush("book").await.ok();
                assert_eq!(lab.keys("book", &["_default"]).await, expected);
            }
            lab.delete("book", "", "id == 1003").await.ok();
            lab.flush("book").await.ok();
            lab.release("book").await.ok();
            lab.load("book", json!({})).await.ok();
            let expected: Vec<i64> = expected.into_iter().filter(|id| *id != 1003).collect();
            assert_eq!(lab.keys("book", &["_default"]).await, expected);
        });
    }
}

#[test]
fn a_row_in_the_log_does_not_keep_imported_segments_apart_for_ever() {
    scenario(async |lab| {
        library(&lab, 0, "L2").await;
        lab.insert("book", "", &books([1])).await.ok();
        for from in [100, 200, 300, 400, 500] {
            import(&lab, json!({}), &lines(from..from + 10)).await;
        }
        lab.settle().await;
        let segments =
            lab.catalog().await.collections.values().flat_map(|it| it.segments().cloned().collect::<Vec<_>>()).count();
        assert!(segments < 4, "{segments}");
        lab.load("book", json!({})).await.ok();
        assert_eq!(lab.count("book", &[]).await.ok().numbers("count(*)"), [51]);
    });
}

#[test]
fn earlier_deletes_leave_the_log_before_imported_rows_are_compacted() {
    scenario(async |lab| {
        library(&lab, 0, "L2").await;
        lab.load("book", json!({})).await.ok();
        lab.upsert("book", "", &books((0..5).map(|round| 1000 + round * 10))).await.ok();
        lab.delete("book", "", "id in [1000, 1010, 1020, 1030, 1040]").await.ok();
        for round in 0..5 {
            import(&lab, json!({}), &lines(1000 + round * 10..1010 + round * 10)).await;
        }
        let expected: Vec<i64> = (1000..1050).collect();
        let segments = async || {
            let catalog = lab.catalog().await;
            catalog.resolve(CollectionName::new("default", "book")).expect("there").segments().count()
        };
        lab.settle().await;
        assert!(segments().await < 4);
        lab.reopen().await;
        assert_eq!(lab.keys("book", &[]).await, expected);
        lab.settle().await;
        lab.assert_tidy().await;
    });
}

#[test]
fn a_bad_row_leaves_nothing() {
    scenario(async |lab| {
        library(&lab, 5, "COSINE").await;
        lab.flush("book").await.ok();
        lab.load("book", json!({})).await.ok();
        let too_long = json!({ "id": 7, "v": [1, 2, 3], "words": 1 });
        for (bad, why) in [("{\"id\": 1}\n".to_owned(), "field 'v'"), (format!("{too_long}\n"), "field 'v'")] {
            let text = format!("{}{bad}{}", lines(1000..1080), lines(1080..1090));
            let failed = import(&lab, json!({}), &text).await;
            assert_eq!((&failed["state"], &failed["row_count"]), (&json!("ImportFailedAndCleaned"), &json!("0")));
            let reason = info(&failed, "failed_reason");
            assert!(reason.contains("row 81") && reason.contains(why), "{reason}");
            assert_eq!(info(&failed, "progress_percent"), "0");
            lab.assert_tidy().await;
            assert_eq!(lab.count("book", &[]).await.ok().numbers("count(*)"), [15]);
        }
        lab.reopen().await;
        lab.assert_tidy().await;
        assert_eq!(lab.count("book", &[]).await.ok().numbers("count(*)"), [15]);
    });
}

#[test]
fn a_row_that_an_insert_would_refuse_is_named() {
    scenario(async |lab| {
        let mut title = field("title", 21);
        title["type_params"] = json!([{ "key": "max_length", "value": "5" }]);
        lab.call("CreateCollection", create("book", &[primary_key(), vector_field("v", 2), title])).await.ok();
        let line = |id: i64, title: &str| format!("{}\n", json!({ "id": id, "v": [0.5, id], "title": title }));
        let mut text: String = (0..100).map(|id| line(id, "short")).collect();
        text += &line(100, "longer");
        let failed = import(&lab, json!({}), &text).await;
        let reason = info(&failed, "failed_reason");
        assert!(reason.starts_with("file rows.jsonl, row 101: length of varchar field title exceeds"), "{reason}");
        lab.assert_tidy().await;
    });
}

#[test]
fn arguments_are_refused_as_by_milvus() {
    scenario(async |lab| {
        library(&lab, 0, "L2").await;
        let files = |files: &[&str]| json!({ "files": files });
        for (body, code, text) in [
            (json!({ "partition_name": "nope", "files": ["a.jsonl"] }), 200, "partition not found[partition=nope]"),
            (files(&[]), 1100, "import request is empty: invalid parameter"),
            (files(&["a.txt"]), 2100, "unexpected file type"),
            (files(&["a.jsonl", "b.csv"]), 2100, "inconsistency in file types, (a.jsonl) vs (b.csv)"),
            (files(&["a.jsonl", "b.jsonl"]), 2100, "for JSONL import, accepts only one file"),
            (files(&["a.parquet", "b.parquet"]), 2100, "for Parquet import, accepts only one file"),
            (files(&["a.jsonl"; 1025]), 2100, "The max number of import files should not exceed 1024, but got 1025"),
        ] {
            lab.call_on("Import", "book", body).await.refused(code, text);
        }
        lab.call_on("Import", "nope", files(&["a.jsonl"])).await.refused(100, "collection not found");
        let unknown = "import job does not exist, jobID=123";
        lab.call("GetImportState", json!({ "task": 123 })).await.refused(2101, unknown);
        lab.call("GetImportState", json!({})).await.refused(2101, "import job does not exist, jobID=0");
        lab.call("GetImportState", json!({ "task": "x" })).await.refused(1100, "parse job id failed: x");
        lab.call("CancelImport", json!({ "task": "123" })).await.refused(2101, unknown);
        lab.call_on("ListImportTasks", "nope", json!({})).await.refused(100, "collection not found");
        assert_eq!(lab.call_on("ListImportTasks", "book", json!({})).await.ok().body["tasks"], json!([]));
    });
}

#[test]
fn a_partition_key_and_shards_place_rows_as_inserts_do() {
    scenario(async |lab| {
        let mut color = field("color", 21);
        color["is_partition_key"] = json!(true);
        color["type_params"] = json!([{ "key": "max_length", "value": "20" }]);
        let mut request = create("book", &[primary_key(), vector_field("v", 2), color]);
        (request["num_partitions"], request["shards_num"]) = (json!(4), json!(2));
        lab.call("CreateCollection", request).await.ok();
        lab.call("CreateIndex", index("book", "v", "L2")).await.ok();
        let refused = lab.call_on("Import", "book", json!({ "partition_name": "x", "files": ["a.jsonl"] })).await;
        refused.refused(2100, "not allow to set partition name for collection with partition key");
        lab.load("book", json!({})).await.ok();
        let colors = ["red", "green", "blue", "white", "black"];
        let row = |id: i64| json!({ "id": id, "v": [id, 1], "color": colors[id as usize % 5] });
        let text: String = (0..200).map(|id| format!("{}\n", row(id))).collect();
        let done = import(&lab, json!({}), &text).await;
        assert_eq!(done["row_count"], "200");
        let catalog = lab.catalog().await;
        let collection = catalog.resolve(CollectionName::new("default", "book")).expect("there");
        assert!(collection.segments().any(|it| it.shard == 0) && collection.segments().any(|it| it.shard == 1));
        assert!(collection.partitions.iter().filter(|it| !it.segments.is_empty()).count() > 1);
        // A delete and a replacement find each row in its shard and partition.
        lab.delete("book", "", "id in [3, 4, 5]").await.ok();
        let expected: Vec<i64> = (0..200).filter(|id| !(3..6).contains(id)).collect();
        assert_eq!(lab.keys("book", &[]).await, expected);
        let red = lab.query("book", json!({ "expr": "color == 'red'", "output_fields": ["id"] })).await.ok();
        assert_eq!(red.numbers("id").len(), 39);
        lab.settle().await;
        lab.assert_tidy().await;
    });
}

#[test]
fn keys_are_generated_and_told() {
    scenario(async |lab| {
        let mut key = primary_key();
        key["autoID"] = json!(true);
        lab.call("CreateCollection", create("book", &[key, vector_field("v", 2)])).await.ok();
        lab.call("CreateIndex", index("book", "v", "L2")).await.ok();
        lab.load("book", json!({})).await.ok();
        let text: String = (0..150).map(|at| format!("{}\n", json!({ "v": [at, 1] }))).collect();
        let mut told: Vec<i64> = Vec::new();
        for _ in 0..2 {
            let done = import(&lab, json!({}), &text).await;
            let ids = done["id_list"].as_array().expect("a list").clone();
            told.extend(ids.iter().map(|id| id.as_str().expect("a text").parse::<i64>().expect("a number")));
            lab.reopen().await;
        }
        told.sort_unstable();
        told.dedup();
        assert_eq!(told.len(), 300);
        assert_eq!(lab.keys("book", &[]).await, told);
        let failed = import(&lab, json!({}), "{\"id\": 1, \"v\": [1, 2]}\n").await;
        assert_eq!(failed["state"], "ImportFailedAndCleaned");
    });
}

#[test]
fn a_file_without_rows_completes_at_once() {
    scenario(async |lab| {
        library(&lab, 0, "L2").await;
        for text in ["", "\n\n"] {
            let done = import(&lab, json!({}), text).await;
            assert_eq!((&done["state"], &done["row_count"]), (&json!("ImportCompleted"), &json!("0")));
        }
        lab.settle().await;
        lab.assert_tidy().await;
    });
}

#[test]
fn what_goes_away_ends_its_import() {
    scenario(async |lab| {
        for (method, body) in [
            ("DropPartition", json!({ "partition_name": "p1" })),
            ("DropCollection", json!({})),
            ("CancelImport", json!({})),
        ] {
            lab.call_on("DropCollection", "book", json!({})).await.ok();
            library(&lab, 5, "L2").await;
            let task = begin(&lab, json!({ "partition_name": "p1" })).await;
            lab.process().nodes.gate().shut();
            let (client, sent) = (lab.client(), task.clone());
            lab.executor.spawn("send", async move { send(&client, &sent, &lines(1000..1100)).await });
            lab.executor.sleep(lab.executor.rng().below(100)).await;
            let mut body = body.clone();
            body["task"] = json!(task);
            lab.call_on(method, "book", body).await.ok();
            lab.process().nodes.gate().open();
            let failed = ended(&lab, &task).await;
            assert_eq!(failed["state"], "ImportFailedAndCleaned");
            let reason = info(&failed, "failed_reason");
            let expected = if method == "CancelImport" { "cancelled" } else { "dropped" };
            assert!(reason.contains(expected), "{method}: {reason}");
            lab.settle().await;
            lab.assert_tidy().await;
            lab.call("CancelImport", json!({ "task": task })).await.ok();
        }
    });
}

#[test]
fn what_is_completed_cannot_be_cancelled() {
    scenario(async |lab| {
        library(&lab, 0, "L2").await;
        lab.load("book", json!({})).await.ok();
        let task = begin(&lab, json!({})).await;
        send(&lab, &task, &lines(1..40)).await;
        lab.executor.sleep(lab.executor.rng().below(60)).await;
        let cancelled = lab.call("CancelImport", json!({ "task": task, "reason": "no more" })).await.is_ok();
        let ended = ended(&lab, &task).await;
        let count = lab.count("book", &[]).await.ok().numbers("count(*)")[0];
        match cancelled {
            true => assert_eq!((info(&ended, "failed_reason"), count), ("no more", 0)),
            false => assert_eq!((&ended["state"], count), (&json!("ImportCompleted"), 39)),
        }
        lab.settle().await;
        lab.assert_tidy().await;
    });
}

#[test]
fn jobs_are_forgotten_three_hours_after_their_end() {
    scenario(async |lab| {
        library(&lab, 0, "L2").await;
        let first = import(&lab, json!({}), &lines(1..5)).await;
        let task = first["id"].as_str().expect("an id").to_owned();
        lab.executor.sleep(10_000_000).await;
        state(&lab, &task).await;
        let second = import(&lab, json!({}), &lines(5..9)).await;
        let listed = lab.call_on("ListImportTasks", "book", json!({})).await.ok().body["tasks"].clone();
        assert_eq!(listed, json!([first, second]));
        let last = lab.call_on("ListImportTasks", "book", json!({ "limit": 1 })).await.ok().body["tasks"].clone();
        assert_eq!(last, json!([second]));
        lab.executor.sleep(1_000_000).await;
        lab.call("GetImportState", json!({ "task": task })).await.refused(2101, "import job does not exist");
        lab.reopen().await;
        assert_eq!(lab.catalog().await.imports.len(), 1);
    });
}

#[test]
fn imported_rows_expire_from_their_commit_on() {
    scenario(async |lab| {
        library(&lab, 0, "L2").await;
        lab.load("book", json!({})).await.ok();
        import(&lab, json!({}), &lines(1..50)).await;
        let ttl = json!({ "properties": [{ "key": "collection.ttl.seconds", "value": "600" }] });
        lab.call_on("AlterCollection", "book", ttl).await.ok();
        assert_eq!(lab.count("book", &[]).await.ok().numbers("count(*)"), [49]);
        lab.executor.sleep(601_000).await;
        assert_eq!(lab.count("book", &[]).await.ok().numbers("count(*)"), [0]);
        lab.compact("book").await.ok();
        lab.settle().await;
        assert_eq!(
            lab.catalog().await.resolve(CollectionName::new("default", "book")).expect("there").segments().count(),
            0
        );
        lab.assert_tidy().await;
    });
}

/// Each step has more rows than the buffer holds, so that segments are there long before the end.
#[test]
fn an_import_of_many_segments_is_one() {
    let config = Config { import_buffer_bytes: 300, ..Config::default() };
    scenario_with(config, async |lab| {
        library(&lab, 5, "COSINE").await;
        lab.load("book", json!({})).await.ok();
        let failed = import(&lab, json!({}), &format!("{}{{}}\n", lines(1000..8000))).await;
        assert_eq!(failed["state"], "ImportFailedAndCleaned");
        lab.assert_tidy().await;
        let done = import(&lab, json!({}), &lines(1000..8000)).await;
        assert!(done["segment_ids"].as_array().is_some_and(|segments| segments.len() > 4), "{done}");
        assert_eq!(lab.keys("book", &["_default"]).await, (1..6).chain(1000..8000).collect::<Vec<_>>());
        lab.settle().await;
        lab.reopen().await;
        assert_eq!(lab.keys("book", &["_default"]).await, (1..6).chain(1000..8000).collect::<Vec<_>>());
        lab.settle().await;
        lab.assert_tidy().await;
    });
}
