//! Indexes: made, described, built in the background, dropped.

use super::library;
use crate::support::rows::{
    batch, book, books, create, field, index, ints, jsons, primary_key, vector_field, vector_of, vectors,
};
use crate::support::{Lab, scenario};
use elanus::catalog::CollectionName;
use elanus::cluster::NodeKind;
use futures::future::join;
use serde_json::{Value, json};

async fn described(lab: &Lab) -> Value {
    lab.call_on("DescribeIndex", "book", json!({})).await.ok().body["index_descriptions"].clone()
}

#[test]
fn an_index_is_described_with_its_parameters_and_coverage() {
    scenario(async |lab| {
        lab.call("CreateCollection", book()).await.ok();
        lab.call_on("DescribeIndex", "book", json!({})).await.refused(700, "index not found[collection=book]");
        lab.insert("book", "", &books(1..6)).await.ok();
        lab.flush("book").await.ok();
        lab.call("CreateIndex", index("book", "v", "COSINE")).await.ok();
        lab.settle().await;
        let of = described(&lab).await[0].clone();
        assert_eq!((&of["index_name"], &of["field_name"]), (&json!("v"), &json!("v")));
        assert_eq!(
            (&of["indexed_rows"], &of["total_rows"], &of["state"]),
            (&json!("5"), &json!("5"), &json!("Finished"))
        );
        let index_type = json!({ "key": "index_type", "value": "FLAT" });
        assert!(of["params"].as_array().is_some_and(|params| params.contains(&index_type)), "{of}");
        let state = lab.call_on("GetIndexState", "book", json!({ "field_name": "v" })).await.ok();
        assert_eq!(state.text("state"), "Finished");
        let progress = lab.call_on("GetIndexBuildProgress", "book", json!({ "index_name": "v" })).await.ok();
        assert_eq!((progress.text("indexed_rows"), progress.text("total_rows")), ("5", "5"));
        let nope = json!({ "index_name": "nope" });
        lab.call_on("GetIndexState", "book", nope).await.refused(700, "index not found[indexName=nope]");
        lab.assert_tidy().await;
    });
}

#[test]
fn a_field_has_one_index() {
    scenario(async |lab| {
        lab.call("CreateCollection", book()).await.ok();
        lab.call("CreateIndex", index("book", "v", "L2")).await.ok();
        lab.call("CreateIndex", index("book", "v", "L2")).await.ok();
        lab.call("CreateIndex", index("book", "v", "IP"))
            .await
            .refused(1100, "CreateIndex failed: at most one distinct index is allowed per field");
        let mut named = index("book", "v", "L2");
        named["index_name"] = json!("other");
        lab.call("CreateIndex", named).await.refused(1100, "creating multiple indexes on same field is not supported");
        let mut taken = json!({ "collection_name": "book", "field_name": "words", "index_name": "v" });
        lab.call("CreateIndex", taken.clone()).await.refused(1100, "at most one distinct index is allowed per field");
        taken["index_name"] = json!("w");
        lab.call("CreateIndex", taken).await.ok();
        lab.call("CreateIndex", index("book", "nope", "L2"))
            .await
            .refused(1100, "cannot create index on non-exist field: nope");
        assert_eq!(described(&lab).await.as_array().map(Vec::len), Some(2));
        lab.call_on("DropIndex", "book", json!({ "index_name": "w" })).await.ok();
        lab.call_on("DropIndex", "book", json!({ "index_name": "w" })).await.ok();
        assert_eq!(described(&lab).await.as_array().map(Vec::len), Some(1));
    });
}

#[test]
fn a_json_field_has_an_index_for_each_path() {
    scenario(async |lab| {
        let mut request = create("book", &[primary_key(), vector_field("v", 4), field("j", 23)]);
        request["schema"]["enable_dynamic_field"] = json!(true);
        lab.call("CreateCollection", request).await.ok();
        lab.insert(
            "book",
            "",
            &batch([("id", ints([1])), ("v", vectors([vector_of(1)])), ("j", jsons([r#"{"a":1}"#]))]),
        )
        .await
        .ok();
        lab.flush("book").await.ok();
        let make = async |field: &str, name: &str, path: &str, cast: &str| {
            let params = json!([{ "key": "index_type", "value": "INVERTED" },
                { "key": "params", "value": json!({ "json_path": path, "json_cast_type": cast }).to_string() }]);
            let body = json!({ "field_name": field, "index_name": name, "extra_params": params });
            lab.call_on("CreateIndex", "book", body).await
        };
        make("j", "", "j", "JSON").await.ok();
        make("j", "", "j[\"a\"][\"b\"]", "double").await.ok();
        make("j", "", "j['a']['b']", "DOUBLE").await.ok();
        make("j", "other", "j[\"a\"][\"b\"]", "DOUBLE").await.refused(1100, "at most one distinct index");
        make("j", "", "j[\"a\"][\"b\"]", "VARCHAR").await.refused(1100, "at most one distinct index");
        make("j", "named", "j[\"c\"]", "DOUBLE").await.ok();
        make("j", "named", "j[\"d\"]", "DOUBLE").await.refused(1100, "at most one distinct index is allowed per field");
        make("color", "", "color", "varchar").await.ok();
        make("$meta", "", "$meta[\"size\"]", "double").await.ok();
        make("v", "", "v", "varchar").await.refused(1100, "INVERTED");
        lab.settle().await;
        let all = described(&lab).await;
        let names: Vec<(&str, &str)> = all
            .as_array()
            .expect("a list")
            .iter()
            .map(|of| (of["field_name"].as_str().expect("text"), of["index_name"].as_str().expect("text")))
            .collect();
        assert_eq!(
            names,
            [("j", "j"), ("j", "j/a/b"), ("j", "named"), ("$meta", "$meta/color"), ("$meta", "$meta/size")]
        );
        assert!(all.as_array().expect("a list").iter().all(|of| of["state"] == "Finished"), "{all}");
        lab.call_on("DropIndex", "book", json!({ "index_name": "j/a/b" })).await.ok();
        let by_key = json!({ "field_name": "color" });
        let found = lab.call_on("DescribeIndex", "book", by_key.clone()).await.ok().body;
        assert_eq!(found["index_descriptions"][0]["index_name"], "$meta/color");
        lab.call_on("DropIndex", "book", by_key.clone()).await.ok();
        lab.call_on("DescribeIndex", "book", by_key).await.refused(700, "index not found");
        assert_eq!(described(&lab).await.as_array().expect("a list").len(), 3);
        lab.assert_tidy().await;
    });
}

#[test]
fn one_of_several_indexes_must_be_named() {
    scenario(async |lab| {
        lab.call("CreateCollection", book()).await.ok();
        let mut named = index("book", "v", "L2");
        named["index_name"] = json!("by_vector");
        lab.call("CreateIndex", named).await.ok();
        lab.call("CreateIndex", index("book", "v", "L2")).await.ok();
        assert_eq!(described(&lab).await[0]["index_name"], json!("by_vector"), "it is the same without its name");
        lab.call_on("CreateIndex", "book", json!({ "field_name": "words" })).await.ok();
        for method in ["DropIndex", "GetIndexState", "GetIndexBuildProgress"] {
            let text = "there are multiple indexes, please specify the index_name: index duplicates[indexName=]";
            lab.call_on(method, "book", json!({})).await.refused(702, text);
        }
        assert_eq!(described(&lab).await.as_array().map(Vec::len), Some(2));
        lab.call_on("DropIndex", "book", json!({ "field_name": "words" })).await.ok();
        lab.call_on("DropIndex", "book", json!({})).await.ok();
        lab.call_on("DescribeIndex", "book", json!({})).await.refused(700, "index not found");
    });
}

#[test]
fn properties_are_altered_wherever_they_were_given() {
    scenario(async |lab| {
        lab.call("CreateCollection", book()).await.ok();
        let params = json!([
            { "key": "index_type", "value": "HNSW" },
            { "key": "metric_type", "value": "L2" },
            { "key": "params", "value": r#"{"M":16,"mmap.enabled":true}"# },
        ]);
        lab.call_on("CreateIndex", "book", json!({ "field_name": "v", "extra_params": params })).await.ok();
        let dropped = json!({ "index_name": "v", "delete_keys": ["mmap.enabled"] });
        lab.call_on("AlterIndex", "book", dropped).await.ok();
        let of = described(&lab).await[0]["params"].to_string();
        assert!(of.contains("16") && !of.contains("mmap"), "{of}");
        let warmup = |value: &str| json!({ "index_name": "v", "extra_params": [{ "key": "warmup", "value": value }] });
        lab.call_on("AlterIndex", "book", warmup("banana")).await.refused(1100, "invalid warmup policy: banana");
        lab.call_on("AlterIndex", "book", warmup("sync")).await.ok();
        assert!(described(&lab).await[0]["params"].to_string().contains("warmup"));
        let same = json!([
            { "key": "index_type", "value": "HNSW" },
            { "key": "metric_type", "value": "L2" },
            { "key": "params", "value": r#"{"M":16}"# },
        ]);
        lab.call_on("CreateIndex", "book", json!({ "field_name": "v", "extra_params": same })).await.ok();
    });
}

#[test]
fn a_dropped_index_takes_its_files_along() {
    scenario(async |lab| {
        library(&lab, 10, "COSINE").await;
        lab.flush("book").await.ok();
        let has_index_file = async || lab.files().await.0.iter().any(|name| name.contains("index-"));
        assert!(has_index_file().await);
        lab.call_on("DropIndex", "book", json!({ "field_name": "v" })).await.ok();
        assert!(!has_index_file().await);
        lab.assert_tidy().await;
        lab.load("book", json!({})).await.refused(700, "index not found");
    });
}

#[test]
fn an_index_dropped_while_it_is_built_leaves_no_file() {
    scenario(async |lab| {
        lab.call("CreateCollection", book()).await.ok();
        lab.insert("book", "", &books(1..20)).await.ok();
        lab.flush("book").await.ok();
        lab.settle().await;
        lab.process().nodes.gate().shut();
        lab.call("CreateIndex", index("book", "v", "COSINE")).await.ok();
        while lab.process().nodes.gate().waiting() == 0 {
            lab.executor.sleep(1).await;
        }
        lab.call_on("DropIndex", "book", json!({ "field_name": "v" })).await.ok();
        lab.process().nodes.gate().open();
        lab.settle().await;
        lab.assert_tidy().await;
    });
}

#[test]
fn an_index_made_while_rows_are_sealed_covers_them() {
    scenario(async |lab| {
        lab.call("CreateCollection", book()).await.ok();
        lab.insert("book", "", &books(1..20)).await.ok();
        let (flusher, indexer) = (lab.client(), lab.client());
        let both =
            futures::future::join(flusher.flush("book"), indexer.call("CreateIndex", index("book", "v", "COSINE")));
        let (flushed, created) = both.await;
        flushed.ok();
        created.ok();
        lab.settle().await;
        assert_eq!(described(&lab).await[0]["pending_index_rows"], "0");
        lab.load("book", json!({})).await.ok();
        lab.assert_tidy().await;
    });
}

#[test]
fn an_index_is_built_by_the_next_node_when_one_dies_and_later_when_several_do() {
    scenario(async |lab| {
        lab.call("CreateCollection", book()).await.ok();
        lab.insert("book", "", &books(1..20)).await.ok();
        lab.flush("book").await.ok();
        lab.settle().await;
        lab.process().nodes.gate().shut();
        lab.call("CreateIndex", index("book", "v", "COSINE")).await.ok();
        while lab.process().nodes.gate().waiting() == 0 {
            lab.executor.sleep(1).await;
        }
        let end_node = async || {
            let nodes = lab.process().nodes.running(NodeKind::Data);
            lab.process().nodes.kill(&nodes[0]);
            while lab.process().nodes.gate().waiting() > 0 {
                lab.executor.sleep(1).await;
            }
        };
        for _ in 0..2 {
            end_node().await;
            while lab.process().nodes.gate().waiting() == 0 {
                lab.executor.sleep(1).await;
            }
        }
        end_node().await;
        lab.process().nodes.gate().open();
        lab.settle().await;
        assert_eq!(described(&lab).await[0]["state"], "InProgress");
        // What is not built is computed when it is needed.
        lab.load("book", json!({})).await.ok();
        let search = json!({ "search_params": [{ "key": "topk", "value": 3 }], "output_fields": ["id"] });
        assert_eq!(lab.search("book", &[vec![1.0; 4]], search).await.ok().scores().len(), 3);
        lab.insert("book", "", &books(20..30)).await.ok();
        lab.flush("book").await.ok();
        lab.settle().await;
        assert_eq!(described(&lab).await[0]["state"], "Finished");
        assert!(lab.process().nodes.running(NodeKind::Data).is_empty());
        lab.assert_tidy().await;
    });
}

#[test]
fn an_index_dropped_while_segments_are_written_is_in_none_of_them() {
    for pauses in (0..60).step_by(3) {
        scenario(async move |lab| {
            lab.call("CreateCollection", book()).await.ok();
            lab.call("CreateIndex", index("book", "v", "COSINE")).await.ok();
            lab.insert("book", "", &books(1..20)).await.ok();
            let drop_index = async {
                for _ in 0..pauses {
                    lab.executor.pause().await;
                }
                lab.call_on("DropIndex", "book", json!({ "field_name": "v" })).await.ok();
            };
            join(lab.flush("book"), drop_index).await.0.ok();
            lab.settle().await;
            let catalog = lab.catalog().await;
            let collection = catalog.resolve(CollectionName::new("default", "book")).expect("there");
            assert!(collection.segments().all(|segment| segment.indexes.is_empty()));
            lab.assert_tidy().await;
        });
    }
}
