// Filter expressions that the client writes itself, and the values of expression templates.

import { DEFAULT_MIN_INT64, DataType, DataTypeMap } from '../const/index.js';
import type { DataTypeName } from './schema.js';
import type { PrimaryKeys } from '../types/index.js';
import { rangeSteps, type Steps } from '../steps.js';
import { isLongLike, longToBigInt } from '../wire/int64.js';

type PkField = { name: string; data_type: string } | undefined;

/** `id in [1,2]`, with quotes for a VarChar key. */
export function* primaryKeysExpr(field: string, type: DataTypeName, ids: PrimaryKeys): Steps<string> {
  if (!Array.isArray(ids) && !ArrayBuffer.isView(ids)) throw new TypeError(`ids are to be a list, and not ${typeof ids}`);
  const text = (id: unknown): string => (isLongLike(id) ? longToBigInt(id).toString() : String(id));
  const literal = DataTypeMap[type] === DataType.VarChar ? (id: unknown) => quoted(text(id), '"') : text;
  const lists: string[] = [];
  yield* rangeSteps(ids.length, 0, ({ start, end }) => {
    lists.push(Array.from<unknown, string>(ids.slice(start, end), literal).join(','));
  });
  return `${field} in [${lists.join(',')}]`;
}

/** As filters write texts. */
function quoted(text: string, quote: '"' | "'"): string {
  const escaped = text.replace(/[\\'"]/g, letter => (letter === '\\' || letter === quote ? `\\${letter}` : letter));
  return quote + escaped.replace(/\n/g, '\\n').replace(/\r/g, '\\r') + quote;
}

export function getPKFieldExpr(data: { pkField: PkField; value: string | number; expr?: string; condition?: string }): string {
  const { pkField, value, condition = '!=', expr = '' } = data;
  const literal = pkField?.data_type === 'VarChar' ? quoted(String(value), "'") : String(value);
  return `${pkField?.name} ${condition} ${literal}${expr ? ` && (${expr})` : ''}`;
}

/** Rows after the last one seen, in primary-key order. */
export function getQueryIteratorExpr(params: {
  expr: string;
  pkField: PkField;
  lastPKId?: string | number;
  lastElementOffset?: string | number;
}): string {
  const { expr, pkField, lastPKId, lastElementOffset } = params;
  const first = pkField?.data_type === 'VarChar' ? '' : DEFAULT_MIN_INT64;
  return getPKFieldExpr({ pkField, value: lastPKId ?? first, expr, condition: lastElementOffset === undefined ? '>' : '>=' });
}

export type TemplateValue = Record<string, unknown>;

export function formatExprValues(exprValues: Record<string, unknown>): Record<string, TemplateValue> {
  const result: Record<string, TemplateValue> = {};
  for (const [key, value] of Object.entries(exprValues)) {
    // An undefined value means "not given", as in a spread of optional settings.
    if (value !== undefined) result[key] = templateValue(key, value);
  }
  return result;
}

function templateValue(key: string, value: unknown): TemplateValue {
  if (Array.isArray(value)) return { array_val: templateArray(value) };
  if (value instanceof Uint8Array) return { bytes_val: value };
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) {
    return { array_val: templateArray(Array.from(value as unknown as ArrayLike<unknown>)) };
  }
  switch (typeof value) {
    case 'boolean':
      return { bool_val: value };
    case 'number':
      return Number.isInteger(value) ? { int64_val: value } : { float_val: value };
    case 'bigint':
      return { int64_val: value };
    case 'string':
      return { string_val: value };
    default:
      if (isLongLike(value)) return { int64_val: longToBigInt(value) };
      throw new Error(`Unsupported expr value type for key "${key}": ${value === null ? 'null' : typeof value}`);
  }
}

/** The first element decides the type of all. */
function templateArray(items: unknown[]): TemplateValue {
  const first = items[0];
  switch (typeof first) {
    case 'boolean':
      return { bool_data: { data: items } };
    case 'bigint':
      return { long_data: { data: items } };
    case 'number':
      return Number.isInteger(first) ? { long_data: { data: items } } : { double_data: { data: items } };
    case 'object':
      if (Array.isArray(first)) return { array_data: { data: (items as unknown[][]).map(templateArray) } };
      if (isLongLike(first)) return { long_data: { data: items } };
      return { json_data: { data: items } };
    default:
      return { string_data: { data: items } };
  }
}

/** Whether the text calls element_filter(...) outside of quotes. */
export function hasElementFilterExpression(expr: string): boolean {
  const bare = expr.replace(/"(?:\\.|[^"\\])*"?|'(?:\\.|[^'\\])*'?/g, '""');
  return /(?<![A-Za-z0-9_])element_filter\s*\(/i.test(bare);
}
