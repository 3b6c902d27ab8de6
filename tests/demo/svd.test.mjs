// The singular value decomposition, on matrices of which it is known.
import assert from 'node:assert/strict';
import test from 'node:test';
import { makeRowsUnitLong, multiply, orthonormal, symmetricProduct } from '../../scripts/wordnet/dense.mjs';
import { symmetricEigen } from '../../scripts/wordnet/eigen.mjs';
import { sparseMatrix, timesGram } from '../../scripts/wordnet/sparse.mjs';
import { truncatedSvd } from '../../scripts/wordnet/svd.mjs';

const near = (actual, expected, what, tolerance = 1e-9) =>
  [...expected].forEach((value, i) => assert.ok(Math.abs(actual[i] - value) < tolerance, `${what}, ${i}: ${actual[i]}, not ${value}`));

const wave = (rows, columns) => Float64Array.from({ length: rows * columns }, (_, i) => Math.sin(i * i + 1));

const transposed = (matrix, width) =>
  Float64Array.from(matrix, (_, i) => matrix[(i % (matrix.length / width)) * width + Math.floor(i / (matrix.length / width))]);

const sparse = (matrix, width) => {
  const row = from => Array.from(matrix.subarray(from, from + width), (weight, column) => [column, weight]);
  return sparseMatrix(width, Array.from({ length: matrix.length / width }, (_, i) => row(i * width)));
};

const identity = size => Float64Array.from({ length: size * size }, (_, i) => Number(i % (size + 1) === 0));

/** A matrix with given singular values, and its right singular vectors as columns. */
function withSingularValues(values, rows, columns) {
  const rank = values.length;
  const left = orthonormal(wave(rows, rank), rank);
  const right = orthonormal(wave(columns, rank), rank);
  const matrix = multiply(left.map((value, i) => value * values[i % rank]), rank, transposed(right, rank), columns);
  return { matrix: sparse(matrix, columns), right };
}

test('dense products are those of the definition', () => {
  // 1 2 3 4 5   times the first two columns of ones and of 0 to 4.
  const small = Float64Array.of(1, 0, 1, 1, 1, 2, 1, 3, 1, 4);
  near(multiply(Float64Array.of(1, 2, 3, 4, 5, 5, 4, 3, 2, 1), 5, small, 2), [15, 40, 15, 20], 'product');
  near(symmetricProduct(small, small, 2), [5, 10, 10, 30], 'gram');
});

test('orthonormal columns span the same space, and dependent ones become 0', () => {
  const columns = orthonormal(wave(40, 7), 7);
  near(symmetricProduct(columns, columns, 7), identity(7), 'gram');
  // The third column is the sum of the first two.
  const dependent = orthonormal(Float64Array.of(1, 0, 1, 1, 1, 2, 0, 3, 3, 2, 1, 3), 3);
  near(symmetricProduct(dependent, dependent, 3), [1, 0, 0, 0, 1, 0, 0, 0, 0], 'gram of dependent columns');
});

test('a row of zeros gets a direction', () => {
  const rows = Float64Array.of(3, 4, 0, 0);
  makeRowsUnitLong(rows, 2);
  near(rows, [0.6, 0.8, 1, 0], 'rows');
});

test('eigenvalues and eigenvectors of a symmetric matrix', () => {
  const { values, vectors } = symmetricEigen(Float64Array.of(2, 1, 0, 1, 2, 0, 0, 0, 5), 3);
  near(values, [5, 3, 1], 'values');
  near(vectors.map(Math.abs), [0, 0, 1, Math.SQRT1_2, Math.SQRT1_2, 0, Math.SQRT1_2, Math.SQRT1_2, 0], 'vectors');
});

test('sparse AᵀA times a block', () => {
  const matrix = sparseMatrix(3, [[[0, 1], [2, 2]], [], [[1, 3]]]);
  near(timesGram(matrix, identity(3), 3), [1, 0, 2, 0, 9, 0, 2, 0, 4], 'AᵀA');
});

test('known singular values and their subspace come back', () => {
  const values = [9, 7, 5, 3, 2, 1, 0.5, 0.25];
  const { matrix, right } = withSingularValues(values, 120, 60);
  const { singularValues, rightVectors } = truncatedSvd(matrix, 4, { extraColumns: 8 });
  near(singularValues, values.slice(0, 4), 'singular values', 1e-6);
  for (let k = 0; k < 4; k++) {
    let cosine = 0;
    for (let column = 0; column < 60; column++) cosine += rightVectors[column * 4 + k] * right[column * values.length + k];
    assert.ok(Math.abs(cosine) > 1 - 1e-6, `vector ${k}: ${cosine}`);
  }
});

test('a matrix of lower rank than asked for has zeros behind', () => {
  const { matrix } = withSingularValues([4, 2], 30, 20);
  const { singularValues } = truncatedSvd(matrix, 5);
  near(singularValues, [4, 2, 0, 0, 0], 'singular values', 1e-6);
});

test('the same seed gives the same numbers', () => {
  const { matrix } = withSingularValues([4, 2, 1], 30, 20);
  assert.deepEqual(truncatedSvd(matrix, 3, { seed: 5 }), truncatedSvd(matrix, 3, { seed: 5 }));
});
