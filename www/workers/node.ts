// A query node, which holds loaded segments and searches them, or a data node, which works in the background: opened by the
// coordinator with a config and the compiled module, then given ports.

import type { Connect, NodeConfig, PortEnd, Ready } from '../client/wire/messages.js';
import init, { DataNodeRole, QueryNodeRole, type RoleReply } from '../wasm/elanus.js';
import { FilesBeside } from './files-beside.js';
import { scope } from './scope.js';
import { endOnErrors, fatal, holdLifeLock, isConnect, serve, type Served } from './serve.js';

interface Role {
  handle(method: string, body: string, blobs: Uint8Array[][], from: number): Promise<RoleReply>;
  lend?(name: string, blob: Blob): void;
}
interface NodeHost {
  emit(event: string, body: string): void;
}

endOnErrors();
let served: Served | undefined;
const early: PortEnd[] = [];

async function start({ open: { id, kind, config, module } }: NodeConfig): Promise<void> {
  const beside = kind === 'data' ? new FilesBeside(id) : undefined;
  await Promise.all([init({ module_or_path: module }), holdLifeLock(id)]);
  const host: NodeHost = { emit: (event, body) => served?.emit(event, body) };
  const role: Role = beside ? await DataNodeRole.open(config, host, beside) : await QueryNodeRole.open(config, host);
  served = serve(id, async (method, body, blobs, asker) => {
    const [blob] = blobs;
    if (!(blob instanceof Blob)) return role.handle(method, body, blobs as Uint8Array[][], asker.number);
    role.lend?.(body, blob);
    return { body: '', blobs: [] };
  });
  for (const end of early.splice(0)) served.connect(end);
  scope.postMessage({ ready: id } satisfies Ready);
}

scope.onmessage = (message: MessageEvent<NodeConfig | Connect>) => {
  const { data } = message;
  if (!isConnect(data)) start(data).catch(fatal);
  else if (served) served.connect(data.connect);
  else early.push(data.connect);
};
