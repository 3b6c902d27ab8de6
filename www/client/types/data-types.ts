// Values of fields: what insert accepts.

import type { LongLike } from './common.js';

export type FloatVector = number[] | Float32Array;
export type Float16Vector = number[] | Uint8Array;
export type BFloat16Vector = number[] | Uint8Array;
export type BinaryVector = number[];
export type Int8Vector = number[] | Int8Array;
export type SparseVectorArray = (number | undefined)[];
export type SparseVectorDic = { [key: string]: number };
export type SparseVectorCSR = { indices: number[]; values: number[] };
export type SparseVectorCOO = { index: number; value: number }[];
export type SparseFloatVector = SparseVectorArray | SparseVectorDic | SparseVectorCSR | SparseVectorCOO;
export type VectorTypes = FloatVector | Float16Vector | BinaryVector | BFloat16Vector | SparseFloatVector | Int8Vector;

export type Bool = boolean;
export type Int8 = number;
export type Int16 = number;
export type Int32 = number;
export type Int64 = number | bigint | string | LongLike;
export type Float = number;
export type Double = number;
export type VarChar = string;
export type JSON = { [key: string]: any };
export type Geometry = string;
export type Timestamptz = string;
export type Struct = {
  [key: string]: Bool | Int64 | Float | VarChar | JSON | Geometry | Timestamptz | VectorTypes;
};
export type Array = Bool[] | Int64[] | VarChar[] | Struct[] | Float32Array | BigInt64Array;

export type FieldData = Bool | Int64 | Float | VarChar | JSON | Array | VectorTypes | null | undefined;

/** A row as it was found. No type here knows what a field holds, so it can be taken for whatever the program knows that it is. */
export type FieldValues = Record<string, any>;

/** One row of insert and upsert. */
export interface RowData {
  [field: string]: FieldData;
}
