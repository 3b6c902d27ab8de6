// Parquet files for tests, and the Parquet worker in this process.
import { readFileSync } from 'node:fs';
import { ByteWriter, ParquetWriter, parquetWriteBuffer } from 'hyparquet-writer';
import { writePageHeader } from 'hyparquet-writer/src/datapage.js';
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

/** Bytes and numbers, which are one byte each, one behind the other. */
export const bytesOf = (...parts) => Uint8Array.from(parts.flatMap(part => (typeof part === 'number' ? part : [...part])));

export const varInt = number => (number > 127 ? [(number % 128) + 128, ...varInt(Math.floor(number / 128))] : [number]);

/** A run of Parquet's levels and indexes that are less than 256. */
export const runOf = (length, value) => bytesOf(varInt(length * 2), value);

/** With their length before them, as the older pages have levels. */
export const sized = bytes => bytesOf(new Uint8Array(Uint32Array.of(bytes.length).buffer), bytes);

/** A page of the older kind, or what `header` says. */
export function pageOf(bytes, num_values, header = {}) {
  const sizes = { uncompressed_page_size: bytes.length, compressed_page_size: bytes.length };
  const levels = { definition_level_encoding: 'RLE', repetition_level_encoding: 'RLE' };
  return { bytes, header: { type: 'DATA_PAGE', ...sizes, data_page_header: { num_values, encoding: 'PLAIN', ...levels }, ...header } };
}

/** A file of columns whose elements and pages say what they want. */
export function fileOfPages(columns, { rows, rowsOfFile = rows, values = rows, codec = 'UNCOMPRESSED', start: given }) {
  const writer = new ByteWriter();
  const schema = [{ name: 'schema', num_children: columns.length }, ...columns.flatMap(({ elements }) => elements)];
  const file = new ParquetWriter({ writer, schema });
  const chunks = columns.map(({ elements, pages }) => {
    const start = given ?? writer.offset;
    for (const { header, bytes } of pages) {
      writePageHeader(writer, header);
      writer.appendBytes(bytes);
    }
    const size = BigInt(writer.offset - start);
    const place = { data_page_offset: BigInt(start), total_compressed_size: size, total_uncompressed_size: size };
    const { type } = elements[elements.length - 1];
    const meta_data = { type, encodings: ['PLAIN'], path_in_schema: elements.map(({ name }) => name), codec, num_values: BigInt(values), ...place };
    return { file_offset: place.data_page_offset, meta_data };
  });
  file.row_groups.push({ columns: chunks, total_byte_size: BigInt(writer.offset), num_rows: BigInt(rows) });
  file.num_rows = BigInt(rowsOfFile);
  file.finish();
  return new Blob([writer.getBytes()]);
}

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
