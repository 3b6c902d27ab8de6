//! Search against the plainest implementation there is.

use crate::support::client::Answer;
use crate::support::rows::{batch, book, create, field, index, ints, primary_key, score, vector_field, vectors};
use crate::support::{Lab, scenario};
use serde_json::{Value, json};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

const DIM: usize = 5;

#[derive(Clone)]
struct Row {
    id: i64,
    vector: Vec<f32>,
    group: i64,
    partition: &'static str,
}

/// Rows of every kind: sealed, growing, deleted, replaced.
async fn fill(lab: &Lab, metric: &str) -> Vec<Row> {
    let fields = [primary_key(), vector_field("v", DIM as u32), field("g", 5)];
    lab.call("CreateCollection", create("c", &fields)).await.ok();
    lab.call("CreateIndex", index("c", "v", metric)).await.ok();
    for name in ["p1", "p2"] {
        lab.call_on("CreatePartition", "c", json!({ "partition_name": name })).await.ok();
    }
    let rng = lab.executor.rng();
    let mut rows: BTreeMap<i64, Row> = BTreeMap::new();
    for round in 0..6i64 {
        let partition = *rng.pick(&["_default", "p1", "p2"]);
        let new: Vec<Row> = (0..30)
            .map(|at| Row {
                id: round * 30 + at,
                vector: (0..DIM).map(|_| rng.float()).collect(),
                group: rng.below(6) as i64,
                partition,
            })
            .collect();
        let mut written = new.clone();
        if let Some(old) = rows.values().find(|row| row.partition == partition) {
            written.push(Row { vector: (0..DIM).map(|_| rng.float()).collect(), ..old.clone() });
        }
        let columns = batch([
            ("id", ints(written.iter().map(|row| row.id))),
            ("v", vectors(written.iter().map(|row| row.vector.clone()))),
            ("g", ints(written.iter().map(|row| row.group))),
        ]);
        lab.upsert("c", partition, &columns).await.ok();
        rows.extend(written.into_iter().map(|row| (row.id, row)));
        let gone = round * 30 + rng.below(30) as i64;
        lab.delete("c", "", &format!("id == {gone}")).await.ok();
        rows.remove(&gone);
        if rng.one_in(2) {
            lab.flush("c").await.ok();
        }
    }
    lab.load("c", json!({})).await.ok();
    rows.into_values().collect()
}

/// Scores and rows, best first.
fn ranked<'a>(metric: &str, query: &[f32], rows: impl Iterator<Item = &'a Row>) -> Vec<(f32, &'a Row)> {
    let mut ranked: Vec<(f32, &Row)> = rows.map(|row| (score(metric, query, &row.vector), row)).collect();
    let better = |left: f32, right: f32| if metric == "L2" { left.total_cmp(&right) } else { right.total_cmp(&left) };
    ranked.sort_by(|left, right| better(left.0, right.0).then(left.1.id.cmp(&right.1.id)));
    ranked
}

fn params(given: Value) -> Value {
    given.as_object().expect("an object").iter().map(|(key, value)| json!({ "key": key, "value": value })).collect()
}

async fn search(lab: &Lab, query: &[f32], given: Value, body: Value) -> Answer {
    let mut body = body;
    body["search_params"] = params(given);
    body["output_fields"] = json!(["id", "g"]);
    lab.search("c", &[query.to_vec()], body).await
}

/// Rows with nearly the same score may change places.
#[track_caller]
fn assert_ranks(answer: &Answer, expected: &[(f32, &Row)]) {
    let (ids, scores) = (answer.numbers("id"), answer.scores());
    assert_eq!(ids.len(), expected.len());
    for (found, (score, _)) in scores.iter().zip(expected) {
        assert!((found - score).abs() < 1e-4, "{found} is not {score}");
    }
    let wanted: BTreeSet<i64> = expected.iter().map(|(_, row)| row.id).collect();
    let last = expected.last().map_or(0.0, |(score, _)| *score);
    for (id, score) in ids.iter().zip(&scores) {
        assert!(wanted.contains(id) || (score - last).abs() < 1e-4, "{id} with {score} is not among the best");
    }
}

#[test]
fn the_best_rows_are_found_exactly() {
    for metric in ["L2", "IP", "COSINE"] {
        scenario(async move |lab| {
            let rows = fill(&lab, metric).await;
            let query: Vec<f32> = (0..DIM).map(|_| lab.executor.rng().float()).collect();
            let best = ranked(metric, &query, rows.iter());
            assert_ranks(&search(&lab, &query, json!({ "topk": 10 }), json!({})).await.ok(), &best[..10]);
            assert_ranks(&search(&lab, &query, json!({ "topk": 1000 }), json!({})).await.ok(), &best);
            let paged = search(&lab, &query, json!({ "topk": 7, "offset": 5 }), json!({})).await.ok();
            assert_ranks(&paged, &best[5..12]);
            let in_p1 = ranked(metric, &query, rows.iter().filter(|row| row.partition == "p1"));
            let of_p1 = search(&lab, &query, json!({ "topk": 9 }), json!({ "partition_names": ["p1"] })).await.ok();
            assert_ranks(&of_p1, &in_p1[..in_p1.len().min(9)]);
            let kept = ranked(metric, &query, rows.iter().filter(|row| row.group < 2));
            let filtered = search(&lab, &query, json!({ "topk": 9 }), json!({ "dsl": "g < 2" })).await.ok();
            assert_ranks(&filtered, &kept[..kept.len().min(9)]);
        });
    }
}

#[test]
fn a_range_bounds_the_scores_as_milvus_does() {
    for metric in ["L2", "IP", "COSINE"] {
        scenario(async move |lab| {
            let rows = fill(&lab, metric).await;
            let query: Vec<f32> = (0..DIM).map(|_| lab.executor.rng().float()).collect();
            let best = ranked(metric, &query, rows.iter());
            // Bounds between two scores, so that rounding decides nothing.
            let between = |at: usize| (best[at].0 + best[at + 1].0) / 2.0;
            let (near, far) = (between(4), between(20));
            let given = json!({ "topk": 100, "radius": far, "range_filter": near });
            assert_ranks(&search(&lab, &query, given, json!({})).await.ok(), &best[5..21]);
            let given = json!({ "topk": 6, "radius": far });
            assert_ranks(&search(&lab, &query, given, json!({})).await.ok(), &best[..6]);
            let given = json!({ "topk": 6, "radius": near, "range_filter": far });
            search(&lab, &query, given, json!({})).await.refused(1100, "range_filter must");
        });
    }
}

#[test]
fn groups_hold_the_best_of_each() {
    scenario(async |lab| {
        let rows = fill(&lab, "L2").await;
        let query: Vec<f32> = (0..DIM).map(|_| lab.executor.rng().float()).collect();
        let best = ranked("L2", &query, rows.iter());
        let mut groups: Vec<(i64, Vec<(f32, &Row)>)> = Vec::new();
        for hit in &best {
            match groups.iter_mut().find(|(group, _)| *group == hit.1.group) {
                Some((_, hits)) => hits.push(*hit),
                None => groups.push((hit.1.group, vec![*hit])),
            }
        }
        let given = json!({ "topk": 3, "group_by_field": "g", "group_size": 2, "strict_group_size": true });
        let answer = search(&lab, &query, given, json!({})).await.ok();
        let expected: Vec<(f32, &Row)> =
            groups.iter().take(3).flat_map(|(_, hits)| hits.iter().take(2).copied()).collect();
        assert_eq!(answer.numbers("id"), expected.iter().map(|(_, row)| row.id).collect::<Vec<_>>());
        let given = json!({ "topk": 2, "offset": 1, "group_by_field": "g" });
        let answer = search(&lab, &query, given, json!({})).await.ok();
        search(&lab, &query, json!({ "topk": 2, "hints": "nonsense" }), json!({}))
            .await
            .refused(1100, "hints: nonsense");
        search(&lab, &query, json!({ "topk": 2, "hints": "iterative_filter" }), json!({})).await.ok();
        assert_eq!(answer.numbers("g"), groups[1..3].iter().map(|(group, _)| *group).collect::<Vec<_>>());
        for asked in ["search_aggregation", "highlighter", "function_score"] {
            search(&lab, &query, json!({ "topk": 2 }), json!({ asked: {} })).await.refused(10, "not available");
        }
        let given = json!({ "topk": 2, "radius": null });
        assert_eq!(search(&lab, &query, given, json!({})).await.ok().numbers("id").len(), 2);
        let given = json!({ "topk": 2, "group_by_field": "v" });
        search(&lab, &query, given, json!({})).await.refused(1100, "group_by_field 'v'");
    });
}

#[test]
fn several_queries_are_answered_one_after_another() {
    scenario(async |lab| {
        let rows = fill(&lab, "IP").await;
        let queries: Vec<Vec<f32>> = (0..3).map(|_| (0..DIM).map(|_| lab.executor.rng().float()).collect()).collect();
        let body =
            json!({ "output_fields": ["id"], "search_params": params(json!({ "topk": 4, "round_decimal": 2 })) });
        let answer = lab.search("c", &queries, body).await.ok();
        assert_eq!(answer.body["results"]["topks"], json!(["4", "4", "4"]));
        for (at, query) in queries.iter().enumerate() {
            let best = ranked("IP", query, rows.iter());
            for (found, (score, _)) in answer.scores()[at * 4..].iter().zip(&best[..4]) {
                assert!((found - score).abs() <= 0.0051, "{found} is not {score}, rounded");
                assert!(((found * 100.0).round() / 100.0 - found).abs() < 1e-5);
            }
        }
    });
}

/// They go through the rows together, a cache full of rows and 64 queries at a time.
#[test]
fn many_queries_of_one_call_find_what_each_finds_alone() {
    const LONG: usize = 2048;
    for metric in ["L2", "IP", "COSINE"] {
        scenario(async move |lab| {
            let fields = [primary_key(), vector_field("v", LONG as u32), field("g", 5)];
            lab.call("CreateCollection", create("c", &fields)).await.ok();
            lab.call("CreateIndex", index("c", "v", metric)).await.ok();
            let random = || (0..LONG).map(|_| lab.executor.rng().float()).collect::<Vec<f32>>();
            for first in [0, 100] {
                let rows = (0..100).map(|_| random());
                let groups = ints((0..100).map(|at| at % 7));
                let columns = batch([("id", ints(first..first + 100)), ("v", vectors(rows)), ("g", groups)]);
                lab.insert("c", "", &columns).await.ok();
                if first == 0 {
                    lab.flush("c").await.ok();
                }
            }
            lab.load("c", json!({})).await.ok();
            let queries: Vec<Vec<f32>> = (0..70).map(|_| random()).collect();
            for given in [
                json!({ "topk": 5 }),
                json!({ "topk": 3, "group_by_field": "g", "group_size": 2, "strict_group_size": true }),
            ] {
                let body =
                    json!({ "search_params": params(given.clone()), "output_fields": ["id", "g"], "dsl": "g < 5" });
                let together = lab.search("c", &queries, body).await.ok();
                let (mut ids, mut scores) = (Vec::new(), Vec::new());
                for query in &queries {
                    let alone = search(&lab, query, given.clone(), json!({ "dsl": "g < 5" })).await.ok();
                    ids.extend(alone.numbers("id"));
                    scores.extend(alone.scores());
                }
                assert_eq!((together.numbers("id"), together.scores()), (ids, scores));
            }
        });
    }
}

#[test]
fn pages_of_equal_scores_leave_nothing_out() {
    for flushed in [0, 20, 50] {
        scenario(async move |lab| {
            let fields = [primary_key(), vector_field("v", 2), field("g", 5)];
            lab.call("CreateCollection", create("c", &fields)).await.ok();
            lab.call("CreateIndex", index("c", "v", "L2")).await.ok();
            for range in [0..flushed, flushed..50] {
                // The first of equal rows to come has the largest key.
                let rows = range.clone().map(|at| vec![(at % 5) as f32, 0.0]);
                let ids = ints(range.clone().map(|at| 49 - at));
                let columns = batch([("id", ids), ("v", vectors(rows)), ("g", ints(range.clone()))]);
                if !range.is_empty() {
                    lab.insert("c", "", &columns).await.ok();
                }
                if range.end == flushed {
                    lab.flush("c").await.ok();
                }
            }
            lab.load("c", json!({})).await.ok();
            let mut ids = Vec::new();
            for offset in (0..50).step_by(3) {
                let page = search(&lab, &[0.0, 0.0], json!({ "topk": 3, "offset": offset }), json!({})).await.ok();
                ids.extend(page.numbers("id"));
            }
            let expected = (0..5).flat_map(|distance| (0..50).filter(move |id| (49 - id) % 5 == distance));
            assert_eq!(ids, expected.collect::<Vec<_>>(), "{flushed} rows flushed");
        });
    }
}

#[test]
fn keys_that_are_there_twice_show_once() {
    scenario(async |lab| {
        let fields = [primary_key(), vector_field("v", 2), field("g", 5)];
        lab.call("CreateCollection", create("c", &fields)).await.ok();
        lab.call("CreateIndex", index("c", "v", "L2")).await.ok();
        lab.load("c", json!({})).await.ok();
        for round in 0..4i64 {
            let rows = (0..10).map(|at| vec![at as f32, round as f32]);
            let columns = batch([("id", ints(0..10)), ("v", vectors(rows)), ("g", ints((0..10).map(|_| round)))]);
            lab.insert("c", "", &columns).await.ok();
            if round == 1 {
                lab.flush("c").await.ok();
            }
        }
        let answer = search(&lab, &[0.0, 0.0], json!({ "topk": 5 }), json!({})).await.ok();
        assert_eq!(answer.numbers("id"), [0, 1, 2, 3, 4]);
        // A query shows the newest row, a search the nearest.
        let queried = lab.query("c", json!({ "expr": "id < 3", "output_fields": ["g"] })).await.ok();
        assert_eq!((queried.numbers("id"), queried.numbers("g")), (vec![0, 1, 2], vec![3, 3, 3]));
        lab.delete("c", "", "id == 1").await.ok();
        assert_eq!(lab.count("c", &[]).await.ok().numbers("count(*)"), [36]);
    });
}

#[test]
fn of_rows_with_one_key_a_query_shows_the_one_that_was_written_last() {
    scenario(async |lab| {
        lab.call("CreateCollection", book()).await.ok();
        lab.call("CreateIndex", index("book", "v", "L2")).await.ok();
        lab.load("book", json!({})).await.ok();
        let write = async |partition: &str, ids: std::ops::Range<i64>, words: i64| {
            let (vectors, words) = (vectors(ids.clone().map(|_| vec![1.0; 4])), ints(ids.clone().map(|_| words)));
            lab.insert("book", partition, &batch([("id", ints(ids)), ("v", vectors), ("words", words)])).await.ok();
        };
        let words_of_1 =
            async || lab.query("book", json!({ "expr": "id == 1", "output_fields": ["words"] })).await.ok();
        lab.call_on("CreatePartition", "book", json!({ "partition_name": "p2" })).await.ok();
        write("p2", 1..2, 1).await;
        lab.flush("book").await.ok();
        write("", 1..2, 2).await;
        assert_eq!(words_of_1().await.numbers("words"), [2], "the other partition is younger, its row older");
        lab.flush("book").await.ok();
        assert_eq!(words_of_1().await.numbers("words"), [2]);
        // The first segment is written anew, under a larger number, when a part of it is deleted.
        write("", 100..200, 3).await;
        write("", 1..2, 4).await;
        lab.flush("book").await.ok();
        write("", 1..2, 5).await;
        lab.flush("book").await.ok();
        lab.delete("book", "", "id >= 150 and id < 190").await.ok();
        lab.flush("book").await.ok();
        lab.compact("book").await.ok();
        lab.settle().await;
        assert_eq!(words_of_1().await.numbers("words"), [5]);
    });
}

#[test]
fn searches_that_ask_for_too_much_are_refused() {
    scenario(async |lab| {
        fill(&lab, "L2").await;
        let query = vec![0.0; DIM];
        let with = async |given: Value, body: Value| search(&lab, &query, given, body).await;
        with(json!({ "topk": 0 }), json!({})).await.refused(1100, "topk [0] is invalid");
        with(json!({ "topk": 1, "metric_type": "IP" }), json!({})).await.refused(1100, "metric type not match");
        with(json!({ "topk": 1, "anns_field": "g" }), json!({})).await.refused(1100, "is not of vector data type");
        with(json!({ "topk": 1 }), json!({ "dsl": "g >" })).await.refused(1100, "failed to create query plan");
        with(json!({ "topk": 1 }), json!({ "ids": { "int_id": {} } })).await.refused(10, "search by ids");
        with(json!({ "topk": 1 }), json!({ "function_score": {} })).await.refused(10, "function scores");
        let short = lab.search("c", &[vec![0.0]], json!({ "search_params": params(json!({ "topk": 1 })) })).await;
        short.refused(1100, "vector dimension mismatch");
        let growing = with(json!({ "topk": 1000, "ignore_growing": true }), json!({})).await.ok().scores().len();
        let all = with(json!({ "topk": 1000 }), json!({})).await.ok().scores().len();
        assert!(growing <= all);
    });
}

#[test]
fn an_index_made_after_the_load_serves_after_the_next() {
    scenario(async |lab| {
        let fields = [primary_key(), vector_field("v", 2), vector_field("w", 2)];
        lab.call("CreateCollection", create("c", &fields)).await.ok();
        lab.call("CreateIndex", index("c", "v", "L2")).await.ok();
        lab.load("c", json!({ "load_fields": ["id", "v"] })).await.ok();
        lab.call("CreateIndex", index("c", "w", "L2")).await.ok();
        let body = json!({ "search_params": params(json!({ "topk": 1, "anns_field": "w" })) });
        lab.search("c", &[vec![0.0; 2]], body.clone()).await.refused(1100, "ann field \"w\" not loaded");
        lab.release("c").await.ok();
        lab.load("c", json!({})).await.ok();
        let none: Ordering = lab.search("c", &[vec![0.0; 2]], body).await.ok().scores().len().cmp(&0);
        assert_eq!(none, Ordering::Equal);
        let unnamed = json!({ "search_params": params(json!({ "topk": 1 })) });
        lab.search("c", &[vec![0.0; 2]], unnamed).await.refused(1100, "multiple anns_fields exist");
    });
}
