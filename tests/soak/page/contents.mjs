// Everything that a reopened store says it has, and whether it agrees with itself.
import { batchOf, collection_name, createIndex, idRange, succeeded, textOf, vectorOf } from './collection.mjs';

const batchesAtOnce = 100;

async function readRange(client, from) {
  const request = { collection_name, filter: idRange(from, batchesAtOnce), output_fields: ['id', 'v', 'text'], limit: 16384 };
  return succeeded(await client.query(request)).data;
}

/** Rows by batch; throws when what was read contradicts itself. */
export async function contents(client) {
  const { status } = await client.describeIndex({ collection_name });
  // The kill may have come between dropping an index and building the next.
  if (status.code === 700) await createIndex(client);
  await client.loadCollection({ collection_name });
  const counted = succeeded(await client.count({ collection_name })).data;

  const rows = {};
  const ids = new Set();
  let read = 0;
  for (let from = 0; read < counted; from += batchesAtOnce) {
    if (from > 100_000) throw new Error(`${counted} rows counted, ${read} read`);
    for (const row of await readRange(client, from)) {
      const id = Number(row.id);
      read += 1;
      if (ids.has(id)) throw new Error(`row ${id} is there twice`);
      ids.add(id);
      if (row.text !== textOf(id) || row.v.join() !== vectorOf(id).join()) throw new Error(`row ${id} is another: ${JSON.stringify(row)}`);
      rows[batchOf(id)] = (rows[batchOf(id)] ?? 0) + 1;
    }
  }
  if (read !== counted) throw new Error(`${counted} rows counted, ${read} read`);
  await searchSome(client, [...ids]);
  return rows;
}

/** Some rows are found by their own vectors, with a score that the index file has a part in. */
async function searchSome(client, ids) {
  const some = ids.filter((_, at) => at % Math.ceil(ids.length / 5) === 0);
  if (some.length === 0) return;
  const request = { collection_name, data: some.map(vectorOf), limit: 5, output_fields: ['id'] };
  const found = succeeded(await client.search(request)).results;
  const lists = some.length === 1 ? [found] : found;
  for (const [at, id] of some.entries()) {
    // Another row may point the same way.
    const own = lists[at].filter(hit => Math.abs(hit.score - 1) < 1e-5).map(hit => Number(hit.id));
    if (own.length < 5 && !own.includes(id)) throw new Error(`row ${id} found ${JSON.stringify(lists[at])}`);
  }
}
