// Three tabs load, release, write and search at random while one after the other is closed, reloaded, sent through the
// back/forward cache and opened again. Every answer is compared with a model.
import { join } from 'node:path';
import { random as randomOf } from '../../e2e/pages/random.mjs';
import { until } from '../../e2e/support/browser.mjs';
import { startMeasuredBrowser } from '../../e2e/support/memory.mjs';
import { Partition, nearest } from './model.mjs';
import { vectorOf } from './rows.mjs';

const tabCount = 3;
const actorsOfTab = 2;
/** Renderers give back what their workers' scripts have dropped when they have been idle for half a minute. */
const idleMs = 45_000;
/** So long after its tab has gone a call has ended, one way or the other. */
const afterlifeMs = 5000;
/** No call takes so long, whoever owned the store when it began. */
const answerWithinMs = 45_000;
/** The engine ended before it answered: nobody knows what became of the call. */
const serviceNotReady = 1;
/** The client gave up after its 15 s, which a machine that does many other things may take. */
const deadlineExceeded = 4;

class Tabs {
  #pages = [];
  #calls = 0;
  errors = [];

  constructor(context, url) {
    Object.assign(this, { context, url });
  }

  async open(at) {
    const page = await this.context.newPage();
    page.on('pageerror', error => this.errors.push(`tab ${at}: ${error.stack ?? error}`));
    await page.goto(this.url);
    await page.waitForFunction(() => window.work);
    this.#pages[at] = page;
  }

  isOpen(at) {
    return this.#pages[at] !== undefined;
  }

  /**
   * Rejects when the tab goes before it has answered. Answers `late` when the page is still at it after a long time: that
   * is the package's fault, and not that of whoever carries calls into pages and may lose one while a page comes or goes.
   */
  async call(at, method, ...given) {
    const page = this.#pages[at];
    if (!page) throw new Error('the tab is closed');
    const number = ++this.#calls;
    const called = page.evaluate(([number, method, given]) => window.work.answer(number, method, given), [number, method, given]);
    const answer = await within(answerWithinMs, called, late);
    if (answer !== late) return answer;
    const isAtIt = await within(answerWithinMs, page.evaluate(number => window.work.isAtIt(number), number), true);
    if (!isAtIt) throw new Error('the call was lost on its way');
    return late;
  }

  /** Pages' garbage is nobody's memory. */
  async collectGarbage() {
    for (const page of this.#pages) {
      const session = await this.context.newCDPSession(page);
      await session.send('HeapProfiler.collectGarbage');
      await session.detach();
    }
  }

  async disturb(at, how) {
    const page = this.#pages[at];
    this.#pages[at] = undefined;
    if (how === 'close') {
      await page.close();
      await this.open(at);
      return;
    }
    if (how === 'reload') await page.reload();
    else {
      await page.goto(new URL('away.html', this.url).href);
      // A page from that cache is not loaded again.
      await page.goBack({ waitUntil: 'commit' });
    }
    await page.waitForFunction(() => window.work);
    this.#pages[at] = page;
  }
}

class Soak {
  result = {
    operations: 0, exact: 0, bounded: 0, goneWithTheirTab: 0, unreachable: 0, overdue: 0, disturbances: 0,
    slowest: { tookMs: 0 }, differences: [],
  };

  constructor({ tabs, partitions, random }) {
    Object.assign(this, { tabs, partitions, random });
  }

  below(count) {
    return Math.floor(this.random() * count);
  }

  pick(list) {
    return list[this.below(list.length)];
  }

  differs(what, details) {
    this.result.differences.push(`${what}: ${JSON.stringify(details)}`);
  }

  /** undefined when there was no answer, or one that says to come again. */
  async ask(tab, method, ...given) {
    this.result.operations += 1;
    const asked = performance.now();
    const answer = await this.tabs.call(tab, method, ...given).catch(() => undefined);
    const tookMs = Math.round(performance.now() - asked);
    if (tookMs > this.result.slowest.tookMs) this.result.slowest = { method, tookMs };
    if (answer === late) {
      this.differs(`${method} was not answered`, { tab, given, afterMs: answerWithinMs });
      return undefined;
    }
    if (!answer) this.result.goneWithTheirTab += 1;
    const isUnreachable = answer?.code === serviceNotReady && answer.retriable;
    if (isUnreachable) this.result.unreachable += 1;
    const isOverdue = answer?.code === deadlineExceeded;
    if (isOverdue) this.result.overdue += 1;
    return isUnreachable || isOverdue ? undefined : answer;
  }

  /** The engine may still be at a call whose tab has gone. */
  async outlast(answer) {
    if (!answer) await sleep(afterlifeMs);
  }

  /** Partitions that nobody else changes meanwhile; none when too few are free. */
  reserve(count) {
    const free = this.partitions.filter(partition => !partition.busy);
    const chosen = [];
    while (chosen.length < count && free.length > 0) chosen.push(...free.splice(this.below(free.length), 1));
    return chosen;
  }

  async change(tab, method, partition, ids, areThere) {
    partition.begin(ids);
    const answer = await this.ask(tab, method, partition.number, ids);
    if (answer?.code !== undefined) this.differs(`${method} into ${partition.number}`, answer);
    else if (answer) partition.settle(ids, areThere);
    await this.outlast(answer);
    partition.end();
  }

  async insert(tab) {
    const [partition] = this.reserve(1);
    if (partition) await this.change(tab, 'insert', partition, partition.newIds(1 + this.below(20)), true);
  }

  async remove(tab) {
    const [partition] = this.reserve(1);
    if (partition) await this.change(tab, 'remove', partition, [...new Set([partition.anyId(this.random), partition.anyId(this.random)])], false);
  }

  /** All of them at once now and then: then every partition must be free. */
  async move(tab, method, loaded) {
    const whole = this.below(12) === 0;
    const chosen = this.reserve(whole ? this.partitions.length : 1 + this.below(3));
    if (chosen.length === 0 || (whole && chosen.length < this.partitions.length)) return;
    chosen.forEach(partition => partition.begin());
    const answer = await this.ask(tab, method, whole ? undefined : chosen.map(partition => partition.number));
    if (answer?.code !== undefined) this.differs(method, answer);
    await this.outlast(answer);
    for (const partition of chosen) {
      partition.loaded = answer && answer.code === undefined ? loaded : undefined;
      partition.end();
    }
  }

  /** What a read of partitions may find, from what they were like before and after it. */
  async read(partitions, ask) {
    const look = () => partitions.map(({ version, busy, loaded }) => JSON.stringify([version, busy, loaded]));
    const before = look();
    const answer = await ask();
    if (!answer) return undefined;
    const isQuiet = partitions.every(it => !it.busy && it.loaded !== undefined) && look().every((it, at) => it === before[at]);
    this.result[isQuiet ? 'exact' : 'bounded'] += 1;
    return { answer, isQuiet };
  }

  /** Whether the answer is the refusal that it must be, or may be. */
  refused({ answer, isQuiet }, partitions, what) {
    const { code } = answer;
    const notLoaded = isQuiet && partitions.some(partition => partition.loaded === false);
    if (code === undefined) {
      if (notLoaded) this.differs(`${what} of what is not loaded`, answer);
      return notLoaded;
    }
    const allowed = notLoaded || !isQuiet ? [101, 103, 201] : [];
    if (!allowed.includes(code)) this.differs(what, { ...answer, loaded: partitions.map(it => [it.number, it.loaded, it.busy]) });
    return true;
  }

  async search(tab) {
    const partitions = this.anyPartitions();
    const near = this.pick(partitions).anyId(this.random);
    const found = await this.read(partitions, () => this.ask(tab, 'search', partitions.map(it => it.number), near, 5));
    if (!found || this.refused(found, partitions, 'search')) return;
    const { hits } = found.answer;
    if (!found.isQuiet || partitions.some(partition => partition.maybe.size > 0)) return;
    const expected = nearest(partitions, vectorOf(near), 5);
    const same = hits.length === expected.length && hits.every((hit, at) => Math.abs(hit.score - expected[at].score) < 1e-3);
    if (!same || hits[0].id !== near) this.differs('search', { near, hits, expected });
  }

  anyPartitions() {
    const left = [...this.partitions];
    return Array.from({ length: 1 + this.below(3) }, () => left.splice(this.below(left.length), 1)[0]);
  }

  /** Compares the rows that came later, and learns what became of those that are in doubt. */
  async listExtra(tab) {
    const partition = this.pick(this.partitions);
    const from = partition.firstId + partition.rows;
    const found = await this.read([partition], () => this.ask(tab, 'idsBetween', partition.number, from, from + 16384));
    if (!found || this.refused(found, [partition], 'query')) return;
    if (!found.isQuiet) return;
    const ids = new Set(found.answer.ids);
    const lost = [...partition.extra].filter(id => !ids.has(id));
    const strange = [...ids].filter(id => !partition.extra.has(id) && !partition.maybe.has(id));
    if (lost.length + strange.length > 0 || ids.size !== found.answer.ids.length) {
      this.differs('rows', { partition: partition.number, lost, strange, found: found.answer.ids.length });
    }
    const doubtful = [...partition.maybe].filter(id => !partition.isInitial(id));
    for (const id of doubtful) partition.settle([id], ids.has(id));
  }

  async count(tab) {
    const partitions = this.below(3) === 0 ? undefined : this.anyPartitions();
    const asked = partitions ?? this.partitions;
    const found = await this.read(asked, () => this.ask(tab, 'count', partitions?.map(it => it.number)));
    if (!found) return;
    if (partitions && this.refused(found, partitions, 'count')) return;
    const { answer, isQuiet } = found;
    const loaded = isQuiet ? asked.filter(partition => partition.loaded) : asked;
    if (!partitions && answer.code !== undefined) {
      const allowed = isQuiet && loaded.length > 0 ? [] : [101, 103];
      if (!allowed.includes(answer.code)) this.differs('count of all', answer);
      return;
    }
    const sum = key => loaded.reduce((sum, partition) => sum + partition[key], 0);
    const least = isQuiet ? sum('certainRows') : 0;
    // What is inserted meanwhile comes on top.
    const most = isQuiet ? sum('possibleRows') : sum('possibleRows') + 1000;
    if (answer.count < least || answer.count > most) this.differs('count', { answer, least, most, asked: asked.map(it => it.number) });
  }

  async state(tab) {
    const partition = this.pick(this.partitions);
    const found = await this.read([partition], () => this.ask(tab, 'state', partition.number));
    if (!found) return;
    const { answer, isQuiet } = found;
    const isLoaded = answer.state === 'LoadStateLoaded';
    // While another owner restores what was loaded it is loading again.
    const fits = !isQuiet || answer.state === 'LoadStateLoading' || isLoaded === partition.loaded;
    if (!fits || (isQuiet && !partition.loaded && answer.state !== 'LoadStateNotLoad')) this.differs('state', { answer, loaded: partition.loaded });
    if (partition.loaded === undefined && !partition.busy && answer.state !== 'LoadStateLoading') partition.loaded = isLoaded;
  }

  async act(tab) {
    const chance = this.below(100);
    if (chance < 35) await this.search(tab);
    else if (chance < 50) await this.count(tab);
    else if (chance < 62) await this.listExtra(tab);
    else if (chance < 72) await this.state(tab);
    else if (chance < 82) await this.insert(tab);
    else if (chance < 87) await this.remove(tab);
    else if (chance < 94) await this.move(tab, 'load', true);
    else if (chance < 99) await this.move(tab, 'release', false);
    else await this.ask(tab, 'flush');
  }
}

const late = Symbol('late');

const within = (ms, promise, otherwise) => Promise.race([promise, sleep(ms).then(() => otherwise)]);

const sleep = ms => new Promise(resolve => setTimeout(resolve, ms));

/** `after` takes what ends the browser when all is done. */
export async function runTabs({ after, seconds, filesIn = 'opfs', partitions: count = 20, rowsOfPartition = 20_000, seed = Date.now() % 2 ** 31 }) {
  const options = { ignoreDefaultArgs: ['--disable-back-forward-cache'] };
  const { context, site, megabytes } = await startMeasuredBrowser({ after }, options, { '/tabs/': join(import.meta.dirname) });
  const tabs = new Tabs(context, `${site.url}tabs/?filesIn=${filesIn}`);
  const partitions = Array.from({ length: count }, (_, number) => new Partition(number, rowsOfPartition));
  await tabs.open(0);
  if ((await tabs.call(0, 'create', count, rowsOfPartition)) === late) throw new Error('the rows were not inserted in time');
  // The rows that the tab made are its garbage.
  await tabs.disturb(0, 'close');
  for (let tab = 1; tab < tabCount; tab += 1) await tabs.open(tab);
  // Processes that the browser keeps for pages of the past are there from the start.
  for (let tab = 0; tab < tabCount; tab += 1) await tabs.disturb(tab, 'cache');
  await tabs.collectGarbage();
  await sleep(1000);

  const random = randomOf(seed);
  const soak = new Soak({ tabs, partitions, random });
  const started = megabytes();
  let peak = started;
  const end = performance.now() + seconds * 1000;
  const isOver = () => performance.now() > end || soak.result.differences.length > 0;
  const actor = async tab => {
    while (!isOver()) {
      if (tabs.isOpen(tab)) await soak.act(tab);
      await sleep(random() * 10);
    }
  };
  const unrest = async () => {
    while (!isOver()) {
      await sleep(300 + random() * 1500);
      await tabs.disturb(soak.below(tabCount), soak.pick(['close', 'reload', 'cache']));
      soak.result.disturbances += 1;
    }
  };
  const watch = async () => {
    while (!isOver()) {
      peak = Math.max(peak, megabytes());
      await sleep(500);
    }
  };
  const actors = Array.from({ length: tabCount * actorsOfTab }, (_, at) => actor(at % tabCount));
  await Promise.all([...actors, unrest(), watch()]);

  await soak.ask(0, 'release');
  await tabs.collectGarbage();
  const limit = started + 0.15 * (peak - started);
  const isBack = await until(() => megabytes() <= limit, 'memory is back', idleMs).then(() => true, () => false);
  const memory = { startedMegabytes: started, peakMegabytes: peak, endedMegabytes: megabytes(), isBack };
  return { seed, seconds, ...soak.result, errors: tabs.errors, ...memory };
}
