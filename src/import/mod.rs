//! Rows out of the bytes of an import's files: JSON Lines, one object a line.

use crate::error::{Error, Result};
use crate::schema::{CollectionSchema, DYNAMIC_FIELD, Field};
use crate::value::{Batch, Column, ColumnData};
use serde_json::{Map, Value};
use std::collections::VecDeque;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    JsonLines,
}

impl Format {
    /// By the ending of its name; a `.gz` behind it says nothing, because the bytes arrive unpacked.
    pub fn of_file(name: &str) -> Result<Format> {
        let unpacked = name.strip_suffix(".gz").unwrap_or(name);
        match unpacked.rsplit_once('.') {
            Some((_, "jsonl" | "ndjson")) => Ok(Format::JsonLines),
            _ => Err(Error::ImportFailed(format!("unexpected file type, files=[{name}]"))),
        }
    }
}

/// Takes bytes in pieces of any size and gives rows as columns.
pub struct RowReader {
    schema: CollectionSchema,
    /// The beginning of a line whose end has not come yet.
    rest: Vec<u8>,
    rows: VecDeque<Map<String, Value>>,
    rows_read: u64,
}

impl RowReader {
    pub fn new(_format: Format, schema: &CollectionSchema) -> Result<RowReader> {
        Ok(RowReader { schema: schema.clone(), rest: Vec::new(), rows: VecDeque::new(), rows_read: 0 })
    }

    pub fn push(&mut self, bytes: &[u8]) -> Result<()> {
        self.rest.extend_from_slice(bytes);
        let Some(end) = self.rest.iter().rposition(|byte| *byte == b'\n') else { return Ok(()) };
        let after = self.rest.split_off(end + 1);
        let lines = std::mem::replace(&mut self.rest, after);
        lines.split(|byte| *byte == b'\n').try_for_each(|line| self.read_line(line))
    }

    pub fn finish(&mut self) -> Result<()> {
        let line = std::mem::take(&mut self.rest);
        self.read_line(&line)
    }

    fn read_line(&mut self, line: &[u8]) -> Result<()> {
        if line.trim_ascii().is_empty() {
            return Ok(());
        }
        let refused = |why: String| Error::ImportFailed(format!("row {}: {why}", self.rows_read));
        let row: Map<String, Value> = serde_json::from_slice(line).map_err(|error| refused(error.to_string()))?;
        for field in self.schema.fields.iter().filter(|field| !field.is_dynamic) {
            let is_needed = !field.auto_id && !field.nullable && field.default_value.is_none();
            match row.get(&field.name) {
                None | Some(Value::Null) if is_needed => {
                    return Err(refused(format!("value of field '{}' is missed", field.name)));
                }
                Some(value) if !value.is_null() && !push_value(&mut Column::empty(field), value) => {
                    return Err(refused(format!("{value} is not a value of field '{}'", field.name)));
                }
                _ => {}
            }
        }
        self.rows.push_back(row);
        self.rows_read += 1;
        Ok(())
    }

    pub fn take_batch(&mut self, at_most_rows: usize) -> Option<Batch> {
        let taken: Vec<_> = self.rows.drain(..at_most_rows.min(self.rows.len())).collect();
        if taken.is_empty() {
            return None;
        }
        let is_given = |field: &&Field| field.is_dynamic || taken.iter().any(|row| row.contains_key(&field.name));
        let column = |field: &Field| {
            let mut column = Column::empty(field);
            for row in &taken {
                let value = if field.is_dynamic { self.dynamic_part(row) } else { row.get(&field.name).cloned() };
                match value {
                    None | Some(Value::Null) => column.push_null(),
                    Some(value) => {
                        push_value(&mut column, &value);
                    }
                }
            }
            (field.name.clone(), column)
        };
        let columns = self.schema.fields.iter().filter(is_given).map(column).collect();
        Some(Batch { rows: taken.len(), columns })
    }

    fn dynamic_part(&self, row: &Map<String, Value>) -> Option<Value> {
        let is_dynamic = |key: &str| key != DYNAMIC_FIELD && self.schema.field(key).is_none();
        let rest: Map<_, _> =
            row.iter().filter(|(key, _)| is_dynamic(key)).map(|(k, v)| (k.clone(), v.clone())).collect();
        Some(Value::Object(rest))
    }
}

/// Appends a value if it is one of the column's type.
fn push_value(column: &mut Column, value: &Value) -> bool {
    let rows = column.len();
    let pushed = push_data(&mut column.data, value).is_some();
    if let Some(validity) = column.validity.as_mut().filter(|_| pushed) {
        validity.grow(rows + 1);
        validity.insert(rows);
    }
    pushed
}

fn push_data(data: &mut ColumnData, value: &Value) -> Option<()> {
    match data {
        ColumnData::Bool(values) => values.push(u8::from(value.as_bool()?)),
        ColumnData::Int8(values) => values.push(value.as_i64()?.try_into().ok()?),
        ColumnData::Int16(values) => values.push(value.as_i64()?.try_into().ok()?),
        ColumnData::Int32(values) => values.push(value.as_i64()?.try_into().ok()?),
        ColumnData::Int64(values) => values.push(value.as_i64()?),
        ColumnData::Float(values) => values.push(value.as_f64()? as f32),
        ColumnData::Double(values) => values.push(value.as_f64()?),
        ColumnData::VarChar(texts) => texts.push(value.as_str()?),
        ColumnData::Json(texts) => texts.push(&value.to_string()),
        ColumnData::Array(lists) => {
            value.as_array()?.iter().try_for_each(|element| push_data(&mut lists.elements, element))?;
            lists.offsets.push(lists.elements.len() as u32);
        }
        ColumnData::FloatVector { dim, values } => {
            let numbers: Option<Vec<f32>> =
                value.as_array()?.iter().map(|it| it.as_f64().map(|number| number as f32)).collect();
            values.extend(numbers.filter(|numbers| numbers.len() == *dim)?);
        }
    }
    Some(())
}
