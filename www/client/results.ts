// Replies of nodes as rows, of several nodes as those of one.

import { DEFAULT_COUNT_QUERY_STRING, DEFAULT_DYNAMIC_FIELD, DataType } from './const/index.js';
import type { NodeReply } from './connection/routes.js';
import { formatNumberPrecision } from './format/values.js';
import { nextPage, type IteratorState } from './format/iterator-state.js';
import type { FieldValues, HighlightData, OutputTransformers, ProtoAggregationBucket, ResStatus, SearchResultData } from './types/index.js';
import { ROWS_OF_STEP, isStep, rangeSteps, type Steps } from './steps.js';
import { decodeBatch } from './wire/batch.js';
import { readColumn } from './wire/column-reader.js';

const SCORE = '$score';
/** What hits of several nodes are put in order and into groups by. */
const KEY = '$key';
const GROUP = '$group';
/** Which of several nodes' rows of one key stays. */
const NEWNESS = '$newness';

export interface QueryPage {
  status: ResStatus;
  rows: FieldValues[];
}

/** What one node answers, in the order of keys. */
interface NodeRows extends QueryPage {
  key: string;
  /** Of each row, with `merge` only. */
  newness: string[];
  keyOrder: (a: string, b: string) => number;
}

/** `window` is what several nodes leave to this: with a limit, each was asked for `offset + limit` rows. */
export function* querySteps(
  replies: NodeReply[],
  window: { limit?: number; offset?: number },
  transformers?: OutputTransformers
): Steps<QueryPage> {
  const pages: NodeRows[] = [];
  for (const reply of replies) pages.push(yield* readQuery(reply, transformers));
  return yield* mergeQueries(pages, window);
}

function* readQuery(reply: NodeReply, transformers?: OutputTransformers): Steps<NodeRows> {
  const status = reply.body.status as ResStatus;
  const key = reply.body.primary_field_name as string;
  const blob = reply.blobs[0];
  if (!blob) return { status, rows: [], key, newness: [], keyOrder: inTextOrder };
  const batch = decodeBatch(blob);
  const keyOrder = orderOf(batch.columns.find(column => column.name === key)?.type);
  const newness: string[] = [];
  const rows = new Array<FieldValues>(batch.rows);
  yield* rangeSteps(batch.rows, blob.byteLength, range => {
    for (let i = range.start; i < range.end; i++) rows[i] = {};
    for (const column of batch.columns) {
      const values = readColumn(column, range, transformers);
      if (column.name === NEWNESS) newness.push(...(values as string[]));
      else for (let i = range.start; i < range.end; i++) rows[i]![column.name] = values[i - range.start];
    }
  });
  return { status, rows, key, newness, keyOrder };
}

const isFailure = (page: { status: ResStatus }): boolean => page.status.error_code !== 'Success';

/** Int64 keys are decimal strings, and sort by value. */
function inNumericOrder(a: string, b: string): number {
  const sign = a.startsWith('-') ? -1 : 1;
  if (b.startsWith('-') !== sign < 0) return sign;
  return sign * (a.length - b.length || (a < b ? -1 : a > b ? 1 : 0));
}

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

/** Rows in the order of keys, of those of one key the newest; counts added up. */
function* mergeQueries(pages: NodeRows[], window: { limit?: number; offset?: number }): Steps<QueryPage> {
  const first = pages.find(isFailure) ?? pages[0]!;
  const { status, key, keyOrder } = first;
  if (pages.length === 1 || isFailure(first)) return { status, rows: first.rows };
  if (first.rows[0] && DEFAULT_COUNT_QUERY_STRING in first.rows[0]) {
    const total = pages.reduce((sum, page) => sum + BigInt(String(page.rows[0]?.[DEFAULT_COUNT_QUERY_STRING] ?? 0)), 0n);
    return { status, rows: [{ [DEFAULT_COUNT_QUERY_STRING]: total.toString() }] };
  }
  // As in the engine, an offset without a limit says nothing.
  const { limit = Infinity } = window;
  const offset = window.limit === undefined ? 0 : (window.offset ?? 0);
  const heads = pages.map(({ rows, newness }) => ({ rows, newness, at: 0 }));
  const rows: FieldValues[] = [];
  while (rows.length < offset + limit) {
    let best: (typeof heads)[number] | undefined;
    let known: string | undefined;
    for (const head of heads) {
      const row = head.rows[head.at];
      if (!row) continue;
      const order = best ? keyOrder(row[key] as string, known!) || inNumericOrder(best.newness[best.at]!, head.newness[head.at]!) : -1;
      if (order < 0) [best, known] = [head, row[key] as string];
    }
    if (!best) break;
    rows.push(best.rows[best.at]!);
    for (const head of heads) if (head.rows[head.at]?.[key] === known) head.at++;
    if (isStep(rows.length)) yield;
  }
  return { status, rows: rows.slice(offset) };
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
  /** As in the SDK, hits have the values of an output field named `score` where they would have their scores. */
  showsScores: boolean;
}

/** What one node answers. */
interface NodeHits extends SearchPage {
  /** Of each hit, query after query. */
  scores: number[];
  /** Only with `merge`: what else tells each hit's place among those of all nodes. */
  keys: string[];
  groups: string[];
  keyOrder: (a: string, b: string) => number;
}

interface Placed {
  hit: SearchResultData;
  score: number;
  key: string;
  group?: string;
}

export function* searchSteps(replies: NodeReply[], window: SearchWindow, transformers?: OutputTransformers): Steps<SearchPage> {
  const pages: NodeHits[] = [];
  for (const reply of replies) pages.push(yield* readSearch(reply, transformers));
  return yield* mergeSearches(pages, window);
}

function* readSearch(reply: NodeReply, transformers?: OutputTransformers): Steps<NodeHits> {
  const results = (reply.body.results as SearchBody | null | undefined) ?? null;
  const page = { status: reply.body.status as ResStatus, session_ts: reply.body.session_ts as string, results };
  const blob = reply.blobs[0];
  if (!blob || !results) return { ...page, hits: [], showsScores: true, scores: [], keys: [], groups: [], keyOrder: inTextOrder };
  const { columns, rows } = decodeBatch(blob);
  const names = results.output_fields?.length ? results.output_fields : columns.map(({ name }) => name).filter(name => ![SCORE, KEY, GROUP].includes(name));
  const all = new Array<SearchResultData>(rows);
  const scores: number[] = [];
  const [keys, groups]: [string[], string[]] = [[], []];
  yield* rangeSteps(rows, blob.byteLength, range => {
    const values = new Map<string, unknown[]>();
    for (const column of columns) values.set(column.name, readColumn(column, range, transformers));
    scores.push(...((values.get(SCORE) ?? []) as number[]));
    for (let i = range.start; i < range.end; i++) all[i] = { score: scores[i]! } as SearchResultData;
    for (const name of names) {
      const column = values.get(name);
      // A key of the dynamic field, asked for by its own name.
      const dynamic = (values.get(DEFAULT_DYNAMIC_FIELD) ?? []) as (FieldValues | null)[];
      for (let i = range.start; i < range.end; i++) {
        const row = i - range.start;
        all[i]![name] = column ? column[row] : dynamic[row]?.[name];
      }
    }
    keys.push(...((values.get(KEY) ?? []) as string[]));
    groups.push(...((values.get(GROUP) ?? []) as string[]));
  });
  for (const { field_name, datas } of results.highlight_results ?? []) {
    datas.forEach((data, i) => {
      const hit = all[i];
      if (data && hit) hit.highlight = { ...hit.highlight, [field_name]: { fragments: data.fragments || [], scores: data.scores || [] } };
    });
  }
  const keyOrder = orderOf(columns.find(column => column.name === KEY)?.type);
  let start = 0;
  const hits = results.topks.map(count => all.slice(start, (start += Number(count))));
  return { ...page, hits, showsScores: !names.includes('score'), scores, keys, groups, keyOrder };
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
function* mergeSearches(pages: NodeHits[], window: SearchWindow): Steps<SearchPage> {
  const first = pages.find(isFailure) ?? pages[0]!;
  if ((pages.length === 1 && !window.iterates) || isFailure(first) || !first.results) return first;
  const { limit, offset, group_size, round_decimal, iterates, bound } = window;
  const sign = first.results.order === 'asc' ? 1 : -1;
  const inOrder = (a: Placed, b: Placed): number => sign * (a.score - b.score) || first.keyOrder(a.key, b.key);
  const choose = (found: Placed[]): Placed[] => {
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
  };
  const next = pages.map(() => 0);
  const chosen: Placed[][] = [];
  let hitsOfStep = 0;
  for (const query of first.hits.keys()) {
    const found: Placed[] = [];
    for (const [node, { hits, scores, keys, groups }] of pages.entries()) {
      for (const hit of hits[query] ?? []) {
        const at = next[node]!++;
        found.push({ hit, score: scores[at]!, key: keys[at]!, group: groups[at] });
      }
    }
    chosen.push(choose(found));
    hitsOfStep += found.length;
    if (hitsOfStep < ROWS_OF_STEP) continue;
    hitsOfStep = 0;
    yield;
  }
  const hits = chosen.map(list => list.map(({ hit }) => hit));
  const given = first.results.given_of_bound ?? 0;
  const state = iterates && { search_iterator_v2_results: nextPage({ hits: chosen.flat(), bound, given, sign }) };
  const page = { ...first, hits, results: { ...first.results, topks: hits.map(list => list.length), ...state } };
  if (round_decimal !== undefined) yield* changeScores(page, score => roundScore(score, round_decimal));
  return page;
}

function* changeScores({ hits, showsScores }: SearchPage, change: (score: number) => number): Steps<void> {
  if (!showsScores) return;
  const all = hits.flat();
  yield* rangeSteps(all.length, 0, ({ start, end }) => {
    for (const hit of all.slice(start, end)) hit.score = change(hit.score);
  });
}

/** Half away from zero, to float32: as nodes do it. */
function roundScore(score: number, decimals: number): number {
  const scale = 10 ** decimals;
  return Math.fround((Math.sign(score) * Math.round(Math.abs(score) * scale)) / scale);
}

/** As the SDK does with scores that are rounded already. */
export const cutScores = (page: SearchPage, decimals: number): Steps<void> =>
  changeScores(page, score => formatNumberPrecision(score, decimals));
