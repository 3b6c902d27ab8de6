// Several stores in one page, and a store whose database is taken away.
import assert from 'node:assert/strict';
import test from 'node:test';
import { openPage, startBrowserAndSite, until } from './support/browser.mjs';

const { browser, site } = await startBrowserAndSite(test);
const collection_name = 'book';
const timeout = 30_000;

/** Opens stores in the page, each with a collection of `count` rows. */
const openStores = (page, stores, count) =>
  page.evaluate(
    async ([collection_name, stores, count]) => {
      const { elanus, rows } = window;
      const clients = stores.map(store => new elanus.MilvusClient(store));
      for (const client of clients) {
        await rows.create(client, collection_name, { v: 8 });
        rows.mustSucceed(await client.insert({ collection_name, data: rows.make(0, count, { v: 8 }) }));
      }
      window.clients = clients;
    },
    [collection_name, stores, count]
  );

/** The ids of workers, which hold a lock each. */
const workers = page =>
  page.evaluate(async () => {
    const { held } = await navigator.locks.query();
    return held.map(lock => lock.name.match(/^elanus:worker:(.+)$/)?.[1]).filter(Boolean);
  });

test('stores of one page have workers of different names', { timeout }, async () => {
  const page = await openPage(await browser.newContext(), site.url);
  const stores = ['one', 'two', 'three'];
  await openStores(page, stores, 10);
  const counts = await page.evaluate(async collection_name => {
    await Promise.all(window.clients.map(client => client.loadCollection({ collection_name })));
    await Promise.all(window.clients.map(client => client.flushSync({ collection_names: [collection_name] })));
    return Promise.all(window.clients.map(client => window.rows.count(client, collection_name)));
  }, collection_name);
  assert.deepEqual(counts, [10, 10, 10]);
  const ids = await workers(page);
  const coordinators = ids.filter(id => !/^(query|data|graph)-/.test(id));
  const queryNodes = ids.filter(id => id.startsWith('query-'));
  assert.deepEqual([coordinators.length, queryNodes.length], [3, 3]);
  for (const coordinator of coordinators) assert.equal(queryNodes.filter(id => id.endsWith(coordinator)).length, 1, `${ids}`);
  page.check();
});

test('a store whose database is deleted while it is open begins anew', { timeout }, async () => {
  const page = await openPage(await browser.newContext(), site.url);
  await openStores(page, ['deleted'], 10);
  await page.evaluate(async collection_name => {
    const [client] = window.clients;
    await client.loadCollection({ collection_name });
    await new Promise((resolve, reject) => {
      const request = indexedDB.deleteDatabase('elanus/deleted');
      request.onsuccess = resolve;
      request.onerror = () => reject(request.error);
    });
  }, collection_name);
  const has = () => page.evaluate(async collection_name => (await window.clients[0].hasCollection({ collection_name })).value, collection_name);
  await until(async () => (await has()) === false, 'the collection has gone');
  await openStores(page, ['deleted'], 20);
  const count = await page.evaluate(async collection_name => {
    const [client] = window.clients;
    await client.loadCollection({ collection_name });
    return window.rows.count(client, collection_name);
  }, collection_name);
  assert.equal(count, 20);
});
