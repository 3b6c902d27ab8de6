// The pages of one column of a row group, read one at a time. A row group may be a whole file; a page is about 1 MB. Counts and
// sizes are checked before anything is allocated by them: files are as hostile as any input.

import {
  byteStreamSplit,
  decompressLz4,
  decompressLz4Raw,
  decompressPage,
  decompressZstd,
  deltaBinaryUnpack,
  deltaByteArray,
  deltaLengthByteArray,
  getMaxDefinitionLevel,
  getMaxRepetitionLevel,
  gunzip,
  parquetHeader,
  readPlain,
  readVarInt,
  type ColumnMetaData,
  type Compressors,
  type DataReader,
  type DecodedArray,
  type PageHeader,
  type SchemaTree,
} from './libraries.js';
import type { Room } from './room.js';

/** Values and nulls in order; `values` has only those that are there. Absent levels are the highest. */
export interface Page {
  count: number;
  definitions?: Uint8Array;
  repetitions?: Uint8Array;
  values: DecodedArray;
  /** That it has taken of the room. */
  bytes: number;
}

export const NO_PAGE: Page = { count: 0, values: [], bytes: 0 };

const WINDOW_BYTES = 1 << 20;
/** No page has more rows than its row group, and pyarrow's, the largest, end there. */
const MAX_VALUES = 2 ** 26;
/** Pages of fastparquet, the largest, end at 500 MB. */
const MAX_PAGE_BYTES = 2 ** 29;

/** What a value takes in an array of its type, or of references. */
const VALUE_BYTES = 8;
/** What one takes that is an object, as texts are until they are read. */
const OBJECT_BYTES = 100;

const CODECS: Compressors = {
  GZIP: (input, length) => gunzip(input, new Uint8Array(length)),
  ZSTD: (input, length) => decompressZstd(input, new Uint8Array(length)),
  LZ4: decompressLz4,
  LZ4_RAW: decompressLz4Raw,
};

export class ColumnPages {
  readonly maxDefinition: number;
  readonly maxRepetition: number;
  #file: Blob;
  #column: ColumnMetaData;
  #typeLength: number | undefined;
  /** Whether values become dates and the like. */
  #isConverted: boolean;
  #room: Room;
  /** Of the room, for the page that is read. */
  #taken = 0;
  #at: number;
  #end: number;
  #window = new Uint8Array(0);
  #windowAt = 0;
  #dictionary: DecodedArray | undefined;

  constructor(file: Blob, column: ColumnMetaData, { path, logical }: { path: SchemaTree[]; logical: boolean }, room: Room) {
    this.#file = file;
    this.#column = column;
    this.#isConverted = logical;
    this.#room = room;
    this.#typeLength = path[path.length - 1]!.element.type_length;
    this.maxDefinition = getMaxDefinitionLevel(path);
    this.maxRepetition = getMaxRepetitionLevel(path);
    // Some writers leave the dictionary's offset out, or at 0.
    this.#at = Number(column.dictionary_page_offset || column.data_page_offset);
    this.#end = this.#at + Number(column.total_compressed_size);
    if (!(this.#at >= 4 && this.#end >= this.#at && this.#end <= file.size)) throw new Error('a column lies outside of the file');
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#end;
  }

  async next(): Promise<Page | undefined> {
    while (!this.isAtEnd) {
      const header = await this.#header();
      const packed = await this.#bytes(header.compressed_page_size);
      if (packed.length < header.compressed_page_size) throw new Error('a page is cut short');
      this.#at += packed.length;
      this.#taken = 0;
      if (header.data_page_header) return this.#page(header, packed);
      if (header.data_page_header_v2) return this.#pageV2(header, packed);
      if (header.dictionary_page_header) {
        const count = this.#countOf(header.dictionary_page_header);
        this.#dictionary = this.#values(readerOf(this.#unpacked(packed, header.uncompressed_page_size)), 'PLAIN', count);
      }
    }
    return undefined;
  }

  async #header(): Promise<PageHeader> {
    for (let length = 1 << 14; ; length *= 4) {
      const bytes = await this.#bytes(length);
      const reader = readerOf(bytes);
      let header: PageHeader;
      try {
        header = parquetHeader(reader);
      } catch (error) {
        // Statistics make a header as long as the values of its page.
        if (bytes.length === length) continue;
        throw error;
      }
      const { compressed_page_size: packed, uncompressed_page_size: unpacked } = header;
      if (!isCount(packed, this.#end - this.#at) || !isCount(unpacked, MAX_PAGE_BYTES)) throw new Error('a page has an impossible size');
      this.#at += reader.offset;
      return header;
    }
  }

  /** The next bytes of the column, fewer at its end. */
  async #bytes(length: number): Promise<Uint8Array> {
    const end = Math.min(this.#at + length, this.#end);
    if (this.#at < this.#windowAt || end > this.#windowAt + this.#window.length) {
      const windowEnd = Math.min(Math.max(end, this.#at + WINDOW_BYTES), this.#end);
      this.#window = new Uint8Array(await this.#file.slice(this.#at, windowEnd).arrayBuffer());
      this.#windowAt = this.#at;
    }
    return this.#window.subarray(this.#at - this.#windowAt, end - this.#windowAt);
  }

  #take(bytes: number): void {
    this.#room.take(bytes);
    this.#taken += bytes;
  }

  #unpacked(packed: Uint8Array, length: number): Uint8Array {
    this.#take(length);
    return decompressPage(packed, length, this.#column.codec, CODECS);
  }

  #page(header: PageHeader, packed: Uint8Array): Page {
    const { encoding } = header.data_page_header!;
    const count = this.#countOf(header.data_page_header!);
    const reader = readerOf(this.#unpacked(packed, header.uncompressed_page_size));
    const levels = (max: number): Uint8Array | undefined => {
      if (max === 0) return undefined;
      const length = reader.view.getUint32(reader.offset, true);
      reader.offset += 4;
      return this.#levels(reader, max, count, length);
    };
    const repetitions = levels(this.maxRepetition);
    const definitions = levels(this.maxDefinition);
    const values = this.#values(reader, encoding, this.#present(definitions, count));
    return { count, repetitions, definitions, values, bytes: this.#taken };
  }

  #pageV2(header: PageHeader, packed: Uint8Array): Page {
    const page = header.data_page_header_v2!;
    const { repetition_levels_byte_length: repetitionBytes, definition_levels_byte_length: definitionBytes } = page;
    const isInside = isCount(repetitionBytes, packed.length) && isCount(definitionBytes, packed.length - repetitionBytes);
    if (!isInside) throw new Error('the levels of a page have an impossible size');
    const count = this.#countOf(page);
    const reader = readerOf(packed);
    const repetitions = this.maxRepetition > 0 ? this.#levels(reader, this.maxRepetition, count, repetitionBytes) : undefined;
    const definitions = this.maxDefinition > 0 ? this.#levels(reader, this.maxDefinition, count, definitionBytes) : undefined;
    const levelBytes = repetitionBytes + definitionBytes;
    const rest = packed.subarray(levelBytes);
    const bytes = page.is_compressed === false ? rest : this.#unpacked(rest, header.uncompressed_page_size - levelBytes);
    const values = this.#values(readerOf(bytes), page.encoding, this.#present(definitions, count));
    return { count, repetitions, definitions, values, bytes: this.#taken };
  }

  #countOf({ num_values: count }: { num_values: number }): number {
    if (!isCount(count, this.#column.num_values)) throw new Error('a page has more values than its column');
    if (count > MAX_VALUES) throw new Error('a page has an impossible number of values');
    return count;
  }

  #levels(reader: DataReader, max: number, count: number, byteLength: number): Uint8Array {
    const start = reader.offset;
    this.#take(count);
    const levels = new Uint8Array(count);
    readRuns(reader, 32 - Math.clz32(max), levels);
    reader.offset = start + byteLength;
    return levels;
  }

  #present(definitions: Uint8Array | undefined, count: number): number {
    if (!definitions) return count;
    let present = 0;
    for (const level of definitions) if (level === this.maxDefinition) present++;
    return present;
  }

  #values(reader: DataReader, encoding: string, count: number): DecodedArray {
    const { type } = this.#column;
    if (count === 0) return [];
    this.#take(count * this.#bytesOfValue(encoding));
    switch (encoding) {
      case 'PLAIN':
        return readPlain(reader, type, count, this.#typeLength);
      case 'PLAIN_DICTIONARY':
      case 'RLE_DICTIONARY': {
        const indexes = new Uint32Array(count);
        readRuns(reader, reader.view.getUint8(reader.offset++), indexes);
        return lookUp(indexes, this.#dictionary);
      }
      case 'RLE': {
        // Booleans, after their length in bytes.
        reader.offset += 4;
        const bits = new Uint8Array(count);
        readRuns(reader, 1, bits);
        return bits;
      }
      case 'DELTA_BINARY_PACKED': {
        const values = type === 'INT32' ? new Int32Array(count) : new BigInt64Array(count);
        deltaBinaryUnpack(reader, count, values);
        return values;
      }
      case 'DELTA_LENGTH_BYTE_ARRAY': {
        const values = new Array<Uint8Array>(count);
        deltaLengthByteArray(reader, count, values);
        return values;
      }
      case 'DELTA_BYTE_ARRAY': {
        this.#take(prefixBytes(reader, count));
        const values = new Array<Uint8Array>(count);
        deltaByteArray(reader, count, values);
        return values;
      }
      case 'BYTE_STREAM_SPLIT':
        this.#take(count * (this.#typeLength ?? 0));
        return byteStreamSplit(reader, count, type, this.#typeLength);
      default:
        throw new Error(`the encoding ${encoding} is not supported`);
    }
  }

  #bytesOfValue(encoding: string): number {
    const { type } = this.#column;
    // Those of a dictionary are there once.
    const areObjects = !encoding.endsWith('_DICTIONARY') && (type === 'INT96' || type.endsWith('BYTE_ARRAY'));
    return areObjects || this.#isConverted ? OBJECT_BYTES : VALUE_BYTES;
  }
}

function isCount(value: unknown, atMost: number | bigint): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= atMost;
}

function readerOf(bytes: Uint8Array): DataReader {
  return { view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), offset: 0 };
}

/** Parquet's mixture of runs and packed bits. What a run has beyond the end of `out` is left out. */
function readRuns(reader: DataReader, width: number, out: Uint8Array | Uint32Array): void {
  if (width > 32) throw new Error('a page has an impossible bit width');
  const { view } = reader;
  for (let seen = 0; seen < out.length; ) {
    const header = readVarInt(reader);
    if (header & 1) {
      const groups = header >>> 1;
      const count = Math.min(groups * 8, out.length - seen);
      for (let i = 0; i < count; i++) {
        const bit = i * width;
        let byte = reader.offset + Math.floor(bit / 8);
        let have = 8 - (bit % 8);
        let value = width > 0 ? view.getUint8(byte) >>> (bit % 8) : 0;
        for (; have < width; have += 8) value += view.getUint8(++byte) * 2 ** have;
        out[seen++] = value % 2 ** width;
      }
      reader.offset += groups * width;
    } else {
      let value = 0;
      for (let shift = 0; shift < width; shift += 8) value += view.getUint8(reader.offset++) * 2 ** shift;
      const end = Math.min(seen + (header >>> 1), out.length);
      out.fill(value, seen, end);
      seen = end;
    }
  }
}

/** Texts that begin as the one before are copies, of which the page has only how long that beginning is. */
function prefixBytes({ view, offset }: DataReader, count: number): number {
  const lengths = new Int32Array(count);
  deltaBinaryUnpack({ view, offset }, count, lengths);
  return lengths.reduce((sum, length) => sum + Math.max(0, length), 0);
}

function lookUp(indexes: Uint32Array, dictionary: DecodedArray = []): DecodedArray {
  type Constructor = new (length: number) => DecodedArray;
  const values = new (dictionary.constructor as Constructor)(indexes.length);
  for (let i = 0; i < indexes.length; i++) {
    const index = indexes[i]!;
    if (index >= dictionary.length) throw new Error('a page names a value that its dictionary does not have');
    values[i] = dictionary[index];
  }
  return values;
}
