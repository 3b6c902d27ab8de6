//! Reading an import: pieces of the source into rows, rows into segments, a step at a time.
//!
//! What is gathered between steps is bounded, whatever the size of the source: when all partitions and shards together have
//! more than the plan's `buffer_bytes`, the largest of them become segments, during which as much is gathered again at most.

use super::side_by_side::{SegmentWork, write_side_by_side};
use super::source::{Next, Source};
use super::{DataNode, SealedFor};
use crate::catalog::SourceFile;
use crate::cluster::{IMPORT_STEP_ROWS, ImportPlan, ImportStep, NewSegment, StepOfImport};
use crate::error::{Error, Result};
use crate::ids::{PartitionId, SegmentId, Timestamp};
use crate::import::FileBatches;
use crate::platform::{Breather, Platform};
use crate::schema::Field;
use crate::segment::{Growing, SegmentManifest, Shard};
use crate::sorted::SortedMap;
use crate::value::{Batch, Column, RowOffset, WriteMode, check_insert};
use futures::FutureExt;
use futures::future::join;
use std::cell::Cell;
use std::rc::Rc;

/// Checked at once, so that the node hears of what is sent to it.
const BATCH_ROWS: usize = 1024;
/// After so long other commands get their turn, and who waits for the import hears how far it is.
const STEP_MS: u64 = 100;

/// A job between two steps.
pub(super) struct ImportReader<P: Platform> {
    plan: Rc<ImportPlan>,
    fields: Rc<[Field]>,
    batches: FileBatches,
    source: Source<P>,
    checked_rows: u64,
    gathered: SortedMap<Destination, GatheredRows>,
}

/// Partition and shard.
type Destination = (PartitionId, u32);

/// Rows of one place on their way into a segment.
struct GatheredRows {
    rows: Growing,
    bytes: usize,
}

/// What reading on came to.
enum Progress {
    Read,
    /// Every file is at its end.
    Ended,
    NeedsMore,
}

impl<P: Platform> ImportReader<P> {
    pub fn new(platform: P, plan: ImportPlan) -> Result<Self> {
        let names = plan.files.iter().map(|file| file.name.clone()).collect();
        Ok(ImportReader {
            batches: FileBatches::new(&plan.format, names, &plan.schema)?,
            fields: plan.schema.fields.clone().into(),
            source: Source::new(platform, plan.job, plan.files.len()),
            checked_rows: 0,
            gathered: SortedMap::new(),
            plan: Rc::new(plan),
        })
    }

    async fn read_on(&mut self, files: &[SourceFile], step: &mut ImportStep) -> Result<Progress> {
        let Some(file) = self.batches.next_file() else { return Ok(Progress::Ended) };
        match self.source.next(file, files).await? {
            Next::Bytes(chunk) => {
                step.bytes += chunk.bytes().len() as u64;
                self.source.take_back(self.batches.push(file, chunk)?);
            }
            Next::End => self.batches.finish(file)?,
            Next::Missing => return Ok(Progress::NeedsMore),
        }
        Ok(Progress::Read)
    }

    /// Checks rows as an insert does, gives them their keys, and puts each where it belongs.
    fn gather(&mut self, mut batch: Batch, first_id: u64, step: &mut ImportStep) -> Result<()> {
        let mut rows = match check_insert(&self.plan.schema, &mut batch, WriteMode::Insert) {
            Ok(rows) => rows,
            Err(error) => return Err(self.refusal(&batch, error)),
        };
        let count = rows.batch.rows as u64;
        if rows.needs_ids() {
            rows.assign_ids((first_id + step.generated_ids) as i64);
            step.generated_ids += count;
        }
        step.rows += count;
        self.checked_rows += count;
        for (partition, batch) in rows.by_partition(&self.plan.schema, &self.plan.partitions) {
            self.gather_partition(partition, batch);
        }
        Ok(())
    }

    fn gather_partition(&mut self, partition: PartitionId, batch: Batch) {
        if self.plan.shards == 1 {
            return self.gather_shard((partition, 0), batch);
        }
        let plan = self.plan.clone();
        let primary_key = plan.schema.primary_key().name.as_str();
        for shard in Shard::all(plan.shards) {
            self.gather_shard((partition, shard.number), shard.rows_of(&batch, primary_key).into_owned());
        }
    }

    fn gather_shard(&mut self, place: Destination, rows: Batch) {
        if rows.rows == 0 {
            return;
        }
        let new = || GatheredRows { rows: Growing::new(self.fields.clone()), bytes: 0 };
        let gathered = self.gathered.entry(place).or_insert_with(new);
        gathered.bytes += rows.columns.iter().map(|(_, column)| Column::allocated_bytes(column)).sum::<usize>();
        // The commit says when all of them were written.
        gathered.rows.append_owned(Timestamp(0), rows);
    }

    /// Names the row of a batch that is refused.
    fn refusal(&self, batch: &Batch, error: Error) -> Error {
        let refused =
            |row: u32| check_insert(&self.plan.schema, &mut batch.select(&[RowOffset(row)]), WriteMode::Insert).err();
        let found = (0..batch.rows as u32).find_map(|row| Some((row, refused(row)?)));
        let (row, error) = found.map_or((1, error), |(row, error)| (u64::from(row) + 1, error));
        Error::ImportFailed(format!("{}: {error}", self.batches.place(self.checked_rows + row)))
    }

    fn gathered_bytes(&self) -> usize {
        self.gathered.values().map(|gathered| gathered.bytes).sum()
    }

    fn is_full(&self) -> bool {
        self.gathered_bytes() > self.plan.buffer_bytes
    }

    /// What is to be sealed now: the largest while there is too much.
    fn take_full(&mut self) -> Vec<(Destination, Growing)> {
        let mut full = Vec::new();
        if self.is_full() {
            while self.gathered_bytes() > self.plan.buffer_bytes / 2 {
                let largest = self.gathered.iter().max_by_key(|(_, gathered)| gathered.bytes).map(|(place, _)| *place);
                let taken = largest.and_then(|place| self.gathered.remove_entry(&place));
                full.extend(taken.map(|(place, gathered)| (place, gathered.rows)));
            }
        }
        full
    }
}

impl<P: Platform> DataNode<P> {
    /// Reads on in the source and takes the rows that are whole then; while segments are written, it reads on further.
    pub(super) async fn step_import(&self, of: StepOfImport) -> Result<ImportStep> {
        let job = of.job;
        let current = self.import.take().filter(|current| current.plan.job == job);
        // Another node began it: the coordinator begins it again, as after any death.
        let mut current = current.ok_or_else(|| Error::NodeOffline { node: format!("that read import {job}") })?;
        let mut step = ImportStep::default();
        let plan = current.plan.clone();
        let mut ids = of.ids.segments.iter().copied();
        let full = current.take_full();
        let is_sealing = Cell::new(!full.is_empty());
        let seal = async {
            let sealed = self.seal_gathered(&plan, full, &mut ids).await;
            is_sealing.set(false);
            sealed
        };
        let (sealed, read) = join(seal, self.read_step(&mut current, &of, &mut step, &is_sealing)).await;
        read?;
        step.new_segments = sealed?;
        if step.is_last {
            let rest = current.gathered.into_iter().map(|(place, gathered)| (place, gathered.rows)).collect();
            step.new_segments.extend(self.seal_gathered(&plan, rest, &mut ids).await?);
        } else {
            self.import.replace(Some(current));
        }
        Ok(step)
    }

    async fn read_step(
        &self,
        current: &mut ImportReader<P>,
        of: &StepOfImport,
        step: &mut ImportStep,
        is_sealing: &Cell<bool>,
    ) -> Result<()> {
        let mut breather = Breather::new(&self.platform);
        let end_ms = self.platform.now_ms() + STEP_MS;
        loop {
            let room = IMPORT_STEP_ROWS - step.rows as usize;
            if room == 0 {
                return Ok(());
            } else if let Some(batch) = current.batches.take_batch(room.min(BATCH_ROWS))? {
                current.gather(batch, of.ids.first_row, step)?;
                breather.breathe().await;
            } else if current.is_full() || !is_sealing.get() && self.platform.now_ms() >= end_ms && step.bytes > 0 {
                return Ok(());
            } else {
                match current.read_on(&of.files, step).await? {
                    Progress::Read => {}
                    Progress::Ended => step.is_last = true,
                    Progress::NeedsMore => step.needs_more = true,
                }
                if step.is_last || step.needs_more {
                    return Ok(());
                }
            }
        }
    }

    async fn seal_gathered(
        &self,
        plan: &ImportPlan,
        gathered: Vec<(Destination, Growing)>,
        ids: &mut impl Iterator<Item = SegmentId>,
    ) -> Result<Vec<(PartitionId, SegmentManifest)>> {
        let of = SealedFor { collection: plan.collection, fields: &plan.schema.fields, indexes: &plan.indexes };
        let partitions: Vec<PartitionId> = gathered.iter().map(|((partition, _), _)| *partition).collect();
        let work = gathered.into_iter().map(|((partition, number), rows)| {
            let id = ids.next().ok_or_else(|| Error::Unexpected("an import has too few segment ids".into()))?;
            let new = NewSegment { partition, shard: Shard { number, of: plan.shards }, id };
            let row_count = rows.row_count();
            let seal = async move { Ok(self.seal_rows(of, &new, rows).await?.map(|(manifest, _)| manifest)) };
            Ok(SegmentWork { rows: row_count, work: seal.boxed_local() })
        });
        let sealed = write_side_by_side(work.collect::<Result<_>>()?).await?;
        Ok(partitions.into_iter().zip(sealed).filter_map(|(partition, new)| Some((partition, new?))).collect())
    }
}
