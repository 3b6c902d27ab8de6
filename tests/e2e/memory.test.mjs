// Releasing gives memory back to the system, and what is not loaded is not read.
import assert from 'node:assert/strict';
import test from 'node:test';
import { openPage, until } from './support/browser.mjs';
import { startMeasuredBrowser } from './support/memory.mjs';

const collection_name = 'large';
const rowCount = 100_000;
const dims = { v: 384, small: 8 };
const loadedMegabytes = (rowCount * 384 * 4) / 2 ** 20;

const { context, site, megabytes } = await startMeasuredBrowser(test);

const openClient = async () => {
  const page = await openPage(context, site.url);
  // In OPFS vectors would stay in their files.
  await page.evaluate(() => (window.client = new window.elanus.MilvusClient({ address: 'memory', filesIn: 'indexeddb' })).connectPromise);
  return page;
};
let page;
const call = (method, request = {}) =>
  page.evaluate(([method, request]) => window.client[method](request), [method, { collection_name, ...request }]);

/** The data node is ended when it has had nothing to do for five seconds. */
const dataNodeEnds = () => new Promise(resolve => setTimeout(resolve, 7000));

test('100,000 rows are inserted and flushed', { timeout: 120_000 }, async () => {
  const writing = await openClient();
  const seconds = await writing.evaluate(
    async ([collection_name, dims, rowCount]) => {
      const { elanus, rows } = window;
      await rows.create(window.client, collection_name, dims, { fields: [{ name: 'tag', data_type: elanus.DataType.Int32 }] });
      const start = performance.now();
      for (let from = 0; from < rowCount; from += 10_000) {
        const data = rows.make(from, 10_000, dims, id => ({ tag: id % 10 }));
        rows.mustSucceed(await window.client.insert({ collection_name, data }));
      }
      const inserted = performance.now();
      rows.mustSucceed(await window.client.flush({ collection_names: [collection_name] }));
      return [inserted - start, performance.now() - inserted].map(ms => (ms / 1000).toFixed(1));
    },
    [collection_name, dims, rowCount]
  );
  console.log(`  inserted in ${seconds[0]} s, flushed in ${seconds[1]} s`);
  // The rows that the test made are garbage of this page, which is collected when the browser likes.
  writing.check();
  await writing.close();
  page = await openClient();
});

test('nothing of a vector that is not loaded is read', { timeout: 60_000 }, async () => {
  const load_fields = ['id', 'small', 'tag'];
  await call('loadCollection', { load_fields });
  const found = await call('search', { anns_field: 'small', data: Array(8).fill(0.5), limit: 3, filter: 'tag == 3', output_fields: ['tag'] });
  assert.deepEqual(found.results.map(hit => hit.tag), [3, 3, 3]);
  const partial = (await call('getMemoryUsage')).collections[0];
  console.log('  bytes read:', JSON.stringify(partial.read_bytes));
  assert.deepEqual(Object.keys(partial.read_bytes).sort(), load_fields.sort());
  assert.ok(partial.nodes[0].instance_bytes < rowCount * 384 * 4, 'the node is smaller than the vector that it left out');
  await call('releaseCollection');

  // The same figure counts the large vector when it is loaded.
  await call('loadCollection');
  const whole = (await call('getMemoryUsage')).collections[0];
  assert.ok(whole.read_bytes.v >= rowCount * 384 * 4, `${whole.read_bytes.v} bytes of v read`);
  await call('releaseCollection');
});

test('release gives memory back within a second', { timeout: 120_000 }, async () => {
  await dataNodeEnds();
  const cycles = [];
  for (let cycle = 0; cycle < 6; cycle += 1) {
    const before = megabytes();
    const start = performance.now();
    await call('loadCollection', { load_fields: ['id', 'v', 'tag'] });
    const loadMs = Math.round(performance.now() - start);
    const { results } = await call('search', { anns_field: 'v', data: Array(384).fill(0.5), limit: 10 });
    assert.equal(results.length, 10);
    const loaded = megabytes();
    await call('releaseCollection');
    const released = performance.now();
    const isBack = () => megabytes() <= before + 0.15 * loadedMegabytes;
    const backMs = await until(() => isBack() && Math.round(performance.now() - released), 'memory is back', 1000).catch(() => Infinity);
    const after = megabytes();
    cycles.push({ before, loaded, after, loadMs, backMs });
    const shown = [before, loaded, after].map(value => value.toFixed(0));
    console.log(`  ${shown[0]} MB, loaded ${shown[1]} MB in ${loadMs} ms, released ${shown[2]} MB, back after ${backMs} ms`);
    assert.ok(loaded - before > 0.9 * loadedMegabytes, 'the load is visible in the figure');
  }
  // The first cycle warms up: code and the browser's own caches stay.
  const back = cycles.slice(1).map(cycle => cycle.backMs).sort((a, b) => a - b);
  assert.ok(back[2] <= 1000, `the median of ${back.join(', ')} ms`);
  page.check();
});
