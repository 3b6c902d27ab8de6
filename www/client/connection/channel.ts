// Requests and replies on one port to one worker. Every call settles: with the reply, or with WorkerDied when the worker
// ended, or with the reason the channel was closed for.

import { WorkerDied } from '../errors.js';
import type { EngineEvent, FromWorker, Piece, Reply, Request } from '../wire/messages.js';
import { sendCopy, type OutgoingBlob } from '../wire/pieces.js';
import { workerDeath } from './death-notice.js';
import { leave, type Port } from './port.js';

export interface Outgoing {
  method: string;
  body: string;
  blobs: OutgoingBlob[];
  /** Hand bytes over instead of copying them: they are gone afterwards. */
  transfer?: boolean;
  /** Whether anybody waits for the reply: what nobody waits for does not leave the page. */
  isWanted?(): boolean;
}

/** What was not sent is refused to nobody. Were it rejected, its route would be taken for a broken one. */
const UNWANTED = { body: '{"status":{"error_code":"UnexpectedError"}}', blobs: [] };

interface Pending {
  resolve(reply: Reply): void;
  reject(error: Error): void;
}

export class Channel {
  #port: Port;
  #pending = new Map<number, Pending>();
  #lastId = 0;
  #over: Error | undefined;
  #watch = new AbortController();
  #onEvent: ((event: EngineEvent) => void) | undefined;
  #onEnd: (() => void) | undefined;

  constructor(port: Port, workerId: string, handlers: { onEvent?(event: EngineEvent): void; onEnd?(): void } = {}) {
    this.#port = port;
    this.#onEvent = handlers.onEvent;
    this.#onEnd = handlers.onEnd;
    port.onmessage = (message: MessageEvent<FromWorker>) => this.#receive(message.data);
    void workerDeath(workerId, this.#watch.signal).then(() => this.close(new WorkerDied(`worker ${workerId} ended`)));
  }

  get isOpen(): boolean {
    return this.#over === undefined;
  }

  call(outgoing: Outgoing): Promise<Reply> {
    if (this.#over) return Promise.reject(this.#over);
    const id = ++this.#lastId;
    const { method, body, blobs, isWanted = () => true } = outgoing;
    if (!isWanted()) return Promise.resolve({ id, ...UNWANTED });
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      const request = { id, method, body, blobs };
      const send = (message: Request | Piece, transfer: ArrayBuffer[]): boolean => {
        if (this.#over) return false;
        if (!isWanted()) return this.#withdraw(id);
        this.#port.postMessage(message, transfer);
        return true;
      };
      const handOver = async (): Promise<void> => this.#port.postMessage(request, buffersOf(blobs));
      const sent = outgoing.transfer ? handOver() : sendCopy(request, send);
      sent.catch((error: Error) => this.#fail(id, error));
    });
  }

  /** Of the request only pieces have been sent. */
  #withdraw(id: number): false {
    this.#port.postMessage({ id, piece: null } satisfies Piece);
    this.#receive({ id, ...UNWANTED });
    return false;
  }

  #fail(id: number, error: Error): void {
    this.#pending.get(id)?.reject(error);
    this.#pending.delete(id);
  }

  /** Rejects everything pending with `reason`. */
  close(reason: Error): void {
    if (this.#over) return;
    this.#over = reason;
    this.#watch.abort();
    leave(this.#port);
    for (const pending of this.#pending.values()) pending.reject(reason);
    this.#pending.clear();
    this.#onEnd?.();
  }

  #receive(message: FromWorker): void {
    if ('id' in message) {
      const pending = this.#pending.get(message.id);
      this.#pending.delete(message.id);
      pending?.resolve(message);
    } else if ('fatal' in message) {
      this.close(new WorkerDied(message.fatal));
    } else if ('event' in message) {
      this.#onEvent?.(message);
    }
  }
}

const buffersOf = (blobs: OutgoingBlob[]): Transferable[] =>
  blobs.flat().flatMap(blob => (blob instanceof Blob ? [] : [blob.buffer as ArrayBuffer]));
