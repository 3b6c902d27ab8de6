//! Files of rows read into batches: each format by examples, at random and damaged.

mod csv;
mod hostile;
mod json;
mod numpy;
mod random;

use elanus::error::{Error, Result};
use elanus::import::{Chunk, Format, RowReader};
use elanus::schema::CollectionSchema;
use elanus::value::{Batch, Column, ColumnData, WriteMode, check_insert};
use serde_json::{Value, json};

/// Every type, a nullable field, one with a default, and the dynamic field.
pub fn all_types() -> CollectionSchema {
    schema(true, all_fields())
}

fn all_fields() -> Value {
    json!([
        { "name": "id", "data_type": 5, "is_primary_key": true },
        { "name": "v", "data_type": 101, "type_params": { "dim": 2 } },
        { "name": "b", "data_type": 1 },
        { "name": "i8", "data_type": 2 },
        { "name": "i16", "data_type": 3 },
        { "name": "i32", "data_type": 4 },
        { "name": "f", "data_type": 10 },
        { "name": "d", "data_type": 11 },
        { "name": "t", "data_type": 21, "type_params": { "max_length": 1000 } },
        { "name": "j", "data_type": 23 },
        { "name": "a", "data_type": 22, "element_type": 21, "type_params": { "max_capacity": 100, "max_length": 100 } },
        { "name": "n", "data_type": 5, "nullable": true },
        { "name": "def", "data_type": 4, "default_value": { "int_data": 7 } },
    ])
}

/// A key, a vector of two, and what a test adds.
pub fn small(dynamic: bool, more: &[Value]) -> CollectionSchema {
    let mut fields = vec![
        json!({ "name": "id", "data_type": 5, "is_primary_key": true }),
        json!({ "name": "v", "data_type": 101, "type_params": { "dim": 2 } }),
    ];
    fields.extend_from_slice(more);
    schema(dynamic, Value::Array(fields))
}

pub fn schema(dynamic: bool, fields: Value) -> CollectionSchema {
    let proto = json!({ "enable_dynamic_field": dynamic, "fields": fields });
    CollectionSchema::from_proto("c", &proto).expect("a schema")
}

pub fn csv_format() -> Format {
    Format::of_file("a.csv").expect("csv")
}

/// Without, with too little, and with much room for what is unread of those before.
fn nth_chunk(bytes: &[u8], number: usize) -> Chunk {
    let room = [0, 3, 1000][number % 3];
    let mut chunk = Chunk::in_buffer(vec![b'?'; room / 2], room, bytes.len());
    chunk.bytes_mut().copy_from_slice(bytes);
    chunk
}

/// All rows of a file that comes in pieces of `piece` bytes, in batches of `at_most_rows`.
pub fn read_pieces(
    format: &Format,
    schema: &CollectionSchema,
    file: &[u8],
    piece: usize,
    at_most_rows: usize,
) -> Result<Vec<Batch>> {
    let mut reader = RowReader::new(format, schema)?;
    let mut batches = Vec::new();
    for (number, bytes) in file.chunks(piece).enumerate() {
        reader.push(nth_chunk(bytes, number));
        while let Some(batch) = reader.take_batch(at_most_rows)? {
            batches.push(batch);
        }
    }
    reader.finish();
    while let Some(batch) = reader.take_batch(at_most_rows)? {
        batches.push(batch);
    }
    assert_eq!(reader.rows_read(), batches.iter().map(|batch| batch.rows as u64).sum::<u64>());
    Ok(batches)
}

/// The rows as an insert would store them.
pub fn read(format: &Format, schema: &CollectionSchema, file: impl AsRef<[u8]>) -> Result<Batch> {
    let mut batches = read_pieces(format, schema, file.as_ref(), usize::MAX, usize::MAX)?;
    assert_eq!(batches.len(), 1, "one batch");
    Ok(check_insert(schema, &mut batches.remove(0), WriteMode::Insert)?.batch)
}

/// The free text of a refusal, which must be one of an import.
pub fn refusal(format: &Format, schema: &CollectionSchema, file: impl AsRef<[u8]>) -> String {
    match read_pieces(format, schema, file.as_ref(), 7, usize::MAX) {
        Err(Error::ImportFailed(text)) => text,
        other => panic!("{other:?} of {}", String::from_utf8_lossy(file.as_ref())),
    }
}

pub fn column<'a>(batch: &'a Batch, name: &str) -> &'a Column {
    batch.column(name).unwrap_or_else(|| panic!("no column {name}"))
}

pub fn texts_of(batch: &Batch, name: &str) -> Vec<String> {
    match &column(batch, name).data {
        ColumnData::VarChar(texts) | ColumnData::Json(texts) => texts.iter().map(str::to_owned).collect(),
        other => panic!("{name} is a {:?}", other.data_type()),
    }
}

/// That the first row of `all_types` came through whole: the same in every format.
pub fn assert_first_row(batch: &Batch) {
    assert_eq!(column(batch, "id").data, ColumnData::Int64(vec![i64::MAX]));
    assert_eq!(column(batch, "v").data, ColumnData::FloatVector { dim: 2, values: vec![0.1, -1.5e-3] });
    assert_eq!(column(batch, "b").data, ColumnData::Bool(vec![1]));
    assert_eq!(column(batch, "i8").data, ColumnData::Int8(vec![-128]));
    assert_eq!(column(batch, "i16").data, ColumnData::Int16(vec![32767]));
    assert_eq!(column(batch, "i32").data, ColumnData::Int32(vec![-5]));
    assert_eq!(column(batch, "f").data, ColumnData::Float(vec![16777216.0]));
    assert_eq!(column(batch, "d").data, ColumnData::Double(vec![0.1]));
    assert_eq!(texts_of(batch, "t"), ["x,\"é\n😀"]);
    assert_eq!(texts_of(batch, "j"), [r#"{"k":[1,{"deep":9007199254740993}]}"#]);
    match &column(batch, "a").data {
        ColumnData::Array(lists) => {
            assert_eq!(lists.offsets, [0, 2]);
            assert_eq!(lists.elements, ColumnData::VarChar(["p", "q\"r"].into_iter().collect()));
        }
        other => panic!("a is a {:?}", other.data_type()),
    }
    assert!(!column(batch, "n").is_valid(0));
    assert_eq!(column(batch, "def").data, ColumnData::Int32(vec![7]));
}
