//! What may change of a collection while it is loaded, and what must be released first.

use super::library;
use crate::support::rows::{book, books, create, field, index, primary_key, vector_field};
use crate::support::{Lab, scenario};
use elanus::cluster::NodeKind;
use serde_json::{Value, json};

const MMAP: &str = "mmap.enabled";

fn mmap(enabled: bool) -> Value {
    json!([{ "key": MMAP, "value": enabled.to_string() }])
}

async fn loaded(lab: &Lab) -> Vec<String> {
    library(lab, 10, "COSINE").await;
    lab.flush("book").await.ok();
    lab.insert("book", "p1", &books(150..155)).await.ok();
    lab.load("book", json!({})).await.ok();
    lab.process().nodes.running(NodeKind::Query)
}

fn all() -> Vec<i64> {
    (1..11).chain(101..111).chain(150..155).chain(201..211).collect()
}

#[test]
fn names_change_and_what_is_loaded_stays_where_it_is() {
    scenario(async |lab| {
        let nodes = loaded(&lab).await;
        lab.call("CreateDatabase", json!({ "db_name": "shelf" })).await.ok();
        let rename = async |from: (&str, &str), to: (&str, &str)| {
            let names = json!({ "db_name": from.0, "oldName": from.1, "newDBName": to.0, "newName": to.1 });
            lab.call("RenameCollection", names).await.ok();
        };
        assert_eq!(lab.keys("book", &[]).await, all());
        rename(("", "book"), ("", "tome")).await;
        assert_eq!(lab.keys("tome", &[]).await, all());
        lab.count("book", &[]).await.refused(100, "collection not found[database=default][collection=book]");
        rename(("", "tome"), ("shelf", "tome")).await;
        lab.count("tome", &[]).await.refused(100, "collection not found");
        let there = json!({ "db_name": "shelf", "output_fields": ["count(*)"] });
        assert_eq!(lab.query("tome", there).await.ok().numbers("count(*)"), [35]);
        rename(("shelf", "tome"), ("default", "book")).await;
        let alias = async |method: &str, alias: &str| lab.call_on(method, "book", json!({ "alias": alias })).await.ok();
        alias("CreateAlias", "volume").await;
        assert_eq!(lab.keys("volume", &["p1"]).await.len(), 15);
        lab.insert("volume", "", &books([50])).await.ok();
        lab.delete("volume", "", "words == 500").await.ok();
        alias("DropAlias", "volume").await;
        lab.count("volume", &[]).await.refused(100, "collection not found");
        assert_eq!(lab.keys("book", &[]).await, all());
        assert_eq!(lab.process().nodes.running(NodeKind::Query), nodes);
    });
}

#[test]
fn partitions_and_scalar_indexes_come_and_go() {
    scenario(async |lab| {
        let nodes = loaded(&lab).await;
        let partition =
            async |method: &str, name: &str| lab.call_on(method, "book", json!({ "partition_name": name })).await;
        partition("CreatePartition", "p3").await.ok();
        assert_eq!(lab.load_state("book", &["p3"]).await, "LoadStateLoaded");
        lab.insert("book", "p3", &books([301])).await.ok();
        assert_eq!(lab.keys("book", &["p3"]).await, [301]);
        let text = "partition cannot be dropped, partition is loaded, please release it first: invalid parameter";
        let refused = partition("DropPartition", "p3").await.refused(1100, text);
        assert_eq!(refused.reason(), text);
        lab.release_partitions("book", &["p3"]).await.ok();
        partition("DropPartition", "p3").await.ok();
        lab.count("book", &["p3"]).await.refused(1100, "partition name p3 not found");

        let words = json!({ "collection_name": "book", "field_name": "words", "index_name": "w" });
        lab.call("CreateIndex", words).await.ok();
        lab.settle().await;
        let indexes =
            async || lab.call_on("DescribeIndex", "book", json!({})).await.ok().body["index_descriptions"].clone();
        assert_eq!(indexes().await[1]["state"], "Finished");
        lab.call_on("DropIndex", "book", json!({ "index_name": "w" })).await.ok();
        assert_eq!(indexes().await.as_array().map(Vec::len), Some(1));
        assert_eq!(lab.keys("book", &[]).await, all());
        assert_eq!(lab.process().nodes.running(NodeKind::Query), nodes);
        lab.reopen().await;
        assert_eq!(lab.keys("book", &[]).await, all());
    });
}

#[test]
fn what_needs_a_release_first_says_so() {
    scenario(async |lab| {
        loaded(&lab).await;
        let id = lab.call_on("DescribeCollection", "book", json!({})).await.ok().text("collectionID").to_owned();
        for chosen in [json!({ "field_name": "v" }), json!({ "index_name": "v" }), json!({})] {
            let text = format!("vector index cannot be dropped on loaded collection: {id}: invalid parameter");
            assert_eq!(lab.call_on("DropIndex", "book", chosen).await.refused(1100, "").reason(), text);
        }
        let set = json!({ "index_name": "v", "extra_params": mmap(true) });
        let delete = json!({ "index_name": "v", "delete_keys": [MMAP] });
        for change in [set, delete] {
            let text = "can't alter index on loaded collection, please release the collection first";
            lab.call_on("AlterIndex", "book", change).await.refused(104, text);
        }
        for change in [json!({ "properties": mmap(true) }), json!({ "delete_keys": [MMAP] })] {
            let text = "can not alter mmap properties if collection loaded";
            lab.call_on("AlterCollection", "book", change.clone()).await.refused(104, text);
            let mut of_field = change;
            of_field["field_name"] = json!("v");
            let text = "can not alter collection field properties if collection loaded";
            lab.call_on("AlterCollectionField", "book", of_field).await.refused(104, text);
        }
        assert_eq!(lab.keys("book", &[]).await, all());
        lab.release("book").await.ok();
        lab.call_on("AlterCollection", "book", json!({ "properties": mmap(true) })).await.ok();
        lab.call_on("DropIndex", "book", json!({ "field_name": "v" })).await.ok();
    });
}

#[test]
fn a_wish_for_mmap_is_kept_and_described() {
    scenario(async |lab| {
        let mut request = create("book", &[primary_key(), vector_field("v", 4), field("words", 5)]);
        request["properties"] = mmap(true);
        let params = request["schema"]["fields"][1]["type_params"].as_array_mut().expect("there");
        params.push(mmap(false)[0].clone());
        lab.call("CreateCollection", request).await.ok();
        let mut mapped = index("book", "v", "L2");
        mapped["extra_params"].as_array_mut().expect("there").push(mmap(true)[0].clone());
        lab.call("CreateIndex", mapped).await.ok();
        let described = async || {
            let collection = lab.call_on("DescribeCollection", "book", json!({})).await.ok().body;
            let index =
                lab.call_on("DescribeIndex", "book", json!({})).await.ok().body["index_descriptions"][0].clone();
            let find = |pairs: &Value| {
                let pairs = pairs.as_array().expect("pairs");
                pairs.iter().find(|pair| pair["key"] == MMAP).map(|pair| pair["value"].clone())
            };
            let field = &collection["schema"]["fields"][1]["type_params"];
            [find(&collection["properties"]), find(field), find(&index["params"])]
        };
        assert_eq!(described().await, [Some(json!("true")), Some(json!("false")), Some(json!("true"))]);
        lab.insert("book", "", &books(1..4)).await.ok();
        lab.load("book", json!({})).await.ok();
        assert_eq!(lab.keys("book", &[]).await, [1, 2, 3]);
        lab.release("book").await.ok();
        lab.call_on("AlterCollection", "book", json!({ "properties": mmap(false) })).await.ok();
        let of_field = json!({ "field_name": "v", "properties": mmap(true) });
        lab.call_on("AlterCollectionField", "book", of_field).await.ok();
        let of_index = json!({ "index_name": "v", "delete_keys": [MMAP] });
        lab.call_on("AlterIndex", "book", of_index).await.ok();
        lab.reopen().await;
        assert_eq!(described().await, [Some(json!("false")), Some(json!("true")), None]);
    });
}

#[test]
fn a_dropped_collection_ends_its_node_and_a_new_one_begins_released() {
    scenario(async |lab| {
        loaded(&lab).await;
        lab.call_on("DropCollection", "book", json!({})).await.ok();
        lab.count("book", &[]).await.refused(100, "collection not found");
        assert!(lab.process().nodes.running(NodeKind::Query).is_empty());
        lab.call("CreateCollection", book()).await.ok();
        assert_eq!(lab.load_state("book", &[]).await, "LoadStateNotLoad");
        lab.count("book", &[]).await.refused(101, "collection not loaded");
        lab.call("CreateIndex", index("book", "v", "L2")).await.ok();
        lab.load("book", json!({})).await.ok();
        assert_eq!(lab.keys("book", &[]).await, [] as [i64; 0]);
        lab.assert_tidy().await;
    });
}
