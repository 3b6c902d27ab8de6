// Conversions of vectors between numbers and bytes: float32, float16, bfloat16, int8, binary and sparse.

import type { SparseFloatVector, SparseVectorCOO, SparseVectorCSR, SparseVectorDic } from './types/index.js';

type Numbers = ArrayLike<number>;

export function f32ArrayToF32Bytes(array: Numbers): Uint8Array {
  return new Uint8Array(new Float32Array(array).buffer);
}

export function f32ArrayToBinaryBytes(array: Numbers): Uint8Array {
  return Uint8Array.from(array);
}

/** A plain loop: the `from` of typed arrays is several times slower. */
function converted<T extends Uint16Array | Int8Array>(vector: Numbers, into: T, convert: (value: number) => number): Uint8Array {
  for (let i = 0; i < vector.length; i++) into[i] = convert(vector[i]!);
  return new Uint8Array(into.buffer);
}

const double = new Float64Array(1);
/** The lower one first. */
const wordsOfDouble = new Uint32Array(double.buffer);

/** Nearest half, ties to even; from 65520 on infinity. */
function toHalf(value: number): number {
  double[0] = value;
  const lower = wordsOfDouble[0]!;
  const upper = wordsOfDouble[1]!;
  const sign = (upper >>> 16) & 0x8000;
  const size = Math.abs(double[0]);
  if (Number.isNaN(size)) return 0x7e00;
  if (size >= 65520) return sign | 0x7c00;
  if (size < 2 ** -14) return sign | roundEven(size * 2 ** 24);
  const exponent = ((upper >>> 20) & 0x7ff) - 1023;
  return sign + ((exponent + 15) << 10) + roundEven((upper & 0xfffff) / 2 ** 10 + lower / 2 ** 42);
}

function roundEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}

function fromHalf(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

export function f32ArrayToF16Bytes(array: Numbers): Uint8Array {
  return converted(array, new Uint16Array(array.length), toHalf);
}

export function f16BytesToF32Array(f16Bytes: Uint8Array): number[] {
  return Array.from(new Uint16Array(f16Bytes.slice().buffer), fromHalf);
}

/** Keeps the upper half of each float32: no rounding, as Milvus' SDK. */
export function f32ArrayToBf16Bytes(array: Numbers): Uint8Array {
  const words = new Uint32Array(new Float32Array(array).buffer);
  return converted(words, new Uint16Array(words.length), word => word >>> 16);
}

export function bf16BytesToF32Array(bf16Bytes: Uint8Array): number[] {
  const halves = new Uint16Array(bf16Bytes.slice(0, bf16Bytes.length & ~1).buffer);
  return Array.from(new Float32Array(Uint32Array.from(halves, half => half << 16).buffer));
}

export function f32ArrayToInt8Bytes(array: Numbers): Uint8Array {
  if (array instanceof Int8Array) return new Uint8Array(array.buffer.slice(array.byteOffset, array.byteOffset + array.byteLength));
  return converted(array, new Int8Array(array.length), Math.round);
}

export function int8VectorRowsToBytes(data: Numbers[]): Uint8Array {
  return concatBytes(data.map(f32ArrayToInt8Bytes));
}

export function concatBytes(parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(parts.reduce((total, part) => total + part.byteLength, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.byteLength;
  }
  return out;
}

export function getSparseFloatVectorType(vector: unknown): 'array' | 'coo' | 'csr' | 'dict' | 'unknown' {
  if (Array.isArray(vector)) {
    if (vector.length === 0 || typeof vector[0] === 'number' || typeof vector[0] === 'undefined') return 'array';
    const pairs = vector.every(item => typeof item === 'object' && item !== null && 'index' in item && 'value' in item);
    return pairs ? 'coo' : 'unknown';
  }
  if (typeof vector !== 'object' || vector === null) return 'unknown';
  if ('indices' in vector && 'values' in vector) return 'csr';
  return Object.values(vector).every(value => typeof value === 'number') ? 'dict' : 'unknown';
}

function sparsePairs(data: SparseFloatVector): { indices: number[]; values: number[] } {
  switch (getSparseFloatVectorType(data)) {
    case 'array': {
      const indices: number[] = [];
      const values: number[] = [];
      (data as (number | undefined)[]).forEach((value, index) => {
        if (value === undefined || Number.isNaN(value)) return;
        indices.push(index);
        values.push(value);
      });
      return { indices, values };
    }
    case 'coo': {
      const pairs = data as SparseVectorCOO;
      return { indices: pairs.map(pair => pair.index), values: pairs.map(pair => pair.value) };
    }
    case 'csr':
      return data as SparseVectorCSR;
    case 'dict':
      return { indices: Object.keys(data).map(Number), values: Object.values(data as SparseVectorDic) };
    default:
      return { indices: [], values: [] };
  }
}

/** Pairs of uint32 index and float32 value. */
export function sparseToBytes(data: SparseFloatVector): Uint8Array {
  const { indices, values } = sparsePairs(data);
  const view = new DataView(new ArrayBuffer(indices.length * 8));
  indices.forEach((index, i) => {
    if (!(index >= 0 && index < 2 ** 32 - 1)) {
      throw new Error(`Sparse vector index must be positive and less than 2^32-1: ${index}`);
    }
    view.setUint32(i * 8, index, true);
    view.setFloat32(i * 8 + 4, values[i] ?? NaN, true);
  });
  return new Uint8Array(view.buffer);
}

export function sparseRowsToBytes(data: SparseFloatVector[]): Uint8Array[] {
  return data.map(sparseToBytes);
}

export function bytesToSparseRow(bytes: Uint8Array): SparseVectorDic {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const row: SparseVectorDic = {};
  for (let at = 0; at < bytes.byteLength; at += 8) {
    const value = view.getFloat32(at + 4, true);
    if (value) row[String(view.getUint32(at, true))] = value;
  }
  return row;
}

/** The largest number of entries among the rows. */
export function getSparseDim(data: SparseFloatVector[]): number {
  return data.reduce((dim, row) => Math.max(dim, Object.keys(row).length), 0);
}
