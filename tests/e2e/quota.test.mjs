// A full disk: Milvus' error, nothing left behind, and room again after deleting.
import assert from 'node:assert/strict';
import test from 'node:test';
import { openPage, startBrowserAndSite } from './support/browser.mjs';

const { browser, site } = await startBrowserAndSite(test);
const quotaSize = 24 * 2 ** 20;

/** Chromium takes the origin in one of two spellings, depending on its version. */
async function overrideQuota(context, page, origin) {
  const session = await context.newCDPSession(page);
  for (const spelling of [origin, `${origin}/`]) {
    await session.send('Storage.overrideQuotaForOrigin', { origin: spelling, quotaSize }).catch(() => undefined);
  }
}

test('an insert into a full store is refused, and works again after a drop', { timeout: 60_000 }, async () => {
  const context = await browser.newContext();
  const page = await openPage(context, site.url);
  await overrideQuota(context, page, site.url.replace(/\/$/, ''));
  const seen = await page.evaluate(async () => {
    const { elanus, rows } = window;
    const collection_name = 'full';
    const dims = { v: 256 };
    const client = new elanus.MilvusClient('quota');
    window.client = client;
    await rows.create(client, collection_name, dims);
    // Random numbers, which storage cannot compress.
    const insert = async from => {
      try {
        return (await client.insert({ collection_name, data: rows.make(from, 1000, dims) })).status;
      } catch (error) {
        return error.status ?? error;
      }
    };
    let acknowledged = 0;
    let refused;
    while (!refused && acknowledged < 100_000) {
      const status = await insert(acknowledged);
      if (status.error_code === 'Success') acknowledged += 1000;
      else refused = status;
    }
    return { acknowledged, refused: { ...refused }, usage: (await navigator.storage.estimate()).usage };
  });
  console.log(`  refused after ${seen.acknowledged} rows (${(seen.usage / 2 ** 20).toFixed(1)} MB used): ${seen.refused.reason}`);
  assert.ok(seen.acknowledged > 0 && seen.acknowledged < 40_000, 'the quota is what the test set');
  assert.equal(seen.refused.code, 7);
  assert.equal(seen.refused.error_code, 'DiskQuotaExhausted');

  // The disk is still full: the store opens and serves all the same, and has what was acknowledged.
  await page.reload();
  const after = await page.evaluate(async acknowledged => {
    const { elanus, rows } = window;
    const collection_name = 'full';
    window.client = new elanus.MilvusClient('quota');
    await window.client.loadCollection({ collection_name });
    const counted = await rows.count(window.client, collection_name);
    const { data } = await window.client.query({ collection_name, filter: `id >= ${acknowledged}`, output_fields: ['id'] });
    const row = rows.make(1000, 1, { v: 256 })[0];
    const { results } = await window.client.search({ collection_name, data: row.v, limit: 1, output_fields: ['id'] });
    return { counted, beyond: data.length, found: results[0].id };
  }, seen.acknowledged);
  assert.deepEqual(after, { counted: seen.acknowledged, beyond: 0, found: '1000' });

  const again = await page.evaluate(async () => {
    const { client, rows } = window;
    rows.mustSucceed(await client.dropCollection({ collection_name: 'full' }));
    await rows.create(client, 'next', { v: 256 });
    const end = performance.now() + 10_000;
    for (;;) {
      // The browser accounts for what was deleted some time later.
      const answer = await client.insert({ collection_name: 'next', data: rows.make(0, 2000, { v: 256 }) }).catch(error => error);
      if (answer.status?.error_code === 'Success') return { inserted: answer.insert_cnt };
      if (performance.now() > end) return { refused: answer };
    }
  });
  assert.deepEqual(again, { inserted: '2000' });
  page.check();
});
