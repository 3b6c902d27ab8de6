// Load and release, of whole collections; their state and progress.

import { ERROR_REASONS, ErrorCode } from '../const/index.js';
import { checkCollectionName } from '../format/validate.js';
import type {
  CallOptions,
  GetLoadStateReq,
  GetLoadStateResponse,
  GetLoadingProgressReq,
  GetLoadingProgressResponse,
  GetReplicaReq,
  LoadCollectionReq,
  RefreshLoadReq,
  ReleaseLoadCollectionReq,
  ReplicasResponse,
  ResStatus,
} from '../types/index.js';
import { failure } from './base.js';
import { Collection } from './collection.js';

/** The engine answers earlier when the load has ended. */
const PROGRESS_WAIT_MS = 1000;

export class Loading extends Collection {
  async loadCollectionAsync(data: LoadCollectionReq): Promise<ResStatus> {
    checkCollectionName(data);
    return this.call('LoadCollection', data, data);
  }

  /** Loads and waits until it is searchable. */
  async loadCollection(data: LoadCollectionReq): Promise<ResStatus> {
    const status = await this.loadCollectionAsync(data);
    const { collection_name, db_name } = data;
    return this.untilLoaded(status, { collection_name, db_name }, data);
  }
  loadCollectionSync = this.loadCollection;
  load_collection = this.loadCollection;

  async refreshLoad(data: RefreshLoadReq): Promise<ResStatus> {
    return this.loadCollectionAsync({ ...data, refresh: true });
  }

  async releaseCollection(data: ReleaseLoadCollectionReq): Promise<ResStatus> {
    checkCollectionName(data);
    return this.call('ReleaseCollection', data, data);
  }

  async getLoadingProgress(data: GetLoadingProgressReq): Promise<GetLoadingProgressResponse> {
    if (!data?.collection_name) throw new Error(ERROR_REASONS.COLLECTION_NAME_IS_REQUIRED);
    return this.call('GetLoadingProgress', data, data);
  }

  async getLoadState(data: GetLoadStateReq): Promise<GetLoadStateResponse> {
    if (!data?.collection_name) throw new Error(ERROR_REASONS.COLLECTION_NAME_IS_REQUIRED);
    return this.call('GetLoadState', data, data);
  }
  getCollectionLoadState = this.getLoadState;

  async getReplicas(data: GetReplicaReq): Promise<ReplicasResponse> {
    if (!data?.collectionID) throw new Error(ERROR_REASONS.COLLECTION_ID_IS_REQUIRED);
    return this.call('GetReplicas', data, data);
  }
  describeReplicas = this.getReplicas;

  /** Throws what refused or broke the load; answers its status when the progress is 100. */
  protected async untilLoaded(status: ResStatus, what: GetLoadingProgressReq, options: CallOptions): Promise<ResStatus> {
    if (status.error_code !== ErrorCode.SUCCESS) throw failure(status);
    for (;;) {
      options.signal?.throwIfAborted();
      const waiting = { ...what, wait_ms: PROGRESS_WAIT_MS };
      const progress = await this.call<GetLoadingProgressResponse>('GetLoadingProgress', waiting, { signal: options.signal });
      if (progress.status.error_code !== ErrorCode.SUCCESS) throw failure(progress.status);
      if (Number(progress.progress) >= 100) return status;
    }
  }
}
