//! The file of one column.
//!
//! `"ELNC"` and [sections](super::sections); the header gives type and rows.

use super::sections::{Body, Magic, Reader, Section};
use crate::error::Result;
use crate::schema::DataType;
use crate::storage::{Files, OpenFile, StoredBytes};
use crate::value::{Column, ColumnData, Lists, Mask, RowOffset, Strings};
use serde::{Deserialize, Serialize};
use std::rc::Rc;

const MAGIC: Magic = *b"ELNC";
/// Keeps sums of rows and offsets within 32 bits.
const MAX_ROWS: u32 = 1 << 31;

#[derive(Serialize, Deserialize)]
struct Header {
    rows: u32,
    #[serde(rename = "type")]
    data_type: DataType,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dim: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    element: Option<DataType>,
    validity: Option<Section>,
    offsets: Option<Section>,
    element_offsets: Option<Section>,
    data: Section,
}

/// Writes the column as one durable file and returns the file's size in bytes. Values are not copied for it.
pub async fn write_column(files: &impl Files, name: &str, column: &Column) -> Result<u64> {
    let bits = column.validity.as_ref().map(|validity| {
        let mut bits = vec![0u8; column.len().div_ceil(8)];
        validity.ones().for_each(|row| bits[row / 8] |= 1 << (row % 8));
        bits
    });
    let mut body = Body::default();
    let validity = bits.as_deref().map(|bits| body.push(bits));
    let mut header = Header {
        rows: column.len() as u32,
        data_type: column.data.data_type(),
        dim: None,
        element: None,
        validity,
        offsets: None,
        element_offsets: None,
        data: Section::default(),
    };
    match &column.data {
        ColumnData::Array(lists) => {
            header.element = Some(lists.elements.data_type());
            header.offsets = Some(body.push(bytemuck::cast_slice(&lists.offsets)));
            (header.element_offsets, header.data) = push_values(&mut body, &lists.elements);
        }
        data => {
            if let ColumnData::FloatVector { dim, .. } = data {
                header.dim = Some(*dim as u32);
            }
            (header.offsets, header.data) = push_values(&mut body, data);
        }
    }
    body.write(files, name, MAGIC, &header).await
}

/// Writes vectors without nulls, those of one part behind those of the other.
pub async fn write_vectors(files: &impl Files, name: &str, dim: usize, parts: &[&[f32]]) -> Result<u64> {
    let bytes: Vec<&[u8]> = parts.iter().map(|part| bytemuck::cast_slice(part)).collect();
    let mut body = Body::default();
    let header = Header {
        rows: parts.iter().map(|part| part.len() / dim).sum::<usize>() as u32,
        data_type: DataType::FloatVector,
        dim: Some(dim as u32),
        element: None,
        validity: None,
        offsets: None,
        element_offsets: None,
        data: body.push_parts(&bytes),
    };
    body.write(files, name, MAGIC, &header).await
}

fn push_values<'a>(body: &mut Body<'a>, data: &'a ColumnData) -> (Option<Section>, Section) {
    let (offsets, bytes) = data.raw();
    (offsets.map(|offsets| body.push(bytemuck::cast_slice(offsets))), body.push(bytes))
}

/// Reads and checks a whole column. `on_read` hears of every piece of the file as it arrives.
pub async fn read_column(files: &impl Files, name: &str, on_read: &dyn Fn(u64)) -> Result<Column> {
    let reader: Reader<'_, _, Header> = Reader::open(MAGIC, files, name, on_read).await?;
    let header = &reader.header;
    if header.rows > MAX_ROWS {
        return Err(reader.corrupt("more rows than a segment can have"));
    }
    let rows = header.rows as usize;
    let data = match header.data_type {
        DataType::Array => {
            let offsets: Vec<u32> = reader.values(reader.required(&header.offsets)?, rows + 1).await?;
            let ascending = offsets.windows(2).all(|pair| pair[0] <= pair[1]);
            if !ascending || offsets[0] != 0 {
                return Err(reader.corrupt("array offsets are not ascending"));
            }
            let element = header.element.ok_or_else(|| reader.corrupt("element type is missing"))?;
            let count = offsets[rows] as usize;
            let elements = reader.scalars(element, count, &header.element_offsets).await?;
            ColumnData::Array(Box::new(Lists { offsets, elements }))
        }
        DataType::FloatVector => {
            let dim = header.dim.filter(|dim| *dim > 0).ok_or_else(|| reader.corrupt("dim is missing"))? as usize;
            let count = rows.checked_mul(dim).ok_or_else(|| reader.corrupt("rows times dim overflows"))?;
            ColumnData::FloatVector { dim, values: reader.values(&header.data, count).await? }
        }
        scalar => reader.scalars(scalar, rows, &header.offsets).await?,
    };
    let validity = match &header.validity {
        None => None,
        Some(section) => {
            let bits: Vec<u8> = reader.values(section, rows.div_ceil(8)).await?;
            let mut validity = Mask::with_capacity(rows);
            (0..rows).for_each(|row| validity.set(row, bits[row / 8] & (1 << (row % 8)) != 0));
            Some(validity)
        }
    };
    Ok(Column { data, validity })
}

impl<F: OpenFile> Reader<'_, F, Header> {
    async fn scalars(&self, data_type: DataType, count: usize, offsets: &Option<Section>) -> Result<ColumnData> {
        let data = &self.header.data;
        Ok(match data_type {
            DataType::Bool => ColumnData::Bool(self.values(data, count).await?),
            DataType::Int8 => ColumnData::Int8(self.values(data, count).await?),
            DataType::Int16 => ColumnData::Int16(self.values(data, count).await?),
            DataType::Int32 => ColumnData::Int32(self.values(data, count).await?),
            DataType::Int64 => ColumnData::Int64(self.values(data, count).await?),
            DataType::Float => ColumnData::Float(self.values(data, count).await?),
            DataType::Double => ColumnData::Double(self.values(data, count).await?),
            DataType::VarChar | DataType::Json => {
                let offsets: Vec<u32> = self.values(self.required(offsets)?, count + 1).await?;
                let bytes = self.values(data, *offsets.last().unwrap_or(&0) as usize).await?;
                let texts = Strings::from_parts(offsets, bytes).ok_or_else(|| self.corrupt("broken texts"))?;
                if data_type == DataType::Json { ColumnData::Json(texts) } else { ColumnData::VarChar(texts) }
            }
            DataType::Array | DataType::FloatVector => return Err(self.corrupt("element type is not a scalar")),
        })
    }
}

/// A column of vectors that stays in its file: rows are read when they are asked for, and believed without a checksum, which
/// the file has only of larger pieces.
#[derive(Clone)]
pub struct StoredVectors {
    file: Rc<dyn StoredBytes>,
    dim: usize,
    rows: usize,
    data_offset: u64,
}

impl StoredVectors {
    /// `None` if the file is in a place that takes long over single rows.
    pub async fn open(files: &impl Files, name: &str, on_read: &dyn Fn(u64)) -> Result<Option<StoredVectors>> {
        let reader: Reader<'_, _, Header> = Reader::open(MAGIC, files, name, on_read).await?;
        let Header { rows, data_type, dim, data, .. } = &reader.header;
        let (rows, dim) = (*rows as usize, dim.unwrap_or(0) as usize);
        let bytes = rows.checked_mul(dim).and_then(|count| count.checked_mul(size_of::<f32>()));
        if *data_type != DataType::FloatVector || dim == 0 || bytes.is_none_or(|bytes| bytes as u64 != data.bytes()) {
            return Err(reader.corrupt("not vectors, or not as many as it says"));
        }
        let data_offset = reader.offset_of(data)?;
        Ok(reader.into_rows().ok().map(|file| StoredVectors { file, dim, rows, data_offset }))
    }

    pub fn dim(&self) -> usize {
        self.dim
    }

    pub fn row_count(&self) -> usize {
        self.rows
    }

    /// The vectors of some rows, one after the other.
    pub fn read(&self, rows: &[RowOffset]) -> Result<Vec<f32>> {
        let mut values = vec![0f32; rows.len() * self.dim];
        let row_bytes = (self.dim * size_of::<f32>()) as u64;
        let mut rest = values.as_mut_slice();
        for neighbours in rows.chunk_by(|row, next| row.0 + 1 == next.0) {
            let (into, behind) = rest.split_at_mut(neighbours.len() * self.dim);
            rest = behind;
            self.file
                .read_now(self.data_offset + u64::from(neighbours[0].0) * row_bytes, bytemuck::cast_slice_mut(into))?;
        }
        Ok(values)
    }
}
