//! Where the rows of a JSON file begin and end, and reading each into the columns.
//!
//! The ends are found first, by braces alone, so that a row is read when all of it is there and never twice however the file
//! was cut. Whether a row is JSON at all is found out when it is read.

use super::input::{Input, Step};
use super::json::JsonText;
use super::row::RowColumns;
use super::{MAX_ROW_BYTES, Parsed, failed};
use crate::error::Result;
use memchr::{memchr, memchr2, memchr3};

/// The one key of a file that is an object.
const ROOT_KEY: &str = "rows";
/// Enough to say which key is there instead.
const MAX_ROOT_KEY_BYTES: usize = 1024;

pub struct JsonRows {
    place: Place,
    row: RowEnd,
    layout: Layout,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layout {
    Lines,
    List,
    ListInObject,
}

/// What may come next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Start,
    RootKey,
    Colon,
    List,
    FirstRow,
    Row,
    AfterRow,
    ClosingBrace,
    End,
}

impl JsonRows {
    pub fn in_a_list() -> Self {
        JsonRows { place: Place::Start, row: RowEnd::default(), layout: Layout::List }
    }

    pub fn lines() -> Self {
        JsonRows { place: Place::Row, row: RowEnd::default(), layout: Layout::Lines }
    }

    pub fn read_row(&mut self, input: &mut Input, row: u64, columns: &mut RowColumns) -> Result<Step> {
        loop {
            let white = input.rest().iter().take_while(|byte| matches!(byte, b' ' | b'\n' | b'\r' | b'\t')).count();
            input.skip(white);
            let Some(byte) = input.rest().first().copied() else {
                return if input.ended { self.end(row) } else { Ok(Step::MoreBytesNeeded) };
            };
            match (self.place, byte) {
                (Place::FirstRow | Place::Row, b'{') => return self.read_object(input, row, columns),
                // Between lines Milvus takes a comma and does without.
                (Place::AfterRow, b'{') if self.layout == Layout::Lines => {
                    return self.read_object(input, row, columns);
                }
                (Place::RootKey, b'"') => match root_key(input)? {
                    true => self.place = Place::Colon,
                    false => return Ok(Step::MoreBytesNeeded),
                },
                _ => {
                    self.place = self.after(byte, row)?;
                    input.skip(1);
                }
            }
        }
    }

    /// The place after a byte that stands between rows.
    fn after(&mut self, byte: u8, row: u64) -> Result<Place> {
        Ok(match (self.place, byte) {
            (Place::Start, b'[') => Place::FirstRow,
            (Place::Start, b'{') => {
                self.layout = Layout::ListInObject;
                Place::RootKey
            }
            (Place::Colon, b':') => Place::List,
            (Place::List, b'[') => Place::FirstRow,
            (Place::AfterRow, b',') => Place::Row,
            (Place::FirstRow | Place::AfterRow, b']') if self.layout == Layout::ListInObject => Place::ClosingBrace,
            (Place::FirstRow | Place::AfterRow, b']') if self.layout == Layout::List => Place::End,
            (Place::RootKey | Place::ClosingBrace, b'}') => Place::End,
            (Place::Start, _) => {
                return Err(failed("invalid JSON format, the content should be started with '{' or '['"));
            }
            (Place::RootKey | Place::Colon, _) => {
                return Err(failed(format!("invalid JSON format, the root key should be '{ROOT_KEY}'")));
            }
            (Place::List, _) => return Err(failed("invalid JSON format, rows list should begin with '['")),
            (Place::FirstRow | Place::Row, _) => {
                return Err(failed(format!(
                    "row {row}: invalid JSON format, each row should be a key-value map, found {:?}",
                    char::from(byte)
                )));
            }
            (Place::AfterRow, _) => {
                return Err(failed(format!(
                    "row {row}: invalid JSON format, rows list should end with a ']', found {:?} behind the row before",
                    char::from(byte)
                )));
            }
            (Place::ClosingBrace | Place::End, _) => {
                return Err(failed(format!("invalid JSON format, {:?} follows the rows list", char::from(byte))));
            }
        })
    }

    fn end(&self, row: u64) -> Result<Step> {
        match (self.layout, self.place) {
            (Layout::Lines, _) | (_, Place::End) => Ok(Step::End),
            (_, Place::Start) => Err(failed("init failed, failed to decode JSON, error: the file is empty")),
            (_, Place::RootKey | Place::Colon | Place::List) => {
                Err(failed("invalid JSON format, the file ends before its rows"))
            }
            (_, Place::ClosingBrace) => Err(failed("invalid JSON format, the file ends before its last '}'")),
            _ => Err(failed(format!(
                "row {row}: invalid JSON format, rows list should end with a ']', found the end of the file"
            ))),
        }
    }

    fn read_object(&mut self, input: &mut Input, row: u64, columns: &mut RowColumns) -> Result<Step> {
        let too_long = || failed(format!("row {row}: the row has more than {MAX_ROW_BYTES} bytes"));
        let Some(length) = self.row.find(input.rest()) else {
            return if input.rest().len() > MAX_ROW_BYTES {
                Err(too_long())
            } else if input.ended {
                Err(failed(format!("row {row}: failed to parse row, error: the file ends within the row")))
            } else {
                Ok(Step::MoreBytesNeeded)
            };
        };
        if length > MAX_ROW_BYTES {
            return Err(too_long());
        }
        read_object(&input.rest()[..length], columns).map_err(|error| failed(format!("row {row}: {error}")))?;
        input.skip(length);
        self.place = Place::AfterRow;
        Ok(Step::Row { bytes: length })
    }
}

/// Whether the root key is all there; an error if it is another one.
fn root_key(input: &mut Input) -> Result<bool> {
    let rest = &input.rest()[1..];
    let Some(length) = memchr(b'"', &rest[..rest.len().min(MAX_ROOT_KEY_BYTES)]) else {
        return if rest.len() >= MAX_ROOT_KEY_BYTES || input.ended {
            Err(failed(format!("invalid JSON format, the root key should be '{ROOT_KEY}'")))
        } else {
            Ok(false)
        };
    };
    let key = &rest[..length];
    if !key.eq_ignore_ascii_case(ROOT_KEY.as_bytes()) {
        return Err(failed(format!(
            "invalid JSON format, the root key should be '{ROOT_KEY}', but get '{}'",
            String::from_utf8_lossy(key)
        )));
    }
    input.skip(length + 2);
    Ok(true)
}

fn read_object(bytes: &[u8], columns: &mut RowColumns) -> Parsed<()> {
    let text = std::str::from_utf8(bytes)
        .map_err(|error| format!("invalid UTF-8 at byte {} of the row", error.valid_up_to()))?;
    let mut json = JsonText::new(text);
    json.expect(b'{')?;
    if !json.take(b'}') {
        loop {
            let raw_key = json.raw_string()?;
            json.expect(b':')?;
            columns.read_json(raw_key, &mut json)?;
            if !json.take(b',') {
                break;
            }
        }
        json.expect(b'}')?;
    }
    columns.end_row()
}

/// Finds the brace that closes an object of which ever more bytes are there.
#[derive(Debug, Default)]
struct RowEnd {
    scanned: usize,
    depth: usize,
    in_string: bool,
    after_backslash: bool,
}

impl RowEnd {
    /// The object's length, once it is all there. `bytes` begins with the object and only ever grows.
    fn find(&mut self, bytes: &[u8]) -> Option<usize> {
        while self.scanned < bytes.len() {
            let rest = &bytes[self.scanned..];
            if self.after_backslash {
                self.after_backslash = false;
                self.scanned += 1;
                continue;
            }
            let found = if self.in_string { memchr2(b'"', b'\\', rest) } else { memchr3(b'"', b'{', b'}', rest) };
            let Some(at) = found else {
                self.scanned = bytes.len();
                break;
            };
            self.scanned += at + 1;
            match rest[at] {
                b'"' => self.in_string = !self.in_string,
                b'\\' => self.after_backslash = true,
                b'{' => self.depth += 1,
                _ => self.depth -= 1,
            }
            if self.depth == 0 {
                return Some(std::mem::take(self).scanned);
            }
        }
        None
    }
}
