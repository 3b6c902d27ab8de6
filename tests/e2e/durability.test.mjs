// The browser is killed at random moments: what was acknowledged is there, once, and nothing is half there. `node
// scripts/soak.mjs` does the same more often.
import assert from 'node:assert/strict';
import test from 'node:test';
import { killRepeatedly, kinds } from '../soak/kill.mjs';
import { tearLog } from '../soak/torn-log.mjs';

// Inserts write no files.
const cases = [...kinds.map(kind => ({ kind, filesIn: 'opfs' })), ...['flush', 'compaction', 'index'].map(kind => ({ kind, filesIn: 'indexeddb' }))];

for (const { kind, filesIn } of cases) {
  test(`10 kills at ${kind}, files in ${filesIn}`, { timeout: 120_000 }, async () => {
    const { kills, inside, acknowledged, checkedRows, seconds, ...found } = await killRepeatedly({ kind, filesIn, kills: 10 });
    console.log(`  ${inside} of ${kills} within the step, ${acknowledged} acknowledged, ${checkedRows} rows checked, ${seconds.toFixed(0)} s`);
    assert.deepEqual(found, { kind, filesIn, lost: 0, doubled: 0, partly: 0, unexpected: 0, browserLosses: 0, failures: [] });
    assert.equal(kills, 10);
  });
}

for (const kind of ['insert', 'flush']) {
  test(`kills at ${kind} that leave a torn end of the browser's logs`, { timeout: 60_000 }, async () => {
    const { lost, browserLosses, failures, checkedRows } = await killRepeatedly({ kind, filesIn: 'opfs', kills: 5, afterKill: tearLog });
    assert.deepEqual({ lost, browserLosses, failures }, { lost: 0, browserLosses: 0, failures: [] });
    assert.ok(checkedRows > 0);
  });
}
