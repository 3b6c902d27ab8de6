// The columnar block in which rows travel between page and workers (and lie in the log): a JSON header that says where
// each column's bytes are, then those bytes, little-endian and aligned to 8. This file knows bytes only; `column-writer`
// and `column-reader` turn values into columns and back.

import type { DataType } from '../const/index.js';

export interface Column {
  name: string;
  type: DataType;
  dim?: number;
  /** Type of an array's elements. */
  element?: DataType;
  /** One bit a row, lowest first, 1 = not null; absent: no row is null. */
  validity?: Uint8Array;
  /** rows + 1 positions: in bytes of `data` for text, in elements for arrays. */
  offsets?: Uint32Array;
  /** elements + 1 byte positions of an array's strings. */
  elementOffsets?: Uint32Array;
  data: Uint8Array;
}

export interface Batch {
  rows: number;
  columns: Column[];
}

type Extent = [offset: number, bytes: number];
interface ColumnHeader {
  name: string;
  type: number;
  dim?: number;
  element?: number;
  validity?: Extent;
  offsets?: Extent;
  element_offsets?: Extent;
  data: Extent;
}
interface Header {
  rows: number;
  columns: ColumnHeader[];
}

const decoder = new TextDecoder();

const align8 = (bytes: number): number => (bytes + 7) & ~7;

export function bytesOf(view: ArrayBufferView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

export function encodeBatch(batch: Batch): Uint8Array<ArrayBuffer> {
  const parts = batchParts(batch);
  const out = new Uint8Array(parts.reduce((bytes, part) => bytes + part.byteLength, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.byteLength;
  }
  return out;
}

/** Its bytes as parts that follow one another: columns stay where they are. */
export function batchParts(batch: Batch): Uint8Array[] {
  const parts: Uint8Array[] = [];
  let end = 0;
  const place = (view: ArrayBufferView): Extent => {
    const bytes = bytesOf(view);
    const at = end;
    end = align8(at + bytes.byteLength);
    parts.push(bytes, new Uint8Array(end - at - bytes.byteLength));
    return [at, bytes.byteLength];
  };
  const columns = batch.columns.map(column => {
    const header: ColumnHeader = { name: column.name, type: column.type, data: [0, 0] };
    if (column.dim !== undefined) header.dim = column.dim;
    if (column.element !== undefined) header.element = column.element;
    if (column.validity) header.validity = place(column.validity);
    if (column.offsets) header.offsets = place(column.offsets);
    if (column.elementOffsets) header.element_offsets = place(column.elementOffsets);
    header.data = place(column.data);
    return header;
  });
  const head = new TextEncoder().encode(JSON.stringify({ rows: batch.rows, columns } satisfies Header));
  const start = new Uint8Array(align8(4 + head.byteLength));
  new DataView(start.buffer).setUint32(0, head.byteLength, true);
  start.set(head, 4);
  return [start, ...parts];
}

/** Views on `block`, nothing is copied unless the block itself is badly aligned. */
export function decodeBatch(block: Uint8Array): Batch {
  const bytes = block.byteOffset % 8 === 0 ? block : block.slice();
  const headBytes = new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true);
  const header = JSON.parse(decoder.decode(bytes.subarray(4, 4 + headBytes))) as Header;
  const payload = align8(4 + headBytes);
  const view = ([offset, length]: Extent): Uint8Array => {
    const start = payload + offset;
    if (start + length > bytes.byteLength) {
      throw new RangeError(`batch is cut short: a column ends at byte ${start + length} of ${bytes.byteLength}`);
    }
    return bytes.subarray(start, start + length);
  };
  const positions = (extent: Extent): Uint32Array => {
    const raw = view(extent);
    return new Uint32Array(raw.buffer, raw.byteOffset, raw.byteLength / 4);
  };
  return {
    rows: header.rows,
    columns: header.columns.map(head => ({
      name: head.name,
      type: head.type,
      dim: head.dim,
      element: head.element,
      validity: head.validity && view(head.validity),
      offsets: head.offsets && positions(head.offsets),
      elementOffsets: head.element_offsets && positions(head.element_offsets),
      data: view(head.data),
    })),
  };
}
