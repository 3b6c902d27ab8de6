// Generators of vectors, the same from the same seed. All are of unit length, so that every metric ranks them alike.
import { makeRowsUnitLong } from '../../scripts/wordnet/dense.mjs';
import { random } from '../../tests/e2e/pages/random.mjs';

/** Normally distributed numbers, by Box and Muller. */
function normal(next) {
  let spare;
  return () => {
    if (spare !== undefined) {
      const value = spare;
      spare = undefined;
      return value;
    }
    const radius = Math.sqrt(-2 * Math.log(next() || Number.MIN_VALUE));
    const angle = 2 * Math.PI * next();
    spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  };
}

const CLUSTERS = 256;
/** Of a coordinate within a cluster, where that of the clusters' centres is 1. */
const CLUSTER_SPREAD = 0.5;

function mixture(dim, next) {
  const gaussian = normal(next);
  const centres = Float32Array.from({ length: CLUSTERS * dim }, gaussian);
  return vector => {
    const from = Math.floor(next() * CLUSTERS) * dim;
    for (let i = 0; i < dim; i += 1) vector[i] = centres[from + i] + CLUSTER_SPREAD * gaussian();
  };
}

const LATENT_DIMENSIONS = 32;

function latent(dim, next) {
  const gaussian = normal(next);
  const axes = Float32Array.from({ length: LATENT_DIMENSIONS * dim }, gaussian);
  return vector => {
    vector.fill(0);
    for (let axis = 0; axis < LATENT_DIMENSIONS; axis += 1) {
      const along = gaussian();
      for (let i = 0, at = axis * dim; i < dim; i += 1, at += 1) vector[i] += along * axes[at];
    }
  };
}

const uniform = (dim, next) => vector => {
  for (let i = 0; i < dim; i += 1) vector[i] = 2 * next() - 1;
};

const kinds = { gm: mixture, low: latent, uni: uniform };

/** A function that gives the next `count` vectors, one after another in one array. */
export function vectorSource(kind, dim, seed) {
  const next = random(seed);
  const fill = kinds[kind](dim, next);
  return count => {
    const vectors = new Float32Array(count * dim);
    for (let from = 0; from < vectors.length; from += dim) fill(vectors.subarray(from, from + dim));
    makeRowsUnitLong(vectors, dim);
    return vectors;
  };
}
