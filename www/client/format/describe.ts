// The answer of describeCollection, made handy: type numbers beside type names, type parameters as properties of their
// field, default values unwrapped, fields sorted into vectors, scalars and function outputs.

import { DataType, DataTypeMap, PlaceholderType } from '../const/index.js';
import type { DescribeCollectionResponse, FieldSchema } from '../types/index.js';
import { isVectorType } from './validate.js';
import { cloneObj } from './values.js';

const EMBEDDING_LIST: Partial<Record<DataType, PlaceholderType>> = {
  [DataType.FloatVector]: PlaceholderType.EmbListFloatVector,
  [DataType.BinaryVector]: PlaceholderType.EmbListBinaryVector,
  [DataType.Float16Vector]: PlaceholderType.EmbListFloat16Vector,
  [DataType.BFloat16Vector]: PlaceholderType.EmbListBFloat16Vector,
  [DataType.SparseFloatVector]: PlaceholderType.EmbListSparseFloatVector,
  [DataType.Int8Vector]: PlaceholderType.EmbListInt8Vector,
};

/** A default value as it arrives: `{data: 'long_data', long_data: '5'}`. */
type WrappedDefault = { data: string } & Record<string, string | number>;

export function formatDescribedCol(data: DescribeCollectionResponse): DescribeCollectionResponse {
  const described = cloneObj(data);
  const { schema } = described;
  const legacy = schema as unknown as Record<string, unknown>;
  delete legacy.do_physical_backfill;
  delete legacy.doPhysicalBackfill;
  schema.fields = [...schema.fields, ...(schema.struct_array_fields || [])];

  described.anns_fields = {};
  described.scalar_fields = {};
  described.function_fields = {};
  for (const field of schema.fields) {
    formatField(field, false);
    if (field.fields?.length && field.elementType === DataType.Struct) {
      for (const child of field.fields) sort(described, `${field.name}[${child.name}]`, child);
    } else {
      sort(described, field.name, field);
    }
    if ((field as { isFunctionOutput?: boolean }).isFunctionOutput) described.function_fields[field.name] = field;
  }
  return described;
}

function sort(described: DescribeCollectionResponse, name: string, field: FieldSchema): void {
  (isVectorType(field.dataType) ? described.anns_fields : described.scalar_fields)[name] = field;
}

function formatField(field: FieldSchema, inStruct: boolean): void {
  field.dataType = DataTypeMap[field.data_type];
  // Placeholders carry the data types' numbers; vectors inside structs have numbers of their own, functions take text.
  const plain = field.dataType as number as PlaceholderType;
  field._placeholderType = field.is_function_output
    ? PlaceholderType.VarChar
    : inStruct
      ? (EMBEDDING_LIST[field.dataType] ?? plain)
      : plain;
  if (field.default_value) {
    const wrapped = field.default_value as unknown as WrappedDefault;
    if (typeof wrapped === 'object') field.default_value = wrapped[wrapped.data];
  }
  for (const { key, value } of field.type_params ?? []) field[key] = value;
  if (field.fields?.length) formatStruct(field, field.fields);
}

function formatStruct(field: FieldSchema, children: FieldSchema[]): void {
  field.dataType = DataType.Array;
  field.data_type = 'Array';
  field.elementType = DataType.Struct;
  field.element_type = 'Struct';
  field.type_params ??= [];
  for (const child of children) {
    // A struct's members arrive as arrays of their type.
    child.data_type = child.element_type ?? 'None';
    delete child.element_type;
    formatField(child, true);
    const { max_capacity } = child;
    if (max_capacity !== undefined && !field.type_params.some(pair => pair.key === 'max_capacity')) {
      field.type_params.push({ key: 'max_capacity', value: max_capacity });
    }
    field.max_capacity = max_capacity;
    child.type_params = child.type_params.filter(pair => pair.key !== 'max_capacity');
  }
}
