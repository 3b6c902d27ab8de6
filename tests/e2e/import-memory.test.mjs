// The data node's memory has a bound while it imports, whatever the size of the file. `node scripts/soak.mjs large` imports more.
import assert from 'node:assert/strict';
import test from 'node:test';
import { importLarge, largeKinds } from '../soak/large.mjs';

const after = end => test.after(end);

// More than the browser takes of a page when nobody lets go of what has come.
const megabytes = { jsonl: 800, csv: 150 };

for (const kind of largeKinds) {
  test(`${megabytes[kind]} MB of ${kind}`, { timeout: 180_000 }, async () => {
    const { state, rows, counted, dataNode, coordinator, rate } = await importLarge({ kind, bytes: megabytes[kind] * 1e6, after });
    const held = [dataNode, coordinator].map(Math.round);
    console.log(`  ${rows} rows at ${rate.toFixed(0)} MB/s, data node ${held[0]} MB, coordinator ${held[1]} MB`);
    assert.equal(state, 'ImportCompleted');
    assert.equal(counted, rows);
    assert.ok(dataNode > 0 && dataNode < 200, `${dataNode} MB`);
    assert.ok(coordinator < 64, `${coordinator} MB`);
  });
}
