// Query vectors and query texts as bytes.

import { PlaceholderType } from '../const/index.js';
import type { FieldSchema, SearchData, SparseFloatVector } from '../types/index.js';
import {
  f32ArrayToBf16Bytes,
  f32ArrayToBinaryBytes,
  f32ArrayToF16Bytes,
  f32ArrayToInt8Bytes,
  sparseToBytes,
} from '../vectors.js';
import { rangeSteps, type Steps } from '../steps.js';
import { bytesOf } from '../wire/batch.js';
import { PackedBytes } from '../wire/packed-bytes.js';

export interface Placeholders {
  bytes: Uint8Array<ArrayBuffer>;
  /** Where each query starts, and where the last one ends; only where queries differ in size. */
  offsets?: number[];
}

export function* encodePlaceholders(queries: SearchData[], field: FieldSchema, type: PlaceholderType): Steps<Placeholders> {
  // As in the SDK, something that is no list fails here in the way of `map`.
  const list = queries as { map: SearchData[]['map'] };
  if (typeof list.map !== 'function') throw new TypeError('data.map is not a function');
  const encode = field.is_function_output ? (text: SearchData) => new TextEncoder().encode(String(text)) : encoderOf(type, field.name);
  const varying = field.is_function_output || type === PlaceholderType.SparseFloatVector || type >= PlaceholderType.EmbListBinaryVector;
  const [first] = queries;
  const size = first === undefined ? 0 : encode(first).byteLength;
  const all = varying ? new PackedBytes() : new PackedBytes(queries.length * size);
  yield* rangeSteps(queries.length, queries.length * size, ({ start, end }) => {
    for (const query of queries.slice(start, end)) {
      const bytes = encode(query);
      if (!varying && bytes.byteLength !== size) {
        const expected = `expected all of ${String(field.dim)} numbers`;
        throw new Error(`Search fail: the query vectors of field "${field.name}" differ in length; ${expected}.`);
      }
      all.pushBytes(bytes);
    }
  });
  return varying ? { bytes: all.data, offsets: Array.from(all.offsets) } : { bytes: all.data };
}

type Encode = (query: SearchData) => Uint8Array;

/** Of one vector at a time, in the same place: making an array for each of many would take longer than filling it. */
function floatBytes(): (vector: ArrayLike<number>) => Uint8Array {
  let floats = new Float32Array(0);
  return vector => {
    if (vector instanceof Float32Array) return bytesOf(vector);
    if (floats.length !== vector.length) floats = new Float32Array(vector.length);
    floats.set(vector);
    return bytesOf(floats);
  };
}

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
      return numbers(floatBytes());
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
