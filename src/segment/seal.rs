//! Writing sealed segments: rows of several sources, sorted by primary key, one file per field.

use super::manifest::write_quintiles;
use super::{SegmentManifest, TIMESTAMP_FIELD, write_column};
use crate::error::Result;
use crate::ids::{CollectionId, SegmentId, Timestamp};
use crate::schema::Field;
use crate::storage::Files;
use crate::value::{Column, ColumnData};
use futures::stream::{self, StreamExt};
use roaring::RoaringBitmap;
use std::cell::RefCell;

const FIELDS_AT_ONCE: usize = 3;

/// A source's keys, times and deleted rows: what decides the order of the rows and which of them stay.
pub struct SealSource<'a> {
    pub primary_keys: &'a Column,
    pub timestamps: &'a [Timestamp],
    pub deleted: &'a RoaringBitmap,
}

/// (source, row) of every row that stays, by primary key, older before newer.
pub fn merge_order(sources: &[SealSource]) -> Vec<(u32, u32)> {
    let mut order: Vec<(u32, u32)> = Vec::new();
    for (at, source) in sources.iter().enumerate() {
        let rows = (0..source.timestamps.len() as u32).filter(|row| !source.deleted.contains(*row));
        order.extend(rows.map(|row| (at as u32, row)));
    }
    let written = |(source, row): &(u32, u32)| sources[*source as usize].timestamps[*row as usize];
    match sources.first().map(|source| &source.primary_keys.data) {
        Some(ColumnData::Int64(_)) => order.sort_by_key(|at| match &sources[at.0 as usize].primary_keys.data {
            ColumnData::Int64(keys) => (keys[at.1 as usize], written(at)),
            _ => unreachable!("primary keys of one collection have one type"),
        }),
        _ => order.sort_by(|left, right| {
            let key = |at: &(u32, u32)| match &sources[at.0 as usize].primary_keys.data {
                ColumnData::VarChar(keys) => keys.get(at.1 as usize),
                _ => unreachable!("primary keys of one collection have one type"),
            };
            key(left).cmp(key(right)).then_with(|| written(left).cmp(&written(right)))
        }),
    }
    order
}

/// What a segment is to be.
#[derive(Clone, Copy)]
pub struct SealPlan<'a> {
    pub collection: CollectionId,
    pub id: SegmentId,
    pub fields: &'a [Field],
    /// (source, row) of its rows.
    pub order: &'a [(u32, u32)],
}

/// Writes the rows as the files of the segment. `column(source, field)` gives a source's column; one that the source does not
/// have (`None`) reads as the field's default or null. `seen` is shown each column before it is written. A few fields at a time
/// are in memory: while one is written, the next is put together.
pub async fn seal<F: Files>(
    files: &F,
    SealPlan { collection, id, fields, order }: SealPlan<'_>,
    column: impl AsyncFn(u32, &Field) -> Result<Option<Column>>,
    seen: impl FnMut(&Field, &Column),
) -> Result<SegmentManifest> {
    let mut manifest = SegmentManifest::new(id, order.len() as u32);
    let sources = order.iter().map(|(source, _)| *source + 1).max().unwrap_or(0);
    let seen = RefCell::new(seen);
    let names: Vec<String> = fields.iter().map(|field| manifest.column_file(collection, field.id)).collect();
    let writes = fields.iter().zip(&names).map(async |(field, name)| {
        let mut columns = Vec::new();
        for source in 0..sources {
            columns.push(column(source, field).await?);
        }
        let mut sealed = Column::empty(field);
        sealed.reserve_rows(order.len());
        for run in order.chunk_by(|left, right| left.0 == right.0) {
            match &columns[run[0].0 as usize] {
                Some(source) => sealed.extend_from_rows(source, run.iter().map(|(_, row)| *row as usize)),
                None => sealed.append(&Column::missing(field, run.len())),
            }
        }
        drop(columns);
        (seen.borrow_mut())(field, &sealed);
        Ok((field.id, write_column(files, name, &sealed).await?))
    });
    // Each to its end: one that is given up would leave what it has written.
    let written: Vec<Result<_>> = stream::iter(writes).buffered(FIELDS_AT_ONCE).collect().await;
    manifest.column_bytes = written.into_iter().collect::<Result<_>>()?;
    Ok(manifest)
}

/// Writes when each of a segment's rows was written, in their order.
pub async fn seal_times(
    files: &impl Files,
    collection: CollectionId,
    manifest: &mut SegmentManifest,
    times: Vec<Timestamp>,
) -> Result<()> {
    let written = times.iter().map(|at| at.0 as i64).collect();
    manifest.write_quintiles = write_quintiles(times);
    let name = manifest.column_file(collection, TIMESTAMP_FIELD);
    let written = Column::new(ColumnData::Int64(written));
    manifest.column_bytes.insert(TIMESTAMP_FIELD, write_column(files, &name, &written).await?);
    Ok(())
}
