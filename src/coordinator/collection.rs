use super::Coordinator;
use super::properties::{CONSISTENCY_LEVEL, DESCRIPTION, DYNAMIC_FIELD_ENABLED, check_properties, consistency_level};
use crate::catalog::{CatalogBatch, Collection, CollectionName, ConsistencyLevel, Partition};
use crate::cluster::Nodes;
use crate::error::{Error, Result};
use crate::ids::{CollectionId, PartitionId};
use crate::platform::Platform;
use crate::schema::{CollectionSchema, KeyValue, MMAP_ENABLED, check_layout, merge_properties, names};
use crate::segment::whole_log;
use crate::storage::{Store, WriteBatch};
use serde_json::Value;
use std::rc::Rc;

pub(super) const DEFAULT_PARTITION: &str = "_default";

/// Milvus' limit.
const MAX_COLLECTIONS: usize = 65_536;

pub(super) struct NewCollection {
    pub database: String,
    pub schema: CollectionSchema,
    /// 0: Milvus' default.
    pub shards_num: i64,
    pub consistency_level: ConsistencyLevel,
    /// 0: Milvus' default.
    pub num_partitions: i64,
}

impl<P: Platform, N: Nodes> Coordinator<P, N> {
    /// Creating again what is there already, with the same parameters, succeeds.
    pub(super) async fn create_collection(&self, new: NewCollection) -> Result<()> {
        let (database, name) = (new.database.clone(), new.schema.name.clone());
        let called = CollectionName { database: &database, collection: &name };
        let layout = check_layout(&new.schema, new.shards_num, new.num_partitions)?;
        let partitions = self.first_partitions(new.schema.partition_key().is_some(), layout.partitions);
        let _turn = self.committing.lock().await;
        {
            let catalog = self.catalog.borrow();
            catalog.database(&new.database)?;
            if let Some(existing) = catalog.named(called) {
                let same_partitions =
                    !existing.uses_partition_key() || existing.partitions.len() == layout.partitions as usize;
                let same = existing.schema.is_same(&new.schema)
                    && same_partitions
                    && existing.shards_num == layout.shards
                    && existing.consistency_level == new.consistency_level;
                let duplicate = format!("create duplicate collection with different parameters, collection: {name}");
                return if same { Ok(()) } else { Err(Error::invalid(duplicate)) };
            }
            if catalog.aliased(called).is_some() {
                let text =
                    format!("collection name [{name}] conflicts with an existing alias, please choose a unique name");
                return Err(Error::invalid(text));
            }
            if catalog.collections.len() >= MAX_COLLECTIONS {
                return Err(Error::TooManyCollections { limit: MAX_COLLECTIONS });
            }
        }
        let created_at = self.tick();
        let collection = Collection {
            id: CollectionId(created_at.0),
            database: new.database,
            schema: new.schema,
            created_at,
            updated_at: created_at,
            shards_num: layout.shards,
            consistency_level: new.consistency_level,
            aliases: Default::default(),
            partitions,
            indexes: Vec::new(),
            load: None,
            flushed: created_at,
        };
        self.commit_collections([collection]).await
    }

    fn first_partitions(&self, keyed: bool, count: u32) -> Vec<Partition> {
        let partition = |name: String| {
            let created_at = self.tick();
            Partition { id: PartitionId(created_at.0), name, created_at, segments: Vec::new() }
        };
        if keyed {
            (0..count).map(|at| partition(format!("{DEFAULT_PARTITION}_{at}"))).collect()
        } else {
            vec![partition(DEFAULT_PARTITION.to_owned())]
        }
    }

    /// Commits whole records; the caller holds `committing`.
    pub(super) async fn commit_collections<const COUNT: usize>(&self, changed: [Collection; COUNT]) -> Result<()> {
        let mut batch = self.catalog_batch();
        changed.iter().for_each(|collection| batch.put_collection(collection));
        self.commit(batch).await?;
        let mut catalog = self.catalog.borrow_mut();
        catalog.collections.extend(changed.map(|collection| (collection.id, collection)));
        Ok(())
    }

    /// A collection that does not exist is dropped already.
    pub(super) async fn drop_collection(&self, name: CollectionName<'_>) -> Result<()> {
        let Some(collection) = self.droppable(name)? else { return Ok(()) };
        let runtime = self.runtime(collection.id);
        let _writing = runtime.writing.lock().await;
        let dropped = {
            let _turn = self.committing.lock().await;
            let now = self.droppable(name)?;
            let Some(collection) = now.filter(|now| now.id == collection.id) else { return Ok(()) };
            let mut batch = self.catalog_batch();
            batch.delete_collection(collection.id);
            self.commit(batch).await?;
            self.catalog.borrow_mut().collections.remove(&collection.id);
            collection
        };
        self.stop_serving(dropped.id, &runtime);
        self.runtimes.borrow_mut().remove(&dropped.id);
        self.end_exports_of(dropped.id).await;
        let files: Vec<String> = dropped.segments().flat_map(|segment| segment.files(dropped.id)).collect();
        self.discard(&files).await;
        Ok(())
    }

    /// The collection of this name, if there is one, or why it must not be dropped.
    fn droppable(&self, name: CollectionName<'_>) -> Result<Option<Collection>> {
        let catalog = self.catalog.borrow();
        if catalog.aliased(name).is_some() {
            return Err(Error::invalid(format!("cannot drop the collection via alias = {}", name.collection)));
        }
        let Some(collection) = catalog.named(name) else { return Ok(None) };
        if !collection.aliases.is_empty() {
            let aliases: Vec<&str> = collection.aliases.iter().map(String::as_str).collect();
            return Err(Error::invalid(format!(
                "unable to drop the collection [{}] because it has associated aliases [{}], please remove all aliases before dropping the collection",
                name.collection,
                aliases.join(" ")
            )));
        }
        Ok(Some(collection.clone()))
    }

    pub(super) async fn rename_collection(&self, from: CollectionName<'_>, to: CollectionName<'_>) -> Result<()> {
        names::check_collection(to.collection)?;
        let id = self.renamable(from, to)?;
        let renamed_at = self.tick();
        self.change(id, |collection, _| {
            self.renamable(from, to)?;
            collection.database = to.database.to_owned();
            collection.schema.name = to.collection.to_owned();
            collection.updated_at = renamed_at;
            Ok(())
        })
        .await?;
        self.tell_view(id).await;
        Ok(())
    }

    /// The collection that is meant, or why it must not be called so.
    fn renamable(&self, from: CollectionName<'_>, to: CollectionName<'_>) -> Result<CollectionId> {
        let catalog = self.catalog.borrow();
        catalog.database(to.database)?;
        if catalog.aliased(from).is_some() {
            return Err(Error::invalid(format!(
                "unsupported use an alias to rename collection, alias:{}",
                from.collection
            )));
        }
        if catalog.named(to).is_some() {
            return Err(Error::invalid(format!(
                "duplicated new collection name {} in database {} with other collection name or alias",
                to.collection, to.database
            )));
        }
        let collection = catalog.resolve(from)?;
        if catalog.aliased(to).is_some() {
            return Err(Error::invalid(format!("cannot rename collection to an existing alias: {}", to.collection)));
        }
        if from.database != to.database && !collection.aliases.is_empty() {
            let text = "fail to rename db name, must drop all aliases of this collection before rename";
            return Err(Error::invalid(text));
        }
        Ok(collection.id)
    }

    /// Drops all rows and keeps the collection, its indexes and its load record.
    pub(super) async fn truncate_collection(self: &Rc<Self>, name: CollectionName<'_>) -> Result<()> {
        let id = self.resolve(name)?.id;
        let runtime = self.runtime(id);
        let _maintaining = runtime.maintaining.lock().await;
        let _moving = runtime.moving.lock().await;
        let writing = runtime.writing.lock().await;
        let truncated_at = self.tick();
        let dropped = self
            .change(id, |collection, batch| {
                let files: Vec<String> = collection.segments().flat_map(|segment| segment.files(id)).collect();
                collection.partitions.iter_mut().for_each(|partition| partition.segments.clear());
                collection.flushed = truncated_at;
                clear_log(batch, id);
                Ok(files)
            })
            .await?;
        *runtime.log.borrow_mut() = Default::default();
        self.refresh_nodes(id, &runtime, Some(writing)).await;
        self.discard(&dropped).await;
        Ok(())
    }

    pub(super) async fn alter_properties(
        &self,
        name: CollectionName<'_>,
        mut set: Vec<KeyValue>,
        delete: &[String],
    ) -> Result<()> {
        let collection = self.resolve(name)?;
        if set.is_empty() && delete.is_empty() {
            let text = "The collection properties to alter and keys to delete must not be empty at the same time";
            return Err(Error::invalid(text));
        }
        let touches_mmap = set.iter().map(|it| it.key.as_str()).chain(delete.iter().map(String::as_str));
        if collection.load.is_some() && touches_mmap.into_iter().any(|key| key == MMAP_ENABLED) {
            let text = "can not alter mmap properties if collection loaded".to_owned();
            return Err(Error::CollectionLoaded { text, collection: collection.schema.name });
        }
        check_properties(&collection.schema, &set)?;
        let mut take = |key: &str| {
            let taken = set.extract_if(.., |property| property.key == key).last();
            taken.map(|property| property.value)
        };
        let description = take(DESCRIPTION);
        let level = take(CONSISTENCY_LEVEL).map(|level| consistency_level(&Value::String(level))).transpose()?;
        if let Some(enabled) = take(DYNAMIC_FIELD_ENABLED).map(|enabled| enabled.eq_ignore_ascii_case("true")) {
            if description.is_some() || level.is_some() || !set.is_empty() || !delete.is_empty() {
                let text = "cannot alter dynamic schema with other properties at the same time";
                return Err(Error::invalid(text));
            }
            return match (enabled, collection.schema.enable_dynamic_field) {
                (true, false) => self.add_dynamic_field(name).await,
                (false, true) => Err(Error::invalid("dynamic schema cannot supported to be disabled")),
                _ => Ok(()),
            };
        }
        let changed_at = self.tick();
        self.change(collection.id, |collection, _| {
            merge_properties(&mut collection.schema.properties, set, delete);
            if let Some(description) = description {
                collection.schema.description = description;
            }
            collection.consistency_level = level.unwrap_or(collection.consistency_level);
            collection.updated_at = changed_at;
            Ok(())
        })
        .await?;
        self.tell_view(collection.id).await;
        Ok(())
    }
}

/// Everything that the log has of a collection; the new summary says so too.
pub(super) fn clear_log(batch: &mut WriteBatch, id: CollectionId) {
    batch.delete_range(Store::Log, whole_log(id));
    batch.put_log_summary(id, &Default::default());
}
