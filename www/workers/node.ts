// A query node, which holds loaded segments and searches them, or a data node, which works in the background. The coordinator
// has it open the store, tells it what it is, and gives it ports.

import type { Connect, NodeConfig, NodeRole, PortEnd, Ready } from '../client/wire/messages.js';
import init, { DataNodeRole, NodeStore, QueryNodeRole, type RoleReply } from '../wasm/elanus.js';
import { FilesBeside } from './files-beside.js';
import { scope } from './scope.js';
import { endOnErrors, fatal, holdLifeLock, serve, type Served } from './serve.js';

interface Role {
  handle(method: string, body: string, blobs: Uint8Array[][]): Promise<RoleReply>;
  lend?(name: string, blob: Blob): void;
}
interface NodeHost {
  emit(event: string, body: string): void;
}

endOnErrors();
let served: Served | undefined;
const early: PortEnd[] = [];

async function open({ open: { config, module } }: NodeConfig): Promise<NodeStore> {
  await init({ module_or_path: module });
  return NodeStore.open(config);
}

async function start({ be: { id, kind } }: NodeRole, opening: Promise<NodeStore>): Promise<void> {
  const beside = kind === 'data' ? new FilesBeside(id) : undefined;
  const [store] = await Promise.all([opening, holdLifeLock(id)]);
  const host: NodeHost = { emit: (event, body) => served?.emit(event, body) };
  const role: Role = beside ? new DataNodeRole(store, host, beside) : new QueryNodeRole(store, host);
  served = serve(id, async (method, body, blobs) => {
    const [blob] = blobs;
    if (!(blob instanceof Blob)) return role.handle(method, body, blobs as Uint8Array[][]);
    role.lend?.(body, blob);
    return { body: '', blobs: [] };
  });
  for (const end of early.splice(0)) served.connect(end);
  scope.postMessage({ ready: id } satisfies Ready);
}

let opening: Promise<NodeStore> | undefined;
scope.onmessage = (message: MessageEvent<NodeConfig | NodeRole | Connect>) => {
  const { data } = message;
  if ('open' in data) opening = open(data);
  else if ('be' in data) start(data, opening!).catch(fatal);
  else if (served) served.connect(data.connect);
  else early.push(data.connect);
};
