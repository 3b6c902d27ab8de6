// The largest singular values of a sparse matrix A and its right singular vectors, by subspace iteration from a random start:
// a block of columns is made orthonormal and multiplied by AᵀA some times; the eigenvectors of AᵀA within it are those.
import { multiply, orthonormal, symmetricProduct } from './dense.mjs';
import { symmetricEigen } from './eigen.mjs';
import { timesGram } from './sparse.mjs';

/** mulberry32: the same numbers between -1 and 1 on every machine. */
function randomBlock(length, seed) {
  return Float64Array.from({ length }, () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 31 - 1;
  });
}

/**
 * The first `rank` singular values, and of each column of the matrix its row of the right singular vectors. `report` hears
 * which share of the work is done.
 */
export function truncatedSvd(matrix, rank, { extraColumns = 32, iterations = 3, seed = 1, report = () => undefined } = {}) {
  const width = Math.min(rank + extraColumns, matrix.columnCount);
  let block = randomBlock(matrix.columnCount * width, seed);
  for (let iteration = 1; iteration <= iterations; iteration++) {
    block = timesGram(matrix, orthonormal(block, width), width);
    report(iteration / (iterations + 2));
  }
  block = orthonormal(block, width);
  report((iterations + 1) / (iterations + 2));
  const { values, vectors } = symmetricEigen(symmetricProduct(block, timesGram(matrix, block, width), width), width);

  const kept = Math.min(rank, width);
  const turn = new Float64Array(width * kept);
  for (let i = 0; i < kept; i++) for (let j = 0; j < width; j++) turn[j * kept + i] = vectors[i * width + j];
  const rightVectors = multiply(block, width, turn, kept);
  report(1);
  return { singularValues: values.slice(0, kept).map(value => Math.sqrt(Math.max(value, 0))), rightVectors };
}
