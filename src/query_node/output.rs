//! Rows of several segments as the columns of an answer.

use crate::error::{Error, Result};
use crate::schema::Field;
use crate::segment::SegmentRows;
use crate::value::{Batch, Column, ColumnData, RowOffset};

/// Where a row of an answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RowAt {
    pub segment: u32,
    pub row: RowOffset,
}

/// JSON and the columns beside it, as a client gets them.
#[derive(Debug)]
pub struct NodeReply {
    pub body: String,
    pub blobs: Vec<Vec<u8>>,
}

/// The given rows of the given fields, in the given order.
pub(super) fn gather(segments: &[SegmentRows], fields: &[Field], rows: &[RowAt]) -> Result<Batch> {
    let mut columns = Vec::with_capacity(fields.len());
    for field in fields {
        let mut column = Column::empty(field);
        // Doubling by itself, the column of a large answer would leave its instance with several times as much memory.
        column.reserve_rows(rows.len());
        for run in rows.chunk_by(|left, right| left.segment == right.segment) {
            let segment = &segments[run[0].segment as usize];
            if let Some(resident) = segment.columns.get(&field.id) {
                column.extend_from_rows(resident, run.iter().map(|at| at.row.index()));
            } else if let Some(stored) = segment.stored.get(&field.id) {
                let wanted: Vec<RowOffset> = run.iter().map(|at| at.row).collect();
                let values = stored.read(&wanted)?;
                column.append(&Column::new(ColumnData::FloatVector { dim: stored.dim(), values }));
            } else {
                return Err(Error::invalid(format!("field {} is not loaded", field.name)));
            }
        }
        columns.push((field.name.clone(), column));
    }
    Ok(Batch { rows: rows.len(), columns })
}
