// Replies of nodes as rows. `merge*` make one answer of several nodes' replies; with one node they pass it through.

import { DEFAULT_COUNT_QUERY_STRING, DEFAULT_DYNAMIC_FIELD, DataType } from './const/index.js';
import type { NodeReply } from './connection/routes.js';
import { formatNumberPrecision } from './format/values.js';
import { nextPage, type IteratorState } from './format/iterator-state.js';
import type { HighlightData, OutputTransformers, ProtoAggregationBucket, ResStatus, SearchResultData } from './types/index.js';
import { decodeBatch } from './wire/batch.js';
import { readColumn } from './wire/column-reader.js';

export type Row = Record<string, unknown>;

const SCORE = '$score';
/** What hits of several nodes are put in order and into groups by. */
const KEY = '$key';
const GROUP = '$group';
/** Which of several nodes' rows of one key stays. */
const NEWNESS = '$newness';

export interface QueryPage {
  status: ResStatus;
  rows: Row[];
  primary_field_name: string;
  keyOrder: (a: string, b: string) => number;
}

export function readQuery(reply: NodeReply, transformers?: OutputTransformers): QueryPage {
  const status = reply.body.status as ResStatus;
  const primary_field_name = reply.body.primary_field_name as string;
  const blob = reply.blobs[0];
  if (!blob) return { status, rows: [], primary_field_name, keyOrder: inTextOrder };
  const batch = decodeBatch(blob);
  const keyOrder = orderOf(batch.columns.find(column => column.name === primary_field_name)?.type);
  const rows: Row[] = Array.from({ length: batch.rows }, () => ({}));
  for (const column of batch.columns) {
    const values = readColumn(column, batch.rows, transformers);
    for (let i = 0; i < batch.rows; i++) rows[i]![column.name] = values[i];
  }
  return { status, rows, primary_field_name, keyOrder };
}

const isFailure = (page: { status: ResStatus }): boolean => page.status.error_code !== 'Success';

/** Int64 keys are decimal strings, and sort by value. */
const inNumericOrder = (a: string, b: string): number => {
  const [x, y] = [BigInt(a), BigInt(b)];
  return x < y ? -1 : x > y ? 1 : 0;
};

/** As UTF-8 sorts, which nodes go by: letters beyond 16 bits come last. */
function inTextOrder(a: string, b: string): number {
  const rank = (unit: number): number => (unit >= 0xe000 ? unit - 0x800 : unit >= 0xd800 ? unit + 0x2000 : unit);
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const difference = rank(a.charCodeAt(i)) - rank(b.charCodeAt(i));
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

const orderOf = (type: DataType | undefined): ((a: string, b: string) => number) => (type === DataType.VarChar ? inTextOrder : inNumericOrder);

/** Rows in primary-key order, of those of one key the newest, counts added up; every node was asked for `offset + limit` rows. */
export function mergeQueries(pages: QueryPage[], window: { limit?: number; offset?: number } = {}): QueryPage {
  const first = pages.find(isFailure) ?? pages[0]!;
  if (pages.length === 1 || isFailure(first)) return first;
  if (first.rows[0] && DEFAULT_COUNT_QUERY_STRING in first.rows[0]) {
    const total = pages.reduce((sum, page) => sum + BigInt(String(page.rows[0]?.[DEFAULT_COUNT_QUERY_STRING] ?? 0)), 0n);
    return { ...first, rows: [{ [DEFAULT_COUNT_QUERY_STRING]: total.toString() }] };
  }
  const { primary_field_name: key, keyOrder } = first;
  const ordered = pages
    .flatMap(page => page.rows)
    .sort((a, b) => keyOrder(a[key] as string, b[key] as string) || inNumericOrder(b[NEWNESS] as string, a[NEWNESS] as string));
  const rows = ordered.filter((row, i) => row[key] !== ordered[i - 1]?.[key]);
  for (const row of rows) delete row[NEWNESS];
  const { offset = 0, limit } = window;
  // Without a limit a node leaves nothing out either.
  return { ...first, rows: limit === undefined ? rows : rows.slice(offset, offset + limit) };
}

interface SearchBody {
  num_queries: number | string;
  topks: (number | string)[];
  output_fields: string[];
  primary_field_name?: string;
  recalls?: number[];
  all_search_count?: string;
  /** Which scores come first; only needed to merge several nodes. */
  order?: 'asc' | 'desc';
  search_iterator_v2_results?: IteratorState;
  /** Of an iterator's page: how many hits as good as its bound earlier ones had. */
  given_of_bound?: number;
  highlight_results?: { field_name: string; datas: (HighlightData | undefined)[] }[];
  agg_buckets?: ProtoAggregationBucket[];
  agg_topks?: (string | number)[];
}

export interface SearchPage {
  status: ResStatus;
  session_ts: string;
  /** null when refused. */
  results: SearchBody | null;
  /** One list of hits a query. */
  hits: SearchResultData[][];
  /** Only with `merge`: of each hit, query after query, what tells its place among those of all nodes. */
  keys?: string[];
  groups?: string[];
  keyOrder: (a: string, b: string) => number;
}

interface Placed {
  hit: SearchResultData;
  key: string;
  group?: string;
}

export function readSearch(reply: NodeReply, transformers?: OutputTransformers): SearchPage {
  const results = (reply.body.results as SearchBody | null | undefined) ?? null;
  const page = { status: reply.body.status as ResStatus, session_ts: reply.body.session_ts as string, results, keyOrder: inTextOrder };
  const blob = reply.blobs[0];
  if (!blob || !results) return { ...page, hits: [] };
  const batch = decodeBatch(blob);
  const values = new Map<string, unknown[]>();
  for (const column of batch.columns) values.set(column.name, readColumn(column, batch.rows, transformers));
  const names = results.output_fields?.length ? results.output_fields : [...values.keys()].filter(name => ![SCORE, KEY, GROUP].includes(name));
  const all: SearchResultData[] = new Array<SearchResultData>(batch.rows);
  const scores = (values.get(SCORE) ?? []) as number[];
  for (let i = 0; i < batch.rows; i++) all[i] = { score: scores[i]! } as SearchResultData;
  for (const name of names) {
    const column = values.get(name);
    if (column) for (let i = 0; i < batch.rows; i++) all[i]![name] = column[i];
    else {
      // A key of the dynamic field, asked for by its own name.
      const dynamic = (values.get(DEFAULT_DYNAMIC_FIELD) ?? []) as (Row | null)[];
      for (let i = 0; i < batch.rows; i++) all[i]![name] = dynamic[i]?.[name];
    }
  }
  for (const { field_name, datas } of results.highlight_results ?? []) {
    datas.forEach((data, i) => {
      const hit = all[i];
      if (data && hit) hit.highlight = { ...hit.highlight, [field_name]: { fragments: data.fragments || [], scores: data.scores || [] } };
    });
  }
  const [keys, groups] = [values.get(KEY), values.get(GROUP)] as [string[]?, string[]?];
  const keyOrder = orderOf(batch.columns.find(column => column.name === KEY)?.type);
  let start = 0;
  const hits = results.topks.map(count => all.slice(start, (start += Number(count))));
  return { ...page, hits, keys, groups, keyOrder };
}

/** `limit` and `offset` count groups where `group_size` is given. */
export interface SearchWindow {
  limit: number;
  offset: number;
  group_size?: number;
  round_decimal?: number;
  /** For a page of an iterator, and the score that the one before ended with. */
  iterates?: boolean;
  bound?: number;
}

/** The best of all nodes, query by query; with `merge` they leave the window, the rounding and an iterator's state to this. */
export function mergeSearches(pages: SearchPage[], window: SearchWindow): SearchPage {
  const first = pages.find(isFailure) ?? pages[0]!;
  if ((pages.length === 1 && !window.iterates) || isFailure(first) || !first.results) return first;
  const { limit, offset, group_size, round_decimal, iterates, bound } = window;
  const sign = first.results.order === 'asc' ? 1 : -1;
  const inOrder = (a: Placed, b: Placed): number => sign * (a.hit.score - b.hit.score) || first.keyOrder(a.key, b.key);
  const next = pages.map(() => 0);
  const chosen = first.hits.map((_, query) => {
    const found: Placed[] = [];
    pages.forEach(({ hits, keys, groups }, node) => {
      for (const hit of hits[query] ?? []) {
        const at = next[node]!++;
        found.push({ hit, key: keys![at]!, group: groups?.[at] });
      }
    });
    found.sort(inOrder);
    const known = new Set<string>();
    const all = found.filter(({ key }) => !known.has(key) && known.add(key));
    if (group_size === undefined) return all.slice(offset, offset + limit);
    const ofGroups = new Map<string | undefined, Placed[]>();
    for (const placed of all) {
      const members = ofGroups.get(placed.group) ?? [];
      if (members.length < group_size) ofGroups.set(placed.group, [...members, placed]);
    }
    return [...ofGroups.values()].slice(offset, offset + limit).flat();
  });
  const hits = chosen.map(list => list.map(({ hit }) => hit));
  const scored = ({ hit, key }: Placed): { score: number; key: string } => ({ score: hit.score, key });
  const given = first.results.given_of_bound ?? 0;
  const state = iterates && { search_iterator_v2_results: nextPage({ hits: chosen.flat().map(scored), bound, given, sign }) };
  if (round_decimal !== undefined) for (const hit of hits.flat()) hit.score = roundScore(hit.score, round_decimal);
  return { ...first, hits, results: { ...first.results, topks: hits.map(list => list.length), ...state } };
}

/** Half away from zero, to float32: as nodes do it. */
function roundScore(score: number, decimals: number): number {
  const scale = 10 ** decimals;
  return Math.fround((Math.sign(score) * Math.round(Math.abs(score) * scale)) / scale);
}

/** As the SDK does with scores that are rounded already. */
export function cutScores(page: SearchPage, decimals: number): void {
  for (const hit of page.hits.flat()) hit.score = formatNumberPrecision(hit.score, decimals);
}
