// The first program of the README, unchanged, as a page of a plain static server, with the package where npm puts it.
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { filesUnder, root } from '../../scripts/run.mjs';
import { serve } from '../../scripts/serve.mjs';
import { launchBrowser, until } from './support/browser.mjs';

const program = readFileSync(join(root, 'README.md'), 'utf8').match(/```html\n(.*?)```/s)?.[1];

/** What npm would install: package.json and what its `files` name. */
function install(folder) {
  const { files } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  for (const path of filesUnder('package.json', ...files)) cpSync(join(root, path), join(folder, 'node_modules/elanus', path));
}

test('the first program of the README runs unchanged', async () => {
  assert.ok(program, 'the README has no page in a fenced html block');
  const folder = mkdtempSync(join(tmpdir(), 'elanus-readme-'));
  install(folder);
  writeFileSync(join(folder, 'index.html'), program);
  const [browser, site] = await Promise.all([launchBrowser(), serve({ '/': folder })]);
  try {
    const page = await (await browser.newContext()).newPage();
    const errors = [];
    page.on('pageerror', error => errors.push(error));
    await page.goto(site.url);
    const isDone = async () => errors.length > 0 || (await page.textContent('body')).includes('LoadStateNotLoad');
    await until(isDone, 'the program of the README ends');
    assert.deepEqual(errors, []);
    const lines = await page.locator('pre').allTextContents();
    console.log(lines.join('\n'));
    assert.equal(await page.evaluate(() => crossOriginIsolated), false, 'no special headers');
    assert.deepEqual(lines, ['Kim: 0.995', 'Emma: 0.774', 'LoadStateNotLoad']);
  } finally {
    await browser.close();
    await site.close();
    rmSync(folder, { recursive: true });
  }
});
