// JSON text whose integers are exact: a BigInt is written as bare digits.

import { isLongLike, longToBigInt } from './int64.js';

/** Text of a value the user stores (JSON fields, dynamic keys). */
export function stringifyValue(value: unknown): string {
  // Native first: it is several times faster, and only BigInts (or cycles) make it throw.
  try {
    return JSON.stringify(value) ?? 'null';
  } catch {
    return write(value, false, []) ?? 'null';
  }
}

/** Text of a request body: Long-like objects are int64 here, as they are for the SDK. */
export function stringifyBody(value: unknown): string {
  return write(value, true, []) ?? 'null';
}

function write(value: unknown, longs: boolean, parents: object[]): string | undefined {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value);
    case 'number':
      return Number.isFinite(value) ? String(value) : 'null';
    case 'bigint':
      return value.toString();
    case 'boolean':
      return value ? 'true' : 'false';
    case 'object':
      break;
    default:
      return undefined;
  }
  if (value === null) return 'null';
  if (longs && isLongLike(value)) return longToBigInt(value).toString();
  if ('toJSON' in value && typeof value.toJSON === 'function') {
    return write((value.toJSON as () => unknown)(), longs, parents);
  }
  if (parents.includes(value)) throw new TypeError('Converting circular structure to JSON');
  parents.push(value);
  const text = Array.isArray(value) || isNumberArray(value) ? writeArray(value, longs, parents) : writeObject(value, longs, parents);
  parents.pop();
  return text;
}

function isNumberArray(value: object): value is object & Iterable<number | bigint> {
  return ArrayBuffer.isView(value) && !(value instanceof DataView);
}

function writeArray(items: Iterable<unknown>, longs: boolean, parents: object[]): string {
  const parts: string[] = [];
  for (const item of items) parts.push(write(item, longs, parents) ?? 'null');
  return `[${parts.join(',')}]`;
}

function writeObject(value: object, longs: boolean, parents: object[]): string {
  const parts: string[] = [];
  for (const [key, item] of Object.entries(value)) {
    const text = write(item, longs, parents);
    if (text !== undefined) parts.push(`${JSON.stringify(key)}:${text}`);
  }
  return `{${parts.join(',')}}`;
}
