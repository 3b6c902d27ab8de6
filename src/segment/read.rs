//! Reading sealed segments.

use super::{SegmentManifest, SegmentRows, TIMESTAMP_FIELD, read_column, read_deletes, read_write_times};
use crate::error::{Error, Result};
use crate::ids::{CollectionId, Timestamp};
use crate::schema::{Field, FieldId};
use crate::sorted::SortedMap;
use crate::storage::Files;
use crate::value::Column;
use futures::stream::{self, StreamExt, TryStreamExt};
use std::rc::Rc;

/// Opening a file takes some turns of the browser, in which another can be read.
const COLUMNS_AT_ONCE: usize = 3;

/// Some columns of a segment, the primary key among them, and its deletes. A field that the segment was written without
/// reads as its default or null. `on_read` hears of bytes as they arrive.
pub async fn read_segment(
    files: &impl Files,
    collection: CollectionId,
    manifest: &SegmentManifest,
    fields: &[Field],
    on_read: &dyn Fn(FieldId, u64),
) -> Result<SegmentRows> {
    let columns = read_columns(files, collection, manifest, fields, on_read).await?;
    let primary_key = fields.iter().find(|field| field.is_primary_key).map(|field| field.id);
    let primary_key = primary_key.ok_or_else(|| Error::Unexpected("reading without the primary key".into()))?;
    let mut segment = SegmentRows::new(primary_key, columns, true);
    segment.sealed = Some(manifest.id);
    segment.last_written = manifest.write_quintiles.last().copied().unwrap_or(Timestamp(0));
    segment.imported_at = manifest.imported_at;
    if let Some(last) = manifest.deletes {
        let file = manifest.deletes_file(collection, last);
        segment.deleted = Rc::new(read_deletes(files, &file, manifest.rows).await?);
    }
    Ok(segment)
}

/// Columns as `read_segment` reads them.
pub async fn read_columns(
    files: &impl Files,
    collection: CollectionId,
    manifest: &SegmentManifest,
    fields: &[Field],
    on_read: &dyn Fn(FieldId, u64),
) -> Result<SortedMap<FieldId, Column>> {
    let columns = fields.iter().map(|field| async move {
        let column = read_written(files, collection, manifest, field, &|bytes| on_read(field.id, bytes)).await?;
        Ok((field.id, column.unwrap_or_else(|| Column::missing(field, manifest.rows as usize))))
    });
    let columns: Vec<_> = stream::iter(columns).buffered(COLUMNS_AT_ONCE).try_collect().await?;
    Ok(columns.into_iter().collect())
}

/// A column; `None` where the segment was written without it.
pub async fn read_written(
    files: &impl Files,
    collection: CollectionId,
    manifest: &SegmentManifest,
    field: &Field,
    on_read: &dyn Fn(u64),
) -> Result<Option<Column>> {
    if !manifest.column_bytes.contains_key(&field.id) {
        return Ok(None);
    }
    let file = manifest.column_file(collection, field.id);
    let column = read_column(files, &file, on_read).await?;
    if column.len() != manifest.rows as usize || column.data.data_type() != field.data_type {
        return Err(Error::Corrupt { file, detail: "rows or type differ from the catalog's".into() });
    }
    Ok(Some(column))
}

/// When each row of a segment was written.
pub async fn read_times(
    files: &impl Files,
    collection: CollectionId,
    manifest: &SegmentManifest,
) -> Result<Vec<Timestamp>> {
    let rows = manifest.rows as usize;
    match manifest.imported_at {
        Some(at) => Ok(vec![at; rows]),
        None => read_write_times(files, &manifest.column_file(collection, TIMESTAMP_FIELD), rows, &|_| ()).await,
    }
}
