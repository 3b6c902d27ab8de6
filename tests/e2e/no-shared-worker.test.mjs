// Browsers without SharedWorker (Chrome on Android): tabs reach the owner by broadcast alone.
import assert from 'node:assert/strict';
import test from 'node:test';
import { startBrowserAndSite } from './support/browser.mjs';
import { collection_name, ids, insert, load, nearest, openOwner, openTab, state } from './support/tabs.mjs';

const { browser, site } = await startBrowserAndSite(test);

async function newContext() {
  const context = await browser.newContext();
  await context.addInitScript(() => delete globalThis.SharedWorker);
  return context;
}

test('tabs work through the owner, and take over when it is closed', { timeout: 30_000 }, async () => {
  const context = await newContext();
  const owner = await openOwner(context, site.url);
  const [second, third] = [await openTab(context, site.url), await openTab(context, site.url)];
  assert.equal(await second.evaluate(() => typeof SharedWorker), 'undefined');
  assert.equal(await nearest(second, 1), '1');
  await insert(second, 2);
  assert.equal(await nearest(owner, 2), '2', 'a row of the second tab is found in the first at once');
  await second.evaluate(collection_name => window.client.releaseCollection({ collection_name }), collection_name);
  assert.equal(await state(owner), 'LoadStateNotLoad');
  await load(third);
  assert.deepEqual(await Promise.all([owner, second, third].map(ids)), [[1, 2], [1, 2], [1, 2]]);

  await owner.close();
  assert.deepEqual(await Promise.all([nearest(second, 2), nearest(third, 2)]), ['2', '2']);
  await insert(third, 3);
  assert.deepEqual(await ids(second), [1, 2, 3]);
  for (const page of [second, third]) page.check();
  await context.close();
});

test('large inserts and answers pass, and the sender keeps its rows', { timeout: 60_000 }, async () => {
  const context = await newContext();
  await openOwner(context, site.url);
  const second = await openTab(context, site.url);
  const outcome = await second.evaluate(async () => {
    const { client, rows } = window;
    const collection_name = 'large';
    await rows.create(client, collection_name, { v: 512 });
    const data = rows.make(0, 8000, { v: 512 });
    rows.mustSucceed(await client.insert({ collection_name, data }));
    rows.mustSucceed(await client.loadCollection({ collection_name }));
    const answer = rows.mustSucceed(await client.query({ collection_name, filter: 'id >= 0', limit: 8000, output_fields: ['v'] }));
    const wrong = answer.data.filter(row => row.v.some((value, at) => value !== data[Number(row.id)].v[at])).length;
    return { rows: answer.data.length, wrong };
  });
  assert.deepEqual(outcome, { rows: 8000, wrong: 0 });
  second.check();
  await context.close();
});
