// What each query must find, by an exact scan in node.
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../scripts/run.mjs';
import { npyStart } from '../page/npy.mjs';
import { scanner } from '../page/scanner.mjs';
import { limitsModule } from './modules.mjs';

export const K = 10;
/** Which queries have a truth: the first ones. */
const CHECKED_QUERIES = 200;
const ROWS_AT_ONCE = 20_000;
/** Shares of the rows in percent; 100 is no filter. */
export const FILTERS = [1, 10];

const merge = (left, right) =>
  [...left, ...right].sort((a, b) => b.product - a.product).slice(0, K);

/** By share in percent, the rows that each of the first queries must find, the nearest first. */
export async function findTruth(vectorFile, { rows, dim, percents, queries }) {
  const { table } = await scanner(readFileSync(join(root, limitsModule)));
  const { vectorBytes, tagBytes, scan } = table(ROWS_AT_ONCE, dim, K);
  const shares = [...FILTERS, 100];
  const best = Object.fromEntries(shares.map(share => [share, Array.from({ length: CHECKED_QUERIES }, () => [])]));
  const file = openSync(vectorFile);
  const head = new Uint8Array(16);
  readSync(file, head, 0, head.length, 0);
  const rowBytes = dim * Float32Array.BYTES_PER_ELEMENT;
  for (let from = 0; from < rows; from += ROWS_AT_ONCE) {
    const count = Math.min(ROWS_AT_ONCE, rows - from);
    readSync(file, vectorBytes(), 0, count * rowBytes, npyStart(head) + from * rowBytes);
    tagBytes().set(new Uint8Array(percents.buffer, from, count));
    for (const share of shares) {
      for (const [query, of] of best[share].entries()) {
        const found = scan(queries.subarray(query * dim, (query + 1) * dim), count, share === 100 ? undefined : share);
        best[share][query] = merge(of, found.rows.map((row, at) => ({ row: from + row, product: found.products[at] })));
      }
    }
  }
  closeSync(file);
  return Object.fromEntries(shares.map(share => [share, best[share].map(of => of.map(({ row }) => row))]));
}
