//! One value, from JSON or from the text of a cell, appended to its column.

use super::Parsed;
use super::json::{JsonText, Kind};
use crate::schema::{DataType, Field};
use crate::value::{ColumnData, Lists, parsed_float};
use fast_float2::FastFloat;

/// Appends a value that is not null.
pub fn read_json_value(field: &Field, data: &mut ColumnData, json: &mut JsonText<'_>) -> Parsed<()> {
    let in_field = |error: String| format!("field '{}': {error}", field.name);
    match data {
        ColumnData::FloatVector { values, .. } => read_vector(field, values, json),
        ColumnData::Array(lists) => read_list(lists, json).map_err(in_field),
        ColumnData::Json(texts) => {
            let mut text = String::new();
            match json.kind()? {
                Kind::Object => json.copy_value(&mut text).map_err(in_field)?,
                Kind::String => copy_json(&json.string()?, &mut text).map_err(in_field)?,
                other => return Err(in_field(wrong_type(DataType::Json, other))),
            }
            texts.push(&text);
            Ok(())
        }
        scalar => read_scalar(scalar, json).map_err(in_field),
    }
}

/// Appends what the text of a cell says.
pub fn read_text_value(field: &Field, data: &mut ColumnData, text: &str) -> Parsed<()> {
    let in_field = |error: String| format!("field '{}': {error}", field.name);
    match data {
        ColumnData::Bool(values) => values.push(u8::from(text_bool(text).map_err(in_field)?)),
        ColumnData::Int8(values) => values.push(parsed_int(text).map_err(in_field)?),
        ColumnData::Int16(values) => values.push(parsed_int(text).map_err(in_field)?),
        ColumnData::Int32(values) => values.push(parsed_int(text).map_err(in_field)?),
        ColumnData::Int64(values) => values.push(parsed_int(text).map_err(in_field)?),
        ColumnData::Float(values) => values.push(finite_float(text).map_err(in_field)?),
        ColumnData::Double(values) => values.push(finite_float(text).map_err(in_field)?),
        ColumnData::VarChar(texts) => texts.push(text),
        ColumnData::Json(texts) => {
            let mut compact = String::new();
            copy_json(text, &mut compact).map_err(in_field)?;
            texts.push(&compact);
        }
        ColumnData::Array(_) | ColumnData::FloatVector { .. } => {
            let mut json = JsonText::new(text);
            if json.peek() != Some(b'[') {
                return Err(in_field(format!("expected a JSON list, got '{}'", shortened(text))));
            }
            read_json_value(field, data, &mut json)?;
            json.end().map_err(in_field)?;
        }
    }
    Ok(())
}

/// Appends JSON that is given as a text.
pub fn copy_json(text: &str, out: &mut String) -> Parsed<()> {
    let mut json = JsonText::new(text);
    json.copy_value(out).and_then(|()| json.end()).map_err(|error| format!("not a JSON format string: {error}"))
}

fn wrong_type(expected: DataType, got: Kind) -> String {
    format!("expected type '{}', got type '{}'", expected.name(), got.name())
}

fn expect_kind(json: &mut JsonText<'_>, expected: Kind, data_type: DataType) -> Parsed<()> {
    match json.kind()? {
        got if got == expected => Ok(()),
        got => Err(wrong_type(data_type, got)),
    }
}

fn read_scalar(data: &mut ColumnData, json: &mut JsonText<'_>) -> Parsed<()> {
    let data_type = data.data_type();
    let expected = match data_type {
        DataType::Bool => Kind::Bool,
        DataType::VarChar => Kind::String,
        _ => Kind::Number,
    };
    expect_kind(json, expected, data_type)?;
    match data {
        ColumnData::Bool(values) => values.push(u8::from(json.bool()?)),
        ColumnData::Int8(values) => values.push(parsed_int(json.number()?)?),
        ColumnData::Int16(values) => values.push(parsed_int(json.number()?)?),
        ColumnData::Int32(values) => values.push(parsed_int(json.number()?)?),
        ColumnData::Int64(values) => values.push(parsed_int(json.number()?)?),
        ColumnData::Float(values) => values.push(finite_float(json.number()?)?),
        ColumnData::Double(values) => values.push(finite_float(json.number()?)?),
        ColumnData::VarChar(texts) => texts.push(&json.string()?),
        other => unreachable!("{:?} is no scalar", other.data_type()),
    }
    Ok(())
}

fn read_list(lists: &mut Lists, json: &mut JsonText<'_>) -> Parsed<()> {
    expect_kind(json, Kind::List, DataType::Array)?;
    json.expect(b'[')?;
    if !json.take(b']') {
        let mut at = 0usize;
        loop {
            read_scalar(&mut lists.elements, json).map_err(|error| format!("element {at}: {error}"))?;
            at += 1;
            if !json.take(b',') {
                break;
            }
        }
        json.expect(b']')?;
    }
    lists.offsets.push(lists.elements.len() as u32);
    Ok(())
}

fn read_vector(field: &Field, values: &mut Vec<f32>, json: &mut JsonText<'_>) -> Parsed<()> {
    let in_field = |error: String| format!("field '{}': {error}", field.name);
    expect_kind(json, Kind::List, DataType::FloatVector).map_err(in_field)?;
    json.expect(b'[')?;
    let dim = field.dim.unwrap_or_default() as usize;
    let mut count = 0;
    if !json.take(b']') {
        loop {
            let value = json.number().and_then(finite_float);
            let value = value.map_err(|error| in_field(format!("element {count}: {error}")))?;
            // What is beyond the dim is only counted, for the text of the refusal.
            if count < dim {
                values.push(value);
            }
            count += 1;
            if !json.take(b',') {
                break;
            }
        }
        json.expect(b']').map_err(in_field)?;
    }
    if count == dim {
        return Ok(());
    }
    Err(format!(
        "expected dim '{dim}' for field '{}' with type '{}', got dim '{count}'",
        field.name,
        field.data_type.name()
    ))
}

fn text_bool(text: &str) -> Parsed<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err(format!("failed to parse value '{}' as Bool", shortened(text))),
    }
}

fn parsed_int<T: std::str::FromStr<Err = std::num::ParseIntError>>(text: &str) -> Parsed<T> {
    text.parse().map_err(|error| format!("failed to parse value '{}' as an integer: {error}", shortened(text)))
}

fn finite_float<T: FastFloat + Into<f64>>(text: &str) -> Parsed<T> {
    let value: T =
        parsed_float(text).ok_or_else(|| format!("failed to parse value '{}' as a number", shortened(text)))?;
    let as_double: f64 = value.into();
    if as_double.is_finite() {
        return Ok(value);
    }
    Err(format!("value '{}' is not a number or infinity, or out of the type's range", shortened(text)))
}

/// Enough of a text to know it again.
fn shortened(text: &str) -> &str {
    const ENOUGH: usize = 64;
    text.char_indices().nth(ENOUGH).map_or(text, |(end, _)| &text[..end])
}
