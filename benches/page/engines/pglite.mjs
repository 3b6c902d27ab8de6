// PGlite with pgvector's HNSW, in the page's thread, stored in IndexedDB.
import { PGlite } from '@electric-sql/pglite';
import { vector } from '@electric-sql/pglite-pgvector';

const ROWS_AT_ONCE = 5000;
const literal = values => `[${values.join(',')}]`;

export async function connect({ dim }) {
  let database;
  let ef;
  const open = async options => {
    database = await PGlite.create('idb://bench', { extensions: { vector }, ...options });
  };
  const find = async (values, plan, where = '') => {
    if (plan.ef !== ef) {
      // Without iterative scans a filter leaves fewer hits than asked for.
      await database.exec(`SET hnsw.iterative_scan = 'relaxed_order'; SET hnsw.ef_search = ${plan.ef}`);
      ef = plan.ef;
    }
    const { rows } = await database.query(`SELECT id FROM book ${where} ORDER BY v <=> $1 LIMIT 10`, [literal(values)]);
    return rows.map(({ id }) => id);
  };
  return {
    plans: [40, 100, 200, 400, 1000].map(ef => ({ ef })),
    async insertAll({ count, vectors, percents }, mark) {
      await open({});
      await database.exec(`CREATE EXTENSION vector; CREATE TABLE book (id int PRIMARY KEY, percent int, v vector(${dim}))`);
      for (let from = 0; from < count; from += ROWS_AT_ONCE) {
        const lines = Array.from({ length: Math.min(ROWS_AT_ONCE, count - from) }, (_, at) => {
          const row = from + at;
          return `${row},${percents[row]},"${literal(vectors.subarray(row * dim, (row + 1) * dim))}"\n`;
        });
        await database.query("COPY book FROM '/dev/blob' WITH (FORMAT csv)", [], { blob: new Blob(lines) });
      }
      mark('durable');
      // Otherwise the graph is built outside of memory from half of the rows on.
      await database.exec("SET maintenance_work_mem = '512MB'; CREATE INDEX ON book USING hnsw (v vector_cosine_ops)");
      await database.exec('CREATE INDEX ON book (percent); ANALYZE book');
      mark('searchable');
    },
    // Otherwise each query waits until all files have been compared with those in IndexedDB.
    reopen: () => open({ relaxedDurability: true }),
    search: find,
    filteredSearch: (values, share, plan) => find(values, plan, `WHERE percent < ${share}`),
    release: () => database.close(),
  };
}
