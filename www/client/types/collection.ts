// Collections: schema, load and release, aliases, schema changes.

import type { CompactionState, DataType, DataTypeMap, FunctionType, LoadState, MetricType, ShowCollectionsType } from '../const/index.js';
import type {
  CallOptions,
  IntLike,
  KeyValuePair,
  Properties,
  ResStatus,
  TimeStamp,
  TimeStampArray,
  collectionNameReq,
  resStatusResponse,
} from './common.js';
import type { CreateIndexParam, CreateIndexSimpleReq } from './index-build.js';

export type TypeParam = string | number | boolean | Record<string, any>;
export type TypeParamKey =
  | 'dim'
  | 'max_length'
  | 'max_capacity'
  | 'analyzer_params'
  | 'enable_analyzer'
  | 'enable_match'
  | 'multi_analyzer_params'
  | 'mmap.enabled';

/** A field to be created. */
export type FieldType = {
  name: string;
  description?: string;
  data_type: DataType | keyof typeof DataTypeMap;
  element_type?: DataType | keyof typeof DataTypeMap;
  is_primary_key?: boolean;
  is_partition_key?: boolean;
  is_function_output?: boolean;
  is_clustering_key?: boolean;
  type_params?: Partial<Record<TypeParamKey, TypeParam>>;
  autoID?: boolean;
  default_value?: number | string | boolean | bigint;
  nullable?: boolean;
  external_field?: string;
  fields?: FieldType[];
} & Partial<Record<TypeParamKey, TypeParam>>;

/** A field as describeCollection answers it. */
export type FieldSchema = {
  type_params: KeyValuePair<TypeParamKey, string>[];
  index_params: KeyValuePair[];
  fieldID: string | number;
  name: string;
  is_primary_key: boolean;
  description: string;
  data_type: keyof typeof DataType;
  autoID: boolean;
  state: string;
  element_type?: keyof typeof DataType;
  default_value?: number | string | null;
  dataType: DataType;
  elementType?: DataType;
  _placeholderType?: number;
  is_partition_key?: boolean;
  is_dynamic?: boolean;
  is_clustering_key?: boolean;
  nullable?: boolean;
  is_function_output: boolean;
  external_field?: string;
  fields?: FieldSchema[];
} & Partial<Record<TypeParamKey, string>>;

export type FunctionTypeName = 'Unknown' | 'BM25' | 'TextEmbedding' | 'Rerank' | 'MinHash' | 'MolFingerprint';
export type FunctionObject = {
  name: string;
  description?: string;
  type: FunctionType | FunctionTypeName;
  input_field_names: string[];
  output_field_names?: string[];
  params: Record<string, any>;
};

export interface BaseCreateCollectionReq extends CallOptions {
  collection_name: string;
  shards_num?: number;
  description?: string;
  consistency_level?: string;
  num_partitions?: number;
  partition_key_field?: string;
  clustering_key_field?: string;
  enable_dynamic_field?: boolean;
  enableDynamicField?: boolean;
  properties?: Properties;
  db_name?: string;
  functions?: FunctionObject[];
  external_source?: string;
  external_spec?: string;
  file_resource_ids?: (number | string)[];
}
export interface CreateCollectionWithFieldsReq extends BaseCreateCollectionReq {
  fields: FieldType[];
}
export interface CreateCollectionWithSchemaReq extends BaseCreateCollectionReq {
  schema: FieldType[];
}
export type CreateCollectionReq = CreateCollectionWithFieldsReq | CreateCollectionWithSchemaReq;

type IndexOfNewCollection = Omit<CreateIndexSimpleReq, 'collection_name'>;
/** Creates, indexes and loads in one call. */
export type CreateColWithSchemaAndIndexParamsReq = CreateCollectionReq & {
  index_params: IndexOfNewCollection[] | IndexOfNewCollection;
};
/** The short form: a primary key, one vector field and a dynamic field. */
export interface CreateColReq extends collectionNameReq {
  dimension: number;
  primary_field_name?: string;
  id_type?: DataType.Int64 | DataType.VarChar;
  vector_field_name?: string;
  metric_type?: string | MetricType;
  enable_dynamic_field?: boolean;
  enableDynamicField?: boolean;
  description?: string;
  auto_id?: boolean;
  consistency_level?: string;
  index_params?: CreateIndexParam;
}

export type HasCollectionReq = collectionNameReq;
export interface BoolResponse extends resStatusResponse {
  value: boolean;
}
export interface DescribeCollectionReq extends collectionNameReq {
  cache?: boolean;
}
export interface BatchDescribeCollectionReq extends CallOptions {
  collection_names: string[];
  db_name?: string;
  collectionIDs?: IntLike[];
}
export interface CollectionSchema {
  name: string;
  description: string;
  enable_dynamic_field: boolean;
  autoID: boolean;
  fields: FieldSchema[];
  functions: FunctionObject[];
  struct_array_fields: FieldSchema[];
  external_source?: string;
  external_spec?: string;
  file_resource_ids?: string[];
}
export interface DescribeCollectionResponse extends TimeStamp {
  status: ResStatus;
  schema: CollectionSchema;
  collectionID: string;
  collection_name: string;
  consistency_level: string;
  aliases: string[];
  virtual_channel_names: string[];
  physical_channel_names: string[];
  start_positions: string[];
  properties: KeyValuePair[];
  shards_num: number;
  num_partitions?: string;
  db_name: string;
  functions: FunctionObject[];
  update_timestamp_str: string;
  update_timestamp: number;
  anns_fields: Record<string, FieldSchema>;
  scalar_fields: Record<string, FieldSchema>;
  function_fields: Record<string, FieldSchema>;
}
export interface BatchDescribeCollectionResponse extends resStatusResponse {
  responses: DescribeCollectionResponse[];
}

export interface ShowCollectionsReq extends CallOptions {
  type?: ShowCollectionsType;
  collection_names?: string[];
  db_name?: string;
}
export interface CollectionData {
  name: string;
  id: string;
  timestamp: string;
  loadedPercentage: string;
}
export interface ShowCollectionsResponse extends TimeStampArray {
  status: ResStatus;
  collection_names: string[];
  collection_ids: string[];
  inMemory_percentages: string[];
  data: CollectionData[];
}

export type GetCollectionStatisticsReq = collectionNameReq;
export interface StatisticsResponse extends resStatusResponse {
  stats: KeyValuePair[];
  data: Record<string, any>;
}

export interface LoadCollectionReq extends collectionNameReq {
  replica_number?: number;
  resource_groups?: string[];
  refresh?: boolean;
  /** Only these fields: the primary key and at least one vector field must be among them. */
  load_fields?: string[];
  skip_load_dynamic_field?: boolean;
}
export type RefreshLoadReq = collectionNameReq;
export type ReleaseLoadCollectionReq = collectionNameReq;
export interface GetLoadingProgressReq extends collectionNameReq {
  partition_names?: string[];
}
export interface GetLoadingProgressResponse extends resStatusResponse {
  progress: string;
  refresh_progress: string;
}
export type GetLoadStateReq = GetLoadingProgressReq;
export interface GetLoadStateResponse extends resStatusResponse {
  state: LoadState;
}

export type DropCollectionReq = collectionNameReq;
export interface RenameCollectionReq extends collectionNameReq {
  new_collection_name: string;
  new_db_name?: string;
}

export interface CreateAliasReq extends collectionNameReq {
  alias: string;
}
export type DescribeAliasReq = CreateAliasReq;
export type AlterAliasReq = CreateAliasReq;
export interface DropAliasReq extends CallOptions {
  alias: string;
  db_name?: string;
}
export type ListAliasesReq = collectionNameReq;
export interface DescribeAliasResponse extends resStatusResponse {
  db_name: string;
  alias: string;
  collection: string;
}
export interface ListAliasesResponse extends resStatusResponse {
  db_name: string;
  aliases: string[];
  collection_name: string;
}

export interface GetCompactionStateReq extends CallOptions {
  compactionID: IntLike;
}
export type GetCompactionPlansReq = GetCompactionStateReq;
export interface CompactionResponse extends resStatusResponse {
  compactionID: string;
  compactionPlanCount: number;
}
export interface GetCompactionStateResponse extends resStatusResponse {
  state: CompactionState;
  executingPlanNo: string;
  timeoutPlanNo: string;
  completedPlanNo: string;
  failedPlanNo: string;
}
export interface GetCompactionPlansResponse extends resStatusResponse {
  state: CompactionState;
  mergeInfos: { sources: string[]; target: string }[];
}

export interface GetReplicaReq extends CallOptions {
  collectionID: IntLike;
  with_shard_nodes?: boolean;
  collection_name?: string;
  db_name?: string;
}
export interface ShardReplica {
  leaderID: string;
  leader_addr: string;
  dm_channel_name: string;
  node_ids: string[];
}
export interface ReplicaInfo {
  replicaID: string;
  collectionID: string;
  partition_ids: string[];
  shard_replicas: ShardReplica[];
  node_ids: string[];
  resource_group_name: string;
  num_outbound_node: Record<string, number>;
}
export interface ReplicasResponse extends resStatusResponse {
  replicas: ReplicaInfo[];
}

export interface AlterCollectionReq extends collectionNameReq {
  properties: Properties;
  delete_keys?: string[];
}
export interface DropCollectionPropertiesReq extends collectionNameReq {
  properties: string[];
}
export interface AlterCollectionFieldPropertiesReq extends collectionNameReq {
  field_name: string;
  properties: Properties;
}

export interface AddCollectionFieldReq extends collectionNameReq {
  field: FieldType;
}
export interface AddCollectionFieldsReq extends collectionNameReq {
  fields: FieldType[];
}
export interface AddCollectionFunctionReq extends collectionNameReq {
  function: FunctionObject;
}
export interface AlterCollectionFunctionReq extends collectionNameReq {
  function_name: string;
  function: FunctionObject;
}
export interface DropCollectionFunctionReq extends collectionNameReq {
  function_name: string;
}
export interface AlterCollectionSchemaReq extends collectionNameReq {
  field: FieldType;
  function: FunctionObject;
  index_name?: string;
  extra_params?: Record<string, any>;
}
export interface AlterCollectionSchemaResponse {
  alter_status: ResStatus;
  index_status?: ResStatus;
}
export type FunctionFieldIndexParams = Record<string, any>;
export interface AddFunctionFieldReq extends AlterCollectionSchemaReq {
  extra_params: FunctionFieldIndexParams;
}
export type DropCollectionFieldReq = collectionNameReq &
  ({ field_name: string; field_id?: never } | { field_name?: never; field_id: number | string });
export interface DropFunctionFieldReq extends collectionNameReq {
  function_name: string;
}
