// What takes too long for every test run, with its results written beside it: `npm run soak`, or one of it with a number,
// `npm run soak -- kills 20` (of each kind, 100 if not said) and `npm run soak -- tabs 60` (seconds, 600 if not said).
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { killRepeatedly, kinds } from '../tests/soak/kill.mjs';
import { runTabs } from '../tests/soak/tabs/run.mjs';
import { findChromium } from './browser.mjs';
import { Failure, main, output, root } from './run.mjs';

const killColumns = [
  ['killed at', result => result.kind],
  ['kills', result => result.kills],
  ['of them within the step', result => result.inside],
  ['acknowledged operations', result => result.acknowledged],
  ['rows checked', result => result.checkedRows],
  ['batches lost', result => result.lost],
  ['doubled', result => result.doubled],
  ['partly there', result => result.partly],
  ['back after a delete', result => result.unexpected],
  ['databases that the browser deleted', result => result.browserLosses],
  ['stores that did not open', result => (result.failures.length > 0 ? result.failures.join('; ') : 0)],
  ['seconds', result => Math.round(result.seconds)],
];

const tabColumns = [
  ['seconds', result => result.seconds],
  ['calls', result => result.operations],
  ['reads checked exactly', result => result.exact],
  ['reads checked within bounds', result => result.bounded],
  ['calls that went with their tab', result => result.goneWithTheirTab],
  ['answered "not ready"', result => result.unreachable],
  ['given up after 15 s', result => result.overdue],
  ['tabs closed, reloaded or cached', result => result.disturbances],
  ['differences', result => result.differences.length],
  ['uncaught errors', result => result.errors.length],
  ['MB at the start', result => Math.round(result.startedMegabytes)],
  ['at the peak', result => Math.round(result.peakMegabytes)],
  ['after releasing all', result => Math.round(result.endedMegabytes)],
];

const row = cells => `| ${cells.join(' | ')} |`;

function write(file, title, text, columns, results) {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const lines = [
    `# ${title}`,
    '',
    `elanus ${version} (${output('git', ['rev-parse', '--short', 'HEAD'])}), ${output(findChromium(), ['--version'])}, ${new Date().toISOString().slice(0, 10)}.`,
    ...text,
    '',
    row(columns.map(([title]) => title)),
    row(columns.map(() => '---')),
    ...results.map(result => row(columns.map(([, cell]) => cell(result)))),
    '',
  ];
  writeFileSync(join(root, 'tests/soak', file), lines.join('\n'));
  console.log(lines.slice(-results.length - 3).join('\n'));
}

async function soakKills(kills) {
  const results = [];
  for (const kind of kinds) {
    const result = await killRepeatedly({ kind, kills });
    results.push(result);
    console.log(JSON.stringify(result));
  }
  const text = [
    'The process group of the browser gets SIGKILL at a random moment of the step. It is started again on the same profile, and all rows',
    'are read through the package and compared with what was acknowledged. Written by `npm run soak -- kills`.',
  ];
  write('KILLS.md', 'Kills of the browser', text, killColumns, results);
  const isWrong = ({ lost, doubled, partly, unexpected, browserLosses, failures }) =>
    lost + doubled + partly + unexpected + browserLosses + failures.length > 0;
  if (results.some(isWrong)) throw new Failure('rows were lost or doubled, or a store did not open: see tests/soak/KILLS.md');
}

async function soakTabs(seconds) {
  const endings = [];
  let result;
  try {
    result = await runTabs({ after: end => endings.push(end), seconds });
  } finally {
    for (const end of endings) await end();
  }
  const text = [
    '20 partitions of 20,000 rows x 128. Six actors in three tabs load, release, insert, delete and read at random, while one tab after',
    'the other is closed and opened, reloaded, or sent through the back/forward cache. Each answer is compared with a model. Memory is',
    'the sum of Pss over all processes of the browser. Written by `npm run soak -- tabs`.',
  ];
  write('TABS.md', 'Three restless tabs', text, tabColumns, [result]);
  for (const wrong of [...result.differences, ...result.errors]) console.log(wrong);
  if (result.differences.length + result.errors.length > 0 || !result.isBack) throw new Failure(`with seed ${result.seed}: see tests/soak/TABS.md`);
}

main(import.meta.url, async () => {
  const [what, number] = process.argv.slice(2);
  if (what !== 'tabs') await soakKills(Number(number ?? 100));
  if (what !== 'kills') await soakTabs(Number(number ?? 600));
});
