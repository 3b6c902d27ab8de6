// The two sides of a comparison: collections of a page and of a server, asked by the same calls, with answers of plain values.
import { join } from 'node:path';
import { openPage, startBrowserAndSite, until } from '../e2e/support/browser.mjs';
import { fromJson, toJson } from './plain.mjs';

const ended = new Set(['ImportCompleted', 'ImportFailed', 'ImportFailedAndCleaned']);

function mustSucceed(method, answer) {
  const status = answer.status ?? answer;
  if (status.error_code !== 'Success') throw new Error(`${method}: ${status.error_code} ${status.code}: ${status.reason}`);
  return answer;
}

class ServersCollection {
  constructor(client, put, name) {
    Object.assign(this, { client, put, name });
  }

  async call(method, request) {
    const answer = await this.client[method]({ ...request, collection_name: this.name });
    return fromJson(toJson(mustSucceed(method, answer)));
  }

  /** Why the files were refused, or undefined once their rows are there. */
  async import(files, request = {}) {
    const folder = join(this.name, request.partition_name ?? '');
    const paths = files.map(({ name, bytes }) => this.put(join(folder, name), bytes));
    const begun = await this.client.bulkInsert({ ...request, collection_name: this.name, files: paths });
    if (begun.status.error_code !== 'Success') return begun.status.reason;
    const last = async () => {
      const state = mustSucceed('getImportState', await this.client.getImportState({ task: begun.tasks[0] }));
      return ended.has(state.state) && state;
    };
    const { state, infos } = await until(last, `the import into ${this.name}`, 120_000, 200);
    if (state === 'ImportCompleted') return undefined;
    return infos.find(({ key }) => key === 'failed_reason')?.value || state;
  }
}

class PagesCollection {
  constructor(page, name) {
    Object.assign(this, { page, name });
  }

  async call(method, request) {
    const given = [method, { ...request, collection_name: this.name }];
    const ask = async ([method, request]) => {
      const { toJson } = await import('/milvus/plain.mjs');
      return toJson(await window.client[method](request));
    };
    return mustSucceed(method, fromJson(await this.page.evaluate(ask, given)));
  }

  async export(request) {
    const ask = async request => {
      const { files, ...rest } = await window.client.exportCollection(request);
      return { ...rest, files: await Promise.all(files.map(async file => ({ name: file.name, bytes: new Uint8Array(await file.arrayBuffer()) }))) };
    };
    const { files, ...rest } = mustSucceed('exportCollection', await this.page.evaluate(ask, { ...request, collection_name: this.name }));
    return { ...rest, files: files.map(({ name, bytes }) => ({ name, bytes: Buffer.from(bytes) })) };
  }
}

export const onServer = (client, put) => ({ of: name => new ServersCollection(client, put, name) });

export async function inPage(after) {
  const { browser, site } = await startBrowserAndSite({ after }, { '/milvus/': import.meta.dirname });
  const page = await openPage(await browser.newContext(), site.url);
  await page.evaluate(() => void (window.client = new window.elanus.MilvusClient('milvus')));
  return { of: name => new PagesCollection(page, name) };
}
