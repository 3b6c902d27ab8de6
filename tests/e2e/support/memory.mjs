// What a browser's processes take of the system's memory, together.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { chromiumArguments, findChromium } from '../../../scripts/browser.mjs';
import { serveSite } from './browser.mjs';

/** Parents of all processes; one that ends meanwhile is left out. */
function parents() {
  const found = new Map();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      // The second field, in brackets, may have blanks and brackets of its own.
      const rest = readFileSync(`/proc/${name}/stat`, 'utf8').replace(/^.*\) /s, '');
      found.set(Number(name), Number(rest.split(' ')[1]));
    } catch {
      continue;
    }
  }
  return found;
}

/** The browser that was started with an argument; the processes that it starts itself have a type. */
function processWithArgument(argument) {
  for (const pid of parents().keys()) {
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      if (words.includes(argument) && !words.some(word => word.startsWith('--type='))) return pid;
    } catch {
      continue;
    }
  }
  throw new Error(`no process has the argument ${argument}`);
}

function withDescendants(pid) {
  const parentOf = parents();
  const chosen = new Set([pid]);
  for (let size = 0; size !== chosen.size; ) {
    size = chosen.size;
    for (const [child, parent] of parentOf) if (chosen.has(parent)) chosen.add(child);
  }
  return chosen;
}

/** The sum of Pss in MB: shared pages count once, whoever of the browser's processes holds them. */
function proportionalMegabytes(pid) {
  let kilobytes = 0;
  for (const process of withDescendants(pid)) {
    try {
      kilobytes += Number(readFileSync(`/proc/${process}/smaps_rollup`, 'utf8').match(/^Pss:\s+(\d+) kB$/m)[1]);
    } catch {
      continue;
    }
  }
  return kilobytes / 1024;
}

/** A browser with a profile on the disk: storage of a private window would be memory. `megabytes` tells what it takes. */
export async function launchMeasured(profile, options = {}) {
  const context = await chromium.launchPersistentContext(profile, { executablePath: findChromium(), args: chromiumArguments, ...options });
  const browserProcess = processWithArgument(`--user-data-dir=${profile}`);
  return { context, megabytes: () => proportionalMegabytes(browserProcess) };
}

export const newProfile = () => mkdtempSync(join(tmpdir(), 'elanus-memory-'));

/** A browser whose `megabytes` can be asked for, with a profile of its own, and a site. */
export async function startMeasuredBrowser(test, options = {}, mounts = {}) {
  const profile = newProfile();
  const [{ context, megabytes }, site] = await Promise.all([launchMeasured(profile, options), serveSite(mounts)]);
  test.after(async () => {
    await context.close();
    await site.close();
    rmSync(profile, { recursive: true, force: true });
  });
  return { context, site, megabytes };
}
