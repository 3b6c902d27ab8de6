// Files of an import whose page has gone are fetched from their URLs beside the coordinator, which asks for it by an event.

import { failure, messageOf } from '../client/errors.js';
import { fetched, sendSource } from '../client/import-files.js';
import { readBlob } from './serve.js';
import type { ResStatus } from '../client/types/index.js';

/** What the coordinator asks for. */
export interface WantedSource {
  task: string;
  files: { file: number; attempt: number; name: string; url: string }[];
}

/** Gives the coordinator a request of its own worker. */
export type Ask = (method: string, body: object, blobs: Uint8Array[]) => Promise<ResStatus>;

export async function fetchSource({ task, files }: WantedSource, ask: Ask): Promise<void> {
  try {
    for (const { file, attempt, name, url } of files) {
      const source = { ...fetched(name, new URL(url)), name };
      await sendSource({ task, file, attempt, source }, async (body, data) => ask('ImportPut', body, [await readBlob(data)]));
    }
  } catch (error) {
    // A job that has ended meanwhile has nothing left to cancel.
    const status = await ask('CancelImport', { task, reason: messageOf(error) }, []);
    if (status.error_code !== 'Success') console.warn('elanus:', failure(status).message);
  }
}
