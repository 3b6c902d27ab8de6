//! Inserts, upserts and deletes, and the values that they write.

use super::library;
use crate::support::rows::{
    batch, book, books, create, field, index, ints, jsons, primary_key, texts, vector_field, vector_of, vectors,
    with_nulls,
};
use crate::support::{Lab, scenario};
use elanus::storage::faulty::Fault;
use futures::future::join_all;
use serde_json::{Value, json};

async fn create_and_load(lab: &Lab, request: Value) {
    lab.call("CreateCollection", request).await.ok();
    lab.call("CreateIndex", index("book", "v", "L2")).await.ok();
    lab.load("book", json!({})).await.ok();
}

fn text_field(name: &str) -> Value {
    json!({ "name": name, "data_type": 21, "type_params": [{ "key": "max_length", "value": "20" }] })
}

#[test]
fn an_answered_insert_is_visible_to_everybody() {
    scenario(async |lab| {
        create_and_load(&lab, book()).await;
        let other = lab.client();
        for id in 1..8 {
            let answer = lab.insert("book", "", &books([id])).await.ok();
            assert_eq!((answer.text("insert_cnt"), answer.numbers("$key")), ("1", vec![id]));
            assert_eq!(other.keys("book", &[]).await, (1..=id).collect::<Vec<_>>());
        }
    });
}

#[test]
fn refused_rows_leave_no_trace() {
    scenario(async |lab| {
        create_and_load(&lab, book()).await;
        let mut rows = books([1, 2]);
        rows.columns.pop();
        let refused = lab.insert("book", "", &rows).await.refused(1100, "fieldSchema(words)");
        assert_eq!(refused.body["err_index"], json!([0, 1]));
        lab.insert("book", "nope", &books([1])).await.refused(200, "partition not found");
        lab.upsert("book", "", &books([1, 1])).await.refused(1100, "duplicate primary keys");
        lab.call_on("Insert", "book", json!({})).await.refused(1100, "the rows are missing");
        lab.call_on("Upsert", "book", json!({ "partial_update": true })).await.refused(10, "partial_update");
        assert_eq!(lab.keys("book", &[]).await, [] as [i64; 0]);
        lab.reopen().await;
        assert_eq!(lab.keys("book", &[]).await, [] as [i64; 0]);
    });
}

#[test]
fn inserts_that_come_at_once_are_committed_together() {
    scenario(async |lab| {
        create_and_load(&lab, book()).await;
        let commits_before = lab.process().faults.writes();
        let insert = async |id| lab.insert("book", "", &books([id])).await.ok().numbers("$key");
        let keys = join_all((1..=60).map(insert)).await;
        assert_eq!(keys, (1..=60).map(|id| vec![id]).collect::<Vec<_>>());
        let commits = lab.process().faults.writes() - commits_before;
        assert!(commits <= 30, "{commits} commits");
        assert_eq!(lab.keys("book", &[]).await, (1..=60).collect::<Vec<_>>());
        lab.reopen().await;
        assert_eq!(lab.keys("book", &[]).await, (1..=60).collect::<Vec<_>>());
    });
}

#[test]
fn of_inserts_that_come_at_once_each_is_refused_for_itself() {
    scenario(async |lab| {
        library(&lab, 0, "L2").await;
        lab.load("book", json!({})).await.ok();
        let call = async |id: i64| {
            let mut rows = books([id]);
            match id % 5 {
                1 => lab.insert("book", "nowhere", &rows).await.refused(200, "partition not found"),
                2 => {
                    rows.columns.pop();
                    lab.insert("book", "", &rows).await.refused(1100, "fieldSchema(words)")
                }
                3 => lab.insert("book", "p1", &rows).await.ok(),
                4 => lab.upsert("book", "", &rows).await.ok(),
                _ => lab.insert("book", "", &rows).await.ok(),
            };
        };
        join_all((1..=50).map(call)).await;
        let there: Vec<i64> = (1..=50).filter(|id| !matches!(id % 5, 1 | 2)).collect();
        let in_p1: Vec<i64> = (1..=50).filter(|id| id % 5 == 3).collect();
        assert_eq!((lab.keys("book", &[]).await, lab.keys("book", &["p1"]).await), (there, in_p1));
    });
}

#[test]
fn inserts_of_a_commit_that_fails_are_all_refused() {
    scenario(async |lab| {
        create_and_load(&lab, book()).await;
        let faults = lab.process().faults;
        (0..12).for_each(|operation| faults.fail(operation, Fault::Quota));
        let insert = async |id| (id, lab.insert("book", "", &books([id])).await);
        let answers = join_all((1..=40).map(insert)).await;
        faults.heal();
        let there: Vec<i64> = answers.iter().filter(|(_, answer)| answer.is_ok()).map(|(id, _)| *id).collect();
        for (_, answer) in answers.into_iter().filter(|(_, answer)| !answer.is_ok()) {
            answer.refused(7, "disk limit");
        }
        assert_eq!(lab.keys("book", &[]).await, there);
        lab.reopen().await;
        assert_eq!(lab.keys("book", &[]).await, there);
    });
}

/// None is overtaken by a write that was called later, whatever is committed together.
#[test]
fn writes_that_come_at_once_have_their_turns_in_order() {
    scenario(async |lab| {
        create_and_load(&lab, book()).await;
        let coordinator = lab.process().coordinator;
        let mut calls = Vec::new();
        for id in 1..=12 {
            let rows = |words| {
                let mut rows = books([id]);
                rows.columns[2].1 = ints([words]);
                vec![rows.encode()]
            };
            let named = json!({ "collection_name": "book" });
            let delete = json!({ "collection_name": "book", "expr": format!("id in [{id}]") });
            calls.push(("Insert", named.clone(), rows(1)));
            if id % 2 == 0 {
                calls.push(("Upsert", named.clone(), rows(2)));
            }
            calls.push(("Delete", delete, Vec::new()));
            if id % 3 == 0 {
                calls.push(("Insert", named, rows(3)));
            }
        }
        let bodies: Vec<String> = calls.iter().map(|(_, body, _)| body.to_string()).collect();
        let calls = calls.into_iter().zip(&bodies);
        join_all(calls.map(|((method, _, blobs), body)| coordinator.handle(method, body, blobs))).await;
        let found = lab.query("book", json!({ "expr": "id > 0", "output_fields": ["words"] })).await.ok();
        assert_eq!((found.numbers("id"), found.numbers("words")), (vec![3, 6, 9, 12], vec![3; 4]));
    });
}

#[test]
fn an_upsert_replaces_what_its_partition_has() {
    scenario(async |lab| {
        library(&lab, 10, "L2").await;
        lab.load("book", json!({})).await.ok();
        let mut rows = books([1, 50]);
        rows.columns[2].1 = ints([7, 8]);
        let answer = lab.upsert("book", "", &rows).await.ok();
        assert_eq!((answer.text("upsert_cnt"), answer.text("insert_cnt")), ("2", "2"));
        for _ in 0..2 {
            let found = lab.query("book", json!({ "expr": "id in [1, 50]", "output_fields": ["words"] })).await.ok();
            assert_eq!((found.numbers("id"), found.numbers("words")), (vec![1, 50], vec![7, 8]));
            assert_eq!(lab.count("book", &[]).await.ok().numbers("count(*)"), [31]);
            lab.flush("book").await.ok();
        }
    });
}

#[test]
fn deletes_find_their_rows_wherever_they_are() {
    scenario(async |lab| {
        library(&lab, 10, "L2").await;
        lab.flush("book").await.ok();
        lab.insert("book", "p1", &books(111..121)).await.ok();
        // By key nothing need be loaded.
        let answer = lab.delete("book", "", "id in [1, 105, 115, 999]").await.ok();
        assert_eq!(answer.text("delete_cnt"), "4");
        lab.delete("book", "", "words > 5").await.refused(101, "collection not loaded");
        lab.load("book", json!({})).await.ok();
        assert_eq!(lab.count("book", &[]).await.ok().numbers("count(*)"), [37]);
        assert_eq!(lab.delete("book", "p1", "words >= 1180").await.ok().text("delete_cnt"), "3");
        assert_eq!(lab.delete("book", "", "words == -1").await.ok().text("delete_cnt"), "0");
        lab.delete("book", "p2", "id == 2").await.ok();
        assert_eq!(lab.keys("book", &["_default"]).await, (2..11).collect::<Vec<_>>());
        lab.delete("book", "", " ").await.refused(1100, "delete plan can't be empty or always true");
        lab.delete("book", "", "words >").await.refused(1100, "failed to create delete plan: cannot parse expression");
        for _ in 0..2 {
            assert_eq!(lab.count("book", &["p1"]).await.ok().numbers("count(*)"), [15]);
            lab.flush("book").await.ok();
            lab.reopen().await;
        }
    });
}

#[test]
fn deletes_while_a_partition_is_released_count_when_it_is_loaded_again() {
    scenario(async |lab| {
        library(&lab, 10, "L2").await;
        lab.load("book", json!({})).await.ok();
        lab.release_partitions("book", &["p1"]).await.ok();
        lab.delete("book", "", "id in [101, 102, 201]").await.ok();
        assert_eq!(lab.count("book", &[]).await.ok().numbers("count(*)"), [19]);
        lab.count("book", &["p1"]).await.refused(201, "partition not loaded");
        lab.flush("book").await.ok();
        lab.load_partitions("book", &["p1"]).await.ok();
        assert_eq!(lab.keys("book", &["p1"]).await, (103..111).collect::<Vec<_>>());
    });
}

#[test]
fn keys_are_given_where_the_collection_says_so() {
    scenario(async |lab| {
        let mut key = primary_key();
        key["autoID"] = json!(true);
        create_and_load(&lab, create("book", &[key, vector_field("v", 4)])).await;
        let rows = batch([("v", vectors((0..3).map(vector_of)))]);
        let mut all: Vec<i64> = Vec::new();
        for _ in 0..4 {
            let answer = lab.insert("book", "", &rows).await.ok();
            all.extend(answer.numbers("$key"));
        }
        assert!(all.windows(2).all(|pair| pair[0] < pair[1]), "{all:?}");
        assert_eq!(lab.keys("book", &[]).await, all);
        let given = batch([("id", ints([5])), ("v", vectors([vector_of(5)]))]);
        lab.insert("book", "", &given).await.refused(1100, "can not assign primary field data when auto id enabled");
        // As in Milvus, an upsert of a row gives it a new key.
        let replaced = batch([("id", ints([all[0]])), ("v", vectors([vector_of(5)]))]);
        lab.upsert("book", "", &replaced).await.ok();
        let keys = lab.keys("book", &[]).await;
        assert!(keys.len() == all.len() && !keys.contains(&all[0]));
    });
}

#[test]
fn keys_may_be_texts() {
    scenario(async |lab| {
        let mut key = text_field("id");
        key["is_primary_key"] = json!(true);
        create_and_load(&lab, create("book", &[key, vector_field("v", 4)])).await;
        let rows = |keys: &[&str]| {
            batch([("id", texts(keys.iter().copied())), ("v", vectors(keys.iter().map(|_| vector_of(1))))])
        };
        let answer = lab.insert("book", "", &rows(&["b", "a", "c"])).await.ok();
        assert_eq!(answer.texts("$key"), ["b", "a", "c"]);
        lab.flush("book").await.ok();
        lab.upsert("book", "", &rows(&["c", "d"])).await.ok();
        lab.delete("book", "", "id in [\"a\", \"zz\"]").await.ok();
        for _ in 0..2 {
            let found = lab.query("book", json!({ "expr": "id >= \"\"", "output_fields": ["id"] })).await.ok();
            assert_eq!(found.texts("id"), ["b", "c", "d"]);
            assert_eq!(lab.delete("book", "", "id like \"x%\"").await.ok().text("delete_cnt"), "0");
            lab.flush("book").await.ok();
        }
    });
}

#[test]
fn nulls_and_defaults_stand_for_what_is_missing() {
    scenario(async |lab| {
        let mut note = text_field("note");
        note["nullable"] = json!(true);
        let mut pages = field("pages", 5);
        pages["default_value"] = json!({ "long_data": 7 });
        create_and_load(&lab, create("book", &[primary_key(), vector_field("v", 4), note, pages])).await;
        let rows = |ids: [i64; 2]| batch([("id", ints(ids)), ("v", vectors(ids.map(vector_of)))]);
        lab.insert("book", "", &rows([1, 2])).await.ok();
        let mut given = rows([3, 4]);
        given.columns.push(("note".into(), with_nulls(texts(["x", ""]), &[1])));
        given.columns.push(("pages".into(), with_nulls(ints([1, 0]), &[1])));
        lab.insert("book", "", &given).await.ok();
        let mut null_key = rows([5, 6]);
        null_key.columns[0].1 = with_nulls(ints([5, 6]), &[1]);
        lab.insert("book", "", &null_key).await.refused(1100, "primary field not support null");
        for _ in 0..2 {
            let found = lab.query("book", json!({ "expr": "id > 0", "output_fields": ["note", "pages"] })).await.ok();
            assert_eq!(found.numbers("pages"), [7, 7, 1, 7]);
            let note = found.rows().column("note").expect("asked for");
            assert_eq!((0..4).map(|row| note.is_valid(row)).collect::<Vec<_>>(), [false, false, true, false]);
            let null = lab.query("book", json!({ "expr": "note is null", "output_fields": ["id"] })).await.ok();
            assert_eq!(null.numbers("id"), [1, 2, 4]);
            lab.flush("book").await.ok();
        }
    });
}

#[test]
fn keys_that_the_schema_does_not_name_go_into_the_dynamic_field() {
    scenario(async |lab| {
        let mut request = create("book", &[primary_key(), vector_field("v", 4)]);
        request["schema"]["enable_dynamic_field"] = json!(true);
        create_and_load(&lab, request).await;
        let mut rows = batch([("id", ints([1, 2])), ("v", vectors([1, 2].map(vector_of)))]);
        lab.insert("book", "", &rows).await.ok();
        rows.columns[0].1 = ints([3, 4]);
        rows.columns.push(("$meta".into(), jsons([r#"{"color":"red"}"#, r#"{"color":"blue","n":3}"#])));
        lab.insert("book", "", &rows).await.ok();
        rows.columns[2].1 = jsons([r#"{"id":1}"#, "{}"]);
        lab.insert("book", "", &rows)
            .await
            .refused(1100, "dynamic field name cannot include the static field name: id");
        for _ in 0..2 {
            let body = json!({ "expr": "color == \"blue\"", "output_fields": ["color"] });
            let found = lab.query("book", body).await.ok();
            assert_eq!((found.numbers("id"), found.texts("$meta")), (vec![4], vec![r#"{"color":"blue"}"#.into()]));
            let named: Vec<String> = serde_json::from_value(found.body["output_fields"].clone()).expect("names");
            assert_eq!(named, ["id", "$meta", "color"]);
            for (fields, given) in [
                (json!(["$meta[\"n\"]"]), r#"{"n":3}"#),
                (json!(["n", "color"]), r#"{"color":"blue","n":3}"#),
                (json!(["nosuch"]), "{}"),
                (json!(["n", "$meta"]), r#"{"color":"blue","n":3}"#),
                (json!(["n", "*"]), r#"{"color":"blue","n":3}"#),
            ] {
                let found = lab.query("book", json!({ "expr": "id == 4", "output_fields": fields })).await.ok();
                assert_eq!(found.texts("$meta"), [given], "{fields}");
            }
            let search = json!({ "output_fields": ["$meta[\"n\"]"], "dsl": "id == 4",
                "search_params": [{ "key": "topk", "value": 1 }] });
            let hit = lab.search("book", &[vector_of(1)], search).await.ok();
            assert_eq!(hit.body["results"]["output_fields"], json!(["n"]));
            assert_eq!(hit.texts("$meta"), [r#"{"color":"blue","n":3}"#], "the client takes the keys out");
            for no_key in ["%", "a b", "in", "color[\"a\"]", "$meta[\"a\"][\"b\"]", ""] {
                lab.query("book", json!({ "expr": "id == 4", "output_fields": [no_key] }))
                    .await
                    .refused(1100, &format!("parse output field name failed: {no_key}"));
            }
            let all = lab.query("book", json!({ "expr": "id > 0", "output_fields": ["*"] })).await.ok();
            assert_eq!(all.texts("$meta")[0], "{}");
            lab.flush("book").await.ok();
        }
    });
}

#[test]
fn queries_page_by_key_and_count() {
    scenario(async |lab| {
        library(&lab, 10, "L2").await;
        lab.flush("book").await.ok();
        lab.insert("book", "", &books(11..15)).await.ok();
        lab.load("book", json!({})).await.ok();
        let page = async |limit: i64, offset: i64| {
            let params = json!([{ "key": "limit", "value": limit }, { "key": "offset", "value": offset }]);
            lab.query("book", json!({ "output_fields": ["id"], "query_params": params })).await
        };
        assert_eq!(page(3, 9).await.ok().numbers("id"), [10, 11, 12]);
        assert_eq!(page(100, 32).await.ok().numbers("id"), [209, 210]);
        assert_eq!(page(100, 50).await.ok().numbers("id"), [] as [i64; 0]);
        page(0, 0).await.refused(1100, "limit [0] is invalid");
        lab.query("book", json!({ "output_fields": ["id"] }))
            .await
            .refused(1100, "empty expression should be used with limit");
        lab.query("book", json!({ "output_fields": ["count(*)", "id"] }))
            .await
            .refused(1100, "parse output field name failed");
        for aggregate in ["sum(id)", "MAX(words)", "count(words)"] {
            let asked = json!({ "expr": "id > 0", "output_fields": [aggregate] });
            lab.query("book", asked).await.refused(10, &format!("{aggregate} in output_fields"));
        }
        lab.query("book", json!({ "expr": "id > 0", "output_fields": ["nope"] }))
            .await
            .refused(1100, "field nope not exist");
        let counted = json!({ "expr": "words > 100", "output_fields": ["COUNT(*)"] });
        assert_eq!(lab.query("book", counted).await.ok().numbers("count(*)"), [24]);
        let sealed =
            json!({ "output_fields": ["count(*)"], "query_params": [{ "key": "ignore_growing", "value": true }] });
        assert_eq!(lab.query("book", sealed).await.ok().numbers("count(*)"), [30]);
        lab.read("Get", json!({ "collection_name": "book" }), Vec::new()).await.refused(10, "Get is not available");
        lab.query("book", json!({ "expr": "nope == 1" })).await.refused(1100, "failed to query");
    });
}
