//! The file of a segment's [codes](crate::index::codes): `"ELNX"` and [sections](super::sections); and that of the
//! [graph](crate::index::hnsw) over them, `"ELNG"` and one section.

use super::recent_rows::RecentRows;
use super::sections::{Body, Magic, Reader, Section, StoredSection};
use crate::error::{Error, Result};
use crate::index::codes::{Codes, CodesHeader, CodesParts};
use crate::index::hnsw::{BrokenGraph, Graph};
use crate::storage::Files;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::cell::{OnceCell, RefCell};
use std::ops::Range;
use std::rc::Rc;

const MAGIC: Magic = *b"ELNX";
const GRAPH_MAGIC: Magic = *b"ELNG";
/// What lies between two rows is read with them up to here: a read of its own takes longer.
const NEAR_BYTES: usize = 8 << 10;
/// So that what is read at once stays small.
const ROWS_AT_ONCE: usize = 64;
/// Where stretches have more rows than that, it takes longer to choose among these than to read all.
const ROWS_OF_STRETCH: usize = 4;
/// One of so many rows is kept in memory once single ones are read.
const RECENT_SHARE: u64 = 40;

#[derive(Serialize, Deserialize)]
struct Header {
    codes: CodesHeader,
    sections: Sections,
}

#[derive(Serialize, Deserialize)]
struct Sections {
    mean: Section,
    starts: Section,
    centres: Section,
    centre_scales: Section,
    row_at: Section,
    sign_words: Section,
    sign_scales: Section,
    sign_offsets: Section,
    row_scales: Section,
    row_offsets: Section,
    radii: Section,
    rows: Section,
}

/// Writes codes as one durable file and returns its size in bytes, and how much of that `StoredRows` reads.
pub async fn write_codes(files: &impl Files, name: &str, codes: &Codes) -> Result<(u64, u64)> {
    let (header, parts) = codes.to_parts();
    let mut body = Body::default();
    let sections = Sections {
        mean: body.push(bytemuck::cast_slice(&parts.mean)),
        starts: body.push(bytemuck::cast_slice(&parts.starts)),
        centres: body.push(bytemuck::cast_slice(&parts.centres)),
        centre_scales: body.push(bytemuck::cast_slice(&parts.centre_scales)),
        row_at: body.push(bytemuck::cast_slice(&parts.row_at)),
        sign_words: body.push(bytemuck::cast_slice(&parts.sign_words)),
        sign_scales: body.push(bytemuck::cast_slice(&parts.sign_scales)),
        sign_offsets: body.push(bytemuck::cast_slice(&parts.sign_offsets)),
        row_scales: body.push(bytemuck::cast_slice(&parts.row_scales)),
        row_offsets: body.push(bytemuck::cast_slice(&parts.row_offsets)),
        radii: body.push(bytemuck::cast_slice(&parts.radii)),
        rows: body.push(bytemuck::cast_slice(&parts.rows)),
    };
    let row_bytes = sections.rows.bytes();
    Ok((body.write(files, name, MAGIC, &Header { codes: header, sections }).await?, row_bytes))
}

/// int8 numbers that are in their file: read when a search asks for them, and believed without a checksum, because wrong ones
/// only make wrong scores. A clone is the same.
#[derive(Clone)]
pub struct StoredRows(Rc<RowsInFile>);

struct RowsInFile {
    section: StoredSection,
    row_bytes: usize,
    recent: RefCell<Option<RecentRows>>,
    /// In what they are broken, which searches are told from then on.
    broken: OnceCell<Error>,
}

impl StoredRows {
    /// All of them, as `StoredSection::read_whole` does.
    pub async fn read_whole(&self, pause: impl AsyncFn(u64) -> bool) -> Result<Option<Vec<i8>>> {
        let read = self.0.section.read_whole(pause).await;
        if let Err(error @ Error::Corrupt { .. }) = &read {
            self.0.broken.get_or_init(|| error.clone());
        }
        read
    }

    pub fn bytes(&self) -> u64 {
        self.0.section.bytes()
    }

    /// Of them in memory.
    pub fn recent_bytes(&self) -> usize {
        self.0.recent.borrow().as_ref().map_or(0, RecentRows::bytes)
    }

    /// As far as is known.
    pub fn are_intact(&self) -> bool {
        self.0.broken.get().is_none()
    }

    /// Rows that follow each other.
    pub fn read_range(&self, positions: Range<usize>) -> Result<Vec<i8>> {
        let mut rows = vec![0; positions.len() * self.0.row_bytes];
        self.read_from(positions.start, &mut rows)?;
        Ok(rows)
    }

    /// Whether scattered rows, whose positions ascend, are mostly read one by one, and not with what is between them.
    pub fn are_apart(&self, positions: &[u32]) -> bool {
        self.stretches(positions).count() * ROWS_OF_STRETCH > positions.len()
    }

    /// Scattered rows, one after the other; their positions ascend.
    pub fn read(&self, positions: &[u32]) -> Result<Vec<i8>> {
        let width = self.0.row_bytes;
        let mut rows = Vec::with_capacity(positions.len() * width);
        let mut stretch = Vec::new();
        for near_ones in self.stretches(positions) {
            if let [only] = near_ones {
                self.read_apart(*only, &mut rows)?;
                continue;
            }
            let (first, last) = (near_ones[0] as usize, near_ones[near_ones.len() - 1] as usize);
            stretch.resize((last - first + 1) * width, 0);
            self.read_from(first, &mut stretch)?;
            let row = |position: &u32| &stretch[(*position as usize - first) * width..][..width];
            near_ones.iter().for_each(|position| rows.extend_from_slice(row(position)));
        }
        Ok(rows)
    }

    /// Rows that are read together.
    fn stretches<'a>(&self, positions: &'a [u32]) -> impl Iterator<Item = &'a [u32]> + use<'a> {
        let near = (NEAR_BYTES / self.0.row_bytes) as u32;
        positions.chunk_by(move |a, b| b - a <= near).flat_map(|near_ones| near_ones.chunks(ROWS_AT_ONCE))
    }

    /// Adds a row to `rows`.
    fn read_apart(&self, position: u32, rows: &mut Vec<i8>) -> Result<()> {
        self.check_intact()?;
        let mut recent = self.0.recent.borrow_mut();
        let most_bytes = (self.bytes() / RECENT_SHARE) as usize;
        let recent = recent.get_or_insert_with(|| RecentRows::new(self.0.row_bytes, most_bytes));
        rows.extend_from_slice(recent.row(position, |row| self.read_from(position as usize, row))?);
        Ok(())
    }

    fn read_from(&self, position: usize, into: &mut [i8]) -> Result<()> {
        self.check_intact()?;
        self.0.section.read_at((position * self.0.row_bytes) as u64, bytemuck::cast_slice_mut(into))
    }

    fn check_intact(&self) -> Result<()> {
        self.0.broken.get().map_or(Ok(()), |error| Err(error.clone()))
    }
}

/// Reads and checks codes. The int8 numbers stay where they are if they may and single rows of files are read quickly.
/// `on_read` hears of every piece of the file as it arrives.
pub async fn read_codes(
    files: &impl Files,
    name: &str,
    rows_may_stay: bool,
    on_read: &dyn Fn(u64),
) -> Result<(Codes, Option<StoredRows>)> {
    let reader: Reader<'_, _, Header> = Reader::open(MAGIC, files, name, on_read).await?;
    let Header { codes: header, sections } = &reader.header;
    let overflow = || reader.corrupt("rows times dim overflows");
    let [
        mean,
        starts,
        centres,
        centre_scales,
        row_at,
        words,
        sign_scales,
        sign_offsets,
        row_scales,
        row_offsets,
        radii,
        rows,
    ] = header.counts().ok_or_else(overflow)?;
    if sections.rows.bytes() != rows as u64 {
        return Err(reader.corrupt("not as many numbers as it says"));
    }
    let parts = CodesParts {
        mean: Cow::Owned(reader.values(&sections.mean, mean).await?),
        starts: Cow::Owned(reader.values(&sections.starts, starts).await?),
        centres: Cow::Owned(reader.values(&sections.centres, centres).await?),
        centre_scales: Cow::Owned(reader.values(&sections.centre_scales, centre_scales).await?),
        row_at: Cow::Owned(reader.values(&sections.row_at, row_at).await?),
        sign_words: Cow::Owned(reader.values(&sections.sign_words, words).await?),
        sign_scales: Cow::Owned(reader.values(&sections.sign_scales, sign_scales).await?),
        sign_offsets: Cow::Owned(reader.values(&sections.sign_offsets, sign_offsets).await?),
        row_scales: Cow::Owned(reader.values(&sections.row_scales, row_scales).await?),
        row_offsets: Cow::Owned(reader.values(&sections.row_offsets, row_offsets).await?),
        radii: Cow::Owned(reader.values(&sections.radii, radii).await?),
        rows: Cow::Borrowed(&[]),
    };
    let codes = Codes::from_parts(header.clone(), parts);
    let codes = codes.ok_or_else(|| reader.corrupt("the codes contradict each other"))?;
    let section = sections.rows.clone();
    let row_bytes = codes.row_bytes();
    let stored = |section| {
        StoredRows(Rc::new(RowsInFile { section, row_bytes, recent: RefCell::default(), broken: OnceCell::new() }))
    };
    match if rows_may_stay { reader.into_stored(&section)? } else { Err(reader) } {
        Ok(section) => Ok((codes, Some(stored(section)))),
        Err(reader) => match codes.take_in(reader.values(&section, rows).await?) {
            true => Ok((codes, None)),
            false => Err(reader.corrupt("not as many numbers as rows need")),
        },
    }
}

#[derive(Serialize, Deserialize)]
struct GraphHeader {
    words: Section,
}

/// Writes a graph as one durable file and returns its size in bytes.
pub async fn write_graph(files: &impl Files, name: &str, graph: &Graph) -> Result<u64> {
    let mut body = Body::default();
    let header = GraphHeader { words: body.push(bytemuck::cast_slice(graph.words())) };
    body.write(files, name, GRAPH_MAGIC, &header).await
}

/// Reads and checks the graph of so many rows.
pub async fn read_graph(files: &impl Files, name: &str, rows: u32, on_read: &dyn Fn(u64)) -> Result<Graph> {
    let reader: Reader<'_, _, GraphHeader> = Reader::open(GRAPH_MAGIC, files, name, on_read).await?;
    let words = &reader.header.words;
    let words = reader.values(words, words.bytes() as usize / size_of::<u32>()).await?;
    Graph::parse(words, rows).map_err(|BrokenGraph(detail)| reader.corrupt(detail))
}
