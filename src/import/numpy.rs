//! Columns of .npy files, and the batches that they make together.

use super::input::{Chunk, Input};
use super::npy_header::{Element, NpyHeader};
use super::value::copy_json;
use super::{MAX_BATCH_BYTES, MAX_ROW_BYTES, Parsed, failed};
use crate::error::Result;
use crate::schema::{CollectionSchema, DataType, Field};
use crate::value::{Batch, Column, ColumnData, Strings, allows_given_ids};
use elanus_vectors::kernels::all_finite;

/// Reads one .npy file as the column of a field.
pub struct NumpyReader {
    field: Field,
    input: Input,
    layout: Option<Layout>,
    rows_taken: u64,
}

struct Layout {
    element: Element,
    rows: u64,
    row_bytes: usize,
}

impl NumpyReader {
    pub fn new(field: &Field) -> Result<Self> {
        if field.data_type == DataType::Array {
            return Err(failed(format!("field '{}': type 'Array' is not supported by numpy files", field.name)));
        }
        Ok(NumpyReader { field: field.clone(), input: Input::default(), layout: None, rows_taken: 0 })
    }

    /// Returns a buffer that is of no use any more.
    pub fn push(&mut self, chunk: Chunk) -> Result<Vec<u8>> {
        let used = self.input.push(chunk);
        if self.layout.is_none() {
            let header = NpyHeader::read(self.input.rest()).map_err(|error| self.failure(error))?;
            let Some((header, length)) = header else { return Ok(used) };
            self.layout = Some(layout(&self.field, header).map_err(|error| self.failure(error))?);
            self.input.skip(length);
        }
        if self.missing_bytes() < 0 {
            return Err(self.failure("the file has more bytes than its shape says".into()));
        }
        Ok(used)
    }

    /// Says that all bytes of the file were pushed.
    pub fn finish(&mut self) -> Result<()> {
        self.input.ended = true;
        if self.layout.is_none() {
            return Err(self.failure("the file ends within its header".into()));
        }
        match self.missing_bytes() {
            0 => Ok(()),
            missing => Err(self.failure(format!("the file has {missing} bytes less than its shape says"))),
        }
    }

    /// Rows that the file says to have; `None` until its header is there.
    pub fn rows(&self) -> Option<u64> {
        self.layout.as_ref().map(|layout| layout.rows)
    }

    /// Rows that can be taken.
    pub fn ready(&self) -> usize {
        self.layout.as_ref().map_or(0, |layout| self.input.rest().len() / layout.row_bytes)
    }

    /// The next rows, at most as many as are ready.
    pub fn take(&mut self, rows: usize) -> Result<Column> {
        let rows = rows.min(self.ready());
        let Some(layout) = &self.layout else { return Ok(Column::empty(&self.field)) };
        let length = rows * layout.row_bytes;
        let data = read_column(&self.field, layout, &self.input.rest()[..length])
            .map_err(|(row, error)| self.failure(format!("row {}: {error}", self.rows_taken + 1 + row as u64)))?;
        self.input.skip(length);
        self.rows_taken += rows as u64;
        Ok(Column::new(data))
    }

    fn missing_bytes(&self) -> i128 {
        let Some(layout) = &self.layout else { return 0 };
        let missing_rows = i128::from(layout.rows) - i128::from(self.rows_taken);
        missing_rows * layout.row_bytes as i128 - self.input.rest().len() as i128
    }

    fn failure(&self, error: String) -> crate::Error {
        failed(format!("field '{}': {error}", self.field.name))
    }
}

fn layout(field: &Field, header: NpyHeader) -> Parsed<Layout> {
    let NpyHeader { element, shape } = header;
    let fits = match (field.data_type, element.kind, element.size) {
        (DataType::Bool, 'b', 1)
        | (DataType::Int8, 'i', 1)
        | (DataType::Int16, 'i', 2)
        | (DataType::Int32, 'i', 4)
        | (DataType::Int64, 'i', 8)
        | (DataType::Float, 'f', 4)
        | (DataType::Double, 'f', 8)
        | (DataType::FloatVector, 'f', 4 | 8) => true,
        (DataType::VarChar | DataType::Json, 'U' | 'S', size) => size > 0,
        _ => false,
    };
    if !fits {
        return Err(format!("illegal numpy data type '{}' for type '{}'", element.name, field.data_type.name()));
    }
    let dim = if field.data_type.is_vector() { u64::from(field.dim.unwrap_or_default()) } else { 1 };
    let rows = match shape[..] {
        [rows] if !field.data_type.is_vector() => rows,
        [rows, given] if field.data_type.is_vector() && given == dim => rows,
        [_, given] if field.data_type.is_vector() => return Err(format!("expected dim '{dim}', got dim '{given}'")),
        _ => {
            let expected = if field.data_type.is_vector() { 2 } else { 1 };
            return Err(format!("expected shape '{expected}', got shape '{}'", shape.len()));
        }
    };
    let characters = if element.kind == 'U' { 4 } else { 1 };
    let row_bytes = element.size.checked_mul(characters).and_then(|bytes| bytes.checked_mul(dim as usize));
    match row_bytes {
        Some(row_bytes @ 1..=MAX_ROW_BYTES) => Ok(Layout { element, rows, row_bytes }),
        _ => Err(format!("a row has more than {MAX_ROW_BYTES} bytes or none")),
    }
}

/// An error comes with the row that it is about.
#[inline(never)]
fn read_column(field: &Field, layout: &Layout, bytes: &[u8]) -> Result<ColumnData, (usize, String)> {
    let big = layout.element.big_endian;
    Ok(match field.data_type {
        DataType::Bool => {
            if let Some(row) = bytes.iter().position(|byte| *byte > 1) {
                return Err((row, format!("{} is no bool", bytes[row])));
            }
            ColumnData::Bool(bytes.to_vec())
        }
        DataType::Int8 => ColumnData::Int8(bytemuck::cast_slice(bytes).to_vec()),
        DataType::Int16 => ColumnData::Int16(numbers(bytes, big, i16::from_le_bytes)),
        DataType::Int32 => ColumnData::Int32(numbers(bytes, big, i32::from_le_bytes)),
        DataType::Int64 => ColumnData::Int64(numbers(bytes, big, i64::from_le_bytes)),
        DataType::Float | DataType::FloatVector => {
            let values: Vec<f32> = match layout.element.size {
                4 if !big => bytemuck::pod_collect_to_vec(bytes),
                4 => numbers(bytes, big, f32::from_le_bytes),
                _ => numbers(bytes, big, |bytes| f64::from_le_bytes(bytes) as f32),
            };
            match field.dim.filter(|_| field.data_type.is_vector()) {
                Some(dim) => {
                    refuse_infinite_f32(&values, dim as usize)?;
                    ColumnData::FloatVector { dim: dim as usize, values }
                }
                None => {
                    refuse_infinite_f32(&values, 1)?;
                    ColumnData::Float(values)
                }
            }
        }
        DataType::Double => {
            let values = numbers(bytes, big, f64::from_le_bytes);
            refuse_infinite(&values, 1)?;
            ColumnData::Double(values)
        }
        DataType::VarChar => ColumnData::VarChar(texts(layout, bytes, |text, out| {
            out.push_str(text);
            Ok(())
        })?),
        DataType::Json => ColumnData::Json(texts(layout, bytes, |text, out| {
            if field.is_dynamic && !text.trim_start().starts_with('{') {
                return Err("illegal value for dynamic field, not a JSON object".into());
            }
            copy_json(text, out)
        })?),
        DataType::Array => unreachable!("refused when the reader was made"),
    })
}

fn numbers<const WIDTH: usize, T>(bytes: &[u8], big_endian: bool, read: impl Fn([u8; WIDTH]) -> T) -> Vec<T> {
    let (numbers, _) = bytes.as_chunks::<WIDTH>();
    if !big_endian {
        return numbers.iter().map(|number| read(*number)).collect();
    }
    let reversed = numbers.iter().map(|number| {
        let mut number = *number;
        number.reverse();
        number
    });
    reversed.map(read).collect()
}

/// Faster where all is well.
fn refuse_infinite_f32(values: &[f32], per_row: usize) -> Result<(), (usize, String)> {
    if all_finite(values) { Ok(()) } else { refuse_infinite(values, per_row) }
}

fn refuse_infinite<T: Copy + Into<f64>>(values: &[T], per_row: usize) -> Result<(), (usize, String)> {
    match values.iter().position(|value| !(*value).into().is_finite()) {
        None => Ok(()),
        Some(at) => Err((at / per_row, "value is not a number or infinity, or out of the type's range".into())),
    }
}

/// Texts of one width, filled up with zeros.
fn texts(
    layout: &Layout,
    bytes: &[u8],
    mut copy: impl FnMut(&str, &mut String) -> Parsed<()>,
) -> Result<Strings, (usize, String)> {
    let mut strings = Strings::default();
    let (mut text, mut copied) = (String::new(), String::new());
    for (row, cell) in bytes.chunks_exact(layout.row_bytes).enumerate() {
        text.clear();
        copied.clear();
        decode(&layout.element, cell, &mut text)
            .and_then(|()| copy(&text, &mut copied))
            .map_err(|error| (row, error))?;
        strings.push(&copied);
    }
    Ok(strings)
}

fn decode(element: &Element, cell: &[u8], text: &mut String) -> Parsed<()> {
    if element.kind == 'S' {
        let length = cell.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        text.push_str(std::str::from_utf8(&cell[..length]).map_err(|_| "invalid UTF-8")?);
        return Ok(());
    }
    let codes = numbers(cell, element.big_endian, u32::from_le_bytes);
    let length = codes.iter().rposition(|code| *code != 0).map_or(0, |last| last + 1);
    for code in &codes[..length] {
        text.push(char::from_u32(*code).ok_or_else(|| format!("{code:#x} is no character"))?);
    }
    Ok(())
}

/// Reads the .npy files of a collection side by side, one a field.
pub struct NumpyBatches {
    files: Vec<NumpyReader>,
    rows_read: u64,
}

impl NumpyBatches {
    /// `fields` are the names of the files without directory and extension.
    pub fn new<S: AsRef<str>>(schema: &CollectionSchema, fields: &[S]) -> Result<Self> {
        let key = schema.primary_key();
        let generated = key.auto_id && !allows_given_ids(schema);
        if let Some(array) = schema.fields.iter().find(|field| field.data_type == DataType::Array) {
            NumpyReader::new(array)?;
        }
        let mut files: Vec<NumpyReader> = Vec::with_capacity(fields.len());
        for name in fields.iter().map(AsRef::as_ref) {
            let field = schema.field(name);
            let field = field.ok_or_else(|| failed(format!("there is no field corresponding to file '{name}.npy'")))?;
            if generated && field.is_primary_key {
                return Err(failed(format!("the primary key '{name}' is auto-generated, no need to provide")));
            }
            if files.iter().any(|file| file.field.name == name) {
                return Err(failed(format!("there are several files corresponding to field '{name}'")));
            }
            files.push(NumpyReader::new(field)?);
        }
        let is_generated = |field: &Field| field.is_primary_key && field.auto_id;
        for field in schema.fields.iter().filter(|field| !field.is_fillable() && !is_generated(field)) {
            if !files.iter().any(|file| file.field.name == field.name) {
                return Err(failed(format!("there is no file corresponding to field '{}'", field.name)));
            }
        }
        Ok(NumpyBatches { files, rows_read: 0 })
    }

    /// The file that the next bytes should come from: always the one that is behind, so that little is kept of the others.
    pub fn next_file(&self) -> Option<usize> {
        let open = self.files.iter().enumerate().filter(|(_, file)| !file.input.ended);
        open.min_by_key(|(_, file)| (file.rows().is_some(), file.ready())).map(|(at, _)| at)
    }

    /// Returns a buffer that is of no use any more.
    pub fn push(&mut self, file: usize, chunk: Chunk) -> Result<Vec<u8>> {
        let used = self.files[file].push(chunk)?;
        self.check_rows(file)?;
        Ok(used)
    }

    /// Says that all bytes of that file were pushed.
    pub fn finish(&mut self, file: usize) -> Result<()> {
        self.files[file].finish()
    }

    pub fn rows_read(&self) -> u64 {
        self.rows_read
    }

    /// A full batch, or after all files were finished what is left; `None` until more bytes are pushed, and at the end.
    pub fn take_batch(&mut self, at_most_rows: usize) -> Result<Option<Batch>> {
        let row_bytes = |file: &NumpyReader| file.layout.as_ref().map(|layout| layout.row_bytes);
        let Some(row_bytes) = self.files.iter().map(row_bytes).sum::<Option<usize>>() else { return Ok(None) };
        let full = at_most_rows.min(MAX_BATCH_BYTES / row_bytes.max(1)).max(1);
        let ready = self.files.iter().map(NumpyReader::ready).min().unwrap_or_default();
        let ended = self.files.iter().all(|file| file.input.ended);
        if ready == 0 || ready < full && !ended {
            return Ok(None);
        }
        let rows = ready.min(full);
        let columns = self.files.iter_mut().map(|file| Ok((file.field.name.clone(), file.take(rows)?)));
        let columns = columns.collect::<Result<Vec<_>>>()?;
        self.rows_read += rows as u64;
        Ok(Some(Batch { rows, columns }))
    }

    fn check_rows(&self, file: usize) -> Result<()> {
        let Some(rows) = self.files[file].rows() else { return Ok(()) };
        let differs = |other: &&NumpyReader| other.rows().is_some_and(|other| other != rows);
        match self.files.iter().find(differs) {
            None => Ok(()),
            Some(other) => Err(failed(format!(
                "the row counts of the files are not equal: field '{}' has {rows} rows, field '{}' has {}",
                self.files[file].field.name,
                other.field.name,
                other.rows().unwrap_or_default()
            ))),
        }
    }
}
