// What a page of a search iterator ends with, so that the next one goes on behind it. Nodes keep nothing.

/** As Milvus answers it. */
export interface IteratorState extends Record<string, unknown> {
  token: string;
  last_bound: number;
}

const LARGEST_FLOAT32 = 3.4028234663852886e38;

/**
 * After hits with these scores. `given` hits as good as `bound` were in earlier pages; with a `sign` of 1 smaller scores are better.
 */
export function nextPage({ scores, bound, given, sign }: { scores: number[]; bound?: number; given: number; sign: 1 | -1 }): IteratorState {
  const last_bound = scores.at(-1) ?? bound ?? -sign * LARGEST_FLOAT32;
  const isLast = (score: number | undefined): boolean => score === last_bound;
  return { token: tokenOf(last_bound, scores.filter(isLast).length + (isLast(bound) ? given : 0)), last_bound };
}

/** A UUID of version 8, as Milvus' tokens are UUIDs: the bits of the bound, and how many hits of it were given. */
function tokenOf(bound: number, given: number): string {
  const bits = new DataView(new ArrayBuffer(4));
  bits.setFloat32(0, bound);
  const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0');
  return `${hex(bits.getUint32(0), 8)}-0000-8000-8000-${hex(given, 12)}`;
}
