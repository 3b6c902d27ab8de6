//! What the engine asks of a place to keep data: small records that change together, and immutable files.
//!
//! Every implementation passes one contract suite (`contract`). Transactions never leave an implementation: a batch is all
//! or nothing, and is refused when another owner has taken over. Dropping the future of a write does not take it back: what
//! was called may still happen, whole.

#[doc(hidden)]
pub mod contract;
#[doc(hidden)]
pub mod faulty;
mod head;
pub mod memory;

pub use head::{HEAD_KEY, Head};

use crate::error::{Error, Result};
use crate::sorted::SortedMap;
use serde::{Deserialize, Serialize};
use std::ops::Range;
use std::rc::Rc;

/// The object stores for records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Store {
    /// What exists: the head record, databases, collections with their segments, aliases, jobs.
    Catalog,
    /// Inserts and deletes that no sealed segment holds yet.
    Log,
}

/// Ownership of a store; it rises whenever a new owner takes over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Epoch(pub u64);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Survives a killed browser.
    Relaxed,
    /// Survives power loss too.
    Strict,
}

/// Changes that happen together or not at all.
#[derive(Debug, Clone)]
pub struct WriteBatch {
    /// Commit is refused with `Error::Fenced` unless the store's epoch is this one.
    pub expected_epoch: Epoch,
    pub durability: Durability,
    pub puts: Vec<(Store, String, Vec<u8>)>,
    pub deletes: Vec<(Store, String)>,
    pub range_deletes: Vec<(Store, Range<String>)>,
}

impl WriteBatch {
    pub fn new(expected_epoch: Epoch, durability: Durability) -> Self {
        WriteBatch { expected_epoch, durability, puts: Vec::new(), deletes: Vec::new(), range_deletes: Vec::new() }
    }

    pub fn put(&mut self, store: Store, key: impl Into<String>, value: Vec<u8>) {
        self.puts.push((store, key.into(), value));
    }

    pub fn delete(&mut self, store: Store, key: impl Into<String>) {
        self.deletes.push((store, key.into()));
    }

    /// Deletes every key of the half-open range.
    pub fn delete_range(&mut self, store: Store, keys: Range<String>) {
        self.range_deletes.push((store, keys));
    }

    /// The head record is the fence itself: a batch that touches it is a mistake of the caller.
    pub(crate) fn check(&self) -> Result<()> {
        let is_head = |store: Store, key: &str| store == Store::Catalog && key == HEAD_KEY;
        let touched = self.puts.iter().any(|(store, key, _)| is_head(*store, key))
            || self.deletes.iter().any(|(store, key)| is_head(*store, key))
            || self.range_deletes.iter().any(|(store, keys)| {
                *store == Store::Catalog && keys.start.as_str() <= HEAD_KEY && HEAD_KEY < keys.end.as_str()
            });
        if touched { Err(Error::Unexpected("a write batch touches the head record".into())) } else { Ok(()) }
    }
}

/// Small values by key, in key order (plain byte order of ASCII keys). The catalog's key `head` belongs to the store
/// itself: it can be read but not written.
pub trait Records {
    /// Takes over the store: raises its epoch by one and returns it. Later commits of older epochs are refused: what is read by
    /// calls after this one, even before it returns, is all that they have written.
    async fn take_over(&self) -> Result<Epoch>;
    /// One value or `None` for each key, from one moment.
    async fn get_many(&self, store: Store, keys: &[String]) -> Result<Vec<Option<Vec<u8>>>>;
    /// The records of the half-open range in key order, from one moment; at most `limit`.
    async fn scan(&self, store: Store, keys: Range<String>, limit: usize) -> Result<Vec<(String, Vec<u8>)>>;
    /// All or nothing; within a batch range deletes come first, then deletes, then puts. Batches commit in the order of
    /// their calls.
    async fn commit(&self, batch: WriteBatch) -> Result<()>;
}

/// Bytes that a role's place was handed beside a request, by the number that it gave them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Handed(pub u32);

/// A file in use: its bytes can be read until this is dropped, whatever becomes of its name.
pub trait OpenFile {
    fn bytes(&self) -> u64;
    /// Fills `into` from `offset`; an error unless the file has that many bytes there.
    async fn read(&self, offset: u64, into: &mut [u8]) -> Result<()>;
    /// For single rows among many; the file itself where it is in a place that takes long over them.
    fn into_rows(self) -> std::result::Result<Rc<dyn StoredBytes>, Self>
    where
        Self: Sized;
}

/// A file in use that is read without waiting, in microseconds.
pub trait StoredBytes {
    /// As `OpenFile::read`.
    fn read_now(&self, offset: u64, into: &mut [u8]) -> Result<()>;
}

/// Immutable bytes by name, written once, read by range.
pub trait Files {
    type File: OpenFile;

    /// Durable (strictly) when it returns; a file of that name from an earlier, broken attempt is replaced.
    /// A failed write leaves nothing that `list` shows.
    async fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        self.write_parts(name, &[bytes]).await
    }
    /// The same, of bytes that are not in one place.
    async fn write_parts(&self, name: &str, parts: &[&[u8]]) -> Result<()>;
    /// The same, of bytes that were handed over and need not come into memory for it.
    async fn adopt(&self, name: &str, handed: Handed) -> Result<()>;
    /// `Error::KeyNotFound` for a name that does not exist.
    async fn open(&self, name: &str) -> Result<Self::File>;
    /// Reads a piece of a file that is not wanted for longer.
    async fn read(&self, name: &str, offset: u64, into: &mut [u8]) -> Result<()> {
        self.open(name).await?.read(offset, into).await
    }
    /// Whether files that are written now can be read by `OpenFile::into_rows`.
    fn reads_rows_quickly(&self) -> bool {
        false
    }
    /// `Error::KeyNotFound` for a name that does not exist.
    async fn size(&self, name: &str) -> Result<u64>;
    /// Names that begin with `prefix`, in order.
    async fn list(&self, prefix: &str) -> Result<Vec<String>>;
    /// Names that do not exist are passed over.
    async fn delete(&self, names: &[String]) -> Result<()>;
    /// Frees the room of writes that never ended. Only for an owner that has just opened the store: a write that is under
    /// way would lose what it has written so far.
    async fn sweep_partial(&self) -> Result<()>;
    /// Begins to free what a writer that has died was writing, as far as that can be told from what others are writing.
    fn sweep_after_death(&self) {}
    /// Files that are not where this place would write them to now.
    async fn misplaced(&self) -> Result<Vec<String>> {
        Ok(Vec::new())
    }
    /// Moves such a file; it can be read all the while. Cut anywhere, it is where it was or moved. A name that is gone is passed
    /// over.
    async fn move_over(&self, _name: &str) -> Result<()> {
        Ok(())
    }
    /// Bytes that this handle has fetched of each file. This is how a test proves that what was not asked for was never
    /// read.
    fn read_bytes_by_file(&self) -> SortedMap<String, u64>;
}

/// A place that keeps both.
pub trait Storage: Records + Files {}

impl<S: Records + Files> Storage for S {}

/// Where the names that begin with `prefix` end, exclusive: no name holds a character as high as this one.
pub(crate) fn prefix_range(prefix: &str) -> Range<String> {
    prefix.to_string()..format!("{prefix}\u{ffff}")
}

/// File names are plain ASCII; `#` separates a name from its chunk number in stores that cut files up.
pub(crate) fn check_file_name(name: &str) -> Result<()> {
    if name.is_empty() || name.bytes().any(|byte| byte == b'#' || !byte.is_ascii_graphic()) {
        return Err(Error::Unexpected(format!("{name:?} cannot name a file")));
    }
    Ok(())
}

/// The half of `OpenFile::read`'s contract that needs no store.
pub(crate) fn check_bounds(name: &str, file_bytes: u64, offset: u64, wanted_bytes: usize) -> Result<()> {
    if offset.checked_add(wanted_bytes as u64).is_none_or(|end| end > file_bytes) {
        let detail = format!("{wanted_bytes} bytes from {offset} asked of a file of {file_bytes}");
        return Err(Error::Corrupt { file: name.to_string(), detail });
    }
    Ok(())
}
