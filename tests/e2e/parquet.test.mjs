// The Parquet worker from the plain folder: it reads what it wrote, and nobody else loads its scripts.
import assert from 'node:assert/strict';
import test from 'node:test';
import { openPage, startBrowserAndSite } from './support/browser.mjs';

const { browser, site } = await startBrowserAndSite(test);

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
    const { encodeBatch } = await import('/dist/client/wire/batch.js');
    const { parquetAsJsonLines, writeParquet } = await import('/dist/client/parquet.js');
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
  assert.ok(loaded.includes('/dist/parquet/libraries.js'), loaded.join(' '));
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
  assert.deepEqual(loaded.filter(path => /^\/dist\/(parquet\/|workers\/parquet)/.test(path)), []);
  page.check();
});
