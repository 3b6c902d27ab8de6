import assert from 'node:assert/strict';
import test, { afterEach, beforeEach } from 'node:test';
import { gzipSync } from 'node:zlib';
import { MilvusClient } from '../../dist/client/index.js';
import { parquetField, writeParquet } from '../../target/modules/client/parquet.js';
import { MockWorker, connectHandlers, install, ok } from './mock-browser.mjs';
import { DataType, Workers, batchOf, linesOf, target } from './parquet-files.mjs';

const TASK = '449';
const FIELDS = [
  { name: 'id', type: DataType.Int64 },
  { name: 'v', type: DataType.FloatVector, dim: 2 },
];
const batch = (...ids) => batchOf(FIELDS, { id: ids.map(BigInt), v: ids.map(id => [id, 0.1]) });
const LINES = '{"id":1,"v":[1,0.1]}\n{"id":2,"v":[2,0.1]}\n';

async function* each(...values) {
  yield* values;
}

let client;
let stored;
let whole;
let cancelled;

beforeEach(() => {
  install();
  globalThis.Worker = Workers;
  stored = [];
  whole = deferred();
  cancelled = deferred();
  const field = (name, data_type, rest) => ({ name, data_type, element_type: 'None', type_params: [], is_primary_key: name === 'id', autoID: false, ...rest });
  MockWorker.handlers = {
    ...connectHandlers,
    Import: () => ({ body: { status: ok, tasks: [TASK] } }),
    DescribeCollection: () => ({
      body: {
        status: ok,
        properties: [],
        schema: { enable_dynamic_field: false, fields: [field('id', 'Int64'), field('v', 'FloatVector', { type_params: [{ key: 'dim', value: '2' }] })] },
      },
    }),
    ImportPut: ({ piece, pieces }, [bytes]) => {
      stored.push(bytes);
      if (pieces === piece + 1) whole.resolve();
      return { body: { ...ok } };
    },
    CancelImport: body => {
      cancelled.resolve(body.reason);
      return { body: { ...ok } };
    },
  };
  client = new MilvusClient({ address: 'indexeddb://s' });
});

afterEach(async () => {
  await client.closeConnection();
  MockWorker.spawned.forEach(worker => worker.kill());
  assert.equal(Workers.running.size, 0, 'its worker has ended');
});

function deferred() {
  let resolve;
  const promise = new Promise(resolved => (resolve = resolved));
  return { promise, resolve };
}

const importFile = (file, options) => client.bulkInsert({ collection_name: 'c', files: [file], ...options });

test('a Parquet file arrives as JSON Lines, from a Blob, a stream, and packed', async () => {
  const file = await writeParquet(FIELDS, each(batch(1), batch(2)));
  const bytes = new Uint8Array(await file.arrayBuffer());
  const forms = [
    new File([bytes], 'rows.parquet'),
    { name: 'rows.parquet', data: new Blob([bytes]).stream() },
    { name: 'rows.parquet', data: new Response(bytes) },
    new File([gzipSync(bytes)], 'rows.parquet.gz'),
    new File([bytes], 'unpacked-on-the-way.parquet.gz'),
  ];
  for (const form of forms) {
    stored = [];
    whole = deferred();
    await importFile(form);
    await whole.promise;
    assert.equal(await new Blob(stored).text(), LINES);
  }
});

test('a file that does not fit cancels its job before anything is sent, with file and reason', async () => {
  const [id] = FIELDS;
  const file = await writeParquet([id], each(batch(1)));
  await importFile({ name: 'keys.parquet', data: file });
  assert.equal(await cancelled.promise, "keys.parquet: no parquet field for milvus field 'v'");
  cancelled = deferred();
  await importFile(new File(['nothing of the kind'], 'text.parquet'));
  assert.equal(await cancelled.promise, 'text.parquet: the Parquet file cannot be read: parquet file invalid (footer != PAR1)');
  assert.deepEqual(stored, []);
});

test('aborting an import ends the worker', async () => {
  const file = await writeParquet(FIELDS, each(...Array.from({ length: 50 }, (_, i) => batch(...Array.from({ length: 5000 }, (_, k) => i * 5000 + k)))));
  const giveUp = new AbortController();
  MockWorker.handlers.ImportPut = () => {
    giveUp.abort(new Error('enough'));
    return { body: { ...ok } };
  };
  await importFile({ name: 'rows.parquet', data: file }, { signal: giveUp.signal });
  assert.equal(await cancelled.promise, 'enough');
  while (Workers.running.size > 0) await new Promise(resolve => setTimeout(resolve, 5));
});

test('a file is written a batch at a time, and what the caller shares stays whole', async () => {
  const log = [];
  async function* batches() {
    for (const ids of [[1, 2], [], [3]]) {
      log.push(ids.length);
      yield batch(...ids);
    }
  }
  const file = await writeParquet(FIELDS, batches());
  assert.deepEqual(log, [2, 0, 1]);
  assert.equal(file.type, 'application/vnd.apache.parquet');
  assert.equal((await linesOf(file, target(FIELDS))).length, 3);
  const shared = new Uint8Array(await new Blob([new Uint8Array(8), batch(4)]).arrayBuffer()).subarray(8);
  await writeParquet(FIELDS, each(shared));
  assert.ok(shared.byteLength > 0);
  assert.deepEqual(await linesOf(await writeParquet(FIELDS, each()), target(FIELDS)), []);
});

test('what stops the writing is what the caller hears', async () => {
  const giveUp = new AbortController();
  async function* aborting() {
    yield batch(1);
    giveUp.abort(new Error('enough'));
    yield batch(2);
  }
  await assert.rejects(writeParquet(FIELDS, aborting(), giveUp.signal), /enough/);
  await assert.rejects(writeParquet(FIELDS, each(), giveUp.signal), /enough/);
  async function* failing() {
    yield batch(1);
    throw new Error('the source broke');
  }
  await assert.rejects(writeParquet(FIELDS, failing()), /the source broke/);
  const withMore = [...FIELDS, { name: 'more', type: DataType.Bool }];
  await assert.rejects(writeParquet(withMore, each(batch(1))), /the rows have no column 'more'/);
});

test('a described field says what its column is', () => {
  const described = { name: 'a', data_type: 'Array', element_type: 'Int8', nullable: true };
  assert.deepEqual(parquetField(described), { name: 'a', type: DataType.Array, element: DataType.Int8, nullable: true });
  const { element } = parquetField({ name: 'f', data_type: 'Float', element_type: 'None' });
  assert.equal(element, undefined);
});
