// Several tabs of one origin: one coordinator, seen by all, and handed over when its tab goes.
import assert from 'node:assert/strict';
import test from 'node:test';
import { openPage, startBrowserAndSite } from './support/browser.mjs';

const { browser, site } = await startBrowserAndSite(test);
const collection_name = 'shared';

async function openTab(context) {
  const page = await openPage(context, site.url);
  await page.evaluate(() => {
    window.client = new window.elanus.MilvusClient('tabs');
    return window.client.connectPromise;
  });
  return page;
}

const state = page => page.evaluate(async collection_name => (await window.client.getLoadState({ collection_name })).state, collection_name);

const nearest = (page, x) =>
  page.evaluate(
    async ([collection_name, x]) => {
      const { status, results } = await window.client.search({ collection_name, data: [x, 0], limit: 1, output_fields: ['id'] });
      return status.error_code === 'Success' ? results[0].id : status;
    },
    [collection_name, x]
  );

const insert = (page, id) =>
  page.evaluate(
    async ([collection_name, id]) => {
      const { status } = await window.client.insert({ collection_name, data: [{ id, v: [id, 0] }] });
      return status.error_code;
    },
    [collection_name, id]
  );

test('a second tab works through the first, and takes over when that one is closed', { timeout: 30_000 }, async () => {
  const context = await browser.newContext();
  const first = await openTab(context);
  await first.evaluate(collection_name => window.rows.create(window.client, collection_name, { v: 2 }), collection_name);
  assert.equal(await insert(first, 1), 'Success');

  const second = await openTab(context);
  assert.equal(await state(second), 'LoadStateNotLoad');
  await second.evaluate(collection_name => window.client.loadCollection({ collection_name }), collection_name);
  assert.equal(await state(first), 'LoadStateLoaded', 'what the second tab loads is loaded in the first');
  assert.equal(await nearest(second, 1), '1');
  assert.equal(await insert(second, 2), 'Success');
  assert.equal(await nearest(first, 2), '2', 'a row of the second tab is found in the first at once');
  const owners = await second.evaluate(async () => (await navigator.locks.query()).held.filter(lock => /^elanus:[^:]+:owner$/.test(lock.name)).length);
  assert.equal(owners, 1);

  const start = performance.now();
  await first.close();
  assert.equal(await nearest(second, 2), '2', 'the load set is restored');
  console.log(`  the second tab serves ${Math.round(performance.now() - start)} ms after the first was told to close`);
  assert.equal(await state(second), 'LoadStateLoaded');
  assert.equal(await insert(second, 3), 'Success');

  const third = await openTab(context);
  const ids = await third.evaluate(async collection_name => {
    const { data } = await window.client.query({ collection_name, filter: 'id > 0', output_fields: ['id'] });
    return data.map(row => row.id).sort();
  }, collection_name);
  assert.deepEqual(ids, ['1', '2', '3']);
  for (const page of [second, third]) page.check();
  await context.close();
});

test('a tab that is reloaded finds what was loaded', { timeout: 30_000 }, async () => {
  const context = await browser.newContext();
  const page = await openTab(context);
  await page.evaluate(collection_name => window.rows.create(window.client, collection_name, { v: 2 }), collection_name);
  assert.equal(await insert(page, 7), 'Success');
  await page.evaluate(collection_name => window.client.loadCollection({ collection_name }), collection_name);
  await page.reload();
  await page.evaluate(() => (window.client = new window.elanus.MilvusClient('tabs')).connectPromise);
  assert.equal(await nearest(page, 7), '7');
  assert.equal(await state(page), 'LoadStateLoaded');
  page.check();
  await context.close();
});

test('a call that is pending in the second tab when the first is closed settles', { timeout: 30_000 }, async () => {
  const context = await browser.newContext();
  const first = await openTab(context);
  await first.evaluate(collection_name => window.rows.create(window.client, collection_name, { v: 2 }), collection_name);
  const second = await openTab(context);
  const outcomes = second.evaluate(async collection_name => {
    const one = async id => {
      try {
        return (await window.client.insert({ collection_name, data: [{ id, v: [id, 0] }] })).status.error_code;
      } catch (error) {
        return error.message;
      }
    };
    const all = [];
    for (let id = 1; id <= 300; id += 1) all.push(await one(id));
    return all;
  }, collection_name);
  await first.close();
  const settled = await outcomes;
  const refused = settled.filter(outcome => outcome !== 'Success');
  for (const reason of refused) assert.match(reason, /service not ready/);
  await second.evaluate(collection_name => window.client.loadCollection({ collection_name }), collection_name);
  const count = await second.evaluate(collection_name => window.rows.count(window.client, collection_name), collection_name);
  assert.ok(count >= 300 - refused.length && count <= 300, `${count} rows, ${refused.length} refused`);
  second.check();
  await context.close();
});
