//! The files of an import side by side, whatever their format, as batches of rows.

use super::input::Chunk;
use super::numpy::NumpyBatches;
use super::reader::RowReader;
use super::{Format, failed, stem};
use crate::error::{Error, Result};
use crate::schema::CollectionSchema;
use crate::value::Batch;

pub struct FileBatches {
    reader: Reader,
    names: Vec<String>,
}

enum Reader {
    /// One file of rows, and whether all of it was pushed.
    Rows { reader: Box<RowReader>, ended: bool },
    /// A file for each field.
    Columns(NumpyBatches),
}

impl FileBatches {
    /// `names` are those of the files, all of one format.
    pub fn new(format: &Format, names: Vec<String>, schema: &CollectionSchema) -> Result<Self> {
        let reader = match format {
            Format::Numpy => {
                let fields: Vec<&str> = names.iter().map(|name| stem(name)).collect();
                Reader::Columns(NumpyBatches::new(schema, &fields)?)
            }
            rows => Reader::Rows { reader: Box::new(RowReader::new(rows, schema)?), ended: false },
        };
        Ok(FileBatches { reader, names })
    }

    /// The file that the next bytes should come from; `None` when all were pushed.
    pub fn next_file(&self) -> Option<usize> {
        match &self.reader {
            Reader::Rows { ended, .. } => (!ended).then_some(0),
            Reader::Columns(columns) => columns.next_file(),
        }
    }

    /// Returns a buffer that is of no use any more.
    pub fn push(&mut self, file: usize, chunk: Chunk) -> Result<Vec<u8>> {
        match &mut self.reader {
            Reader::Rows { reader, .. } => Ok(reader.push(chunk)),
            Reader::Columns(columns) => columns.push(file, chunk),
        }
    }

    /// Says that all bytes of that file were pushed.
    pub fn finish(&mut self, file: usize) -> Result<()> {
        match &mut self.reader {
            Reader::Rows { reader, ended } => {
                reader.finish();
                *ended = true;
                Ok(())
            }
            Reader::Columns(columns) => columns.finish(file),
        }
    }

    /// A full batch, or when all files were pushed what is left; `None` until more bytes are pushed, and at the end.
    pub fn take_batch(&mut self, at_most_rows: usize) -> Result<Option<Batch>> {
        match &mut self.reader {
            Reader::Rows { reader, .. } => {
                reader.take_batch(at_most_rows).map_err(|error| in_file(&self.names[0], error))
            }
            Reader::Columns(columns) => columns.take_batch(at_most_rows),
        }
    }

    /// Where a row is that an import refuses, counted from 1.
    pub fn place(&self, row: u64) -> String {
        match &self.names[..] {
            [only] => format!("file {only}, row {row}"),
            several => format!("files {}, row {row}", several.join(",")),
        }
    }
}

fn in_file(name: &str, error: Error) -> Error {
    match error {
        Error::ImportFailed(text) => failed(format!("file {name}, {text}")),
        other => other,
    }
}
