// Eigenvalues and eigenvectors of a symmetric matrix by cyclic Jacobi rotations.

const MAX_SWEEPS = 30;
const PRECISION = 1e-12;

/** The turn that makes the entry `across` of two diagonal entries zero, as its cosine and sine. */
function rotation(first, second, across) {
  const slope = (second - first) / (2 * across);
  const tangent = Math.sign(slope || 1) / (Math.abs(slope) + Math.hypot(slope, 1));
  const cosine = 1 / Math.hypot(tangent, 1);
  return { cosine, sine: tangent * cosine };
}

function rotateRows(matrix, size, p, q, cosine, sine) {
  for (let i = p * size, j = q * size; i < (p + 1) * size; i++, j++) {
    const [left, right] = [matrix[i], matrix[j]];
    matrix[i] = cosine * left - sine * right;
    matrix[j] = sine * left + cosine * right;
  }
}

function rotateColumns(matrix, size, p, q, cosine, sine) {
  for (let i = p, j = q; i < size * size; i += size, j += size) {
    const [left, right] = [matrix[i], matrix[j]];
    matrix[i] = cosine * left - sine * right;
    matrix[j] = sine * left + cosine * right;
  }
}

/** The largest eigenvalue first; `vectors` has one eigenvector a row. Overwrites the matrix. */
export function symmetricEigen(matrix, size) {
  const turned = new Float64Array(size * size);
  for (let i = 0; i < size; i++) turned[i * size + i] = 1;
  const negligible = PRECISION * Math.hypot(...matrix.filter((_, at) => at % (size + 1) === 0));
  for (let sweep = 0, isDiagonal = false; sweep < MAX_SWEEPS && !isDiagonal; sweep++) {
    isDiagonal = true;
    for (let p = 0; p < size; p++) {
      for (let q = p + 1; q < size; q++) {
        const across = matrix[p * size + q];
        if (Math.abs(across) <= negligible) continue;
        isDiagonal = false;
        const { cosine, sine } = rotation(matrix[p * size + p], matrix[q * size + q], across);
        rotateRows(matrix, size, p, q, cosine, sine);
        rotateColumns(matrix, size, p, q, cosine, sine);
        rotateRows(turned, size, p, q, cosine, sine);
      }
    }
  }
  const order = Array.from({ length: size }, (_, i) => i).sort((i, j) => matrix[j * (size + 1)] - matrix[i * (size + 1)]);
  const vectors = new Float64Array(size * size);
  order.forEach((from, to) => vectors.set(turned.subarray(from * size, (from + 1) * size), to * size));
  return { values: Float64Array.from(order, i => matrix[i * (size + 1)]), vectors };
}
