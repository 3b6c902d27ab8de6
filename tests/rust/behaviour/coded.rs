//! Segments that are searched by codes: their vectors stay in files and come out as they went in.

use crate::support::client::Answer;
use crate::support::rng::Rng;
use crate::support::rows::{batch, create, index, ints, primary_key, score, vector_field, vectors};
use crate::support::{Lab, scenario};
use elanus::catalog::CollectionName;
use elanus::cluster::NodeKind;
use elanus::storage::Files;
use elanus::value::ColumnData;
use serde_json::{Value, json};

const ROWS: i64 = 2100;
const DIM: usize = 16;

fn vector_of(id: i64) -> Vec<f32> {
    let rng = Rng::new(id as u64 + 1);
    (0..DIM).map(|_| rng.float()).collect()
}

fn rows(ids: impl Iterator<Item = i64> + Clone) -> elanus::value::Batch {
    batch([("id", ints(ids.clone())), ("v", vectors(ids.map(vector_of)))])
}

fn autoindex(metric: &str) -> Value {
    let mut request = index("c", "v", metric);
    request["extra_params"][0]["value"] = json!("AUTOINDEX");
    request
}

/// A collection without rows, whose larger segments get graphs.
async fn create_with_graphs(lab: &Lab) {
    lab.call("CreateCollection", create("c", &[primary_key(), vector_field("v", DIM as u32)])).await.ok();
    let mut request = autoindex("L2");
    request["extra_params"][0]["value"] = json!("HNSW");
    lab.call("CreateIndex", request).await.ok();
}

async fn fill(lab: &Lab) {
    lab.call("CreateCollection", create("c", &[primary_key(), vector_field("v", DIM as u32)])).await.ok();
    lab.insert("c", "", &rows(0..ROWS)).await.ok();
}

/// The same rows in a segment with codes.
async fn fill_sealed(lab: &Lab, metric: &str) {
    fill(lab).await;
    lab.call("CreateIndex", autoindex(metric)).await.ok();
    lab.flush("c").await.ok();
}

async fn search(lab: &Lab, query: &[f32], given: Value) -> Answer {
    let params = given.as_object().expect("an object").iter().map(|(key, value)| json!({ "key": key, "value": value }));
    let body = json!({ "search_params": params.collect::<Vec<_>>(), "output_fields": ["id", "v"] });
    lab.search("c", &[query.to_vec()], body).await
}

/// Keys, best first.
fn ranked(metric: &str, query: &[f32], ids: impl Iterator<Item = i64>) -> Vec<(f32, i64)> {
    let mut ranked: Vec<(f32, i64)> = ids.map(|id| (score(metric, query, &vector_of(id)), id)).collect();
    ranked.sort_by(|a, b| if metric == "L2" { a.0.total_cmp(&b.0) } else { b.0.total_cmp(&a.0) });
    ranked
}

/// Vectors are those of their keys, and scores are exact.
#[track_caller]
fn assert_true_to_rows(answer: &Answer, metric: &str, query: &[f32]) {
    let Some(ColumnData::FloatVector { values, .. }) = answer.rows().column("v").map(|column| &column.data) else {
        panic!("no vectors in {}", answer.body)
    };
    for ((id, vector), found) in answer.numbers("id").into_iter().zip(values.chunks(DIM)).zip(answer.scores()) {
        assert_eq!(vector, vector_of(id), "vector of {id}");
        let exact = score(metric, query, vector);
        assert!((found - exact).abs() < 1e-4, "{id}: {found} for {exact}");
    }
}

async fn awaited_bytes(lab: &Lab) -> u64 {
    let usage = lab.call("GetMemoryUsage", json!({})).await.ok();
    usage.body["collections"][0]["awaited_bytes"].as_u64().expect("a number")
}

/// Bytes of the vectors' column file that the node has read, and its index's bytes in memory when all are there.
async fn in_memory(lab: &Lab) -> (u64, u64) {
    while awaited_bytes(lab).await > 0 {}
    let catalog = lab.catalog().await;
    let collection = catalog.resolve(CollectionName::new("default", "c")).expect("there");
    let field = collection.schema.field("v").expect("there").id;
    let segment = collection.segments().next().expect("sealed");
    let node = &lab.process().nodes.running(NodeKind::Query)[0];
    let read = lab.process().nodes.read_bytes(node);
    let usage = lab.call("GetMemoryUsage", json!({})).await.ok();
    let partition = &usage.body["collections"][0]["partitions"][0];
    assert_eq!(partition["field_bytes"]["v"].as_u64().unwrap_or(0), 0, "{partition}");
    let column = read.get(&segment.column_file(collection.id, field)).copied().unwrap_or(0);
    (column, partition["index_bytes"]["v"].as_u64().unwrap_or(0))
}

#[test]
fn vectors_stay_in_their_files_and_scores_are_exact() {
    for metric in ["L2", "IP", "COSINE"] {
        scenario(async move |lab| {
            fill_sealed(&lab, metric).await;
            lab.load("c", json!({})).await.ok();
            let (column_bytes, index_bytes) = in_memory(&lab).await;
            assert!(column_bytes <= 64 << 10, "{column_bytes} bytes of vectors were read");
            assert!(index_bytes > 0 && index_bytes < (ROWS as u64) * DIM as u64 * 4 * 7 / 8, "{index_bytes}");
            let query = vector_of(-7);
            let best = ranked(metric, &query, 0..ROWS);
            let answer = search(&lab, &query, json!({ "topk": 10 })).await.ok();
            assert_true_to_rows(&answer, metric, &query);
            let ids = answer.numbers("id");
            let hits = best[..10].iter().filter(|(_, id)| ids.contains(id)).count();
            assert!(hits >= 8, "{hits} of 10");
            let all = search(&lab, &query, json!({ "topk": 40, "offset": 5, "level": 10 })).await.ok();
            assert_eq!(all.numbers("id"), best[5..45].iter().map(|(_, id)| *id).collect::<Vec<_>>());
        });
    }
}

#[test]
fn queries_near_the_limits_of_their_type_have_answers() {
    for metric in ["L2", "IP", "COSINE"] {
        scenario(async move |lab| {
            fill_sealed(&lab, metric).await;
            lab.load("c", json!({})).await.ok();
            for value in [1e18, 1e25, -3e38] {
                let answer = search(&lab, &[value; DIM], json!({ "topk": 10 })).await.ok();
                assert_eq!(answer.numbers("id").len(), 10, "{metric} {value}");
            }
        });
    }
}

#[test]
fn vectors_are_in_memory_where_rows_are_slow_to_read() {
    scenario(async |lab| {
        lab.store.make_rows_slow();
        fill_sealed(&lab, "COSINE").await;
        lab.load("c", json!({})).await.ok();
        let usage = lab.call("GetMemoryUsage", json!({})).await.ok();
        let partition = &usage.body["collections"][0]["partitions"][0];
        assert_eq!(partition["field_bytes"]["v"], ROWS as u64 * DIM as u64 * 4);
        assert!(partition["index_bytes"]["v"].as_u64() > Some(0));
        let query = vector_of(-7);
        let answer = search(&lab, &query, json!({ "topk": 40, "level": 10 })).await.ok();
        assert_true_to_rows(&answer, "COSINE", &query);
        let best = ranked("COSINE", &query, 0..ROWS);
        assert_eq!(answer.numbers("id"), best[..40].iter().map(|(_, id)| *id).collect::<Vec<_>>());
    });
}

#[test]
fn ranges_are_exact() {
    for metric in ["L2", "COSINE"] {
        scenario(async move |lab| {
            fill_sealed(&lab, metric).await;
            lab.load("c", json!({})).await.ok();
            let query = vector_of(-3);
            let best = ranked(metric, &query, 0..ROWS);
            let between = |at: usize| (best[at].0 + best[at + 1].0) / 2.0;
            let given = json!({ "topk": 1000, "range_filter": between(99), "radius": between(299) });
            let answer = search(&lab, &query, given).await.ok();
            assert_eq!(answer.numbers("id"), best[100..300].iter().map(|(_, id)| *id).collect::<Vec<_>>());
        });
    }
}

#[test]
fn with_mmap_int8_numbers_stay_in_their_file_too() {
    scenario(async |lab| {
        fill_sealed(&lab, "L2").await;
        lab.load("c", json!({})).await.ok();
        let query = vector_of(-7);
        let answers = async |lab: &Lab| {
            let mut ids = Vec::new();
            for given in
                [json!({ "topk": 10 }), json!({ "topk": 50, "level": 10 }), json!({ "topk": 5, "reorder_k": 30 })]
            {
                let answer = search(lab, &query, given).await.ok();
                assert_true_to_rows(&answer, "L2", &query);
                ids.push(answer.numbers("id"));
            }
            ids
        };
        let (_, resident_bytes) = in_memory(&lab).await;
        let resident = answers(&lab).await;
        lab.release("c").await.ok();
        let mmap = json!({ "properties": [{ "key": "mmap.enabled", "value": "true" }] });
        lab.call_on("AlterCollection", "c", mmap).await.ok();
        lab.load("c", json!({})).await.ok();
        let (_, mapped_bytes) = in_memory(&lab).await;
        assert_eq!(resident_bytes - mapped_bytes, ROWS as u64 * DIM as u64);
        assert_eq!(answers(&lab).await, resident);
    });
}

/// Among the rows whose key is a multiple of `every`: how many of the ten nearest a search finds, and how many there are.
async fn found_of_ten(lab: &Lab, metric: &str, query: &[f32], (all, every): (&[Vec<f32>], i64)) -> (usize, usize) {
    let keyed = (0..).zip(all).filter(|(id, _)| id % every == 0);
    let mut best: Vec<(f32, i64)> = keyed.map(|(id, vector)| (score(metric, query, vector), id)).collect();
    best.sort_by(|a, b| if metric == "L2" { a.0.total_cmp(&b.0) } else { b.0.total_cmp(&a.0) });
    best.truncate(10);
    let topk = json!([{ "key": "topk", "value": 10 }]);
    let body = json!({ "search_params": topk, "output_fields": ["id"], "dsl": format!("id % {every} == 0") });
    let ids = lab.search("c", &[query.to_vec()], body).await.ok().numbers("id");
    (best.iter().filter(|(_, id)| ids.contains(id)).count(), best.len())
}

/// Of several segments, the rows that signs promise most of are read first, whatever the metric and however many take part.
#[test]
fn with_mmap_a_filter_costs_no_recall() {
    const WIDE: usize = 64;
    let wide = |id: i64| -> Vec<f32> {
        let rng = Rng::new(id as u64);
        (0..WIDE).map(|_| rng.float()).collect()
    };
    let all: &[Vec<f32>] = Box::leak((0..4 * ROWS).map(wide).collect());
    for metric in ["L2", "IP", "COSINE"] {
        scenario(async move |lab| {
            lab.call("CreateCollection", create("c", &[primary_key(), vector_field("v", WIDE as u32)])).await.ok();
            lab.call("CreateIndex", autoindex(metric)).await.ok();
            for segment in 0..4 {
                let ids = segment * ROWS..(segment + 1) * ROWS;
                let rows = batch([("id", ints(ids.clone())), ("v", vectors(ids.map(|id| all[id as usize].clone())))]);
                lab.insert("c", "", &rows).await.ok();
                lab.flush("c").await.ok();
            }
            let mmap = json!({ "properties": [{ "key": "mmap.enabled", "value": "true" }] });
            lab.call_on("AlterCollection", "c", mmap).await.ok();
            lab.load("c", json!({})).await.ok();
            for every in [500, 150, 2] {
                let (mut found, mut wanted) = (0, 0);
                for query in (1..=10).map(|query| wide(-query)) {
                    let (found_now, wanted_now) = found_of_ten(&lab, metric, &query, (all, every)).await;
                    found += found_now;
                    wanted += wanted_now;
                }
                assert!(found * 100 >= wanted * 97, "{metric}, one of {every}: {found} of {wanted}");
            }
        });
    }
}

/// Whether numbers are in memory or in files, and whichever rows take part.
#[test]
fn queries_unlike_the_rows_find_what_is_near() {
    const WIDE: usize = 64;
    const MANY: i64 = 3 * ROWS;
    let made_up = |seed: i64| -> Vec<f32> {
        let rng = Rng::new(seed as u64);
        (0..WIDE).map(|_| (0..4).map(|_| rng.float() - 0.5).sum()).collect()
    };
    let in_cluster = |id: i64| -> Vec<f32> {
        made_up(-1 - id % 30).iter().zip(made_up(id)).map(|(centre, by)| centre + 0.3 * by).collect()
    };
    let all: &[Vec<f32>] = Box::leak((0..MANY).map(in_cluster).collect());
    for metric in ["L2", "IP", "COSINE"] {
        scenario(async move |lab| {
            lab.call("CreateCollection", create("c", &[primary_key(), vector_field("v", WIDE as u32)])).await.ok();
            lab.call("CreateIndex", autoindex(metric)).await.ok();
            let rows = batch([("id", ints(0..MANY)), ("v", vectors((0..MANY).map(|id| all[id as usize].clone())))]);
            lab.insert("c", "", &rows).await.ok();
            lab.flush("c").await.ok();
            for is_mapped in [false, true] {
                lab.release("c").await.ok();
                let mmap = json!({ "properties": [{ "key": "mmap.enabled", "value": is_mapped.to_string() }] });
                lab.call_on("AlterCollection", "c", mmap).await.ok();
                lab.load("c", json!({})).await.ok();
                for every in [1, 2, 30] {
                    let mut found = 0;
                    for query in (0..20).map(|query| made_up(1_000_000 + query)) {
                        found += found_of_ten(&lab, metric, &query, (all, every)).await.0;
                    }
                    assert!(found >= 192, "{metric}, one of {every}, mmap {is_mapped}: {found} of 200");
                }
            }
        });
    }
}

#[test]
fn with_mmap_rows_that_a_filter_leaves_are_read_once() {
    scenario(async |lab| {
        fill_sealed(&lab, "L2").await;
        let mmap = json!({ "properties": [{ "key": "mmap.enabled", "value": "true" }] });
        lab.call_on("AlterCollection", "c", mmap).await.ok();
        lab.load("c", json!({})).await.ok();
        let (_, loaded_bytes) = in_memory(&lab).await;
        let index_bytes_read = || -> u64 {
            let by_file = lab.process().nodes.read_bytes(&lab.process().nodes.running(NodeKind::Query)[0]);
            by_file.iter().filter(|(name, _)| name.contains("/index-")).map(|(_, bytes)| bytes).sum()
        };
        let mut read = vec![index_bytes_read()];
        for query in [3, 30, 300, -7].map(vector_of) {
            let topk = json!([{ "key": "topk", "value": 3 }]);
            let filter = format!("id in [5, {}, {}]", ROWS / 2, ROWS - 5);
            let body = json!({ "search_params": topk, "output_fields": ["id"], "dsl": filter });
            assert_eq!(lab.search("c", &[query], body).await.ok().numbers("id").len(), 3);
            read.push(index_bytes_read());
        }
        assert!(read[1] > read[0] && read[4] == read[1], "{read:?}");
        let (_, bytes) = in_memory(&lab).await;
        assert!(
            bytes > loaded_bytes && bytes <= loaded_bytes + ROWS as u64 * DIM as u64 / 40,
            "{loaded_bytes} {bytes}"
        );
    });
}

#[test]
fn searches_find_the_same_before_and_after_int8_numbers_are_in_memory() {
    scenario(async |lab| {
        fill_sealed(&lab, "L2").await;
        lab.load("c", json!({})).await.ok();
        let query = vector_of(-7);
        let answers = async || {
            let answer = search(&lab, &query, json!({ "topk": 20 })).await.ok();
            assert_true_to_rows(&answer, "L2", &query);
            answer.numbers("id")
        };
        let early = answers().await;
        let (_, index_bytes) = in_memory(&lab).await;
        assert!(index_bytes > (ROWS as u64) * DIM as u64);
        assert_eq!(answers().await, early);
        lab.release("c").await.ok();
        lab.assert_tidy().await;
    });
}

#[test]
fn a_load_does_not_wait_for_int8_numbers_and_searches_tell_of_broken_ones() {
    scenario(async |lab| {
        fill_sealed(&lab, "L2").await;
        let store = lab.store.reopen();
        let index = store.list("").await.unwrap().into_iter().find(|name| name.contains("/index-")).expect("there");
        let mut bytes = vec![0; store.size(&index).await.unwrap() as usize];
        store.read(&index, 0, &mut bytes).await.unwrap();
        *bytes.last_mut().expect("numbers come last") ^= 1;
        store.write(&index, &bytes).await.unwrap();
        lab.load("c", json!({})).await.ok();
        in_memory(&lab).await;
        let told = format!("failed to search: data integrity check failed[file={index}]: a checksum does not match");
        search(&lab, &vector_of(1), json!({ "topk": 10 })).await.refused(1009, &told);
    });
}

#[test]
fn what_is_deleted_or_written_later_counts_at_once() {
    scenario(async |lab| {
        fill_sealed(&lab, "L2").await;
        lab.load("c", json!({})).await.ok();
        let query = vector_of(100);
        assert_eq!(search(&lab, &query, json!({ "topk": 1 })).await.ok().numbers("id"), [100]);
        lab.delete("c", "", "id == 100").await.ok();
        assert!(!search(&lab, &query, json!({ "topk": 10 })).await.ok().numbers("id").contains(&100));
        lab.insert("c", "", &rows(100..101)).await.ok();
        assert_eq!(search(&lab, &query, json!({ "topk": 1 })).await.ok().numbers("id"), [100]);
    });
}

#[test]
fn an_index_that_is_made_after_a_load_takes_the_place_of_vectors() {
    scenario(async |lab| {
        fill(&lab).await;
        lab.flush("c").await.ok();
        lab.call("CreateIndex", autoindex("L2")).await.ok();
        lab.load("c", json!({})).await.ok();
        lab.delete("c", "", "id == 5").await.ok();
        lab.settle().await;
        assert!(in_memory(&lab).await.1 > 0);
        let answer = search(&lab, &vector_of(5), json!({ "topk": 10 })).await.ok();
        assert!(!answer.numbers("id").contains(&5));
        assert_true_to_rows(&answer, "L2", &vector_of(5));
    });
}

#[test]
fn a_segment_may_be_replaced_while_its_rows_are_read() {
    scenario(async |lab| {
        fill_sealed(&lab, "L2").await;
        lab.load("c", json!({})).await.ok();
        lab.delete("c", "", "id < 1000").await.ok();
        lab.flush("c").await.ok();
        let reads = async {
            for id in 1000..1020 {
                let answer = search(&lab, &vector_of(id), json!({ "topk": 5 })).await.ok();
                assert_eq!(answer.numbers("id")[0], id);
                assert_true_to_rows(&answer, "L2", &vector_of(id));
            }
        };
        let (_, compacted) = futures::join!(reads, lab.compact("c"));
        compacted.ok();
        lab.settle().await;
    });
}

#[test]
fn search_parameters_out_of_range_are_refused() {
    scenario(async |lab| {
        fill(&lab).await;
        lab.call("CreateIndex", autoindex("L2")).await.ok();
        lab.load("c", json!({})).await.ok();
        let refused = search(&lab, &vector_of(1), json!({ "topk": 5, "level": 11 })).await;
        refused.refused(1100, "param 'level' (11) should be in range [1, 10]");
    });
}

#[test]
fn few_rows_are_found_whatever_an_index_would_look_at() {
    scenario(async |lab| {
        create_with_graphs(&lab).await;
        lab.load("c", json!({})).await.ok();
        for flushed in [false, true] {
            lab.insert("c", "", &rows(0..30)).await.ok();
            if flushed {
                lab.flush("c").await.ok();
            }
            let found = search(&lab, &vector_of(1), json!({ "topk": 20, "ef": 10 })).await.ok();
            assert_eq!(found.numbers("id").len(), 20);
        }
    });
}

#[test]
fn hnsw_gets_a_graph_in_the_background() {
    scenario(async |lab| {
        fill(&lab).await;
        let mut request = autoindex("L2");
        request["extra_params"][0]["value"] = json!("HNSW");
        let params = json!({ "key": "params", "value": r#"{"M":8,"efConstruction":64}"# });
        request["extra_params"].as_array_mut().expect("a list").push(params);
        lab.call("CreateIndex", request).await.ok();
        lab.flush("c").await.ok();
        lab.load("c", json!({})).await.ok();
        lab.delete("c", "", "id == 5").await.ok();
        lab.settle().await;
        let catalog = lab.catalog().await;
        let collection = catalog.resolve(CollectionName::new("default", "c")).expect("there");
        let graph_bytes =
            collection.segments().flat_map(|it| it.indexes.values()).map(|it| it.graph_bytes).sum::<u64>();
        // Of each row int8 numbers, one word of signs, and five numbers of four bytes.
        let codes_bytes = ROWS as u64 * (DIM as u64 + 28);
        assert!(in_memory(&lab).await.1 > codes_bytes + graph_bytes * 9 / 10, "the graph's bytes are told");
        let state = lab.call_on("GetIndexState", "c", json!({ "field_name": "v" })).await.ok();
        assert_eq!(state.text("state"), "Finished");
        assert!(lab.files().await.0.iter().any(|name| name.contains("/graph-")));
        for id in [5, 700, -3] {
            let query = vector_of(id);
            let answer = search(&lab, &query, json!({ "topk": 10, "ef": 200 })).await.ok();
            assert_true_to_rows(&answer, "L2", &query);
            let best = ranked("L2", &query, (0..ROWS).filter(|id| *id != 5));
            let ids = answer.numbers("id");
            let hits = best[..10].iter().filter(|(_, id)| ids.contains(id)).count();
            assert!(hits >= 8, "{hits} of 10");
        }
        // These go on until they have enough.
        for asked in
            [json!({ "topk": 10, "ef": 5, "radius": 1e9 }), json!({ "topk": 10, "ef": 5, "group_by_field": "id" })]
        {
            assert_eq!(search(&lab, &vector_of(1), asked).await.ok().numbers("id").len(), 10);
        }
        search(&lab, &vector_of(1), json!({ "topk": 10, "ef": 5 }))
            .await
            .refused(1100, "ef(5) should be larger than k(10)");
        lab.release("c").await.ok();
        lab.call_on("DropIndex", "c", json!({ "field_name": "v" })).await.ok();
        assert!(!lab.files().await.0.iter().any(|name| name.contains("/graph-") || name.contains("/index-")));
        lab.assert_tidy().await;
    });
}

#[test]
fn graphs_are_built_whatever_made_the_segments() {
    scenario(async |lab| {
        create_with_graphs(&lab).await;
        let write = async |ids: std::ops::Range<i64>| {
            let vectors = vectors(ids.clone().map(vector_of));
            lab.insert("c", "", &batch([("id", ints(ids)), ("v", vectors)])).await.ok();
        };
        let state = async || lab.call_on("GetIndexState", "c", json!({ "field_name": "v" })).await.ok();
        write(0..ROWS).await;
        lab.call("FlushAll", json!({})).await.ok();
        lab.settle().await;
        assert_eq!(state().await.text("state"), "Finished");
        let ids: Vec<String> = (0..ROWS / 3).map(|id| id.to_string()).collect();
        lab.delete("c", "", &format!("id in [{}]", ids.join(","))).await.ok();
        lab.flush("c").await.ok();
        lab.compact("c").await.ok();
        lab.settle().await;
        assert_eq!(state().await.text("state"), "Finished");
    });
}

#[test]
fn a_graph_of_what_was_dropped_is_not_built_on() {
    scenario(async |lab| {
        create_with_graphs(&lab).await;
        let vectors = vectors((0..ROWS).map(vector_of));
        lab.insert("c", "", &batch([("id", ints(0..ROWS)), ("v", vectors)])).await.ok();
        let builders = || {
            let running = lab.process().nodes.running(NodeKind::Data);
            running.into_iter().filter(|node| node.starts_with("graph-")).count()
        };
        lab.process().nodes.gate().shut();
        lab.flush("c").await.ok();
        while builders() == 0 || lab.process().nodes.gate().waiting() == 0 {
            lab.executor.sleep(1).await;
        }
        lab.call_on("DropCollection", "c", json!({})).await.ok();
        lab.executor.sleep(2000).await;
        assert_eq!(builders(), 0);
        lab.process().nodes.gate().open();
        lab.settle().await;
        lab.assert_tidy().await;
    });
}
