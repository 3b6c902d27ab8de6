//! The container of files that are arrays: a header, then sections.
//!
//! magic · u16 version · u16 zero · u32 header_bytes · u32 checksum of the header · header JSON · zeros to a multiple of 64 ·
//! sections, each starting at a multiple of 64. The header gives for each section its place and a checksum for every MiB. All
//! numbers are little-endian, as wasm and every machine with a browser are, so that values load as bytes.

use super::checksum::{checksum, checksums};
use crate::error::{Error, Result};
use crate::json;
use crate::storage::{Files, OpenFile, StoredBytes};
use futures::StreamExt;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::rc::Rc;

const VERSION: u16 = 2;
const PRELUDE_BYTES: usize = 16;
const ALIGNMENT: usize = 64;
const CHECKED_CHUNK_BYTES: usize = 1 << 20;
/// Read at a time, so that progress moves in small steps; several are in flight.
const READ_BYTES: usize = CHECKED_CHUNKS_OF_READ * CHECKED_CHUNK_BYTES;
const CHECKED_CHUNKS_OF_READ: usize = 4;
const READS_IN_FLIGHT: usize = 8;
/// The first read fetches this much: header and, of a small file, everything.
const FIRST_READ_BYTES: u64 = 64 << 10;

const WRONG_CHECKSUM: &str = "a checksum does not match";

/// What a kind of file begins with.
pub(super) type Magic = [u8; 4];

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Section {
    /// From the end of the header's padding.
    offset: u64,
    bytes: u64,
    checksums: Vec<u32>,
}

impl Section {
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

/// What comes before the first section.
fn encode_head(magic: Magic, header: &impl Serialize) -> Vec<u8> {
    let header = serde_json::to_vec(header).expect("a header is plain data");
    let mut bytes = Vec::with_capacity((PRELUDE_BYTES + header.len()).next_multiple_of(ALIGNMENT));
    bytes.extend_from_slice(&magic);
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    bytes.extend_from_slice(&[0, 0]);
    bytes.extend_from_slice(&(header.len() as u32).to_le_bytes());
    bytes.extend_from_slice(&checksum(&header).to_le_bytes());
    bytes.extend_from_slice(&header);
    bytes.resize(bytes.len().next_multiple_of(ALIGNMENT), 0);
    bytes
}

/// Sections where they are, with what fills up between them.
#[derive(Default)]
pub(super) struct Body<'a> {
    parts: Vec<&'a [u8]>,
    bytes: usize,
}

impl<'a> Body<'a> {
    pub fn push(&mut self, bytes: &'a [u8]) -> Section {
        self.push_parts(&[bytes])
    }

    /// One section of parts that follow one another.
    pub fn push_parts(&mut self, parts: &[&'a [u8]]) -> Section {
        const ZEROS: [u8; ALIGNMENT] = [0; ALIGNMENT];
        let offset = self.bytes.next_multiple_of(ALIGNMENT);
        let bytes: usize = parts.iter().map(|part| part.len()).sum();
        self.parts.push(&ZEROS[..offset - self.bytes]);
        self.parts.extend(parts);
        self.bytes = offset + bytes;
        Section { offset: offset as u64, bytes: bytes as u64, checksums: checksums(parts, CHECKED_CHUNK_BYTES) }
    }

    /// Writes header and sections as one durable file and returns its size in bytes. Sections are not copied for it.
    pub async fn write(self, files: &impl Files, name: &str, magic: Magic, header: &impl Serialize) -> Result<u64> {
        let head = encode_head(magic, header);
        let parts: Vec<&[u8]> = std::iter::once(head.as_slice()).chain(self.parts).collect();
        files.write_parts(name, &parts).await?;
        Ok(parts.iter().map(|part| part.len() as u64).sum())
    }
}

/// A file whose header has been read.
pub(super) struct Reader<'a, F, H> {
    file: F,
    name: &'a str,
    on_read: &'a dyn Fn(u64),
    pub header: H,
    body_offset: u64,
    /// The file's beginning, which came with the header.
    first: Vec<u8>,
}

impl<'a, F: OpenFile, H: DeserializeOwned> Reader<'a, F, H> {
    pub async fn open(
        magic: Magic,
        files: &impl Files<File = F>,
        name: &'a str,
        on_read: &'a dyn Fn(u64),
    ) -> Result<Self> {
        let corrupt = |detail: &str| Error::Corrupt { file: name.to_owned(), detail: detail.to_owned() };
        let file = files.open(name).await?;
        let mut first = vec![0; file.bytes().min(FIRST_READ_BYTES) as usize];
        file.read(0, &mut first).await?;
        on_read(first.len() as u64);
        let prelude = *first.first_chunk::<PRELUDE_BYTES>().ok_or_else(|| corrupt("shorter than its prelude"))?;
        if prelude[0..4] != magic {
            return Err(corrupt("not the kind of file that its name says"));
        }
        let version = u16::from_le_bytes([prelude[4], prelude[5]]);
        if version != VERSION {
            return Err(corrupt(&format!("version {version} is unknown to this version of elanus")));
        }
        let word = |at: usize| u32::from_le_bytes([prelude[at], prelude[at + 1], prelude[at + 2], prelude[at + 3]]);
        let header_end = PRELUDE_BYTES as u64 + u64::from(word(8));
        if header_end > file.bytes() {
            return Err(corrupt("shorter than its header"));
        }
        if header_end > first.len() as u64 {
            let known = first.len();
            first.resize(header_end as usize, 0);
            file.read(known as u64, &mut first[known..]).await?;
            on_read((first.len() - known) as u64);
        }
        let header = &first[PRELUDE_BYTES..header_end as usize];
        if checksum(header) != word(12) {
            return Err(corrupt("the header's checksum does not match"));
        }
        let header = json::read(header).map_err(|error| corrupt(&error.to_string()))?;
        let body_offset = header_end.next_multiple_of(ALIGNMENT as u64);
        Ok(Reader { file, name, on_read, header, body_offset, first })
    }

    pub fn corrupt(&self, detail: &str) -> Error {
        Error::Corrupt { file: self.name.to_owned(), detail: detail.to_owned() }
    }

    pub fn required<'s>(&self, section: &'s Option<Section>) -> Result<&'s Section> {
        section.as_ref().ok_or_else(|| self.corrupt("a section is missing"))
    }

    /// Where in the file a section begins.
    pub fn offset_of(&self, section: &Section) -> Result<u64> {
        let start = self.body_offset.checked_add(section.offset);
        let end = start.and_then(|start| start.checked_add(section.bytes));
        match (start, end) {
            (Some(start), Some(end)) if end <= self.file.bytes() => Ok(start),
            _ => Err(self.corrupt("a section is not within the file")),
        }
    }

    /// The reader itself if the file is in a place that takes long over single rows.
    pub fn into_rows(self) -> std::result::Result<Rc<dyn StoredBytes>, Self> {
        let Reader { file, name, on_read, header, body_offset, first } = self;
        file.into_rows().map_err(|file| Reader { file, name, on_read, header, body_offset, first })
    }

    /// The same of one section, which can be read as a whole too.
    pub fn into_stored(self, section: &Section) -> Result<std::result::Result<StoredSection, Self>> {
        let offset = self.offset_of(section)?;
        self.check_count(section)?;
        let (name, checksums) = (self.name.to_owned(), section.checksums.clone());
        Ok(self.into_rows().map(|file| StoredSection { name, file, offset, bytes: section.bytes, checksums }))
    }

    /// Of checksums.
    fn check_count(&self, section: &Section) -> Result<()> {
        let wanted = section.bytes.div_ceil(CHECKED_CHUNK_BYTES as u64);
        if section.checksums.len() as u64 == wanted { Ok(()) } else { Err(self.corrupt("checksums are missing")) }
    }

    /// A section as exactly `count` values, checked against its checksums.
    pub async fn values<T: bytemuck::Pod>(&self, section: &Section, count: usize) -> Result<Vec<T>> {
        let bytes = (count as u64).checked_mul(size_of::<T>() as u64);
        if bytes != Some(section.bytes) {
            return Err(self.corrupt("a section does not match rows and type"));
        }
        let offset = self.offset_of(section)?;
        self.check_count(section)?;
        let mut values: Vec<T> = bytemuck::zeroed_vec(count);
        self.read_checked(offset, bytemuck::cast_slice_mut(&mut values), &section.checksums).await?;
        Ok(values)
    }

    async fn read_checked(&self, offset: u64, into: &mut [u8], checksums: &[u32]) -> Result<()> {
        let pieces = into.chunks_mut(READ_BYTES).zip(checksums.chunks(CHECKED_CHUNKS_OF_READ)).enumerate();
        let mut reads = futures::stream::iter(pieces.map(|(piece, (into, checksums))| async move {
            self.fill(offset + (piece * READ_BYTES) as u64, into).await?;
            // While a core's cache has them.
            let is_intact = into.chunks(CHECKED_CHUNK_BYTES).map(checksum).eq(checksums.iter().copied());
            if is_intact { Ok(()) } else { Err(self.corrupt(WRONG_CHECKSUM)) }
        }))
        .buffer_unordered(READS_IN_FLIGHT);
        while let Some(read) = reads.next().await {
            read?;
        }
        Ok(())
    }

    async fn fill(&self, offset: u64, into: &mut [u8]) -> Result<()> {
        let known = self.first.get(offset as usize..).unwrap_or_default();
        let (of_known, rest) = into.split_at_mut(known.len().min(into.len()));
        of_known.copy_from_slice(&known[..of_known.len()]);
        if !rest.is_empty() {
            self.file.read(offset + of_known.len() as u64, rest).await?;
            (self.on_read)(rest.len() as u64);
        }
        Ok(())
    }
}

/// A section that stays in its file.
pub(super) struct StoredSection {
    name: String,
    file: Rc<dyn StoredBytes>,
    offset: u64,
    bytes: u64,
    checksums: Vec<u32>,
}

impl StoredSection {
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Without a look at checksums, which there are only of larger pieces.
    pub fn read_at(&self, offset: u64, into: &mut [u8]) -> Result<()> {
        self.file.read_now(self.offset + offset, into)
    }

    /// All of it, checked. `pause` is awaited after each piece, of so many bytes, and says whether to go on.
    pub async fn read_whole<T: bytemuck::Pod>(&self, pause: impl AsyncFn(u64) -> bool) -> Result<Option<Vec<T>>> {
        let mut values = Vec::with_capacity(self.bytes as usize / size_of::<T>());
        for (piece, sum) in self.checksums.iter().enumerate() {
            let offset = (piece * CHECKED_CHUNK_BYTES) as u64;
            let bytes = (self.bytes - offset).min(CHECKED_CHUNK_BYTES as u64);
            let start = values.len();
            values.resize(start + bytes as usize / size_of::<T>(), T::zeroed());
            let into = bytemuck::cast_slice_mut(&mut values[start..]);
            self.read_at(offset, into)?;
            if checksum(into) != *sum {
                return Err(Error::Corrupt { file: self.name.clone(), detail: WRONG_CHECKSUM.to_owned() });
            }
            if !pause(bytes).await {
                return Ok(None);
            }
        }
        Ok(Some(values))
    }
}
