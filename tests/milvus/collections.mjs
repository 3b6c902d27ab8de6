// Collections that are made in the browser and moved to a server: all that a server of 2.3 knows, and what is hard to write down
// in a file. Their rows are JSON.
import { DataType } from '@zilliz/milvus2-sdk-node';
import { random } from '../e2e/pages/random.mjs';

const int64 = { least: `${-(2n ** 63n)}`, most: `${2n ** 63n - 1n}`, odd: `${2n ** 53n + 1n}` };

/** Each of them is for one row; the other rows have what `otherwise` gives. */
const rare = (values, otherwise) => n => (n < values.length ? values[n] : otherwise(n));

const texts = [
  '', ' ', '"', '""', "'", '\\', '\\n', '\n', '\r\n', '\r', '\t', ',', 'a,b', '"a","b"', 'line one\nline "two"\n', '\\N', 'NULL', 'null', '\u2028\u2029',
  'é', 'e\u0301', '漢字', '😀👩‍👩‍👧', '\u0001\u001f', '\u007f', '\ufeffmark', '\uffff', '{"a": 1}', '[]', '${x}', '<b>&amp;</b>', '../..', '0', 'true', 'a'.repeat(300),
];
const floats = [0, -0, 0.1, -0.1, 1e-45, -1e-45, 1.1754943508222875e-38, 3.4028234663852886e38, -3.4028234663852886e38, 16777217, 1 / 3];
const doubles = [0, -0, 0.1, 5e-324, -5e-324, 2.2250738585072014e-308, Number.MAX_VALUE, -Number.MAX_VALUE, 2 ** 53, 1e21, 1e-7, 123456789.12345679];
const objects = [
  {}, { a: null }, { a: [] }, { a: { b: { c: [1, [2, { d: 'é"\n' }]] } } }, { 'a b': 1, 'ключ': 2, '"': 3, '\\': 4, '': 5 }, { n: -0.5, m: 1e300, o: 9007199254740991 },
  { t: true, f: false }, { s: 'a\nb\t"c"\\ 😀 <&>' },
];
const dynamics = [{}, { color: 'red' }, { color: '' }, { 'two words': 'é😀"\n' }, { deep: { a: [1, null, 'x'] } }, { color: null }, { count: 5, ratio: -0.25, ok: true }];

const key = { name: 'id', data_type: DataType.Int64, is_primary_key: true };
const vector = dim => ({ name: 'v', data_type: DataType.FloatVector, dim });
const vectors = (seed, dim) => {
  const next = random(seed);
  return Array.from({ length: dim }, () => Math.fround(next() * 2 - 1));
};

const scalars = [
  key,
  { name: 'flag', data_type: DataType.Bool },
  { name: 'i8', data_type: DataType.Int8 },
  { name: 'i16', data_type: DataType.Int16 },
  { name: 'i32', data_type: DataType.Int32 },
  { name: 'i64', data_type: DataType.Int64, description: 'all of its digits' },
  { name: 'f', data_type: DataType.Float },
  { name: 'd', data_type: DataType.Double },
  { name: 's', data_type: DataType.VarChar, max_length: 300 },
  { name: 'j', data_type: DataType.JSON },
  vector(8),
];

// A server of 2.3 never finds the highest of all keys, however the row came.
const idOf = rare([int64.least, `${2n ** 63n - 2n}`, int64.odd, '-1', '0'], n => String(n));

const scalarsOf = n => ({
  id: idOf(n),
  flag: n % 3 === 0,
  i8: rare([-128, 127], n => (n % 256) - 128)(n),
  i16: rare([-32768, 32767], n => n * 7 - 1000)(n),
  i32: rare([-2147483648, 2147483647], n => n * 1001)(n),
  i64: rare([int64.least, int64.most, int64.odd, `-${int64.odd}`], n => String(BigInt(n) * 10n ** 15n))(n),
  f: rare(floats, n => Math.fround(n / 7))(n),
  d: rare(doubles, n => n / 7)(n),
  s: rare(texts, n => `text ${n % 50}`)(n),
  j: rare(objects, n => ({ n, half: n / 2, list: [n, `${n}`], in: { even: n % 2 === 0 } }))(n),
  v: n === 9 ? [0, -0, 1e-40, -1e-40, 1e-7, 1e5, 0.1, -1] : vectors(n + 1, 8),
  ...rare(dynamics, n => (n % 4 ? { color: ['red', 'green', 'blue'][n % 3], count: n } : {}))(n),
});

const arrays = [
  ['bools', DataType.Bool, n => n % 2 === 0],
  ['bytes', DataType.Int8, n => (n % 256) - 128],
  ['shorts', DataType.Int16, n => n - 1000],
  ['ints', DataType.Int32, n => n * 1001],
  ['longs', DataType.Int64, n => String(BigInt(n) * 10n ** 16n)],
  ['floats', DataType.Float, n => Math.fround(n / 7)],
  // 2.3 reads them from JSON as single-precision numbers.
  ['doubles', DataType.Double, n => n / 8],
  ['words', DataType.VarChar, n => texts[n % texts.length]],
];

const rowsOf = (count, make) => Array.from({ length: count }, (_, n) => make(n));

/**
 * `formats`: what a collection can be exported as. `unique`: a field that tells rows apart on both sides. `parts`: exports of
 * some partitions, each into the partition that is named; if there are none, all goes at once. `before`: calls after the insert.
 */
export const collections = [
  {
    name: 'scalars',
    formats: ['jsonl', 'csv', 'npy', 'parquet'],
    create: { fields: scalars, enable_dynamic_field: true, description: 'each type' },
    index: { index_type: 'FLAT', metric_type: 'L2' },
    rows: rowsOf(400, scalarsOf),
    before: [
      ['flush', {}],
      ['delete', { filter: 'id in [60, 61, 62] or (i16 > 1700 and i16 < 1720)' }],
      ['upsert', { data: [70, 71, 500].map(n => ({ ...scalarsOf(n), s: 'upserted "anew"', color: 'white' })) }],
    ],
    unique: 'id',
    filters: [
      // 2.3 cannot read the least number in a filter.
      `id < -${int64.most}`, `id in [${2n ** 63n - 2n}, ${int64.odd}, 5]`, 'id > 390', 'flag == true', 'i8 < -120', 'i16 >= 1500', 'i32 == 2147483647', `i64 == ${int64.odd}`,
      `i64 < -${int64.odd}`, 'f > 50', 'f == 0', 'd <= 0.1', 'd > 1e20', 's == ""', 's == "text 7"', 's like "text 1%"', 's == "upserted \\"anew\\""', 's in ["é", "漢字", "😀👩‍👩‍👧"]',
      's > "text 45"', 'j["n"] > 350', 'j["half"] == 40.5', 'j["in"]["even"] == true', 'json_contains(j["list"], 77)', 'j["a b"] == 1', 'color == "red"', 'color == "white"',
      'color in ["green", "blue"] and count < 40', 'count == 5', 'i8 > 0 and not (flag == true)', 'i32 % 7 == 0',
    ],
    searches: [
      { data: vectors(1000, 8), limit: 20 }, { data: [vectors(1001, 8), vectors(1002, 8)], limit: 10, filter: 'flag == true and i16 > 0' }, { data: vectors(1003, 8), limit: 400 },
    ],
  },
  {
    name: 'arrays',
    formats: ['jsonl', 'csv', 'parquet'],
    create: {
      fields: [key, ...arrays.map(([name, element_type]) => ({ name, data_type: DataType.Array, element_type, max_capacity: 8, ...(element_type === DataType.VarChar ? { max_length: 300 } : {}) })), vector(4)],
    },
    index: { index_type: 'FLAT', metric_type: 'IP' },
    rows: rowsOf(200, n => ({
      id: n, v: vectors(n + 1, 4),
      ...Object.fromEntries(arrays.map(([name, , element]) => [name, Array.from({ length: n % 5 }, (_, at) => element(n + at))])),
    })),
    before: [['delete', { filter: 'id in [3, 4]' }]],
    unique: 'id',
    filters: ['array_contains(ints, 50050)', 'array_contains(words, "é")', 'array_contains(longs, 1000000000000000000)', 'array_contains_any(bytes, [-128, -127])', 'array_length(doubles) == 4', 'shorts[0] < -900'],
    searches: [{ data: vectors(2000, 4), limit: 15 }],
  },
  {
    name: 'keyed',
    formats: ['jsonl', 'csv', 'npy', 'parquet'],
    create: {
      fields: [
        { name: 'name', data_type: DataType.VarChar, max_length: 80, is_primary_key: true },
        { name: 'tenant', data_type: DataType.VarChar, max_length: 40, is_partition_key: true },
        { name: 'n', data_type: DataType.Int32 },
        vector(16),
      ],
      num_partitions: 8,
      shards_num: 2,
    },
    index: { index_type: 'FLAT', metric_type: 'COSINE' },
    rows: rowsOf(300, n => ({ name: n % 10 ? `row ${n}` : `«${n}», "é"\n`, tenant: `tenant ${n % 13}`, n, v: vectors(n + 1, 16) })),
    before: [['delete', { filter: 'name in ["row 1", "row 2"]' }], ['upsert', { data: [{ name: 'row 5', tenant: 'tenant 5', n: -5, v: vectors(5, 16) }] }]],
    unique: 'name',
    filters: ['tenant == "tenant 5"', 'tenant in ["tenant 1", "tenant 2"] and n > 100', 'name == "«10», \\"é\\"\\n"', 'name > "row 7"', 'n < 0'],
    searches: [{ data: vectors(3000, 16), limit: 20 }, { data: vectors(3001, 16), limit: 5, filter: 'tenant == "tenant 3"' }],
  },
  {
    name: 'parted',
    formats: ['jsonl', 'csv', 'npy', 'parquet'],
    create: { fields: [{ ...key, autoID: true }, { name: 'n', data_type: DataType.Int64 }, { name: 'title', data_type: DataType.VarChar, max_length: 50 }, vector(4)] },
    index: { index_type: 'FLAT', metric_type: 'L2' },
    partitions: ['_default', 'novel', 'play'],
    rows: rowsOf(150, n => ({ n, title: `title ${n}`, v: vectors(n + 1, 4) })),
    before: [['delete', { filter: 'n % 10 == 3' }]],
    unique: 'n',
    filters: ['n < 10', 'title in ["title 5", "title 77"]'],
    searches: [{ data: vectors(4000, 4), limit: 10 }, { data: vectors(4001, 4), limit: 10, partition_names: ['play'] }],
  },
];
