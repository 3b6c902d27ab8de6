// Imports one file of rows (a key, a text, a vector) and reads the same bytes, in the page.
import { DataType, MilvusClient } from 'elanus';
import { npy } from '/tests/files.mjs';
import { random } from '/tests/random.mjs';
import { watchThread } from './measure.mjs';

const dim = 256;
const rowsAtOnce = 2000;
const fields = [
  { name: 'id', data_type: DataType.Int64, is_primary_key: true },
  { name: 'text', data_type: DataType.VarChar, max_length: 64 },
  { name: 'v', data_type: DataType.FloatVector, dim },
];

/** As models give them: float32 with all its digits. */
function vectors(rows) {
  const next = random(1);
  return Float32Array.from({ length: rows * dim }, () => next() - 0.5);
}

const rowTexts = {
  jsonl: (id, v) => `{"id": ${id}, "text": "row number ${id}", "v": [${v}]}\n`,
  json: (id, v) => `${id === 0 ? '[' : ','}{"id": ${id}, "text": "row number ${id}", "v": [${v}]}`,
  csv: (id, v) => `${id === 0 ? 'id,text,v\n' : ''}${id},row number ${id},"[${v}]"\n`,
};

function textFile(format, bytes) {
  const some = vectors(rowsAtOnce);
  const vectorTexts = Array.from({ length: rowsAtOnce }, (_, row) => some.subarray(row * dim, (row + 1) * dim).join(', '));
  const parts = [];
  let [rows, size] = [0, 0];
  while (size < bytes) {
    const part = vectorTexts.map((v, at) => rowTexts[format](rows + at, v)).join('');
    rows += rowsAtOnce;
    size += part.length;
    parts.push(new Blob([part]));
  }
  return { rows, files: [new File([...parts, format === 'json' ? ']' : ''], `rows.${format}`)] };
}

function numpyFiles(bytes) {
  const rows = Math.floor(bytes / (dim * 4 + 8 + 16 * 4));
  const texts = new Uint32Array(rows * 16);
  for (let row = 0; row < rows; row += 1) {
    const text = `row ${row}`;
    for (let at = 0; at < text.length; at += 1) texts[row * 16 + at] = text.charCodeAt(at);
  }
  const keys = BigInt64Array.from({ length: rows }, (_, row) => BigInt(row));
  return { rows, files: [npy('id', '<i8', [rows], keys), npy('text', '<U16', [rows], texts), npy('v', '<f4', [rows, dim], vectors(rows))] };
}

/** Files as users choose them are on the disk, and not in the browser's memory. */
async function onDisk(files) {
  const folder = await navigator.storage.getDirectory();
  const written = [];
  for (const file of files) {
    const handle = await folder.getFileHandle(file.name, { create: true });
    await file.stream().pipeTo(await handle.createWritable());
    written.push(await handle.getFile());
  }
  return written;
}

let prepared;

/** Makes the files; the caller sees to it that the disk has them before they are imported. */
export async function prepare(format, bytes) {
  const { rows, files } = format === 'npy' ? numpyFiles(bytes) : textFile(format, bytes);
  prepared = { rows, files: await onDisk(files) };
}

async function readAll(files) {
  const began = performance.now();
  for (const file of files) {
    const reader = file.stream().getReader();
    while (!(await reader.read()).done);
  }
  return performance.now() - began;
}

const searchedRows = 50_000;

/** Another collection of the store, loaded. */
async function loadSearched(client) {
  const collection_name = 'searched';
  await client.createCollection({ collection_name, fields });
  await client.createIndex({ collection_name, field_name: 'v', index_type: 'FLAT', metric_type: 'COSINE' });
  for (let from = 0; from < searchedRows; from += 5000) {
    const values = vectors(5000);
    const data = Array.from({ length: 5000 }, (_, row) => ({ id: from + row, text: '', v: values.subarray(row * dim, (row + 1) * dim) }));
    await client.insert({ collection_name, data });
  }
  await client.flush({ collection_names: [collection_name] });
  await client.loadCollection({ collection_name });
}

/** Searches one after the other until it is over; the median time of one. */
async function searchUntil(client, isOver) {
  const query = vectors(1).subarray(0, dim);
  const times = [];
  while (!isOver()) {
    const began = performance.now();
    const { results } = await client.search({ collection_name: 'searched', data: query, limit: 10 });
    if (results.length !== 10) throw new Error('a search found too little');
    times.push(performance.now() - began);
    await new Promise(resolve => setTimeout(resolve, 20));
  }
  return times.sort((a, b) => a - b)[Math.floor(times.length / 2)];
}

/** How long a search of what is loaded takes before an import into another collection, and while it is under way. */
export async function searchDuring(format) {
  const { files } = prepared;
  const client = new MilvusClient(`bench-${format}`);
  await loadSearched(client);
  const quietUntil = performance.now() + 3000;
  await searchUntil(client, () => performance.now() > quietUntil - 1500);
  const beforeMs = await searchUntil(client, () => performance.now() > quietUntil);
  const collection_name = 'imported';
  await client.createCollection({ collection_name, fields });
  await client.createIndex({ collection_name, field_name: 'v', index_type: 'FLAT', metric_type: 'COSINE' });
  const { tasks: [task] } = await client.bulkInsert({ collection_name, files });
  let end;
  const importing = (async () => {
    for await (const state of client.watchImport({ task })) end = state.state;
  })();
  const duringMs = await searchUntil(client, () => /Completed|Cleaned/.test(end));
  await importing;
  if (end !== 'ImportCompleted') throw new Error(end);
  await client.closeConnection();
  return { beforeMs, duringMs };
}

export async function run(format) {
  const { rows, files } = prepared;
  const size = files.reduce((sum, file) => sum + file.size, 0);
  const readMs = Math.min(await readAll(files), await readAll(files));
  const client = new MilvusClient(`bench-${format}`);
  const collection_name = 'imported';
  await client.createCollection({ collection_name, fields });
  await client.createIndex({ collection_name, field_name: 'v', index_type: 'FLAT', metric_type: 'COSINE' });
  const longestBlock = watchThread();
  const began = performance.now();
  const { tasks: [task] } = await client.bulkInsert({ collection_name, files });
  let end;
  for await (const state of client.watchImport({ task })) end = state;
  const importMs = performance.now() - began;
  const blockMs = await longestBlock();
  if (end.state !== 'ImportCompleted' || Number(end.row_count) !== rows) throw new Error(JSON.stringify(end));
  await client.closeConnection();
  return { format, megabytes: size / 1e6, rows, readMs, importMs, blockMs };
}
