//! Rows as one block of bytes: the body of an insert, a record of the log, the rows of a result.
//!
//! `u32 header_bytes` · header JSON · zeros to a multiple of 8 · payload; every section of the payload starts at a multiple
//! of 8 so that a page can look at it through typed arrays. The bytes come from outside: nothing is believed before it is checked.

use super::{Column, ColumnData, Lists, Mask, RowOffset, Strings, corrupt_batch};
use crate::error::Result;
use crate::json;
use crate::schema::DataType;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// Columns by name, all with the same number of rows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Batch {
    pub rows: usize,
    pub columns: Vec<(String, Column)>,
}

#[derive(Serialize, Deserialize)]
struct Header {
    rows: usize,
    columns: Vec<ColumnHeader>,
}

/// Where a section is: offset from the payload's start, and bytes.
type Section = (usize, usize);

#[derive(Serialize, Deserialize)]
struct ColumnHeader {
    name: String,
    #[serde(rename = "type")]
    data_type: DataType,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dim: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    element: Option<DataType>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    validity: Option<Section>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    offsets: Option<Section>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    element_offsets: Option<Section>,
    data: Section,
}

impl Batch {
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|(column_name, _)| column_name == name).map(|(_, column)| column)
    }

    /// The given rows, in the given order.
    pub fn select(&self, rows: &[RowOffset]) -> Batch {
        let columns = self.columns.iter().map(|(name, column)| (name.clone(), column.gather(rows))).collect();
        Batch { rows: rows.len(), columns }
    }

    pub fn encode(&self) -> Vec<u8> {
        let encoded = self.encoded();
        let mut bytes = Vec::with_capacity(encoded.bytes());
        encoded.append_to(&mut bytes);
        bytes
    }

    /// The same without a copy of the values.
    pub fn encoded(&self) -> EncodedBatch<'_> {
        let mut payload = Payload::default();
        let columns = self.columns.iter().map(|(name, column)| payload.push_column(name, column)).collect();
        let header = serde_json::to_vec(&Header { rows: self.rows, columns }).expect("a header is plain data");
        let mut start = Vec::with_capacity(header.len() + 12);
        start.extend_from_slice(&(header.len() as u32).to_le_bytes());
        start.extend_from_slice(&header);
        start.resize(start.len().next_multiple_of(8), 0);
        EncodedBatch { start, payload }
    }

    pub fn decode(bytes: &[u8]) -> Result<Batch> {
        let length = bytes.first_chunk::<4>().ok_or_else(|| corrupt_batch("shorter than its length"))?;
        let header_end = (u32::from_le_bytes(*length) as usize).saturating_add(4);
        let header = bytes.get(4..header_end).ok_or_else(|| corrupt_batch("shorter than its header"))?;
        let header: Header = json::read(header).map_err(|error| corrupt_batch(error.to_string()))?;
        // The count of rows is believed where a column has as many.
        if header.columns.is_empty() && header.rows > 0 {
            return Err(corrupt_batch("rows without columns"));
        }
        let payload = bytes.get(header_end.next_multiple_of(8)..).unwrap_or_default();
        let columns = header
            .columns
            .into_iter()
            .map(|column| Ok((column.name.clone(), decode_column(&column, header.rows, payload)?)))
            .collect::<Result<Vec<_>>>()?;
        Ok(Batch { rows: header.rows, columns })
    }
}

/// A batch as bytes, most of which are where the batch has them.
pub struct EncodedBatch<'a> {
    start: Vec<u8>,
    payload: Payload<'a>,
}

impl EncodedBatch<'_> {
    pub fn bytes(&self) -> usize {
        self.start.len() + self.payload.bytes
    }

    pub fn append_to(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.start);
        for section in &self.payload.sections {
            bytes.extend_from_slice(section);
            bytes.resize(bytes.len() + padding(section.len()), 0);
        }
    }
}

/// Behind so many bytes.
fn padding(bytes: usize) -> usize {
    bytes.next_multiple_of(8) - bytes
}

#[derive(Default)]
struct Payload<'a> {
    sections: Vec<Cow<'a, [u8]>>,
    /// With what pads them.
    bytes: usize,
}

impl<'a> Payload<'a> {
    fn push(&mut self, section: impl Into<Cow<'a, [u8]>>) -> Section {
        let section = section.into();
        let (offset, length) = (self.bytes, section.len());
        self.sections.push(section);
        self.bytes += length + padding(length);
        (offset, length)
    }

    fn push_column(&mut self, name: &str, column: &'a Column) -> ColumnHeader {
        let validity = column.validity.as_ref().map(|validity| {
            let mut bits = vec![0u8; column.len().div_ceil(8)];
            validity.ones().for_each(|row| bits[row / 8] |= 1 << (row % 8));
            self.push(bits)
        });
        let mut header = ColumnHeader {
            name: name.to_owned(),
            data_type: column.data.data_type(),
            dim: None,
            element: None,
            validity,
            offsets: None,
            element_offsets: None,
            data: (0, 0),
        };
        match &column.data {
            ColumnData::Array(lists) => {
                header.element = Some(lists.elements.data_type());
                header.offsets = Some(self.push(bytemuck::cast_slice::<u32, u8>(&lists.offsets)));
                (header.element_offsets, header.data) = self.push_values(&lists.elements);
            }
            data => {
                if let ColumnData::FloatVector { dim, .. } = data {
                    header.dim = Some(*dim);
                }
                (header.offsets, header.data) = self.push_values(data);
            }
        }
        header
    }

    /// Offsets, if the values have any, and data.
    fn push_values(&mut self, data: &'a ColumnData) -> (Option<Section>, Section) {
        let (offsets, bytes) = data.raw();
        (offsets.map(|offsets| self.push(bytemuck::cast_slice::<u32, u8>(offsets))), self.push(bytes))
    }
}

fn decode_column(header: &ColumnHeader, rows: usize, payload: &[u8]) -> Result<Column> {
    let fail = |detail: &str| corrupt_batch(format!("column {}: {detail}", header.name));
    let section = |section: Section| {
        let end = section.0.checked_add(section.1);
        end.and_then(|end| payload.get(section.0..end)).ok_or_else(|| fail("a section lies outside the batch"))
    };
    let offsets = |at: Option<Section>, count: usize| -> Result<Vec<u32>> {
        let bytes = section(at.ok_or_else(|| fail("offsets are missing"))?)?;
        if Some(bytes.len() / 4) != count.checked_add(1) || bytes.len() % 4 != 0 {
            return Err(fail("offsets do not match the number of rows"));
        }
        Ok(bytemuck::pod_collect_to_vec(bytes))
    };
    let bytes = section(header.data)?;
    let values = |data_type: DataType, count: usize, at: Option<Section>| -> Result<ColumnData> {
        let width = match data_type {
            DataType::Bool | DataType::Int8 => 1,
            DataType::Int16 => 2,
            DataType::Int32 | DataType::Float => 4,
            DataType::Int64 | DataType::Double => 8,
            DataType::VarChar | DataType::Json => {
                let texts = Strings::from_parts(offsets(at, count)?, bytes.to_vec())
                    .ok_or_else(|| fail("offsets or UTF-8 text are broken"))?;
                return Ok(if data_type == DataType::Json {
                    ColumnData::Json(texts)
                } else {
                    ColumnData::VarChar(texts)
                });
            }
            DataType::FloatVector => {
                let dim = header.dim.filter(|dim| *dim > 0).ok_or_else(|| fail("dim is missing"))?;
                if Some(bytes.len()) != count.checked_mul(dim).and_then(|values| values.checked_mul(4)) {
                    return Err(fail("data does not match rows and dim"));
                }
                return Ok(ColumnData::FloatVector { dim, values: bytemuck::pod_collect_to_vec(bytes) });
            }
            DataType::Array => return Err(fail("arrays do not nest")),
        };
        if Some(bytes.len()) != count.checked_mul(width) {
            return Err(fail("data does not match the number of rows"));
        }
        Ok(match data_type {
            DataType::Bool => {
                if bytes.iter().any(|byte| *byte > 1) {
                    return Err(fail("a bool is neither 0 nor 1"));
                }
                ColumnData::Bool(bytes.to_vec())
            }
            DataType::Int8 => ColumnData::Int8(bytemuck::pod_collect_to_vec(bytes)),
            DataType::Int16 => ColumnData::Int16(bytemuck::pod_collect_to_vec(bytes)),
            DataType::Int32 => ColumnData::Int32(bytemuck::pod_collect_to_vec(bytes)),
            DataType::Int64 => ColumnData::Int64(bytemuck::pod_collect_to_vec(bytes)),
            DataType::Float => ColumnData::Float(bytemuck::pod_collect_to_vec(bytes)),
            _ => ColumnData::Double(bytemuck::pod_collect_to_vec(bytes)),
        })
    };
    let data = match header.data_type {
        DataType::Array => {
            let list_offsets = offsets(header.offsets, rows)?;
            let ascending = list_offsets.windows(2).all(|pair| pair[0] <= pair[1]);
            let count = *list_offsets.last().unwrap_or(&0) as usize;
            if !ascending || list_offsets.first() != Some(&0) {
                return Err(fail("array offsets are not ascending"));
            }
            let element = header.element.ok_or_else(|| fail("element type is missing"))?;
            if matches!(element, DataType::Json | DataType::FloatVector) {
                return Err(fail("element type is not a scalar"));
            }
            let elements = values(element, count, header.element_offsets)?;
            ColumnData::Array(Box::new(Lists { offsets: list_offsets, elements }))
        }
        scalar_or_vector => values(scalar_or_vector, rows, header.offsets)?,
    };
    let validity = header
        .validity
        .map(|at| {
            let bits = section(at)?;
            if bits.len() != rows.div_ceil(8) {
                return Err(fail("validity does not match the number of rows"));
            }
            let mut validity = Mask::with_capacity(rows);
            (0..rows).for_each(|row| validity.set(row, bits[row / 8] & (1 << (row % 8)) != 0));
            Ok(validity)
        })
        .transpose()?;
    Ok(Column { data, validity })
}
