//! Rows of one file, a batch at a time.

use super::csv::CsvRows;
use super::input::{Chunk, Input, Step};
use super::json_rows::JsonRows;
use super::row::RowColumns;
use super::{Format, MAX_BATCH_BYTES, failed};
use crate::error::{Error, Result};
use crate::schema::CollectionSchema;
use crate::value::Batch;

/// Reads JSON, JSON lines and CSV. Push bytes, take batches until there is none, and push again; after the last bytes `finish`
/// and take the rest. Neither rows nor batches depend on how the file was cut.
pub struct RowReader {
    input: Input,
    rows: Rows,
    columns: RowColumns,
    rows_read: u64,
    /// Of the file, in the rows of the batch that is being filled.
    batch_bytes: usize,
    failure: Option<Error>,
}

enum Rows {
    Json(JsonRows),
    Csv(Box<CsvRows>),
}

impl RowReader {
    pub fn new(format: &Format, schema: &CollectionSchema) -> Result<RowReader> {
        let rows = match format {
            Format::Json => Rows::Json(JsonRows::in_a_list()),
            Format::JsonLines => Rows::Json(JsonRows::lines()),
            Format::Csv { separator, null_key } => Rows::Csv(Box::new(CsvRows::new(*separator, null_key)?)),
            Format::Numpy => return Err(failed("a .npy file holds a column, not rows")),
        };
        Ok(RowReader {
            input: Input::default(),
            rows,
            columns: RowColumns::new(schema),
            rows_read: 0,
            batch_bytes: 0,
            failure: None,
        })
    }

    /// Returns a buffer that is of no use any more.
    pub fn push(&mut self, chunk: Chunk) -> Vec<u8> {
        self.input.push(chunk)
    }

    /// Says that all bytes of the file were pushed.
    pub fn finish(&mut self) {
        self.input.ended = true;
    }

    /// Rows read so far, in batches taken and in the one that is being filled.
    pub fn rows_read(&self) -> u64 {
        self.rows_read
    }

    /// A full batch, or after `finish` what is left; `None` until more bytes are pushed, and at the end. Rows that an earlier
    /// call has read belong to the batch even if that one asked for more.
    pub fn take_batch(&mut self, at_most_rows: usize) -> Result<Option<Batch>> {
        if let Some(failure) = &self.failure {
            return Err(failure.clone());
        }
        let taken = self.read_batch(at_most_rows.max(1));
        self.failure = taken.as_ref().err().cloned();
        taken
    }

    fn read_batch(&mut self, at_most_rows: usize) -> Result<Option<Batch>> {
        while self.columns.rows() < at_most_rows && self.batch_bytes < MAX_BATCH_BYTES {
            if !self.input.begin() {
                return Ok(None);
            }
            let row = self.rows_read + 1;
            let step = match &mut self.rows {
                Rows::Json(rows) => rows.read_row(&mut self.input, row, &mut self.columns),
                Rows::Csv(rows) => rows.read_row(&mut self.input, row, &mut self.columns),
            }?;
            match step {
                Step::Row { bytes } => {
                    self.rows_read = row;
                    self.batch_bytes += bytes;
                }
                Step::MoreBytesNeeded => return Ok(None),
                Step::End if self.columns.rows() == 0 => return Ok(None),
                Step::End => break,
            }
        }
        self.batch_bytes = 0;
        Ok(Some(self.columns.take()))
    }
}
