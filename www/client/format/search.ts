// A search call as request and vectors: the SDK's defaults, aliases and checks.

import {
  CLUSTER_ID,
  DEFAULT_TOPK,
  DataType,
  DataTypeMap,
  DslType,
  ERROR_REASONS,
  PlaceholderType,
  RANKER_TYPE,
} from '../const/index.js';
import type {
  AnySearchReq,
  DescribeCollectionResponse,
  FieldSchema,
  FunctionObject,
  FunctionScore,
  Highlighter,
  HybridSearchReq,
  HybridSearchSingleReq,
  KeyValuePair,
  PrimaryKeys,
  RerankerObj,
  SearchData,
  SearchReq,
  SearchSimpleReq,
} from '../types/index.js';
import type { Steps } from '../steps.js';
import { toInt64 } from '../wire/int64.js';
import { getSparseFloatVectorType } from '../vectors.js';
import { buildSearchAggregation } from './aggregation.js';
import { formatExprValues } from './expressions.js';
import { encodePlaceholders, type Placeholders } from './placeholders.js';
import { cloneObj, normalizeOrderByFields, parseToKeyValue } from './values.js';

type Rerank = RerankerObj | FunctionObject | FunctionScore | undefined;
type Pairs = KeyValuePair<string, unknown>[];
/** Every key that one of the request forms has. */
type Loose = Omit<Partial<SearchReq>, 'search_params'> &
  Omit<Partial<SearchSimpleReq>, 'data'> & {
    data?: unknown;
    search_params?: Partial<SearchReq['search_params']>;
    group_by_fields?: unknown;
  };

export function RRFRanker(k = 60): RerankerObj {
  return { strategy: RANKER_TYPE.RRF, params: { k } };
}

export function WeightedRanker(weights: number[]): RerankerObj {
  return { strategy: RANKER_TYPE.WEIGHTED, params: { weights } };
}

export function convertRerankParams(rerank: RerankerObj): { strategy: string; params: string } {
  const copy = cloneObj(rerank);
  return { ...copy, params: JSON.stringify(copy.params) };
}

export function buildHighlighter(highlighter: Highlighter): { type: number; params: KeyValuePair<string, string>[] } {
  const { type, ...rest } = highlighter;
  return { type, params: parseToKeyValue(rest, true) };
}

function isFunctionScore(rerank: Rerank): rerank is FunctionScore {
  return !!rerank && typeof rerank === 'object' && 'functions' in rerank && Array.isArray(rerank.functions) && typeof rerank.params === 'object' && rerank.params !== null;
}

function scoreFunction(func: FunctionObject): object {
  return {
    ...func,
    input_field_names: func.input_field_names || [],
    output_field_names: func.output_field_names || [],
    params: parseToKeyValue(func.params, true),
  };
}

export function createFunctionScore(rerank: Rerank): { function_score?: { functions: object[]; params: Pairs } } {
  if (isFunctionScore(rerank)) {
    return { function_score: { functions: rerank.functions.map(scoreFunction), params: parseToKeyValue(rerank.params, true) } };
  }
  if (rerank && typeof rerank === 'object' && 'type' in rerank) {
    return { function_score: { functions: [scoreFunction(rerank)], params: [] } };
  }
  return {};
}

/** The first of the list names the field it searches. */
export function isHybridSearchRequest(params: AnySearchReq | null | undefined): params is HybridSearchReq {
  const data = (params as Loose | null | undefined)?.data;
  const first: unknown = Array.isArray(data) ? data[0] : undefined;
  return !!(first && typeof first === 'object' && 'anns_field' in first && first.anns_field);
}

export function buildSearchParams(data: Partial<SearchSimpleReq>, anns_field?: string): Record<string, unknown> {
  const search_params: Record<string, unknown> = {
    anns_field: data.anns_field || anns_field,
    params: JSON.stringify(data.params ?? {}),
    topk: data.limit ?? data.topk ?? DEFAULT_TOPK,
    offset: data.offset ?? 0,
    metric_type: data.metric_type ?? '',
    ignore_growing: data.ignore_growing ?? false,
  };
  if (data.group_by_field) search_params.group_by_field = data.group_by_field;
  if (data.strict_group_size) search_params.strict_group_size = data.strict_group_size;
  if (data.group_size) search_params.group_size = data.group_size;
  if (data.hints) search_params.hints = data.hints;
  Object.assign(search_params, data.params);
  const order = normalizeOrderByFields(data.order_by_fields);
  if (order !== undefined) search_params.order_by_fields = order;
  return search_params;
}

/** Always a list of queries. */
export function formatSearchData(
  data: SearchData | SearchData[],
  field: { is_function_output?: boolean; _placeholderType?: number }
): SearchData[] {
  if (field.is_function_output) return Array.isArray(data) ? (data as SearchData[]) : [data as SearchData];
  switch (field._placeholderType) {
    case PlaceholderType.EmbListSparseFloatVector:
      throw new Error('Sparse embedding list search is not supported');
    case PlaceholderType.EmbListFloatVector:
    case PlaceholderType.EmbListBinaryVector:
    case PlaceholderType.EmbListFloat16Vector:
    case PlaceholderType.EmbListBFloat16Vector:
    case PlaceholderType.EmbListInt8Vector: {
      const first: unknown = Array.isArray(data) ? data[0] : undefined;
      const many = Array.isArray(first) && (Array.isArray(first[0]) || ArrayBuffer.isView(first[0]));
      return (many ? (data as SearchData[]) : [data as SearchData]).map(list => (list as number[][]).flatMap(vector => Array.from(vector)));
    }
    case PlaceholderType.FloatVector:
    case PlaceholderType.BinaryVector:
    case PlaceholderType.Float16Vector:
    case PlaceholderType.BFloat16Vector:
    case PlaceholderType.Int8Vector:
      if (!Array.isArray(data)) return [data as SearchData];
      break;
    case PlaceholderType.SparseFloatVector:
      break;
    default:
      return data as SearchData[];
  }
  return getSparseFloatVectorType(data) === 'unknown' ? (data as SearchData[]) : [data as SearchData];
}

export interface SearchCall {
  method: 'Search' | 'HybridSearch';
  body: Record<string, unknown>;
  blobs: Uint8Array<ArrayBuffer>[];
  nq: number;
  round_decimal?: number;
  aggregates: boolean;
}

function checkAggregation(request: Loose, hybrid: boolean): void {
  if (!request.search_aggregation) return;
  const refuse = (reason: string): never => {
    throw new Error(reason);
  };
  if (hybrid) refuse('search_aggregation is not supported for hybrid search');
  if (request.highlighter) refuse('highlighter and search_aggregation cannot be used simultaneously');
  const given = (key: string): boolean =>
    [request.params, request.search_params].some(source => {
      const value = source?.[key];
      return Array.isArray(value) ? value.length > 0 : value !== undefined && value !== null && String(value).trim().length > 0;
    });
  if (request.group_by_field || given('group_by_field')) refuse('search_aggregation and group_by_field are mutually exclusive');
  const fields = request.group_by_fields;
  if ((Array.isArray(fields) && fields.length > 0) || given('group_by_fields')) {
    refuse('search_aggregation and group_by_fields are mutually exclusive');
  }
  const offset = request.offset ?? request.params?.offset ?? request.search_params?.offset;
  if (Number(offset || 0) > 0) refuse('offset is not supported with search_aggregation');
}

function withoutOrder<T extends object>(request: T): T {
  const copy = { ...request } as T & { order_by_fields?: unknown; order_by?: unknown };
  delete copy.order_by_fields;
  delete copy.order_by;
  return copy;
}

function subRequests(params: Loose, hybrid: boolean, collection: DescribeCollectionResponse): Loose[] {
  if (!hybrid) {
    const data = params.vectors || params.vector || params.data;
    return [{ ...params, data, anns_field: params.anns_field || Object.keys(collection.anns_fields || {})[0] }];
  }
  const plain = (request: Loose): Loose => {
    const copy = withoutOrder(request);
    return copy.params ? { ...copy, params: withoutOrder(copy.params) } : copy;
  };
  return (params.data as HybridSearchSingleReq[]).map(single => ({ ...plain(params), ...plain(single as Loose) }));
}

function checkIds(ids: unknown[], pk: FieldSchema | undefined): object {
  if (!pk) throw new Error('Primary field not found. Cannot use ids parameter without primary field.');
  switch (pk.dataType || DataTypeMap[pk.data_type]) {
    case DataType.Int64:
      if (!ids.every(id => toInt64(id) !== undefined || (typeof id === 'string' && !Number.isNaN(Number(id))))) {
        throw new Error(`The type of ids should be integer/string number because the primary key field ${pk.name} is Int64.`);
      }
      return { int_id: { data: ids } };
    case DataType.VarChar:
      if (!ids.every(id => typeof id === 'string')) {
        throw new Error(`The type of ids should be string because the primary key field ${pk.name} is VarChar.`);
      }
      return { str_id: { data: ids } };
    default:
      throw new Error(`The primary key field ${pk.name} has unsupported type for ID search.`);
  }
}

function listOf(ids: PrimaryKeys | undefined): unknown[] {
  return ids ? Array.from(ids as ArrayLike<unknown>) : [];
}

/** Structs of vectors are searched with lists of vectors, unless their metric is a plain one. */
function placeholderTypeOf(field: FieldSchema, data: unknown): PlaceholderType {
  const own = field._placeholderType as PlaceholderType;
  if (field.is_function_output) return own;
  const metric = field.index_params?.find(param => param.key === 'metric_type')?.value;
  const plainMetric = metric !== undefined && !String(metric).startsWith('MAX_SIM');
  const isList = own >= PlaceholderType.EmbListBinaryVector && Array.isArray(data) && Array.isArray(data[0]);
  return isList && !plainMetric ? own : ((field.dataType || DataTypeMap[field.data_type]) as number);
}

interface Built {
  body: Record<string, unknown>;
  vectors?: Placeholders;
}

function* buildOne(params: Loose, request: Loose, collection: DescribeCollectionResponse): Steps<Built> {
  const field = collection.anns_fields?.[request.anns_field ?? ''];
  if (!field) throw new Error(ERROR_REASONS.NO_ANNS_FEILD_FOUND_IN_SEARCH);
  const ids = listOf(request.ids ?? params.ids);
  const idsBody = ids.length > 0 ? checkIds(ids, collection.schema.fields.find(f => f.is_primary_key)) : undefined;
  if (!idsBody && !request.data) throw new Error('Search data is required');
  const placeholderType = placeholderTypeOf(field, request.data);
  const queries = idsBody
    ? []
    : formatSearchData(request.data as SearchData | SearchData[], {
        is_function_output: field.is_function_output,
        _placeholderType: placeholderType,
      });
  const body: Record<string, unknown> = {
    collection_name: params.collection_name,
    partition_names: params.partition_names || [],
    output_fields: params.output_fields || ['*'],
    nq: idsBody ? ids.length : params.nq || queries.length,
    dsl: String(request.expr || params.expr || params.filter || ''),
    dsl_type: DslType.BoolExprV1,
    search_params: parseToKeyValue(params.search_params || buildSearchParams(request as Partial<SearchSimpleReq>, request.anns_field)),
    consistency_level: params.consistency_level || collection.consistency_level,
  };
  if (params.search_aggregation) body.search_aggregation = buildSearchAggregation(params.search_aggregation);
  if (request.exprValues) body.expr_template_values = formatExprValues(request.exprValues);
  if (idsBody) {
    body.ids = idsBody;
    return { body };
  }
  const vectors = yield* encodePlaceholders(queries, field, placeholderType);
  body.placeholder_type = placeholderType;
  if (vectors.offsets) body.placeholder_offsets = vectors.offsets;
  return { body, vectors };
}

export function* buildSearchCall(search: AnySearchReq, collection: DescribeCollectionResponse): Steps<SearchCall> {
  const params = search as Loose;
  const hybrid = isHybridSearchRequest(search);
  checkAggregation(params, hybrid);
  const built: Built[] = [];
  for (const request of subRequests(params, hybrid, collection)) built.push(yield* buildOne(params, request, collection));
  const requests = built.map(one => one.body);
  const first = requests[0]!;
  const given = params.search_params?.round_decimal ?? params.params?.round_decimal ?? -1;
  const round_decimal = given === -1 ? undefined : (given as number);
  const cluster = params.cluster_id ? [{ key: CLUSTER_ID, value: params.cluster_id }] : [];
  const { rerank } = params;
  const highlighter = params.highlighter ? { highlighter: buildHighlighter(params.highlighter) } : {};
  const call = {
    blobs: built.map(one => one.vectors?.bytes ?? new Uint8Array(0)),
    nq: first.nq as number,
    round_decimal,
    aggregates: !!params.search_aggregation,
  };
  if (!hybrid) {
    first.search_params = [...(first.search_params as Pairs), ...cluster];
    return { ...call, method: 'Search', body: { ...first, ...createFunctionScore(rerank), ...highlighter } };
  }
  const body = {
    collection_name: params.collection_name,
    partition_names: params.partition_names,
    requests,
    output_fields: first.output_fields,
    consistency_level: first.consistency_level,
    ...createFunctionScore(rerank),
    rank_params: [
      ...rankParams(rerank),
      { key: 'round_decimal', value: given },
      { key: 'limit', value: params.limit ?? params.topk ?? DEFAULT_TOPK },
      { key: 'offset', value: params.offset ?? 0 },
      ...cluster,
    ],
    ...highlighter,
  };
  return { ...call, method: 'HybridSearch', body };
}

/** A strategy; reciprocal rank fusion when nothing is said. */
function rankParams(rerank: Rerank): Pairs {
  if (rerank && typeof rerank === 'object') {
    if ('strategy' in rerank) return parseToKeyValue(convertRerankParams(rerank));
    if ('type' in rerank || isFunctionScore(rerank)) return [];
  }
  return parseToKeyValue(convertRerankParams(RRFRanker()));
}
