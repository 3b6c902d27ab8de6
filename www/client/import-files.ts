// The files of an import: names go as they are, files themselves as bytes beside the request.

import type { ImportFile } from './types/index.js';

export interface ImportFiles {
  files: string[];
  /** For each file the number of its blob, -1 when only its name is known; absent when no file brought bytes. */
  file_blobs?: number[];
  blobs: Uint8Array<ArrayBuffer>[];
}

export async function readImportFiles(given: ImportFile[]): Promise<ImportFiles> {
  const files: string[] = [];
  const file_blobs: number[] = [];
  const blobs: Uint8Array<ArrayBuffer>[] = [];
  for (const [index, file] of given.entries()) {
    if (typeof file === 'string' || file instanceof URL) {
      files.push(String(file));
      file_blobs.push(-1);
      continue;
    }
    files.push(typeof File !== 'undefined' && file instanceof File ? file.name : `file-${index}.json`);
    file_blobs.push(blobs.length);
    // Copied: the buffer is handed over, and the caller's must stay usable.
    blobs.push(file instanceof Blob ? new Uint8Array(await file.arrayBuffer()) : new Uint8Array(file).slice());
  }
  return { files, file_blobs: blobs.length ? file_blobs : undefined, blobs };
}
