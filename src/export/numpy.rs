//! Columns as .npy files: a header that says type and shape, then the rows' values, each as wide as the others.

use super::ExportRows;
use super::measure::Measures;
use crate::error::{Error, Result};
use crate::schema::{DataType, Field};
use crate::value::ColumnData;
use serde::{Deserialize, Serialize};

const MAGIC: &[u8] = b"\x93NUMPY\x01\x00";
/// What values begin at a multiple of.
const ALIGNMENT: usize = 64;
/// A larger file is refused by Milvus.
const MAX_FILE_BYTES: u64 = 16 << 30;
/// Texts have 32 bits a character.
const CHARACTER_BYTES: u32 = 4;

/// What a file holds for each row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NumpyColumn {
    /// numpy's name of the type.
    element: String,
    /// Of vectors.
    dim: Option<u32>,
    row_bytes: u32,
}

pub(super) fn columns(fields: &[Field], measures: &Measures) -> Result<Vec<NumpyColumn>> {
    fields.iter().map(|field| column(field, measures)).collect()
}

fn column(field: &Field, measures: &Measures) -> Result<NumpyColumn> {
    let refused = |why: &str| Err(Error::invalid(format!("field '{}': {why}", field.name)));
    let measure = measures.of(field);
    if measure.nulls > 0 {
        let text = "some of its values are null, which NumPy files cannot hold, leave it out of output_fields or export \
                    as jsonl, csv or parquet";
        return refused(text);
    }
    if measure.has_zero {
        return refused(
            "a text has U+0000, which an import of NumPy files leaves out, export as jsonl, csv or parquet",
        );
    }
    // numpy itself never makes a type without width.
    let characters = measure.longest_characters.max(1);
    let (element, width) = match field.data_type {
        DataType::Bool => ("|b1".to_owned(), 1),
        DataType::Int8 => ("|i1".to_owned(), 1),
        DataType::Int16 => ("<i2".to_owned(), 2),
        DataType::Int32 => ("<i4".to_owned(), 4),
        DataType::Int64 => ("<i8".to_owned(), 8),
        DataType::Float | DataType::FloatVector => ("<f4".to_owned(), 4),
        DataType::Double => ("<f8".to_owned(), 8),
        DataType::VarChar | DataType::Json => (format!("<U{characters}"), characters * CHARACTER_BYTES),
        DataType::Array => unreachable!("refused when the export was asked for"),
    };
    let dim = field.dim.filter(|_| field.data_type.is_vector());
    let column = NumpyColumn { element, dim, row_bytes: width * dim.unwrap_or(1) };
    let bytes = u64::from(column.row_bytes).saturating_mul(measures.rows);
    if bytes > MAX_FILE_BYTES {
        return refused(&format!(
            "its file would have {bytes} bytes, as all of its values take as much as the longest; the limit is \
             {MAX_FILE_BYTES}, export as jsonl, csv or parquet"
        ));
    }
    Ok(column)
}

impl NumpyColumn {
    pub(super) fn header(&self, rows: u64) -> Vec<u8> {
        let shape = self.dim.map_or_else(|| format!("({rows},)"), |dim| format!("({rows}, {dim})"));
        let mut dict = format!("{{'descr': '{}', 'fortran_order': False, 'shape': {shape}, }}", self.element);
        let prelude = MAGIC.len() + size_of::<u16>();
        let end = (prelude + dict.len() + 1).next_multiple_of(ALIGNMENT);
        dict.extend(std::iter::repeat_n(' ', end - 1 - prelude - dict.len()));
        dict.push('\n');
        let mut header = MAGIC.to_vec();
        header.extend_from_slice(&(dict.len() as u16).to_le_bytes());
        header.extend_from_slice(dict.as_bytes());
        header
    }
}

impl ExportRows<'_> {
    /// Appends a row to the file of each column.
    pub(super) fn write_elements(&self, row: usize, columns: &[NumpyColumn], parts: &mut [Vec<u8>]) {
        for (((field, column), shape), out) in self.columns.iter().zip(columns).zip(parts) {
            match &column.data {
                ColumnData::Bool(values) => out.push(values[row]),
                ColumnData::Int8(values) => out.extend_from_slice(&values[row].to_le_bytes()),
                ColumnData::Int16(values) => out.extend_from_slice(&values[row].to_le_bytes()),
                ColumnData::Int32(values) => out.extend_from_slice(&values[row].to_le_bytes()),
                ColumnData::Int64(values) => out.extend_from_slice(&values[row].to_le_bytes()),
                ColumnData::Float(values) => out.extend_from_slice(&values[row].to_le_bytes()),
                ColumnData::Double(values) => out.extend_from_slice(&values[row].to_le_bytes()),
                ColumnData::FloatVector { dim, values } => {
                    out.extend_from_slice(bytemuck::cast_slice(&values[row * dim..(row + 1) * dim]));
                }
                ColumnData::VarChar(_) | ColumnData::Json(_) => {
                    let end = out.len() + shape.row_bytes as usize;
                    let text = self.text(field, column, row).unwrap_or_default();
                    text.chars().for_each(|letter| out.extend_from_slice(&u32::from(letter).to_le_bytes()));
                    out.resize(end, 0);
                }
                ColumnData::Array(_) => unreachable!("refused when the export was asked for"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_as_numpy_writes_it() {
        let column = NumpyColumn { element: "<f4".into(), dim: Some(3), row_bytes: 12 };
        let header = column.header(1_000_000);
        assert_eq!(header.len() % ALIGNMENT, 0);
        assert_eq!(&header[..8], MAGIC);
        assert_eq!(usize::from(u16::from_le_bytes([header[8], header[9]])), header.len() - 10);
        let dict = std::str::from_utf8(&header[10..]).unwrap();
        assert!(dict.starts_with("{'descr': '<f4', 'fortran_order': False, 'shape': (1000000, 3), }  "), "{dict}");
        assert!(dict.ends_with(" \n"));
    }
}
