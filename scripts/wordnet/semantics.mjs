// Latent semantic vectors of texts: terms that occur in similar texts get similar directions by a singular value decomposition,
// and a text has the mean direction of its terms, by their TF-IDF.
import { makeRowsUnitLong } from './dense.mjs';
import { multiplyRow } from './sparse.mjs';
import { truncatedSvd } from './svd.mjs';
import { termMatrix } from './term-matrix.mjs';

/** Each term's direction: of unit length, because a rare term has little of the first dimensions and says as much. */
function termDirections(matrix, dim, report) {
  const { singularValues, rightVectors } = truncatedSvd(matrix, dim, { report });
  for (let i = 0; i < rightVectors.length; i++) rightVectors[i] *= singularValues[i % dim];
  makeRowsUnitLong(rightVectors, dim);
  return rightVectors;
}

/**
 * What the directions of terms make of the texts: `vectors` has a row of unit length a text; `termVectors` a row a term, such
 * that the sum of a text's terms, each by its frequency, has the direction of the text.
 */
export function textVectors({ idf, matrix }, directions, dim) {
  const vectors = new Float32Array(matrix.rowCount * dim);
  const sum = new Float64Array(dim);
  for (let row = 0; row < matrix.rowCount; row++) {
    multiplyRow(matrix, row, directions, dim, sum);
    vectors.set(sum, row * dim);
  }
  makeRowsUnitLong(vectors, dim);
  return { vectors, termVectors: directions.map((value, i) => value * idf[Math.floor(i / dim)]) };
}

export function semanticVectors(texts, dim, report = () => undefined) {
  const weighted = termMatrix(texts);
  return { terms: weighted.terms, ...textVectors(weighted, termDirections(weighted.matrix, dim, report), dim) };
}
