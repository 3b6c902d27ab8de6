// The client's configuration and the service's own calls.

import type { ImportState } from '../const/index.js';
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
  tls?: {
    rootCert?: unknown;
    rootCertPath?: string;
    privateKey?: unknown;
    privateKeyPath?: string;
    certChain?: unknown;
    certChainPath?: string;
    serverName?: string;
    skipCertCheck?: boolean;
    verifyOptions?: object;
  };
  pool?: object;
  __SKIP_CONNECT__?: boolean;
  loaderOptions?: { longs?: unknown; [option: string]: unknown };
  trace?: boolean;
  telemetry?: object;
  isGlobal?: boolean;
  /** Browser only: `strict` makes every acknowledged write of this client survive a power cut; `relaxed` (default) a killed browser. */
  durability?: 'relaxed' | 'strict';
  /**
   * Browser only: where files of 64 KB and more are written to. `opfs` (default) is the faster one where the browser has it, else
   * it means `indexeddb`, too. What is there is read from wherever it is; all tabs of a store do as the one that opened it first.
   */
  filesIn?: 'opfs' | 'indexeddb';
  /**
   * Browser only: what all loaded collections of the store may hold together; a load that would take more is refused. All
   * tabs of a store have the limit of the one that opened it first.
   */
  memoryLimitBytes?: number;
  /**
   * Browser only: a shard is loaded into as many workers as it has this much of what searches look at (128 MB by default), if there
   * are cores for them, and into 4 at most. They search side by side. As with `memoryLimitBytes`, the first tab decides.
   */
  nodeBytes?: number;
  /** Browser only: where the paths of files to import begin; by default at the page's own address. */
  baseUrl?: string;
}

/** Browser only: what `client.on` tells. */
export interface ClientEvents {
  loadprogress: LoadProgressEvent;
  importstate: ImportStateEvent;
}

/** An import has a new state, or is further than before. */
export interface ImportStateEvent {
  task: string;
  db_name: string;
  collection_name: string;
  state: ImportState;
  /** Percent; 100 when the rows can be found. */
  progress: number;
  /** Rows read so far. */
  row_count: string;
  /** Bytes of the files that are in the store. */
  stored_bytes: string;
  /** The job needs nobody any more who sends its files. One that is read soon completes without it. */
  is_stored: boolean;
  /** Empty unless it failed. */
  failed_reason: string;
}

export interface LoadProgressEvent {
  db_name: string;
  collection_name: string;
  /** Those that are being loaded. */
  partition_names: string[];
  /** Percent; 100 when all of them are searchable. */
  progress: number;
  /** `LoadStateNotLoad` when the load failed or was given up. */
  state: 'LoadStateLoading' | 'LoadStateLoaded' | 'LoadStateNotLoad';
}

export interface ServerInfo {
  build_tags?: string;
  build_time?: string;
  git_commit?: string;
  go_version?: string;
  deploy_mode?: string;
  reserved?: { [key: string]: any };
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
  analyzer_params?: Record<string, any>;
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
/** Browser only: what loaded collections hold. */
export interface GetMemoryUsageResponse {
  status: ResStatus;
  /** What all nodes have taken from the system. */
  total_bytes: number;
  /** `memoryLimitBytes` of the store's owner. */
  limit_bytes: number | null;
  collections: CollectionMemory[];
}

export interface CollectionMemory {
  db_name: string;
  collection_name: string;
  /** Of rows and indexes. */
  bytes: number;
  partitions: PartitionMemory[];
  /** The workers that hold it, one or more a shard. */
  nodes: { node: string; instance_bytes: number; allocated_bytes: number }[];
  /** Read from files since the nodes started, by field. */
  read_bytes: Record<string, number>;
  /** Searches read so much from files until it is in memory: a load answers before that. */
  awaited_bytes: number;
}

export interface PartitionMemory {
  name: string;
  rows: number;
  bytes: number;
  field_bytes: Record<string, number>;
  index_bytes: Record<string, number>;
}
