//! Replies that describe what exists, in the shapes of Milvus' proto as its Node SDK hands them out.

use super::Coordinator;
use super::alias::alias_not_found;
use super::index::{IndexChoice, IndexCoverage};
use super::partition::partition_ids;
use crate::catalog::{Collection, CollectionName, Database, IndexDefinition, Partition};
use crate::cluster::Nodes;
use crate::error::{Error, Result, Status};
use crate::ids::{CollectionId, PartitionId};
use crate::platform::Platform;
use crate::sorted::SortedMap;
use serde_json::{Value, json};

pub(super) fn decimal(number: impl std::fmt::Display) -> Value {
    Value::String(number.to_string())
}

pub(super) fn with_success(mut fields: Value) -> Value {
    fields["status"] = json!(Status::success());
    fields
}

impl<P: Platform, N: Nodes> Coordinator<P, N> {
    pub(super) fn list_databases(&self) -> Value {
        let catalog = self.catalog.borrow();
        let each = |value: &dyn Fn(&Database) -> Value| catalog.databases.values().map(value).collect::<Vec<_>>();
        with_success(json!({
            "db_names": each(&|it| json!(it.name)),
            "db_ids": each(&|it| decimal(it.id)),
            "created_timestamp": each(&|it| decimal(it.created_at)),
        }))
    }

    pub(super) fn describe_database(&self, name: &str) -> Result<Value> {
        let catalog = self.catalog.borrow();
        let found = catalog.database(name)?;
        Ok(with_success(json!({
            "db_name": found.name,
            "dbID": decimal(found.id),
            "created_timestamp": decimal(found.created_at),
            "properties": found.properties,
        })))
    }

    pub(super) fn describe_alias(&self, name: CollectionName<'_>) -> Result<Value> {
        let catalog = self.catalog.borrow();
        let holder = catalog.aliased(name).ok_or_else(|| alias_not_found(name))?;
        Ok(with_success(
            json!({ "db_name": name.database, "alias": name.collection, "collection": holder.schema.name }),
        ))
    }

    /// Of one collection, or of all without a name.
    pub(super) fn list_aliases(&self, name: CollectionName<'_>) -> Result<Value> {
        let catalog = self.catalog.borrow();
        let aliases: Vec<&String> = match name.collection {
            "" => catalog.in_database(name.database).flat_map(|collection| &collection.aliases).collect(),
            _ => catalog.resolve(name)?.aliases.iter().collect(),
        };
        Ok(with_success(json!({ "aliases": aliases, "db_name": "", "collection_name": "" })))
    }

    pub(super) fn describe_collection(&self, name: CollectionName<'_>) -> Result<Value> {
        let collection = match self.resolve(name) {
            Err(error @ Error::CollectionNotFound { .. }) => return Ok(collection_not_found(name, &error)),
            found => found?,
        };
        self.description_of(&collection)
    }

    pub(super) fn describe_collection_by_id(&self, database: &str, id: CollectionId) -> Result<Value> {
        let Some(collection) = self.collection(id) else {
            let error = CollectionName { database, collection: &id.to_string() }.not_found();
            return Ok(collection_not_found(CollectionName { database, collection: "" }, &error));
        };
        self.description_of(&collection)
    }

    pub(super) fn description_of(&self, collection: &Collection) -> Result<Value> {
        let shards = 0..collection.shards_num;
        let database_id = self.catalog.borrow().database(&collection.database)?.id;
        Ok(with_success(json!({
            "virtual_channel_names": shards.clone().map(|shard| virtual_channel(collection.id, shard)).collect::<Vec<_>>(),
            "physical_channel_names": shards.map(physical_channel).collect::<Vec<_>>(),
            "aliases": collection.aliases,
            "start_positions": [],
            "properties": collection.schema.properties,
            "schema": collection.schema.to_proto(),
            "collectionID": decimal(collection.id),
            "created_timestamp": decimal(collection.created_at),
            "created_utc_timestamp": decimal(collection.created_at.millis()),
            "shards_num": collection.shards_num,
            "consistency_level": collection.consistency_level.name(),
            "collection_name": collection.schema.name,
            "db_name": collection.database,
            "num_partitions": decimal(collection.partitions.len()),
            "db_id": decimal(database_id),
            "request_time": "0",
            "update_timestamp": decimal(collection.updated_at),
            "update_timestamp_str": decimal(collection.updated_at),
        })))
    }

    /// A loaded collection has one replica: its query nodes.
    pub(super) fn replicas(&self, id: CollectionId) -> Value {
        let collection = self.collection(id);
        let shards = collection.as_ref().map_or(0, |collection| collection.shards_num);
        let loaded = collection.and_then(|collection| collection.load);
        let replicas = loaded.zip(self.node_number(id)).map(|(load, node)| {
            let nodes = [decimal(node)];
            let of_shard = |shard| {
                let channel = virtual_channel(id, shard);
                json!({ "leaderID": decimal(node), "leader_addr": "", "dm_channel_name": channel, "node_ids": nodes })
            };
            json!({
                "replicaID": decimal(node),
                "collectionID": decimal(id),
                "partition_ids": load.partitions.iter().map(decimal).collect::<Vec<_>>(),
                "shard_replicas": (0..shards).map(of_shard).collect::<Vec<_>>(),
                "node_ids": nodes,
                "resource_group_name": "__default_resource_group",
                "num_outbound_node": {},
            })
        });
        with_success(json!({ "replicas": replicas.as_slice() }))
    }

    /// What the nodes that have a collection loaded are called together.
    fn node_number(&self, id: CollectionId) -> Option<u64> {
        self.runtimes.borrow().get(&id).and_then(|it| Some(it.serving.borrow().as_ref()?.version))
    }

    /// All collections of a database, or those that are `loaded`: the named ones, or all without names.
    pub(super) async fn show_collections(&self, database: &str, loaded: Option<&[String]>) -> Result<Value> {
        let only_loaded = loaded.is_some();
        let placed = |collection: Collection| ((collection.created_at, collection.id), collection);
        let listed: SortedMap<_, Collection> = match loaded {
            Some(names) if !names.is_empty() => {
                let of_name = |name: &String| {
                    let collection = self.resolve(CollectionName { database, collection: name })?;
                    match collection.load {
                        Some(_) => Ok(placed(collection)),
                        None => Err(Error::CollectionNotLoaded { collection: collection.id }),
                    }
                };
                names.iter().map(of_name).collect::<Result<_>>()?
            }
            _ => {
                let catalog = self.catalog.borrow();
                catalog.database(database)?;
                catalog
                    .in_database(database)
                    .filter(|it| !only_loaded || it.load.is_some())
                    .cloned()
                    .map(placed)
                    .collect()
            }
        };
        let listed: Vec<Collection> = listed.into_values().collect();
        let mut percentages = Vec::new();
        for collection in listed.iter().filter(|_| only_loaded) {
            percentages.push(self.loading_progress(collection.name(), &[]).unwrap_or(0));
        }
        let each = |value: &dyn Fn(&Collection) -> Value| listed.iter().map(value).collect::<Vec<_>>();
        Ok(with_success(json!({
            "collection_names": each(&|it| json!(it.schema.name)),
            "collection_ids": each(&|it| decimal(it.id)),
            "created_timestamps": each(&|it| decimal(it.created_at)),
            "created_utc_timestamps": each(&|it| decimal(it.created_at.millis())),
            "inMemory_percentages": percentages.iter().map(decimal).collect::<Vec<_>>(),
            "query_service_available": percentages.iter().map(|percent| *percent == 100).collect::<Vec<_>>(),
            "shards_num": if only_loaded { Vec::new() } else { each(&|it| json!(it.shards_num)) },
        })))
    }

    /// All of them, or those of these names.
    pub(super) fn show_partitions(
        &self,
        name: CollectionName<'_>,
        names: &[String],
        only_loaded: bool,
    ) -> Result<Value> {
        let collection = self.resolve(name)?;
        let named = partition_ids(&collection, names)?;
        let loaded = collection.load.as_ref().map(|load| load.partitions.clone()).unwrap_or_default();
        if let Some(partition) = named.iter().find(|it| only_loaded && !loaded.contains(it)) {
            return Err(Error::PartitionNotLoaded { partition: *partition });
        }
        let is_shown =
            |id: &PartitionId| (names.is_empty() || named.contains(id)) && (!only_loaded || loaded.contains(id));
        let shown: Vec<_> = collection.partitions.iter().filter(|it| is_shown(&it.id)).collect();
        let each = |value: &dyn Fn(&Partition) -> Value| shown.iter().map(|it| value(it)).collect::<Vec<_>>();
        let percentages = shown.iter().filter(|_| only_loaded).map(|it| {
            let progress = self.loading_progress(name, std::slice::from_ref(&it.name));
            decimal(progress.unwrap_or(0))
        });
        Ok(with_success(json!({
            "partition_names": each(&|it| json!(it.name)),
            "partitionIDs": each(&|it| decimal(it.id)),
            "created_timestamps": each(&|it| decimal(it.created_at)),
            "created_utc_timestamps": each(&|it| decimal(it.created_at.millis())),
            "inMemory_percentages": percentages.collect::<Vec<_>>(),
        })))
    }

    /// Rows written, as Milvus counts them: deletes are not subtracted.
    pub(super) fn statistics(&self, collection: &Collection, partition: Option<PartitionId>) -> Value {
        let runtime = self.runtime(collection.id);
        let log = runtime.log.borrow();
        let chosen = collection.partitions.iter().filter(|it| partition.is_none_or(|only| only == it.id));
        let rows: u64 = chosen
            .map(|it| {
                let sealed: u64 = it.segments.iter().map(|segment| u64::from(segment.rows)).sum();
                sealed + log.inserted_rows.get(&it.id).copied().unwrap_or(0)
            })
            .sum();
        with_success(json!({ "stats": [{ "key": "row_count", "value": rows.to_string() }] }))
    }

    pub(super) fn describe_index(&self, name: CollectionName<'_>, chosen: IndexChoice<'_>) -> Result<Value> {
        let collection = self.resolve(name)?;
        let described: Vec<Value> =
            chosen.of(&collection)?.into_iter().map(|index| index_description(&collection, index)).collect();
        Ok(with_success(json!({ "index_descriptions": described })))
    }

    pub(super) fn index_descriptions(&self, collection: &Collection) -> Vec<Value> {
        collection.indexes.iter().map(|index| index_description(collection, index)).collect()
    }

    pub(super) fn index_coverage(&self, name: CollectionName<'_>, chosen: IndexChoice<'_>) -> Result<IndexCoverage> {
        let collection = self.resolve(name)?;
        Ok(IndexCoverage::of(&collection, chosen.only(&collection)?.id))
    }

    /// The sealed segments of a collection, as getPersistentSegmentInfo and getQuerySegmentInfo list them.
    pub(super) fn segment_infos(&self, collection: &Collection, only_loaded: bool) -> Value {
        let loaded = collection.load.as_ref().map(|load| load.partitions.clone()).unwrap_or_default();
        let partitions = collection.partitions.iter().filter(|it| !only_loaded || loaded.contains(&it.id));
        let nodes: Vec<Value> = self.node_number(collection.id).iter().map(decimal).collect();
        let infos = partitions.flat_map(|partition| {
            partition.segments.iter().map(|segment| {
                let mut info = json!({
                    "segmentID": decimal(segment.id),
                    "collectionID": decimal(collection.id),
                    "partitionID": decimal(partition.id),
                    "num_rows": decimal(segment.rows),
                    "state": if only_loaded { "Sealed" } else { "Flushed" },
                    "level": "L1",
                    "is_sorted": true,
                    "storage_version": "0",
                });
                if only_loaded {
                    let index = collection.indexes.iter().find(|index| segment.indexes.contains_key(&index.id));
                    info["mem_size"] = decimal(segment.total_bytes());
                    info["index_name"] = json!(index.map_or("", |index| &index.name));
                    info["indexID"] = decimal(index.map_or(0, |index| index.id.0));
                    info["nodeID"] = decimal(0);
                    info["nodeIds"] = json!(nodes);
                }
                info
            })
        });
        with_success(json!({ "infos": infos.collect::<Vec<_>>() }))
    }
}

fn physical_channel(shard: u32) -> String {
    format!("elanus-dml_{shard}")
}

fn virtual_channel(id: CollectionId, shard: u32) -> String {
    format!("{}_{id}v{shard}", physical_channel(shard))
}

/// Milvus describes an unknown collection with this text and the older error name.
fn collection_not_found(name: CollectionName<'_>, error: &Error) -> Value {
    let mut status = Status::from(error);
    status.error_code = "UnexpectedError";
    status.reason = format!("can't find collection {}", status.detail);
    json!({ "status": status, "collection_name": name.collection, "db_name": name.database })
}

fn index_description(collection: &Collection, index: &IndexDefinition) -> Value {
    let coverage = IndexCoverage::of(collection, index.id);
    let field = collection.schema.field_by_id(index.field);
    json!({
        "index_name": index.name,
        "indexID": decimal(index.id),
        "params": index.params,
        "field_name": field.map(|field| field.name.as_str()).unwrap_or_default(),
        "indexed_rows": decimal(coverage.indexed_rows),
        "total_rows": decimal(coverage.total_rows),
        "state": coverage.state(),
        "index_state_fail_reason": "",
        "pending_index_rows": decimal(coverage.total_rows - coverage.indexed_rows),
        "min_index_version": 0,
        "max_index_version": 0,
    })
}
