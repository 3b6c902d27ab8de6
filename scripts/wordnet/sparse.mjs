// Sparse matrices: entries `rowStarts[i]` to `rowStarts[i + 1]` are those of row i, their columns and their weights.
// Dense ones are Float64Arrays, row after row.

/** From rows of `[column, weight]`. */
export function sparseMatrix(columnCount, rows) {
  const entryCount = rows.reduce((sum, row) => sum + row.length, 0);
  const matrix = {
    rowCount: rows.length,
    columnCount,
    rowStarts: new Int32Array(rows.length + 1),
    columns: new Int32Array(entryCount),
    weights: new Float64Array(entryCount),
  };
  let entry = 0;
  rows.forEach((row, i) => {
    for (const [column, weight] of row) {
      matrix.columns[entry] = column;
      matrix.weights[entry++] = weight;
    }
    matrix.rowStarts[i + 1] = entry;
  });
  return matrix;
}

/** `product` becomes a row of the matrix times a dense one of that many columns. */
export function multiplyRow({ rowStarts, columns, weights }, row, dense, width, product) {
  product.fill(0);
  for (let entry = rowStarts[row]; entry < rowStarts[row + 1]; entry++) {
    const weight = weights[entry];
    const from = columns[entry] * width;
    for (let i = 0; i < width; i++) product[i] += weight * dense[from + i];
  }
}

/** AᵀA times a dense matrix, without keeping A times it. */
export function timesGram(matrix, dense, width) {
  const { rowCount, rowStarts, columns, weights } = matrix;
  const product = new Float64Array(dense.length);
  const between = new Float64Array(width);
  for (let row = 0; row < rowCount; row++) {
    multiplyRow(matrix, row, dense, width, between);
    for (let entry = rowStarts[row]; entry < rowStarts[row + 1]; entry++) {
      const weight = weights[entry];
      const to = columns[entry] * width;
      for (let i = 0; i < width; i++) product[to + i] += weight * between[i];
    }
  }
  return product;
}
