//! Collections, their names and aliases, and databases.

use super::library;
use crate::support::client::Answer;
use crate::support::rows::{book, books, create, field, index, primary_key, vector_field};
use crate::support::{Lab, scenario};
use futures::future::join;
use serde_json::{Value, json};

fn small(name: &str) -> Value {
    create(name, &[primary_key(), vector_field("v", 4)])
}

async fn rename(lab: &Lab, from: &str, to: &str) -> Answer {
    lab.call("RenameCollection", json!({ "oldName": from, "newName": to })).await
}

async fn alias(lab: &Lab, method: &str, collection: &str, alias: &str) -> Answer {
    lab.call(method, json!({ "collection_name": collection, "alias": alias })).await
}

async fn names(lab: &Lab, database: &str) -> Value {
    lab.call("ShowCollections", json!({ "db_name": database })).await.ok().body["collection_names"].clone()
}

#[test]
fn a_collection_is_described_as_it_was_made() {
    scenario(async |lab| {
        let mut request = book();
        request["consistency_level"] = json!("Strong");
        request["properties"] = json!([{ "key": "collection.ttl.seconds", "value": 60 }]);
        lab.call("CreateCollection", request).await.ok();
        let described = lab.call_on("DescribeCollection", "book", json!({})).await.ok().body;
        let fields = described["schema"]["fields"].as_array().expect("a list");
        assert_eq!(fields.iter().map(|field| &field["name"]).collect::<Vec<_>>(), ["id", "v", "words"]);
        assert_eq!(described["consistency_level"], "Strong");
        assert_eq!(described["properties"], json!([{ "key": "collection.ttl.seconds", "value": "60" }]));
        assert_eq!((&described["num_partitions"], &described["shards_num"]), (&json!("1"), &json!(1)));
        let both = lab.call("BatchDescribeCollection", json!({ "collection_name": ["book", "book"] })).await.ok();
        assert_eq!(both.body["responses"][1], described);
        let unknown = lab.call_on("DescribeCollection", "nope", json!({})).await;
        unknown.refused(100, "can't find collection collection not found[database=default][collection=nope]");
        for (name, there) in [("book", true), ("nope", false)] {
            assert_eq!(lab.call_on("HasCollection", name, json!({})).await.ok().body["value"], there);
        }
    });
}

#[test]
fn creating_again_succeeds_with_the_same_parameters_only() {
    scenario(async |lab| {
        lab.call("CreateCollection", book()).await.ok();
        lab.call("CreateCollection", book()).await.ok();
        lab.call("CreateCollection", small("book"))
            .await
            .refused(1100, "create duplicate collection with different parameters");
        let keyed = |partitions: i64| {
            let mut key = field("k", 5);
            key["is_partition_key"] = json!(true);
            let mut request = create("keyed", &[primary_key(), vector_field("v", 2), key]);
            request["num_partitions"] = json!(partitions);
            request
        };
        lab.call("CreateCollection", keyed(4)).await.ok();
        lab.call("CreateCollection", keyed(4)).await.ok();
        lab.call("CreateCollection", keyed(8))
            .await
            .refused(1100, "create duplicate collection with different parameters");
        lab.call_on("DropCollection", "keyed", json!({})).await.ok();
        lab.call("CreateCollection", create("2x", &[primary_key()])).await.refused(1100, "");
        lab.call("CreateCollection", create("x", &[primary_key()]))
            .await
            .refused(1100, "does not contain vector field");
        let mut request = small("x");
        request["shards_num"] = json!(17);
        lab.call("CreateCollection", request).await.refused(1100, "maximum shards's number should be limited to 16");
        let mut request = small("x");
        request["num_partitions"] = json!("4");
        lab.call("CreateCollection", request)
            .await
            .refused(1100, "num_partitions should only be specified with partition key");
        for (key, value, code, text) in [
            ("ttl_field", "at", 10, "property ttl_field"),
            ("collection.insertRate.max.mb", "1", 10, "property collection.insertRate.max.mb"),
            ("collection.diskProtection.diskQuota.mb", "1", 10, "property collection.diskProtection.diskQuota.mb"),
            ("warmup.vectorField", "banana", 1100, "invalid warmup policy: banana"),
        ] {
            let mut request = small("x");
            request["properties"] = json!([{ "key": key, "value": value }]);
            lab.call("CreateCollection", request).await.refused(code, text);
        }
        let mut request = small("x");
        request["schema"]["fields"][0]["type_params"] = json!({ "enable_match": true });
        lab.call("CreateCollection", request).await.refused(1100, "set to enable match but not enable analyzer");
        let mut request = small("x");
        request["schema"]["external_source"] = json!("s3://there");
        lab.call("CreateCollection", request).await.refused(10, "external_source in the schema of collection x");
        let mut request = small("x");
        request["consistency_level"] = json!("Bogus");
        lab.call("CreateCollection", request).await.refused(1100, "invalid consistency level");
        let mut request = small("x");
        request["properties"] = json!([{ "key": "mmap.enabled", "value": "maybe" }]);
        lab.call("CreateCollection", request).await.refused(1100, "invalid value");
        let isolated = json!([{ "key": "partitionkey.isolation", "value": "true" }]);
        let text = "partition key isolation mode is enabled but no partition key field is set";
        let mut request = small("x");
        request["properties"] = isolated.clone();
        lab.call("CreateCollection", request).await.refused(105, text);
        lab.call_on("AlterCollection", "book", json!({ "properties": isolated })).await.refused(105, text);
        lab.call("CreateCollection", json!("what?")).await.refused(1100, "malformed CreateCollection request");
        assert_eq!(names(&lab, "").await, json!(["book"]));
    });
}

#[test]
fn a_dropped_collection_leaves_no_trace() {
    scenario(async |lab| {
        library(&lab, 10, "COSINE").await;
        lab.flush("book").await.ok();
        lab.insert("book", "p1", &books([150])).await.ok();
        lab.load("book", json!({})).await.ok();
        lab.call_on("DropCollection", "book", json!({})).await.ok();
        lab.call_on("DropCollection", "book", json!({})).await.ok();
        lab.count("book", &[]).await.refused(100, "collection not found");
        lab.insert("book", "", &books([1])).await.refused(100, "collection not found");
        lab.settle().await;
        assert!(lab.files().await.0.is_empty());
        lab.call("CreateCollection", book()).await.ok();
        lab.call("CreateIndex", index("book", "v", "L2")).await.ok();
        lab.reopen().await;
        lab.load("book", json!({})).await.ok();
        assert_eq!(lab.keys("book", &[]).await, [] as [i64; 0]);
    });
}

#[test]
fn a_collection_dropped_while_it_is_flushed_leaves_no_file() {
    scenario(async |lab| {
        library(&lab, 10, "COSINE").await;
        lab.flush("book").await.ok();
        lab.insert("book", "", &books(11..20)).await.ok();
        let (flusher, dropper) = (lab.client(), lab.client());
        let drop = async {
            lab.executor.sleep(lab.executor.rng().below(60)).await;
            dropper.call_on("DropCollection", "book", json!({})).await.ok();
        };
        futures::future::join(flusher.flush("book"), drop).await;
        lab.settle().await;
        lab.assert_tidy().await;
    });
}

#[test]
fn a_renamed_collection_answers_to_its_new_name_only() {
    scenario(async |lab| {
        library(&lab, 10, "L2").await;
        lab.load("book", json!({})).await.ok();
        lab.count("book", &[]).await.ok();
        rename(&lab, "book", "tome").await.ok();
        lab.count("book", &[]).await.refused(100, "collection not found");
        assert_eq!(lab.count("tome", &[]).await.ok().numbers("count(*)"), [30]);
        assert_eq!(lab.load_state("book", &[]).await, "LoadStateNotExist");
        lab.call("CreateCollection", small("other")).await.ok();
        rename(&lab, "other", "tome").await.refused(1100, "duplicated new collection name tome");
        rename(&lab, "nope", "new").await.refused(100, "collection not found");
        rename(&lab, "tome", "bad name").await.refused(1100, "");
        alias(&lab, "CreateAlias", "other", "second").await.ok();
        rename(&lab, "second", "new").await.refused(1100, "unsupported use an alias to rename collection");
        rename(&lab, "tome", "second").await.refused(1100, "cannot rename collection to an existing alias");
    });
}

#[test]
fn of_two_that_want_one_name_one_gets_it() {
    scenario(async |lab| {
        for name in ["a", "b"] {
            lab.call("CreateCollection", small(name)).await.ok();
        }
        let rename = |from: &'static str| {
            let client = lab.client();
            async move { client.call("RenameCollection", json!({ "oldName": from, "newName": "c" })).await.is_ok() }
        };
        let creator = lab.client();
        let create = async { creator.call("CreateCollection", small("c")).await.is_ok() };
        let (a, b, created) = futures::future::join3(rename("a"), rename("b"), create).await;
        // Creating again what is there already succeeds.
        assert!(!(a && b) && (a || b || created));
        let mut left = names(&lab, "").await.as_array().expect("a list").clone();
        let before = left.len();
        left.sort_by_key(|name| name.to_string());
        left.dedup();
        assert_eq!(left.len(), before, "{left:?}");
    });
}

#[test]
fn aliases_stand_for_their_collection_everywhere() {
    scenario(async |lab| {
        library(&lab, 10, "L2").await;
        alias(&lab, "CreateAlias", "book", "tome").await.ok();
        alias(&lab, "CreateAlias", "book", "tome").await.ok();
        lab.load("tome", json!({})).await.ok();
        lab.insert("tome", "", &books([50])).await.ok();
        assert_eq!(lab.count("tome", &[]).await.ok().numbers("count(*)"), [31]);
        assert_eq!(lab.load_state("book", &[]).await, "LoadStateLoaded");
        let described = alias(&lab, "DescribeAlias", "", "tome").await.ok();
        assert_eq!((described.text("alias"), described.text("collection")), ("tome", "book"));
        let listed = lab.call_on("ListAliases", "book", json!({})).await.ok().body;
        assert_eq!(listed["aliases"], json!(["tome"]));
        lab.call("CreateCollection", small("tome")).await.refused(1100, "conflicts with an existing alias");
        lab.call_on("DropCollection", "tome", json!({}))
            .await
            .refused(1100, "cannot drop the collection via alias = tome");
        lab.call_on("DropCollection", "book", json!({})).await.refused(1100, "has associated aliases [tome]");
        alias(&lab, "DropAlias", "", "tome").await.ok();
        alias(&lab, "DropAlias", "", "tome").await.ok();
        lab.count("tome", &[]).await.refused(100, "collection not found");
        alias(&lab, "DescribeAlias", "", "tome").await.refused(1600, "alias not found");
        lab.release("book").await.ok();
    });
}

#[test]
fn an_alias_can_be_pointed_to_another_collection() {
    scenario(async |lab| {
        library(&lab, 10, "L2").await;
        lab.call("CreateCollection", small("other")).await.ok();
        lab.call("CreateIndex", index("other", "v", "L2")).await.ok();
        for name in ["book", "other"] {
            lab.load(name, json!({})).await.ok();
        }
        alias(&lab, "CreateAlias", "book", "current").await.ok();
        assert_eq!(lab.count("current", &[]).await.ok().numbers("count(*)"), [30]);
        alias(&lab, "CreateAlias", "other", "current")
            .await
            .refused(1602, "current is alias to another collection: book");
        alias(&lab, "CreateAlias", "book", "other").await.refused(1601, "alias and collection name conflict");
        alias(&lab, "AlterAlias", "other", "current").await.ok();
        alias(&lab, "AlterAlias", "other", "current").await.ok();
        assert_eq!(lab.count("current", &[]).await.ok().numbers("count(*)"), [0]);
        alias(&lab, "AlterAlias", "other", "nope").await.refused(1600, "alias not found");
        alias(&lab, "AlterAlias", "nope", "current").await.refused(100, "collection not found");
        let all = lab.call("ListAliases", json!({})).await.ok().body;
        assert_eq!(all["aliases"], json!(["current"]));
    });
}

/// Calls that are made at once come one after the other.
#[test]
fn a_name_stands_for_one_collection_whatever_comes_at_once() {
    scenario(async |lab| {
        for name in ["a", "b", "c"] {
            lab.call("CreateCollection", small(name)).await.ok();
        }
        let holders = async || {
            let mut holders = Vec::new();
            for name in ["a", "b", "c", "d"] {
                let described = lab.call_on("DescribeCollection", name, json!({})).await.body;
                if described["aliases"].as_array().is_some_and(|aliases| !aliases.is_empty()) {
                    holders.push(name);
                }
            }
            holders
        };
        // Which one comes first is not said.
        let codes = |answers: (Answer, Answer)| {
            let mut codes = [answers.0, answers.1].map(|answer| answer.code());
            codes.sort_unstable();
            codes
        };
        let made = join(alias(&lab, "CreateAlias", "a", "x"), alias(&lab, "CreateAlias", "b", "x")).await;
        assert_eq!((codes(made), holders().await.len()), ([0, 1602], 1));
        let altered = join(alias(&lab, "AlterAlias", "b", "x"), alias(&lab, "AlterAlias", "c", "x")).await;
        assert_eq!((codes(altered), holders().await.len()), ([0, 0], 1));
        let dropped = join(alias(&lab, "DropAlias", "", "x"), alias(&lab, "AlterAlias", "a", "x")).await;
        assert!(matches!((codes(dropped), holders().await.len()), ([0, 0 | 1600], 0)));
        let named = join(rename(&lab, "c", "d"), alias(&lab, "CreateAlias", "a", "d")).await;
        assert!(matches!(codes(named), [0, 65535 | 1100 | 1601]));
    });
}

#[test]
fn what_can_be_no_name_is_refused_as_such() {
    scenario(async |lab| {
        library(&lab, 10, "L2").await;
        let text = "Invalid collection alias: 1x. the first character of a collection alias";
        for method in ["CreateAlias", "AlterAlias", "DropAlias"] {
            alias(&lab, method, "book", "1x").await.refused(1100, text);
        }
        let text = "Invalid collection name: 1-x.";
        for method in ["DescribeCollection", "ShowPartitions", "DescribeIndex", "GetLoadingProgress", "GetFlushState"] {
            lab.call_on(method, "1-x", json!({})).await.refused(1100, text);
        }
        lab.call_on("HasPartition", "book", json!({ "partition_name": "p.q" }))
            .await
            .refused(1100, "Invalid partition name: p.q");
        lab.call_on("GetFlushState", "none", json!({})).await.refused(100, "collection not found");
        lab.call("DropDatabase", json!({ "db_name": "" })).await.refused(802, "database name couldn't be empty");
        lab.call("CreateDatabase", json!({ "db_name": "" })).await.refused(802, "database name couldn't be empty");
        lab.call_on("AlterCollection", "book", json!({})).await.refused(1100, "must not be empty at the same time");
    });
}

#[test]
fn truncating_drops_the_rows_and_nothing_else() {
    scenario(async |lab| {
        library(&lab, 10, "COSINE").await;
        lab.flush("book").await.ok();
        lab.insert("book", "", &books([50])).await.ok();
        lab.load_partitions("book", &["p1", "_default"]).await.ok();
        lab.call_on("TruncateCollection", "book", json!({})).await.ok();
        assert_eq!(lab.count("book", &[]).await.ok().numbers("count(*)"), [0]);
        assert_eq!(lab.load_state("book", &["p2"]).await, "LoadStateNotLoad");
        lab.insert("book", "p1", &books([1])).await.ok();
        assert_eq!(lab.keys("book", &[]).await, [1]);
        lab.settle().await;
        assert!(lab.files().await.0.is_empty());
        lab.flush("book").await.ok();
        lab.reopen().await;
        assert_eq!(lab.keys("book", &[]).await, [1]);
        lab.call_on("TruncateCollection", "nope", json!({})).await.refused(100, "collection not found");
    });
}

#[test]
fn properties_are_set_and_deleted() {
    scenario(async |lab| {
        lab.call("CreateCollection", book()).await.ok();
        let set = json!({ "properties": [{ "key": "mmap.enabled", "value": true }, { "key": "a", "value": "b" }] });
        lab.call_on("AlterCollection", "book", set).await.ok();
        lab.call_on("AlterCollection", "book", json!({ "delete_keys": ["mmap.enabled"] })).await.ok();
        let of_collection = json!({ "properties": [
            { "key": "collection.description", "value": "all that we have" },
            { "key": "consistency_level", "value": "Eventually" },
        ] });
        lab.call_on("AlterCollection", "book", of_collection).await.ok();
        let described = lab.call_on("DescribeCollection", "book", json!({})).await.ok().body;
        assert_eq!(described["schema"]["description"], "all that we have");
        assert_eq!(described["consistency_level"], "Eventually");
        let level = json!({ "properties": [{ "key": "consistency_level", "value": "Sometimes" }] });
        lab.call_on("AlterCollection", "book", level).await.refused(1100, "invalid consistency level");
        let described = lab.call_on("DescribeCollection", "book", json!({})).await.ok().body;
        assert_eq!(described["properties"], json!([{ "key": "a", "value": "b" }]));
        let bad = json!({ "properties": [{ "key": "collection.ttl.seconds", "value": "soon" }] });
        lab.call_on("AlterCollection", "book", bad).await.refused(1100, "collection ttl property value not valid");
        // Rows that were packed for the schema of before are refused.
        let body = json!({ "collection_name": "book", "schema_timestamp": "1" });
        let stale = lab.try_call("Insert", body, Some(&books([1]))).await.expect("the process lives");
        assert_eq!(stale.refused(109, "collection schema mismatch").status()["error_code"], "SchemaMismatch");
        let body = json!({ "collection_name": "book", "schema_timestamp": described["update_timestamp_str"] });
        lab.try_call("Insert", body, Some(&books([1]))).await.expect("the process lives").ok();
    });
}

#[test]
fn databases_hold_collections_of_their_own() {
    scenario(async |lab| {
        let database = async |method: &str, name: &str| lab.call(method, json!({ "db_name": name })).await;
        database("CreateDatabase", "shelf").await.ok();
        database("CreateDatabase", "shelf").await.refused(65535, "database already exist: shelf");
        database("CreateDatabase", "bad name").await.refused(802, "invalid database name");
        for name in ["default", "shelf"] {
            let mut request = small("book");
            request["db_name"] = json!(name);
            lab.call("CreateCollection", request).await.ok();
        }
        assert_eq!(names(&lab, "shelf").await, json!(["book"]));
        let listed = lab.call("ListDatabases", json!({})).await.ok().body;
        assert_eq!(listed["db_names"], json!(["default", "shelf"]));
        let properties =
            json!({ "db_name": "shelf", "properties": [{ "key": "database.replica.number", "value": 1 }] });
        lab.call("AlterDatabase", properties).await.ok();
        lab.call("AlterDatabase", json!({ "db_name": "shelf", "properties": [] }))
            .await
            .refused(65535, "alter database requires either properties or deletekeys");
        let limit = json!({ "db_name": "shelf", "properties": [{ "key": "database.max.collections", "value": 1 }] });
        lab.call("AlterDatabase", limit.clone()).await.refused(10, "property database.max.collections");
        let mut new = limit;
        new["db_name"] = json!("other");
        lab.call("CreateDatabase", new).await.refused(10, "property database.max.collections");
        let described = database("DescribeDatabase", "shelf").await.ok().body;
        assert_eq!(described["properties"], json!([{ "key": "database.replica.number", "value": "1" }]));
        database("DropDatabase", "shelf").await.refused(65535, "not empty");
        let mut moved = json!({ "db_name": "shelf", "oldName": "book", "newName": "book", "newDBName": "default" });
        lab.call("RenameCollection", moved.clone()).await.refused(1100, "duplicated new collection name");
        moved["newName"] = json!("tome");
        lab.call("RenameCollection", moved).await.ok();
        assert_eq!(names(&lab, "").await, json!(["book", "tome"]));
        database("DropDatabase", "shelf").await.ok();
        database("DropDatabase", "shelf").await.ok();
        database("DropDatabase", "default").await.refused(65535, "can not drop default database");
        database("ShowCollections", "shelf").await.refused(800, "database not found");
        database("DescribeDatabase", "shelf").await.refused(800, "database not found");
        lab.reopen().await;
        assert_eq!(names(&lab, "").await, json!(["book", "tome"]));
    });
}

#[test]
fn what_no_browser_has_is_refused_by_name() {
    scenario(async |lab| {
        lab.call("Connect", json!({})).await.ok();
        assert!(lab.call("GetVersion", json!({})).await.ok().text("version").starts_with("elanus-"));
        assert_eq!(lab.call("CheckHealth", json!({})).await.ok().body["isHealthy"], true);
        lab.call("CreateUser", json!({})).await.refused(10, "CreateUser is not available in the browser");
        lab.call("GetMetrics", json!({})).await.refused(10, "not available in the browser");
        let mut fields = [primary_key(), vector_field("v", 4), field("f", 104)];
        lab.call("CreateCollection", create("x", &fields)).await.refused(10, "SparseFloatVector");
        fields[2] = field("f", 999);
        lab.call("CreateCollection", create("x", &fields)).await.refused(1100, "does not exist");
    });
}
