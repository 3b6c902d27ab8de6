// The coordinator's nested workers, behind the `host` object that the wasm module calls.

import { Channel } from '../client/connection/channel.js';
import type { SpareWorker } from '../client/connection/spare-worker.js';
import { WorkerDied, messageOf } from '../client/errors.js';
import { scriptFault } from '../client/script-fault.js';
import type { Connect, Fatal, NodeConfig, NodeKind, NodeRole, PortEnd, Ready } from '../client/wire/messages.js';

export interface NodeAnswer {
  body: string;
  blobs: Uint8Array[];
}

interface Node {
  worker: Worker;
  channel: Channel;
}

export const startNode = (): Worker => new Worker(new URL('./node.js', import.meta.url), { type: 'module', name: 'elanus-node' });

export class Nodes {
  #module: WebAssembly.Module;
  #spare: SpareWorker;
  #config: NodeConfig | undefined;
  #nodes = new Map<string, Node>();
  #starting = new Map<string, { worker: Worker; end: () => void }>();
  #onDeath: ((id: string) => void) | undefined;
  #onEvent: ((id: string, event: string, detail: string) => void) | undefined;

  /** The spare worker is for the first node. */
  constructor(module: WebAssembly.Module, spare: SpareWorker) {
    this.#module = module;
    this.#spare = spare;
  }

  onDeath(callback: (id: string) => void): void {
    this.#onDeath = callback;
  }

  onEvent(callback: (id: string, event: string, detail: string) => void): void {
    this.#onEvent = callback;
  }

  /** What all of them open the store with. */
  openWith(config: string): void {
    this.#config = { open: { config, module: this.#module } };
    this.#spare.postMessage(this.#config);
  }

  #start(): Worker {
    const worker = startNode();
    worker.postMessage(this.#config);
    return worker;
  }

  /** Resolves when the node's role is open; rejects with `{dead: true}` when it is ended before. */
  spawn(kind: NodeKind, id: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const worker = this.#spare.take() ?? this.#start();
      const end = (): void => {
        worker.terminate();
        reject(dead(`node ${id} was ended`));
      };
      this.#starting.set(id, { worker, end });
      const gone = (reason: string): void => {
        worker.terminate();
        if (this.#starting.get(id)?.worker === worker) this.#starting.delete(id);
        reject(new Error(`node ${id}: ${reason}`));
        const node = this.#nodes.get(id);
        if (node?.worker === worker) node.channel.close(new WorkerDied(reason));
      };
      worker.onerror = event => {
        event.preventDefault();
        gone(scriptFault('./node.js', location.href, event.message));
      };
      worker.onmessage = (message: MessageEvent<Ready | Fatal>) => {
        if ('fatal' in message.data) {
          gone(message.data.fatal);
          return;
        }
        this.#starting.delete(id);
        const channel = new Channel(this.#port(worker), id, {
          onEvent: ({ event, body }) => this.#onEvent?.(id, event, body),
          onEnd: () => this.#ended(id, worker),
        });
        this.#nodes.set(id, { worker, channel });
        resolve();
      };
      worker.postMessage({ be: { id, kind } } satisfies NodeRole);
    });
  }

  /** Rejects with `{dead: true}` when the node ended before it answered. */
  async call(id: string, method: string, body: string, blobs: Uint8Array[]): Promise<NodeAnswer> {
    const node = this.#nodes.get(id);
    if (!node) throw dead(`node ${id} is gone`);
    try {
      const owned = blobs.map(blob => new Uint8Array(blob));
      const reply = await node.channel.call({ method, body, blobs: owned, transfer: true });
      return { body: reply.body, blobs: reply.blobs };
    } catch (error) {
      throw error instanceof WorkerDied ? dead(messageOf(error)) : error;
    }
  }

  /** The node has it before any call that is made later. */
  lend(id: string, name: string, blob: Blob): void {
    const lent = this.#nodes.get(id)?.channel.call({ method: 'Lend', body: name, blobs: [blob] });
    // A node that has ended wants nothing any more.
    lent?.catch(() => undefined);
  }

  terminate(id: string): void {
    this.#starting.get(id)?.end();
    this.#starting.delete(id);
    const node = this.#nodes.get(id);
    if (!node) return;
    this.#nodes.delete(id);
    node.worker.terminate();
    node.channel.close(new WorkerDied(`node ${id} was ended`));
  }

  /** A new port to a node, for a client. Nobody answers that of a node that is gone: its death notice says why. */
  portTo(id: string, byName: boolean): PortEnd {
    const worker = this.#nodes.get(id)?.worker;
    if (byName) {
      const name = crypto.randomUUID();
      worker?.postMessage({ connect: name } satisfies Connect);
      return name;
    }
    return worker ? this.#port(worker) : new MessageChannel().port1;
  }

  #port(worker: Worker): MessagePort {
    const { port1, port2 } = new MessageChannel();
    worker.postMessage({ connect: port2 } satisfies Connect, [port2]);
    return port1;
  }

  #ended(id: string, worker: Worker): void {
    // Gone from the map already: it was ended on purpose.
    if (this.#nodes.get(id)?.worker !== worker) return;
    this.#nodes.delete(id);
    worker.terminate();
    this.#onDeath?.(id);
  }
}

function dead(reason: string): Error & { dead: true } {
  return Object.assign(new Error(reason), { dead: true as const });
}
