// The browser and driver that tests use. Playwright and wasm-pack would download their own; the system's is used instead.
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Failure, onPath, output, root } from './run.mjs';

function find(variable, names) {
  const chosen = process.env[variable];
  if (chosen && !existsSync(chosen)) throw new Failure(`${variable} names ${chosen}, which does not exist`);
  return chosen ?? names.map(onPath).find(Boolean);
}

export const findChromium = () => find('ELANUS_CHROMIUM', ['chromium', 'chromium-browser', 'google-chrome']);

export const findChromedriver = () => find('ELANUS_CHROMEDRIVER', ['chromedriver']);

/** Chromium's sandbox does not start for root. */
export const chromiumArguments = process.getuid?.() === 0 ? ['--no-sandbox'] : [];

/** Both, of one version; a driver of another version answers with errors that do not say so. */
export function browser() {
  const [chromium, chromedriver] = [findChromium(), findChromedriver()];
  if (!chromium) throw new Failure('there is no Chromium: install one, or name it in ELANUS_CHROMIUM');
  if (!chromedriver) throw new Failure('there is no chromedriver: install one, or name it in ELANUS_CHROMEDRIVER');
  const major = program => output(program, ['--version'])?.match(/(\d+)\.\d+\.\d+/)?.[1];
  if (major(chromium) !== major(chromedriver)) {
    throw new Failure(`${chromium} is version ${major(chromium)}, ${chromedriver} is for version ${major(chromedriver)}`);
  }
  return { chromium, chromedriver };
}

/** wasm-bindgen's test runner takes the browser to start from this file and from nowhere else. */
export function writeWebdriverJson(chromium) {
  const options = { binary: chromium, args: ['--headless', ...chromiumArguments] };
  writeFileSync(join(root, 'webdriver.json'), JSON.stringify({ 'goog:chromeOptions': options }, null, 2));
}
