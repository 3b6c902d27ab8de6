// The coordinator's nested workers, behind the `host` object that the wasm module calls.

import { Channel } from '../client/connection/channel.js';
import { WorkerDied, messageOf } from '../client/errors.js';
import type { Connect, Fatal, NodeConfig, PortEnd, Ready } from '../client/wire/messages.js';

export interface NodeAnswer {
  body: string;
  blobs: Uint8Array[];
}

interface Node {
  worker: Worker;
  channel: Channel;
}

/** For a worker that waits to become a node: it is ended when none was wanted for so long. */
const SPARE_MS = 5000;

const startWorker = (): Worker => new Worker(new URL('./node.js', import.meta.url), { type: 'module', name: 'elanus-node' });

/** A worker that starts while the coordinator is opening, for the first node that is wanted. */
export class Spare {
  #worker: Worker | undefined;

  constructor() {
    const worker = startWorker();
    this.#worker = worker;
    worker.onerror = event => {
      event.preventDefault();
      this.#end();
    };
    setTimeout(() => this.#end(), SPARE_MS);
  }

  #end(): void {
    this.#worker?.terminate();
    this.#worker = undefined;
  }

  /** It once; then new ones. */
  take(): Worker {
    const worker = this.#worker ?? startWorker();
    this.#worker = undefined;
    return worker;
  }
}

export class Nodes {
  #module: WebAssembly.Module;
  #spare: Spare;
  #nodes = new Map<string, Node>();
  #starting = new Map<string, { worker: Worker; end: () => void }>();
  #onDeath: ((id: string, reason: string) => void) | undefined;
  #onEvent: ((id: string, event: string, detail: string) => void) | undefined;

  constructor(module: WebAssembly.Module, spare: Spare) {
    this.#module = module;
    this.#spare = spare;
  }

  onDeath(callback: (id: string, reason: string) => void): void {
    this.#onDeath = callback;
  }

  onEvent(callback: (id: string, event: string, detail: string) => void): void {
    this.#onEvent = callback;
  }

  /** Resolves when the node's role is open; rejects with `{dead: true}` when it is ended before. */
  spawn(kind: 'query' | 'data', id: string, config: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const worker = this.#spare.take();
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
        gone(event.message || 'the worker script could not be run');
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
      worker.postMessage({ open: { id, kind, config, module: this.#module } } satisfies NodeConfig);
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
    this.#onDeath?.(id, `node ${id} ended`);
  }
}

function dead(reason: string): Error & { dead: true } {
  return Object.assign(new Error(reason), { dead: true as const });
}
