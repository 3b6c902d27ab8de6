// Columns as lists of values in the shapes the SDK answers: int64 as decimal strings, vectors as number arrays, JSON
// parsed, null for null.

import { DataType } from '../const/index.js';
import type { OutputTransformers } from '../types/index.js';
import { bf16BytesToF32Array, bytesToSparseRow, f16BytesToF32Array } from '../vectors.js';
import type { Column } from './batch.js';

// Without `ignoreBOM` a leading U+FEFF of a stored string would be lost.
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

export function readColumn(column: Column, rows: number, transformers?: OutputTransformers): unknown[] {
  const values = readValues(column, rows, transformers ?? {});
  const { validity } = column;
  if (validity) {
    for (let row = 0; row < rows; row++) {
      if ((validity[row >> 3]! & (1 << (row & 7))) === 0) values[row] = null;
    }
  }
  return values;
}

function readValues(column: Column, rows: number, transformers: OutputTransformers): unknown[] {
  const { type, data } = column;
  switch (type) {
    case DataType.Bool:
    case DataType.Int8:
    case DataType.Int16:
    case DataType.Int32:
    case DataType.Int64:
    case DataType.Float:
    case DataType.Double:
      return readScalars(type, data, 0, rows);
    case DataType.VarChar:
    case DataType.Text:
    case DataType.Geometry:
    case DataType.Timestamptz:
      return readText(data, column.offsets, 0, rows);
    case DataType.JSON:
      return readJson(column, rows);
    case DataType.Array:
      return readArrays(column, rows);
    case DataType.FloatVector:
      return readFloatVectors(column, rows);
    case DataType.SparseFloatVector: {
      const { offsets } = column;
      const shape = transformers[DataType.SparseFloatVector];
      return Array.from({ length: rows }, (_, row) => {
        const vector = bytesToSparseRow(data.subarray(offsets?.[row], offsets?.[row + 1]));
        return shape ? shape(vector) : vector;
      });
    }
    case DataType.BinaryVector:
      return readRows(column, rows, (column.dim ?? 0) / 8, bytes => Array.from(bytes));
    case DataType.Int8Vector: {
      const shape = transformers[DataType.Int8Vector] ?? ((vector: Int8Array) => Array.from(vector));
      return readRows(column, rows, column.dim ?? 0, bytes => shape(new Int8Array(bytes.buffer)));
    }
    case DataType.Float16Vector:
      return readRows(column, rows, (column.dim ?? 0) * 2, transformers[DataType.Float16Vector] ?? f16BytesToF32Array);
    case DataType.BFloat16Vector:
      return readRows(column, rows, (column.dim ?? 0) * 2, transformers[DataType.BFloat16Vector] ?? bf16BytesToF32Array);
    default:
      throw new Error(`column "${column.name}" has the unknown type ${String(type)}`);
  }
}

function readRows(column: Column, rows: number, width: number, shape: (bytes: Uint8Array<ArrayBuffer>) => unknown): unknown[] {
  // Each row gets bytes of its own, so that a caller who keeps one does not keep the whole reply.
  return Array.from({ length: rows }, (_, row) => shape(new Uint8Array(column.data.subarray(row * width, (row + 1) * width))));
}

const WIDTH: Partial<Record<DataType, number>> = {
  [DataType.Bool]: 1,
  [DataType.Int8]: 1,
  [DataType.Int16]: 2,
  [DataType.Int32]: 4,
  [DataType.Int64]: 8,
  [DataType.Float]: 4,
  [DataType.Double]: 8,
};

function readScalars(type: DataType, data: Uint8Array, start: number, count: number): unknown[] {
  const { buffer } = data;
  const at = data.byteOffset + start * (WIDTH[type] ?? 1);
  switch (type) {
    case DataType.Bool: {
      const values = new Array<boolean>(count);
      for (let i = 0; i < count; i++) values[i] = data[start + i] !== 0;
      return values;
    }
    case DataType.Int64: {
      const source = new BigInt64Array(buffer, at, count);
      // A number of two halves takes a third of the time of a BigInt.
      const halves = new Int32Array(buffer, at, 2 * count);
      const values = new Array<string>(count);
      for (let i = 0; i < count; i++) {
        const value = halves[2 * i + 1]! * 2 ** 32 + (halves[2 * i]! >>> 0);
        values[i] = Number.isSafeInteger(value) ? String(value) : source[i]!.toString();
      }
      return values;
    }
    case DataType.Int8:
      return plain(new Int8Array(buffer, at, count));
    case DataType.Int16:
      return plain(new Int16Array(buffer, at, count));
    case DataType.Int32:
      return plain(new Int32Array(buffer, at, count));
    case DataType.Float:
      return plain(new Float32Array(buffer, at, count));
    default:
      return plain(new Float64Array(buffer, at, count));
  }
}

/** A plain loop: Array.from on a typed array is several times slower. */
function plain(source: ArrayLike<number>): number[] {
  const values = new Array<number>(source.length);
  for (let i = 0; i < source.length; i++) values[i] = source[i]!;
  return values;
}

function readText(data: Uint8Array, offsets: Uint32Array | undefined, start: number, count: number): string[] {
  const values = new Array<string>(count);
  for (let i = 0; i < count; i++) values[i] = decoder.decode(data.subarray(offsets?.[start + i], offsets?.[start + i + 1]));
  return values;
}

function readJson(column: Column, rows: number): unknown[] {
  const values: unknown[] = readText(column.data, column.offsets, 0, rows);
  for (let row = 0; row < rows; row++) values[row] = values[row] === '' ? null : JSON.parse(values[row] as string);
  return values;
}

function readArrays(column: Column, rows: number): unknown[] {
  const { offsets, element = DataType.None } = column;
  const values = new Array<unknown[]>(rows);
  for (let row = 0; row < rows; row++) {
    const start = offsets?.[row] ?? 0;
    const count = (offsets?.[row + 1] ?? 0) - start;
    values[row] =
      element === DataType.VarChar
        ? readText(column.data, column.elementOffsets, start, count)
        : readScalars(element, column.data, start, count);
  }
  return values;
}

function readFloatVectors(column: Column, rows: number): number[][] {
  const dim = column.dim ?? 0;
  const source = new Float32Array(column.data.buffer, column.data.byteOffset, rows * dim);
  const values = new Array<number[]>(rows);
  for (let row = 0; row < rows; row++) values[row] = plain(source.subarray(row * dim, (row + 1) * dim));
  return values;
}
