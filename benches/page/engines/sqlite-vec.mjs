// sqlite-vec: an exact scan in a worker, stored in OPFS.

const ROWS_AT_ONCE = 1000;

export async function connect({ dim }) {
  const worker = new Worker(new URL('../sqlite-vec-worker.mjs', import.meta.url), { type: 'module' });
  const waiting = new Map();
  let last = 0;
  worker.onmessage = ({ data: { id, answer, error } }) => {
    const { resolve, reject } = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) resolve(answer);
    else reject(new Error(error));
  };
  const call = (method, ...values) =>
    new Promise((resolve, reject) => {
      last += 1;
      waiting.set(last, { resolve, reject });
      worker.postMessage({ id: last, method, values });
    });
  await new Promise((resolve, reject) => {
    worker.onerror = event => reject(new Error(event.message));
    call('open', dim).then(resolve, reject);
  });
  return {
    plans: ['exact'],
    async insertAll({ count, vectors, percents }, mark) {
      await call('begin');
      for (let from = 0; from < count; from += ROWS_AT_ONCE) {
        const to = Math.min(from + ROWS_AT_ONCE, count);
        await call('insert', from, vectors.slice(from * dim, to * dim), percents.slice(from, to));
      }
      await call('commit');
      mark('durable');
    },
    // The first search reads what it needs.
    reopen: () => undefined,
    search: vector => call('search', vector),
    filteredSearch: (vector, share) => call('search', vector, share),
    release: () => worker.terminate(),
  };
}
