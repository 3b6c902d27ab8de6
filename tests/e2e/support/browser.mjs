// A headless Chromium and a static server without special headers: what every test of the built package runs in.
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { chromiumArguments, findChromium } from '../../../scripts/browser.mjs';
import { root } from '../../../scripts/run.mjs';
import { serve } from '../../../scripts/serve.mjs';

/** Another build may be named, so that this one can go on changing. */
export const dist = process.env.ELANUS_DIST ?? join(root, 'dist');
const pages = join(root, 'tests/e2e/pages');

/** Playwright's default arguments make storage and memory those of nobody's browser only where a test asks for it. */
export function launchBrowser(options = {}) {
  const { args = [], ...rest } = options;
  return chromium.launch({ executablePath: findChromium(), args: [...chromiumArguments, ...args], ...rest });
}

/** The folder of test pages at /, the package at /dist/, and what else a test mounts. */
export const serveSite = (mounts = {}) => serve({ '/': pages, '/dist/': dist, ...mounts });

/** Opens a page whose own errors are thrown by `check`, which tests call when they are done. */
export async function openPage(context, url) {
  const page = await context.newPage();
  const errors = [];
  page.on('pageerror', error => errors.push(error));
  page.check = () => {
    if (errors.length > 0) throw errors[0];
  };
  await page.goto(url);
  if (errors.length > 0) throw errors[0];
  return page;
}

/** Browser and site for the tests of one file; `after` closes both. */
export async function startBrowserAndSite(test, mounts, options) {
  const [browser, site] = await Promise.all([launchBrowser(options), serveSite(mounts)]);
  test.after(async () => {
    await browser.close();
    await site.close();
  });
  return { browser, site };
}

/** Asks until the answer is truthy, then gives it; fails with `what` after the deadline. */
export async function until(ask, what, timeoutMs = 10_000, everyMs = 20) {
  const end = performance.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    if (performance.now() > end) throw new Error(`${what}: not within ${timeoutMs} ms`);
    await new Promise(resolve => setTimeout(resolve, everyMs));
  }
}
