// Large results page by page.

import { CLUSTER_ID, DEFAULT_MAX_SEARCH_SIZE, ErrorCode, NO_LIMIT } from '../const/index.js';
import { MilvusError } from '../errors.js';
import { getQueryIteratorExpr, hasElementFilterExpression } from '../format/expressions.js';
import type { FieldValues, QueryIteratorReq, QueryReq, SearchIteratorReq, SearchResultData, SearchSimpleReq } from '../types/index.js';
import { Reads } from './reads.js';

/** What a page iterator ends with; `for await` never sees it. */
type End<T> = T[] | null;
/** Of rows that can be taken for whatever the program knows that they are, as `FieldValues`. */
type Pages = AsyncIterable<any[]> & { currentTotal?: number };

export class Iterators extends Reads {
  /** All hits in batches, the nearest first and none twice, whatever the index. `external_filter_fn` drops some of each batch. */
  async searchIterator(param: SearchIteratorReq): Promise<Pages> {
    const { collection_name, db_name, cluster_id, exprValues, timeout, signal } = param;
    const common = { collection_name, db_name, timeout, signal };
    const { data: count } = await this.count({ ...common, cluster_id, expr: String(param.expr || param.filter || ''), exprValues });
    const { schema, collectionID } = await this.describeCollection(common);
    const limit = !param.limit || param.limit === NO_LIMIT ? count : param.limit;
    const total = Math.min(limit, count);
    let batchSize = Math.min(param.batchSize, total, DEFAULT_MAX_SEARCH_SIZE);
    let found = 0;
    const params: Record<string, unknown> = {
      ...param.params,
      ...(cluster_id && { [CLUSTER_ID]: cluster_id }),
      iterator: true,
      search_iter_v2: true,
      search_iter_batch_size: batchSize,
      guarantee_timestamp: 0,
      collection_id: collectionID,
    };
    const key = (schema.fields.find(field => field.is_primary_key) ?? schema.fields[0])?.name ?? '';
    const showsKey = !param.output_fields || param.output_fields.some(name => name === '*' || name === key);
    const output_fields = showsKey ? param.output_fields : [...param.output_fields!, key];
    // A key may have several rows, and rows may be replaced while pages are read.
    const given = new Set<string>();
    const isNew = (hit: SearchResultData): boolean => {
      const id = String(hit[key]);
      if (!showsKey) delete hit[key];
      return !given.has(id) && !!given.add(id);
    };
    const next = async (): Promise<IteratorResult<SearchResultData[], End<SearchResultData>>> => {
      while (found < total) {
        const page = await this.search({ ...param, output_fields, params, limit: batchSize } as SearchSimpleReq);
        // Who goes through all must not take a part for it.
        if (page.status.error_code !== ErrorCode.SUCCESS) throw new MilvusError(page.status);
        const hits = page.results as SearchResultData[];
        if (hits.length === 0) return { done: true, value: hits };
        const fresh = hits.filter(isNew);
        found += fresh.length;
        batchSize = Math.min(batchSize, total - found);
        const state = page.search_iterator_v2_results;
        if (!state || (fresh.length === 0 && state.token === params.search_iter_id)) {
          throw new Error(`the search iterator of ${collection_name} does not get on: its parameters belong into params`);
        }
        params.search_iter_id = state.token;
        // JSON has no infinity.
        params.search_iter_last_bound = String(state.last_bound);
        params.guarantee_timestamp = page.session_ts;
        params.search_iter_batch_size = batchSize;
        if (fresh.length > 0) return { done: false, value: param.external_filter_fn ? fresh.filter(param.external_filter_fn) : fresh };
      }
      return { done: true, value: null };
    };
    return { [Symbol.asyncIterator]: () => ({ next }) };
  }

  /** Rows in batches, in primary-key order. */
  async queryIterator(data: QueryIteratorReq): Promise<Pages> {
    const { collection_name, db_name, cluster_id, exprValues, timeout, signal } = data;
    const common = { collection_name, db_name, timeout, signal };
    const expr = String(data.expr || data.filter || '');
    const byElement = hasElementFilterExpression(expr);
    const { schema, collectionID } = await this.describeCollection(common);
    const pkField = schema.fields.find(field => field.is_primary_key) ?? schema.fields[0];
    const { data: count } = await this.count({ ...common, cluster_id, expr, exprValues });
    const limit = !data.limit || data.limit === NO_LIMIT ? count : data.limit;
    const total = Math.min(limit, count);
    const batchSize = Math.min(data.batchSize, DEFAULT_MAX_SEARCH_SIZE);
    let size = Math.min(batchSize, total);
    let found = 0;
    let last: FieldValues[] = [];
    let lastPKId: string | undefined;
    let lastElementOffset: string | number | undefined;
    const params = (): Record<string, unknown> | undefined => {
      if (!byElement) return data.params;
      const cursor = lastElementOffset !== undefined && { query_iter_last_pk: lastPKId, query_iter_last_element_offset: lastElementOffset };
      return { ...data.params, iterator: true, collection_id: collectionID, ...cursor };
    };
    const next = async (): Promise<IteratorResult<FieldValues[], End<FieldValues>>> => {
      if (found >= total) return { done: true, value: last };
      const page = { ...data, filter: undefined, limit: size, params: params() };
      const { data: rows, status } = await this.query({ ...page, expr: getQueryIteratorExpr({ expr, pkField, lastPKId, lastElementOffset }) } as QueryReq);
      if (status.error_code !== ErrorCode.SUCCESS) throw new MilvusError(status);
      const end = rows.at(-1);
      if (!end) return { done: true, value: null };
      lastPKId = end[pkField?.name ?? ''] as string;
      lastElementOffset = byElement ? (end.offset as string | number) : undefined;
      last = rows;
      found += rows.length;
      iterator.currentTotal = found;
      size = Math.min(batchSize, total - found);
      return { done: false, value: rows };
    };
    const iterator = { currentTotal: 0, next };
    return { currentTotal: 0, [Symbol.asyncIterator]: () => iterator };
  }
}
