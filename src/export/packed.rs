//! Rows as columns, packed as those of a result are.

use super::ExportRows;
use crate::schema::Field;
use crate::value::{Batch, Column, ColumnData, RowOffset, Strings};

/// A batch without rows: it says which columns there are, and their types.
pub(super) fn empty(fields: &[Field]) -> Vec<u8> {
    let columns = fields.iter().map(|field| (field.name.clone(), Column::empty(field))).collect();
    Batch { rows: 0, columns }.encode()
}

impl ExportRows<'_> {
    /// Puts rows of about `enough_bytes` into one batch; returns how many.
    pub(super) fn pack(&self, rows: &[RowOffset], enough_bytes: usize, out: &mut Vec<u8>) -> usize {
        let mut bytes = 0;
        let fitting = rows.iter().take_while(|row| {
            let enough = bytes >= enough_bytes;
            bytes += self.columns.iter().map(|(_, column)| value_bytes(&column.data, row.index())).sum::<usize>();
            !enough
        });
        let rows = &rows[..fitting.count()];
        let columns = self.columns.iter().map(|(field, column)| {
            let gathered = column.gather(rows);
            (field.name.clone(), if field.is_dynamic { self.chosen_keys(&gathered) } else { gathered })
        });
        *out = Batch { rows: rows.len(), columns: columns.collect() }.encode();
        rows.len()
    }

    fn chosen_keys(&self, column: &Column) -> Column {
        let ColumnData::Json(texts) = &column.data else { return column.clone() };
        let mut chosen = Strings::default();
        for text in texts.iter() {
            let mut object = Vec::new();
            self.dynamic.push(text, &mut object);
            chosen.push(&String::from_utf8_lossy(&object));
        }
        Column { data: ColumnData::Json(chosen), validity: column.validity.clone() }
    }
}

fn value_bytes(data: &ColumnData, row: usize) -> usize {
    match data {
        ColumnData::VarChar(texts) | ColumnData::Json(texts) => texts.get(row).len(),
        ColumnData::Array(lists) => lists.range(row).map(|at| value_bytes(&lists.elements, at)).sum(),
        ColumnData::FloatVector { dim, .. } => dim * size_of::<f32>(),
        _ => size_of::<u64>(),
    }
}
