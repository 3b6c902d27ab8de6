// Messages between pages and workers. Introductions are read by tabs of other versions: their shape never changes.

export interface Request {
  id: number;
  method: string;
  body: string;
  blobs: Uint8Array[];
}
export interface Reply {
  id: number;
  body: string;
  blobs: Uint8Array[];
  ports?: MessagePort[];
}
export interface Hello {
  hello: string;
}
export interface Fatal {
  fatal: string;
}
export interface EngineEvent {
  event: string;
  body: string;
}
export type FromWorker = Reply | Hello | Fatal | EngineEvent;

/** First message to a coordinator. */
export interface StoreConfig {
  store: string;
  durability?: 'relaxed' | 'strict';
  engine?: { memory_limit_bytes?: number };
}
/** First message to a node. */
export interface NodeConfig {
  open: { id: string; config: string; module: WebAssembly.Module };
}
export interface Connect {
  connect: MessagePort;
}
/** From a worker to whoever spawned it. */
export interface Ready {
  ready: string;
}

export type ToIntroducer = { store: string; role: 'owner' | 'gone' } | { store: string; want: MessagePort };
export type FromIntroducer = { store: string; owner: true } | { store: string; want: MessagePort };

export const workerLock = (id: string): string => `elanus:worker:${id}`;
export const ownerLock = (store: string): string => `elanus:${store}:owner`;
