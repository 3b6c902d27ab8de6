// A Parquet file as JSON Lines: row group by row group, with a page or so of each column in memory.

import type { ImportTarget } from '../client/wire/parquet.js';
import { columnsOf, type ImportColumn } from './columns.js';
import { parquetMetadataAsync, parquetSchema, type FileMetaData } from './libraries.js';
import { Room } from './room.js';
import { Refusal } from './texts.js';

const CHUNK_CHARACTERS = 1 << 18;

export async function* jsonLines(file: Blob, target: ImportTarget): AsyncGenerator<Uint8Array<ArrayBuffer>, void, void> {
  const metadata = await readable(() => parquetMetadataAsync(asyncBuffer(file), { geoparquet: false }));
  const columns = await readable(() => columnsOf(parquetSchema(metadata), target));
  // Some writers make a group of no rows, whose columns are nowhere.
  const groups = metadata.row_groups.filter(group => group.num_rows > 0);
  await readable(() => checkRowCount(metadata, groups));
  const encoder = new TextEncoder();
  let lines = '';
  let row = 0;
  for (const group of groups) {
    await readable(() => open(file, group, columns));
    const end = row + Number(group.num_rows);
    for (; row < end; row++) {
      for (const { leaves } of columns) {
        for (const leaf of leaves) while (!leaf.hasRow()) await readable(() => leaf.load());
      }
      lines += line(columns, row);
      if (lines.length < CHUNK_CHARACTERS) continue;
      yield encoder.encode(lines);
      lines = '';
    }
    await readable(() => checkIsOver(columns));
  }
  yield encoder.encode(lines);
}

function open(file: Blob, group: FileMetaData['row_groups'][number], columns: ImportColumn[]): void {
  const room = new Room();
  for (const leaf of columns.flatMap(column => column.leaves)) {
    const path = leaf.path.slice(1).map(({ element }) => element.name);
    const chunk = group.columns.find(({ meta_data }) => meta_data?.path_in_schema.join('\0') === path.join('\0'));
    if (!chunk?.meta_data || chunk.file_path) throw new Error(`the column '${path.join('.')}' is not in the file`);
    leaf.open(file, chunk.meta_data, room);
  }
}

function checkRowCount({ num_rows }: FileMetaData, groups: FileMetaData['row_groups']): void {
  const rows = groups.reduce((sum, group) => sum + group.num_rows, 0n);
  if (rows !== num_rows) throw new Error(`its row groups have ${rows} rows, and the file ${num_rows}`);
}

function checkIsOver(columns: ImportColumn[]): void {
  const isOver = columns.every(({ leaves }) => leaves.every(leaf => !leaf.hasRow()));
  if (!isOver) throw new Error('a column goes on behind its row group');
}

function line(columns: ImportColumn[], row: number): string {
  let text = '';
  for (const { name, read, takesNull } of columns) {
    let value: string | null;
    try {
      value = read();
    } catch (error) {
      throw error instanceof Refusal ? new Refusal(`row ${row + 1}, field '${name}': ${error.message}`) : error;
    }
    if (value === null && !takesNull) throw new Refusal(`row ${row + 1}: the field '${name}' is not nullable but the file contains null value`);
    text += `${text ? ',' : '{'}${JSON.stringify(name)}:${value}`;
  }
  return `${text || '{'}}\n`;
}

/** What goes wrong inside of the libraries is a file that is not as it should be. */
async function readable<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof Refusal ? error : new Refusal(`the Parquet file cannot be read: ${(error as Error).message}`);
  }
}

function asyncBuffer(file: Blob): { byteLength: number; slice(start: number, end?: number): Promise<ArrayBuffer> } {
  return { byteLength: file.size, slice: (start, end) => file.slice(start, end).arrayBuffer() };
}
