// edgevec: an HNSW graph in the page's thread, stored in IndexedDB.
import init, { EdgeVec, EdgeVecConfig } from 'edgevec';
import { breathe } from '../measure.mjs';

const name = 'bench';
const ROWS_AT_ONCE = 50;
const FIRST_ID = 1;
const rowOf = ({ id }) => id - FIRST_ID;

export async function connect({ dim }) {
  await init();
  let index;
  return {
    plans: ['its default'],
    async insertAll({ count, vectors, percents }, mark) {
      const config = new EdgeVecConfig(dim);
      // All vectors are of unit length, so this ranks as the cosine does, with which it finds the farthest.
      config.metric = 'l2';
      index = new EdgeVec(config);
      for (let row = 0; row < count; row += 1) {
        const id = index.insertWithMetadata(vectors.subarray(row * dim, (row + 1) * dim), { percent: percents[row] });
        if (id !== row + FIRST_ID) throw new Error(`row ${row} has the id ${id}`);
        if (row % ROWS_AT_ONCE === 0) await breathe();
      }
      mark('searchable');
      await index.save(name);
      mark('durable');
    },
    async reopen() {
      index = await EdgeVec.load(name);
    },
    search: vector => index.search(vector, 10).map(rowOf),
    filteredSearch: (vector, share) => index.searchWithFilter(vector, `percent < ${share}`, 10).map(rowOf),
    release: () => index.free(),
  };
}
