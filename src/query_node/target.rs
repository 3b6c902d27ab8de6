//! What a read asks for, checked against what is loaded.

use super::{Loaded, QueryNode};
use crate::catalog::CollectionName;
use crate::cluster::CollectionView;
use crate::error::{Error, Result};
use crate::expr::Filter;
use crate::ids::{PartitionId, Timestamp};
use crate::platform::Platform;
use crate::schema::{CollectionSchema, FieldId, OutputFields};
use crate::segment::SegmentRows;
use crate::sorted::{SortedMap, SortedSet};
use crate::value::Mask;
use serde_json::Value;
use std::rc::Rc;

/// A consistent picture of the rows that a read is about; what is written later does not show in it.
pub(super) struct Target {
    pub view: Rc<CollectionView>,
    pub fields: SortedSet<FieldId>,
    pub segments: Vec<SegmentRows>,
    /// Of what was searchable.
    pub version: Timestamp,
    /// Rows written before this do not show.
    expired_before: Option<Timestamp>,
}

impl<P: Platform> QueryNode<P> {
    /// The rows of the named partitions, or of all loaded ones, for a call that named the collection like this.
    pub(super) async fn target(
        &self,
        name: CollectionName<'_>,
        partitions: &[String],
        ignore_growing: bool,
    ) -> Result<Target> {
        self.learn_write_times().await?;
        let loaded = self.loaded.borrow();
        let view = loaded.view.clone().ok_or(Error::StaleRoute)?;
        if view.database != name.database || !view.names.contains(name.collection) {
            return Err(Error::StaleRoute);
        }
        view.schema.check_named_partitions(!partitions.is_empty())?;
        let asked = named_partitions(&view, partitions)?;
        if loaded.partitions.is_empty() {
            return Err(Error::CollectionNotFullyLoaded { collection: view.id });
        }
        if let Some(missing) = asked.iter().find(|id| !loaded.partitions.contains_key(id)) {
            return Err(Error::PartitionNotLoaded { partition: *missing });
        }
        let only = if asked.is_empty() { None } else { Some(&asked) };
        Ok(Target::new(view, &loaded, loaded.snapshot(only, ignore_growing), self.platform.now_ms()))
    }

    /// The same for the coordinator, which knows ids.
    pub(super) async fn target_by_id(&self, partition: Option<PartitionId>) -> Result<Target> {
        self.learn_write_times().await?;
        let loaded = self.loaded.borrow();
        let view = loaded.view.clone().ok_or(Error::StaleRoute)?;
        let asked: SortedSet<PartitionId> = partition.into_iter().collect();
        let only = if asked.is_empty() { None } else { Some(&asked) };
        Ok(Target::new(view, &loaded, loaded.snapshot(only, false), self.platform.now_ms()))
    }
}

impl Loaded {
    fn snapshot(&self, only: Option<&SortedSet<PartitionId>>, ignore_growing: bool) -> Vec<SegmentRows> {
        let partitions = self.partitions.iter().filter(|(id, _)| only.is_none_or(|only| only.contains(id)));
        partitions.flat_map(|(_, partition)| partition.snapshot(ignore_growing)).collect()
    }
}

fn named_partitions(view: &CollectionView, names: &[String]) -> Result<SortedSet<PartitionId>> {
    let id = |name: &String| {
        let id = view.partitions.get(name).copied();
        id.ok_or_else(|| Error::unknown_partition_name(name))
    };
    names.iter().map(id).collect()
}

impl Target {
    fn new(view: Rc<CollectionView>, loaded: &Loaded, segments: Vec<SegmentRows>, now_ms: u64) -> Target {
        let expired_before = view.schema.expired_before(now_ms);
        Target { view, fields: loaded.fields.clone(), segments, version: loaded.version, expired_before }
    }

    pub fn schema(&self) -> &CollectionSchema {
        &self.view.schema
    }

    pub fn filter(&self, text: &str, templates: &SortedMap<String, Value>) -> Result<Filter> {
        Filter::parse(text, templates, self.schema(), Some(&self.fields))
    }

    /// Live rows of a segment for which the filter is true.
    pub fn matching(&self, filter: &Filter, segment: &SegmentRows) -> Result<Mask> {
        segment.matching(filter, self.expired_before)
    }

    /// The columns of an answer.
    pub fn output(&self, names: &[String]) -> Result<OutputFields> {
        OutputFields::choose(self.schema(), &self.fields, names)
    }
}
