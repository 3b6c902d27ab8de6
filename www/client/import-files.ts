// The files of an import: each has a name, which says what it is, and bytes, which go into the store in pieces.

import { ErrorCode } from './const/index.js';
import { ClientClosed, failure, notReady } from './errors.js';
import { gunzipped } from './gzip.js';
import { nextTask } from './steps.js';
import type { ImportFile, IntLike, NamedImportFile, ResStatus } from './types/index.js';
import type { RequestBlob } from './wire/messages.js';

/** The store keeps each as a file, which the browser copies there by itself. */
const PIECE_BYTES = 4 << 20;
/** Of what the browser copies by itself, which goes the faster the larger they are. */
const SLICE_BYTES = 16 << 20;
/** Of a stream, in one task: what has arrived is read without any, and a page would do nothing else until all has. */
const BYTES_OF_TASK = 1 << 20;
/** Of a stream: reading and storing go on side by side. */
const PIECES_UNDER_WAY = 3;
/** Nothing of them is in memory, and the engine reads them while it stores others. */
const SLICES_UNDER_WAY = 32;
/** Columns in files of their own are read side by side. */
const FILES_UNDER_WAY = 4;
/** Without one for minutes whoever sends files counts as gone, and for 10 s when the store has a new owner. */
const SIGN_OF_LIFE_MS = 4000;

export interface ImportSource {
  name: string;
  /** Where the engine fetches it. Others are sent by their page. */
  url?: string;
  open(signal: AbortSignal | undefined): Promise<OpenSource>;
}

export interface OpenSource {
  data: Blob | ReadableStream<Uint8Array>;
  /** Of a stream, if somebody has told. */
  expectedBytes?: number | undefined;
}

export interface ImportPiece {
  /** Bytes of what the page had in memory: the engine makes a Blob of them, which lives as long as it wants it. */
  data: RequestBlob;
  /** How many the file has, as soon as that is known. */
  pieces?: number | undefined;
  /** Of the whole file, as it goes into the store. */
  expected_bytes?: number | undefined;
}

/** A file of a job, as it is sent. */
export interface SourceOfJob {
  file: number;
  /** How often sending it was begun before. */
  attempt: number;
  source: ImportSource;
}

export type PutPiece = (
  body: { task: IntLike; file: number; attempt: number; piece: number } & Omit<ImportPiece, 'data'>,
  data: RequestBlob
) => Promise<ResStatus>;

/** The engine, to whoever sends it files. */
export interface TakesFiles {
  put: PutPiece;
  /** A source may take its time between two pieces. Answers with an error when the job has ended. */
  alive(task: IntLike): Promise<ResStatus>;
}

/** Sends files of a job, until it ends; the first that fails is the reason. */
export async function sendSources(task: IntLike, sources: SourceOfJob[], engine: TakesFiles, signal?: AbortSignal): Promise<void> {
  if (sources.length === 0) return;
  const ended = new AbortController();
  const tellOfLife = async (): Promise<void> => {
    const status = await engine.alive(task);
    if (status.error_code !== ErrorCode.SUCCESS && !status.retriable) ended.abort(failure(status));
  };
  const missed = (reason: unknown): void => {
    // One sign is no harm, but there will be no other.
    if (reason instanceof ClientClosed) ended.abort(reason);
  };
  const timer = setInterval(() => void tellOfLife().catch(missed), SIGN_OF_LIFE_MS);
  const until = signal ? AbortSignal.any([signal, ended.signal]) : ended.signal;
  const rest = sources.values();
  const sendRest = async (): Promise<void> => {
    for (const source of rest) await sendSource(task, source, engine.put, until);
  };
  try {
    await Promise.all(Array.from({ length: FILES_UNDER_WAY }, sendRest));
  } finally {
    clearInterval(timer);
    // When one has failed, the others are of no use.
    ended.abort();
  }
}

async function sendSource(task: IntLike, { source, ...of }: SourceOfJob, put: PutPiece, signal: AbortSignal): Promise<void> {
  const { data, expectedBytes } = await source.open(signal);
  const isPacked = /\.gz$/i.test(source.name);
  const isSliced = data instanceof Blob && !isPacked;
  const stream = (): ReadableStream<Uint8Array> => (data instanceof Blob ? data.stream() : data);
  const packed = (): AsyncGenerator<ImportPiece> => streamed(gunzipped(source.name, stream()), undefined, signal);
  const pieces = isSliced ? slices(data) : isPacked ? packed() : streamed(stream(), expectedBytes, signal);
  let piece = 0;
  const underWay: Promise<void>[] = [];
  const send = async ({ data, ...rest }: ImportPiece): Promise<void> => {
    const status = await put({ task, ...of, piece: piece++, ...rest }, data);
    if (status.error_code !== ErrorCode.SUCCESS) throw failure(status);
  };
  try {
    for await (const next of pieces) {
      signal.throwIfAborted();
      // The next owner of the store, if there is one, hears how many there are from the last piece of a stream alone.
      const room = isSliced ? SLICES_UNDER_WAY : next.pieces === undefined ? PIECES_UNDER_WAY : 1;
      while (underWay.length >= room) await underWay.shift();
      const sent = send(next);
      // Whoever awaits it below learns of it, maybe later than the browser would report it as nobody's.
      sent.catch(() => undefined);
      underWay.push(sent);
    }
    await Promise.all(underWay);
  } finally {
    await Promise.allSettled(underWay);
  }
}

export function importSources(files: ImportFile[], baseUrl: string | undefined): ImportSource[] {
  return files.map((file, index) => source(file, `file-${index}.json`, baseUrl));
}

function source(file: ImportFile, unnamed: string, baseUrl: string | undefined): ImportSource {
  if (typeof file === 'string') return fetched(file, resolve(file, baseUrl));
  if (file instanceof URL) return fetched(fileName(file.href), file);
  if (file instanceof Request) return fetched(fileName(file.url), file);
  if (file instanceof Response) return { name: fileName(file.url) || unnamed, open: async () => bodyOf(file) };
  if (file instanceof File) return { name: file.name, open: async () => ({ data: file }) };
  if (file instanceof Blob) return { name: unnamed, open: async () => ({ data: file }) };
  if (file instanceof ReadableStream) return { name: unnamed, open: async () => ({ data: file }) };
  if (file instanceof ArrayBuffer || ArrayBuffer.isView(file)) {
    // Of shared memory no Blob can be made: that is the reason why such a job fails.
    return { name: unnamed, open: async () => ({ data: new Blob([file as BlobPart]) }) };
  }
  if ('getFile' in file) return { name: file.name, open: async () => ({ data: await file.getFile() }) };
  return { ...source((file satisfies NamedImportFile).data, unnamed, baseUrl), name: file.name };
}

/** Paths are those of a server's bucket, or of the site that the client's `baseUrl` names. */
function resolve(path: string, baseUrl: string | undefined): URL {
  return new URL(path, new URL(baseUrl ?? '.', globalThis.location?.href));
}

function fileName(url: string): string {
  const path = url.replace(/[?#].*$/, '');
  const name = path.slice(path.lastIndexOf('/') + 1);
  try {
    return decodeURIComponent(name);
  } catch {
    // A percent sign that encodes nothing stands for itself.
    return name;
  }
}

export function fetched(name: string, from: URL | Request): ImportSource {
  const source = { name: name.replace(/[?#].*$/, ''), open: async (signal?: AbortSignal) => bodyOf(await fetch(from, { signal })) };
  // What a request says beside its URL is the page's, and so is what `blob:` names.
  return from instanceof URL && /^https?:$/.test(from.protocol) ? { ...source, url: from.href } : source;
}

function bodyOf(response: Response): OpenSource {
  if (!response.ok) throw new Error(`${response.url} answers ${response.status} ${response.statusText}`);
  const { headers } = response;
  // The length is that of what was packed for the way.
  const length = headers.has('content-encoding') ? null : headers.get('content-length');
  return { data: response.body ?? new Blob([]), expectedBytes: length === null ? undefined : Number(length) };
}

/** Bytes that neither the page nor the engine ever holds. */
function* slices(blob: Blob): Generator<ImportPiece> {
  const pieces = Math.max(1, Math.ceil(blob.size / SLICE_BYTES));
  for (let piece = 0; piece < pieces; piece += 1) {
    const from = piece * SLICE_BYTES;
    yield { data: blob.slice(from, from + SLICE_BYTES), pieces, expected_bytes: blob.size };
  }
}

/** The last piece says that it is the last, and may be empty. */
async function* streamed(stream: ReadableStream<Uint8Array>, expected_bytes: number | undefined, signal: AbortSignal): AsyncGenerator<ImportPiece> {
  const reader = stream.getReader();
  // Of a stream that is at its end or broken there is nothing to cancel.
  const cancel = (): Promise<void> => reader.cancel(signal.reason).catch(() => undefined);
  signal.addEventListener('abort', cancel);
  let piece = new Uint8Array(PIECE_BYTES);
  let [filled, pieces, ofTask] = [0, 0, 0];
  try {
    signal.throwIfAborted();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      for (let rest = value; rest.length > 0; ) {
        if (filled === PIECE_BYTES) {
          yield { data: piece, expected_bytes };
          [piece, filled, pieces] = [new Uint8Array(PIECE_BYTES), 0, pieces + 1];
        }
        const fits = rest.subarray(0, PIECE_BYTES - filled);
        piece.set(fits, filled);
        filled += fits.length;
        rest = rest.subarray(fits.length);
      }
      ofTask += value.length;
      if (ofTask < BYTES_OF_TASK) continue;
      await nextTask();
      ofTask = 0;
    }
    signal.throwIfAborted();
    yield { data: piece.slice(0, filled), pieces: pieces + 1, expected_bytes };
  } finally {
    signal.removeEventListener('abort', cancel);
    await cancel();
  }
}
