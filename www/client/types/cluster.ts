// What else only a server has: resource groups, replication, files on its disks, sources outside of it.

import type { RefreshExternalCollectionState } from '../const/index.js';
import type { CallOptions, KeyValuePair, collectionNameReq, resStatusResponse } from './common.js';

type ResourceGroupConfig = {
  requests?: { node_num: number };
  limits?: { node_num: number };
  transfer_from?: { resource_group: string }[];
  transfer_to?: { resource_group: string }[];
  node_filter?: { node_labels: KeyValuePair[] };
};
type ResourceGroup = {
  name: string;
  capacity: number;
  num_available_node: number;
  num_loaded_replica: Record<string, number>;
  num_outgoing_node: Record<string, number>;
  num_incoming_node: Record<string, number>;
  config?: ResourceGroupConfig;
  nodes?: { node_id: number; address: string; hostname: string }[];
};
export interface DescribeResourceGroupsReq extends CallOptions {
  resource_group: string;
}
export type DropResourceGroupsReq = DescribeResourceGroupsReq;
export interface CreateResourceGroupReq extends DescribeResourceGroupsReq {
  config?: ResourceGroupConfig;
}
export interface UpdateRresourceGroupReq extends CallOptions {
  resource_groups: Record<string, ResourceGroupConfig>;
}
export interface TransferNodeReq extends CallOptions {
  source_resource_group: string;
  target_resource_group: string;
  num_node: number;
}
export interface TransferReplicaReq extends collectionNameReq {
  source_resource_group: string;
  target_resource_group: string;
  num_replica: number;
}
export interface ListResourceGroupsResponse extends resStatusResponse {
  resource_groups: string[];
}
export interface DescribeResourceGroupResponse extends resStatusResponse {
  resource_group: ResourceGroup;
}
export interface LoadBalanceReq extends CallOptions {
  src_nodeID: number;
  dst_nodeIDs?: number[];
  sealed_segmentIDs?: number[];
  collectionName?: string;
  db_name?: string;
}

export interface ReplicateConnectionParam {
  uri: string;
  token?: string;
}
export interface ReplicateCluster {
  cluster_id: string;
  connection_param: ReplicateConnectionParam;
  pchannels?: string[];
}
export interface CrossClusterTopology {
  source_cluster_id: string;
  target_cluster_id: string;
}
export interface ReplicateConfiguration {
  clusters: ReplicateCluster[];
  cross_cluster_topology?: CrossClusterTopology[];
}
export interface UpdateReplicateConfigurationReq extends ReplicateConfiguration, CallOptions {
  force_promote?: boolean;
}
export type GetReplicateConfigurationReq = CallOptions;
export interface GetReplicateConfigurationResponse extends resStatusResponse {
  configuration: ReplicateConfiguration;
}

export interface RemoveFileResourceReq extends CallOptions {
  name: string;
}
export interface AddFileResourceReq extends RemoveFileResourceReq {
  path: string;
}
export type ListFileResourcesReq = CallOptions;
export interface FileResourceInfo {
  id: string;
  name: string;
  path: string;
}
export interface ListFileResourcesResponse extends resStatusResponse {
  resources: FileResourceInfo[];
}

export interface RefreshExternalCollectionReq extends collectionNameReq {
  external_source?: string;
  external_spec?: string;
}
export interface RefreshExternalCollectionResponse extends resStatusResponse {
  job_id: string;
}
export interface RefreshExternalCollectionJobInfo {
  job_id: string;
  collection_name: string;
  state: RefreshExternalCollectionState | keyof typeof RefreshExternalCollectionState;
  progress: string;
  reason: string;
  external_source: string;
  start_time: string;
  end_time: string;
}
export interface GetRefreshExternalCollectionProgressReq extends CallOptions {
  job_id: number | string;
}
export interface GetRefreshExternalCollectionProgressResponse extends resStatusResponse {
  job_info: RefreshExternalCollectionJobInfo;
}
export interface ListRefreshExternalCollectionJobsReq extends CallOptions {
  db_name?: string;
  collection_name?: string;
}
export interface ListRefreshExternalCollectionJobsResponse extends resStatusResponse {
  jobs: RefreshExternalCollectionJobInfo[];
}

export interface PinSnapshotDataReq extends collectionNameReq {
  snapshot_name: string;
  ttl_seconds?: number | string;
}
export interface PinSnapshotDataResponse extends resStatusResponse {
  pin_id: string;
}
export interface UnpinSnapshotDataReq extends CallOptions {
  pin_id: number | string;
}
