// Flush, compaction, segments and metrics.

import { ERROR_REASONS, ErrorCode } from '../const/index.js';
import { checkCollectionName } from '../format/validate.js';
import { sleep } from '../format/values.js';
import type {
  CompactReq,
  CompactionResponse,
  FlushAllReq,
  FlushAllResponse,
  FlushReq,
  FlushResult,
  GePersistentSegmentInfoReq,
  GePersistentSegmentInfoResponse,
  GetCompactionPlansReq,
  GetCompactionPlansResponse,
  GetCompactionStateReq,
  GetCompactionStateResponse,
  GetFlushAllStateReq,
  GetFlushAllStateResponse,
  GetFlushStateReq,
  GetFlushStateResponse,
  GetMetricsRequest,
  GetMetricsResponse,
  GetQuerySegmentInfoReq,
  GetQuerySegmentInfoResponse,
} from '../types/index.js';
import { Iterators } from './iterators.js';

const POLL_MS = 20;

export class Segments extends Iterators {
  async flush(data: FlushReq): Promise<FlushResult> {
    if (!Array.isArray(data?.collection_names) || !data.collection_names.length) {
      throw new Error(ERROR_REASONS.COLLECTION_NAME_IS_REQUIRED);
    }
    return this.call('Flush', data, data);
  }

  /** Flushes and waits until the segments are sealed. */
  async flushSync(data: FlushReq): Promise<GetFlushStateResponse> {
    const flushed = await this.flush(data);
    const segmentIDs = Object.values<{ data: string[] }>(flushed.coll_segIDs).flatMap(ids => ids.data);
    for (;;) {
      const state = await this.getFlushState({ segmentIDs, db_name: data.db_name, timeout: data.timeout, signal: data.signal });
      if (state.flushed || state.status.error_code !== ErrorCode.SUCCESS) return state;
      await sleep(POLL_MS);
    }
  }

  async getFlushState(data: GetFlushStateReq): Promise<GetFlushStateResponse> {
    if (!data || (!data.segmentIDs && !data.collection_name && !data.flush_ts)) {
      throw new Error(ERROR_REASONS.GET_FLUSH_STATE_CHECK_PARAMS);
    }
    return this.call('GetFlushState', data, data);
  }

  async flushAll(data?: FlushAllReq): Promise<FlushAllResponse> {
    return this.call('FlushAll', data ?? {}, data);
  }

  async flushAllSync(data?: FlushAllReq): Promise<GetFlushAllStateResponse> {
    const { flush_all_ts, flush_all_tss } = await this.flushAll(data);
    for (;;) {
      const state = await this.getFlushAllState({ flush_all_ts, flush_all_tss, timeout: data?.timeout, signal: data?.signal });
      if (state.status.error_code !== ErrorCode.SUCCESS) throw new Error(state.status.reason);
      if (state.flushed) return state;
      await sleep(POLL_MS);
    }
  }

  async getFlushAllState(data: GetFlushAllStateReq): Promise<GetFlushAllStateResponse> {
    if (!data || (!data.flush_all_ts && !data.flush_all_tss)) throw new Error(ERROR_REASONS.GET_FLUSH_ALL_STATE_CHECK_PARAMS);
    return this.call('GetFlushAllState', data, data);
  }

  async compact(data: CompactReq): Promise<CompactionResponse> {
    checkCollectionName(data);
    const { collection_name, db_name, timeout, signal } = data;
    const { collectionID } = await this.describeCollection({ collection_name, db_name, timeout, signal });
    return this.call('ManualCompaction', { ...data, collectionID }, data);
  }

  async getCompactionState(data: GetCompactionStateReq): Promise<GetCompactionStateResponse> {
    if (!data?.compactionID) throw new Error(ERROR_REASONS.COMPACTION_ID_IS_REQUIRED);
    return this.call('GetCompactionState', data, data);
  }

  async getCompactionStateWithPlans(data: GetCompactionPlansReq): Promise<GetCompactionPlansResponse> {
    if (!data?.compactionID) throw new Error(ERROR_REASONS.COMPACTION_ID_IS_REQUIRED);
    return this.call('GetCompactionStateWithPlans', data, data);
  }

  async getQuerySegmentInfo(data: GetQuerySegmentInfoReq): Promise<GetQuerySegmentInfoResponse> {
    if (!data?.collectionName) throw new Error(ERROR_REASONS.COLLECTION_NAME_IS_REQUIRED);
    return this.call('GetQuerySegmentInfo', { ...data, db_name: data.dbName }, data);
  }

  async getPersistentSegmentInfo(data: GePersistentSegmentInfoReq): Promise<GePersistentSegmentInfoResponse> {
    if (!data?.collectionName) throw new Error(ERROR_REASONS.COLLECTION_NAME_IS_REQUIRED);
    return this.call('GetPersistentSegmentInfo', { ...data, db_name: data.dbName }, data);
  }

  async getMetric(data: GetMetricsRequest): Promise<GetMetricsResponse> {
    if (!data?.request?.metric_type) throw new Error(ERROR_REASONS.GET_METRIC_CHECK_PARAMS);
    const reply = await this.call<GetMetricsResponse & { response: string }>('GetMetrics', { request: JSON.stringify(data.request) }, data);
    return { ...reply, response: reply.response ? (JSON.parse(reply.response) as unknown) : undefined };
  }
}
