// AUTOINDEX and HNSW in a real page: what codes and graphs find, against brute force in the same page.
import assert from 'node:assert/strict';
import test from 'node:test';
import { openPage, startBrowserAndSite } from './support/browser.mjs';

const { browser, site } = await startBrowserAndSite(test);

const COUNT = 6000;

/** Fills a collection, loads it and compares searches with a scan of the rows. */
const observe = (page, options) =>
  page.evaluate(async ({ index_type, metric_type, params, plans, COUNT }) => {
    const { elanus, rows } = window;
    const collection_name = `c_${index_type}_${metric_type}`;
    const dims = { v: 48 };
    const client = new elanus.MilvusClient('autoindex');
    await rows.create(client, collection_name, dims, { index_type, metric_type, fields: [{ name: 'n', data_type: 'Int32' }] });
    const data = rows.make(0, COUNT, dims, id => ({ n: id % 100 }));
    rows.mustSucceed(await client.insert({ collection_name, data }));
    rows.mustSucceed(await client.flush({ collection_names: [collection_name] }));
    const isIndexed = async () => {
      const { index_descriptions: [index] } = rows.mustSucceed(await client.describeIndex({ collection_name, field_name: 'v' }));
      return index.state === 'Finished';
    };
    while (!(await isIndexed())) await new Promise(resolve => setTimeout(resolve, 50));
    rows.mustSucceed(await client.loadCollection({ collection_name }));

    const dot = (a, b) => a.reduce((sum, value, at) => sum + value * b[at], 0);
    const score = { L2: (a, b) => a.reduce((sum, value, at) => sum + (value - b[at]) ** 2, 0), COSINE: (a, b) => dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b)) }[metric_type];
    const best = (query, kept) => {
      const found = data.filter(kept).map(row => ({ id: String(row.id), score: score(query, row.v) }));
      return found.sort((a, b) => (metric_type === 'L2' ? a.score - b.score : b.score - a.score)).slice(0, 10);
    };
    const queries = rows.make(1_000_000, 20, dims).map(row => row.v);
    const measure = async (plan, filter, kept) => {
      let hits = 0;
      let wrongScores = 0;
      let wrongVectors = 0;
      for (const query of queries) {
        const answer = rows.mustSucceed(await client.search({ collection_name, data: query, limit: 10, params: plan, filter, output_fields: ['id', 'v'] }));
        const found = new Map(answer.results.map(result => [result.id, result]));
        hits += best(query, kept).filter(({ id }) => found.has(id)).length;
        for (const { id, score: given, v } of found.values()) {
          wrongScores += Math.abs(given - score(query, data[id].v)) > 1e-3;
          wrongVectors += !data[id].v.every((value, at) => value === v[at]);
        }
      }
      return { recall: hits / (10 * queries.length), wrongScores, wrongVectors };
    };
    const measured = [];
    for (const plan of plans) {
      measured.push(await measure(plan, '', () => true), await measure(plan, 'n < 10', row => row.n < 10), await measure(plan, 'n == 7', row => row.n === 7));
    }
    let usage;
    do [usage] = rows.mustSucceed(await client.getMemoryUsage({ collection_name })).collections;
    while (usage.awaited_bytes > 0);
    rows.mustSucceed(await client.releaseCollection({ collection_name }));
    return { measured, index_bytes: usage.partitions[0].index_bytes.v };
  }, { ...options, COUNT });

const cases = [
  { index_type: 'AUTOINDEX', metric_type: 'L2', plans: [{}, { level: 9 }] },
  { index_type: 'AUTOINDEX', metric_type: 'COSINE', plans: [{}, { level: 9 }] },
  { index_type: 'HNSW', metric_type: 'L2', plans: [{ ef: 400 }] },
];

for (const given of cases) {
  test(`${given.index_type} with ${given.metric_type} finds what a scan finds`, async () => {
    const page = await openPage(await browser.newContext(), site.url);
    const { measured, index_bytes } = await observe(page, given);
    // int8 numbers and bits of each row, at least.
    assert.ok(index_bytes > COUNT * (48 + 6), `${index_bytes} bytes of index`);
    for (const { recall, wrongScores, wrongVectors } of measured) {
      assert.ok(recall >= 0.93, `recall ${recall}`);
      assert.deepEqual({ wrongScores, wrongVectors }, { wrongScores: 0, wrongVectors: 0 });
    }
    page.check();
    await page.context().close();
  });
}

test('other collections are written and flushed while a graph is built', { timeout: 120_000 }, async () => {
  const page = await openPage(await browser.newContext(), site.url);
  const flushes = await page.evaluate(async () => {
    const { elanus, rows } = window;
    const client = new elanus.MilvusClient('graph-beside-writes');
    const dims = { v: 48 };
    await rows.create(client, 'built', dims, { index_type: 'HNSW' });
    await rows.create(client, 'other', dims);
    rows.mustSucceed(await client.insert({ collection_name: 'built', data: rows.make(0, 8_000, dims) }));
    rows.mustSucceed(await client.flush({ collection_names: ['built'] }));
    const isBuilt = async () => {
      const { index_descriptions: [index] } = rows.mustSucceed(await client.describeIndex({ collection_name: 'built', field_name: 'v' }));
      return index.state === 'Finished';
    };
    // The builder has to have begun.
    await new Promise(resolve => setTimeout(resolve, 500));
    let flushes = 0;
    for (; !(await isBuilt()); flushes += 1) {
      rows.mustSucceed(await client.insert({ collection_name: 'other', data: rows.make(flushes * 10, 10, dims) }));
      rows.mustSucceed(await client.flush({ collection_names: ['other'] }));
    }
    return flushes;
  });
  assert.ok(flushes > 5, `${flushes} flushes during the build`);
  page.check();
  await page.context().close();
});

test('search parameters out of range are refused as by Milvus', async () => {
  const page = await openPage(await browser.newContext(), site.url);
  const refused = await page.evaluate(async () => {
    const { elanus, rows } = window;
    const client = new elanus.MilvusClient('autoindex-refused');
    await rows.create(client, 'c', { v: 4 }, { index_type: 'AUTOINDEX' });
    rows.mustSucceed(await client.loadCollection({ collection_name: 'c' }));
    const answer = await client.search({ collection_name: 'c', data: [1, 2, 3, 4], limit: 5, params: { level: 11 } });
    return { code: answer.status.code, reason: answer.status.reason };
  });
  assert.equal(refused.code, 1100);
  assert.match(refused.reason, /param 'level' \(11\) should be in range \[1, 10\]/);
});
