//! Rows that a client sends against the schema: after `check_insert` every stored column is there, in schema order, and every
//! value is one that the schema allows. Defaults and nulls are filled here, so nothing below asks about a missing column.

use super::hash::{hash_int64, hash_text};
use super::{Batch, Column, ColumnData, PrimaryKeys, RowOffset, checks};
use crate::error::{Error, Result};
use crate::ids::PartitionId;
use crate::schema::{CollectionSchema, DataType, Field};
use crate::sorted::SortedMap;

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

/// Takes the rows out of `batch`, which stays as it is when they are refused.
pub fn check_insert(schema: &CollectionSchema, batch: &mut Batch, mode: WriteMode) -> Result<CheckedRows> {
    let rows = batch.rows;
    if rows == 0 {
        return Err(Error::mismatch("num_rows should be greater than 0", "invalid num_rows", 0));
    }
    for (at, (name, column)) in batch.columns.iter().enumerate() {
        if schema.field(name).is_none() {
            return Err(unknown_column(schema, name));
        }
        if batch.columns[..at].iter().any(|(other, _)| other == name) {
            return Err(Error::invalid(format!("duplicated field data: {name}, collection {}", schema.name)));
        }
        checks::check_shape(name, column, rows)?;
    }
    // Before anything is filled: a checked schema has a column that nothing fills, so `rows` is backed by bytes from here on.
    for field in schema.fields.iter().filter(|field| !field.is_primary_key) {
        if !field.is_fillable() && batch.column(&field.name).is_none() {
            return Err(missing_column(schema, field));
        }
    }
    let key = schema.primary_key();
    let id_column = schema.fields.iter().position(|field| field.is_primary_key).unwrap_or_default();
    let id_source = batch.column(&key.name);
    let generated = key.auto_id && !(mode == WriteMode::Insert && id_source.is_some() && allows_given_ids(schema));
    if mode == WriteMode::Insert && generated && id_source.is_some() {
        return Err(Error::invalid(format!(
            "can not assign primary field data when auto id enabled {}, leave the field out or set {ALLOW_INSERT_AUTO_ID}",
            key.name
        )));
    }
    let given_keys = match id_source {
        None if mode == WriteMode::Insert && generated => None,
        None => return Err(missing_column(schema, key)),
        Some(column) => {
            checks::check_values(schema, key, column)?;
            Some(keys_of(key, column)?)
        }
    };
    for field in schema.fields.iter().filter(|field| !field.is_primary_key) {
        if let Some(column) = batch.column(&field.name) {
            checks::check_values(schema, field, column)?;
            check_nulls(schema, field, column)?;
        }
    }
    let (replaced, keys) = match (mode, given_keys) {
        (WriteMode::Upsert, Some(keys)) if generated => (Some(keys), no_keys(key)),
        (WriteMode::Upsert, Some(keys)) => (Some(keys.clone()), keys),
        (WriteMode::Insert, Some(keys)) if !generated => (None, keys),
        _ => (None, no_keys(key)),
    };
    if replaced.as_ref().is_some_and(PrimaryKeys::has_duplicates) {
        return Err(Error::invalid("duplicate primary keys are not allowed in the same batch"));
    }

    let mut given = std::mem::take(&mut batch.columns);
    let mut take = |name: &str| {
        let at = given.iter().position(|(given, _)| given == name);
        at.map(|at| given.swap_remove(at).1)
    };
    let columns = schema.fields.iter().map(|field| {
        let column = match take(&field.name) {
            _ if field.is_primary_key && generated => Column::empty(field),
            None => Column::missing(field, rows),
            Some(column) => fill_nulls(field, column),
        };
        (field.name.clone(), column)
    });
    let batch = Batch { rows, columns: columns.collect() };
    Ok(CheckedRows { batch, keys, replaced, id_column, needs_ids: generated })
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

    /// The rows of each of these partitions, all with their ids.
    pub fn by_partition(self, schema: &CollectionSchema, partitions: &[PartitionId]) -> Vec<(PartitionId, Batch)> {
        if let [only] = partitions {
            return vec![(*only, self.batch)];
        }
        let mut rows_of: SortedMap<PartitionId, Vec<RowOffset>> = SortedMap::new();
        for (row, partition) in (0..).zip(self.partition_of(schema, partitions.len())) {
            rows_of.entry(partitions[partition as usize]).or_default().push(RowOffset(row));
        }
        rows_of.into_iter().map(|(partition, chosen)| (partition, self.batch.select(&chosen))).collect()
    }

    /// The hidden partition of every row. The hash is Milvus' own, so that exported data keep their partitions.
    fn partition_of(&self, schema: &CollectionSchema, partitions: usize) -> Vec<u32> {
        let partitions = partitions.max(1) as u32;
        let column = schema.partition_key().and_then(|key| self.batch.column(&key.name));
        match column.map(|column| &column.data) {
            Some(ColumnData::Int64(keys)) => keys.iter().map(|key| hash_int64(*key) % partitions).collect(),
            Some(ColumnData::VarChar(keys)) => keys.iter().map(|key| hash_text(key) % partitions).collect(),
            _ => vec![0; self.batch.rows],
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
    if let Some(row) = first_null(column) {
        return Err(Error::invalid(format!("primary field not support null, field {}, row {row}", key.name)));
    }
    PrimaryKeys::from_column(column).ok_or_else(|| checks::wrong_type(key, column))
}

fn first_null(column: &Column) -> Option<usize> {
    (0..column.len()).find(|row| !column.is_valid(*row))
}

/// Refuses nulls where there is no default for them and the field takes none.
fn check_nulls(schema: &CollectionSchema, field: &Field, column: &Column) -> Result<()> {
    match first_null(column) {
        Some(row) if !field.is_fillable() => Err(null_refused(schema, field, row)),
        _ => Ok(()),
    }
}

/// Puts what a field has in place of nulls: its default, or an empty object.
fn fill_nulls(field: &Field, mut column: Column) -> Column {
    if first_null(&column).is_none() {
        column.validity = None;
        return column;
    }
    if !field.is_dynamic && field.default_value.is_none() {
        return column;
    }
    let filling = Column::missing(field, 1);
    let mut filled = Column::new(column.data.empty_like());
    for row in 0..column.len() {
        match column.is_valid(row) {
            true => filled.data.extend_from_rows(&column.data, std::iter::once(row)),
            false => filled.data.extend_from_rows(&filling.data, std::iter::once(0)),
        }
    }
    filled
}
