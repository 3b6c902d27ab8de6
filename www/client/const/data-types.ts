// Field types, function types and the types of query placeholders, with Milvus' numbers.

export enum DataType {
  None = 0,
  Bool = 1,
  Int8 = 2,
  Int16 = 3,
  Int32 = 4,
  Int64 = 5,
  Float = 10,
  Double = 11,
  VarChar = 21,
  Array = 22,
  JSON = 23,
  Geometry = 24,
  Text = 25,
  Timestamptz = 26,
  BinaryVector = 100,
  FloatVector = 101,
  Float16Vector = 102,
  BFloat16Vector = 103,
  SparseFloatVector = 104,
  Int8Vector = 105,
  ArrayOfVector = 106,
  Struct = 201,
}

export enum PlaceholderType {
  None = 0,
  BinaryVector = 100,
  FloatVector = 101,
  Float16Vector = 102,
  BFloat16Vector = 103,
  SparseFloatVector = 104,
  Int8Vector = 105,
  Int64 = 5,
  VarChar = 21,
  EmbListBinaryVector = 300,
  EmbListFloatVector = 301,
  EmbListFloat16Vector = 302,
  EmbListBFloat16Vector = 303,
  EmbListSparseFloatVector = 304,
  EmbListInt8Vector = 305,
}

export enum FunctionType {
  Unknown = 0,
  BM25 = 1,
  TEXTEMBEDDING = 2,
  RERANK = 3,
  MINHASH = 4,
  MOLFINGERPRINT = 5,
}

export enum FieldPartialUpdateOpType {
  REPLACE = 0,
  ARRAY_APPEND = 1,
  ARRAY_REMOVE = 2,
}

export const VectorDataTypes = [
  DataType.BinaryVector,
  DataType.FloatVector,
  DataType.Float16Vector,
  DataType.BFloat16Vector,
  DataType.SparseFloatVector,
  DataType.Int8Vector,
];

/** Type name to number; the names are what describeCollection answers. */
export const DataTypeMap = {
  None: 0,
  Bool: 1,
  Int8: 2,
  Int16: 3,
  Int32: 4,
  Int64: 5,
  Float: 10,
  Double: 11,
  VarChar: 21,
  Array: 22,
  JSON: 23,
  Geometry: 24,
  Text: 25,
  Timestamptz: 26,
  BinaryVector: 100,
  FloatVector: 101,
  Float16Vector: 102,
  BFloat16Vector: 103,
  SparseFloatVector: 104,
  Int8Vector: 105,
  ArrayOfVector: 106,
  Struct: 201,
} as const satisfies Record<string, number>;

export enum DataTypeStringEnum {
  None = 'None',
  Bool = 'Bool',
  Int8 = 'Int8',
  Int16 = 'Int16',
  Int32 = 'Int32',
  Int64 = 'Int64',
  Float = 'Float',
  Double = 'Double',
  VarChar = 'VarChar',
  Array = 'Array',
  JSON = 'JSON',
  Geometry = 'Geometry',
  Text = 'Text',
  Timestamptz = 'Timestamptz',
  BinaryVector = 'BinaryVector',
  FloatVector = 'FloatVector',
  Float16Vector = 'Float16Vector',
  BFloat16Vector = 'BFloat16Vector',
  SparseFloatVector = 'SparseFloatVector',
  Int8Vector = 'Int8Vector',
  ArrayOfVector = 'ArrayOfVector',
  Struct = 'Struct',
}
