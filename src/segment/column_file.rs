//! The file of one column.
//!
//! `"ELNC"` · u16 version · u16 zero · u32 header_bytes · u32 CRC32 of the header · header JSON · zeros to a multiple of 64 ·
//! sections, each starting at a multiple of 64. The header gives type, rows and for each section its place and a CRC32 for
//! every MiB. All numbers are little-endian, as wasm and every machine with a browser are, so that values load as bytes.

use crate::error::{Error, Result};
use crate::schema::DataType;
use crate::storage::Files;
use crate::value::{Column, ColumnData, Lists, Mask, Strings};
use futures::StreamExt;
use serde::{Deserialize, Serialize};

const MAGIC: [u8; 4] = *b"ELNC";
const VERSION: u16 = 1;
const PRELUDE_BYTES: usize = 16;
const ALIGNMENT: usize = 64;
/// Keeps sums of rows and offsets within 32 bits.
const MAX_ROWS: u32 = 1 << 31;
const CHECKED_CHUNK_BYTES: usize = 1 << 20;
/// Read at a time, so that progress moves in small steps; several are in flight.
const READ_BYTES: usize = 4 << 20;
const READS_IN_FLIGHT: usize = 8;
/// The first read fetches this much: header and, of a small file, everything.
const FIRST_READ_BYTES: u64 = 64 << 10;

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

#[derive(Clone, Serialize, Deserialize)]
struct Section {
    /// From the end of the header's padding.
    offset: u64,
    bytes: u64,
    crc32: Vec<u32>,
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
        data: Section { offset: 0, bytes: 0, crc32: Vec::new() },
    };
    match &column.data {
        ColumnData::Array(lists) => {
            header.element = Some(lists.elements.data_type());
            header.offsets = Some(body.push(bytemuck::cast_slice(&lists.offsets)));
            (header.element_offsets, header.data) = body.push_values(&lists.elements);
        }
        data => {
            if let ColumnData::FloatVector { dim, .. } = data {
                header.dim = Some(*dim as u32);
            }
            (header.offsets, header.data) = body.push_values(data);
        }
    }
    let head = encode_head(&header);
    let parts: Vec<&[u8]> = std::iter::once(head.as_slice()).chain(body.parts).collect();
    files.write_parts(name, &parts).await?;
    Ok(parts.iter().map(|part| part.len() as u64).sum())
}

/// What comes before the first section.
fn encode_head(header: &Header) -> Vec<u8> {
    let header = serde_json::to_vec(header).expect("a header is plain data");
    let mut bytes = Vec::with_capacity((PRELUDE_BYTES + header.len()).next_multiple_of(ALIGNMENT));
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    bytes.extend_from_slice(&[0, 0]);
    bytes.extend_from_slice(&(header.len() as u32).to_le_bytes());
    bytes.extend_from_slice(&crc32fast::hash(&header).to_le_bytes());
    bytes.extend_from_slice(&header);
    bytes.resize(bytes.len().next_multiple_of(ALIGNMENT), 0);
    bytes
}

/// Sections where they are, with what fills up between them.
#[derive(Default)]
struct Body<'a> {
    parts: Vec<&'a [u8]>,
    bytes: usize,
}

impl<'a> Body<'a> {
    fn push(&mut self, bytes: &'a [u8]) -> Section {
        const ZEROS: [u8; ALIGNMENT] = [0; ALIGNMENT];
        let offset = self.bytes.next_multiple_of(ALIGNMENT);
        self.parts.extend([&ZEROS[..offset - self.bytes], bytes]);
        self.bytes = offset + bytes.len();
        let crc32 = bytes.chunks(CHECKED_CHUNK_BYTES).map(crc32fast::hash).collect();
        Section { offset: offset as u64, bytes: bytes.len() as u64, crc32 }
    }

    fn push_values(&mut self, data: &'a ColumnData) -> (Option<Section>, Section) {
        let (offsets, bytes) = data.raw();
        (offsets.map(|offsets| self.push(bytemuck::cast_slice(offsets))), self.push(bytes))
    }
}

/// Reads and checks a whole column. `on_read` hears of every piece of the file as it arrives.
pub async fn read_column(files: &impl Files, name: &str, on_read: &dyn Fn(u64)) -> Result<Column> {
    let reader = Reader::open(files, name, on_read).await?;
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

struct Reader<'a, F> {
    files: &'a F,
    name: &'a str,
    on_read: &'a dyn Fn(u64),
    header: Header,
    body_offset: u64,
    file_bytes: u64,
    /// The file's beginning, which came with the header.
    first: Vec<u8>,
}

impl<'a, F: Files> Reader<'a, F> {
    async fn open(files: &'a F, name: &'a str, on_read: &'a dyn Fn(u64)) -> Result<Reader<'a, F>> {
        let corrupt = |detail: &str| Error::Corrupt { file: name.to_owned(), detail: detail.to_owned() };
        let file_bytes = files.size(name).await?;
        let mut first = vec![0; file_bytes.min(FIRST_READ_BYTES) as usize];
        files.read(name, 0, &mut first).await?;
        on_read(first.len() as u64);
        let prelude = *first.first_chunk::<PRELUDE_BYTES>().ok_or_else(|| corrupt("shorter than its prelude"))?;
        if prelude[0..4] != MAGIC {
            return Err(corrupt("not a column file"));
        }
        let version = u16::from_le_bytes([prelude[4], prelude[5]]);
        if version != VERSION {
            return Err(corrupt(&format!("version {version} is unknown to this version of elanus")));
        }
        let word = |at: usize| u32::from_le_bytes([prelude[at], prelude[at + 1], prelude[at + 2], prelude[at + 3]]);
        let header_end = PRELUDE_BYTES as u64 + u64::from(word(8));
        if header_end > file_bytes {
            return Err(corrupt("shorter than its header"));
        }
        if header_end > first.len() as u64 {
            let known = first.len();
            first.resize(header_end as usize, 0);
            files.read(name, known as u64, &mut first[known..]).await?;
            on_read((first.len() - known) as u64);
        }
        let header = &first[PRELUDE_BYTES..header_end as usize];
        if crc32fast::hash(header) != word(12) {
            return Err(corrupt("the header's checksum does not match"));
        }
        let header = serde_json::from_slice(header).map_err(|error| corrupt(&error.to_string()))?;
        let body_offset = header_end.next_multiple_of(ALIGNMENT as u64);
        Ok(Reader { files, name, on_read, header, body_offset, file_bytes, first })
    }

    fn corrupt(&self, detail: &str) -> Error {
        Error::Corrupt { file: self.name.to_owned(), detail: detail.to_owned() }
    }

    fn required<'s>(&self, section: &'s Option<Section>) -> Result<&'s Section> {
        section.as_ref().ok_or_else(|| self.corrupt("a section is missing"))
    }

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

    /// A section as exactly `count` values, checked against its checksums.
    async fn values<T: bytemuck::Pod>(&self, section: &Section, count: usize) -> Result<Vec<T>> {
        let bytes = (count as u64).checked_mul(size_of::<T>() as u64);
        let start = self.body_offset.checked_add(section.offset);
        let end = start.and_then(|start| start.checked_add(section.bytes));
        if bytes != Some(section.bytes) || end.is_none_or(|end| end > self.file_bytes) {
            return Err(self.corrupt("a section does not match rows and type"));
        }
        if section.crc32.len() as u64 != section.bytes.div_ceil(CHECKED_CHUNK_BYTES as u64) {
            return Err(self.corrupt("checksums are missing"));
        }
        let mut values: Vec<T> = bytemuck::zeroed_vec(count);
        let into: &mut [u8] = bytemuck::cast_slice_mut(&mut values);
        self.fill(self.body_offset + section.offset, into).await?;
        let intact = into.chunks(CHECKED_CHUNK_BYTES).map(crc32fast::hash).eq(section.crc32.iter().copied());
        if intact { Ok(values) } else { Err(self.corrupt("a checksum does not match")) }
    }

    async fn fill(&self, offset: u64, into: &mut [u8]) -> Result<()> {
        let known = self.first.get(offset as usize..).unwrap_or_default();
        let known = &known[..known.len().min(into.len())];
        into[..known.len()].copy_from_slice(known);
        let rest_offset = offset + known.len() as u64;
        let pieces = into[known.len()..].chunks_mut(READ_BYTES).enumerate();
        let mut reads = futures::stream::iter(pieces.map(|(piece, into)| async move {
            let length = into.len() as u64;
            self.files.read(self.name, rest_offset + (piece * READ_BYTES) as u64, into).await?;
            (self.on_read)(length);
            Ok::<_, Error>(())
        }))
        .buffer_unordered(READS_IN_FLIGHT);
        while let Some(read) = reads.next().await {
            read?;
        }
        Ok(())
    }
}
