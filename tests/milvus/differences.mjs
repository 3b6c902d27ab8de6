// How the server's answers differ from those of the page, a text for each difference.
import { inspect, isDeepStrictEqual } from 'node:util';

/** Distances are sums of single-precision numbers, which each side adds up in an order of its own. */
const tolerance = 1e-6;

const isNear = (one, other) => Math.abs(one - other) <= tolerance * Math.max(1, Math.abs(one));

const short = value => {
  const text = value === undefined ? 'nothing' : inspect(value, { breakLength: Infinity, compact: true, depth: null, maxStringLength: 300 });
  return text.length > 300 ? `${text.slice(0, 300)}…` : text;
};

/** Hits whose scores are the same but for the tolerance may change places. */
function areHitsEqual(one, other) {
  const ids = hits => hits.map(({ of }) => of).sort();
  return isDeepStrictEqual(ids(one), ids(other)) && one.every(({ score }, at) => isNear(score, other[at].score));
}

const isHit = value => value?.score !== undefined;

function* between(title, expected, found) {
  const areEqual = Array.isArray(expected) && Array.isArray(found) && expected.some(isHit) ? areHitsEqual(expected, found) : isDeepStrictEqual(expected, found);
  if (areEqual) return;
  const areRows = title === 'rows' && !expected.error && !found.error;
  if (!areRows) return yield `${title}: elanus ${short(expected)}, Milvus ${short(found)}`;
  for (const key of new Set([...Object.keys(expected), ...Object.keys(found)])) {
    const [one = {}, other = {}] = [expected[key], found[key]];
    for (const field of new Set([...Object.keys(one), ...Object.keys(other)])) {
      if (isDeepStrictEqual(one[field], other[field])) continue;
      yield `row ${short(key)}, ${field}: elanus ${short(one[field])}, Milvus ${short(other[field])}`;
    }
  }
}

export const differences = (expected, found) => expected.flatMap(([title, answer], at) => [...between(title, answer, found[at][1])]);
