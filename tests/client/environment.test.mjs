// Places in which no store can be opened: every call says why, and nothing is left running.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import test from 'node:test';
import { promisify } from 'node:util';
import { newClientRequestId } from '../../dist/client/index.js';
import { MockWorker, ok, replaceGlobals } from './mock-browser.mjs';
import { open } from './mock-client.mjs';

test('outside of a browser every call says so', async t => {
  replaceGlobals(t, { navigator: undefined });
  await assert.rejects(open().showCollections(), { code: 1, retriable: false, reason: /runs in a browser page/ });
});

test('outside of a browser nothing keeps the process alive', async () => {
  const program = `
    const { MilvusClient } = await import('${new URL('../../dist/client/index.js', import.meta.url)}');
    await new MilvusClient({ address: 'indexeddb://s' }).showCollections().catch(error => console.log(error.reason));`;
  // Newer versions of Node have locks.
  for (const navigator of ['undefined', '{ locks: { request: () => new Promise(() => undefined) } }']) {
    const own = `Object.defineProperty(globalThis, 'navigator', { value: ${navigator}, configurable: true });`;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', own + program], { timeout: 5000 });
    assert.match(stdout, /runs in a browser page/);
  }
});

test('a page that is not secure is told so by every call', async t => {
  const { getRandomValues } = crypto;
  replaceGlobals(t, { isSecureContext: false, navigator: {}, crypto: { getRandomValues: getRandomValues.bind(crypto) } });
  const client = open();
  assert.match(client.clientId, /^[0-9a-f]{32}$/);
  for (let call = 0; call < 2; call++) {
    await assert.rejects(client.showCollections(), { name: 'MilvusError', code: 1, retriable: false, reason: /needs a secure context: serve the page by https or from localhost/ });
  }
});

test('ids differ', () => {
  const ids = Array.from({ length: 1000 }, newClientRequestId);
  assert.equal(new Set(ids).size, 1000);
  for (const id of ids) assert.match(id, /^[0-9a-f]{32}$/);
});

test('where the browser denies locks, present and later calls are told why at once', async t => {
  const request = () => Promise.reject(new DOMException('The request was denied.', 'SecurityError'));
  replaceGlobals(t, { navigator: { locks: { request } } });
  const client = open();
  const expected = { code: 1, retriable: false, reason: /frames without allow-same-origin, or with cookies blocked\): The request was denied\./ };
  const start = performance.now();
  await Promise.all([1, 2].map(() => assert.rejects(client.showCollections(), expected)));
  await assert.rejects(client.showCollections(), expected);
  assert.ok(performance.now() - start < 200);
});

test('a lock that was stolen is waited for again', async t => {
  const { locks } = navigator;
  let asked = 0;
  const steal = (name, ...rest) => (name.endsWith(':owner') && ++asked === 1 ? Promise.reject(new DOMException('stolen', 'AbortError')) : locks.request(name, ...rest));
  replaceGlobals(t, { navigator: { locks: { request: steal } } });
  MockWorker.handlers.ShowCollections = () => ({ body: { status: ok } });
  assert.equal((await open().showCollections()).status.code, 0);
  assert.equal(asked, 2);
});
