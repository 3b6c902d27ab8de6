// A collection in several shards, or in several nodes of one shard, answers as one that is in one node.
import assert from 'node:assert/strict';
import test from 'node:test';
import { openPage, startBrowserAndSite } from './support/browser.mjs';

const { browser, site } = await startBrowserAndSite(test);

/** Fills the same rows into a collection in one node, three shards, and several nodes; gives the answers of each to the same calls. */
async function answersOfAll(keyIsText) {
  const page = await openPage(await browser.newContext(), site.url);
  const answers = await page.evaluate(async keyIsText => {
    const { rows, elanus } = window;
    const { DataType, MilvusClient } = elanus;
    // Letters beyond 16 bits sort by their UTF-8, not by their UTF-16.
    const letters = ['a', 'Z', 'é', '\u{1F600}', '\uFF5E', ''];
    const keyOf = id => (keyIsText ? `${letters[id % letters.length]}${id}` : id - 500);
    const key = keyIsText
      ? { name: 'id', data_type: DataType.VarChar, max_length: 20, is_primary_key: true }
      : { name: 'id', data_type: DataType.Int64, is_primary_key: true };
    const fields = [key, rows.vector('v', 8), { name: 'genre', data_type: DataType.VarChar, max_length: 20, nullable: true }];
    const made = rows.make(0, 1000, { v: 8 }, id => ({ genre: id % 7 === 0 ? null : `genre ${id % 7}` }));
    const data = made.map(row => ({ ...row, id: keyOf(row.id) }));
    const answers = [];
    for (const [shards_num, nodeBytes] of [[1], [3], [1, 1]]) {
      const client = new MilvusClient({ address: `shards-${shards_num}-${nodeBytes}`, nodeBytes });
      const collection_name = 'books';
      rows.mustSucceed(await client.createCollection({ collection_name, fields, shards_num }));
      rows.mustSucceed(await client.createIndex({ collection_name, field_name: 'v', index_type: 'FLAT', metric_type: 'COSINE' }));
      for (const [from, to] of [[0, 300], [300, 600], [600, 700]]) {
        rows.mustSucceed(await client.insert({ collection_name, data: data.slice(from, to) }));
        rows.mustSucceed(await client.flush({ collection_names: [collection_name] }));
      }
      rows.mustSucceed(await client.insert({ collection_name, data: data.slice(700) }));
      await client.loadCollection({ collection_name });
      const nodes = (await client.getMemoryUsage()).collections.find(held => held.collection_name === collection_name).nodes.length;
      rows.mustSucceed(await client.delete({ collection_name, filter: 'genre == "genre 3"' }));
      rows.mustSucceed(await client.upsert({ collection_name, data: data.slice(0, 3).map(row => ({ ...row, genre: 'again' })) }));
      const queries = rows.make(5000, 3, { v: 8 }).map(row => row.v);
      const search = request => client.search({ collection_name, data: queries[0], limit: 20, output_fields: ['genre'], ...request });
      const query = request => client.query({ collection_name, output_fields: ['id', 'genre'], ...request });
      const iterate = async request => {
        const iterator = await client.searchIterator({ collection_name, data: queries[0], output_fields: ['id', 'genre'], ...request });
        const batches = [];
        for await (const batch of iterator) batches.push(batch);
        return { batches };
      };
      const asked = {
        search: await search({}),
        iterated: await iterate({ batchSize: 60 }),
        // Nothing is nearer to what has no direction than anything else.
        iteratedTies: await iterate({ batchSize: 100, data: new Array(8).fill(0) }),
        iteratedFew: await iterate({ batchSize: 7, limit: 20, filter: 'genre == "genre 5"', params: { round_decimal: 1 } }),
        iteratedRange: await iterate({ batchSize: 30, params: { radius: 0.2, range_filter: 0.6 } }),
        iteratedState: await search({ limit: 3, params: { iterator: true, search_iter_v2: true, search_iter_batch_size: 3 } }),
        iteratedOffset: await search({ offset: 3, params: { iterator: true, search_iter_v2: true, search_iter_batch_size: 3 } }),
        page: await search({ limit: 7, offset: 5 }),
        several: await search({ data: queries, filter: 'genre != "genre 4"' }),
        rounded: await search({ params: { round_decimal: 1 }, limit: 15 }),
        whole: await search({ params: { round_decimal: 0 } }),
        tooPrecise: await search({ params: { round_decimal: 7 } }),
        notNumber: await search({ params: { round_decimal: 'x' } }),
        tooFar: await search({ limit: 1, offset: 16_384 }),
        unsaid: await search({ params: { radius: undefined, round_decimal: undefined } }),
        nested: await search({ params: { offset: 4 }, limit: 6 }),
        nestedQuery: await query({ filter: 'genre != "x"', params: { limit: 9, offset: 3 } }),
        unlimited: await query({ filter: 'genre == "genre 5"', offset: 10 }),
        negative: await search({ limit: -1, offset: 10 }),
        range: await search({ params: { radius: 0.2, range_filter: 0.6 } }),
        grouped: await search({ group_by_field: 'genre', limit: 4 }),
        groups: await search({ group_by_field: 'genre', limit: 3, offset: 1, group_size: 2, strict_group_size: true }),
        ids: await search({ output_fields: ['id'] }),
        query: await query({ filter: '', limit: 50 }),
        window: await query({ filter: 'genre like "genre%"', limit: 30, offset: 25 }),
        count: await client.count({ collection_name }),
        get: await client.get({ collection_name, ids: [keyOf(1), keyOf(8), keyOf(900)], output_fields: ['genre'] }),
        none: await search({ filter: 'genre == "no such"' }),
        refused: await search({ filter: 'no such ==' }),
      };
      for (const answer of Object.values(asked)) delete answer.collection_name;
      // The same keys again, with other values: two of each are in files, one is not.
      for (const genre of ['second', 'third']) {
        rows.mustSucceed(await client.insert({ collection_name, data: data.slice(600, 650).map(row => ({ ...row, genre })) }));
        if (genre === 'second') rows.mustSucceed(await client.flush({ collection_names: [collection_name] }));
      }
      asked.newest = await query({ filter: '', limit: 1000 });
      asked.newestPage = await query({ filter: '', limit: 20, offset: 595 });
      asked.nearestOnce = await search({ data: data[610].v, limit: 100, output_fields: ['id'] });
      asked.twice = await client.count({ collection_name });
      asked.deleted = (await client.delete({ collection_name, filter: 'genre == "second"' })).delete_cnt;
      for (const answer of Object.values(asked)) delete answer.collection_name;
      answers.push({ nodes, cores: navigator.hardwareConcurrency, asked: JSON.parse(JSON.stringify(asked)) });
      await client.closeConnection();
    }
    return answers;
  }, keyIsText);
  page.check();
  await page.context().close();
  return answers;
}

for (const keyIsText of [false, true]) {
  test(`with ${keyIsText ? 'texts' : 'numbers'} as keys`, { timeout: 60_000 }, async () => {
    const [one, three, shared] = await answersOfAll(keyIsText);
    assert.deepEqual([one.nodes, three.nodes, shared.nodes], [1, 3, Math.min(shared.cores, 4)]);
    // As in Milvus, further members of a group come only from nodes in which the group is among the best.
    const { groups, ...exact } = one.asked;
    const bestOfGroups = ({ results }) => results.filter((hit, at) => at === 0 || hit.genre !== results[at - 1].genre);
    for (const several of [three, shared]) {
      for (const [name, answer] of Object.entries(exact)) assert.deepEqual(several.asked[name], answer, name);
      assert.deepEqual(bestOfGroups(several.asked.groups), bestOfGroups(groups));
      assert.deepEqual(several.asked.groups.results.map(hit => hit.genre), groups.results.map(hit => hit.genre));
    }
    assert.equal(one.asked.newest.data.filter(row => row.genre === 'third').length, 50);
    assert.equal(one.asked.search.results.length, 20);
    const { iterated, iteratedTies, iteratedFew, iteratedRange, iteratedState, iteratedOffset } = one.asked;
    for (const { batches } of [iterated, iteratedTies]) {
      const ids = batches.flat().map(hit => hit.id);
      assert.deepEqual([ids.length, new Set(ids).size], [1000 - 143, 1000 - 143]);
    }
    assert.ok(iteratedTies.batches.flat().every(({ score }) => score === 0));
    assert.deepEqual(iterated.batches.flat().slice(0, 20).map(hit => hit.score), one.asked.search.results.map(hit => hit.score));
    assert.deepEqual(iteratedFew.batches.map(batch => batch.length), [7, 7, 6]);
    assert.ok(iteratedRange.batches.length > 1);
    assert.ok(iteratedRange.batches.flat().every(({ score }) => 0.2 < score && score <= 0.6));
    assert.equal(iteratedState.search_iterator_v2_results.last_bound, iteratedState.results[2].score);
    assert.match(iteratedOffset.status.reason, /Setting an offset is not permitted when using a search iterator v2/);
    assert.equal(one.asked.count.data, 1000 - 143);
  });
}

test('rows are written while some of several nodes have started', { timeout: 60_000 }, async () => {
  const page = await openPage(await browser.newContext(), site.url);
  const counted = await page.evaluate(async () => {
    const { rows, elanus } = window;
    const { DataType, MilvusClient } = elanus;
    const client = new MilvusClient('starting');
    const collection_name = 'books';
    const fields = [{ name: 'id', data_type: DataType.Int64, is_primary_key: true }, rows.vector('v', 8)];
    rows.mustSucceed(await client.createCollection({ collection_name, fields, shards_num: 4 }));
    rows.mustSucceed(await client.createIndex({ collection_name, field_name: 'v', index_type: 'FLAT', metric_type: 'L2' }));
    let written = 0;
    for (let round = 0; round < 10; round++) {
      let isLoaded = false;
      const loading = client.loadCollection({ collection_name }).then(() => (isLoaded = true));
      while (!isLoaded) rows.mustSucceed(await client.insert({ collection_name, data: rows.make(written++, 1, { v: 8 }) }));
      await loading;
      const { data } = await client.count({ collection_name });
      if (data !== written) throw new Error(`${data} of ${written} rows`);
      await client.releaseCollection({ collection_name });
    }
    return written;
  });
  assert.ok(counted > 20, `${counted} rows`);
  // A refusal that nobody hears ends the coordinator, and the page is told.
  page.check();
  await page.context().close();
});
