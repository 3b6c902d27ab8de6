import assert from 'node:assert/strict';
import test, { afterEach, beforeEach } from 'node:test';
import { DataType, MilvusClient } from '../../dist/client/index.js';
import { MockWorker, connectHandlers, install, ok } from './mock-browser.mjs';

const encode = text => new TextEncoder().encode(text);

let client;
/** Requests by method, in order. */
let asked;
/** What each step answers. */
let steps;
/** With the export that was ended. */
let ended;
let end;

const described = {
  collection_name: 'c',
  schema: {
    name: 'c',
    description: 'about',
    enable_dynamic_field: true,
    fields: [
      { name: 'id', data_type: 'Int64', is_primary_key: true, autoID: true, element_type: 'None', type_params: [], default_value: null },
      { name: 'v', data_type: 'FloatVector', type_params: [{ key: 'dim', value: '4' }], description: 'where' },
      { name: 'a', data_type: 'Array', element_type: 'VarChar', nullable: true, type_params: [{ key: 'max_capacity', value: '3' }, { key: 'max_length', value: '9' }, { key: 'mmap.enabled', value: 'true' }] },
      { name: 'n', data_type: 'Int64', is_partition_key: true, type_params: [], default_value: { data: 'long_data', long_data: '9007199254740993' } },
    ],
  },
  shards_num: 2,
  consistency_level: 'Strong',
  num_partitions: '16',
  properties: [{ key: 'collection.ttl.seconds', value: '600' }],
};
const begun = {
  status: ok,
  export: '7',
  files: ['c.jsonl'],
  options: [],
  next: { segment: 0, row: 0 },
  collection: described,
  index_descriptions: [
    { index_name: 'v', field_name: 'v', params: [{ key: 'index_type', value: 'HNSW' }, { key: 'metric_type', value: 'L2' }, { key: 'params', value: '{"M":8}' }] },
    { index_name: 'plain', field_name: 'n', params: [{ key: 'index_type', value: 'INVERTED' }] },
    { index_name: '$meta/k', field_name: '$meta', params: [{ key: 'index_type', value: 'INVERTED' }, { key: 'params', value: '{"json_path":"k","json_cast_type":"BOOL"}' }] },
  ],
};

beforeEach(() => {
  install();
  ended = new Promise(resolve => (end = resolve));
  asked = { BeginExport: [], StepExport: [], EndExport: [] };
  steps = [
    { body: { status: ok, next: { segment: 0, row: 2 }, row_count: '2', progress: 40 }, blobs: [encode('1\n2\n')] },
    { body: { status: ok, next: { segment: 1, row: 0 }, row_count: '0', progress: 50 }, blobs: [encode('')] },
    { body: { status: ok, next: null, row_count: '1', progress: 100 }, blobs: [encode('3\n')] },
  ];
  MockWorker.handlers = {
    ...connectHandlers,
    BeginExport: body => {
      asked.BeginExport.push(body);
      return { body: begun, blobs: [encode('head\n')] };
    },
    StepExport: body => {
      asked.StepExport.push(body);
      return steps.shift();
    },
    EndExport: body => {
      asked.EndExport.push(body);
      end(body.export);
      return { body: { ...ok } };
    },
  };
  client = new MilvusClient({ address: 'indexeddb://s' });
});

afterEach(async () => {
  await client.closeConnection();
  MockWorker.spawned.forEach(worker => worker.kill());
});

test('steps become files', async () => {
  const told = [];
  const answer = await client.exportCollection({
    collection_name: 'c', format: 'jsonl', partition_names: ['p'], filter: 'n > {least}', exprValues: { least: 5 }, output_fields: ['v'],
    onProgress: progress => told.push(progress),
  });
  assert.equal(answer.status.error_code, 'Success');
  assert.equal(answer.row_count, 3);
  const [file] = answer.files;
  assert.ok(file instanceof File);
  assert.deepEqual([file.name, await file.text()], ['c.jsonl', 'head\n1\n2\n3\n']);
  assert.deepEqual(told, [
    { progress: 40, row_count: 2, byte_count: 9 },
    { progress: 50, row_count: 2, byte_count: 9 },
    { progress: 100, row_count: 3, byte_count: 11 },
  ]);
  assert.deepEqual(asked.BeginExport, [
    {
      collection_name: 'c', db_name: 'default', partition_names: ['p'], format: 'jsonl', output_fields: ['v'],
      expr: 'n > {least}', expr_template_values: { least: { int64_val: 5 } },
    },
  ]);
  const places = asked.StepExport.map(({ export: id, segment, row }) => [id, segment, row]);
  assert.deepEqual(places, [['7', 0, 0], ['7', 0, 2], ['7', 1, 0]]);
  assert.equal(await ended, '7');
});

test('the schema makes the same collection', async () => {
  const { schema, index_params } = await client.exportCollection({ collection_name: 'c', format: 'jsonl' });
  assert.deepEqual(JSON.parse(JSON.stringify(schema)), {
    collection_name: 'c',
    fields: [
      { name: 'id', data_type: 'Int64', is_primary_key: true, autoID: true },
      { name: 'v', data_type: 'FloatVector', description: 'where', dim: 4 },
      { name: 'a', data_type: 'Array', element_type: 'VarChar', nullable: true, max_capacity: 3, max_length: 9, 'mmap.enabled': 'true' },
      { name: 'n', data_type: 'Int64', is_partition_key: true, default_value: '9007199254740993' },
    ],
    shards_num: 2,
    consistency_level: 'Strong',
    description: 'about',
    enable_dynamic_field: true,
    num_partitions: 16,
    properties: { 'collection.ttl.seconds': '600' },
  });
  assert.deepEqual(index_params, [
    { field_name: 'v', index_name: 'v', index_type: 'HNSW', metric_type: 'L2', params: { M: 8 } },
    { field_name: 'n', index_name: 'plain', index_type: 'INVERTED' },
    { field_name: '$meta', index_type: 'INVERTED', params: { json_path: 'k', json_cast_type: 'BOOL' } },
  ]);
  let created;
  MockWorker.spawned[0].handlers.CreateCollection = body => {
    created = body;
    return { body: { ...ok } };
  };
  await client.createCollection({ ...schema, collection_name: 'd' });
  assert.equal(created.schema.fields[3].data_type, DataType.Int64);
  assert.deepEqual(created.schema.fields[3].default_value, { long_data: '9007199254740993' });
  assert.deepEqual(created.schema.fields[1].type_params, [{ key: 'dim', value: '4' }]);
});

test('a refusal is an answer without files', async () => {
  const refused = { ...ok, error_code: 'UnexpectedError', code: 100, reason: 'collection not found' };
  MockWorker.handlers.BeginExport = () => ({ body: { status: refused } });
  const answer = await client.exportCollection({ collection_name: 'c', format: 'csv' });
  assert.deepEqual([answer.status.code, answer.files, answer.row_count, answer.schema], [100, [], 0, undefined]);
  assert.deepEqual(asked.EndExport, []);
  await assert.rejects(client.exportCollection({ format: 'csv' }), /collection_name/i);
});

test('an export that breaks off ends', async () => {
  steps[1] = { body: { status: { ...ok, error_code: 'UnexpectedError', code: 100, reason: 'collection not found' } } };
  const answer = await client.exportCollection({ collection_name: 'c', format: 'jsonl' });
  assert.deepEqual([answer.status.code, answer.files], [100, []]);
  assert.equal(await ended, '7');
});

test('an aborted export ends', async () => {
  const aborting = new AbortController();
  const exporting = client.exportCollection({
    collection_name: 'c', format: 'jsonl', signal: aborting.signal, onProgress: () => aborting.abort(new Error('enough')),
  });
  await assert.rejects(exporting, /enough/);
  assert.equal(await ended, '7');
  assert.equal(asked.StepExport.length, 1);
});

test('many small pieces of many files come together', async () => {
  const rows = 3000;
  MockWorker.handlers.BeginExport = () => ({
    body: { ...begun, files: ['id.npy', 'v.npy'] },
    blobs: [encode('i'), encode('v')],
  });
  MockWorker.handlers.StepExport = ({ row }) => ({
    body: { status: ok, next: row < rows ? { segment: 0, row: row + 1 } : null, row_count: '1', progress: 0 },
    blobs: [new Uint8Array(8).fill(row % 256), new Uint8Array(1024).fill(row % 256)],
  });
  const { files } = await client.exportCollection({ collection_name: 'c', format: 'npy' });
  for (const [file, name, width] of [[files[0], 'id.npy', 8], [files[1], 'v.npy', 1024]]) {
    assert.deepEqual([file.name, file.size], [name, 1 + (rows + 1) * width]);
    const bytes = new Uint8Array(await file.arrayBuffer());
    for (const row of [0, 1, 999, rows]) assert.equal(bytes[1 + row * width + width - 1], row % 256);
  }
});
