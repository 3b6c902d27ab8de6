// What a tab does when the test asks for it. Answers are plain data: `{ code }` of a refusal, or what was found.
import { DataType, MilvusClient } from 'elanus';
import { collection_name, dim, firstIdOf, partitionName, vectorOf, writeVector } from './rows.mjs';

const filesIn = new URLSearchParams(location.search).get('filesIn');
const client = new MilvusClient({ address: 'tabs', filesIn });
/** What both thrown errors and answered statuses say. */
function refusal({ code, reason, message, retriable }) {
  return { code: code ?? -1, reason: reason ?? message, retriable: retriable ?? false };
}

async function told(promise, read) {
  try {
    const answer = await promise;
    const status = answer.status ?? answer;
    return status.error_code === 'Success' ? read(answer) : refusal(status);
  } catch (error) {
    return refusal(error);
  }
}

const names = partitions => partitions?.map(partitionName);

async function create(partitions, rowsOfPartition) {
  const fields = [
    { name: 'id', data_type: DataType.Int64, is_primary_key: true },
    { name: 'v', data_type: DataType.FloatVector, dim },
  ];
  await client.createCollection({ collection_name, fields });
  await client.createIndex({ collection_name, field_name: 'v', index_type: 'FLAT', metric_type: 'L2' });
  for (let partition = 0; partition < partitions; partition += 1) {
    await client.createPartition({ collection_name, partition_name: partitionName(partition) });
    const values = new Float32Array(rowsOfPartition * dim);
    const data = Array.from({ length: rowsOfPartition }, (_, row) => {
      writeVector(firstIdOf(partition) + row, values, row * dim);
      return { id: firstIdOf(partition) + row, v: values.subarray(row * dim, (row + 1) * dim) };
    });
    const { status } = await client.insert({ collection_name, partition_name: partitionName(partition), data });
    if (status.error_code !== 'Success') throw new Error(status.reason);
  }
  await client.flush({ collection_names: [collection_name] });
}

const insert = (partition, ids) =>
  told(client.insert({ collection_name, partition_name: partitionName(partition), data: ids.map(id => ({ id, v: vectorOf(id) })) }), () => ({}));

const remove = (partition, ids) =>
  told(client.delete({ collection_name, partition_name: partitionName(partition), filter: `id in [${ids.join()}]` }), () => ({}));

const load = partitions =>
  told(partitions ? client.loadPartitionsSync({ collection_name, partition_names: names(partitions) }) : client.loadCollection({ collection_name }), () => ({}));

const release = partitions =>
  told(partitions ? client.releasePartitions({ collection_name, partition_names: names(partitions) }) : client.releaseCollection({ collection_name }), () => ({}));

const flush = () => told(client.flush({ collection_names: [collection_name] }), () => ({}));

const state = partition =>
  told(client.getLoadState({ collection_name, partition_names: [partitionName(partition)] }), answer => ({ state: answer.state }));

const count = partitions =>
  told(client.query({ collection_name, partition_names: names(partitions), output_fields: ['count(*)'], filter: '' }), answer => ({ count: Number(answer.data[0]['count(*)']) }));

const idsBetween = (partition, from, to) =>
  told(
    client.query({ collection_name, partition_names: [partitionName(partition)], filter: `id >= ${from} and id < ${to}`, output_fields: ['id'], limit: 16384 }),
    answer => ({ ids: answer.data.map(row => Number(row.id)) })
  );

const search = (partitions, near, limit) =>
  told(client.search({ collection_name, partition_names: names(partitions), data: vectorOf(near), limit, output_fields: ['id'] }), answer => ({
    hits: answer.results.map(hit => ({ id: Number(hit.id), score: hit.score })),
  }));

const calls = { create, insert, remove, load, release, flush, state, count, idsBetween, search };
/** Of the calls that are not answered yet. */
const numbers = new Set();

export async function answer(number, method, given) {
  numbers.add(number);
  try {
    return await calls[method](...given);
  } finally {
    numbers.delete(number);
  }
}

export const isAtIt = number => numbers.has(number);
