use crate::ids::{CollectionId, IndexId, SegmentId, Timestamp};
use crate::schema::FieldId;
use crate::sorted::{SortedMap, SortedSet};
use serde::{Deserialize, Serialize};

/// What a sealed segment consists of. Lives in the catalog; a file that no manifest names is an orphan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SegmentManifest {
    pub id: SegmentId,
    /// The number of the shard whose rows these are.
    pub shard: u32,
    pub rows: u32,
    pub deleted_rows: u32,
    /// Bytes of each column's file.
    pub column_bytes: SortedMap<FieldId, u64>,
    /// The deletes' file is named after the last delete in it.
    pub deletes: Option<Timestamp>,
    pub indexes: SortedMap<IndexId, IndexEntry>,
    /// When a fifth of the rows had been written, two fifths, and so on.
    pub write_quintiles: Vec<Timestamp>,
    /// Of imported rows: when they were committed, all at once, so that no file says it of each. The log may still hold
    /// deletes of before, which are not meant for them.
    pub imported_at: Option<Timestamp>,
}

/// What an index has of one segment.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct IndexEntry {
    /// 0 where the index needs no file beside the column.
    pub file_bytes: u64,
    /// The field whose column a search does not need beside this: it stays in its file.
    pub replaces: Option<FieldId>,
    /// Of the file, what may be left there and read a row at a time.
    pub row_bytes: u64,
    /// Of the file of a graph; 0 where there is none, or not yet.
    pub graph_bytes: u64,
}

/// What is to be loaded of segments.
pub struct Wanted {
    pub fields: SortedSet<FieldId>,
    pub indexes: SortedSet<IndexId>,
    /// Where files give single rows quickly, columns that an index replaces stay in files, and of these indexes the larger part.
    pub left_in_files: Option<SortedSet<IndexId>>,
    /// Without what is read while searches are answered already.
    pub before_searches: bool,
}

impl IndexEntry {
    /// Whether a load leaves rows in the file until it has answered. A graph is of no use without them.
    pub fn rows_may_wait(&self) -> bool {
        self.graph_bytes == 0
    }
}

/// Every file of segments begins with this.
pub const SEGMENTS: &str = "segment/";

/// Every file of a collection's segments begins with this.
pub fn collection_prefix(collection: CollectionId) -> String {
    format!("{SEGMENTS}{:016x}/", collection.0)
}

/// Every file of a segment begins with this.
pub fn segment_prefix(collection: CollectionId, segment: SegmentId) -> String {
    format!("{}{:016x}/", collection_prefix(collection), segment.0)
}

const QUINTILES: u64 = 5;

/// When a fifth of some rows had been written, two fifths, and so on.
pub fn write_quintiles(mut times: Vec<Timestamp>) -> Vec<Timestamp> {
    times.sort_unstable();
    let last_of = |fifths: usize| (times.len() * fifths).div_ceil(QUINTILES as usize).checked_sub(1);
    (1..=QUINTILES as usize).filter_map(|fifths| times.get(last_of(fifths)?).copied()).collect()
}

impl SegmentManifest {
    pub fn new(id: SegmentId, rows: u32) -> Self {
        SegmentManifest {
            id,
            shard: 0,
            rows,
            deleted_rows: 0,
            column_bytes: SortedMap::new(),
            deletes: None,
            indexes: SortedMap::new(),
            write_quintiles: Vec::new(),
            imported_at: None,
        }
    }

    /// What becomes of an import's segment when it is committed.
    pub fn commit_import(&mut self, at: Timestamp) {
        self.imported_at = Some(at);
        self.write_quintiles = vec![at; QUINTILES as usize];
    }

    /// Forgets the indexes that are not known any more; returns their files.
    pub fn retain_indexes(&mut self, collection: CollectionId, is_known: impl Fn(IndexId) -> bool) -> Vec<String> {
        let unknown = self.indexes.keys().filter(|index| !is_known(**index));
        let unnamed = unknown.flat_map(|index| self.index_files(collection, *index)).collect();
        self.indexes.retain(|index, _| is_known(*index));
        unnamed
    }

    fn file(&self, collection: CollectionId, name: &str) -> String {
        format!("{}{name}", segment_prefix(collection, self.id))
    }

    pub fn column_file(&self, collection: CollectionId, field: FieldId) -> String {
        self.file(collection, &format!("column-{}", field.0))
    }

    pub fn deletes_file(&self, collection: CollectionId, last: Timestamp) -> String {
        self.file(collection, &format!("deletes-{:016x}", last.0))
    }

    pub fn index_file(&self, collection: CollectionId, index: IndexId) -> String {
        self.file(collection, &format!("index-{:016x}", index.0))
    }

    /// The graph of an index over the rows of its codes.
    pub fn graph_file(&self, collection: CollectionId, index: IndexId) -> String {
        self.file(collection, &format!("graph-{:016x}", index.0))
    }

    /// The names of the files that an index has.
    pub fn index_files(&self, collection: CollectionId, index: IndexId) -> Vec<String> {
        let Some(entry) = self.indexes.get(&index) else { return Vec::new() };
        let own = (entry.file_bytes > 0).then(|| self.index_file(collection, index));
        let graph = (entry.graph_bytes > 0).then(|| self.graph_file(collection, index));
        own.into_iter().chain(graph).collect()
    }

    /// The names of all files that make up the segment.
    pub fn files(&self, collection: CollectionId) -> Vec<String> {
        let columns = self.column_bytes.keys().map(|field| self.column_file(collection, *field));
        let deletes = self.deletes.iter().map(|last| self.deletes_file(collection, *last));
        let indexes = self.indexes.keys().flat_map(|index| self.index_files(collection, *index));
        columns.chain(deletes).chain(indexes).collect()
    }

    /// The fields whose columns some indexes replace.
    pub fn replaced_by(&self, indexes: &SortedSet<IndexId>) -> SortedSet<FieldId> {
        let chosen = self.indexes.iter().filter(|(index, _)| indexes.contains(index));
        chosen.filter_map(|(_, entry)| entry.replaces).collect()
    }

    /// What a load reads of the files.
    pub fn bytes_of(&self, Wanted { fields, indexes, left_in_files, before_searches }: &Wanted) -> u64 {
        let replaced = if left_in_files.is_some() { self.replaced_by(indexes) } else { SortedSet::new() };
        let is_read = |field: &FieldId| fields.contains(field) && !replaced.contains(field);
        let columns = self.column_bytes.iter().filter(|(field, _)| is_read(field)).map(|(_, bytes)| bytes);
        let indexes = self.indexes.iter().filter(|(index, _)| indexes.contains(index));
        let of_index = |(index, entry): (&IndexId, &IndexEntry)| {
            let leaves_rows =
                |mapped: &SortedSet<IndexId>| mapped.contains(index) || (*before_searches && entry.rows_may_wait());
            match left_in_files.as_ref().is_some_and(leaves_rows) {
                true => entry.file_bytes - entry.row_bytes.min(entry.file_bytes),
                false => entry.file_bytes + entry.graph_bytes,
            }
        };
        columns.sum::<u64>() + indexes.map(of_index).sum::<u64>()
    }

    /// Rows that a compaction would leave out, to a fifth of them.
    pub fn lost_rows(&self, expired_before: Option<Timestamp>) -> u32 {
        let has_expired = |at: &&Timestamp| expired_before.is_some_and(|horizon| **at < horizon);
        let expired_fifths = self.write_quintiles.iter().filter(has_expired).count() as u64;
        self.deleted_rows + (u64::from(self.rows) * expired_fifths).div_ceil(QUINTILES) as u32
    }

    pub fn total_bytes(&self) -> u64 {
        self.column_bytes.values().sum::<u64>()
            + self.indexes.values().map(|entry| entry.file_bytes + entry.graph_bytes).sum::<u64>()
    }
}
