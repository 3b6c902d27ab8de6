// Imports of a file that is larger than what the engine may hold: the data node's memory, progress, and rows at the end.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dist, openPage } from '../e2e/support/browser.mjs';
import { startMeasuredBrowser } from '../e2e/support/memory.mjs';
import { serveSources } from './import-source.mjs';
import { fileKinds } from './page/import-rows.mjs';

export const largeKinds = Object.keys(fileKinds);
const firstImported = 100_000;
const lookEveryMs = 250;
/** A data node ends when it has had nothing to do for some seconds. */
const afterwardsMs = 60_000;

/** A folder of the package's workers, each of which tells what its wasm instance has taken: nobody else knows. */
function tellingWorkers(after) {
  const folder = mkdtempSync(join(tmpdir(), 'elanus-workers-'));
  after(() => rmSync(folder, { recursive: true }));
  const keepMemory = `const { instantiate } = WebAssembly;
    WebAssembly.instantiate = async (...given) => {
      const made = await instantiate(...given);
      self.wasmMemory = (made.instance ?? made).exports.memory;
      return made;
    };\n`;
  for (const script of readdirSync(join(dist, 'workers'))) {
    writeFileSync(join(folder, script), keepMemory + readFileSync(join(dist, 'workers', script), 'utf8'));
  }
  return folder;
}

const instanceBytes = worker => worker.evaluate(() => self.wasmMemory.buffer.byteLength);

/** How many rows such a file has. */
function rowsOf(kind, bytes) {
  const sampled = 100;
  let length = 0;
  for (let at = 0; at < sampled; at += 1) length += fileKinds[kind].row(firstImported + at, true).length;
  return Math.ceil((bytes * sampled) / length);
}

const workersOf = (page, script) => page.workers().filter(worker => worker.url().endsWith(`/${script}.js`));

/** What the workers of a script hold, in MB. */
async function megabytesOf(page, script) {
  // One may have ended meanwhile.
  const held = await Promise.all(workersOf(page, script).map(worker => instanceBytes(worker).catch(() => 0)));
  return Math.max(0, ...held) / 2 ** 20;
}

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
      client.on('importstate', ({ state, progress, row_count, is_stored, failed_reason }) =>
        window.told.push({ at: performance.now(), state, progress, rows: Number(row_count), is_stored, failed_reason }));
      window.began = performance.now();
      return rows.mustSucceed(await client.bulkInsert({ collection_name, files: [new URL(url)] })).tasks[0];
    },
    [collection_name, url]
  );
}

/** The longest time without news while the job is in the state, in milliseconds. */
function longestGap(told, state) {
  if (told.at(-1).failed_reason) throw new Error(told.at(-1).failed_reason);
  const from = told.findIndex(news => news.state === state);
  const to = told.findIndex((news, at) => at > from && news.state !== state);
  let longest = 0;
  for (let at = from; at < to; at += 1) longest = Math.max(longest, told[at + 1].at - told[at].at);
  return longest;
}

const ended = new Set(['ImportCompleted', 'ImportFailedAndCleaned']);

export async function importLarge({ kind, bytes, tell = () => undefined, after }) {
  const count = rowsOf(kind, bytes);
  const mounts = { '/soak/': join(import.meta.dirname, 'page'), '/dist/workers/': tellingWorkers(after) };
  const { context, site, megabytes } = await startMeasuredBrowser({ after }, {}, mounts);
  const sources = await serveSources();
  after(() => sources.close());
  const page = await openPage(context, site.url);
  const started = megabytes();
  const collection_name = 'large';
  const task = await begin(page, { collection_name, url: sources.urlOf(kind, { from: firstImported, count, hasKey: true }) });
  // Nothing is loaded before the end, so the only node is the data node.
  const peak = { dataNode: 0, coordinator: 0, all: 0 };
  let state;
  for (let shown = 0; !ended.has(state); ) {
    const told = await page.evaluate(() => window.told.at(-1));
    state = told?.state;
    peak.all = Math.max(peak.all, megabytes());
    peak.dataNode = Math.max(peak.dataNode, await megabytesOf(page, 'node'));
    peak.coordinator = Math.max(peak.coordinator, await megabytesOf(page, 'coordinator'));
    if (performance.now() - shown > 5000) {
      shown = performance.now();
      tell(`${JSON.stringify(told)}, sent ${(sources.sentBytes() / 1e6).toFixed(0)} MB, ${JSON.stringify(peak)}`);
    }
    await new Promise(resolve => setTimeout(resolve, lookEveryMs));
  }
  const { told, began, noted } = await page.evaluate(() => ({ told: window.told, began: window.began, noted: window.noted }));
  const first = name => told.find(news => news.state === name)?.at;
  const end = told.at(-1).at;
  // What follows the import: its segments may be merged.
  let afterwards = 0;
  for (const until = performance.now() + afterwardsMs; performance.now() < until && workersOf(page, 'node').length > 0; ) {
    afterwards = Math.max(afterwards, await megabytesOf(page, 'node'));
    await new Promise(resolve => setTimeout(resolve, lookEveryMs));
  }
  const counted = await page.evaluate(async collection_name => {
    const { client, rows } = window;
    rows.mustSucceed(await client.loadCollectionSync({ collection_name }));
    return Number(rows.mustSucceed(await client.count({ collection_name })).data);
  }, collection_name);
  page.check();
  const secondsTo = at => (at - began) / 1000;
  const seconds = secondsTo(end);
  return {
    kind, state, failedReason: told.at(-1).failed_reason, task, megabytes: sources.sentBytes() / 1e6, rows: count, counted, seconds,
    storedAfterSeconds: secondsTo(told.find(({ is_stored }) => is_stored)?.at), readingSeconds: (first('ImportPersisted') - first('ImportStarted')) / 1000,
    rate: sources.sentBytes() / 1e6 / seconds,
    gaps: ['ImportPending', 'ImportStarted', 'ImportPersisted'].map(name => Math.round(longestGap(told, name))),
    pauseMs: Math.round(noted.pauseMs), dataNode: peak.dataNode, afterwards, coordinator: peak.coordinator, startedAll: started, peakAll: peak.all,
  };
}
