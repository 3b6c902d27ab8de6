// The browser is killed at random moments: what was acknowledged is there, once, and nothing is half there. `node
// scripts/soak.mjs` does the same more often.
import assert from 'node:assert/strict';
import test from 'node:test';
import { killRepeatedly, kinds } from '../soak/kill.mjs';
import { tearLog } from '../soak/torn-log.mjs';

for (const kind of kinds) {
  test(`10 kills at ${kind}`, { timeout: 120_000 }, async () => {
    const { kills, inside, acknowledged, checkedRows, seconds, ...found } = await killRepeatedly({ kind, kills: 10 });
    console.log(`  ${inside} of ${kills} within the step, ${acknowledged} acknowledged, ${checkedRows} rows checked, ${seconds.toFixed(0)} s`);
    assert.deepEqual(found, { kind, lost: 0, doubled: 0, partly: 0, unexpected: 0, browserLosses: 0, failures: [] });
    assert.equal(kills, 10);
  });
}

test('kills that leave a torn end of the browser\'s log', { timeout: 60_000 }, async () => {
  const { lost, browserLosses, failures, checkedRows } = await killRepeatedly({ kind: 'insert', kills: 5, afterKill: tearLog });
  assert.deepEqual({ lost, browserLosses, failures }, { lost: 0, browserLosses: 0, failures: [] });
  assert.ok(checkedRows > 0);
});
