// Rows in and out of storage: insert, upsert, delete.

import { DataType, ERROR_REASONS, ErrorCode, FieldPartialUpdateOpType } from '../const/index.js';
import { RefusedRows } from '../errors.js';
import { formatExprValues, primaryKeysExpr } from '../format/expressions.js';
import { checkCollectionName } from '../format/validate.js';
import { randomId } from '../random-id.js';
import { packRows, type PackOptions } from '../rows.js';
import { inSteps, rangeSteps, type Steps } from '../steps.js';
import type {
  DeleteByFilterReq,
  DeleteByIdsReq,
  DeleteEntitiesReq,
  DeleteReq,
  DescribeCollectionResponse,
  FieldPartialUpdateOp,
  InsertReq,
  MutationResult,
  RowData,
  UpsertReq,
} from '../types/index.js';
import { decodeBatch } from '../wire/batch.js';
import { readColumn } from '../wire/column-reader.js';
import { completeReply } from '../wire/replies.js';
import { Exports } from './exports.js';

function fieldOperations(ops: FieldPartialUpdateOp[] | undefined): { field_name: string; op: string }[] {
  return (ops ?? []).map(({ field_name, op }) => {
    if (!field_name) throw new Error('field_ops field_name is required');
    const other = FieldPartialUpdateOpType[op];
    if (other === undefined) throw new Error(`unsupported field partial update op: ${op}`);
    return { field_name, op: typeof op === 'number' ? String(other) : op };
  });
}

/** The rows as a batch, or the answer of a server that refuses them. */
async function packOrRefuse(
  method: string,
  collection: DescribeCollectionResponse,
  rows: RowData[],
  options: PackOptions
): Promise<Uint8Array[] | MutationResult> {
  try {
    return await inSteps(packRows(collection, rows, options));
  } catch (error) {
    if (!(error instanceof RefusedRows)) throw error;
    const { extra_info, error_code, reason, code, retriable, detail } = error;
    const status = { extra_info, error_code, reason, code, retriable, detail };
    return completeReply(method, { status, err_index: rows.map((_, row) => row) }) as unknown as MutationResult;
  }
}

/** What a server lists of rows that it took. */
function* writtenRows(keys: Uint8Array): Steps<Pick<MutationResult, 'IDs' | 'succ_index'>> {
  const { rows, columns } = decodeBatch(keys);
  const column = columns[0]!;
  const data: unknown[] = [];
  const succ_index: number[] = [];
  yield* rangeSteps(rows, keys.byteLength, range => {
    data.push(...readColumn(column, range));
    for (let row = range.start; row < range.end; row++) succ_index.push(row);
  });
  const IDs = column.type === DataType.Int64 ? { int_id: { data }, id_field: 'int_id' } : { str_id: { data }, id_field: 'str_id' };
  return { IDs: IDs as MutationResult['IDs'], succ_index };
}

export class Mutations extends Exports {
  async insert(data: InsertReq): Promise<MutationResult> {
    return this.#write(data, false, true);
  }

  async upsert(data: UpsertReq): Promise<MutationResult> {
    return this.#write(data, true, true);
  }

  async #write(data: UpsertReq, upsert: boolean, cache: boolean): Promise<MutationResult> {
    checkCollectionName(data);
    const rows = data.fields_data || data.data;
    if (!rows || !Array.isArray(rows) || !rows.length) throw new Error(ERROR_REASONS.INSERT_CHECK_FIELD_DATA_IS_REQUIRED);
    const { collection_name, db_name, partition_name, transformers, timeout, signal } = data;
    const field_ops = upsert ? fieldOperations(data.field_ops) : [];
    const collection = await this.describeCollection({ collection_name, db_name, cache, timeout, signal });
    // Not an Error: the SDK throws the answer itself.
    if (collection.status.error_code !== ErrorCode.SUCCESS) throw collection;
    const partial = upsert && (data.partial_update === true || field_ops.length > 0);
    const method = upsert ? 'Upsert' : 'Insert';
    const packed = packOrRefuse(method, collection, rows, { upsert, partial, transformers });
    // What does not fit a collection that is remembered may fit the one that has its name now.
    const batch = cache ? await packed.catch(() => undefined) : await packed;
    if (!batch || (cache && 'status' in batch)) return this.#write(data, upsert, false);
    if ('status' in batch) return batch;
    const body = {
      collection_name,
      db_name,
      partition_name,
      num_rows: rows.length,
      request_id: randomId(),
      strict: this.isStrict || undefined,
      schema_timestamp: data.skip_check_schema ? undefined : collection.update_timestamp_str || collection.update_timestamp,
      partial_update: partial || undefined,
      field_ops: field_ops.length ? field_ops : undefined,
    };
    const { reply, blobs } = await this.callForBytes<MutationResult>(method, body, { timeout: timeout ?? 0, signal }, [batch]);
    if (reply.status.error_code === ErrorCode.SchemaMismatch && cache) return this.#write(data, upsert, false);
    const [keys] = blobs;
    return keys ? { ...reply, ...(await inSteps(writtenRows(keys))) } : reply;
  }

  async deleteEntities(data: DeleteEntitiesReq): Promise<MutationResult> {
    if (!data?.collection_name) throw new Error(ERROR_REASONS.COLLECTION_NAME_IS_REQUIRED);
    if (!data.filter && !data.expr) throw new Error(ERROR_REASONS.FILTER_EXPR_REQUIRED);
    const { collection_name, db_name, partition_name, consistency_level } = data;
    const body = {
      collection_name,
      db_name,
      partition_name,
      consistency_level,
      request_id: randomId(),
      strict: this.isStrict || undefined,
      expr: String(data.filter || data.expr),
      expr_template_values: data.exprValues && formatExprValues(data.exprValues),
    };
    return this.call('Delete', body, data);
  }

  async delete(data: DeleteReq): Promise<MutationResult> {
    if (!data?.collection_name) throw new Error(ERROR_REASONS.COLLECTION_NAME_IS_REQUIRED);
    const { collection_name, db_name, timeout, signal } = data;
    const { ids, filter } = data as Partial<DeleteByIdsReq & DeleteByFilterReq>;
    const collection = await this.describeCollection({ collection_name, db_name, timeout, signal });
    const name = await this.getPkFieldName(data, collection);
    const type = await this.getPkFieldType(data, collection);
    const expr = filter || (ids ? await inSteps(primaryKeysExpr(name, type, ids)) : '');
    const { partition_name, consistency_level, exprValues } = data;
    return this.deleteEntities({ collection_name, db_name, partition_name, consistency_level, exprValues, timeout, signal, expr });
  }
}
