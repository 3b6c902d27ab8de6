// Snapshots.

import { checkCollectionName } from '../format/validate.js';
import type {
  CreateSnapshotReq,
  DescribeSnapshotReq,
  DescribeSnapshotResponse,
  DropSnapshotReq,
  GetRestoreSnapshotStateReq,
  GetRestoreSnapshotStateResponse,
  ListRestoreSnapshotJobsReq,
  ListRestoreSnapshotJobsResponse,
  ListSnapshotsReq,
  ListSnapshotsResponse,
  ResStatus,
  RestoreSnapshotReq,
  RestoreSnapshotResponse,
} from '../types/index.js';
import { Partition } from './partition.js';

function insist(data: object | null | undefined, key: string): void {
  if (!data || !(data as Record<string, unknown>)[key]) throw new Error(`The \`${key}\` property is missing.`);
}

export class Snapshots extends Partition {
  async createSnapshot(data: CreateSnapshotReq): Promise<ResStatus> {
    return this.#named('CreateSnapshot', data);
  }

  async dropSnapshot(data: DropSnapshotReq): Promise<ResStatus> {
    return this.#named('DropSnapshot', data);
  }

  async describeSnapshot(data: DescribeSnapshotReq): Promise<DescribeSnapshotResponse> {
    return this.#named('DescribeSnapshot', data);
  }

  async #named<T>(method: string, data: DropSnapshotReq): Promise<T> {
    checkCollectionName(data);
    insist(data, 'snapshot_name');
    const { snapshot_name: name, ...rest } = data;
    return this.call(method, { ...rest, name }, data);
  }

  async listSnapshots(data: ListSnapshotsReq): Promise<ListSnapshotsResponse> {
    checkCollectionName(data);
    return this.call('ListSnapshots', data, data);
  }

  async restoreSnapshot(data: RestoreSnapshotReq): Promise<RestoreSnapshotResponse> {
    insist(data, 'snapshot_name');
    insist(data, 'source_collection_name');
    insist(data, 'target_collection_name');
    const { snapshot_name: name, source_collection_name: collection_name, source_db_name: db_name, ...rest } = data;
    return this.call('RestoreSnapshot', { ...rest, name, db_name, collection_name }, data);
  }

  async getRestoreSnapshotState(data: GetRestoreSnapshotStateReq): Promise<GetRestoreSnapshotStateResponse> {
    if (data?.job_id === undefined) throw new Error('The `job_id` property is missing.');
    return this.call('GetRestoreSnapshotState', data, data);
  }

  async listRestoreSnapshotJobs(data: ListRestoreSnapshotJobsReq = {}): Promise<ListRestoreSnapshotJobsResponse> {
    return this.call('ListRestoreSnapshotJobs', data, data);
  }
}
