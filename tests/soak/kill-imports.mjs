// Kills the whole browser at random moments of imports, starts it again on the same profile, and looks at what became of each: all
// of its rows are there once or none, those of before are there, and of an import that failed not a byte is left.
import { isDeepStrictEqual } from 'node:util';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serveSite } from '../e2e/support/browser.mjs';
import { startBrowser } from './browser-process.mjs';
import { Durations } from './durations.mjs';
import { serveSources } from './import-source.mjs';
import { earlierRows, firstImported, importRows as count } from './page/constants.mjs';
import { listen } from './reports.mjs';

/** In the order in which the page tells them, with a guess of how long each takes. */
const phases = {
  asking: 20, ImportPending: 1000, ImportStarted: 4000, ImportPersisted: 100, ImportCompleted: 50, tidy: 50, ImportFailed: 50,
  ImportFailedAndCleaned: 50,
};
/** Each kill is meant for one, and what takes longest comes most often; `cancelled` is a job that the page cancels. */
const targets = [
  'tidy', 'ImportStarted', 'ImportPending', 'ImportPersisted', 'asking', 'ImportPending', 'ImportCompleted', 'cancelled', 'ImportStarted',
  'ImportPersisted',
];
/** Of which each is a kill within the recovery from another. */
const cyclesOfSecondKill = 5;
const patienceAfterOpenMs = 10_000;
const lifeMs = 120_000;

class Cycle {
  phase;
  task;
  files;
  isCancelled = false;
  isStored = false;

  constructor(number, sources) {
    const round = Math.floor(number / targets.length);
    this.target = targets[number % targets.length];
    this.hasSecondKill = number % cyclesOfSecondKill === 1;
    // Even when a round has passed, each target meets other circumstances.
    const isFile = (number + round) % 2 === 0;
    const hasKey = (number + round) % 3 > 0;
    // What is not loaded is committed within moments.
    const isLoaded = this.target === 'ImportPersisted' || (number + round) % 4 < 2;
    const partition_name = (number + round) % 5 < 2 ? 'part' : undefined;
    const url = sources.urlOf('jsonl', { from: firstImported, count, hasKey });
    this.plan = { collection_name: `import_${number}`, url, count, isFile, hasKey, isLoaded, partition_name };
    this.cancelAt = round % 2 === 0 ? 'ImportStarted' : 'ImportPending';
  }

  /** Whether the source may be gone with the page. */
  get isCut() {
    return !this.isStored && this.phase !== 'ImportCompleted' && this.phase !== 'tidy';
  }

  /** What is wrong with what a kill left of it. */
  judge({ hasJob, state, reason, bytesLeft, files, rows, earlier, imported, doubled, wrong }) {
    const is = { completed: state === 'ImportCompleted', cleaned: state === 'ImportFailedAndCleaned' };
    const found = { completed: 0, cleaned: 0, neverMade: 0, rows, lost: 0, doubled, partly: 0, wrong, bytesLeft, unended: 0, unknown: 0, unexpected: 0 };
    if (!hasJob) found[this.task === undefined ? 'neverMade' : 'unknown'] = 1;
    else if (is.completed) found.completed = 1;
    else if (is.cleaned) found.cleaned = 1;
    else return { unended: 1 };
    if (imported > 0 && imported < count) found.partly = 1;
    found.lost = earlierRows - earlier + (is.completed ? count - imported : 0);
    if (!is.completed && imported > 0) found.wrong += imported;
    if (!is.completed && !isDeepStrictEqual(files, this.files)) found.unexpected += 1;
    const mayFail = this.isCancelled || (this.isCut && this.plan.isFile);
    if (is.cleaned && !mayFail) found.unexpected += 1;
    return { ...found, reason };
  }
}

const bad = ['lost', 'doubled', 'partly', 'wrong', 'bytesLeft', 'unended', 'unknown', 'unexpected'];

class Soak {
  result = {
    kills: 0, states: {}, second: 0, completed: 0, cleaned: 0, neverMade: 0, rows: 0, lost: 0, doubled: 0, partly: 0, wrong: 0, bytesLeft: 0,
    unended: 0, unknown: 0, unexpected: 0, browserLosses: 0, failures: [],
  };
  #durations = Object.fromEntries(Object.entries(phases).map(([phase, guess]) => [phase, new Durations(guess)]));
  #cycles = 0;
  #last;
  /** Not begun yet: a kill in the recovery from another one may come before it. */
  #next;
  #tell;

  constructor(kills, sources, tell) {
    Object.assign(this, { wanted: kills, sources });
    this.#tell = tell;
  }

  take = () => undefined;

  get isOver() {
    return this.result.failures.length > 0 || (this.result.kills >= this.wanted && !this.hasLast);
  }

  /** Whether an import was killed that nobody has looked at yet. */
  get hasLast() {
    return this.#last !== undefined;
  }

  /** One life of the browser, which looks at the last import first; up to its kill. */
  live(profile, url, begins) {
    return new Promise(resolve => {
      const browser = startBrowser(profile, url);
      const last = this.#last;
      const next = begins ? (this.#next ??= new Cycle(this.#cycles++, this.sources)) : undefined;
      let current = last ?? next;
      let isOver = false;
      let phase, since, timer;
      const end = async () => {
        if (isOver) return;
        isOver = true;
        clearTimeout(timer);
        clearTimeout(patience);
        await browser.kill();
        resolve();
      };
      const fail = reason => {
        if (isOver) return;
        this.result.failures.push(`${reason} (${JSON.stringify(current ?? {}, (key, value) => (key === 'files' ? undefined : value))}, ${phase})`);
        end();
      };
      const kill = () => {
        if (isOver) return;
        this.result.kills += 1;
        this.result.states[phase] = (this.result.states[phase] ?? 0) + 1;
        if (current === last) this.result.second += 1;
        this.#tell(`kill ${this.result.kills}: ${phase}, meant for ${current.target}${current === last ? ', second' : ''}`);
        end();
      };
      const killWithin = ms => (timer = setTimeout(kill, ms));
      const patience = setTimeout(fail, lifeMs, 'the life of a browser does not end');
      browser.exited.then(() => fail('the browser ended by itself'));
      const takes = {
        browserLoss: () => {
          this.result.browserLosses += 1;
          fail('the browser deleted its database');
        },
        failed: fail,
        opened: () => {
          if (last?.hasSecondKill) {
            last.hasSecondKill = false;
            phase = 'recovery';
            killWithin(this.#durations.ImportStarted.random() + (last.isCut ? Math.random() * patienceAfterOpenMs : 0));
          }
          return { last: last && { ...last.plan, task: last.task }, next: next?.plan };
        },
        outcome: outcome => {
          clearTimeout(timer);
          timer = undefined;
          const { reason, ...found } = last.judge(outcome);
          for (const [what, number] of Object.entries(found)) this.result[what] += number;
          this.#tell(`  ${outcome.state} ${reason}`);
          if (bad.some(what => found[what] > 0)) {
            const names = Object.entries(outcome.files ?? {}).filter(([name, bytes]) => last.files?.[name] !== bytes);
            fail(`${JSON.stringify({ ...outcome, files: undefined })}; files that were not there before: ${JSON.stringify(names.slice(0, 20))}`);
          }
          this.#last = undefined;
          current = next;
          if (!next) end();
        },
        files: files => void (current.files = files),
        task: task => void (current.task = task),
        stored: () => void (current.isStored = true),
        phase: told => {
          const now = performance.now();
          if (current === last) return void (phase = `recovery: ${told}`);
          [this.#last, this.#next] = [next, undefined];
          if (next.phase) this.#durations[next.phase].add(now - since);
          [since, phase, next.phase] = [now, told, told];
          if (told === next.target) killWithin(this.#durations[told].random());
          // It went past the moment that was meant.
          else if (told === 'tidy' && !timer) killWithin(0);
          if (next.target === 'cancelled' && told === next.cancelAt && next.task) {
            next.isCancelled = true;
            killWithin(Math.random() * 300);
            return { cancel: next.task };
          }
        },
      };
      this.take = message => {
        if (isOver) return undefined;
        const [[what, value]] = Object.entries(message);
        return takes[what](value);
      };
    });
  }
}

/** `kills` kills, with a new profile after every `killsOfProfile`. */
export async function killImports({ kills, filesIn, killsOfProfile = 25, tell = () => undefined }) {
  const sources = await serveSources();
  const soak = new Soak(kills, sources, tell);
  const [reports, site] = await Promise.all([listen(message => soak.take(message)), serveSite({ '/soak/': join(import.meta.dirname, 'page') })]);
  const url = `${site.url}soak/?${new URLSearchParams({ kind: 'import', filesIn, reports: reports.url })}`;
  const started = performance.now();
  const { result } = soak;
  try {
    while (!soak.isOver) {
      const profile = mkdtempSync(join(tmpdir(), 'elanus-soak-'));
      const until = Math.min(kills, result.kills + killsOfProfile);
      do await soak.live(profile, url, result.kills < until);
      while (!soak.isOver && (result.kills < until || soak.hasLast));
      if (result.failures.length > 0) result.failures.push(`the profile is kept in ${profile}`);
      else rmSync(profile, { recursive: true, force: true });
    }
  } finally {
    await Promise.all([reports.close(), site.close(), sources.close()]);
  }
  return { ...result, filesIn, seconds: (performance.now() - started) / 1000 };
}
