// Databases.

import type { CallOptions, KeyValuePair, Properties, resStatusResponse } from './common.js';

export interface databaseReq extends CallOptions {
  db_name: string;
}
export interface CreateDatabaseRequest extends databaseReq {
  properties?: Properties;
}
export type DropDatabasesRequest = databaseReq;
export type DescribeDatabaseRequest = databaseReq;
export type ListDatabasesRequest = CallOptions;

export interface ListDatabasesResponse extends resStatusResponse {
  db_names: string[];
  db_ids: string[];
  created_timestamp: string[];
}
export interface DescribeDatabaseResponse extends resStatusResponse {
  db_name: string;
  dbID: number;
  created_timestamp: number;
  properties: KeyValuePair[];
}
export interface AlterDatabaseRequest extends databaseReq {
  db_id?: string;
  properties: Properties;
  delete_keys?: string[];
}
export interface DropDatabasePropertiesRequest extends databaseReq {
  properties: string[];
}
export type AlterDatabaseResponse = resStatusResponse;
