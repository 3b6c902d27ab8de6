// Collection schemas as they are sent. `formatFieldSchema` and its siblings give the SDK's camelCase form (they are part of
// its API, `schemaTypes` included, which a browser has no use for); `wireFieldSchema` turns that into the proto's keys.

import { DataType, FunctionType, type DataTypeMap } from '../const/index.js';
import { ERROR_REASONS } from '../const/errors.js';
import type { CreateCollectionReq, FieldType, FunctionObject, KeyValuePair, TypeParam } from '../types/index.js';
import { cloneObj, parseToKeyValue } from './values.js';
import { convertToDataType, isVectorType } from './validate.js';

type Maker = { create(shape: object): unknown };
export type SchemaTypes = Partial<
  Record<'collectionSchemaType' | 'fieldSchemaType' | 'functionSchemaType' | 'structArrayFieldSchemaType', Maker>
>;

export interface FormattedField {
  [key: string]: unknown;
  name: string;
  dataType: DataType;
  elementType?: DataType;
  typeParams: KeyValuePair<string, unknown>[];
  isPrimaryKey: boolean;
  isPartitionKey: boolean;
  isFunctionOutput: boolean;
  isClusteringKey: boolean;
  defaultValue?: Record<string, unknown>;
}
export interface FormattedStructField {
  name: string;
  description?: string;
  nullable: boolean;
  typeParams: KeyValuePair<string, unknown>[];
  fields: FormattedField[];
}
export interface FormattedFunction {
  [key: string]: unknown;
  name: string;
  params: KeyValuePair<string, string>[];
}
export interface FormattedCollection {
  name: string;
  description: string;
  enableDynamicField: boolean;
  fields: FormattedField[];
  structArrayFields: FormattedStructField[];
  functions?: FormattedFunction[];
  externalSource?: string;
  externalSpec?: string;
  fileResourceIds?: (number | string)[];
}

function made<T extends object>(maker: Maker | undefined, shape: T): T {
  return maker ? (maker.create(shape) as T) : shape;
}

const DATA_KEYS: Partial<Record<DataType, string>> = {
  [DataType.None]: 'none',
  [DataType.Struct]: 'none',
  [DataType.Bool]: 'bool_data',
  [DataType.Int8]: 'int_data',
  [DataType.Int16]: 'int_data',
  [DataType.Int32]: 'int_data',
  [DataType.Int64]: 'long_data',
  [DataType.Float]: 'float_data',
  [DataType.Double]: 'double_data',
  [DataType.VarChar]: 'string_data',
  [DataType.Text]: 'string_data',
  [DataType.Array]: 'array_data',
  [DataType.JSON]: 'json_data',
  [DataType.Geometry]: 'geometry_wkt_data',
  [DataType.Timestamptz]: 'timestamptz_data',
  [DataType.BinaryVector]: 'binary_vector',
  [DataType.FloatVector]: 'float_vector',
  [DataType.Float16Vector]: 'float16_vector',
  [DataType.BFloat16Vector]: 'bfloat16_vector',
  [DataType.SparseFloatVector]: 'sparse_float_vector',
  [DataType.Int8Vector]: 'int8_vector',
  [DataType.ArrayOfVector]: 'vector_array',
};

/** The proto's name of the list that holds values of a type. */
export function getDataKey(type: DataType, camelCase = false): string {
  const key = DATA_KEYS[type];
  if (key === undefined) throw new Error(`${ERROR_REASONS.INSERT_CHECK_WRONG_DATA_TYPE} "${type}."`);
  return camelCase ? key.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase()) : key;
}

export function buildDefaultSchema(data: {
  primary_field_name: string;
  vector_field_name: string;
  dimension: number;
  id_type: DataType.Int64 | DataType.VarChar;
  auto_id: boolean;
}): FieldType[] {
  return [
    { name: data.primary_field_name, data_type: data.id_type, is_primary_key: true, autoID: data.auto_id },
    { name: data.vector_field_name, data_type: DataType.FloatVector, dim: data.dimension },
  ];
}

const TYPE_PARAM_KEYS = [
  'dim',
  'max_length',
  'max_capacity',
  'enable_match',
  'enable_analyzer',
  'analyzer_params',
  'multi_analyzer_params',
  'mmap.enabled',
];

/** A copy whose type parameters all lie in `type_params`, as text. */
export function assignTypeParams(field: FieldType, typeParamKeys: string[] = TYPE_PARAM_KEYS): FieldType {
  const copy = cloneObj(field);
  const own = copy as unknown as Record<string, TypeParam | null | undefined>;
  const params: Record<string, TypeParam> = copy.type_params ?? {};
  for (const key of typeParamKeys) {
    if (!(key in own)) continue;
    const value = own[key];
    params[key] = typeof value === 'object' ? JSON.stringify(value) : String(value ?? '');
    delete own[key];
  }
  if (Object.keys(params).length) copy.type_params = params;
  else delete copy.type_params;
  return copy;
}

/** Milvus keeps such defaults as microseconds; given as text, as milliseconds or as microseconds. */
function timestamptzDefault(value: unknown): unknown {
  if (typeof value === 'string') return (new Date(value).getTime() * 1000).toString();
  if (typeof value === 'number') return Math.floor(value < 1e12 ? value * 1000 : value).toString();
  return value;
}

export function formatFieldSchema(
  field: FieldType,
  schemaTypes: SchemaTypes = {},
  override: { partition_key_field?: string; functionOutputFields?: string[]; clustering_key_field?: string } = {}
): FormattedField {
  // A BigInt default would not survive the copy that assignTypeParams makes.
  const { default_value, ...copied } = field;
  const { type_params, data_type, element_type, is_function_output, is_partition_key, is_primary_key, external_field, ...rest } =
    assignTypeParams(copied);
  const dataType = convertToDataType(field.data_type);
  const shape: FormattedField = {
    ...rest,
    typeParams: parseToKeyValue(type_params),
    data_type,
    dataType,
    isPrimaryKey: !!is_primary_key,
    isPartitionKey: !!is_partition_key || field.name === override.partition_key_field,
    isFunctionOutput: !!is_function_output || !!override.functionOutputFields?.includes(field.name),
    isClusteringKey: !!field.is_clustering_key || field.name === override.clustering_key_field,
  };
  if (external_field) shape.externalField = external_field;
  if ((dataType === DataType.Array || dataType === DataType.ArrayOfVector) && element_type !== undefined) {
    shape.elementType = convertToDataType(element_type);
    shape.element_type = element_type;
  }
  if (default_value !== undefined) {
    const value = dataType === DataType.Timestamptz ? timestamptzDefault(default_value) : default_value;
    shape.default_value = default_value;
    shape.defaultValue = { [getDataKey(dataType, true)]: value };
  }
  return made(schemaTypes.fieldSchemaType, shape);
}

function functionTypeNumber(type: FunctionObject['type']): FunctionType | string {
  if (typeof type !== 'string') return type;
  const names = FunctionType as unknown as Record<string, FunctionType | undefined>;
  return names[type] ?? names[type.toUpperCase()] ?? type;
}

export function formatFunctionSchema(func: FunctionObject): FormattedFunction {
  const { input_field_names, output_field_names, type, ...rest } = func;
  return {
    ...rest,
    type: functionTypeNumber(type),
    input_field_names: input_field_names || [],
    output_field_names: output_field_names || [],
    params: parseToKeyValue(func.params, true),
  };
}

export function formatStructArrayFieldSchema(field: FieldType, schemaTypes: SchemaTypes = {}): FormattedStructField {
  const params = { ...assignTypeParams(field).type_params };
  delete params.max_capacity;
  const max_capacity = field.max_capacity ?? field.type_params?.max_capacity;
  const nullable = field.nullable === true;
  return made(schemaTypes.structArrayFieldSchemaType, {
    name: field.name,
    description: field.description,
    nullable,
    typeParams: parseToKeyValue(params),
    fields: (field.fields ?? []).map(child => {
      const element_type = convertToDataType(child.data_type);
      const data_type = isVectorType(element_type) ? DataType.ArrayOfVector : DataType.Array;
      return formatFieldSchema({ ...child, element_type, data_type, max_capacity, nullable }, schemaTypes);
    }),
  });
}

export function formatCollectionSchema(data: CreateCollectionReq, schemaTypes: SchemaTypes = {}): FormattedCollection {
  const fields = 'schema' in data && data.schema ? data.schema : (data as { fields: FieldType[] }).fields;
  const functionOutputFields = (data.functions ?? []).flatMap(func => func.output_field_names ?? []);
  const isStructArray = (field: FieldType): boolean => field.data_type === DataType.Array && field.element_type === DataType.Struct;
  const override = {
    partition_key_field: data.partition_key_field,
    clustering_key_field: data.clustering_key_field,
    functionOutputFields,
  };
  const payload: FormattedCollection = {
    name: data.collection_name,
    description: data.description || '',
    enableDynamicField: !!data.enableDynamicField || !!data.enable_dynamic_field,
    fields: fields.filter(field => !isStructArray(field)).map(field => formatFieldSchema(field, schemaTypes, override)),
    structArrayFields: fields.filter(isStructArray).map(field => formatStructArrayFieldSchema(field, schemaTypes)),
  };
  if (data.functions) {
    payload.functions = data.functions.map(func => {
      const { input_field_names, output_field_names, type, ...rest } = func;
      return made(schemaTypes.functionSchemaType, {
        ...rest,
        type: functionTypeNumber(type),
        inputFieldNames: input_field_names || [],
        outputFieldNames: output_field_names || [],
        params: parseToKeyValue(func.params, true),
      });
    });
  }
  if (data.external_source) payload.externalSource = data.external_source;
  if (data.external_spec) payload.externalSpec = data.external_spec;
  if (data.file_resource_ids) payload.fileResourceIds = data.file_resource_ids;
  return payload;
}

/** With the proto's snake_case keys. */
export function wireFieldSchema(field: FormattedField): object {
  const { dataType, defaultValue } = field;
  return {
    fieldID: field.fieldID,
    name: field.name,
    is_primary_key: field.isPrimaryKey,
    description: field.description,
    data_type: dataType,
    type_params: field.typeParams,
    index_params: field.indexParams,
    autoID: field.autoID,
    state: field.state,
    element_type: field.elementType,
    default_value: defaultValue && { [getDataKey(dataType)]: defaultValue[getDataKey(dataType, true)] },
    is_dynamic: field.isDynamic,
    is_partition_key: field.isPartitionKey,
    is_clustering_key: field.isClusteringKey,
    nullable: field.nullable,
    is_function_output: field.isFunctionOutput,
    external_field: field.externalField,
  };
}

export function wireStructField(field: FormattedStructField): object {
  return {
    name: field.name,
    description: field.description,
    type_params: field.typeParams,
    nullable: field.nullable,
    fields: field.fields.map(wireFieldSchema),
  };
}

export function wireCollectionSchema(data: CreateCollectionReq): object {
  const schema = formatCollectionSchema(data);
  return {
    name: schema.name,
    description: schema.description,
    enable_dynamic_field: schema.enableDynamicField,
    fields: schema.fields.map(wireFieldSchema),
    functions: (data.functions ?? []).map(formatFunctionSchema),
    struct_array_fields: schema.structArrayFields.map(wireStructField),
    external_source: schema.externalSource,
    external_spec: schema.externalSpec,
    file_resource_ids: schema.fileResourceIds,
  };
}

export type DataTypeName = keyof typeof DataTypeMap;
