//! The calls that clients make, by Milvus' method names: requests and replies are its proto as JSON.

mod replies;
mod request;

use super::Coordinator;
use super::describe::{decimal, with_success};
use super::index::IndexCoverage;
use super::load_progress::LoadState;
use super::load_request::{LoadRequest, asked_record};
use crate::catalog::CollectionName;
use crate::cluster::{NodeId, Nodes};
use crate::error::{Error, Result, Status};
use crate::platform::Platform;
use crate::request::parse;
use crate::schema::names;
use crate::sorted::SortedMap;
use crate::value::{Batch, WriteMode};
use futures::FutureExt;
use replies::{compaction_completed, connected, deleted, exported, inserted, load_begun, refusal, routed, version};
use request::{BatchDescribe, ReplicasRequest, Request, SegmentInfoRequest, new_collection};
use serde_json::{Value, json};
use std::rc::Rc;

/// JSON, bytes beside it, and the nodes to which the caller gets a line.
#[derive(Debug, Default)]
pub struct Reply {
    pub body: String,
    pub blobs: Vec<Vec<u8>>,
    pub nodes: Vec<NodeId>,
}

impl From<Value> for Reply {
    fn from(body: Value) -> Self {
        Reply { body: body.to_string(), ..Reply::default() }
    }
}

/// Calls that refuse what can be no collection's name, before they look for it. Others do so themselves, or let it pass.
const CHECK_THE_NAME: [&str; 14] = [
    "Route",
    "Delete",
    "DescribeCollection",
    "GetLoadingProgress",
    "ShowPartitions",
    "CreatePartition",
    "HasPartition",
    "DropPartition",
    "DescribeIndex",
    "DropIndex",
    "GetIndexState",
    "GetIndexBuildProgress",
    "GetIndexStatistics",
    "GetFlushState",
];

fn done() -> Result<Reply> {
    Ok(json!(Status::success()).into())
}

fn success(fields: Value) -> Result<Reply> {
    Ok(with_success(fields).into())
}

async fn done_after(work: impl Future<Output = Result<()>>) -> Result<Reply> {
    work.boxed_local().await.and_then(|()| done())
}

impl<P: Platform, N: Nodes> Coordinator<P, N> {
    /// Answers one call. Every refusal is a reply with a status; nothing here fails.
    pub async fn handle(self: &Rc<Self>, method: &str, body: &str, blobs: Vec<Vec<u8>>) -> Reply {
        let answer = match method {
            // Its `collection_name` is a list, unlike that of all other requests.
            "BatchDescribeCollection" => self.describe_collections(body),
            _ => match parse::<Request>(method, body) {
                Ok(request) => self.answer(method, request, body, blobs).await,
                Err(error) => Err(error),
            },
        };
        answer.unwrap_or_else(|error| refusal(&error))
    }

    /// Futures are boxed: one function with all that it calls is long compiled before the first call is answered.
    async fn answer(self: &Rc<Self>, method: &str, request: Request, body: &str, blobs: Vec<Vec<u8>>) -> Result<Reply> {
        let name = request.collection();
        let database = name.database;
        if CHECK_THE_NAME.contains(&method) && !name.collection.is_empty() {
            names::check_collection(name.collection)?;
        }
        match method {
            "Connect" => Ok(connected()),
            "GetVersion" => success(json!({ "version": version() })),
            "CheckHealth" => success(json!({ "isHealthy": true, "reasons": [], "quota_states": [] })),
            "Route" => self.route(name, &request.partition_names).boxed_local().await.map(routed),
            "GetMemoryUsage" => {
                let only = if name.collection.is_empty() { None } else { Some(self.resolve(name)?) };
                Ok(self.memory_usage(only.as_ref()).boxed_local().await.into())
            }

            "CreateDatabase" => done_after(self.create_database(&request.db_name, request.properties.clone())).await,
            "DropDatabase" => done_after(self.drop_database(&request.db_name)).await,
            "AlterDatabase" => {
                done_after(self.alter_database(database, request.properties.clone(), &request.delete_keys)).await
            }
            "ListDatabases" => Ok(self.list_databases().into()),
            "DescribeDatabase" => Ok(self.describe_database(database)?.into()),

            "CreateCollection" => done_after(self.create_collection(new_collection(&request)?)).await,
            "DescribeCollection" => Ok(self.describe_collection(name)?.into()),
            "HasCollection" => success(json!({ "value": self.resolve(name).is_ok() })),
            "ShowCollections" => {
                let loaded = request.wants_loaded().then_some(&request.collection_names[..]);
                Ok(self.show_collections(database, loaded).boxed_local().await?.into())
            }
            "GetCollectionStatistics" => Ok(self.statistics(&self.resolve(name)?, None).into()),
            "DropCollection" => done_after(self.drop_collection(name)).await,
            "TruncateCollection" => {
                self.truncate_collection(name).boxed_local().await?;
                success(json!({}))
            }
            "RenameCollection" => {
                let new_database = if request.new_database.is_empty() { database } else { &request.new_database };
                let old = CollectionName { database, collection: &request.old_name };
                let new = CollectionName { database: new_database, collection: &request.new_name };
                done_after(self.rename_collection(old, new)).await
            }
            "AlterCollection" => {
                done_after(self.alter_properties(name, request.properties.clone(), &request.delete_keys)).await
            }
            "AlterCollectionField" => {
                let (field, set) = (&request.field_name, request.properties.clone());
                done_after(self.alter_field(name, field, set, &request.delete_keys)).await
            }

            "AddCollectionField" => done_after(self.add_field(name, &request.schema)).await,

            "CreateAlias" => done_after(self.create_alias(name, &request.alias)).await,
            "AlterAlias" => done_after(self.alter_alias(name, &request.alias)).await,
            "DropAlias" => done_after(self.drop_alias(request.alias())).await,
            "DescribeAlias" => Ok(self.describe_alias(request.alias())?.into()),
            "ListAliases" => Ok(self.list_aliases(name)?.into()),

            "CreatePartition" => done_after(self.create_partition(name, &request.partition_name)).await,
            "DropPartition" => done_after(self.drop_partition(name, &request.partition_name)).await,
            "HasPartition" => {
                names::check_partition(&request.partition_name)?;
                let found = self.resolve(name)?.partition(&request.partition_name).is_some();
                success(json!({ "value": found }))
            }
            "ShowPartitions" => {
                Ok(self.show_partitions(name, &request.partition_names, request.wants_loaded())?.into())
            }
            "GetPartitionStatistics" => {
                let collection = self.resolve(name)?;
                let partition = collection.expect_partition(&request.partition_name)?.id;
                Ok(self.statistics(&collection, Some(partition)).into())
            }

            "CreateIndex" => {
                let params = &request.extra_params;
                done_after(self.create_index(name, &request.field_name, &request.index_name, params)).await
            }
            "DropIndex" => done_after(self.drop_index(name, request.index())).await,
            "AlterIndex" => {
                let (index, set) = (&request.index_name, request.extra_params.clone());
                done_after(self.alter_index(name, index, set, &request.delete_keys)).await
            }
            "DescribeIndex" | "GetIndexStatistics" => Ok(self.describe_index(name, request.index())?.into()),
            "GetIndexState" => {
                let coverage = self.index_coverage(name, request.index())?;
                success(json!({ "state": coverage.state(), "fail_reason": "" }))
            }
            "GetIndexBuildProgress" => {
                let IndexCoverage { indexed_rows, total_rows } = self.index_coverage(name, request.index())?;
                success(json!({ "indexed_rows": decimal(indexed_rows), "total_rows": decimal(total_rows) }))
            }

            "LoadCollection" if request.refresh => self.refresh_load(request.load(None)).and_then(|()| done()),
            "LoadCollection" => self.load(request.load(None)).boxed_local().await.map(load_begun),
            "LoadPartitions" if request.refresh => {
                self.refresh_load(request.load(Some(&request.partition_names))).and_then(|()| done())
            }
            "LoadPartitions" => {
                self.load(request.load(Some(&request.partition_names))).boxed_local().await.map(load_begun)
            }
            "CancelLoad" => done_after(self.cancel_load(name, request.load_ticket()?)).await,
            "ReleaseCollection" => done_after(self.release_collection(name)).await,
            "ReleasePartitions" => done_after(self.release_partitions(name, &request.partition_names)).await,
            "GetLoadState" => {
                let state = self.load_state(name, &request.partition_names)?;
                success(json!({ "state": state.name() }))
            }
            "GetLoadingProgress" => {
                if let Some(milliseconds) = request.wait_ms {
                    self.await_load(name, &request.partition_names, milliseconds).boxed_local().await;
                }
                if !request.ticket.is_empty() {
                    self.check_not_failed(name, request.load_ticket()?)?;
                }
                let progress = self.loading_progress(name, &request.partition_names)?;
                let refreshed = if progress == 100 { 100 } else { 0 };
                success(json!({ "progress": decimal(progress), "refresh_progress": decimal(refreshed) }))
            }
            "GetReplicas" => {
                let of: ReplicasRequest = parse(method, body)?;
                Ok(self.replicas(of.collection()?).into())
            }

            "Insert" => self.insert_rows(&request, blobs, WriteMode::Insert).boxed_local().await,
            "Upsert" if request.partial_update => {
                Err(Error::Unimplemented { what: "partial_update of upsert is not available in the browser".into() })
            }
            "Upsert" => self.insert_rows(&request, blobs, WriteMode::Upsert).boxed_local().await,
            "Delete" => {
                let count = self.delete(request.target(), request.delete()).boxed_local().await?;
                success(deleted(count))
            }

            "Import" => {
                let id = self.import(request.import()).boxed_local().await?;
                success(json!({ "tasks": [decimal(id)] }))
            }
            "ImportPut" => done_after(self.put_import(request.import_piece()?)).await,
            "ImportAlive" => self.import_alive(request.import_task()?).and_then(|()| done()),
            "CancelImport" => done_after(self.cancel_import(request.import_task()?, &request.reason)).await,
            "GetImportState" => Ok(self.describe_import(&self.import_job(request.import_task()?)?).into()),
            "ListImportTasks" => {
                let jobs = self.import_jobs(name, request.limit())?;
                let tasks: Vec<Value> = jobs.iter().map(|job| self.describe_import(job)).collect();
                success(json!({ "tasks": tasks }))
            }

            "BeginExport" => self.begin_export(request.new_export()).boxed_local().await.map(exported),
            "StepExport" => self.step_export(request.export_step()?).boxed_local().await.map(exported),
            "EndExport" => {
                self.end_export(request.export_id()?).boxed_local().await;
                done()
            }

            "Flush" => self.flush_named(database, &request.collection_names).boxed_local().await,
            "FlushAll" => self.flush_all().boxed_local().await,
            // A flush has ended when its call is answered.
            "GetFlushState" | "GetFlushAllState" => {
                if !name.collection.is_empty() {
                    self.resolve(name)?;
                }
                success(json!({ "flushed": true }))
            }
            "GetPersistentSegmentInfo" | "GetQuerySegmentInfo" => {
                let named: SegmentInfoRequest = parse(method, body)?;
                let name = CollectionName { database, collection: &named.collection_name };
                let collection = self.resolve(name)?;
                Ok(self.segment_infos(&collection, method == "GetQuerySegmentInfo").into())
            }
            "ManualCompaction" => {
                let collection = self.resolve(name)?;
                let count = self.compact(collection.id).boxed_local().await?;
                self.build_in_background(collection.id);
                success(json!({ "compactionID": decimal(self.tick()), "compactionPlanCount": count }))
            }
            // A compaction has ended when its call is answered.
            "GetCompactionState" => success(compaction_completed()),
            "GetCompactionStateWithPlans" => success(json!({ "state": "Completed", "mergeInfos": [] })),
            other => Err(Error::Unimplemented { what: format!("{other} is not available in the browser") }),
        }
    }

    fn describe_collections(&self, body: &str) -> Result<Reply> {
        let request: BatchDescribe = parse("BatchDescribeCollection", body)?;
        let database = request.database();
        let by_name = request
            .collection_name
            .iter()
            .map(|name| self.describe_collection(CollectionName { database, collection: name }));
        let by_id = request.ids().map(|id| self.describe_collection_by_id(database, id?));
        let responses = by_name.chain(by_id).collect::<Result<Vec<_>>>()?;
        success(json!({ "responses": responses }))
    }

    async fn insert_rows(self: &Rc<Self>, request: &Request, blobs: Vec<Vec<u8>>, mode: WriteMode) -> Result<Reply> {
        let Some(packed) = blobs.into_iter().next() else { return Err(Error::invalid("the rows are missing")) };
        let rows = Batch::decode(&packed)?;
        drop(packed);
        let count = rows.rows;
        match self.insert(request.target(), request.insert(rows, mode)).await {
            Ok(written) => Ok(inserted(&written, mode)),
            // The client describes the collection again and packs the rows anew.
            Err(error @ Error::SchemaMismatch { .. }) => Err(error),
            Err(error) => Ok(json!({
                "status": Status::from(&error),
                "err_index": (0..count).collect::<Vec<_>>(),
            })
            .into()),
        }
    }

    async fn flush_named(self: &Rc<Self>, database: &str, names: &[String]) -> Result<Reply> {
        let mut sealed = SortedMap::new();
        let mut flushed_at = SortedMap::new();
        for name in names {
            let id = self.resolve(CollectionName { database, collection: name })?.id;
            self.flush(id).await?;
            let collection = self.collection(id);
            let segments: Vec<Value> = collection
                .iter()
                .flat_map(|it| it.segments().map(|segment| decimal(segment.id)).collect::<Vec<_>>())
                .collect();
            sealed.insert(name, json!({ "data": segments }));
            flushed_at.insert(name, decimal(collection.map_or_else(Default::default, |it| it.flushed)));
            self.tidy_up(id);
        }
        success(json!({
            "coll_segIDs": sealed,
            "flush_coll_segIDs": sealed,
            "coll_seal_times": names.iter().map(|name| (name, decimal(self.platform.now_ms() / 1000))).collect::<SortedMap<_, _>>(),
            "coll_flush_ts": flushed_at,
            "channel_cps": {},
            "db_name": database,
        }))
    }

    async fn flush_all(self: &Rc<Self>) -> Result<Reply> {
        let all: Vec<_> = self.catalog.borrow().collections.keys().copied().collect();
        for id in all {
            self.flush(id).await?;
            self.tidy_up(id);
        }
        success(json!({ "flush_all_ts": decimal(self.tick()), "flush_all_tss": {} }))
    }

    /// Everything that is written or imported shows in what is loaded without it; only the state is checked.
    fn refresh_load(&self, request: LoadRequest<'_>) -> Result<()> {
        names::check_collection(request.collection.collection)?;
        let collection = self.resolve(request.collection)?;
        asked_record(&collection, &request)?;
        match self.load_state(request.collection, &[])? {
            LoadState::Loaded => Ok(()),
            LoadState::Loading => Err(Error::While {
                doing: "collection not fully loaded".into(),
                cause: Box::new(Error::CollectionNotLoaded { collection: collection.id }),
            }),
            _ => Err(Error::CollectionNotLoaded { collection: collection.id }),
        }
    }
}
