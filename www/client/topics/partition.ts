// Partitions: create, list, load, release, drop.

import { ERROR_REASONS } from '../const/index.js';
import { checkCollectionAndPartitionName, checkCollectionName } from '../format/validate.js';
import { formatKeyValueData } from '../format/values.js';
import type {
  BoolResponse,
  CreatePartitionReq,
  DropPartitionReq,
  GetPartitionStatisticsReq,
  HasPartitionReq,
  LoadPartitionsReq,
  ReleasePartitionsReq,
  ResStatus,
  ShowPartitionsReq,
  ShowPartitionsResponse,
  StatisticsResponse,
} from '../types/index.js';
import { Index } from './index-build.js';

function checkPartitionNames(data: { partition_names: string[] }): void {
  if (!Array.isArray(data.partition_names) || !data.partition_names.length) throw new Error(ERROR_REASONS.PARTITION_NAMES_IS_REQUIRED);
}

export class Partition extends Index {
  async createPartition(data: CreatePartitionReq): Promise<ResStatus> {
    checkCollectionAndPartitionName(data);
    return this.call('CreatePartition', data, data);
  }

  async hasPartition(data: HasPartitionReq): Promise<BoolResponse> {
    checkCollectionAndPartitionName(data);
    return this.call('HasPartition', data, data);
  }

  async listPartitions(data: ShowPartitionsReq): Promise<ShowPartitionsResponse> {
    checkCollectionName(data);
    const reply = await this.call<ShowPartitionsResponse>('ShowPartitions', data, data);
    reply.data = reply.partition_names.map((name, index) => ({
      name,
      id: reply.partitionIDs[index] as unknown as string,
      timestamp: reply.created_utc_timestamps[index]!,
      loadedPercentage: reply.inMemory_percentages[index]!,
    }));
    return reply;
  }
  showPartitions = this.listPartitions;

  async getPartitionStatistics(data: GetPartitionStatisticsReq): Promise<StatisticsResponse> {
    checkCollectionAndPartitionName(data);
    const reply = await this.call<StatisticsResponse>('GetPartitionStatistics', data, data);
    reply.data = formatKeyValueData(reply.stats, ['row_count']);
    return reply;
  }
  getPartitionStats = this.getPartitionStatistics;

  async loadPartitions(data: LoadPartitionsReq): Promise<ResStatus> {
    checkCollectionName(data);
    checkPartitionNames(data);
    return (await this.beginLoad('LoadPartitions', data, data)).status;
  }

  async loadPartitionsSync(data: LoadPartitionsReq): Promise<ResStatus> {
    checkCollectionName(data);
    const { collection_name, db_name, partition_names, signal, timeout } = data;
    await this.connected({ timeout, signal });
    const begun = await this.beginLoad('LoadPartitions', data, { timeout });
    return this.untilLoaded(begun, { collection_name, db_name, partition_names }, signal);
  }

  async releasePartitions(data: ReleasePartitionsReq): Promise<ResStatus> {
    checkCollectionName(data);
    checkPartitionNames(data);
    return this.call('ReleasePartitions', data, data);
  }

  async dropPartition(data: DropPartitionReq): Promise<ResStatus> {
    checkCollectionAndPartitionName(data);
    return this.call('DropPartition', data, data);
  }
}
