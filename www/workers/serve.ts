// What every worker does: hold the lock that says it lives, answer requests on its ports, and end itself after a panic (a
// panicked wasm instance never settles its promises, so it must not be asked again).

import { KNOCK, LEAVE, servingPort, type Port } from '../client/connection/port.js';
import { LastingFault } from '../client/script-fault.js';
import type { Connect, EngineEvent, Fatal, Hello, Piece, PortEnd, Received, ReceivedBlob, Reply, Request } from '../client/wire/messages.js';
import { PROTOCOL, workerLock } from '../client/wire/messages.js';
import { Assembly } from '../client/wire/pieces.js';
import { scope } from './scope.js';

export interface Answer {
  body: string;
  blobs: Uint8Array[];
  ports?: PortEnd[];
}
/** Some can be sent ports only by name. */
export type Handle = (method: string, body: string, blobs: ReceivedBlob[], byName: boolean) => Promise<Answer>;

export interface Served {
  connect(end: PortEnd): void;
  emit(event: string, body: string): void;
}

/** Less is copied in a shorter time than it is moved. */
const MOVED_BYTES = 64 << 10;

const ports = new Set<Port>();
let ending = false;

/** Tells everyone who may be waiting, then ends. The lock goes with the worker, for those who miss the message. */
export function fatal(error: unknown): void {
  if (ending) return;
  ending = true;
  const reason = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  const message: Fatal = { fatal: reason, isFinal: error instanceof LastingFault };
  console.error('elanus: a worker ends', error);
  for (const port of ports) port.postMessage(message);
  scope.postMessage(message);
  scope.close();
}

export function endOnErrors(): void {
  scope.addEventListener('error', event => fatal((event as ErrorEvent).error ?? (event as ErrorEvent).message));
  scope.addEventListener('unhandledrejection', event => fatal((event as PromiseRejectionEvent).reason));
}

/** Resolves when the lock is held; it is held until the worker ends. */
export function holdLifeLock(id: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const hold = (lock: Lock | null): Promise<never> => {
      // Whoever waits for the end of one of two would hear of the other's.
      if (!lock) throw new Error(`another worker is called ${id}`);
      resolve();
      return new Promise(() => undefined);
    };
    navigator.locks.request(workerLock(id), { ifAvailable: true }, hold).catch(reject);
  });
}

/** Buffers that are the blob's own are moved; views of a larger one (wasm memory) are copied. */
export function ownedBlobs(blobs: Uint8Array[]): Uint8Array<ArrayBuffer>[] {
  return blobs.map(blob => {
    const whole = blob.byteLength === blob.buffer.byteLength && blob.buffer instanceof ArrayBuffer;
    return whole ? (blob as Uint8Array<ArrayBuffer>) : new Uint8Array(blob);
  });
}

export function serve(id: string, handle: Handle): Served {
  const answer = async (port: Port, byName: boolean, request: Received): Promise<void> => {
    const { body, blobs, ports: passed = [] } = await handle(request.method, request.body, request.blobs, byName);
    const owned = ownedBlobs(blobs);
    const reply: Reply = { id: request.id, body, blobs: owned };
    if (passed.length) reply.ports = passed;
    const buffers = new Set(owned.map(blob => blob.buffer).filter(buffer => buffer.byteLength >= MOVED_BYTES));
    port.postMessage(reply, [...buffers, ...passed.filter(end => typeof end !== 'string')]);
  };
  return {
    connect(end) {
      const port = servingPort(end);
      const byName = typeof end === 'string';
      const assembly = new Assembly();
      const greet = (): void => port.postMessage({ hello: id, protocol: PROTOCOL } satisfies Hello);
      ports.add(port);
      port.onmessage = ({ data }: MessageEvent<Request | Piece | typeof KNOCK | typeof LEAVE>) => {
        if (data === LEAVE) {
          ports.delete(port);
          port.close();
        } else if (data === KNOCK) greet();
        else {
          const request = assembly.add(data);
          // Handlers answer refusals themselves, so a rejection means that the instance is broken.
          if (request) answer(port, byName, request).catch(fatal);
        }
      };
      greet();
    },
    emit(event, body) {
      for (const port of ports) port.postMessage({ event, body } satisfies EngineEvent);
    },
  };
}

export function isConnect(data: object): data is Connect {
  return 'connect' in data;
}
