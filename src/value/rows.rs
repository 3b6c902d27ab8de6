//! Rows that a client sends against the schema: after `check_insert` every stored column is there, in schema order, and every
//! value is one that the schema allows. Defaults and nulls are filled here, so nothing below asks about a missing column.

use super::hash::{hash_int64, hash_text};
use super::{Batch, Column, ColumnData, Mask, PrimaryKeys, Strings, checks};
use crate::error::{Error, Result};
use crate::schema::{CollectionSchema, DataType, DefaultValue, Field};

/// Collections with it take primary keys from the client although `autoID` is set.
const ALLOW_INSERT_AUTO_ID: &str = "allow_insert_auto_id";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteMode {
    Insert,
    Upsert,
}

/// Rows that may be written.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckedRows {
    /// The schema's stored columns in schema order. The primary key's is empty while `needs_ids`.
    pub batch: Batch,
    /// Of the rows as they will be stored; empty while `needs_ids`.
    pub keys: PrimaryKeys,
    /// What an upsert deletes first. With `autoID` these are the old keys, and the rows get new ones, as in Milvus.
    pub replaced: Option<PrimaryKeys>,
    id_column: usize,
    needs_ids: bool,
}

pub fn check_insert(schema: &CollectionSchema, batch: Batch, mode: WriteMode) -> Result<CheckedRows> {
    let rows = batch.rows;
    if rows == 0 {
        return Err(Error::mismatch("num_rows should be greater than 0", "invalid num_rows", 0));
    }
    let mut given: Vec<Option<(String, Column)>> = Vec::with_capacity(batch.columns.len());
    for (name, column) in batch.columns {
        if schema.field(&name).is_none() {
            return Err(unknown_column(schema, &name));
        }
        if given.iter().flatten().any(|(other, _)| *other == name) {
            return Err(Error::invalid(format!("duplicated field data: {name}, collection {}", schema.name)));
        }
        checks::check_shape(&name, &column, rows)?;
        given.push(Some((name, column)));
    }
    // Before anything is filled: a checked schema has a column that nothing fills, so `rows` is backed by bytes from here on.
    for field in schema.fields.iter().filter(|field| !field.is_primary_key) {
        let fillable = field.nullable || field.is_dynamic || field.default_value.is_some();
        if !fillable && !given.iter().flatten().any(|(name, _)| *name == field.name) {
            return Err(missing_column(schema, field));
        }
    }
    let mut take = |name: &str| {
        let slot = given.iter_mut().find(|slot| slot.as_ref().is_some_and(|(given, _)| given == name));
        slot.and_then(Option::take).map(|(_, column)| column)
    };

    let key = schema.primary_key();
    let id_column = schema.fields.iter().position(|field| field.is_primary_key).unwrap_or_default();
    let mut id_source = take(&key.name);
    let generated = key.auto_id && !(mode == WriteMode::Insert && id_source.is_some() && allows_given_ids(schema));
    if mode == WriteMode::Insert && generated && id_source.is_some() {
        return Err(Error::invalid(format!(
            "can not assign primary field data when auto id enabled {}, leave the field out or set {ALLOW_INSERT_AUTO_ID}",
            key.name
        )));
    }
    let given_keys = match &id_source {
        None if mode == WriteMode::Insert && generated => None,
        None => return Err(missing_column(schema, key)),
        Some(column) => {
            checks::check_values(schema, key, column)?;
            Some(keys_of(key, column)?)
        }
    };

    let mut columns = Vec::with_capacity(schema.fields.len());
    for field in &schema.fields {
        let column = if field.is_primary_key {
            match id_source.take() {
                Some(column) if !generated => column,
                _ => Column::empty(field),
            }
        } else {
            match take(&field.name) {
                None => missing(schema, field, rows)?,
                Some(column) => {
                    checks::check_values(schema, field, &column)?;
                    fill_nulls(schema, field, column)?
                }
            }
        };
        columns.push((field.name.clone(), column));
    }
    let keys = match (&given_keys, generated) {
        (Some(keys), false) => keys.clone(),
        _ => no_keys(key),
    };
    let replaced = if mode == WriteMode::Upsert { given_keys } else { None };
    if replaced.as_ref().is_some_and(PrimaryKeys::has_duplicates) {
        return Err(Error::invalid("duplicate primary keys are not allowed in the same batch"));
    }
    Ok(CheckedRows { batch: Batch { rows, columns }, keys, replaced, id_column, needs_ids: generated })
}

impl CheckedRows {
    /// Whether `assign_ids` must come before anything else.
    pub fn needs_ids(&self) -> bool {
        self.needs_ids
    }

    /// Gives the rows the keys `first_id`, `first_id + 1`, ...; keys that the client gave stay.
    pub fn assign_ids(&mut self, first_id: i64) {
        if !self.needs_ids {
            return;
        }
        self.keys = PrimaryKeys::generated(self.keys.data_type(), first_id, self.batch.rows);
        self.batch.columns[self.id_column].1 = self.keys.to_column();
        self.needs_ids = false;
    }

    /// The hidden partition of every row. The hash is Milvus' own, so that exported data keep their partitions.
    pub fn partition_of(&self, schema: &CollectionSchema, partitions: usize) -> Vec<u32> {
        let partitions = partitions.max(1) as u32;
        let column = schema.partition_key().and_then(|key| self.batch.column(&key.name));
        match column.map(|column| &column.data) {
            Some(ColumnData::Int64(keys)) => keys.iter().map(|key| hash_int64(*key) % partitions).collect(),
            Some(ColumnData::VarChar(keys)) => keys.iter().map(|key| hash_text(key) % partitions).collect(),
            _ => vec![0; self.batch.rows],
        }
    }

    /// The given rows, in the given order; of rows that have their ids.
    pub fn select(&self, rows: &[u32]) -> CheckedRows {
        CheckedRows {
            batch: self.batch.select(rows),
            keys: self.keys.select(rows),
            replaced: self.replaced.as_ref().map(|keys| keys.select(rows)),
            id_column: self.id_column,
            needs_ids: self.needs_ids,
        }
    }
}

pub(crate) fn allows_given_ids(schema: &CollectionSchema) -> bool {
    schema.properties.iter().any(|property| property.key == ALLOW_INSERT_AUTO_ID && property.value == "true")
}

fn unknown_column(schema: &CollectionSchema, name: &str) -> Error {
    Error::invalid(format!(
        "fieldName {name} not exist in collection schema, collection {} has no dynamic field for it",
        schema.name
    ))
}

fn missing_column(schema: &CollectionSchema, field: &Field) -> Error {
    Error::invalid(format!(
        "fieldSchema({}) has no corresponding fieldData pass in, collection {}",
        field.name, schema.name
    ))
}

fn null_refused(schema: &CollectionSchema, field: &Field, row: usize) -> Error {
    Error::invalid(format!(
        "field {} of collection {} is not nullable, but row {row} is null; give a value or create the field nullable",
        field.name, schema.name
    ))
}

fn no_keys(key: &Field) -> PrimaryKeys {
    match key.data_type {
        DataType::VarChar => PrimaryKeys::VarChar(Vec::new()),
        _ => PrimaryKeys::Int64(Vec::new()),
    }
}

fn keys_of(key: &Field, column: &Column) -> Result<PrimaryKeys> {
    if let Some(row) = (0..column.len()).find(|row| !column.is_valid(*row)) {
        return Err(Error::invalid(format!("primary field not support null, field {}, row {row}", key.name)));
    }
    PrimaryKeys::from_column(column).ok_or_else(|| checks::wrong_type(key, column))
}

/// The column of a field that the rows do not name. A default wins over null.
fn missing(schema: &CollectionSchema, field: &Field, rows: usize) -> Result<Column> {
    if let Some(value) = &field.default_value {
        return repeated(field, value, rows).ok_or_else(|| missing_column(schema, field));
    }
    if field.is_dynamic {
        return Ok(Column::new(ColumnData::Json(std::iter::repeat_n("{}", rows).collect())));
    }
    if !field.nullable {
        return Err(missing_column(schema, field));
    }
    let mut column = Column::empty(field);
    (0..rows).for_each(|_| column.data.push_blank());
    column.validity = Some(Mask::with_capacity(rows));
    Ok(column)
}

/// Puts the default in place of nulls; refuses nulls where there is none and the field takes none.
fn fill_nulls(schema: &CollectionSchema, field: &Field, mut column: Column) -> Result<Column> {
    let rows = column.len();
    let Some(first_null) = (0..rows).find(|row| !column.is_valid(*row)) else {
        column.validity = None;
        return Ok(column);
    };
    if field.is_dynamic {
        let ColumnData::Json(texts) = &column.data else { return Err(checks::wrong_type(field, &column)) };
        let filled: Strings = (0..rows).map(|row| if column.is_valid(row) { texts.get(row) } else { "{}" }).collect();
        return Ok(Column::new(ColumnData::Json(filled)));
    }
    let Some(value) = &field.default_value else {
        return if field.nullable { Ok(column) } else { Err(null_refused(schema, field, first_null)) };
    };
    let Some(default) = repeated(field, value, 1) else { return Err(null_refused(schema, field, first_null)) };
    let mut filled = Column::new(column.data.empty_like());
    for row in 0..rows {
        match column.is_valid(row) {
            true => filled.data.extend_from_rows(&column.data, std::iter::once(row)),
            false => filled.data.extend_from_rows(&default.data, std::iter::once(0)),
        }
    }
    Ok(filled)
}

/// `None` when the default is not of the field's type, which a checked schema excludes.
fn repeated(field: &Field, value: &DefaultValue, rows: usize) -> Option<Column> {
    let data = match (field.data_type, value) {
        (DataType::Bool, DefaultValue::Bool(value)) => ColumnData::Bool(vec![u8::from(*value); rows]),
        (DataType::Int8, DefaultValue::Int(value)) => ColumnData::Int8(vec![i8::try_from(*value).ok()?; rows]),
        (DataType::Int16, DefaultValue::Int(value)) => ColumnData::Int16(vec![i16::try_from(*value).ok()?; rows]),
        (DataType::Int32, DefaultValue::Int(value)) => ColumnData::Int32(vec![i32::try_from(*value).ok()?; rows]),
        (DataType::Int64, DefaultValue::Int(value)) => ColumnData::Int64(vec![*value; rows]),
        (DataType::Float, DefaultValue::Float(value)) => ColumnData::Float(vec![*value; rows]),
        (DataType::Double, DefaultValue::Double(value)) => ColumnData::Double(vec![*value; rows]),
        (DataType::VarChar, DefaultValue::String(value)) => {
            ColumnData::VarChar(std::iter::repeat_n(value.as_str(), rows).collect())
        }
        _ => return None,
    };
    Some(Column::new(data))
}
