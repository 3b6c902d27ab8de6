// Writing files of OPFS in a worker beside a node, which computes meanwhile.

import { Channel } from '../client/connection/channel.js';
import type { Connect, Fatal, FileReply, Ready } from '../client/wire/messages.js';
import { scope } from './scope.js';
import { fatal } from './serve.js';

/** Larger buffers are all of this size and are used again, because fresh ones cost more than the copy into them. */
const PIECE_BYTES = 8 << 20;
const SMALL_BYTES = 64 << 10;

/** A file that the worker has open alone. */
interface WriterFile {
  /** When it was opened. */
  bytes: number;
  /** Copies the bytes before it returns. Resolves with the number of those that could be written. */
  write(at: number, bytes: Uint8Array): Promise<number>;
  truncate(): Promise<unknown>;
  flush(): Promise<unknown>;
  /** Also more than once. */
  close(): Promise<unknown>;
}

export class FileWriter {
  #channel: Promise<Channel> | undefined;
  #spare: ArrayBuffer[] = [];

  /** Otherwise it starts with the first file. */
  start(): Promise<Channel> {
    if (!this.#channel) {
      this.#channel = startWorker();
      // Told to whoever opens a file.
      this.#channel.catch(() => undefined);
    }
    return this.#channel;
  }

  /** Opens a file alone. Rejects with the `DOMException` of `createSyncAccessHandle`. */
  async open(folders: string[], name: string): Promise<WriterFile> {
    const channel = await this.start();
    const file = crypto.randomUUID();
    const { value } = await this.#ask(channel, 'Open', { file, folders, name });
    let closing: Promise<unknown> | undefined;
    return {
      bytes: value,
      write: (at, bytes) => this.#write(channel, { file, at, length: bytes.length }, bytes),
      truncate: () => this.#ask(channel, 'Truncate', { file }),
      flush: () => this.#ask(channel, 'Flush', { file }),
      close: () => (closing ??= this.#ask(channel, 'Close', { file }).catch(fatal)),
    };
  }

  async #ask(channel: Channel, method: string, body: object, blobs: Uint8Array<ArrayBuffer>[] = []): Promise<FileReply> {
    const reply = await channel.call({ method, body: JSON.stringify(body), blobs, transfer: true });
    this.#spare.push(...reply.blobs.map(({ buffer }) => buffer as ArrayBuffer).filter(buffer => buffer.byteLength === PIECE_BYTES));
    const answer = JSON.parse(reply.body) as FileReply;
    if (answer.error) throw new DOMException(answer.error.message, answer.error.name);
    return answer;
  }

  async #write(channel: Channel, place: object, bytes: Uint8Array): Promise<number> {
    const isSmall = bytes.length < SMALL_BYTES;
    const buffer = isSmall ? new ArrayBuffer(bytes.length) : (this.#spare.pop() ?? new ArrayBuffer(PIECE_BYTES));
    const copy = new Uint8Array(buffer);
    copy.set(bytes);
    return (await this.#ask(channel, 'Write', place, [copy])).value;
  }
}

function startWorker(): Promise<Channel> {
  const id = `${scope.name}:files`;
  const worker = new Worker(new URL('./file-writer.js', import.meta.url), { type: 'module', name: id });
  return new Promise((resolve, reject) => {
    worker.onerror = event => {
      event.preventDefault();
      reject(new Error(event.message || 'the worker that writes files could not be run'));
    };
    worker.onmessage = (message: MessageEvent<Ready | Fatal>) => {
      if ('fatal' in message.data) return reject(new Error(message.data.fatal));
      const { port1, port2 } = new MessageChannel();
      worker.postMessage({ connect: port2 } satisfies Connect, [port2]);
      // Nobody knows what it has written, so the node ends with it.
      resolve(new Channel(port1, id, { onEnd: () => fatal(new Error('the worker that writes files ended')) }));
    };
  });
}
