//! Making what indexes have of a segment, and writing it.

use super::DataNode;
use crate::catalog::IndexDefinition;
use crate::cluster::{IndexOutcome, IndexPlan};
use crate::error::Result;
use crate::ids::CollectionId;
use crate::index::{IndexType, SegmentIndex};
use crate::platform::{Breather, Platform};
use crate::segment::{IndexEntry, SegmentManifest, read_column, write_codes, write_column};
use crate::sorted::SortedMap;
use crate::storage::Files;
use crate::value::{Column, ColumnData};

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
        let built = index_of(definition, dim, &[&values]);
        drop(values);
        write_index(files, &manifest.index_file(collection, definition.id), definition, built).await
    }
}

/// What an index keeps of vectors beside them or in their place.
pub(super) fn index_of(definition: &IndexDefinition, dim: usize, vectors: &[&[f32]]) -> Option<SegmentIndex> {
    let index_type = IndexType::from_name(&definition.index_type)?;
    SegmentIndex::build(index_type, definition.metric?, dim, vectors)
}

pub(super) async fn write_index(
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
