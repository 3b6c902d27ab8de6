// Releasing a part gives its memory back to the system while searches go on, and the figures of memory are true.
import assert from 'node:assert/strict';
import test from 'node:test';
import { openPage, until } from './support/browser.mjs';
import { startMeasuredBrowser } from './support/memory.mjs';

const collection_name = 'parts';
const partitions = ['_default', 'p1', 'p2', 'p3'];
const rowsOfPartition = 20_000;
const dims = { v: 256 };
/** As float32, int8 and single bits. */
const megabytesOfPartition = (rowsOfPartition * dims.v * (4 + 1 + 1 / 8)) / 2 ** 20;
/** What an instance takes beside its rows, at most. */
const instanceMegabytes = 10;

const { context, site, megabytes } = await startMeasuredBrowser(test);
const page = await openPage(context, site.url);
// In OPFS vectors would stay in their files.
await page.evaluate(() => (window.client = new window.elanus.MilvusClient({ address: 'parts', filesIn: 'indexeddb' })).connectPromise);
const call = (method, request = {}) =>
  page.evaluate(([method, request]) => window.client[method](request), [method, { collection_name, ...request }]);

test('four equal partitions are filled', { timeout: 120_000 }, async () => {
  await page.evaluate(
    async ([collection_name, partitions, rowsOfPartition, dims]) => {
      const { client, rows } = window;
      await rows.create(client, collection_name, dims);
      for (const [number, partition_name] of partitions.entries()) {
        if (number > 0) rows.mustSucceed(await client.createPartition({ collection_name, partition_name }));
        for (let from = 0; from < rowsOfPartition; from += 5000) {
          const data = rows.make(number * rowsOfPartition + from, 5000, dims);
          rows.mustSucceed(await client.insert({ collection_name, partition_name, data }));
        }
      }
      rows.mustSucceed(await client.flush({ collection_names: [collection_name] }));
    },
    [collection_name, partitions, rowsOfPartition, dims]
  );
});

test('the figures are those of the instance', { timeout: 60_000 }, async () => {
  const usage = async () => {
    const { collections, total_bytes } = await call('getMemoryUsage');
    const [{ bytes, nodes, partitions: held }] = collections;
    const [{ allocated_bytes, instance_bytes }] = nodes;
    console.log(`  ${bytes} bytes told, ${allocated_bytes} allocated, ${instance_bytes} taken from the system`);
    assert.ok(Math.abs(allocated_bytes - bytes) <= 0.05 * allocated_bytes, 'true to 5 %');
    return { total_bytes, allocated_bytes, instance_bytes, held };
  };
  await call('createPartition', { partition_name: 'growing' });
  await call('loadPartitionsSync', { partition_names: ['growing'] });
  await page.evaluate(
    async ([collection_name, rowCount, dims]) => {
      const { client, rows } = window;
      for (let from = 0; from < rowCount; from += 1000) {
        rows.mustSucceed(await client.insert({ collection_name, partition_name: 'growing', data: rows.make(1e6 + from, 1000, dims) }));
      }
    },
    [collection_name, rowsOfPartition, dims]
  );
  await usage();
  await call('releaseCollection');
  await call('dropPartition', { partition_name: 'growing' });

  await call('loadCollection');
  const { total_bytes, allocated_bytes, instance_bytes, held } = await usage();
  assert.ok(instance_bytes <= 1.15 * allocated_bytes, 'little is taken that is not used');
  assert.equal(total_bytes, instance_bytes);
  assert.deepEqual(held.map(partition => partition.name), partitions);
  for (const partition of held) {
    assert.equal(partition.rows, rowsOfPartition);
    assert.ok(partition.field_bytes.v >= rowsOfPartition * dims.v * 4);
  }
});

test('the system gets 80 % of a released partition back, and no search fails', { timeout: 60_000 }, async () => {
  // The garbage of the load that the browser has not collected yet would hide what the release gives back.
  const settled = async () => {
    await new Promise(resolve => setTimeout(resolve, 3000));
    return megabytes();
  };
  const before = await settled();
  const searching = page.evaluate(
    async ([collection_name, dim]) => {
      window.searching = true;
      const outcome = { searches: 0, failures: [], slowestMs: 0 };
      while (window.searching) {
        const start = performance.now();
        const { status, results } = await window.client.search({ collection_name, data: Array(dim).fill(0.5), limit: 5 });
        outcome.slowestMs = Math.max(outcome.slowestMs, performance.now() - start);
        outcome.searches += 1;
        if (status.error_code !== 'Success' || results.length !== 5) outcome.failures.push(status.reason);
      }
      return outcome;
    },
    [collection_name, dims.v]
  );
  await call('releasePartitions', { partition_names: ['p2'] });
  const released = performance.now();
  // The browser may have collected garbage of its own: the nodes must have changed, too.
  const isSmall = async () => (await call('getMemoryUsage')).collections[0].nodes[0].instance_bytes < (3 * megabytesOfPartition + instanceMegabytes) * 2 ** 20;
  const isBack = async () => before - megabytes() >= 0.8 * megabytesOfPartition && (await isSmall());
  const backMs = await until(async () => (await isBack()) && Math.round(performance.now() - released), 'memory is back', 10_000, 100);
  await page.evaluate(() => (window.searching = false));
  const { searches, failures, slowestMs } = await searching;
  console.log(`  ${megabytesOfPartition.toFixed(0)} MB released, 80 % back after ${backMs} ms; ${searches} searches, the slowest ${slowestMs.toFixed(0)} ms`);
  assert.deepEqual(failures, []);
  assert.ok(searches > 10);
  const { collections } = await call('getMemoryUsage');
  assert.deepEqual(collections[0].partitions.map(partition => partition.name), ['_default', 'p1', 'p3']);
  page.check();
});
