// Scripts and modules of workers that are not there, or that the browser does not run: whoever waits for them is told which.
import assert from 'node:assert/strict';
import test from 'node:test';
import { FilesBeside } from '../../target/modules/workers/files-beside.js';
import { Nodes } from '../../target/modules/workers/nodes.js';
import { MockWorker, ok, replaceGlobals } from './mock-browser.mjs';
import { open } from './mock-client.mjs';

const CAUSES = 'could not be run: maybe it is missing, from another origin, not served as JavaScript, or forbidden by worker-src';
const coordinator = new URL('../../dist/workers/coordinator.js', import.meta.url).href;

let started = 0;
/** As browsers tell of a script that they cannot get, or of one that fails. */
const failing = message =>
  class {
    constructor() {
      started += 1;
      setTimeout(() => this.onerror?.({ message, preventDefault() {} }));
    }
    postMessage() {}
    terminate() {}
  };

test('the script of the engine is named when it cannot be run, and tried again for the next call', async t => {
  replaceGlobals(t, { Worker: undefined });
  for (const [message, why] of [[undefined, `(or what a bundler made of it) ${CAUSES}`], ['Uncaught SyntaxError: no', 'failed: Uncaught SyntaxError: no']]) {
    started = 0;
    globalThis.Worker = failing(message);
    const client = open();
    await assert.rejects(client.showCollections(), { code: 1, retriable: false, reason: `service not ready[${coordinator} ${why}]` });
    assert.equal(started, 3);
    globalThis.Worker = MockWorker;
    MockWorker.handlers.ShowCollections = () => ({ body: { status: ok } });
    assert.equal((await client.showCollections()).status.code, 0);
    await client.closeConnection();
  }
});

test('a worker that the browser refuses to make is not tried twice', async t => {
  started = 0;
  const refused = class {
    constructor() {
      started += 1;
      throw new DOMException('The operation is insecure.', 'SecurityError');
    }
  };
  replaceGlobals(t, { Worker: refused });
  await assert.rejects(open().connectPromise, { code: 1, retriable: false, reason: `service not ready[${coordinator} failed: The operation is insecure.]` });
  assert.equal(started, 3, 'one to be there early, one for the owner and one for the call');
});

test('a fault of the storage may heal', async () => {
  MockWorker.failBoot = 'no quota';
  await assert.rejects(open().showCollections(), { code: 1, retriable: true, reason: 'service not ready[no quota]' });
});

test('the scripts of nodes and of workers for files are named', async t => {
  replaceGlobals(t, { Worker: failing(), location: { href: 'https://a.example/dist/workers/coordinator.js' } });
  const nodes = new Nodes(undefined, { take: () => undefined });
  const script = name => `https://a.example/dist/workers/${name}.js (or what a bundler made of it) ${CAUSES}`;
  await assert.rejects(nodes.spawn('query', 'q1'), { message: `node q1: ${script('node')}` });
  await assert.rejects(new FilesBeside('d1').open([], 'file'), { message: script('file-worker') });
});

test('the script for Parquet is named', async t => {
  replaceGlobals(t, { Worker: failing() });
  const { writeParquet } = await import('../../target/modules/client/parquet.js');
  await assert.rejects(writeParquet([], []), { message: new RegExp(`target/modules/workers/parquet\\.js .*${CAUSES.slice(0, 20)}`) });
});

test('the module of WebAssembly is named when it cannot be compiled', async t => {
  t.mock.method(console, 'error', () => undefined);
  const told = new Promise(postMessage => {
    const fetch = async () => new Response('<html>');
    replaceGlobals(t, { fetch, postMessage, close() {}, addEventListener() {}, onmessage: null, BroadcastChannel: class {} });
  });
  await import('../../target/modules/workers/coordinator.js');
  globalThis.onmessage({ data: { store: 's' } });
  const { fatal, isFinal } = await told;
  assert.match(fatal, /^Error: file:.*\/wasm\/elanus_bg\.wasm: .*expected magic word/);
  assert.equal(isFinal, true);
});
