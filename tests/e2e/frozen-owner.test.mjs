// The owner's process is stopped, which keeps its locks: another tab takes the store from it.
import assert from 'node:assert/strict';
import test from 'node:test';
import { openPage, startBrowserAndSite } from './support/browser.mjs';
import { collection_name, ids, insert, nearest, openOwner, openTab, owners, processOf, retry, state } from './support/tabs.mjs';

const { browser, site } = await startBrowserAndSite(test);

test('a tab whose owner is stopped takes the store over; the former owner works through it when it wakes up', { timeout: 60_000 }, async () => {
  const context = await browser.newContext();
  const owner = await openOwner(context, site.url);
  const others = [await openTab(context, site.url), await openTab(context, site.url)];
  for (const other of others) assert.equal(await nearest(other, 1), '1');
  const { stop, resume } = await processOf(browser, owner, others);
  stop();
  const start = performance.now();
  assert.deepEqual(await Promise.all(others.map(other => nearest(other, 1))), ['1', '1'], 'reads in flight are repeated');
  const tookMs = performance.now() - start;
  console.log(`  searches of both tabs are answered ${Math.round(tookMs)} ms after the owner was stopped`);
  assert.ok(tookMs < 3000);
  await insert(others[0], 2);
  const late = await openTab(context, site.url);
  assert.equal(await nearest(late, 2), '2', 'a tab that is opened then finds the new owner');

  const woken = state(owner);
  resume();
  assert.equal(await woken, 'LoadStateLoaded');
  assert.equal(await nearest(owner, 2), '2', 'what was written meanwhile is found');
  await retry(() => insert(owner, 3), 5000);
  assert.deepEqual(await ids(others[1]), [1, 2, 3]);
  assert.equal((await owners(owner)).length, 1);
  await owner.close();
  assert.equal(await state(late), 'LoadStateLoaded');
  await Promise.all(others.map(other => other.close()));
  assert.equal(await nearest(late, 3), '3', 'the locks go on being handed on');
  late.check();
  await context.close();
});

test('a tab that was never greeted takes the store from a stopped owner, also through a stopped introducer', { timeout: 60_000 }, async () => {
  const context = await browser.newContext();
  const owner = await openOwner(context, site.url);
  const late = await openPage(context, site.url);
  const { stop, resume } = await processOf(browser, owner, [late]);
  stop();
  const start = performance.now();
  await late.evaluate(() => (window.client = new window.elanus.MilvusClient('tabs')).connectPromise);
  assert.equal(await nearest(late, 1), '1');
  const tookMs = performance.now() - start;
  console.log(`  a new tab serves ${Math.round(tookMs)} ms after it was opened`);
  assert.ok(tookMs < 3000);
  const later = await openTab(context, site.url);
  assert.equal(await nearest(later, 1), '1');
  resume();
  assert.equal(await nearest(owner, 1), '1');
  assert.equal((await owners(owner)).length, 1);
  await context.close();
});

test('while the browser keeps the store for an owner that was stopped in a write, calls are refused as retriable', { timeout: 90_000 }, async () => {
  const context = await browser.newContext();
  const owner = await openOwner(context, site.url);
  const other = await openTab(context, site.url);
  assert.equal(await nearest(other, 1), '1');
  const { stop, kill } = await processOf(browser, owner, [other]);
  // A transaction that goes on and on, in place of a write that is caught at the right moment.
  await owner.evaluate(async () => {
    const request = indexedDB.open('elanus/tabs');
    await new Promise(resolve => (request.onsuccess = resolve));
    const store = request.result.transaction('catalog', 'readwrite').objectStore('catalog');
    const again = () => (store.get('head').onsuccess = again);
    again();
  });
  stop();
  const attempt = () =>
    other.evaluate(async collection_name => {
      const start = performance.now();
      const { retriable, reason } = await window.client.getLoadState({ collection_name }).catch(error => error);
      return { retriable, reason, tookMs: performance.now() - start };
    }, collection_name);
  for (const longestMs of [9000, 1000]) {
    const { retriable, reason, tookMs } = await attempt();
    assert.equal(retriable, true);
    assert.match(reason, /the store is not open after 5 s/);
    assert.ok(tookMs < longestMs, `${tookMs} ms`);
  }
  // The browser frees the store now, or by itself after a minute.
  kill();
  await retry(() => insert(other, 2), 5000);
  assert.deepEqual(await ids(other), [1, 2]);
  other.check();
  await context.close();
});

test('an owner whose page is busy keeps the store, and so does one that a busy page asks', { timeout: 60_000 }, async () => {
  const context = await browser.newContext();
  const owner = await openOwner(context, site.url);
  const other = await openTab(context, site.url);
  await insert(other, 2);
  const before = await owners(owner);
  const busy = page => page.evaluate(() => {
    for (const start = performance.now(); performance.now() < start + 2500; );
  });
  const ownerBusy = busy(owner);
  await insert(other, 3);
  assert.equal(await nearest(other, 3), '3');
  const late = openTab(context, site.url);
  await ownerBusy;
  await nearest(await late, 3);
  const call = nearest(other, 3);
  await busy(other);
  await call;
  assert.deepEqual(await owners(owner), before);
  await context.close();
});
