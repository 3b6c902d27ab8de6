//! The first half of a flush: what the log has of new segments, and what it deletes of old ones.

use super::DataNode;
use crate::cluster::FlushPlan;
use crate::error::Result;
use crate::ids::{PartitionId, Timestamp};
use crate::platform::{Breather, Platform};
use crate::schema::Field;
use crate::segment::{Growing, KeySet, LogReader, LogRecord, SegmentManifest, SegmentRows, read_segment};
use futures::future::join;
use std::rc::Rc;
use std::slice;

/// What the log has through the end of a plan.
pub(super) struct Gathered {
    pub plan: FlushPlan,
    /// Of each of the plan's new segments.
    pub growing: Vec<Growing>,
    pub old_segments: Vec<OldSegment>,
}

/// A sealed segment's keys and deletes, read when the first delete asks for them.
pub(super) struct OldSegment {
    pub manifest: SegmentManifest,
    partition: PartitionId,
    pub keys: Option<SegmentRows>,
}

impl Gathered {
    fn nothing(plan: &FlushPlan) -> Self {
        let old_segments = plan.partitions.iter().flat_map(|partition| {
            let old = |manifest: &SegmentManifest| OldSegment {
                manifest: manifest.clone(),
                partition: partition.id,
                keys: None,
            };
            partition.segments.iter().map(old)
        });
        let old_segments = old_segments.collect();
        let plan = FlushPlan { new_segments: Vec::new(), through: plan.after, ..plan.clone() };
        Gathered { plan, growing: Vec::new(), old_segments }
    }

    /// Whether a plan is for the same and more.
    fn is_begin_of(&self, plan: &FlushPlan) -> bool {
        let FlushPlan { collection, schema, partitions, after, through, .. } = &self.plan;
        (*collection, schema, partitions, *after) == (plan.collection, &plan.schema, &plan.partitions, plan.after)
            && *through <= plan.through
    }

    /// Takes over the plan's new segments; what it has of them gets their ids.
    fn continue_with(&mut self, plan: FlushPlan) {
        let fields: Rc<[Field]> = plan.schema.fields.clone().into();
        let mut known: Vec<_> = self.plan.new_segments.iter().zip(self.growing.drain(..)).collect();
        let growing = plan.new_segments.iter().map(|new| {
            let at = known.iter().position(|(old, _)| (old.partition, old.shard) == (new.partition, new.shard));
            at.map_or_else(|| Growing::new(fields.clone()), |at| known.swap_remove(at).1)
        });
        let growing = growing.collect();
        self.growing = growing;
        self.plan = plan;
    }
}

impl<P: Platform> DataNode<P> {
    /// Goes on from where the last call has come to, if that was for the same.
    pub(super) async fn gather(&self, plan: FlushPlan) -> Result<Gathered> {
        let begun = self.gathered.take().filter(|gathered| gathered.is_begin_of(&plan));
        let mut gathered = begun.unwrap_or_else(|| Gathered::nothing(&plan));
        let after = gathered.plan.through;
        gathered.continue_with(plan);
        let mut log = LogReader::new(self.platform.records(), gathered.plan.collection, after, gathered.plan.through);
        let mut page = log.next_page().await?;
        while !page.is_empty() {
            // Asked for before there is much to compute.
            let (next_page, taken) = join(log.next_page(), self.take_records(&mut gathered, page)).await;
            taken?;
            page = next_page?;
        }
        Ok(gathered)
    }

    async fn take_records(&self, gathered: &mut Gathered, records: Vec<(Timestamp, Vec<u8>)>) -> Result<()> {
        let Gathered { plan, growing, old_segments } = gathered;
        let primary_key = plan.schema.primary_key();
        let mut breather = Breather::new(&self.platform);
        for (written, bytes) in records {
            let wanted = |partition| plan.new_segments.iter().any(|new| new.partition == partition);
            let record = LogRecord::decode(&bytes, &wanted)?;
            drop(bytes);
            if let Some(deletes) = &record.deletes {
                let keys = KeySet::of(&deletes.keys);
                for (new, rows) in plan.new_segments.iter().zip(growing.iter_mut()) {
                    if deletes.concerns(new.partition) {
                        rows.delete(&keys);
                        breather.breathe().await;
                    }
                }
                let is_concerned = |segment: &OldSegment| {
                    let imported_at = segment.manifest.imported_at;
                    deletes.concerns(segment.partition) && imported_at.is_none_or(|imported| imported < written)
                };
                for segment in old_segments.iter_mut().filter(|segment| is_concerned(segment)) {
                    self.delete_in(plan, segment, &keys).await?;
                    breather.breathe().await;
                }
            }
            for (partition, batch) in &record.inserts {
                for (new, rows) in plan.new_segments.iter().zip(growing.iter_mut()) {
                    if new.partition == *partition {
                        rows.append(written, &new.shard.rows_of(batch, &primary_key.name));
                    }
                }
            }
            breather.breathe().await;
        }
        Ok(())
    }

    async fn delete_in(&self, plan: &FlushPlan, segment: &mut OldSegment, keys: &KeySet<'_>) -> Result<()> {
        let rows = match &mut segment.keys {
            Some(rows) => rows,
            none => {
                let (files, fields) = (self.platform.files(), slice::from_ref(plan.schema.primary_key()));
                none.insert(read_segment(files, plan.collection, &segment.manifest, fields, &|_, _| ()).await?)
            }
        };
        rows.delete(keys);
        Ok(())
    }
}
