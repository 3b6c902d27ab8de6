// Made-up rows whose vectors mean something: a word's vector leans towards its subject's, a row's is the mean of its words'
// with a little noise. So a query finds its own words first, then others of their subject. The same rows every time.

const subjects = {
  sea: 'harbour tide storm sail anchor gull reef whale lantern island fog pier',
  mountain: 'ridge summit glacier storm pine goat trail echo granite eagle snow valley',
  garden: 'rose beetle pond hedge apple spade moss thrush bulb fern shade bee',
  kitchen: 'bread kettle apple thyme oven salt knife butter stew ladle honey flour',
};

export const subjectNames = Object.keys(subjects);
const wordsOf = Object.fromEntries(subjectNames.map(name => [name, subjects[name].split(' ')]));

export const DIM = 128;
export const SMALL_DIM = 16;

/** mulberry32: small, fast, good enough for noise. */
function random(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function seedOf(text) {
  let seed = 2166136261;
  for (const character of text) seed = Math.imul(seed ^ character.codePointAt(0), 16777619);
  return seed;
}

function randomVector(text) {
  const next = random(seedOf(text));
  return Float32Array.from({ length: DIM }, () => next() * 2 - 1);
}

function add(sum, vector, factor) {
  for (let i = 0; i < DIM; i++) sum[i] += vector[i] * factor;
}

const vectors = new Map();
function wordVector(word) {
  let vector = vectors.get(word);
  if (!vector) {
    vector = randomVector(word);
    for (const name of subjectNames) if (wordsOf[name].includes(word)) add(vector, randomVector(`subject ${name}`), 0.8);
    vectors.set(word, vector);
  }
  return vector;
}

/** The vector of some words, and its first dimensions as a small one. */
export function embed(words, noise = () => 0.5) {
  const vector = new Float32Array(DIM);
  for (const word of words) add(vector, wordVector(word), 1 / words.length);
  for (let i = 0; i < DIM; i++) vector[i] += (noise() - 0.5) * 0.3;
  return { vector, small: vector.slice(0, SMALL_DIM) };
}

export function* batches(rowCount, batchRows) {
  const next = random(7);
  for (let first = 0; first < rowCount; first += batchRows) {
    const subject = subjectNames[(first / batchRows) % subjectNames.length];
    const known = wordsOf[subject];
    const rows = Array.from({ length: Math.min(batchRows, rowCount - first) }, (_, i) => {
      const words = Array.from({ length: 5 }, () => known[Math.floor(next() * known.length)]);
      const { vector, small } = embed(words, next);
      return { id: first + i + 1, words: words.join(' '), subject, year: 1900 + Math.floor(next() * 125), vector, small };
    });
    yield { subject, rows };
  }
}
