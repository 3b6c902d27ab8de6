// Snapshots of a collection.

import type { RestoreSnapshotState } from '../const/index.js';
import type { CallOptions, IntLike, collectionNameReq, resStatusResponse } from './common.js';

export interface CreateSnapshotReq extends collectionNameReq {
  snapshot_name: string;
  description?: string;
  compaction_protection_seconds?: IntLike;
}
export interface DropSnapshotReq extends collectionNameReq {
  snapshot_name: string;
}
export type ListSnapshotsReq = collectionNameReq;
export interface ListSnapshotsResponse extends resStatusResponse {
  snapshots: string[];
}
export interface DescribeSnapshotReq extends collectionNameReq {
  snapshot_name: string;
}
export interface DescribeSnapshotResponse extends resStatusResponse {
  name: string;
  description: string;
  collection_name: string;
  partition_names: string[];
  create_ts: string;
  s3_location: string;
}
export interface RestoreSnapshotReq extends CallOptions {
  snapshot_name: string;
  source_collection_name: string;
  target_collection_name: string;
  source_db_name?: string;
  target_db_name?: string;
}
export interface RestoreSnapshotResponse extends resStatusResponse {
  job_id: string;
}
export interface GetRestoreSnapshotStateReq extends CallOptions {
  job_id: IntLike;
}
export interface RestoreSnapshotJobInfo {
  job_id: string;
  snapshot_name: string;
  db_name: string;
  collection_name: string;
  state: RestoreSnapshotState | keyof typeof RestoreSnapshotState;
  progress: number;
  reason: string;
  start_time: string;
  time_cost: string;
}
export interface GetRestoreSnapshotStateResponse extends resStatusResponse {
  info: RestoreSnapshotJobInfo;
}
export interface ListRestoreSnapshotJobsReq extends CallOptions {
  db_name?: string;
  collection_name?: string;
}
export interface ListRestoreSnapshotJobsResponse extends resStatusResponse {
  jobs: RestoreSnapshotJobInfo[];
}
