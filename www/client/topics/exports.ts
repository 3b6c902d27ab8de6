// Export: the rows of a collection as files, and what makes the same collection elsewhere.

import { ERROR_REASONS, ErrorCode } from '../const/index.js';
import { unavailable } from '../errors.js';
import { GrowingFile } from '../export-files.js';
import { creationOf, indexParamsOf } from '../format/creation.js';
import { formatDescribedCol } from '../format/describe.js';
import { formatExprValues } from '../format/expressions.js';
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
import type { BytesReply } from './base.js';
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

export class Exports extends Imports {
  /**
   * Browser only: the rows of a collection, loaded or not, as they are now, in files that `bulkInsert` takes, here or with
   * a server's import. What is written or dropped meanwhile does not show in them. Aborting gives the export up.
   */
  async exportCollection(data: ExportReq): Promise<ExportResult> {
    if (!data?.collection_name) throw new Error(ERROR_REASONS.COLLECTION_NAME_IS_REQUIRED);
    if (data.format === 'parquet') throw unavailable("exportCollection with format 'parquet'");
    data.signal?.throwIfAborted();
    const options = callsUntil(data);
    const { collection_name, db_name, partition_names, format, output_fields, filter, exprValues } = data;
    const request = { collection_name, db_name, partition_names, format, output_fields, expr: filter };
    const expr_template_values = exprValues && formatExprValues(exprValues);
    const { reply: begun, blobs: heads } = await this.callForBytes<Begun>('BeginExport', { ...request, expr_template_values }, options());
    if (begun.status.error_code !== ErrorCode.SUCCESS) return nothing(begun.status);
    try {
      const files = begun.files.map(name => new GrowingFile(name));
      let row_count = 0;
      let byte_count = 0;
      const append = (parts: Uint8Array<ArrayBuffer>[]): void => {
        files.forEach((file, at) => file.append(parts[at]!));
        byte_count += parts.reduce((bytes, part) => bytes + part.byteLength, 0);
      };
      append(heads);
      for await (const { reply: step, blobs: parts } of this.#steps(begun, data, options)) {
        if (step.status.error_code !== ErrorCode.SUCCESS) return nothing(step.status);
        append(parts);
        row_count += Number(step.row_count);
        data.onProgress?.({ progress: step.progress, row_count, byte_count });
      }
      return {
        status: begun.status,
        schema: creationOf(formatDescribedCol(begun.collection)),
        index_params: indexParamsOf(begun.index_descriptions),
        options: begun.options,
        row_count,
        files: files.map(file => file.finish()),
      };
    } finally {
      // An export that cannot be told of its end ends when nothing more is asked of it.
      this.call('EndExport', { export: begun.export }).catch(() => undefined);
    }
  }

  /** Rows, some at a time: what comes to the end of each file. Ends with the last of them or with a refusal. */
  async *#steps(begun: Begun, data: ExportReq, options: () => CallOptions): AsyncGenerator<BytesReply<Stepped>, void, void> {
    const { collection_name, db_name } = data;
    for (let place = begun.next; place; ) {
      data.signal?.throwIfAborted();
      const request = { collection_name, db_name, export: begun.export, ...place };
      const step = await this.callForBytes<Stepped>('StepExport', request, options());
      yield step;
      place = step.reply.next;
    }
  }
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
