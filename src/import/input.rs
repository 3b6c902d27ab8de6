//! Bytes of a file that were pushed and not yet read.

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

#[derive(Debug, Default)]
pub struct Input {
    bytes: Vec<u8>,
    read: usize,
    /// Whether no more bytes come.
    pub ended: bool,
    begun: bool,
}

/// What reading one row came to.
pub enum Step {
    Row { bytes: usize },
    MoreBytesNeeded,
    End,
}

impl Input {
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.read);
        self.read = 0;
        self.bytes.extend_from_slice(bytes);
    }

    pub fn rest(&self) -> &[u8] {
        &self.bytes[self.read..]
    }

    pub fn skip(&mut self, count: usize) {
        self.read += count;
    }

    /// Whether the file's beginning is here and its byte order mark, if it has one, behind us.
    pub fn begin(&mut self) -> bool {
        let enough = self.ended || self.rest().len() >= BYTE_ORDER_MARK.len();
        if !self.begun && enough {
            self.begun = true;
            if self.rest().starts_with(BYTE_ORDER_MARK) {
                self.skip(BYTE_ORDER_MARK.len());
            }
        }
        self.begun
    }
}
