// The files that are made of WordNet. What is missing after a failure is made again, so none may be there in part.
import { closeSync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

const ROWS_PER_WRITE = 1000;
const DIGITS = 5;

/** Writes chunks under another name and renames the file when all are there. */
function writeFile(path, chunks) {
  mkdirSync(dirname(path), { recursive: true });
  const file = openSync(`${path}.part`, 'w');
  for (const chunk of chunks) writeSync(file, chunk);
  closeSync(file);
  renameSync(`${path}.part`, path);
}

function* lines(rows, vectors, dim, report) {
  for (let first = 0; first < rows.length; first += ROWS_PER_WRITE) {
    let text = '';
    for (const [i, row] of rows.slice(first, first + ROWS_PER_WRITE).entries()) {
      const numbers = [];
      for (let at = (first + i) * dim; numbers.length < dim; at++) numbers.push(vectors[at].toPrecision(DIGITS));
      text += `${JSON.stringify(row).slice(0, -1)},"vector":[${numbers}]}\n`;
    }
    yield text;
    report(Math.min(first + ROWS_PER_WRITE, rows.length) / rows.length);
  }
}

/** One row a line with its vector. */
export function writeJsonLines(path, rows, vectors, dim, report) {
  writeFile(path, lines(rows, vectors, dim, report));
}

export function writeFloats(path, floats) {
  writeFile(path, [new Uint8Array(floats.buffer, floats.byteOffset, floats.byteLength)]);
}

/** Each row as bytes, and the scale that makes numbers of them again. */
export function quantizeRows(matrix, width) {
  const bytes = new Int8Array(matrix.length);
  const scales = [];
  for (let from = 0; from < matrix.length; from += width) {
    const scale = matrix.subarray(from, from + width).reduce((largest, value) => Math.max(largest, Math.abs(value)), 0) / 127;
    for (let i = from; i < from + width; i++) bytes[i] = Math.round(matrix[i] / scale);
    scales.push(Number(scale.toPrecision(DIGITS)));
  }
  return { bytes, scales };
}

/** What turns a text into a vector: the terms with the scales of their vectors as JSON, and the vectors' bytes. */
export function writeTerms(jsonPath, bytesPath, terms, termVectors, dim) {
  const { bytes, scales } = quantizeRows(termVectors, dim);
  writeFile(bytesPath, [bytes]);
  writeFile(jsonPath, [JSON.stringify({ dim, terms, scales })]);
}
