// Two builds of the package in two tabs of one origin, as after a deployment.
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { bundle, modules } from '../../scripts/build.mjs';
import { root } from '../../scripts/run.mjs';
import { dist, openPage, startBrowserAndSite } from './support/browser.mjs';
import { collection_name, ids, insert, nearest, openOwner, openTab, retry } from './support/tabs.mjs';

const newer = mkdtempSync(join(root, 'target/newer-'));
const newerModules = join(newer, 'modules');
cpSync(join(root, modules), newerModules, { recursive: true });
cpSync(join(dist, 'wasm'), join(newer, 'wasm'), { recursive: true });
const messages = join(newerModules, 'client/wire/messages.js');
const source = readFileSync(messages, 'utf8');
const older = Number(source.match(/PROTOCOL = (\d+)/)[1]);
writeFileSync(messages, source.replace(`PROTOCOL = ${older}`, `PROTOCOL = ${older + 1}`));
await bundle(newerModules, newer);
test.after(() => rmSync(newer, { recursive: true }));

const { browser, site } = await startBrowserAndSite(test, { '/newer/': newer, '/rebuilt/': dist });

/** A tab that has the package from another folder, and so another introducer. */
async function openTabOf(context, folder) {
  const page = await openPage(context, site.url);
  await page.evaluate(async folder => {
    const { MilvusClient } = await import(`/${folder}/client/index.js`);
    window.client = new MilvusClient('tabs');
    window.client.connectPromise.catch(() => undefined);
  }, folder);
  return page;
}

const refusal = page =>
  page.evaluate(async collection_name => {
    const start = performance.now();
    const error = await window.client.getLoadState({ collection_name }).catch(error => error);
    return { name: error.name, reason: error.reason, retriable: error.retriable, soon: performance.now() - start < 1000 };
  }, collection_name);

test('builds that speak the same protocol work together', { timeout: 30_000 }, async () => {
  const context = await browser.newContext();
  const owner = await openOwner(context, site.url);
  const rebuilt = await openTabOf(context, 'rebuilt');
  assert.equal(await nearest(rebuilt, 1), '1');
  await insert(rebuilt, 2);
  assert.deepEqual(await ids(owner), [1, 2]);
  await owner.close();
  assert.equal(await nearest(rebuilt, 2), '2');
  rebuilt.check();
  await context.close();
});

test('a tab with a newer protocol than the owner is told to have the other tabs reloaded, and works when they are gone', { timeout: 30_000 }, async () => {
  const context = await browser.newContext();
  const owner = await openOwner(context, site.url);
  const newerTab = await openTabOf(context, 'newer');
  const expected = {
    name: 'MilvusError',
    reason: `this tab has a version of elanus that cannot work with the one in the tab that owns the store (protocol ${older + 1} here, ${older} there): reload or close the other tabs of this site`,
    retriable: false,
    soon: true,
  };
  assert.deepEqual(await refusal(newerTab), expected);
  await insert(owner, 2);
  assert.deepEqual(await refusal(newerTab), expected, 'however often it asks');
  await owner.close();
  await retry(() => nearest(newerTab, 2), 5000);
  assert.deepEqual(await ids(newerTab), [1, 2]);

  const olderTab = await openTab(context, site.url);
  assert.ok((await refusal(olderTab)).reason.endsWith(`protocol ${older} here, ${older + 1} there): reload this tab`));
  for (const page of [newerTab, olderTab]) page.check();
  await context.close();
});

test('a tab of another protocol that meets the owner through the same introducer is refused too', { timeout: 30_000 }, async () => {
  const context = await browser.newContext();
  await openOwner(context, site.url);
  const page = await context.newPage();
  await page.route('**/dist/client/index.js', route => route.fulfill({ path: join(newer, 'client/index.js') }));
  await page.goto(site.url);
  await page.evaluate(() => {
    window.client = new window.elanus.MilvusClient('tabs');
    window.client.connectPromise.catch(() => undefined);
  });
  assert.ok((await refusal(page)).reason.includes(`protocol ${older + 1} here, ${older} there`));
  await context.close();
});

test('a store that a newer version wrote is refused with a reason, and is not touched', { timeout: 30_000 }, async () => {
  const context = await browser.newContext();
  const page = await openPage(context, site.url);
  const head = '{"format":2,"epoch":7}';
  await page.evaluate(async head => {
    const request = indexedDB.open('elanus/tabs', 1);
    request.onupgradeneeded = () => ['catalog', 'log', 'files'].forEach(name => request.result.createObjectStore(name));
    await new Promise(resolve => (request.onsuccess = resolve));
    const put = request.result.transaction('catalog', 'readwrite').objectStore('catalog').put(new TextEncoder().encode(head).buffer, 'head');
    await new Promise(resolve => (put.onsuccess = resolve));
    request.result.close();
    window.client = new window.elanus.MilvusClient('tabs');
    window.client.connectPromise.catch(() => undefined);
  }, head);
  assert.match((await refusal(page)).reason, /a newer version wrote this store \(format 2, this version reads 1\)/);
  const kept = await page.evaluate(async () => {
    const request = indexedDB.open('elanus/tabs', 1);
    await new Promise(resolve => (request.onsuccess = resolve));
    const get = request.result.transaction('catalog').objectStore('catalog').get('head');
    await new Promise(resolve => (get.onsuccess = resolve));
    return new TextDecoder().decode(get.result);
  });
  assert.equal(kept, head);
  page.check();
  await context.close();
});
