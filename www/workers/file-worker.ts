// A worker that writes files of OPFS or reads Blobs beside a node.

import type { Connect, FileReply, Ready, ReceivedBlob } from '../client/wire/messages.js';
import { scope } from './scope.js';
import { endOnErrors, fatal, holdLifeLock, serve, type Answer } from './serve.js';

/** The DOM library has these for windows only in part. */
interface AccessHandle {
  write(bytes: Uint8Array, options: { at: number }): number;
  flush(): void;
  getSize(): number;
  close(): void;
}
type Openable = FileSystemFileHandle & { createSyncAccessHandle(): Promise<AccessHandle> };

interface Wanted {
  file: string;
  folders: string[];
  name: string;
  at: number;
  length: number;
}

/** The browser writes a large range slower than a few small ones. */
const WRITE_BYTES = 1 << 20;

const files = new Map<string, AccessHandle>();

async function open({ file, folders, name }: Wanted): Promise<number> {
  let folder = await navigator.storage.getDirectory();
  for (const inside of folders) folder = await folder.getDirectoryHandle(inside);
  const handle = await ((await folder.getFileHandle(name)) as Openable).createSyncAccessHandle();
  try {
    const bytes = handle.getSize();
    files.set(file, handle);
    return bytes;
  } catch (error) {
    handle.close();
    throw error;
  }
}

/** Of a disk that is full only the number of written bytes tells. */
function write(handle: AccessHandle, at: number, bytes: Uint8Array): number {
  for (let written = 0; written < bytes.length; written += WRITE_BYTES) {
    const piece = bytes.subarray(written, written + WRITE_BYTES);
    const length = handle.write(piece, { at: at + written });
    if (length !== piece.length) return written + length;
  }
  return bytes.length;
}

async function handleFile(method: string, wanted: Wanted, bytes: Uint8Array | undefined): Promise<number> {
  if (method === 'Open') return open(wanted);
  const handle = files.get(wanted.file);
  if (!handle) throw new Error(`${method} of a file that is not open`);
  if (method === 'Write') return write(handle, wanted.at, bytes!.subarray(0, wanted.length));
  if (method === 'Flush') handle.flush();
  else if (method === 'Close') {
    handle.close();
    files.delete(wanted.file);
  }
  return 0;
}

/** Bytes that were written go back, to be used again. */
async function run(method: string, wanted: Wanted, given: ReceivedBlob | undefined): Promise<[number, Uint8Array[]]> {
  if (given instanceof Blob) {
    const bytes = await given.slice(wanted.at, wanted.at + wanted.length).arrayBuffer();
    return [bytes.byteLength, [new Uint8Array(bytes)]];
  }
  return [await handleFile(method, wanted, given?.[0]), given ?? []];
}

async function answer(method: string, body: string, [given]: ReceivedBlob[]): Promise<Answer> {
  try {
    const [value, blobs] = await run(method, JSON.parse(body) as Wanted, given);
    return { body: JSON.stringify({ value } satisfies FileReply), blobs };
  } catch (thrown) {
    const { name, message } = thrown as DOMException;
    return { body: JSON.stringify({ value: 0, error: { name, message } } satisfies FileReply), blobs: [] };
  }
}

async function start(): Promise<void> {
  const id = scope.name;
  await holdLifeLock(id);
  const served = serve(id, answer);
  scope.onmessage = (message: MessageEvent<Connect>) => served.connect(message.data.connect);
  scope.postMessage({ ready: id } satisfies Ready);
}

endOnErrors();
start().catch(fatal);
