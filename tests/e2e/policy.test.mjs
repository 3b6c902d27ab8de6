// Policies: of a page that forbids it to compile WebAssembly, which its workers may do, and of the worker that does.
import assert from 'node:assert/strict';
import test from 'node:test';
import { startBrowserAndSite } from './support/browser.mjs';
import { collection_name, ids, insert, load, nearest, openOwner } from './support/tabs.mjs';

const { browser, site } = await startBrowserAndSite(test);

test('the engine starts, in a worker that compiles it', { timeout: 30_000 }, async () => {
  const context = await browser.newContext();
  await context.route(site.url, async route => {
    const response = await route.fetch();
    const headers = { ...response.headers(), 'content-security-policy': "script-src 'self' 'unsafe-inline'" };
    await route.fulfill({ response, headers });
  });
  const page = await openOwner(context, site.url);
  const compiles = await page.evaluate(() => WebAssembly.compile(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0])).then(() => true, () => false));
  assert.equal(compiles, false);
  await insert(page, 2);
  assert.equal(await nearest(page, 2), '2');
  await page.reload();
  await page.evaluate(() => (window.client = new window.elanus.MilvusClient('tabs')).connectPromise);
  assert.deepEqual((await page.evaluate(collection_name => window.client.hasCollection({ collection_name }), collection_name)).value, true);
  await load(page);
  assert.deepEqual(await ids(page), [1, 2]);
  page.check();
});

test('the worker that compiles it may have a policy of its own', { timeout: 30_000 }, async () => {
  const context = await browser.newContext();
  await context.route(/\/workers\/coordinator\.js/, async route => {
    const response = await route.fetch();
    const policy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'";
    await route.fulfill({ response, headers: { ...response.headers(), 'content-security-policy': policy } });
  });
  const page = await openOwner(context, site.url);
  await insert(page, 2);
  assert.equal(await nearest(page, 2), '2');
  page.check();
});
