// Fails if what a page has to fetch, or what it fetches for Parquet files only, outgrows its budget, compressed as servers do.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync } from 'node:zlib';
import { Failure, filesUnder, main, root } from './run.mjs';

const budgetsKiB = { 'every page': 697, 'Parquet only': 48 };
const neededBy = path => (/^dist\/workers\/parquet\.js$/.test(path) ? 'Parquet only' : 'every page');

export async function size() {
  const files = filesUnder('dist').filter(path => /\.(js|wasm)$/.test(path));
  if (files.length === 0) throw new Failure('dist is empty: run npm run build');
  const line = (bytes, name) => console.log(`${(bytes / 1024).toFixed(1).padStart(8)} KiB  ${name}`);
  const totals = { 'every page': 0, 'Parquet only': 0 };
  for (const path of files) {
    const bytes = brotliCompressSync(readFileSync(join(root, path))).length;
    line(bytes, path);
    totals[neededBy(path)] += bytes;
  }
  for (const [who, budgetKiB] of Object.entries(budgetsKiB)) line(totals[who], `brotli for ${who}, of ${budgetKiB}`);
  if (Object.entries(budgetsKiB).some(([who, budgetKiB]) => totals[who] > budgetKiB * 1024)) throw new Failure('the package is over its budget');
}

main(import.meta.url, size);
