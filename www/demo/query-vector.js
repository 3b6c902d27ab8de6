// The vector of a text, in the space of the definitions' vectors: the sum of its terms' vectors.
import { termFrequencies } from './terms.js';

/** `bytes` has a row of `dim` numbers for each of the terms, to be multiplied by the term's scale. */
export function queryVectors({ dim, terms, scales }, bytes) {
  const rowOf = new Map(terms.map((term, row) => [term, row]));

  /** Undefined for a text of which no definition has a word. */
  return function vectorOf(text) {
    const vector = new Float32Array(dim);
    let hasTerm = false;
    for (const [term, frequency] of termFrequencies(text)) {
      const row = rowOf.get(term);
      if (row === undefined) continue;
      hasTerm = true;
      for (let i = 0; i < dim; i++) vector[i] += frequency * scales[row] * bytes[row * dim + i];
    }
    return hasTerm ? vector : undefined;
  };
}

async function fetched(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${response.url} answers ${response.status} ${response.statusText}`);
  return response;
}

/** From the two files that were written with the definitions. */
export async function loadQueryVectors(termsUrl, bytesUrl) {
  const [terms, bytes] = await Promise.all([fetched(termsUrl), fetched(bytesUrl)]);
  return queryVectors(await terms.json(), new Int8Array(await bytes.arrayBuffer()));
}
