// From WordNet's lines to vectors, and from typed words to the definition that is meant.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { quantizeRows, writeJsonLines, writeTerms } from '../../scripts/wordnet/files.mjs';
import { semanticVectors } from '../../scripts/wordnet/semantics.mjs';
import { parseSynset, readSynsets } from '../../scripts/wordnet/synsets.mjs';
import { termMatrix } from '../../scripts/wordnet/term-matrix.mjs';
import { queryVectors } from '../../www/demo/query-vector.js';

const TEXTS_OF_TEST = 3000;
const DIM = 64;

test('a synset is its words and its definition without examples', () => {
  assert.deepEqual(
    parseSynset('02086723 05 n 03 dog 0 domestic_dog 0 Canis_familiaris 0 001 @ 02085998 n 0000 | a member of the genus Canis; barks; "the dog barked all night"  '),
    { words: 'dog, domestic dog, Canis familiaris', definition: 'a member of the genus Canis; barks' });
  assert.deepEqual(parseSynset('00014858 00 s 01 alive(p) 3 001 & 00014490 a 0000 | aware of | or in touch with'),
    { words: 'alive', definition: 'aware of | or in touch with' });
  const twelve = Array.from({ length: 12 }, (_, i) => `w${i} 0`).join(' ');
  assert.equal(parseSynset(`00000001 03 n 0c ${twelve} 000 | twelve`).words.split(', ').length, 12);
});

test('rare terms weigh more, and rows are of unit length', () => {
  const { terms, idf, matrix } = termMatrix(['red bird', 'red stone', 'blue stone', 'red', 'once']);
  assert.deepEqual(terms, ['red', 'ston']);
  assert.ok(idf[0] < idf[1]);
  assert.deepEqual([...matrix.rowStarts], [0, 1, 3, 4, 5, 5]);
  const [, red, stone] = matrix.weights;
  assert.ok(red < stone && Math.abs(red * red + stone * stone - 1) < 1e-12);
});

test('bytes and scales give rows back to within half a step', () => {
  const matrix = Float64Array.of(1, -0.5, 0.013, -20, 10, 0.1);
  const { bytes, scales } = quantizeRows(matrix, 3);
  matrix.forEach((value, i) => {
    const scale = scales[Math.floor(i / 3)];
    assert.ok(Math.abs(bytes[i] * scale - value) < scale * 0.51, `${i}: ${bytes[i] * scale}, not ${value}`);
  });
});

test('the words of a definition find it, through the files as they are written', () => {
  const rows = readSynsets().filter((_, i) => i % 39 === 0).slice(0, TEXTS_OF_TEST);
  const { terms, termVectors, vectors } = semanticVectors(rows.map(row => `${row.words} ${row.definition}`), DIM);
  const folder = mkdtempSync(join(tmpdir(), 'elanus-wordnet-'));
  try {
    const path = name => join(folder, name);
    writeTerms(path('terms.json'), path('bytes'), terms, termVectors, DIM);
    writeJsonLines(path('lines.jsonl'), rows, vectors, DIM, () => undefined);
    assert.deepEqual(readdirSync(folder).sort(), ['bytes', 'lines.jsonl', 'terms.json']);

    const written = readFileSync(path('lines.jsonl'), 'utf8').trimEnd().split('\n').map(line => JSON.parse(line));
    assert.deepEqual(written.map(({ vector, ...row }) => row), rows);
    const bytes = new Int8Array(readFileSync(path('bytes')));
    const vectorOf = queryVectors(JSON.parse(readFileSync(path('terms.json'), 'utf8')), bytes);
    const dot = (left, right) => left.reduce((sum, value, i) => sum + value * right[i], 0);
    for (let i = 5; i < rows.length; i += 311) {
      assert.ok(Math.abs(Math.sqrt(dot(written[i].vector, written[i].vector)) - 1) < 1e-4);
      const query = vectorOf(`${rows[i].definition} (${rows[i].words})`);
      const scores = written.map(({ vector }) => dot(query, vector));
      assert.ok(scores[i] >= Math.max(...scores) * 0.999, `${rows[i].definition} is found`);
    }
    assert.equal(vectorOf('qwxz of the'), undefined);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('terms of like texts have like vectors', () => {
  const texts = ['cat purrs', 'cat miaows', 'kitten purrs', 'kitten miaows', 'ship sails', 'ship floats', 'boat sails', 'boat floats'];
  const { terms, termVectors } = semanticVectors(texts, 2);
  const cosine = (left, right) => {
    const [a, b] = [left, right].map(term => termVectors.subarray(2 * terms.indexOf(term), 2 * terms.indexOf(term) + 2));
    return (a[0] * b[0] + a[1] * b[1]) / (Math.hypot(...a) * Math.hypot(...b));
  };
  assert.ok(cosine('cat', 'kitten') > 0.99);
  assert.ok(Math.abs(cosine('cat', 'boat')) < 0.01);
});
