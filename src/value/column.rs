//! A column: one field of many rows.

use super::{Mask, RowOffset};
use crate::schema::{DataType, DefaultValue, Field};

/// Values of one field; a null row occupies a slot whose content means nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    pub data: ColumnData,
    /// One bit a row, set where the row is not null; `None` when no row is null.
    pub validity: Option<Mask>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum ColumnData {
    /// 0 or 1.
    Bool(Vec<u8>),
    Int8(Vec<i8>),
    Int16(Vec<i16>),
    Int32(Vec<i32>),
    Int64(Vec<i64>),
    Float(Vec<f32>),
    Double(Vec<f64>),
    VarChar(Strings),
    /// JSON text.
    Json(Strings),
    Array(Box<Lists>),
    FloatVector {
        dim: usize,
        values: Vec<f32>,
    },
}

/// Texts one after another; row `i` is `bytes[offsets[i]..offsets[i + 1]]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Strings {
    offsets: Vec<u32>,
    bytes: Vec<u8>,
}

/// Lists one after another; row `i` is elements `offsets[i]..offsets[i + 1]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Lists {
    pub offsets: Vec<u32>,
    pub elements: ColumnData,
}

impl Default for Strings {
    fn default() -> Self {
        Strings { offsets: vec![0], bytes: Vec::new() }
    }
}

impl Strings {
    /// `None` unless offsets are ascending from 0 to the end of `bytes` and every text is UTF-8.
    pub fn from_parts(offsets: Vec<u32>, bytes: Vec<u8>) -> Option<Self> {
        let text = std::str::from_utf8(&bytes).ok()?;
        let ascending = offsets.windows(2).all(|pair| pair[0] <= pair[1]);
        let spans = offsets.first() == Some(&0) && offsets.last().is_some_and(|last| *last as usize == bytes.len());
        let whole = offsets.iter().all(|offset| text.is_char_boundary(*offset as usize));
        (ascending && spans && whole).then_some(Strings { offsets, bytes })
    }

    pub fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn get(&self, row: usize) -> &str {
        let bytes = &self.bytes[self.offsets[row] as usize..self.offsets[row + 1] as usize];
        // SAFETY: `from_parts` checked that every text is UTF-8 and `push` only takes &str.
        unsafe { std::str::from_utf8_unchecked(bytes) }
    }

    pub fn push(&mut self, text: &str) {
        self.bytes.extend_from_slice(text.as_bytes());
        self.offsets.push(self.bytes.len() as u32);
    }

    pub fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).map(|row| self.get(row))
    }

    fn truncate(&mut self, rows: usize) {
        self.offsets.truncate(rows + 1);
        self.bytes.truncate(self.offsets.last().map_or(0, |end| *end as usize));
    }

    pub fn offsets(&self) -> &[u32] {
        &self.offsets
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl<'a> FromIterator<&'a str> for Strings {
    fn from_iter<I: IntoIterator<Item = &'a str>>(texts: I) -> Self {
        let mut strings = Strings::default();
        texts.into_iter().for_each(|text| strings.push(text));
        strings
    }
}

impl Lists {
    pub fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The range of row `row` in `elements`.
    pub fn range(&self, row: usize) -> std::ops::Range<usize> {
        self.offsets[row] as usize..self.offsets[row + 1] as usize
    }
}

/// Applies `$body` to the vector inside any fixed-width column.
macro_rules! for_fixed_width {
    ($data:expr, $values:ident => $body:expr, $other:ident => $rest:expr) => {
        match $data {
            ColumnData::Bool($values) => $body,
            ColumnData::Int8($values) => $body,
            ColumnData::Int16($values) => $body,
            ColumnData::Int32($values) => $body,
            ColumnData::Int64($values) => $body,
            ColumnData::Float($values) => $body,
            ColumnData::Double($values) => $body,
            $other => $rest,
        }
    };
}

impl ColumnData {
    /// A column of this field's type with no rows.
    pub fn empty(field: &Field) -> ColumnData {
        match field.data_type {
            DataType::Array => ColumnData::Array(Box::new(Lists {
                offsets: vec![0],
                elements: ColumnData::empty_scalar(field.element_type.unwrap_or(DataType::Int64)),
            })),
            DataType::FloatVector => {
                ColumnData::FloatVector { dim: field.dim.unwrap_or(1) as usize, values: Vec::new() }
            }
            scalar => ColumnData::empty_scalar(scalar),
        }
    }

    /// A scalar column with no rows; Array and vector types are not scalars and give an empty VarChar column.
    pub fn empty_scalar(data_type: DataType) -> ColumnData {
        match data_type {
            DataType::Bool => ColumnData::Bool(Vec::new()),
            DataType::Int8 => ColumnData::Int8(Vec::new()),
            DataType::Int16 => ColumnData::Int16(Vec::new()),
            DataType::Int32 => ColumnData::Int32(Vec::new()),
            DataType::Int64 => ColumnData::Int64(Vec::new()),
            DataType::Float => ColumnData::Float(Vec::new()),
            DataType::Double => ColumnData::Double(Vec::new()),
            DataType::Json => ColumnData::Json(Strings::default()),
            DataType::VarChar | DataType::Array | DataType::FloatVector => ColumnData::VarChar(Strings::default()),
        }
    }

    pub fn data_type(&self) -> DataType {
        match self {
            ColumnData::Bool(_) => DataType::Bool,
            ColumnData::Int8(_) => DataType::Int8,
            ColumnData::Int16(_) => DataType::Int16,
            ColumnData::Int32(_) => DataType::Int32,
            ColumnData::Int64(_) => DataType::Int64,
            ColumnData::Float(_) => DataType::Float,
            ColumnData::Double(_) => DataType::Double,
            ColumnData::VarChar(_) => DataType::VarChar,
            ColumnData::Json(_) => DataType::Json,
            ColumnData::Array(_) => DataType::Array,
            ColumnData::FloatVector { .. } => DataType::FloatVector,
        }
    }

    /// Rows.
    pub fn len(&self) -> usize {
        for_fixed_width!(self, values => values.len(), other => match other {
            ColumnData::VarChar(texts) | ColumnData::Json(texts) => texts.len(),
            ColumnData::Array(lists) => lists.len(),
            ColumnData::FloatVector { dim, values } => values.len() / dim,
            _ => unreachable!("fixed-width columns are handled above"),
        })
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of memory that the values take.
    pub fn allocated_bytes(&self) -> usize {
        for_fixed_width!(self, values => allocated(values), other => match other {
            ColumnData::VarChar(texts) | ColumnData::Json(texts) => allocated(&texts.bytes) + allocated(&texts.offsets),
            ColumnData::Array(lists) => allocated(&lists.offsets) + lists.elements.allocated_bytes(),
            ColumnData::FloatVector { values, .. } => allocated(values),
            _ => unreachable!("fixed-width columns are handled above"),
        })
    }

    /// Makes room for so many rows in all and no more, where their width is known.
    fn reserve_rows(&mut self, rows: usize) {
        for_fixed_width!(self, values => reserve(values, rows), other => match other {
            ColumnData::VarChar(texts) | ColumnData::Json(texts) => reserve(&mut texts.offsets, rows + 1),
            ColumnData::Array(lists) => reserve(&mut lists.offsets, rows + 1),
            ColumnData::FloatVector { dim, values } => reserve(values, rows * *dim),
            _ => unreachable!("fixed-width columns are handled above"),
        })
    }

    /// The values as they are stored: of texts where each begins, and bytes. Arrays have both of their elements.
    pub(crate) fn raw(&self) -> (Option<&[u32]>, &[u8]) {
        match self {
            ColumnData::Bool(values) => (None, values),
            ColumnData::Int8(values) => (None, bytemuck::cast_slice(values)),
            ColumnData::Int16(values) => (None, bytemuck::cast_slice(values)),
            ColumnData::Int32(values) => (None, bytemuck::cast_slice(values)),
            ColumnData::Int64(values) => (None, bytemuck::cast_slice(values)),
            ColumnData::Float(values) | ColumnData::FloatVector { values, .. } => (None, bytemuck::cast_slice(values)),
            ColumnData::Double(values) => (None, bytemuck::cast_slice(values)),
            ColumnData::VarChar(texts) | ColumnData::Json(texts) => (Some(&texts.offsets), &texts.bytes),
            ColumnData::Array(lists) => lists.elements.raw(),
        }
    }

    /// Appends `rows` of `source`, which has the same type, in the given order.
    #[inline(never)]
    pub fn extend_from_rows(&mut self, source: &ColumnData, rows: impl Iterator<Item = usize>) {
        match (self, source) {
            (ColumnData::Bool(to), ColumnData::Bool(from)) => to.extend(rows.map(|row| from[row])),
            (ColumnData::Int8(to), ColumnData::Int8(from)) => to.extend(rows.map(|row| from[row])),
            (ColumnData::Int16(to), ColumnData::Int16(from)) => to.extend(rows.map(|row| from[row])),
            (ColumnData::Int32(to), ColumnData::Int32(from)) => to.extend(rows.map(|row| from[row])),
            (ColumnData::Int64(to), ColumnData::Int64(from)) => to.extend(rows.map(|row| from[row])),
            (ColumnData::Float(to), ColumnData::Float(from)) => to.extend(rows.map(|row| from[row])),
            (ColumnData::Double(to), ColumnData::Double(from)) => to.extend(rows.map(|row| from[row])),
            (ColumnData::VarChar(to), ColumnData::VarChar(from)) | (ColumnData::Json(to), ColumnData::Json(from)) => {
                rows.for_each(|row| to.push(from.get(row)));
            }
            (ColumnData::Array(to), ColumnData::Array(from)) => {
                for row in rows {
                    to.elements.extend_from_rows(&from.elements, from.range(row));
                    to.offsets.push(to.elements.len() as u32);
                }
            }
            (ColumnData::FloatVector { dim, values: to }, ColumnData::FloatVector { values: from, .. }) => {
                rows.for_each(|row| to.extend_from_slice(&from[row * *dim..(row + 1) * *dim]));
            }
            (to, from) => unreachable!("{:?} rows appended to a {:?} column", from.data_type(), to.data_type()),
        }
    }

    /// Drops all but the first `rows` rows.
    pub fn truncate(&mut self, rows: usize) {
        for_fixed_width!(self, values => values.truncate(rows), other => match other {
            ColumnData::VarChar(texts) | ColumnData::Json(texts) => texts.truncate(rows),
            ColumnData::Array(lists) => {
                lists.offsets.truncate(rows + 1);
                lists.elements.truncate(lists.offsets.last().map_or(0, |end| *end as usize));
            }
            ColumnData::FloatVector { dim, values } => values.truncate(rows * *dim),
            _ => unreachable!("fixed-width columns are handled above"),
        })
    }

    /// Appends one slot for a null row.
    pub fn push_blank(&mut self) {
        for_fixed_width!(self, values => values.push(Default::default()), other => match other {
            ColumnData::VarChar(texts) => texts.push(""),
            ColumnData::Json(texts) => texts.push("null"),
            ColumnData::Array(lists) => lists.offsets.push(lists.elements.len() as u32),
            ColumnData::FloatVector { dim, values } => values.resize(values.len() + *dim, 0.0),
            _ => unreachable!("fixed-width columns are handled above"),
        })
    }
}

fn reserve<T>(values: &mut Vec<T>, count: usize) {
    values.reserve_exact(count.saturating_sub(values.len()));
}

fn allocated<T>(values: &Vec<T>) -> usize {
    values.capacity() * size_of::<T>()
}

impl Column {
    pub fn new(data: ColumnData) -> Self {
        Column { data, validity: None }
    }

    pub fn empty(field: &Field) -> Self {
        Column::new(ColumnData::empty(field))
    }

    /// What `rows` rows read as that were written without the field: its default, or null; no keys of the dynamic field.
    pub fn missing(field: &Field, rows: usize) -> Self {
        let data = match (field.data_type, &field.default_value) {
            (DataType::Bool, Some(DefaultValue::Bool(value))) => ColumnData::Bool(vec![u8::from(*value); rows]),
            (DataType::Int8, Some(DefaultValue::Int(value))) => ColumnData::Int8(vec![*value as i8; rows]),
            (DataType::Int16, Some(DefaultValue::Int(value))) => ColumnData::Int16(vec![*value as i16; rows]),
            (DataType::Int32, Some(DefaultValue::Int(value))) => ColumnData::Int32(vec![*value as i32; rows]),
            (DataType::Int64, Some(DefaultValue::Int(value))) => ColumnData::Int64(vec![*value; rows]),
            (DataType::Float, Some(DefaultValue::Float(value))) => ColumnData::Float(vec![*value; rows]),
            (DataType::Double, Some(DefaultValue::Double(value))) => ColumnData::Double(vec![*value; rows]),
            (DataType::VarChar, Some(DefaultValue::String(value))) => {
                ColumnData::VarChar(std::iter::repeat_n(value.as_str(), rows).collect())
            }
            (_, None) if field.is_dynamic => ColumnData::Json(std::iter::repeat_n("{}", rows).collect()),
            (_, None) => {
                let mut column = Column::empty(field);
                (0..rows).for_each(|_| column.push_null());
                return column;
            }
            (data_type, Some(_)) => unreachable!("a default of another type than {data_type:?} was refused before"),
        };
        Column::new(data)
    }

    pub fn len(&self) -> usize {
        self.data.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn is_valid(&self, row: usize) -> bool {
        self.validity.as_ref().is_none_or(|validity| validity.contains(row))
    }

    pub fn allocated_bytes(&self) -> usize {
        self.data.allocated_bytes() + self.validity.as_ref().map_or(0, |validity| validity.len().div_ceil(8))
    }

    /// Makes room for so many rows in all and no more, where their width is known.
    pub fn reserve_rows(&mut self, rows: usize) {
        self.data.reserve_rows(rows);
    }

    pub fn push_null(&mut self) {
        let rows = self.len();
        self.data.push_blank();
        let validity = self.validity.get_or_insert_with(|| all_set(rows));
        validity.grow(rows + 1);
    }

    /// Appends `rows` of `source`, which has the same type, in the given order.
    pub fn extend_from_rows(&mut self, source: &Column, rows: impl Iterator<Item = usize> + Clone) {
        let before = self.len();
        self.data.extend_from_rows(&source.data, rows.clone());
        let after = self.len();
        match (&mut self.validity, &source.validity) {
            (None, None) => {}
            (Some(validity), None) => {
                validity.grow(after);
                validity.insert_range(before..after);
            }
            (_, Some(from)) => {
                let validity = self.validity.get_or_insert_with(|| all_set(before));
                validity.grow(after);
                rows.enumerate().for_each(|(at, row)| validity.set(before + at, from.contains(row)));
            }
        }
    }

    pub fn append(&mut self, source: &Column) {
        self.extend_from_rows(source, 0..source.len());
    }

    /// The given rows, in the given order.
    pub fn gather(&self, rows: &[RowOffset]) -> Column {
        let mut column = Column::new(self.data.empty_like());
        column.extend_from_rows(self, rows.iter().map(|row| row.index()));
        column
    }
}

impl ColumnData {
    /// A column of the same type with no rows.
    pub fn empty_like(&self) -> ColumnData {
        match self {
            ColumnData::Array(lists) => {
                ColumnData::Array(Box::new(Lists { offsets: vec![0], elements: lists.elements.empty_like() }))
            }
            ColumnData::FloatVector { dim, .. } => ColumnData::FloatVector { dim: *dim, values: Vec::new() },
            scalar => ColumnData::empty_scalar(scalar.data_type()),
        }
    }
}

fn all_set(rows: usize) -> Mask {
    let mut mask = Mask::with_capacity(rows);
    mask.insert_range(..);
    mask
}
