// One engine with one data set, in a page that has nothing else: the steps that benches/search/run.mjs asks for.
import { latency, watchThread } from './measure.mjs';
import { npyStart } from './npy.mjs';

// The page is `search.html?module=…&options=…&set=…`; what is timed from the page's start needs no answer of the server.
const parameters = new URLSearchParams(location.search);
const set = JSON.parse(parameters.get('set'));
const engine = import(`./engines/${parameters.get('module')}.mjs`)
  .then(({ connect }) => connect({ ...set, url: `/sets/${set.name}/`, percents }, JSON.parse(parameters.get('options'))));

async function bytes(name) {
  const response = await fetch(`/sets/${set.name}/${name}`);
  if (!response.ok) throw new Error(`${response.url} answers ${response.status}`);
  return response.arrayBuffer();
}

async function column(name, Type) {
  const buffer = await bytes(`${name}.npy`);
  return new Type(buffer, npyStart(new Uint8Array(buffer, 0, 16)));
}

/** For engines that filter by a function of the page. */
const percents = () => column('percent', Int8Array);

let queries;
let truth;
const query = number => {
  const from = (number % (queries.length / set.dim)) * set.dim;
  return queries.subarray(from, from + set.dim);
};

async function readQueries() {
  queries = new Float32Array(await bytes('queries.f32'));
  ({ truth } = await (await fetch(`/sets/${set.name}/set.json`)).json());
}

/** The share of what the first queries must find that is found. */
async function recall(find, share) {
  let found = 0;
  let wanted = 0;
  for (const [number, rows] of truth[share].entries()) {
    const ids = new Set(await find(query(number)));
    found += rows.filter(row => ids.has(row)).length;
    wanted += rows.length;
  }
  return found / wanted;
}

/** Everything in, in a new store: how long until it is durable, until it can be searched, and the longest block meanwhile. */
async function build() {
  const made = await engine;
  await readQueries();
  let rows;
  if (!made.readsFiles) {
    rows = { count: set.rows, dim: set.dim, vectors: await column('v', Float32Array), percents: await percents() };
    rows = (await made.prepare?.(rows)) ?? rows;
  }
  const longestBlock = watchThread();
  const began = performance.now();
  const times = {};
  await made.insertAll(rows, what => (times[`${what}Ms`] = performance.now() - began));
  const ids = await made.search(query(0), made.plans[0]);
  if (ids.length === 0) throw new Error('a search after the insert finds nothing');
  times.searchableMs ??= performance.now() - began;
  return { ...times, blockMs: await longestBlock() };
}

/** From the page's start to the first answer that has the nearest row. */
async function coldStart(vectors, nearest) {
  const longestBlock = watchThread();
  const made = await engine;
  await made.reopen();
  for (const [number, row] of nearest.entries()) {
    const ids = await made.search(Float32Array.from(vectors[number]), made.plans[0]);
    if (ids.includes(row)) return { coldMs: performance.now(), coldTries: number + 1, blockMs: await longestBlock() };
  }
  throw new Error(`none of ${nearest.length} searches finds the nearest row`);
}

/** Goes from the default plan to more thorough ones until recall is high enough. */
async function throughPlans(made, enough, searchWith, share) {
  const tried = [];
  for (const plan of made.plans) {
    const find = searchWith(plan);
    const result = { plan, recall: await recall(find, share), ...(await latency(number => find(query(number)))) };
    tried.push(result);
    if (result.recall >= enough) break;
  }
  return tried;
}

async function search(enough) {
  const made = await engine;
  await readQueries();
  return throughPlans(made, enough, plan => vector => made.search(vector, plan), 100);
}

async function filtered(share, enough) {
  const made = await engine;
  if (!made.filteredSearch) return undefined;
  return throughPlans(made, enough, plan => vector => made.filteredSearch(vector, share, plan), share);
}

/** All queries in one call; after searches one by one, which have warmed up everything. */
async function many() {
  const made = await engine;
  if (!made.searchMany) return undefined;
  const count = queries.length / set.dim;
  const vectors = Array.from({ length: count }, (_, number) => query(number));
  const began = performance.now();
  const answers = await made.searchMany(vectors, made.plans[0]);
  const ms = performance.now() - began;
  const missing = answers.findIndex(ids => ids.length === 0);
  if (answers.length !== count || missing >= 0) throw new Error('a call with many queries leaves some without an answer');
  return { count, ms };
}

/** Reads everything of the store; what it has read, if the engine tells, and how long that took until searches and in all. */
async function load() {
  const made = await engine;
  const longestBlock = watchThread();
  const began = performance.now();
  await made.reopen();
  const loadMs = performance.now() - began;
  await made.allInMemory?.();
  const allInMemoryMs = performance.now() - began;
  return { loadMs, allInMemoryMs, blockMs: await longestBlock(), ...(await made.memory?.()) };
}

async function searchOnce(times) {
  const made = await engine;
  for (let number = 0; number < times; number += 1) await made.search(query(number), made.plans[0]);
}

const steps = {
  build, coldStart, search, filtered, many, load, searchOnce, readQueries,
  connect: async () => void (await engine),
  memory: async () => (await engine).memory?.(),
  release: async () => void (await (await engine).release()),
  close: async () => void (await (await engine).close?.()),
  extra: async (name, ...values) => (await engine).extras[name]({ query }, ...values),
};

/** Some engines throw objects that are no errors, of which nothing would be told. */
const asError = thrown => (thrown instanceof Error ? thrown : new Error(typeof thrown === 'string' ? thrown : JSON.stringify(thrown)));

window.bench = Object.fromEntries(Object.entries(steps).map(([name, step]) => [
  name,
  async (...values) => {
    try {
      return await step(...values);
    } catch (thrown) {
      throw asError(thrown);
    }
  },
]));
