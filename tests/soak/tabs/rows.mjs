// The rows of the tabs soak, for the page that makes them and the test that checks them: all of one follows from its id.
export const collection_name = 'tabs';
export const dim = 128;
export const idsOfPartition = 1_000_000;

export const partitionName = number => `p${number}`;
export const firstIdOf = partition => partition * idsOfPartition;

/** Writes the vector of a row into `values`, at `at`. */
export function writeVector(id, values, at) {
  let state = Math.imul(id + 1, 0x9e3779b1) | 1;
  for (let place = 0; place < dim; place += 1) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    values[at + place] = (state & 0xffff) / 0x10000;
  }
}

export function vectorOf(id) {
  const values = new Float32Array(dim);
  writeVector(id, values, 0);
  return values;
}
