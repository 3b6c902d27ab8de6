// Columns of a block in the form that Parquet's encoders take: values in a row, with levels that say what is null and where a
// list begins. Only columns with nulls or empty lists become arrays of JavaScript values.

import { DataType } from '../client/const/index.js';
import type { Column } from '../client/wire/batch.js';
import type { ParquetField } from '../client/wire/parquet.js';
import type { DecodedArray, PageData } from './libraries.js';

/** How many levels of definition a field's values have: lists and nulls are one each. */
export function definitionsOf({ type, nullable }: ParquetField): { isOptional: boolean; max: number } {
  const isList = type === DataType.Array || type === DataType.FloatVector;
  return { isOptional: nullable ?? false, max: Number(isList) + Number(nullable ?? false) };
}

export function encodeColumn(column: Column, rows: number, { isOptional, max }: { isOptional: boolean; max: number }): PageData {
  const { type, validity } = column;
  const isNull = (row: number): boolean => validity !== undefined && (validity[row >> 3]! & (1 << (row & 7))) === 0;
  if (!isOptional) {
    for (let row = 0; validity && row < rows; row++) if (isNull(row)) throw new Error(`row ${row} of the required column '${column.name}' is null`);
  }
  if (type === DataType.FloatVector || type === DataType.Array) return encodeLists(column, rows, isNull, max);
  const values = valuesOf(type, column, column.offsets);
  if (max === 0) return pageOf(values, [], [], 0);
  const optional = new Array<unknown>(rows);
  const definitions = new Uint8Array(rows).fill(1);
  for (let row = 0; row < rows; row++) {
    if (isNull(row)) definitions[row] = 0;
    optional[row] = isNull(row) ? null : values[row];
  }
  return pageOf(optional, definitions, [], 1);
}

function encodeLists(column: Column, rows: number, isNull: (row: number) => boolean, max: number): PageData {
  const { dim = 0, offsets, elementOffsets } = column;
  const element = column.type === DataType.FloatVector ? DataType.Float : (column.element ?? DataType.None);
  const items = valuesOf(element, column, elementOffsets);
  const start = (row: number): number => offsets?.[row] ?? row * dim;
  const length = (row: number): number => (isNull(row) ? 0 : start(row + 1) - start(row));
  let places = 0;
  let isDense = true;
  for (let row = 0; row < rows; row++) {
    isDense &&= length(row) > 0;
    places += Math.max(1, length(row));
  }
  const values = isDense ? items : new Array<unknown>(places);
  const definitions = new Uint8Array(places).fill(max);
  const repetitions = new Uint8Array(places).fill(1);
  for (let row = 0, at = 0; row < rows; row++) {
    const count = length(row);
    repetitions[at] = 0;
    if (count === 0) {
      definitions[at] = isNull(row) ? 0 : max - 1;
      values[at++] = null;
    } else if (isDense) at += count;
    else for (let item = start(row), end = item + count; item < end; item++) values[at++] = items[item];
  }
  return pageOf(values, definitions, repetitions, max);
}

type Levels = Uint8Array | number[];

/** Typed arrays do all that the encoders ask of levels. */
function pageOf(values: DecodedArray, definitions: Levels, repetitions: Levels, maxDefinitionLevel: number): PageData {
  return { values, definitionLevels: definitions as number[], repetitionLevels: repetitions as number[], maxDefinitionLevel };
}

function valuesOf(type: DataType, { data }: Column, offsets: Uint32Array | undefined): DecodedArray {
  const { buffer, byteOffset, byteLength } = data;
  switch (type) {
    case DataType.Bool:
      return Array.from(data, bit => bit !== 0);
    case DataType.Int8:
      return Int32Array.from(new Int8Array(buffer, byteOffset, byteLength));
    case DataType.Int16:
      return Int32Array.from(new Int16Array(buffer, byteOffset, byteLength / 2));
    case DataType.Int32:
      return new Int32Array(buffer, byteOffset, byteLength / 4);
    case DataType.Int64:
      return new BigInt64Array(buffer, byteOffset, byteLength / 8);
    case DataType.Float:
      return new Float32Array(buffer, byteOffset, byteLength / 4);
    case DataType.Double:
      return new Float64Array(buffer, byteOffset, byteLength / 8);
    default:
      return Array.from({ length: (offsets?.length ?? 1) - 1 }, (_, at) => data.subarray(offsets![at], offsets![at + 1]));
  }
}
