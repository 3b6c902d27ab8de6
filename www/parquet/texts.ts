// Values of Parquet as JSON text, exact: what is read back from the text is the value.

import { DataType } from '../client/const/index.js';
import { stringifyValue } from '../client/wire/json.js';

/** A value that cannot be imported. */
export class Refusal extends Error {
  override name = 'Refusal';
}

// Without `ignoreBOM` a leading U+FEFF of a stored string would be lost.
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** How values of a type are written into a field; `into` is undefined for a key of the dynamic field. */
export function textOf(type: string, into: DataType | undefined): (value: unknown) => string {
  const text = exactText(type, into);
  if (into !== undefined) return text;
  // A column that no field asks for is no reason to refuse the rows.
  return value => {
    try {
      return text(value);
    } catch (error) {
      if (error instanceof Refusal) return 'null';
      throw error;
    }
  };
}

function exactText(type: string, into: DataType | undefined): (value: unknown) => string {
  if (into === DataType.JSON) return value => jsonText(string(value));
  if (into === DataType.Float) return value => float32Text(Number(value));
  if (into === DataType.Double || type === 'float64') return value => float64Text(Number(value));
  if (type === 'float32') return value => float64Text(value as number);
  if (type === 'bool') return value => (value ? 'true' : 'false');
  if (type === 'utf8' || type === 'binary') return value => JSON.stringify(string(value));
  if (/^u?int/.test(type)) return String;
  return stringifyValue;
}

function string(bytes: unknown): string {
  try {
    return decoder.decode(bytes as Uint8Array);
  } catch {
    throw new Refusal('the bytes are not UTF-8 text');
  }
}

/** What becomes that JSON: in a line of its own an object is itself, and any other value a text. */
export function jsonText(text: string): string {
  try {
    JSON.parse(text);
  } catch (error) {
    throw new Refusal(`the text is not JSON: ${(error as Error).message}`);
  }
  // Outside of its strings JSON may have line breaks.
  return /^\s*\{/.test(text) ? text.replace(/[\r\n]/g, ' ') : JSON.stringify(text);
}

function float64Text(value: number): string {
  if (!Number.isFinite(value)) throw new Refusal(`the number ${value} is not finite`);
  return Object.is(value, -0) ? '-0.0' : String(value);
}

const POWERS = Array.from({ length: 23 }, (_, exponent) => Number(`1e${exponent}`));

/** The shortest decimal whose nearest float32 is the value's; nine digits tell all of them apart. */
export function float32Text(given: number): string {
  const value = Math.fround(given);
  if (!Number.isFinite(value) && Number.isFinite(given)) throw new Refusal(`the number ${given} is beyond float32`);
  if (value === 0 || !Number.isFinite(value)) return float64Text(value);
  const size = Math.abs(value);
  // Quicker than text, where the powers are exact.
  const isCommon = size >= 1e-13 && size < 1e9;
  const digitsBefore = Math.floor(Math.log10(size)) + 1;
  for (let digits = isCommon ? 6 : 1; digits < 9; digits++) {
    const power = POWERS[Math.max(0, digits - digitsBefore)]!;
    const short = isCommon ? Math.round(value * power) / power : Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return String(short);
  }
  return String(Number(value.toPrecision(9)));
}
