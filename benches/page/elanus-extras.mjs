// What only elanus is asked: what its messages cost, and what work in the background does to searches.
import { latency } from './measure.mjs';
import { collection_name, createCollection, done, insertRows, rowsOf } from './elanus-rows.mjs';

const TINY_DIM = 384;
const TINY_ROWS = 10;

/** A search among ten rows, where finding takes no time, against a worker that answers a query with as many hits at once. */
export async function messages(client) {
  const tiny = 'tiny';
  await createCollection(client, TINY_DIM, { name: tiny, index_type: 'FLAT' });
  const vectors = Float32Array.from({ length: TINY_ROWS * TINY_DIM }, (_, at) => Math.sin(at));
  await insertRows(client, rowsOf({ count: TINY_ROWS, dim: TINY_DIM, vectors, percents: new Int8Array(TINY_ROWS) }), tiny);
  done(await client.loadCollection({ collection_name: tiny }));
  const vector = vectors.slice(0, TINY_DIM);
  const search = await latency(() => client.search({ collection_name: tiny, data: vector, limit: TINY_ROWS, output_fields: ['id'] }));

  const worker = new Worker(new URL('./echo-worker.mjs', import.meta.url), { type: 'module' });
  const ping = () =>
    new Promise(resolve => {
      worker.onmessage = ({ data }) => resolve(JSON.parse(data));
      worker.postMessage(vector);
    });
  await ping();
  const echo = await latency(ping);
  worker.terminate();
  done(await client.dropCollection({ collection_name: tiny }));
  return { searchMs: search.medianMs, pingMs: echo.medianMs };
}

const OTHER_ROWS = 24_000;
/** The clock is too coarse for one. */
const SEARCHES_AT_ONCE = 5;

/** The median time of searches of the loaded collection, before and while another is flushed, indexed and compacted. */
export async function interference(client, dim, query) {
  const other = 'other';
  const search = number => client.search({ collection_name, data: query(number), limit: 10 });
  const { medianMs: quietMs } = await latency(search);
  await createCollection(client, dim, { name: other, index_type: 'AUTOINDEX' });
  const vectors = Float32Array.from({ length: OTHER_ROWS * dim }, () => Math.random() - 0.5);
  const rows = rowsOf({ count: OTHER_ROWS, dim, vectors, percents: new Int8Array(OTHER_ROWS) });
  const [half, sixth] = [OTHER_ROWS / 2, OTHER_ROWS / 6];

  let isOver = false;
  const times = [];
  const searching = (async () => {
    for (let number = 0; !isOver; number += 1) {
      const began = performance.now();
      for (let i = 0; i < SEARCHES_AT_ONCE; i += 1) await search(number * SEARCHES_AT_ONCE + i);
      times.push((performance.now() - began) / SEARCHES_AT_ONCE);
    }
  })();
  try {
    // Two segments, which compaction makes one of when a third of their rows is gone.
    for (const some of [rows.slice(0, half), rows.slice(half)]) {
      await insertRows(client, some, other);
      done(await client.flush({ collection_names: [other] }));
    }
    // By key, because other deletes need the collection loaded.
    const ids = [...rows.slice(0, sixth), ...rows.slice(-sixth)].map(({ id }) => id);
    done(await client.delete({ collection_name: other, ids }));
    done(await client.flush({ collection_names: [other] }));
    const { compactionID } = done(await client.compact({ collection_name: other }));
    while (done(await client.getCompactionState({ compactionID })).state !== 'Completed') {
      await new Promise(resolve => setTimeout(resolve, 10));
    }
  } finally {
    isOver = true;
    await searching;
  }
  times.sort((a, b) => a - b);
  done(await client.dropCollection({ collection_name: other }));
  return { quietMs, busyMs: times[Math.floor(times.length / 2)], searches: times.length * SEARCHES_AT_ONCE };
}
