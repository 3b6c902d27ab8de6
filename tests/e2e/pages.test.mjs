// The JavaScript of the documentation pages that the project was made from, run as printed: only the package behind the
// import is another.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { root } from '../../scripts/run.mjs';
import { openPage, startBrowserAndSite } from './support/browser.mjs';

const { browser, site } = await startBrowserAndSite(test);
const snippet = name => readFileSync(join(root, `tests/fixtures/pages/${name}.js`), 'utf8');

/** A new page of a new profile, and what its console says. */
async function start() {
  const context = await browser.newContext();
  const page = await openPage(context, site.url);
  const printed = [];
  page.on('console', message => message.type() === 'log' && printed.push(message.text()));
  // The snippets assign to `res` without declaring it, which a module may do only to what is there.
  await page.evaluate(() => (globalThis.res = undefined));
  return { page, printed };
}

/** Runs snippets after one another, as a reader puts them into one file. */
const run = (page, ...names) =>
  page.evaluate(async source => {
    const url = URL.createObjectURL(new Blob([source], { type: 'text/javascript' }));
    await import(url);
  }, names.map(snippet).join('\n'));

/** With the page's two fields, and the dynamic one when there are more. */
const createMyCollection = (page, more = []) =>
  page.evaluate(async more => {
    const { elanus, rows } = window;
    const collection_name = 'my_collection';
    const client = new elanus.MilvusClient('http://localhost:19530');
    const fields = [{ ...rows.key, name: 'my_id' }, rows.vector('my_vector', 2), ...more];
    await client.createCollection({ collection_name, fields, enable_dynamic_field: more.length > 0 });
    await client.createIndex({ collection_name, field_name: 'my_vector', index_type: 'AUTOINDEX', metric_type: 'L2' });
    const rest = more.length > 0 ? { title: 'Kim', color: 'red' } : {};
    const data = [{ my_id: 1, my_vector: [1, 0], ...rest }, { my_id: 2, my_vector: [0, 1], ...rest }];
    rows.mustSucceed(await client.insert({ collection_name, data }));
    window.client = client;
  }, more);

test('load a collection, load its fields, release it', async () => {
  const { page, printed } = await start();
  await createMyCollection(page);
  await run(page, 'load', 'load-fields', 'release');
  // The page prints what getCollectionLoadState returns without awaiting it.
  assert.deepEqual(printed, ['Success', 'LoadStateLoaded', 'Promise', 'Success', 'LoadStateNotLoad']);
  page.check();
});

test('load chosen fields without the dynamic field', async () => {
  const { page, printed } = await start();
  await createMyCollection(page, [{ name: 'title', data_type: 'VarChar', max_length: 32 }]);
  await run(page, 'load-fields');
  assert.deepEqual(printed, ['Promise']);
  const seen = await page.evaluate(async () => {
    const collection_name = 'my_collection';
    const { client } = window;
    const search = output_fields => client.search({ collection_name, data: [1, 0], limit: 1, output_fields });
    return {
      state: (await client.getCollectionLoadState({ collection_name })).state,
      found: (await search(['my_id'])).results,
      unloaded: (await search(['title'])).status.reason,
      dynamic: (await search(['color'])).status.reason,
    };
  });
  assert.equal(seen.state, 'LoadStateLoaded');
  assert.deepEqual(seen.found, [{ score: 0, my_id: '1' }]);
  assert.match(seen.unloaded, /field title is not loaded/);
  assert.match(seen.dynamic, /dynamic field not loaded|field color/);
  page.check();
});

test('release a collection', async () => {
  const { page } = await start();
  const state = await page.evaluate(async () => {
    const { elanus, rows } = window;
    window.milvusClient = new elanus.MilvusClient('http://localhost:19530');
    await rows.create(window.milvusClient, 'book', { v: 2 });
    await window.milvusClient.loadCollection({ collection_name: 'book' });
    return (await window.milvusClient.getLoadState({ collection_name: 'book' })).state;
  });
  assert.equal(state, 'LoadStateLoaded');
  await run(page, 'release-collection');
  const released = await page.evaluate(() => window.milvusClient.getLoadState({ collection_name: 'book' }));
  assert.equal(released.state, 'LoadStateNotLoad');
  page.check();
});

test('release partitions of a loaded collection, which the page says future versions will do', async () => {
  const { page } = await start();
  await page.evaluate(async () => {
    const { elanus, rows } = window;
    const collection_name = 'book';
    window.milvusClient = new elanus.MilvusClient('http://localhost:19530');
    await rows.create(window.milvusClient, collection_name, { v: 2 });
    await window.milvusClient.createPartition({ collection_name, partition_name: 'novel' });
    await window.milvusClient.loadCollection({ collection_name });
  });
  await run(page, 'release-partitions');
  const states = await page.evaluate(async () => {
    const state = async more => (await window.milvusClient.getLoadState({ collection_name: 'book', ...more })).state;
    return [await state(), await state({ partition_names: ['novel'] }), await state({ partition_names: ['_default'] })];
  });
  assert.deepEqual(states, ['LoadStateLoaded', 'LoadStateNotLoad', 'LoadStateLoaded']);
  page.check();
});

test('getImportState of a job that nobody has made', async () => {
  const { page } = await start();
  await page.evaluate(() => (window.MilvusClient = window.elanus.MilvusClient));
  await run(page, 'get-import-state');
  const { status } = await page.evaluate(() => new window.MilvusClient('x').getImportState({ task: 123456 }));
  assert.deepEqual([status.code, status.reason.split(':')[0]], [2101, 'import job does not exist, jobID=123456']);
  page.check();
});
