// What every request and reply shares. int64 values come back as decimal strings; they may be given in any form of `IntLike`.

import type { CollectionPrivileges, GlobalPrivileges, MsgType, UserPrivileges } from '../const/index.js';

/** An int64 object as the `long` package makes it. */
export interface LongLike {
  low: number;
  high: number;
  unsigned?: boolean;
  toString(): string;
}

/** An int64 argument: use a string or a BigInt beyond 2^53. */
export type IntLike = number | bigint | string | LongLike;

export interface CallOptions {
  /** Milliseconds until the call is given up with code 4 (DEADLINE_EXCEEDED). */
  timeout?: number;
  client_request_id?: string;
  'client-request-id'?: string;
  cluster_id?: string;
  /** Browser only: gives the call up when it fires. */
  signal?: AbortSignal;
}
/** The SDK's name of `CallOptions`. */
export type GrpcTimeOut = CallOptions;

export interface MsgBase {
  base: { msg_type: MsgType };
}

export interface KeyValuePair<T = string, U = string | number> {
  key: T;
  value: U;
}

export interface NumberArrayId {
  int_id: { data: number[] };
}
export interface StringArrayId {
  str_id: { data: string[] };
}

export type PrivilegesTypes = CollectionPrivileges | UserPrivileges | GlobalPrivileges | string;

export interface ResStatus {
  extra_info: Record<string, any>;
  error_code: string | number;
  reason: string;
  code?: number;
  retriable: boolean;
  detail: string;
}

export interface resStatusResponse {
  status: ResStatus;
}

export interface TimeStamp {
  created_timestamp: string;
  created_utc_timestamp: string;
}
export interface TimeStampArray {
  created_timestamps: string[];
  created_utc_timestamps: string[];
}

export type keyValueObj = Record<string, string | number | string[] | number[] | boolean | unknown>;
export type Properties = Record<string, string | number | boolean>;

export type OrderByOrder = 'asc' | 'desc' | 'ascending' | 'descending';
export type OrderByField = string | { field: string; order?: OrderByOrder };
export type OrderByFields = string | OrderByField[];

export interface collectionNameReq extends CallOptions {
  collection_name: string;
  db_name?: string;
}
export interface partitionNameReq extends collectionNameReq {
  partition_name?: string;
}
