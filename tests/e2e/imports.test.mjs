// Imports of files through the built package: every source, every format, all rows or none.
import assert from 'node:assert/strict';
import test from 'node:test';
import { openPage, startBrowserAndSite, until } from './support/browser.mjs';

const { browser, site } = await startBrowserAndSite(test);
const context = await browser.newContext();

async function openClient(config = {}) {
  const page = await openPage(context, site.url);
  await page.evaluate(config => (window.client = new window.elanus.MilvusClient({ address: 'imports', ...config })).connectPromise, config);
  return page;
}
const page = await openClient({ baseUrl: '/bucket/' });

/** Answers for the paths of a bucket, each after some time. */
async function serveBucket(files, delayMs = 0) {
  await context.route('**/bucket/**', async route => {
    const name = new URL(route.request().url()).pathname.replace('/bucket/', '');
    await new Promise(resolve => setTimeout(resolve, delayMs));
    return name in files ? route.fulfill({ body: files[name] }) : route.fulfill({ status: 404, body: 'no such file' });
  });
}
const lines = (from, count) => Array.from({ length: count }, (_, at) => `{"id":${from + at},"v":[${from + at},0.5]}\n`).join('');

test('rows of every format are equal, to the last bit', { timeout: 60_000 }, async () => {
  const found = await page.evaluate(async () => {
    const { client, rows, files } = window;
    const { everyRow, importAll, info } = files;
    const found = {};
    const read = async (name, fields, data, options) => {
      const collection_name = `every_${name}`;
      rows.mustSucceed(await client.createCollection({ collection_name, fields }));
      rows.mustSucceed(await client.createIndex({ collection_name, field_name: 'v', index_type: 'FLAT', metric_type: 'L2' }));
      const states = await importAll(client, { collection_name, files: data, options });
      const end = states.at(-1);
      if (end.state !== 'ImportCompleted') throw new Error(`${name}: ${info(end, 'failed_reason')}`);
      await client.loadCollection({ collection_name });
      const answer = rows.mustSucceed(await client.query({ collection_name, filter: '', limit: 10, output_fields: ['*'] }));
      found[name] = answer.data.sort((a, b) => Number(BigInt(a.id) > BigInt(b.id)) - 0.5);
    };
    const withTags = [...files.everyType, files.tags];
    const tagged = everyRow.map((row, at) => ({ ...row, tags: at === 0 ? ['x', 'é'] : [] }));
    await read('json', withTags, [new File([files.jsonRows(tagged)], 'rows.json')]);
    await read('list', withTags, [{ name: 'rows.json', data: new Blob([files.jsonList(tagged)]) }]);
    await read('lines', withTags, [{ name: 'rows.ndjson', data: new TextEncoder().encode(files.jsonLines(tagged)) }]);
    await read('packed', withTags, [{ name: 'rows.jsonl.gz', data: await files.gzip(files.jsonLines(tagged)) }]);
    await read('csv', withTags, [new File([files.csv(tagged)], 'rows.csv')], [{ key: 'sep', value: ';' }, { key: 'nullkey', value: 'NULL' }]);
    const column = name => everyRow.map(row => row[name]);
    const { npy, npyTexts } = files;
    const filled = files.everyType.map(field => ({ ...field, nullable: false }));
    await read('npy', filled, [
      npy('id', '<i8', [2], BigInt64Array.from(column('id').map(BigInt))),
      npy('v', '<f4', [2, 2], Float32Array.from(column('v').flat())),
      npy('flag', '|b1', [2], Uint8Array.from(column('flag').map(Number))),
      npy('i8', '|i1', [2], Int8Array.from(column('i8'))),
      npy('i16', '<i2', [2], Int16Array.from(column('i16'))),
      npy('i32', '<i4', [2], Int32Array.from(column('i32'))),
      npy('f', '<f4', [2], Float32Array.from(column('f'))),
      npy('d', '<f8', [2], Float64Array.from(column('d'))),
      npyTexts('text', column('text').map(text => text ?? '')),
      npyTexts('doc', column('doc').map(doc => JSON.stringify(doc))),
    ]);
    // What an insert of the same rows gives.
    rows.mustSucceed(await client.createCollection({ collection_name: 'every_insert', fields: withTags }));
    rows.mustSucceed(await client.createIndex({ collection_name: 'every_insert', field_name: 'v', index_type: 'FLAT', metric_type: 'L2' }));
    rows.mustSucceed(await client.insert({ collection_name: 'every_insert', data: tagged }));
    await client.loadCollection({ collection_name: 'every_insert' });
    const answer = rows.mustSucceed(await client.query({ collection_name: 'every_insert', filter: '', limit: 10, output_fields: ['*'] }));
    return { found, inserted: answer.data.sort((a, b) => Number(BigInt(a.id) > BigInt(b.id)) - 0.5) };
  });
  const { npy, ...rest } = found.found;
  for (const [name, rows] of Object.entries(rest)) assert.deepEqual(rows, found.inserted, name);
  const untagged = found.inserted.map(({ tags: _, ...row }) => ({ ...row, text: row.text ?? '' }));
  assert.deepEqual(npy, untagged, 'npy');
});

test('nothing is imported from what has no rows, and that is no failure', { timeout: 60_000 }, async () => {
  const ends = await page.evaluate(async () => {
    const { client, rows, files: { importAll, gzip, info } } = window;
    await rows.create(client, 'empty', { v: 2 });
    const ends = {};
    const end = async (name, files) => {
      const { state, row_count, infos } = (await importAll(client, { collection_name: 'empty', files })).at(-1);
      ends[name] = state === 'ImportCompleted' ? Number(row_count) : info({ infos }, 'failed_reason');
    };
    for (const name of ['e.jsonl', 'e.json', 'e.csv']) await end(name, [new File([], name)]);
    await end('e.jsonl.gz', [new File([await gzip('')], 'e.jsonl.gz')]);
    for (const format of ['jsonl', 'csv', 'npy', 'parquet']) {
      await end(format, rows.mustSucceed(await client.exportCollection({ collection_name: 'empty', format })).files);
    }
    await end('some', [new File(['{"id":1,"v":[1,2]}'], 'some.jsonl')]);
    return { ...ends, count: (await client.count({ collection_name: 'empty' }).catch(error => error)).data };
  });
  const { 'e.json': json, 'e.csv': csv, ...others } = ends;
  assert.match(json, /the file is empty/);
  assert.match(csv, /the file is empty/);
  assert.deepEqual(others, { 'e.jsonl': 0, 'e.jsonl.gz': 0, jsonl: 0, csv: 0, npy: 0, parquet: 0, some: 1, count: undefined });
  page.check();
});

test('sources of every kind arrive', { timeout: 60_000 }, async () => {
  await serveBucket({ 'path/a.jsonl': lines(0, 10), 'b.jsonl': lines(10, 10), 'c.jsonl': lines(20, 10), 'd.jsonl': lines(30, 10) });
  const count = await page.evaluate(async lines => {
    const { client, rows, files } = window;
    const collection_name = 'sources';
    await rows.create(client, collection_name, { v: 2 });
    const folder = await navigator.storage.getDirectory();
    const handle = await folder.getFileHandle('h.jsonl', { create: true });
    const writing = await handle.createWritable();
    await writing.write(lines[0]);
    await writing.close();
    const sources = [
      'path/a.jsonl',
      new URL('/bucket/b.jsonl', location.href),
      new Request('/bucket/c.jsonl', { headers: { 'X-Own': '1' } }),
      await fetch('/bucket/d.jsonl'),
      handle,
      new File([lines[1]], 'e.jsonl'),
      { name: 'f.jsonl', data: new Blob([lines[2]]).stream() },
      { name: 'g.jsonl', data: await new Blob([lines[3]]).arrayBuffer() },
      { name: 'odd.jsonl.gz', data: new Response(await files.gzip(lines[4])) },
    ];
    for (const source of sources) {
      const end = (await files.importAll(client, { collection_name, files: [source] })).at(-1);
      if (end.state !== 'ImportCompleted' || end.row_count !== '10') throw new Error(JSON.stringify(end));
    }
    await client.loadCollection({ collection_name });
    return rows.count(client, collection_name);
  }, [40, 50, 60, 70, 80].map(from => lines(from, 10)));
  assert.equal(count, 90);
  const missing = await page.evaluate(async () => {
    const { client, files } = window;
    return (await files.importAll(client, { collection_name: 'sources', files: ['nothing.jsonl'] })).at(-1);
  });
  assert.equal(missing.state, 'ImportFailedAndCleaned');
  assert.match(missing.infos.find(info => info.key === 'failed_reason').value, /bucket\/nothing\.jsonl answers 404/);
});

test('rows of an import are there at Completed, all of them, while searches go on', { timeout: 60_000 }, async () => {
  const other = await openClient();
  await other.evaluate(() => {
    window.heard = [];
    window.client.on('importstate', event => window.heard.push(event));
  });
  const seen = await page.evaluate(async () => {
    const { client, rows, files } = window;
    const collection_name = 'loaded';
    await rows.create(client, collection_name, { v: 64 });
    rows.mustSucceed(await client.insert({ collection_name, data: rows.make(0, 1000, { v: 64 }) }));
    await client.loadCollection({ collection_name });
    const made = rows.make(1000, 80_000, { v: 64 }).map(({ id, v }) => `{"id":${id},"v":[${v.join()}]}\n`);
    const counts = new Set();
    let over = false;
    const counting = (async () => {
      while (!over) {
        counts.add(await rows.count(client, collection_name));
        rows.mustSucceed(await client.search({ collection_name, data: Array.from({ length: 64 }, () => 0.5), limit: 5 }));
      }
    })();
    const states = await files.importAll(client, { collection_name, files: [new File(made, 'made.jsonl')] });
    const atOnce = await rows.count(client, collection_name);
    over = true;
    await counting;
    const { stats } = await client.getCollectionStatistics({ collection_name });
    return { states, atOnce, counts: [...counts], stats };
  });
  assert.equal(seen.atOnce, 81_000);
  assert.deepEqual(seen.counts.filter(count => count !== 1000 && count !== 81_000), [], 'never a part');
  assert.equal(seen.stats[0].value, '81000');
  const names = seen.states.map(({ state }) => state);
  assert.deepEqual([...new Set(names)].filter(name => name !== 'ImportPersisted'), ['ImportPending', 'ImportStarted', 'ImportCompleted']);
  const end = seen.states.at(-1);
  assert.deepEqual(end.infos.map(({ key }) => key), ['files', 'collection', 'partition', 'failed_reason', 'progress_percent', 'persist_cost']);
  assert.ok(Number(end.create_ts) > 1.7e9 && end.id !== '0' && end.collection_id !== '0' && end.segment_ids.length > 0, JSON.stringify(end));
  const heard = await other.evaluate(() => window.heard);
  const ofJob = heard.filter(({ task }) => task === end.id);
  assert.deepEqual([...new Set(ofJob.map(({ state }) => state))], ['ImportPending', 'ImportStarted', 'ImportPersisted', 'ImportCompleted']);
  assert.ok(ofJob.every((event, at) => at === 0 || event.progress >= ofJob[at - 1].progress), 'never falls');
  assert.ok(new Set(ofJob.map(({ row_count }) => row_count)).size > 3, 'rows are counted as they are read');
  await other.close();
});

test('a bad row leaves not one byte', { timeout: 60_000 }, async () => {
  const { before, after, end, list } = await page.evaluate(async () => {
    const { client, rows, files } = window;
    const collection_name = 'bad';
    await rows.create(client, collection_name, { v: 128 });
    const before = await files.storedFiles('elanus/imports');
    const made = rows.make(0, 40_000, { v: 128 }).map(({ id, v }) => `{"id":${id},"v":[${v.join()}]}\n`);
    made.push('{"id":1,"v":[1,2]}\n');
    const end = (await files.importAll(client, { collection_name, files: [new File(made, 'made.jsonl')] })).at(-1);
    const list = await client.listImportTasks({ collection_name, limit: 1 });
    return { before, after: await files.storedFiles('elanus/imports'), end, list };
  });
  assert.equal(end.state, 'ImportFailedAndCleaned');
  assert.match(end.infos.find(info => info.key === 'failed_reason').value, /file made\.jsonl, row 40001: .*v/);
  assert.equal(list.tasks[0].state, 'ImportFailedAndCleaned');
  const names = stored => Object.entries(stored).filter(([store]) => store !== 'catalog').map(([, keys]) => keys);
  assert.deepEqual(names(after), names(before));
});

test('an aborted import ends and leaves nothing', { timeout: 60_000 }, async () => {
  const end = await page.evaluate(async () => {
    const { client, rows, files } = window;
    const collection_name = 'aborted';
    await rows.create(client, collection_name, { v: 2 });
    const abort = new AbortController();
    const endless = new ReadableStream({ pull: it => new Promise(resolve => setTimeout(() => resolve(it.enqueue(new Uint8Array(1000).fill(32))), 5)) });
    const { tasks: [task] } = rows.mustSucceed(await client.bulkInsert({ collection_name, files: [{ name: 'endless.jsonl', data: endless }], signal: abort.signal }));
    setTimeout(() => abort.abort(new Error('enough of it')), 300);
    let end;
    for await (const state of client.watchImport({ task })) end = state;
    return { state: end.state, reason: files.info(end, 'failed_reason') };
  });
  assert.deepEqual(end, { state: 'ImportFailedAndCleaned', reason: 'enough of it' });
});

/** How an import ends whose page is closed when an event about it is as it should be. */
async function endWithoutPage(collection_name, { isStream, when }) {
  const leaving = await openClient();
  const task = await leaving.evaluate(async ([collection_name, isStream, when]) => {
    const { client, rows } = window;
    await rows.create(client, collection_name, { v: 64 });
    const made = rows.make(0, 40_000, { v: 64 }).map(({ id, v }) => `{"id":${id},"v":[${v.join()}]}\n`);
    const file = new File(made, 'made.jsonl');
    const isTime = new Promise(resolve => client.on('importstate', event => event[when.key] === when.value && resolve()));
    // A stream comes no further before it is stored.
    const files = [isStream ? { name: file.name, data: file.stream() } : file];
    const { tasks: [task] } = rows.mustSucceed(await client.bulkInsert({ collection_name, files }));
    await isTime;
    return task;
  }, [collection_name, isStream, when]);
  await leaving.close();
  return until(
    () => page.evaluate(async task => {
      const state = await window.client.getImportState({ task });
      return /Completed|Cleaned/.test(state.state) && state;
    }, task),
    'the import ends',
    30_000
  );
}

test('the page may be closed once the files are stored', { timeout: 60_000 }, async () => {
  const end = await endWithoutPage('left', { isStream: true, when: { key: 'is_stored', value: true } });
  assert.deepEqual([end.state, end.row_count], ['ImportCompleted', '40000'], JSON.stringify(end.infos));
});

test('an import whose page is closed before that ends soon, with all rows or none', { timeout: 60_000 }, async () => {
  const end = await endWithoutPage('left_early', { isStream: false, when: { key: 'state', value: 'ImportStarted' } });
  const expected = end.state === 'ImportCompleted' ? 40_000 : 0;
  const count = await page.evaluate(async () => {
    const { client, rows } = window;
    await client.loadCollection({ collection_name: 'left_early' });
    return rows.count(client, 'left_early');
  });
  assert.deepEqual([count, Number(end.row_count)], [expected, expected]);
});

test('URLs are fetched again when their page has gone', { timeout: 60_000 }, async () => {
  const alone = await browser.newContext();
  const open = async () => {
    const page = await openPage(alone, site.url);
    await page.evaluate(() => (window.client = new window.elanus.MilvusClient('again')).connectPromise);
    return page;
  };
  let asked = 0;
  await alone.route('**/bucket/**', async route => {
    asked += 1;
    // The first answer takes longer than its page lives.
    if (asked === 1) await new Promise(resolve => setTimeout(resolve, 5000));
    await route.fulfill({ body: lines(0, 100) }).catch(() => undefined);
  });
  const first = await open();
  const task = await first.evaluate(async () => {
    const { client, rows } = window;
    await rows.create(client, 'again', { v: 2 });
    return rows.mustSucceed(await client.bulkInsert({ collection_name: 'again', files: ['/bucket/rows.jsonl'] })).tasks[0];
  });
  await until(() => asked === 1, 'the page fetches');
  await first.close();
  const second = await open();
  const states = await second.evaluate(async task => {
    const states = [];
    for await (const state of window.client.watchImport({ task })) states.push(state);
    return states;
  }, task);
  assert.deepEqual([states.at(-1).state, states.at(-1).row_count, asked], ['ImportCompleted', '100', 2], JSON.stringify(states.at(-1).infos));
  await alone.close();
});
