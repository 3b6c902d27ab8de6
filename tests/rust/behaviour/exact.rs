//! FLAT misses no row, although larger segments are searched by codes.

use crate::support::rng::Rng;
use crate::support::rows::{batch, create, index, ints, primary_key, score, vector_field, vectors};
use crate::support::{Lab, scenario};
use serde_json::{Value, json};

const DIM: usize = 64;
/// Of a segment with lists; of one with codes and no lists; of one without codes.
const SEGMENTS: [i64; 3] = [4200, 2100, 300];
const GROWING: i64 = 150;
/// Divides no row's number.
const NONE: i64 = i64::MAX;

fn all_rows() -> i64 {
    1 + SEGMENTS.iter().sum::<i64>() + GROWING
}

/// Clusters, rows with few numbers, which all are rounded the same way, rows in no direction, and some that come many times.
fn vector_of(id: i64) -> Vec<f32> {
    let rng = Rng::new((id + 10) as u64);
    match id.rem_euclid(4) {
        0 => {
            let centre = Rng::new((id / 4).rem_euclid(20) as u64 + 1_000_000);
            (0..DIM).map(|_| 5.0 * centre.float() + 0.3 * rng.float()).collect()
        }
        1 => {
            let mut row = vec![0.0; DIM];
            (0..3).for_each(|_| row[rng.below(DIM as u64) as usize] = 1.0);
            row
        }
        2 => (0..DIM).map(|_| rng.float() - 0.5).collect(),
        _ => vec![(id % 7) as f32; DIM],
    }
}

/// A row in no direction is no nearer by COSINE than one across.
fn score_of(metric: &str, query: &[f32], vector: &[f32]) -> f32 {
    let score = score(metric, query, vector);
    if score.is_nan() { 0.0 } else { score }
}

async fn fill(lab: &Lab, metric: &str) {
    lab.call("CreateCollection", create("c", &[primary_key(), vector_field("v", DIM as u32)])).await.ok();
    lab.call("CreateIndex", index("c", "v", metric)).await.ok();
    let mut next = 1;
    for rows in SEGMENTS {
        insert(lab, next..next + rows).await;
        lab.flush("c").await.ok();
        next += rows;
    }
    lab.load("c", json!({})).await.ok();
    insert(lab, next..next + GROWING).await;
}

async fn insert(lab: &Lab, ids: std::ops::Range<i64>) {
    let rows = batch([("id", ints(ids.clone())), ("v", vectors(ids.map(vector_of)))]);
    lab.insert("c", "", &rows).await.ok();
}

/// Whether the answer has the best rows, in whatever order those of one score are.
async fn assert_exact(lab: &Lab, (metric, gone): (&str, i64), queries: &[Vec<f32>], given: Value) {
    let filter = given["dsl"].as_str().unwrap_or_default();
    let (every, limit) = (if filter.is_empty() { 1 } else { 90 }, given["topk"].as_u64().expect("a number") as usize);
    let body = json!({ "search_params": [{ "key": "topk", "value": limit }], "output_fields": ["id"], "dsl": filter });
    let answer = lab.search("c", queries, body).await.ok();
    let (ids, scores) = (answer.numbers("id"), answer.scores());
    let kept: Vec<(i64, Vec<f32>)> =
        (1..all_rows()).filter(|id| id % gone != 0 && id % every == 0).map(|id| (id, vector_of(id))).collect();
    let wanted = limit.min(kept.len());
    assert_eq!(ids.len(), queries.len() * wanted, "{metric} {given}");
    for (query, (ids, scores)) in queries.iter().zip(ids.chunks(wanted).zip(scores.chunks(wanted))) {
        let sign = if metric == "L2" { 1.0 } else { -1.0 };
        let mut best: Vec<f32> = kept.iter().map(|(_, vector)| sign * score_of(metric, query, vector)).collect();
        best.sort_by(f32::total_cmp);
        for ((id, found), best) in ids.iter().zip(scores).zip(best) {
            let exact = score_of(metric, query, &vector_of(*id));
            let near = 1e-4 * (1.0 + exact.abs());
            assert!(id % gone != 0 && (found - exact).abs() < near, "{metric} {given}: {id} has {found} for {exact}");
            assert!((sign * found - best).abs() < near, "{metric} {given}: {found} where {best} is the best left");
        }
        assert_eq!(ids.iter().collect::<std::collections::BTreeSet<_>>().len(), wanted);
    }
}

/// Rows whose number `gone` divides are not there.
async fn assert_all_exact(lab: &Lab, metric: &str, gone: i64) {
    let own: Vec<Vec<f32>> = [-1, -2, -3, -4, 8, 41, 1].map(vector_of).into();
    let mean: Vec<f32> = (0..DIM).map(|at| (0..400).map(|id| vector_of(id)[at]).sum::<f32>() / 400.0).collect();
    let far: Vec<f32> = own[0].iter().map(|number| 50.0 + 20.0 * number).collect();
    let queries: Vec<Vec<f32>> = own.into_iter().chain([mean, far, vec![0.25; DIM]]).collect();
    for limit in [1, 10, 300] {
        assert_exact(lab, (metric, gone), &queries, json!({ "topk": limit })).await;
        assert_exact(lab, (metric, gone), &queries[2..3], json!({ "topk": limit })).await;
    }
    assert_exact(lab, (metric, gone), &queries, json!({ "topk": 20, "dsl": "id % 90 == 0" })).await;
}

#[test]
fn no_row_is_missed() {
    for metric in ["L2", "IP", "COSINE"] {
        scenario(async move |lab| {
            fill(&lab, metric).await;
            assert_all_exact(&lab, metric, NONE).await;
            lab.delete("c", "", "id % 13 == 0").await.ok();
            assert_all_exact(&lab, metric, 13).await;
        });
    }
}

#[test]
fn nor_with_mmap() {
    scenario(async |lab| {
        fill(&lab, "L2").await;
        lab.release("c").await.ok();
        let mmap = json!({ "properties": [{ "key": "mmap.enabled", "value": "true" }] });
        lab.call_on("AlterCollection", "c", mmap).await.ok();
        lab.load("c", json!({})).await.ok();
        assert_all_exact(&lab, "L2", NONE).await;
        lab.delete("c", "", "id % 13 == 0").await.ok();
        assert_all_exact(&lab, "L2", 13).await;
    });
}

#[test]
fn codes_take_the_place_of_vectors() {
    scenario(async |lab| {
        fill(&lab, "COSINE").await;
        let usage = lab.call("GetMemoryUsage", json!({})).await.ok();
        let partition = &usage.body["collections"][0]["partitions"][0];
        let vector_bytes = partition["field_bytes"]["v"].as_u64().expect("a number");
        assert!(vector_bytes < 2 * (SEGMENTS[2] + GROWING) as u64 * DIM as u64 * 4, "{partition}");
    });
}

/// A segment for each list of keys and places: at a place, rows are as far from 0 as its root. Others are far away.
async fn fill_places(lab: &Lab, segments: &[&[(i64, f32)]]) {
    lab.call("CreateCollection", create("c", &[primary_key(), vector_field("v", DIM as u32)])).await.ok();
    lab.call("CreateIndex", index("c", "v", "L2")).await.ok();
    for (number, near) in (1..).zip(segments) {
        let far = (0..2100).map(|row| (number * 100_000 + row, 1000.0 + row as f32));
        let rows: Vec<(i64, f32)> = near.iter().copied().chain(far).collect();
        let place = |distance: f32| {
            let mut vector = vec![0.0; DIM];
            vector[distance as usize % DIM] = distance.sqrt();
            vector
        };
        let columns = batch([
            ("id", ints(rows.iter().map(|(id, _)| *id))),
            ("v", vectors(rows.iter().map(|(_, distance)| place(*distance)))),
        ]);
        lab.insert("c", "", &columns).await.ok();
        lab.flush("c").await.ok();
    }
    lab.load("c", json!({})).await.ok();
}

#[test]
fn rows_of_one_key_hide_no_other_row() {
    scenario(async |lab| {
        let first: Vec<(i64, f32)> = (10..20).map(|at| (at, at as f32)).collect();
        // Nine rows, of which two have one key.
        let second: Vec<(i64, f32)> = (1..10).map(|at| (if at == 2 { 1 } else { at }, at as f32)).collect();
        fill_places(&lab, &[&first, &second, &[(77, 10.5)]]).await;
        let body = json!({ "search_params": [{ "key": "topk", "value": 10 }], "output_fields": ["id"] });
        let answer = lab.search("c", &[vec![0.0; DIM]], body).await.ok();
        assert_eq!(answer.numbers("id"), [1, 3, 4, 5, 6, 7, 8, 9, 10, 77]);
    });
}

#[test]
fn where_all_scores_are_infinite_rows_are_found() {
    scenario(async |lab| {
        fill_places(&lab, &[&[], &[]]).await;
        let body = json!({ "search_params": [{ "key": "topk", "value": 10 }], "output_fields": ["id"] });
        let answer = lab.search("c", &[vec![1e25; DIM]], body).await.ok();
        assert_eq!(answer.numbers("id").len(), 10);
        assert!(answer.scores().iter().all(|score| *score == f32::INFINITY));
    });
}
