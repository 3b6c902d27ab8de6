// The rows of the soak: all that is in one follows from its id.
import { DataType } from 'elanus';
import { rowsOfBatch } from './constants.mjs';

export const collection_name = 'soak';
const idsOfBatch = 1000;
/** So many that a segment of one batch has a file which is worth one of OPFS. */
const dim = 384;
const index = { collection_name, field_name: 'v', index_name: 'v', index_type: 'FLAT', metric_type: 'COSINE' };

export function succeeded(answer) {
  const status = answer.status ?? answer;
  if (status.error_code !== 'Success') throw new Error(`${status.error_code} ${status.code}: ${status.reason}`);
  return answer;
}

export const createIndex = async client => succeeded(await client.createIndex(index));
export const dropIndex = async client => succeeded(await client.dropIndex(index));

/** Interrupted anywhere, it is done again from the start. */
export async function createCollection(client) {
  const fields = [
    { name: 'id', data_type: DataType.Int64, is_primary_key: true },
    { name: 'v', data_type: DataType.FloatVector, dim },
    { name: 'text', data_type: DataType.VarChar, max_length: 64 },
  ];
  succeeded(await client.createCollection({ collection_name, fields }));
  await createIndex(client);
}

/** Small whole numbers, exact as float32. */
export const vectorOf = id => Array.from({ length: dim }, (_, place) => ((id * 31 + place * place * 17 + ((id * place) % 7)) % 101) - 50);

export const textOf = id => `row ${id}`;

export const batchOf = id => Math.floor(id / idsOfBatch);

export const idsOf = batch => Array.from({ length: rowsOfBatch }, (_, row) => batch * idsOfBatch + row);

export const rowsOf = batch => idsOf(batch).map(id => ({ id, v: vectorOf(id), text: textOf(id) }));

export const idRange = (from, batches) => `id >= ${from * idsOfBatch} and id < ${(from + batches) * idsOfBatch}`;
