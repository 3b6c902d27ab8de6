// Programs written against the SDK's types compile against ours, and the browser's additions are accepted.

import { DataType, MilvusClient, type MutationResult, type ResStatus } from '../../www/client/index.js';
import type * as sdk from '@zilliz/milvus2-sdk-node';
import type * as ours from '../../www/client/index.js';

type Expect<T extends true> = T;
type Extends<A, B> = [A] extends [B] ? true : false;

export type Enums = [
  Expect<Extends<sdk.DataType, ours.DataType>>,
  Expect<Extends<ours.LoadState, sdk.LoadState>>,
  Expect<Extends<typeof ours.ErrorCode, typeof sdk.ErrorCode>>,
  Expect<Extends<sdk.FunctionFieldIndexParams, ours.FunctionFieldIndexParams>>,
  Expect<Extends<typeof ours.ERROR_REASONS, typeof sdk.ERROR_REASONS>>,
  Expect<Extends<ours.SearchResultData[], ours.SearchResults<{ collection_name: string; data: number[] }>['results']>>,
  Expect<
    Extends<
      ours.SearchResults<{ collection_name: string; data: number[][] }>,
      sdk.SearchResults<{ collection_name: string; data: number[][] }>
    >
  >,
];

export async function additions(client: MilvusClient, file: File, bytes: Uint8Array): Promise<ResStatus> {
  await using other = new MilvusClient({ address: 'indexeddb://library', durability: 'strict' });
  const signal = AbortSignal.timeout(1000);
  await other.loadCollection({ collection_name: 'book', signal, load_fields: ['id', 'v'] });
  await client.insert({ collection_name: 'book', data: [{ id: 2n ** 60n, v: new Float32Array(4), other: { low: 1, high: 0 } }] });
  await client.insert({ collection_name: 'book', data: [{ id: '1152921504606846976', v: [1, 2, 3, 4], tags: ['a'], none: null }] });
  await client.delete({ collection_name: 'book', ids: [1n, '2', 3] });
  await client.count({ collection_name: 'book', filter: 'id < {most}', exprValues: { most: 5 } });
  await client.bulkInsert({ collection_name: 'book', files: [file, 'rows.json', bytes, { name: 'rows.csv', data: bytes }] });
  const { results } = await client.search({ collection_name: 'book', data: new Float32Array(4), limit: 10 });
  const score: number = results[0]!.score;
  await client.createCollection({ collection_name: 'n', fields: [{ name: 'id', data_type: DataType.Int64, is_primary_key: score > 0 }] });
  return client.dropCollection({ collection_name: 'book' });
}

interface Doc {
  title: string;
  tags: string[];
}

/** Objects may have types of the program's own. */
export async function givesObjects(client: MilvusClient, doc: Doc): Promise<MutationResult> {
  await client.runAnalyzer({ text: doc.title, analyzer_params: doc });
  const rerank: ours.FunctionObject = { name: 'newest', type: 'Rerank', input_field_names: ['at'], params: doc };
  await client.search({ collection_name: 'book', data: [1, 2, 3, 4], rerank });
  const data = [{ id: 1, doc, docs: [doc], at: new Date(), mixed: [1, 'a', null], numbers: new Float64Array(2), nested: { doc } }];
  return client.insert({ collection_name: 'book', data });
}

/** What a field holds is known to the program alone. */
export async function readsFields(client: MilvusClient): Promise<string> {
  const query = await client.query({ collection_name: 'book', filter: 'id > 0' });
  const docs = query.data as Doc[];
  const { results } = await client.search({ collection_name: 'book', data: [1, 2, 3, 4] });
  const titles: string[] = [docs[0]!.title, query.data[0]!.title, results[0]!.title.trim()];
  for await (const batch of await client.queryIterator({ collection_name: 'book', batchSize: 10 })) titles.push(batch[0]!.tags[0]);
  const all: Doc[] = [];
  for await (const batch of await client.queryIterator({ collection_name: 'book', batchSize: 10 })) {
    const docs: Doc[] = batch;
    all.push(...batch, ...docs);
  }
  for await (const batch of await client.searchIterator({ collection_name: 'book', data: [1, 2, 3, 4], batchSize: 10 })) {
    const hits: (Doc & { score: number })[] = batch;
    all.push(...batch, ...hits);
    batch.forEach((doc: Doc) => all.push(doc));
  }
  const pages: AsyncIterable<Doc[]> = await client.queryIterator({ collection_name: 'book', batchSize: 10 });
  const { value } = await pages[Symbol.asyncIterator]().next();
  const { usernames } = await client.listUsers();
  return titles.concat(usernames, value[0].title, all[0]!.title).join();
}

/** As is what the engine tells of itself. */
export async function readsDetails(client: MilvusClient): Promise<number[]> {
  const { data, status } = await client.getCollectionStatistics({ collection_name: 'book' });
  const { response } = await client.getMetric({ request: { metric_type: 'system_info' } });
  const flushed = await client.flushAll();
  const rows: number = data.row_count;
  const reported: number = status.extra_info.report_value;
  return [rows, reported, response.nodes_info.length, flushed.flush_all_msgs.channel.length];
}

/** What is exported makes the same collection here and on a server. */
export async function movesCollection(client: MilvusClient, server: sdk.MilvusClient): Promise<void> {
  const { status, schema, index_params, files, options } = await client.exportCollection({ collection_name: 'book', format: 'jsonl' });
  if (!schema) throw new Error(status.reason);
  await client.createCollection({ ...schema, collection_name: 'copy' });
  await server.createCollection({ ...schema, collection_name: 'copy' });
  for (const index of index_params) {
    await client.createIndex({ ...index, collection_name: 'copy' });
    await server.createIndex({ ...index, collection_name: 'copy' });
  }
  await client.bulkInsert({ collection_name: 'copy', files, options });
}
