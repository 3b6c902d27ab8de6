// Load and release, of whole collections; their state and progress.

import { ERROR_REASONS, ErrorCode } from '../const/index.js';
import { failure } from '../errors.js';
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
import { Collection } from './collection.js';

/** The engine answers earlier when the load has ended. */
const PROGRESS_WAIT_MS = 1000;

/** By it a load is given up; it never leaves this file. */
const TICKET = 'elanus.ticket';

interface BegunLoad {
  status: ResStatus;
  /** None when there was nothing to do. */
  ticket: string | undefined;
}

export class Loading extends Collection {
  async loadCollectionAsync(data: LoadCollectionReq): Promise<ResStatus> {
    checkCollectionName(data);
    return (await this.beginLoad('LoadCollection', data, data)).status;
  }

  /** Loads and waits until it is searchable. Aborting gives the load up; what was loaded before stays as it was. */
  async loadCollection(data: LoadCollectionReq): Promise<ResStatus> {
    checkCollectionName(data);
    const { collection_name, db_name, signal, timeout } = data;
    await this.connected({ timeout, signal });
    const begun = await this.beginLoad('LoadCollection', data, { timeout });
    return this.untilLoaded(begun, { collection_name, db_name }, signal);
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

  protected async beginLoad(method: 'LoadCollection' | 'LoadPartitions', data: object, options: CallOptions): Promise<BegunLoad> {
    const status = await this.call<ResStatus>(method, data, options);
    const { [TICKET]: ticket, ...extra_info } = status.extra_info;
    return { status: { ...status, extra_info }, ticket };
  }

  /** Throws what refused or broke the load; answers its status when the progress is 100. */
  protected async untilLoaded({ status, ticket }: BegunLoad, what: GetLoadingProgressReq, signal?: AbortSignal): Promise<ResStatus> {
    if (status.error_code !== ErrorCode.SUCCESS) throw failure(status);
    try {
      for (;;) {
        signal?.throwIfAborted();
        const waiting = { ...what, ticket, wait_ms: PROGRESS_WAIT_MS };
        const progress = await this.call<GetLoadingProgressResponse>('GetLoadingProgress', waiting, { signal });
        if (progress.status.error_code !== ErrorCode.SUCCESS) throw failure(progress.status);
        if (Number(progress.progress) >= 100) return status;
      }
    } catch (error) {
      if (signal?.aborted && ticket) {
        const cancel = this.call('CancelLoad', { collection_name: what.collection_name, db_name: what.db_name, ticket });
        // Who aborts hears of that, and not of an engine that has gone together with the load.
        await cancel.catch(() => undefined);
      }
      throw error;
    }
  }
}
