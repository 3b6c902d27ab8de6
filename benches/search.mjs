// Searching and all that makes it possible, of elanus and of others in the same run: `npm run bench -- search`.
import { existsSync, readFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join, resolve } from 'node:path';
import { Failure, root } from '../scripts/run.mjs';
import { engines, plan } from './search/engines.mjs';
import { measureExtras } from './search/extras.mjs';
import { measureLimits } from './search/limits.mjs';
import { makeLimits, makePeers } from './search/modules.mjs';
import { describeRun, shippedBytes, writeReport } from './search/report.mjs';
import { measureEngine } from './search/run.mjs';
import { dataSet, kinds } from './search/sets.mjs';

/** Limits and extras are chosen like engines. */
const others = ['limits', 'extras'];
const extrasSet = { kind: 'gm', rows: 100_000 };

export const options = {
  rows: { type: 'string' },
  data: { type: 'string' },
  engines: { type: 'string' },
  out: { type: 'string', default: 'benches' },
  keep: { type: 'boolean', default: false },
};

export const usage = [
  '--rows 10000,100000      only data sets of that many rows (those of WordNet have their own number)',
  `--data ${Object.keys(kinds)}    only data of these kinds`,
  `--engines ${[...Object.keys(engines), ...others]}`,
  '--keep                   keep what the last run measured and this one does not',
  '--out benches            the folder that gets search.md, search.json and search.svg',
].join('\n');

function listed(text, known, what) {
  const names = text?.split(',') ?? known;
  const unknown = names.filter(name => !known.includes(name));
  if (unknown.length > 0) throw new Failure(`there is no ${what} ${unknown}; there are ${known.join(', ')}`);
  return names;
}

/** What is asked for by name is measured with all data that is asked for; without names it is the plan. */
function chosen({ rows: rowsText, data, engines: names }) {
  const chosenKinds = listed(data, Object.keys(kinds), 'data');
  const chosenNames = listed(names, [...Object.keys(engines), ...others], 'engine');
  const counts = rowsText?.split(',').map(Number);
  const work = plan
    .filter(({ kind, rows }) => chosenKinds.includes(kind) && (!counts || !rows || counts.includes(rows)))
    .map(it => ({ ...it, names: (names ? Object.keys(engines) : it.names).filter(name => chosenNames.includes(name)) }))
    .map(it => ({ ...it, isLimited: chosenNames.includes('limits') && !it.withoutLimits }));
  const { kind, rows: extraRows } = extrasSet;
  return { work, hasExtras: chosenNames.includes('extras') && work.some(it => it.kind === kind && it.rows === extraRows) };
}

/** What a file of an earlier run has and this one does not measure again. */
function kept(folder, { results, limits, extras }) {
  const file = join(folder, 'search.json');
  if (!existsSync(file)) return { results, limits, extras };
  const last = JSON.parse(readFileSync(file, 'utf8'));
  const isNew = (list, it) => !list.some(other => other.set === it.set && other.engine === it.engine);
  return {
    results: [...last.results.filter(it => isNew(results, it)), ...results],
    limits: [...last.limits.filter(it => isNew(limits, it)), ...limits],
    extras: extras ?? last.extras,
  };
}

export async function run(chosenOptions) {
  const folder = resolve(root, chosenOptions.out);
  const { work, hasExtras } = chosen(chosenOptions);
  const description = describeRun();
  await makeLimits();
  await makePeers();
  const measured = { results: [], limits: [], extras: undefined };
  // After each set of data: a run takes the better part of an hour, and may be cut off.
  const report = () => writeReport(folder, { run: description, ...(chosenOptions.keep ? kept(folder, measured) : measured) });
  for (const { kind, rows, names, isLimited } of work) {
    if (names.length === 0 && !isLimited) continue;
    const set = await dataSet(kind, rows);
    const about = { kind, dim: set.dim, date: description.date };
    if (isLimited) {
      console.log(`${set.name}: limits`);
      measured.limits.push({ ...(await measureLimits(set)), ...about });
    }
    for (const name of names) {
      console.log(`${set.name}: ${name}`);
      // Other work on the machine makes all figures worse.
      const load = loadavg()[0];
      const { files, ...result } = await measureEngine(engines[name], set);
      measured.results.push({ ...result, ...about, load, shippedBytes: shippedBytes(files) });
    }
    report();
  }
  if (hasExtras) measured.extras = await measureExtras(await dataSet(extrasSet.kind, extrasSet.rows));
  report();
}
