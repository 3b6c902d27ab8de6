//! Graphs are built one after the other, each by a data node of its own, which ends with it: no flush waits for one.

use super::Coordinator;
use crate::catalog::{Collection, IndexDefinition};
use crate::cluster::{GraphPlan, NodeAnswer, NodeCommand, NodeKind, Nodes};
use crate::error::{Error, Result};
use crate::ids::{CollectionId, IndexId, SegmentId};
use crate::index::IndexType;
use crate::platform::Platform;
use crate::segment::{IndexEntry, SegmentManifest};
use crate::storage::Files;
use futures::FutureExt;
use futures::future::{Either, select};
use std::pin::pin;
use std::rc::Rc;

/// Whether what is being built is still wanted.
const LOOK_AGAIN_MS: u32 = 1000;

/// Whether an index has all that it is to have of a segment.
pub(super) fn is_complete(index: &IndexDefinition, entry: &IndexEntry) -> bool {
    let has_graph = IndexType::from_name(&index.index_type).is_some_and(IndexType::has_graph);
    !has_graph || entry.replaces.is_none() || entry.graph_bytes > 0
}

/// The first graph that is missing.
fn missing_graph(collection: &Collection) -> Option<GraphPlan> {
    collection.indexes.iter().find_map(|index| {
        let lacks =
            |segment: &&SegmentManifest| segment.indexes.get(&index.id).is_some_and(|entry| !is_complete(index, entry));
        let segment = collection.segments().find(lacks)?.clone();
        Some(GraphPlan { collection: collection.id, index: index.clone(), segment })
    })
}

impl<P: Platform, N: Nodes> Coordinator<P, N> {
    /// Searches are answered by codes until a graph is there. A build that fails is tried again after the next flush and by the
    /// next owner.
    pub(super) fn build_graphs_in_background(self: &Rc<Self>, id: CollectionId) {
        let coordinator = self.clone();
        let task = async move {
            let _turn = coordinator.graphs.lock().await;
            let mut failed = None;
            while let Some(plan) = coordinator.collection(id).as_ref().and_then(missing_graph) {
                let segment = plan.segment.id;
                // Files may have gone between the plan and the build, which says nothing of other segments.
                if coordinator.add_graph(id, plan).await.is_err() && failed.replace(segment) == Some(segment) {
                    return;
                }
            }
        };
        self.platform.spawn(task.boxed_local());
    }

    fn lacks_graph(&self, id: CollectionId, segment: SegmentId, index: IndexId) -> bool {
        let collection = self.collection(id);
        let mut segments = collection.iter().flat_map(|collection| collection.segments());
        segments
            .any(|known| known.id == segment && known.indexes.get(&index).is_some_and(|entry| entry.graph_bytes == 0))
    }

    async fn add_graph(self: &Rc<Self>, id: CollectionId, plan: GraphPlan) -> Result<()> {
        let (index, segment) = (plan.index.id, plan.segment.id);
        let file = plan.segment.graph_file(id, index);
        let node = self.new_node_id("graph");
        self.nodes.start(NodeKind::Data, &node).await?;
        let mut building = self.nodes.call(&node, NodeCommand::BuildGraph(Box::new(plan)), None);
        let built = loop {
            match select(&mut building, pin!(self.platform.sleep(LOOK_AGAIN_MS))).await {
                Either::Left((built, _)) => break built,
                Either::Right(_) if self.lacks_graph(id, segment, index) => {}
                // Others wait for their turn; the call ends with the node.
                Either::Right(_) => self.nodes.end(&node),
            }
        };
        self.nodes.end(&node);
        let graph_bytes = match built {
            Ok(NodeAnswer::GraphBuilt(bytes)) => bytes,
            Ok(_) => return Err(Error::Unexpected("the data node did not answer with a graph".into())),
            Err(error) => {
                self.discard(&[file]).await;
                self.platform.files().sweep_after_death();
                return Err(error);
            }
        };
        let runtime = self.runtime(id);
        let _maintaining = runtime.maintaining.lock().await;
        let _moving = runtime.moving.lock().await;
        let added = self
            .change(id, |collection, _| {
                let segments = collection.partitions.iter_mut().flat_map(|partition| &mut partition.segments);
                let mut of_segment = segments.filter(|known| known.id == segment);
                let entry = of_segment.find_map(|known| known.indexes.get_mut(&index));
                Ok(entry.map(|entry| entry.graph_bytes = graph_bytes).is_some())
            })
            .await;
        // The next owner builds the same graph under the same name: then the file is its own.
        if matches!(added, Ok(false) | Err(Error::CollectionNotFound { .. })) {
            self.discard(&[file]).await;
        }
        if added? {
            self.refresh_nodes(id, &runtime, None).await;
        }
        Ok(())
    }
}
