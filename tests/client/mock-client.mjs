// A client of the mock browser, whose coordinator knows one collection. A test file that imports this starts each test anew.
import { afterEach, beforeEach } from 'node:test';
import { MilvusClient } from '../../dist/client/index.js';
import { MockWorker, connectHandlers, install, ok, startNode } from './mock-browser.mjs';

export const SCHEMA = {
  name: 'c',
  enable_dynamic_field: true,
  fields: [
    { name: 'id', data_type: 'Int64', is_primary_key: true, type_params: [], element_type: 'None', default_value: null },
    { name: 'v', data_type: 'FloatVector', type_params: [{ key: 'dim', value: '2' }], index_params: [], element_type: 'None', default_value: null },
  ],
  struct_array_fields: [],
};
export const describe = ({ collection_name }) =>
  collection_name === 'c'
    ? { body: { status: ok, collection_name: 'c', schema: SCHEMA, properties: [], consistency_level: 'Bounded', update_timestamp_str: '9', collectionID: '5' } }
    : { body: { status: { ...ok, error_code: 'UnexpectedError', code: 100, reason: "can't find collection" }, collection_name } };

let clients = [];
let nodes = [];
export const open = (config = {}) => {
  const client = new MilvusClient({ address: 'indexeddb://s', ...config });
  clients.push(client);
  return client;
};
export const node = handlers => {
  const started = startNode(handlers);
  nodes.push(started);
  return started;
};
export const route = (...served) => () => ({ body: { status: ok, collection_id: '5', load_version: '1', nodes: served.map(n => n.id) }, ports: served.map(n => n.newPort()) });

beforeEach(() => {
  install();
  MockWorker.handlers = { ...connectHandlers, DescribeCollection: describe };
});
afterEach(async () => {
  for (const client of clients) await client.closeConnection();
  for (const n of nodes) n.kill();
  clients = [];
  nodes = [];
});
