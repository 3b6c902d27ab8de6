//! What is told of collections and databases, and what of them may change.

use super::library;
use crate::support::client::Answer;
use crate::support::rows::{book, create, field, index, primary_key, vector_field};
use crate::support::{Lab, scenario};
use serde_json::{Value, json};

async fn described(lab: &Lab) -> Value {
    lab.call_on("DescribeCollection", "book", json!({})).await.ok().body
}

async fn alter_index(lab: &Lab, mut change: Value) -> Answer {
    change["index_name"] = json!("v");
    lab.call_on("AlterIndex", "book", change).await
}

async fn index_params(lab: &Lab) -> Vec<String> {
    let answer = lab.call_on("DescribeIndex", "book", json!({ "index_name": "v" })).await.ok();
    let params = answer.body["index_descriptions"][0]["params"].as_array().expect("params").clone();
    params.iter().map(|pair| pair["key"].as_str().unwrap_or_default().to_owned()).collect()
}

#[test]
fn properties_of_an_index_change_while_it_is_released() {
    scenario(async |lab| {
        library(&lab, 0, "L2").await;
        let mapped = json!({ "extra_params": [{ "key": "mmap.enabled", "value": true }] });
        alter_index(&lab, mapped.clone()).await.ok();
        assert_eq!(index_params(&lab).await, ["index_type", "metric_type", "mmap.enabled"]);
        lab.call("CreateIndex", index("book", "v", "L2")).await.ok();
        alter_index(&lab, json!({ "delete_keys": ["mmap.enabled"] })).await.ok();
        assert_eq!(index_params(&lab).await, ["index_type", "metric_type"]);

        let metric = json!({ "extra_params": [{ "key": "metric_type", "value": "IP" }] });
        alter_index(&lab, metric).await.refused(1100, "metric_type is not a configable index proptery");
        let wrong = json!({ "extra_params": [{ "key": "mmap.enabled", "value": "maybe" }] });
        alter_index(&lab, wrong).await.refused(1100, "mmap.enabled");
        let unknown = json!({ "index_name": "none", "extra_params": mapped["extra_params"] });
        lab.call_on("AlterIndex", "book", unknown).await.refused(700, "index not found[indexName=none]");
        lab.load("book", json!({})).await.ok();
        alter_index(&lab, mapped).await.refused(104, "can't alter index on loaded collection");
    });
}

#[test]
fn limits_of_a_field_change_for_rows_to_come() {
    scenario(async |lab| {
        let mut title = field("title", 21);
        title["type_params"] = json!([{ "key": "max_length", "value": "4" }]);
        lab.call("CreateCollection", create("book", &[primary_key(), vector_field("v", 4), title])).await.ok();
        let alter = async |field: &str, key: &str, value: Value| {
            let body = json!({ "field_name": field, "properties": [{ "key": key, "value": value }] });
            lab.call_on("AlterCollectionField", "book", body).await
        };
        alter("title", "max_length", json!(8)).await.ok();
        alter("v", "mmap.enabled", json!(true)).await.ok();
        let fields = described(&lab).await["schema"]["fields"].clone();
        assert_eq!(fields[2]["type_params"], json!([{ "key": "max_length", "value": "8" }]));
        assert_eq!(fields[1]["type_params"][1], json!({ "key": "mmap.enabled", "value": "true" }));

        alter("none", "max_length", json!(8)).await.refused(1100, "column none does not exist in collection");
        alter("title", "max_length", json!(65_536)).await.refused(1100, "should be in (0, 65535], but got 65536");
        alter("id", "max_length", json!(8)).await.refused(1100, "can not modify the maxlength for non-string types");
        alter("v", "dim", json!(8)).await.refused(1100, "dim does not allow update in collection field param");
        lab.call("CreateIndex", index("book", "v", "L2")).await.ok();
        lab.load("book", json!({})).await.ok();
        let loaded = "can not alter collection field properties if collection loaded";
        alter("v", "mmap.enabled", json!(false)).await.refused(104, loaded);
        alter("title", "max_length", json!(16)).await.ok();
    });
}

#[test]
fn a_loaded_collection_has_one_replica() {
    scenario(async |lab| {
        library(&lab, 0, "L2").await;
        let id = described(&lab).await["collectionID"].clone();
        let replicas =
            async || lab.call("GetReplicas", json!({ "collectionID": id })).await.ok().body["replicas"].clone();
        assert_eq!(replicas().await, json!([]));
        lab.load("book", json!({})).await.ok();
        let loaded = replicas().await;
        assert_eq!(loaded.as_array().map(Vec::len), Some(1));
        assert_eq!(loaded[0]["collectionID"], id);
        assert_eq!(loaded[0]["partition_ids"].as_array().map(Vec::len), Some(3));
        lab.release("book").await.ok();
        assert_eq!(replicas().await, json!([]));
        lab.call("GetReplicas", json!({ "collectionID": "x" })).await.refused(1100, "is no collection's id");
    });
}

#[test]
fn of_loaded_collections_the_named_ones_are_listed() {
    scenario(async |lab| {
        library(&lab, 0, "L2").await;
        let mut other = book();
        other["collection_name"] = json!("other");
        lab.call("CreateCollection", other).await.ok();
        let list = async |names: Value| {
            lab.call("ShowCollections", json!({ "type": "Loaded", "collection_names": names })).await
        };
        assert_eq!(list(json!([])).await.ok().body["collection_names"], json!([]));
        list(json!(["book"])).await.refused(101, "collection not loaded");
        lab.load("book", json!({})).await.ok();
        for names in [json!([]), json!(["book"]), json!(["book", "book"])] {
            let listed = list(names).await.ok().body;
            assert_eq!(listed["collection_names"], json!(["book"]));
            assert_eq!(listed["inMemory_percentages"], json!(["100"]));
        }
        list(json!(["book", "other"])).await.refused(101, "collection not loaded");
        list(json!(["book", "none"])).await.refused(100, "collection not found[database=default][collection=none]");
    });
}

#[test]
fn several_collections_are_described_in_one_call() {
    scenario(async |lab| {
        lab.call("CreateCollection", book()).await.ok();
        let names = json!({ "collection_name": ["book", "none"], "collectionID": [] });
        let responses = lab.call("BatchDescribeCollection", names).await.ok().body["responses"].clone();
        assert_eq!(responses[0]["collection_name"], "book");
        assert_eq!(responses[1]["status"]["code"], 100);
        let ids = json!({ "collection_name": [], "collectionID": [responses[0]["collectionID"], 1] });
        let by_id = lab.call("BatchDescribeCollection", ids).await.ok().body["responses"].clone();
        assert_eq!(by_id[0], responses[0]);
        assert_eq!(by_id[1]["status"]["code"], 100);
        lab.call("BatchDescribeCollection", json!({ "collectionID": ["x"] }))
            .await
            .refused(1100, "is no collection's id");
    });
}

#[test]
fn keys_that_a_call_does_not_have_are_no_matter() {
    scenario(async |lab| {
        let stray = json!({ "properties": { "a": 1 }, "extra_params": { "b": 2 }, "partition_names": "p", "collection_names": 7 });
        let with = |body: Value| {
            let mut whole = stray.clone();
            whole.as_object_mut().expect("an object").extend(body.as_object().expect("an object").clone());
            whole
        };
        let mut new = book();
        new["shards_num"] = json!("2");
        lab.call("CreateCollection", new).await.ok();
        let named = json!({ "collection_name": "book", "partition_name": 7 });
        lab.call("CreatePartition", with(named)).await.ok();
        let index = json!({ "collection_name": "book", "field_name": "v", "properties": {}, "extra_params": [
            { "key": "index_type", "value": "FLAT" }, { "key": "metric_type", "value": "L2" },
        ] });
        lab.call("CreateIndex", index).await.ok();
        for method in [
            "LoadCollection",
            "GetLoadState",
            "GetLoadingProgress",
            "ShowPartitions",
            "DescribeIndex",
            "GetCollectionStatistics",
        ] {
            lab.call(method, with(json!({ "collection_name": "book", "replica_number": "1" }))).await.ok();
        }
        let described = lab.call_on("DescribeCollection", "book", json!({})).await.ok().body;
        assert_eq!(described["shards_num"], 2);
        let partitions = json!({ "partition_names": ["_default"], "replica_number": 2 });
        lab.call_on("LoadPartitions", "book", partitions).await.refused(1100, "can't change the replica number");
        lab.call_on("LoadCollection", "book", json!({ "replica_number": 2 })).await.refused(12, "nodes not enough");
        let state = lab.call("GetLoadState", json!({ "db_name": "nodb", "collection_name": "book" })).await.ok();
        assert_eq!(state.text("state"), "LoadStateNotExist");
        lab.call("DropCollection", json!({ "db_name": "nodb", "collection_name": "book" })).await.ok();
        lab.call("CreateAlias", json!({ "collection_name": "nope", "alias": "book" })).await.refused(1601, "");
        let field =
            json!({ "field_name": "v", "properties": [{ "key": "field.description", "value": "what it says" }] });
        lab.call_on("AlterCollectionField", "book", field).await.ok();
        let described = lab.call_on("DescribeCollection", "book", json!({})).await.ok().body;
        assert!(
            described["schema"]["fields"]
                .as_array()
                .expect("a list")
                .iter()
                .any(|it| it["description"] == "what it says")
        );
        lab.release("book").await.ok();
        lab.call_on("DropIndex", "book", json!({ "index_name": "v", "field_name": "other" })).await.ok();
        lab.call_on("DescribeIndex", "book", json!({})).await.refused(700, "index not found");
    });
}

#[test]
fn databases_are_created_once_and_dropped_when_empty() {
    scenario(async |lab| {
        let database = json!({ "db_name": "shelf" });
        lab.call("CreateDatabase", database.clone()).await.ok();
        lab.call("CreateDatabase", database.clone()).await.refused(65535, "database already exist: shelf");
        let mut inside = book();
        inside["db_name"] = json!("shelf");
        lab.call("CreateCollection", inside).await.ok();
        lab.call("DropDatabase", database.clone()).await.refused(65535, "database:shelf not empty");
        lab.call("DropCollection", json!({ "db_name": "shelf", "collection_name": "book" })).await.ok();
        lab.call("DropDatabase", database.clone()).await.ok();
        lab.call("DropDatabase", database).await.ok();
        lab.call("DropDatabase", json!({ "db_name": "default" })).await.refused(65535, "can not drop default database");
    });
}
