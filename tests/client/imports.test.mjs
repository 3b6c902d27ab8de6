import assert from 'node:assert/strict';
import test, { afterEach, beforeEach } from 'node:test';
import { gzipSync } from 'node:zlib';
import { MilvusClient } from '../../dist/client/index.js';
import { sendSources } from '../../target/modules/client/import-files.js';
import { MockWorker, connectHandlers, install, ok } from './mock-browser.mjs';

const PIECE_BYTES = 4 << 20;
const TASK = '449';

let client;
let jobs;
/** The pieces of each file that arrived, and why the job was cancelled. */
let stored;
let whole;
let cancelled;

beforeEach(() => {
  install();
  jobs = [];
  stored = new Map();
  const ended = deferred();
  const wholeFiles = new Set();
  whole = ended.promise;
  cancelled = deferred();
  MockWorker.handlers = {
    ...connectHandlers,
    Import: body => {
      jobs.push(body);
      return { body: { status: ok, tasks: [TASK] } };
    },
    ImportPut: ({ task, file, piece, pieces }, [bytes]) => {
      assert.equal(task, TASK);
      const earlier = stored.get(file) ?? [];
      assert.equal(piece, earlier.length, 'pieces come in order');
      stored.set(file, [...earlier, bytes]);
      if (pieces === piece + 1) wholeFiles.add(file);
      if (wholeFiles.size === jobs[0].urls.filter(url => url === null).length) ended.resolve();
      return { body: { ...ok } };
    },
    CancelImport: body => {
      cancelled.resolve(body);
      return { body: { ...ok } };
    },
  };
  client = new MilvusClient({ address: 'indexeddb://s', baseUrl: 'https://bucket.example/data/' });
});

afterEach(async () => {
  await client.closeConnection();
  MockWorker.spawned.forEach(worker => worker.kill());
});

function deferred() {
  let resolve;
  const promise = new Promise(resolved => (resolve = resolved));
  return { promise, resolve };
}

/** Parts of files come as Blobs, those of streams as bytes. */
const bytesOf = async file => Buffer.from(await new Blob(stored.get(file)).arrayBuffer());

test('files of every kind arrive whole under their names, but for those that have a URL', async t => {
  const asked = [];
  t.mock.method(globalThis, 'fetch', async from => {
    asked.push(from.url ?? String(from));
    return new Response('fetched');
  });
  const text = new TextEncoder().encode('text');
  const files = [
    'oracle/rows.json',
    new URL('https://a.example/b/c%20d.json?e=f'),
    new Request('https://a.example/r.json'),
    { name: 'made.json', data: new URL('blob:https://a.example/5') },
    new File(['text'], 'file.json'),
    new Blob(['text']),
    text,
    { name: 'named.json', data: text.buffer },
    { name: 'stream.json', data: new Blob(['text']).stream() },
    { name: 'response.json', data: new Response('text') },
    { name: 'handle.json', kind: 'file', getFile: async () => new File(['text'], 'other') },
  ];
  const { tasks } = await client.bulkInsert({ collection_name: 'c', files });
  assert.deepEqual(tasks, [TASK]);
  await whole;
  const [{ files: names, urls, request_id, options }] = jobs;
  const expected = ['oracle/rows.json', 'c d.json', 'r.json', 'made.json', 'file.json', 'file-5.json', 'file-6.json'];
  assert.deepEqual(names, [...expected, 'named.json', 'stream.json', 'response.json', 'handle.json']);
  assert.match(request_id, /^[0-9a-f]{32}$/);
  assert.deepEqual(options, []);
  assert.deepEqual(urls, ['https://bucket.example/data/oracle/rows.json', 'https://a.example/b/c%20d.json?e=f', ...Array(9).fill(null)]);
  assert.deepEqual([...stored.keys()].sort((a, b) => a - b), [2, 3, 4, 5, 6, 7, 8, 9, 10]);
  const texts = await Promise.all([...stored.keys()].map(async file => String(await bytesOf(file))));
  assert.deepEqual(texts.toSorted(), ['fetched', 'fetched', ...Array(7).fill('text')]);
  assert.deepEqual(asked.toSorted(), ['blob:https://a.example/5', 'https://a.example/r.json'], 'what a server has is the engine’s');
  assert.equal(text.byteLength, 4, 'what the caller gave is still the caller’s');
});

test('a packed file arrives unpacked, in pieces of 4 MB', async () => {
  const bytes = Buffer.alloc(2 * PIECE_BYTES + 5).map((_, at) => (at * 31) % 251);
  await client.bulkInsert({ collection_name: 'c', files: [new File([gzipSync(bytes)], 'rows.jsonl.gz')] });
  await whole;
  assert.deepEqual(stored.get(0).map(piece => piece.length), [PIECE_BYTES, PIECE_BYTES, 5]);
  assert.deepEqual(await bytesOf(0), Buffer.from(bytes));
});

test('a packed file that is damaged is named', async () => {
  await client.bulkInsert({ collection_name: 'c', files: [new File([gzipSync('{"id":1}').subarray(0, 15)], 'short.jsonl.gz')] });
  assert.match((await cancelled.promise).reason, /^short.jsonl.gz: .*/);
});

test('what is called packed and has been unpacked on the way arrives as it is', async () => {
  const [text, one] = [new TextEncoder().encode('{"id":1}\n'), 1];
  const inOnes = Array.from(text, byte => Uint8Array.of(byte));
  const packed = Array.from(gzipSync(text), byte => Uint8Array.of(byte));
  const streams = [ReadableStream.from(inOnes), ReadableStream.from(packed), ReadableStream.from([text.subarray(0, one)]), ReadableStream.from([])];
  const files = streams.map((data, at) => ({ name: `${at}.jsonl.gz`, data }));
  await client.bulkInsert({ collection_name: 'c', files });
  await whole;
  const arrived = await Promise.all(files.map((_, at) => bytesOf(at)));
  assert.deepEqual(arrived.map(String), ['{"id":1}\n', '{"id":1}\n', '{', '']);
});

test('a stream that has arrived leaves the page its turns', async () => {
  const [chunks, chunkBytes] = [256, 64 << 10];
  let [turn, isOver] = [0, false];
  const next = () => {
    turn += 1;
    if (!isOver) setImmediate(next);
  };
  next();
  const pulledInTurn = new Map();
  let pulled = 0;
  const stream = new ReadableStream({
    pull(controller) {
      pulledInTurn.set(turn, (pulledInTurn.get(turn) ?? 0) + 1);
      controller.enqueue(new Uint8Array(chunkBytes));
      if (++pulled === chunks) controller.close();
    },
  });
  await client.bulkInsert({ collection_name: 'book', files: [stream] });
  await whole;
  isOver = true;
  assert.equal((await bytesOf(0)).length, chunks * chunkBytes);
  const most = Math.max(...pulledInTurn.values());
  assert.ok(most * chunkBytes <= 3 << 20, `${most} chunks were read in one turn`);
});

test('a file that cannot be read cancels its job and says why', async t => {
  t.mock.method(globalThis, 'fetch', async () => new Response('', { status: 404, statusText: 'Not Found' }));
  await client.bulkInsert({ collection_name: 'c', files: [new Request('https://a.example/rows.json')] });
  const { task, reason } = await cancelled.promise;
  assert.equal(task, TASK);
  assert.match(reason, /404 Not Found/);
});

test('aborting cancels the job, also when it has been sent', async () => {
  const giveUp = new AbortController();
  await client.bulkInsert({ collection_name: 'c', files: [new File(['{}'], 'a.json')], signal: giveUp.signal });
  await whole;
  giveUp.abort(new Error('enough'));
  assert.equal((await cancelled.promise).reason, 'enough');
  await assert.rejects(client.bulkInsert({ collection_name: 'c', files: ['a.json'], signal: giveUp.signal }), /enough/);
  assert.equal(jobs.length, 1);
});

test('a file is read no further when its job has ended elsewhere', async t => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  let signs = 0;
  MockWorker.handlers.ImportAlive = () => {
    signs += 1;
    return { body: { ...ok, error_code: 'UnexpectedError', code: 2101, reason: 'enough', retriable: signs === 1 } };
  };
  const left = deferred();
  const endless = new ReadableStream({ pull: () => new Promise(() => {}), cancel: () => left.resolve(signs) });
  await client.bulkInsert({ collection_name: 'c', files: [{ name: 'a.json', data: endless }] });
  t.mock.timers.tick(4000);
  await new Promise(resolve => setTimeout(resolve, 50));
  t.mock.timers.tick(4000);
  assert.equal(await left.promise, 2);
});

test('a file is read no further when its client has been closed', { timeout: 5000 }, async t => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const left = deferred();
  const endless = new ReadableStream({ pull: () => new Promise(() => {}), cancel: left.resolve });
  await client.bulkInsert({ collection_name: 'c', files: [{ name: 'a.json', data: endless }] });
  await client.closeConnection();
  t.mock.timers.tick(4000);
  assert.match((await left.promise).message, /pool is draining/);
});

test('a stream that comes when all has been given up is left', async () => {
  const [giveUp, opened, left] = [new AbortController(), deferred(), deferred()];
  const data = new ReadableStream({ pull: () => new Promise(() => {}), cancel: left.resolve });
  const source = { name: 'a.json', open: () => opened.promise };
  const engine = { put: async () => ok, alive: async () => ok };
  const sent = sendSources(TASK, [{ file: 0, attempt: 0, source }], engine, giveUp.signal);
  giveUp.abort(new Error('enough'));
  opened.resolve({ data });
  await assert.rejects(sent, /enough/);
  assert.equal((await left.promise).message, 'enough');
});

test('a sign of life that is missed is no harm', async t => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const arrived = deferred();
  const open = async () => ({ data: new ReadableStream({ pull: async controller => (await arrived.promise, controller.close()) }) });
  const [alive, put] = [t.mock.fn(() => Promise.reject(new Error('no answer'))), t.mock.fn(async () => ok)];
  const sent = sendSources(TASK, [{ file: 0, attempt: 0, source: { name: 'a.json', open } }], { alive, put });
  for (let signs = 0; signs < 3; signs++) {
    t.mock.timers.tick(4000);
    await new Promise(resolve => setImmediate(resolve));
  }
  arrived.resolve();
  await sent;
  t.mock.timers.tick(4000);
  assert.deepEqual([alive.mock.callCount(), put.mock.callCount()], [3, 1]);
});

test('a job is watched to its end', async () => {
  let state = { state: 'ImportPending', row_count: '0' };
  MockWorker.handlers.GetImportState = () => ({ body: { status: ok, ...state } });
  const steps = [
    { state: 'ImportStarted', row_count: '7' },
    { state: 'ImportStarted', row_count: '9' },
    { state: 'ImportCompleted', row_count: '9' },
  ];
  const seen = [];
  for await (const { state: name, row_count } of client.watchImport({ task: TASK })) {
    seen.push(`${name} ${row_count}`);
    state = steps.shift() ?? state;
    MockWorker.spawned[0].ports[0].postMessage({ event: 'importstate', body: JSON.stringify({ task: TASK }) });
  }
  assert.deepEqual(seen, ['ImportPending 0', 'ImportStarted 7', 'ImportStarted 9', 'ImportCompleted 9']);
});

test('a job that nobody knows is not watched', async () => {
  const status = { ...ok, error_code: 'UnexpectedError', code: 2101, reason: 'import job does not exist' };
  MockWorker.handlers.GetImportState = () => ({ body: { status } });
  await assert.rejects(client.watchImport({ task: 1 }).next(), { code: 2101, message: /import job does not exist/ });
});
