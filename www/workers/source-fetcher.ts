// Files of an import that a server has are fetched beside the coordinator, which asks for it by an event: a page that did it would
// be busy all the time.

import { MilvusError, failure, messageOf } from '../client/errors.js';
import { fetched, sendSources, type TakesFiles } from '../client/import-files.js';
import { readableByEngine } from '../client/parquet.js';
import type { DescribeCollectionResponse, ResStatus } from '../client/types/index.js';
import type { RequestBlob } from '../client/wire/messages.js';

/** A server that sends nothing for so long has stalled. Parquet goes on to the engine when all of a file is here. */
const PATIENCE_MS = 15 * 60_000;

/** What the coordinator asks for. */
export interface WantedSource {
  task: string;
  db_name: string;
  collection_name: string;
  files: { file: number; attempt: number; name: string; url: string }[];
}

/** Gives the coordinator a request of its own worker. */
export type Ask = <T>(method: string, body: object, blobs?: RequestBlob[]) => Promise<T>;

export async function fetchSource({ task, files, ...collection }: WantedSource, ask: Ask): Promise<void> {
  try {
    const describe = (): Promise<DescribeCollectionResponse> => ask('DescribeCollection', collection);
    const sources = readableByEngine(files.map(({ name, url }) => ({ ...fetched(name, new URL(url)), name })), describe);
    const ofJob = files.map(({ file, attempt }, at) => ({ file, attempt, source: sources[at]! }));
    let [underWay, heardMs] = [0, performance.now()];
    const engine: TakesFiles = {
      put: async (body, data) => {
        underWay += 1;
        try {
          return await ask<ResStatus>('ImportPut', body, [data]);
        } finally {
          underWay -= 1;
          heardMs = performance.now();
        }
      },
      alive: async task => {
        if (underWay > 0 || performance.now() - heardMs < PATIENCE_MS) return ask('ImportAlive', { task });
        return new MilvusError({ reason: `nothing has come from ${files.map(({ url }) => url).join(', ')} for ${PATIENCE_MS / 60_000} minutes` });
      },
    };
    await sendSources(task, ofJob, engine);
  } catch (error) {
    // A job that has ended meanwhile has nothing left to cancel.
    const status = await ask<ResStatus>('CancelImport', { task, reason: messageOf(error) });
    if (status.error_code !== 'Success') console.warn('elanus:', failure(status).message);
  }
}
