//! Fields that a collection gets when it has rows already.

use super::library;
use crate::support::client::Answer;
use crate::support::rows::{
    batch, book, books, create, field, index, ints, jsons, primary_key, texts, vector_field, vector_of, vectors,
};
use crate::support::{Lab, scenario};
use elanus::catalog::CollectionName;
use elanus::value::Batch;
use futures::future::join;
use serde_json::{Value, json};

fn nullable(name: &str, data_type: u32) -> Value {
    let mut added = field(name, data_type);
    added["nullable"] = json!(true);
    added
}

/// A text that reads `none` where nobody gave it.
fn shelf() -> Value {
    let mut added = nullable("shelf", 21);
    added["type_params"] = json!([{ "key": "max_length", "value": "20" }]);
    added["default_value"] = json!({ "string_data": "none" });
    added
}

async fn add(lab: &Lab, field: Value) -> Answer {
    lab.call_on("AddCollectionField", "book", json!({ "schema": field })).await
}

/// Rows with `pages`, a hundred times the id, and `shelf`.
fn paged(ids: impl IntoIterator<Item = i64>) -> Batch {
    let ids: Vec<i64> = ids.into_iter().collect();
    batch([
        ("id", ints(ids.clone())),
        ("v", vectors(ids.iter().map(|id| vector_of(*id)))),
        ("words", ints(ids.iter().map(|id| id * 10))),
        ("pages", ints(ids.iter().map(|id| id * 100))),
        ("shelf", texts(ids.iter().map(|_| "top"))),
    ])
}

async fn matching(lab: &Lab, expr: &str) -> Vec<i64> {
    lab.query("book", json!({ "expr": expr, "output_fields": ["id"] })).await.ok().numbers("id")
}

/// Rows of before have neither, rows of after both.
async fn shows(lab: &Lab, before: impl Iterator<Item = i64>, after: impl Iterator<Item = i64>) {
    let (before, after): (Vec<i64>, Vec<i64>) = (before.collect(), after.collect());
    let mut all = [before.clone(), after.clone()].concat();
    all.sort_unstable();
    assert_eq!(lab.keys("book", &[]).await, all);
    assert_eq!(matching(lab, "pages is null").await, before);
    assert_eq!(matching(lab, "pages is not null").await, after);
    assert_eq!(matching(lab, "pages > 0").await, after);
    assert_eq!(matching(lab, "shelf == 'none'").await, before);
    assert_eq!(matching(lab, "shelf == 'top' and pages % 100 == 0").await, after);
    let rows = lab.query("book", json!({ "expr": "id > 0", "output_fields": ["*"] })).await.ok();
    let pages = rows.rows().column("pages").expect("asked for").clone();
    for (row, id) in rows.numbers("id").iter().enumerate() {
        assert_eq!(pages.is_valid(row), after.contains(id), "pages of {id}");
    }
    let expected: Vec<&str> = all.iter().map(|id| if after.contains(id) { "top" } else { "none" }).collect();
    assert_eq!(rows.texts("shelf"), expected);
    let search = json!({ "output_fields": ["id", "shelf"], "dsl": "pages is null",
        "search_params": [{ "key": "topk", "value": 100 }] });
    let mut found = lab.search("book", &[vec![1.0; 4]], search).await.ok().numbers("id");
    found.sort_unstable();
    assert_eq!(found, before);
}

async fn add_both(lab: &Lab) {
    add(lab, nullable("pages", 5)).await.ok();
    add(lab, shelf()).await.ok();
}

/// Sealed and growing rows.
async fn filled(lab: &Lab) {
    library(lab, 5, "COSINE").await;
    lab.flush("book").await.ok();
    lab.insert("book", "p1", &books(111..114)).await.ok();
}

fn old_rows() -> impl Iterator<Item = i64> {
    (1..6).chain(101..106).chain(111..114).chain(201..206)
}

#[test]
fn a_field_added_to_what_is_loaded_can_be_used_at_once() {
    scenario(async |lab| {
        filled(&lab).await;
        lab.load("book", json!({})).await.ok();
        add_both(&lab).await;
        shows(&lab, old_rows(), std::iter::empty()).await;
        lab.insert("book", "p1", &paged(121..124)).await.ok();
        shows(&lab, old_rows(), 121..124).await;
        // Repeating the load asks for what there is.
        lab.load("book", json!({})).await.ok();
        lab.reopen().await;
        shows(&lab, old_rows(), 121..124).await;
    });
}

#[test]
fn a_field_added_to_what_is_released_is_there_when_it_is_loaded() {
    scenario(async |lab| {
        filled(&lab).await;
        add_both(&lab).await;
        lab.insert("book", "", &paged(11..14)).await.ok();
        lab.load("book", json!({})).await.ok();
        shows(&lab, old_rows(), 11..14).await;
        let fields = lab.call_on("DescribeCollection", "book", json!({})).await.ok().body["schema"]["fields"].clone();
        let of = |at: usize, key: &str| fields[at][key].clone();
        assert_eq!((of(3, "name"), of(3, "fieldID"), of(3, "nullable")), (json!("pages"), json!("103"), json!(true)));
        assert_eq!((of(4, "name"), of(4, "fieldID")), (json!("shelf"), json!("104")));
        assert_eq!(of(4, "default_value"), json!({ "string_data": "none", "data": "string_data" }));
    });
}

#[test]
fn rows_of_before_and_after_are_sealed_and_merged() {
    scenario(async |lab| {
        filled(&lab).await;
        lab.load("book", json!({})).await.ok();
        add_both(&lab).await;
        for first in [121, 131, 141] {
            lab.insert("book", "p1", &paged(first..first + 2)).await.ok();
            lab.flush("book").await.ok();
        }
        lab.settle().await;
        lab.compact("book").await.ok();
        let after = || [121, 122, 131, 132, 141, 142].into_iter();
        for _ in 0..2 {
            shows(&lab, old_rows(), after()).await;
            lab.release("book").await.ok();
            lab.load("book", json!({})).await.ok();
        }
        let catalog = lab.catalog().await;
        let p1 = catalog
            .resolve(CollectionName::new("default", "book"))
            .expect("there")
            .partition("p1")
            .expect("there")
            .clone();
        assert_eq!(p1.segments.len(), 1);
        lab.assert_tidy().await;
        lab.call("CreateIndex", json!({ "collection_name": "book", "field_name": "pages" })).await.ok();
        lab.settle().await;
        shows(&lab, old_rows(), after()).await;
    });
}

#[test]
fn a_list_of_fields_stays_as_it_was_asked_for() {
    scenario(async |lab| {
        filled(&lab).await;
        let listed = json!({ "load_fields": ["id", "v", "words"] });
        lab.load("book", listed.clone()).await.ok();
        add(&lab, nullable("pages", 5)).await.ok();
        assert_eq!(matching(&lab, "words > 0").await.len(), 18);
        let body = json!({ "expr": "pages is null", "output_fields": ["id"] });
        lab.query("book", body).await.refused(1100, "pages is not loaded");
        lab.load("book", listed).await.ok();
        lab.load("book", json!({})).await.refused(1100, "can't change the load field list for loaded collection");
        lab.release("book").await.ok();
        // Whoever lists all fields later does not take back that all were asked for.
        lab.load("book", json!({})).await.ok();
        lab.load("book", json!({ "load_fields": ["id", "v", "words", "pages"] })).await.ok();
        add(&lab, shelf()).await.ok();
        assert_eq!(matching(&lab, "pages is null and shelf == 'none'").await.len(), 18);
    });
}

#[test]
fn no_row_with_the_new_field_is_lost_while_others_load_or_seal() {
    scenario(async |lab| {
        filled(&lab).await;
        lab.load_partitions("book", &["p1"]).await.ok();
        lab.call_on("LoadCollection", "book", json!({})).await.ok();
        let (adder, sealer) = (lab.clone(), lab.client());
        let adding = async {
            add_both(&adder).await;
            adder.insert("book", "p1", &paged(121..124)).await.ok();
        };
        let (sealed, ()) = join(sealer.flush("book"), adding).await;
        sealed.ok();
        lab.load("book", json!({})).await.ok();
        shows(&lab, old_rows(), 121..124).await;
    });
}

#[test]
fn rows_packed_without_the_field_are_sent_back_to_be_packed_again() {
    scenario(async |lab| {
        filled(&lab).await;
        lab.load("book", json!({})).await.ok();
        let before =
            lab.call_on("DescribeCollection", "book", json!({})).await.ok().text("update_timestamp").to_owned();
        add_both(&lab).await;
        let body = json!({ "collection_name": "book", "schema_timestamp": before });
        let stale = lab.try_call("Insert", body, Some(&books([7]))).await.expect("the process lives");
        stale.refused(109, "collection schema mismatch");
        lab.insert("book", "", &books([7])).await.ok();
        assert_eq!(matching(&lab, "pages is null and id < 100").await, [1, 2, 3, 4, 5, 7]);
    });
}

#[test]
fn the_dynamic_field_stays_the_last_one() {
    scenario(async |lab| {
        let mut request = create("book", &[primary_key(), vector_field("v", 4), field("words", 5)]);
        request["schema"]["enable_dynamic_field"] = json!(true);
        lab.call("CreateCollection", request).await.ok();
        lab.call("CreateIndex", index("book", "v", "L2")).await.ok();
        lab.insert("book", "", &books([1])).await.ok();
        lab.load("book", json!({})).await.ok();
        add(&lab, nullable("pages", 5)).await.ok();
        assert_eq!(matching(&lab, "pages is null and $meta['pages'] is null").await, [1]);
        let catalog = lab.catalog().await;
        let fields = &catalog.resolve(CollectionName::new("default", "book")).expect("there").schema.fields;
        let names: Vec<(&str, i64)> = fields.iter().map(|field| (field.name.as_str(), field.id.0)).collect();
        assert_eq!(names, [("id", 100), ("v", 101), ("words", 102), ("pages", 104), ("$meta", 103)]);
    });
}

#[test]
fn a_collection_gets_a_dynamic_field_once_and_keeps_it() {
    let listed = json!({ "load_fields": ["id", "v", "words"] });
    for (sealed, load) in [(false, json!({})), (true, json!({})), (true, listed)] {
        scenario(async move |lab| {
            let enable = json!({ "properties": [{ "key": "dynamicfield.enabled", "value": "true" }] });
            let disable = json!({ "properties": [{ "key": "dynamicfield.enabled", "value": "false" }] });
            lab.call("CreateCollection", book()).await.ok();
            lab.call("CreateIndex", index("book", "v", "L2")).await.ok();
            lab.insert("book", "", &books([1])).await.ok();
            if sealed {
                lab.flush("book").await.ok();
            }
            lab.load("book", load.clone()).await.ok();
            lab.call_on("AlterCollection", "book", disable.clone()).await.ok();
            let mut both = enable.clone();
            let properties = both["properties"].as_array_mut().expect("a list");
            properties.push(json!({ "key": "collection.ttl.seconds", "value": "60" }));
            lab.call_on("AlterCollection", "book", both)
                .await
                .refused(1100, "cannot alter dynamic schema with other properties at the same time");
            for _ in 0..2 {
                lab.call_on("AlterCollection", "book", enable.clone()).await.ok();
            }
            lab.call_on("AlterCollection", "book", disable)
                .await
                .refused(1100, "dynamic schema cannot supported to be disabled");
            let described = lab.call_on("DescribeCollection", "book", json!({})).await.ok().body;
            assert_eq!(described["schema"]["enable_dynamic_field"], true);
            assert_eq!(described["properties"], json!([]));
            let mut rows = books([2]);
            rows.columns.push(("$meta".into(), jsons([r#"{"color":"red"}"#])));
            lab.insert("book", "", &rows).await.ok();
            for _ in 0..2 {
                assert_eq!(matching(&lab, "color == 'red'").await, [2]);
                assert_eq!(matching(&lab, "color is null").await, [1]);
                let all = lab.query("book", json!({ "expr": "id > 0", "output_fields": ["*"] })).await.ok();
                assert_eq!(all.texts("$meta"), ["{}", r#"{"color":"red"}"#]);
                lab.flush("book").await.ok();
                lab.reopen().await;
                lab.load("book", load.clone()).await.ok();
            }
        });
    }
}

#[test]
fn fields_that_cannot_be_added_are_refused_with_milvus_reasons() {
    scenario(async |lab| {
        filled(&lab).await;
        let refused = async |field: Value, text: &str| drop(add(&lab, field).await.refused(1100, text));
        let mut vector = vector_field("w", 4);
        vector["nullable"] = json!(true);
        refused(
            vector,
            "invalid parameter[expected=invalid field][actual=not support to add vector field, field name = w]",
        )
        .await;
        refused(field("pages", 5), "added field must be nullable, please check it, field name = pages").await;
        refused(nullable("RowID", 5), "not support to add system field, field name = RowID").await;
        refused(nullable("words", 5), "field already exists, name: words").await;
        refused(nullable("title", 21), "type param(max_length) should be specified for the field(title)").await;
        for (key, text) in [
            ("is_primary_key", "not support to add pk field, field name = pages"),
            ("autoID", "only primary field can speficy AutoID with true, field name = pages"),
            ("is_partition_key", "not support to add partition key field, field name  = pages"),
        ] {
            let mut keyed = nullable("pages", 5);
            keyed[key] = json!(true);
            refused(keyed, text).await;
        }
        add(&lab, nullable("1st", 5)).await.refused(1701, "Invalid field name: 1st");
        let mut wrong = nullable("pages", 5);
        wrong["default_value"] = json!({ "string_data": "none" });
        refused(wrong, "is not equal to the type(DataType_VarChar) of default_value").await;
        lab.call_on("AddCollectionField", "nope", json!({ "schema": nullable("pages", 5) }))
            .await
            .refused(100, "collection not found");
        let catalog = lab.catalog().await;
        assert_eq!(catalog.resolve(CollectionName::new("default", "book")).expect("there").schema.fields.len(), 3);
    });
}

#[test]
fn a_collection_has_256_fields_at_most() {
    scenario(async |lab| {
        let mut fields = vec![primary_key(), vector_field("v", 4)];
        fields.extend((0..253).map(|number| nullable(&format!("f{number}"), 5)));
        lab.call("CreateCollection", create("book", &fields)).await.ok();
        add(&lab, nullable("last", 5)).await.ok();
        let text = "The number of fields has reached the maximum value 256";
        add(&lab, nullable("one_more", 5)).await.refused(1100, text);
    });
}

#[test]
fn fields_that_skip_loads_are_loaded_where_they_are_listed() {
    scenario(async |lab| {
        let skipped = |mut field: Value| {
            let mut given = field["type_params"].as_array().cloned().unwrap_or_default();
            given.push(json!({ "key": "field.skipLoad", "value": "true" }));
            field["type_params"] = json!(given);
            field
        };
        for (fields, text) in [
            ([skipped(primary_key()), vector_field("v", 4)], "Primary key field id cannot skip loading"),
            ([primary_key(), skipped(vector_field("v", 4))], "cannot config all vector field(s) skip loading"),
        ] {
            lab.call("CreateCollection", create("book", &fields)).await.refused(1100, text);
        }
        let fields = [primary_key(), vector_field("v", 4), skipped(field("words", 5))];
        lab.call("CreateCollection", create("book", &fields)).await.ok();
        lab.call("CreateIndex", index("book", "v", "L2")).await.ok();
        lab.insert("book", "", &books([1, 2])).await.ok();
        lab.load("book", json!({})).await.ok();
        let words = async || lab.query("book", json!({ "expr": "id == 1", "output_fields": ["words"] })).await;
        assert!(!words().await.is_ok());
        let mut added = skipped(field("pages", 5));
        added["nullable"] = json!(true);
        lab.call_on("AddCollectionField", "book", json!({ "schema": added })).await.ok();
        lab.load("book", json!({})).await.ok();
        lab.release("book").await.ok();
        lab.load("book", json!({ "load_fields": ["id", "v", "words"] })).await.ok();
        assert_eq!(words().await.ok().numbers("words"), [10]);
    });
}
