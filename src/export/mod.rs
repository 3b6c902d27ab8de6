//! Rows as files in the shape that Milvus' import takes: the twin of `import`. Nothing here does IO.
//!
//! What all rows decide together (how wide a NumPy file's texts are, what stands for null in CSV) is measured first; with
//! that `Layout` rows are written a few at a time, and bytes that are written never change.

mod csv;
mod json;
mod layout;
mod measure;
mod numpy;
mod packed;

pub use json::DynamicKeys;
pub use layout::{Beginning, FileBeginning, Layout};
pub use measure::{Measures, needs_measuring};

use crate::error::{Error, Result};
use crate::schema::{CollectionSchema, DataType, Field};
use crate::segment::SegmentRows;
use crate::sorted::SortedSet;
use crate::value::{Column, ColumnData, RowOffset};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ExportFormat {
    /// One object a line.
    JsonLines,
    /// A header, then a row a line.
    Csv,
    /// A file for each field.
    Numpy,
    /// Columns as results have them, which the page makes a Parquet file of.
    Parquet,
}

impl ExportFormat {
    pub fn of_name(name: &str) -> Result<ExportFormat> {
        match name {
            "jsonl" => Ok(ExportFormat::JsonLines),
            "csv" => Ok(ExportFormat::Csv),
            "npy" => Ok(ExportFormat::Numpy),
            "parquet" => Ok(ExportFormat::Parquet),
            _ => Err(Error::invalid(format!(
                "unsupported export format '{name}', it must be one of jsonl, csv, npy, parquet"
            ))),
        }
    }

    /// The ending of files' names, by which an import knows the format again.
    pub fn ending(self) -> &'static str {
        match self {
            ExportFormat::JsonLines => "jsonl",
            ExportFormat::Csv => "csv",
            ExportFormat::Numpy => "npy",
            ExportFormat::Parquet => "parquet",
        }
    }

    /// Whether its files can hold the values of a field at all.
    pub fn check_field(self, field: &Field) -> Result<()> {
        if self == ExportFormat::Numpy && field.data_type == DataType::Array {
            return Err(Error::invalid(format!(
                "field '{}': type 'Array' is not supported by NumPy files, leave it out of output_fields or export as \
                 jsonl, csv or parquet",
                field.name
            )));
        }
        Ok(())
    }
}

/// Rows of a segment on their way into files.
pub struct ExportRows<'a> {
    columns: Vec<(&'a Field, &'a Column)>,
    dynamic: DynamicKeys<'a>,
}

impl<'a> ExportRows<'a> {
    /// `only_keys` are those of the dynamic field to give, all if it is empty.
    pub fn new(
        schema: &'a CollectionSchema,
        fields: &'a [Field],
        only_keys: &'a SortedSet<String>,
        segment: &'a SegmentRows,
    ) -> Result<Self> {
        let column = |field: &'a Field| {
            let column = segment.columns.get(&field.id).map(AsRef::as_ref);
            let column = column.filter(|column| column.data.data_type() == field.data_type);
            let column = column.ok_or_else(|| Error::Unexpected(format!("field {} was not read", field.name)))?;
            Ok((field, column))
        };
        let columns = fields.iter().map(column).collect::<Result<Vec<_>>>()?;
        Ok(ExportRows { columns, dynamic: DynamicKeys { schema, only: only_keys } })
    }

    /// Appends rows to the files of `parts` until these have `enough_bytes` or more; returns how many rows.
    pub fn write(&self, layout: &Layout, rows: &[RowOffset], enough_bytes: usize, parts: &mut [Vec<u8>]) -> usize {
        if let (Layout::Packed, [part]) = (layout, &mut *parts) {
            return self.pack(rows, enough_bytes, part);
        }
        let mut written = 0;
        for row in rows.iter().map(|row| row.index()) {
            if parts.iter().map(Vec::len).sum::<usize>() >= enough_bytes {
                break;
            }
            match (layout, &mut *parts) {
                (Layout::JsonLines, [part]) => self.write_line(row, part),
                (Layout::Csv { null_key }, [part]) => self.write_record(row, null_key, part),
                (Layout::Numpy { columns }, parts) => self.write_elements(row, columns, parts),
                _ => unreachable!("a part for each file"),
            }
            written += 1;
        }
        written
    }

    /// The text of a row of a VarChar or JSON column as files have it.
    fn text<'c>(&self, field: &Field, column: &'c Column, row: usize) -> Option<Cow<'c, str>> {
        match &column.data {
            ColumnData::VarChar(texts) => Some(Cow::Borrowed(texts.get(row))),
            ColumnData::Json(texts) => {
                let mut text = Vec::new();
                match field.is_dynamic {
                    true => self.dynamic.push(texts.get(row), &mut text),
                    false => json::push_compact(texts.get(row), &mut text),
                }
                Some(Cow::Owned(String::from_utf8_lossy(&text).into_owned()))
            }
            _ => None,
        }
    }
}
