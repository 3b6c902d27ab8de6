//! The data node: turns the log and imported files into sealed segments, merges small and much-deleted ones, builds indexes,
//! reads segments for exports.
//!
//! It only writes files, under names that nothing refers to yet; the coordinator's commit makes them visible.

mod export;
mod graphs;
mod import;
mod indexes;
mod source;

use crate::catalog::IndexDefinition;
use crate::cluster::{CompactPlan, FlushOutcome, FlushPlan, NewSegment, NodeAnswer, NodeCommand};
use crate::error::{Error, Result};
use crate::ids::{CollectionId, PartitionId, Timestamp};
use crate::index::SegmentIndex;
use crate::platform::{Breather, Platform};
use crate::schema::Field;
use crate::segment::{
    Deletes, Growing, LogReader, LogRecord, SealPlan, SealSource, SealedColumn, SegmentManifest, SegmentRows,
    merge_order, read_column, read_deletes, read_times, seal, seal_times, write_deletes,
};
use crate::sorted::SortedMap;
use crate::storage::Files;
use crate::value::Column;
use export::ExportedSegment;
use futures::FutureExt;
use import::ImportReader;
use indexes::{index_of, write_index};
use roaring::RoaringBitmap;
use std::cell::RefCell;
use std::rc::Rc;

pub struct DataNode<P: Platform> {
    platform: P,
    /// The one under way, between its steps.
    import: RefCell<Option<Box<ImportReader<P>>>>,
    /// The segment that an export is at, between its steps.
    exported: RefCell<Option<ExportedSegment>>,
}

/// What a new segment is sealed with, whatever its rows are.
#[derive(Clone, Copy)]
struct SealedFor<'a> {
    collection: CollectionId,
    fields: &'a [Field],
    indexes: &'a [IndexDefinition],
}

/// A sealed segment's keys and deletes, read when the first delete asks for them.
struct OldSegment {
    manifest: SegmentManifest,
    partition: PartitionId,
    keys: Option<SegmentRows>,
}

impl<P: Platform> DataNode<P> {
    pub fn new(platform: P) -> Self {
        DataNode { platform, import: RefCell::default(), exported: RefCell::default() }
    }

    /// Each kind of work is boxed: together they would be one function, which takes a browser half a second to compile well.
    pub async fn execute(&self, command: NodeCommand) -> Result<NodeAnswer> {
        Ok(match command {
            NodeCommand::Flush(plan) => NodeAnswer::Flushed(self.flush(*plan).boxed_local().await?),
            NodeCommand::Compact(plan) => NodeAnswer::Compacted(self.compact(*plan).boxed_local().await?),
            NodeCommand::BuildIndex(plan) => NodeAnswer::IndexBuilt(self.build_indexes(*plan).boxed_local().await?),
            NodeCommand::BuildGraph(plan) => NodeAnswer::GraphBuilt(self.build_graph(*plan).boxed_local().await?),
            NodeCommand::MoveFile(name) => {
                self.platform.files().move_over(&name).await?;
                NodeAnswer::Done
            }
            NodeCommand::BeginImport(plan) => {
                self.import.replace(Some(Box::new(ImportReader::new(self.platform.clone(), *plan)?)));
                NodeAnswer::Done
            }
            NodeCommand::StepImport(step) => NodeAnswer::Imported(self.step_import(*step).boxed_local().await?),
            NodeCommand::MeasureExport(of) => NodeAnswer::Measured(self.measure_export(*of).boxed_local().await?),
            NodeCommand::StepExport(step) => NodeAnswer::Exported(self.step_export(*step).boxed_local().await?),
            _ => return Err(Error::Unexpected("a data node was given a query node's work".into())),
        })
    }

    async fn flush(&self, plan: FlushPlan) -> Result<FlushOutcome> {
        let fields: Rc<[Field]> = plan.schema.fields.clone().into();
        let mut growing: Vec<(&NewSegment, Growing)> =
            plan.new_segments.iter().map(|new| (new, Growing::new(fields.clone()))).collect();
        let mut old_segments: Vec<OldSegment> = Vec::new();
        for partition in &plan.partitions {
            old_segments.extend(partition.segments.iter().map(|manifest| OldSegment {
                manifest: manifest.clone(),
                partition: partition.id,
                keys: None,
            }));
        }
        let primary_key = plan.schema.primary_key().name.as_str();
        let mut log = LogReader::new(self.platform.records(), plan.collection, plan.after, plan.through);
        let mut breather = Breather::new(&self.platform);
        loop {
            let page = log.next_page().await?;
            if page.is_empty() {
                break;
            }
            for (written, bytes) in page {
                let wanted = |partition| plan.new_segments.iter().any(|new| new.partition == partition);
                let record = LogRecord::decode(&bytes, wanted)?;
                if let Some(deletes) = &record.deletes {
                    let concerned = growing.iter_mut().filter(|(new, _)| deletes.concerns(new.partition));
                    concerned.for_each(|(_, rows)| {
                        rows.delete(&deletes.keys);
                    });
                    self.delete_in(&plan, &mut old_segments, (written, deletes)).await?;
                }
                for (partition, batch) in &record.inserts {
                    for (new, rows) in growing.iter_mut().filter(|(new, _)| new.partition == *partition) {
                        rows.append(written, &new.shard.rows_of(batch, primary_key));
                    }
                }
                breather.breathe().await;
            }
        }
        let mut outcome = FlushOutcome::default();
        for (new, rows) in growing {
            if let Some(manifest) = self.seal_growing(&plan, new, rows).await? {
                outcome.new_segments.push((new.partition, manifest));
            }
        }
        for OldSegment { mut manifest, keys, .. } in old_segments {
            let Some(keys) = keys.filter(|keys| keys.deleted.len() > u64::from(manifest.deleted_rows)) else {
                continue;
            };
            let name = manifest.deletes_file(plan.collection, plan.through);
            write_deletes(self.platform.files(), &name, &keys.deleted).await?;
            manifest.deletes = Some(plan.through);
            manifest.deleted_rows = keys.deleted.len() as u32;
            outcome.deleted_in.push(manifest);
        }
        Ok(outcome)
    }

    async fn delete_in(
        &self,
        plan: &FlushPlan,
        segments: &mut [OldSegment],
        (written, deletes): (Timestamp, &Deletes),
    ) -> Result<()> {
        let primary_key = plan.schema.primary_key();
        let is_older = |manifest: &SegmentManifest| manifest.imported_at.is_none_or(|imported| imported < written);
        let concerned = |segment: &&mut OldSegment| deletes.concerns(segment.partition) && is_older(&segment.manifest);
        for segment in segments.iter_mut().filter(concerned) {
            if segment.keys.is_none() {
                let (keys, deleted) = self.read_keys(plan.collection, primary_key, &segment.manifest).await?;
                let mut rows = SegmentRows::new(primary_key.id, SortedMap::from([(primary_key.id, keys)]), true);
                rows.deleted = Rc::new(deleted);
                segment.keys = Some(rows);
            }
            if let Some(keys) = &mut segment.keys {
                keys.delete(&deletes.keys);
            }
        }
        Ok(())
    }

    async fn read_keys(
        &self,
        collection: CollectionId,
        primary_key: &Field,
        manifest: &SegmentManifest,
    ) -> Result<(Column, RoaringBitmap)> {
        let files = self.platform.files();
        let keys = read_column(files, &manifest.column_file(collection, primary_key.id), &|_| ()).await?;
        let deleted = match manifest.deletes {
            Some(last) => read_deletes(files, &manifest.deletes_file(collection, last), &|_| ()).await?,
            None => RoaringBitmap::new(),
        };
        Ok((keys, deleted))
    }

    async fn seal_growing(&self, plan: &FlushPlan, new: &NewSegment, rows: Growing) -> Result<Option<SegmentManifest>> {
        let of = SealedFor { collection: plan.collection, fields: &plan.schema.fields, indexes: &plan.indexes };
        let Some((mut manifest, times)) = self.seal_rows(of, new, rows).await? else { return Ok(None) };
        seal_times(self.platform.files(), plan.collection, &mut manifest, times).await?;
        Ok(Some(manifest))
    }

    /// A segment with its indexes, of the rows that are not deleted, and when each of them was written. Each column goes when
    /// the segment has it.
    async fn seal_rows(
        &self,
        of: SealedFor<'_>,
        new: &NewSegment,
        rows: Growing,
    ) -> Result<Option<(SegmentManifest, Vec<Timestamp>)>> {
        let mut chunks = rows.into_chunks();
        let sources: Vec<SealSource> = chunks
            .iter()
            .map(|rows| SealSource {
                primary_keys: rows.primary_keys(),
                timestamps: rows.write_times(),
                deleted: &rows.deleted,
            })
            .collect();
        let order = merge_order(&sources);
        if order.is_empty() {
            return Ok(None);
        }
        let written = |(source, row): &(u32, u32)| sources[*source as usize].timestamps[*row as usize];
        let times = order.iter().map(written).collect();
        let columns: Vec<_> = chunks.iter_mut().map(|rows| RefCell::new(std::mem::take(&mut rows.columns))).collect();
        let column = async |source: u32, field: &Field| {
            let column = Rc::make_mut(&mut columns[source as usize].borrow_mut()).remove(&field.id);
            Ok(column.map(Rc::unwrap_or_clone))
        };
        let plan = SealPlan { collection: of.collection, id: new.id, fields: of.fields, order: &order };
        let mut manifest = self.seal_indexed(plan, of.indexes, column).boxed_local().await?;
        manifest.shard = new.shard.number;
        Ok(Some((manifest, times)))
    }

    async fn compact(&self, plan: CompactPlan) -> Result<Option<SegmentManifest>> {
        let files = self.platform.files();
        let primary_key = plan.schema.primary_key();
        let mut keys = Vec::new();
        for manifest in &plan.inputs {
            let (primary_keys, mut deleted) = self.read_keys(plan.collection, primary_key, manifest).await?;
            let timestamps = read_times(files, plan.collection, manifest).await?;
            if let Some(horizon) = plan.expired_before {
                let expired = timestamps.iter().enumerate().filter(|(_, at)| **at < horizon);
                deleted.extend(expired.map(|(row, _)| row as u32));
            }
            keys.push((primary_keys, timestamps, deleted));
        }
        let sources: Vec<SealSource> = keys
            .iter()
            .map(|(primary_keys, timestamps, deleted)| SealSource { primary_keys, timestamps, deleted })
            .collect();
        let order = merge_order(&sources);
        if order.is_empty() {
            return Ok(None);
        }
        let column = async |source: u32, field: &Field| {
            let input = &plan.inputs[source as usize];
            if !input.column_bytes.contains_key(&field.id) {
                return Ok(None);
            }
            let column = read_column(files, &input.column_file(plan.collection, field.id), &|_| ()).await?;
            Ok(Some(column))
        };
        let sealed =
            SealPlan { collection: plan.collection, id: plan.output, fields: &plan.schema.fields, order: &order };
        let mut manifest = self.seal_indexed(sealed, &plan.indexes, column).await?;
        let written = |(source, row): &(u32, u32)| sources[*source as usize].timestamps[*row as usize];
        seal_times(files, plan.collection, &mut manifest, order.iter().map(written).collect()).await?;
        manifest.shard = plan.inputs.first().map_or(0, |input| input.shard);
        Ok(Some(manifest))
    }

    /// A segment with its indexes, which are made while its columns are in memory.
    async fn seal_indexed(
        &self,
        plan: SealPlan<'_>,
        indexes: &[IndexDefinition],
        column: impl AsyncFn(u32, &Field) -> Result<Option<Column>>,
    ) -> Result<SegmentManifest> {
        let files = self.platform.files();
        let mut built: Vec<(&IndexDefinition, Option<SegmentIndex>)> = Vec::new();
        let seen = |field: &Field, column: &SealedColumn| {
            for definition in indexes.iter().filter(|definition| definition.field == field.id) {
                let index = column.vectors().and_then(|(dim, vectors)| index_of(definition, dim, &vectors));
                built.push((definition, index));
            }
        };
        let mut manifest = seal(files, plan, column, seen).await?;
        for (definition, index) in built {
            let name = manifest.index_file(plan.collection, definition.id);
            manifest.indexes.insert(definition.id, write_index(files, &name, definition, index).await?);
        }
        Ok(manifest)
    }
}
