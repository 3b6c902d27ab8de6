// Imports of 50 MB whose browser is killed, whose workers panic and whose page is closed: all rows are there once, or none and
// nothing of them. `node scripts/soak.mjs imports` kills more often.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import test from 'node:test';
import { serveSources } from '../soak/import-source.mjs';
import { killImports } from '../soak/kill-imports.mjs';
import { earlierRows, firstImported, importRows } from '../soak/page/constants.mjs';
import { openPage, startBrowserAndSite, until } from './support/browser.mjs';

test('10 kills', { timeout: 300_000 }, async () => {
  const { kills, filesIn, states, completed, cleaned, neverMade, rows, seconds, second, ...found } = await killImports({ kills: 10, filesIn: 'opfs' });
  console.log(`  ${completed} completed, ${cleaned} cleaned, ${neverMade} not made, ${rows} rows checked, ${seconds.toFixed(0)} s`, states);
  const nothing = { lost: 0, doubled: 0, partly: 0, wrong: 0, bytesLeft: 0, unended: 0, unknown: 0, unexpected: 0, browserLosses: 0, failures: [] };
  assert.deepEqual(found, nothing);
  assert.ok(kills >= 10);
});

const { browser, site } = await startBrowserAndSite(test, { '/soak/': join(import.meta.dirname, '../soak/page') });
const sources = await serveSources();
test.after(() => sources.close());

const timeout = 90_000;
const plan = { collection_name: 'import', hasKey: true, isLoaded: true };
const url = sources.urlOf('jsonl', { from: firstImported, count: importRows, hasKey: true });

/** A tab of a store; the first one owns it. */
async function openTab(context, store) {
  const page = await openPage(context, site.url);
  await page.evaluate(async store => {
    const imports = await import('/soak/imports.mjs');
    const client = new window.elanus.MilvusClient(store);
    Object.assign(window, { imports, client, store, states: [] });
    client.on('importstate', ({ state, is_stored }) => window.states.push(state, ...(is_stored ? ['stored'] : [])));
    await client.connectPromise;
  }, store);
  return page;
}

/**
 * Begins an import into a collection with rows, of a File or of a stream, which may never end; resolves with its task when it is
 * in the state. What comes no further before it is stored, as a stream does, is stored at once.
 */
async function beginUntil(page, state, { isStream = false, isEndless = false } = {}) {
  const task = await page.evaluate(
    async ([plan, url, isStream, isEndless]) => {
      const { client, imports, rows, store } = window;
      await imports.prepare(client, plan);
      window.files = await imports.filesOf(store);
      const { collection_name } = plan;
      const file = await imports.sourceOf(url, true);
      const start = async stream => {
        stream.enqueue(new Uint8Array(await file.arrayBuffer()));
        if (!isEndless) stream.close();
      };
      const files = [isStream ? { name: file.name, data: new ReadableStream({ start }) } : file];
      return rows.mustSucceed(await client.bulkInsert({ collection_name, files })).tasks[0];
    },
    [plan, url, isStream, isEndless]
  );
  await until(() => page.evaluate(state => window.states.includes(state), state), `the import is ${state}`, 30_000, 5);
  return task;
}

/** How a job ended, and what there is of it. */
async function outcome(page, task) {
  const { state, bytesLeft, files, ...found } = await page.evaluate(
    async ([plan, task, count]) => {
      const { client, imports, store } = window;
      const job = await imports.endOf(client, task, 60_000);
      const bytesLeft = await imports.leftBytes(store);
      const files = await imports.filesOf(store);
      return { state: job?.state, reason: job?.infos.find(({ key }) => key === 'failed_reason').value, bytesLeft, files, ...(await imports.contents(client, store, plan, count)) };
    },
    [plan, task, importRows]
  );
  page.check();
  return { state, bytesLeft, files, found };
}

const allRows = { reason: '', earlier: earlierRows, imported: importRows, doubled: 0, wrong: 0, rows: earlierRows + importRows };

async function assertCompleted(page, task) {
  const { state, bytesLeft, found } = await outcome(page, task);
  assert.deepEqual({ state, bytesLeft, ...found }, { state: 'ImportCompleted', bytesLeft: 0, ...allRows });
}

/** Has the data node panic; resolves with its id and what it said. */
const panicInDataNode = page =>
  page.evaluate(async () => {
    const { held } = await navigator.locks.query();
    const node = held.map(lock => lock.name.match(/^elanus:worker:(data-[^:]+)$/)?.[1]).find(Boolean);
    return [node, await window.panic(store, node).catch(error => error.message)];
  });

test('the data node panics while it reads', { timeout }, async () => {
  const page = await openTab(await browser.newContext(), 'import-data-node');
  const task = await beginUntil(page, 'ImportStarted');
  const [node] = await panicInDataNode(page);
  assert.ok(node, 'the data node runs');
  await assertCompleted(page, task);
});

test('the coordinator panics while a page sends a file', { timeout }, async () => {
  const page = await openTab(await browser.newContext(), 'import-coordinator');
  const task = await beginUntil(page, 'ImportPending');
  await page.evaluate(() => window.panic(window.store, '').catch(() => undefined));
  await assertCompleted(page, task);
});

test('the page that owns the store is closed while it sends a file', { timeout }, async () => {
  const context = await browser.newContext();
  const page = await openTab(context, 'import-closed');
  const other = await openTab(context, 'import-closed');
  const task = await beginUntil(page, 'ImportPending', { isStream: true, isEndless: true });
  const before = await page.evaluate(() => window.files);
  await page.close();
  const { state, bytesLeft, files, found } = await outcome(other, task);
  const noRows = { ...allRows, reason: 'the page that sent the files has gone', imported: 0, rows: earlierRows };
  assert.deepEqual({ state, bytesLeft, ...found }, { state: 'ImportFailedAndCleaned', bytesLeft: 0, ...noRows });
  assert.deepEqual(files, before);
});

test('the page that owns the store is closed when a file is stored', { timeout }, async () => {
  const context = await browser.newContext();
  const page = await openTab(context, 'import-closed-later');
  const other = await openTab(context, 'import-closed-later');
  const task = await beginUntil(page, 'stored', { isStream: true });
  await page.close();
  await assertCompleted(other, task);
});
