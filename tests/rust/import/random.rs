//! Random rows, written in a format and read back.

use super::numpy::{npy, read_files};
use super::*;
use proptest::prelude::*;
use serde_json::Map;

#[derive(Debug, Clone)]
pub struct Row {
    id: i64,
    vector: [f32; 2],
    bool: bool,
    ints: (i8, i16, i32),
    float: f32,
    double: f64,
    text: String,
    json: Value,
    list: Vec<String>,
    nullable: Option<i64>,
    defaulted: Option<i32>,
    dynamic: Map<String, Value>,
}

pub fn rows() -> impl Strategy<Value = Vec<Row>> {
    prop::collection::vec(row(), 1..8)
}

fn row() -> impl Strategy<Value = Row> {
    let float = any::<f32>().prop_filter("finite", |float| float.is_finite());
    let double = any::<f64>().prop_filter("finite", |double| double.is_finite());
    let numbers = (any::<i64>(), [float.clone(), float.clone()], any::<bool>(), any::<(i8, i16, i32)>(), float, double);
    let texts = (any::<String>(), object(), prop::collection::vec("[a,\"\\\\é\n😀]{0,4}", 0..4));
    (numbers, texts, any::<Option<i64>>(), any::<Option<i32>>(), object()).prop_map(
        |((id, vector, bool, ints, float, double), (text, json, list), nullable, defaulted, dynamic)| Row {
            id,
            vector,
            bool,
            ints,
            float,
            double,
            text,
            json: Value::Object(json),
            list,
            nullable,
            defaulted,
            dynamic,
        },
    )
}

/// Its keys are those of no field.
fn object() -> impl Strategy<Value = Map<String, Value>> {
    let value = prop_oneof![
        any::<i64>().prop_map(Value::from),
        Just(Value::Null),
        "[a,\"\\\\é\n]{0,3}".prop_map(Value::from),
        prop::collection::vec(any::<bool>(), 0..3).prop_map(|list| json!({ "nested": list })),
    ];
    prop::collection::btree_map("x[\"\\\\é,\n]{0,2}", value, 0..3).prop_map(|map| map.into_iter().collect())
}

/// The cells of a row as JSON texts, by field.
fn cells(row: &Row) -> Vec<(&'static str, String)> {
    let optional = |value: Option<String>| value.unwrap_or_else(|| "null".into());
    vec![
        ("def", optional(row.defaulted.map(|int| int.to_string()))),
        ("id", row.id.to_string()),
        ("v", format!("[{}, {}]", row.vector[0], row.vector[1])),
        ("b", row.bool.to_string()),
        ("i8", row.ints.0.to_string()),
        ("i16", row.ints.1.to_string()),
        ("i32", row.ints.2.to_string()),
        ("f", format!("{:e}", row.float)),
        ("d", row.double.to_string()),
        ("t", json!(row.text).to_string()),
        ("j", row.json.to_string()),
        ("a", json!(row.list).to_string()),
        ("n", optional(row.nullable.map(|int| int.to_string()))),
    ]
}

fn json_object(row: &Row) -> String {
    let known = cells(row).into_iter().map(|(name, value)| format!("\"{name}\" : {value}"));
    let unknown = row.dynamic.iter().map(|(key, value)| format!("{}: {value}", json!(key)));
    format!("{{ {} }}", known.chain(unknown).collect::<Vec<_>>().join(" ,\n"))
}

pub fn json_file(rows: &[Row]) -> String {
    format!("{{\"rows\": [{}]}}", rows.iter().map(json_object).collect::<Vec<_>>().join(" , "))
}

pub fn json_lines_file(rows: &[Row]) -> String {
    rows.iter().map(|row| json_object(row).replace('\n', " ") + "\n").collect()
}

pub fn csv_file(rows: &[Row]) -> String {
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let names: Vec<&str> = cells(&rows[0]).iter().map(|(name, _)| *name).chain(["$meta"]).collect();
    let lines = rows.iter().map(|row| {
        let cell = |(name, value): (&str, String)| match name {
            "t" => quoted(&row.text),
            _ if value == "null" => String::new(),
            _ => quoted(&value),
        };
        let known = cells(row).into_iter().map(cell);
        known.chain([quoted(&Value::Object(row.dynamic.clone()).to_string())]).collect::<Vec<_>>().join(",") + "\n"
    });
    names.join(",") + "\n" + &lines.collect::<String>()
}

/// What an insert of the same rows would store.
fn expected(schema: &CollectionSchema, rows: &[Row]) -> Batch {
    let mut lists = elanus::value::Lists { offsets: vec![0], elements: ColumnData::VarChar(Default::default()) };
    let elements: Vec<&str> = rows.iter().flat_map(|row| row.list.iter().map(String::as_str)).collect();
    lists.elements = ColumnData::VarChar(elements.into_iter().collect());
    rows.iter().fold(0, |end, row| {
        lists.offsets.push(end + row.list.len() as u32);
        end + row.list.len() as u32
    });
    let json: Vec<String> = rows.iter().map(|row| row.json.to_string()).collect();
    let dynamic: Vec<String> = rows.iter().map(|row| Value::Object(row.dynamic.clone()).to_string()).collect();
    let mut nullable = Column::new(ColumnData::Int64(Vec::new()));
    for row in rows {
        let one = match row.nullable {
            Some(int) => Column::new(ColumnData::Int64(vec![int])),
            None => Column::missing(schema.field("n").expect("a field"), 1),
        };
        nullable.append(&one);
    }
    let vectors = rows.iter().flat_map(|row| row.vector).collect();
    let columns = [
        ("id", ColumnData::Int64(rows.iter().map(|row| row.id).collect())),
        ("v", ColumnData::FloatVector { dim: 2, values: vectors }),
        ("b", ColumnData::Bool(rows.iter().map(|row| u8::from(row.bool)).collect())),
        ("i8", ColumnData::Int8(rows.iter().map(|row| row.ints.0).collect())),
        ("i16", ColumnData::Int16(rows.iter().map(|row| row.ints.1).collect())),
        ("i32", ColumnData::Int32(rows.iter().map(|row| row.ints.2).collect())),
        ("f", ColumnData::Float(rows.iter().map(|row| row.float).collect())),
        ("d", ColumnData::Double(rows.iter().map(|row| row.double).collect())),
        ("t", ColumnData::VarChar(rows.iter().map(|row| row.text.as_str()).collect())),
        ("j", ColumnData::Json(json.iter().map(String::as_str).collect())),
        ("a", ColumnData::Array(Box::new(lists))),
        ("def", ColumnData::Int32(rows.iter().map(|row| row.defaulted.unwrap_or(7)).collect())),
        ("$meta", ColumnData::Json(dynamic.iter().map(String::as_str).collect())),
    ];
    let mut columns: Vec<_> = columns.map(|(name, data)| (name.to_owned(), Column::new(data))).into();
    columns.push(("n".to_owned(), nullable));
    stored(schema, Batch { rows: rows.len(), columns })
}

fn stored(schema: &CollectionSchema, mut batch: Batch) -> Batch {
    check_insert(schema, &mut batch, WriteMode::Insert).expect("valid rows").batch
}

fn joined(batches: &[Batch]) -> Batch {
    let (first, rest) = batches.split_first().expect("a batch");
    let mut all = first.clone();
    for batch in rest {
        all.rows += batch.rows;
        all.columns.iter_mut().zip(&batch.columns).for_each(|((_, to), (_, from))| to.append(from));
    }
    all
}

proptest! {
    #[test]
    fn rows_come_back_however_the_file_is_cut(rows in rows(), piece in 1usize..200, at_most_rows in 1usize..10) {
        let schema = all_types();
        let expected = expected(&schema, &rows);
        for (format, file) in [
            (Format::Json, json_file(&rows)),
            (Format::JsonLines, json_lines_file(&rows)),
            (csv_format(), csv_file(&rows)),
        ] {
            let whole = read_pieces(&format, &schema, file.as_bytes(), usize::MAX, at_most_rows).expect("read");
            prop_assert_eq!(stored(&schema, joined(&whole)), expected.clone(), "{}", file);
            for piece in [1, piece] {
                let cut = read_pieces(&format, &schema, file.as_bytes(), piece, at_most_rows);
                prop_assert_eq!(cut.as_ref(), Ok(&whole), "pieces of {}", piece);
            }
        }
    }

    #[test]
    fn columns_come_back_however_the_files_are_cut(rows in rows(), piece in 1usize..200, at_most_rows in 1usize..10) {
        let schema = small(false, &[json!({ "name": "d", "data_type": 11 })]);
        let count = rows.len();
        let ids: Vec<u8> = rows.iter().flat_map(|row| row.id.to_le_bytes()).collect();
        let vectors: Vec<u8> = rows.iter().flat_map(|row| row.vector).flat_map(f32::to_be_bytes).collect();
        let doubles: Vec<u8> = rows.iter().flat_map(|row| row.double.to_le_bytes()).collect();
        let files = [
            ("id", npy("<i8", &format!("({count},)"), &ids)),
            ("v", npy(">f4", &format!("({count}, 2)"), &vectors)),
            ("d", npy("<f8", &format!("({count},)"), &doubles)),
        ];
        let batch = joined(&read_files(&schema, &files, piece, at_most_rows).expect("read"));
        let values = rows.iter().flat_map(|row| row.vector).collect();
        prop_assert_eq!(&column(&batch, "id").data, &ColumnData::Int64(rows.iter().map(|row| row.id).collect()));
        prop_assert_eq!(&column(&batch, "v").data, &ColumnData::FloatVector { dim: 2, values });
        prop_assert_eq!(&column(&batch, "d").data, &ColumnData::Double(rows.iter().map(|row| row.double).collect()));
    }
}
