// Searches, queries and iterators of a client, with nodes that are tables of handlers.
import assert from 'node:assert/strict';
import test from 'node:test';
import { DataType } from '../../dist/client/index.js';
import { MockWorker, ok } from './mock-browser.mjs';
import { SCHEMA, describe, node, open, route } from './mock-client.mjs';
import { batch, counted, partReply, searchReply } from './mock-replies.mjs';

const search = (client, given) => client.search({ collection_name: 'c', data: [1, 2], limit: 3, ...given });

test('a field named score has its value in hits, whose order is that of their scores', async () => {
  const part = (scores, ids, values) => node({ Search: () => partReply(scores, ids, 0, [['score', DataType.VarChar, values]]) });
  MockWorker.handlers.Route = route(part([0.9, 0.5], [1, 2], ['c', 'a']), part([0.7, 0.6], [3, 4], [null, 'b']));
  const { results } = await search(open());
  assert.deepEqual(results.map(hit => Object.entries(hit)), [[['score', 'c'], ['id', '1']], [['score', null], ['id', '3']], [['score', 'b'], ['id', '4']]]);
});

test('filters go as the text that they are in the SDK, and lists that are none are refused by name', async () => {
  const asked = [];
  const take = reply => body => (asked.push(body.dsl ?? body.expr), reply);
  MockWorker.handlers.Route = route(node({ Search: take(partReply([0.5], [1])), Query: take(counted(1)) }));
  MockWorker.handlers.Delete = take({ body: { status: ok, delete_cnt: '1' } });
  const client = open();
  await search(client, { filter: { name: 'a' } });
  await client.query({ collection_name: 'c', filter: ['id > 1'], output_fields: ['count(*)'] });
  await client.deleteEntities({ collection_name: 'c', filter: { name: 'a' } });
  assert.deepEqual(asked, ['[object Object]', 'id > 1', '[object Object]']);
  await assert.rejects(search(client, { output_fields: 'id' }), { message: /SearchRequest.output_fields: array expected/ });
  await assert.rejects(client.query({ collection_name: 'c', partition_names: 'p' }), { message: /QueryRequest.partition_names: array expected/ });
});

test('a query iterator counts its rows', async () => {
  const rows = ids => ({ body: { status: ok, primary_field_name: 'id' }, blobs: [batch(ids.length, [[{ name: 'id', type: DataType.Int64 }, ids]])] });
  const pages = [[1, 2], [3]];
  MockWorker.handlers.Route = route(node({ Query: ({ output_fields }) => (output_fields[0] === 'count(*)' ? counted(3) : rows(pages.shift())) }));
  const iterator = (await open().queryIterator({ collection_name: 'c', batchSize: 2 }))[Symbol.asyncIterator]();
  const totals = [];
  while (!(await iterator.next()).done) totals.push(iterator.currentTotal);
  assert.deepEqual(totals, [2, 3]);
});

test('a page of an iterator ends with a score, also where a field has that name', async () => {
  const bounds = [];
  MockWorker.handlers.Route = route(node({
    Query: () => counted(4),
    Search: ({ search_params }) => {
      bounds.push(search_params.find(({ key }) => key === 'search_iter_last_bound')?.value);
      const ids = bounds.length === 1 ? [1, 2] : [3, 4];
      return partReply(ids.map(id => 1 / id), ids, 0, [['score', DataType.Int64, ids.map(id => id * 100)]]);
    },
  }));
  const pages = [];
  for await (const page of await open().searchIterator({ collection_name: 'c', data: [1, 2], batchSize: 2 })) pages.push(page.map(hit => hit.score));
  assert.deepEqual(pages, [['100', '200'], ['300', '400']]);
  assert.deepEqual(bounds, [undefined, '0.5']);
});

test('scores are rounded, and not the values of a field that has that name', async () => {
  const values = ['1.255', null, 1.255];
  const fields = [['$meta', DataType.JSON, values.map(score => ({ score }))]];
  const asked = reply => {
    reply.body.results.output_fields = ['id', 'score'];
    return reply;
  };
  const one = node({ Search: () => asked(searchReply([0.9, 0.5, 0.4], [1, 2, 3], undefined, fields)) });
  const part = at => node({ Search: () => asked(partReply([0.9 - at / 10], [at], 0, [['$meta', DataType.JSON, [{ score: values[at] }]]])) });
  for (const nodes of [[one], [part(0), part(1), part(2)]]) {
    MockWorker.handlers.Route = route(...nodes);
    const { results } = await search(open(), { params: { round_decimal: 1 }, output_fields: ['id', 'score'] });
    assert.deepEqual(results.map(hit => hit.score), values);
  }
});

test('counts and iterators take templates of filters', async () => {
  const asked = [];
  const take = ({ output_fields, expr_template_values, expr, dsl }) => asked.push([output_fields[0], expr ?? dsl, expr_template_values?.x]);
  MockWorker.handlers.Route = route(node({
    Query: body => (take(body), body.output_fields[0] === 'count(*)' ? counted(1) : { body: { status: ok, primary_field_name: 'id' }, blobs: [batch(1, [[{ name: 'id', type: DataType.Int64 }, [1]]])] }),
    Search: body => (take(body), partReply([0.5], [1])),
  }));
  const client = open();
  const given = { collection_name: 'c', exprValues: { x: 5 } };
  assert.equal((await client.count({ ...given, filter: 'id < {x}' })).data, 1);
  for await (const page of await client.queryIterator({ ...given, filter: 'id < {x}', batchSize: 1 })) assert.equal(page.length, 1);
  for await (const page of await client.searchIterator({ ...given, filter: 'id < {x}', data: [1, 2], batchSize: 1 })) assert.equal(page.length, 1);
  const value = { int64_val: 5 };
  const count = ['count(*)', 'id < {x}', value];
  assert.deepEqual(asked, [count, count, ['*', 'id > -9223372036854775807 && (id < {x})', value], count, ['*', 'id < {x}', value]]);
});

test('a search is built for the collection that has the name now, whatever it was when it was last described', async () => {
  const sent = [];
  let described = 0;
  const schemaOf = (...fields) => body => (described++, { body: { ...describe(body).body, schema: { ...SCHEMA, fields } } });
  const [id, v] = SCHEMA.fields;
  MockWorker.handlers.DescribeCollection = schemaOf(id, v);
  MockWorker.handlers.Route = route(node({ Search: body => (sent.push(body.search_params[0].value), searchReply([1], [1])) }));
  const client = open();
  await search(client);
  MockWorker.handlers.DescribeCollection = schemaOf(id, { ...v, name: 'w' });
  assert.equal((await search(client, { anns_field: 'w' })).results.length, 1);
  await search(client);
  assert.deepEqual([sent, described], [['v', 'w', 'w'], 2]);
  await assert.rejects(search(client, { anns_field: 'v' }), { message: 'Target anns field not found, please check your search parameters.' });
  assert.equal(described, 3);
  MockWorker.handlers.DescribeCollection = () => describe({ collection_name: 'gone' });
  assert.equal((await search(client, { anns_field: 'v' })).status.code, 100);
  assert.equal((await search(client)).status.code, 100, 'what was refused is not remembered as it was');
});

test('a name is described anew when it may lead elsewhere', async () => {
  const described = [];
  MockWorker.handlers.DescribeCollection = body => (described.push(body.collection_name), { body: { ...describe({ collection_name: 'c' }).body } });
  MockWorker.handlers.Route = route(node({ Search: () => searchReply([1], [1]) }));
  const names = ['a', 'b'];
  const CHANGES = [
    ['CreateAlias', client => client.createAlias({ collection_name: 'c', alias: 'a' }), ['a']],
    ['AlterAlias', client => client.alterAlias({ collection_name: 'c', alias: 'a' }), ['a']],
    ['DropAlias', client => client.dropAlias({ collection_name: 'c', alias: 'a' }), ['a']],
    ['RenameCollection', client => client.renameCollection({ collection_name: 'a', new_collection_name: 'b' }), ['a', 'b']],
    ['DropCollection', client => client.dropCollection({ collection_name: 'a' }), ['a']],
    ['CreateCollection', client => client._createCollection({ collection_name: 'a', fields: [{ name: 'id', data_type: 'Int64', is_primary_key: true }, { name: 'v', data_type: 'FloatVector', dim: 2 }] }), ['a']],
  ];
  const client = open();
  for (const [method, change, led] of CHANGES) {
    MockWorker.handlers[method] = () => ({ body: ok });
    for (const collection_name of names) await search(client, { collection_name });
    await change(client);
    described.length = 0;
    for (const collection_name of names) await search(client, { collection_name });
    assert.deepEqual(described, led, method);
  }
});
