//! Export: the rows of a collection as they are when it begins, given a step at a time.
//!
//! An export begins with a flush, so that sealed segments have every row. The files of these it pins: what flush, compaction
//! or a drop discards meanwhile is deleted when the last export that reads it ends. Which rows come next is the client's to
//! say, so that a step may be repeated. An export of which nothing is heard any more ends by itself.

use super::Coordinator;
use super::describe::{decimal, with_success};
use super::maintenance::despite_deaths;
use crate::catalog::{Collection, CollectionName, Partition};
use crate::cluster::{ExportOfSegment, ExportPlan, ExportStep, NodeAnswer, NodeCommand, Nodes, StepOfExport};
use crate::error::{Error, Result};
use crate::export::{Beginning, ExportFormat, Layout, Measures, needs_measuring};
use crate::expr::Filter;
use crate::ids::{CollectionId, ExportId};
use crate::platform::Platform;
use crate::schema::{Field, FieldId, OutputFields};
use crate::segment::{SegmentManifest, TIMESTAMP_FIELD};
use crate::sorted::{SortedMap, SortedSet};
use crate::value::allows_given_ids;
use futures::FutureExt;
use serde_json::{Value, json};
use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;

/// A client of which nothing is heard for so long has gone, and its export with it.
const PATIENCE_MS: u64 = 60_000;

#[derive(Default)]
pub(super) struct Exports {
    under_way: RefCell<SortedMap<ExportId, Rc<Export>>>,
    /// Files that nothing names any more, and that an export still reads.
    discarded: RefCell<SortedSet<String>>,
}

struct Export {
    collection: CollectionId,
    segments: Vec<SegmentManifest>,
    /// The files that it reads.
    pinned: SortedSet<String>,
    /// Set when it has begun.
    written_as: OnceCell<(Rc<ExportPlan>, Rc<Layout>)>,
    /// Calls about it that are being answered.
    calls: Cell<u32>,
    heard_ms: Cell<u64>,
}

pub(super) struct NewExport<'a> {
    pub collection: CollectionName<'a>,
    pub partitions: &'a [String],
    pub format: &'a str,
    pub expr: &'a str,
    pub templates: &'a SortedMap<String, Value>,
    /// Empty: all.
    pub output_fields: &'a [String],
}

/// Where in an export a step begins.
pub(super) struct StepRequest<'a> {
    pub export: ExportId,
    pub collection: CollectionName<'a>,
    pub segment: usize,
    pub row: u32,
}

/// An answer, and the bytes for the end of each file.
pub(super) type Exported = (Value, Vec<Vec<u8>>);

impl Exports {
    fn find(&self, id: ExportId) -> Option<Rc<Export>> {
        self.under_way.borrow().get(&id).cloned()
    }

    /// Of files that nothing names any more, those that may be deleted now. The others follow when their exports end.
    pub fn deletable(&self, names: &[String]) -> Vec<String> {
        let (pinned, free): (Vec<&String>, Vec<&String>) = names.iter().partition(|name| self.is_pinned(name));
        self.discarded.borrow_mut().extend(pinned.into_iter().cloned());
        free.into_iter().cloned().collect()
    }

    fn is_pinned(&self, file: &str) -> bool {
        self.under_way.borrow().values().any(|export| export.pinned.contains(file))
    }

    /// Forgets an export; returns what was only kept for it.
    fn end(&self, id: ExportId) -> Vec<String> {
        let Some(ended) = self.under_way.borrow_mut().remove(&id) else { return Vec::new() };
        let mut discarded = self.discarded.borrow_mut();
        let mut free: Vec<String> = ended.pinned.intersection(&discarded).cloned().collect();
        free.retain(|name| !self.is_pinned(name));
        discarded.retain(|name| !free.contains(name));
        free
    }

    /// The exports of a collection.
    fn of_collection(&self, id: CollectionId) -> Vec<ExportId> {
        let under_way = self.under_way.borrow();
        under_way.iter().filter(|(_, export)| export.collection == id).map(|(export, _)| *export).collect()
    }
}

impl<P: Platform, N: Nodes> Coordinator<P, N> {
    /// Answers with what the page must know, and the beginning of each file.
    pub(super) async fn begin_export(self: &Rc<Self>, new: NewExport<'_>) -> Result<Exported> {
        let id = ExportId(self.tick().0);
        let collection = self.resolve(new.collection)?;
        self.plan_export(id, &new, &collection)?;
        self.flush(collection.id).await?;
        let collection = self.collection(collection.id).ok_or_else(|| new.collection.not_found())?;
        let (plan, segments) = self.plan_export(id, &new, &collection)?;
        let export = Rc::new(Export {
            collection: collection.id,
            pinned: pinned_files(&plan, &segments)?,
            segments,
            written_as: OnceCell::new(),
            calls: Cell::new(0),
            heard_ms: Cell::new(self.platform.now_ms()),
        });
        self.exports.under_way.borrow_mut().insert(id, export.clone());
        self.tidy_up(collection.id);
        self.watch_export(id);
        export.calls.set(1);
        let begun = self.measure_export(&export, plan).await;
        self.heard_of(&export);
        let begun = begun.and_then(|(plan, measures)| begin(plan, &measures));
        // A collection that is dropped meanwhile takes its exports and files with it.
        let begun = if self.exports.find(id).is_some() { begun } else { Err(new.collection.not_found()) };
        let (plan, Beginning { layout, files, options, .. }) = match begun {
            Ok(begun) => begun,
            Err(error) => {
                self.end_export(id).await;
                return Err(error);
            }
        };
        let names: Vec<&String> = files.iter().map(|file| &file.name).collect();
        let body = with_success(json!({
            "export": decimal(id),
            "files": names,
            "options": options,
            "next": next_place(&export.segments, 0, None),
            "collection": self.description_of(&collection)?,
            "index_descriptions": self.index_descriptions(&collection),
        }));
        let heads = files.into_iter().map(|file| file.head).collect();
        // Set once: nobody else knows of the export yet.
        let _ = export.written_as.set((Rc::new(plan), Rc::new(layout)));
        Ok((body, heads))
    }

    /// What is to be exported, or why it cannot be.
    fn plan_export(
        &self,
        export: ExportId,
        new: &NewExport<'_>,
        collection: &Collection,
    ) -> Result<(ExportPlan, Vec<SegmentManifest>)> {
        let schema = &collection.schema;
        let format = ExportFormat::of_name(new.format)?;
        let segments = chosen_segments(collection, new.partitions)?;
        Filter::parse(new.expr, new.templates, schema, None)?;
        let output = chosen_fields(collection, new.output_fields)?;
        output.fields.iter().try_for_each(|field| format.check_field(field))?;
        let plan = ExportPlan {
            export,
            collection: collection.id,
            schema: schema.clone(),
            expr: new.expr.to_owned(),
            templates: new.templates.clone(),
            fields: output.fields.iter().map(|field| field.id).collect(),
            dynamic_keys: output.only_keys(),
            expired_before: schema.expired_before(self.platform.now_ms()),
            format,
        };
        Ok((plan, segments))
    }

    /// Reads what decides about the files, if anything does.
    async fn measure_export(self: &Rc<Self>, export: &Export, plan: ExportPlan) -> Result<(ExportPlan, Measures)> {
        let mut measures = Measures::default();
        // NumPy's headers say the number of rows.
        let is_measured =
            plan.format == ExportFormat::Numpy || plan_fields(&plan).any(|field| needs_measuring(plan.format, field));
        if !is_measured {
            return Ok((plan, measures));
        }
        let shared = Rc::new(plan);
        for segment in &export.segments {
            let of = ExportOfSegment { plan: shared.clone(), segment: segment.clone() };
            let NodeAnswer::Measured(more) = self.ask_for_export(NodeCommand::MeasureExport(Box::new(of))).await?
            else {
                return Err(Error::Unexpected("the data node did not answer with what it measured".into()));
            };
            measures.add(more);
        }
        Ok(((*shared).clone(), measures))
    }

    /// The next rows.
    pub(super) async fn step_export(self: &Rc<Self>, step: StepRequest<'_>) -> Result<Exported> {
        let export = self.exports.find(step.export).ok_or_else(|| self.export_gone(&step))?;
        export.calls.set(export.calls.get() + 1);
        let read = self.read_step(&export, &step).await;
        self.heard_of(&export);
        // Its files may have been deleted under it.
        self.exports.find(step.export).ok_or_else(|| self.export_gone(&step))?;
        let ExportStep { rows, next_row, passed_rows, parts } = read?;
        let total: u64 = export.segments.iter().map(|segment| u64::from(segment.rows)).sum();
        let before: u64 = export.segments[..step.segment].iter().map(|segment| u64::from(segment.rows)).sum();
        let percent = ((before + u64::from(passed_rows)) * 100).checked_div(total).unwrap_or(100);
        let body = with_success(json!({
            "next": next_place(&export.segments, step.segment, Some(next_row)),
            "row_count": decimal(rows),
            "progress": percent,
        }));
        Ok((body, parts))
    }

    async fn read_step(self: &Rc<Self>, export: &Export, step: &StepRequest<'_>) -> Result<ExportStep> {
        let invalid = || Error::invalid(format!("export {} has no such place", step.export));
        let (plan, layout) = export.written_as.get().ok_or_else(invalid)?.clone();
        let segment = export.segments.get(step.segment).ok_or_else(invalid)?.clone();
        let enough_bytes = self.config.export_step_bytes;
        let step = StepOfExport { of: ExportOfSegment { plan, segment }, layout, first_row: step.row, enough_bytes };
        match self.ask_for_export(NodeCommand::StepExport(Box::new(step))).await? {
            NodeAnswer::Exported(step) => Ok(step),
            _ => Err(Error::Unexpected("the data node did not answer with what it exported".into())),
        }
    }

    async fn ask_for_export(self: &Rc<Self>, command: NodeCommand) -> Result<NodeAnswer> {
        despite_deaths(async || self.with_data_node(command.clone()).await).await
    }

    fn heard_of(&self, export: &Export) {
        export.calls.set(export.calls.get() - 1);
        export.heard_ms.set(self.platform.now_ms());
    }

    /// Why there is no such export any more.
    fn export_gone(&self, step: &StepRequest<'_>) -> Error {
        let lost =
            format!("export {} has been given up, or went with the tab that ran the store: begin again", step.export);
        self.resolve(step.collection).err().unwrap_or(Error::NotReady { reason: lost })
    }

    /// Lets go of what an export reads. One that is not there has ended already.
    pub(super) async fn end_export(&self, id: ExportId) {
        let free = self.exports.end(id);
        self.discard(&free).await;
    }

    pub(super) async fn end_exports_of(&self, id: CollectionId) {
        for export in self.exports.of_collection(id) {
            self.end_export(export).await;
        }
    }

    /// Ends an export whose client asks for no more of it.
    fn watch_export(self: &Rc<Self>, id: ExportId) {
        let coordinator = self.clone();
        let task = async move {
            while let Some(export) = coordinator.exports.find(id) {
                let silent_ms = coordinator.platform.now_ms().saturating_sub(export.heard_ms.get());
                let left_ms = if export.calls.get() > 0 { PATIENCE_MS } else { PATIENCE_MS.saturating_sub(silent_ms) };
                drop(export);
                if left_ms == 0 {
                    return coordinator.end_export(id).await;
                }
                coordinator.platform.sleep(left_ms as u32).await;
            }
        };
        self.platform.spawn(task.boxed_local());
    }
}

/// The plan with only those fields that get into files, and how.
fn begin(plan: ExportPlan, measures: &Measures) -> Result<(ExportPlan, Beginning)> {
    let fields = plan_fields(&plan).cloned().collect();
    let beginning = plan.format.begin(&plan.schema.name, fields, measures)?;
    let fields = beginning.fields.iter().map(|field| field.id).collect();
    Ok((ExportPlan { fields, ..plan }, beginning))
}

fn plan_fields(plan: &ExportPlan) -> impl Iterator<Item = &Field> {
    plan.fields.iter().filter_map(|id| plan.schema.field_by_id(*id))
}

/// Keys that an import generates itself, and refuses, are left out unless they are asked for.
fn chosen_fields(collection: &Collection, names: &[String]) -> Result<OutputFields> {
    let schema = &collection.schema;
    let there: SortedSet<FieldId> = schema.fields.iter().map(|field| field.id).collect();
    let all = ["*".to_owned()];
    let mut output = OutputFields::choose(schema, &there, if names.is_empty() { &all } else { names })?;
    let key = schema.primary_key();
    let is_refused = key.auto_id && !allows_given_ids(schema);
    if is_refused && !names.contains(&key.name) {
        output.fields.retain(|field| !field.is_primary_key);
    } else {
        output.include(key);
    }
    Ok(output)
}

fn chosen_segments(collection: &Collection, names: &[String]) -> Result<Vec<SegmentManifest>> {
    collection.schema.check_named_partitions(!names.is_empty())?;
    if let Some(unknown) = names.iter().find(|name| collection.partition(name).is_none()) {
        return Err(Error::unknown_partition_name(unknown));
    }
    let is_chosen = |partition: &&Partition| names.is_empty() || names.contains(&partition.name);
    let chosen = collection.partitions.iter().filter(is_chosen);
    Ok(chosen.flat_map(|partition| &partition.segments).cloned().collect())
}

fn pinned_files(plan: &ExportPlan, segments: &[SegmentManifest]) -> Result<SortedSet<String>> {
    let filter = Filter::parse(&plan.expr, &plan.templates, &plan.schema, None)?;
    let mut read: SortedSet<FieldId> = plan.fields.iter().chain(filter.fields()).copied().collect();
    read.insert(plan.schema.primary_key().id);
    read.extend(plan.expired_before.map(|_| TIMESTAMP_FIELD));
    let files = segments.iter().flat_map(|segment| {
        let columns = segment.column_bytes.keys().filter(|field| read.contains(field));
        let columns = columns.map(|field| segment.column_file(plan.collection, *field));
        columns.chain(segment.deletes.map(|last| segment.deletes_file(plan.collection, last)))
    });
    Ok(files.collect())
}

/// Behind `row` of a segment, or where `segment` begins if nothing of it was read.
fn next_place(segments: &[SegmentManifest], segment: usize, read: Option<Option<u32>>) -> Value {
    let (segment, row) = match read {
        None => (segment, 0),
        Some(Some(row)) => (segment, row),
        Some(None) => (segment + 1, 0),
    };
    if segment < segments.len() { json!({ "segment": segment, "row": row }) } else { Value::Null }
}
