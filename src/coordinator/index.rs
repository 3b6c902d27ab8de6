use super::Coordinator;
use super::graph::is_complete;
use super::maintenance::despite_deaths;
use crate::catalog::{Collection, CollectionName, IndexDefinition};
use crate::cluster::{IndexOutcome, IndexPlan, NodeAnswer, NodeCommand, Nodes};
use crate::error::{Error, Result};
use crate::ids::{CollectionId, IndexId, SegmentId};
use crate::index::{IndexParams, is_of_key, path_in_field};
use crate::platform::Platform;
use crate::schema::{Field, KeyValue, names};
use crate::segment::SegmentManifest;
use futures::FutureExt;
use std::rc::Rc;

/// Of what is indexed, in one command to the data node.
const BYTES_AT_ONCE: u64 = 64 << 20;

/// How far an index is, over the sealed rows.
pub(super) struct IndexCoverage {
    pub total_rows: u64,
    pub indexed_rows: u64,
}

impl IndexCoverage {
    pub fn of(collection: &Collection, index: IndexId) -> Self {
        let definition = collection.indexes.iter().find(|known| known.id == index);
        let is_covered = |segment: &SegmentManifest| {
            let entry = segment.indexes.get(&index);
            definition.zip(entry).is_some_and(|(definition, entry)| is_complete(definition, entry))
        };
        let rows = |covered_only: bool| {
            let segments = collection.segments().filter(|it| !covered_only || is_covered(it));
            segments.map(|segment| u64::from(segment.rows)).sum()
        };
        IndexCoverage { total_rows: rows(false), indexed_rows: rows(true) }
    }

    pub fn is_finished(&self) -> bool {
        self.indexed_rows >= self.total_rows
    }

    pub fn state(&self) -> &'static str {
        if self.is_finished() { "Finished" } else { "InProgress" }
    }
}

impl<P: Platform, N: Nodes> Coordinator<P, N> {
    /// Creating again what is there already, with the same parameters, succeeds. The index is built in the background. The
    /// name of no field is of a key of the dynamic one.
    pub(super) async fn create_index(
        self: &Rc<Self>,
        name: CollectionName<'_>,
        field: &str,
        index_name: &str,
        params: &[KeyValue],
    ) -> Result<()> {
        let collection = self.resolve(name)?;
        let field = collection
            .schema
            .field(field)
            .or(collection.schema.dynamic_field())
            .ok_or_else(|| Error::invalid(format!("cannot create index on non-exist field: {field}")))?;
        if !index_name.is_empty() {
            names::check_index(index_name)?;
        }
        let checked = IndexParams::check(field, params)?;
        let created_at = self.tick();
        let definition = IndexDefinition {
            id: IndexId(created_at.0),
            name: index_name.to_owned(),
            field: field.id,
            index_type: checked.index_type.name().to_owned(),
            metric: checked.metric_type,
            params: checked.to_key_values(),
            created_at,
        };
        let field = field.clone();
        let is_new =
            self.change(collection.id, |collection, _| add_index(collection, &field, definition, &checked)).await?;
        if is_new {
            self.build_in_background(collection.id);
        }
        Ok(())
    }

    /// Builds what indexes lack. A build that fails leaves them unfinished, which describe shows; the next flush and the
    /// next owner try again.
    pub(super) fn build_in_background(self: &Rc<Self>, id: CollectionId) {
        let coordinator = self.clone();
        let task = async move { drop(coordinator.build_missing_indexes(id).await) };
        self.platform.spawn(task.boxed_local());
    }

    /// An index that does not exist is dropped already.
    pub(super) async fn drop_index(&self, name: CollectionName<'_>, chosen: IndexChoice<'_>) -> Result<()> {
        let collection = self.resolve(name)?;
        let dropped = match chosen.only(&collection) {
            Ok(dropped) => dropped.id,
            Err(Error::IndexNotFound { .. }) => return Ok(()),
            Err(error) => return Err(error),
        };
        let files = self
            .change(collection.id, |collection, _| {
                let vector =
                    |field| collection.schema.field_by_id(field).is_some_and(|field| field.data_type.is_vector());
                let of_vectors = collection.indexes.iter().any(|index| index.id == dropped && vector(index.field));
                if collection.load.is_some() && of_vectors {
                    let text = format!("vector index cannot be dropped on loaded collection: {}", collection.id);
                    return Err(Error::invalid(text));
                }
                let mut files = Vec::new();
                let id = collection.id;
                collection.indexes.retain(|index| index.id != dropped);
                for segment in collection.partitions.iter_mut().flat_map(|partition| &mut partition.segments) {
                    files.extend(segment.index_files(id, dropped));
                    segment.indexes.remove(&dropped);
                }
                Ok(files)
            })
            .await?;
        self.discard(&files).await;
        Ok(())
    }

    /// Builds what indexes lack of sealed segments, some of them at a time: what is built is there for good, and other work gets
    /// its turn.
    pub(super) async fn build_missing_indexes(self: &Rc<Self>, id: CollectionId) -> Result<()> {
        let runtime = self.runtime(id);
        loop {
            let _maintaining = runtime.maintaining.lock().await;
            let Some(plan) = self.collection(id).as_ref().and_then(missing_index) else { break };
            let command = NodeCommand::BuildIndex(Box::new(plan));
            let NodeAnswer::IndexBuilt(built) =
                despite_deaths(async || self.with_data_node(command.clone()).await).await?
            else {
                return Err(Error::Unexpected("the data node did not answer with an index".into()));
            };
            let _moving = runtime.moving.lock().await;
            let added = self
                .change(id, |collection, _| {
                    let is_wanted = collection.indexes.iter().any(|index| index.id == built.index);
                    for segment in collection.partitions.iter_mut().flat_map(|partition| &mut partition.segments) {
                        if let Some(entry) = built.entries.get(&segment.id).filter(|_| is_wanted) {
                            segment.indexes.insert(built.index, entry.clone());
                        }
                    }
                    Ok(())
                })
                .await;
            // The next owner builds the same index under the same name: then the file is its own.
            if !matches!(added, Err(Error::Fenced { .. })) {
                self.discard(&self.unnamed_index_files(id, &built)).await;
            }
            added?;
            self.refresh_nodes(id, &runtime, None).await;
        }
        self.build_graphs_in_background(id);
        Ok(())
    }

    /// Files of an index that was dropped, or whose segments are gone, since its build began.
    fn unnamed_index_files(&self, id: CollectionId, built: &IndexOutcome) -> Vec<String> {
        let collection = self.collection(id);
        let is_named = |segment: SegmentId| {
            let mut segments = collection.iter().flat_map(|collection| collection.segments());
            segments.any(|known| known.id == segment && known.indexes.contains_key(&built.index))
        };
        let unnamed = built.entries.iter().filter(|(segment, entry)| entry.file_bytes > 0 && !is_named(**segment));
        unnamed.map(|(segment, _)| SegmentManifest::new(*segment, 0).index_file(id, built.index)).collect()
    }
}

/// What a data node should build next: of one index, segments that together are not much, or one.
fn missing_index(collection: &Collection) -> Option<IndexPlan> {
    collection.indexes.iter().find_map(|index| {
        let mut bytes = 0;
        let lacking = collection.segments().filter(|segment| !segment.indexes.contains_key(&index.id));
        let at_once = lacking.take_while(|segment| {
            let is_first = bytes == 0;
            bytes += segment.column_bytes.get(&index.field).copied().unwrap_or_default().max(1);
            is_first || bytes <= BYTES_AT_ONCE
        });
        let segments: Vec<SegmentManifest> = at_once.cloned().collect();
        (!segments.is_empty()).then(|| IndexPlan { collection: collection.id, index: index.clone(), segments })
    })
}

/// An index by its name, by that of its field or key of the dynamic one, or all of a collection.
#[derive(Clone, Copy)]
pub(super) struct IndexChoice<'a> {
    pub index_name: &'a str,
    pub field_name: &'a str,
}

impl IndexChoice<'_> {
    pub fn of<'c>(&self, collection: &'c Collection) -> Result<Vec<&'c IndexDefinition>> {
        let is_of_field = |index: &IndexDefinition| match collection.schema.field(self.field_name) {
            Some(field) => index.field == field.id,
            None => collection
                .schema
                .dynamic_field()
                .is_some_and(|dynamic| index.field == dynamic.id && is_of_key(dynamic, &index.params, self.field_name)),
        };
        // The name of an index says enough.
        let chosen = collection.indexes.iter().filter(|index| match self.index_name {
            "" => self.field_name.is_empty() || is_of_field(index) || index.name == self.field_name,
            name => index.name == name,
        });
        let chosen: Vec<_> = chosen.collect();
        if !chosen.is_empty() {
            return Ok(chosen);
        }
        Err(match self.index_name {
            "" => Error::IndexNotFound { key: "collection".into(), value: collection.schema.name.clone() },
            name => Error::IndexNotFound { key: "indexName".into(), value: name.to_owned() },
        })
    }

    /// Where there may be one only.
    pub fn only<'c>(&self, collection: &'c Collection) -> Result<&'c IndexDefinition> {
        match self.of(collection)?[..] {
            [index] => Ok(index),
            _ => Err(Error::IndexAmbiguous { name: self.index_name.to_owned() }),
        }
    }
}

fn add_index(
    collection: &mut Collection,
    field: &Field,
    mut definition: IndexDefinition,
    checked: &IndexParams,
) -> Result<bool> {
    let path = path_in_field(field, &definition.params);
    let is_there = |index: &&IndexDefinition| index.field == field.id && path_in_field(field, &index.params) == path;
    let existing = collection.indexes.iter().find(is_there);
    if definition.name.is_empty() {
        definition.name = existing.map_or_else(|| format!("{}{path}", field.name), |index| index.name.clone());
    }
    if let Some(existing) = existing.filter(|index| index.name == definition.name)
        && IndexParams::check(field, &existing.params).is_ok_and(|known| known.is_same(checked))
    {
        return Ok(false);
    }
    let is_taken = collection.indexes.iter().any(|index| index.name == definition.name);
    if is_taken || (existing.is_some() && !path.is_empty()) {
        return Err(Error::invalid("CreateIndex failed: at most one distinct index is allowed per field"));
    }
    if existing.is_some() {
        return Err(Error::invalid("CreateIndex failed: creating multiple indexes on same field is not supported"));
    }
    collection.indexes.push(definition);
    Ok(true)
}
