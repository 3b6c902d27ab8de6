// TF-IDF: a sparse matrix with a row of unit length a text and a column a term.
import { termFrequencies } from '../../www/demo/terms.js';
import { sparseMatrix } from './sparse.mjs';

/** A term of a single text says nothing about others. */
const MIN_TEXTS = 2;

export function termMatrix(texts) {
  const frequencies = texts.map(termFrequencies);
  const textCounts = new Map();
  for (const term of frequencies.flatMap(counts => [...counts.keys()])) textCounts.set(term, (textCounts.get(term) ?? 0) + 1);
  const terms = [...textCounts.keys()].filter(term => textCounts.get(term) >= MIN_TEXTS).sort();
  const columnOf = new Map(terms.map((term, column) => [term, column]));
  const idf = Float64Array.from(terms, term => Math.log(texts.length / textCounts.get(term)));

  const rows = frequencies.map(counts => {
    const entries = [];
    for (const [term, frequency] of counts) {
      const column = columnOf.get(term);
      if (column !== undefined) entries.push([column, frequency * idf[column]]);
    }
    const length = Math.hypot(...entries.map(([, weight]) => weight)) || 1;
    return entries.map(([column, weight]) => [column, weight / length]);
  });
  return { terms, idf, matrix: sparseMatrix(terms.length, rows) };
}
