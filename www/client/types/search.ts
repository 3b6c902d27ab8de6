// Vector search.

import type { ConsistencyLevelEnum, DataType, HighlightType, RANKER_TYPE } from '../const/index.js';
import type { AggregationBucket, SearchAggregation } from './aggregation.js';
import type { FunctionObject } from './collection.js';
import type { CallOptions, OrderByFields, collectionNameReq, keyValueObj, resStatusResponse } from './common.js';
import type { PrimaryKeys } from './data.js';
import type { BFloat16Vector, Float16Vector, Int8Vector, SparseFloatVector, SparseVectorDic, VectorTypes } from './data-types.js';

export interface LexicalHighlighter {
  type: HighlightType.Lexical;
  pre_tags?: string[];
  post_tags?: string[];
  fragment_offset?: number;
  fragment_size?: number;
  num_of_fragments?: number;
  highlight_query?: { type: string; field: string; text: string }[];
  highlight_search_text?: boolean;
}
export interface SemanticHighlighter {
  type: HighlightType.Semantic;
  queries: string[];
  input_fields: string[];
  pre_tags?: string[];
  post_tags?: string[];
  threshold?: number;
  highlight_only?: boolean;
  model_deployment_id?: string;
  max_client_batch_size?: number;
}
export type Highlighter = LexicalHighlighter | SemanticHighlighter;
export interface HighlightData {
  fragments: string[];
  scores: number[];
}
export type HighlightResult = Record<string, HighlightData>;

export interface SearchParam {
  anns_field: string;
  topk: string | number;
  metric_type: string;
  params: string;
  offset?: number;
  round_decimal?: number;
  ignore_growing?: boolean;
  group_by_field?: string;
  group_size?: number;
  strict_group_size?: boolean;
  order_by_fields?: OrderByFields;
  hints?: string;
  [key: string]: any;
}

export type SearchText = string;
export type SearchEmbList = VectorTypes[];
export type SearchVector = VectorTypes;
export type SearchData = SearchVector | SearchText | SearchEmbList;

/** Converts vectors that are stored as bytes on their way out. */
export type OutputTransformers = {
  [DataType.BFloat16Vector]?: (bf16bytes: Uint8Array) => BFloat16Vector;
  [DataType.Float16Vector]?: (f16: Uint8Array) => Float16Vector;
  [DataType.SparseFloatVector]?: (sparse: SparseVectorDic) => SparseFloatVector;
  [DataType.Int8Vector]?: (int8Vector: Int8Array) => Int8Vector;
};

export interface FunctionScore {
  functions: FunctionObject[];
  params: keyValueObj;
}
export type RerankerObj = {
  strategy: RANKER_TYPE | string;
  params: keyValueObj;
};

/** The old form of a request, with its `search_params` written out. */
export interface SearchReq extends collectionNameReq {
  anns_field?: string;
  partition_names?: string[];
  expr?: string;
  exprValues?: keyValueObj;
  search_params: SearchParam;
  vectors?: SearchData | SearchData[];
  output_fields?: string[];
  travel_timestamp?: string;
  vector_type: DataType.BinaryVector | DataType.FloatVector;
  nq?: number;
  consistency_level?: ConsistencyLevelEnum;
  transformers?: OutputTransformers;
  ids?: PrimaryKeys;
  highlighter?: Highlighter;
  search_aggregation?: SearchAggregation;
}

export interface SearchSimpleReq extends collectionNameReq {
  partition_names?: string[];
  anns_field?: string;
  /** One vector or text, or several. */
  data?: SearchData | SearchData[];
  /** Same as `data`. */
  vector?: SearchData | SearchData[];
  output_fields?: string[];
  limit?: number;
  topk?: number;
  offset?: number;
  filter?: string;
  expr?: string;
  exprValues?: keyValueObj;
  params?: keyValueObj;
  metric_type?: string;
  consistency_level?: ConsistencyLevelEnum;
  ignore_growing?: boolean;
  group_by_field?: string;
  group_size?: number;
  strict_group_size?: boolean;
  order_by_fields?: OrderByFields;
  hints?: string;
  round_decimal?: number;
  transformers?: OutputTransformers;
  rerank?: RerankerObj | FunctionObject | FunctionScore;
  nq?: number;
  /** Search with the vectors of these rows. */
  ids?: PrimaryKeys;
  highlighter?: Highlighter;
  search_aggregation?: SearchAggregation;
}

export type HybridSearchSingleReq = Pick<SearchParam, 'anns_field' | 'ignore_growing' | 'group_by_field'> &
  CallOptions & {
    data: SearchData;
    expr?: string;
    exprValues?: keyValueObj;
    params?: keyValueObj;
    transformers?: OutputTransformers;
  };

export type HybridSearchReq = Omit<
  SearchSimpleReq,
  'data' | 'vector' | 'vectors' | 'anns_field' | 'expr' | 'exprValues' | 'order_by_fields' | 'search_aggregation'
> & {
  data: HybridSearchSingleReq[];
  rerank?: RerankerObj | FunctionObject | FunctionScore;
};

export type AnySearchReq = SearchReq | SearchSimpleReq | HybridSearchReq;

export interface SearchIteratorReq
  extends Omit<SearchSimpleReq, 'vectors' | 'offset' | 'limit' | 'topk' | 'search_aggregation'> {
  limit?: number;
  batchSize: number;
  external_filter_fn?: (row: SearchResultData) => boolean;
}

/** One query gives a flat list of hits, several give one list each. */
type PerQuery<T, One> = T extends { vectors: [SearchData] }
  ? One[]
  : T extends { vectors: SearchData[] }
    ? One[][]
    : T extends { vector: SearchData }
      ? One[]
      : T extends { data: SearchData }
        ? One[]
        : T extends { data: SearchData[] }
          ? One[][]
          : One[];

export type DetermineResultsType<T> = PerQuery<T, SearchResultData>;
export type DetermineAggregationResultsType<T> = PerQuery<T, AggregationBucket>;

export interface SearchResultData {
  /** As of `FieldValues`. */
  [field: string]: any;
  score: number;
  id: string;
  offset?: number | string;
  highlight?: HighlightResult;
}

export interface SearchResults<T> extends resStatusResponse {
  results: DetermineResultsType<T>;
  recalls: number[];
  session_ts: number;
  collection_name: string;
  all_search_count?: number;
  search_iterator_v2_results?: Record<string, any>;
  _search_iterator_v2_results?: string;
  agg_buckets?: DetermineAggregationResultsType<T>;
}
