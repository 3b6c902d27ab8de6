// Two tabs write 200 rows each at once while whatever runs the engine goes: afterwards there are 400 rows, each once.
import assert from 'node:assert/strict';
import test from 'node:test';
import { startBrowserAndSite } from './support/browser.mjs';
import { collection_name, ids, openOwner, openTab, owners, processOf } from './support/tabs.mjs';

const { browser, site } = await startBrowserAndSite(test);
const rowsOfTab = 200;

const panic = (page, node) =>
  page.evaluate(node => {
    // The worker that panics does not answer.
    window.panic('tabs', node).catch(() => undefined);
  }, node);

const queryNode = page =>
  page.evaluate(async () => (await window.client.getMemoryUsage()).collections[0].nodes[0].node);

/** `go` ends something when both tabs are in the middle of it; the first tab owns the store and does not write. */
const endings = {
  nothing: { go: () => undefined },
  'the owner\'s tab, closed,': { go: owner => owner.close() },
  'the owner\'s tab, killed,': { prepare: (owner, others) => processOf(browser, owner, others), go: (owner, others, { kill }) => kill() },
  'the owner\'s tab, stopped for 3 s,': {
    prepare: (owner, others) => processOf(browser, owner, others),
    go: async (owner, others, { stop, resume }) => {
      stop();
      await new Promise(resolve => setTimeout(resolve, 3000));
      resume();
    },
  },
  'the coordinator, by a panic,': { go: (owner, [other]) => panic(other, '') },
  'the query node, by a panic,': { prepare: owner => queryNode(owner), go: (owner, [other], node) => panic(other, node) },
};

/** Resolves with the errors of the writes; none is tried again. */
const write = (page, from) =>
  page.evaluate(
    async ([collection_name, from, count]) => {
      const refused = [];
      window.written = 0;
      for (let id = from; id < from + count; id += 1, window.written += 1) {
        const answer = await window.client.insert({ collection_name, data: [{ id, v: [id, 0] }] }).catch(error => ({ status: error }));
        if (answer.status.error_code !== 'Success') refused.push(`${id}: ${answer.status.reason ?? answer.status.message}`);
      }
      return refused;
    },
    [collection_name, from, rowsOfTab]
  );

for (const [what, { prepare, go }] of Object.entries(endings)) {
  test(`200 rows each of two tabs while ${what} goes`, { timeout: 60_000 }, async () => {
    const context = await browser.newContext();
    const owner = await openOwner(context, site.url);
    const writers = [await openTab(context, site.url), await openTab(context, site.url)];
    for (const writer of writers) assert.deepEqual(await ids(writer), [1]);
    const former = await owners(owner);
    const prepared = await prepare?.(owner, writers);
    const writing = Promise.all(writers.map((writer, at) => write(writer, 1000 * (at + 1))));
    await writers[0].waitForFunction(() => window.written > 50);
    await go(owner, writers, prepared);
    assert.deepEqual((await writing).flat(), []);
    const found = await ids(writers[1]);
    const expected = [1, ...[1000, 2000].flatMap(from => Array.from({ length: rowsOfTab }, (_, at) => from + at))];
    assert.deepEqual(found, expected);
    const counted = await writers[0].evaluate(collection_name => window.rows.count(window.client, collection_name), collection_name);
    assert.equal(counted, 1 + 2 * rowsOfTab);
    if (what.includes('tab')) assert.notDeepEqual(await owners(writers[0]), former);
    for (const writer of writers) writer.check();
    await context.close();
  });
}
