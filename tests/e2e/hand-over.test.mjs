// The owner's tab goes, in every way a tab can go: the next one serves within 2 s, and nothing that was acknowledged is lost.
import assert from 'node:assert/strict';
import test from 'node:test';
import { launchBrowser, startBrowserAndSite, until } from './support/browser.mjs';
import { collection_name, ids, insert, insertUntilStopped, nearest, openOwner, openTab, owners, processOf, state } from './support/tabs.mjs';

const { browser, site } = await startBrowserAndSite(test);
// As users have it; Playwright turns the cache off.
const caching = await launchBrowser({ ignoreDefaultArgs: ['--disable-back-forward-cache'] });
test.after(() => caching.close());

/** `go` returns when the tab has been told to go. */
const departures = {
  'is closed': { browser, go: owner => void owner.close() },
  crashes: {
    browser,
    prepare: (owner, others) => processOf(browser, owner, others),
    go: (owner, { kill }) => kill(),
  },
  'leaves for another page': { browser, go: owner => void owner.evaluate(() => void (location.href = 'about:blank')).catch(() => undefined) },
  'goes into the back/forward cache': {
    browser: caching,
    go: owner => void owner.evaluate(() => void (location.href = '/?other')).catch(() => undefined),
  },
};

for (const [how, { browser, prepare, go }] of Object.entries(departures)) {
  test(`a tab that ${how} hands over`, { timeout: 30_000 }, async () => {
    const context = await browser.newContext();
    const owner = await openOwner(context, site.url);
    const others = [await openTab(context, site.url), await openTab(context, site.url)];
    for (const other of others) assert.equal(await nearest(other, 1), '1');
    const former = await owners(owner);
    const prepared = await prepare?.(owner, others);
    const stop = await insertUntilStopped(others[0], 100);
    // These must not fail.
    const searches = others[1].evaluate(async collection_name => {
      const outcome = { searches: 0, longestMs: 0 };
      for (const start = performance.now(); performance.now() < start + 3000; outcome.searches += 1) {
        const began = performance.now();
        window.rows.mustSucceed(await window.client.search({ collection_name, data: [1, 0], limit: 1 }));
        outcome.longestMs = Math.max(outcome.longestMs, performance.now() - began);
        await new Promise(resolve => setTimeout(resolve, 5));
      }
      return outcome;
    }, collection_name);
    await new Promise(resolve => setTimeout(resolve, 300));
    go(owner, prepared);
    const { longestMs } = await searches;
    const { acknowledged, refused, longestGapMs } = await stop();
    console.log(`  ${how}: searches wait ${Math.round(longestMs)} ms, inserts ${Math.round(longestGapMs)} ms, ${refused.length} refused`);
    assert.notDeepEqual(await owners(others[0]), former);
    assert.ok(longestMs < 2000 && longestGapMs < 2000);
    assert.ok(acknowledged.length > 0);
    for (const { message, retriable } of refused) assert.ok(retriable, message);
    const found = new Set(await ids(others[1]));
    assert.deepEqual(acknowledged.filter(id => !found.has(id)), [], 'acknowledged rows that are lost');
    for (const other of others) {
      assert.equal(await state(other), 'LoadStateLoaded');
      other.check();
    }
    await context.close();
  });
}

test('a tab that comes back from the back/forward cache works again, through the tab that took over', { timeout: 30_000 }, async () => {
  const context = await caching.newContext();
  const owner = await openOwner(context, site.url);
  const other = await openTab(context, site.url);
  assert.equal(await nearest(other, 1), '1');
  // The driver loses a page that comes back, so the page itself works then and leaves what it finds to the other tab.
  await owner.evaluate(collection_name => {
    addEventListener('pageshow', async ({ persisted }) => {
      const { client, rows } = window;
      const insert = async id => rows.mustSucceed(await client.insert({ collection_name, data: [{ id, v: [id, 0] }] }));
      const outcome = { persisted };
      try {
        await insert(3);
        const { results } = rows.mustSucceed(await client.search({ collection_name, data: [2, 0], limit: 1, output_fields: ['id'] }));
        outcome.nearest = results[0].id;
      } catch (error) {
        outcome.error = error.message;
      }
      localStorage.setItem('returned', JSON.stringify(outcome));
    });
  }, collection_name);
  await owner.goto(`${site.url}?other`);
  await insert(other, 2);
  await owner.evaluate(() => history.back());
  const returned = await until(() => other.evaluate(() => JSON.parse(localStorage.getItem('returned'))), 'the page works again');
  assert.deepEqual(returned, { persisted: true, nearest: '2' });
  assert.deepEqual(await ids(other), [1, 2, 3]);
  other.check();
  await context.close();
});
