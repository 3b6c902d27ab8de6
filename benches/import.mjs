// Imports into durable, indexed rows, against reading the same bytes in the same browser.
import { join } from 'node:path';
import { openPage } from '../tests/e2e/support/browser.mjs';
import { startMeasuredBrowser } from '../tests/e2e/support/memory.mjs';
import { writeResults } from '../scripts/results.mjs';
import { root, run as execute } from '../scripts/run.mjs';
import { touchMemory } from './touch-memory.mjs';

const megabytesOf = { jsonl: 200, json: 200, csv: 200, npy: 400 };
const runs = 3;

const text = [
  'Files of rows with a key, a text and a 256-dim vector, given as File objects of files on the disk; until every row is durable, indexed and can be found.',
  'Median of three runs, each in a browser of its own. "Read" is `file.stream()` of the same bytes to its end, in the same page.',
  'Searches, in a run of their own: medians over another collection of 50,000 rows x 256, FLAT, one search after the other.',
  'The machine\'s free memory was touched before: the first touch of memory that a virtual machine has given back is its host\'s work.',
  'Written by `npm run bench -- import`.',
];
const columns = [
  ['format', result => result.format],
  ['MB', result => result.megabytes.toFixed(0)],
  ['rows', result => result.rows],
  ['import, s', result => (result.importMs / 1000).toFixed(2)],
  ['MB/s', result => (result.megabytes / (result.importMs / 1000)).toFixed(0)],
  ['read, MB/s', result => (result.megabytes / (result.readMs / 1000)).toFixed(0)],
  ['import / read', result => (result.importMs / result.readMs).toFixed(1)],
  ["longest block of the page's thread, ms", result => result.blockMs.toFixed(0)],
  ['a search before, ms', result => result.beforeMs.toFixed(1)],
  ['meanwhile, ms', result => result.duringMs.toFixed(1)],
];

async function once(method, format) {
  const endings = [];
  try {
    const mounts = { '/bench/': join(root, 'benches/page'), '/tests/': join(root, 'tests/e2e/pages') };
    const { context, site } = await startMeasuredBrowser({ after: end => endings.push(end) }, {}, mounts);
    const page = await openPage(context, `${site.url}bench/import.html`);
    await page.evaluate(([format, bytes]) => window.imports.prepare(format, bytes), [format, megabytesOf[format] * 1e6]);
    // What was just written would be written to the disk in the middle of the import.
    await execute('sync', []);
    await touchMemory();
    return await page.evaluate(([method, format]) => window.imports[method](format), [method, format]);
  } finally {
    for (const end of endings) await end();
  }
}

export async function run() {
  const results = [];
  for (const format of Object.keys(megabytesOf)) {
    const of = [];
    for (let run = 0; run < runs; run += 1) of.push(await once('run', format));
    of.sort((a, b) => a.importMs - b.importMs);
    results.push({ ...of[Math.floor(runs / 2)], ...(await once('searchDuring', format)) });
    console.log(JSON.stringify(results.at(-1)));
  }
  writeResults('benches/import.md', { title: 'Imports', text, columns, results });
}
