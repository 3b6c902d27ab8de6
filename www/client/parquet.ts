// Parquet files, in and out, by a worker of their own: only who has such a file loads what it needs.

import { DataType } from './const/index.js';
import { messageOf } from './errors.js';
import type { DescribeCollectionResponse, FieldSchema } from './types/index.js';
import type { FromParquet, ImportTarget, ParquetField, ToParquet } from './wire/parquet.js';

type Answer = Exclude<FromParquet, { failed: string }>;

class ParquetWorker {
  #worker = new Worker(new URL('../workers/parquet.js', import.meta.url), { type: 'module', name: 'elanus-parquet' });
  #failed = new Promise<never>((_, reject) => {
    this.#worker.onerror = event => {
      event.preventDefault();
      reject(new Error(event.message || 'the Parquet worker could not be started'));
    };
  });

  constructor() {
    // It is only of interest to whoever waits for an answer.
    this.#failed.catch(() => undefined);
  }

  async ask(request: ToParquet, transfer: Transferable[] = []): Promise<Answer> {
    const answered = new Promise<FromParquet>(resolve => {
      this.#worker.onmessage = ({ data }: MessageEvent<FromParquet>) => resolve(data);
    });
    this.#worker.postMessage(request, transfer);
    const answer = await Promise.race([answered, this.#failed]);
    if ('failed' in answer) throw new Error(answer.failed);
    return answer;
  }

  end(): void {
    this.#worker.terminate();
  }
}

export function parquetField(field: FieldSchema): ParquetField {
  const { name, dataType: type, element_type, nullable } = field;
  return { name, type, element: element_type && DataType[element_type], nullable };
}

function importTarget({ schema, properties }: DescribeCollectionResponse): ImportTarget {
  return {
    isDynamic: schema.enable_dynamic_field,
    takesGenerated: properties.some(pair => pair.key === 'allow_insert_auto_id' && pair.value === 'true'),
    fields: schema.fields.map(field => ({
      ...parquetField(field),
      hasDefault: (field.default_value ?? null) !== null,
      isGenerated: field.autoID,
    })),
  };
}

/** The rows of a Parquet file as JSON Lines, checked against the collection that they are to be imported into. */
export async function* parquetAsJsonLines(name: string, file: Blob, into: DescribeCollectionResponse): AsyncGenerator<Uint8Array, void, void> {
  const worker = new ParquetWorker();
  try {
    await worker.ask({ read: file, target: importTarget(into) });
    for (;;) {
      const { bytes } = await worker.ask({ more: true });
      if (!bytes) return;
      yield bytes;
    }
  } catch (error) {
    throw new Error(`${name}: ${messageOf(error)}`);
  } finally {
    worker.end();
  }
}

/**
 * Writes one Parquet file, as Milvus imports it. Each batch is a block of columns as replies of queries have it in `blobs`
 * (`encodeBatch` makes one), and becomes a row group: some 10,000 rows or a few MB are a good size. A batch whose buffer is
 * all its own is moved to the worker, so the caller must not use it again. The next batch is asked for when the last one is
 * written. Columns are found by name; those that are no field are left out, and those that are missing are null.
 */
export async function writeParquet(fields: ParquetField[], batches: AsyncIterable<Uint8Array>, signal?: AbortSignal): Promise<Blob> {
  signal?.throwIfAborted();
  const worker = new ParquetWorker();
  let giveUp: () => void = () => undefined;
  const aborted = new Promise<never>((_, reject) => {
    giveUp = () => reject(signal?.reason as Error);
    signal?.addEventListener('abort', giveUp, { once: true });
  });
  const ask = (request: ToParquet, transfer?: Transferable[]): Promise<Answer> => Promise.race([worker.ask(request, transfer), aborted]);
  try {
    await ask({ write: fields });
    for await (const batch of batches) {
      signal?.throwIfAborted();
      const isWhole = batch.byteLength === batch.buffer.byteLength && batch.buffer instanceof ArrayBuffer;
      const own = isWhole ? batch : new Uint8Array(batch);
      await ask({ batch: own }, [own.buffer as ArrayBuffer]);
    }
    const { file } = await ask({ finish: true });
    return file!;
  } finally {
    signal?.removeEventListener('abort', giveUp);
    worker.end();
  }
}
