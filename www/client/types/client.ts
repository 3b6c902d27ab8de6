// The client's configuration and the service's own calls.

import type { CallOptions, ResStatus } from './common.js';

export interface ClientConfig {
  id?: string;
  /** `indexeddb://NAME`, or any server address: its text names the store. */
  address: string;
  token?: string;
  ssl?: boolean;
  username?: string;
  password?: string;
  channelOptions?: object;
  option?: Record<string, string>;
  /** Of every call, in milliseconds or as `30s`, `1m`, `1h`. */
  timeout?: number | string;
  maxRetries?: number;
  retryDelay?: number;
  database?: string;
  logLevel?: string;
  logPrefix?: string;
  tls?: object;
  pool?: object;
  __SKIP_CONNECT__?: boolean;
  loaderOptions?: object;
  trace?: boolean;
  telemetry?: object;
  isGlobal?: boolean;
  /** Browser only: `strict` makes every acknowledged write survive a power cut; `relaxed` (default) a killed browser. */
  durability?: 'relaxed' | 'strict';
}

export interface ServerInfo {
  build_tags?: string;
  build_time?: string;
  git_commit?: string;
  go_version?: string;
  deploy_mode?: string;
  reserved?: { [key: string]: unknown };
}

export interface GetVersionResponse {
  status: ResStatus;
  version: string;
}

export interface CheckHealthResponse {
  status: ResStatus;
  isHealthy: boolean;
  reasons: [];
}

export interface RunAnalyzerRequest extends CallOptions {
  analyzer_params?: Record<string, unknown>;
  text: string | string[];
  with_detail?: boolean;
  with_hash?: boolean;
  db_name?: string;
  collection_name?: string;
  field_name?: string;
  analyzer_names?: string[];
}

type AnalyzerToken = {
  token: string;
  start_offset: number;
  end_offset: number;
  position: number;
  position_length: number;
  hash: number;
};
export type AnalyzerResult = { tokens: AnalyzerToken[] };
export interface RunAnalyzerResponse {
  status: ResStatus;
  results: AnalyzerResult[];
}

export interface GetMemoryUsageReq extends CallOptions {
  db_name?: string;
  collection_name?: string;
}
/** Browser only: bytes held, by collection, partition, field and index. */
export interface GetMemoryUsageResponse {
  status: ResStatus;
  [figure: string]: unknown;
}
