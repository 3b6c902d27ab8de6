// What only elanus is asked, with the same data: what its messages cost, and what work in the background does to searches.
import { rmSync } from 'node:fs';
import { newProfile } from '../../tests/e2e/support/memory.mjs';
import { engines } from './engines.mjs';
import { address, ask, inBrowser, serveBench, told } from './run.mjs';

const names = ['messages', 'interference'];

export async function measureExtras(set) {
  const profile = newProfile();
  const site = await serveBench();
  const url = address(site, engines.elanus, set);
  const result = { set: set.name, failures: [] };
  console.log(`${set.name}: extras`);
  try {
    await inBrowser(profile, site, url, async ({ page }) => {
      await page.goto(url);
      await ask(page, 'build');
      for (const name of names) {
        result[name] = await ask(page, 'extra', name).catch(error => void result.failures.push(`${name}: ${told(error)}`));
      }
    });
  } catch (error) {
    result.failures.push(told(error));
  } finally {
    await site.close();
    rmSync(profile, { recursive: true, force: true });
  }
  return result;
}
