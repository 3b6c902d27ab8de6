/// <reference lib="esnext.disposable" preserve="true" />

// What every topic stands on: configuration, connection, and one way to call the engine.

import { StoreConnection } from '../connection/store-connection.js';
import { CONNECT_STATUS, DEFAULT_CONNECT_TIMEOUT, DEFAULT_DB, ERROR_REASONS, METADATA, TLS_MODE } from '../const/index.js';
import { ClientClosed, MilvusError, SERVICE_UNIMPLEMENTED, unavailable } from '../errors.js';
import { formatAddress, getAuthString, parseTimeToken } from '../format/values.js';
import type { CallOptions, ClientConfig, ClientEvents, ResStatus, ServerInfo } from '../types/index.js';
import type { Outgoing } from '../connection/channel.js';
import type { NodeReply } from '../connection/routes.js';
import type { EngineEvent } from '../wire/messages.js';
import type { OutgoingBlob } from '../wire/pieces.js';
import { randomId } from '../random-id.js';
import { inSteps, type Steps } from '../steps.js';
import { stringifyBody } from '../wire/json.js';
import { completeReply, statusOf } from '../wire/replies.js';
import { Waits } from '../waits.js';

/** The longest a call waits that asks for no limit: a day, as in the SDK. */
const NO_TIMEOUT_MS = 24 * 60 * 60 * 1000;

/** Keys of requests that are for the client, not for the engine. */
const CLIENT_KEYS = new Set(['timeout', 'signal', 'client_request_id', 'client-request-id', 'transformers', 'cache', 'fields_data', 'exprValues']);

/** Of calls that read: what is no list is refused in the SDK's words, not by the engine, which would not say which it was. */
function withLists(method: string, body: Record<string, unknown>): Record<string, unknown> {
  for (const key of ['output_fields', 'partition_names']) {
    if (Array.isArray(body[key] ?? [])) continue;
    throw new TypeError(`Request message serialization failure: .milvus.proto.milvus.${method}Request.${key}: array expected`);
  }
  return body;
}

/** `indexeddb://library` and `http://localhost:19530/` name the stores `library` and `localhost:19530`. */
export function storeName(address: string): string {
  return formatAddress(address.replace(/^indexeddb:\/\//, '')).replace(/\/+$/, '');
}

/** As the SDK would secure its connection; here there is none. */
function tlsMode({ address, ssl, tls }: ClientConfig): TLS_MODE {
  if (tls?.skipCertCheck) return TLS_MODE.UNAUTHORIZED;
  if (tls?.privateKey || tls?.privateKeyPath) return TLS_MODE.TWO_WAY;
  return ssl || tls?.rootCert || tls?.rootCertPath || address.startsWith('https://') ? TLS_MODE.ONE_WAY : TLS_MODE.DISABLED;
}

export interface NodeRequest {
  method: string;
  collection_name: string;
  db_name?: string;
  partition_names?: string[];
  bodyFor(nodes: number): object;
  blobs?: Uint8Array<ArrayBuffer>[];
}

export interface BytesReply<T> {
  reply: T;
  blobs: Uint8Array<ArrayBuffer>[];
}

export class BaseClient {
  clientId = randomId();
  connectStatus: CONNECT_STATUS = CONNECT_STATUS.NOT_CONNECTED;
  connectPromise: Promise<void> = Promise.resolve();
  readonly tlsMode: TLS_MODE;
  readonly config: ClientConfig;
  serverInfo: ServerInfo = {};
  /** Of calls that name none, in milliseconds. */
  timeout: number;
  protected readonly metadata = new Map<string, string>();
  #connection: StoreConnection | undefined;
  #closing: Promise<CONNECT_STATUS> | undefined;
  #waits = new Waits();
  #reconnect: (() => void) | undefined;

  constructor(configOrAddress: ClientConfig | string, ssl?: boolean, username?: string, password?: string, channelOptions?: object) {
    const config: ClientConfig =
      typeof configOrAddress === 'object' ? configOrAddress : { address: configOrAddress, ssl, username, password, channelOptions };
    if (!config.address) throw new Error(ERROR_REASONS.MILVUS_ADDRESS_IS_REQUIRED);
    for (const name of ['memoryLimitBytes', 'nodeBytes'] as const) {
      const bytes = config[name];
      if (bytes !== undefined && !(Number.isSafeInteger(bytes) && bytes > 0)) {
        throw new Error(`${name} is ${bytes}: give a whole number of bytes`);
      }
    }
    const longs = config.loaderOptions?.longs;
    if (longs !== undefined && longs !== String) throw unavailable('another type than String for loaderOptions.longs');
    config.username ||= '';
    config.password ||= '';
    if (config.id) this.clientId = config.id;
    this.config = config;
    this.tlsMode = tlsMode(config);
    this.timeout = typeof config.timeout === 'string' ? parseTimeToken(config.timeout) : config.timeout || DEFAULT_CONNECT_TIMEOUT;
    const auth = getAuthString(config);
    if (auth) this.metadata.set(METADATA.AUTH, auth);
    this.metadata.set(METADATA.DATABASE, config.database || DEFAULT_DB);
  }

  /** Opens the store; calls made before it is open wait for it. */
  connect(sdkVersion: string): void {
    if (this.#closing) return;
    this.connectStatus = CONNECT_STATUS.CONNECTING;
    this.connectPromise = this.#connect(sdkVersion);
    // Whoever awaits a call learns of the failure there; the next one that needs a connection tries again.
    const reconnect = (): void => this.connect(sdkVersion);
    this.#reconnect = undefined;
    this.connectPromise.catch(() => (this.#reconnect = reconnect));
  }

  /** Resolves when the store is open; a store that could not be opened before is tried again. */
  protected async connected(options?: CallOptions): Promise<void> {
    this.#reconnect?.();
    await this.#within(() => this.connectPromise, options);
  }

  async #connect(sdkVersion: string): Promise<void> {
    const reply = await this.call<{ identifier: string; server_info: ServerInfo | null }>('Connect', {
      client_info: {
        sdk_type: 'nodejs',
        sdk_version: sdkVersion,
        local_time: new Date().toISOString().replace('T', ' ').slice(0, 23),
        user: this.config.username,
        reserved: this.config.option || {},
      },
    });
    if (this.#closing) return;
    this.metadata.set(METADATA.CLIENT_ID, reply.identifier);
    this.serverInfo = reply.server_info ?? {};
    this.connectStatus = CONNECT_STATUS.CONNECTED;
  }

  async checkCompatibility(data: { message?: string; checker?: () => unknown } & CallOptions = {}): Promise<unknown> {
    await this.connected(data);
    if (this.connectStatus !== CONNECT_STATUS.UNIMPLEMENTED) return undefined;
    if (data.checker) return data.checker();
    throw new Error(
      data.message || 'This version of sdk is incompatible with the server, please downgrade your sdk or upgrade your server.'
    );
  }

  /** Gives up what is pending and lets go of the store; its last client in the page ends its workers. */
  closeConnection(): Promise<CONNECT_STATUS> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<CONNECT_STATUS> {
    this.connectStatus = CONNECT_STATUS.SHUTDOWN;
    this.#waits.abandon(new ClientClosed());
    this.#connection?.removeListener(this.#deliver);
    this.#connection?.release();
    this.#connection = undefined;
    return this.connectStatus;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.closeConnection();
  }

  #listeners = new Map<string, Set<(detail: unknown) => void>>();

  /** Browser only: hears what the engine tells of its own accord, in every tab of the store. */
  on<Name extends keyof ClientEvents>(event: Name, listener: (detail: ClientEvents[Name]) => void): this {
    const listeners = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, listeners.add(listener as (detail: unknown) => void));
    // A client that only listens has the store open too.
    this.#open();
    return this;
  }

  off<Name extends keyof ClientEvents>(event: Name, listener: (detail: ClientEvents[Name]) => void): this {
    this.#listeners.get(event)?.delete(listener as (detail: unknown) => void);
    return this;
  }

  #deliver = ({ event, body }: EngineEvent): void => {
    const listeners = this.#listeners.get(event);
    if (!listeners?.size) return;
    const detail: unknown = JSON.parse(body);
    for (const listener of listeners) listener(detail);
  };

  protected get isStrict(): boolean {
    return this.config.durability === 'strict';
  }

  protected get database(): string {
    return this.metadata.get(METADATA.DATABASE) ?? DEFAULT_DB;
  }

  #open(): StoreConnection {
    if (this.#closing) throw new ClientClosed();
    if (!this.#connection) {
      const { address, durability, filesIn, memoryLimitBytes, nodeBytes } = this.config;
      const engine = { memory_limit_bytes: memoryLimitBytes, node_bytes: nodeBytes };
      this.#connection = StoreConnection.acquire({ store: storeName(address), durability, files_in: filesIn, engine });
      this.#connection.addListener(this.#deliver);
    }
    return this.#connection;
  }

  /** `data` without the client's own keys, with the database it is about. */
  protected requestBody(data: object, method?: string): Record<string, unknown> {
    const body: Record<string, unknown> = {};
    for (const [key, value] of Object.entries(data)) if (!CLIENT_KEYS.has(key)) body[key] = value;
    // These are about the database that they name, not about something in the one that is in use.
    if (method === 'CreateDatabase' || method === 'DropDatabase') body.db_name ??= '';
    else body.db_name ||= this.database;
    return body;
  }

  /** One call to the coordinator. `options` carries timeout and signal. */
  protected async call<T>(method: string, data: object, options?: CallOptions | null, blobs: OutgoingBlob[] = []): Promise<T> {
    return (await this.#exchange<T>(method, data, options, blobs)).reply;
  }

  /** One that is answered with bytes, too. */
  protected async callForBytes<T>(method: string, data: object, options: CallOptions, given: OutgoingBlob[] = []): Promise<BytesReply<T>> {
    const { reply, blobs } = await this.#exchange<T>(method, data, options, given);
    // What comes over a port has buffers of its own.
    return { reply, blobs: blobs as Uint8Array<ArrayBuffer>[] };
  }

  async #exchange<T>(
    method: string,
    data: object,
    options: CallOptions | null | undefined,
    blobs: OutgoingBlob[]
  ): Promise<{ reply: T; blobs: Uint8Array[] }> {
    const reply = await this.#within(async isWanted => {
      const connection = this.#open();
      return connection.call({ method, body: stringifyBody(this.requestBody(data, method)), blobs, transfer: true, isWanted });
    }, options);
    const body = this.#checked(completeReply(method, JSON.parse(reply.body) as Record<string, unknown>));
    return { reply: body as T, blobs: reply.blobs };
  }

  /** One call to the nodes that hold a collection; `bodyFor` their number is sent to each, and `unpack` makes one answer of theirs. */
  protected async read<T>(request: NodeRequest, unpack: (replies: NodeReply[]) => Steps<T>, options?: CallOptions): Promise<T> {
    const { method, collection_name, partition_names, bodyFor, blobs = [] } = request;
    const at = { db_name: request.db_name || this.database, collection_name };
    const complete = ({ body, blobs }: NodeReply): NodeReply => ({ body: this.#checked(completeReply(method, body)), blobs });
    return this.#within(async isWanted => {
      const connection = this.#open();
      const bodyOf = (nodes: number): string => stringifyBody(withLists(method, this.requestBody({ ...bodyFor(nodes), ...at })));
      const outgoing = (nodes: number): Outgoing => ({ method, body: bodyOf(nodes), blobs, isWanted });
      const replies = await connection.read({ ...at, partition_names }, outgoing);
      return inSteps(unpack(replies.map(complete)));
    }, options);
  }

  #checked(reply: Record<string, unknown>): Record<string, unknown> {
    const status = statusOf(reply);
    if (status?.code === SERVICE_UNIMPLEMENTED) throw new MilvusError(status);
    return reply;
  }

  #within<T>(work: (isWanted: () => boolean) => Promise<T>, options: CallOptions | null | undefined): Promise<T> {
    const timeout = options?.timeout === 0 ? NO_TIMEOUT_MS : options?.timeout || this.timeout;
    return this.#waits.within(work, timeout, options?.signal);
  }

  /** For methods that only a server can have. */
  protected unavailable(method: string): Promise<never> {
    return Promise.reject(unavailable(method));
  }
}

