import { DataType, MilvusClient } from 'elanus';
import { DIM, SMALL_DIM, batches, embed, subjectNames } from './words.js';

const collection_name = 'words';
const BATCH_ROWS = 500;
const MEASURED_SEARCHES = 100;
const MEMORY_ROWS = 10;

const fields = [
  { name: 'id', data_type: DataType.Int64, is_primary_key: true, note: 'key' },
  { name: 'vector', data_type: DataType.FloatVector, dim: DIM, note: `${DIM}-d` },
  { name: 'small', data_type: DataType.FloatVector, dim: SMALL_DIM, note: `${SMALL_DIM}-d` },
  { name: 'words', data_type: DataType.VarChar, max_length: 200, note: 'text' },
  { name: 'subject', data_type: DataType.VarChar, max_length: 20, note: 'text' },
  { name: 'year', data_type: DataType.Int32, note: 'number' },
];
const vectorNames = fields.filter(field => field.dim).map(field => field.name);

const element = id => document.getElementById(id);
const client = new MilvusClient({ address: 'indexeddb://demo' });

/** Whether the collection is there, what of it is loaded, and how much that is. */
let view = { rows: undefined, fields: [], partitions: [] };
let busy = true;

/** Milvus answers a refusal with a status. */
function checked(answer) {
  const status = answer.status ?? answer;
  if (status.error_code !== 'Success') throw new Error(status.reason);
  return answer;
}

const number = new Intl.NumberFormat('en');
function size(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

function create(tag, properties, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

const boxes = group => [...element(group).querySelectorAll('input')];
const chosen = group => boxes(group).filter(box => box.checked).map(box => box.value);

function addBoxes(group, names, noteOf) {
  for (const name of names) {
    const box = create('input', { type: 'checkbox', value: name, checked: true, onchange: show });
    element(group).append(create('label', {}, box, name, create('small', { textContent: noteOf(name) })));
  }
}

async function look() {
  const { value: exists } = checked(await client.hasCollection({ collection_name }));
  if (!exists) {
    view = { rows: undefined, fields: [], partitions: [] };
    return;
  }
  const { data } = checked(await client.getCollectionStatistics({ collection_name }));
  const { state } = checked(await client.getLoadState({ collection_name }));
  const loaded = state === 'LoadStateNotLoad' ? undefined : await memoryOfCollection();
  view = {
    rows: Number(data.row_count),
    state,
    partitions: loaded?.partitions.map(partition => partition.name) ?? [],
    fields: Object.keys(loaded?.partitions[0]?.field_bytes ?? {}),
  };
}

async function memoryOfCollection() {
  const { collections } = checked(await client.getMemoryUsage());
  return collections.find(collection => collection.collection_name === collection_name);
}

function show() {
  const exists = view.rows !== undefined;
  const loaded = view.partitions.length > 0;
  const states = { LoadStateLoaded: 'loaded', LoadStateLoading: 'loading', LoadStateNotLoad: 'not loaded' };
  element('rows').textContent = exists ? number.format(view.rows) : 'none';
  element('state').textContent = states[view.state] ?? '–';

  for (const box of boxes('fields')) {
    if (loaded) box.checked = view.fields.includes(box.value);
    box.disabled = busy || loaded || box.value === 'id';
  }
  for (const box of boxes('partitions')) {
    const held = view.partitions.includes(box.value);
    if (held) box.checked = true;
    box.disabled = busy || held;
  }
  const hasVector = chosen('fields').some(name => vectorNames.includes(name));
  const missing = chosen('partitions').filter(name => !view.partitions.includes(name));
  element('load-hint').textContent =
    !hasVector ? 'A load needs the key and at least one vector.'
    : loaded ? 'More partitions can be loaded at any time; other fields after a release.'
    : 'Columns that are not chosen are not read from disk.';

  element('vector').replaceChildren(...vectorNames.filter(name => view.fields.includes(name)).map(name => new Option(name)));
  if (!loaded) element('load-progress').value = 0;
  element('fill-progress').value = exists ? 100 : 0;

  const enabled = {
    create: !exists, 'row-count': !exists, drop: exists, load: exists && hasVector && missing.length > 0, release: loaded,
    search: loaded, measure: loaded, vector: loaded,
  };
  for (const [id, isEnabled] of Object.entries(enabled)) element(id).disabled = busy || !isEnabled;
}

/** One row of the memory table, and the loaded columns as a bar. */
async function recordMemory(after) {
  const { total_bytes, collections } = checked(await client.getMemoryUsage());
  const columns = new Map();
  let rows = 0;
  for (const partition of collections.flatMap(collection => collection.partitions)) {
    rows += partition.rows;
    for (const [field, bytes] of Object.entries(partition.field_bytes)) columns.set(field, (columns.get(field) ?? 0) + bytes);
  }
  const columnBytes = [...columns.values()].reduce((sum, bytes) => sum + bytes, 0);
  const { usage = 0 } = await navigator.storage.estimate();
  element('stored').textContent = size(usage);
  const cells = [after, number.format(rows), size(columnBytes), size(total_bytes), size(usage)];
  const row = create('tr', {}, ...cells.map((text, i) => create('td', { textContent: text, className: i ? 'number' : '' })));
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

/** Does one thing at a time; whatever it throws is shown. */
async function run(name, work) {
  busy = true;
  element('error').hidden = true;
  show();
  const start = performance.now();
  try {
    element('activity').textContent = `${name} …`;
    await work();
    element('activity').textContent = `${name}: ${((performance.now() - start) / 1000).toFixed(2)} s`;
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

function fail(name, error) {
  console.error(error);
  element('activity').textContent = `${name} failed`;
  element('error').textContent = error.message ?? error.reason ?? String(error);
  element('error').hidden = false;
}

async function fill() {
  const rowCount = Number(element('row-count').value);
  checked(await client.createCollection({ collection_name, fields: fields.map(({ note, ...field }) => field) }));
  for (const field_name of vectorNames) {
    checked(await client.createIndex({ collection_name, field_name, index_type: 'FLAT', metric_type: 'COSINE' }));
  }
  for (const partition_name of subjectNames) checked(await client.createPartition({ collection_name, partition_name }));
  let inserted = 0;
  for (const { subject, rows } of batches(rowCount, BATCH_ROWS)) {
    checked(await client.insert({ collection_name, partition_name: subject, data: rows }));
    inserted += rows.length;
    element('fill-progress').value = (inserted / rowCount) * 100;
    element('rows').textContent = number.format(inserted);
  }
  checked(await client.flushSync({ collection_names: [collection_name] }));
}

async function load() {
  const load_fields = chosen('fields');
  const partition_names = chosen('partitions');
  checked(await client.loadPartitions({ collection_name, partition_names, load_fields }));
  for (;;) {
    const { progress } = checked(await client.getLoadingProgress({ collection_name, partition_names }));
    element('load-progress').value = Number(progress);
    if (Number(progress) >= 100) return;
    await new Promise(resolve => setTimeout(resolve, 20));
  }
}

function searchRequest() {
  const small = element('vector').value === 'small';
  const words = element('query').value.toLowerCase().split(/\s+/).filter(Boolean);
  const { vector, small: smallVector } = embed(words);
  return {
    collection_name,
    data: small ? smallVector : vector,
    anns_field: element('vector').value,
    filter: element('filter').value,
    limit: Number(element('limit').value),
    output_fields: view.fields.filter(name => !vectorNames.includes(name)),
  };
}

async function search() {
  const request = searchRequest();
  const start = performance.now();
  const { results } = checked(await client.search(request));
  const milliseconds = performance.now() - start;
  const columns = hit => [hit.score.toFixed(3), hit.words, hit.subject, hit.year, hit.id];
  element('hits').replaceChildren(...results.map(hit =>
    create('tr', {}, ...columns(hit).map((value, i) =>
      create('td', { textContent: value ?? '–', className: [0, 3, 4].includes(i) ? 'number' : '' })))));
  element('timing').textContent = `${results.length} hits in ${milliseconds.toFixed(1)} ms, from call to answer.`;
}

async function measure() {
  const request = searchRequest();
  const times = [];
  for (let i = 0; i < MEASURED_SEARCHES; i++) {
    const start = performance.now();
    checked(await client.search(request));
    times.push(performance.now() - start);
  }
  times.sort((left, right) => left - right);
  const at = share => times[Math.floor(times.length * share)].toFixed(2);
  element('timing').textContent = `${MEASURED_SEARCHES} searches one after the other: median ${at(0.5)} ms, p95 ${at(0.95)} ms.`;
}

/** Searches change nothing, so the page stays as it is but for their result. */
async function find(name, work) {
  busy = true;
  const focused = document.activeElement;
  element('error').hidden = true;
  for (const id of ['search', 'measure', 'load', 'release', 'drop']) element(id).disabled = true;
  try {
    await work();
  } catch (error) {
    fail(name, error);
    element('timing').textContent = 'The search was refused.';
  } finally {
    busy = false;
    const vector = element('vector').value;
    show();
    element('vector').value = vector;
    focused?.focus();
  }
}

async function searchIfLoaded() {
  if (view.partitions.length > 0) await find('Search', search);
}

function clearHits() {
  element('hits').replaceChildren();
  element('timing').textContent = 'Load the collection to search it.';
}

addBoxes('fields', fields.map(field => field.name), name => fields.find(field => field.name === name).note);
addBoxes('partitions', subjectNames, () => '');
element('create').onclick = () => run('Fill', fill);
element('load').onclick = () => run('Load', load).then(searchIfLoaded);
element('release').onclick = () => run('Release', async () => {
  checked(await client.releaseCollection({ collection_name }));
  clearHits();
});
element('drop').onclick = () => run('Drop', async () => {
  checked(await client.dropCollection({ collection_name }));
  clearHits();
});
element('search-form').onsubmit = event => {
  event.preventDefault();
  if (!busy) void find('Search', search);
};
element('measure').onclick = () => find('Search', measure);
// Another tab may have loaded, released or dropped it meanwhile.
document.addEventListener('visibilitychange', async () => {
  if (busy || document.hidden) return;
  await look().catch(error => fail('Looking', error));
  if (!busy) show();
});

show();
void run('Opening', async () => {
  await client.connectPromise;
  await look();
  // What was loaded when the page was left is loaded again.
  while (view.state === 'LoadStateLoading') {
    const { progress } = checked(await client.getLoadingProgress({ collection_name }));
    element('load-progress').value = Number(progress);
    await new Promise(resolve => setTimeout(resolve, 20));
    await look();
  }
  if (view.partitions.length > 0) element('load-progress').value = 100;
}).then(searchIfLoaded);
