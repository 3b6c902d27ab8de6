//! Bytes of a file that were pushed and not yet read.

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Bytes of a file that are handed over. In front of them there may be room for what is still unread of those before.
#[derive(Debug, Default)]
pub struct Chunk {
    bytes: Vec<u8>,
    start: usize,
}

impl Chunk {
    /// A buffer to be filled: `length` bytes behind `room`.
    pub fn in_buffer(mut buffer: Vec<u8>, room: usize, length: usize) -> Chunk {
        buffer.resize(room + length, 0);
        Chunk { bytes: buffer, start: room }
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    pub fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[self.start..]
    }
}

impl From<&[u8]> for Chunk {
    fn from(bytes: &[u8]) -> Chunk {
        Chunk { bytes: bytes.to_vec(), start: 0 }
    }
}

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
    /// Returns a buffer that is of no use any more.
    pub fn push(&mut self, Chunk { mut bytes, start }: Chunk) -> Vec<u8> {
        let rest = self.rest();
        if let Some(read) = start.checked_sub(rest.len()) {
            bytes[read..start].copy_from_slice(rest);
            self.read = read;
            return std::mem::replace(&mut self.bytes, bytes);
        }
        self.bytes.drain(..self.read);
        self.read = 0;
        self.bytes.extend_from_slice(&bytes[start..]);
        bytes
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
