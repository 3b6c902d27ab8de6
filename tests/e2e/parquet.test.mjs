// The Parquet worker from the plain folder: it reads what it wrote, and nobody else loads its scripts.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import test from 'node:test';
import { modules } from '../../scripts/build.mjs';
import { root } from '../../scripts/run.mjs';
import { dist, openPage, startBrowserAndSite } from './support/browser.mjs';

// The worker is the published one; what asks it is inside of the client.
const mounts = { '/modules/': join(root, modules), '/modules/workers/': join(dist, 'workers') };
const { browser, site } = await startBrowserAndSite(test, mounts);

async function newPage() {
  const page = await openPage(await browser.newContext(), site.url);
  const loaded = [];
  page.context().on('request', request => loaded.push(new URL(request.url()).pathname));
  return { page, loaded };
}

test('a file is written and read by a worker of its own', async () => {
  const { page, loaded } = await newPage();
  const { type, size, lines } = await page.evaluate(async () => {
    const { DataType } = await import('/dist/client/index.js');
    const { encodeBatch } = await import('/modules/client/wire/batch.js');
    const { parquetAsJsonLines, writeParquet } = await import('/modules/client/parquet.js');
    const field = (name, data_type) => ({ name, data_type, autoID: false });
    const block = id => {
      const ids = new Uint8Array(BigInt64Array.of(id, id + 1n).buffer);
      const vectors = new Uint8Array(Float32Array.of(0.1, 1, 0.2, 2).buffer);
      return encodeBatch({ rows: 2, columns: [{ name: 'id', type: DataType.Int64, data: ids }, { name: 'v', type: DataType.FloatVector, dim: 2, data: vectors }] });
    };
    async function* batches() {
      yield block(1n);
      yield block(2n ** 62n);
    }
    const file = await writeParquet([{ name: 'id', type: DataType.Int64 }, { name: 'v', type: DataType.FloatVector }], batches());
    const collection = { properties: [], schema: { enable_dynamic_field: false, fields: [field('id', 'Int64'), field('v', 'FloatVector')] } };
    const lines = await new Response(parquetAsJsonLines('rows.parquet', file, collection)).text();
    return { type: file.type, size: file.size, lines };
  });
  assert.equal(type, 'application/vnd.apache.parquet');
  assert.ok(size > 100);
  assert.equal(
    lines,
    '{"id":1,"v":[0.1,1]}\n{"id":2,"v":[0.2,2]}\n{"id":4611686018427387904,"v":[0.1,1]}\n{"id":4611686018427387905,"v":[0.2,2]}\n'
  );
  assert.ok(loaded.includes('/modules/workers/parquet.js'), loaded.join(' '));
  page.check();
});

test('a page without Parquet files does not load it', async () => {
  const { page, loaded } = await newPage();
  await page.evaluate(async () => {
    const { MilvusClient } = await import('/dist/client/index.js');
    const client = new MilvusClient({ address: 'indexeddb://no-parquet' });
    await client.listDatabases();
    await client.closeConnection();
  });
  assert.ok(loaded.includes('/dist/workers/coordinator.js'));
  assert.deepEqual(loaded.filter(path => /parquet/.test(path)), []);
  page.check();
});

test('rows of every type come out of an import as they were written', async () => {
  const { page } = await newPage();
  const { state, reason, rows } = await page.evaluate(async () => {
    const { DataType, MilvusClient } = await import('/dist/client/index.js');
    const { encodeBatch } = await import('/modules/client/wire/batch.js');
    const { writeColumn } = await import('/modules/client/wire/column-writer.js');
    const { parquetField, writeParquet } = await import('/modules/client/parquet.js');
    const client = new MilvusClient({ address: 'indexeddb://parquet' });
    const collection_name = 'c';
    await client.createCollection({
      collection_name,
      enable_dynamic_field: true,
      fields: [
        { name: 'id', data_type: 'Int64', is_primary_key: true },
        { name: 'bool', data_type: 'Bool', nullable: true },
        { name: 'int8', data_type: 'Int8' },
        { name: 'float', data_type: 'Float' },
        { name: 'double', data_type: 'Double' },
        { name: 'text', data_type: 'VarChar', max_length: 100 },
        { name: 'json', data_type: 'JSON', nullable: true },
        { name: 'texts', data_type: 'Array', element_type: 'VarChar', max_capacity: 5, max_length: 10, nullable: true },
        { name: 'longs', data_type: 'Array', element_type: 'Int64', max_capacity: 5 },
        { name: 'v', data_type: 'FloatVector', dim: 3 },
      ],
    });
    await client.createIndex({ collection_name, field_name: 'v', index_type: 'FLAT', metric_type: 'L2' });
    const { schema } = await client.describeCollection({ collection_name });
    const fields = [...schema.fields.map(parquetField), { name: '$meta', type: DataType.JSON }];
    const values = {
      id: [1n, 2n ** 63n - 1n],
      bool: [true, null],
      int8: [-128, 1],
      float: [0.5, -3.4028234663852886e38],
      double: [0.1, 5e-324],
      text: ['ü"\n', ''],
      json: [{ a: [1, null] }, null],
      texts: [['x', ''], null],
      longs: [[2n ** 62n], []],
      v: [[0.1, 1e-45, 3], [1, 2, 3]],
      $meta: [{ k: 1 }, {}],
    };
    async function* batches() {
      yield encodeBatch({ rows: 2, columns: fields.map(field => writeColumn('c', { ...field, dim: 3 }, values[field.name])) });
    }
    const data = await writeParquet(fields, batches());
    const { tasks } = await client.bulkInsert({ collection_name, files: [{ name: 'rows.parquet', data }] });
    let last;
    for await (last of client.watchImport({ task: tasks[0] })) continue;
    await client.loadCollection({ collection_name });
    const rows = (await client.query({ collection_name, filter: 'id > 0', output_fields: ['*'] })).data;
    await client.closeConnection();
    return { state: last.state, reason: last.infos.find(({ key }) => key === 'failed_reason').value, rows };
  });
  assert.deepEqual([state, reason], ['ImportCompleted', '']);
  const first = { id: '1', bool: true, int8: -128, float: 0.5, double: 0.1, text: 'ü"\n', json: { a: [1, null] }, texts: ['x', ''] };
  const second = { id: '9223372036854775807', bool: null, int8: 1, float: -3.4028234663852886e38, double: 5e-324, text: '', json: null, texts: null };
  assert.deepEqual(rows, [
    { ...first, longs: ['4611686018427387904'], v: [0.1, 1e-45, 3].map(Math.fround), $meta: { k: 1 } },
    { ...second, longs: [], v: [1, 2, 3], $meta: {} },
  ]);
  page.check();
});

test('a file that is named by its URL is fetched and read beside the engine', async () => {
  const { page } = await newPage();
  await page.exposeFunction('serve', async (name, bytes) => {
    await page.route(`**/made/${name}`, route => route.fulfill({ body: Buffer.from(bytes) }));
  });
  const { state, rows, fetches } = await page.evaluate(async () => {
    const { DataType, MilvusClient } = await import('/dist/client/index.js');
    const { encodeBatch } = await import('/modules/client/wire/batch.js');
    const { writeParquet } = await import('/modules/client/parquet.js');
    const client = new MilvusClient({ address: 'indexeddb://parquet-url' });
    const collection_name = 'c';
    const vector = { name: 'v', data_type: 'FloatVector', dim: 2 };
    await client.createCollection({ collection_name, fields: [{ name: 'id', data_type: 'Int64', is_primary_key: true }, vector] });
    await client.createIndex({ collection_name, field_name: 'v', index_type: 'FLAT', metric_type: 'L2' });
    async function* batches() {
      const [ids, vectors] = [BigInt64Array.of(1n, 2n), Float32Array.of(0.1, 1, 0.2, 2)].map(values => new Uint8Array(values.buffer));
      yield encodeBatch({ rows: 2, columns: [{ name: 'id', type: DataType.Int64, data: ids }, { name: 'v', type: DataType.FloatVector, dim: 2, data: vectors }] });
    }
    const file = await writeParquet([{ name: 'id', type: DataType.Int64 }, { name: 'v', type: DataType.FloatVector }], batches());
    let fetches = 0;
    const { fetch } = globalThis;
    globalThis.fetch = (...of) => {
      fetches += 1;
      return fetch(...of);
    };
    await window.serve('rows.parquet', [...new Uint8Array(await file.arrayBuffer())]);
    const { tasks } = await client.bulkInsert({ collection_name, files: ['/made/rows.parquet'] });
    let last;
    for await (last of client.watchImport({ task: tasks[0] })) continue;
    await client.loadCollection({ collection_name });
    const rows = (await client.query({ collection_name, filter: 'id > 0', output_fields: ['*'] })).data;
    await client.closeConnection();
    return { state: last.state, rows, fetches };
  });
  assert.deepEqual([state, fetches], ['ImportCompleted', 0]);
  assert.deepEqual(rows, [{ id: '1', v: [0.1, 1].map(Math.fround) }, { id: '2', v: [0.2, 2].map(Math.fround) }]);
  page.check();
});
