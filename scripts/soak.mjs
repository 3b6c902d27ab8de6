// Kills the browser 100 times at each kind of work and writes what was found to tests/soak/RESULTS.md: `npm run soak`, or
// `npm run soak -- 20` for another number of kills.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { killRepeatedly, kinds } from '../tests/soak/kill.mjs';
import { findChromium } from './browser.mjs';
import { Failure, main, output, root } from './run.mjs';

const columns = [
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

const row = cells => `| ${cells.join(' | ')} |`;

function report(results) {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  return [
    '# Kills of the browser',
    '',
    `elanus ${version} (${output('git', ['rev-parse', '--short', 'HEAD'])}), ${output(findChromium(), ['--version'])}, ${new Date().toISOString().slice(0, 10)}.`,
    'The process group of the browser gets SIGKILL at a random moment of the step. It is started again on the same profile, and all rows',
    'are read through the package and compared with what was acknowledged. Written by `npm run soak`.',
    '',
    row(columns.map(([title]) => title)),
    row(columns.map(() => '---')),
    ...results.map(result => row(columns.map(([, cell]) => cell(result)))),
    '',
  ].join('\n');
}

main(import.meta.url, async () => {
  const kills = Number(process.argv[2] ?? 100);
  const results = [];
  for (const kind of kinds) {
    const result = await killRepeatedly({ kind, kills });
    results.push(result);
    console.log(JSON.stringify(result));
  }
  writeFileSync(join(root, 'tests/soak/RESULTS.md'), report(results));
  const isWrong = ({ lost, doubled, partly, unexpected, browserLosses, failures }) =>
    lost + doubled + partly + unexpected + browserLosses + failures.length > 0;
  if (results.some(isWrong)) throw new Failure('rows were lost or doubled, or a store did not open: see tests/soak/RESULTS.md');
});
