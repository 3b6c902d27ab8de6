// Inserts, upserts and deletes of a client, with a coordinator that is a table of handlers.
import assert from 'node:assert/strict';
import test from 'node:test';
import { DataType } from '../../dist/client/index.js';
import { decodeBatch, encodeBatch } from '../../target/modules/client/wire/batch.js';
import { readColumn } from '../../target/modules/client/wire/column-reader.js';
import { MockWorker, ok } from './mock-browser.mjs';
import { SCHEMA, describe, open } from './mock-client.mjs';

test('partial updates send only what the rows say', async () => {
  let sent;
  MockWorker.handlers.Upsert = (body, blobs) => ((sent = { body, names: decodeBatch(blobs[0]).columns.map(c => c.name) }), { body: { status: ok } });
  const client = open();
  await client.upsert({ collection_name: 'c', data: [{ id: 1, v: [1, 2] }], partial_update: true });
  assert.deepEqual([sent.names, sent.body.partial_update], [['id', 'v'], true]);
  await client.upsert({ collection_name: 'c', data: [{ id: 1, color: 'red' }], field_ops: [{ field_name: 'tags', op: 1 }] });
  assert.deepEqual([sent.names, sent.body.partial_update, sent.body.field_ops], [['id', '$meta'], true, [{ field_name: 'tags', op: 'ARRAY_APPEND' }]]);
});

test('insert packs rows; a schema that moved is described again', async () => {
  const sent = [];
  let describes = 0;
  MockWorker.handlers.DescribeCollection = body => (describes++, describe(body));
  MockWorker.handlers.Insert = (body, blobs) => {
    sent.push({ body, batch: decodeBatch(blobs[0]) });
    if (sent.length === 1) return { body: { status: { ...ok, error_code: 'SchemaMismatch', code: 109 } } };
    const data = new Uint8Array(BigInt64Array.of(1n, -(2n ** 60n)).buffer);
    const keys = encodeBatch({ rows: 2, columns: [{ name: '$key', type: DataType.Int64, data }] });
    return { body: { status: ok, insert_cnt: '2', timestamp: '5' }, blobs: [keys] };
  };
  const client = open();
  const result = await client.insert({ collection_name: 'c', data: [{ id: 2n ** 60n, v: [1, 2], color: 'red', n: 5n }, { id: '2', v: new Float32Array([3, 4]) }] });
  assert.deepEqual(result, { status: ok, IDs: { int_id: { data: ['1', String(-(2n ** 60n))] }, id_field: 'int_id' }, succ_index: [0, 1], err_index: [], acknowledged: false, insert_cnt: '2', delete_cnt: '0', upsert_cnt: '0', timestamp: '5' });
  assert.equal(describes, 2);
  const { request_id, ...body } = sent[1].body;
  assert.notEqual(request_id, sent[0].body.request_id);
  assert.deepEqual(body, { collection_name: 'c', num_rows: 2, schema_timestamp: '9', db_name: 'default' });
  const columns = Object.fromEntries(sent[1].batch.columns.map(column => [column.name, readColumn(column, { start: 0, end: 2 })]));
  assert.deepEqual(columns, { id: [String(2n ** 60n), '2'], v: [[1, 2], [3, 4]], $meta: [{ color: 'red', n: 5 }, {}] });
});

test('rows that a server would refuse are answered as it answers them', async () => {
  MockWorker.handlers.Insert = () => assert.fail('nothing is sent');
  const answer = await open().insert({ collection_name: 'c', data: [{ id: 1, v: [1, 2] }, { id: 2, v: [1] }] });
  assert.deepEqual([answer.status.error_code, answer.status.code], ['UnexpectedError', 65535]);
  assert.match(answer.status.reason, /^the length\(3\) of float data should divide the dim\(2\)$/);
  assert.deepEqual([answer.err_index, answer.IDs, answer.insert_cnt], [[0, 1], null, '0']);
});

test('rows go to the collection that has the name now, whatever it was when it was last described', async () => {
  const sent = [];
  MockWorker.handlers.Insert = (_, blobs) => (sent.push(decodeBatch(blobs[0]).columns.map(column => column.name)), { body: { status: ok } });
  const client = open();
  await client.insert({ collection_name: 'c', data: [{ id: 1, v: [1, 2] }] });
  const dim = value => ({ ...SCHEMA.fields[1], type_params: [{ key: 'dim', value }] });
  const now = fields => body => ({ body: { ...describe(body).body, schema: { ...SCHEMA, fields } } });
  MockWorker.handlers.DescribeCollection = now([SCHEMA.fields[0], dim('3')]);
  // By the old dimension these are refused in an answer,
  assert.equal((await client.insert({ collection_name: 'c', data: [{ id: 1, v: [1, 2, 3] }] })).status.code, 0);
  // and by the old type in an exception.
  MockWorker.handlers.DescribeCollection = now([{ ...SCHEMA.fields[0], data_type: 'VarChar', type_params: [{ key: 'max_length', value: '9' }] }, dim('3')]);
  assert.equal((await client.insert({ collection_name: 'c', data: [{ id: 'a', v: [1, 2, 3] }] })).status.code, 0);
  assert.equal(sent.length, 3);
  assert.notEqual((await client.insert({ collection_name: 'c', data: [{ id: 'a', v: [1] }] })).status.code, 0);
  assert.equal(sent.length, 3);
});

test('a strict client asks each write to survive power loss', async () => {
  const asked = [];
  const ask = body => (asked.push(body.strict), { body: { status: ok } });
  Object.assign(MockWorker.handlers, { Insert: ask, Upsert: ask, Delete: ask });
  const relaxed = open();
  await relaxed.insert({ collection_name: 'c', data: [{ id: 1, v: [1, 2] }] });
  const client = open({ durability: 'strict' });
  await client.insert({ collection_name: 'c', data: [{ id: 1, v: [1, 2] }] });
  await client.upsert({ collection_name: 'c', data: [{ id: 1, v: [1, 2] }] });
  await client.delete({ collection_name: 'c', ids: [1] });
  assert.deepEqual(asked, [undefined, true, true, true]);
});

test('insert into an unknown collection throws the describe answer', async () => {
  const client = open();
  const thrown = await client.insert({ collection_name: 'nope', data: [{ id: 1 }] }).catch(error => error);
  assert.ok(!(thrown instanceof Error));
  assert.equal(thrown.status.code, 100);
  assert.deepEqual(thrown.schema.fields, []);
});

test('what is no row is refused with its place', async () => {
  const client = open();
  for (const row of [null, undefined, 7, 'text']) {
    const inserted = client.insert({ collection_name: 'c', data: [{ id: 1, v: [1, 2] }, row] });
    await assert.rejects(inserted, { message: `Insert fail: row 1 is ${row}, expected an object with a value for each field.` });
  }
});

test('insert refuses unknown fields only without a dynamic field', async () => {
  MockWorker.handlers.DescribeCollection = body => {
    const reply = describe(body);
    reply.body.schema = { ...SCHEMA, enable_dynamic_field: false };
    return reply;
  };
  const client = open();
  const insert = () => client.insert({ collection_name: 'c', data: [{ id: 1, v: [1, 2] }, { id: 1, v: [1, 2], x: 1 }] });
  await assert.rejects(insert(), { message: 'Insert fail: some field does not exist for this collection in line. 1' });
  MockWorker.spawned[0].handlers.DescribeCollection = describe;
  MockWorker.spawned[0].handlers.AlterCollection = () => ({ body: { ...ok } });
  MockWorker.spawned[0].handlers.Insert = () => ({ body: { status: ok, insert_cnt: '2' } });
  await client.alterCollectionProperties({ collection_name: 'c', properties: { 'dynamicfield.enabled': true } });
  assert.equal((await insert()).insert_cnt, '2');
});
