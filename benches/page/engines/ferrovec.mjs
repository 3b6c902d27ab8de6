// ferrovec's core: an HNSW graph in the page's thread, whose image the page stores, in OPFS as the crate's authors do.
import init, { FerrovecCore } from 'ferrovec';
import { breathe } from '../measure.mjs';
import { readFile, writeFile } from '../opfs.mjs';

const file = 'ferrovec.bin';
const ROWS_AT_ONCE = 50;

export async function connect({ dim }) {
  await init();
  let index;
  return {
    // The width of searches is fixed when the index is made.
    plans: ['ef 50, its default'],
    async insertAll({ count, vectors }, mark) {
      index = new FerrovecCore(dim);
      for (let row = 0; row < count; row += 1) {
        index.insert(String(row), vectors.subarray(row * dim, (row + 1) * dim));
        if (row % ROWS_AT_ONCE === 0) await breathe();
      }
      mark('searchable');
      await writeFile(file, index.toBytes());
      mark('durable');
    },
    async reopen() {
      index = FerrovecCore.fromBytes(await readFile(file));
    },
    search: vector => index.search(vector, 10).map(({ id }) => Number(id)),
    release: () => index.free(),
  };
}
