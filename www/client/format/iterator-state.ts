// What a page of a search iterator ends with, so that the next one goes on behind it. Nodes keep nothing.

/** As Milvus answers it. */
export interface IteratorState extends Record<string, unknown> {
  token: string;
  last_bound: number;
}

/** A hit, with the number of its key. */
interface Hit {
  score: number;
  key: string;
}

interface Page {
  hits: Hit[];
  /** The score that the page before ended with, and how many hits of it were given until then. */
  bound?: number;
  given: number;
  /** 1 where smaller scores are better. */
  sign: 1 | -1;
}

const LARGEST_FLOAT32 = 3.4028234663852886e38;
/** Behind every other. */
const LAST_KEY = String(2n ** 63n - 1n);
/** There is no room for more, and the engine takes it for a hint. */
const MOST_GIVEN = 0xffff;

export function nextPage({ hits, bound, given, sign }: Page): IteratorState {
  const last = hits.at(-1) ?? { score: bound ?? -sign * LARGEST_FLOAT32, key: LAST_KEY };
  const count = hits.filter(hit => hit.score === last.score).length + (last.score === bound ? given : 0);
  return { token: tokenOf(last, Math.min(count, MOST_GIVEN)), last_bound: last.score };
}

/** A UUID of version 8, as Milvus' tokens are UUIDs: the bits of the score, how many hits of it were given, the key's number. */
function tokenOf({ score, key }: Hit, given: number): string {
  const bits = new DataView(new ArrayBuffer(4));
  bits.setFloat32(0, score);
  const hex = (value: number | bigint, digits: number): string => value.toString(16).padStart(digits, '0');
  const number = hex(BigInt.asUintN(64, BigInt(key)), 16);
  return `${hex(bits.getUint32(0), 8)}-${hex(given, 4)}-8${number.slice(0, 3)}-800${number[3]}-${number.slice(4)}`;
}
