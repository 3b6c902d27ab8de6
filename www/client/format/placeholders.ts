// Query vectors and query texts as bytes.

import { PlaceholderType } from '../const/index.js';
import type { FieldSchema, SearchData, SparseFloatVector } from '../types/index.js';
import {
  concatBytes,
  f32ArrayToBf16Bytes,
  f32ArrayToBinaryBytes,
  f32ArrayToF16Bytes,
  f32ArrayToF32Bytes,
  f32ArrayToInt8Bytes,
  sparseToBytes,
} from '../vectors.js';
import { bytesOf } from '../wire/batch.js';

export interface Placeholders {
  bytes: Uint8Array<ArrayBuffer>;
  /** Where each query starts, and where the last one ends; only where queries differ in size. */
  offsets?: number[];
}

export function encodePlaceholders(queries: SearchData[], field: FieldSchema, type: PlaceholderType): Placeholders {
  // As in the SDK, something that is no list fails here in the way of `map`.
  const list = queries as { map: SearchData[]['map'] };
  if (typeof list.map !== 'function') throw new TypeError('data.map is not a function');
  const encode = field.is_function_output ? (text: SearchData) => new TextEncoder().encode(String(text)) : encoderOf(type, field.name);
  const parts = queries.map(encode);
  const sizes = new Set(parts.map(part => part.byteLength));
  const bytes = concatBytes(parts);
  const varying = field.is_function_output || type === PlaceholderType.SparseFloatVector || type >= PlaceholderType.EmbListBinaryVector;
  if (!varying && sizes.size <= 1) return { bytes };
  if (!varying) {
    throw new Error(`Search fail: the query vectors of field "${field.name}" differ in length; expected all of ${String(field.dim)} numbers.`);
  }
  let end = 0;
  return { bytes, offsets: [0, ...parts.map(part => (end += part.byteLength))] };
}

type Encode = (query: SearchData) => Uint8Array;

function encoderOf(type: PlaceholderType, field: string): Encode {
  const numbers = (convert: (vector: ArrayLike<number>) => Uint8Array): Encode => query => {
    if (!isNumbers(query)) {
      throw new TypeError(`Search fail: field "${field}" expects a vector of numbers, received ${JSON.stringify(query)?.slice(0, 60)}.`);
    }
    return convert(query);
  };
  /** Typed arrays of bytes are taken as they are. */
  const bytesOr = (convert: (vector: ArrayLike<number>) => Uint8Array): Encode => query =>
    query instanceof Uint8Array || query instanceof Int8Array ? bytesOf(query) : numbers(convert)(query);
  switch (type) {
    case PlaceholderType.FloatVector:
    case PlaceholderType.EmbListFloatVector:
      return numbers(vector => (vector instanceof Float32Array ? bytesOf(vector) : f32ArrayToF32Bytes(vector)));
    case PlaceholderType.BinaryVector:
    case PlaceholderType.EmbListBinaryVector:
      return numbers(f32ArrayToBinaryBytes);
    case PlaceholderType.BFloat16Vector:
    case PlaceholderType.EmbListBFloat16Vector:
      return bytesOr(f32ArrayToBf16Bytes);
    case PlaceholderType.Float16Vector:
    case PlaceholderType.EmbListFloat16Vector:
      return bytesOr(f32ArrayToF16Bytes);
    case PlaceholderType.Int8Vector:
    case PlaceholderType.EmbListInt8Vector:
      return bytesOr(f32ArrayToInt8Bytes);
    case PlaceholderType.SparseFloatVector:
      return query => sparseToBytes(query as SparseFloatVector);
    default:
      throw new Error(`Search fail: field "${field}" cannot be searched by vector.`);
  }
}

function isNumbers(query: SearchData): query is number[] {
  return (Array.isArray(query) && query.every(item => typeof item === 'number')) || (ArrayBuffer.isView(query) && !(query instanceof DataView));
}
