// The results as JSON, as tables and as a chart.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync } from 'node:zlib';
import { findChromium } from '../../scripts/browser.mjs';
import { output, root } from '../../scripts/run.mjs';
import { chart } from './chart.mjs';
import { engines } from './engines.mjs';
import { blockMs, coldOf, goals, loadMBs, remaining, searchableMs, searchesOf } from './goals.mjs';
import { kinds } from './sets.mjs';
import { FILTERS } from './truth.mjs';

const MB = 1e6;
const none = '–';

/** Three digits, and what is not known as a dash. */
export function shown(value) {
  if (value === undefined || value === null || !Number.isFinite(value)) return none;
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en');
  return String(Number(value.toPrecision(value < 0.1 ? 2 : 3)));
}

const shownRecall = recall => (recall === 1 ? '1.0' : recall.toFixed(3).replace(/^0/, ''));

/** `0.81, p95 1.2 @ .987`, of the least thorough plan with that recall, or of the last one. */
function searched(tried, recall) {
  if (!tried) return none;
  const plan = tried.find(it => it.recall >= recall) ?? tried.at(-1);
  const width = typeof plan.plan === 'string' ? '' : Object.entries(plan.plan).map(([name, value]) => `${name} ${value}`).join(' ');
  return `${shown(plan.medianMs)} (${shown(plan.p95Ms)}) @ ${shownRecall(plan.recall)}${width && ` ${width}`}`;
}

const sizes = new Map();
function brotliBytes(file) {
  if (!sizes.has(file)) sizes.set(file, brotliCompressSync(readFileSync(file)).length);
  return sizes.get(file);
}

/** What a page fetches of an engine, compressed as servers do. */
export const shippedBytes = files => files.reduce((sum, file) => sum + brotliBytes(file), 0);

const columns = [
  ['engine', ({ engine }) => engines[engine].title],
  ['brotli, KiB', ({ shippedBytes }) => shown(shippedBytes / 1024)],
  ['durable, s', ({ build }) => shown(build?.durableMs / 1000)],
  ['searchable, s', result => shown(searchableMs(result) / 1000)],
  ['cold start, ms', result => shown(coldOf(result))],
  ['search, ms (p95) @ recall', result => searched(searchesOf(result)?.search, 0)],
  ['at recall ≥ .99', result => searched(searchesOf(result)?.search, 0.99)],
  ...FILTERS.map(share => [`filter ${share} %`, result => searched(searchesOf(result)?.filtered[share], 0.98)]),
  ['1,000 in a call, ms each', result => shown(searchesOf(result)?.many?.ms / searchesOf(result)?.many?.count)],
  ['engine, MB', ({ memory }) => shown(memory?.engine?.instanceBytes / MB)],
  ['browser, MB', ({ memory }) => shown(memory?.loadedMegabytes)],
  ['released, MB (of what loading added)', result => (result.memory ? `${shown(result.memory.releasedMegabytes)} (${shown(remaining(result) * 100)} %)` : none)],
  ['load, MB/s', result => shown(loadMBs(result))],
  ['longest block, ms', result => shown(blockMs(result))],
];

const row = cells => `| ${cells.join(' | ')} |`;
const table = (titles, rows) => [row(titles), row(titles.map(() => '---')), ...rows.map(row)];

function setTables({ results, limits }) {
  return [...new Set([...limits, ...results].map(({ set }) => set))].flatMap(set => {
    const of = results.filter(result => result.set === set);
    const limit = limits.find(result => result.set === set);
    const { kind, rows, dim } = [...of, limit].find(Boolean);
    const lines = ['', `### ${rows.toLocaleString('en')} x ${dim}, ${kinds[kind]}`, ''];
    if (limit) {
      lines.push(`Limits of the browser: ${limit.failures ?? [
        `a scan of float32 in WebAssembly ${shown(limit.scan.medianMs)} ms`,
        `IndexedDB reads ${shown(limit.indexedDbReadMBs)} MB/s, OPFS ${shown(limit.opfsReadMBs)}`,
      ].join('; ')}.`, '');
    }
    if (of.length > 0) lines.push(...table(columns.map(([name]) => name), of.map(result => columns.map(([, cell]) => cell(result)))));
    const failures = of.flatMap(({ engine, failures }) => failures.map(failure => `- ${engines[engine].title}: ${failure}`));
    return failures.length > 0 ? [...lines, '', 'What failed:', '', ...failures] : lines;
  });
}

const judged = isReached => (isReached === undefined ? none : isReached ? 'yes' : 'no');

const goalTable = all =>
  table(['goal', 'wanted', 'reached', 'of', ''], all.map(({ goal, atMost, atLeast, reached, figures = '', isReached }) => [
    goal,
    atMost !== undefined ? `≤ ${shown(atMost)}` : atLeast !== undefined ? `≥ ${shown(atLeast)}` : none,
    shown(reached),
    figures,
    judged(isReached),
  ]));

const read = [
  'Each engine runs in a page of its own in headless Chromium, behind its public API, and its store is on the disk. *Durable* and',
  '*searchable* count from the first row; *cold start* from the start of a fresh page in a fresh browser to the first answer with',
  'the nearest row, the median of up to three. Latencies are medians (and 95th percentiles) of batches of calls, because the page is not',
  'isolated and its clock steps by 0.1 ms; each with its recall among the ten nearest against an exact scan. The first search column is the',
  "engine's default; the others show the least thorough setting tried that reaches the recall (.98 with a filter), or the last one.",
  '*Engine* is what the workers hold by `getMemoryUsage()`, *browser* what the processes have more (Pss) than with an empty page:',
  'loaded, and 1 s after release, of what loading added to a page that had been connected for 3 s; *load* counts until all that is',
  'to be in memory is there. The longest block is the longest time in which the page could do nothing else.',
  "The machine's free memory was touched before each browser started: the first touch of what a virtual machine has given back is its host's work.",
];

/** What is not in the tables of engines. */
function extraLines({ failures = [], messages, interference } = {}) {
  return [
    messages && `- A search among ten rows takes ${shown(messages.searchMs)} ms, a message to a worker and its answer ${shown(messages.pingMs)}.`,
    interference && [
      `- A search takes ${shown(interference.quietMs)} ms in quiet, and ${shown(interference.busyMs)}`,
      `(median of ${interference.searches}) while another collection is flushed, indexed and compacted.`,
    ].join(' '),
    ...failures.map(failure => `- Failed: ${failure}`),
  ].filter(Boolean);
}

/** What makes the figures worth less. */
function cautions({ run, results, limits }) {
  const loads = results.map(({ load }) => load);
  const older = [...results, ...limits].filter(({ date }) => date !== run.date);
  return [
    loads.length > 0 && `When engines began, the machine's load was ${shown(Math.min(...loads))} to ${shown(Math.max(...loads))}.`,
    older.length > 0 && `Of the rows, ${older.length} were kept of earlier runs, from ${older.map(({ date }) => date).sort()[0]} on.`,
  ].filter(Boolean);
}

export function describeRun() {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const [{ model }] = cpus();
  return {
    elanus: `${version} (${output('git', ['rev-parse', '--short', 'HEAD'])})`,
    browser: output(findChromium(), ['--version']),
    machine: `${cpus().length} x ${model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB`,
    date: new Date().toISOString().slice(0, 10),
    command: ['npm run bench --', ...process.argv.slice(2)].join(' '),
  };
}

/** Writes `search.json`, `search.md` and `search.svg` into the folder. */
export function writeReport(folder, { run, results, limits, extras }) {
  const all = goals({ results, limits, extras });
  const lines = [
    '# Search',
    '',
    `elanus ${run.elanus}, ${run.browser}, ${run.machine}, ${run.date}: \`${run.command}\``,
    '',
    ...read,
    ...cautions({ run, results, limits }),
    '',
    '![search latency, time until searchable and memory](search.svg)',
    '',
    '## Goals',
    '',
    ...goalTable(all),
    '',
    ...extraLines(extras),
    '',
    '## Figures',
    ...setTables({ results, limits }),
    '',
  ];
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'search.json'), `${JSON.stringify({ run, goals: all, limits, extras, results }, null, 1)}\n`);
  writeFileSync(join(folder, 'search.md'), lines.join('\n'));
  writeFileSync(join(folder, 'search.svg'), chart(results));
  console.log(goalTable(all).join('\n'));
}
