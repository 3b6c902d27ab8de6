// Three tabs at once, as `npm run soak` has them for longer.
import assert from 'node:assert/strict';
import test from 'node:test';
import { runTabs } from '../soak/tabs/run.mjs';

test('20 s of three restless tabs', { timeout: 300_000 }, async () => {
  const { differences, errors, isBack, ...figures } = await runTabs({ after: test.after, seconds: 20 });
  console.log(`  ${JSON.stringify(figures)}`);
  assert.deepEqual(differences, []);
  assert.deepEqual(errors, []);
  assert.ok(isBack, 'memory is back after everything was released');
  assert.ok(figures.overdue * 20 < figures.operations, 'calls are answered in time');
  assert.ok(figures.exact > 100 && figures.disturbances > 3);
});
