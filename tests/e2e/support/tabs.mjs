// Tabs that share a store, and ways for one of them to go.
import { openPage, until } from './browser.mjs';

export const collection_name = 'shared';

/** A tab with a client, which need not have reached the store yet. */
export async function openTab(context, url) {
  const page = await openPage(context, url);
  await page.evaluate(() => {
    window.client = new window.elanus.MilvusClient('tabs');
    // Reported by the first call that is awaited.
    window.client.connectPromise.catch(() => undefined);
  });
  return page;
}

/** A tab that owns the store, with a loaded collection of one row: id 1, vector [1, 0]. */
export async function openOwner(context, url) {
  const page = await openTab(context, url);
  await page.evaluate(collection_name => window.rows.create(window.client, collection_name, { v: 2 }), collection_name);
  await load(page);
  await insert(page, 1);
  return page;
}

export const load = page =>
  page.evaluate(async collection_name => void window.rows.mustSucceed(await window.client.loadCollection({ collection_name })), collection_name);

export const state = page =>
  page.evaluate(async collection_name => (await window.client.getLoadState({ collection_name })).state, collection_name);

/** The id of the row that is nearest to [x, 0]. */
export const nearest = (page, x) =>
  page.evaluate(
    async ([collection_name, x]) => {
      const answer = await window.client.search({ collection_name, data: [x, 0], limit: 1, output_fields: ['id'] });
      return window.rows.mustSucceed(answer).results[0].id;
    },
    [collection_name, x]
  );

export const insert = (page, id) =>
  page.evaluate(
    async ([collection_name, id]) => void window.rows.mustSucceed(await window.client.insert({ collection_name, data: [{ id, v: [id, 0] }] })),
    [collection_name, id]
  );

export const ids = page =>
  page.evaluate(async collection_name => {
    const answer = await window.client.query({ collection_name, filter: 'id > 0', output_fields: ['id'] });
    return window.rows.mustSucceed(answer).data.map(row => Number(row.id)).sort((a, b) => a - b);
  }, collection_name);

/** Of the pages that hold the owner lock: one, but for moments. */
export const owners = page =>
  page.evaluate(async () => (await navigator.locks.query()).held.filter(({ name }) => name === 'elanus:tabs:owner').map(({ clientId }) => clientId));

/**
 * Inserts rows one after another from id `from` on until the returned function is called, which resolves with the ids that
 * were acknowledged, the errors of the others, and the longest time in milliseconds between two acknowledgements.
 */
export async function insertUntilStopped(page, from) {
  await page.evaluate(
    ([collection_name, from]) => {
      window.inserting = (async () => {
        const outcome = { acknowledged: [], refused: [], longestGapMs: 0 };
        let last = performance.now();
        const noteGap = () => (outcome.longestGapMs = Math.max(outcome.longestGapMs, performance.now() - last));
        for (let id = from; !window.stopInserting; id += 1) {
          try {
            window.rows.mustSucceed(await window.client.insert({ collection_name, data: [{ id, v: [id, 0] }] }));
            outcome.acknowledged.push(id);
            noteGap();
            last = performance.now();
          } catch (error) {
            outcome.refused.push({ message: error.message, retriable: error.retriable });
          }
          // The next owner needs the processors, too.
          await new Promise(resolve => setTimeout(resolve, 5));
        }
        noteGap();
        return outcome;
      })();
    },
    [collection_name, from]
  );
  return () =>
    page.evaluate(() => {
      window.stopInserting = true;
      return window.inserting;
    });
}

const answers = async (page, withinMs) => {
  const late = new Promise(resolve => setTimeout(resolve, withinMs, false));
  return Promise.race([page.evaluate(() => true).catch(() => false), late]);
};

/** The process of `page`, and of none of the others; found by trial, because the browser does not tell which it is. */
export async function processOf(browser, page, others) {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send('SystemInfo.getProcessInfo');
  await session.detach();
  for (const { id } of processInfo.filter(({ type }) => type === 'renderer')) {
    process.kill(id, 'SIGSTOP');
    if (!(await answers(page, 300))) {
      const stillAnswer = await Promise.all(others.map(other => answers(other, 1000)));
      process.kill(id, 'SIGCONT');
      if (stillAnswer.includes(false)) throw new Error('the tabs share a process');
      return Object.fromEntries(Object.entries({ stop: 'SIGSTOP', resume: 'SIGCONT', kill: 'SIGKILL' }).map(([name, signal]) => [name, () => process.kill(id, signal)]));
    }
    process.kill(id, 'SIGCONT');
  }
  throw new Error('no process is that of the page');
}

/** Calls again while the answer is an error that says to, as users do; any other error is thrown. */
export async function retry(call, withinMs) {
  return until(
    async () => {
      try {
        return [await call()];
      } catch (error) {
        if (!/service not ready|no longer owns/.test(error.message)) throw error;
        return undefined;
      }
    },
    'the call succeeds',
    withinMs
  ).then(([answer]) => answer);
}
