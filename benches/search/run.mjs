// One engine with one data set: browsers one after the other on one profile, so that each figure has a page of its own.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../scripts/run.mjs';
import { serve } from '../../scripts/serve.mjs';
import { dist } from '../../tests/e2e/support/browser.mjs';
import { launchMeasured, newProfile } from '../../tests/e2e/support/memory.mjs';
import { touchMemory } from '../touch-memory.mjs';
import { peersFolder } from './modules.mjs';
import { setsFolder } from './sets.mjs';
import { FILTERS } from './truth.mjs';

const STEP_MS = 20 * 60_000;
/** What begins with a page has ended after this; the browser stores compiled code 2 s after the last function of a module. */
const SETTLED_MS = 3000;
/** A start is over so soon that one alone says little. */
const STARTS = 3;
/** After this, a released engine's memory should be back. */
const RELEASE_MS = 1000;
/** How thorough a search has to become before no more thorough plan is tried. */
const ENOUGH = { search: 0.99, filtered: 0.98 };
const COLD_QUERIES = 10;

const pause = ms => new Promise(resolve => setTimeout(resolve, ms));

/** The bench's pages, the engines and the data; `fetched` gathers which files of engines are asked for. */
export function serveBench(fetched = new Set(), others = {}) {
  const mounts = {
    ...others,
    '/': join(root, 'benches/page'), '/dist/': dist, '/built/': join(root, peersFolder),
    '/packages/': join(root, 'benches/peers/node_modules'), '/sets/': setsFolder,
  };
  return serve(mounts, 0, (path, file) => /^\/(dist|built|packages)\//.test(path) && fetched.add(file));
}

/** What to tell of an error, without where in our program it came up. */
export const told = error => error.message.replace(/^page\.\w+: (Error: )?/, '').split('\n')[0];

/** Answers of the page, or an error when it has crashed or does not answer in time. */
export async function within(page, work) {
  let timer;
  let crashed;
  const trouble = new Promise((resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no end after ${STEP_MS / 60_000} minutes`)), STEP_MS);
    crashed = () => reject(new Error('the page crashed'));
    page.on('crash', crashed);
  });
  try {
    return await Promise.race([work, trouble]);
  } finally {
    clearTimeout(timer);
    page.off('crash', crashed);
  }
}

export const ask = (page, method, ...values) =>
  within(page, page.evaluate(([method, values]) => window.bench[method](...values), [method, values]));

/** A browser on the profile, in it an empty page of the site, and what the browser takes with it. */
async function launch(profile, site) {
  const { context, megabytes } = await launchMeasured(profile);
  const page = await context.newPage();
  await page.goto(`${site.url}npy.mjs`);
  await pause(500);
  return { context, page, megabytes, emptyMegabytes: megabytes() };
}

export const address = ({ url }, engine, { name, kind, rows, dim }) => {
  const options = new URLSearchParams({
    module: engine.module, options: JSON.stringify(engine.options), set: JSON.stringify({ name, kind, rows, dim }),
  });
  return `${url}search.html?${options}`;
};

async function collectGarbage(context, page) {
  const session = await context.newCDPSession(page);
  await session.send('HeapProfiler.collectGarbage');
  await session.detach();
}

async function build({ page, url }) {
  await page.goto(url);
  const result = await ask(page, 'build');
  await ask(page, 'close');
  return result;
}

/** For an engine that cannot read what it has stored. */
async function buildAndSearch(browser, attempt) {
  await browser.page.goto(browser.url);
  await ask(browser.page, 'build');
  return searches(browser, attempt);
}

async function coldStart({ page, url }, set) {
  const vectors = Array.from({ length: COLD_QUERIES }, (_, number) => [...set.queries.subarray(number * set.dim, (number + 1) * set.dim)]);
  const nearest = set.truth[100].slice(0, COLD_QUERIES).map(([row]) => row);
  // Starts with the page, not when this program hears of it.
  await page.addInitScript(([vectors, nearest]) => {
    addEventListener('DOMContentLoaded', () => (window.coldStart = window.bench?.coldStart(vectors, nearest)));
  }, [vectors, nearest]);
  await page.goto(url);
  return within(page, page.evaluate(() => window.coldStart));
}

/** One kind of search may fail without the others. */
async function searches({ page }, attempt) {
  const result = { search: await attempt('search', () => ask(page, 'search', ENOUGH.search)), filtered: {} };
  for (const share of FILTERS) {
    result.filtered[share] = await attempt(`filter ${share} %`, () => ask(page, 'filtered', share, ENOUGH.filtered));
  }
  return { ...result, many: await attempt('many queries', () => ask(page, 'many')) };
}

async function coldSearches(browser, attempt, set) {
  const cold = await coldStart(browser, set);
  const result = { ...cold, ...(await searches(browser, attempt)) };
  // Otherwise an engine that remembers what was loaded begins the next page with it.
  await ask(browser.page, 'release');
  return result;
}

async function restart(browser, set) {
  const { coldMs } = await coldStart(browser, set);
  await ask(browser.page, 'release');
  return coldMs;
}

async function memory({ context, page, megabytes, emptyMegabytes, url }) {
  await page.goto(url);
  await ask(page, 'connect');
  await ask(page, 'readQueries');
  await pause(SETTLED_MS);
  await collectGarbage(context, page);
  const connected = megabytes() - emptyMegabytes;
  const loading = await ask(page, 'load');
  await ask(page, 'searchOnce', 100);
  await collectGarbage(context, page);
  const loaded = megabytes() - emptyMegabytes;
  const engine = await ask(page, 'memory');
  await ask(page, 'release');
  await pause(RELEASE_MS);
  return { ...loading, engine, connectedMegabytes: connected, loadedMegabytes: loaded, releasedMegabytes: megabytes() - emptyMegabytes };
}

export async function inBrowser(profile, site, url, work) {
  await touchMemory();
  const browser = await launch(profile, site);
  try {
    return await work({ ...browser, url });
  } finally {
    await browser.context.close();
  }
}

/** All figures, or those until something fails, and what failed. */
export async function measureEngine(engine, set) {
  const fetched = new Set();
  const site = await serveBench(fetched);
  const url = address(site, engine, set);
  const result = { engine: engine.name, set: set.name, rows: set.rows, failures: [] };
  /** Undefined, and a failure to be told, if it cannot be done. */
  const attempt = async (name, work) => {
    try {
      return await work();
    } catch (error) {
      result.failures.push(`${name}: ${told(error)}`);
      console.log(`  ${result.failures.at(-1)}`);
      return undefined;
    }
  };
  /** Whether it could be done. */
  const step = async (name, profile, work) => {
    const began = performance.now();
    result[name] = await attempt(name, () => inBrowser(profile, site, url, browser => work(browser, attempt, set)));
    console.log(`  ${name}: ${((performance.now() - began) / 1000).toFixed(1)} s`);
    return result[name] !== undefined;
  };
  const [profile, another] = [newProfile(), newProfile()];
  if (await step('build', profile, build)) {
    if (await step('cold', profile, coldSearches)) {
      const starts = [result.cold.coldMs];
      while (starts.length < STARTS) starts.push(await attempt('start', () => inBrowser(profile, site, url, browser => restart(browser, set))));
      result.cold.coldMs = starts.toSorted((a, b) => a - b)[Math.floor(STARTS / 2)];
      await step('memory', profile, memory);
    } else await step('unsaved', another, buildAndSearch);
  }
  await site.close();
  for (const folder of [profile, another]) rmSync(folder, { recursive: true, force: true });
  return { ...result, files: [...fetched] };
}
