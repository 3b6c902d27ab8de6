// Search aggregation: checks of the request, and the reply's buckets.

import type {
  AggregationBucket,
  AggregationHit,
  AggregationValue,
  ProtoAggregationBucket,
  ProtoAggregationHit,
  SearchAggregation,
  SearchAggregationSpec,
} from '../types/index.js';

const METRIC_OPS: unknown[] = ['avg', 'sum', 'count', 'min', 'max'];
const DIRECTIONS: unknown[] = ['asc', 'desc'];
const MAX_DEPTH = 4;

const isObject = (value: unknown): value is object => !!value && typeof value === 'object' && !Array.isArray(value);
const isCount = (value: unknown): boolean => Number.isInteger(value) && (value as number) > 0;
const isBlank = (value: unknown): boolean => typeof value !== 'string' || value.trim().length === 0;

function insist(condition: boolean, reason: string): void {
  if (!condition) throw new Error(reason);
}

export function buildSearchAggregation(aggregation: SearchAggregation, depth = 1): SearchAggregationSpec {
  insist(isObject(aggregation), 'search_aggregation must be an object');
  insist(depth <= MAX_DEPTH, `search_aggregation supports at most ${MAX_DEPTH} levels`);
  const { fields, size, metrics = {}, order = [], top_hits, sub_aggregation } = aggregation;
  insist(Array.isArray(fields) && fields.length > 0, 'search_aggregation.fields must be a non-empty array of strings');
  for (const field of fields) {
    insist(!isBlank(field), 'search_aggregation.fields must contain non-empty strings');
    insist(!/[[\]]/.test(field), 'search_aggregation.fields does not support bracketed JSON paths');
  }
  insist(isCount(size), 'search_aggregation.size must be a positive integer');
  checkMetrics(metrics);
  checkOrder(order, Object.keys(metrics));
  const spec: SearchAggregationSpec = {
    fields: [...fields],
    size,
    metrics: Object.fromEntries(Object.entries(metrics).map(([alias, { op, field_name }]) => [alias, { op, field_name }])),
    order: order.map(item => ({ ...item })),
  };
  if (top_hits !== undefined) spec.top_hits = topHits(top_hits);
  if (sub_aggregation !== undefined) spec.sub_aggregation = buildSearchAggregation(sub_aggregation, depth + 1);
  return spec;
}

function checkMetrics(metrics: NonNullable<SearchAggregation['metrics']>): void {
  insist(isObject(metrics), 'search_aggregation.metrics must be an object');
  for (const [alias, metric] of Object.entries(metrics)) {
    const at = `search_aggregation.metrics.${alias}`;
    insist(!isBlank(alias), 'search_aggregation metric aliases must be non-empty');
    insist(isObject(metric), `${at} must be an object`);
    insist(METRIC_OPS.includes(metric.op), `${at}.op must be one of ${METRIC_OPS.join(', ')}`);
    insist(!isBlank(metric.field_name), `${at}.field_name must be non-empty`);
    insist(metric.field_name !== '*' || metric.op === 'count', "'*' is only valid for the count metric");
  }
}

function checkOrder(order: NonNullable<SearchAggregation['order']>, aliases: string[]): void {
  insist(Array.isArray(order), 'search_aggregation.order must be an array');
  const keys = [...aliases, '_count', '_key'];
  for (const item of order) {
    insist(isObject(item) && !isBlank(item.key), 'search_aggregation.order.key must be non-empty');
    insist(keys.includes(item.key), 'search_aggregation.order.key must be a metric alias, _count, or _key');
    insist(DIRECTIONS.includes(item.direction), "search_aggregation.order.direction must be 'asc' or 'desc'");
  }
}

function topHits(given: NonNullable<SearchAggregation['top_hits']>): NonNullable<SearchAggregationSpec['top_hits']> {
  insist(isObject(given), 'search_aggregation.top_hits must be an object');
  insist(isCount(given.size), 'search_aggregation.top_hits.size must be a positive integer');
  const { size, sort = [] } = given;
  insist(Array.isArray(sort), 'search_aggregation.top_hits.sort must be an array');
  for (const item of sort) {
    insist(isObject(item) && !isBlank(item.field_name), 'search_aggregation.top_hits.sort.field_name must be non-empty');
    insist(DIRECTIONS.includes(item.direction), "search_aggregation.top_hits.sort.direction must be 'asc' or 'desc'");
  }
  return { size, sort: sort.map(item => ({ ...item })) };
}

/** The value of a proto oneof: the named member, else the first that is there. */
function oneof(holder: object, name: string, members: string[]): AggregationValue | undefined {
  const values = holder as Record<string, AggregationValue | undefined>;
  const chosen = values[name];
  if (typeof chosen === 'string' && Object.hasOwn(holder, chosen)) return values[chosen];
  const member = members.find(key => Object.hasOwn(holder, key));
  return member === undefined ? undefined : values[member];
}

function readHit(hit: ProtoAggregationHit, primaryField: string): AggregationHit {
  const result: AggregationHit = { score: hit.score };
  const key = oneof(hit, 'pk', ['int_pk', 'str_pk']);
  if (key !== undefined) result[primaryField] = key;
  for (const field of hit.fields) {
    const value = oneof(field, 'value', ['int_val', 'bool_val', 'float_val', 'double_val', 'string_val', 'bytes_val']);
    if (value !== undefined) result[field.field_name || String(field.field_id)] = value;
  }
  return result;
}

function readBucket(bucket: ProtoAggregationBucket, primaryField: string): AggregationBucket {
  const metrics = Object.entries(bucket.metrics ?? {});
  return {
    key: (bucket.key ?? []).map(entry => ({
      field_id: entry.field_id,
      field_name: entry.field_name || String(entry.field_id),
      value: oneof(entry, 'value', ['int_val', 'string_val', 'bool_val']),
    })),
    count: bucket.count,
    metrics: Object.fromEntries(
      metrics.map(([alias, metric]) => [alias, oneof(metric, 'value', ['int_val', 'double_val', 'string_val', 'bool_val'])])
    ),
    hits: (bucket.hits ?? []).map(hit => readHit(hit, primaryField)),
    sub_groups: (bucket.sub_groups ?? []).map(group => readBucket(group, primaryField)),
  };
}

/** Buckets of each query. */
export function formatSearchAggregationResult(reply: {
  results: {
    agg_buckets?: ProtoAggregationBucket[];
    agg_topks?: (string | number)[];
    primary_field_name?: string;
    num_queries?: string | number;
  };
}): AggregationBucket[][] {
  const { agg_buckets = [], agg_topks = [], primary_field_name, num_queries } = reply.results;
  if (agg_buckets.length === 0) return [];
  const buckets = agg_buckets.map(bucket => readBucket(bucket, primary_field_name || 'id'));
  if (agg_topks.length === 0) {
    return Number(num_queries) > 1 ? Array.from({ length: Number(num_queries) }, () => []) : [buckets];
  }
  let start = 0;
  const perQuery = agg_topks.map(count => buckets.slice(start, (start += Number(count))));
  perQuery.at(-1)?.push(...buckets.slice(start));
  return perQuery;
}
