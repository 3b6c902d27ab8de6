// The collection that the bench makes of a data set.
import { DataType } from 'elanus';

export const collection_name = 'book';
const ROWS_AT_ONCE = 10_000;

/** The answer of a call that succeeded. */
export function done(answer) {
  const { error_code, reason } = answer.status ?? answer;
  if (error_code !== 'Success') throw new Error(`${error_code}: ${reason}`);
  return answer;
}

export async function createCollection(client, dim, { name = collection_name, index_type, params, mmap = false }) {
  const fields = [
    { name: 'id', data_type: DataType.Int64, is_primary_key: true },
    { name: 'percent', data_type: DataType.Int8 },
    { name: 'v', data_type: DataType.FloatVector, dim },
  ];
  const properties = mmap ? { 'mmap.enabled': true } : {};
  done(await client.createCollection({ collection_name: name, fields, properties }));
  done(await client.createIndex({ collection_name: name, field_name: 'v', index_type, metric_type: 'COSINE', params }));
}

/** Rows as objects, their vectors views of one array. */
export function rowsOf({ count, dim, vectors, percents }) {
  return Array.from({ length: count }, (_, row) => ({
    id: row, percent: percents[row], v: vectors.subarray(row * dim, (row + 1) * dim),
  }));
}

export async function insertRows(client, rows, name = collection_name) {
  for (let from = 0; from < rows.length; from += ROWS_AT_ONCE) {
    done(await client.insert({ collection_name: name, data: rows.slice(from, from + ROWS_AT_ONCE) }));
  }
}
