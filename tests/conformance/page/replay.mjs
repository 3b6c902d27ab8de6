// Replays the steps of one case on a client and answers what was observed, in the form in which the recordings are.
import { npy as numpyFile } from '/files.mjs';
import { mask } from './mask.mjs';

/** The rows of `{"$gen": {n, dim, from}}`: the numbers that the recorded engines got. */
function generate({ n, dim, from = 1 }) {
  let seed = 12345;
  const random = () => (seed = (seed * 1103515245 + 12345) % 2147483648) / 2147483648;
  return Array.from({ length: n }, (_, row) => ({
    id: from + row,
    v: Array.from({ length: dim }, () => Math.round(random() * 1000) / 1000),
  }));
}

const valueAt = (value, path) => path.split('.').reduce((inner, key) => inner?.[key], value);

/** Arguments with the recordings' shorthands written out. */
function resolve(value, variables) {
  if (Array.isArray(value)) return value.map(item => resolve(item, variables));
  if (!value || typeof value !== 'object') return value;
  if (typeof value.$ === 'string') return valueAt(variables, value.$);
  if (value.$gen) return generate(value.$gen);
  if (value.$repeat) return value.$repeat[0].repeat(value.$repeat[1]);
  if (value.$f32) return new Float32Array(value.$f32);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, resolve(item, variables)]));
}

function thrown(error) {
  if (!(error instanceof Error)) return { throws: { not_an_error: mask(error) } };
  const { name, message, code } = error;
  return { throws: { name, message: mask(message), ...(code === undefined ? {} : { code }) } };
}

/** Calls a method: `raw` is what later steps may refer to, `answer` what is compared. */
async function call(client, method, args) {
  if (typeof client[method] !== 'function') return { answer: { no_such_method: method } };
  try {
    const raw = await (args === undefined ? client[method]() : client[method](args));
    return { raw, answer: { returns: mask(raw) } };
  } catch (error) {
    return { answer: thrown(error) };
  }
}

function isRefused({ returns, throws, no_such_method }) {
  const status = returns?.status ?? returns;
  return Boolean(throws || no_such_method || (status?.error_code !== undefined && status.error_code !== 'Success'));
}

const number = value => (Number.isSafeInteger(Number(value)) ? Number(value) : value);

/** One query a filter: its ids in order, or the refusal. */
async function filters(client, { collection_name, list }) {
  const results = {};
  for (const expr of list) {
    const request = { collection_name, expr, output_fields: ['id'], consistency_level: 'Strong', limit: 1000 };
    const { answer } = await call(client, 'query', request);
    if (answer.throws) results[expr] = { throws: answer.throws.message ?? answer.throws };
    else if (!isRefused(answer)) results[expr] = answer.returns.data.map(row => number(row.id)).sort((a, b) => a - b);
    else {
      const { error_code, code, reason } = answer.returns.status;
      results[expr] = { error_code, code, reason };
    }
  }
  return results;
}

/** Repeats the calls until one of them has the wanted value; every answer that differs from the one before it. */
async function poll(client, { calls, until: [name, path, values], every_ms = 20, timeout_ms = 60_000 }) {
  const distinct = [];
  const end = performance.now() + timeout_ms;
  for (;;) {
    const round = {};
    let isDone = false;
    for (const [label, method, args] of calls) {
      const { raw, answer } = await call(client, method, args);
      round[label] = answer;
      if (label !== name) continue;
      const value = valueAt(raw, path);
      isDone = value === undefined || isRefused(answer) || values.includes(value);
    }
    if (JSON.stringify(round) !== JSON.stringify(distinct.at(-1))) distinct.push(round);
    if (isDone) return distinct;
    if (performance.now() > end) return [...distinct, 'TIMEOUT'];
    await new Promise(wake => setTimeout(wake, every_ms));
  }
}

const arrays = { '<i8': list => BigInt64Array.from(list, BigInt), '<i4': list => Int32Array.from(list), '<f4': list => Float32Array.from(list) };

/** Rows, or an array of NumPy, as the file that an import names by its path. */
function file({ path, json, text, npy }) {
  if (!npy) return new File([text ?? JSON.stringify(json)], path);
  return numpyFile(path.replace(/\.npy$/, ''), npy.dtype, npy.shape, arrays[npy.dtype](npy.data));
}

/** What was put, in place of its path. */
const withFiles = (args, put) => (args?.files ? { ...args, files: args.files.map(path => put.get(path) ?? path) } : args);

/** Steps of a fixture are observed only when they fail. */
async function run(client, steps, fixtures, variables, observed, isFixture) {
  const put = new Map();
  for (const [method, given, options = {}] of steps) {
    if (method === '@fixture') {
      await run(client, fixtures[given], fixtures, variables, observed, true);
    } else if (method === '@put') {
      put.set(given.path, file(given));
    } else if (method === '@exprs') {
      observed.push({ method, results: await filters(client, given) });
    } else if (method === '@poll') {
      observed.push({ method, distinct: await poll(client, resolve(given, variables)) });
    } else {
      const { raw, answer } = await call(client, method, withFiles(resolve(given, variables), put));
      if (options.as) variables[options.as] = raw;
      if (!isFixture) observed.push({ method, ...answer });
      else if (isRefused(answer)) observed.push({ method, fixture_failed: true, ...answer });
    }
  }
}

export async function replay(client, steps, fixtures) {
  const observed = [];
  await run(client, steps, fixtures, {}, observed, false);
  return observed;
}
