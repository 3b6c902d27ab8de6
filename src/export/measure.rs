//! What all rows of an export decide together.

use super::{ExportFormat, ExportRows};
use crate::schema::{DataType, Field, FieldId};
use crate::sorted::SortedMap;
use crate::value::RowOffset;
use serde::{Deserialize, Serialize};

/// Stands for null in a CSV file in which the empty text is a value; with the next number behind it where the file has that
/// text, too.
const NULL_KEY: &str = "\\N";

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Measures {
    pub rows: u64,
    fields: SortedMap<FieldId, FieldMeasure>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct FieldMeasure {
    pub nulls: u64,
    pub longest_characters: u32,
    pub has_empty_text: bool,
    /// U+0000, which NumPy fills texts up with, and which Milvus leaves out wherever in a text it is.
    pub has_zero: bool,
    /// Of texts that look like a null key, one more than the highest number.
    free_null_key: u32,
}

/// Whether the values of a field decide how an export is written.
pub fn needs_measuring(format: ExportFormat, field: &Field) -> bool {
    let is_text = matches!(field.data_type, DataType::VarChar | DataType::Json);
    match format {
        ExportFormat::Csv => field.takes_null() && field.data_type == DataType::VarChar,
        ExportFormat::Numpy => is_text || field.nullable,
        ExportFormat::JsonLines | ExportFormat::Parquet => false,
    }
}

impl ExportRows<'_> {
    pub fn measure(&self, format: ExportFormat, rows: &[RowOffset], measures: &mut Measures) {
        measures.rows += rows.len() as u64;
        for (field, column) in self.columns.iter().filter(|(field, _)| needs_measuring(format, field)) {
            let measure = measures.fields.entry(field.id).or_default();
            for row in rows.iter().map(|row| row.index()) {
                match self.text(field, column, row) {
                    _ if !column.is_valid(row) => measure.nulls += 1,
                    Some(text) => measure.add_text(&text),
                    None => {}
                }
            }
        }
    }
}

impl Measures {
    pub fn add(&mut self, more: Measures) {
        self.rows += more.rows;
        for (field, more) in more.fields {
            let measure = self.fields.entry(field).or_default();
            measure.nulls += more.nulls;
            measure.longest_characters = measure.longest_characters.max(more.longest_characters);
            measure.has_empty_text |= more.has_empty_text;
            measure.has_zero |= more.has_zero;
            measure.free_null_key = measure.free_null_key.max(more.free_null_key);
        }
    }

    pub(super) fn of(&self, field: &Field) -> FieldMeasure {
        self.fields.get(&field.id).cloned().unwrap_or_default()
    }

    /// A text that no cell has which could be null; the empty one, as Milvus expects it, if possible.
    pub(super) fn null_key(&self) -> String {
        if !self.fields.values().any(|measure| measure.has_empty_text) {
            return String::new();
        }
        match self.fields.values().map(|measure| measure.free_null_key).max() {
            None | Some(0) => NULL_KEY.to_owned(),
            Some(number) => format!("{NULL_KEY}{number}"),
        }
    }
}

impl FieldMeasure {
    fn add_text(&mut self, text: &str) {
        self.longest_characters = self.longest_characters.max(text.chars().count() as u32);
        self.has_empty_text |= text.is_empty();
        self.has_zero |= text.contains('\0');
        if let Some(digits) = text.strip_prefix(NULL_KEY) {
            // What is no number of this kind is no key that could be chosen.
            let number = if digits.is_empty() { Some(0) } else { digits.parse::<u32>().ok() };
            self.free_null_key = self.free_null_key.max(number.map_or(0, |number| number.saturating_add(1)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn null_key(texts: &[&str]) -> String {
        let mut measures = Measures::default();
        for (at, text) in texts.iter().enumerate() {
            let mut more = Measures::default();
            more.fields.entry(FieldId(at as i64 % 2)).or_default().add_text(text);
            measures.add(more);
        }
        measures.null_key()
    }

    #[test]
    fn the_null_key_is_no_text_of_the_file() {
        for (texts, expected) in [
            (&["a", "\\N"][..], ""),
            (&["", "b"], "\\N"),
            (&["", "\\N"], "\\N1"),
            (&["\\N7", "", "\\N", "\\N07x"], "\\N8"),
        ] {
            assert_eq!(null_key(texts), expected, "{texts:?}");
        }
    }
}
