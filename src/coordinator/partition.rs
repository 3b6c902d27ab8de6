use super::collection::DEFAULT_PARTITION;
use super::{Coordinator, LoadCause};
use crate::catalog::{CatalogBatch, Collection, CollectionName, Partition};
use crate::cluster::Nodes;
use crate::error::{Error, Result};
use crate::ids::PartitionId;
use crate::platform::Platform;
use crate::schema::{MAX_PARTITIONS, names};
use crate::sorted::SortedSet;
use std::rc::Rc;

impl<P: Platform, N: Nodes> Coordinator<P, N> {
    /// A partition that exists is created already. One of a collection that is loaded as a whole is loaded from the start.
    pub(super) async fn create_partition(self: &Rc<Self>, name: CollectionName<'_>, partition: &str) -> Result<()> {
        let collection = self.resolve(name)?;
        if collection.uses_partition_key() {
            return Err(Error::invalid("disable create partition if partition key mode is used"));
        }
        names::check_partition(partition)?;
        let created_at = self.tick();
        let id = PartitionId(created_at.0);
        let joins_load = self
            .change(collection.id, |collection, _| {
                if collection.partition(partition).is_some() {
                    return Ok(false);
                }
                if collection.partitions.len() as i64 >= MAX_PARTITIONS {
                    return Err(Error::invalid(format!(
                        "partition number ({}) exceeds max configuration ({MAX_PARTITIONS}), collection: {}",
                        collection.partitions.len(),
                        collection.schema.name
                    )));
                }
                let name = partition.to_owned();
                collection.partitions.push(Partition { id, name, created_at, segments: Vec::new() });
                let load = collection.load.as_mut().filter(|load| load.whole_collection);
                Ok(load.is_some_and(|load| load.partitions.insert(id)))
            })
            .await?;
        let joined = joins_load.then(|| {
            let runtime = self.runtime(collection.id);
            self.start_loading(collection.id, &runtime, SortedSet::from([id]), LoadCause::Request);
            runtime.next_settled()
        });
        self.tell_view(collection.id).await;
        if let Some(joined) = joined.flatten() {
            // Whether it could be loaded or not: it is there.
            let _ = joined.await;
        }
        Ok(())
    }

    /// A partition that does not exist is dropped already.
    pub(super) async fn drop_partition(self: &Rc<Self>, name: CollectionName<'_>, partition: &str) -> Result<()> {
        let collection = self.resolve(name)?;
        if collection.uses_partition_key() {
            return Err(Error::invalid("disable drop partition if partition key mode is used"));
        }
        names::check_partition(partition)?;
        let Some(id) = collection.partition(partition).map(|partition| partition.id) else { return Ok(()) };
        let runtime = self.runtime(collection.id);
        let _maintaining = runtime.maintaining.lock().await;
        let _writing = runtime.writing.lock().await;
        let mut log = runtime.log.borrow().clone();
        log.inserted_rows.remove(&id);
        let dropped = self
            .change(collection.id, |collection, batch| {
                if collection.load.as_ref().is_some_and(|load| load.partitions.contains(&id)) {
                    let text = "partition cannot be dropped, partition is loaded, please release it first";
                    return Err(Error::invalid(text));
                }
                if partition == DEFAULT_PARTITION {
                    return Err(Error::invalid("default partition cannot be deleted"));
                }
                batch.put_log_summary(collection.id, &log);
                let gone = collection.partitions.extract_if(.., |partition| partition.id == id);
                let segments: Vec<_> = gone.flat_map(|partition| partition.segments).collect();
                Ok(segments.iter().flat_map(|segment| segment.files(collection.id)).collect::<Vec<_>>())
            })
            .await?;
        *runtime.log.borrow_mut() = log;
        self.tell_view(collection.id).await;
        self.discard(&dropped).await;
        Ok(())
    }
}

/// The ids of partitions by name; every name must exist.
pub(super) fn partition_ids(collection: &Collection, names: &[String]) -> Result<SortedSet<PartitionId>> {
    names.iter().map(|name| Ok(collection.expect_partition(name)?.id)).collect()
}
