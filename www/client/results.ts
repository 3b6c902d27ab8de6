// Replies of nodes as rows. `merge*` make one answer of several nodes' replies; with one node they pass it through.

import { DEFAULT_COUNT_QUERY_STRING, DEFAULT_DYNAMIC_FIELD } from './const/index.js';
import type { NodeReply } from './connection/routes.js';
import { formatNumberPrecision } from './format/values.js';
import type { HighlightData, OutputTransformers, ProtoAggregationBucket, ResStatus, SearchResultData } from './types/index.js';
import { decodeBatch } from './wire/batch.js';
import { readColumn } from './wire/column-reader.js';

export type Row = Record<string, unknown>;

const SCORE = '$score';

export interface QueryPage {
  status: ResStatus;
  rows: Row[];
  primary_field_name: string;
}

export function readQuery(reply: NodeReply, transformers?: OutputTransformers): QueryPage {
  const status = reply.body.status as ResStatus;
  const primary_field_name = reply.body.primary_field_name as string;
  const blob = reply.blobs[0];
  if (!blob) return { status, rows: [], primary_field_name };
  const batch = decodeBatch(blob);
  const rows: Row[] = Array.from({ length: batch.rows }, () => ({}));
  for (const column of batch.columns) {
    const values = readColumn(column, batch.rows, transformers);
    for (let i = 0; i < batch.rows; i++) rows[i]![column.name] = values[i];
  }
  return { status, rows, primary_field_name };
}

const isFailure = (page: { status: ResStatus }): boolean => page.status.error_code !== 'Success';

function byKey(key: string): (a: Row, b: Row) => number {
  return (a, b) => {
    const [x, y] = [a[key] as string, b[key] as string];
    // Int64 keys are decimal strings: numbers of different length compare by value, not by letters.
    if (/^-?\d+$/.test(x) && /^-?\d+$/.test(y)) {
      const [m, n] = [BigInt(x), BigInt(y)];
      return m < n ? -1 : m > n ? 1 : 0;
    }
    return x < y ? -1 : x > y ? 1 : 0;
  };
}

/** Rows in primary-key order, counts added up; every node was asked for `offset + limit` rows from its first. */
export function mergeQueries(pages: QueryPage[], window: { limit?: number; offset?: number } = {}): QueryPage {
  const first = pages.find(isFailure) ?? pages[0]!;
  if (pages.length === 1 || isFailure(first)) return first;
  if (first.rows[0] && DEFAULT_COUNT_QUERY_STRING in first.rows[0]) {
    const total = pages.reduce((sum, page) => sum + BigInt(String(page.rows[0]?.[DEFAULT_COUNT_QUERY_STRING] ?? 0)), 0n);
    return { ...first, rows: [{ [DEFAULT_COUNT_QUERY_STRING]: total.toString() }] };
  }
  const rows = pages.flatMap(page => page.rows).sort(byKey(first.primary_field_name));
  const { offset = 0, limit } = window;
  return { ...first, rows: rows.slice(offset, limit === undefined ? undefined : offset + limit) };
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
  search_iterator_v2_results?: Record<string, unknown>;
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
}

export interface HitShape {
  round_decimal?: number;
  transformers?: OutputTransformers;
}

export function readSearch(reply: NodeReply, shape: HitShape): SearchPage {
  const results = (reply.body.results as SearchBody | null | undefined) ?? null;
  const page = { status: reply.body.status as ResStatus, session_ts: reply.body.session_ts as string, results };
  const blob = reply.blobs[0];
  if (!blob || !results) return { ...page, hits: [] };
  const batch = decodeBatch(blob);
  const values = new Map<string, unknown[]>();
  for (const column of batch.columns) values.set(column.name, readColumn(column, batch.rows, shape.transformers));
  const names = results.output_fields?.length ? results.output_fields : [...values.keys()].filter(name => name !== SCORE);
  const all: SearchResultData[] = new Array<SearchResultData>(batch.rows);
  const scores = (values.get(SCORE) ?? []) as number[];
  const { round_decimal } = shape;
  for (let i = 0; i < batch.rows; i++) {
    const score = scores[i]!;
    all[i] = { score: round_decimal === undefined ? score : formatNumberPrecision(score, round_decimal) } as SearchResultData;
  }
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
  let start = 0;
  const hits = results.topks.map(count => all.slice(start, (start += Number(count))));
  return { ...page, hits };
}

/** The best of all nodes, query by query; every node was asked for `offset + limit` hits from its first. */
export function mergeSearches(pages: SearchPage[], window: { limit: number; offset?: number }): SearchPage {
  const first = pages.find(isFailure) ?? pages[0]!;
  if (pages.length === 1 || isFailure(first) || !first.results) return first;
  const { offset = 0, limit } = window;
  const sign = first.results.order === 'asc' ? 1 : -1;
  const hits = first.hits.map((_, query) =>
    pages
      .flatMap(page => page.hits[query] ?? [])
      .sort((a, b) => sign * (a.score - b.score))
      .slice(offset, offset + limit)
  );
  return { ...first, hits, results: { ...first.results, topks: hits.map(list => list.length) } };
}
