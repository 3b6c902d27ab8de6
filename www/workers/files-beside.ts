// Writing files of OPFS and reading Blobs in workers beside a node, which computes meanwhile.

import { Channel } from '../client/connection/channel.js';
import { scriptFault } from '../client/script-fault.js';
import type { Connect, Fatal, FileReply, Ready, RequestBlob } from '../client/wire/messages.js';
import { fatal } from './serve.js';

/** Buffers are used again, because fresh ones cost more than the copy into them. */
const PIECE_BYTES = 8 << 20;

/** A file that the worker has open alone. */
interface WriterFile {
  /** When it was opened. */
  bytes: number;
  /** Takes bytes of a piece that is to be written, of at most `PIECE_BYTES` in all. */
  take(bytes: Uint8Array): void;
  /** Writes what was taken. Resolves with the number of bytes that could be written. */
  write(at: number): Promise<number>;
  flush(): Promise<unknown>;
  /** Also more than once. */
  close(): Promise<unknown>;
}

type Piece = Uint8Array<ArrayBuffer>;

export class FilesBeside {
  #writer: FileWorker;
  #reader: FileWorker;
  #spare: Piece[] = [];

  constructor(node: string) {
    this.#writer = new FileWorker(`${node}:files`);
    this.#reader = new FileWorker(`${node}:blobs`);
  }

  /** Otherwise the writing one starts with the first file. */
  start(): void {
    this.#writer.start();
  }

  /** Opens a file alone. Rejects with the `DOMException` of `createSyncAccessHandle`. */
  async open(folders: string[], name: string): Promise<WriterFile> {
    const file = crypto.randomUUID();
    const { value } = await this.#writer.ask('Open', { file, folders, name });
    let closing: Promise<unknown> | undefined;
    let [piece, length] = [new Uint8Array(0), 0];
    return {
      bytes: value,
      take: bytes => {
        if (length === 0) piece = this.#spare.pop() ?? new Uint8Array(PIECE_BYTES);
        piece.set(bytes, length);
        length += bytes.length;
      },
      write: async at => {
        const written = this.#writer.ask('Write', { file, at, length }, piece);
        length = 0;
        const { value, blobs } = await written;
        this.#spare.push(...(blobs as Piece[]));
        return value;
      },
      flush: () => this.#writer.ask('Flush', { file }),
      close: () => (closing ??= this.#writer.ask('Close', { file }).catch(fatal)),
    };
  }

  /** In this worker the bytes would come in steps that wait for each other's turn. */
  async read(blob: Blob, at: number, length: number): Promise<Uint8Array> {
    const { blobs } = await this.#reader.ask('Read', { at, length }, blob);
    return blobs[0]!;
  }
}

class FileWorker {
  #id: string;
  #channel: Promise<Channel> | undefined;

  constructor(id: string) {
    this.#id = id;
  }

  start(): Promise<Channel> {
    if (!this.#channel) {
      this.#channel = startWorker(this.#id);
      // Told to whoever asks for something.
      this.#channel.catch(() => undefined);
    }
    return this.#channel;
  }

  async ask(method: string, wanted: object, given?: RequestBlob): Promise<FileReply & { blobs: Uint8Array[] }> {
    const channel = await this.start();
    const { body, blobs } = await channel.call({ method, body: JSON.stringify(wanted), blobs: given ? [given] : [], transfer: true });
    const reply = JSON.parse(body) as FileReply;
    if (reply.error) throw new DOMException(reply.error.message, reply.error.name);
    return { ...reply, blobs };
  }
}

async function startWorker(id: string): Promise<Channel> {
  const worker = new Worker(new URL('./file-worker.js', import.meta.url), { type: 'module', name: id });
  return new Promise((resolve, reject) => {
    worker.onerror = event => {
      event.preventDefault();
      reject(new Error(scriptFault('./file-worker.js', location.href, event.message)));
    };
    worker.onmessage = (message: MessageEvent<Ready | Fatal>) => {
      if ('fatal' in message.data) return reject(new Error(message.data.fatal));
      const { port1, port2 } = new MessageChannel();
      worker.postMessage({ connect: port2 } satisfies Connect, [port2]);
      // Nobody knows what the writing one has written, so the node ends with it.
      resolve(new Channel(port1, id, { onEnd: () => fatal(new Error('a worker for files ended')) }));
    };
  });
}
