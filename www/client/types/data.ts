// Rows in, rows out: insert, upsert, delete, query, import.

import type { ConsistencyLevelEnum, DataType, FieldPartialUpdateOpType, ImportState } from '../const/index.js';
import type {
  CallOptions,
  IntLike,
  KeyValuePair,
  NumberArrayId,
  OrderByFields,
  StringArrayId,
  collectionNameReq,
  keyValueObj,
  resStatusResponse,
} from './common.js';
import type { BFloat16Vector, FieldValues, Float16Vector, RowData } from './data-types.js';
import type { OutputTransformers } from './search.js';

export type InsertTransformers = {
  [DataType.BFloat16Vector]?: (bf16: BFloat16Vector) => Uint8Array;
  [DataType.Float16Vector]?: (f16: Float16Vector) => Uint8Array;
};

interface BaseInsertReq extends collectionNameReq {
  partition_name?: string;
  hash_keys?: number[];
  transformers?: InsertTransformers;
  skip_check_schema?: boolean;
}
interface DataInsertReq extends BaseInsertReq {
  data: RowData[];
  fields_data?: never;
}
interface FieldsDataInsertReq extends BaseInsertReq {
  fields_data: RowData[];
  data?: never;
}
export type InsertReq = DataInsertReq | FieldsDataInsertReq;

export type FieldPartialUpdateOpName = keyof typeof FieldPartialUpdateOpType;
export type FieldPartialUpdateOpValue = FieldPartialUpdateOpType | FieldPartialUpdateOpName;
export interface FieldPartialUpdateOp {
  field_name: string;
  op: FieldPartialUpdateOpValue;
}
export type UpsertReq = InsertReq & {
  partial_update?: boolean;
  field_ops?: FieldPartialUpdateOp[];
};

export interface MutationResult extends resStatusResponse {
  succ_index: number[];
  err_index: number[];
  acknowledged: boolean;
  insert_cnt: string;
  delete_cnt: string;
  upsert_cnt: string;
  timestamp: string;
  IDs: StringArrayId | NumberArrayId;
}

interface BaseDeleteReq extends collectionNameReq {
  partition_name?: string;
  consistency_level?: 'Strong' | 'Session' | 'Bounded' | 'Eventually' | 'Customized';
  exprValues?: keyValueObj;
}
export type DeleteEntitiesReq = BaseDeleteReq &
  ({ expr?: string; filter?: never } | { filter?: string; expr?: never });
/** Primary keys: int64 in any form, or the strings of a VarChar key. */
export type PrimaryKeys = IntLike[] | BigInt64Array;
export interface DeleteByIdsReq extends BaseDeleteReq {
  ids: PrimaryKeys;
}
export interface DeleteByFilterReq extends BaseDeleteReq {
  filter: string;
}
export type DeleteReq = DeleteByIdsReq | DeleteByFilterReq;

export interface CountReq extends collectionNameReq {
  expr?: string;
  filter?: string;
  /** Browser only. */
  exprValues?: keyValueObj;
}
export interface CountResult extends resStatusResponse {
  data: number;
}

type BaseQueryReq = collectionNameReq & {
  output_fields?: string[];
  partition_names?: string[];
  ids?: PrimaryKeys;
  expr?: string;
  filter?: string;
  offset?: number;
  limit?: number;
  group_by_fields?: string[];
  order_by_fields?: OrderByFields;
  order_by?: OrderByFields;
  consistency_level?: ConsistencyLevelEnum;
  transformers?: OutputTransformers;
  exprValues?: keyValueObj;
  params?: keyValueObj;
};
export type QueryReq = BaseQueryReq & ({ expr?: string; filter?: never } | { filter?: string; expr?: never });
export interface QueryResults extends resStatusResponse {
  data: FieldValues[];
}
export interface QueryIteratorReq extends Omit<QueryReq, 'ids' | 'offset' | 'limit'> {
  limit?: number;
  batchSize: number;
}
export interface GetReq extends collectionNameReq {
  ids: PrimaryKeys;
  output_fields?: string[];
  partition_names?: string[];
  offset?: number;
  limit?: number;
  consistency_level?: ConsistencyLevelEnum;
  transformers?: OutputTransformers;
  exprValues?: keyValueObj;
}

/** Bytes to import, or where they are. */
type ImportData = string | URL | Request | Response | Blob | ArrayBuffer | Uint8Array | ReadableStream<Uint8Array> | FileSystemFileHandle;
/** Browser only: bytes that bring no name, with one. Its ending says what they are. */
export interface NamedImportFile {
  name: string;
  data: ImportData;
}
/**
 * A file to import: its path or URL, or (browser only) the file itself. What is called `.gz` is unpacked. Paths are those
 * of the site, or relative to `baseUrl` of the client's config.
 */
export type ImportFile = ImportData | NamedImportFile;
export interface ImportReq extends collectionNameReq {
  partition_name?: string;
  channel_names?: string[];
  files: ImportFile[];
  options?: KeyValuePair[];
}
export interface ImportResponse extends resStatusResponse {
  tasks: number[];
}
export interface ListImportTasksReq extends collectionNameReq {
  limit?: number;
}
export interface GetImportStateReq extends CallOptions {
  task: IntLike;
}
export interface GetImportStateResponse extends resStatusResponse {
  state: ImportState;
  row_count: number;
  id_list: number[];
  infos: KeyValuePair[];
  id: number;
  collection_id: number;
  segment_ids: number[];
  create_ts: number;
}
export interface ListImportTasksResponse extends resStatusResponse {
  tasks: GetImportStateResponse[];
}
