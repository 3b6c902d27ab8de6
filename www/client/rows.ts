// Rows as the caller gives them, packed into a batch: the SDK's checks of field names, unknown keys into the dynamic
// field, transformers applied, one column a field.

import { DEFAULT_DYNAMIC_FIELD, DataType, ERROR_REASONS } from './const/index.js';
import { convertToDataType } from './format/validate.js';
import type { DescribeCollectionResponse, InsertTransformers, RowData } from './types/index.js';
import { isStep, type Steps } from './steps.js';
import { f32ArrayToBf16Bytes, f32ArrayToF16Bytes } from './vectors.js';
import { batchParts, type Column } from './wire/batch.js';
import { columnSteps, type FieldShape } from './wire/column-writer.js';

interface InsertField extends FieldShape {
  values: unknown[];
}

interface Fields {
  byName: Map<string, InsertField>;
  functionOutputs: Set<string>;
  dynamic: boolean;
}

/** The fields that a caller may give values for. */
function insertableFields(collection: DescribeCollectionResponse, upsert: boolean): Fields {
  const mayGiveId = upsert || collection.properties.some(pair => pair.key === 'allow_insert_auto_id' && pair.value === 'true');
  const byName = new Map<string, InsertField>();
  const functionOutputs = new Set<string>();
  for (const field of collection.schema.fields) {
    if (field.is_function_output) {
      functionOutputs.add(field.name);
    } else if (!field.autoID || mayGiveId) {
      const element = convertToDataType(field.element_type ?? 'None');
      byName.set(field.name, {
        name: field.name,
        type: convertToDataType(field.data_type),
        element: element === DataType.None ? undefined : element,
        dim: field.dim === undefined ? undefined : Number(field.dim),
        values: [],
      });
    }
  }
  return { byName, functionOutputs, dynamic: collection.schema.enable_dynamic_field };
}

function wrongField(row: number): Error {
  return new Error(`${ERROR_REASONS.INSERT_CHECK_WRONG_FIELD} ${row}`);
}

function noRow(index: number, given: unknown): TypeError {
  return new TypeError(`Insert fail: row ${index} is ${String(given)}, expected an object with a value for each field.`);
}

/** Splits rows into the fields' values; returns what goes into the dynamic field, a row each. */
function* spreadRows(rows: RowData[], fields: Fields): Steps<{ dynamicValues: object[]; hasDynamicKeys: boolean }> {
  const { byName, functionOutputs, dynamic } = fields;
  const dynamicValues: object[] = [];
  let hasDynamicKeys = false;
  for (const field of byName.values()) field.values = new Array<unknown>(rows.length);
  for (const [index, row] of rows.entries()) {
    if (isStep(index)) yield;
    if (typeof row !== 'object' || row === null) throw noRow(index, row);
    const extra: Record<string, unknown> = {};
    for (const [key, value] of Object.entries(row)) {
      const field = byName.get(key);
      if (field) {
        if (field.type === DataType.BinaryVector && value != null) checkBinaryLength(value, field);
        field.values[index] = value;
        continue;
      }
      if (!dynamic) throw wrongField(index);
      if (functionOutputs.has(key) || value === undefined) continue;
      hasDynamicKeys = true;
      if (key === DEFAULT_DYNAMIC_FIELD && typeof value === 'object') Object.assign(extra, value);
      else extra[key] = value;
    }
    dynamicValues.push(extra);
  }
  return { dynamicValues, hasDynamicKeys };
}

function checkBinaryLength(value: unknown, field: InsertField): void {
  if ((value as ArrayLike<number>).length !== (field.dim ?? 0) / 8) throw new Error(ERROR_REASONS.INSERT_CHECK_WRONG_DIM);
}

/** Half-precision vectors given as numbers become bytes. */
function* transform(field: InsertField, transformers: InsertTransformers): Steps<void> {
  const convert =
    field.type === DataType.BFloat16Vector
      ? (transformers[DataType.BFloat16Vector] ?? f32ArrayToBf16Bytes)
      : field.type === DataType.Float16Vector
        ? (transformers[DataType.Float16Vector] ?? f32ArrayToF16Bytes)
        : undefined;
  if (!convert) return;
  for (const [row, value] of field.values.entries()) {
    if (isStep(row)) yield;
    if (Array.isArray(value)) field.values[row] = convert(value as number[]);
  }
}

export interface PackOptions {
  upsert: boolean;
  /** Only the given keys change: a dynamic field that no row mentions is left out. */
  partial: boolean;
  transformers?: InsertTransformers;
}

/** As parts that follow one another. */
export function* packRows(collection: DescribeCollectionResponse, rows: RowData[], options: PackOptions): Steps<Uint8Array[]> {
  const fields = insertableFields(collection, options.upsert);
  const { dynamicValues, hasDynamicKeys } = yield* spreadRows(rows, fields);
  const name = collection.collection_name || collection.schema.name;
  const columns: Column[] = [];
  for (const field of fields.byName.values()) {
    yield* transform(field, options.transformers ?? {});
    const column = yield* columnSteps(name, field, field.values);
    if (column) columns.push(column);
  }
  if (fields.dynamic && (hasDynamicKeys || !options.partial)) {
    const column = yield* columnSteps(name, { name: DEFAULT_DYNAMIC_FIELD, type: DataType.JSON }, dynamicValues);
    if (column) columns.push(column);
  }
  return batchParts({ rows: rows.length, columns });
}

/** As the SDK's: the row with its unknown keys gathered under the dynamic field's name. */
export function buildDynamicRow(
  rowData: RowData,
  fieldMap: Map<string, unknown>,
  dynamicFieldName: string,
  functionOutputFields: string[]
): Record<string, unknown> {
  const row: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(JSON.parse(JSON.stringify(rowData)) as object)) {
    row[dynamicFieldName] ||= {};
    if (fieldMap.has(key)) row[key] = value;
    else if (!functionOutputFields.includes(key)) (row[dynamicFieldName] as Record<string, unknown>)[key] = value;
  }
  return row;
}
