// Whether a real Milvus server takes what elanus exports. Collections are made in a page, exported in each format, imported by the
// server, and then both are asked the same. `npm run milvus`, or `npm run milvus -- keyed` for one of them; any difference is
// printed and fails it.
import { MilvusClient } from '@zilliz/milvus2-sdk-node';
import { build } from '../../scripts/build.mjs';
import { Failure, main } from '../../scripts/run.mjs';
import { collections } from './collections.mjs';
import { differences } from './differences.mjs';
import { inPage, onServer } from './sides.mjs';
import { startServer, version } from './server.mjs';

const unknownType = 'unsupported file type';

/** How the files of a format become what this server imports; those that it refuses came with later versions. */
const forServer = {
  jsonl: [
    { as: 'JSON Lines', refusal: unknownType },
    { as: 'JSON Lines, put into {"rows": […]}', make: ([{ name, bytes }]) => [{ name: name.replace(/l$/, ''), bytes: rowsOf(bytes) }] },
  ],
  csv: [{ as: 'CSV', refusal: unknownType }],
  npy: [{ as: 'NumPy' }],
  parquet: [{ as: 'Parquet' }],
};

const folded = ({ $meta, ...row }) => ({ ...row, ...$meta });

const rowsOf = lines => `{"rows":[${lines.toString('utf8').trimEnd().split('\n').join(',')}]}`;

/** What is asked of both sides, with a title for each question. */
function questions({ unique, filters, searches, partitions = [], create }) {
  // Each side generates keys of its own.
  const generated = create.fields.find(field => field.autoID)?.name;
  const rows = async (side, request) => {
    const { data } = await side.call('query', { limit: 16384, consistency_level: 'Strong', ...request });
    const told = data.map(({ [generated]: _, ...row }) => [String(row[unique]), row]);
    return Object.fromEntries(told.sort(([one], [other]) => (one < other ? -1 : 1)));
  };
  const ids = async (side, request) => Object.keys(await rows(side, { ...request, output_fields: [unique] }));
  const hits = async (side, request) => {
    const { results } = await side.call('search', { consistency_level: 'Strong', ...request, output_fields: [unique] });
    return results.flat().map(hit => ({ of: String(hit[unique]), score: hit.score }));
  };
  const fields = ({ name, data_type, element_type, is_primary_key, is_partition_key, autoID, description, type_params }) =>
    ({ name, data_type, element_type, is_primary_key, is_partition_key, autoID, description, type_params });
  return [
    ['fields', async side => (await side.call('describeCollection', {})).schema.fields.map(fields)],
    ['the collection', async side => {
      const { schema: { description, enable_dynamic_field }, shards_num, consistency_level } = await side.call('describeCollection', {});
      return { description, enable_dynamic_field, shards_num, consistency_level };
    }],
    ['indexes', async side => (await side.call('describeIndex', {})).index_descriptions.map(({ field_name, index_name, params }) => ({ field_name, index_name, params }))],
    ['count', async side => (await side.call('count', {})).data],
    ['rows', side => rows(side, { filter: '', output_fields: ['*'] })],
    ...filters.map(filter => [filter, side => ids(side, { filter })]),
    ...partitions.map(name => [`partition ${name}`, side => ids(side, { filter: '', partition_names: [name] })]),
    ...searches.map((request, at) => [`search ${at + 1}`, side => hits(side, request)]),
  ];
}

/** `dataOf` gives the rows of a partition, by its number and what names it in a request. */
async function fill(side, { create, index, partitions }, dataOf) {
  await side.call('createCollection', create);
  await side.call('createIndex', { field_name: 'v', index_name: 'of_v', ...index });
  for (const partition_name of partitions?.slice(1) ?? []) await side.call('createPartition', { partition_name });
  for (const [at, partition_name] of (partitions ?? [undefined]).entries()) {
    await side.call('insert', { data: await dataOf(at, partition_name), ...(partition_name ? { partition_name } : {}) });
  }
  await side.call('loadCollection', {});
}

async function make(side, collection) {
  const { partitions, rows, before } = collection;
  await fill(side, collection, at => rows.filter((_, n) => n % (partitions?.length ?? 1) === at));
  for (const [method, request] of before) await side.call(method, method === 'flush' ? { collection_names: [side.name] } : request);
}

/** Makes what was exported on the server, and says why it refused, or undefined. */
async function move(server, exports, { as, make = files => files }) {
  const [{ schema, index_params }] = exports;
  await server.call('createCollection', schema);
  for (const index of index_params) await server.call('createIndex', index);
  for (const { partition_name, files } of exports) {
    if (partition_name && partition_name !== '_default') await server.call('createPartition', { partition_name });
    const reason = await server.import(make(files), partition_name && { partition_name });
    if (reason !== undefined) return reason;
  }
  await server.call('loadCollection', {});
  return undefined;
}

/** What the server answers, inserted in the page. */
async function moveBack(copy, side, collection) {
  const generated = collection.create.fields.find(field => field.autoID)?.name;
  await fill(side, collection, async (_, partition_name) => {
    const partition = partition_name ? { partition_names: [partition_name] } : {};
    const { data } = await copy.call('query', { filter: '', limit: 16384, output_fields: ['*'], consistency_level: 'Strong', ...partition });
    return data.map(row => folded(Object.fromEntries(Object.entries(row).filter(([name]) => name !== generated))));
  });
}

async function compare(page, server, collection) {
  const wrong = [];
  const tell = (what, found) => {
    const told = found.map(text => `${collection.name}, ${what}: ${text}`);
    console.log(`${collection.name}, ${what}: ${found.length > 0 ? 'DIFFERENT' : 'equal'}`);
    told.forEach(text => console.log(`  ${text}`));
    wrong.push(...told);
  };
  const asked = questions(collection);
  const answers = async side => {
    const given = [];
    for (const [title, ask] of asked) given.push([title, await ask(side).catch(error => ({ error: error.message }))]);
    return given;
  };
  const original = page.of(collection.name);
  await make(original, collection);
  const expected = await answers(original);
  const rows = expected.find(([title]) => title === 'rows')[1];
  console.log(`\n${collection.name}: ${Object.keys(rows).length} rows, ${asked.length} questions`);
  const failed = expected.filter(([, answer]) => answer.error);
  // What finds nothing says nothing.
  const idle = expected.filter(([, answer]) => answer.length === 0);
  if (idle.length > 0) tell('elanus', idle.map(([title]) => `${title}: finds nothing`));
  if (failed.length > 0) tell('elanus', failed.map(([title, { error }]) => `${title}: ${error}`));
  for (const format of collection.formats) {
    const parts = collection.partitions?.map(name => ({ partition_name: name, partition_names: [name] })) ?? [{}];
    const exports = [];
    for (const { partition_name, ...request } of parts) exports.push({ partition_name, ...(await original.export({ format, ...request })) });
    for (const [at, way] of forServer[format].entries()) {
      const copy = server.of(`${collection.name}_${format}_${at}`);
      const reason = await move(copy, exports, way);
      if (way.refusal) {
        if (reason?.startsWith(way.refusal)) console.log(`${collection.name}, ${way.as}: not taken by ${version}: ${way.refusal}`);
        else tell(way.as, [`expected to be refused as ${way.refusal}, but ${reason ?? 'taken'}`]);
      } else if (reason !== undefined) {
        tell(way.as, [`refused: ${reason}`]);
      } else {
        tell(way.as, differences(expected, await answers(copy)));
        const back = page.of(`${copy.name}_back`);
        await moveBack(copy, back, collection);
        tell(`${way.as}, and back`, differences(expected, await answers(back)));
        await back.call('dropCollection', {});
      }
      await copy.call('dropCollection', {});
    }
  }
  return wrong;
}

main(import.meta.url, async () => {
  if (!process.env.ELANUS_DIST) await build();
  const endings = [];
  const wrong = [];
  try {
    const server = await startServer();
    endings.push(server.close);
    const client = new MilvusClient({ address: server.address });
    endings.push(() => client.closeConnection());
    await client.connectPromise;
    console.log(`Milvus ${(await client.getVersion()).version}`);
    const page = await inPage(end => endings.push(end));
    const chosen = process.argv.slice(2);
    for (const collection of collections) {
      if (chosen.length > 0 && !chosen.includes(collection.name)) continue;
      wrong.push(...(await compare(page, onServer(client, server.put), collection)));
    }
  } finally {
    for (const end of endings.reverse()) await end();
  }
  if (wrong.length > 0) throw new Failure(`${wrong.length} differences, see above`);
  console.log('\nno differences');
});
