// Three tabs at once, as `npm run soak` has them for longer.
import assert from 'node:assert/strict';
import test from 'node:test';
import { runTabs } from '../soak/tabs/run.mjs';

for (const filesIn of ['opfs', 'indexeddb']) {
  test(`20 s of three restless tabs, files in ${filesIn}`, { timeout: 300_000 }, async () => {
    const { differences, errors, isBack, ...figures } = await runTabs({ after: test.after, seconds: 20, filesIn });
    console.log(`  ${JSON.stringify(figures)}`);
    assert.deepEqual(differences, []);
    assert.deepEqual(errors, []);
    // In OPFS vectors stay in their files: less is loaded than what the browser itself keeps of such a time varies by.
    assert.ok(isBack || filesIn === 'opfs', 'memory is back after everything was released');
    assert.ok(figures.overdue * 20 < figures.operations, 'calls are answered in time');
    assert.ok(figures.exact > 100 && figures.disturbances > 3);
  });
}
