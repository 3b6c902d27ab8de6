// The SDK itself says what is right: constants, helpers, and refusals of bad arguments before anything is sent.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import test from 'node:test';
import * as ours from '../../dist/client/index.js';

const sdk = createRequire(import.meta.url)('@zilliz/milvus2-sdk-node');

/** Names of the SDK that a browser package leaves out, with the reason. */
const LEFT_OUT = {
  'needs gRPC, protobuf or connection pools': ['getGRPCService', 'getMetaInterceptor', 'getRetryInterceptor', 'getRequestMetadataInterceptor', 'getTraceInterceptor', 'LOADER_OPTIONS', 'GRPCClient', 'promisify', 'FAILOVER_HANDLER_KEY', 'TELEMETRY_MANAGER_KEY', 'setPoolTelemetryManager', 'setPoolFailoverHandler', 'isInIgnoreRetryCodes'],
  'reads or writes protobuf messages, which the workers do not speak': ['processVectorData', 'processScalarData', 'processStructArraysData', 'buildFieldDataMap', 'buildFieldData', 'buildSearchRequest', 'formatSearchResult', 'buildPlaceholderGroupBytes'],
  'telemetry to a server': ['withTelemetryLogicalOperation', 'withTelemetrySuppressed', 'ClientTelemetryManager'],
  'several clusters': ['MilvusClientSession', 'ClusterCapability', 'GLOBAL_CLUSTER_IDENTIFIER', 'DEFAULT_REFRESH_INTERVAL', 'isPrimaryCluster', 'getPrimaryCluster', 'isGlobalEndpoint', 'fetchTopology', 'TopologyRefresher'],
  'REST client': ['HttpError', 'HttpBaseClient', 'HttpClient'],
  'writes files on a disk or to a cloud volume': ['BulkWriter', 'VolumeManager', 'ColumnBuffer', 'JsonFormatter', 'ParquetFormatter', 'LocalStorage'],
  'blobs for filter functions that the engine does not have': ['buildBloomFilter', 'BloomFilterBuilder', 'estimateBloomFilterSize', 'BLOOM_FILTER_MIN_FPR', 'BLOOM_FILTER_MAX_FPR', 'BLOOM_FILTER_DEFAULT_FPR', 'buildRoaringBitmap', 'RoaringBitmapBuilder'],
  'winston': ['logger'],
};

test('every other name of the SDK is exported, constants with equal values', () => {
  const leftOut = new Set(Object.values(LEFT_OUT).flat());
  for (const name of Object.keys(sdk)) {
    if (leftOut.has(name)) {
      assert.equal(name in ours, false, `${name} is exported and listed as left out`);
      continue;
    }
    assert.ok(name in ours, `${name} is missing`);
    if (typeof sdk[name] !== 'function') assert.deepEqual(ours[name], sdk[name], name);
  }
});

const outcome = call => {
  try {
    return JSON.parse(JSON.stringify({ value: call() }, (_, v) => (typeof v === 'bigint' ? String(v) : ArrayBuffer.isView(v) ? [...new Uint8Array(v.buffer, v.byteOffset, v.byteLength)] : v && v.type === 'Buffer' && Array.isArray(v.data) ? v.data : v)));
  } catch (error) {
    return { name: error.name, message: error.message };
  }
};

const field = { name: 'v', data_type: 'FloatVector', dim: 4 };
const HELPERS = {
  findKeyValue: [[[{ key: 'a', value: '1' }], 'a'], [[], 'a']],
  formatKeyValueData: [[[{ key: 'a', value: '1' }], ['a', 'b']]],
  parseToKeyValue: [[{ a: 1, b: { c: 2 } }], [{ a: 1, b: { c: 2 }, d: null }, true], [undefined]],
  normalizeOrderByFields: [['a:asc'], [['a', { field: 'b' }, { field: 'c', order: 'desc' }]], [5], [[5]], [[{}]], [null]],
  formatNumberPrecision: [[3.1738998889923096, 3], [5, 2], [-0.99999, 2], [1e-7, 3]],
  checkTimeParam: [['5'], ['a'], [5n], [5]],
  hybridtsToUnixtime: [['429642767925248000'], ['x']],
  unixtimeToHybridts: [['1645093443'], [1]],
  datetimeToHybrids: [[new Date(1645093443000)], ['x']],
  stringToBase64: [['täst🦅']],
  formatAddress: [['http://localhost:19530'], ['https://a:1'], ['a:1']],
  parseTimeToken: [['30s'], ['2m'], ['1h'], ['1d'], ['1w'], ['1M'], ['1Y'], ['5x']],
  extractMethodName: [['/a/b/C'], ['C']],
  getAuthString: [[{ username: 'a', password: 'b' }], [{ token: 't' }], [{}]],
  convertToDataType: [['Int64'], [5], ['Nope'], [106]],
  getDataKey: [[5], [101], [101, true], [26, true], [999]],
  assignTypeParams: [[{ name: 'a', data_type: 5, dim: 4, analyzer_params: { type: 'x' } }], [{ name: 'a', data_type: 5 }]],
  buildDefaultSchema: [[{ primary_field_name: 'id', id_type: 5, vector_field_name: 'v', dimension: 4, auto_id: true }]],
  formatFunctionSchema: [[{ name: 'f', type: 'BM25', input_field_names: ['a'], params: { k: 1 } }]],
  checkCollectionFields: [[[{ name: 'id', data_type: 5, is_primary_key: true }, field]], [[{ name: 'id', data_type: 5 }, field]], [[{ name: 'id', data_type: 5, is_primary_key: true }]], [[{ name: 'x' }]], [[{ name: 'x', data_type: 'FloatVector' }]], [[{ name: 'x', data_type: 'BinaryVector', dim: 9 }]], [[{ name: 'x', data_type: 'VarChar' }]], [[{ name: 'x', data_type: 'Int8', is_partition_key: true }]], [[{ name: 'x', data_type: 'Wrong' }]], [[{ name: 'id', data_type: 5, is_primary_key: true }, field, { name: 'a', data_type: 5, is_partition_key: true }, { name: 'b', data_type: 5, is_partition_key: true }]]],
  checkCollectionName: [[{}], [null], [{ collection_name: 'a' }]],
  checkCollectionAndPartitionName: [[{ collection_name: 'a' }], [null]],
  checkSearchParams: [[{ collection_name: 'a' }], [{}], [{ collection_name: 'a', data: [1] }]],
  validatePartitionNumbers: [[0], [4097], [5]],
  isVectorType: [[100], [105], [106], [5]],
  isInvalidMessage: [[{ code: 5 }, [5]], [{ status: { code: 5 } }, [5]], [{}, [5]]],
  getValidDataArray: [[[1, null, undefined, 0], 4]],
  isValidClientRequestId: [['0'.repeat(32)], ['a'.repeat(32)], [5]],
  extractRequestMetadata: [[{ client_request_id: 'x' }], [{}]],
  getSparseDim: [[[{ 1: 1, 2: 2 }, { 3: 1 }]]],
  getPKFieldExpr: [[{ pkField: { name: 'id', data_type: 'Int64' }, value: 5 }], [{ pkField: { name: 'k', data_type: 'VarChar' }, value: 'a', condition: '>', expr: 'x > 1' }]],
  getQueryIteratorExpr: [[{ expr: '', pkField: { name: 'id', data_type: 'Int64' } }], [{ expr: 'a > 1', pkField: { name: 'k', data_type: 'VarChar' }, lastPKId: 'z' }], [{ expr: '', pkField: { name: 'k', data_type: 'VarChar' } }]],
  RRFRanker: [[], [10]],
  WeightedRanker: [[[0.1, 0.9]]],
  convertRerankParams: [[{ strategy: 'rrf', params: { k: 5 } }]],
  createFunctionScore: [[undefined], [{ strategy: 'rrf', params: {} }], [{ name: 'f', type: 3, params: { a: { b: 1 } } }], [{ functions: [{ name: 'f', type: 3, params: {} }], params: { m: 'sum' } }]],
  buildHighlighter: [[{ type: 0, pre_tags: ['<b>'] }]],
  isHybridSearchRequest: [[{ data: [{ anns_field: 'a' }] }], [{ data: [[1]] }], [{}]],
  buildSearchParams: [[{ limit: 5, params: { ef: 10 } }, 'v'], [{ topk: 3, group_by_field: 'g', group_size: 2, strict_group_size: true, hints: 'h', order_by_fields: [{ field: 'a' }] }]],
  formatSearchData: [[[1, 2], { _placeholderType: 101 }], [[[1, 2], [3, 4]], { _placeholderType: 101 }], ['text', { is_function_output: true }], [{ 1: 0.5 }, { _placeholderType: 104 }], [[{ 1: 0.5 }, { 2: 1 }], { _placeholderType: 104 }], [[[1, 2], [3, 4]], { _placeholderType: 301 }], [[[[1, 2]], [[3, 4]]], { _placeholderType: 301 }]],
  formatExprValues: [[{ a: 1, b: 1.5, c: 's', d: true, e: [1, 2], f: ['x'], g: [[1], [2]], h: undefined, i: [{ k: 1 }], j: [] }], [{ a: null }], [{ a: {} }]],
  buildSearchAggregation: [[{ fields: ['a'], size: 3 }], [{ fields: [], size: 3 }], [{ fields: ['a'], size: 0 }], [{ fields: ['a'], size: 1, metrics: { m: { op: 'avg', field_name: 'x' } }, order: [{ key: 'm', direction: 'asc' }], top_hits: { size: 2 } }], [{ fields: ['a'], size: 1, order: [{ key: 'q', direction: 'asc' }] }], [{ fields: ['a[b]'], size: 1 }], [{ fields: ['a'], size: 1, metrics: { m: { op: 'x', field_name: 'x' } } }]],
  f32ArrayToF32Bytes: [[[1, 0.1]]],
  f32ArrayToBinaryBytes: [[[1, 255]]],
  f32ArrayToF16Bytes: [[[0, -0, 1, 0.1, -0.1, 65504, 65519, 65520, 1e-8, 6e-8, 2 ** -14, 2 ** -14 * 0.9999, 0.33325, 2049, 2051, Infinity, -Infinity, NaN, 3.14159, 1 - 2 ** -12]]],
  f16BytesToF32Array: [[new Uint8Array([0, 60, 0, 188, 1, 0, 255, 123, 0, 124])]],
  f32ArrayToBf16Bytes: [[[1, 0.1, -5.5, 3e38]]],
  bf16BytesToF32Array: [[new Uint8Array([128, 63, 205, 61])]],
  getSparseFloatVectorType: [[[1]], [[]], [[{ index: 1, value: 1 }]], [{ indices: [], values: [] }], [{ 1: 1 }], [{ a: 'x' }], [[{ 1: 1 }]]],
  sparseToBytes: [[[undefined, 0.5, 1]], [{ 5: 0.25 }], [{ indices: [1], values: [2] }], [[{ index: 3, value: 1 }]], [{ '-1': 1 }]],
  f32ArrayToInt8Bytes: [[[1.4, -1.6, 127]]],
  int8VectorRowsToBytes: [[[[1, 2], [3, 4]]]],
};

test('helpers answer and refuse as the SDK does', () => {
  for (const [name, calls] of Object.entries(HELPERS)) {
    for (const args of calls) {
      const [a, b] = [args, args].map(list => structuredClone(list));
      assert.deepEqual(outcome(() => ours[name](...a)), outcome(() => sdk[name](...b)), `${name}(${JSON.stringify(args, (_, v) => (typeof v === 'bigint' ? `${v}n` : v))})`);
    }
  }
});

test('random halves and bfloats equal the SDK', () => {
  let seed = 7;
  const random = () => (seed = (seed * 1103515245 + 12345) % 2147483648) / 2147483648;
  const values = Array.from({ length: 2000 }, () => (random() - 0.5) * 10 ** Math.floor(random() * 12 - 8));
  assert.deepEqual([...ours.f32ArrayToF16Bytes(values)], [...sdk.f32ArrayToF16Bytes(values)]);
  assert.deepEqual([...ours.f32ArrayToBf16Bytes(values)], [...sdk.f32ArrayToBf16Bytes(values)]);
});

test('formatDescribedCol gives the SDK\'s shape', () => {
  const plain = { type_params: [], index_params: [], is_primary_key: false, description: '', autoID: false, state: 'FieldCreated', element_type: 'None', default_value: null, is_function_output: false, nullable: false };
  const raw = {
    status: { error_code: 'Success', code: 0, reason: '' }, collection_name: 'c', properties: [], consistency_level: 'Bounded', do_physical_backfill: false,
    schema: {
      name: 'c', do_physical_backfill: false, enable_dynamic_field: true, functions: [],
      fields: [
        { ...plain, fieldID: '100', name: 'id', data_type: 'Int64', is_primary_key: true },
        { ...plain, fieldID: '101', name: 'v', data_type: 'FloatVector', type_params: [{ key: 'dim', value: '2' }] },
        { ...plain, fieldID: '102', name: 's', data_type: 'SparseFloatVector', is_function_output: true },
      ],
      struct_array_fields: [
        { fieldID: '103', name: 'st', type_params: [], fields: [
          { ...plain, name: 'x', data_type: 'Array', element_type: 'Int8', type_params: [{ key: 'max_capacity', value: '3' }] },
          { ...plain, name: 'w', data_type: 'ArrayOfVector', element_type: 'FloatVector', type_params: [{ key: 'dim', value: '2' }, { key: 'max_capacity', value: '3' }] },
        ] },
      ],
    },
  };
  raw.schema.fields[0].default_value = { data: 'long_data', long_data: '5' };
  assert.deepEqual(JSON.parse(JSON.stringify(ours.formatDescribedCol(raw))), JSON.parse(JSON.stringify(sdk.formatDescribedCol(raw))));
});

test('schemas are formatted as the SDK formats them', () => {
  const create = { create: shape => shape };
  const types = { fieldSchemaType: create, functionSchemaType: create, structArrayFieldSchemaType: create };
  const request = {
    collection_name: 'c', description: 'd', enable_dynamic_field: true, partition_key_field: 'k',
    functions: [{ name: 'f', type: 'BM25', input_field_names: ['k'], output_field_names: ['s'], params: { x: 1 } }],
    fields: [
      { name: 'id', data_type: 'Int64', is_primary_key: true, autoID: true },
      { name: 'v', data_type: 'FloatVector', dim: 4, 'mmap.enabled': true },
      { name: 'k', data_type: ours.DataType.VarChar, max_length: 10, default_value: 'x', nullable: true },
      { name: 's', data_type: 'SparseFloatVector' },
      { name: 'a', data_type: 'Array', element_type: 'Int64', max_capacity: 3 },
      { name: 'st', data_type: ours.DataType.Array, element_type: ours.DataType.Struct, max_capacity: 3, fields: [{ name: 'x', data_type: 'Int8' }] },
    ],
  };
  const plain = shape => JSON.parse(JSON.stringify(shape));
  assert.deepEqual(plain(ours.formatCollectionSchema(request, types)), plain(sdk.formatCollectionSchema(request, types)));
});

// Calls that both must refuse before they send anything.
const BAD_CALLS = [
  ['loadCollection', {}], ['loadCollection', null], ['loadCollectionSync', { collection_name: '' }], ['loadCollectionAsync', undefined],
  ['releaseCollection', {}], ['getLoadState', {}], ['getLoadState', undefined], ['getLoadingProgress', {}], ['describeCollection', {}], ['hasCollection', {}],
  ['getCollectionStatistics', {}], ['dropCollection', {}], ['truncateCollection', {}], ['alterCollectionProperties', {}],
  ['createAlias', {}], ['createAlias', { collection_name: 'c' }], ['alterAlias', { collection_name: 'c' }], ['describeAlias', { collection_name: 'c' }], ['listAliases', {}], ['dropAlias', {}],
  ['compact', {}], ['getCompactionState', {}], ['getCompactionStateWithPlans', {}], ['getReplicas', {}],
  ['createPartition', {}], ['createPartition', { collection_name: 'c' }], ['hasPartition', {}], ['listPartitions', {}], ['getPartitionStatistics', {}], ['dropPartition', {}],
  ['loadPartitions', {}], ['loadPartitions', { collection_name: 'c' }], ['loadPartitions', { collection_name: 'c', partition_names: [] }], ['releasePartitions', { collection_name: 'c' }], ['loadPartitionsSync', {}],
  ['createIndex', {}], ['describeIndex', {}], ['listIndexes', {}], ['getIndexState', {}], ['getIndexBuildProgress', {}], ['getIndexStatistics', {}], ['dropIndex', {}], ['alterIndexProperties', {}],
  ['insert', {}], ['insert', { collection_name: 'c' }], ['insert', { collection_name: 'c', data: [] }], ['insert', { collection_name: 'c', fields_data: {} }], ['upsert', { collection_name: 'c', data: [{ id: 1 }], field_ops: [{ op: 1 }] }], ['upsert', { collection_name: 'c', data: [{ id: 1 }], field_ops: [{ field_name: 'a', op: 'NOPE' }] }],
  ['delete', {}], ['deleteEntities', {}], ['deleteEntities', { collection_name: 'c' }],
  ['search', {}], ['query', {}], ['query', { collection_name: 'c', group_by_fields: 'a' }], ['get', {}],
  ['flush', {}], ['flush', { collection_names: [] }], ['flushSync', {}], ['getFlushState', {}], ['getFlushAllState', {}], ['getMetric', {}], ['getMetric', { request: {} }],
  ['getQuerySegmentInfo', {}], ['getPersistentSegmentInfo', {}], ['bulkInsert', {}], ['bulkInsert', { collection_name: 'c' }], ['listImportTasks', {}],
  ['createSnapshot', {}], ['createSnapshot', { collection_name: 'c' }], ['restoreSnapshot', {}], ['restoreSnapshot', { snapshot_name: 's' }], ['getRestoreSnapshotState', {}],
  ['createCollection', {}], ['_createCollection', { collection_name: 'c' }], ['_createCollection', { collection_name: 'c', fields: [{ name: 'id', data_type: 5 }] }],
  ['_createCollection', { collection_name: 'c', num_partitions: 0, fields: [{ name: 'id', data_type: 5, is_primary_key: true }, field] }],
  ['addCollectionField', {}], ['addCollectionField', { collection_name: 'c', field: { name: 'v', data_type: 'FloatVector', dim: 4 } }], ['addCollectionField', { collection_name: 'c', field: { name: 'v', data_type: 'Nope' } }],
  ['addFunctionField', { collection_name: 'c' }], ['addFunctionField', { collection_name: 'c', field, function: { name: 'f', type: 'RERANK' } }], ['addFunctionField', { collection_name: 'c', field, function: { name: 'f', type: 'BM25' } }],
  ['dropCollectionField', { collection_name: 'c' }], ['dropFunctionField', { collection_name: 'c' }], ['addCollectionFunction', { collection_name: 'c' }], ['alterCollectionFunction', { collection_name: 'c' }], ['dropCollectionFunction', { collection_name: 'c' }],
];

test('bad arguments are refused with the SDK\'s errors', async () => {
  const config = { address: 'localhost:1', __SKIP_CONNECT__: true, maxRetries: 0 };
  const a = new ours.MilvusClient({ ...config });
  const b = new sdk.MilvusClient({ ...config });
  const refusal = async (client, method, args) => {
    const timer = new Promise(resolve => setTimeout(resolve, 500, 'sent'));
    const call = Promise.resolve().then(() => client[method](args)).then(value => ({ value }), error => ({ name: error.name, message: error.message }));
    return Promise.race([call, timer]);
  };
  for (const [method, args] of BAD_CALLS) {
    const [one, two] = [await refusal(a, method, structuredClone(args)), await refusal(b, method, structuredClone(args))];
    assert.notEqual(two, 'sent', `${method} ${JSON.stringify(args)}: the SDK sends this`);
    // What is a TypeError of the SDK's own is not copied.
    if (two.name === 'TypeError') assert.ok(one.message, method);
    else assert.deepEqual(one, two, `${method}(${JSON.stringify(args)})`);
  }
  assert.throws(() => new ours.MilvusClient({ address: '' }), { message: sdk.ERROR_REASONS.MILVUS_ADDRESS_IS_REQUIRED });
  assert.deepEqual(ours.MilvusClient.sdkInfo, sdk.MilvusClient.sdkInfo);
  await b.closeConnection();
});

test('every public method of the SDK exists', () => {
  const client = new ours.MilvusClient({ address: 'x', __SKIP_CONNECT__: true });
  const theirs = new sdk.MilvusClient({ address: 'localhost:1', __SKIP_CONNECT__: true });
  const names = new Set(Object.keys(theirs).filter(key => typeof theirs[key] === 'function'));
  for (let proto = Object.getPrototypeOf(theirs); proto !== Object.prototype; proto = Object.getPrototypeOf(proto)) {
    for (const key of Object.getOwnPropertyNames(proto)) names.add(key);
  }
  const internal = /^(_(?!create)|constructor|get(CollectionInfoCacheKey|Telemetry$)|metadataListener|invalidateCollectionInfo|callAlterCollectionSchema|normalizeFieldOps|createChannelPool|createTelemetryClient|replaceTelemetryClient|disposeChannelPool|sendTelemetryHeartbeat|applyServerInfo|isLifecycleCurrent|schemaProto|milvusProto)/;
  const missing = [...names].filter(name => !internal.test(name) && typeof client[name] !== 'function');
  assert.deepEqual(missing, []);
});

test('server-only methods reject with code 10', async () => {
  const client = new ours.MilvusClient({ address: 'x', __SKIP_CONNECT__: true });
  await assert.rejects(client.createUser({ username: 'a', password: 'b' }), { code: 10, error_code: 'UnexpectedError', reason: 'service unimplemented: createUser is not available in the browser' });
});
