//! Milvus' rules of what is loaded after which calls, and what reads answer then.

use super::library;
use crate::support::rows::{book, books, create, field, index, primary_key, vector_field};
use crate::support::{Lab, scenario};
use elanus::cluster::NodeKind;
use serde_json::json;

/// What a search may answer: so many rows, or a refusal.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Read {
    Rows(i64),
    CollectionNotLoaded,
    PartitionNotLoaded,
    PartitionUnknown,
}
use Read::{CollectionNotLoaded, PartitionNotLoaded, PartitionUnknown, Rows};

async fn read(lab: &Lab, partitions: &[&str]) -> Read {
    let answer = lab.count("book", partitions).await;
    match answer.code() {
        0 => Rows(answer.numbers("count(*)")[0]),
        101 => CollectionNotLoaded,
        201 => PartitionNotLoaded,
        1100 if answer.reason().contains("partition name p2 not found") => PartitionUnknown,
        _ => panic!("{}", answer.body),
    }
}

/// Reads of everything, of p1, of p2 and of both.
async fn reads(lab: &Lab) -> [Read; 4] {
    [read(lab, &[]).await, read(lab, &["p1"]).await, read(lab, &["p2"]).await, read(lab, &["p1", "p2"]).await]
}

/// A library of p1 and p2 with 100 rows each, and an empty default partition.
async fn hundreds(lab: &Lab) {
    library(lab, 0, "L2").await;
    lab.insert("book", "p1", &books(101..201)).await.ok();
    lab.insert("book", "p2", &books(201..301)).await.ok();
}

/// Does a sequence of calls such as `load p2`, and checks what can be read afterwards.
fn after(sequence: &'static str, expected: [Read; 4]) {
    scenario(async move |lab| {
        hundreds(&lab).await;
        for step in sequence.split(", ") {
            match step.split_once(' ').unwrap_or((step, "")) {
                ("load", "all") => lab.load("book", json!({})).await.ok(),
                ("load", partition) => lab.load_partitions("book", &[partition]).await.ok(),
                ("release", "all") => lab.release("book").await.ok(),
                ("release", partition) => lab.release_partitions("book", &[partition]).await.ok(),
                ("create", name) => {
                    lab.call_on("CreatePartition", "book", json!({ "partition_name": name })).await.ok()
                }
                ("drop", name) => lab.call_on("DropPartition", "book", json!({ "partition_name": name })).await.ok(),
                ("flush", _) => lab.flush("book").await.ok(),
                ("compact", _) => lab.compact("book").await.ok(),
                (other, _) => panic!("what is {other}?"),
            };
        }
        assert_eq!(reads(&lab).await, expected, "after {sequence}");
    });
}

#[test]
fn releasing_a_partition_leaves_the_others() {
    after("load all, release p1", [Rows(100), PartitionNotLoaded, Rows(100), PartitionNotLoaded]);
    after("load all, flush, release p1", [Rows(100), PartitionNotLoaded, Rows(100), PartitionNotLoaded]);
}

#[test]
fn a_partition_can_be_loaded_after_everything_was_released() {
    after("load all, release all, load p2", [Rows(100), PartitionNotLoaded, Rows(100), PartitionNotLoaded]);
}

#[test]
fn releasing_the_collection_releases_its_partitions() {
    after("load p2, release all", [CollectionNotLoaded; 4]);
}

#[test]
fn a_released_partition_can_be_dropped() {
    after(
        "load p2, release p2, drop p2",
        [CollectionNotLoaded, CollectionNotLoaded, PartitionUnknown, PartitionUnknown],
    );
    after("load all, release p2, drop p2", [Rows(100), Rows(100), PartitionUnknown, PartitionUnknown]);
    after("load p1, flush, drop p2", [Rows(100), Rows(100), PartitionUnknown, PartitionUnknown]);
}

#[test]
fn loads_and_releases_can_be_repeated() {
    let round = "release all, load p2";
    let rounds: &str = Box::leak([round; 5].join(", ").into_boxed_str());
    after(rounds, [Rows(100), PartitionNotLoaded, Rows(100), PartitionNotLoaded]);
}

#[test]
fn releasing_all_partitions_one_by_one_releases_the_collection() {
    after("load all, release p1, release p2, release _default", [CollectionNotLoaded; 4]);
    after("load p1, load p2, release p1, release p2", [CollectionNotLoaded; 4]);
}

#[test]
fn loads_of_partitions_add_up() {
    after("load p1, load p2", [Rows(200), Rows(100), Rows(100), Rows(200)]);
    after("load p1, load all", [Rows(200), Rows(100), Rows(100), Rows(200)]);
    after("load all, load p1", [Rows(200), Rows(100), Rows(100), Rows(200)]);
}

#[test]
fn flush_and_compaction_leave_the_load_set() {
    after("load p1, flush, compact, flush", [Rows(100), Rows(100), PartitionNotLoaded, PartitionNotLoaded]);
    after("flush, load p2, compact", [Rows(100), PartitionNotLoaded, Rows(100), PartitionNotLoaded]);
}

#[test]
fn a_partition_created_while_all_is_loaded_is_loaded() {
    scenario(async |lab| {
        hundreds(&lab).await;
        lab.load("book", json!({})).await.ok();
        lab.call_on("CreatePartition", "book", json!({ "partition_name": "p3" })).await.ok();
        assert_eq!(lab.load_state("book", &["p3"]).await, "LoadStateLoaded");
        assert_eq!(read(&lab, &[]).await, Rows(200));
        lab.insert("book", "p3", &books(301..304)).await.ok();
        assert_eq!(read(&lab, &["p3"]).await, Rows(3));
    });
}

#[test]
fn a_partition_created_while_only_another_is_loaded_is_not() {
    scenario(async |lab| {
        hundreds(&lab).await;
        lab.load_partitions("book", &["p1"]).await.ok();
        lab.call_on("CreatePartition", "book", json!({ "partition_name": "p3" })).await.ok();
        assert_eq!(lab.load_state("book", &["p3"]).await, "LoadStateNotLoad");
        assert_eq!(read(&lab, &["p3"]).await, PartitionNotLoaded);
    });
}

#[test]
fn states_are_told_for_the_collection_and_for_partitions() {
    scenario(async |lab| {
        assert_eq!(lab.load_state("book", &[]).await, "LoadStateNotExist");
        hundreds(&lab).await;
        assert_eq!(lab.load_state("book", &[]).await, "LoadStateNotLoad");
        lab.call_on("GetLoadingProgress", "book", json!({})).await.refused(101, "collection not loaded");
        lab.load_partitions("book", &["p1"]).await.ok();
        assert_eq!(lab.load_state("book", &[]).await, "LoadStateLoaded");
        assert_eq!(lab.load_state("book", &["p1"]).await, "LoadStateLoaded");
        assert_eq!(lab.load_state("book", &["p2"]).await, "LoadStateNotLoad");
        let p2 = json!({ "partition_names": ["p2"] });
        lab.call_on("GetLoadingProgress", "book", p2).await.refused(201, "partition not loaded");
        let unknown = json!({ "partition_names": ["nope"] });
        lab.call_on("GetLoadState", "book", unknown).await.refused(200, "partition not found[partition=nope]");
        lab.call_on("GetLoadState", "bad name", json!({})).await.refused(1100, "");
    });
}

#[test]
fn listings_of_what_is_loaded_have_percentages() {
    scenario(async |lab| {
        hundreds(&lab).await;
        lab.call("CreateCollection", create("other", &[primary_key(), vector_field("v", 2)])).await.ok();
        lab.load_partitions("book", &["p1"]).await.ok();
        let loaded = lab.call("ShowCollections", json!({ "type": 1 })).await.ok().body;
        assert_eq!(loaded["collection_names"], json!(["book"]));
        assert_eq!(loaded["inMemory_percentages"], json!(["100"]));
        assert_eq!(loaded["query_service_available"], json!([true]));
    });
}

#[test]
fn a_load_that_cannot_be_is_refused_with_milvus_reasons() {
    scenario(async |lab| {
        lab.call_on("LoadCollection", "book", json!({})).await.refused(100, "collection not found");
        lab.call("CreateCollection", book()).await.ok();
        let load = async |body| lab.call_on("LoadCollection", "book", body).await;
        load(json!({})).await.refused(700, "index not found[collection=book]");
        lab.call("CreateIndex", index("book", "words", "")).await.refused(1100, "");
        let scalar = json!({ "collection_name": "book", "field_name": "words" });
        lab.call("CreateIndex", scalar).await.ok();
        load(json!({})).await.refused(1100, "there is no vector index on field: [v]");
        lab.call("CreateIndex", index("book", "v", "L2")).await.ok();
        load(json!({ "replica_number": 2 })).await.refused(12, "nodes not enough");
        let partitions =
            async |names: &[&str]| lab.call_on("LoadPartitions", "book", json!({ "partition_names": names })).await;
        partitions(&["nope"]).await.refused(200, "partition not found[partition=nope]");
        partitions(&[]).await.refused(1100, "due to no partition specified");
        lab.release_partitions("book", &["nope"]).await.refused(200, "partition not found[partition=nope]");
        lab.release_partitions("book", &[]).await.refused(1100, "empty partition list");
        assert_eq!(lab.load_state("book", &[]).await, "LoadStateNotLoad");
        lab.release("book").await.ok();
        lab.release_partitions("book", &["_default"]).await.ok();
        load(json!({ "refresh": true })).await.refused(101, "collection not loaded");
        assert!(lab.process().nodes.running(NodeKind::Query).is_empty());
    });
}

#[test]
fn only_loaded_fields_are_served() {
    scenario(async |lab| {
        let fields = [primary_key(), vector_field("v", 4), vector_field("w", 4), field("words", 5)];
        lab.call("CreateCollection", create("book", &fields)).await.ok();
        lab.call("CreateIndex", index("book", "v", "L2")).await.ok();
        let load = async |fields: &[&str]| lab.load("book", json!({ "load_fields": fields })).await;
        load(&["v"]).await.refused(1100, "does not contain primary key field id");
        load(&["id", "words"]).await.refused(1100, "does not contain vector field");
        load(&["id", "v", "nope"]).await.refused(1700, "field not found[field=nope]");
        // A vector field that is not loaded needs no index.
        lab.load("book", json!({})).await.refused(1100, "there is no vector index on field: [w]");
        load(&["v", "id"]).await.ok();
        load(&["id", "v"]).await.ok();
        load(&["id", "v", "words"]).await.refused(1100, "can't change the load field list for loaded collection");
        let output = |name: &str| json!({ "output_fields": [name], "query_params": [{ "key": "limit", "value": 1 }] });
        lab.query("book", output("words")).await.refused(1100, "field words is not loaded");
        let everything = lab.query("book", output("*")).await.ok();
        let names: Vec<_> = everything.rows().columns.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["id", "v"]);
        let search = json!({ "search_params": [{ "key": "topk", "value": 1 }, { "key": "anns_field", "value": "w" }] });
        lab.search("book", &[vec![0.0; 4]], search).await.refused(1100, "ann field \"w\" not loaded");
        lab.release("book").await.ok();
        lab.call("CreateIndex", index("book", "w", "IP")).await.ok();
        load(&["id", "w", "words"]).await.ok();
        lab.query("book", output("words")).await.ok();
    });
}

#[test]
fn the_dynamic_field_comes_along_unless_it_is_skipped() {
    scenario(async |lab| {
        let mut schema = book();
        schema["schema"]["enable_dynamic_field"] = json!(true);
        lab.call("CreateCollection", schema).await.ok();
        lab.call("CreateIndex", index("book", "v", "L2")).await.ok();
        let output = json!({ "output_fields": ["color"], "query_params": [{ "key": "limit", "value": 1 }] });
        lab.load("book", json!({ "load_fields": ["id", "v"] })).await.ok();
        lab.query("book", output.clone()).await.ok();
        lab.release("book").await.ok();
        lab.load("book", json!({ "load_fields": ["id", "v"], "skip_load_dynamic_field": true })).await.ok();
        lab.query("book", output.clone()).await.refused(1100, "dynamic field not loaded");
        lab.release("book").await.ok();
        lab.load("book", json!({ "skip_load_dynamic_field": true })).await.ok();
        lab.query("book", output).await.refused(1100, "dynamic field not loaded");
    });
}

#[test]
fn what_is_loaded_forbids_to_drop_what_it_needs() {
    scenario(async |lab| {
        hundreds(&lab).await;
        lab.load_partitions("book", &["p1"]).await.ok();
        let drop_partition = async |name| lab.call_on("DropPartition", "book", json!({ "partition_name": name })).await;
        drop_partition("p1").await.refused(1100, "partition is loaded, please release it first");
        drop_partition("_default").await.refused(1100, "default partition cannot be deleted");
        drop_partition("p2").await.ok();
        drop_partition("p2").await.ok();
        let index = json!({ "field_name": "v" });
        lab.call_on("DropIndex", "book", index)
            .await
            .refused(1100, "vector index cannot be dropped on loaded collection");
        let mmap = json!({ "properties": [{ "key": "mmap.enabled", "value": "true" }] });
        lab.call_on("AlterCollection", "book", mmap)
            .await
            .refused(104, "can not alter mmap properties if collection loaded");
        lab.call_on("DropCollection", "book", json!({})).await.ok();
        assert_eq!(lab.load_state("book", &[]).await, "LoadStateNotExist");
        assert!(lab.process().nodes.running(NodeKind::Query).is_empty());
    });
}

#[test]
fn a_refresh_checks_that_the_collection_is_loaded() {
    scenario(async |lab| {
        hundreds(&lab).await;
        lab.flush("book").await.ok();
        let refresh = json!({ "refresh": true, "partition_names": ["_default"] });
        lab.call_on("LoadPartitions", "book", refresh.clone()).await.refused(101, "collection not loaded");
        lab.process().nodes.gate().shut();
        lab.call_on("LoadCollection", "book", json!({})).await.ok();
        lab.call_on("LoadCollection", "book", refresh.clone()).await.refused(101, "collection not fully loaded");
        lab.process().nodes.gate().open();
        lab.load("book", json!({})).await.ok();
        lab.call_on("LoadCollection", "book", refresh).await.ok();
        let unknown = json!({ "refresh": true, "partition_names": ["nope"] });
        lab.call_on("LoadPartitions", "book", unknown).await.refused(200, "partition not found[partition=nope]");
        let group = json!({ "resource_groups": ["nope"] });
        lab.call_on("LoadCollection", "book", group).await.refused(300, "resource group not found[rg=nope]");
    });
}
