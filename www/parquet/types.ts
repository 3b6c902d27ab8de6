// The types of Parquet's columns, under the names of Arrow that Milvus uses in its errors, and which of them a field takes.

import { DataType } from '../client/const/index.js';
import type { ImportField } from '../client/wire/parquet.js';
import { isListLike, type SchemaElement, type SchemaTree } from './libraries.js';

/** Whether values of this type are read as they are stored; those of others are worked out from the logical type. */
export function isPlain(type: string): boolean {
  return type in WIDER || type === 'binary' || type === 'uint8' || type === 'uint16';
}

const INTEGERS = ['int8', 'int16', 'int32', 'int64'];
const NUMBERS = [...INTEGERS, 'float32', 'float64'];

/** What may come in place of a type, as in Milvus: the narrower ones, and doubles for floats. */
const WIDER: Record<string, string[]> = {
  bool: ['bool'],
  int8: INTEGERS.slice(0, 1),
  int16: INTEGERS.slice(0, 2),
  int32: INTEGERS.slice(0, 3),
  int64: INTEGERS,
  float32: NUMBERS,
  float64: NUMBERS,
  utf8: ['utf8'],
};

const SCALARS: Partial<Record<DataType, string>> = {
  [DataType.Bool]: 'bool',
  [DataType.Int8]: 'int8',
  [DataType.Int16]: 'int16',
  [DataType.Int32]: 'int32',
  [DataType.Int64]: 'int64',
  [DataType.Float]: 'float32',
  [DataType.Double]: 'float64',
};

export function typeOf(column: SchemaTree): string {
  const element = listElement(column);
  if (element) return `list<${typeOf(element)}>`;
  if (column.children.length > 0) return column.element.converted_type === 'MAP' ? 'map' : 'struct';
  return leafType(column.element);
}

/** Of a list of any of the forms that writers use. */
export function listElement(column: SchemaTree): SchemaTree | undefined {
  if (isListLike(column)) return column.children[0]!.children[0] ?? column.children[0];
  return undefined;
}

function leafType({ type, converted_type: converted, logical_type: logical }: SchemaElement): string {
  if (logical?.type === 'NULL') return 'null';
  if (logical?.type === 'INTEGER') return `${logical.isSigned ? 'int' : 'uint'}${logical.bitWidth}`;
  const integer = /^(U?)INT_(\d+)$/.exec(converted ?? '');
  if (integer) return `${integer[1] ? 'uint' : 'int'}${integer[2]}`;
  if (converted === 'UTF8' || converted === 'JSON' || logical?.type === 'STRING' || logical?.type === 'JSON') return 'utf8';
  const special = logical?.type ?? converted;
  if (special) return special.toLowerCase();
  switch (type) {
    case 'BOOLEAN':
      return 'bool';
    case 'INT32':
    case 'INT64':
      return type.toLowerCase();
    case 'FLOAT':
      return 'float32';
    case 'DOUBLE':
      return 'float64';
    case 'BYTE_ARRAY':
      return 'binary';
    case 'INT96':
      return 'timestamp';
    default:
      return 'fixed_size_binary';
  }
}

/** The type that Milvus wants for a field. */
export function wantedType({ type, element }: Pick<ImportField, 'type' | 'element'>): string {
  if (type === DataType.FloatVector) return 'list<float32>';
  if (type === DataType.Array && element !== undefined) return `list<${wantedType({ type: element })}>`;
  return SCALARS[type] ?? 'utf8';
}

export function canBecome(type: string, wanted: string): boolean {
  const [inner, wantedInner] = [type, wanted].map(name => /^list<(.*)>$/.exec(name)?.[1]);
  if (inner !== undefined && wantedInner !== undefined) return WIDER[wantedInner]?.includes(inner) ?? false;
  return WIDER[wanted]?.includes(type) ?? false;
}
