// The files of an import: each has a name, which says what it is, and a stream of bytes, which goes to the engine in pieces.

import { notReady } from './errors.js';
import { parquetAsJsonLines } from './parquet.js';
import type { DescribeCollectionResponse, ImportFile, NamedImportFile } from './types/index.js';

/** The store keeps each as a file, and the data node reads one at a time. */
const PIECE_BYTES = 4 << 20;

type Bytes = ReadableStream<Uint8Array>;
/** A Blob is read at any place, a stream once. */
type Opened = Blob | Bytes;

export interface ImportSource {
  name: string;
  open(signal: AbortSignal | undefined): Promise<Opened>;
}

export interface ImportPiece {
  bytes: Uint8Array<ArrayBuffer>;
  is_last: boolean;
}

export function importSources(files: ImportFile[], baseUrl: string | undefined): ImportSource[] {
  return files.map((file, index) => source(file, `file-${index}.json`, baseUrl));
}

function source(file: ImportFile, unnamed: string, baseUrl: string | undefined): ImportSource {
  if (typeof file === 'string') return fetched(file, resolve(file, baseUrl));
  if (file instanceof URL) return fetched(fileName(file.href), file);
  if (file instanceof Request) return fetched(fileName(file.url), file);
  if (file instanceof Response) return { name: fileName(file.url) || unnamed, open: async () => bodyOf(file) };
  if (file instanceof File) return { name: file.name, open: async () => file };
  if (file instanceof Blob) return { name: unnamed, open: async () => file };
  if (file instanceof ReadableStream) return { name: unnamed, open: async () => file };
  if (file instanceof ArrayBuffer || ArrayBuffer.isView(file)) return { name: unnamed, open: async () => new Blob([file]) };
  if ('getFile' in file) return { name: file.name, open: () => file.getFile() };
  return { ...source((file satisfies NamedImportFile).data, unnamed, baseUrl), name: file.name };
}

/** Paths are those of a server's bucket, or of the site that the client's `baseUrl` names. */
function resolve(path: string, baseUrl: string | undefined): URL {
  return new URL(path, new URL(baseUrl ?? '.', globalThis.location?.href));
}

function fileName(url: string): string {
  const path = url.replace(/[?#].*$/, '');
  return decodeURIComponent(path.slice(path.lastIndexOf('/') + 1));
}

function fetched(name: string, from: URL | Request): ImportSource {
  return { name: name.replace(/[?#].*$/, ''), open: async signal => bodyOf(await fetch(from, { signal })) };
}

function bodyOf(response: Response): Opened {
  if (!response.ok) throw notReady(`${response.url} answers ${response.status} ${response.statusText}`);
  return response.body ?? new Blob([]);
}

type Describe = () => Promise<DescribeCollectionResponse>;

/** What the engine reads: unpacked, and JSON Lines instead of Parquet, for which it matters what the rows go into. */
async function* bytesOf(from: ImportSource, signal: AbortSignal | undefined, describe: Describe): AsyncGenerator<Uint8Array> {
  let opened = await from.open(signal);
  // The types of the DOM know only of decompression from one kind of buffers.
  if (from.name.endsWith('.gz')) opened = streamOf(opened).pipeThrough(new DecompressionStream('gzip') as never);
  if (/\.parquet(\.gz)?$/i.test(from.name)) yield* parquetAsJsonLines(from.name, await blobOf(opened, signal), await describe());
  else yield* chunksOf(streamOf(opened));
}

function streamOf(opened: Opened): Bytes {
  return opened instanceof Blob ? opened.stream() : opened;
}

async function blobOf(opened: Opened, signal: AbortSignal | undefined): Promise<Blob> {
  if (opened instanceof Blob) return opened;
  return new Response(opened.pipeThrough(new TransformStream() as never, { signal })).blob();
}

async function* chunksOf(stream: Bytes): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    // Of a stream that is at its end or broken there is nothing to cancel.
    await reader.cancel().catch(() => undefined);
  }
}

/** The bytes of a source a piece at a time; the last one says so and may be empty. */
export async function* importPieces(from: ImportSource, signal: AbortSignal | undefined, describe: Describe): AsyncGenerator<ImportPiece> {
  let piece = new Uint8Array(PIECE_BYTES);
  let filled = 0;
  for await (const chunk of bytesOf(from, signal, describe)) {
    signal?.throwIfAborted();
    for (let rest = chunk; rest.length > 0; ) {
      if (filled === PIECE_BYTES) {
        yield { bytes: piece, is_last: false };
        [piece, filled] = [new Uint8Array(PIECE_BYTES), 0];
      }
      const fits = rest.subarray(0, PIECE_BYTES - filled);
      piece.set(fits, filled);
      filled += fits.length;
      rest = rest.subarray(fits.length);
    }
  }
  yield { bytes: piece.slice(0, filled), is_last: true };
}
