// Imports into a collection that has rows already, and what a store holds afterwards: rows that can be read, and files.
import { DataType } from 'elanus';
import { succeeded } from './collection.mjs';
import { earlierRows, firstImported } from './constants.mjs';
import { dim, keyOf, vectorOf } from './import-rows.mjs';

/** Of those that are there before; the others are in the log. */
const flushedRows = 2000;
const rowsOfInsert = 500;
const rowsOfQuery = 16_000;
const tidyMs = 5000;

export const isEnded = state => state === 'ImportCompleted' || state === 'ImportFailedAndCleaned';

/** A collection whose keys are generated or not, with a partition or not, loaded or not. */
export async function prepare(client, { collection_name, partition_name, isLoaded, hasKey }) {
  const fields = [
    { name: 'id', data_type: DataType.Int64, is_primary_key: true, autoID: !hasKey },
    { name: 'number', data_type: DataType.Int64 },
    { name: 'v', data_type: DataType.FloatVector, dim },
  ];
  succeeded(await client.createCollection({ collection_name, fields }));
  succeeded(await client.createIndex({ collection_name, field_name: 'v', index_type: 'FLAT', metric_type: 'L2' }));
  if (partition_name) succeeded(await client.createPartition({ collection_name, partition_name }));
  if (isLoaded) succeeded(await client.loadCollection({ collection_name }));
  for (let from = 0; from < earlierRows; from += rowsOfInsert) {
    const numbers = Array.from({ length: rowsOfInsert }, (_, row) => from + row);
    const data = numbers.map(number => ({ ...(hasKey && { id: keyOf(number) }), number, v: vectorOf(number) }));
    const into = partition_name && from < rowsOfInsert ? { partition_name } : {};
    succeeded(await client.insert({ collection_name, ...into, data }));
    if (from + rowsOfInsert === flushedRows) succeeded(await client.flushSync({ collection_names: [collection_name] }));
  }
}

/** The source as a page has it: a File, or the URL itself. */
export async function sourceOf(url, isFile) {
  if (!isFile) return new URL(url);
  const blob = await (await fetch(url)).blob();
  return new File([blob], new URL(url).pathname.slice(1));
}

/** All records of an object store, or what `pick` makes of them. */
function records(database, store, range, pick) {
  return new Promise((resolve, reject) => {
    const open = indexedDB.open(database);
    open.onerror = () => reject(open.error);
    open.onsuccess = () => {
      const transaction = open.result.transaction(store);
      const cursor = transaction.objectStore(store).openCursor(range);
      const found = [];
      cursor.onsuccess = () => {
        if (!cursor.result) return;
        found.push([cursor.result.key, pick(cursor.result.value)]);
        cursor.result.continue();
      };
      transaction.oncomplete = () => {
        open.result.close();
        resolve(found);
      };
      transaction.onabort = () => reject(transaction.error);
    };
  });
}

/** The sizes of the store's slots that have bytes, by name. */
async function filledSlots(store) {
  const found = new Map();
  try {
    const elanus = await (await navigator.storage.getDirectory()).getDirectoryHandle('elanus');
    for await (const [name, handle] of await elanus.getDirectoryHandle(store)) {
      const { size } = await handle.getFile();
      if (size > 0) found.set(name, size);
    }
  } catch (error) {
    if (error.name !== 'NotFoundError') throw error;
  }
  return found;
}

/** The sizes of all that is stored for files: heads, chunks, slots by the name whose head names them, and slots that none names. */
export async function filesOf(store) {
  const slots = await filledSlots(store);
  const found = {};
  for (const [name, value] of await records(`elanus/${store}`, 'files', undefined, value => value)) {
    found[name] = value.size ?? value.byteLength;
    const { slot } = name.includes('#') ? {} : JSON.parse(new TextDecoder().decode(value));
    if (slot !== undefined) found[`${name}@${slot}`] = slots.get(slot);
    slots.delete(slot);
  }
  return { ...found, ...Object.fromEntries(slots) };
}

const hexadecimal = id => BigInt(id).toString(16).padStart(16, '0');

/** Where the catalog says that files may be, and how many rows their segments have. */
async function catalogOf(store) {
  // Ids have more digits than a number.
  const exact = text => JSON.parse(text.replace(/("id":)(\d+)/g, '$1"$2"'));
  const range = IDBKeyRange.bound('collection/', 'collection/~');
  const found = await records(`elanus/${store}`, 'catalog', range, buffer => exact(new TextDecoder().decode(buffer)));
  const collections = found.map(([, collection]) => {
    const segments = collection.partitions.flatMap(partition => partition.segments);
    const prefixes = segments.map(segment => `segment/${hexadecimal(collection.id)}/${hexadecimal(segment.id)}/`);
    return { name: collection.schema.name, prefixes, rows: segments.reduce((sum, { rows }) => sum + rows, 0) };
  });
  return collections;
}

/** Bytes of files that nothing needs: sources of imports, and what is of no segment in the catalog. */
export async function uselessBytes(store) {
  const [files, catalog] = [await filesOf(store), await catalogOf(store)];
  const prefixes = catalog.flatMap(collection => collection.prefixes);
  const useless = Object.entries(files).filter(([name]) => !prefixes.some(prefix => name.startsWith(prefix)));
  return useless.reduce((sum, [, bytes]) => sum + bytes, 0);
}

/** The same when it has become nothing, or does not go on to. */
export async function leftBytes(store) {
  const end = performance.now() + tidyMs;
  for (;;) {
    const bytes = await uselessBytes(store);
    if (bytes === 0 || performance.now() > end) return bytes;
    await new Promise(resolve => setTimeout(resolve, 100));
  }
}

/** The end of a job that needs nobody any more; undefined if it does not come. */
export async function endOf(client, task, withinMs, tell = () => undefined) {
  for (const end = performance.now() + withinMs; performance.now() < end; ) {
    const job = succeeded(await client.getImportState({ task }));
    tell(job.state);
    if (isEnded(job.state)) return job;
    await new Promise(resolve => setTimeout(resolve, 50));
  }
  return undefined;
}

/**
 * What can be read: rows by whether they were there `earlier` or are `imported`, how often numbers are there twice, and how many
 * rows are not what they should be. `segmentRows` is what the catalog says that is in files.
 */
export async function contents(client, store, { collection_name, partition_name, hasKey }, count) {
  succeeded(await client.loadCollection({ collection_name }));
  const found = { earlier: 0, imported: 0, doubled: 0, wrong: 0, rows: succeeded(await client.count({ collection_name })).data };
  const read = async (from, to) => {
    const filter = `number >= ${from} and number < ${to}`;
    const request = { collection_name, filter, output_fields: ['id', 'number'], limit: 16_384 };
    const numbers = new Set();
    for (const row of succeeded(await client.query(request)).data) {
      const number = Number(row.number);
      if (numbers.has(number)) found.doubled += 1;
      if (hasKey && Number(row.id) !== keyOf(number)) found.wrong += 1;
      numbers.add(number);
    }
    return numbers.size;
  };
  found.earlier = await read(0, earlierRows);
  for (let at = 0; at < count; at += rowsOfQuery) {
    found.imported += await read(firstImported + at, firstImported + Math.min(count, at + rowsOfQuery));
  }
  found.wrong += found.rows - found.earlier - found.imported - found.doubled;
  if (partition_name) {
    const request = { collection_name, partition_names: [partition_name], filter: '', output_fields: ['count(*)'] };
    const [{ 'count(*)': inPartition }] = succeeded(await client.query(request)).data;
    if (Number(inPartition) !== rowsOfInsert + found.imported + found.doubled) found.wrong += 1;
  }
  const some = Array.from({ length: 20 }, (_, at) => firstImported + Math.floor((count * at) / 20));
  const request = { collection_name, filter: `number in [${some}]`, output_fields: ['number', 'v'], limit: 100 };
  for (const row of succeeded(await client.query(request)).data) {
    if (row.v.join() !== vectorOf(Number(row.number)).join()) found.wrong += 1;
  }
  if (found.imported > 0) {
    const search = { collection_name, data: vectorOf(some[7]), limit: 1, output_fields: ['number'] };
    const [{ score }] = succeeded(await client.search(search)).results;
    if (Math.abs(score) > 1e-6) found.wrong += 1;
  }
  const known = (await catalogOf(store)).find(({ name }) => name === collection_name);
  // A row that is in two segments but has one key can be read once.
  found.doubled += Math.max(0, known.rows - found.rows);
  return found;
}
