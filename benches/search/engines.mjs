// What is measured: engines, each with the module of benches/page/engines that knows its API, and which of them take which data.

/** hnswlib's own defaults, for all that let them be chosen. */
const GRAPH = { M: 16, efConstruction: 200 };

const elanus = options => ({ module: 'elanus', options: { index_type: 'AUTOINDEX', source: 'rows', ...options }, isOurs: true });

export const engines = {
  elanus: { title: 'elanus, AUTOINDEX', ...elanus() },
  'elanus-import': { title: 'elanus, AUTOINDEX, bulkInsert', ...elanus({ source: 'files' }) },
  'elanus-mmap': { title: 'elanus, AUTOINDEX, mmap, bulkInsert', ...elanus({ source: 'files', mmap: true }) },
  'elanus-indexeddb': { title: 'elanus, AUTOINDEX, files in IndexedDB', ...elanus({ filesIn: 'indexeddb' }) },
  'elanus-flat': { title: 'elanus, FLAT', ...elanus({ index_type: 'FLAT' }) },
  'elanus-hnsw': { title: 'elanus, HNSW', ...elanus({ index_type: 'HNSW', params: GRAPH }), isSlow: true },
  ferrovec: { title: 'ferrovec 0.4.0 core, HNSW', buildsGraph: true, isSlow: true },
  'hnswlib-wasm': { title: 'hnswlib-wasm 0.8.2, HNSW', options: GRAPH, buildsGraph: true, isSlow: true },
  pglite: { title: 'PGlite 0.5.14, pgvector HNSW', buildsGraph: true, isSlow: true },
  'sqlite-vec': { title: 'sqlite-vec 0.1.7-alpha.2, OPFS' },
  orama: { title: 'Orama 3.1.18' },
  edgevec: { title: 'edgevec 0.9.0, HNSW', buildsGraph: true, isSlow: true },
};
for (const [name, engine] of Object.entries(engines)) {
  Object.assign(engine, { name, module: engine.module ?? name, options: engine.options ?? {} });
}

/** What one run measures when nothing else is asked for: graphs of a hundred thousand rows take minutes, so not of everything. */
const everything = Object.keys(engines);
const quick = everything.filter(name => !engines[name].isSlow);
export const plan = [
  { kind: 'gm', rows: 10_000, names: everything },
  { kind: 'low', rows: 10_000, names: everything },
  { kind: 'uni', rows: 10_000, names: everything },
  { kind: 'away', rows: 10_000, names: ['elanus', 'elanus-mmap', 'elanus-hnsw', 'ferrovec', 'hnswlib-wasm'] },
  // edgevec, which would be built twice because it cannot read what it has saved, would take a third of the run.
  { kind: 'gm', rows: 100_000, names: everything.filter(name => name !== 'edgevec') },
  { kind: 'low', rows: 100_000, names: quick },
  { kind: 'uni', rows: 100_000, names: quick },
  { kind: 'wordnet', names: [...quick, 'hnswlib-wasm'] },
  // As float32 in one module's memory for a scan, these are too much.
  { kind: 'gm', rows: 1_000_000, names: ['elanus-mmap', 'elanus-import'], withoutLimits: true },
];
