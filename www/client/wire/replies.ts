// The replies' default values (proto3 has a default for everything), so that a short refusal still has every key.

import type { ResStatus } from '../types/index.js';

export const SUCCESS: Readonly<ResStatus> = { extra_info: {}, error_code: 'Success', reason: '', code: 0, retriable: false, detail: '' };

const MUTATION = {
  succ_index: [],
  err_index: [],
  IDs: null,
  acknowledged: false,
  insert_cnt: '0',
  delete_cnt: '0',
  upsert_cnt: '0',
  timestamp: '0',
};
const SCHEMA = {
  fields: [],
  properties: [],
  functions: [],
  struct_array_fields: [],
  file_resource_ids: [],
  name: '',
  description: '',
  autoID: false,
  enable_dynamic_field: false,
  dbName: '',
  version: 0,
  external_source: '',
  external_spec: '',
  do_physical_backfill: false,
  enable_namespace: false,
};
const SEARCH = { results: null, collection_name: '', session_ts: '0' };
const TIMES = { created_timestamps: [], created_utc_timestamps: [], inMemory_percentages: [] };

/** Methods that are not here answer a bare status. */
const DEFAULTS: Record<string, object> = {
  Connect: { server_info: null, identifier: '0' },
  GetVersion: { version: '' },
  CheckHealth: { reasons: [], quota_states: [], isHealthy: false },
  GetMemoryUsage: {},
  RunAnalyzer: { results: [] },
  ListDatabases: { db_names: [], created_timestamp: [], db_ids: [] },
  DescribeDatabase: { properties: [], db_name: '', dbID: '0', created_timestamp: '0' },
  DescribeCollection: {
    virtual_channel_names: [],
    physical_channel_names: [],
    aliases: [],
    start_positions: [],
    properties: [],
    schema: SCHEMA,
    collectionID: '0',
    created_timestamp: '0',
    created_utc_timestamp: '0',
    shards_num: 0,
    consistency_level: 'Strong',
    collection_name: '',
    db_name: '',
    num_partitions: '0',
    db_id: '0',
    request_time: '0',
    update_timestamp: '0',
    update_timestamp_str: '',
  },
  BatchDescribeCollection: { responses: [] },
  GetCollectionStatistics: { stats: [] },
  GetPartitionStatistics: { stats: [] },
  ShowCollections: { collection_names: [], collection_ids: [], query_service_available: [], shards_num: [], ...TIMES },
  ShowPartitions: { partition_names: [], partitionIDs: [], ...TIMES },
  TruncateCollection: {},
  HasPartition: { value: false },
  GetLoadingProgress: { progress: '0', refresh_progress: '0' },
  GetLoadState: { state: 'LoadStateNotExist' },
  DescribeAlias: { db_name: '', alias: '', collection: '' },
  ListAliases: { aliases: [], db_name: '', collection_name: '' },
  DescribeIndex: { index_descriptions: [] },
  GetIndexStatistics: { index_descriptions: [] },
  GetIndexState: { state: 'IndexStateNone', fail_reason: '' },
  GetIndexBuildProgress: { indexed_rows: '0', total_rows: '0' },
  Insert: MUTATION,
  Upsert: MUTATION,
  Delete: MUTATION,
  Search: SEARCH,
  HybridSearch: SEARCH,
  Query: { output_fields: [], element_indices: [], collection_name: '', session_ts: '0', primary_field_name: '' },
  Flush: { coll_segIDs: {}, flush_coll_segIDs: {}, coll_seal_times: {}, coll_flush_ts: {}, channel_cps: {}, db_name: '' },
  FlushAll: { flush_results: [], flush_all_msgs: {}, flush_all_ts: '0', cluster_info: null },
  GetFlushState: { flushed: false },
  GetFlushAllState: { flush_states: [], flushed: false },
  GetPersistentSegmentInfo: { infos: [] },
  GetQuerySegmentInfo: { infos: [] },
  GetReplicas: { replicas: [] },
  GetMetrics: { response: '', component_name: '' },
  GetCompactionState: { state: 'UndefiedState', executingPlanNo: '0', timeoutPlanNo: '0', completedPlanNo: '0', failedPlanNo: '0' },
  ManualCompaction: { compactionID: '0', compactionPlanCount: 0 },
  GetCompactionStateWithPlans: { mergeInfos: [], state: 'UndefiedState' },
  Import: { tasks: [] },
  GetImportState: {
    id_list: [],
    infos: [],
    segment_ids: [],
    state: 'ImportPending',
    row_count: '0',
    id: '0',
    collection_id: '0',
    create_ts: '0',
  },
  ListImportTasks: { tasks: [] },
  BeginExport: {},
  StepExport: {},
  ListSnapshots: { snapshots: [] },
  DescribeSnapshot: { partition_names: [], name: '', description: '', collection_name: '', create_ts: '0', s3_location: '' },
  RestoreSnapshot: { job_id: '0' },
  GetRestoreSnapshotState: { info: null },
  ListRestoreSnapshotJobs: { jobs: [] },
  AlterCollectionSchema: { alter_status: null },
  Route: { collection_id: '0', load_version: '0', nodes: [] },
};

type Body = Record<string, unknown>;

/** Many times faster than `structuredClone`, for what is only objects, lists and plain values. */
function copyOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copyOf);
  if (typeof value !== 'object' || value === null) return value;
  const copy: Body = {};
  for (const key in value) copy[key] = copyOf((value as Body)[key]);
  return copy;
}

/** The reply with every key of its kind. */
export function completeReply(method: string, body: Body): Body {
  const defaults = DEFAULTS[method];
  if (!defaults) {
    const status = (body.status ?? body) as Body;
    return { ...SUCCESS, extra_info: {}, ...status };
  }
  return { ...(copyOf(defaults) as Body), ...('alter_status' in defaults ? {} : { status: null }), ...body };
}

export function statusOf(reply: Body): ResStatus | undefined {
  const status = reply.status ?? reply.alter_status ?? reply;
  return typeof (status as ResStatus).error_code === 'undefined' ? undefined : (status as ResStatus);
}
