// Export: the rows of a collection as files, and what makes the same collection elsewhere.

import { ERROR_REASONS, ErrorCode } from '../const/index.js';
import { GrowingFile } from '../export-files.js';
import { creationOf, indexParamsOf } from '../format/creation.js';
import { formatDescribedCol } from '../format/describe.js';
import { formatExprValues } from '../format/expressions.js';
import { writeParquet } from '../parquet.js';
import type {
  CallOptions,
  DescribeCollectionResponse,
  ExportReq,
  ExportResult,
  IndexDescription,
  KeyValuePair,
  ResStatus,
  resStatusResponse,
} from '../types/index.js';
import { decodeBatch } from '../wire/batch.js';
import { Imports } from './imports.js';

/** Where the next step begins. */
interface Place {
  segment: number;
  row: number;
}
interface Begun extends resStatusResponse {
  export: string;
  files: string[];
  options: KeyValuePair[];
  next: Place | null;
  collection: DescribeCollectionResponse;
  index_descriptions: IndexDescription[];
}
interface Stepped extends resStatusResponse {
  next: Place | null;
  row_count: string;
  progress: number;
}

/** What comes to the end of each file. */
type Parts = Uint8Array<ArrayBuffer>[];

/** The engine's reason why no more comes of an export. */
class BrokenOff extends Error {
  constructor(readonly status: ResStatus) {
    super(status.reason);
  }
}

export class Exports extends Imports {
  /**
   * Browser only: the rows of a collection, loaded or not, as they are now, in files that `bulkInsert` takes, here or with
   * a server's import. What is written or dropped meanwhile does not show in them. Aborting gives the export up.
   */
  async exportCollection(data: ExportReq): Promise<ExportResult> {
    if (!data?.collection_name) throw new Error(ERROR_REASONS.COLLECTION_NAME_IS_REQUIRED);
    data.signal?.throwIfAborted();
    const options = callsUntil(data);
    const { collection_name, db_name, partition_names, format, output_fields, filter, exprValues } = data;
    const request = { collection_name, db_name, partition_names, format, output_fields, expr: filter && String(filter) };
    const expr_template_values = exprValues && formatExprValues(exprValues);
    const { reply: begun, blobs: heads } = await this.callForBytes<Begun>('BeginExport', { ...request, expr_template_values }, options());
    if (begun.status.error_code !== ErrorCode.SUCCESS) return nothing(begun.status);
    let row_count = 0;
    let byte_count = 0;
    const told = ({ row_count: rows, progress }: Stepped, parts: Parts): void => {
      row_count += Number(rows);
      byte_count += bytesOf(parts);
      data.onProgress?.({ progress, row_count, byte_count });
    };
    try {
      byte_count = format === 'parquet' ? 0 : bytesOf(heads);
      const steps = this.#steps(begun, data, options, told);
      const collection = formatDescribedCol(begun.collection);
      const files = format === 'parquet' ? [await parquetFile(begun, heads, steps, data.signal)] : await growingFiles(begun, heads, steps);
      return {
        status: begun.status,
        schema: creationOf(collection),
        index_params: indexParamsOf(begun.index_descriptions),
        options: begun.options,
        row_count,
        files,
      };
    } catch (error) {
      if (error instanceof BrokenOff) return nothing(error.status);
      throw error;
    } finally {
      // An export that cannot be told of its end ends when nothing more is asked of it.
      this.call('EndExport', { export: begun.export }).catch(() => undefined);
    }
  }

  async *#steps(
    begun: Begun,
    data: ExportReq,
    options: () => CallOptions,
    told: (step: Stepped, parts: Parts) => void
  ): AsyncGenerator<Parts, void, void> {
    const { collection_name, db_name } = data;
    for (let place = begun.next; place; ) {
      data.signal?.throwIfAborted();
      const request = { collection_name, db_name, export: begun.export, ...place };
      const { reply, blobs } = await this.callForBytes<Stepped>('StepExport', request, options());
      if (reply.status.error_code !== ErrorCode.SUCCESS) throw new BrokenOff(reply.status);
      told(reply, blobs);
      yield blobs;
      place = reply.next;
    }
  }
}

async function growingFiles(begun: Begun, heads: Parts, steps: AsyncIterable<Parts>): Promise<File[]> {
  const files = begun.files.map(name => new GrowingFile(name));
  const append = (parts: Parts): void => files.forEach((file, at) => file.append(parts[at]!));
  append(heads);
  for await (const parts of steps) append(parts);
  return files.map(file => file.finish());
}

/** The engine gives packed columns, and for a beginning some without rows, which say what there is. */
async function parquetFile(begun: Begun, [head]: Parts, steps: AsyncIterable<Parts>, signal: AbortSignal | undefined): Promise<File> {
  const isNullable = (name: string): boolean => begun.collection.schema.fields.some(field => field.name === name && field.nullable === true);
  const fields = decodeBatch(head!).columns.map(({ name, type, element }) => ({ name, type, element, nullable: isNullable(name) }));
  const written = await writeParquet(fields, batchesOf(steps), signal);
  return new File([written], begun.files[0]!, { type: written.type });
}

async function* batchesOf(steps: AsyncIterable<Parts>): AsyncGenerator<Uint8Array, void, void> {
  for await (const parts of steps) yield parts[0]!;
}

const bytesOf = (parts: Parts): number => parts.reduce((bytes, part) => bytes + part.byteLength, 0);

/** The options of each of several calls that together have the time of one. */
function callsUntil({ signal, timeout }: CallOptions): () => CallOptions {
  if (!timeout) return () => ({ signal, timeout: 0 });
  const end = performance.now() + timeout;
  return () => ({ signal, timeout: Math.max(1, end - performance.now()) });
}

function nothing(status: ResStatus): ExportResult {
  return { status, index_params: [], options: [], row_count: 0, files: [] };
}
