// The sections of made-up rows: a collection that is filled by inserts, loaded by field and partition, searched and released.
import { DataType } from 'elanus';
import {
  addSection, checked, client, create, element, find, isBusy, number, run, show, stateName, tableRows, whileLoading,
} from './page.js';
import { DIM, SMALL_DIM, batches, embed, subjectNames } from './words.js';

const collection_name = 'words';
const BATCH_ROWS = 500;
const MEASURED_SEARCHES = 100;

const fields = [
  { name: 'id', data_type: DataType.Int64, is_primary_key: true, note: 'key' },
  { name: 'vector', data_type: DataType.FloatVector, dim: DIM, note: `${DIM}-d` },
  { name: 'small', data_type: DataType.FloatVector, dim: SMALL_DIM, note: `${SMALL_DIM}-d` },
  { name: 'words', data_type: DataType.VarChar, max_length: 200, note: 'text' },
  { name: 'subject', data_type: DataType.VarChar, max_length: 20, note: 'text' },
  { name: 'year', data_type: DataType.Int32, note: 'number' },
];
const vectorNames = fields.filter(field => field.dim).map(field => field.name);

/** Whether the collection is there, what of it is loaded, and how much that is. */
let view = { rows: undefined, fields: [], partitions: [] };

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

function showView() {
  const exists = view.rows !== undefined;
  const loaded = view.partitions.length > 0;
  element('rows').textContent = exists ? number.format(view.rows) : 'none';
  element('state').textContent = stateName(view.state);

  for (const box of boxes('fields')) {
    if (loaded) box.checked = view.fields.includes(box.value);
    box.disabled = isBusy() || loaded || box.value === 'id';
  }
  for (const box of boxes('partitions')) {
    const held = view.partitions.includes(box.value);
    if (held) box.checked = true;
    box.disabled = isBusy() || held;
  }
  const hasVector = chosen('fields').some(name => vectorNames.includes(name));
  const missing = chosen('partitions').filter(name => !view.partitions.includes(name));
  element('load-hint').textContent =
    !hasVector ? 'A load needs the key and at least one vector.'
    : loaded ? 'More partitions can be loaded at any time; other fields after a release.'
    : 'Columns that are not chosen are not read from disk.';

  const selected = element('vector').value;
  const choices = vectorNames.filter(name => view.fields.includes(name));
  element('vector').replaceChildren(...choices.map(name => new Option(name, name, false, name === selected)));
  if (!loaded) element('load-progress').value = 0;
  element('fill-progress').value = exists ? 100 : 0;

  const enabled = {
    create: !exists, 'row-count': !exists, drop: exists, load: exists && hasVector && missing.length > 0, release: loaded,
    search: loaded, measure: loaded, vector: loaded,
  };
  for (const [id, isEnabled] of Object.entries(enabled)) element(id).disabled = isBusy() || !isEnabled;
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
  await whileLoading({ collection_name, partition_names }, element('load-progress'));
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
  const rows = results.map(hit => [hit.score.toFixed(3), hit.words, hit.subject, hit.year, hit.id]);
  element('hits').replaceChildren(...tableRows(rows, [0, 3, 4]));
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

async function searchIfLoaded() {
  if (view.partitions.length > 0) await find(element('timing'), search);
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
  if (!isBusy()) void find(element('timing'), search);
};
element('measure').onclick = () => find(element('timing'), measure);

/** What was loaded when the page was left is loaded again. */
async function resume() {
  if (view.state === 'LoadStateLoading') await run('Load', () => whileLoading({ collection_name }, element('load-progress')));
  if (view.partitions.length > 0) element('load-progress').value = 100;
  await searchIfLoaded();
}

addSection({ look, show: showView, resume });
