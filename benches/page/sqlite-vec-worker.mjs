// SQLite runs here, because OPFS gives its fast files to workers only. Workers have no import map.
import sqlite3InitModule from '/packages/sqlite-vec-wasm-demo/sqlite3.mjs';

const CACHE_KIB = 400_000;

let database;
let dim;
const statements = new Map();

const statement = sql => {
  if (!statements.has(sql)) statements.set(sql, database.prepare(sql));
  return statements.get(sql);
};

const methods = {
  async open(ofVectors) {
    dim = ofVectors;
    const sqlite = await sqlite3InitModule();
    const pool = await sqlite.installOpfsSAHPoolVfs({});
    database = new pool.OpfsSAHPoolDb('/bench');
    // In KiB: otherwise each search reads the file again.
    database.exec(`PRAGMA cache_size = -${CACHE_KIB}`);
  },

  begin() {
    // By L2, which is the faster one and ranks vectors of unit length as the cosine does.
    database.exec(`CREATE VIRTUAL TABLE book USING vec0(id INTEGER PRIMARY KEY, percent INTEGER, v FLOAT[${dim}])`);
    database.exec('BEGIN');
  },

  insert(from, vectors, percents) {
    const insert = statement('INSERT INTO book (id, percent, v) VALUES (?, ?, ?)');
    for (let row = 0; row < percents.length; row += 1) {
      const bytes = new Uint8Array(vectors.buffer, row * dim * 4, dim * 4);
      // vec0 takes no number for an integer that SQLite would call a real.
      insert.bind([BigInt(from + row), BigInt(percents[row]), bytes]).stepReset();
    }
  },

  commit() {
    database.exec('COMMIT');
  },

  search(vector, share) {
    const filter = share === undefined ? '' : `AND percent < ${share}`;
    const select = statement(`SELECT id FROM book WHERE v MATCH ? AND k = 10 ${filter} ORDER BY distance`);
    select.bind(1, new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength));
    const ids = [];
    while (select.step()) ids.push(select.getInt(0));
    select.reset();
    return ids;
  },
};

onmessage = async ({ data: { id, method, values } }) => {
  try {
    postMessage({ id, answer: await methods[method](...values) });
  } catch (error) {
    postMessage({ id, error: String(error) });
  }
};
