// What no honest program sends: every call is refused with an error, nothing is harmed, and the page goes on.
import assert from 'node:assert/strict';
import test from 'node:test';
import { openPage, startBrowserAndSite } from './support/browser.mjs';

const { browser, site } = await startBrowserAndSite(test);

async function openStore(store) {
  const page = await openPage(await browser.newContext(), site.url);
  await page.evaluate(async store => {
    const { elanus } = window;
    const client = new elanus.MilvusClient(`indexeddb://${store}`);
    const { DataType } = elanus;
    await client.createCollection({
      collection_name: 'c',
      enable_dynamic_field: true,
      fields: [
        { name: 'id', data_type: DataType.Int64, is_primary_key: true },
        { name: 'v', data_type: DataType.FloatVector, dim: 2 },
        { name: 'i32', data_type: DataType.Int32 },
        { name: 's', data_type: DataType.VarChar, max_length: 16 },
      ],
    });
    await client.createIndex({ collection_name: 'c', field_name: 'v', index_type: 'FLAT', metric_type: 'L2' });
    await client.insert({ collection_name: 'c', data: [{ id: 1, v: [1, 0], i32: 0, s: 'a' }, { id: 2, v: [0, 1], i32: 7, s: 'b' }] });
    await client.loadCollection({ collection_name: 'c' });
    window.client = client;
    window.outcome = call =>
      call.then(
        answer => ({ code: (answer.status ?? answer).code, reason: (answer.status ?? answer).reason?.slice(0, 200) }),
        error => ({ thrown: (error.message ?? error.reason ?? JSON.stringify(error)).slice(0, 200) })
      );
    window.untouched = async () => {
      const { data } = await client.query({ collection_name: 'c', filter: 'id > 0', output_fields: ['id', 'i32', 's'] });
      return data;
    };
  }, store);
  return page;
}

const rows = [{ id: '1', i32: 0, s: 'a' }, { id: '2', i32: 7, s: 'b' }];

test('a hostile filter gets an error and harms nothing', async () => {
  const page = await openStore('hostile-filters');
  const outcomes = await page.evaluate(async () => {
    const { client, outcome } = window;
    const filters = {
      '10 MB': `s == "${'x'.repeat(10 << 20)}`,
      '10 MB of terms': 'id == 1 or '.repeat(1 << 20),
      '100,000 brackets': '('.repeat(100_000) + 'id == 1' + ')'.repeat(100_000),
      '100,000 nots': 'not '.repeat(100_000) + 'id == 1',
      '100,000 list brackets': `id in ${'['.repeat(100_000)}`,
      'division by zero': 'i32 / 0 == 1',
      'remainder by zero': 'i32 % 0 == 1',
      'half a character': 's == "\ud800',
      'a NUL': 'id == 1\0',
      'a key that is no key': '$meta["__proto__"]["constructor"][',
      'an endless number': `id == ${'9'.repeat(100_000)}`,
    };
    const found = {};
    for (const [name, filter] of Object.entries(filters)) {
      found[`query: ${name}`] = await outcome(client.query({ collection_name: 'c', filter, output_fields: ['id'] }));
      found[`search: ${name}`] = await outcome(client.search({ collection_name: 'c', data: [1, 0], filter, limit: 1 }));
      found[`delete: ${name}`] = await outcome(client.delete({ collection_name: 'c', filter }));
    }
    return found;
  });
  for (const [name, { code, thrown, reason }] of Object.entries(outcomes)) {
    assert.ok(thrown !== undefined || (code === 1100 && reason.length > 0), `${name}: ${JSON.stringify({ code, reason })}`);
  }
  assert.deepEqual(await page.evaluate(() => window.untouched()), rows);
  page.check();
});

test('rows of the wrong kind are refused whole', async () => {
  const page = await openStore('hostile-rows');
  const outcomes = await page.evaluate(async () => {
    const { client, outcome } = window;
    const good = { id: 10, v: [1, 0], i32: 1, s: 'x' };
    const bad = {
      'a vector too long': { v: [1, 0, 0] },
      'a vector of texts': { v: ['a', 'b'] },
      'no vector': { v: undefined },
      'an infinite vector': { v: [1, Infinity] },
      'NaN in a vector': { v: [NaN, 0] },
      'a text too long': { s: 'é'.repeat(9) },
      'a number for a text': { s: 5 },
      'a number too large': { i32: 2 ** 31 },
      'a fraction': { i32: 0.5 },
      'an id beyond int64': { id: '9223372036854775808' },
      'no id': { id: undefined },
      null: { i32: null },
      'a cycle': { extra: (() => { const it = {}; it.it = it; return it; })() },
    };
    const found = {};
    for (const [name, change] of Object.entries(bad)) {
      const data = [good, { ...good, id: 11, ...change }];
      found[name] = await outcome(client.insert({ collection_name: 'c', data }));
    }
    return found;
  });
  for (const [name, { code, thrown }] of Object.entries(outcomes)) {
    assert.ok(thrown !== undefined || code !== 0, `${name} was taken: ${JSON.stringify(outcomes[name])}`);
  }
  assert.deepEqual(await page.evaluate(() => window.untouched()), rows);
  page.check();
});
