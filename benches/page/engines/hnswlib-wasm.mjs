// hnswlib-wasm: an HNSW graph in the page's thread, stored in IndexedDB by Emscripten's file system.
import { loadHnswlib, syncFileSystem } from 'hnswlib-wasm';
import { breathe } from '../measure.mjs';

const file = 'bench.dat';
const ROWS_AT_ONCE = 50;
const SEED = 100;

export async function connect({ dim, rows, percents }, { M, efConstruction }) {
  const library = await loadHnswlib();
  let index;
  let tags;
  const find = (vector, ef, filter) => {
    index.setEfSearch(ef);
    return index.searchKnn(vector, 10, filter).neighbors;
  };
  return {
    plans: [50, 100, 200, 400, 800, 1600].map(ef => ({ ef })),
    async insertAll({ count, vectors }, mark) {
      index = new library.HierarchicalNSW('cosine', dim, '');
      index.initIndex(count, M, efConstruction, SEED);
      for (let row = 0; row < count; row += 1) {
        index.addPoint(vectors.subarray(row * dim, (row + 1) * dim), row, false);
        if (row % ROWS_AT_ONCE === 0) await breathe();
      }
      mark('searchable');
      await index.writeIndex(file);
      await syncFileSystem('write');
      mark('durable');
    },
    async reopen() {
      await syncFileSystem('read');
      index = new library.HierarchicalNSW('cosine', dim, '');
      await index.readIndex(file, rows);
    },
    search: (vector, { ef }) => find(vector, ef),
    async filteredSearch(vector, share, { ef }) {
      tags ??= await percents();
      return find(vector, ef, row => tags[row] < share);
    },
    release: () => index.delete(),
  };
}
