// What the sections of the page share: the client, one thing at a time, errors, and the table of memory.
import { MilvusClient } from 'elanus';

const MEMORY_ROWS = 10;
const LOOK_EVERY_MS = 20;

export const client = new MilvusClient({ address: 'indexeddb://demo' });

export const element = id => document.getElementById(id);
export const number = new Intl.NumberFormat('en');

export function size(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

export const seconds = milliseconds => `${(milliseconds / 1000).toFixed(milliseconds < 10_000 ? 2 : 1)} s`;

export function create(tag, properties, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

/** Rows of a table; the columns whose places are given hold numbers. */
export const tableRows = (rows, numberColumns) =>
  rows.map(cells => create('tr', {}, ...cells.map((value, i) =>
    create('td', { textContent: value ?? '–', className: numberColumns.includes(i) ? 'number' : '' }))));

/** Milvus answers a refusal with a status. */
export function checked(answer) {
  const status = answer.status ?? answer;
  if (status.error_code !== 'Success') throw new Error(status.reason);
  return answer;
}

const stateNames = { LoadStateLoaded: 'loaded', LoadStateLoading: 'loading', LoadStateNotLoad: 'not loaded' };
export const stateName = state => stateNames[state] ?? '–';

/**
 * Each has `look`, which asks what there is of its collection, `show`, which shows that, and `resume`, which goes on with what
 * was under way when the page was left.
 */
const sections = [];
let busy = true;

export const isBusy = () => busy;
export const addSection = section => sections.push(section);
export const show = () => sections.forEach(section => section.show());

export async function look() {
  for (const section of sections) await section.look();
}

export async function resume() {
  for (const section of sections) await section.resume();
}

/** Until a load that goes on has ended. */
export async function whileLoading(request, bar) {
  for (;;) {
    const { progress } = checked(await client.getLoadingProgress(request));
    bar.value = Number(progress);
    if (bar.value >= 100) return;
    await new Promise(resolve => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

/** Does one thing at a time; whatever it throws is shown. */
export async function run(name, work) {
  busy = true;
  element('error').hidden = true;
  show();
  const start = performance.now();
  try {
    element('activity').textContent = `${name} …`;
    await work();
    element('activity').textContent = `${name}: ${seconds(performance.now() - start)}`;
    await look();
    await recordMemory(name);
  } catch (error) {
    fail(name, error);
    await look().catch(() => undefined);
  } finally {
    busy = false;
    show();
  }
}

/** Searches change nothing, so the page stays as it is but for their result, and what went wrong instead of it. */
export async function find(timing, work) {
  busy = true;
  const focused = document.activeElement;
  element('error').hidden = true;
  for (const button of document.querySelectorAll('button')) button.disabled = true;
  try {
    await work();
  } catch (error) {
    fail('Search', error);
    timing.textContent = 'The search was refused.';
  } finally {
    busy = false;
    show();
    focused?.focus();
  }
}

export function fail(name, error) {
  console.error(error);
  element('activity').textContent = `${name} failed`;
  element('error').textContent = error.message ?? error.reason ?? String(error);
  element('error').hidden = false;
}

/** One row of the memory table, and the loaded columns as a bar. */
async function recordMemory(after) {
  const { total_bytes, collections } = checked(await client.getMemoryUsage());
  const columns = new Map();
  let rows = 0;
  for (const { collection_name, partitions } of collections) {
    for (const partition of partitions) {
      rows += partition.rows;
      for (const [field, bytes] of Object.entries(partition.field_bytes)) {
        const column = `${collection_name}.${field}`;
        columns.set(column, (columns.get(column) ?? 0) + bytes);
      }
    }
  }
  const columnBytes = [...columns.values()].reduce((sum, bytes) => sum + bytes, 0);
  const { usage = 0 } = await navigator.storage.estimate();
  const [row] = tableRows([[after, number.format(rows), size(columnBytes), size(total_bytes), size(usage)]], [1, 2, 3, 4]);
  element('memory').append(row);
  while (element('memory').rows.length > MEMORY_ROWS) element('memory').rows[0].remove();

  const bars = [...columns].sort(([, left], [, right]) => right - left).map(([name, bytes]) => {
    const bar = create('span', { textContent: `${name} ${size(bytes)}`, title: `${name}: ${size(bytes)}` });
    bar.style.flex = `${bytes} 1 0`;
    return bar;
  });
  element('columns').replaceChildren(...bars);
  element('columns').hidden = bars.length === 0;

  if (!performance.measureUserAgentSpecificMemory || !crossOriginIsolated) return;
  document.querySelector('[data-page-memory]').hidden = false;
  const cell = row.insertCell();
  cell.className = 'number';
  // Answered after the next garbage collection: nobody waits for it.
  performance.measureUserAgentSpecificMemory().then(({ bytes }) => (cell.textContent = size(bytes)), () => undefined);
}
