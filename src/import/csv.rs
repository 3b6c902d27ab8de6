//! Rows of a CSV file: a header with the fields' names, then as many cells a row.

use super::input::{Input, Step};
use super::row::{RowColumns, Target};
use super::{MAX_ROW_BYTES, Parsed, failed};
use crate::error::Result;
use csv_core::ReadRecordResult;
use memchr::memchr;

const MAX_COLUMNS: usize = 4096;

pub struct CsvRows {
    reader: csv_core::Reader,
    quotes: Quotes,
    null_key: String,
    header: Option<Vec<HeaderCell>>,
    cells: Cells,
    /// Of the file, in the record that is being read.
    record_bytes: usize,
}

/// csv-core takes quotes wherever they are, and so a file that was cut, or cells that swallow rows. Milvus refuses such.
struct Quotes {
    separator: u8,
    place: Place,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    StartOfCell,
    Unquoted,
    Quoted,
    /// Behind a quote in a quoted cell, which closes it or is the first of two.
    BehindQuote,
}

struct HeaderCell {
    name: String,
    target: Target,
    takes_null: bool,
}

/// The cells of one record, their texts one after another.
struct Cells {
    text: Vec<u8>,
    text_length: usize,
    ends: Vec<usize>,
    count: usize,
}

impl CsvRows {
    pub fn new(separator: char, null_key: &str) -> Result<Self> {
        let usable = separator.is_ascii() && !matches!(separator, '\0' | '\n' | '\r' | '"');
        let Some(byte) = u8::try_from(separator).ok().filter(|_| usable) else {
            return Err(failed(format!("unsupported csv separator: {separator:?}")));
        };
        Ok(CsvRows {
            reader: csv_core::ReaderBuilder::new().delimiter(byte).build(),
            quotes: Quotes { separator: byte, place: Place::StartOfCell },
            null_key: null_key.to_owned(),
            header: None,
            // One more than may come, so that a record of too many is told from one that fits.
            cells: Cells { text: vec![0; 4096], text_length: 0, ends: vec![0; MAX_COLUMNS + 1], count: 0 },
            record_bytes: 0,
        })
    }

    pub fn read_row(&mut self, input: &mut Input, row: u64, columns: &mut RowColumns) -> Result<Step> {
        if self.header.is_none() {
            match self.read_record(input).map_err(|error| failed(format!("header: {error}")))? {
                Step::Row { .. } => {
                    let header = self.read_header(columns).map_err(|error| failed(format!("header: {error}")))?;
                    self.header = Some(header);
                }
                Step::End => return Err(failed("header: the file is empty")),
                Step::MoreBytesNeeded => return Ok(Step::MoreBytesNeeded),
            }
        }
        let in_row = |error: String| failed(format!("row {row}: {error}"));
        let step = self.read_record(input).map_err(in_row)?;
        if let Step::Row { .. } = step {
            self.read_cells(columns).map_err(in_row)?;
        }
        Ok(step)
    }

    fn read_record(&mut self, input: &mut Input) -> Parsed<Step> {
        if self.record_bytes == 0 {
            self.cells.text_length = 0;
            self.cells.count = 0;
        }
        loop {
            let bytes = input.rest();
            if bytes.is_empty() && !input.ended {
                return Ok(Step::MoreBytesNeeded);
            }
            // With three bytes at once csv-core would drop a second byte order mark, depending on how the file was cut.
            let at_start = self.header.is_none() && self.record_bytes == 0;
            let bytes = if at_start { &bytes[..bytes.len().min(1)] } else { bytes };
            let cells = &mut self.cells;
            let (result, read, written, ended) =
                self.reader.read_record(bytes, &mut cells.text[cells.text_length..], &mut cells.ends[cells.count..]);
            self.quotes.follow(&bytes[..read])?;
            input.skip(read);
            self.record_bytes += read;
            cells.text_length += written;
            cells.count += ended;
            if self.record_bytes > MAX_ROW_BYTES {
                return Err(format!("the row has more than {MAX_ROW_BYTES} bytes"));
            }
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull => cells.text.resize(cells.text.len() * 2, 0),
                ReadRecordResult::OutputEndsFull => return Err(format!("the row has more than {MAX_COLUMNS} cells")),
                ReadRecordResult::Record if self.quotes.place == Place::Quoted => return Err(OPEN_QUOTE.to_owned()),
                ReadRecordResult::Record => return Ok(Step::Row { bytes: std::mem::take(&mut self.record_bytes) }),
                ReadRecordResult::End => return Ok(Step::End),
            }
        }
    }

    fn read_header(&self, columns: &mut RowColumns) -> Parsed<Vec<HeaderCell>> {
        let mut header: Vec<HeaderCell> = Vec::with_capacity(self.cells.count);
        for at in 0..self.cells.count {
            let name = self.cells.get(at)?;
            if header.iter().any(|cell| cell.name == name) {
                return Err(format!("duplicated field is not allowed, field={name}"));
            }
            let target = columns.target(name)?;
            header.push(HeaderCell { name: name.to_owned(), target, takes_null: columns.takes_null(target) });
        }
        columns.check_names(|name| header.iter().any(|cell| cell.name == name))?;
        Ok(header)
    }

    fn read_cells(&self, columns: &mut RowColumns) -> Parsed<()> {
        let header = self.header.as_deref().unwrap_or_default();
        if self.cells.count != header.len() {
            return Err(format!(
                "the number of fields in the row is not equal to the header, expected {}, got {}",
                header.len(),
                self.cells.count
            ));
        }
        for (at, cell) in header.iter().enumerate() {
            let text = self.cells.get(at).map_err(|error| format!("field '{}': {error}", cell.name))?;
            let value = (!cell.takes_null || text != self.null_key).then_some(text);
            columns.read_text(cell.target, &cell.name, value)?;
        }
        columns.end_row()
    }
}

const OPEN_QUOTE: &str = "extraneous or missing \" in quoted-field";

impl Quotes {
    fn follow(&mut self, bytes: &[u8]) -> Parsed<()> {
        let mut at = 0;
        while at < bytes.len() {
            match self.place {
                Place::Quoted => {
                    let Some(length) = memchr(b'"', &bytes[at..]) else { return Ok(()) };
                    self.place = Place::BehindQuote;
                    at += length + 1;
                }
                Place::BehindQuote => {
                    self.place = match bytes[at] {
                        b'"' => Place::Quoted,
                        byte if self.ends_cell(byte) => Place::StartOfCell,
                        _ => return Err(OPEN_QUOTE.to_owned()),
                    };
                    at += 1;
                }
                Place::StartOfCell if bytes[at] == b'"' => {
                    self.place = Place::Quoted;
                    at += 1;
                }
                Place::Unquoted if bytes[at] == b'"' => return Err("bare \" in non-quoted field".to_owned()),
                Place::StartOfCell | Place::Unquoted => {
                    at = memchr(b'"', &bytes[at..]).map_or(bytes.len(), |length| at + length);
                    self.place = if self.ends_cell(bytes[at - 1]) { Place::StartOfCell } else { Place::Unquoted };
                }
            }
        }
        Ok(())
    }

    fn ends_cell(&self, byte: u8) -> bool {
        byte == self.separator || matches!(byte, b'\r' | b'\n')
    }
}

impl Cells {
    fn get(&self, at: usize) -> Parsed<&str> {
        let start = if at == 0 { 0 } else { self.ends[at - 1] };
        std::str::from_utf8(&self.text[start..self.ends[at]])
            .map_err(|error| format!("invalid UTF-8 at byte {} of column {}", error.valid_up_to(), at + 1))
    }
}
