// Files of rows to import, and what tests ask of imports, made in the page.
import { DataType } from 'elanus';
import { key, mustSucceed, vector } from './rows.mjs';

export const everyType = [
  key,
  vector('v', 2),
  { name: 'flag', data_type: DataType.Bool },
  { name: 'i8', data_type: DataType.Int8 },
  { name: 'i16', data_type: DataType.Int16 },
  { name: 'i32', data_type: DataType.Int32 },
  { name: 'f', data_type: DataType.Float },
  { name: 'd', data_type: DataType.Double },
  { name: 'text', data_type: DataType.VarChar, max_length: 100, nullable: true },
  { name: 'doc', data_type: DataType.JSON },
];
export const tags = { name: 'tags', data_type: DataType.Array, element_type: DataType.VarChar, max_capacity: 8, max_length: 20 };

/** Values at the ends of their types; int64 beyond what a JS number holds is text. */
export const everyRow = [
  { id: '9223372036854775807', v: [0.1, -2.5e-7], flag: true, i8: -128, i16: -32768, i32: -2147483648, f: 0.1, d: 1 / 3, text: 'a,"b"\n', doc: { a: [1, { b: null }] } },
  { id: '-9223372036854775808', v: [3, 4], flag: false, i8: 127, i16: 32767, i32: 2147483647, f: -3.4e38, d: 5e-324, text: null, doc: { e: 'é😀' } },
];

const jsonOf = ({ id, ...rest }) => `{"id":${id},${JSON.stringify(rest).slice(1)}`;
export const jsonLines = rows => rows.map(row => `${jsonOf(row)}\n`).join('');
export const jsonRows = rows => `{"rows": [${rows.map(jsonOf).join(',')}]}`;
export const jsonList = rows => `[${rows.map(jsonOf).join(',')}]`;

/** Null is `NULL`, the separator a semicolon. */
export function csv(rows) {
  const cell = value => {
    const text = value === null ? 'NULL' : typeof value === 'object' ? JSON.stringify(value) : String(value);
    return /[";\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const names = Object.keys(rows[0]);
  return [names, ...rows.map(row => names.map(name => row[name]))].map(cells => `${cells.map(cell).join(';')}\n`).join('');
}

/** A .npy file: version 1, rows one after another. */
export function npy(name, dtype, shape, data) {
  const header = `{'descr': '${dtype}', 'fortran_order': False, 'shape': (${shape.join(', ')},), }`;
  const padded = `${header.padEnd(Math.ceil((header.length + 11) / 64) * 64 - 11)}\n`;
  const start = Uint8Array.from([0x93, ...new TextEncoder().encode('NUMPY'), 1, 0, padded.length & 255, padded.length >> 8]);
  return new File([start, padded, data], `${name}.npy`);
}

/** A text column: code points, filled up with zeros. */
export function npyTexts(name, texts) {
  const width = Math.max(...texts.map(text => [...text].length));
  const points = new Uint32Array(texts.length * width);
  texts.forEach((text, row) => points.set([...text].map(it => it.codePointAt(0)), row * width));
  return npy(name, `<U${width}`, [texts.length], points);
}

export async function gzip(text) {
  return new Response(new Blob([text]).stream().pipeThrough(new CompressionStream('gzip'))).blob();
}

/** Imports and waits for the end: every state that was told. */
export async function importAll(client, request) {
  const { tasks: [task] } = mustSucceed(await client.bulkInsert(request));
  const states = [];
  for await (const state of client.watchImport({ task })) states.push(state);
  return states;
}

export const info = (state, key) => state.infos.find(it => it.key === key)?.value;

/** Which slots of a store have bytes. */
async function filledSlots(store) {
  let folder = await navigator.storage.getDirectory();
  for (const name of store.split('/')) folder = await folder.getDirectoryHandle(name);
  const names = [];
  for await (const [name, handle] of folder) if ((await handle.getFile()).size > 0) names.push(name);
  return names.sort();
}

/** The names of all that is kept for a store. */
export async function storedFiles(store) {
  const database = await new Promise((resolve, reject) => {
    const opening = indexedDB.open(store);
    opening.onsuccess = () => resolve(opening.result);
    opening.onerror = () => reject(opening.error);
  });
  const of = request => new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  try {
    const found = {};
    for (const name of database.objectStoreNames) {
      found[name] = (await of(database.transaction(name).objectStore(name).getAllKeys())).map(String);
    }
    return { ...found, slots: await filledSlots(store) };
  } finally {
    database.close();
  }
}
