//! Building the graph of an index over the rows of its codes.

use super::DataNode;
use crate::catalog::IndexDefinition;
use crate::cluster::GraphPlan;
use crate::error::Result;
use crate::index::{self, hnsw};
use crate::platform::Platform;
use crate::segment::{read_codes, write_graph};

/// Milvus' own.
const DEFAULT_M: u32 = 30;
const DEFAULT_EF_CONSTRUCTION: u32 = 360;
/// More takes minutes and finds nothing better.
const MAX_EF_CONSTRUCTION: u32 = 512;

impl<P: Platform> DataNode<P> {
    /// Computes for seconds or minutes without letting anything in: a node that does this does nothing else.
    pub(super) async fn build_graph(&self, GraphPlan { collection, index, segment }: GraphPlan) -> Result<u64> {
        let files = self.platform.files();
        let (codes, _) = read_codes(files, &segment.index_file(collection, index.id), false, &|_| ()).await?;
        let distances = codes.row_distances();
        let rows = codes.row_count() as u32;
        drop(codes);
        // A transaction ends when the worker has nothing to do, and until then all that writes files waits for what was read here.
        self.platform.yield_now().await;
        let graph = hnsw::build(rows, &distances, params_of(&index));
        write_graph(files, &segment.graph_file(collection, index.id), &graph).await
    }
}

fn params_of(index: &IndexDefinition) -> hnsw::BuildParams {
    let given = |key: &str| index::parameter(&index.params, key).and_then(|value| value.trim().parse().ok());
    hnsw::BuildParams {
        m: given("M").unwrap_or(DEFAULT_M),
        ef_construction: given("efConstruction").unwrap_or(DEFAULT_EF_CONSTRUCTION).min(MAX_EF_CONSTRUCTION),
    }
}
