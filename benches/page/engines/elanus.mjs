// elanus through its client, as any page uses it.
import { MilvusClient } from 'elanus';
import { collection_name, createCollection, done, insertRows, rowsOf } from '../elanus-rows.mjs';

/** A thousand queries may take longer than the client waits by default. */
const MANY_MS = 600_000;

/** Keys and scores are what the other engines answer with, too. */
const output_fields = ['id'];

/** A recall level of AUTOINDEX, or the width of a search in a graph. */
const plansOf = {
  AUTOINDEX: Array.from({ length: 10 }, (_, at) => ({ level: at + 1 })),
  HNSW: [64, 128, 256, 512, 1024, 2048].map(ef => ({ ef })),
  FLAT: [{}],
};

export async function connect(set, { index_type, params, source, mmap, filesIn }) {
  const client = new MilvusClient({ address: 'indexeddb://bench', filesIn });
  await client.connectPromise;

  const find = async (data, plan, rest = {}) => {
    const answer = await client.search({ collection_name, data, limit: 10, params: plan, output_fields, ...rest });
    return done(answer).results.map(({ id }) => Number(id));
  };

  async function importFiles() {
    const at = name => new URL(`${set.url}${name}.npy`, location.href).href;
    const { tasks: [task] } = done(await client.bulkInsert({ collection_name, files: ['id', 'percent', 'v'].map(at) }));
    let last;
    for await (const state of client.watchImport({ task })) last = state;
    if (last.state !== 'ImportCompleted') throw new Error(JSON.stringify(last));
  }

  /** Until no row waits for its index. */
  async function waitForIndex() {
    for (;;) {
      const { index_descriptions: [index] } = done(await client.describeIndex({ collection_name, field_name: 'v' }));
      if (index.state === 'Failed') throw new Error(`the index failed: ${index.index_state_fail_reason}`);
      if (Number(index.pending_index_rows) === 0 && Number(index.indexed_rows) >= set.rows) return;
      await new Promise(resolve => setTimeout(resolve, 20));
    }
  }

  /** A load answers before all that is to be in memory is there. */
  async function allInMemory() {
    while (done(await client.getMemoryUsage({ collection_name })).collections[0].awaited_bytes > 0);
  }

  return {
    plans: plansOf[index_type],
    readsFiles: source === 'files',
    prepare: rowsOf,
    async insertAll(rows, mark) {
      await createCollection(client, set.dim, { index_type, params, mmap });
      if (source === 'files') await importFiles();
      else await insertRows(client, rows);
      mark('durable');
      if (source !== 'files') done(await client.flush({ collection_names: [collection_name] }));
      await waitForIndex();
      done(await client.loadCollection({ collection_name }));
      await allInMemory();
      mark('searchable');
    },
    reopen: () => client.loadCollection({ collection_name }).then(done),
    search: find,
    filteredSearch: (vector, share, plan) => find(vector, plan, { filter: `percent < ${share}` }),
    async searchMany(vectors, plan) {
      const answer = await client.search({ collection_name, data: vectors, limit: 10, params: plan, output_fields, timeout: MANY_MS });
      return done(answer).results.map(hits => hits.map(({ id }) => Number(id)));
    },
    allInMemory,
    async memory() {
      const { collections: [{ bytes, nodes, read_bytes }] } = done(await client.getMemoryUsage({ collection_name }));
      const sum = values => values.reduce((total, value) => total + value, 0);
      return { bytes, instanceBytes: sum(nodes.map(node => node.instance_bytes)), readBytes: sum(Object.values(read_bytes)) };
    },
    release: () => client.releaseCollection({ collection_name }).then(done),
    close: () => client.closeConnection(),
    extras: {
      messages: async () => (await import('../elanus-extras.mjs')).messages(client),
      interference: async ({ query }) => (await import('../elanus-extras.mjs')).interference(client, set.dim, query),
    },
  };
}
