// Values of one field, row after row, as a column. `undefined` and `null` are null. A value of the wrong type throws an
// error that names collection, field, row and value; nothing is converted silently, and no int64 passes through a
// rounded number. What the wire could carry and Milvus refuses (integers out of range, vectors of another length) is
// refused with its texts.

import { DataType, ErrorCode } from '../const/index.js';
import { RefusedRows, UNEXPECTED } from '../errors.js';
import type { SparseFloatVector } from '../types/index.js';
import { atOnce, isStep, rangeSteps, type Steps } from '../steps.js';
import { sparseToBytes } from '../vectors.js';
import { bytesOf, type Column } from './batch.js';
import { toInt64 } from './int64.js';
import { stringifyValue } from './json.js';
import { PackedBytes } from './packed-bytes.js';

export interface FieldShape {
  name: string;
  type: DataType;
  element?: DataType;
  dim?: number;
}

export class WrongValueError extends TypeError {
  override name = 'WrongValueError';
  constructor(collection: string, field: string, row: number, expected: string, value: unknown) {
    super(
      `Insert fail: collection "${collection}", field "${field}", row ${row}: expected ${expected}, received ${shown(value)}.`
    );
  }
}

function shown(value: unknown): string {
  if (value === undefined) return 'undefined';
  const kind = value === null ? '' : ArrayBuffer.isView(value) ? value.constructor.name : Array.isArray(value) ? 'array' : typeof value;
  let text: string;
  try {
    text = stringifyValue(ArrayBuffer.isView(value) ? [...bytesOf(value).subarray(0, 8)] : value);
  } catch {
    text = String(value);
  }
  if (typeof value === 'number') text = String(value);
  if (text.length > 60) text = `${text.slice(0, 60)}...`;
  return kind ? `${kind} ${text}` : text;
}

const INVALID_PARAMETER = 1100;

type Values = readonly unknown[];
type NumberColumn = Int8Array | Int16Array | Int32Array | Float32Array | Float64Array;

export function writeColumn(collection: string, shape: FieldShape, values: Values): Column | undefined {
  return atOnce(columnSteps(collection, shape, values));
}

/** Returns undefined when every value is missing: such a column is left out. */
export function* columnSteps(collection: string, shape: FieldShape, values: Values): Steps<Column | undefined> {
  const rows = values.length;
  const validity = new Uint8Array((rows + 7) >> 3);
  let present = 0;
  for (let row = 0; row < rows; row++) {
    if (isStep(row)) yield;
    const value = values[row];
    if (value === undefined || value === null) continue;
    validity[row >> 3]! |= 1 << (row & 7);
    present++;
  }
  // Nulls that the caller wrote are a column of nulls; keys that no row has are no column.
  if (present === 0 && !values.includes(null)) return undefined;
  const column = yield* writeValues(new Cells(collection, shape, values));
  if (present < rows) column.validity = validity;
  return column;
}

class Cells {
  constructor(
    readonly collection: string,
    readonly shape: FieldShape,
    readonly values: Values
  ) {}
  wrong(row: number, expected: string, value: unknown): WrongValueError {
    return new WrongValueError(this.collection, this.shape.name, row, expected, value);
  }
  outOfRange(row: number, index: number, type: DataType, value: number | bigint): RefusedRows {
    const limit = INTEGER_LIMITS[type] ?? 0;
    const reason = `the ${index}th element (${value}) out of range: [${-limit}, ${limit - 1}]: invalid parameter[expected=integer doesn't overflow][actual=out of range]`;
    const { message: detail } = this.wrong(row, `${DataType[type]} (an integer from ${-limit} to ${limit - 1})`, value);
    return new RefusedRows({ code: INVALID_PARAMETER, error_code: ErrorCode.IllegalArgument, reason, detail });
  }
  /** As a server sees it, which gets the numbers of all vectors in one list. */
  wrongDim(row: number, dim: number, value: ArrayLike<unknown>): Error {
    const wrong = this.wrong(row, `FloatVector of ${dim} numbers`, value);
    const { name } = this.shape;
    const rows = this.values.length;
    const length = this.values.reduce((sum: number, vector) => sum + (isList(vector) ? vector.length : 0), 0);
    if (length % dim !== 0) {
      return new RefusedRows({ code: UNEXPECTED, reason: `the length(${length}) of float data should divide the dim(${dim})`, detail: wrong.message });
    }
    const given = length / dim;
    if (given === rows) return wrong;
    const reason = `the num_rows (${given}) of field (${name}) is not equal to passed num_rows (${rows}): invalid parameter[expected=${rows}][actual=${given}]`;
    return new RefusedRows({ code: INVALID_PARAMETER, error_code: ErrorCode.IllegalArgument, reason, detail: wrong.message });
  }
}

function* writeValues(cells: Cells): Steps<Column> {
  const { name, type } = cells.shape;
  switch (type) {
    case DataType.Bool:
    case DataType.Int8:
    case DataType.Int16:
    case DataType.Int32:
    case DataType.Int64:
    case DataType.Float:
    case DataType.Double: {
      const { values } = cells;
      const data = scalarArray(type, values.length);
      yield* rangeSteps(values.length, data.byteLength, ({ start, end }) => {
        fillScalars(cells, type, data, values.slice(start, end), start, -1);
      });
      return { name, type, data: bytesOf(data) };
    }
    case DataType.VarChar:
    case DataType.Text:
    case DataType.Geometry:
    case DataType.Timestamptz:
      return yield* writeText(cells);
    case DataType.JSON:
      return yield* writeJson(cells);
    case DataType.Array:
      return yield* writeArrays(cells);
    case DataType.FloatVector:
      return yield* writeFloatVectors(cells);
    case DataType.BinaryVector:
    case DataType.Float16Vector:
    case DataType.BFloat16Vector:
    case DataType.Int8Vector:
      return yield* writeByteVectors(cells);
    case DataType.SparseFloatVector:
      return yield* writeSparseVectors(cells);
    default:
      throw new Error(`Insert fail: field "${name}" has type ${DataType[type] ?? type}, which cannot be stored in a browser.`);
  }
}

type ScalarColumn = NumberColumn | BigInt64Array | Uint8Array;

function scalarArray(type: DataType, length: number): ScalarColumn {
  switch (type) {
    case DataType.Bool:
      return new Uint8Array(length);
    case DataType.Int8:
      return new Int8Array(length);
    case DataType.Int16:
      return new Int16Array(length);
    case DataType.Int32:
      return new Int32Array(length);
    case DataType.Int64:
      return new BigInt64Array(length);
    case DataType.Float:
      return new Float32Array(length);
    default:
      return new Float64Array(length);
  }
}

const INTEGER_LIMITS: Partial<Record<DataType, number>> = {
  [DataType.Int8]: 2 ** 7,
  [DataType.Int16]: 2 ** 15,
  [DataType.Int32]: 2 ** 31,
};

/** Writes `values` at `start`. `row` is theirs when they are one row's elements, -1 when each is a row, from `start` on. */
function fillScalars(cells: Cells, type: DataType, out: ScalarColumn, values: ArrayLike<unknown>, start: number, row: number): void {
  const place = (index: number): number => (row < 0 ? start + index : row);
  const element = (index: number): number => (row < 0 ? start + index : index);
  const skip = (value: unknown): boolean => row < 0 && (value === undefined || value === null);
  if (out instanceof BigInt64Array) {
    fillInt64(cells, out, values, start, row);
    return;
  }
  if (type === DataType.Bool) {
    for (let i = 0; i < values.length; i++) {
      const value = values[i];
      if (typeof value === 'boolean') out[start + i] = value ? 1 : 0;
      else if (!skip(value)) throw cells.wrong(place(i), 'Bool', value);
    }
    return;
  }
  const limit = INTEGER_LIMITS[type];
  if (limit === undefined) {
    for (let i = 0; i < values.length; i++) {
      const value = values[i];
      if (typeof value === 'number') out[start + i] = value;
      else if (typeof value === 'bigint') out[start + i] = Number(value);
      else if (!skip(value)) throw cells.wrong(place(i), `${DataType[type]} (a number)`, value);
    }
    return;
  }
  for (let i = 0; i < values.length; i++) {
    const given = values[i];
    const value = typeof given === 'bigint' ? Number(given) : given;
    if (typeof value === 'number' && Number.isInteger(value)) {
      if (value < -limit || value >= limit) throw cells.outOfRange(place(i), element(i), type, given as number | bigint);
      out[start + i] = value;
    } else if (!skip(value)) throw cells.wrong(place(i), `${DataType[type]} (an integer from ${-limit} to ${limit - 1})`, given);
  }
}

function fillInt64(cells: Cells, out: BigInt64Array, values: ArrayLike<unknown>, start: number, row: number): void {
  // Small integers go in as two halves: that spares a BigInt a value.
  const halves = new Int32Array(out.buffer, out.byteOffset, out.length * 2);
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (typeof value === 'number' && Number.isSafeInteger(value)) {
      halves[(start + i) * 2] = value | 0;
      halves[(start + i) * 2 + 1] = Math.floor(value / 2 ** 32);
    } else if (row >= 0 || (value !== undefined && value !== null)) {
      const exact = toInt64(value);
      const place = row < 0 ? start + i : row;
      if (exact === undefined) throw cells.wrong(place, 'Int64 (an integer as number, BigInt or decimal string)', value);
      out[start + i] = exact;
    }
  }
}

function* writeText(cells: Cells): Steps<Column> {
  const { name, type } = cells.shape;
  const text = new PackedBytes();
  for (let row = 0; row < cells.values.length; row++) {
    if (isStep(row)) yield;
    const value = cells.values[row];
    if (typeof value === 'string') text.push(value);
    else if (value === undefined || value === null) text.push('');
    else throw cells.wrong(row, `${DataType[type]} (a string)`, value);
  }
  return { name, type, offsets: text.offsets, data: text.data };
}

function* writeJson(cells: Cells): Steps<Column> {
  const text = new PackedBytes();
  for (let row = 0; row < cells.values.length; row++) {
    if (isStep(row)) yield;
    const value = cells.values[row];
    text.push(value === undefined || value === null ? '' : stringifyValue(value));
  }
  return { name: cells.shape.name, type: DataType.JSON, offsets: text.offsets, data: text.data };
}

function isList(value: unknown): value is ArrayLike<unknown> {
  return Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView));
}

function* writeArrays(cells: Cells): Steps<Column> {
  const { name, element = DataType.None } = cells.shape;
  const rows = cells.values.length;
  const offsets = new Uint32Array(rows + 1);
  for (let row = 0; row < rows; row++) {
    if (isStep(row)) yield;
    const value = cells.values[row];
    if (value === undefined || value === null) {
      offsets[row + 1] = offsets[row]!;
      continue;
    }
    if (!isList(value)) throw cells.wrong(row, `Array of ${DataType[element]}`, value);
    offsets[row + 1] = offsets[row]! + value.length;
  }
  const column = { name, type: DataType.Array, element, offsets };
  if (element === DataType.VarChar) {
    const text = new PackedBytes();
    for (let row = 0; row < rows; row++) {
      if (isStep(row)) yield;
      const value = cells.values[row];
      if (!isList(value)) continue;
      for (let i = 0; i < value.length; i++) {
        const item = value[i];
        if (typeof item !== 'string') throw cells.wrong(row, 'Array of VarChar (strings)', item);
        text.push(item);
      }
    }
    return { ...column, elementOffsets: text.offsets, data: text.data };
  }
  if (!isScalar(element)) {
    throw new Error(`Insert fail: field "${name}" is an array of ${DataType[element] ?? element}, which cannot be stored in a browser.`);
  }
  const data = scalarArray(element, offsets[rows]!);
  for (let row = 0; row < rows; row++) {
    if (isStep(row)) yield;
    const value = cells.values[row];
    if (isList(value)) fillScalars(cells, element, data, value, offsets[row]!, row);
  }
  return { ...column, data: bytesOf(data) };
}

function isScalar(type: DataType): boolean {
  return type >= DataType.Bool && type <= DataType.Double;
}

function* writeFloatVectors(cells: Cells): Steps<Column> {
  const { name, type, dim = 0 } = cells.shape;
  const rows = cells.values.length;
  const data = new Float32Array(rows * dim);
  for (let row = 0; row < rows; row++) {
    if (isStep(row)) yield;
    const value = cells.values[row];
    if (value === undefined || value === null) continue;
    if (!isList(value)) throw cells.wrong(row, `FloatVector of ${dim} numbers`, value);
    if (value.length !== dim) throw cells.wrongDim(row, dim, value);
    const start = row * dim;
    if (value instanceof Float32Array) {
      data.set(value, start);
      continue;
    }
    for (let i = 0; i < dim; i++) {
      const item = value[i];
      if (typeof item !== 'number') throw cells.wrong(row, `FloatVector of ${dim} numbers`, value);
      data[start + i] = item;
    }
  }
  return { name, type, dim, data: bytesOf(data) };
}

/** Vectors whose rows are bytes already; half-precision rows were converted by the transformers before. */
function* writeByteVectors(cells: Cells): Steps<Column> {
  const { name, type, dim = 0 } = cells.shape;
  const width = type === DataType.BinaryVector ? dim / 8 : type === DataType.Int8Vector ? dim : dim * 2;
  const rows = cells.values.length;
  const data = new Uint8Array(rows * width);
  for (let row = 0; row < rows; row++) {
    if (isStep(row)) yield;
    const value = cells.values[row];
    if (value === undefined || value === null) continue;
    const bytes = ArrayBuffer.isView(value)
      ? bytesOf(value)
      : Array.isArray(value) && value.every(item => typeof item === 'number')
        ? Uint8Array.from(value, item => Math.round(item))
        : undefined;
    if (bytes?.byteLength !== width) throw cells.wrong(row, `${DataType[type]} of ${dim} (${width} bytes)`, value);
    data.set(bytes, row * width);
  }
  return { name, type, dim, data };
}

function* writeSparseVectors(cells: Cells): Steps<Column> {
  const { name, type } = cells.shape;
  const buffer = new PackedBytes();
  for (let row = 0; row < cells.values.length; row++) {
    if (isStep(row)) yield;
    const value = cells.values[row];
    if (value !== undefined && value !== null && typeof value !== 'object') throw cells.wrong(row, 'SparseFloatVector', value);
    buffer.pushBytes(value ? sparseToBytes(value as SparseFloatVector) : new Uint8Array(0));
  }
  return { name, type, offsets: buffer.offsets, data: buffer.data };
}
