// The demo page on every twentieth definition of WordNet.
import assert from 'node:assert/strict';
import { mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { root } from '../../scripts/run.mjs';
import { makeRowsUnitLong } from '../../scripts/wordnet/dense.mjs';
import { writeJsonLines, writeTerms } from '../../scripts/wordnet/files.mjs';
import { textVectors } from '../../scripts/wordnet/semantics.mjs';
import { readSynsets } from '../../scripts/wordnet/synsets.mjs';
import { termMatrix } from '../../scripts/wordnet/term-matrix.mjs';
import { openPage, startBrowserAndSite } from './support/browser.mjs';

const DIM = 256;
const EVERY = 20;

const folder = mkdtempSync(join(tmpdir(), 'elanus-demo-'));
test.after(() => rmSync(folder, { recursive: true }));
const rows = readSynsets().filter((_, i) => i % EVERY === 0);
const weighted = termMatrix(rows.map(row => `${row.words} ${row.definition}`));
// Any directions of the terms find a definition by its own words, without the time that a decomposition takes.
const directions = Float64Array.from({ length: weighted.terms.length * DIM }, (_, i) => Math.sin(i * i + 1));
makeRowsUnitLong(directions, DIM);
const { termVectors, vectors } = textVectors(weighted, directions, DIM);
writeTerms(join(folder, 'terms.json'), join(folder, 'term-vectors.i8'), weighted.terms, termVectors, DIM);
const lines = join(folder, 'definitions.jsonl');
writeJsonLines(lines, rows, vectors, DIM, () => undefined);

const { browser, site } = await startBrowserAndSite(test, { '/': join(root, 'www/demo'), '/wordnet/': folder });

/** The demo of a new profile, when it can be used. */
async function openDemo() {
  const page = await openPage(await browser.newContext(), site.url);
  await page.locator('#import:enabled').waitFor();
  return page;
}

/** Collects what a bar shows from now on. */
const watchBar = (page, id) =>
  page.evaluate(id => {
    const bar = document.getElementById(id);
    const seen = ((window.seen ??= {})[id] = []);
    new MutationObserver(() => bar.value !== seen.at(-1) && seen.push(bar.value)).observe(bar, { attributes: true });
  }, id);

async function searchFor(page, text, partOfSpeech = '') {
  await page.fill('#definitions-query', text);
  await page.selectOption('#part-of-speech', partOfSpeech);
  await page.click('#definitions-search');
  await page.locator('#definitions-search:enabled').waitFor();
  const hits = await page.locator('#definitions-hits tr').all();
  return Promise.all(hits.map(hit => hit.locator('td').allTextContents()));
}

test('definitions are imported and loaded with bars that move, found, and released', async () => {
  const page = await openDemo();
  await watchBar(page, 'import-progress');
  await watchBar(page, 'definitions-load-progress');
  await page.click('#import');
  await page.locator('#definitions-hits tr').first().waitFor();

  const seen = await page.evaluate(() => window.seen);
  for (const [id, values] of Object.entries(seen)) {
    const rising = values.slice(values.lastIndexOf(0) + 1);
    assert.deepEqual(rising, rising.toSorted((left, right) => left - right), `${id} never falls`);
    assert.equal(rising.at(-1), 100, id);
  }
  assert.ok(seen['import-progress'].length >= 5, `the bar of the import moves: ${seen['import-progress']}`);
  assert.equal(await page.textContent('#import-job-state'), 'ImportCompleted');
  const count = new Intl.NumberFormat('en').format(rows.length);
  assert.deepEqual([await page.textContent('#import-rows'), await page.textContent('#definitions-rows')], [count, count]);

  for (const row of [rows[100], rows[2500], rows.at(-100)]) {
    const [first] = await searchFor(page, `${row.words}: ${row.definition}`);
    assert.deepEqual(first.slice(1), [row.words, row.part_of_speech, row.definition]);
  }
  const verbs = await searchFor(page, 'a walk', 'verb');
  assert.deepEqual([...new Set(verbs.map(([, , partOfSpeech]) => partOfSpeech))], ['verb']);
  assert.match(await page.textContent('#definitions-timing'), /The 10 nearest of .+ definitions in [\d.]+ ms/);
  assert.deepEqual(await searchFor(page, 'qwxz'), []);

  await page.click('#definitions-release');
  await page.locator('#definitions-load:enabled').waitFor();
  assert.match(await page.textContent('#definitions-timing'), /^[\d.]+ MB of memory went back/);
  assert.equal(await page.textContent('#definitions-memory'), '0 B');
  page.check();
});

test('an import that fails or is cancelled leaves nothing, and can be begun again', async () => {
  const page = await openDemo();
  renameSync(lines, `${lines}.away`);
  await page.click('#import');
  await page.locator('#error').waitFor();
  assert.match(await page.textContent('#error'), /definitions\.jsonl answers 404/);
  renameSync(`${lines}.away`, lines);

  await page.click('#import');
  await page.click('#import-cancel');
  await page.locator('#import:enabled').waitFor();
  assert.match(await page.textContent('#definitions-timing'), /was cancelled/);
  assert.equal(await page.textContent('#definitions-rows'), 'none');
  assert.ok(await page.isHidden('#error'));

  await page.click('#import');
  await page.locator('#definitions-hits tr').first().waitFor();
  page.check();
});
