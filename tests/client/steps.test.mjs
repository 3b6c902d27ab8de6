// Whatever a call brings or asks for, the page may do something else in between, and small calls wait for no task of their own.
import assert from 'node:assert/strict';
import test from 'node:test';
import { DataType } from '../../dist/client/index.js';
import { packRows } from '../../target/modules/client/rows.js';
import { atOnce, inSteps, nextTask } from '../../target/modules/client/steps.js';
import { decodeBatch, encodeBatch } from '../../target/modules/client/wire/batch.js';
import { readColumn } from '../../target/modules/client/wire/column-reader.js';
import { columnSteps } from '../../target/modules/client/wire/column-writer.js';
import { MockWorker, ok } from './mock-browser.mjs';
import { SCHEMA, node, open, route } from './mock-client.mjs';
import { searchReply } from './mock-replies.mjs';

const list = (length, item) => Array.from({ length }, (_, i) => item(i));

function stepsOf(work) {
  for (let steps = 1; ; steps++) {
    const { done, value } = work.next();
    if (done) return { steps, value };
  }
}

/** How often the page was left to others, for each of which a channel is made. */
async function pausesOf(call) {
  const { MessageChannel } = globalThis;
  let pauses = 0;
  globalThis.MessageChannel = function () {
    pauses++;
    return new MessageChannel();
  };
  try {
    await call();
  } finally {
    globalThis.MessageChannel = MessageChannel;
  }
  return pauses;
}

test('work of one step waits for no task', async () => {
  const order = [];
  const task = nextTask().then(() => order.push('task'));
  await inSteps((function* () { order.push('work'); })());
  order.push('done');
  await inSteps((function* () { yield; })());
  await task;
  assert.deepEqual(order, ['work', 'done', 'task']);
});

const COLUMNS = {
  Bool: [i => i % 2 === 0, 1],
  Int8: [i => i % 100, 128],
  Int32: [i => i, 1.5],
  Int64: [String, 'x'],
  Double: [i => i / 2, '1'],
};

test('columns are written in steps, and refusals name the row', () => {
  for (const [name, [item, wrong]] of Object.entries(COLUMNS)) {
    const shape = { name: 'f', type: DataType[name] };
    const values = list(600, i => (i === 300 ? null : item(i)));
    const { steps, value } = stepsOf(columnSteps('c', shape, values));
    assert.ok(steps > 4, `${name}: ${steps}`);
    assert.deepEqual(readColumn(value, { start: 0, end: 600 }), values);
    assert.equal(stepsOf(columnSteps('c', shape, values.slice(0, 200))).steps, 1);
    values[500] = wrong;
    assert.throws(() => atOnce(columnSteps('c', shape, values)), error => /row 500: expected/.test(error.detail || error.message) && /^Insert fail|^the 500th element/.test(error.reason || error.message));
  }
  const arrays = list(600, i => [i, i]);
  const { steps, value } = stepsOf(columnSteps('c', { name: 'f', type: DataType.Array, element: DataType.Int32 }, arrays));
  assert.ok(steps > 6, String(steps));
  assert.deepEqual(readColumn(value, { start: 0, end: 600 }), arrays);
});

test('vectors are converted in steps', () => {
  const [id, v] = SCHEMA.fields;
  const collection = { collection_name: 'c', properties: [], schema: { ...SCHEMA, fields: [id, { ...v, data_type: 'Float16Vector', dim: '2' }] } };
  let step = 0;
  const seen = new Set();
  const convert = () => (seen.add(step), new Uint8Array(4));
  const work = packRows(collection, list(600, i => ({ id: i, v: [1, 2] })), { transformers: { [DataType.Float16Vector]: convert } });
  while (!work.next().done) step++;
  assert.equal(seen.size, 3);
});

test('keys of written rows are read in steps', async () => {
  MockWorker.handlers.Insert = ({ num_rows }) => {
    const data = new Uint8Array(BigInt64Array.from(list(num_rows === 1 ? 1 : 3000, BigInt)).buffer);
    return { body: { status: ok }, blobs: [encodeBatch({ rows: data.length / 8, columns: [{ name: '$key', type: DataType.Int64, data }] })] };
  };
  const client = open();
  const insert = rows => client.insert({ collection_name: 'c', data: list(rows, i => ({ id: i, v: [1, 2] })) });
  await insert(1);
  assert.equal(await pausesOf(() => insert(1)), 0);
  let result;
  assert.ok((await pausesOf(async () => (result = await insert(2)))) > 0);
  assert.deepEqual(result.IDs.int_id.data, list(3000, String));
  assert.deepEqual(result.succ_index, list(3000, i => i));
});

test('lists of keys are written into filters in steps', async () => {
  let expr;
  MockWorker.handlers.Delete = body => (({ expr } = body), { body: { status: ok } });
  const client = open();
  await client.connectPromise;
  for (const [ids, texts] of [[[1, 2n, { low: 3, high: 0 }], ['1', '2', '3']], [BigInt64Array.of(1n, 2n), ['1', '2']]]) {
    assert.equal(await pausesOf(() => client.delete({ collection_name: 'c', ids })), 0);
    assert.equal(expr, `id in [${texts}]`);
  }
  for (const ids of [list(600, i => i), BigInt64Array.from(list(600, BigInt))]) {
    assert.ok((await pausesOf(() => client.delete({ collection_name: 'c', ids }))) > 0);
    assert.equal(expr, `id in [${list(600, String)}]`);
  }
});

test('many queries are written in steps', async () => {
  const [id, v] = SCHEMA.fields;
  const fieldOf = { f: ['FloatVector', 2], h: ['Float16Vector', 2], b: ['BinaryVector', 16], i: ['Int8Vector', 2], s: ['SparseFloatVector'] };
  const fields = Object.entries(fieldOf).map(([name, [data_type, dim]]) => ({ ...v, name, data_type, type_params: dim ? [{ key: 'dim', value: String(dim) }] : [] }));
  MockWorker.handlers.DescribeCollection = () => ({ body: { status: ok, collection_name: 'c', schema: { ...SCHEMA, fields: [id, ...fields] }, properties: [], consistency_level: 'Bounded' } });
  let sent;
  MockWorker.handlers.Route = route(node({ Search: (body, [bytes]) => ((sent = { bytes, offsets: body.placeholder_offsets }), searchReply([1], [1], list(body.nq, i => (i === 0 ? '1' : '0')))) }));
  const client = open();
  const search = (anns_field, data) => client.search({ collection_name: 'c', anns_field, data });
  await search('f', [1, 2]);
  const column = (name, queries) => atOnce(columnSteps('c', { name, type: DataType[fieldOf[name][0]], dim: fieldOf[name][1] }, queries));
  const half = numbers => new Uint8Array(Uint16Array.from(numbers, n => (n === 1 ? 0x3c00 : 0)).buffer);
  const QUERIES = {
    f: [i => [i, 0.1], i => new Float32Array([i, 0.1])],
    h: [i => [i % 2, 1], i => half([i % 2, 1])],
    b: [i => [i % 256, 1]],
    i: [i => [i % 100, -1.4], i => new Int8Array([i % 100, -1])],
    s: [i => ({ [i]: 1, ...(i % 2 && { 700: 0.5 }) })],
  };
  for (const [name, forms] of Object.entries(QUERIES)) {
    for (const query of forms) {
      const queries = list(600, query);
      assert.equal(await pausesOf(() => search(name, queries.slice(0, 9))), 0, name);
      assert.ok((await pausesOf(() => search(name, queries))) > 0, name);
      const { data, offsets } = column(name, name === 'h' ? list(600, i => half([i % 2, 1])) : queries);
      assert.deepEqual([...sent.bytes], [...data], name);
      assert.deepEqual(sent.offsets, offsets && [...offsets], name);
    }
  }
  await assert.rejects(search('f', [...list(300, i => [i, i]), [1]]), /the query vectors of field "f" differ in length; expected all of 2 numbers/);
  await assert.rejects(search('f', [[1, 2], [1, 'x']]), /field "f" expects a vector of numbers, received \[1,"x"\]/);
});
