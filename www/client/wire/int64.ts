// int64 values in every form that a caller may give, without passing through a JS number where it would round.

import type { LongLike } from '../types/index.js';

const MIN = -(2n ** 63n);
const MAX = 2n ** 63n - 1n;
const DECIMAL = /^[+-]?\d+$/;

export function isLongLike(value: unknown): value is LongLike {
  if (typeof value !== 'object' || value === null) return false;
  const { low, high } = value as Partial<LongLike>;
  return typeof low === 'number' && typeof high === 'number';
}

/** The value as a BigInt, or undefined when it is no int64. */
export function toInt64(value: unknown): bigint | undefined {
  let exact: bigint;
  switch (typeof value) {
    case 'bigint':
      exact = value;
      break;
    case 'number':
      if (!Number.isInteger(value)) return undefined;
      exact = BigInt(value);
      break;
    case 'string':
      if (!DECIMAL.test(value)) return undefined;
      exact = BigInt(value);
      break;
    default:
      if (!isLongLike(value)) return undefined;
      exact = longToBigInt(value);
  }
  return exact >= MIN && exact <= MAX ? exact : undefined;
}

export function longToBigInt(value: LongLike): bigint {
  const bits = (BigInt(value.high | 0) << 32n) | BigInt(value.low >>> 0);
  return value.unsigned ? BigInt.asUintN(64, bits) : bits;
}
