// Flush, segments and metrics.

import type { SegmentLevel, SegmentState } from '../const/index.js';
import type { CallOptions, IntLike, collectionNameReq, resStatusResponse } from './common.js';

export interface FlushReq extends CallOptions {
  collection_names: string[];
  db_name?: string;
}
export interface FlushResult extends resStatusResponse {
  coll_segIDs: any;
}
export interface GetFlushStateReq extends CallOptions {
  segmentIDs?: IntLike[];
  flush_ts?: IntLike;
  db_name?: string;
  collection_name?: string;
}
export interface GetFlushStateResponse extends resStatusResponse {
  flushed: boolean;
}
export interface FlushAllReq extends CallOptions {
  db_name?: string;
}
export interface FlushClusterInfo {
  cluster_id: string;
  cchannel: string;
  pchannels: string[];
}
export interface FlushAllResponse extends resStatusResponse {
  flush_all_ts: number;
  flush_all_tss: Record<string, number>;
  flush_all_msgs: Record<string, any>;
  cluster_info: FlushClusterInfo;
}
export interface GetFlushAllStateReq extends CallOptions {
  flush_all_ts?: IntLike;
  db_name?: string;
  flush_all_tss?: Record<string, IntLike>;
}
export interface GetFlushAllStateResponse extends resStatusResponse {
  flushed: boolean;
}

export interface PersistentSegmentInfo {
  segmentID: number;
  collectionID: number;
  partitionID: number;
  num_rows: number;
  state: SegmentState;
  level: SegmentLevel;
  is_sorted: boolean;
  storage_version: number;
}
export interface QuerySegmentInfo extends PersistentSegmentInfo {
  mem_size: number;
  index_name: string;
  indexID: number;
  nodeID: number;
  nodeIds: number[];
}
export interface GetQuerySegmentInfoReq extends CallOptions {
  collectionName: string;
  dbName?: string;
}
export interface GetQuerySegmentInfoResponse extends resStatusResponse {
  infos: QuerySegmentInfo[];
}
export type GePersistentSegmentInfoReq = GetQuerySegmentInfoReq;
export interface GePersistentSegmentInfoResponse extends resStatusResponse {
  infos: PersistentSegmentInfo[];
}

export interface GetMetricsRequest extends CallOptions {
  request: { metric_type: 'system_info' | 'system_statistics' | 'system_log' };
}
export interface GetMetricsResponse extends resStatusResponse {
  response: any;
  component_name: string;
}

export interface CompactReq extends collectionNameReq {
  timetravel?: IntLike;
  majorCompaction?: boolean;
  partition_id?: IntLike;
  channel?: string;
  segment_ids?: IntLike[];
  l0Compaction?: boolean;
  target_size?: IntLike;
}
