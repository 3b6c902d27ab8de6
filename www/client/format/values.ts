// Small conversions that the SDK exports and programs use: key/value lists, times, numbers.

import { ERROR_REASONS } from '../const/index.js';
import type { KeyValuePair, OrderByFields } from '../types/index.js';

export { randomId as newClientRequestId } from '../random-id.js';

export function findKeyValue<T>(pairs: KeyValuePair<string, T>[], key: string): T | undefined {
  return pairs.find(pair => pair.key === key)?.value;
}

export function formatKeyValueData<T>(data: KeyValuePair<string, T>[], keys: string[]): { [key: string]: T | undefined } {
  return Object.fromEntries(keys.map(key => [key, findKeyValue(data, key)]));
}

/** `{a: 1}` to `[{key: 'a', value: 1}]`; with `valueToString` values become text, objects JSON text. */
export function parseToKeyValue(data: object | undefined | null, valueToString: true): KeyValuePair<string, string>[];
export function parseToKeyValue(data?: object | null, valueToString?: boolean): KeyValuePair<string, unknown>[];
export function parseToKeyValue(data?: object | null, valueToString = false): KeyValuePair<string, unknown>[] {
  return Object.entries(data ?? {}).map(([key, value]: [string, unknown]) => ({ key, value: valueToString ? asText(value) : value }));
}

function asText(value: unknown): string {
  return value && typeof value === 'object' ? JSON.stringify(value) : String(value);
}

export function normalizeOrderByFields(orderByFields?: OrderByFields | null): string | undefined {
  if (orderByFields === undefined || orderByFields === null) return undefined;
  if (typeof orderByFields === 'string') return orderByFields;
  if (!Array.isArray(orderByFields)) throw new Error('Invalid order_by_fields format');
  return orderByFields
    .map(item => {
      if (typeof item === 'string') return item;
      if (!item || typeof item !== 'object') {
        throw new Error(`Invalid order_by_fields item format, expect string or object, got ${typeof item}`);
      }
      if (!item.field) throw new Error("Invalid order_by_fields item: 'field' key is required and cannot be empty");
      return `${item.field}:${item.order ?? 'asc'}`;
    })
    .join(',');
}

/** Cuts (does not round) the decimals. */
export function formatNumberPrecision(number: number, precision: number): number {
  const [whole, fraction, ...rest] = number.toString().split('.');
  const parts = fraction === undefined ? [whole] : [whole, fraction.slice(0, precision), ...rest];
  return Number(parts.join('.'));
}

export function checkTimeParam(ts: unknown): boolean {
  return typeof ts === 'bigint' || (typeof ts === 'string' && !Number.isNaN(Number(ts)));
}

const LOGICAL_BITS = 18n;

function timeOf(ts: string | bigint): bigint {
  if (!checkTimeParam(ts)) throw new Error(`hybridts ${ERROR_REASONS.TIMESTAMP_PARAM_CHECK}`);
  return BigInt(ts);
}

export function hybridtsToUnixtime(hybridts: string | bigint): string {
  return ((timeOf(hybridts) >> LOGICAL_BITS) / 1000n).toString();
}

export function unixtimeToHybridts(unixtime: string | bigint): string {
  return ((timeOf(unixtime) * 1000n) << LOGICAL_BITS).toString();
}

export function datetimeToHybrids(datetime: Date): string {
  if (!(datetime instanceof Date)) throw new Error(`hybridts ${ERROR_REASONS.DATE_TYPE_CHECK}`);
  return unixtimeToHybridts((datetime.getTime() / 1000).toString());
}

export function stringToBase64(str: string): string {
  return btoa(Array.from(new TextEncoder().encode(str), byte => String.fromCharCode(byte)).join(''));
}

export function getAuthString(data: { username?: string; password?: string; token?: string }): string {
  const { username, password, token } = data;
  if (token) return stringToBase64(token);
  return username && password ? stringToBase64(`${username}:${password}`) : '';
}

export function formatAddress(address: string): string {
  return address.replace(/(http|https)*:\/\//, '');
}

const UNIT_MS: Record<string, number> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
  M: 2_592_000_000,
  Y: 31_536_000_000,
};

/** `30s`, `5m`, `1h` ... to milliseconds. */
export function parseTimeToken(token: string): number {
  const unit = UNIT_MS[token.slice(-1)];
  if (unit === undefined) throw new Error(`Invalid time token: ${token}`);
  return parseInt(token.slice(0, -1), 10) * unit;
}

export function extractMethodName(query: string): string {
  return query.slice(query.lastIndexOf('/') + 1);
}

export function cloneObj<T>(obj: T): T {
  return JSON.parse(JSON.stringify(obj)) as T;
}

export function sleep(time: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, time));
}

export function getValidDataArray(data: readonly unknown[], length: number): boolean[] {
  return Array.from({ length }, (_, i) => data[i] !== undefined && data[i] !== null);
}

export function isValidClientRequestId(value: unknown): value is string {
  return typeof value === 'string' && /^[0-9a-f]{32}$/.test(value) && !/^0+$/.test(value);
}

export function extractRequestMetadata(
  data: { client_request_id?: unknown; 'client-request-id'?: unknown } | undefined
): { 'client-request-id': string } | undefined {
  const id = data?.client_request_id ?? data?.['client-request-id'];
  return typeof id === 'string' && id.length > 0 ? { 'client-request-id': id } : undefined;
}
