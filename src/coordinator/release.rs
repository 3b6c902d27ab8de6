//! Releasing: less in the load record, and in the query nodes.

use super::load::settle;
use super::partition::partition_ids;
use super::{Coordinator, Runtime};
use crate::catalog::{Collection, CollectionName};
use crate::cluster::{NodeCommand, Nodes};
use crate::error::{Error, Result};
use crate::ids::{CollectionId, PartitionId};
use crate::platform::Platform;
use crate::schema::names;
use crate::sorted::SortedSet;
use futures::future::join_all;
use std::rc::Rc;

impl<P: Platform, N: Nodes> Coordinator<P, N> {
    /// Gives up a load that is under way; what was loaded before stays as it is.
    pub(super) async fn cancel_load(self: &Rc<Self>, name: CollectionName<'_>, ticket: u64) -> Result<()> {
        let collection = self.resolve(name)?;
        let runtime = self.runtime(collection.id);
        let cancelled: SortedSet<PartitionId> = {
            let serving = runtime.serving.borrow();
            let loading = serving.iter().flat_map(|serving| &serving.loading);
            loading.filter(|(_, load)| load.number == ticket).map(|(partition, _)| *partition).collect()
        };
        if cancelled.is_empty() { Ok(()) } else { self.release(&collection, &runtime, &cancelled).await }
    }

    pub(super) async fn release_collection(self: &Rc<Self>, name: CollectionName<'_>) -> Result<()> {
        names::check_collection(name.collection)?;
        let collection = self.resolve(name)?;
        let runtime = self.runtime(collection.id);
        runtime.failed_load.replace(None);
        self.change_load(collection.id, |collection| {
            collection.load = None;
            Ok(())
        })
        .await?;
        self.stop_serving(collection.id, &runtime);
        Ok(())
    }

    pub(super) async fn release_partitions(
        self: &Rc<Self>,
        name: CollectionName<'_>,
        partitions: &[String],
    ) -> Result<()> {
        names::check_collection(name.collection)?;
        let collection = self.resolve(name)?;
        if collection.uses_partition_key() {
            return Err(Error::invalid("disable release partitions if partition key mode is used"));
        }
        if partitions.is_empty() {
            return Err(Error::ParameterOutOfPlace {
                expected: "any partition".into(),
                actual: "empty partition list".into(),
            });
        }
        let released = partition_ids(&collection, partitions)?;
        let runtime = self.runtime(collection.id);
        runtime.failed_load.replace(None);
        self.release(&collection, &runtime, &released).await
    }

    async fn release(
        self: &Rc<Self>,
        collection: &Collection,
        runtime: &Rc<Runtime>,
        released: &SortedSet<PartitionId>,
    ) -> Result<()> {
        let rest_is_loaded = self.take_out_of_load(collection.id, |partition| released.contains(partition)).await?;
        if !rest_is_loaded {
            self.stop_serving(collection.id, runtime);
            return Ok(());
        }
        self.forget(collection.id, runtime, released).await?;
        self.settle_loads(collection.id, runtime);
        self.relocate_if_worth(collection, released);
        Ok(())
    }

    /// Has the nodes forget partitions, but not those that were asked for again meanwhile.
    async fn forget(&self, id: CollectionId, runtime: &Runtime, partitions: &SortedSet<PartitionId>) -> Result<()> {
        let _turn = runtime.writing.lock().await;
        let wanted = self.collection(id).and_then(|it| it.load).map(|load| load.partitions).unwrap_or_default();
        let partitions: SortedSet<PartitionId> = partitions.difference(&wanted).copied().collect();
        self.tell_given_up(id, runtime, &partitions);
        self.forget_in_nodes(runtime, &partitions).await
    }

    /// The caller holds `writing`.
    pub(super) async fn forget_in_nodes(&self, runtime: &Runtime, partitions: &SortedSet<PartitionId>) -> Result<()> {
        let nodes = runtime.serving.borrow_mut().as_mut().map(|serving| {
            serving.loaded.retain(|partition| !partitions.contains(partition));
            serving.loading.retain(|partition, _| !partitions.contains(partition));
            serving.told_nodes()
        });
        let version = self.tick();
        let calls = nodes.iter().flatten().map(|node| {
            let command = NodeCommand::Release { partitions: partitions.clone(), version };
            self.nodes.call(node, command, None)
        });
        for told in join_all(calls.collect::<Vec<_>>()).await {
            // A dead node holds nothing; the next one is not told to load what was released.
            match told {
                Ok(_) | Err(Error::NodeOffline { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Ends the query nodes; their memory goes back to the system.
    pub(super) fn stop_serving(&self, id: CollectionId, runtime: &Runtime) {
        let serving = runtime.serving.borrow_mut().take();
        let loading = serving.iter().flat_map(|serving| serving.loading.keys().copied()).collect();
        self.tell_given_up(id, runtime, &loading);
        runtime.progress.take();
        if let Some(serving) = serving {
            serving.told_nodes().iter().for_each(|node| self.nodes.end(node));
            serving.settled.into_iter().for_each(settle);
        }
    }

    /// Takes partitions out of the load record; whether something is left in it.
    pub(super) async fn take_out_of_load(
        &self,
        id: CollectionId,
        released: impl Fn(&PartitionId) -> bool,
    ) -> Result<bool> {
        self.change_load(id, |collection| {
            if let Some(load) = &mut collection.load {
                load.partitions.retain(|partition| !released(partition));
            }
            if collection.load.as_ref().is_some_and(|load| load.partitions.is_empty()) {
                collection.load = None;
            }
            Ok(collection.load.is_some())
        })
        .await
    }
}
