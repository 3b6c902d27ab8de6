// The browser's parts that the client needs, in one process: Web Locks, and workers that are plain objects. The coordinator
// is a table of handlers; nodes are too. `kill` ends a worker as a crash does: its lock is freed, no message is sent.
import { LEAVE } from '../../target/modules/client/connection/port.js';
import { PROTOCOL } from '../../target/modules/client/wire/messages.js';
import { Assembly } from '../../target/modules/client/wire/pieces.js';
import { concatBytes } from '../../target/modules/client/vectors.js';

class Locks {
  #queues = new Map();
  request(name, options, callback) {
    if (typeof options === 'function') [callback, options] = [options, {}];
    return new Promise((resolve, reject) => {
      const queue = this.#queues.get(name) ?? [];
      this.#queues.set(name, queue);
      const entry = { mode: options.mode ?? 'exclusive', held: false, callback, resolve, reject };
      queue.push(entry);
      options.signal?.addEventListener('abort', () => {
        if (entry.held) return;
        queue.splice(queue.indexOf(entry), 1);
        reject(options.signal.reason);
        this.#grant(name);
      });
      queueMicrotask(() => this.#grant(name));
    });
  }
  #grant(name) {
    const queue = this.#queues.get(name) ?? [];
    for (const entry of [...queue]) {
      if (entry.held) {
        if (entry.mode === 'exclusive') return;
        continue;
      }
      if (entry.mode === 'exclusive' && queue[0] !== entry) return;
      entry.held = true;
      Promise.resolve(entry.callback({ name })).then(entry.resolve, entry.reject).finally(() => {
        queue.splice(queue.indexOf(entry), 1);
        this.#grant(name);
      });
      if (entry.mode === 'exclusive') return;
    }
  }
}

let ids = 0;
const OK = { extra_info: {}, error_code: 'Success', reason: '', code: 0, retriable: false, detail: '' };

export class MockWorker {
  static spawned = [];
  /** method -> (body, blobs, worker) => {body, blobs?, ports?}, for the next coordinators. */
  static handlers = {};
  static failBoot = '';
  /** Served by nodes: set by tests. */
  static nodeHandlers = {};

  constructor(url, options) {
    this.url = String(url);
    this.options = options;
    this.id = `worker-${++ids}`;
    this.log = [];
    this.ports = [];
    this.handlers = MockWorker.handlers;
    MockWorker.spawned.push(this);
  }
  postMessage(message) {
    queueMicrotask(() => this.#receive(message));
  }
  #receive(message) {
    if (this.dead) return;
    if (message.connect) {
      this.serve(message.connect);
      return;
    }
    this.config = message;
    if (MockWorker.failBoot) {
      this.onmessage?.({ data: { fatal: MockWorker.failBoot } });
      return;
    }
    this.live();
    this.onmessage?.({ data: { ready: this.id } });
  }
  live() {
    const lock = new Promise(resolve => (this.free = resolve));
    navigator.locks.request(`elanus:worker:${this.id}`, () => lock);
  }
  serve(port) {
    this.ports.push(port);
    const assembly = new Assembly();
    port.on('message', async message => {
      const request = message === LEAVE ? undefined : assembly.add(message);
      if (this.dead || !request) return;
      const { id, method, body } = request;
      const blobs = request.blobs.map(parts => (parts instanceof Blob ? parts : concatBytes(parts)));
      this.log.push(method);
      const handler = this.handlers[method];
      const answer = handler ? await handler(JSON.parse(body), blobs, this) : { body: { status: { ...OK, error_code: 'UnexpectedError', code: 10, reason: `service unimplemented: ${method} is not available in the browser` } } };
      if (this.dead || !answer) return;
      port.postMessage({ id, body: JSON.stringify(answer.body), blobs: answer.blobs ?? [], ...(answer.ports && { ports: answer.ports }) }, answer.ports ?? []);
    });
    port.postMessage({ hello: this.id, protocol: PROTOCOL });
  }
  /** A port to this worker, as a node hands them out. */
  newPort() {
    const { port1, port2 } = new MessageChannel();
    this.serve(port2);
    return port1;
  }
  kill() {
    if (this.dead) return;
    this.dead = true;
    for (const port of this.ports) port.close();
    this.free?.();
  }
  terminate() {
    this.kill();
  }
}

export function install() {
  Object.defineProperty(globalThis, 'navigator', { value: { locks: new Locks() }, configurable: true });
  globalThis.Worker = MockWorker;
  MockWorker.spawned = [];
  MockWorker.failBoot = '';
}

/** Puts something else in the place of globals until the test has ended. */
export function replaceGlobals(t, values) {
  for (const [name, value] of Object.entries(values)) {
    const before = Object.getOwnPropertyDescriptor(globalThis, name);
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
    t.after(() => (before ? Object.defineProperty(globalThis, name, before) : delete globalThis[name]));
  }
}

/** A node that answers reads with `handlers`. */
export function startNode(handlers) {
  const node = new MockWorker('node', {});
  MockWorker.spawned.pop();
  node.handlers = handlers;
  node.live();
  return node;
}

export const ok = OK;
export const connectHandlers = {
  Connect: () => ({ body: { status: OK, identifier: '7', server_info: { build_tags: 'test' } } }),
};
