//! Rows that only the log holds: appended as they are written, dropped when a sealed segment has them.

use super::{KeySet, SegmentRows};
use crate::ids::Timestamp;
use crate::schema::{Field, FieldId};
use crate::sorted::SortedMap;
use crate::value::{Batch, Column, RowOffset};
use std::rc::Rc;

/// Rows of a chunk at most, so that a chunk which a running search still looks at is cheap to copy before it changes.
const CHUNK_ROWS: usize = 4096;
/// What is worth a chunk of its own.
const MOVED_ROWS: usize = 512;
const MOVED_BYTES: usize = 1 << 20;

#[derive(Clone)]
pub struct Growing {
    fields: Rc<[Field]>,
    primary_key: FieldId,
    /// Their times of writing ascend.
    chunks: Vec<SegmentRows>,
}

impl Growing {
    /// `fields`: those to keep, the primary key among them.
    pub fn new(fields: Rc<[Field]>) -> Self {
        let primary_key =
            fields.iter().find(|field| field.is_primary_key).expect("the primary key is always loaded").id;
        Growing { fields, primary_key, chunks: Vec::new() }
    }

    /// The rows as segments, oldest first.
    pub fn chunks(&self) -> impl Iterator<Item = &SegmentRows> {
        self.chunks.iter()
    }

    pub fn row_count(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.write_times().len()).sum()
    }

    pub fn into_chunks(self) -> Vec<SegmentRows> {
        self.chunks
    }

    /// As `append`, for rows that nobody else needs: many of them stay where they are.
    pub fn append_owned(&mut self, at: Timestamp, mut batch: Batch) {
        let is_large =
            || batch.columns.iter().map(|(_, column)| column.allocated_bytes()).sum::<usize>() >= MOVED_BYTES;
        if batch.rows > CHUNK_ROWS || batch.rows < MOVED_ROWS && !is_large() {
            return self.append(at, &batch);
        }
        let mut columns = SortedMap::new();
        for field in self.fields.iter() {
            let given = batch.columns.iter().position(|(name, _)| *name == field.name);
            let column = given.map(|given| batch.columns.swap_remove(given).1);
            columns.insert(field.id, column.unwrap_or_else(|| Column::missing(field, batch.rows)));
        }
        let written = Some(Rc::new(vec![at; batch.rows]));
        self.chunks.push(SegmentRows { written, ..SegmentRows::new(self.primary_key, columns, false) });
    }

    /// Appends what was written at `at`, later than everything before.
    pub fn append(&mut self, at: Timestamp, batch: &Batch) {
        let mut from = 0;
        while from < batch.rows {
            if self.chunks.last().is_none_or(|chunk| chunk.write_times().len() >= CHUNK_ROWS) {
                self.chunks.push(self.empty_chunk());
            }
            let fields = self.fields.clone();
            let chunk = self.chunks.last_mut().expect("there is a chunk now");
            let rows_before = chunk.write_times().len();
            let to = batch.rows.min(from + CHUNK_ROWS - rows_before);
            let columns = Rc::make_mut(&mut chunk.columns);
            for field in fields.iter() {
                let column = Rc::make_mut(columns.get_mut(&field.id).expect("a chunk has every field"));
                // Doubling by itself, a vector would end with room for twice a chunk.
                column.reserve_rows((rows_before + to - from).next_power_of_two().min(CHUNK_ROWS));
                match batch.column(&field.name) {
                    Some(source) => column.extend_from_rows(source, from..to),
                    None => column.append(&Column::missing(field, to - from)),
                }
            }
            let times = Rc::make_mut(chunk.written.get_or_insert_default());
            times.resize(times.len() + to - from, at);
            from = to;
        }
    }

    pub fn add_field(&mut self, field: &Field) {
        self.fields = self.fields.iter().chain([field]).cloned().collect();
        self.chunks.iter_mut().for_each(|chunk| chunk.add_field(field));
    }

    fn empty_chunk(&self) -> SegmentRows {
        let columns: SortedMap<_, _> = self.fields.iter().map(|field| (field.id, Column::empty(field))).collect();
        SegmentRows { written: Some(Rc::default()), ..SegmentRows::new(self.primary_key, columns, false) }
    }

    /// Marks every row with one of these keys as deleted.
    pub fn delete(&mut self, keys: &KeySet<'_>) {
        self.chunks.iter_mut().for_each(|chunk| chunk.delete(keys));
    }

    /// Forgets the rows that were written at `flushed` or before: a sealed segment has them now.
    pub fn drop_through(&mut self, flushed: Timestamp) {
        self.chunks.retain(|chunk| chunk.write_times().last().is_some_and(|last| *last > flushed));
        let Some(chunk) = self.chunks.first_mut() else { return };
        let kept_from = chunk.write_times().partition_point(|at| *at <= flushed);
        if kept_from == 0 {
            return;
        }
        let kept: Vec<RowOffset> = (kept_from..chunk.write_times().len()).map(RowOffset::from_index).collect();
        let columns = chunk.columns.iter().map(|(field, column)| (*field, column.gather(&kept))).collect();
        let deleted = chunk.deleted.iter().filter(|row| *row as usize >= kept_from);
        *chunk = SegmentRows {
            deleted: Rc::new(deleted.map(|row| row - kept_from as u32).collect()),
            written: Some(Rc::new(chunk.write_times()[kept_from..].to_vec())),
            ..SegmentRows::new(self.primary_key, columns, false)
        };
    }
}
