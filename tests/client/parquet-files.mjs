// Parquet files for tests, and the Parquet worker in this process.
import { readFileSync } from 'node:fs';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { DataType } from '../../target/modules/client/const/index.js';
import { encodeBatch } from '../../target/modules/client/wire/batch.js';
import { writeColumn } from '../../target/modules/client/wire/column-writer.js';
import { jsonLines } from '../../target/modules/parquet/json-lines.js';
import { MockWorker } from './mock-browser.mjs';

/** A block as a query answers it: `{ name: values }` of the fields. */
export function batchOf(fields, values) {
  const columns = fields.filter(({ name }) => values[name]).map(field => writeColumn('c', field, values[field.name])).filter(Boolean);
  return encodeBatch({ rows: Object.values(values)[0].length, columns });
}

export const target = (fields, rest = {}) => ({
  isDynamic: false,
  takesGenerated: false,
  ...rest,
  fields: fields.map(field => ({ hasDefault: false, isGenerated: false, ...field })),
});

/** What the engine would be sent for a file. */
export async function linesOf(file, into) {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  let text = '';
  for await (const bytes of jsonLines(file, into)) text += decoder.decode(bytes, { stream: true });
  return text.split('\n').slice(0, -1);
}

/** A file of another writer, whose columns are `{ name, data, type }`, or have a Parquet `schema`. */
export const otherFile = (columnData, options = {}) => new Blob([parquetWriteBuffer({ columnData, ...options })]);

/** Files of 40 rows that Rust's Parquet writer (parquet-wasm 0.8.0) made: small pages, three codecs, both kinds of pages. */
export const fileOf = name => new Blob([readFileSync(new URL(`files/${name}.parquet`, import.meta.url))]);

export const integer = (name, bitWidth, isSigned = true) => ({
  name,
  type: bitWidth === 64 ? 'INT64' : 'INT32',
  repetition_type: 'REQUIRED',
  logical_type: { type: 'INTEGER', bitWidth, isSigned },
});

let workers = 0;

/** Runs the worker's own script in this process, one at a time; other workers are mocks. */
export class Workers {
  static running = new Set();
  #receive;
  constructor(url, options) {
    if (!String(url).endsWith('/workers/parquet.js')) return new MockWorker(url, options);
    Workers.running.add(this);
    globalThis.postMessage = data => Workers.running.has(this) && this.onmessage({ data });
    this.#receive = import(`${url}?${++workers}`).then(() => globalThis.onmessage);
  }
  postMessage(data) {
    this.#receive.then(receive => receive({ data: structuredClone(data) }));
  }
  terminate() {
    Workers.running.delete(this);
  }
}

export { DataType };
