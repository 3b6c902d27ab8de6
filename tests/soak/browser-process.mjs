// A headless Chromium without a driver, in a process group of its own, so that all of it can be killed at once.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, readdirSync } from 'node:fs';
import { chromiumArguments, findChromium } from '../../scripts/browser.mjs';
import { until } from '../e2e/support/browser.mjs';

const quiet = [
  '--headless', '--no-first-run', '--no-default-browser-check', '--disable-background-networking', '--disable-component-update',
  '--disable-extensions', '--disable-sync', '--disable-breakpad', '--password-store=basic',
  // Without it, headless ends when the page has loaded.
  '--remote-debugging-port=0',
];

/** Whether a process of the group runs. One that is dead but that nobody waited for is still listed, and does not. */
function isRunning(group) {
  return readdirSync('/proc').filter(name => /^\d+$/.test(name)).some(pid => {
    try {
      const [state, , itsGroup] = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /s, '').split(' ');
      return Number(itsGroup) === group && state !== 'Z';
    } catch {
      return false;
    }
  });
}

/** Opens `url` in the profile; `kill` resolves when no process of the browser is left. */
export function startBrowser(profile, url) {
  const options = [...chromiumArguments, ...quiet, `--user-data-dir=${profile}`, url];
  const browser = spawn(findChromium(), options, { detached: true, stdio: 'ignore' });
  const exited = once(browser, 'exit');
  const kill = async () => {
    if (isRunning(browser.pid)) process.kill(-browser.pid, 'SIGKILL');
    await exited;
    await until(() => !isRunning(browser.pid), 'all processes of the browser are gone');
  };
  return { exited, kill };
}
