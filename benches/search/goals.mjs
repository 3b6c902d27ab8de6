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

export const loadMBs = result => result?.memory?.readBytes && result.memory.readBytes / MB / (result.memory.allInMemoryMs / 1000);

/** What is still there after a release, of what the load added. */
export function remaining({ memory } = {}) {
  if (!memory || memory.loadedMegabytes <= memory.connectedMegabytes) return undefined;
  return (memory.releasedMegabytes - memory.connectedMegabytes) / (memory.loadedMegabytes - memory.connectedMegabytes);
}

const digits = value => String(Number(value.toPrecision(3)));

/** A figure of ours by one of others, which may say whose it is; both are told, because a run may leave out the best. */
function ratio(ours, theirs) {
  const { value, name } = typeof theirs === 'object' ? theirs : { value: theirs };
  if (ours === undefined || value === undefined) return {};
  return { reached: ours / value, figures: `${digits(ours)} / ${digits(value)}${name ? `, ${name}` : ''}` };
}

const plain = reached => (reached === undefined ? {} : { reached });

/**
 * Each goal: what it is, the value that is wanted at most or at least (neither where only the figure is of interest), the value
 * reached, undefined where not measured, and the figures that it is made of.
 */
export function goals({ results, limits, extras = {} }) {
  const of = (engine, set) => results.find(result => result.engine === engine && result.set === set);
  const limit = set => limits.find(result => result.set === set);
  const best = (set, chosen, figure) => {
    const known = chosen.map(name => ({ name, value: figure(of(name, set)) })).filter(({ value }) => Number.isFinite(value));
    return known.sort((a, b) => a.value - b.value)[0] ?? {};
  };
  const [tenThousand, at100k, uniform] = ['gm-10000', 'gm-100000', 'uni-100000'];
  const [ours, mmap, flat, inDatabase] = ['elanus', 'elanus-mmap', 'elanus-flat', 'elanus-indexeddb'].map(name => of(name, at100k));
  const million = of('elanus-mmap', 'gm-1000000');
  const engineMB = result => result?.memory?.engine && result.memory.engine.instanceBytes / MB;
  const good = result => searchMs(result, 0.95);
  const filter = share => ratio(filterMs(ours, share, 0.98), best(at100k, peers, result => filterMs(result, share, 0.98)));
  const graphs = peers.filter(name => engines[name].buildsGraph);
  const durable = peers.filter(name => of(name, at100k)?.memory && !engines[name].buildsGraph);
  const { messages, interference } = extras;

  const atMost = (wanted, goal, result) => ({ goal, atMost: wanted, ...result });
  const atLeast = (wanted, goal, result) => ({ goal, atLeast: wanted, ...result });
  const rows = [
    atMost(1 / 3, 'search of 100,000 clustered rows, of the fastest peer, both at recall ≥ .95', ratio(good(ours), best(at100k, peers, good))),
    atMost(0.4, 'search of 100,000 uniform rows at recall ≥ .99, of a raw float32 scan',
      ratio(searchMs(of('elanus', uniform), 0.99), limit(uniform)?.scan?.medianMs)),
    atMost(1.15, 'FLAT search of 100,000 rows, of a raw float32 scan', ratio(searchMs(flat, 0.99), limit(at100k)?.scan?.medianMs)),
    atMost(1 / 2, 'search of 10,000 clustered rows, of the fastest peer, both at recall ≥ .95',
      ratio(good(of('elanus', tenThousand)), best(tenThousand, peers, good))),
    atMost(1 / 20, 'search with a filter of 1 % of 100,000 rows, of the fastest peer, both at recall ≥ .98', filter(1)),
    atMost(1 / 8, 'the same with a filter of 10 %', filter(10)),
    atMost(1, 'insert of 100,000 rows until durable and searchable, of the fastest durable peer without a graph',
      ratio(searchableMs(ours), best(at100k, durable, searchableMs))),
    atMost(1 / 50, 'the same, of the fastest build of an HNSW graph', ratio(searchableMs(ours), best(at100k, graphs, searchableMs))),
    atMost(1 / 3, 'cold start with 100,000 rows, of the best peer that persists', ratio(coldOf(ours), best(at100k, peers, coldOf))),
    atMost(60, 'memory of the engine with 100,000 rows loaded, MB', plain(engineMB(ours))),
    atMost(12, 'the same with mmap, MB', plain(engineMB(mmap))),
    atMost(0.15, 'memory left 1 s after release, of what the load had added to the browser', plain(remaining(ours))),
    atMost(1, '1,000,000 rows with mmap: load, s', plain(million?.memory && million.memory.loadMs / 1000)),
    atMost(5, '1,000,000 rows with mmap: median search at recall ≥ .95, ms', plain(good(million))),
    atMost(150, '1,000,000 rows with mmap: memory of the engine, MB', plain(engineMB(million))),
    atLeast(0.8, 'rate of a cold load with files in IndexedDB, of raw pipelined reads',
      ratio(loadMBs(inDatabase), limit(at100k)?.indexedDbReadMBs)),
    atLeast(3, 'rate of a cold load with files in OPFS, of one with files in IndexedDB', ratio(loadMBs(ours), loadMBs(inDatabase))),
    atMost(10, "longest block of the page's thread with 100,000 rows, ms", plain(blockMs(ours))),
    { goal: 'search among ten rows, of a message to a worker and back', ...ratio(messages?.searchMs, messages?.pingMs) },
    {
      goal: 'search while another collection is flushed, indexed and compacted, of one in quiet',
      ...ratio(interference?.busyMs, interference?.quietMs),
    },
  ];
  return rows.map(row => ({ ...row, isReached: isReached(row) }));
}

function isReached({ atMost, atLeast, reached }) {
  if (reached === undefined) return undefined;
  if (atMost !== undefined) return reached <= atMost;
  return atLeast === undefined ? undefined : reached >= atLeast;
}
