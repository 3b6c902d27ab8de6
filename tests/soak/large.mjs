// Imports of a file that is larger than what the engine may hold: the data node's memory, progress, and rows at the end.
import { join } from 'node:path';
import { openPage } from '../e2e/support/browser.mjs';
import { startMeasuredBrowser } from '../e2e/support/memory.mjs';
import { serveSources } from './import-source.mjs';
import { fileKinds } from './page/import-rows.mjs';

export const largeKinds = Object.keys(fileKinds);
const firstImported = 100_000;
const lookEveryMs = 250;

/** What a role's wasm instance has taken; its worker is asked, because nobody else knows. The module is the one that it runs. */
const instanceBytes = async worker => worker.evaluate(async () => {
  const module = await import(new URL('../wasm/elanus.js', self.location.href).href);
  return (await module.default()).memory.buffer.byteLength;
});

const rowsOf = (kind, bytes) => Math.ceil((bytes * 100) / Array.from({ length: 100 }, (_, at) => fileKinds[kind].row(firstImported + at, true).length).reduce((sum, length) => sum + length, 0));

/** Begins the import in the page, which notes when it hears of what. */
function begin(page, { collection_name, url }) {
  return page.evaluate(
    async ([collection_name, url]) => {
      const { elanus, rows } = window;
      const client = (window.client = new elanus.MilvusClient('large'));
      const fields = [rows.key, { name: 'number', data_type: elanus.DataType.Int64 }, rows.vector('v', 256)];
      rows.mustSucceed(await client.createCollection({ collection_name, fields }));
      rows.mustSucceed(await client.createIndex({ collection_name, field_name: 'v', index_type: 'FLAT', metric_type: 'L2' }));
      window.told = [];
      let last = performance.now();
      window.noted = { pauseMs: 0 };
      // A page whose thread is busy would hear of everything too late.
      setInterval(() => {
        window.noted.pauseMs = Math.max(window.noted.pauseMs, performance.now() - last - 50);
        last = performance.now();
      }, 50);
      client.on('importstate', ({ state, progress, row_count, failed_reason }) =>
        window.told.push({ at: performance.now(), state, progress, rows: Number(row_count), failed_reason }));
      window.began = performance.now();
      return rows.mustSucceed(await client.bulkInsert({ collection_name, files: [new URL(url)] })).tasks[0];
    },
    [collection_name, url]
  );
}

/** The longest time without news while the job is in the state, in milliseconds. */
function longestGap(told, state) {
  const from = told.findIndex(news => news.state === state);
  const to = told.findIndex((news, at) => at > from && news.state !== state);
  let longest = 0;
  for (let at = from; at < to; at += 1) longest = Math.max(longest, told[at + 1].at - told[at].at);
  return longest;
}

const ended = new Set(['ImportCompleted', 'ImportFailedAndCleaned']);

export async function importLarge({ kind, bytes, tell = () => undefined, after }) {
  const count = rowsOf(kind, bytes);
  const { context, site, megabytes } = await startMeasuredBrowser({ after }, {}, { '/soak/': join(import.meta.dirname, 'page') });
  const sources = await serveSources();
  after(() => sources.close());
  const page = await openPage(context, site.url);
  const started = megabytes();
  const collection_name = 'large';
  const task = await begin(page, { collection_name, url: sources.urlOf(kind, { from: firstImported, count, hasKey: true }) });
  const peak = { dataNode: 0, coordinator: 0, all: 0 };
  let state;
  for (let shown = 0; !ended.has(state); ) {
    const told = await page.evaluate(() => window.told.at(-1));
    state = told?.state;
    peak.all = Math.max(peak.all, megabytes());
    for (const [role, script] of [['dataNode', 'data-node'], ['coordinator', 'coordinator']]) {
      for (const worker of page.workers().filter(worker => worker.url().endsWith(`/${script}.js`))) {
        // It may have ended meanwhile.
        const held = await instanceBytes(worker).catch(() => 0);
        peak[role] = Math.max(peak[role], held / 2 ** 20);
      }
    }
    if (performance.now() - shown > 5000) {
      shown = performance.now();
      tell(`${JSON.stringify(told)}, sent ${(sources.sentBytes() / 1e6).toFixed(0)} MB, ${JSON.stringify(peak)}`);
    }
    await new Promise(resolve => setTimeout(resolve, lookEveryMs));
  }
  const { told, began, noted } = await page.evaluate(() => ({ told: window.told, began: window.began, noted: window.noted }));
  const first = name => told.find(news => news.state === name)?.at;
  const end = told.at(-1).at;
  const counted = await page.evaluate(async collection_name => {
    const { client, rows } = window;
    rows.mustSucceed(await client.loadCollectionSync({ collection_name }));
    return Number(rows.mustSucceed(await client.count({ collection_name })).data);
  }, collection_name);
  const seconds = (end - began) / 1000;
  page.check();
  return {
    kind, state, failedReason: told.at(-1).failed_reason, task, megabytes: sources.sentBytes() / 1e6, rows: count, counted, seconds,
    storingSeconds: (first('ImportStarted') - began) / 1000, readingSeconds: (first('ImportPersisted') - first('ImportStarted')) / 1000,
    rate: sources.sentBytes() / 1e6 / seconds,
    gaps: ['ImportPending', 'ImportStarted', 'ImportPersisted'].map(name => Math.round(longestGap(told, name))),
    pauseMs: Math.round(noted.pauseMs), dataNode: peak.dataNode, coordinator: peak.coordinator, startedAll: started, peakAll: peak.all,
  };
}
