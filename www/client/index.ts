// elanus: Milvus for the browser.

export * from './const/index.js';
export { DeadlineExceeded, MilvusError } from './errors.js';
export { buildSearchAggregation, formatSearchAggregationResult } from './format/aggregation.js';
export { formatDescribedCol } from './format/describe.js';
export { formatExprValues, getPKFieldExpr, getQueryIteratorExpr } from './format/expressions.js';
export {
  assignTypeParams,
  buildDefaultSchema,
  formatCollectionSchema,
  formatFieldSchema,
  formatFunctionSchema,
  formatStructArrayFieldSchema,
  getDataKey,
} from './format/schema.js';
export {
  RRFRanker,
  WeightedRanker,
  buildHighlighter,
  buildSearchParams,
  convertRerankParams,
  createFunctionScore,
  formatSearchData,
  isHybridSearchRequest,
} from './format/search.js';
export * from './format/validate.js';
export * from './format/values.js';
export { MilvusClient } from './milvus-client.js';
export { buildDynamicRow } from './rows.js';
export type * from './types/index.js';
export {
  bf16BytesToF32Array,
  bytesToSparseRow,
  f16BytesToF32Array,
  f32ArrayToBf16Bytes,
  f32ArrayToBinaryBytes,
  f32ArrayToF16Bytes,
  f32ArrayToF32Bytes,
  f32ArrayToInt8Bytes,
  getSparseDim,
  getSparseFloatVectorType,
  int8VectorRowsToBytes,
  sparseRowsToBytes,
  sparseToBytes,
} from './vectors.js';
