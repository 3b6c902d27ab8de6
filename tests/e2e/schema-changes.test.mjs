// A loaded collection that changes, through the client of a page.
import assert from 'node:assert/strict';
import test from 'node:test';
import { openPage, startBrowserAndSite } from './support/browser.mjs';

const { browser, site } = await startBrowserAndSite(test);

test('a field is added to a loaded collection, and its rows get a time to live', { timeout: 30_000 }, async () => {
  const page = await openPage(await browser.newContext(), site.url);
  const seen = await page.evaluate(async () => {
    const { elanus, rows } = window;
    const client = new elanus.MilvusClient('changes');
    const collection_name = 'book';
    const ids = async filter => (await client.query({ collection_name, filter, output_fields: ['id', 'shelf'] })).data;
    await rows.create(client, collection_name, { v: 2 });
    await client.insert({ collection_name, data: [{ id: 1, v: [1, 0] }] });
    await client.flushSync({ collection_names: [collection_name] });
    await client.insert({ collection_name, data: [{ id: 2, v: [2, 0] }] });
    await client.loadCollection({ collection_name });
    const field = { name: 'shelf', data_type: 'VarChar', max_length: 20, nullable: true };
    const added = await client.addCollectionField({ collection_name, field });
    await client.insert({ collection_name, data: [{ id: 3, v: [3, 0], shelf: 'top' }] });
    const before = [added.error_code, await ids('shelf is null'), await ids('shelf == "top"')];
    const ttl = async seconds => client.alterCollectionProperties({ collection_name, properties: { 'collection.ttl.seconds': seconds } });
    await ttl(1);
    await new Promise(resolve => setTimeout(resolve, 1500));
    const expired = await ids('id > 0');
    await client.dropCollectionProperties({ collection_name, properties: ['collection.ttl.seconds'] });
    const back = await ids('id > 0');
    await client.closeConnection();
    return { before, expired, back: back.length };
  });
  const none = [{ id: '1', shelf: null }, { id: '2', shelf: null }];
  assert.deepEqual(seen, { before: ['Success', none, [{ id: '3', shelf: 'top' }]], expired: [], back: 3 });
  page.check();
});
