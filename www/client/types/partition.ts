// Partitions.

import type { ShowPartitionsType } from '../const/index.js';
import type { CollectionData } from './collection.js';
import type { ResStatus, TimeStampArray, collectionNameReq } from './common.js';

interface PartitionParent extends collectionNameReq {
  partition_name: string;
}
export type CreatePartitionReq = PartitionParent;
export type HasPartitionReq = PartitionParent;
export type DropPartitionReq = PartitionParent;
export type GetPartitionStatisticsReq = PartitionParent;

export interface ShowPartitionsReq extends collectionNameReq {
  type?: ShowPartitionsType;
}
export interface LoadPartitionsReq extends collectionNameReq {
  partition_names: string[];
  replica_number?: number;
  resource_groups?: string[];
  refresh?: boolean;
  load_fields?: string[];
  skip_load_dynamic_field?: boolean;
}
export interface ReleasePartitionsReq extends collectionNameReq {
  partition_names: string[];
}
export type PartitionData = CollectionData;
export interface ShowPartitionsResponse extends TimeStampArray {
  status: ResStatus;
  partition_names: string[];
  partitionIDs: number[];
  inMemory_percentages: string[];
  data: PartitionData[];
}
