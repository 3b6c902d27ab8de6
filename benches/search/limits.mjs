// What the browser itself allows with the same data: a scan in WebAssembly, and reading IndexedDB and OPFS.
import { rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { root } from '../../scripts/run.mjs';
import { newProfile } from '../../tests/e2e/support/memory.mjs';
import { limitsModule } from './modules.mjs';
import { inBrowser, serveBench, told, within } from './run.mjs';

const steps = ['write', 'read'];

export async function measureLimits(set) {
  const profile = newProfile();
  const site = await serveBench(undefined, { '/limits/': join(root, dirname(limitsModule)) });
  const url = `${site.url}limits.html`;
  const result = { set: set.name, rows: set.rows };
  try {
    // Another browser reads than has written, as after a restart.
    for (const step of steps) {
      Object.assign(result, await inBrowser(profile, site, url, async ({ page }) => {
        await page.goto(url);
        return within(page, page.evaluate(([step, set]) => window.limits[step](set), [step, { name: set.name, rows: set.rows, dim: set.dim }]));
      }));
    }
  } catch (error) {
    result.failures = [told(error)];
  } finally {
    await site.close();
    rmSync(profile, { recursive: true, force: true });
  }
  return result;
}
