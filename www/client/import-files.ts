// The files of an import: each has a name, which says what it is, and a stream of bytes, which goes to the engine in pieces.

import { notReady } from './errors.js';
import type { ImportFile, NamedImportFile } from './types/index.js';

/** The store keeps each as a file, and the data node reads one at a time. */
const PIECE_BYTES = 4 << 20;

export interface ImportSource {
  name: string;
  open(signal: AbortSignal | undefined): Promise<Blob | ReadableStream<Uint8Array>>;
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

function bodyOf(response: Response): ReadableStream<Uint8Array> {
  if (!response.ok) throw notReady(`${response.url} answers ${response.status} ${response.statusText}`);
  return response.body ?? new Blob([]).stream();
}

/** The bytes of a source, unpacked, a piece at a time; the last one says so and may be empty. */
export async function* importPieces(from: ImportSource, signal: AbortSignal | undefined): AsyncGenerator<ImportPiece> {
  const opened = await from.open(signal);
  const stream = opened instanceof Blob ? opened.stream() : opened;
  // The types of the DOM know only of decompression from one kind of buffers.
  const unpacked = from.name.endsWith('.gz') ? stream.pipeThrough(new DecompressionStream('gzip') as never) : stream;
  const reader = (unpacked as ReadableStream<Uint8Array>).getReader();
  let piece = new Uint8Array(PIECE_BYTES);
  let filled = 0;
  try {
    for (;;) {
      signal?.throwIfAborted();
      const { done, value } = await reader.read();
      if (done) break;
      for (let rest = value; rest.length > 0; ) {
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
  } finally {
    // Of a stream that is at its end or broken there is nothing to cancel.
    await reader.cancel().catch(() => undefined);
  }
}
