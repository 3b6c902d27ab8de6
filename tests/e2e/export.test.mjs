// What is exported can be imported again, and then the same is found.
import assert from 'node:assert/strict';
import test from 'node:test';
import { openPage, startBrowserAndSite } from './support/browser.mjs';

const { browser, site } = await startBrowserAndSite(test);

const ROWS = 3000;

async function start(t) {
  const context = await browser.newContext();
  t.after(() => context.close());
  const page = await openPage(context, site.url);
  await page.evaluate(async count => {
    const { elanus, rows } = window;
    const client = new elanus.MilvusClient('export');
    const fields = [
      rows.key,
      rows.vector('v', 16),
      { name: 'title', data_type: 'VarChar', max_length: 100, default_value: 'untitled' },
      { name: 'year', data_type: 'Int16' },
      { name: 'big', data_type: 'Int64', default_value: '9007199254740993' },
      { name: 'price', data_type: 'Double' },
      { name: 'read', data_type: 'Bool' },
      { name: 'about', data_type: 'JSON' },
    ];
    rows.mustSucceed(await client.createCollection({ collection_name: 'books', fields, enable_dynamic_field: true, shards_num: 2 }));
    rows.mustSucceed(await client.createIndex({ collection_name: 'books', field_name: 'v', index_type: 'FLAT', metric_type: 'COSINE' }));
    const rest = id => ({
      title: id % 5 ? `“${id}”, or\n"what" \\N` : '', year: id % 3000, price: id / 7, read: id % 2 === 0,
      ...(id % 3 ? { big: `${2n ** 62n + BigInt(id)}` } : {}),
      about: { words: [id, null], 'a b': 'é😀' }, color: id % 4 ? 'red' : null,
    });
    rows.mustSucceed(await client.insert({ collection_name: 'books', data: rows.make(0, count, { v: 16 }, rest) }));
    rows.mustSucceed(await client.flush({ collection_names: ['books'] }));
    rows.mustSucceed(await client.delete({ collection_name: 'books', filter: 'id in [3, 4]' }));
    window.client = client;
    window.found = async collection_name => {
      const { data } = rows.mustSucceed(await client.query({ collection_name, filter: 'id >= 0', output_fields: ['*'] }));
      return JSON.stringify(data, (_, value) => (ArrayBuffer.isView(value) ? [...value] : value));
    };
  }, ROWS);
  return page;
}

test('what was exported is found where it is imported', async t => {
  const page = await start(t);
  for (const format of ['jsonl', 'csv', 'npy', 'parquet']) {
    const seen = await page.evaluate(async format => {
      const { client, rows, found } = window;
      const progress = [];
      const exported = rows.mustSucceed(
        await client.exportCollection({ collection_name: 'books', format, onProgress: told => progress.push(told) })
      );
      const { options, files, row_count } = exported;
      const { schema, index_params } = JSON.parse(JSON.stringify(exported));
      const collection_name = `books_${format}`;
      rows.mustSucceed(await client.createCollection({ ...schema, collection_name }));
      rows.mustSucceed(await client.createIndex(index_params.map(index => ({ ...index, collection_name }))));
      const { tasks } = rows.mustSucceed(await client.bulkInsert({ collection_name, files, options }));
      let last;
      for await (const state of client.watchImport({ task: tasks[0] })) last = state;
      for (const name of ['books', collection_name]) rows.mustSucceed(await client.loadCollection({ collection_name: name }));
      const search = async name => (await client.search({ collection_name: name, data: Array(16).fill(0.5), limit: 20 })).results;
      return {
        last, row_count, names: files.map(file => file.name), progress: progress.at(-1),
        bytes: files.reduce((sum, file) => sum + file.size, 0),
        equal: (await found('books')) === (await found(collection_name)),
        hits: [await search('books'), await search(collection_name)],
        described: await Promise.all(['books', collection_name].map(async name => {
          const { schema, shards_num, consistency_level, properties } = await client.describeCollection({ collection_name: name });
          return { ...schema, name: '', shards_num, consistency_level, properties };
        })),
      };
    }, format);
    assert.equal(seen.last.state, 'ImportCompleted', JSON.stringify(seen.last.infos));
    assert.deepEqual([Number(seen.last.row_count), seen.row_count], [ROWS - 2, ROWS - 2]);
    const { byte_count, ...progress } = seen.progress;
    assert.deepEqual(progress, { progress: 100, row_count: ROWS - 2 });
    assert.ok(format === 'parquet' || byte_count === seen.bytes);
    assert.equal(seen.names.includes(format === 'npy' ? '$meta.npy' : `books.${format}`), true, `${seen.names}`);
    assert.ok(seen.equal, `rows of ${format} differ`);
    assert.deepEqual(seen.hits[1], seen.hits[0]);
    assert.deepEqual(seen.described[1], seen.described[0]);
  }
  page.check();
});

test('an export is chosen from and given up', async t => {
  const page = await start(t);
  const seen = await page.evaluate(async () => {
    const { client, rows } = window;
    const some = rows.mustSucceed(
      await client.exportCollection({ collection_name: 'books', format: 'jsonl', filter: 'id < {least}', exprValues: { least: 3 }, output_fields: ['year', 'color'] })
    );
    const aborting = new AbortController();
    const given = client.exportCollection({
      collection_name: 'books', format: 'csv', signal: aborting.signal, onProgress: () => aborting.abort(new Error('enough')),
    });
    const gone = await client.exportCollection({ collection_name: 'nobooks', format: 'csv' });
    return { text: await some.files[0].text(), aborted: await given.catch(error => error.message), gone: gone.status.code };
  });
  assert.deepEqual(seen.text.trim().split('\n').map(JSON.parse), [
    { id: 0, year: 0, $meta: { color: null } },
    { id: 1, year: 1, $meta: { color: 'red' } },
    { id: 2, year: 2, $meta: { color: 'red' } },
  ]);
  assert.deepEqual([seen.aborted, seen.gone], ['enough', 100]);
  page.check();
});
