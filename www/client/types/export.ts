// Export: rows as files that an import takes, here or on a server.

import type { CreateCollectionWithFieldsReq, FieldType } from './collection.js';
import type { KeyValuePair, collectionNameReq, keyValueObj, resStatusResponse } from './common.js';
import type { CreateIndexSimpleReq } from './index-build.js';

/** One JSON object a line; comma-separated values; Parquet; or a NumPy file for each field. */
export type ExportFormat = 'jsonl' | 'csv' | 'parquet' | 'npy';

export interface ExportReq extends collectionNameReq {
  /** All if there are none. The rows of all of them come into the same files. */
  partition_names?: string[];
  format: ExportFormat;
  filter?: string;
  exprValues?: keyValueObj;
  /**
   * Names of fields, or of keys of the dynamic field; all fields if there are none. The primary key always comes along, but
   * for one with autoID: imports generate it, so it has to be named if it is to be in the files.
   */
  output_fields?: string[];
  onProgress?: (progress: ExportProgress) => void;
}

export interface ExportProgress {
  /** Percent of the collection's rows that were looked at. */
  progress: number;
  /** Rows in the files so far. */
  row_count: number;
  /** Bytes of them; of a Parquet file before they are packed. */
  byte_count: number;
}

export type ExportedField = Omit<FieldType, 'default_value' | 'fields'> & { default_value?: number | string };

/** What `createCollection`, here or of the SDK, makes the same collection of; it is JSON. */
export type ExportedSchema = Omit<CreateCollectionWithFieldsReq, 'fields' | 'signal' | 'timeout'> & { fields: ExportedField[] };

/** What `createIndex`, here or of the SDK, makes the same index of, with a `collection_name`; it is JSON. */
export type ExportedIndex = Omit<CreateIndexSimpleReq, 'collection_name' | 'db_name' | 'signal' | 'timeout'>;

export interface ExportResult extends resStatusResponse {
  /** Only missing when the export was refused or broke off. */
  schema?: ExportedSchema;
  index_params: ExportedIndex[];
  /** For the `bulkInsert` of the files: what separates the cells of a CSV file, and which of them are null. */
  options: KeyValuePair[];
  row_count: number;
  /** Empty when the export was refused or broke off. */
  files: File[];
}
