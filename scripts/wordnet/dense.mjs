// Dense matrices: Float64Arrays, row after row, of which `width` is the number of columns.

/**
 * A tall matrix times a small one, which has as many rows as the tall one has columns. Takes four rows of the small one at once,
 * because each look at the sum costs more than a multiplication.
 */
export function multiply(tall, width, small, smallWidth) {
  const rowCount = tall.length / width;
  const product = new Float64Array(rowCount * smallWidth);
  const sum = new Float64Array(smallWidth);
  for (let row = 0; row < rowCount; row++) {
    const from = row * width;
    sum.fill(0);
    let k = 0;
    for (; k + 4 <= width; k += 4) {
      const [a, b, c, d] = [tall[from + k], tall[from + k + 1], tall[from + k + 2], tall[from + k + 3]];
      const second = (k + 1) * smallWidth;
      const third = (k + 2) * smallWidth;
      const fourth = (k + 3) * smallWidth;
      for (let i = 0, at = k * smallWidth; i < smallWidth; i++) {
        sum[i] += a * small[at + i] + b * small[second + i] + c * small[third + i] + d * small[fourth + i];
      }
    }
    for (; k < width; k++) for (let i = 0; i < smallWidth; i++) sum[i] += tall[from + k] * small[k * smallWidth + i];
    product.set(sum, row * smallWidth);
  }
  return product;
}

/** leftᵀ times right where that is symmetric: only one triangle is computed. */
export function symmetricProduct(left, right, width) {
  const product = new Float64Array(width * width);
  for (let row = 0; row < left.length; row += width) {
    for (let i = 0; i < width; i++) {
      const factor = left[row + i];
      for (let j = i, at = i * width; j < width; j++) product[at + j] += factor * right[row + j];
    }
  }
  for (let i = 0; i < width; i++) for (let j = 0; j < i; j++) product[i * width + j] = product[j * width + i];
  return product;
}

/** The upper triangle R of `gram` = RᵀR. A column that depends on those before it has the diagonal 0 and no entries. */
function cholesky(gram, width) {
  const factor = new Float64Array(width * width);
  for (let i = 0; i < width; i++) {
    const rest = gram.slice(i * width, (i + 1) * width);
    for (let k = 0; k < i; k++) {
      const above = factor[k * width + i];
      for (let j = i; j < width; j++) rest[j] -= above * factor[k * width + j];
    }
    if (rest[i] <= 1e-12 * gram[i * width + i]) continue;
    const diagonal = Math.sqrt(rest[i]);
    for (let j = i; j < width; j++) factor[i * width + j] = rest[j] / diagonal;
  }
  return factor;
}

/** Rows and columns with a diagonal of 0 are 0 in the inverse too. */
function invertUpperTriangle(factor, width) {
  const inverse = new Float64Array(width * width);
  for (let i = width - 1; i >= 0; i--) {
    const diagonal = factor[i * width + i];
    if (diagonal === 0) continue;
    inverse[i * width + i] = 1 / diagonal;
    for (let k = i + 1; k < width; k++) {
      const factorOfRow = factor[i * width + k] / diagonal;
      for (let j = k; j < width; j++) inverse[i * width + j] -= factorOfRow * inverse[k * width + j];
    }
  }
  return inverse;
}

/** Orthonormal columns that span the same space, by Cholesky-QR; those that depend on others become 0. */
export function orthonormal(tall, width) {
  const factor = cholesky(symmetricProduct(tall, tall, width), width);
  return multiply(tall, width, invertUpperTriangle(factor, width), width);
}

/** Makes each row as long as 1; one of zeros, which has no direction, becomes the first axis. */
export function makeRowsUnitLong(matrix, width) {
  for (let from = 0; from < matrix.length; from += width) {
    let squares = 0;
    for (let i = from; i < from + width; i++) squares += matrix[i] * matrix[i];
    if (squares === 0) matrix[from] = 1;
    else for (let i = from, length = Math.sqrt(squares); i < from + width; i++) matrix[i] /= length;
  }
}
