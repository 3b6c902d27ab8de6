// Export: the rows of a collection as files, and what makes the same collection elsewhere.

import { DEFAULT_DYNAMIC_FIELD, DataType, ERROR_REASONS, ErrorCode } from '../const/index.js';
import { GrowingFile } from '../export-files.js';
import { creationOf, indexParamsOf } from '../format/creation.js';
import { formatDescribedCol } from '../format/describe.js';
import { formatExprValues } from '../format/expressions.js';
import { parquetField, writeParquet } from '../parquet.js';
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

/** What comes to the end of each file. */
type Parts = Uint8Array<ArrayBuffer>[];
interface Taken {
  row_count: number;
  byte_count: number;
}
/** A step that the engine does not do, for a reason that is the answer to the whole call. */
class Refused extends Error {
  readonly status: ResStatus;
  constructor(status: ResStatus) {
    super(status.reason);
    this.status = status;
  }
}

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
    const request = { collection_name, db_name, partition_names, format, output_fields, expr: filter };
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
      const taken = { row_count: 0, byte_count: heads.reduce((bytes, head) => bytes + head.byteLength, 0) };
      const parts = this.#parts(begun, data, options, taken);
      const files = format === 'parquet' ? [await parquetFile(begun, heads[0]!, parts, data.signal)] : await filesOf(begun, heads, parts);
      return {
        status: begun.status,
        schema: creationOf(collection),
        index_params: indexParamsOf(begun.index_descriptions),
        options: begun.options,
        row_count: taken.row_count,
        files,
      };
    } catch (error) {
      if (error instanceof Refused) return nothing(error.status);
      throw error;
    } finally {
      // An export that cannot be told of its end ends when nothing more is asked of it.
      this.call('EndExport', { export: begun.export }).catch(() => undefined);
    }
  }

  /** Rows, some at a time: what comes to the end of each file. */
  async *#parts(begun: Begun, data: ExportReq, options: () => CallOptions, taken: Taken): AsyncGenerator<Parts, void, void> {
    const { collection_name, db_name } = data;
    for (let place = begun.next; place; ) {
      data.signal?.throwIfAborted();
      const request = { collection_name, db_name, export: begun.export, ...place };
      const { reply: step, blobs: parts } = await this.callForBytes<Stepped>('StepExport', request, options());
      if (step.status.error_code !== ErrorCode.SUCCESS) throw new Refused(step.status);
      taken.row_count += Number(step.row_count);
      taken.byte_count += parts.reduce((bytes, part) => bytes + part.byteLength, 0);
      yield parts;
      data.onProgress?.({ progress: step.progress, ...taken });
      place = step.next;
    }
  }
}

async function filesOf({ files: names }: Begun, heads: Parts, parts: AsyncIterable<Parts>): Promise<File[]> {
  const files = names.map(name => new GrowingFile(name));
  const append = (to: Parts): void => files.forEach((file, at) => file.append(to[at]!));
  append(heads);
  for await (const part of parts) append(part);
  return files.map(file => file.finish());
}

/** The engine gives columns, and a batch without rows says which. */
async function parquetFile({ files: [name], collection }: Begun, head: Uint8Array, parts: AsyncIterable<Parts>, signal?: AbortSignal): Promise<File> {
  const fields = collection.schema.fields.map(parquetField);
  if (collection.schema.enable_dynamic_field) fields.push({ name: DEFAULT_DYNAMIC_FIELD, type: DataType.JSON });
  const exported = new Set(decodeBatch(head).columns.map(column => column.name));
  const batches = async function* (): AsyncGenerator<Uint8Array, void, void> {
    for await (const [batch] of parts) yield batch!;
  };
  return new File([await writeParquet(fields.filter(field => exported.has(field.name)), batches(), signal)], name!);
}

/** The options of each of several calls that together have the time of one. */
function callsUntil({ signal, timeout }: CallOptions): () => CallOptions {
  if (!timeout) return () => ({ signal, timeout: 0 });
  const end = performance.now() + timeout;
  return () => ({ signal, timeout: Math.max(1, end - performance.now()) });
}

function nothing(status: ResStatus): ExportResult {
  return { status, index_params: [], options: [], row_count: 0, files: [] };
}
