// Argument checks that need no engine, with the SDK's reasons and in its order.

import { DataType, DataTypeMap, ERROR_REASONS, MAX_PARTITIONS_NUMBER, MAX_PARTITION_KEY_FIELD_COUNT } from '../const/index.js';
import type { FieldType } from '../types/index.js';

type Maybe<T> = Partial<T> | null | undefined;

export function checkCollectionName(data: Maybe<{ collection_name: string }>): void {
  if (!data?.collection_name) throw new Error(ERROR_REASONS.COLLECTION_NAME_IS_REQUIRED);
}

export function checkCollectionAndPartitionName(data: Maybe<{ collection_name: string; partition_name: string }>): void {
  if (!data?.collection_name || !data.partition_name) throw new Error(ERROR_REASONS.COLLECTION_PARTITION_NAME_ARE_REQUIRED);
}

export function checkSearchParams(data: Maybe<{ collection_name: string; vectors: unknown; vector: unknown; data: unknown }>): void {
  checkCollectionName(data);
  if (!data?.vectors && !data?.vector && !data?.data) throw new Error(ERROR_REASONS.VECTORS_OR_VECTOR_IS_MISSING);
}

export function isVectorType(type: DataType): boolean {
  return type >= DataType.BinaryVector && type <= DataType.Int8Vector;
}

/** Name or number to number. Numbers pass unseen: the engine knows types that have no public name. */
export function convertToDataType(key: DataType | keyof typeof DataTypeMap): DataType {
  if (typeof key === 'string' && key in DataTypeMap) return DataType[key];
  if (typeof key === 'number') return key;
  throw new Error(ERROR_REASONS.FIELD_TYPE_IS_NOT_SUPPORT);
}

export function checkCollectionFields(fields: FieldType[]): boolean {
  return checkCollectionFieldsWithOptions(fields);
}

export function checkCollectionFieldsWithOptions(fields: FieldType[], options: { isExternalCollection?: boolean } = {}): boolean {
  const found = { primaryKey: false, vector: false, partitionKeys: 0 };
  checkFields(fields, found);
  if (options.isExternalCollection) return true;
  if (!found.primaryKey) throw new Error(ERROR_REASONS.CREATE_COLLECTION_CHECK_PRIMARY_KEY);
  if (!found.vector) throw new Error(ERROR_REASONS.CREATE_COLLECTION_CHECK_VECTOR_FIELD_EXIST);
  if (found.partitionKeys > MAX_PARTITION_KEY_FIELD_COUNT) throw new Error(ERROR_REASONS.PARTITION_KEY_FIELD_MAXED_OUT);
  return true;
}

function checkFields(fields: FieldType[], found: { primaryKey: boolean; vector: boolean; partitionKeys: number }): void {
  for (const field of fields) {
    if (!Object.hasOwn(field, 'data_type')) throw new Error(ERROR_REASONS.CREATE_COLLECTION_MISS_DATA_TYPE);
    const dataType = convertToDataType(field.data_type);
    const elementType = field.element_type ? convertToDataType(field.element_type) : undefined;
    const keyType = dataType === DataType.Int64 || dataType === DataType.VarChar;
    if (field.is_primary_key && keyType) found.primaryKey = true;
    if (field.is_partition_key) {
      if (!keyType || field.is_primary_key) throw new Error(ERROR_REASONS.INVALID_PARTITION_KEY_FIELD_TYPE);
      found.partitionKeys++;
    }
    if (isVectorType(dataType)) {
      const dim = Number(field.type_params?.dim ?? field.dim);
      if (!dim && dataType !== DataType.SparseFloatVector) throw new Error(ERROR_REASONS.CREATE_COLLECTION_CHECK_MISS_DIM);
      if (dataType === DataType.BinaryVector && dim % 8 !== 0) throw new Error(ERROR_REASONS.CREATE_COLLECTION_CHECK_BINARY_DIM);
      found.vector = true;
    }
    if (dataType === DataType.VarChar && !(field.type_params?.max_length ?? field.max_length)) {
      throw new Error(ERROR_REASONS.CREATE_COLLECTION_CHECK_MISS_MAX_LENGTH);
    }
    const structs = dataType === DataType.Struct || (dataType === DataType.Array && elementType === DataType.Struct);
    if (structs && field.fields) checkFields(field.fields, found);
  }
}

export function validatePartitionNumbers(num_partitions: number): void {
  if (num_partitions < 1 || num_partitions > MAX_PARTITIONS_NUMBER) throw new Error(ERROR_REASONS.INVALID_PARTITION_NUM);
}

export function isInvalidMessage(
  message: { code?: number; status?: { code?: number } } | null | undefined,
  codesToCheck: number[] = []
): boolean | null | undefined {
  return message && codesToCheck.some(code => code === message.code || (message.status && code === message.status.code));
}

/** What a server of before 2.2.9 cannot do; only asked when a connection said that it is one. */
export function checkCreateCollectionCompatibility(data: {
  enableDynamicField?: boolean;
  enable_dynamic_field?: boolean;
  fields?: FieldType[];
  schema?: FieldType[];
}): void {
  const refuse = (what: string): never => {
    throw new Error(`Your milvus server doesn't support ${what}, please upgrade your server.`);
  };
  if (data.enableDynamicField || data.enable_dynamic_field) refuse('dynamic schema');
  const fields = data.fields || data.schema || [];
  if (fields.some(field => field.is_partition_key === true)) refuse('partition key');
  if (fields.some(field => field.data_type === 'JSON' || field.data_type === DataType.JSON)) refuse('JSON data type');
}
