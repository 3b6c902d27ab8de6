// Replays the recorded cases against the built package in a page, one test a case.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { launchBrowser, openPage, serveSite } from '../e2e/support/browser.mjs';
import { areas, engineOf, engines } from './engines.mjs';
import { intendedDifferences } from './intended-differences.mjs';
import { judge } from './judge.mjs';

const folder = import.meta.dirname;
const read = path => JSON.parse(readFileSync(join(folder, path), 'utf8'));
const fixtures = read('cases/fixtures.json');
const recordings = new Map();
for (const engine of engines) {
  for (const area of Object.keys(areas)) {
    for (const { name, observed } of read(`golden/${engine}/${area}.json`)) recordings.set(`${engine} ${name}`, observed);
  }
}

const [browser, site] = await Promise.all([launchBrowser(), serveSite({ '/conformance/': join(folder, 'page') })]);
test.after(async () => {
  await browser.close();
  await site.close();
});

// A page for each case, so that one that hangs harms no other.
async function observe({ name, steps }) {
  const context = await browser.newContext();
  const page = await openPage(context, `${site.url}conformance/`);
  try {
    return JSON.parse(await page.evaluate(([...args]) => window.replayCase(...args), [name, steps, fixtures]));
  } finally {
    await context.close();
  }
}

const replayed = new Set();
for (const area of Object.keys(areas)) {
  for (const replay of read(`cases/${area}.json`)) {
    const { name } = replay;
    replayed.add(name);
    test(name, { timeout: 60_000 }, async () => {
      const recorded = at => recordings.get(`${engineOf(area, name, at)} ${name}`);
      const intended = intendedDifferences.filter(line => line.name === name);
      const wrong = judge(await observe(replay), recorded, intended);
      assert.equal(wrong.length, 0, wrong.join('\n'));
    });
  }
}

test('every line of the table is about a case', () => {
  assert.deepEqual(intendedDifferences.filter(line => !replayed.has(line.name)), []);
});
