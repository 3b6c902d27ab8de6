//! Writing sealed segments: rows of several sources, sorted by primary key, one file per field.

use super::manifest::write_quintiles;
use super::{SegmentManifest, TIMESTAMP_FIELD, write_column, write_vectors};
use crate::error::Result;
use crate::ids::{CollectionId, SegmentId, Timestamp};
use crate::schema::Field;
use crate::storage::Files;
use crate::value::{Column, ColumnData, RowOffset};
use futures::future::join;
use futures::stream::{self, StreamExt};
use roaring::RoaringBitmap;

const FIELDS_AT_ONCE: usize = 3;

/// A source's keys, times and deleted rows: what decides the order of the rows and which of them stay.
pub struct SealSource<'a> {
    pub primary_keys: &'a Column,
    pub timestamps: &'a [Timestamp],
    pub deleted: &'a RoaringBitmap,
}

/// Where a row of the new segment comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SourceRow {
    /// The source's place among all.
    pub source: u32,
    pub row: RowOffset,
}

/// When a row of the order was written.
pub fn written_in(sources: &[SealSource], at: SourceRow) -> Timestamp {
    sources[at.source as usize].timestamps[at.row.index()]
}

/// Every row that stays, by primary key, older before newer.
pub fn merge_order(sources: &[SealSource]) -> Vec<SourceRow> {
    let mut order = Vec::new();
    for (at, source) in sources.iter().enumerate() {
        let rows = (0..source.timestamps.len() as u32).filter(|row| !source.deleted.contains(*row));
        order.extend(rows.map(|row| SourceRow { source: at as u32, row: RowOffset(row) }));
    }
    let written = |at: &SourceRow| written_in(sources, *at);
    match sources.first().map(|source| &source.primary_keys.data) {
        Some(ColumnData::Int64(_)) => order.sort_by_key(|at| match &sources[at.source as usize].primary_keys.data {
            ColumnData::Int64(keys) => (keys[at.row.index()], written(at)),
            _ => unreachable!("primary keys of one collection have one type"),
        }),
        _ => order.sort_by(|left, right| {
            let key = |at: &SourceRow| match &sources[at.source as usize].primary_keys.data {
                ColumnData::VarChar(keys) => keys.get(at.row.index()),
                _ => unreachable!("primary keys of one collection have one type"),
            };
            key(left).cmp(key(right)).then_with(|| written(left).cmp(&written(right)))
        }),
    }
    order
}

/// What becomes a column's file.
pub enum SealedColumn {
    Whole(Column),
    /// Vectors without nulls, where their sources have them: they were sorted as they came.
    InParts {
        dim: usize,
        parts: Vec<Vec<f32>>,
    },
}

impl SealedColumn {
    /// Puts a column together of what its sources have of it; one that a source does not have is that field's default or null.
    fn new(field: &Field, sources: Vec<Option<Column>>, order: &[SourceRow]) -> Self {
        let plain_dim = |source: &Option<Column>| match source {
            Some(Column { data: ColumnData::FloatVector { dim, .. }, validity: None }) => Some(*dim),
            _ => None,
        };
        let rows = sources.iter().flatten().map(Column::len);
        let as_they_are = (0..)
            .zip(rows)
            .flat_map(|(source, rows)| (0..rows).map(move |row| SourceRow { source, row: RowOffset::from_index(row) }));
        if let Some(dim) = sources.first().and_then(plain_dim)
            && sources.iter().all(|source| plain_dim(source).is_some())
            && as_they_are.eq(order.iter().copied())
        {
            let values = sources.into_iter().flatten().filter_map(|source| match source.data {
                ColumnData::FloatVector { values, .. } => Some(values),
                _ => None,
            });
            return SealedColumn::InParts { dim, parts: values.collect() };
        }
        let mut sealed = Column::empty(field);
        sealed.reserve_rows(order.len());
        for run in order.chunk_by(|left, right| left.source == right.source) {
            match &sources[run[0].source as usize] {
                Some(source) => sealed.extend_from_rows(source, run.iter().map(|at| at.row.index())),
                None => sealed.append(&Column::missing(field, run.len())),
            }
        }
        SealedColumn::Whole(sealed)
    }

    /// Dim and vectors.
    pub fn vectors(&self) -> Option<(usize, Vec<&[f32]>)> {
        match self {
            SealedColumn::Whole(Column { data: ColumnData::FloatVector { dim, values }, .. }) => {
                Some((*dim, vec![values]))
            }
            SealedColumn::Whole(_) => None,
            SealedColumn::InParts { dim, parts } => Some((*dim, parts.iter().map(Vec::as_slice).collect())),
        }
    }

    async fn write(&self, files: &impl Files, name: &str) -> Result<u64> {
        match self {
            SealedColumn::Whole(column) => write_column(files, name, column).await,
            SealedColumn::InParts { dim, parts } => {
                let parts: Vec<&[f32]> = parts.iter().map(Vec::as_slice).collect();
                write_vectors(files, name, *dim, &parts).await
            }
        }
    }
}

/// What a segment is to be.
#[derive(Clone, Copy)]
pub struct SealPlan<'a> {
    pub collection: CollectionId,
    pub id: SegmentId,
    pub fields: &'a [Field],
    /// Its rows, in their order.
    pub order: &'a [SourceRow],
}

/// Writes the rows as the files of the segment. `column(source, field)` gives a source's column; one that the source does not
/// have (`None`) reads as the field's default or null. `seen` is shown each column while it is written. A few fields at a time
/// are in memory: while one is written, the next is put together.
pub async fn seal<F: Files>(
    files: &F,
    SealPlan { collection, id, fields, order }: SealPlan<'_>,
    column: impl AsyncFn(u32, &Field) -> Result<Option<Column>>,
    seen: impl AsyncFn(&Field, &SealedColumn) -> Result<()>,
) -> Result<SegmentManifest> {
    let mut manifest = SegmentManifest::new(id, order.len() as u32);
    let sources = order.iter().map(|at| at.source + 1).max().unwrap_or(0);
    let names: Vec<String> = fields.iter().map(|field| manifest.column_file(collection, field.id)).collect();
    let writes = fields.iter().zip(&names).map(async |(field, name)| {
        let mut columns = Vec::new();
        for source in 0..sources {
            columns.push(column(source, field).await?);
        }
        let sealed = SealedColumn::new(field, columns, order);
        let (written, seen) = join(sealed.write(files, name), seen(field, &sealed)).await;
        seen?;
        Ok((field.id, written?))
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
