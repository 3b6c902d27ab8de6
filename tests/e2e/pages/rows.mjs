// Collections and rows that tests work with, made in the page.
import { DataType } from 'elanus';
import { random } from './random.mjs';

export const key = { name: 'id', data_type: DataType.Int64, is_primary_key: true };
export const vector = (name, dim) => ({ name, data_type: DataType.FloatVector, dim });

export function mustSucceed(answer) {
  const status = answer.status ?? answer;
  if (status.error_code !== 'Success') throw new Error(`${status.error_code} ${status.code}: ${status.reason}`);
  return answer;
}

/** A collection with an id and vectors of some dimensions, each indexed. */
export async function create(client, collection_name, dims, { fields = [], metric_type = 'L2', index_type = 'FLAT' } = {}) {
  const vectors = Object.entries(dims).map(([name, dim]) => vector(name, dim));
  mustSucceed(await client.createCollection({ collection_name, fields: [key, ...vectors, ...fields] }));
  for (const field_name of Object.keys(dims)) {
    mustSucceed(await client.createIndex({ collection_name, field_name, index_type, metric_type }));
  }
}

/** `count` rows from id `from` on, their vectors views of one buffer. */
export function make(from, count, dims, rest = () => ({})) {
  const next = random(from + 1);
  const buffers = Object.entries(dims).map(([name, dim]) => [name, dim, Float32Array.from({ length: count * dim }, next)]);
  return Array.from({ length: count }, (_, row) => {
    const made = { id: from + row, ...rest(from + row) };
    for (const [name, dim, values] of buffers) made[name] = values.subarray(row * dim, (row + 1) * dim);
    return made;
  });
}

export async function count(client, collection_name) {
  return mustSucceed(await client.count({ collection_name })).data;
}
