// Changes of a collection after its creation: properties, fields, functions.

import { DataType, ERROR_REASONS, ErrorCode, FunctionType, IndexType } from '../const/index.js';
import { formatFieldSchema, formatFunctionSchema, formatStructArrayFieldSchema, wireFieldSchema, wireStructField } from '../format/schema.js';
import { checkCollectionName, convertToDataType, isVectorType } from '../format/validate.js';
import { parseToKeyValue } from '../format/values.js';
import type {
  AddCollectionFieldReq,
  AddCollectionFieldsReq,
  AddCollectionFunctionReq,
  AddFunctionFieldReq,
  AlterCollectionFieldPropertiesReq,
  AlterCollectionFunctionReq,
  AlterCollectionReq,
  AlterCollectionSchemaReq,
  AlterCollectionSchemaResponse,
  DropCollectionFieldReq,
  DropCollectionFunctionReq,
  DropCollectionPropertiesReq,
  DropFunctionFieldReq,
  FunctionObject,
  ResStatus,
  collectionNameReq,
} from '../types/index.js';
import { SUCCESS } from '../wire/replies.js';
import { Loading } from './loading.js';

export class SchemaChanges extends Loading {
  async alterCollectionProperties(data: AlterCollectionReq): Promise<ResStatus> {
    checkCollectionName(data);
    const { collection_name, db_name } = data;
    return this.#alter('AlterCollection', data, { collection_name, db_name, properties: parseToKeyValue(data.properties) });
  }
  alterCollection = this.alterCollectionProperties;

  async dropCollectionProperties(data: DropCollectionPropertiesReq): Promise<ResStatus> {
    const { collection_name, db_name } = data;
    return this.#alter('AlterCollection', data, { collection_name, db_name, properties: [], delete_keys: data.properties });
  }

  async alterCollectionFieldProperties(data: AlterCollectionFieldPropertiesReq): Promise<ResStatus> {
    const { collection_name, db_name, field_name } = data;
    const body = { collection_name, db_name, field_name, properties: parseToKeyValue(data.properties) };
    return this.#alter('AlterCollectionField', data, body);
  }

  async #alterSchema(data: collectionNameReq, action: object): Promise<AlterCollectionSchemaResponse> {
    checkCollectionName(data);
    const body = { collection_name: data.collection_name, db_name: data.db_name, action };
    const reply = await this.call<AlterCollectionSchemaResponse>('AlterCollectionSchema', body, data);
    if (!reply.alter_status) throw new Error(ERROR_REASONS.ALTER_COLLECTION_SCHEMA_STATUS_IS_REQUIRED);
    if (reply.alter_status.error_code === ErrorCode.SUCCESS) this.forgetCollection(data);
    return reply;
  }

  async addCollectionField(data: AddCollectionFieldReq): Promise<ResStatus> {
    checkCollectionName(data);
    const { field, collection_name, db_name } = data;
    const type = convertToDataType(field.data_type);
    const element = field.element_type === undefined ? DataType.None : convertToDataType(field.element_type);
    if (type === DataType.Array && element === DataType.Struct) {
      if (field.nullable !== true) throw new Error(ERROR_REASONS.ADD_COLLECTION_STRUCT_FIELD_NULLABLE_REQUIRED);
      const struct_array_field_schema = wireStructField(formatStructArrayFieldSchema(field));
      return this.#alter('AddCollectionStructField', data, { collection_name, db_name, struct_array_field_schema });
    }
    if (isVectorType(type) && field.nullable !== true) throw new Error(ERROR_REASONS.ADD_COLLECTION_FIELD_VECTOR_NULLABLE_REQUIRED);
    const schema = wireFieldSchema(formatFieldSchema(field));
    return this.#alter('AddCollectionField', data, { collection_name, db_name, schema });
  }

  async #alter(method: string, data: collectionNameReq, body: object): Promise<ResStatus> {
    const status = await this.call<ResStatus>(method, body, data);
    if (status.error_code === ErrorCode.SUCCESS) this.forgetCollection(data);
    return status;
  }

  async addCollectionFields(data: AddCollectionFieldsReq): Promise<ResStatus> {
    const { collection_name, db_name, timeout, signal } = data;
    for (const field of data.fields) {
      const status = await this.addCollectionField({ collection_name, db_name, field, timeout, signal });
      if (status.error_code !== ErrorCode.SUCCESS) return status;
    }
    return { ...SUCCESS, extra_info: {} };
  }

  async alterCollectionSchema(data: AlterCollectionSchemaReq): Promise<AlterCollectionSchemaResponse> {
    checkCollectionName(data);
    if (!data.field) throw new Error(ERROR_REASONS.FUNCTION_FIELD_SCHEMA_IS_REQUIRED);
    if (!data.function) throw new Error(ERROR_REASONS.FUNCTION_SCHEMA_IS_REQUIRED);
    const field_info = {
      field_schema: wireFieldSchema(formatFieldSchema(data.field)),
      index_name: data.index_name || '',
      extra_params: parseToKeyValue(data.extra_params, true),
    };
    return this.#alterSchema(data, { add_request: { field_infos: [field_info], func_schema: [formatFunctionSchema(data.function)] } });
  }

  async addFunctionField(data: AddFunctionFieldReq): Promise<ResStatus> {
    if (!data.field) throw new Error(ERROR_REASONS.FUNCTION_FIELD_SCHEMA_IS_REQUIRED);
    if (!data.function) throw new Error(ERROR_REASONS.FUNCTION_SCHEMA_IS_REQUIRED);
    checkFunctionOutput(data.function, convertToDataType(data.field.data_type));
    const extra_params = boundIndexParams(data.extra_params);
    return (await this.alterCollectionSchema({ ...data, extra_params })).alter_status;
  }

  async dropCollectionField(data: DropCollectionFieldReq): Promise<ResStatus> {
    checkCollectionName(data);
    const { field_name, field_id } = data;
    const byName = typeof field_name === 'string' && field_name.length > 0;
    const byId =
      (typeof field_id === 'number' && Number.isSafeInteger(field_id) && field_id > 0) ||
      (typeof field_id === 'string' && /^[1-9]\d*$/.test(field_id) && BigInt(field_id) < 2n ** 63n);
    if (byName === byId) throw new Error(ERROR_REASONS.DROP_COLLECTION_FIELD_IDENTIFIER_IS_REQUIRED);
    return (await this.#alterSchema(data, { drop_request: byName ? { field_name } : { field_id } })).alter_status;
  }

  async dropFunctionField(data: DropFunctionFieldReq): Promise<ResStatus> {
    checkCollectionName(data);
    const { function_name } = data;
    if (!function_name) throw new Error(ERROR_REASONS.FUNCTION_NAME_IS_REQUIRED);
    const drop_request = { function_name, drop_function_output_fields: true };
    return (await this.#alterSchema(data, { drop_request })).alter_status;
  }

  async addCollectionFunction(data: AddCollectionFunctionReq): Promise<ResStatus> {
    checkCollectionName(data);
    if (!data.function) throw new Error(ERROR_REASONS.FUNCTION_SCHEMA_IS_REQUIRED);
    const { collection_name, db_name } = data;
    return this.call('AddCollectionFunction', { collection_name, db_name, functionSchema: formatFunctionSchema(data.function) }, data);
  }

  async alterCollectionFunction(data: AlterCollectionFunctionReq): Promise<ResStatus> {
    checkCollectionName(data);
    const { collection_name, db_name, function_name } = data;
    if (!function_name) throw new Error(ERROR_REASONS.FUNCTION_NAME_IS_REQUIRED);
    if (!data.function) throw new Error(ERROR_REASONS.FUNCTION_SCHEMA_IS_REQUIRED);
    const body = { collection_name, db_name, function_name, functionSchema: formatFunctionSchema(data.function) };
    return this.call('AlterCollectionFunction', body, data);
  }

  async dropCollectionFunction(data: DropCollectionFunctionReq): Promise<ResStatus> {
    checkCollectionName(data);
    const { collection_name, db_name, function_name } = data;
    if (!function_name) throw new Error(ERROR_REASONS.FUNCTION_NAME_IS_REQUIRED);
    return this.call('DropCollectionFunction', { collection_name, db_name, function_name }, data);
  }
}

function checkFunctionOutput(func: FunctionObject, output: DataType): void {
  const names = FunctionType as unknown as Record<string, FunctionType | undefined>;
  const type = typeof func.type === 'number' ? func.type : (names[func.type] ?? names[String(func.type).toUpperCase()]);
  if (type !== FunctionType.BM25 && type !== FunctionType.MINHASH) throw new Error(ERROR_REASONS.ADD_FUNCTION_FIELD_TYPE_NOT_SUPPORTED);
  const needed = type === FunctionType.BM25 ? DataType.SparseFloatVector : DataType.BinaryVector;
  if (output !== needed) throw new Error(ERROR_REASONS.ADD_FUNCTION_FIELD_OUTPUT_TYPE_NOT_SUPPORTED);
}

function boundIndexParams(given: Record<string, unknown> | undefined): Record<string, unknown> {
  const params = Object.fromEntries(Object.entries(given ?? {}).filter(([, value]) => value !== undefined));
  const nested = objectOf(params.params);
  if (nested && Object.keys(nested).some(key => Object.hasOwn(params, key))) {
    throw new Error(ERROR_REASONS.ADD_FUNCTION_FIELD_DUPLICATED_INDEX_PARAM);
  }
  const type = params.index_type || nested?.index_type;
  if (typeof type !== 'string' || type.length === 0) throw new Error(ERROR_REASONS.ADD_FUNCTION_FIELD_INDEX_TYPE_IS_REQUIRED);
  if (type === IndexType.AUTOINDEX) throw new Error(ERROR_REASONS.ADD_FUNCTION_FIELD_AUTOINDEX_NOT_SUPPORTED);
  return params;
}

/** Nested parameters may be JSON text; text that is no object is for the engine to refuse. */
function objectOf(value: unknown): Record<string, unknown> | undefined {
  let object = value;
  if (typeof value === 'string') {
    try {
      object = JSON.parse(value);
    } catch {
      return undefined;
    }
  }
  return object && typeof object === 'object' && !Array.isArray(object) ? (object as Record<string, unknown>) : undefined;
}
