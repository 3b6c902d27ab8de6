// Declares the module that wasm-bindgen writes; replaced by its own declarations when the wasm is built.

export interface RoleReply {
  body: string;
  blobs: Uint8Array[];
  /** Ids of the nodes to which the reply must carry ports. */
  nodes?: string[];
}

declare class Role {
  /** Each blob in the parts that it came in. */
  handle(method: string, body: string, blobs: Uint8Array[][]): Promise<RoleReply>;
}

export class CoordinatorRole extends Role {
  static open(config: string, host: object): Promise<CoordinatorRole>;
  /** Keeps a Blob that came with a request until it is taken back; the number goes into the request as `handed`. */
  hand(blob: Blob): number;
  takeBack(handed: number): void;
}
/** The store, opened for a node; used up by becoming one. */
export class NodeStore {
  static open(config: string): Promise<NodeStore>;
}
export class QueryNodeRole extends Role {
  constructor(store: NodeStore, host: object);
}
export class DataNodeRole extends Role {
  /** `writer` writes files of OPFS beside it. */
  constructor(store: NodeStore, host: object, writer: object);
  /** Gives it bytes that it can open once by that name. */
  lend(name: string, blob: Blob): void;
}

export default function init(options: { module_or_path: WebAssembly.Module | URL }): Promise<unknown>;
