// Calls that are aborted, that take too long or whose client is closed: what has not left the page by then never does.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'node:test';
import { MockWorker, ok } from './mock-browser.mjs';
import { node, open, route } from './mock-client.mjs';
import { counted, searchReply } from './mock-replies.mjs';

const collection_name = 'c';
const fields = [{ name: 'id', data_type: 'Int64', is_primary_key: true }, { name: 'v', data_type: 'FloatVector', dim: 2 }];
const rows = [{ id: 1, v: [1, 2] }];
const hang = () => new Promise(() => undefined);
const answer = () => ({ body: ok });
const log = () => MockWorker.spawned.flatMap(worker => worker.log);

/** A store that opens when the returned function is called. */
function keepClosed() {
  let release;
  navigator.locks.request('elanus:s:owner', () => new Promise(resolve => (release = resolve)));
  return async client => {
    release();
    await client.showCollections();
  };
}

test('what is aborted before it begins opens nothing and sends nothing', async () => {
  const signal = AbortSignal.abort();
  const client = open({ __SKIP_CONNECT__: true });
  const calls = {
    dropCollection: {},
    createCollection: { fields },
    search: { data: [1, 2] },
    query: { filter: 'id > 0' },
    count: {},
    insert: { data: rows },
    delete: { ids: [1] },
    loadCollection: {},
    loadPartitionsSync: { partition_names: ['p'] },
    compact: {},
  };
  for (const [method, given] of Object.entries(calls)) await assert.rejects(client[method]({ collection_name, signal, ...given }), { name: 'AbortError' }, method);
  assert.equal(MockWorker.spawned.length, 0);
});

test('what is given up while the store opens is not sent when it is open', async () => {
  MockWorker.handlers.ShowCollections = () => ({ body: { status: ok } });
  const openStore = keepClosed();
  const [client, other] = [open(), open()];
  const stop = new AbortController();
  setTimeout(() => stop.abort(), 20);
  setTimeout(() => other.closeConnection(), 20);
  await Promise.all([
    assert.rejects(client.dropCollection({ collection_name, signal: stop.signal }), { name: 'AbortError' }),
    assert.rejects(client.loadCollection({ collection_name, signal: stop.signal }), { name: 'AbortError' }),
    assert.rejects(client.deleteEntities({ collection_name, filter: 'id > 0', timeout: 20 }), { code: 4 }),
    assert.rejects(client.createCollection({ collection_name, fields, timeout: 20 }), { code: 4 }),
    assert.rejects(other.dropPartition({ collection_name, partition_name: 'p' }), /pool is draining/),
  ]);
  await openStore(client);
  assert.deepEqual(log(), ['Connect', 'ShowCollections']);
});

test('what is given up is not sent again when the engine ends', async () => {
  const stop = new AbortController();
  MockWorker.handlers.ShowCollections = () => ({ body: { status: ok } });
  MockWorker.handlers.Insert = async (body, blobs, worker) => {
    stop.abort();
    worker.kill();
  };
  const client = open();
  await assert.rejects(client.insert({ collection_name, data: rows, signal: stop.signal }), { name: 'AbortError' });
  await client.showCollections();
  assert.equal(MockWorker.spawned.length, 2);
  assert.deepEqual(log().filter(method => method === 'Insert'), ['Insert']);
});

test('a read that is given up before its route is known is not sent, and disturbs no other', async () => {
  let routes = 0;
  const stop = new AbortController();
  const served = node({ Search: () => searchReply([1], [1]) });
  MockWorker.handlers.Route = async () => {
    routes++;
    await sleep(50);
    return route(served)();
  };
  const client = open();
  const search = given => client.search({ collection_name, data: [1, 2], ...given });
  const given = [{ signal: stop.signal }, { timeout: 30 }, {}, { signal: stop.signal }, {}].map(search);
  setTimeout(() => stop.abort(), 30);
  const outcomes = await Promise.allSettled(given);
  assert.deepEqual(outcomes.map(({ value, reason }) => value?.results.length ?? reason.name), ['AbortError', 'Error', 1, 'AbortError', 1]);
  await sleep(20);
  assert.deepEqual([routes, served.log], [1, ['Search', 'Search']]);
});

test('calls within a call end with it', async () => {
  const calls = {
    search: { data: [1, 2] },
    insert: { data: rows },
    upsert: { data: rows },
    delete: { ids: [1] },
    get: { ids: [1] },
    queryIterator: { batchSize: 1 },
    searchIterator: { data: [1, 2], batchSize: 1 },
    compact: {},
    createCollection: { dimension: 2 },
  };
  MockWorker.handlers.Route = route(node({ Query: () => counted(1) }));
  MockWorker.handlers.DescribeCollection = hang;
  for (const [method, own] of Object.entries(calls)) await endsSoon(method, given => open()[method]({ collection_name, ...own, ...given }));
});

test('counts of an iterator, states of a flush, indexes and the load of a collection that is made end with it', async () => {
  MockWorker.handlers.Route = route(node({ Query: hang }));
  await endsSoon('queryIterator', given => open().queryIterator({ collection_name, batchSize: 1, ...given }));
  await endsSoon('searchIterator', given => open().searchIterator({ collection_name, data: [1, 2], batchSize: 1, ...given }));
  Object.assign(MockWorker.handlers, { Flush: answer, FlushAll: () => ({ body: { status: ok, flush_all_ts: '1' } }), GetFlushState: hang, GetFlushAllState: hang });
  await endsSoon('flushSync', given => open().flushSync({ collection_names: [collection_name], ...given }));
  await endsSoon('flushAllSync', given => open().flushAllSync(given));
  const index_params = { field_name: 'v', index_type: 'FLAT' };
  const make = given => open().createCollection({ collection_name: 'new', fields, index_params, ...given });
  const makeQuickly = given => open().createCollection({ collection_name: 'new', dimension: 2, ...given });
  Object.assign(MockWorker.handlers, { CreateCollection: answer, CreateIndex: hang });
  for (const way of [make, makeQuickly]) await endsSoon('createIndex', way);
  let stop;
  const waiting = () => (setTimeout(() => stop.abort()), hang());
  Object.assign(MockWorker.handlers, { CreateIndex: answer, LoadCollection: hang, GetLoadingProgress: waiting });
  for (const way of [make, makeQuickly]) await assert.rejects(way({ timeout: 30 }), { code: 4 });
  MockWorker.handlers.LoadCollection = answer;
  for (const way of [make, makeQuickly]) {
    stop = new AbortController();
    await assert.rejects(way({ signal: stop.signal }), { name: 'AbortError' });
  }
});

async function endsSoon(name, call) {
  const start = performance.now();
  await assert.rejects(call({ timeout: 30 }), { code: 4 }, name);
  await assert.rejects(call({ signal: AbortSignal.timeout(30) }), { name: 'TimeoutError' }, name);
  assert.ok(performance.now() - start < 1000, name);
}
