import assert from 'node:assert/strict';
import test from 'node:test';
import { CONNECT_STATUS, DataType, MilvusClient, TLS_MODE } from '../../dist/client/index.js';
import { decodeBatch } from '../../target/modules/client/wire/batch.js';
import { readColumn } from '../../target/modules/client/wire/column-reader.js';
import { MockWorker, ok } from './mock-browser.mjs';
import { SCHEMA, describe, node, open, route } from './mock-client.mjs';
import { batch, counted, partReply, searchReply } from './mock-replies.mjs';

const CLOSED = { name: 'MilvusError', code: 1, retriable: false, message: 'pool is draining and cannot accept work', reason: 'pool is draining and cannot accept work' };

test('connects, shares one coordinator a store, and closes', async () => {
  const [a, b, c] = [open(), open({ durability: 'strict' }), open({ address: 'http://localhost:19530/' })];
  await Promise.all([a, b, c].map(client => client.connectPromise));
  assert.equal(a.connectStatus, CONNECT_STATUS.CONNECTED);
  assert.deepEqual(MockWorker.spawned.map(w => w.config.store), ['s', 'localhost:19530']);
  assert.match(MockWorker.spawned[0].url, /workers\/coordinator\.js$/);
  await a.closeConnection();
  assert.equal(MockWorker.spawned[0].dead, undefined);
  assert.equal(await b.closeConnection(), CONNECT_STATUS.SHUTDOWN);
  assert.equal(MockWorker.spawned[0].dead, true);
  await assert.rejects(a.showCollections(), CLOSED);
});

test('the database in use goes with every call, the client\'s own keys do not', async () => {
  const seen = [];
  MockWorker.handlers.ShowCollections = body => (seen.push(body), { body: { status: ok } });
  MockWorker.handlers.GetLoadState = body => (seen.push(body), { body: { status: { ...ok, error_code: 'IllegalArgument', code: 1100 } } });
  const client = open({ database: 'one' });
  const shown = await client.showCollections();
  assert.deepEqual(shown.data, []);
  await client.useDatabase({ db_name: 'two' });
  const state = await client.getLoadState({ collection_name: 'c', timeout: 1000, signal: new AbortController().signal });
  assert.equal(state.state, 'LoadStateNotExist');
  await client.getLoadState({ collection_name: 'c', db_name: 'three' });
  assert.deepEqual(seen, [{ type: 0, collection_names: [], db_name: 'one' }, { collection_name: 'c', db_name: 'two' }, { collection_name: 'c', db_name: 'three' }]);
});

test('what a client is made with is kept, or refused where it would be ignored', async () => {
  const made = config => new MilvusClient({ address: 's', __SKIP_CONNECT__: true, ...config });
  for (const [config, mode] of [
    [{}, TLS_MODE.DISABLED],
    [{ ssl: true }, TLS_MODE.ONE_WAY],
    [{ address: 'https://s' }, TLS_MODE.ONE_WAY],
    [{ tls: { rootCertPath: 'root.pem' } }, TLS_MODE.ONE_WAY],
    [{ tls: { rootCertPath: 'root.pem', privateKeyPath: 'key.pem' } }, TLS_MODE.TWO_WAY],
    [{ tls: { skipCertCheck: true } }, TLS_MODE.UNAUTHORIZED],
    [{ loaderOptions: { longs: String, keepCase: true } }, TLS_MODE.DISABLED],
  ]) assert.equal(made(config).tlsMode, mode);
  assert.throws(() => made({ loaderOptions: { longs: Number } }), { code: 10, message: /loaderOptions.longs/ });
});

test('an RPC the engine does not have rejects with code 10', async () => {
  await assert.rejects(open().getReplicas({ collectionID: '5' }), { code: 10, message: /GetReplicas is not available in the browser/ });
});

test('timeouts, abort signals and closing settle calls that get no answer', async () => {
  MockWorker.handlers.GetLoadState = () => undefined;
  const client = open();
  await assert.rejects(client.getLoadState({ collection_name: 'c', timeout: 20 }), { code: 4, message: /^4 DEADLINE_EXCEEDED: Deadline exceeded after 0\.020s/ });
  await assert.rejects(client.getLoadState({ collection_name: 'c', timeout: 700 }), { message: /after 0\.700s/ });
  await assert.rejects(client.getLoadState({ collection_name: 'c', signal: AbortSignal.timeout(20) }), { name: 'TimeoutError' });
  await assert.rejects(client.getLoadState({ collection_name: 'c', signal: AbortSignal.abort() }), { name: 'AbortError' });
  const hanging = client.getLoadState({ collection_name: 'c' });
  setTimeout(() => client.closeConnection(), 20);
  await assert.rejects(hanging, CLOSED);
});

test('a dead coordinator: reads are repeated, changes of the catalog are refused as retriable', async () => {
  let deaths = 0;
  const dieOnce = answer => (body, blobs, worker) => {
    if (deaths++ === 0) {
      worker.kill();
      return undefined;
    }
    return answer;
  };
  MockWorker.handlers.GetLoadState = dieOnce({ body: { status: ok, state: 'LoadStateLoaded' } });
  const client = open();
  assert.equal((await client.getLoadState({ collection_name: 'c' })).state, 'LoadStateLoaded');
  assert.equal(MockWorker.spawned.length, 2);
  deaths = 0;
  MockWorker.handlers.CreatePartition = dieOnce({ body: ok });
  await assert.rejects(client.createPartition({ collection_name: 'c', partition_name: 'p' }), { code: 1, retriable: true, error_code: 'UnexpectedError', reason: /^service not ready\[/ });
  assert.equal((await client.createPartition({ collection_name: 'c', partition_name: 'p' })).code, 0);
});

test('a dead coordinator: rows are written again under the same request id', async () => {
  const sent = [];
  MockWorker.handlers.Insert = (body, blobs, worker) => {
    sent.push({ body, ids: readColumn(decodeBatch(blobs[0]).columns[0], { start: 0, end: 2 }) });
    if (sent.length < 3) return worker.kill();
    return { body: { status: ok, insert_cnt: '2' } };
  };
  MockWorker.handlers.Delete = (body, blobs, worker) => {
    sent.push({ body });
    if (sent.length === 4) return worker.kill();
    return { body: { status: ok, delete_cnt: '1' } };
  };
  const client = open();
  assert.equal((await client.insert({ collection_name: 'c', data: [{ id: 1, v: [1, 2] }, { id: 2, v: [1, 2] }] })).insert_cnt, '2');
  assert.deepEqual(sent.map(({ body, ids }) => [body.repeated, body.num_rows, ids]), [[undefined, 2, ['1', '2']], [true, 2, ['1', '2']], [true, 2, ['1', '2']]]);
  assert.equal((await client.deleteEntities({ collection_name: 'c', filter: 'id in [9007199254740993]' })).delete_cnt, '1');
  assert.deepEqual(sent.slice(3).map(({ body }) => [body.repeated, body.expr]), [[undefined, 'id in [9007199254740993]'], [true, 'id in [9007199254740993]']]);
  const ids = sent.map(({ body }) => body.request_id);
  assert.match(ids[0], /^[0-9a-f]{32}$/);
  assert.deepEqual(ids, [ids[0], ids[0], ids[0], ids[3], ids[3]]);
  assert.notEqual(ids[0], ids[3]);
});

test('a dead coordinator: a write that it may have forgotten is not sent again', async () => {
  const { now } = Date;
  let inserts = 0;
  MockWorker.handlers.Insert = (body, blobs, worker) => {
    inserts++;
    Date.now = () => now() + 50_000;
    worker.kill();
  };
  try {
    await assert.rejects(open().insert({ collection_name: 'c', data: [{ id: 1, v: [1, 2] }] }), { code: 1, retriable: true });
  } finally {
    Date.now = now;
  }
  assert.equal(inserts, 1);
});

test('a store that cannot be opened fails the calls, and the next call tries again', async () => {
  MockWorker.failBoot = 'no quota';
  const client = open();
  await assert.rejects(client.showCollections(), { code: 1, reason: 'service not ready[no quota]' });
  MockWorker.failBoot = '';
  MockWorker.handlers.ShowCollections = () => ({ body: { status: ok } });
  MockWorker.handlers.GetVersion = () => ({ body: { status: ok, version: 'v' } });
  assert.equal((await client.showCollections()).status.code, 0);
  assert.equal((await client.getVersion()).version, 'v');
  assert.equal(client.connectStatus, CONNECT_STATUS.CONNECTED);
});

test('several collections are described at once, unknown ones with their status', async () => {
  MockWorker.handlers.BatchDescribeCollection = body => ({ body: { status: ok, responses: body.collection_name.map(name => describe({ collection_name: name }).body) } });
  const { responses } = await open().batchDescribeCollections({ collection_names: ['c', 'none'] });
  assert.deepEqual(Object.keys(responses[0].anns_fields), ['v']);
  assert.deepEqual([responses[1].status.code, responses[1].schema.fields], [100, []]);
});

test('search goes to the node with its vectors and comes back as hits', async () => {
  const seen = [];
  const served = node({ Search: (body, blobs) => (seen.push({ body, vector: [...new Float32Array(blobs[0].slice().buffer)] }), searchReply([0.5, 0.25], [7, 2n ** 60n])) });
  MockWorker.handlers.Route = route(served);
  const client = open();
  const result = await client.search({ collection_name: 'c', data: [1, 2], limit: 2, filter: 'id > 0', params: { ef: 10 }, exprValues: { a: 1n } });
  assert.deepEqual(result.results, [{ score: 0.5, id: '7' }, { score: 0.25, id: String(2n ** 60n) }]);
  assert.deepEqual([result.recalls, result.session_ts, result.all_search_count, result.collection_name], [[], '0', '0', 'c']);
  const [{ body, vector }] = seen;
  assert.deepEqual(vector, [1, 2]);
  const { search_params, ...rest } = body;
  assert.deepEqual(rest, { collection_name: 'c', db_name: 'default', partition_names: [], output_fields: ['*'], nq: 1, dsl: 'id > 0', dsl_type: 1, consistency_level: 'Bounded', expr_template_values: { a: { int64_val: 1 } }, placeholder_type: 101 });
  assert.deepEqual(search_params.map(pair => pair.key), ['anns_field', 'params', 'topk', 'offset', 'metric_type', 'ignore_growing', 'ef']);
  const many = node({ Search: () => searchReply([1, 2, 3], [1, 2, 3], ['1', '2']) });
  MockWorker.handlers.Route = route(many);
  served.kill();
  assert.deepEqual((await client.search({ collection_name: 'c', data: [[1, 2], new Float32Array([3, 4])], limit: 2 })).results, [[{ score: 1, id: '1' }], [{ score: 2, id: '2' }, { score: 3, id: '3' }]]);
});

test('hybrid search sends its requests and one blob each', async () => {
  let seen;
  MockWorker.handlers.Route = route(node({ HybridSearch: (body, blobs) => ((seen = { body, blobs: blobs.length }), searchReply([1], [1])) }));
  const client = open();
  const { results } = await client.hybridSearch({ collection_name: 'c', data: [{ anns_field: 'v', data: [1, 2] }, { anns_field: 'v', data: [2, 1], expr: 'id > 1' }], limit: 3 });
  assert.deepEqual(results, [{ score: 1, id: '1' }]);
  assert.equal(seen.blobs, 2);
  assert.deepEqual(seen.body.requests.map(r => r.dsl), ['', 'id > 1']);
  assert.deepEqual(seen.body.rank_params, [{ key: 'strategy', value: 'rrf' }, { key: 'params', value: '{"k":60}' }, { key: 'round_decimal', value: -1 }, { key: 'limit', value: 3 }, { key: 'offset', value: 0 }]);
});

test('keys that are no list are refused before anything is sent', async () => {
  const client = open();
  for (const ids of ['71', 71, { 0: 2 }]) await assert.rejects(client.delete({ collection_name: 'c', ids }), TypeError);
  await assert.rejects(client.get({ collection_name: 'c', ids: '71' }), TypeError);
});

test('a consistency level may be its number', async () => {
  const levels = [];
  MockWorker.handlers.CreateCollection = body => (levels.push(body.consistency_level), { body: ok });
  const client = open();
  const fields = [{ name: 'id', data_type: 'Int64', is_primary_key: true }, { name: 'v', data_type: 'FloatVector', dim: 2 }];
  for (const consistency_level of [0, 3, 'Strong', undefined]) await client._createCollection({ collection_name: 'c', fields, consistency_level });
  assert.deepEqual(levels, ['Strong', 'Eventually', 0, 2]);
});

test('a refused read answers its status', async () => {
  const refusal = { ...ok, error_code: 'UnexpectedError', code: 101, reason: 'collection not loaded[collection=5]' };
  MockWorker.handlers.Route = () => ({ body: { status: refusal } });
  const client = open();
  assert.deepEqual(await client.query({ collection_name: 'c', expr: 'id > 0' }), { status: refusal, data: [] });
  assert.deepEqual(await client.search({ collection_name: 'c', data: [1, 2] }), { status: refusal, results: [], recalls: [], session_ts: -1, collection_name: 'c', search_iterator_v2_results: null, _search_iterator_v2_results: null });
  assert.equal((await client.search({ collection_name: 'nope', data: [1, 2] })).status.code, 100);
  await assert.rejects(client.count({ collection_name: 'c' }), { code: 101, message: 'ErrorCode: UnexpectedError. Reason: collection not loaded[collection=5]' });
});

test('stale routes and dead nodes are routed again, unseen', async () => {
  const rows = batch(1, [[{ name: 'id', type: DataType.Int64 }, [1]]]);
  const good = node({ Query: () => ({ body: { status: ok, primary_field_name: 'id' }, blobs: [rows] }) });
  const stale = node({ Query: () => ({ body: { status: { ...ok, error_code: 'UnexpectedError', code: 65000, reason: 'stale route' } } }) });
  const dying = node({ Query: (body, blobs, worker) => void worker.kill() });
  const routes = [route(stale), route(dying), route(good)];
  let asked = 0;
  MockWorker.handlers.Route = (...args) => routes[asked++](...args);
  const client = open();
  const results = await Promise.all(Array.from({ length: 3 }, () => client.query({ collection_name: 'c', expr: 'id > 0' })));
  for (const { data } of results) assert.deepEqual(data, [{ id: '1' }]);
  assert.equal(asked, 3);
  assert.deepEqual((await client.query({ collection_name: 'c', expr: 'id > 0' })).data, [{ id: '1' }]);
  assert.equal(asked, 3);
});

test('several nodes: searches are merged by score, queries by key, counts added', async () => {
  const columns = (list, newness) => [['id', list], ['$newness', list.map(() => newness)]].map(([name, values]) => [{ name, type: DataType.Int64 }, values]);
  const ids = (list, newness) => ({ body: { status: ok, primary_field_name: 'id' }, blobs: [batch(list.length, columns(list, newness))] });
  const part = (scores, found, newness) => node({
    Search: () => partReply(scores, found),
    Query: body => (body.output_fields[0] === 'count(*)' ? counted(found.length) : ids([...found].sort((a, b) => a - b), newness)),
  });
  MockWorker.handlers.Route = route(part([0.9, 0.5], [11, 2], 7), part([0.7, 0.6, 0.1], [9, 11, 1], 8n));
  const client = open();
  assert.deepEqual((await client.search({ collection_name: 'c', data: [1, 2], limit: 3 })).results.map(hit => hit.id), ['11', '9', '2']);
  assert.deepEqual((await client.query({ collection_name: 'c', expr: 'id > 0', limit: 3 })).data, [{ id: '1' }, { id: '2' }, { id: '9' }]);
  assert.equal((await client.count({ collection_name: 'c' })).data, 5);
  assert.deepEqual((await client.query({ collection_name: 'c', expr: 'id > 0', limit: 2, offset: 1 })).data, [{ id: '2' }, { id: '9' }]);
});

test('several nodes: rows come in the order of their keys as numbers, and the newest of each', async () => {
  const ofNode = (newness, ...keys) => node({
    Query: () => {
      const columns = [['id', keys], ['$newness', keys.map(() => newness)], ['of', keys.map(() => newness)]];
      return { body: { status: ok, primary_field_name: 'id' }, blobs: [batch(keys.length, columns.map(([name, values]) => [{ name, type: DataType.Int64 }, values]))] };
    },
  });
  MockWorker.handlers.Route = route(ofNode(9, -100, -20, -3, 5, 12), ofNode(10, -20, -11, 4, 5), ofNode(8, -3, 5, 700));
  const { data } = await open().query({ collection_name: 'c', expr: 'id != 0' });
  assert.deepEqual(data.map(({ id, of }) => [Number(id), Number(of)]), [[-100, 9], [-20, 10], [-11, 10], [-3, 9], [4, 10], [5, 10], [12, 9], [700, 8]]);
  assert.ok(!data.some(row => '$newness' in row));
  const { data: all } = await open().query({ collection_name: 'c', expr: 'id != 0', offset: 3 });
  assert.equal(all.length, 8, 'an offset without a limit says nothing');
});

test('reading a large answer can be aborted', async () => {
  const ids = Array.from({ length: 3000 }, (_, i) => i);
  const vectors = ids.map(() => [1, 2]);
  const rows = batch(ids.length, [[{ name: 'id', type: DataType.Int64 }, ids], [{ name: 'w', type: DataType.Int8Vector, dim: 2 }, vectors]]);
  MockWorker.handlers.Route = route(node({ Query: () => ({ body: { status: ok, primary_field_name: 'id' }, blobs: [rows] }) }));
  const stop = new AbortController();
  const shape = vector => (stop.abort(), [...vector]);
  const query = open().query({ collection_name: 'c', expr: 'id >= 0', transformers: { [DataType.Int8Vector]: shape }, signal: stop.signal });
  await assert.rejects(query, { name: 'AbortError' });
});

test('a page does other things while it reads large answers', async () => {
  const rows = 3000;
  const ids = Array.from({ length: rows }, (_, i) => i);
  const columns = [[{ name: 'id', type: DataType.Int64 }, ids], [{ name: 'w', type: DataType.Int8Vector, dim: 2 }, ids.map(() => [1, 2])]];
  const newness = [[{ name: '$newness', type: DataType.Int64 }, ids.map(() => 1)]];
  const scores = [[{ name: '$score', type: DataType.Float }, ids.map(id => rows - id)], [{ name: '$key', type: DataType.Int64 }, ids]];
  const results = { num_queries: '1', topks: [String(rows)], output_fields: ['id', 'w'], primary_field_name: 'id' };
  const large = node({
    Query: () => ({ body: { status: ok, primary_field_name: 'id' }, blobs: [batch(rows, [...columns, ...newness])] }),
    Search: () => ({ body: { status: ok, results, session_ts: '0' }, blobs: [batch(rows, [...columns, ...scores])] }),
  });
  let tasks = 0;
  const count = setInterval(() => (tasks += 1), 0);
  try {
    for (const nodes of [[large], [large, large]]) {
      MockWorker.handlers.Route = route(...nodes);
      const client = open();
      for (const read of ['query', 'search']) {
        const seen = new Set();
        // A row takes a while, as in a page with more to read.
        const shape = vector => {
          for (const end = performance.now() + 0.02; performance.now() < end; );
          seen.add(tasks);
          return [...vector];
        };
        const answer = await client[read]({ collection_name: 'c', expr: 'id >= 0', data: [1, 2], limit: rows, transformers: { [DataType.Int8Vector]: shape } });
        const found = read === 'query' ? answer.data : answer.results;
        assert.deepEqual(found.map(row => [Number(row.id), row.w.length]), ids.map(id => [id, 2]));
        assert.ok(seen.size > 3, `${read} of ${nodes.length} nodes: ${seen.size}`);
      }
    }
  } finally {
    clearInterval(count);
  }
});

test('several nodes are asked what one would be, and their scores rounded together', async () => {
  const asked = [];
  const part = (scores, found) => node({ Search: body => (asked.push(body), partReply(scores, found)) });
  MockWorker.handlers.Route = route(part([1.61, 0.75], [1, 2]), part([1.5, 0.2], [3, 4]));
  const client = open();
  const rounded = async given => (await client.search({ collection_name: 'c', data: [1, 2], limit: 2, offset: 1, ...given })).results.map(hit => [hit.id, hit.score]);
  assert.deepEqual(await rounded({ params: { round_decimal: 0 } }), [['3', 2], ['2', 1]]);
  assert.deepEqual(await rounded({ params: { round_decimal: 1 } }), [['3', 1.5], ['2', 0.8]]);
  assert.deepEqual(await rounded({ search_params: { anns_field: 'v', topk: 3, offset: 0, params: '{"round_decimal":0}' } }), [['1', 2], ['3', 2], ['2', 1]]);
  const params = Object.fromEntries(asked[0].search_params.map(({ key, value }) => [key, value]));
  assert.deepEqual([asked[0].merge, params.topk, params.offset, params.round_decimal], [true, 2, 1, 0]);
});

test('loadCollection waits for 100 and throws refusals', async () => {
  let progress = 0;
  MockWorker.handlers.LoadCollection = ({ collection_name }) => ({ body: collection_name === 'c' ? ok : { ...ok, error_code: 'IndexNotExist', code: 700, reason: 'index not found[collection=x]' } });
  MockWorker.handlers.GetLoadingProgress = () => ({ body: { status: ok, progress: String((progress += 50)), refresh_progress: '100' } });
  const client = open();
  assert.deepEqual(await client.loadCollection({ collection_name: 'c' }), ok);
  assert.equal(progress, 100);
  await assert.rejects(client.loadCollectionSync({ collection_name: 'x' }), { name: 'MilvusError', code: 700, error_code: 'IndexNotExist', retriable: false, message: 'ErrorCode: IndexNotExist. Reason: index not found[collection=x]' });
  assert.equal((await client.loadCollectionAsync({ collection_name: 'x' })).code, 700);
  MockWorker.spawned[0].handlers.GetLoadingProgress = () => ({ body: { status: { ...ok, error_code: 'UnexpectedError', code: 101, reason: 'given up', retriable: true } } });
  await assert.rejects(client.loadCollection({ collection_name: 'c' }), { code: 101, retriable: true, reason: 'given up' });
});

test('iterators page through everything', async () => {
  const all = Array.from({ length: 5 }, (_, i) => i + 1);
  const exprs = [];
  MockWorker.handlers.Route = route(node({
    Query: ({ output_fields, expr, query_params }) => {
      if (output_fields[0] === 'count(*)') return counted(5);
      exprs.push(expr);
      const last = BigInt(/id > (-?\d+)/.exec(expr)[1]);
      const limit = query_params.find(p => p.key === 'limit').value;
      const rows = all.filter(id => BigInt(id) > last).slice(0, limit);
      return { body: { status: ok, primary_field_name: 'id' }, blobs: [batch(rows.length, [[{ name: 'id', type: DataType.Int64 }, rows]])] };
    },
    Search: ({ search_params, merge }) => {
      const value = key => search_params.find(p => p.key === key)?.value;
      tokens.push(value('search_iter_id'));
      // The first three are as good as each other.
      const scoreOf = id => (id < 4 ? 0.5 : 1 / id);
      const found = all.filter(id => id > parseInt(tokens.at(-1)?.slice(-12) ?? '0', 16)).slice(0, value('search_iter_batch_size'));
      assert.equal(merge, true);
      return partReply(found.map(scoreOf), found, parseInt(tokens.at(-1)?.slice(9, 13) ?? '0', 16));
    },
  }));
  const client = open();
  const pages = [];
  const tokens = [];
  for await (const page of await client.queryIterator({ collection_name: 'c', filter: 'x > 1', batchSize: 2 })) pages.push(page.map(row => row.id));
  assert.deepEqual(pages, [['1', '2'], ['3', '4'], ['5']]);
  assert.deepEqual(exprs[1], 'id > 2 && (x > 1)');
  const hitPages = [];
  for await (const page of await client.searchIterator({ collection_name: 'c', data: [1, 2], batchSize: 2, limit: 4, external_filter_fn: hit => hit.id !== '3' })) hitPages.push(page.map(hit => hit.id));
  assert.deepEqual(hitPages, [['1', '2'], ['4']]);
  assert.deepEqual(tokens, [undefined, '3f000000-0002-8000-8000-000000000002']);
  const first = await client.search({ collection_name: 'c', data: [1, 2], limit: 1, params: { iterator: true, search_iter_v2: true, search_iter_batch_size: 1 } });
  assert.deepEqual(first.search_iterator_v2_results, { token: '3f000000-0001-8000-8000-000000000001', last_bound: 0.5 });
  const state = { iterator: true, search_iter_v2: true, search_iter_batch_size: 1, search_iter_id: tokens[1], search_iter_last_bound: 0.5 };
  const second = await client.search({ collection_name: 'c', data: [1, 2], limit: 1, params: state });
  assert.deepEqual(second.search_iterator_v2_results, { token: '3f000000-0003-8000-8000-000000000003', last_bound: 0.5 });
  await client.search({ collection_name: 'c', data: [1, 2], limit: 1, params: { ...state, search_iter_last_bound: null } });
});

test('a query iterator goes on after any key, and what is refused does not end it as if all were there', async () => {
  const [id, ...others] = SCHEMA.fields;
  const found = await describe({ collection_name: 'c' });
  found.body.schema = { ...SCHEMA, fields: [{ ...id, data_type: 'VarChar' }, ...others] };
  MockWorker.handlers.DescribeCollection = () => found;
  const keys = ["O'Brien", 'a\\b\n'];
  const exprs = [];
  MockWorker.handlers.Route = route(node({
    Query: ({ output_fields, expr }) => {
      if (output_fields[0] === 'count(*)') return counted(5);
      exprs.push(expr);
      const key = keys.shift();
      if (!key) return { body: { status: { ...ok, error_code: 'IllegalArgument', code: 1100, reason: 'no more' } } };
      return { body: { status: ok, primary_field_name: 'id' }, blobs: [batch(1, [[{ name: 'id', type: DataType.VarChar }, [key]]])] };
    },
  }));
  const iterator = (await open().queryIterator({ collection_name: 'c', batchSize: 1 }))[Symbol.asyncIterator]();
  await iterator.next();
  await iterator.next();
  await assert.rejects(iterator.next(), { code: 1100, reason: 'no more' });
  assert.deepEqual(exprs, ["id > ''", "id > 'O\\'Brien'", "id > 'a\\\\b\\n'"]);
});

test('a search iterator gives no row twice, and what is refused does not end it as if all were there', async () => {
  const found = [[1, 2], [2, 3], [4, 5]];
  MockWorker.handlers.Route = route(node({
    Query: () => counted(100),
    Search: () => {
      const ids = found.shift();
      if (!ids) return { body: { status: { ...ok, error_code: 'IllegalArgument', code: 1100, reason: 'no more' } } };
      return partReply(ids.map(id => 1 / id), ids);
    },
  }));
  const iterator = (await open().searchIterator({ collection_name: 'c', data: [1, 2], batchSize: 2 }))[Symbol.asyncIterator]();
  const next = async () => (await iterator.next()).value.map(hit => hit.id);
  assert.deepEqual([await next(), await next(), await next()], [['1', '2'], ['3'], ['4', '5']]);
  await assert.rejects(iterator.next(), { code: 1100, reason: 'no more' });
});

test('a search iterator that is answered the same page again does not ask for ever', async () => {
  MockWorker.handlers.Route = route(node({
    Query: () => counted(100),
    Search: () => partReply([Infinity, Infinity], [1, 2]),
  }));
  const iterator = (await open().searchIterator({ collection_name: 'c', data: [1, 2], batchSize: 2 }))[Symbol.asyncIterator]();
  await iterator.next();
  await assert.rejects(async () => { for (;;) if ((await iterator.next()).done) return; }, /the search iterator of c does not get on/);
  const misled = await open().searchIterator({ collection_name: 'c', data: [1, 2], batchSize: 2, search_params: { topk: 2, anns_field: 'v', metric_type: 'L2', params: '{}' } });
  await assert.rejects(misled[Symbol.asyncIterator]().next(), /belong into params/);
});

test('a search iterator knows rows by their primary key, asked for or not, and repeated ones do not count', async () => {
  const pages = [[1, 2], [2, 3], [4]];
  const asked = [];
  MockWorker.handlers.Route = route(node({
    Query: () => counted(4),
    Search: ({ search_params, output_fields }) => {
      asked.push([search_params.find(p => p.key === 'search_iter_last_bound')?.value, ...output_fields]);
      const found = pages.shift();
      return partReply(found.map(id => 1 / id), found);
    },
  }));
  const iterator = await open().searchIterator({ collection_name: 'c', data: [1, 2], batchSize: 2, output_fields: ['x'] });
  const given = [];
  for await (const page of iterator) given.push(page);
  assert.deepEqual(given, [[{ score: 1 }, { score: 0.5 }], [{ score: Math.fround(1 / 3) }], [{ score: 0.25 }]]);
  assert.deepEqual(asked, [undefined, 0.5, Math.fround(1 / 3)].map(bound => [bound && String(bound), 'x', 'id']));
});

test('createCollection sends the schema and, in its short form, indexes and loads', async () => {
  const sent = [];
  const take = (method, answer) => (MockWorker.handlers[method] = body => (sent.push([method, body]), { body: answer }));
  take('CreateCollection', ok);
  take('CreateIndex', ok);
  take('LoadCollection', ok);
  take('GetLoadingProgress', { status: ok, progress: '100', refresh_progress: '100' });
  const status = await open().createCollection({ collection_name: 'new', dimension: 8 });
  assert.equal(status.error_code, 'Success');
  const [[, created], [, indexed]] = sent;
  assert.deepEqual(created.schema, {
    name: 'new', description: '', enable_dynamic_field: true, functions: [], struct_array_fields: [],
    fields: [
      { name: 'id', is_primary_key: true, data_type: 5, type_params: [], autoID: false, is_partition_key: false, is_clustering_key: false, is_function_output: false },
      { name: 'vector', is_primary_key: false, data_type: 101, type_params: [{ key: 'dim', value: '8' }], is_partition_key: false, is_clustering_key: false, is_function_output: false },
    ],
  });
  assert.equal(created.consistency_level, 2);
  assert.deepEqual(indexed, { collection_name: 'new', field_name: 'vector', extra_params: [{ key: 'metric_type', value: 'COSINE' }], db_name: 'default' });
  assert.deepEqual(sent.map(([method]) => method), ['CreateCollection', 'CreateIndex', 'LoadCollection', 'GetLoadingProgress']);
});

test('events reach their listeners', async () => {
  const client = open();
  await client.connectPromise;
  const heard = new Promise(resolve => client.on('loadprogress', resolve));
  MockWorker.spawned[0].ports[0].postMessage({ event: 'loadprogress', body: '{"progress":50}' });
  assert.deepEqual(await heard, { progress: 50 });
});

test('listeners hear the next coordinator without a call', async () => {
  const client = open();
  await client.connectPromise;
  const heard = new Promise(resolve => client.on('loadprogress', resolve));
  MockWorker.spawned[0].kill();
  while (!MockWorker.spawned[1]?.ports.length) await new Promise(resolve => setTimeout(resolve, 5));
  MockWorker.spawned[1].ports[0].postMessage({ event: 'loadprogress', body: '{"progress":50}' });
  assert.deepEqual(await heard, { progress: 50 });
});
