// Search, query, get and count: straight to the nodes that hold the collection.

import type { NodeReply } from '../connection/routes.js';
import { CLUSTER_ID, DEFAULT_COUNT_QUERY_STRING, DEFAULT_TOPK, ErrorCode } from '../const/index.js';
import { failure } from '../errors.js';
import { formatSearchAggregationResult } from '../format/aggregation.js';
import { formatExprValues, primaryKeysExpr } from '../format/expressions.js';
import { buildSearchCall, type SearchCall } from '../format/search.js';
import { checkCollectionName } from '../format/validate.js';
import { normalizeOrderByFields, parseToKeyValue } from '../format/values.js';
import { cutScores, querySteps, searchSteps, type QueryPage, type SearchPage, type SearchWindow } from '../results.js';
import { inSteps, type Steps } from '../steps.js';
import type {
  AnySearchReq,
  CountReq,
  CountResult,
  DetermineAggregationResultsType,
  DetermineResultsType,
  GetReq,
  KeyValuePair,
  OutputTransformers,
  QueryReq,
  QueryResults,
  SearchResults,
} from '../types/index.js';
import { Mutations } from './mutations.js';

export class Reads extends Mutations {
  /** Hits of one query as a flat list, of several as one list each. */
  async search<T extends AnySearchReq>(params: T): Promise<SearchResults<T>> {
    return this.#search(params, true);
  }
  hybridSearch = this.search;

  async #search<T extends AnySearchReq>(params: T, cache: boolean): Promise<SearchResults<T>> {
    const { collection_name, db_name, timeout, signal } = params ?? {};
    const collection = await this.describeCollection({ collection_name, db_name, cache, timeout, signal });
    if (collection.status.error_code !== ErrorCode.SUCCESS) {
      return { status: collection.status, results: [] as unknown as DetermineResultsType<T>, recalls: [], session_ts: -1, collection_name };
    }
    let call: SearchCall;
    try {
      call = await inSteps(buildSearchCall(params, collection));
    } catch (error) {
      if (!cache) throw error;
      // What does not fit a collection that is remembered may fit the one that has its name now.
      return this.#search(params, false);
    }
    const { method, body, blobs } = call;
    const { transformers, partition_names } = params as { transformers?: OutputTransformers; partition_names?: string[] };
    const window = searchWindow(body);
    const bodyFor = (nodes: number): object => (nodes === 1 && !window.iterates ? body : { ...body, merge: true });
    const unpack = function* (replies: NodeReply[]): Steps<SearchPage> {
      const page = yield* searchSteps(replies, window, transformers);
      if (call.round_decimal) yield* cutScores(page, call.round_decimal);
      return page;
    };
    const page = await this.read({ method, collection_name, db_name, partition_names, bodyFor, blobs }, unpack, params);
    // The description may be older than the collection (another tab may have made it anew): look again next time.
    if (page.status.error_code !== ErrorCode.SUCCESS) this.forgetCollection({ collection_name, db_name });
    return this.#searchResults(params, page, call);
  }

  #searchResults<T extends AnySearchReq>(params: T, page: SearchPage, call: { nq: number; aggregates: boolean }): SearchResults<T> {
    const { status, results, hits } = page;
    const { collection_name } = params;
    const iterator = results && {
      search_iterator_v2_results: results.search_iterator_v2_results,
      _search_iterator_v2_results: results.search_iterator_v2_results && 'search_iterator_v2_results',
    };
    const isEmpty = hits.every(list => list.length === 0);
    if (status.error_code !== ErrorCode.SUCCESS || !results || (isEmpty && !call.aggregates)) {
      const none = { search_iterator_v2_results: null, _search_iterator_v2_results: null };
      return { status, results: [], recalls: [], session_ts: -1, collection_name, ...(iterator ?? none) } as unknown as SearchResults<T>;
    }
    const perQuery = isEmpty ? [] : hits;
    const buckets = call.aggregates ? formatSearchAggregationResult({ results }) : undefined;
    return {
      status,
      results: (call.nq === 1 ? (perQuery[0] ?? []) : perQuery) as DetermineResultsType<T>,
      recalls: results.recalls ?? [],
      session_ts: page.session_ts as unknown as number,
      collection_name,
      all_search_count: (results.all_search_count ?? '0') as unknown as number,
      ...iterator,
      ...(buckets && { agg_buckets: (call.nq === 1 ? (buckets[0] ?? []) : buckets) as DetermineAggregationResultsType<T> }),
    } as SearchResults<T>;
  }

  async query(data: QueryReq): Promise<QueryResults> {
    checkCollectionName(data);
    const { collection_name, db_name, partition_names, consistency_level, limit, offset } = data;
    const window = {
      limit: typeof limit === 'number' ? limit : undefined,
      offset: typeof offset === 'number' ? offset : undefined,
    };
    const body = {
      collection_name,
      db_name,
      partition_names,
      consistency_level,
      expr: String(data.filter || data.expr || (await this.#idsExpr(data))),
      output_fields: data.output_fields || ['*'],
      query_params: parseToKeyValue(queryParams(data, window)).filter(pair => pair.value !== undefined),
      expr_template_values: data.exprValues && formatExprValues(data.exprValues),
    };
    const given = pairsOf(body.query_params);
    const bodyFor = (nodes: number): object => (nodes === 1 ? body : { ...body, query_params: wide(body.query_params, given), merge: true });
    const merged = { limit: count(given.limit), offset: count(given.offset) };
    const unpack = (replies: NodeReply[]): Steps<QueryPage> => querySteps(replies, merged, data.transformers);
    const { status, rows } = await this.read({ method: 'Query', collection_name, db_name, partition_names, bodyFor }, unpack, data);
    return { status, data: rows };
  }

  async #idsExpr(data: QueryReq): Promise<string> {
    if (!data.ids?.length) return '';
    const { collection_name, db_name, timeout, signal } = data;
    const collection = await this.describeCollection({ collection_name, db_name, timeout, signal });
    const name = await this.getPkFieldName(data, collection);
    const type = await this.getPkFieldType(data, collection);
    return inSteps(primaryKeysExpr(name, type, data.ids));
  }

  async get(data: GetReq): Promise<QueryResults> {
    return this.query(data);
  }

  async count(data: CountReq): Promise<CountResult> {
    const { collection_name, db_name, cluster_id, exprValues, timeout, signal } = data;
    const expr = data.filter || data.expr || '';
    const output_fields = [DEFAULT_COUNT_QUERY_STRING];
    const { status, data: rows } = await this.query({ collection_name, db_name, cluster_id, timeout, signal, expr, exprValues, output_fields });
    // The SDK fails here too, but says only that it cannot read a property of undefined.
    if (status.error_code !== ErrorCode.SUCCESS) throw failure(status);
    return { status, data: Number(rows[0]?.[DEFAULT_COUNT_QUERY_STRING]) };
  }
}

function queryParams(data: QueryReq, window: { limit?: number; offset?: number }): Record<string, unknown> {
  const params: Record<string, unknown> = { ...data.params };
  if (window.limit !== undefined) params.limit = window.limit;
  if (window.offset !== undefined) params.offset = window.offset;
  const { group_by_fields } = data;
  if (group_by_fields !== undefined) {
    if (!Array.isArray(group_by_fields)) throw new Error('Invalid group_by_fields format');
    if (group_by_fields.length > 0) params.group_by_fields = group_by_fields.join(',');
  }
  const order = normalizeOrderByFields(data.order_by_fields ?? data.order_by);
  if (order !== undefined) params.order_by_fields = order;
  if (data.cluster_id) params[CLUSTER_ID] = data.cluster_id;
  return params;
}

type Pairs = KeyValuePair<string, unknown>[];

/** Parameters by name. Those within the JSON of `params` win, as in the engine. */
function pairsOf(pairs: Pairs): Record<string, unknown> {
  const named = Object.fromEntries(pairs.map(({ key, value }) => [key, value]));
  return { ...named, ...nestedIn(named.params) };
}

/** Undefined for what is no JSON: the engine refuses it, in Milvus' words. */
function nestedIn(params: unknown): Record<string, unknown> | undefined {
  try {
    return typeof params === 'string' ? (JSON.parse(params) as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** A number that the engine would take; anything else is for it to refuse. */
function count(value: unknown): number | undefined {
  const number = value === undefined ? NaN : Number(value);
  return Number.isInteger(number) && number > 0 ? number : undefined;
}

/** For several nodes: each must give its rows from the first on, because the window is cut out of all of them together. */
function wide(pairs: Pairs, given: Record<string, unknown>): Pairs {
  const [limit, offset] = [count(given.limit), count(given.offset)];
  if (!limit || !offset) return pairs;
  const window = { limit: limit + offset, offset: 0 };
  const others = pairs.filter(({ key }) => !(key in window) && key !== 'params');
  const nested = nestedIn(given.params);
  const params = nested ? JSON.stringify({ ...nested, ...window }) : given.params;
  return [...others, ...parseToKeyValue(params === undefined ? window : { ...window, params })];
}

function searchWindow(body: Record<string, unknown>): SearchWindow {
  const given = pairsOf((body.rank_params ?? body.search_params) as Pairs);
  const limit = count(given.topk ?? given.limit) ?? DEFAULT_TOPK;
  const group_size = given.group_by_field ? (count(given.group_size) ?? 1) : undefined;
  const decimals = Number(given.round_decimal ?? -1);
  const window = { limit, offset: count(given.offset) ?? 0, group_size, round_decimal: decimals < 0 ? undefined : decimals };
  if (!/^(true|1)$/i.test(String(given.search_iter_v2))) return window;
  const last = given.search_iter_last_bound;
  const bound = last === undefined || last === null ? undefined : Math.fround(Number(last));
  return { ...window, limit: count(given.search_iter_batch_size) ?? limit, iterates: true, bound };
}
