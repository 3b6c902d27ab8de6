// The section of WordNet's definitions: imported from a file of JSON Lines, loaded, searched by their meaning, released.
import { DataType } from 'elanus';
import {
  addSection, checked, client, element, fail, find, isBusy, number, run, seconds, show, size, stateName, tableRows, whileLoading,
} from './page.js';
import { loadQueryVectors } from './query-vector.js';

const collection_name = 'definitions';
const FILE = 'wordnet/definitions.jsonl';
const ENDED = ['ImportCompleted', 'ImportFailedAndCleaned'];
const HITS = 10;
const CLOCK_MS = 100;
const LOAD_FIRST = 'Load the definitions to search them.';

const fields = [
  { name: 'id', data_type: DataType.Int64, is_primary_key: true },
  { name: 'words', data_type: DataType.VarChar, max_length: 400 },
  { name: 'part_of_speech', data_type: DataType.VarChar, max_length: 10 },
  { name: 'definition', data_type: DataType.VarChar, max_length: 600 },
  { name: 'vector', data_type: DataType.FloatVector, dim: 256 },
];

const NOTHING = { exists: false, rows: 0, memoryBytes: 0 };
/** What is there of the collection; `task` is an import that is under way, of this page or of another. */
let view = NOTHING;
/** The import as its last event told it, of whatever page. */
let progress;
let isCancelled;

async function look() {
  const { value: exists } = checked(await client.hasCollection({ collection_name }));
  if (!exists) {
    view = NOTHING;
    return;
  }
  const { data } = checked(await client.getCollectionStatistics({ collection_name }));
  const { state } = checked(await client.getLoadState({ collection_name }));
  const { tasks } = checked(await client.listImportTasks({ collection_name }));
  const { collections } = checked(await client.getMemoryUsage({ collection_name }));
  const underWay = tasks.find(task => !ENDED.includes(task.state));
  const nodes = collections.flatMap(collection => collection.nodes);
  view = {
    exists,
    rows: Number(data.row_count),
    state,
    memoryBytes: nodes.reduce((sum, node) => sum + node.instance_bytes, 0),
    task: underWay?.id,
    taskStartedMs: underWay && Number(underWay.create_ts) * 1000,
  };
}

function showView() {
  const { exists, rows, state, memoryBytes, task } = view;
  const loaded = state === 'LoadStateLoaded';
  element('definitions-rows').textContent = exists ? number.format(rows) : 'none';
  element('definitions-state').textContent = stateName(state);
  element('definitions-memory').textContent = size(memoryBytes);
  if (!exists) progress = undefined;
  element('import-figures').hidden = !progress;
  if (!progress) element('import-progress').value = rows > 0 ? 100 : 0;
  element('definitions-load-progress').value = loaded ? 100 : 0;

  const enabled = {
    import: rows === 0 && !task, 'definitions-load': rows > 0 && !task && !loaded, 'definitions-release': loaded,
    'definitions-drop': exists && !task, 'definitions-search': loaded,
  };
  for (const [id, isEnabled] of Object.entries(enabled)) element(id).disabled = isBusy() || !isEnabled;
  element('import-cancel').disabled = !task;
}

function showImport() {
  element('import-figures').hidden = false;
  // Until the whole file is stored nobody knows its length: the bar is in motion without a value.
  if (progress.state === 'ImportPending') element('import-progress').removeAttribute('value');
  else element('import-progress').value = progress.progress;
  element('import-percent').textContent = `${progress.progress} %`;
  element('import-job-state').textContent = progress.state;
  element('import-rows').textContent = number.format(progress.row_count);
}

function showPace(startedMs) {
  const milliseconds = Date.now() - startedMs;
  element('import-time').textContent = seconds(milliseconds);
  element('import-pace').textContent = number.format(Math.round((progress?.row_count ?? 0) / (milliseconds / 1000)));
}

async function importFile() {
  const startedMs = Date.now();
  checked(await client.createCollection({ collection_name, fields }));
  checked(await client.createIndex({ collection_name, field_name: 'vector', index_type: 'FLAT', metric_type: 'COSINE' }));
  const { tasks } = checked(await client.bulkInsert({ collection_name, files: [FILE] }));
  await finish(tasks[0], startedMs);
}

/** Of a job that failed or was cancelled no row is left, so the collection goes too: the next import makes it again. */
async function finish(task, startedMs) {
  view = { ...view, exists: true, task };
  isCancelled = false;
  show();
  const clock = setInterval(showPace, CLOCK_MS, startedMs);
  try {
    for await (const { state, infos } of client.watchImport({ task })) {
      if (state !== 'ImportFailedAndCleaned') continue;
      checked(await client.dropCollection({ collection_name }));
      if (!isCancelled) throw new Error(infos.find(info => info.key === 'failed_reason').value);
      clearHits('The import was cancelled. Nothing of it is left.');
    }
    showPace(startedMs);
  } finally {
    clearInterval(clock);
  }
}

async function cancel() {
  isCancelled = true;
  checked(await client.cancelImport({ task: view.task }));
}

async function load() {
  checked(await client.loadCollection({ collection_name }));
}

async function release() {
  const { memoryBytes } = view;
  const start = performance.now();
  checked(await client.releaseCollection({ collection_name }));
  const time = seconds(performance.now() - start);
  clearHits(`${size(memoryBytes)} of memory went back to the system in ${time}. ${LOAD_FIRST}`);
}

/** Made of files that the first search fetches. */
let vectorOf;

async function search() {
  vectorOf ??= await loadQueryVectors('wordnet/terms.json', 'wordnet/term-vectors.i8');
  const vector = vectorOf(element('definitions-query').value);
  if (!vector) return clearHits('No definition has any of these words.');
  const part = element('part-of-speech').value;
  const start = performance.now();
  const { results } = checked(await client.search({
    collection_name, data: vector, limit: HITS, filter: part && `part_of_speech == "${part}"`,
    output_fields: ['words', 'part_of_speech', 'definition'],
  }));
  const milliseconds = (performance.now() - start).toFixed(1);
  const rows = results.map(hit => [hit.score.toFixed(3), hit.words, hit.part_of_speech, hit.definition]);
  element('definitions-hits').replaceChildren(...tableRows(rows, [0]));
  element('definitions-timing').textContent =
    `The ${results.length} nearest of ${number.format(view.rows)} definitions in ${milliseconds} ms, from call to answer.`;
}

function clearHits(why) {
  element('definitions-hits').replaceChildren();
  element('definitions-timing').textContent = why;
}

async function searchIfLoaded() {
  if (view.state === 'LoadStateLoaded') await find(element('definitions-timing'), search);
}

async function loadAndSearch() {
  if (view.rows > 0) await run('Load', load);
  await searchIfLoaded();
}

/** An import goes on without the page that began it, and what was loaded when the page was left is loaded again. */
async function resume() {
  const { task, taskStartedMs } = view;
  if (task) return run('Import', () => finish(task, taskStartedMs)).then(loadAndSearch);
  const bar = element('definitions-load-progress');
  if (view.state === 'LoadStateLoading') await run('Load', () => whileLoading({ collection_name }, bar));
  return searchIfLoaded();
}

client.on('importstate', event => {
  if (event.collection_name !== collection_name) return;
  progress = event;
  showImport();
});
client.on('loadprogress', event => {
  if (event.collection_name === collection_name) element('definitions-load-progress').value = event.progress;
});
element('import').onclick = () => run('Import', importFile).then(loadAndSearch);
element('import-cancel').onclick = () => cancel().catch(error => fail('Cancelling', error));
element('definitions-load').onclick = loadAndSearch;
element('definitions-release').onclick = () => run('Release', release);
element('definitions-drop').onclick = () => run('Drop', async () => {
  checked(await client.dropCollection({ collection_name }));
  clearHits(LOAD_FIRST);
});
element('definitions-form').onsubmit = event => {
  event.preventDefault();
  if (!isBusy()) void searchIfLoaded();
};

addSection({ look, show: showView, resume });
