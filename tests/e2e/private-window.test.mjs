// In a private window each read of a file is a call to the browser's main process. So nothing stays in files there.
import assert from 'node:assert/strict';
import test from 'node:test';
import { openPage, startBrowserAndSite } from './support/browser.mjs';

// Playwright's contexts are private windows.
const { browser, site } = await startBrowserAndSite(test);

/** Each finds out anew whether reads are slow, on a machine that may be busy or not. */
const STORES = 12;
const COUNT = 2500;
const dims = { v: 16 };

test('vectors are in memory, whatever may stay in files', async () => {
  const page = await openPage(await browser.newContext(), site.url);
  for (let number = 0; number < STORES; number += 1) {
    const bytes = await page.evaluate(
      async ({ address, COUNT, dims }) => {
        const { elanus, rows } = window;
        const collection_name = 'mapped';
        const client = new elanus.MilvusClient(address);
        await rows.create(client, collection_name, dims);
        rows.mustSucceed(await client.alterCollectionProperties({ collection_name, properties: { 'mmap.enabled': true } }));
        rows.mustSucceed(await client.insert({ collection_name, data: rows.make(0, COUNT, dims) }));
        rows.mustSucceed(await client.flush({ collection_names: [collection_name] }));
        const isIndexed = async () => {
          const { index_descriptions: [index] } = rows.mustSucceed(await client.describeIndex({ collection_name, field_name: 'v' }));
          return index.state === 'Finished';
        };
        while (!(await isIndexed())) await new Promise(resolve => setTimeout(resolve, 20));
        rows.mustSucceed(await client.loadCollection({ collection_name }));
        let usage;
        do [usage] = rows.mustSucceed(await client.getMemoryUsage({ collection_name })).collections;
        while (usage.awaited_bytes > 0);
        await client.closeConnection();
        return usage.bytes;
      },
      { address: `private-${number}`, COUNT, dims }
    );
    assert.ok(bytes > COUNT * dims.v * Float32Array.BYTES_PER_ELEMENT, `store ${number} has ${bytes} bytes in memory`);
  }
  page.check();
});
