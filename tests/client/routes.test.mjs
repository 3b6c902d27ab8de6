import assert from 'node:assert/strict';
import { once } from 'node:events';
import test from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { DataType } from '../../dist/client/index.js';
import { encodeBatch } from '../../target/modules/client/wire/batch.js';
import { writeColumn } from '../../target/modules/client/wire/column-writer.js';
import { MockWorker, ok } from './mock-browser.mjs';
import { node, open, route } from './mock-client.mjs';

const STALE = { body: { status: { ...ok, error_code: 'UnexpectedError', code: 65000, reason: 'stale route' } } };
const count = of => ({
  body: { status: ok },
  blobs: [encodeBatch({ rows: 1, columns: [writeColumn('c', { name: 'count(*)', type: DataType.Int64 }, [of])] })],
});
const counting = of => node({ Query: () => count(of) });
const dying = () => node({ Query: (body, blobs, worker) => void worker.kill() });

/** A node that answers when the test does, and nothing new once it is retired. */
function busy() {
  const state = { asked: [], isRetired: false };
  state.node = node({ Query: () => (state.isRetired ? STALE : new Promise(answer => state.asked.push(answer))) });
  return state;
}

/** Who asks for a route gets the next of these. */
function routed(...routes) {
  MockWorker.handlers.Route = (...args) => routes.shift()(...args);
}

const read = async client => (await client.count({ collection_name: 'c' })).data;
const isLeft = ({ ports }) => once(ports[0], 'close').then(() => true);
async function until(condition) {
  for (let tries = 0; !condition(); tries++) {
    assert.ok(tries < 1000, `never ${condition}`);
    await sleep(1);
  }
}

test('a node that is retired finishes what it is answering, and is left then', { timeout: 5000 }, async () => {
  const old = busy();
  const next = counting(1);
  routed(route(old.node), route(next));
  const client = open();
  const reads = Array.from({ length: 50 }, () => read(client));
  await until(() => old.asked.length === 50);
  old.isRetired = true;
  const left = isLeft(old.node);
  assert.equal(await read(client), 1);
  const [first, ...others] = old.asked;
  others.forEach(answer => answer(count(7)));
  assert.deepEqual(await Promise.all(reads.slice(1)), Array(49).fill(7));
  assert.equal(await Promise.race([left, sleep(20, false)]), false);
  first(count(8));
  assert.equal(await reads[0], 8);
  assert.equal(await left, true);
  assert.deepEqual(next.log, ['Query']);
});

test('a read is not refused because others lose their way', { timeout: 5000 }, async () => {
  const nodes = Array.from({ length: 4 }, busy);
  routed(...nodes.map(({ node }) => route(node)), route(counting(9)));
  const client = open();
  const reads = [];
  for (const one of nodes) {
    reads.push(read(client));
    await until(() => one.asked.length === 1);
    one.isRetired = true;
  }
  assert.equal(await read(client), 9);
  nodes.forEach(({ asked }, at) => asked[0](count(at)));
  assert.deepEqual(await Promise.all(reads), [0, 1, 2, 3]);
});

test('a read hears at once that one of its nodes has died', { timeout: 5000 }, async () => {
  const other = busy();
  const mortal = busy();
  routed(route(other.node, mortal.node), route(counting(1)));
  const client = open();
  const reads = [read(client), read(client)];
  await until(() => mortal.asked.length === 2 && other.asked.length === 2);
  const left = isLeft(other.node);
  mortal.node.kill();
  assert.deepEqual(await Promise.all(reads), [1, 1]);
  assert.equal(await left, true);
});

test('a route whose node has died is forgotten before anybody takes it', { timeout: 5000 }, async () => {
  const [other, mortal] = [counting(1), counting(2)];
  routed(route(other, mortal), route(dying()), route(dying()), route(counting(5)));
  const client = open();
  assert.equal(await read(client), 3);
  const left = isLeft(other);
  mortal.kill();
  assert.equal(await left, true);
  assert.equal(await read(client), 5);
});
