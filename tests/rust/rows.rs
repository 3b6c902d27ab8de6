//! Insert and upsert: what rows must look like, and what is filled in for them.

use elanus::ids::PartitionId;
use elanus::schema::{CollectionSchema, KeyValue};
use elanus::value::{Batch, Column, ColumnData, Lists, Mask, PrimaryKeys, Strings, WriteMode, check_insert};
use proptest::prelude::*;
use serde_json::json;

fn schema(auto_id: bool) -> CollectionSchema {
    let proto = json!({ "enable_dynamic_field": true, "fields": [
        { "name": "id", "data_type": 5, "is_primary_key": true, "autoID": auto_id },
        { "name": "v", "data_type": 101, "type_params": { "dim": 2 } },
        { "name": "n", "data_type": 5, "nullable": true },
        { "name": "d", "data_type": 3, "nullable": true, "default_value": { "int_data": 7 } },
        { "name": "t", "data_type": 21, "nullable": true, "type_params": { "max_length": 4 } },
        { "name": "j", "data_type": 23, "nullable": true },
        { "name": "a", "data_type": 22, "element_type": 21, "nullable": true,
          "type_params": { "max_capacity": 2, "max_length": 3 } },
        { "name": "f", "data_type": 10, "default_value": { "float_data": 0.5 } },
    ]});
    CollectionSchema::from_proto("book", &proto).unwrap()
}

fn ids(values: &[i64]) -> (&'static str, ColumnData) {
    ("id", ColumnData::Int64(values.to_vec()))
}

fn vectors(rows: usize) -> (&'static str, ColumnData) {
    ("v", ColumnData::FloatVector { dim: 2, values: (0..rows * 2).map(|at| at as f32).collect() })
}

fn texts(values: &[&str]) -> Strings {
    values.iter().copied().collect()
}

fn batch(columns: Vec<(&str, ColumnData)>) -> Batch {
    let rows = columns[0].1.len();
    Batch { rows, columns: columns.into_iter().map(|(name, data)| (name.to_owned(), Column::new(data))).collect() }
}

fn with_nulls(mut batch: Batch, name: &str, valid: &[usize]) -> Batch {
    let rows = batch.rows;
    let (_, column) = batch.columns.iter_mut().find(|(column, _)| column == name).unwrap();
    let mut validity = Mask::with_capacity(rows);
    valid.iter().for_each(|row| validity.insert(*row));
    column.validity = Some(validity);
    batch
}

#[track_caller]
fn assert_refused(columns: Vec<(&str, ColumnData)>, text: &str) {
    let error = check_insert(&schema(false), &mut batch(columns), WriteMode::Insert).unwrap_err();
    assert!(error.to_string().contains(text), "{error} lacks {text:?}");
    assert_eq!(error.code(), 1100);
}

#[test]
fn missing_columns_are_filled_in_schema_order() {
    let checked = check_insert(&schema(false), &mut batch(vec![vectors(2), ids(&[5, 6])]), WriteMode::Insert).unwrap();
    let names: Vec<&str> = checked.batch.columns.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["id", "v", "n", "d", "t", "j", "a", "f", "$meta"]);
    assert!(checked.batch.columns.iter().all(|(_, column)| column.len() == 2));
    assert_eq!(checked.keys, PrimaryKeys::Int64(vec![5, 6]));
    assert_eq!(checked.replaced, None);
    let column = |name: &str| checked.batch.column(name).unwrap();
    assert!(!column("n").is_valid(0) && !column("a").is_valid(1));
    assert_eq!(column("d"), &Column::new(ColumnData::Int16(vec![7, 7])));
    assert_eq!(column("f"), &Column::new(ColumnData::Float(vec![0.5, 0.5])));
    assert_eq!(column("$meta"), &Column::new(ColumnData::Json(texts(&["{}", "{}"]))));
    assert_eq!(Batch::decode(&checked.batch.encode()).unwrap(), checked.batch);
}

#[test]
fn a_default_wins_over_null_and_null_needs_permission() {
    let rows = || batch(vec![ids(&[1, 2]), vectors(2), ("d", ColumnData::Int16(vec![1, 0]))]);
    let checked = check_insert(&schema(false), &mut with_nulls(rows(), "d", &[0]), WriteMode::Insert).unwrap();
    assert_eq!(checked.batch.column("d"), Some(&Column::new(ColumnData::Int16(vec![1, 7]))));
    let rows = batch(vec![ids(&[1, 2]), vectors(2), ("n", ColumnData::Int64(vec![1, 0]))]);
    let checked = check_insert(&schema(false), &mut with_nulls(rows, "n", &[0]), WriteMode::Insert).unwrap();
    assert!(!checked.batch.column("n").unwrap().is_valid(1));
    for (name, text) in
        [("v", "field v of collection book is not nullable, but row 1 is null"), ("id", "not support null")]
    {
        let mut rows = with_nulls(batch(vec![ids(&[1, 2]), vectors(2)]), name, &[0]);
        let error = check_insert(&schema(false), &mut rows, WriteMode::Insert).unwrap_err();
        assert!(error.to_string().contains(text), "{error}");
    }
}

#[test]
fn what_null_rows_hold_is_not_looked_at() {
    let rows = batch(vec![ids(&[1, 2]), vectors(2), ("t", ColumnData::VarChar(texts(&["ok", "far too long"])))]);
    assert!(check_insert(&schema(false), &mut with_nulls(rows, "t", &[0]), WriteMode::Insert).is_ok());
    let rows = batch(vec![ids(&[1, 2]), vectors(2), ("f", ColumnData::Float(vec![1.0, f32::NAN]))]);
    let checked = check_insert(&schema(false), &mut with_nulls(rows, "f", &[0]), WriteMode::Insert).unwrap();
    assert_eq!(checked.batch.column("f"), Some(&Column::new(ColumnData::Float(vec![1.0, 0.5]))));
}

#[test]
fn values_are_checked() {
    let one = || vec![ids(&[1]), vectors(1)];
    let and = |name: &'static str, data: ColumnData| one().into_iter().chain([(name, data)]).collect::<Vec<_>>();
    assert_refused(vec![ids(&[1])], "fieldSchema(v) has no corresponding fieldData pass in");
    assert_refused(vec![vectors(1)], "fieldSchema(id) has no corresponding fieldData pass in");
    assert_refused(and("nope", ColumnData::Int64(vec![1])), "fieldName nope not exist in collection schema");
    assert_refused(and("id", ColumnData::Int64(vec![1])), "duplicated field data: id");
    assert_refused(and("n", ColumnData::Int32(vec![1])), "[expected=Int64][actual=Int32]");
    assert_refused(
        and("n", ColumnData::Int64(vec![1, 2])),
        "the num_rows (2) of field (n) is not equal to passed num_rows (1): invalid parameter[expected=1][actual=2]",
    );
    assert_refused(
        and("t", ColumnData::VarChar(texts(&["äää"]))),
        "length of varchar field t exceeds max length, row number: 0, length: 6, max length: 4",
    );
    assert_refused(and("j", ColumnData::Json(texts(&["{"]))), "field j is not valid JSON, row number: 0");
    let long = format!("\"{}\"", "x".repeat(65_535));
    assert_refused(and("j", ColumnData::Json(texts(&[&long]))), "the length (65537) of json field (j) exceeds");
    assert_refused(
        vec![ids(&[1]), ("v", ColumnData::FloatVector { dim: 3, values: vec![0.0; 3] })],
        "the dim (3) of field data(v) is not equal to schema dim (2): invalid parameter[expected=2][actual=3]",
    );
    for (value, shown) in [(f32::NAN, "NaN"), (f32::INFINITY, "+Inf"), (f32::NEG_INFINITY, "-Inf")] {
        assert_refused(
            vec![ids(&[1]), ("v", ColumnData::FloatVector { dim: 2, values: vec![0.0, value] })],
            &format!("value '{shown}' is not a number or infinity"),
        );
        assert_refused(and("f", ColumnData::Float(vec![value])), "is not a number or infinity");
    }
    assert_refused(vec![ids(&[]), vectors(0)], "num_rows should be greater than 0");
}

#[test]
fn arrays_are_checked() {
    let array = |values: &[&str]| {
        let lists = Lists { offsets: vec![0, values.len() as u32], elements: ColumnData::VarChar(texts(values)) };
        vec![ids(&[1]), vectors(1), ("a", ColumnData::Array(Box::new(lists)))]
    };
    assert!(check_insert(&schema(false), &mut batch(array(&["abc", ""])), WriteMode::Insert).is_ok());
    assert_refused(array(&["a", "b", "c"]), "the length (3) of 0th array exceeds max capacity (2)");
    assert_refused(array(&["a", "abcd"]), "row number: 0, array index: 1, length: 4, max length: 3");
    let lists = Lists { offsets: vec![0, 1], elements: ColumnData::Int64(vec![1]) };
    assert_refused(
        vec![ids(&[1]), vectors(1), ("a", ColumnData::Array(Box::new(lists)))],
        "[expected=Array<VarChar>][actual=Array<Int64>]",
    );
}

#[test]
fn dynamic_keys_leave_static_ones_alone() {
    let meta = |text: &str| vec![ids(&[1]), vectors(1), ("$meta", ColumnData::Json(texts(&[text])))];
    assert!(check_insert(&schema(false), &mut batch(meta(r#"{"color": {"id": 1}}"#)), WriteMode::Insert).is_ok());
    assert_refused(meta(r#"{"color": 1, "id": 1}"#), "dynamic field name cannot include the static field name: id");
    assert_refused(meta(r#"{"\u0069d": 1}"#), "dynamic field name cannot include the static field name: id");
    assert_refused(meta(r#"{"$meta": {}}"#), "dynamic field name cannot include the static field name: $meta");
    for text in ["[]", "1", "", "{\"a\":1", "{} {}"] {
        assert_refused(meta(text), "dynamic field is not a valid JSON object");
    }
    let mut closed = schema(false);
    closed.fields.pop();
    assert!(check_insert(&closed, &mut batch(meta("{}")), WriteMode::Insert).is_err());
}

#[test]
fn generated_ids() {
    let mut checked = check_insert(&schema(true), &mut batch(vec![vectors(2)]), WriteMode::Insert).unwrap();
    assert!(checked.needs_ids() && checked.keys.is_empty());
    checked.assign_ids(100);
    assert_eq!(checked.keys, PrimaryKeys::Int64(vec![100, 101]));
    assert_eq!(checked.batch.column("id"), Some(&Column::new(ColumnData::Int64(vec![100, 101]))));
    checked.assign_ids(500);
    assert_eq!(checked.keys, PrimaryKeys::Int64(vec![100, 101]));

    let given = || batch(vec![ids(&[1, 2]), vectors(2)]);
    let error = check_insert(&schema(true), &mut given(), WriteMode::Insert).unwrap_err();
    assert!(error.to_string().contains("can not assign primary field data when auto id enabled id"), "{error}");
    let mut allowed = schema(true);
    allowed.properties.push(KeyValue { key: "allow_insert_auto_id".into(), value: "true".into() });
    let checked = check_insert(&allowed, &mut given(), WriteMode::Insert).unwrap();
    assert!(!checked.needs_ids());
    assert_eq!(checked.keys, PrimaryKeys::Int64(vec![1, 2]));

    assert!(check_insert(&schema(true), &mut batch(vec![vectors(2)]), WriteMode::Upsert).is_err());
    let mut upsert = check_insert(&schema(true), &mut given(), WriteMode::Upsert).unwrap();
    assert_eq!(upsert.replaced, Some(PrimaryKeys::Int64(vec![1, 2])));
    upsert.assign_ids(9);
    assert_eq!(upsert.keys, PrimaryKeys::Int64(vec![9, 10]));
    let twice = || batch(vec![ids(&[3, 3]), vectors(2)]);
    assert!(check_insert(&schema(false), &mut twice(), WriteMode::Insert).is_ok());
    let error = check_insert(&schema(false), &mut twice(), WriteMode::Upsert).unwrap_err();
    assert!(error.to_string().contains("duplicate primary keys are not allowed in the same batch"));
    let upsert = check_insert(&schema(false), &mut given(), WriteMode::Upsert).unwrap();
    assert_eq!((upsert.replaced.as_ref(), upsert.needs_ids()), (Some(&upsert.keys), false));
}

#[test]
fn generated_text_ids_and_partition_keys() {
    let proto = json!({ "fields": [
        { "name": "id", "data_type": 21, "is_primary_key": true, "autoID": true, "type_params": { "max_length": 32 } },
        { "name": "v", "data_type": 101, "type_params": { "dim": 2 } },
        { "name": "p", "data_type": 21, "is_partition_key": true, "type_params": { "max_length": 32 } },
    ]});
    let schema = CollectionSchema::from_proto("c", &proto).unwrap();
    let keys = ColumnData::VarChar(texts(&["a", "b", "a"]));
    let mut checked = check_insert(&schema, &mut batch(vec![vectors(3), ("p", keys)]), WriteMode::Insert).unwrap();
    checked.assign_ids(7);
    assert_eq!(checked.keys, PrimaryKeys::VarChar(vec!["7".into(), "8".into(), "9".into()]));
    let partitions: Vec<PartitionId> = (100..116).map(PartitionId).collect();
    let parts = checked.by_partition(&schema, &partitions);
    assert!(parts.iter().all(|(partition, _)| partitions.contains(partition)));
    let of = |name: &str| parts.iter().map(|(_, part)| part.column(name).cloned()).collect::<Vec<_>>();
    let column = |values: &[&str]| Some(Column::new(ColumnData::VarChar(texts(values))));
    let b_is_first = of("p")[0] == column(&["b"]);
    let expected = |a: &[&str], b: &[&str]| if b_is_first { [column(b), column(a)] } else { [column(a), column(b)] };
    assert_eq!(of("p"), expected(&["a", "a"], &["b"]));
    assert_eq!(of("id"), expected(&["7", "9"], &["8"]));
}

fn any_data(rows: usize) -> impl Strategy<Value = ColumnData> {
    let text = || prop::collection::vec(".{0,6}", rows).prop_map(|values| values.iter().map(String::as_str).collect());
    prop_oneof![
        prop::collection::vec(any::<i64>(), rows).prop_map(ColumnData::Int64),
        prop::collection::vec(any::<i16>(), rows).prop_map(ColumnData::Int16),
        prop::collection::vec(any::<f32>(), rows).prop_map(ColumnData::Float),
        text().prop_map(ColumnData::VarChar),
        text().prop_map(ColumnData::Json),
        prop::collection::vec(any::<f32>(), rows * 2).prop_map(|values| ColumnData::FloatVector { dim: 2, values }),
        Just(ColumnData::FloatVector { dim: 0, values: Vec::new() }),
        prop::collection::vec(0u32..4, rows).prop_map(|lengths| {
            let mut offsets = vec![0];
            offsets.extend(lengths.iter().scan(0, |end, length| {
                *end += length;
                Some(*end)
            }));
            let count = *offsets.last().unwrap() as usize;
            let elements = ColumnData::VarChar(std::iter::repeat_n("ab", count).collect());
            ColumnData::Array(Box::new(Lists { offsets, elements }))
        }),
    ]
}

fn any_batch() -> impl Strategy<Value = Batch> {
    (0usize..5).prop_flat_map(|rows| {
        let name = prop::sample::select(vec!["id", "v", "n", "d", "t", "j", "a", "f", "$meta", "x"]);
        let validity = prop::option::of(prop::collection::vec(any::<bool>(), rows));
        let column = (name, any_data(rows), validity).prop_map(move |(name, data, validity)| {
            let validity = validity.map(|bits| {
                let mut mask = Mask::with_capacity(rows);
                bits.iter().enumerate().for_each(|(row, bit)| mask.set(row, *bit));
                mask
            });
            (name.to_owned(), Column { data, validity })
        });
        let base = prop::bool::ANY;
        (prop::collection::vec(column, 0..8), base).prop_map(move |(mut columns, base)| {
            if base {
                columns.retain(|(name, _)| name != "id" && name != "v");
                columns.extend(batch(vec![ids(&vec![1; rows]), vectors(rows)]).columns);
            }
            Batch { rows, columns }
        })
    })
}

proptest! {
    #[test]
    fn any_batch_is_refused_as_it_is_or_becomes_whole(mut batch in any_batch(), auto_id: bool, upsert: bool) {
        let schema = schema(auto_id);
        let mode = if upsert { WriteMode::Upsert } else { WriteMode::Insert };
        let given = format!("{batch:?}");
        let checked = check_insert(&schema, &mut batch, mode);
        let is_as_given = format!("{batch:?}") == given;
        prop_assert!(checked.is_ok() || is_as_given);
        if let Ok(mut checked) = checked {
            checked.assign_ids(1);
            prop_assert_eq!(checked.batch.columns.len(), schema.fields.len());
            prop_assert_eq!(checked.keys.len(), checked.batch.rows);
            for (field, (name, column)) in schema.fields.iter().zip(&checked.batch.columns) {
                prop_assert_eq!(&field.name, name);
                prop_assert_eq!(column.len(), checked.batch.rows);
                prop_assert_eq!(column.data.data_type(), field.data_type);
                prop_assert!(field.nullable || (0..column.len()).all(|row| column.is_valid(row)));
            }
            prop_assert_eq!(Batch::decode(&checked.batch.encode()).unwrap(), checked.batch);
        }
    }
}

#[test]
fn keys_are_made_distinct() {
    let texts = |keys: &[&str]| PrimaryKeys::VarChar(keys.iter().map(|key| (*key).to_owned()).collect());
    assert_eq!(texts(&["b", "a", "b", "", "a"]).into_distinct(), texts(&["", "a", "b"]));
    assert_eq!(PrimaryKeys::Int64(vec![3, -1, 3, 2]).into_distinct(), PrimaryKeys::Int64(vec![-1, 2, 3]));
}
