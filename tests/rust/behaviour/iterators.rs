//! Search iterators give every row once, in the order of exact scores, whatever the index.

use crate::support::client::Answer;
use crate::support::rng::Rng;
use crate::support::rows::{batch, create, field, index, ints, primary_key, score, texts, vector_field, vectors};
use crate::support::{Lab, scenario};
use elanus::value::PrimaryKey;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const DIM: usize = 16;
const SEALED_ROWS: i64 = 2100;
const ALL_ROWS: i64 = 2300;

/// Others are around it, nearly as far as each other: int8 numbers put them in another order than theirs.
const CENTRE: [f32; DIM] = [5.0; DIM];

/// Some vectors are those of many rows.
fn vector_of(id: i64) -> Vec<f32> {
    match id % 3 {
        0 => (0..DIM).map(|at| (at as f32).sin()).collect(),
        1 => (0..DIM).map(|at| if at == id as usize % DIM { 2.0 } else { 0.0 }).collect(),
        _ => {
            let rng = Rng::new(id as u64 + 1);
            let direction: Vec<f32> = (0..DIM).map(|_| rng.float()).collect();
            let length = direction.iter().map(|number| number * number).sum::<f32>().sqrt();
            let wanted = 3.0 + 0.01 * rng.float();
            direction.iter().zip(CENTRE).map(|(number, centre)| centre + number * wanted / length).collect()
        }
    }
}

/// Sealed rows and growing ones; those with numbers that eleven divides are deleted.
async fn fill(lab: &Lab, index_type: &str, metric: &str) {
    lab.call("CreateCollection", create("c", &[primary_key(), vector_field("v", DIM as u32)])).await.ok();
    let mut request = index("c", "v", metric);
    request["extra_params"][0]["value"] = json!(index_type);
    lab.call("CreateIndex", request).await.ok();
    let rows = |ids: std::ops::Range<i64>| {
        // Keys are in another order than rows.
        let ids = ids.clone().rev().step_by(2).chain(ids.rev().skip(1).step_by(2));
        batch([("id", ints(ids.clone())), ("v", vectors(ids.map(vector_of)))])
    };
    lab.insert("c", "", &rows(0..SEALED_ROWS)).await.ok();
    lab.flush("c").await.ok();
    lab.load("c", json!({})).await.ok();
    lab.insert("c", "", &rows(SEALED_ROWS..ALL_ROWS)).await.ok();
    lab.delete("c", "", "id % 11 == 0").await.ok();
}

/// The last hit and how many had its score, as the page's client makes a token of them.
fn token(bound: f32, given: usize, key_number: i64) -> String {
    let key = format!("{key_number:016x}");
    let given = given.min(0xffff);
    format!("{:08x}-{given:04x}-8{}-800{}-{}", bound.to_bits(), &key[..3], &key[3..4], &key[4..])
}

async fn page(lab: &Lab, query: &[f32], filter: &str, given: Value) -> Answer {
    let mut all = json!({ "topk": 10, "iterator": "true", "search_iter_v2": "true" });
    all.as_object_mut().unwrap().extend(given.as_object().unwrap().clone());
    let pairs: Vec<Value> =
        all.as_object().unwrap().iter().map(|(key, value)| json!({ "key": key, "value": value })).collect();
    lab.search("c", &[query.to_vec()], json!({ "search_params": pairs, "dsl": filter, "output_fields": ["id"] })).await
}

/// `asked` for the next page.
fn go_on(asked: &mut Value, answer: &Answer, given: usize) {
    let (Some(last), Some(id)) = (answer.scores().last().copied(), answer.numbers("id").last().copied()) else {
        return;
    };
    asked["search_iter_last_bound"] = json!(last.to_string());
    asked["search_iter_id"] = json!(token(last, given, id));
}

/// All that an iterator gives.
async fn walk(lab: &Lab, query: &[f32], filter: &str, mut asked: Value) -> Vec<(f32, i64)> {
    let mut all: Vec<(f32, i64)> = Vec::new();
    loop {
        let answer = page(lab, query, filter, asked.clone()).await.ok();
        let scores = answer.scores();
        let Some(last) = scores.last() else { return all };
        assert!(scores.len() <= asked["search_iter_batch_size"].as_u64().unwrap() as usize);
        all.extend(scores.iter().copied().zip(answer.numbers("id")));
        let given = all.iter().filter(|(score, _)| score == last).count();
        go_on(&mut asked, &answer, given);
    }
}

#[track_caller]
fn assert_all(found: &[(f32, i64)], metric: &str, query: &[f32], ids: impl Iterator<Item = i64>) {
    // Nothing is near to what has no direction.
    let score = |id| Some(score(metric, query, &vector_of(id))).filter(|score| !score.is_nan()).unwrap_or(0.0);
    let mut expected: Vec<(f32, i64)> = ids.map(|id| (score(id), id)).collect();
    expected.sort_by(|a, b| if metric == "L2" { a.0.total_cmp(&b.0) } else { b.0.total_cmp(&a.0) });
    assert_eq!(found.len(), expected.len());
    for ((score, _), (expected, _)) in found.iter().zip(&expected) {
        assert!((score - expected).abs() < 1e-5 * expected.abs().max(1.0), "{score} is not {expected}");
    }
    let keys = |rows: &[(f32, i64)]| rows.iter().map(|(_, id)| *id).collect::<BTreeSet<_>>();
    assert_eq!(keys(found), keys(&expected));
}

fn kept() -> impl Iterator<Item = i64> + Clone {
    (0..ALL_ROWS).filter(|id| id % 11 != 0)
}

#[test]
fn all_rows_come_once_and_in_order() {
    for metric in ["L2", "IP", "COSINE"] {
        scenario(async move |lab| {
            fill(&lab, "AUTOINDEX", metric).await;
            for (query, batch) in
                [(vector_of(-2), 150), (vector_of(0), 700), (CENTRE.to_vec(), 300), (vec![0.0; DIM], 500)]
            {
                let asked = json!({ "search_iter_batch_size": batch });
                assert_all(&walk(&lab, &query, "", asked).await, metric, &query, kept());
                let asked = json!({ "search_iter_batch_size": 9 });
                let few = walk(&lab, &query, "id < 40 or id > 2250", asked).await;
                assert_all(&few, metric, &query, kept().filter(|id| *id < 40 || *id > 2250));
            }
        });
    }
}

#[test]
fn graphs_and_files_leave_nothing_out() {
    for (index_type, mmap) in [("HNSW", false), ("AUTOINDEX", true)] {
        scenario(async move |lab| {
            fill(&lab, index_type, "L2").await;
            if mmap {
                lab.release("c").await.ok();
                let mmap = json!({ "properties": [{ "key": "mmap.enabled", "value": "true" }] });
                lab.call_on("AlterCollection", "c", mmap).await.ok();
                lab.load("c", json!({})).await.ok();
            }
            let query = CENTRE.to_vec();
            // What is meant for approximate searches says nothing here.
            let asked = json!({ "search_iter_batch_size": 100, "ef": 10, "nprobe": 1, "level": 1 });
            assert_all(&walk(&lab, &query, "", asked).await, "L2", &query, kept());
        });
    }
}

#[test]
fn a_range_stays_what_it_is() {
    scenario(async |lab| {
        fill(&lab, "AUTOINDEX", "L2").await;
        let query = vector_of(-2);
        let asked = json!({ "search_iter_batch_size": 50, "radius": 15, "range_filter": 9 });
        let inside = kept().filter(|id| (9.0..15.0).contains(&score("L2", &query, &vector_of(*id))));
        assert_all(&walk(&lab, &query, "", asked).await, "L2", &query, inside);
    });
}

#[test]
fn without_a_token_hits_of_the_last_score_are_passed_over() {
    scenario(async |lab| {
        fill(&lab, "AUTOINDEX", "L2").await;
        // A third of the rows are where the query is.
        let query = vector_of(0);
        let first = page(&lab, &query, "", json!({ "search_iter_batch_size": 10 })).await.ok();
        assert_eq!(first.scores(), [0.0; 10]);
        let behind = json!({ "search_iter_batch_size": 10, "search_iter_last_bound": "0" });
        let next = page(&lab, &query, "", behind).await.ok();
        assert!(next.scores().iter().all(|score| *score > 0.0));
        let foreign = "123e4567-e89b-12d3-a456-426614174000";
        let given = json!({ "search_iter_batch_size": 10, "search_iter_last_bound": "0", "search_iter_id": foreign });
        assert_eq!(page(&lab, &query, "", given).await.ok().numbers("id"), next.numbers("id"));
    });
}

#[test]
fn one_query_at_a_time_iterates() {
    scenario(async |lab| {
        fill(&lab, "FLAT", "L2").await;
        let pairs = json!([
            { "key": "topk", "value": 10 }, { "key": "iterator", "value": "true" },
            { "key": "search_iter_v2", "value": "true" }, { "key": "search_iter_batch_size", "value": 10 }
        ]);
        let both = [vector_of(1), vector_of(2)];
        let text = "not support search iteration over multiple vectors at present";
        lab.search("c", &both, json!({ "search_params": pairs })).await.refused(1100, text);
    });
}

#[test]
fn rows_that_are_all_the_same_come_once() {
    scenario(async |lab| {
        lab.call("CreateCollection", create("c", &[primary_key(), vector_field("v", DIM as u32)])).await.ok();
        let mut request = index("c", "v", "L2");
        request["extra_params"][0]["value"] = json!("AUTOINDEX");
        lab.call("CreateIndex", request).await.ok();
        let vector: Vec<f32> = (0..DIM).map(|at| 1000.1 + at as f32 * 0.7).collect();
        let near: Vec<f32> = vector.iter().map(|number| number + 0.01).collect();
        let same = (0..SEALED_ROWS).map(|_| vector.clone());
        lab.insert("c", "", &batch([("id", ints(0..SEALED_ROWS)), ("v", vectors(same))])).await.ok();
        lab.flush("c").await.ok();
        lab.load("c", json!({})).await.ok();
        for query in [&[0.3; DIM], &[-1.7; DIM], &[2.9; DIM], &near[..]] {
            let found = walk(&lab, query, "", json!({ "search_iter_batch_size": 999 })).await;
            assert_eq!(found.iter().map(|(_, id)| *id).collect::<BTreeSet<_>>(), (0..SEALED_ROWS).collect());
            assert_eq!(found.len(), SEALED_ROWS as usize);
        }
    });
}

/// Uniform rows, in lists.
async fn fill_lists(lab: &Lab, metric: &str) -> Vec<Vec<f32>> {
    const ROWS: i64 = 4200;
    lab.call("CreateCollection", create("c", &[primary_key(), vector_field("v", DIM as u32)])).await.ok();
    let mut request = index("c", "v", metric);
    request["extra_params"][0]["value"] = json!("AUTOINDEX");
    lab.call("CreateIndex", request).await.ok();
    let rng = Rng::new(3);
    let rows: Vec<Vec<f32>> = (0..ROWS).map(|_| (0..DIM).map(|_| rng.float()).collect()).collect();
    lab.insert("c", "", &batch([("id", ints(0..ROWS)), ("v", vectors(rows.iter().cloned()))])).await.ok();
    lab.flush("c").await.ok();
    lab.load("c", json!({})).await.ok();
    rows
}

#[test]
fn a_query_in_the_middle_of_all_rows_reaches_all() {
    for metric in ["L2", "IP"] {
        scenario(async move |lab| {
            let rows = fill_lists(&lab, metric).await;
            let query = [0.02; DIM];
            let found = walk(&lab, &query, "", json!({ "search_iter_batch_size": 250 })).await;
            let exact = |id: i64| score(metric, &query, &rows[id as usize]);
            assert!(found.iter().all(|(score, id)| (score - exact(*id)).abs() < 1e-4));
            assert!(found.is_sorted_by(|a, b| if metric == "L2" { a.0 <= b.0 } else { a.0 >= b.0 }));
            assert_eq!(found.iter().map(|(_, id)| *id).collect::<BTreeSet<_>>().len(), rows.len());
            assert_eq!(found.len(), rows.len());
        });
    }
}

#[test]
fn scores_beyond_float32_come_to_an_end() {
    scenario(async |lab| {
        let rows = fill_lists(&lab, "L2").await;
        let found = walk(&lab, &[1e25; DIM], "", json!({ "search_iter_batch_size": 3000 })).await;
        assert!(found.iter().all(|(score, _)| *score == f32::INFINITY));
        assert_eq!(found.iter().map(|(_, id)| *id).collect::<BTreeSet<_>>().len(), rows.len());
    });
}

#[test]
fn what_is_deleted_meanwhile_moves_nothing() {
    scenario(async |lab| {
        fill(&lab, "AUTOINDEX", "L2").await;
        // A third of the rows are where the query is.
        let query = vector_of(0);
        let mut asked = json!({ "search_iter_batch_size": 100 });
        let mut all = Vec::new();
        loop {
            let answer = page(&lab, &query, "id % 3 == 0", asked.clone()).await.ok();
            let ids = answer.numbers("id");
            if ids.is_empty() {
                break;
            }
            go_on(&mut asked, &answer, all.len() + ids.len());
            lab.delete("c", "", &format!("id in {ids:?}")).await.ok();
            all.extend(ids);
        }
        all.sort_unstable();
        assert_eq!(all, kept().filter(|id| id % 3 == 0).collect::<Vec<_>>());
    });
}

#[test]
fn texts_are_keys_too() {
    scenario(async |lab| {
        let mut key = field("id", 21);
        key["is_primary_key"] = json!(true);
        key["type_params"] = json!([{ "key": "max_length", "value": "20" }]);
        lab.call("CreateCollection", create("c", &[key, vector_field("v", 2)])).await.ok();
        lab.call("CreateIndex", index("c", "v", "L2")).await.ok();
        let names: Vec<String> = (0..90).map(|at| format!("key {at}")).collect();
        let rows =
            batch([("id", texts(names.iter().map(String::as_str))), ("v", vectors((0..90).map(|_| vec![1.0, 2.0])))]);
        lab.insert("c", "", &rows).await.ok();
        lab.load("c", json!({})).await.ok();
        let mut asked = json!({ "search_iter_batch_size": 7 });
        let mut all: Vec<String> = Vec::new();
        loop {
            let answer = page(&lab, &[0.0, 0.0], "", asked.clone()).await.ok();
            all.extend(answer.texts("id"));
            let Some(last) = answer.texts("id").pop() else { break };
            asked["search_iter_last_bound"] = json!("5");
            asked["search_iter_id"] = json!(token(5.0, all.len(), PrimaryKey::VarChar(last).number()));
        }
        assert_eq!(all.len(), names.len());
        assert_eq!(all.into_iter().collect::<BTreeSet<_>>(), names.into_iter().collect());
    });
}

#[test]
fn a_page_of_another_collection_than_the_first_is_refused() {
    scenario(async |lab| {
        fill(&lab, "AUTOINDEX", "L2").await;
        let described = lab.call_on("DescribeCollection", "c", json!({})).await.ok();
        let id: i64 = described.text("collectionID").parse().expect("a number");
        let asked = |id: i64| json!({ "search_iter_batch_size": 10, "collection_id": id });
        for known in [id, 0] {
            page(&lab, &CENTRE, "", asked(known)).await.ok();
        }
        let text = format!(
            "collection id:{} in the request is not consistent to that in the search context, alias or database may have been \
             changed: {id}",
            id + 1
        );
        page(&lab, &CENTRE, "", asked(id + 1)).await.refused(1100, &text);
    });
}
