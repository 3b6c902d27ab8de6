// Kills the whole browser at random moments of one kind of work, starts it again on the same profile, and compares what the
// store has with what was acknowledged.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serveSite } from '../e2e/support/browser.mjs';
import { startBrowser } from './browser-process.mjs';
import { Durations } from './durations.mjs';
import { Model } from './model.mjs';
import { rowsOfBatch } from './page/constants.mjs';
import { listen } from './reports.mjs';

/** Each is the step within which the kill comes, with as many of it at most in one life. */
const steps = { insert: 40, flush: 5, compaction: 4, index: 5 };
export const kinds = Object.keys(steps);

const reportTimeoutMs = 30_000;

/** One life of the browser, to its kill. Resolves with what the page told before it. */
async function live({ kind, url, profile, model, durations, server, onlyReads }) {
  let end;
  const ended = new Promise(resolve => (end = resolve));
  const browser = startBrowser(profile, url);
  const life = { checked: undefined, failed: undefined, inside: 0, acknowledged: 0 };
  // Which of the steps of the kind is the last.
  let left = 1 + Math.floor(Math.random() * steps[kind]);
  let began = 0;
  let isOver = false;
  const kill = async () => {
    if (isOver) return;
    isOver = true;
    clearTimeout(patience);
    await browser.kill();
    end(life);
  };
  const patience = setTimeout(() => {
    life.failed ??= life.checked ? 'the work did not go on' : 'the store did not open in time';
    kill();
  }, reportTimeoutMs);
  browser.exited.then(() => {
    if (!isOver) life.failed = 'the browser ended by itself';
    kill();
  });
  server.take = message => {
    if (isOver) return undefined;
    if (message.browserLoss) {
      life.browserLoss = message.browserLoss;
      model.forget();
    } else if (message.failed) {
      life.failed = message.failed;
      kill();
    } else if (message.contents) {
      life.checked = model.check(message.contents);
      life.rows = Object.values(message.contents).reduce((sum, rows) => sum + rows, 0);
      if (onlyReads) kill();
      return { next: model.next, kept: model.kept };
    } else {
      const operation = message.begin ?? message.end;
      model.note(operation, message.batch, Boolean(message.end));
      if (message.end) life.acknowledged += 1;
      if (operation !== kind) return undefined;
      if (message.end) {
        life.inside -= 1;
        durations.add(performance.now() - began);
      } else {
        life.inside += 1;
        began = performance.now();
        left -= 1;
        if (left === 0) setTimeout(kill, durations.random());
      }
    }
    return undefined;
  };
  return ended;
}

/**
 * `kills` kills, with a new profile after every `killsOfProfile`; the last life of a profile only reads. `afterKill` may do to a
 * profile what a kill now and then does.
 */
export async function killRepeatedly({ kind, filesIn, kills, killsOfProfile = 25, afterKill = () => undefined }) {
  const server = {};
  const [reports, site] = await Promise.all([
    listen(message => server.take?.(message)),
    serveSite({ '/soak/': join(import.meta.dirname, 'page') }),
  ]);
  const url = `${site.url}soak/?${new URLSearchParams({ kind, filesIn, reports: reports.url })}`;
  const result = { kind, filesIn, kills: 0, inside: 0, acknowledged: 0, checkedRows: 0, lost: 0, doubled: 0, partly: 0, unexpected: 0, browserLosses: 0, failures: [] };
  const durations = new Durations(20);
  const started = performance.now();
  try {
    while (result.kills < kills && result.failures.length === 0) {
      const profile = mkdtempSync(join(tmpdir(), 'elanus-soak-'));
      const model = new Model(rowsOfBatch);
      const lives = Math.min(killsOfProfile, kills - result.kills) + 1;
      for (let life = 0; life < lives && result.failures.length === 0; life += 1) {
        // The last life is there to check what the kill before it left.
        const onlyReads = life === lives - 1;
        const outcome = await live({ kind, url, profile, model, durations, server, onlyReads });
        if (!onlyReads) {
          afterKill(profile);
          result.kills += 1;
          result.inside += outcome.inside > 0 ? 1 : 0;
        }
        result.acknowledged += outcome.acknowledged;
        result.browserLosses += outcome.browserLoss ? 1 : 0;
        result.checkedRows += outcome.rows ?? 0;
        for (const [what, number] of Object.entries(outcome.checked ?? {})) result[what] += number;
        if (outcome.failed) result.failures.push(outcome.failed);
      }
      if (result.failures.length > 0) result.failures.push(`the profile is kept in ${profile}`);
      else rmSync(profile, { recursive: true, force: true });
    }
  } finally {
    await reports.close();
    await site.close();
  }
  result.seconds = (performance.now() - started) / 1000;
  return result;
}
