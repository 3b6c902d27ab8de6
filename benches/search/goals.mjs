// What the project wants to reach, as ratios of figures of one run, because absolute ones move with the machine.
import { engines } from './engines.mjs';

const MB = 1e6;
const names = Object.keys(engines);
const peers = names.filter(name => !engines[name].isOurs);

const least = values => {
  const known = values.filter(value => Number.isFinite(value));
  return known.length > 0 ? Math.min(...known) : undefined;
};

/** Of the plans that reach a recall, the fastest one's median. */
export const medianAt = (tried, recall) => least((tried ?? []).filter(plan => plan.recall >= recall).map(plan => plan.medianMs));

export const searchesOf = result => result?.cold ?? result?.unsaved;
export const coldOf = result => result?.cold?.coldMs;
const searchMs = (result, recall) => medianAt(searchesOf(result)?.search, recall);
const filterMs = (result, share, recall) => medianAt(searchesOf(result)?.filtered[share], recall);
export const searchableMs = result => result?.build && Math.max(result.build.searchableMs, result.build.durableMs);

/** What the page's thread could not do anything in, whatever the engine did. */
export const blockMs = result => {
  const blocks = [result?.build, result?.cold, result?.memory].map(step => step?.blockMs).filter(ms => ms !== undefined);
  return blocks.length > 0 ? Math.max(...blocks) : undefined;
};

export const loadMBs = result => result?.memory?.readBytes && result.memory.readBytes / MB / (result.memory.loadMs / 1000);

/** What is still there after a release, of what the load added. */
export const remaining = ({ memory } = {}) =>
  memory && (memory.releasedMegabytes - memory.connectedMegabytes) / (memory.loadedMegabytes - memory.connectedMegabytes);

const ratio = (ours, theirs) => (ours === undefined || theirs === undefined ? undefined : ours / theirs);

/** Each goal: what it is, the value that is wanted at most (or at least), and the value reached, undefined where not measured. */
export function goals({ results, limits, extras }) {
  const of = (engine, set) => results.find(result => result.engine === engine && result.set === set);
  const limit = set => limits.find(result => result.set === set);
  const best = (set, chosen, figure) => least(chosen.map(name => figure(of(name, set) ?? {})));
  const at100k = 'gm-100000';
  const ours = of('elanus', at100k);
  const mmap = of('elanus-mmap', at100k);
  const million = of('elanus-mmap', 'gm-1000000');
  const against = (set, figure, chosen = peers) => ratio(figure(of('elanus', set) ?? {}), best(set, chosen, figure));
  const oursSaved = searchableMs(ours);
  const persisting = peers.filter(name => of(name, at100k)?.cold);
  const durable = peers.filter(name => of(name, at100k)?.memory && !engines[name].buildsGraph);
  const rows = [
    ['search of 100,000 clustered rows, of the fastest peer, both at recall ≥ .95', 1 / 3, against(at100k, result => searchMs(result, 0.95))],
    ['search of 100,000 uniform rows at recall ≥ .99, of a raw float32 scan', 0.4,
      ratio(searchMs(of('elanus', 'uni-100000'), 0.99), limit('uni-100000')?.scan?.medianMs)],
    ['FLAT search of 100,000 rows, of a raw float32 scan', 1.15, ratio(searchMs(of('elanus-flat', at100k), 0.99), limit(at100k)?.scan?.medianMs)],
    ['search of 10,000 clustered rows, of the fastest peer, both at recall ≥ .95', 1 / 2, against('gm-10000', result => searchMs(result, 0.95))],
    ['search with a filter of 1 % of 100,000 rows at recall ≥ .98, of the best peer at any recall', 1 / 20,
      ratio(filterMs(ours, 1, 0.98), best(at100k, peers, result => filterMs(result, 1, 0)))],
    ['search with a filter of 10 %, likewise', 1 / 8, ratio(filterMs(ours, 10, 0.98), best(at100k, peers, result => filterMs(result, 10, 0)))],
    ['insert of 100,000 rows until durable and searchable, of the fastest durable peer without a graph', 1,
      ratio(oursSaved, best(at100k, durable, searchableMs))],
    ['the same, of the fastest build of an HNSW graph', 1 / 50, ratio(oursSaved, best(at100k, peers.filter(name => engines[name].buildsGraph), searchableMs))],
    ['cold start with 100,000 rows, of the best peer that persists', 1 / 3, ratio(coldOf(ours), best(at100k, persisting, coldOf))],
    ['memory of the engine with 100,000 rows loaded, MB', 60, ours?.memory && ours.memory.engine.instanceBytes / MB],
    ['the same with mmap, MB', 12, mmap?.memory && mmap.memory.engine.instanceBytes / MB],
    ['memory left 1 s after release, of what the load had added to the browser', 0.15, remaining(ours)],
    ['1,000,000 rows with mmap: load, s', 1, million?.memory && million.memory.loadMs / 1000],
    ['1,000,000 rows with mmap: median search at recall ≥ .95, ms', 5, searchMs(million, 0.95)],
    ['1,000,000 rows with mmap: memory of the engine, MB', 150, million?.memory && million.memory.engine.instanceBytes / MB],
    ["longest block of the page's thread with 100,000 rows, ms", 10, blockMs(ours)],
    ['search among ten rows, of a message to a worker and back', undefined, ratio(extras?.messages?.searchMs, extras?.messages?.pingMs)],
    ['search while another collection is flushed, indexed and compacted, of one in quiet', undefined, ratio(extras?.interference?.busyMs, extras?.interference?.quietMs)],
  ].map(([goal, atMost, reached]) => ({ goal, atMost, reached }));
  const loadRatio = ratio(loadMBs(ours), limit(at100k)?.indexedDbReadMBs);
  rows.push(
    { goal: 'rate of a cold load, of raw pipelined reads of IndexedDB', atLeast: 0.8, reached: loadRatio },
    { goal: 'the same with files in OPFS', atLeast: 3, reached: loadRatio });
  return rows.map(row => ({
    ...row,
    isReached: row.reached === undefined || (row.atMost ?? row.atLeast) === undefined
      ? undefined
      : row.atMost !== undefined ? row.reached <= row.atMost : row.reached >= row.atLeast,
  }));
}
