//! Schemas and rows of tests.

use elanus::value::{Batch, Column, ColumnData, Mask};
use serde_json::{Value, json};

pub fn ints(values: impl IntoIterator<Item = i64>) -> Column {
    Column::new(ColumnData::Int64(values.into_iter().collect()))
}

pub fn texts<'a>(values: impl IntoIterator<Item = &'a str>) -> Column {
    Column::new(ColumnData::VarChar(values.into_iter().collect()))
}

pub fn jsons<'a>(values: impl IntoIterator<Item = &'a str>) -> Column {
    Column::new(ColumnData::Json(values.into_iter().collect()))
}

pub fn vectors(values: impl IntoIterator<Item = Vec<f32>>) -> Column {
    let rows: Vec<Vec<f32>> = values.into_iter().collect();
    let dim = rows.first().map_or(1, Vec::len);
    Column::new(ColumnData::FloatVector { dim, values: rows.concat() })
}

/// The same column with some rows null.
pub fn with_nulls(mut column: Column, nulls: &[usize]) -> Column {
    let mut validity = Mask::with_capacity(column.len());
    validity.insert_range(..);
    nulls.iter().for_each(|row| validity.set(*row, false));
    column.validity = Some(validity);
    column
}

pub fn batch<const COLUMNS: usize>(columns: [(&str, Column); COLUMNS]) -> Batch {
    let rows = columns.first().map_or(0, |(_, column)| column.len());
    Batch { rows, columns: columns.map(|(name, column)| (name.to_owned(), column)).into() }
}

/// Rows of `book`: id, a vector that follows from it, and a number of words that is ten times it.
pub fn books(ids: impl IntoIterator<Item = i64>) -> Batch {
    let ids: Vec<i64> = ids.into_iter().collect();
    batch([
        ("id", ints(ids.clone())),
        ("v", vectors(ids.iter().map(|id| vector_of(*id)))),
        ("words", ints(ids.iter().map(|id| id * 10))),
    ])
}

pub fn vector_of(id: i64) -> Vec<f32> {
    (1..=4).map(|place| ((id * 7 + place * 13) % 29) as f32 - 14.5).collect()
}

pub fn field(name: &str, data_type: u32) -> Value {
    json!({ "name": name, "data_type": data_type })
}

pub fn primary_key() -> Value {
    json!({ "name": "id", "data_type": 5, "is_primary_key": true })
}

pub fn vector_field(name: &str, dim: u32) -> Value {
    json!({ "name": name, "data_type": 101, "type_params": [{ "key": "dim", "value": dim.to_string() }] })
}

pub fn create(name: &str, fields: &[Value]) -> Value {
    json!({ "collection_name": name, "schema": { "name": name, "fields": fields } })
}

pub fn book() -> Value {
    create("book", &[primary_key(), vector_field("v", 4), field("words", 5)])
}

pub fn index(collection: &str, field: &str, metric: &str) -> Value {
    json!({ "collection_name": collection, "field_name": field, "extra_params": [
        { "key": "index_type", "value": "FLAT" }, { "key": "metric_type", "value": metric }] })
}

/// Of two vectors, as the metric has it.
pub fn score(metric: &str, left: &[f32], right: &[f32]) -> f32 {
    let dot = |left: &[f32], right: &[f32]| left.iter().zip(right).map(|(left, right)| left * right).sum::<f32>();
    match metric {
        "L2" => left.iter().zip(right).map(|(left, right)| (left - right).powi(2)).sum(),
        "IP" => dot(left, right),
        _ => dot(left, right) / (dot(left, left).sqrt() * dot(right, right).sqrt()),
    }
}
