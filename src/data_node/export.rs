//! Rows of segments for an export, a step at a time. Steps know nothing of each other; the segment that the last one read is
//! kept for the next.

use super::DataNode;
use crate::cluster::{ExportOfSegment, ExportPlan, ExportStep, StepOfExport};
use crate::error::Result;
use crate::export::{ExportRows, Measures, needs_measuring};
use crate::expr::Filter;
use crate::ids::{ExportId, SegmentId};
use crate::platform::{Breather, Platform};
use crate::schema::{Field, FieldId};
use crate::segment::{SegmentManifest, SegmentRows, read_segment, read_times};
use crate::sorted::SortedSet;
use crate::value::RowOffset;
use std::rc::Rc;

/// Of one step at most.
const STEP_ROWS: usize = 65_536;
/// Measured at once, so that messages get their turn.
const MEASURED_ROWS: usize = 4096;

pub(super) struct ExportedSegment {
    export: ExportId,
    segment: SegmentId,
    rows: SegmentRows,
    /// Those that the export takes.
    chosen: Vec<RowOffset>,
}

impl<P: Platform> DataNode<P> {
    pub(super) async fn measure_export(&self, of: ExportOfSegment) -> Result<Measures> {
        let plan = &of.plan;
        let is_measured = |field: &Field| plan.fields.contains(&field.id) && needs_measuring(plan.format, field);
        let fields: Vec<Field> = plan.schema.fields.iter().filter(|field| is_measured(field)).cloned().collect();
        let read = self.read_exported(plan, &of.segment, &fields).await?;
        let rows = ExportRows::new(&plan.schema, &fields, &plan.dynamic_keys, &read.rows)?;
        let mut measures = Measures::default();
        let mut breather = Breather::new(&self.platform);
        for chosen in read.chosen.chunks(MEASURED_ROWS) {
            rows.measure(plan.format, chosen, &mut measures);
            breather.breathe().await;
        }
        Ok(measures)
    }

    pub(super) async fn step_export(&self, step: StepOfExport) -> Result<ExportStep> {
        let StepOfExport { of, layout, first_row, enough_bytes } = step;
        let plan = &of.plan;
        let fields: Vec<Field> = plan.fields.iter().filter_map(|id| plan.schema.field_by_id(*id)).cloned().collect();
        let kept = self.exported.take();
        let kept = kept.filter(|kept| kept.export == plan.export && kept.segment == of.segment.id);
        let segment = match kept {
            Some(kept) => kept,
            None => self.read_exported(plan, &of.segment, &fields).await?,
        };
        let rest = segment.chosen.get(first_row as usize..).unwrap_or_default();
        let mut parts = vec![Vec::new(); layout.files()];
        let written = ExportRows::new(&plan.schema, &fields, &plan.dynamic_keys, &segment.rows)?.write(
            &layout,
            &rest[..rest.len().min(STEP_ROWS)],
            enough_bytes,
            &mut parts,
        );
        let next = rest.get(written).copied();
        let step = ExportStep {
            rows: written as u64,
            next_row: next.map(|_| first_row + written as u32),
            passed_rows: next.map_or(of.segment.rows, |row| row.0),
            parts,
        };
        if next.is_some() {
            self.exported.replace(Some(segment));
        }
        Ok(step)
    }

    /// What an export takes of a segment, with the columns of some fields.
    async fn read_exported(
        &self,
        plan: &Rc<ExportPlan>,
        manifest: &SegmentManifest,
        fields: &[Field],
    ) -> Result<ExportedSegment> {
        let files = self.platform.files();
        let filter = Filter::parse(&plan.expr, &plan.templates, &plan.schema, None)?;
        let given: SortedSet<FieldId> = fields.iter().map(|field| field.id).collect();
        let is_read =
            |field: &&Field| given.contains(&field.id) || filter.fields().contains(&field.id) || field.is_primary_key;
        let read: Vec<Field> = plan.schema.fields.iter().filter(is_read).cloned().collect();
        let mut rows = read_segment(files, plan.collection, manifest, &read, &|_, _| ()).await?;
        if plan.expired_before.is_some() {
            rows.written = Some(Rc::new(read_times(files, plan.collection, manifest).await?));
        }
        let chosen = rows.matching(&filter, plan.expired_before)?.ones().map(RowOffset::from_index).collect();
        // What only the filter needed is not kept.
        let columns = rows.columns.iter().filter(|(id, _)| given.contains(*id) || **id == rows.primary_key);
        let columns = columns.map(|(id, column)| (*id, column.clone())).collect();
        rows.columns = Rc::new(columns);
        Ok(ExportedSegment { export: plan.export, segment: manifest.id, rows, chosen })
    }
}
