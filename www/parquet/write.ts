// Writes a Parquet file from blocks of columns: each becomes a row group, and what is written is handed to a Blob at once.

import { DataType } from '../client/const/index.js';
import { decodeBatch, type Batch, type Column } from '../client/wire/batch.js';
import type { ParquetField } from '../client/wire/parquet.js';
import { definitionsOf, encodeColumn } from './encode.js';
import { ByteWriter, ParquetWriter, writeColumn, type ColumnEncoder, type SchemaElement } from './libraries.js';

const ROOT = 'schema';
/** In booleans of another encoding Milvus' reader finds no rows, and a dictionary takes -0 for 0. */
const PLAIN_TYPES = new Set(['BOOLEAN', 'FLOAT', 'DOUBLE']);

export class ParquetFile {
  #bytes = new ByteWriter();
  #parts: Blob[] = [];
  #writer: ParquetWriter;
  #columns: { field: ParquetField; path: SchemaElement[] }[];

  constructor(fields: ParquetField[]) {
    const root: SchemaElement = { name: ROOT, num_children: fields.length };
    this.#columns = fields.map(field => ({ field, path: [root, ...elementsOf(field)] }));
    const schema = [root, ...this.#columns.flatMap(({ path }) => path.slice(1))];
    this.#writer = new ParquetWriter({ writer: this.#bytes, schema, createdBy: 'elanus' });
  }

  write(block: Uint8Array): void {
    const batch = decodeBatch(block);
    if (batch.rows === 0) return;
    const start = this.#bytes.offset;
    const columns = this.#columns.map(({ field, path }) => this.#writeColumn(field, path, batch));
    const num_rows = BigInt(batch.rows);
    this.#writer.row_groups.push({
      columns: columns.map(({ chunk }) => chunk),
      num_rows,
      total_byte_size: columns.reduce((sum, { chunk }) => sum + (chunk.meta_data?.total_uncompressed_size ?? 0n), 0n),
      total_compressed_size: BigInt(this.#bytes.offset - start),
    });
    this.#writer.num_rows += num_rows;
    this.#handOver();
  }

  finish(): Blob {
    void this.#writer.finish();
    this.#handOver();
    return new Blob(this.#parts, { type: 'application/vnd.apache.parquet' });
  }

  #writeColumn(field: ParquetField, path: SchemaElement[], batch: Batch): ReturnType<typeof writeColumn> {
    const column = batch.columns.find(({ name }) => name === field.name) ?? allNull(field, batch.rows);
    const pageData = encodeColumn(column, batch.rows, definitionsOf(field));
    const isVector = field.type === DataType.FloatVector;
    const element = path[path.length - 1]!;
    const encoder: ColumnEncoder = {
      columnName: path.slice(1).map(({ name }) => name).join('.'),
      element,
      schemaPath: path,
      // Floats hardly get smaller, and nobody looks for the least of them.
      codec: isVector ? 'UNCOMPRESSED' : 'SNAPPY',
      stats: !isVector,
      encoding: PLAIN_TYPES.has(element.type!) ? 'PLAIN' : undefined,
      compressors: this.#writer.compressors,
      pageSize: 1 << 20,
      columnIndex: false,
      offsetIndex: false,
    };
    return writeColumn({ writer: this.#bytes, column: encoder, pageData });
  }

  #handOver(): void {
    this.#parts.push(new Blob([this.#bytes.getBytes()]));
    // Offsets go on: only the buffer begins anew.
    this.#bytes.index = 0;
  }
}

function allNull({ name, type, element, nullable }: ParquetField, rows: number): Column {
  if (!nullable) throw new Error(`the rows have no column '${name}'`);
  return { name, type, element, validity: new Uint8Array((rows + 7) >> 3), data: new Uint8Array(0) };
}

function elementsOf({ name, type, element, nullable }: ParquetField): SchemaElement[] {
  const repetition_type = nullable ? 'OPTIONAL' : 'REQUIRED';
  const items = type === DataType.FloatVector ? DataType.Float : type === DataType.Array ? element : undefined;
  if (items === undefined) return [{ name, repetition_type, ...physical(type) }];
  return [
    { name, repetition_type, num_children: 1, converted_type: 'LIST', logical_type: { type: 'LIST' } },
    { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
    { name: 'element', repetition_type: 'REQUIRED', ...physical(items) },
  ];
}

function physical(type: DataType): Partial<SchemaElement> {
  // The older annotation alone: other readers do not understand the number of bits as the writer's library puts it.
  const integer = (bits: 8 | 16 | 32): Partial<SchemaElement> => ({ type: 'INT32', converted_type: `INT_${bits}` });
  switch (type) {
    case DataType.Bool:
      return { type: 'BOOLEAN' };
    case DataType.Int8:
      return integer(8);
    case DataType.Int16:
      return integer(16);
    case DataType.Int32:
      return integer(32);
    case DataType.Int64:
      return { type: 'INT64' };
    case DataType.Float:
      return { type: 'FLOAT' };
    case DataType.Double:
      return { type: 'DOUBLE' };
    case DataType.VarChar:
    case DataType.Text:
    case DataType.JSON:
    case DataType.Geometry:
    case DataType.Timestamptz:
      return { type: 'BYTE_ARRAY', converted_type: 'UTF8', logical_type: { type: 'STRING' } };
    default:
      throw new Error(`fields of type ${DataType[type] ?? type} cannot be written to Parquet`);
  }
}
