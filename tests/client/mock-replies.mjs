// What nodes of the mock browser answer to reads.
import { DataType } from '../../dist/client/index.js';
import { encodeBatch } from '../../target/modules/client/wire/batch.js';
import { writeColumn } from '../../target/modules/client/wire/column-writer.js';
import { ok } from './mock-browser.mjs';

export const batch = (rows, columns) => encodeBatch({ rows, columns: columns.map(([shape, values]) => writeColumn('c', shape, values)) });
export const counted = n => ({ body: { status: ok }, blobs: [batch(1, [[{ name: 'count(*)', type: DataType.Int64 }, [n]]])] });

/** `fields` are those that hits have beside `id`, as `[name, type, values]`; `others` are columns that are no fields. */
const hitsReply = (scores, ids, topks, fields, others) => {
  const found = [['id', DataType.Int64, ids], ...fields];
  const columns = [['$score', DataType.Float, scores], ...found, ...others];
  const results = { num_queries: String(topks.length), topks, output_fields: found.map(([name]) => name), primary_field_name: 'id' };
  return { body: { status: ok, results, session_ts: '0' }, blobs: [batch(ids.length, columns.map(([name, type, values]) => [{ name, type }, values]))] };
};

export const searchReply = (scores, ids, topks = [String(ids.length)], fields = []) => hitsReply(scores, ids, topks, fields, []);

/** What the client is to put together with other nodes' hits, as pages of an iterator always are. */
export const partReply = (scores, ids, given_of_bound = 0, fields = []) => {
  const reply = hitsReply(scores, ids, [String(ids.length)], fields, [['$key', DataType.Int64, ids]]);
  reply.body.results.given_of_bound = given_of_bound;
  return reply;
};
