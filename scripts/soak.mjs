// What takes too long for every test run, with its results written beside it: `npm run soak`, or one of it, with a number or the
// one that is said at `soaks`: `npm run soak -- kills 20` (of each kind, with files in either place), `imports 20` (kills, likewise),
// `tabs 60` (seconds), `large 200` (MB of each kind of file).
import { killImports } from '../tests/soak/kill-imports.mjs';
import { killRepeatedly, kinds } from '../tests/soak/kill.mjs';
import { importLarge, largeKinds } from '../tests/soak/large.mjs';
import { runTabs } from '../tests/soak/tabs/run.mjs';
import { writeResults } from './results.mjs';
import { Failure, main } from './run.mjs';

const killColumns = [
  ['killed at', result => result.kind],
  ['files in', result => result.filesIn],
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

/** Of the client's `filesIn`. */
const places = ['opfs', 'indexeddb'];

const killsIn = (...names) => ({ states }) => names.reduce((sum, name) => sum + (states[name] ?? 0), 0);

const importColumns = [
  ['files in', result => result.filesIn],
  ['kills', result => result.kills],
  ['of them before the answer', killsIn('asking')],
  ['pending', killsIn('ImportPending')],
  ['started', killsIn('ImportStarted')],
  ['persisted', killsIn('ImportPersisted')],
  ['completed, with the source there', killsIn('ImportCompleted')],
  ['cancelled', killsIn('ImportFailed', 'ImportFailedAndCleaned')],
  ['tidy', killsIn('tidy')],
  ['within a recovery', result => result.second],
  ['jobs completed', result => result.completed],
  ['cleaned', result => result.cleaned],
  ['never made', result => result.neverMade],
  ['rows checked', result => result.rows],
  ['lost', result => result.lost],
  ['doubled', result => result.doubled],
  ['imports partly there', result => result.partly],
  ['rows that are wrong', result => result.wrong],
  ['bytes left', result => result.bytesLeft],
  ['jobs that did not end', result => result.unended],
  ['that ended otherwise than they had to', result => result.unexpected + result.unknown],
  ['databases that the browser deleted', result => result.browserLosses],
  ['lives that failed', result => (result.failures.length > 0 ? result.failures.join('; ') : 0)],
  ['seconds', result => Math.round(result.seconds)],
];

const largeColumns = [
  ['file', result => result.kind],
  ['MB', result => Math.round(result.megabytes)],
  ['rows', result => result.rows],
  ['rows counted', result => result.counted],
  ['state', result => result.state],
  ['seconds', result => Math.round(result.seconds)],
  ['source stored after', ({ storedAfterSeconds }) => (Number.isNaN(storedAfterSeconds) ? 'never' : Math.round(storedAfterSeconds))],
  ['reading', result => Math.round(result.readingSeconds)],
  ['MB/s', result => result.rate.toFixed(1)],
  ["data node's MB at most", result => Math.round(result.dataNode)],
  ['afterwards, merging segments', result => Math.round(result.afterwards)],
  ["coordinator's", result => Math.round(result.coordinator)],
  ["browser's at the start", result => Math.round(result.startedAll)],
  ["browser's at most", result => Math.round(result.peakAll)],
  ['longest ms without news before reading', result => result.gaps[0]],
  ['reading', result => result.gaps[1]],
  ['committing', result => result.gaps[2]],
  ["longest pause of the page's thread", result => result.pauseMs],
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

async function soakKills(kills) {
  const results = [];
  for (const filesIn of places) {
    for (const kind of kinds) {
      const result = await killRepeatedly({ kind, filesIn, kills });
      results.push(result);
      console.log(JSON.stringify(result));
    }
  }
  const text = [
    'The process group of the browser gets SIGKILL at a random moment of the step. It is started again on the same profile, and all rows',
    'are read through the package and compared with what was acknowledged. Written by `npm run soak -- kills`.',
  ];
  writeResults('tests/soak/KILLS.md', { title: 'Kills of the browser', text, columns: killColumns, results });
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
  writeResults('tests/soak/TABS.md', { title: 'Three restless tabs', text, columns: tabColumns, results: [result] });
  for (const wrong of [...result.differences, ...result.errors]) console.log(wrong);
  if (result.differences.length + result.errors.length > 0 || !result.isBack) throw new Failure(`with seed ${result.seed}: see tests/soak/TABS.md`);
}

async function soakImports(kills) {
  const results = [];
  for (const filesIn of places) {
    results.push(await killImports({ kills, filesIn, tell: console.log }));
    console.log(JSON.stringify(results.at(-1)));
  }
  const text = [
    'JSON Lines of 50 MB (256 dimensions), as a File or by URL, into a collection with 3000 rows. The process group of the browser gets',
    'SIGKILL at a random moment, from the call of `bulkInsert` until the source is deleted, and sometimes again within the recovery. It is',
    'started again on the same profile, and the job ends without help: its rows are there once or none, and files of failed ones are',
    'those of before. Columns from the second on say what the page had been told last. Written by `npm run soak -- imports`.',
  ];
  writeResults('tests/soak/IMPORTS.md', { title: 'Kills of imports', text, columns: importColumns, results });
  if (results.some(({ failures }) => failures.length > 0)) throw new Failure('an import went wrong: see tests/soak/IMPORTS.md');
}

/** What is asked of the data node, whatever the size of the file. */
const dataNodeMegabytes = 200;

async function soakLarge(megabytes) {
  const results = [];
  for (const kind of largeKinds) {
    const endings = [];
    try {
      results.push(await importLarge({ kind, bytes: megabytes * 1e6, tell: console.log, after: end => endings.push(end) }));
    } finally {
      for (const end of endings) await end();
    }
    console.log(JSON.stringify(results.at(-1)));
  }
  const text = [
    'Files with a key, a number and a vector of 256 dimensions a row come from a URL, whose server makes them while they are sent. Data',
    "node and coordinator: their wasm instances. Browser: the sum of Pss over its processes. News: `importstate` events. Written by",
    '`npm run soak -- large`.',
  ];
  writeResults('tests/soak/LARGE.md', { title: 'Imports of large files', text, columns: largeColumns, results });
  const isWrong = ({ state, rows, counted, dataNode }) => state !== 'ImportCompleted' || rows !== counted || dataNode >= dataNodeMegabytes;
  if (results.some(isWrong)) throw new Failure('a large file was not imported as it should be: see tests/soak/LARGE.md');
}

const soaks = {
  kills: { work: soakKills, number: 100 },
  imports: { work: soakImports, number: 200 },
  large: { work: soakLarge, number: 1000 },
  tabs: { work: soakTabs, number: 600 },
};

main(import.meta.url, async () => {
  const [what, number] = process.argv.slice(2);
  if (what && !soaks[what]) throw new Failure(`there is no ${what}; there are ${Object.keys(soaks).join(', ')}`);
  for (const name of what ? [what] : Object.keys(soaks)) await soaks[name].work(Number(number ?? soaks[name].number));
});
