// Several tabs of one origin: one coordinator, seen by all.
import assert from 'node:assert/strict';
import test from 'node:test';
import { startBrowserAndSite } from './support/browser.mjs';
import { collection_name, ids, insert, load, nearest, openOwner, openTab, owners, state } from './support/tabs.mjs';

const { browser, site } = await startBrowserAndSite(test);

test('tabs see what the others load and write, and share one owner', { timeout: 30_000 }, async () => {
  const context = await browser.newContext();
  const first = await openOwner(context, site.url);
  const second = await openTab(context, site.url);
  assert.equal(await state(second), 'LoadStateLoaded');
  await second.evaluate(collection_name => window.client.releaseCollection({ collection_name }), collection_name);
  assert.equal(await state(first), 'LoadStateNotLoad');
  await load(second);
  assert.equal(await state(first), 'LoadStateLoaded', 'what the second tab loads is loaded in the first');
  assert.equal(await nearest(second, 1), '1');
  await insert(second, 2);
  assert.equal(await nearest(first, 2), '2', 'a row of the second tab is found in the first at once');
  assert.equal((await owners(second)).length, 1);
  const third = await openTab(context, site.url);
  assert.deepEqual(await ids(third), [1, 2]);
  for (const page of [first, second, third]) page.check();
  await context.close();
});

test('a tab that is reloaded finds what was loaded', { timeout: 30_000 }, async () => {
  const context = await browser.newContext();
  const page = await openOwner(context, site.url);
  await insert(page, 7);
  await page.reload();
  await page.evaluate(() => (window.client = new window.elanus.MilvusClient('tabs')).connectPromise);
  assert.equal(await nearest(page, 7), '7');
  assert.equal(await state(page), 'LoadStateLoaded');
  page.check();
  await context.close();
});
