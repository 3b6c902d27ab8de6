//! Export: what a collection has when it begins, whatever becomes of the collection meanwhile.

mod races;

use super::library;
use crate::support::client::Answer;
use crate::support::rows::{
    batch, books, create, field, index, ints, jsons, primary_key, texts, vector_field, vector_of, vectors, with_nulls,
};
use crate::support::{Lab, scenario, scenario_with};
use elanus::coordinator::Config;
use serde_json::{Value, json};

/// An export that has begun.
struct Begun {
    body: Value,
    files: Vec<(String, Vec<u8>)>,
}

async fn try_begin(lab: &Lab, collection: &str, body: Value) -> (Answer, Vec<Vec<u8>>) {
    let mut request = json!({ "collection_name": collection, "format": "jsonl" });
    request.as_object_mut().expect("an object").extend(body.as_object().expect("an object").clone());
    lab.try_call_for_bytes("BeginExport", request).await.expect("the process lives")
}

async fn begin(lab: &Lab, collection: &str, body: Value) -> Begun {
    let (answer, heads) = try_begin(lab, collection, body).await;
    let body = answer.ok().body;
    let names: Vec<String> = serde_json::from_value(body["files"].clone()).expect("names");
    assert_eq!(names.len(), heads.len());
    Begun { body, files: names.into_iter().zip(heads).collect() }
}

impl Begun {
    async fn try_step(&self, lab: &Lab, place: &Value) -> (Answer, Vec<Vec<u8>>) {
        let body = json!({ "collection_name": self.body["collection"]["collection_name"], "export": self.body["export"],
            "segment": place["segment"], "row": place["row"] });
        lab.try_call_for_bytes("StepExport", body).await.expect("the process lives")
    }

    /// Takes the next rows; false at the end.
    async fn step(&mut self, lab: &Lab) -> bool {
        let place = self.body["next"].clone();
        if place.is_null() {
            return false;
        }
        let (answer, parts) = self.try_step(lab, &place).await;
        self.body["next"] = answer.ok().body["next"].clone();
        assert_eq!(parts.len(), self.files.len());
        self.files.iter_mut().zip(parts).for_each(|((_, file), part)| file.extend(part));
        true
    }

    async fn end(&self, lab: &Lab) {
        lab.call("EndExport", json!({ "export": self.body["export"] })).await.ok();
    }

    async fn finish(mut self, lab: &Lab) -> Begun {
        while self.step(lab).await {}
        self.end(lab).await;
        self
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.files[0].1).expect("text")
    }

    fn lines(&self) -> Vec<Value> {
        self.text().lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    fn ids(&self) -> Vec<i64> {
        let mut ids: Vec<i64> = self.lines().iter().map(|row| row["id"].as_i64().expect("an id")).collect();
        ids.sort_unstable();
        ids
    }
}

async fn export(lab: &Lab, collection: &str, body: Value) -> Begun {
    begin(lab, collection, body).await.finish(lab).await
}

/// Steps of a row or two.
fn small_steps() -> Config {
    Config { export_step_bytes: 60, ..Config::default() }
}

#[test]
fn what_is_not_loaded_is_exported_sealed_and_growing() {
    scenario_with(small_steps(), async |lab| {
        library(&lab, 5, "COSINE").await;
        lab.flush("book").await.ok();
        lab.upsert("book", "p1", &books([101, 110])).await.ok();
        lab.delete("book", "", "id in [1, 202]").await.ok();
        let all: Vec<i64> = (2..6).chain(101..106).chain([110, 201]).chain(203..206).collect();
        let exported = export(&lab, "book", json!({})).await;
        assert_eq!(exported.ids(), all);
        assert_eq!(exported.files[0].0, "book.jsonl");
        let row = exported.lines().into_iter().find(|row| row["id"] == 110).expect("there");
        assert_eq!(row, json!({ "id": 110, "v": vector_of(110), "words": 1100 }));
        assert_eq!(lab.load_state("book", &[]).await, "LoadStateNotLoad");
        for (body, expected) in [
            (json!({ "partition_names": ["p1"] }), (101..106).chain([110]).collect::<Vec<_>>()),
            (json!({ "partition_names": ["p2", "_default"] }), (2..6).chain([201]).chain(203..206).collect()),
            (json!({ "expr": "words >= 1040 and words < 2040" }), vec![104, 105, 110, 201, 203]),
            (
                json!({ "expr": "id in {ids}", "expr_template_values": { "ids": { "array_val": { "long_data": { "data": ["2", "1", "203"] } } } } }),
                vec![2, 203],
            ),
            (json!({ "expr": "id < 0" }), vec![]),
        ] {
            assert_eq!(export(&lab, "book", body.clone()).await.ids(), expected, "{body}");
        }
        lab.settle().await;
        lab.assert_tidy().await;
    });
}

#[test]
fn fields_are_chosen() {
    scenario(async |lab| {
        library(&lab, 2, "L2").await;
        let first = async |fields: Value| {
            let exported = export(&lab, "book", json!({ "output_fields": fields, "expr": "id == 1" })).await;
            exported.text().to_owned()
        };
        assert_eq!(first(json!(["words"])).await, "{\"id\":1,\"words\":10}\n");
        assert_eq!(first(json!(["words", "id"])).await, "{\"words\":10,\"id\":1}\n");
        assert_eq!(first(json!(["*"])).await, first(json!([])).await);
        let heading =
            export(&lab, "book", json!({ "output_fields": ["words"], "format": "csv", "expr": "id == 1" })).await;
        assert_eq!((heading.files[0].0.as_str(), heading.text()), ("book.csv", "id,words\n1,10\n"));
        let columns = export(&lab, "book", json!({ "format": "npy" })).await;
        let names: Vec<&str> = columns.files.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["id.npy", "v.npy", "words.npy"]);
    });
}

#[test]
fn what_cannot_be_exported_is_refused() {
    scenario(async |lab| {
        library(&lab, 2, "L2").await;
        let mut tags = json!({ "name": "tags", "data_type": 22, "element_type": 5 });
        tags["type_params"] = json!([{ "key": "max_capacity", "value": "4" }]);
        lab.call("CreateCollection", create("tagged", &[primary_key(), vector_field("v", 2), tags])).await.ok();
        let mut genre = field("genre", 5);
        genre["is_partition_key"] = json!(true);
        lab.call("CreateCollection", create("keyed", &[primary_key(), vector_field("v", 2), genre])).await.ok();
        for (collection, body, code, text) in [
            ("nobook", json!({}), 100, "collection not found"),
            ("book", json!({ "format": "xml" }), 1100, "unsupported export format 'xml'"),
            ("book", json!({ "format": "" }), 1100, "unsupported export format ''"),
            ("book", json!({ "partition_names": ["p9"] }), 1100, "partition name p9 not found"),
            ("keyed", json!({ "partition_names": ["_default_0"] }), 1100, "if partition key mode is used"),
            ("book", json!({ "expr": "id >" }), 1100, "cannot parse expression"),
            ("book", json!({ "expr": "pages > 1" }), 1100, "field pages not exist"),
            ("book", json!({ "output_fields": ["pages"] }), 1100, "field pages not exist"),
            ("tagged", json!({ "format": "npy" }), 1100, "field 'tags': type 'Array' is not supported"),
        ] {
            try_begin(&lab, collection, body).await.0.refused(code, text);
        }
        let files = export(&lab, "tagged", json!({ "format": "npy", "output_fields": ["v"] })).await.files;
        assert_eq!(files.len(), 2);
        let begun = begin(&lab, "book", json!({})).await;
        for place in [json!({ "segment": 99, "row": 0 })] {
            begun.try_step(&lab, &place).await.0.refused(1100, "no such place");
        }
        begun.end(&lab).await;
        begun.end(&lab).await;
        begun.try_step(&lab, &json!({ "segment": 0, "row": 0 })).await.0.refused(1, "begin again");
    });
}

#[test]
fn an_empty_collection_gives_files_without_rows() {
    scenario(async |lab| {
        library(&lab, 0, "L2").await;
        assert_eq!(export(&lab, "book", json!({})).await.text(), "");
        assert_eq!(export(&lab, "book", json!({ "format": "csv" })).await.text(), "id,v,words\n");
        let columns = export(&lab, "book", json!({ "format": "npy" })).await.files;
        assert!(String::from_utf8_lossy(&columns[1].1).contains("'shape': (0, 4)"));
    });
}

/// A collection with all that rows of `book` do not have, in three shards.
async fn shelves(lab: &Lab) {
    let mut note = field("note", 21);
    note["type_params"] = json!([{ "key": "max_length", "value": "50" }]);
    note["nullable"] = json!(true);
    let mut genre = field("genre", 5);
    genre["is_partition_key"] = json!(true);
    let mut request = create("shelf", &[primary_key(), vector_field("v", 4), note, genre]);
    request["schema"]["enable_dynamic_field"] = json!(true);
    request["shards_num"] = json!(3);
    lab.call("CreateCollection", request).await.ok();
    lab.call("CreateIndex", index("shelf", "v", "COSINE")).await.ok();
    let dynamic: Vec<String> = (0..30).map(|id| format!("{{\"color\": \"c{id}\", \"page\":{id}}}")).collect();
    let notes: Vec<String> = (0..30)
        .map(|id| if id % 3 == 0 || [1, 4].contains(&id) { String::new() } else { format!("note {id}") })
        .collect();
    let rows = batch([
        ("id", ints(0..30)),
        ("v", vectors((0..30).map(vector_of))),
        ("note", with_nulls(texts(notes.iter().map(String::as_str)), &[1, 4])),
        ("genre", ints((0..30).map(|id| id % 7))),
        ("$meta", jsons(dynamic.iter().map(String::as_str))),
    ]);
    lab.insert("shelf", "", &rows).await.ok();
}

/// Imports files into another collection and answers what both have.
async fn moved(lab: &Lab, exported: &Begun, to: &str) -> [Answer; 2] {
    let names: Vec<&String> = exported.files.iter().map(|(name, _)| name).collect();
    let request = json!({ "collection_name": to, "files": names, "options": exported.body["options"] });
    let task = lab.call("Import", request).await.ok().body["tasks"][0].clone();
    for (at, (_, bytes)) in exported.files.iter().enumerate() {
        assert!(lab.try_put(json!({ "task": task, "file": at, "piece": 0, "pieces": 1 }), bytes).await);
    }
    for waited in 0.. {
        let state = lab.call("GetImportState", json!({ "task": task })).await.ok().body;
        if state["state"] == "ImportCompleted" {
            break;
        }
        assert!(state["state"] != "ImportFailedAndCleaned" && waited < 1000, "{state}");
        lab.executor.sleep(50).await;
    }
    let mut answers = Vec::new();
    for collection in ["shelf", to] {
        lab.load(collection, json!({})).await.ok();
        let body = json!({ "output_fields": ["*"], "expr": "id >= 0" });
        answers.push(lab.query(collection, body).await.ok());
    }
    answers.try_into().expect("two")
}

#[test]
fn exports_can_be_imported() {
    scenario_with(Config { export_step_bytes: 300, ..Config::default() }, async |lab| {
        shelves(&lab).await;
        lab.flush("shelf").await.ok();
        lab.delete("shelf", "", "id in [5, 6]").await.ok();
        for (at, format) in ["jsonl", "csv"].into_iter().enumerate() {
            let to = format!("shelf{at}");
            let exported = export(&lab, "shelf", json!({ "format": format })).await;
            let described = &exported.body["collection"];
            let mut request =
                json!({ "collection_name": to, "schema": described["schema"], "shards_num": described["shards_num"] });
            request["schema"]["name"] = json!(to);
            lab.call("CreateCollection", request).await.ok();
            lab.call("CreateIndex", index(&to, "v", "COSINE")).await.ok();
            let [before, after] = moved(&lab, &exported, &to).await;
            assert_eq!(before.rows().rows, 28);
            let compact =
                |answer: &Answer| answer.texts("$meta").iter().map(|text| text.replace(' ', "")).collect::<Vec<_>>();
            assert_eq!(compact(&before), compact(&after));
            for name in ["id", "v", "note", "genre"] {
                assert_eq!(before.rows().column(name), after.rows().column(name), "{name} of {format}");
            }
        }
        let numpy = try_begin(&lab, "shelf", json!({ "format": "npy" })).await.0;
        numpy.refused(1100, "field 'note': some of its values are null");
        let without_nulls = json!({ "format": "npy", "expr": "note is not null" });
        assert_eq!(export(&lab, "shelf", without_nulls).await.files.len(), 5);
        let all_null = json!({ "format": "npy", "expr": "note is null" });
        assert_eq!(export(&lab, "shelf", all_null).await.files.len(), 4);
        lab.settle().await;
    });
}

#[test]
fn dynamic_keys_are_chosen() {
    scenario(async |lab| {
        shelves(&lab).await;
        let first = async |fields: Value| {
            let exported = export(&lab, "shelf", json!({ "output_fields": fields, "expr": "id == 2" })).await;
            exported.text().to_owned()
        };
        assert_eq!(first(json!(["page"])).await, "{\"id\":2,\"$meta\":{\"page\":2}}\n");
        assert_eq!(first(json!(["page", "$meta"])).await, "{\"id\":2,\"$meta\":{\"color\":\"c2\",\"page\":2}}\n");
        assert_eq!(first(json!(["nowhere"])).await, "{\"id\":2,\"$meta\":{}}\n");
        // From now on it is a field's name, and no import would take it as a dynamic key.
        let mut page = field("page", 5);
        page["nullable"] = json!(true);
        lab.call_on("AddCollectionField", "shelf", json!({ "schema": page })).await.ok();
        let row = first(json!([])).await;
        assert!(row.contains("\"page\":null") && row.contains("\"$meta\":{\"color\":\"c2\"}"), "{row}");
    });
}

#[test]
fn generated_keys_are_left_out_unless_they_are_asked_for() {
    scenario(async |lab| {
        let mut key = primary_key();
        key["autoID"] = json!(true);
        lab.call("CreateCollection", create("log", &[key, vector_field("v", 4)])).await.ok();
        lab.insert("log", "", &batch([("v", vectors((0..3).map(vector_of)))])).await.ok();
        for (body, has_keys) in [(json!({}), false), (json!({ "output_fields": ["*", "id"] }), true)] {
            let rows = export(&lab, "log", body).await.lines();
            assert_eq!(rows.len(), 3);
            assert!(rows.iter().all(|row| row["id"].is_i64() == has_keys && row["v"].is_array()));
        }
        let allow = json!({ "properties": [{ "key": "allow_insert_auto_id", "value": "true" }] });
        lab.call_on("AlterCollection", "log", allow).await.ok();
        assert_eq!(export(&lab, "log", json!({})).await.ids().len(), 3);
    });
}

#[test]
fn rows_that_have_expired_are_left_out() {
    scenario_with(small_steps(), async |lab| {
        library(&lab, 2, "L2").await;
        lab.flush("book").await.ok();
        lab.executor.shift_clock(500_000);
        lab.insert("book", "p1", &books(111..114)).await.ok();
        let ttl = json!({ "properties": [{ "key": "collection.ttl.seconds", "value": "600" }] });
        lab.call_on("AlterCollection", "book", ttl).await.ok();
        assert_eq!(export(&lab, "book", json!({})).await.ids().len(), 9);
        let mut begun = begin(&lab, "book", json!({})).await;
        lab.executor.shift_clock(500_000);
        assert_eq!(export(&lab, "book", json!({})).await.ids(), [111, 112, 113]);
        // What expires while an export goes on stays in it.
        if begun.try_step(&lab, &begun.body["next"]).await.0.is_ok() {
            while begun.step(&lab).await {}
            assert_eq!(begun.ids().len(), 9);
        }
        begun.end(&lab).await;
    });
}

#[test]
fn steps_have_a_bound_and_say_how_far_they_are() {
    scenario_with(small_steps(), async |lab| {
        library(&lab, 0, "L2").await;
        lab.insert("book", "", &books(0..20)).await.ok();
        let mut begun = begin(&lab, "book", json!({})).await;
        let (mut steps, mut before) = (0, 0);
        while !begun.body["next"].is_null() {
            let place = begun.body["next"].clone();
            let (first, parts) = begun.try_step(&lab, &place).await;
            assert!(parts[0].len() < 200, "{}", parts[0].len());
            let (again, same) = begun.try_step(&lab, &place).await;
            assert_eq!((&first.body, &parts), (&again.body, &same), "a step that is repeated gives the same");
            let progress = first.body["progress"].as_i64().expect("percent");
            assert!(progress >= before && progress <= 100);
            (steps, before) = (steps + 1, progress);
            assert!(begun.step(&lab).await);
        }
        assert_eq!(before, 100);
        assert!(steps >= 10);
        assert_eq!(begun.ids(), (0..20).collect::<Vec<_>>());
        begun.end(&lab).await;
    });
}
