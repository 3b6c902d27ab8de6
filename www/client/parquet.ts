// Parquet files, in and out, by a worker of their own: only who has such a file loads what it needs.

import { DataType, ErrorCode } from './const/index.js';
import { MilvusError, messageOf } from './errors.js';
import { gunzipped } from './gzip.js';
import type { ImportSource, OpenSource } from './import-files.js';
import { scriptFault } from './script-fault.js';
import type { DescribeCollectionResponse, FieldSchema } from './types/index.js';
import type { FromParquet, ImportTarget, ParquetField, ToParquet } from './wire/parquet.js';

type Answer = Exclude<FromParquet, { failed: string }>;

class ParquetWorker {
  #worker = new Worker(new URL('../workers/parquet.js', import.meta.url), { type: 'module', name: 'elanus-parquet' });
  #failed = new Promise<never>((_, reject) => {
    this.#worker.onerror = event => {
      event.preventDefault();
      reject(new Error(scriptFault('../workers/parquet.js', import.meta.url, event.message)));
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
  const { name, data_type, element_type, nullable } = field;
  return { name, type: DataType[data_type], element: data_type === 'Array' && element_type ? DataType[element_type] : undefined, nullable };
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

/** The files of an import with JSON Lines in place of Parquet. The collection is asked for when there is such a file. */
export function readableByEngine(sources: ImportSource[], describe: () => Promise<DescribeCollectionResponse>): ImportSource[] {
  return sources.map(source => (/\.parquet(\.gz)?$/i.test(source.name) ? transcoded(source, describe) : source));
}

function transcoded(source: ImportSource, describe: () => Promise<DescribeCollectionResponse>): ImportSource {
  const { name } = source;
  const open = async (signal: AbortSignal | undefined): Promise<OpenSource> => {
    const [collection, { data }] = await Promise.all([describe(), source.open(signal)]);
    if (collection.status.error_code !== ErrorCode.SUCCESS) throw new MilvusError(collection.status);
    return { data: parquetAsJsonLines(name, await seekable(name, data, signal), collection) };
  };
  // What it is called after that is not packed.
  return { ...source, name: name.replace(/\.gz$/i, ''), open };
}

/** Parquet begins at its end. What comes as a stream is gathered in a Blob, which the browser may keep on disk. */
async function seekable(name: string, opened: Blob | ReadableStream<Uint8Array>, signal: AbortSignal | undefined): Promise<Blob> {
  const isPacked = /\.gz$/i.test(name);
  if (opened instanceof Blob && !isPacked) return opened;
  const stream = opened instanceof Blob ? opened.stream() : opened;
  const plain = isPacked ? gunzipped(name, stream) : stream;
  return new Response(plain.pipeThrough(new TransformStream<Uint8Array, Uint8Array<ArrayBuffer>>(), { signal })).blob();
}

/** The rows of a Parquet file as JSON Lines, checked against the collection that they are to be imported into. */
export function parquetAsJsonLines(name: string, file: Blob, into: DescribeCollectionResponse): ReadableStream<Uint8Array> {
  const worker = new ParquetWorker();
  let isOpen = false;
  const next = async (): Promise<Uint8Array | undefined> => {
    if (!isOpen) await worker.ask({ read: file, target: importTarget(into) });
    isOpen = true;
    return (await worker.ask({ more: true })).bytes;
  };
  return new ReadableStream({
    async pull(controller) {
      try {
        const bytes = await next();
        if (bytes) return controller.enqueue(bytes);
        controller.close();
      } catch (error) {
        controller.error(new Error(`${name}: ${messageOf(error)}`));
      }
      worker.end();
    },
    cancel: () => worker.end(),
  });
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
