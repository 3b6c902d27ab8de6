//! Rows as records of a CSV file, separated by commas.

use super::ExportRows;
use super::json::{push_compact, push_element};
use crate::schema::Field;
use crate::value::{Column, ColumnData};

pub(super) fn header(fields: &[Field]) -> Vec<u8> {
    let mut out = Vec::new();
    for (at, field) in fields.iter().enumerate() {
        separate(at, &mut out);
        push_cell(field.name.as_bytes(), &mut out);
    }
    out.push(b'\n');
    out
}

impl ExportRows<'_> {
    pub(super) fn write_record(&self, row: usize, null_key: &str, out: &mut Vec<u8>) {
        let mut cell = Vec::new();
        for (at, (field, column)) in self.columns.iter().enumerate() {
            separate(at, out);
            cell.clear();
            match column.is_valid(row) {
                true => self.push_text(field, column, row, &mut cell),
                // An import takes no null there.
                false if field.is_dynamic => cell.extend_from_slice(b"{}"),
                false => cell.extend_from_slice(null_key.as_bytes()),
            }
            push_cell(&cell, out);
        }
        out.push(b'\n');
    }

    fn push_text(&self, field: &Field, column: &Column, row: usize, out: &mut Vec<u8>) {
        match &column.data {
            ColumnData::VarChar(texts) => out.extend_from_slice(texts.get(row).as_bytes()),
            ColumnData::Json(texts) if field.is_dynamic => self.dynamic.push(texts.get(row), out),
            ColumnData::Json(texts) => push_compact(texts.get(row), out),
            data => push_element(data, row, out),
        }
    }
}

fn separate(at: usize, out: &mut Vec<u8>) {
    if at > 0 {
        out.push(b',');
    }
}

/// A record of nothing but an empty cell would be an empty line, which readers skip: therefore quotes around it.
fn push_cell(text: &[u8], out: &mut Vec<u8>) {
    let is_special = |byte: &u8| matches!(byte, b',' | b'"' | b'\n' | b'\r');
    let has_edge = [text.first(), text.last()].into_iter().flatten().any(|byte| byte.is_ascii_whitespace());
    if !text.is_empty() && !has_edge && !text.iter().any(is_special) {
        out.extend_from_slice(text);
        return;
    }
    out.push(b'"');
    for byte in text {
        if *byte == b'"' {
            out.push(b'"');
        }
        out.push(*byte);
    }
    out.push(b'"');
}
