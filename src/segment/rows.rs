//! Rows in memory: what filters and scans work on.

use super::{StoredRows, StoredVectors};
use crate::error::Result;
use crate::expr::{Filter, Rows};
use crate::ids::{IndexId, SegmentId, Timestamp};
use crate::index::SegmentIndex;
use crate::schema::{Field, FieldId};
use crate::sorted::SortedMap;
use crate::value::{Column, ColumnData, Mask, PrimaryKey, PrimaryKeys, RowOffset};
use roaring::RoaringBitmap;
use std::cell::OnceCell;
use std::cmp::Ordering;
use std::collections::HashSet;
use std::rc::Rc;

/// Columns of some rows and which of them are deleted. A clone is a cheap snapshot: what is written later does not show in it.
#[derive(Clone)]
pub struct SegmentRows {
    /// `None` of growing rows.
    pub sealed: Option<SegmentId>,
    pub columns: Rc<SortedMap<FieldId, Rc<Column>>>,
    pub deleted: Rc<RoaringBitmap>,
    /// Fields that are not in memory, because an index takes their place.
    pub stored: Rc<SortedMap<FieldId, StoredVectors>>,
    pub indexes: Rc<SortedMap<IndexId, SegmentIndex>>,
    /// Of codes whose int8 numbers are not in memory.
    pub stored_rows: Rc<SortedMap<IndexId, StoredRows>>,
    /// When each row was written; of sealed rows only known where somebody had to ask.
    pub written: Option<Rc<Vec<Timestamp>>>,
    /// When the last of sealed rows was.
    pub last_written: Timestamp,
    /// Of imported rows: what was deleted before is not meant for them.
    pub imported_at: Option<Timestamp>,
    pub primary_key: FieldId,
    /// Rows ascend by primary key.
    pub sorted: bool,
}

impl Rows for SegmentRows {
    fn row_count(&self) -> usize {
        self.primary_keys().len()
    }

    fn column(&self, field: FieldId) -> Option<&Column> {
        self.columns.get(&field).map(Rc::as_ref)
    }

    fn sorted_by(&self) -> Option<FieldId> {
        self.sorted.then_some(self.primary_key)
    }
}

impl SegmentRows {
    /// When a row was written, or the last one of its segment where that is all that is known.
    pub fn written_by(&self, row: RowOffset) -> Timestamp {
        self.written.as_ref().map_or(self.last_written, |times| times[row.index()])
    }

    pub fn new(primary_key: FieldId, columns: SortedMap<FieldId, Column>, sorted: bool) -> Self {
        assert!(columns.contains_key(&primary_key), "the primary key is always loaded");
        SegmentRows {
            sealed: None,
            columns: Rc::new(columns.into_iter().map(|(field, column)| (field, Rc::new(column))).collect()),
            deleted: Rc::default(),
            stored: Rc::default(),
            indexes: Rc::default(),
            stored_rows: Rc::default(),
            written: None,
            last_written: Timestamp(0),
            imported_at: None,
            primary_key,
            sorted,
        }
    }

    pub fn add_columns(&mut self, columns: SortedMap<FieldId, Column>) {
        let columns = columns.into_iter().map(|(field, column)| (field, Rc::new(column)));
        Rc::make_mut(&mut self.columns).extend(columns);
    }

    /// Gives the rows a field that none of them was written with.
    pub fn add_field(&mut self, field: &Field) {
        let missing = Column::missing(field, self.row_count());
        Rc::make_mut(&mut self.columns).insert(field.id, Rc::new(missing));
    }

    pub fn primary_keys(&self) -> &Column {
        &self.columns[&self.primary_key]
    }

    pub fn primary_key_of(&self, row: RowOffset) -> PrimaryKey {
        match &self.primary_keys().data {
            ColumnData::Int64(keys) => PrimaryKey::Int64(keys[row.index()]),
            ColumnData::VarChar(keys) => PrimaryKey::VarChar(keys.get(row.index()).to_owned()),
            other => unreachable!("a primary key of type {:?}", other.data_type()),
        }
    }

    /// Compares the keys of a row here and one there without copying them.
    pub fn compare_keys(&self, row: RowOffset, other: &SegmentRows, other_row: RowOffset) -> Ordering {
        let (row, other_row) = (row.index(), other_row.index());
        match (&self.primary_keys().data, &other.primary_keys().data) {
            (ColumnData::Int64(here), ColumnData::Int64(there)) => here[row].cmp(&there[other_row]),
            (ColumnData::VarChar(here), ColumnData::VarChar(there)) => here.get(row).cmp(there.get(other_row)),
            _ => unreachable!("primary keys of one collection have one type"),
        }
    }

    /// When the rows were written, or nothing where that is not known.
    pub fn write_times(&self) -> &[Timestamp] {
        self.written.as_ref().map_or(&[], |written| written.as_slice())
    }

    pub fn live_rows(&self) -> usize {
        self.row_count() - self.deleted.len() as usize
    }

    /// Takes the deleted rows out of `mask`.
    pub fn keep_live(&self, mask: &mut Mask) {
        self.deleted.iter().for_each(|row| mask.set(row as usize, false));
    }

    /// Takes the rows out of `mask` that were written before `horizon`, as far as it is known when they were.
    pub fn keep_written_since(&self, horizon: Timestamp, mask: &mut Mask) {
        let expired = self.write_times().iter().enumerate().filter(|(_, at)| **at < horizon);
        expired.for_each(|(row, _)| mask.set(row, false));
    }

    /// Live rows for which a filter is true and that have not expired, as far as it is known when they were written.
    pub fn matching(&self, filter: &Filter, expired_before: Option<Timestamp>) -> Result<Mask> {
        let mut mask = filter.evaluate(self)?;
        self.keep_live(&mut mask);
        if let Some(horizon) = expired_before {
            self.keep_written_since(horizon, &mut mask);
        }
        Ok(mask)
    }

    /// Applies a delete of a time; rows that were not there yet stay.
    pub fn delete_at(&mut self, at: Timestamp, keys: &KeySet<'_>) {
        if self.imported_at.is_none_or(|imported| imported < at) {
            self.delete(keys);
        }
    }

    /// Marks every row with one of these keys as deleted.
    pub fn delete(&mut self, keys: &KeySet<'_>) {
        let found = self.find(keys);
        if !found.is_empty() && !self.deleted.is_superset(&found) {
            *Rc::make_mut(&mut self.deleted) |= found;
        }
    }

    fn find(&self, keys: &KeySet<'_>) -> RoaringBitmap {
        let mut found = RoaringBitmap::new();
        match (&self.primary_keys().data, keys.keys) {
            (ColumnData::Int64(rows), PrimaryKeys::Int64(keys)) if self.sorted => {
                let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return found };
                for key in keys.iter().filter(|key| (first..=last).contains(key)) {
                    let first = rows.partition_point(|row| row < key);
                    let equal = rows[first..].iter().take_while(|row| *row == key).count();
                    found.insert_range(first as u32..(first + equal) as u32);
                }
            }
            (ColumnData::VarChar(rows), PrimaryKeys::VarChar(keys)) if self.sorted => {
                let Some(last) = rows.len().checked_sub(1) else { return found };
                let range = rows.get(0)..=rows.get(last);
                for key in keys.iter().filter(|key| range.contains(&key.as_str())) {
                    let mut at = partition_point(rows.len(), |row| rows.get(row) < key.as_str());
                    while at < rows.len() && rows.get(at) == key {
                        found.insert(at as u32);
                        at += 1;
                    }
                }
            }
            (ColumnData::Int64(rows), PrimaryKeys::Int64(_)) => {
                found.extend((0..rows.len() as u32).filter(|row| keys.has_number(rows[*row as usize])));
            }
            (ColumnData::VarChar(rows), PrimaryKeys::VarChar(_)) => {
                found.extend((0..rows.len() as u32).filter(|row| keys.has_text(rows.get(*row as usize))));
            }
            _ => {}
        }
        found
    }
}

/// So few are compared one after the other.
const FEW_KEYS: usize = 8;

/// Keys that are looked for in many places; where these are not sorted, by hashes that are made once.
pub struct KeySet<'a> {
    keys: &'a PrimaryKeys,
    numbers: OnceCell<HashSet<i64>>,
    texts: OnceCell<HashSet<&'a str>>,
}

impl<'a> KeySet<'a> {
    pub fn of(keys: &'a PrimaryKeys) -> Self {
        KeySet { keys, numbers: OnceCell::new(), texts: OnceCell::new() }
    }

    fn has_number(&self, key: i64) -> bool {
        match self.keys {
            PrimaryKeys::Int64(keys) if keys.len() <= FEW_KEYS => keys.contains(&key),
            PrimaryKeys::Int64(keys) => self.numbers.get_or_init(|| keys.iter().copied().collect()).contains(&key),
            PrimaryKeys::VarChar(_) => false,
        }
    }

    fn has_text(&self, key: &str) -> bool {
        match self.keys {
            PrimaryKeys::VarChar(keys) if keys.len() <= FEW_KEYS => keys.iter().any(|known| known == key),
            PrimaryKeys::VarChar(keys) => {
                self.texts.get_or_init(|| keys.iter().map(String::as_str).collect()).contains(key)
            }
            PrimaryKeys::Int64(_) => false,
        }
    }
}

fn partition_point(len: usize, before: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (0, len);
    while low < high {
        let middle = low + (high - low) / 2;
        if before(middle) { low = middle + 1 } else { high = middle }
    }
    low
}
