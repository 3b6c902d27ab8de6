//! What one column of an insert may hold. Loops run over whole vectors first and look for the guilty row only when one is.

use super::{Column, ColumnData, Lists, Strings, float_text};
use crate::error::{Error, Result};
use crate::schema::{CollectionSchema, DYNAMIC_FIELD, DataType, Field};
use elanus_vectors::kernels::all_finite;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor};
use std::borrow::Cow;

pub const MAX_JSON_BYTES: usize = 65_536;

/// Rows agree with the batch, and vectors have a dim at all.
pub(super) fn check_shape(name: &str, column: &Column, rows: usize) -> Result<()> {
    let given = match &column.data {
        ColumnData::FloatVector { dim: 0, .. } => 0,
        ColumnData::FloatVector { dim, values } if values.len() % dim != 0 => 0,
        data => data.len(),
    };
    if given == rows {
        return Ok(());
    }
    let text = format!("the num_rows ({given}) of field ({name}) is not equal to passed num_rows ({rows})");
    Err(Error::mismatch(text, rows, given))
}

pub(super) fn wrong_type(field: &Field, column: &Column) -> Error {
    let name = |data_type: DataType, element: Option<DataType>| match element {
        Some(element) => format!("{}<{}>", data_type.name(), element.name()),
        None => data_type.name().to_owned(),
    };
    let element = match &column.data {
        ColumnData::Array(lists) => Some(lists.elements.data_type()),
        _ => None,
    };
    Error::mismatch(
        format!("field data type of {} does not match the schema", field.name),
        name(field.data_type, field.element_type),
        name(column.data.data_type(), element),
    )
}

/// Type and values; whether nulls are allowed is the caller's matter, and what null rows hold is nobody's.
pub(super) fn check_values(schema: &CollectionSchema, field: &Field, column: &Column) -> Result<()> {
    let element_type = match &column.data {
        ColumnData::Array(lists) => Some(lists.elements.data_type()),
        _ => None,
    };
    if column.data.data_type() != field.data_type || element_type != field.element_type {
        return Err(wrong_type(field, column));
    }
    match &column.data {
        ColumnData::Float(values) => finite_rows(field, column, 1, all_finite(values), |row| values[row].into()),
        ColumnData::Double(values) => {
            let finite = values.iter().fold(true, |finite, value| finite & value.is_finite());
            finite_rows(field, column, 1, finite, |row| values[row])
        }
        ColumnData::FloatVector { dim, values } => {
            let expected = field.dim.unwrap_or_default() as usize;
            if *dim != expected {
                return Err(Error::mismatch(
                    format!("the dim ({dim}) of field data({}) is not equal to schema dim ({expected})", field.name),
                    expected,
                    dim,
                ));
            }
            finite_rows(field, column, *dim, all_finite(values), |at| values[at].into())
        }
        ColumnData::VarChar(texts) => check_lengths(field, column, texts),
        ColumnData::Json(texts) if field.is_dynamic => {
            valid_rows(column).try_for_each(|row| check_dynamic(schema, texts.get(row), row))
        }
        ColumnData::Json(texts) => valid_rows(column).try_for_each(|row| check_json(field, texts.get(row), row)),
        ColumnData::Array(lists) => check_arrays(field, column, lists),
        _ => Ok(()),
    }
}

fn valid_rows(column: &Column) -> impl Iterator<Item = usize> {
    (0..column.len()).filter(|row| column.is_valid(*row))
}

/// `finite` says that all numbers are; else the first bad one of a row that is not null is named.
fn finite_rows(
    field: &Field,
    column: &Column,
    per_row: usize,
    finite: bool,
    value: impl Fn(usize) -> f64,
) -> Result<()> {
    if finite {
        return Ok(());
    }
    for row in valid_rows(column) {
        if let Some(at) = (row * per_row..(row + 1) * per_row).find(|at| !value(*at).is_finite()) {
            return Err(Error::invalid(format!(
                "value '{}' is not a number or infinity, field {}, row number: {row}",
                float_text(value(at)),
                field.name
            )));
        }
    }
    Ok(())
}

fn check_lengths(field: &Field, column: &Column, texts: &Strings) -> Result<()> {
    let max = field.max_length.unwrap_or_default();
    let too_long = |row: &usize| texts.offsets()[row + 1] - texts.offsets()[*row] > max;
    if !texts.offsets().windows(2).fold(false, |found, pair| found | (pair[1] - pair[0] > max)) {
        return Ok(());
    }
    match valid_rows(column).find(too_long) {
        None => Ok(()),
        Some(row) => Err(Error::invalid(format!(
            "length of varchar field {} exceeds max length, row number: {row}, length: {}, max length: {max}",
            field.name,
            texts.get(row).len()
        ))),
    }
}

fn check_arrays(field: &Field, column: &Column, lists: &Lists) -> Result<()> {
    let capacity = field.max_capacity.unwrap_or_default() as usize;
    let max = field.max_length.unwrap_or_default() as usize;
    for row in valid_rows(column) {
        let range = lists.range(row);
        if range.len() > capacity {
            return Err(Error::mismatch(
                format!(
                    "the length ({}) of {row}th array exceeds max capacity ({capacity}), field {}",
                    range.len(),
                    field.name
                ),
                "valid length array",
                "array length exceeds max capacity",
            ));
        }
        if let ColumnData::VarChar(texts) = &lists.elements
            && let Some(at) = range.clone().find(|at| texts.get(*at).len() > max)
        {
            return Err(Error::invalid(format!(
                "length of VarChar array field \"{}\" exceeds max length, row number: {row}, array index: {}, \
                 length: {}, max length: {max}",
                field.name,
                at - range.start,
                texts.get(at).len()
            )));
        }
    }
    Ok(())
}

fn check_json(field: &Field, text: &str, row: usize) -> Result<()> {
    if text.len() > MAX_JSON_BYTES {
        return Err(Error::invalid(format!(
            "the length ({}) of json field ({}) exceeds max length ({MAX_JSON_BYTES}), row number: {row}",
            text.len(),
            field.name
        )));
    }
    serde_json::from_str::<IgnoredAny>(text)
        .map(|_| ())
        .map_err(|error| Error::invalid(format!("field {} is not valid JSON, row number: {row}: {error}", field.name)))
}

fn check_dynamic(schema: &CollectionSchema, text: &str, row: usize) -> Result<()> {
    if text == "{}" {
        return Ok(());
    }
    if text.len() > MAX_JSON_BYTES {
        return Err(Error::invalid(format!(
            "the length ({}) of dynamic field exceeds max length ({MAX_JSON_BYTES}), row number: {row}",
            text.len()
        )));
    }
    let mut reader = serde_json::Deserializer::from_str(text);
    let clash = StaticKey(schema).deserialize(&mut reader).and_then(|clash| reader.end().map(|()| clash));
    match clash {
        Ok(None) => Ok(()),
        Ok(Some(name)) => Err(Error::invalid(format!(
            "dynamic field name cannot include the static field name: {name}, row number: {row}"
        ))),
        Err(error) => {
            Err(Error::invalid(format!("dynamic field is not a valid JSON object, row number: {row}: {error}")))
        }
    }
}

/// Reads an object and keeps the first key that the schema names, `$meta` included.
struct StaticKey<'a>(&'a CollectionSchema);

impl<'de> DeserializeSeed<'de> for StaticKey<'_> {
    type Value = Option<String>;

    fn deserialize<D: serde::Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for StaticKey<'_> {
    type Value = Option<String>;

    fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        let mut found = None;
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            map.next_value::<IgnoredAny>()?;
            if found.is_none() && (key == DYNAMIC_FIELD || self.0.field(&key).is_some()) {
                found = Some(key.into_owned());
            }
        }
        Ok(found)
    }
}
