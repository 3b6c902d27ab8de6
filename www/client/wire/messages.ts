// Messages between pages and workers. Greetings, introductions, what tabs tell each other, and the names of locks and channels
// are read by tabs of other versions: they never change.

/** Raised when anything else here, or a request's or reply's body, changes so that the other side would misread it. */
export const PROTOCOL = 5;

/** What a port is sent as: itself, or its name where ports cannot travel. */
export type PortEnd = MessagePort | string;

export interface Request {
  id: number;
  method: string;
  body: string;
  blobs: RequestBlob[];
}
/** Comes before the request of that id: the next bytes of its last blob, which that has only the rest of. */
export interface Piece {
  id: number;
  /** `null`: the request will not come. */
  piece: Uint8Array<ArrayBuffer> | null;
}
/** Bytes, or a Blob that goes into the store as it is. */
export type RequestBlob = Uint8Array<ArrayBuffer> | Blob;
/** A request as it has arrived: its bytes are in the parts that they came in. */
export interface Received extends Omit<Request, 'blobs'> {
  blobs: ReceivedBlob[];
}
export type ReceivedBlob = Uint8Array<ArrayBuffer>[] | Blob;
export interface Reply {
  id: number;
  body: string;
  blobs: Uint8Array[];
  ports?: PortEnd[];
}
export interface Hello {
  hello: string;
  protocol: number;
}
export interface Fatal {
  fatal: string;
  /** Trying again does not help. Earlier versions neither say nor read it. */
  isFinal?: boolean;
}
export interface EngineEvent {
  event: string;
  body: string;
}
export type FromWorker = Reply | Hello | Fatal | EngineEvent;

/** The body of what the worker answers that writes files. */
export interface FileReply {
  value: number;
  error?: { name: string; message: string };
}

/** First message to a coordinator. */
export interface StoreConfig {
  store: string;
  durability?: 'relaxed' | 'strict';
  files_in?: 'opfs' | 'indexeddb';
  engine?: { memory_limit_bytes?: number; node_bytes?: number };
}
/** First message to a node: what it opens the store with, also before anybody wants it. */
export interface NodeConfig {
  open: { config: string; module: WebAssembly.Module };
}
export type NodeKind = 'query' | 'data';
/** Second message to a node: what it is. */
export interface NodeRole {
  be: { id: string; kind: NodeKind };
}
export interface Connect {
  connect: PortEnd;
}
/** From a worker to whoever spawned it. */
export interface Ready {
  ready: string;
}
/** From the coordinator's worker: its scripts are there, what it waits for now is the storage. */
export interface Opening {
  opening: true;
}

export type ToIntroducer = { store: string; role: 'owner' | 'gone' } | { store: string; want: MessagePort };
export type FromIntroducer = { store: string; owner: true } | { store: string; want: MessagePort };

/**
 * Over the store's broadcast channel. Whoever runs the coordinator answers `ask` with its protocol, and `want`, which is any
 * word, with the name of a port to the coordinator.
 */
export type AmongTabs = { ask: 'owner' } | { owner: number; isNew: boolean } | { want: string } | { offer: string; to: string };

export const tabsChannel = (store: string): string => `elanus:${store}:tabs`;
export const workerLock = (id: string): string => `elanus:worker:${id}`;
export const seizureLock = (store: string): string => `elanus:${store}:seizure`;
export const ownerLock = (store: string): string => `elanus:${store}:owner`;
