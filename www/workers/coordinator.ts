// The coordinator's worker: one an origin and store, spawned by the page that owns the store. It compiles the wasm module
// once, hands it to its nodes, and passes requests to the role; what the role decides is Rust.

import { SpareWorker } from '../client/connection/spare-worker.js';
import { messageOf } from '../client/errors.js';
import { LastingFault } from '../client/script-fault.js';
import type { AmongTabs, Connect, NodeKind, Opening, PortEnd, Ready, ReceivedBlob, StoreConfig } from '../client/wire/messages.js';
import { PROTOCOL, tabsChannel } from '../client/wire/messages.js';
import { received } from '../client/wire/pieces.js';
import init, { CoordinatorRole, type RoleReply } from '../wasm/elanus.js';
import { Nodes, startNode } from './nodes.js';
import { scope } from './scope.js';
import { fetchSource, type Ask, type WantedSource } from './source-fetcher.js';
import { endOnErrors, fatal, holdLifeLock, isConnect, serve, type Answer, type Served } from './serve.js';

/** For how long a worker waits to become a node. */
const SPARE_NODE_MS = 5000;

async function compile(url: URL): Promise<WebAssembly.Module> {
  try {
    const response = await fetch(url);
    if (!response.ok) throw new Error(`${response.status} ${response.statusText}`);
    // Streaming needs the right MIME type, which many static servers do not send.
    const isWasm = response.headers.get('content-type')?.startsWith('application/wasm') ?? false;
    return await (isWasm ? WebAssembly.compileStreaming(response) : WebAssembly.compile(await response.arrayBuffer()));
  } catch (error) {
    throw new LastingFault(`${url.href}: ${messageOf(error)}`, { cause: error });
  }
}

/** Beside the page, whose thread may be busy for seconds: a tab that gets no answer takes the store over. */
function sayThatItIsOwned(store: string): void {
  const tabs = new BroadcastChannel(tabsChannel(store));
  tabs.onmessage = (message: MessageEvent<AmongTabs>) => {
    if ('ask' in message.data) tabs.postMessage({ owner: PROTOCOL, isNew: false } satisfies AmongTabs);
  };
}

/**
 * In a browser that has just started, the first answer of each takes a good part of the time of compiling. What fails here fails
 * again, and is told, when it is wanted.
 */
function wakeStorage(): void {
  void globalThis.indexedDB?.databases?.().catch(() => undefined);
  void navigator.storage?.getDirectory?.().catch(() => undefined);
}

endOnErrors();
// The page has not said yet whether it owns the store; it ends this worker if it does not.
const compiling = compile(new URL('../wasm/elanus_bg.wasm', import.meta.url));
wakeStorage();
let served: Served | undefined;
const early: PortEnd[] = [];

async function start(config: StoreConfig): Promise<void> {
  const id = crypto.randomUUID();
  const spare = new SpareWorker(startNode, SPARE_NODE_MS);
  const [module] = await Promise.all([compiling, holdLifeLock(id)]);
  await init({ module_or_path: module });
  const nodes = new Nodes(module, spare);
  scope.postMessage({ opening: true } satisfies Opening);
  const engine = { ...config.engine, name: id, cores: navigator.hardwareConcurrency };
  const role = await CoordinatorRole.open(JSON.stringify({ ...config, engine }), {
    openNodesWith: (nodeConfig: string) => nodes.openWith(nodeConfig),
    spawn: (kind: NodeKind, node: string) => nodes.spawn(kind, node),
    call: (node: string, method: string, body: string, blobs: Uint8Array[]) => nodes.call(node, method, body, blobs),
    lend: (node: string, name: string, blob: Blob) => nodes.lend(node, name, blob),
    terminate: (node: string) => nodes.terminate(node),
    onDeath: (callback: (node: string) => void) => nodes.onDeath(callback),
    onEvent: (callback: (node: string, event: string, detail: string) => void) => nodes.onEvent(callback),
    emit: (event: string, body: string) => {
      if (event === 'importsource') fetchSource(JSON.parse(body) as WantedSource, ask).catch(fatal);
      else served?.emit(event, body);
    },
  });
  /** A Blob goes into the store as it is, so the engine is only told of it; the bytes of an import's piece become one. */
  const handle = async (method: string, body: string, blobs: ReceivedBlob[]): Promise<RoleReply> => {
    const [given] = blobs;
    const blob = method === 'ImportPut' && Array.isArray(given) ? new Blob(given) : given;
    if (!(blob instanceof Blob)) return role.handle(method, body, blobs as Uint8Array[][]);
    const handed = role.hand(blob);
    try {
      return await role.handle(method, JSON.stringify({ ...JSON.parse(body), handed }), []);
    } finally {
      role.takeBack(handed);
    }
  };
  const ask: Ask = async (method, body, blobs = []) => JSON.parse((await handle(method, JSON.stringify(body), received(blobs))).body);
  served = serve(id, async (method, body, blobs, byName): Promise<Answer> => {
    const reply = await handle(method, body, blobs);
    if (!reply.nodes?.length) return reply;
    return { body: reply.body, blobs: reply.blobs, ports: reply.nodes.map(node => nodes.portTo(node, byName)) };
  });
  for (const end of early.splice(0)) served.connect(end);
  scope.postMessage({ ready: id } satisfies Ready);
}

scope.onmessage = (message: MessageEvent<StoreConfig | Connect>) => {
  const { data } = message;
  if (isConnect(data)) {
    if (served) served.connect(data.connect);
    else early.push(data.connect);
    return;
  }
  sayThatItIsOwned(data.store);
  start(data).catch(fatal);
};
