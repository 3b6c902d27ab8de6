// Writes the vectors of a data set into IndexedDB and OPFS, and in another browser reads them and scans them.
import { readValues, writeValue } from './indexed-db.mjs';
import { latency } from './measure.mjs';
import { npyStart } from './npy.mjs';
import { scanner } from './scanner.mjs';

const CHUNK = 4 << 20;
const IN_FLIGHT = 8;
const K = 10;
const file = 'limits.f32';

const fetched = async url => {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${response.url} answers ${response.status}`);
  return response;
};

async function vectorBytes({ name }) {
  const bytes = new Uint8Array(await (await fetched(`/sets/${name}/v.npy`)).arrayBuffer());
  return bytes.subarray(npyStart(bytes));
}

async function openFile() {
  const handle = await (await navigator.storage.getDirectory()).getFileHandle(file, { create: true });
  return handle.createSyncAccessHandle();
}

const rate = (bytes, ms) => bytes / 1e6 / (ms / 1000);

async function write(set) {
  const bytes = await vectorBytes(set);
  let began = performance.now();
  for (let at = 0; at < bytes.length; at += CHUNK) await writeValue(at / CHUNK, bytes.slice(at, at + CHUNK));
  const indexedDbWriteMBs = rate(bytes.length, performance.now() - began);
  const handle = await openFile();
  began = performance.now();
  for (let at = 0; at < bytes.length; at += CHUNK) handle.write(bytes.subarray(at, at + CHUNK), { at });
  handle.flush();
  const opfsWriteMBs = rate(bytes.length, performance.now() - began);
  handle.close();
  return { indexedDbWriteMBs, opfsWriteMBs };
}

async function read({ name, rows, dim }) {
  const { table } = await scanner(await (await fetched('/limits/limits.wasm')).arrayBuffer());
  const { vectorBytes, scan } = table(rows, dim, K);
  // The first touch of memory is the system's work, and no store's.
  vectorBytes().fill(0);
  const target = vectorBytes();
  const keys = Array.from({ length: Math.ceil(target.length / CHUNK) }, (_, key) => key);

  let began = performance.now();
  await readValues(keys, IN_FLIGHT, (key, chunk) => target.set(chunk, key * CHUNK));
  const indexedDbReadMBs = rate(target.length, performance.now() - began);

  const handle = await openFile();
  began = performance.now();
  for (let at = 0; at < target.length; at += CHUNK) handle.read(target.subarray(at, at + CHUNK), { at });
  const opfsReadMBs = rate(target.length, performance.now() - began);
  handle.close();

  const queries = new Float32Array(await (await fetched(`/sets/${name}/queries.f32`)).arrayBuffer());
  const { truth } = await (await fetched(`/sets/${name}/set.json`)).json();
  const find = number => scan(queries.subarray(number * dim, (number + 1) * dim), rows).rows;
  const wrong = truth[100].findIndex((of, number) => String(of) !== String(find(number)));
  if (wrong >= 0) throw new Error(`the scan finds something else for query ${wrong}`);
  const scanning = await latency(number => find(number % truth[100].length));
  return { indexedDbReadMBs, opfsReadMBs, scan: scanning };
}

const steps = { write, read };

onmessage = async ({ data: { step, set } }) => {
  try {
    postMessage({ answer: await steps[step](set) });
  } catch (error) {
    postMessage({ error: String(error) });
  }
};
