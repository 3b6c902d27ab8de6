//! The data node: turns the log and imported files into sealed segments, merges small and much-deleted ones, builds indexes,
//! reads segments for exports.
//!
//! It only writes files, under names that nothing refers to yet; the coordinator's commit makes them visible.

mod export;
mod gather;
mod graphs;
mod import;
mod indexes;
mod side_by_side;
mod source;

use crate::catalog::IndexDefinition;
use crate::cluster::{CompactPlan, FlushOutcome, FlushPlan, NewSegment, NodeAnswer, NodeCommand};
use crate::error::{Error, Result};
use crate::ids::{CollectionId, Timestamp};
use crate::platform::Platform;
use crate::schema::Field;
use crate::segment::{
    Growing, IndexEntry, SealPlan, SealSource, SealedColumn, SegmentManifest, merge_order, read_segment, read_times,
    read_written, seal, seal_times, write_deletes, written_in,
};
use crate::sorted::SortedMap;
use crate::storage::Files;
use crate::value::Column;
use export::ExportedSegment;
use futures::FutureExt;
use gather::{Gathered, OldSegment};
use import::ImportReader;
use roaring::RoaringBitmap;
use side_by_side::{SegmentWork, write_side_by_side};
use std::cell::RefCell;
use std::rc::Rc;
use std::slice;

pub struct DataNode<P: Platform> {
    platform: P,
    /// Of a flush to come.
    gathered: RefCell<Option<Gathered>>,
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

impl<P: Platform> DataNode<P> {
    pub fn new(platform: P) -> Self {
        DataNode { platform, gathered: RefCell::default(), import: RefCell::default(), exported: RefCell::default() }
    }

    /// Each kind of work is boxed: together they would be one function, which takes a browser half a second to compile well.
    pub async fn execute(&self, command: NodeCommand) -> Result<NodeAnswer> {
        Ok(match command {
            NodeCommand::Gather(plan) => {
                let gathered = self.gather(*plan).boxed_local().await?;
                self.gathered.replace(Some(gathered));
                NodeAnswer::Done
            }
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
        let Gathered { plan, growing, old_segments } = self.gather(plan).boxed_local().await?;
        let sealed = plan.new_segments.iter().zip(growing).map(|(new, rows)| SegmentWork {
            rows: rows.row_count(),
            work: self.seal_growing(&plan, new, rows).boxed_local(),
        });
        let deleted = old_segments
            .into_iter()
            .map(|old| SegmentWork { rows: 0, work: self.seal_deletes(&plan, old).boxed_local() });
        let mut written = write_side_by_side(sealed.chain(deleted).collect()).await?;
        let deleted_in = written.split_off(plan.new_segments.len()).into_iter().flatten().collect();
        let partitions = plan.new_segments.iter().map(|new| new.partition);
        let new_segments = partitions.zip(written).filter_map(|(partition, new)| Some((partition, new?))).collect();
        Ok(FlushOutcome { new_segments, deleted_in })
    }

    /// `None` if the segment has no more deleted rows than its file says.
    async fn seal_deletes(&self, plan: &FlushPlan, old: OldSegment) -> Result<Option<SegmentManifest>> {
        let OldSegment { mut manifest, keys, .. } = old;
        let Some(keys) = keys.filter(|keys| keys.deleted.len() > u64::from(manifest.deleted_rows)) else {
            return Ok(None);
        };
        let name = manifest.deletes_file(plan.collection, plan.through);
        write_deletes(self.platform.files(), &name, &keys.deleted).await?;
        manifest.deletes = Some(plan.through);
        manifest.deleted_rows = keys.deleted.len() as u32;
        Ok(Some(manifest))
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
        let times = order.iter().map(|at| written_in(&sources, *at)).collect();
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
            let rows = read_segment(files, plan.collection, manifest, slice::from_ref(primary_key), &|_, _| ()).await?;
            let mut deleted = RoaringBitmap::clone(&rows.deleted);
            let timestamps = read_times(files, plan.collection, manifest).await?;
            if let Some(horizon) = plan.expired_before {
                let expired = timestamps.iter().enumerate().filter(|(_, at)| **at < horizon);
                deleted.extend(expired.map(|(row, _)| row as u32));
            }
            keys.push((rows, timestamps, deleted));
        }
        let sources: Vec<SealSource> = keys
            .iter()
            .map(|(rows, timestamps, deleted)| SealSource { primary_keys: rows.primary_keys(), timestamps, deleted })
            .collect();
        let order = merge_order(&sources);
        if order.is_empty() {
            return Ok(None);
        }
        let column = async |source: u32, field: &Field| {
            let input = &plan.inputs[source as usize];
            read_written(files, plan.collection, input, field, &|_| ()).await
        };
        let sealed =
            SealPlan { collection: plan.collection, id: plan.output, fields: &plan.schema.fields, order: &order };
        let mut manifest = self.seal_indexed(sealed, &plan.indexes, column).await?;
        let times = order.iter().map(|at| written_in(&sources, *at)).collect();
        seal_times(files, plan.collection, &mut manifest, times).await?;
        manifest.shard = plan.inputs.first().map_or(0, |input| input.shard);
        Ok(Some(manifest))
    }

    /// A segment with its indexes, which are made while its columns are written.
    async fn seal_indexed(
        &self,
        plan: SealPlan<'_>,
        indexes: &[IndexDefinition],
        column: impl AsyncFn(u32, &Field) -> Result<Option<Column>>,
    ) -> Result<SegmentManifest> {
        let files = self.platform.files();
        let entries = RefCell::new(SortedMap::new());
        let segment = SegmentManifest::new(plan.id, 0);
        let seen = async |field: &Field, column: &SealedColumn| {
            for definition in indexes.iter().filter(|definition| definition.field == field.id) {
                let name = segment.index_file(plan.collection, definition.id);
                let entry = match column.vectors() {
                    Some(vectors) => self.make_index(definition, vectors, &name).await?,
                    None => IndexEntry::default(),
                };
                entries.borrow_mut().insert(definition.id, entry);
            }
            Ok(())
        };
        let mut manifest = seal(files, plan, column, seen).await?;
        manifest.indexes = entries.into_inner();
        Ok(manifest)
    }
}
