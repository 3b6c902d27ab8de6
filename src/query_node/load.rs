//! Reading partitions into memory, and following the sealed segments as they change.

use super::partition::{PartitionRows, apply_to_all};
use super::{Loaded, QueryNode, ReadPartitions, Refreshed, Staging};
use crate::catalog::IndexDefinition;
use crate::cluster::{LoadPlan, PartitionSegments, RefreshPlan};
use crate::error::{Error, Result};
use crate::event::Event;
use crate::expr::Rows;
use crate::ids::{CollectionId, IndexId, PartitionId, SegmentId, Timestamp};
use crate::index::{self, MetricType, SegmentIndex};
use crate::platform::Platform;
use crate::schema::{Field, FieldId};
use crate::segment::{
    KeySet, LogReader, LogRecord, SegmentManifest, SegmentRows, StoredRows, StoredVectors, read_codes, read_column,
    read_columns, read_graph, read_segment,
};
use crate::sorted::{SortedMap, SortedSet};
use crate::storage::Files;
use crate::value::{Column, ColumnData};
use futures::future::try_join3;
use futures::stream::{self, StreamExt, TryStreamExt};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// Of a load that are told, at most.
const PROGRESS_STEPS: u64 = 200;
/// Opening a file takes some turns of the browser, in which another can be read.
const SEGMENTS_AT_ONCE: usize = 3;

impl<P: Platform> QueryNode<P> {
    pub(super) async fn load(&self, plan: LoadPlan) -> Result<()> {
        let staging = Rc::new(Staging {
            partitions: RefCell::new(plan.partitions.iter().map(|partition| partition.id).collect()),
            pending: RefCell::default(),
            loaded_bytes: RefCell::default(),
            telling_bytes: plan.total_bytes(self.platform.files().reads_rows_quickly()) / PROGRESS_STEPS,
            untold_bytes: Cell::new(0),
            read: RefCell::default(),
        });
        {
            let mut loaded = self.loaded.borrow_mut();
            if loaded.partitions.is_empty() && loaded.staging.is_empty() {
                *loaded = Loaded { flushed: plan.flushed, ..Loaded::default() };
            }
            loaded.view = Some(Rc::new(plan.view.clone()));
            loaded.fields = plan.fields.clone();
            loaded.indexes = plan.indexes.clone();
            loaded.mapped = plan.mapped.clone();
            (loaded.shard, loaded.is_shared) = (plan.shard, plan.is_shared);
            loaded.staging.push(staging.clone());
        }
        let read = self.read_partitions(&plan, &staging).await;
        let mut loaded = self.loaded.borrow_mut();
        match read {
            // Released as a whole meanwhile, or kept for the publication.
            Ok(read) => drop(staging.read.replace(Some(read))),
            Err(error) => {
                loaded.staging.retain(|other| !Rc::ptr_eq(other, &staging));
                return Err(error);
            }
        }
        Ok(())
    }

    /// Makes everything that has been read searchable, with the writes that arrived since.
    pub(super) fn publish(&self, version: Timestamp) -> Result<()> {
        let mut loaded = self.loaded.borrow_mut();
        if let Some(refreshed) = loaded.refreshed.take() {
            loaded.replace_segments(refreshed);
        }
        let (read, reading) =
            std::mem::take(&mut loaded.staging).into_iter().partition(|it| it.read.borrow().is_some());
        loaded.staging = reading;
        for staging in Vec::<Rc<Staging>>::into_iter(read) {
            let Some(ReadPartitions { mut partitions, deletes }) = staging.read.take() else { continue };
            partitions.retain(|id, _| staging.partitions.borrow().contains(id));
            for (written, bytes) in staging.pending.take() {
                let record = loaded.decode(&bytes, &|partition| partitions.contains_key(&partition))?;
                apply_to_all(&mut partitions, written, &record);
            }
            for (written, record) in &deletes {
                loaded.remember_deletes(*written, record);
            }
            loaded.partitions.extend(partitions);
        }
        loaded.version = version;
        Ok(())
    }

    /// The partitions of a plan from files and log, and the log's deletes.
    async fn read_partitions(&self, plan: &LoadPlan, staging: &Staging) -> Result<ReadPartitions> {
        let collection = plan.view.id;
        let fields: Rc<[Field]> =
            plan.view.schema.fields.iter().filter(|field| plan.fields.contains(&field.id)).cloned().collect();
        let primary_key = plan.view.schema.primary_key().name.as_str();
        let cancelled = &|id: PartitionId| !staging.partitions.borrow().contains(&id);
        let mut partitions = SortedMap::new();
        for PartitionSegments { id, segments } in &plan.partitions {
            let mut partition = PartitionRows::new(fields.clone(), plan.flushed);
            let (indexes, mapped) = (&plan.indexes, &plan.mapped);
            let reading = Reading { collection, fields: &fields, indexes, mapped, staging: Some((staging, *id)) };
            let read = segments.iter().map(|manifest| async move {
                if cancelled(*id) {
                    return Ok(None);
                }
                match self.read_segment(reading, manifest).await {
                    Ok(segment) => Ok(Some((manifest.id, segment))),
                    // What was released while it was read may have been dropped too.
                    Err(_) if cancelled(*id) => Ok(None),
                    Err(error) => Err(error),
                }
            });
            let read: Vec<_> = stream::iter(read).buffered(SEGMENTS_AT_ONCE).try_collect().await?;
            partition.sealed.extend(read.into_iter().flatten());
            if !cancelled(*id) {
                partitions.insert(*id, partition);
            }
        }
        let mut deletes = Vec::new();
        if !plan.reads_log {
            return Ok(ReadPartitions { partitions, deletes });
        }
        let mut log = LogReader::new(self.platform.records(), collection, plan.flushed, Timestamp(u64::MAX - 1));
        loop {
            let page = log.next_page().await?;
            if page.is_empty() {
                return Ok(ReadPartitions { partitions, deletes });
            }
            for (written, bytes) in page {
                let is_wanted = |partition| plan.has_growing && partitions.contains_key(&partition);
                let record = LogRecord::decode(&bytes, &is_wanted)?.of_shard(plan.shard, primary_key);
                apply_to_all(&mut partitions, written, &record);
                deletes.push((written, LogRecord { deletes: record.deletes, inserts: Vec::new() }));
            }
        }
    }

    /// Reads segments that are new, or have got codes or a graph.
    pub(super) async fn refresh(&self, plan: RefreshPlan) -> Result<()> {
        let (view, fields, indexes, mapped) = {
            let loaded = self.loaded.borrow();
            let Some(view) = loaded.view.clone() else { return Ok(()) };
            let fields: Rc<[Field]> =
                view.schema.fields.iter().filter(|field| loaded.fields.contains(&field.id)).cloned().collect();
            (view, fields, loaded.indexes.clone(), loaded.mapped.clone())
        };
        let mut arrived: SortedMap<SegmentId, SegmentRows> = SortedMap::new();
        for PartitionSegments { id, segments } in &plan.partitions {
            for manifest in segments {
                let is_wanted = {
                    let loaded = self.loaded.borrow();
                    let partition = loaded.partitions.get(id);
                    partition.is_some_and(|it| {
                        it.sealed
                            .get(&manifest.id)
                            .is_none_or(|known| lacks_codes(known, manifest, (&indexes, &mapped)))
                    })
                };
                if is_wanted {
                    let reading = Reading {
                        collection: view.id,
                        fields: &fields,
                        indexes: &indexes,
                        mapped: &mapped,
                        staging: None,
                    };
                    arrived.insert(manifest.id, self.read_segment(reading, manifest).await?);
                }
            }
        }
        self.loaded.borrow_mut().refreshed = Some(Refreshed { plan, arrived });
        Ok(())
    }

    async fn read_segment(&self, reading: Reading<'_>, manifest: &SegmentManifest) -> Result<SegmentRows> {
        let on_read = |field: FieldId, bytes: u64| {
            *self.read_bytes.borrow_mut().entry(field).or_default() += bytes;
            self.progressed(&reading, bytes);
        };
        let replaced = manifest.replaced_by(&reading.indexes.iter().map(|index| index.id).collect());
        let (replaced, others): (Vec<_>, Vec<_>) =
            reading.fields.iter().cloned().partition(|field| replaced.contains(&field.id));
        let rows = read_segment(self.platform.files(), reading.collection, manifest, &others, &on_read);
        let vectors = self.read_replaced(&reading, manifest, &replaced, &on_read);
        // Each waits for the browser more than it reads.
        let (mut segment, (stored, columns), built) =
            try_join3(rows, vectors, self.read_indexes(&reading, manifest)).await?;
        segment.add_columns(columns);
        segment.stored = Rc::new(stored);
        let ReadIndexes { mut indexes, stored_rows } = built;
        for definition in reading.indexes.iter().filter(|definition| !is_built(manifest, definition)) {
            let vectors = segment.column(definition.field).map(|column| &column.data);
            if let (Some(ColumnData::FloatVector { dim, values }), Some(MetricType::Cosine)) =
                (vectors, definition.metric)
            {
                indexes.insert(definition.id, SegmentIndex::InverseNorms(index::inverse_norms(values, *dim)));
            }
        }
        (segment.indexes, segment.stored_rows) = (Rc::new(indexes), Rc::new(stored_rows));
        Ok(segment)
    }

    /// Fields that an index takes the place of: they stay in their files where single rows can be read quickly.
    async fn read_replaced(
        &self,
        reading: &Reading<'_>,
        manifest: &SegmentManifest,
        fields: &[Field],
        on_read: &dyn Fn(FieldId, u64),
    ) -> Result<(SortedMap<FieldId, StoredVectors>, SortedMap<FieldId, Column>)> {
        let files = self.platform.files();
        let (mut stored, mut resident) = (SortedMap::new(), Vec::new());
        for field in fields {
            let file = manifest.column_file(reading.collection, field.id);
            let Some(vectors) = StoredVectors::open(files, &file, &|bytes| on_read(field.id, bytes)).await? else {
                resident.push(field.clone());
                continue;
            };
            if vectors.row_count() != manifest.rows as usize || Some(vectors.dim() as u32) != field.dim {
                return Err(Error::Corrupt { file, detail: "rows or dim differ from the catalog's".into() });
            }
            stored.insert(field.id, vectors);
        }
        Ok((stored, read_columns(files, reading.collection, manifest, &resident, on_read).await?))
    }

    fn progressed(&self, reading: &Reading<'_>, bytes: u64) {
        let Some((staging, partition)) = reading.staging else { return };
        *staging.loaded_bytes.borrow_mut().entry(partition).or_default() += bytes;
        staging.untold_bytes.set(staging.untold_bytes.get() + bytes);
        if staging.untold_bytes.get() > staging.telling_bytes {
            staging.untold_bytes.set(0);
            self.platform.emit(Event::Progress { loaded_bytes: self.progress() });
        }
    }

    /// Those that the segment has.
    async fn read_indexes(&self, reading: &Reading<'_>, manifest: &SegmentManifest) -> Result<ReadIndexes> {
        let mut read = ReadIndexes::default();
        for definition in reading.indexes.iter().filter(|definition| is_built(manifest, definition)) {
            let (index, rows) = self.read_index(reading, manifest, definition).await?;
            read.stored_rows.extend(rows.map(|rows| (definition.id, rows)));
            read.indexes.insert(definition.id, index);
        }
        Ok(read)
    }

    async fn read_index(
        &self,
        reading: &Reading<'_>,
        manifest: &SegmentManifest,
        definition: &IndexDefinition,
    ) -> Result<(SegmentIndex, Option<StoredRows>)> {
        let entry = &manifest.indexes[&definition.id];
        let files = self.platform.files();
        let file = manifest.index_file(reading.collection, definition.id);
        let on_read = |bytes| {
            *self.read_bytes.borrow_mut().entry(definition.field).or_default() += bytes;
            self.progressed(reading, bytes);
        };
        let dim = reading.fields.iter().find(|field| field.id == definition.field).and_then(|field| field.dim);
        let (index, stored_rows) = match entry.replaces {
            Some(_) => {
                let may_wait = reading.staging.is_some() && entry.rows_may_wait();
                let may_stay = may_wait || reading.mapped.contains(&definition.id);
                let (mut codes, rows) = read_codes(files, &file, may_stay, &on_read).await?;
                // A walk needs rows in memory.
                if entry.graph_bytes > 0 && rows.is_none() {
                    let graph = manifest.graph_file(reading.collection, definition.id);
                    codes.attach(read_graph(files, &graph, codes.row_count() as u32, &on_read).await?);
                }
                (SegmentIndex::Codes(Box::new(codes)), rows)
            }
            None => match read_column(files, &file, &on_read).await?.data {
                ColumnData::Float(norms) => (SegmentIndex::InverseNorms(norms), None),
                _ => return Err(Error::Corrupt { file, detail: "not the norms of vectors".into() }),
            },
        };
        if !index.suits(manifest.rows as usize, dim.unwrap_or(0) as usize) {
            return Err(Error::Corrupt { file, detail: "not an index of the segment's rows".into() });
        }
        Ok((index, stored_rows))
    }
}

impl Loaded {
    /// Puts new sealed segments in the place of the rows and segments that they hold.
    fn replace_segments(&mut self, Refreshed { plan, mut arrived }: Refreshed) {
        let Loaded { partitions, recent_deletes, flushed, .. } = self;
        *flushed = plan.flushed;
        recent_deletes.retain(|written, _| *written > plan.flushed);
        let recent: Vec<_> =
            recent_deletes.iter().map(|(at, deletes)| (*at, deletes, KeySet::of(&deletes.keys))).collect();
        for PartitionSegments { id, segments } in &plan.partitions {
            let Some(partition) = partitions.get_mut(id) else { continue };
            let current: SortedSet<SegmentId> = segments.iter().map(|manifest| manifest.id).collect();
            partition.sealed.retain(|segment, _| current.contains(segment));
            for manifest in segments {
                let Some(mut segment) = arrived.remove(&manifest.id) else { continue };
                if let Some(known) = partition.sealed.get(&manifest.id) {
                    segment.deleted = known.deleted.clone();
                    segment.written = known.written.clone();
                }
                for (written, _, keys) in recent.iter().filter(|(_, deletes, _)| deletes.concerns(*id)) {
                    segment.delete_at(*written, keys);
                }
                partition.sealed.insert(manifest.id, segment);
            }
            partition.growing.drop_through(plan.flushed);
        }
    }
}

/// Of one segment.
#[derive(Default)]
struct ReadIndexes {
    indexes: SortedMap<IndexId, SegmentIndex>,
    stored_rows: SortedMap<IndexId, StoredRows>,
}

/// Whether the segment has a file of the index.
fn is_built(manifest: &SegmentManifest, definition: &IndexDefinition) -> bool {
    manifest.indexes.get(&definition.id).is_some_and(|entry| entry.file_bytes > 0)
}

/// Whether codes of a segment, or the graph over them, were made after it was read.
fn lacks_codes(
    known: &SegmentRows,
    manifest: &SegmentManifest,
    (indexes, mapped): (&[IndexDefinition], &SortedSet<IndexId>),
) -> bool {
    let replacing = manifest.indexes.iter().filter(|(_, entry)| entry.replaces.is_some());
    let mut loaded = replacing.filter(|(id, _)| indexes.iter().any(|index| index.id == **id));
    loaded.any(|(id, entry)| match known.indexes.get(id) {
        Some(SegmentIndex::Codes(codes)) => {
            let stays = mapped.contains(id) && known.stored_rows.contains_key(id);
            entry.graph_bytes > 0 && !codes.has_graph() && !stays
        }
        _ => true,
    })
}

/// What a segment is read for.
#[derive(Clone, Copy)]
struct Reading<'a> {
    collection: CollectionId,
    fields: &'a [Field],
    indexes: &'a [IndexDefinition],
    mapped: &'a SortedSet<IndexId>,
    /// The load that it is a part of, and the partition.
    staging: Option<(&'a Staging, PartitionId)>,
}
