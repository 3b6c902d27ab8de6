//! Making what indexes have of a segment, and writing it.

use super::DataNode;
use crate::catalog::IndexDefinition;
use crate::cluster::{IndexOutcome, IndexPlan};
use crate::error::Result;
use crate::ids::CollectionId;
use crate::index::SegmentIndex;
use crate::platform::{Breather, Platform};
use crate::segment::{IndexEntry, SegmentManifest, read_column, write_codes, write_column};
use crate::sorted::SortedMap;
use crate::storage::Files;
use crate::value::{Column, ColumnData};
use futures::FutureExt;
use futures::future::LocalBoxFuture;

impl<P: Platform> DataNode<P> {
    pub(super) async fn build_indexes(&self, plan: IndexPlan) -> Result<IndexOutcome> {
        let mut outcome = IndexOutcome { index: plan.index.id, entries: SortedMap::new() };
        let mut breather = Breather::new(&self.platform);
        for manifest in &plan.segments {
            let entry = self.build_index(plan.collection, &plan.index, manifest).await?;
            outcome.entries.insert(manifest.id, entry);
            breather.breathe().await;
        }
        Ok(outcome)
    }

    async fn build_index(
        &self,
        collection: CollectionId,
        definition: &IndexDefinition,
        manifest: &SegmentManifest,
    ) -> Result<IndexEntry> {
        if definition.metric.is_none() || !manifest.column_bytes.contains_key(&definition.field) {
            return Ok(IndexEntry::default());
        }
        let files = self.platform.files();
        let column = read_column(files, &manifest.column_file(collection, definition.field), &|_| ()).await?;
        let ColumnData::FloatVector { dim, values } = column.data else { return Ok(IndexEntry::default()) };
        let name = manifest.index_file(collection, definition.id);
        self.make_index(definition, (dim, vec![&values]), &name).await
    }

    /// Makes what an index keeps of vectors beside them or in their place, and writes it.
    pub(super) fn make_index<'a>(
        &'a self,
        definition: &'a IndexDefinition,
        (dim, vectors): (usize, Vec<&'a [f32]>),
        name: &'a str,
    ) -> LocalBoxFuture<'a, Result<IndexEntry>> {
        let made = async move {
            let Some(metric) = definition.metric else { return Ok(IndexEntry::default()) };
            // What is being written meanwhile goes on.
            let pause = async || self.platform.yield_now().await;
            let index = SegmentIndex::build(metric, (dim, &vectors), pause).await;
            write_index(self.platform.files(), name, definition, index).await
        };
        made.boxed_local()
    }
}

async fn write_index(
    files: &impl Files,
    name: &str,
    definition: &IndexDefinition,
    built: Option<SegmentIndex>,
) -> Result<IndexEntry> {
    Ok(match built {
        None => IndexEntry::default(),
        Some(SegmentIndex::InverseNorms(norms)) => {
            let norms = Column::new(ColumnData::Float(norms));
            IndexEntry { file_bytes: write_column(files, name, &norms).await?, ..IndexEntry::default() }
        }
        Some(SegmentIndex::Codes(codes)) => {
            let (file_bytes, row_bytes) = write_codes(files, name, &codes).await?;
            IndexEntry { file_bytes, replaces: Some(definition.field), row_bytes, graph_bytes: 0 }
        }
    })
}
