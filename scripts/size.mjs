// Fails if what a page has to fetch outgrows its budget, compressed as servers do.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync } from 'node:zlib';
import { Failure, filesUnder, main, root } from './run.mjs';

const budgetKiB = 720;

export async function size() {
  const files = filesUnder('dist').filter(path => /\.(js|wasm)$/.test(path));
  if (files.length === 0) throw new Failure('dist is empty: run npm run build');
  const line = (bytes, name) => console.log(`${(bytes / 1024).toFixed(1).padStart(8)} KiB  ${name}`);
  let total = 0;
  for (const path of files) {
    const bytes = brotliCompressSync(readFileSync(join(root, path))).length;
    line(bytes, path);
    total += bytes;
  }
  line(total, `brotli in all, of ${budgetKiB}`);
  if (total > budgetKiB * 1024) throw new Failure('the package is over its budget');
}

main(import.meta.url, size);
