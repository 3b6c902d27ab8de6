// Says how one observed answer differs from a recorded one, or that it does not. Equal are: rows of a query in any order, hits
// of equal score in any order, numbers to 1e-6, and refusals with the same code and the same gist of the reason.

const tolerance = 1e-6;

/** Where in the server something failed: the layers that wrap a reason differ from engine to engine, its text does not. */
const wrappings = [
  /^failed to (search|query): /,
  /^failed to create query plan: /,
  /^failed to search\/query delegator \d+ for channel \S+: fail to (Search|Query), QueryNode ID ?= ?\d+, reason=/,
  /^worker\(\d+\) query failed: .* => /s,
  /^collection:<id>, /,
  /^timestamp = <id>: /,
  /^can't find collection (?=collection not found)/,
  /^Failed to get (collection|partition) id: /,
];

/** Base texts that follow a reason: the one that newer versions append to whatever is refused, and what a query node had. */
const tails = /: (invalid parameter|service internal error: UnknownError)$/;

/** A reason without wrappings and tails. */
export function gist(reason) {
  let text = reason;
  for (let before; before !== text; ) {
    before = text;
    for (const wrapping of wrappings) text = text.replace(wrapping, '');
  }
  return text.replace(tails, '').replace(/=\[<id>( <id>)*\]/g, '=<id>');
}

/** Newer versions add details after a comma to some texts. */
const hasGistOf = (expected, got) => got === expected || got.startsWith(`${expected}, `);

const isStatus = value => typeof value?.reason === 'string' && 'error_code' in value && 'code' in value;

/**
 * 2.3.5 sends 65535 for whatever has no code of its own yet. Since then, parameters that are refused have 1100, and
 * refusals that come from a query node keep the code of their base text.
 */
function hasCodeOf(expected, got) {
  if (expected.code === got.code) return expected.error_code === got.error_code;
  if (expected.code !== 65535) return false;
  const base = gist(expected.reason);
  if (base.startsWith('partition not loaded')) return got.code === 201;
  return got.code === 1100 && got.error_code === 'IllegalArgument';
}

function statusDifference(expected, got, at) {
  if (!isStatus(got)) return `${at}: expected a status, got ${JSON.stringify(got)}`;
  const line = ({ error_code, code, reason, retriable }) => `${error_code} ${code}${retriable ? ' retriable' : ''} ${reason}`;
  const isSame = hasCodeOf(expected, got) && hasGistOf(gist(expected.reason), gist(got.reason)) && expected.retriable === got.retriable;
  if (isSame) return undefined;
  return `${at}: expected ${line(expected)}, got ${line(got)}`;
}

/** Errors of load calls carry the server's refusal as text. */
function messageDifference(expected, got, at) {
  const parse = text => text.match(/^ErrorCode: (\w+)\. Reason: (.*)$/s)?.slice(1);
  const [before, now] = [parse(expected), parse(got)];
  const isSame = before && now ? before[0] === now[0] && gist(before[1]) === gist(now[1]) : gist(expected) === gist(got);
  return isSame ? undefined : `${at}: expected ${expected}, got ${got}`;
}

/** Each expected item with an item of its own among the got ones. */
function unorderedDifference(expected, got, at) {
  if (expected.length !== got.length) return `${at}: expected ${JSON.stringify(expected)}, got ${JSON.stringify(got)}`;
  const left = [...got];
  for (const item of expected) {
    const found = left.findIndex(other => !difference(item, other));
    if (found < 0) return `${at}: ${JSON.stringify(item)} is not among ${JSON.stringify(left)}`;
    left.splice(found, 1);
  }
  return undefined;
}

function hitsDifference(expected, got, at) {
  if (Array.isArray(expected[0])) return listDifference(expected, got, at, hitsDifference);
  if (!Array.isArray(got) || expected.length !== got.length) return `${at}: expected ${JSON.stringify(expected)}, got ${JSON.stringify(got)}`;
  for (let start = 0, end; start < expected.length; start = end) {
    for (end = start; end < expected.length && isClose(expected[end].score, expected[start].score); ) end += 1;
    const found = unorderedDifference(expected.slice(start, end), got.slice(start, end), `${at}[${start}..]`);
    if (found) return found;
  }
  return undefined;
}

const isClose = (a, b) => Math.abs(a - b) <= tolerance * Math.max(1, Math.abs(a));

function listDifference(expected, got, at, itemDifference = difference) {
  if (!Array.isArray(got) || expected.length !== got.length) return `${at}: expected ${JSON.stringify(expected)}, got ${JSON.stringify(got)}`;
  for (const [index, item] of expected.entries()) {
    const found = itemDifference(item, got[index], `${at}[${index}]`);
    if (found) return found;
  }
  return undefined;
}

function objectDifference(expected, got, at) {
  for (const key of new Set([...Object.keys(expected), ...Object.keys(got)])) {
    const found = keyDifference(key, expected[key], got[key], at ? `${at}.${key}` : key);
    if (found) return found;
  }
  return undefined;
}

function keyDifference(key, expected, got, at) {
  // Numbers of databases are the engine's own, and older engines leave some times 0.
  if (key === 'db_id' || (got === '<ts>' && expected === '0')) return undefined;
  if (Array.isArray(expected) && Array.isArray(got)) {
    if (key === 'results') return hitsDifference(expected, got, at);
    if (key === 'data' && typeof expected[0] === 'object') return unorderedDifference(expected, got, at);
  }
  if (key === 'message' && typeof expected === 'string' && typeof got === 'string') return messageDifference(expected, got, at);
  return difference(expected, got, at);
}

/** Names of channels are the engine's own. */
const channel = /^[\w-]+-dml_\d+(?=_<id>v\d+$|$)/;

/** Undefined when they say the same. */
export function difference(expected, got, at = '') {
  if (typeof expected === 'string' && typeof got === 'string' && expected.replace(channel, '') === got.replace(channel, '')) return undefined;
  if (typeof expected === 'number' && typeof got === 'number') {
    return isClose(expected, got) ? undefined : `${at}: expected ${expected}, got ${got}`;
  }
  if (isStatus(expected)) return statusDifference(expected, got, at);
  if (Array.isArray(expected)) return listDifference(expected, got, at);
  if (expected && got && typeof expected === 'object' && typeof got === 'object') return objectDifference(expected, got, at);
  return expected === got ? undefined : `${at}: expected ${JSON.stringify(expected)}, got ${JSON.stringify(got)}`;
}
