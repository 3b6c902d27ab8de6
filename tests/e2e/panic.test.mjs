// A panic in each kind of worker while 100 calls are pending: every call settles, and the next one works.
import assert from 'node:assert/strict';
import test from 'node:test';
import { openPage, startBrowserAndSite } from './support/browser.mjs';

const { browser, site } = await startBrowserAndSite(test);
const collection_name = 'panic';

async function start(store) {
  const page = await openPage(await browser.newContext(), site.url);
  await page.evaluate(
    async ([collection_name, store]) => {
      const { elanus, panic, rows } = window;
      const client = new elanus.MilvusClient(store);
      await rows.create(client, collection_name, { v: 8 });
      rows.mustSucceed(await client.insert({ collection_name, data: rows.make(0, 200, { v: 8 }) }));
      rows.mustSucceed(await client.flushSync({ collection_names: [collection_name] }));
      await client.loadCollection({ collection_name });
      let inserted = 200;
      const calls = [
        () => client.search({ collection_name, data: new Float32Array(8), limit: 3 }),
        () => client.query({ collection_name, filter: 'id < 5', output_fields: ['id'] }),
        () => client.insert({ collection_name, data: rows.make((inserted += 10), 10, { v: 8 }) }),
        () => client.describeCollection({ collection_name }),
        () => client.flush({ collection_names: [collection_name] }),
      ];
      /** The ids of workers, which hold a lock each. */
      const workers = async () => {
        const { held } = await navigator.locks.query();
        return held.map(lock => lock.name.match(/^elanus:worker:(.+)$/)?.[1]).filter(Boolean);
      };
      const outcome = promise =>
        promise.then(
          ({ status }) => ({ status: status.error_code }),
          error => ({ error: error.message ?? error.reason ?? JSON.stringify(error) })
        );
      /** Half of the calls are on their way when the worker is told to panic, half come after. */
      window.panicAmong100Calls = async node => {
        const make = index => outcome(calls[index % calls.length]());
        const before = Array.from({ length: 50 }, (_, index) => make(index));
        const panicked = panic(store, node).catch(error => error.message);
        const after = Array.from({ length: 50 }, (_, index) => make(index));
        return { outcomes: await Promise.all([...before, ...after]), panicked: JSON.stringify(await panicked) };
      };
      Object.assign(window, { client, workers });
    },
    [collection_name, store]
  );
  return page;
}

/** The next calls of each kind, without a second try. */
const nextCalls = page =>
  page.evaluate(async collection_name => {
    const { client, rows } = window;
    const found = await client.search({ collection_name, data: new Float32Array(8), limit: 3 });
    const read = await client.query({ collection_name, filter: 'id < 5', output_fields: ['id'] });
    const inserted = await client.insert({ collection_name, data: rows.make(100_000, 10, { v: 8 }) });
    const flushed = await client.flush({ collection_names: [collection_name] });
    const counted = await client.query({ collection_name, filter: 'id >= 100000 and id < 100010', output_fields: ['count(*)'] });
    const statuses = [found, read, inserted, flushed, counted].map(({ status }) => `${status.error_code}${status.reason}`);
    return { statuses, hits: found.results.length, rows: read.data.length, counted: counted.data[0]['count(*)'] };
  }, collection_name);

async function panicIn(page, node) {
  const before = await page.evaluate(() => window.workers());
  const { outcomes, panicked } = await page.evaluate(node => window.panicAmong100Calls(node), node);
  const tally = {};
  for (const { status, error } of outcomes) tally[status ?? error] = (tally[status ?? error] ?? 0) + 1;
  console.log(`  panicked: ${panicked}`, tally);
  assert.equal(outcomes.length, 100);
  assert.deepEqual(await nextCalls(page), { statuses: Array(5).fill('Success'), hits: 3, rows: 5, counted: '10' });
  const after = await page.evaluate(() => window.workers());
  return { tally, gone: before.filter(id => !after.includes(id)) };
}

const timeout = 30_000;

test('in the coordinator', { timeout }, async () => {
  const page = await start('panic-coordinator');
  const { tally, gone } = await panicIn(page, '');
  assert.ok(gone.length >= 2, 'the coordinator ended with its nodes');
  // Reads are repeated, writes are refused in a way that says that they may be.
  for (const outcome of Object.keys(tally)) assert.match(outcome, /^Success$|service not ready/);
});

test('in a query node', { timeout }, async () => {
  const page = await start('panic-query-node');
  const node = (await page.evaluate(() => window.workers())).find(id => id.startsWith('query'));
  assert.ok(node, 'a query node runs');
  const { tally, gone } = await panicIn(page, node);
  assert.deepEqual(gone, [node]);
  assert.deepEqual(tally, { Success: 100 });
});

test('in the data node', { timeout }, async () => {
  const page = await start('panic-data-node');
  // Enough that a flush is at work for a while.
  await page.evaluate(async collection_name => {
    const { client, rows } = window;
    rows.mustSucceed(await client.insert({ collection_name, data: rows.make(1_000_000, 20_000, { v: 8 }) }));
    rows.mustSucceed(await client.insert({ collection_name, data: rows.make(2_000_000, 20_000, { v: 8 }) }));
  }, collection_name);
  const node = (await page.evaluate(() => window.workers())).find(id => /^data[^:]*$/.test(id));
  assert.ok(node, 'the data node still runs after the flush');
  const { tally, gone } = await panicIn(page, node);
  assert.deepEqual(gone.sort(), [node, `${node}:files`]);
  // Flushes that it was at are refused, all else does not need it.
  for (const outcome of Object.keys(tally)) assert.match(outcome, /^Success$|NotReadyServe|UnexpectedError|service not ready/);
  assert.ok(tally.Success >= 80);
});
