// Loads of some size: what pages hear of them, how they are given up, and how they are refused.
import assert from 'node:assert/strict';
import test from 'node:test';
import { openPage, startBrowserAndSite } from './support/browser.mjs';

const { browser, site } = await startBrowserAndSite(test);
const context = await browser.newContext();
const collection_name = 'tall';
const rowCount = 70_000;
const dims = { v: 384 };

const openClient = async (config = {}) => {
  const page = await openPage(context, site.url);
  await page.evaluate(config => (window.client = new window.elanus.MilvusClient({ address: 'loading', ...config })).connectPromise, config);
  return page;
};
const call = (page, method, request = {}) =>
  page.evaluate(([method, request]) => window.client[method](request), [method, { collection_name, ...request }]);
let page = await openClient();

test('100 MB are inserted', { timeout: 120_000 }, async () => {
  await page.evaluate(
    async ([collection_name, rowCount, dims]) => {
      const { client, rows } = window;
      await rows.create(client, collection_name, dims);
      rows.mustSucceed(await client.createPartition({ collection_name, partition_name: 'few' }));
      for (let from = 0; from < rowCount; from += 10_000) {
        rows.mustSucceed(await client.insert({ collection_name, data: rows.make(from, 10_000, dims) }));
      }
      rows.mustSucceed(await client.insert({ collection_name, partition_name: 'few', data: rows.make(rowCount, 100, dims) }));
      rows.mustSucceed(await client.flush({ collection_names: [collection_name] }));
    },
    [collection_name, rowCount, dims]
  );
});

test('every tab hears how far a load is, in many steps that never fall', { timeout: 60_000 }, async () => {
  const other = await openClient();
  const listen = target => target.evaluate(() => {
    window.heard = [];
    window.client.on('loadprogress', detail => window.heard.push(detail));
  });
  await Promise.all([listen(page), listen(other)]);
  const polled = await page.evaluate(async collection_name => {
    const polled = [];
    const loading = window.client.loadCollectionAsync({ collection_name });
    await loading;
    while (polled.at(-1) !== 100) polled.push(Number((await window.client.getLoadingProgress({ collection_name })).progress));
    return polled;
  }, collection_name);
  const heard = await page.evaluate(() => window.heard);
  // On a machine that has other things to do they hear of fewer.
  for (const [steps, fewest] of [[polled, 3], [heard.map(detail => detail.progress), 10]]) {
    const values = new Set(steps);
    console.log(`  ${values.size} values`);
    assert.ok(values.size >= fewest, [...values].join());
    assert.ok(steps.every((value, at) => at === 0 || value >= steps[at - 1]), 'never falls');
    assert.equal(steps.at(-1), 100);
  }
  assert.deepEqual(heard[0].partition_names, ['_default', 'few']);
  assert.equal(heard[0].collection_name, collection_name);
  assert.deepEqual(await other.evaluate(() => window.heard), heard);
  await call(page, 'releaseCollection');
  other.check();
  await other.close();
});

test('an aborted load leaves what was loaded before', { timeout: 60_000 }, async () => {
  await call(page, 'loadPartitionsSync', { partition_names: ['few'] });
  for (const afterMs of [0, 2, 5, 20]) {
    const outcome = await page.evaluate(
      async ([collection_name, afterMs]) => {
        const abort = new AbortController();
        setTimeout(() => abort.abort(new Error('enough')), afterMs);
        const loading = window.client.loadCollection({ collection_name, signal: abort.signal });
        return loading.then(() => 'loaded', error => error.message);
      },
      [collection_name, afterMs]
    );
    assert.equal(outcome, 'enough', `after ${afterMs} ms`);
    const state = async partition => (await call(page, 'getLoadState', { partition_names: [partition] })).state;
    assert.equal(await state('_default'), 'LoadStateNotLoad', `after ${afterMs} ms`);
    assert.equal(await state('few'), 'LoadStateLoaded');
    assert.equal((await call(page, 'count')).data, 100);
  }
  await call(page, 'loadCollection');
  assert.equal((await call(page, 'count')).data, rowCount + 100);
  await call(page, 'releaseCollection');
  page.check();
  await page.close();
});

test('a load beyond the limit is refused before anything is read', { timeout: 60_000 }, async () => {
  // Without its vectors, too, which stay in their file when their index has been built, it takes more.
  page = await openClient({ memoryLimitBytes: 20 * 2 ** 20 });
  const status = await call(page, 'loadCollectionAsync');
  assert.equal(status.code, 3);
  assert.equal(status.error_code, 'InsufficientMemoryToLoad');
  assert.match(status.reason, /tall.*memory limit exceeded\[predict=\d+\]\[limit=20971520\]/);
  const usage = await call(page, 'getMemoryUsage');
  assert.deepEqual(usage.collections, []);
  await page.evaluate(collection_name => window.client.loadPartitionsSync({ collection_name, partition_names: ['few'] }), collection_name);
  assert.equal((await call(page, 'count')).data, 100);
  page.check();
});
