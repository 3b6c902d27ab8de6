// What a page and its Parquet worker say to each other: one request at a time, each with one answer.

import type { DataType } from '../const/index.js';

export interface ParquetField {
  name: string;
  type: DataType;
  /** Type of an array's elements. */
  element?: DataType;
  nullable?: boolean;
}

/** A field that a file is to be imported into. */
export interface ImportField extends ParquetField {
  /** Null, or no column at all, is its default value. */
  hasDefault: boolean;
  /** A key that is given out. */
  isGenerated: boolean;
}

export interface ImportTarget {
  fields: ImportField[];
  /** Columns that are no field become keys of the dynamic field. */
  isDynamic: boolean;
  /** Keys that would be given out may be in the file. */
  takesGenerated: boolean;
}

export type ToParquet = { read: Blob; target: ImportTarget } | { more: true } | { write: ParquetField[] } | { batch: Uint8Array } | { finish: true };

/** `bytes` of JSON Lines until there are no more, or the written `file`. */
export type FromParquet = { bytes?: Uint8Array<ArrayBuffer>; file?: Blob } | { failed: string };
