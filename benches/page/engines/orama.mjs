// Orama: an exact scan in JavaScript; the page stores what `save` gives, in IndexedDB.
import { create, insertMultiple, load, save, search } from 'orama';
import { readValue, writeValue } from '../indexed-db.mjs';

const ROWS_AT_ONCE = 500;
const key = 'orama';

export async function connect({ dim }) {
  let database;
  const open = () => create({ schema: { id: 'string', percent: 'number', v: `vector[${dim}]` } });
  const find = async (vector, where) => {
    const { hits } = await search(database, {
      mode: 'vector', vector: { value: vector, property: 'v' }, limit: 10, similarity: -1, includeVectors: false, ...where,
    });
    return hits.map(({ id }) => Number(id));
  };
  return {
    plans: ['exact'],
    prepare: ({ count, vectors, percents }) =>
      Array.from({ length: count }, (_, row) => ({
        id: String(row), percent: percents[row], v: [...vectors.subarray(row * dim, (row + 1) * dim)],
      })),
    async insertAll(documents, mark) {
      database = await open();
      await insertMultiple(database, documents, ROWS_AT_ONCE);
      mark('searchable');
      await writeValue(key, await save(database));
      mark('durable');
    },
    async reopen() {
      database = await open();
      await load(database, await readValue(key));
    },
    search: vector => find(vector),
    filteredSearch: (vector, share) => find(vector, { where: { percent: { lt: share } } }),
    release() {
      database = undefined;
    },
  };
}
