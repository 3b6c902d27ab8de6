// Searches, queries and iterators of a client, with nodes that are tables of handlers.
import assert from 'node:assert/strict';
import test from 'node:test';
import { DataType } from '../../dist/client/index.js';
import { MockWorker, ok } from './mock-browser.mjs';
import { node, open, route } from './mock-client.mjs';
import { batch, counted, partReply, searchReply } from './mock-replies.mjs';

const search = (client, given) => client.search({ collection_name: 'c', data: [1, 2], limit: 3, ...given });

test('a field named score has its value in hits, whose order is that of their scores', async () => {
  const part = (scores, ids, values) => node({ Search: () => partReply(scores, ids, 0, [['score', DataType.VarChar, values]]) });
  MockWorker.handlers.Route = route(part([0.9, 0.5], [1, 2], ['c', 'a']), part([0.7, 0.6], [3, 4], [null, 'b']));
  const { results } = await search(open());
  assert.deepEqual(results.map(hit => Object.entries(hit)), [[['score', 'c'], ['id', '1']], [['score', null], ['id', '3']], [['score', 'b'], ['id', '4']]]);
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
