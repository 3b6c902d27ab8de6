import assert from 'node:assert/strict';
import test from 'node:test';
import { gzipSync } from 'node:zlib';
import { parquetMetadata, parquetSchema } from 'hyparquet';
import { leavesOf } from '../../target/modules/parquet/leaf.js';
import { float32Text } from '../../target/modules/parquet/texts.js';
import { ParquetFile } from '../../target/modules/parquet/write.js';
import { DataType, batchOf, bytesOf, fileOf, fileOfPages, integer, linesOf, otherFile, pageOf, runOf, sized, target, varInt } from './parquet-files.mjs';

const ROWS = {
  id: [1n, -(2n ** 63n), 2n ** 63n - 1n],
  bool: [true, false, true],
  int8: [-128, 0, 127],
  int16: [-32768, 0, 32767],
  int32: [-(2 ** 31), 0, 2 ** 31 - 1],
  float: [0.1, -0, 3.4028234663852886e38],
  double: [0.1, 5e-324, -1.7976931348623157e308],
  text: ['', '\ufeffgrüße\u2028"', '😀\n'],
  json: [{ a: [1, null] }, 'x', [2n ** 60n]],
  $meta: [{}, { key: 'value' }, { n: 1.5 }],
  vector: [[1, 2, 3], [0.1, 0.2, 0.3], [1e-45, -1e-7, 16777217]],
  bools: [[true, false], [], [true]],
  ints: [[1, 2, 3], [], [-1]],
  longs: [[2n ** 62n], [], [1n, 2n]],
  floats: [[0.1], [], [2, 3]],
  texts: [['a', ''], [], ['é']],
};
const FIELDS = [
  { name: 'id', type: DataType.Int64 },
  { name: 'bool', type: DataType.Bool },
  { name: 'int8', type: DataType.Int8 },
  { name: 'int16', type: DataType.Int16 },
  { name: 'int32', type: DataType.Int32 },
  { name: 'float', type: DataType.Float },
  { name: 'double', type: DataType.Double },
  { name: 'text', type: DataType.VarChar },
  { name: 'json', type: DataType.JSON },
  { name: '$meta', type: DataType.JSON },
  { name: 'vector', type: DataType.FloatVector, dim: 3 },
  { name: 'bools', type: DataType.Array, element: DataType.Bool },
  { name: 'ints', type: DataType.Array, element: DataType.Int16 },
  { name: 'longs', type: DataType.Array, element: DataType.Int64 },
  { name: 'floats', type: DataType.Array, element: DataType.Float },
  { name: 'texts', type: DataType.Array, element: DataType.VarChar },
];
const EXPECTED = [
  `{"id":1,"bool":true,"int8":-128,"int16":-32768,"int32":-2147483648,"float":0.1,"double":0.1,"text":"","json":{"a":[1,null]},"$meta":{},"vector":[1,2,3],"bools":[true,false],"ints":[1,2,3],"longs":[4611686018427387904],"floats":[0.1],"texts":["a",""]}`,
  `{"id":-9223372036854775808,"bool":false,"int8":0,"int16":0,"int32":0,"float":-0.0,"double":5e-324,"text":"\ufeffgrüße\u2028\\"","json":"\\"x\\"","$meta":{"key":"value"},"vector":[0.1,0.2,0.3],"bools":[],"ints":[],"longs":[],"floats":[],"texts":[]}`,
  `{"id":9223372036854775807,"bool":true,"int8":127,"int16":32767,"int32":2147483647,"float":3.4028235e+38,"double":-1.7976931348623157e+308,"text":"😀\\n","json":"[1152921504606846976]","$meta":{"n":1.5},"vector":[1e-45,-1e-7,16777216],"bools":[true],"ints":[-1],"longs":[1,2],"floats":[2,3],"texts":["é"]}`,
];

function written(fields, ...batches) {
  const file = new ParquetFile(fields);
  for (const values of batches) file.write(batchOf(fields, values));
  return file.finish();
}

test('every type comes back as it was written, from each of several row groups', async () => {
  const file = written(FIELDS, ROWS, ROWS, ROWS);
  const { row_groups, num_rows } = parquetMetadata(await file.arrayBuffer());
  assert.deepEqual([row_groups.length, num_rows], [3, 9n]);
  const lines = await linesOf(file, target(FIELDS));
  assert.equal(lines.length, 9);
  lines.forEach((line, row) => assert.equal(line, EXPECTED[row % 3]));
});

test('zeros keep their signs', async () => {
  const fields = [{ name: 'd', type: DataType.Double }, { name: 'f', type: DataType.Float }, { name: 'l', type: DataType.Array, element: DataType.Float }];
  const signs = [0, -0, 0, -0, -0, 0];
  const lines = await linesOf(written(fields, { d: signs, f: signs.toReversed(), l: signs.map(zero => [zero, 0]) }), target(fields));
  const text = zero => (Object.is(zero, -0) ? '-0.0' : '0');
  assert.deepEqual(lines, signs.map((zero, at) => `{"d":${text(zero)},"f":${text(signs.at(-1 - at))},"l":[${text(zero)},0]}`));
});

test('nulls come back, also in a batch that lacks the column, and empty lists are no nulls', async () => {
  const fields = FIELDS.map(field => ({ ...field, nullable: field.name !== 'id' }));
  const nulls = Object.fromEntries(Object.entries(ROWS).map(([name, values]) => [name, name === 'id' ? values : [values[0], null, values[2]]]));
  const lines = await linesOf(written(fields, nulls, ROWS, { id: [7n] }), target(fields));
  assert.deepEqual([lines[0], lines[3], lines[4]], [EXPECTED[0], EXPECTED[0], EXPECTED[1]]);
  const allNull = id => `{"id":${id},${FIELDS.slice(1).map(({ name }) => `"${name}":null`).join(',')}}`;
  assert.deepEqual([lines[1], lines[6]], [allNull('-9223372036854775808'), allNull(7)]);
});

test('columns have the types that Milvus’ own import wants', async () => {
  const { schema, row_groups } = parquetMetadata(await written(FIELDS.map(field => ({ ...field, nullable: field.name === 'text' })), ROWS).arrayBuffer());
  const shown = schema.slice(1).map(({ name, type, repetition_type, converted_type }) => [name, repetition_type, type, converted_type].filter(Boolean).join(' '));
  const list = (name, element) => [`${name} REQUIRED LIST`, 'list REPEATED', `element REQUIRED ${element}`];
  assert.deepEqual(shown, [
    'id REQUIRED INT64',
    'bool REQUIRED BOOLEAN',
    'int8 REQUIRED INT32 INT_8',
    'int16 REQUIRED INT32 INT_16',
    'int32 REQUIRED INT32 INT_32',
    'float REQUIRED FLOAT',
    'double REQUIRED DOUBLE',
    'text OPTIONAL BYTE_ARRAY UTF8',
    'json REQUIRED BYTE_ARRAY UTF8',
    '$meta REQUIRED BYTE_ARRAY UTF8',
    ...list('vector', 'FLOAT'),
    ...list('bools', 'BOOLEAN'),
    ...list('ints', 'INT32 INT_16'),
    ...list('longs', 'INT64'),
    ...list('floats', 'FLOAT'),
    ...list('texts', 'BYTE_ARRAY UTF8'),
  ]);
  assert.deepEqual(new Set(row_groups[0].columns.map(({ meta_data }) => meta_data.codec)), new Set(['SNAPPY', 'UNCOMPRESSED']));
});

// The writer's library has another encoding for more of them, of which the reader of Milvus 2.3 finds no rows.
test('booleans are written plainly, also in lists', async () => {
  const fields = FIELDS.filter(({ name }) => name === 'bool' || name === 'bools');
  const values = Array.from({ length: 100 }, (_, at) => at % 3 === 0);
  const { row_groups } = parquetMetadata(await written(fields, { bool: values, bools: values.map(value => [value, !value]) }).arrayBuffer());
  assert.deepEqual(row_groups[0].columns.map(({ meta_data }) => meta_data.encodings), [['PLAIN'], ['PLAIN']]);
});

test('a required column has no nulls', () => {
  const fields = [{ name: 'id', type: DataType.Int64 }];
  assert.throws(() => written(fields, { id: [1n, null] }), /row 1 of the required column 'id' is null/);
  assert.throws(() => written([...fields, FIELDS[1]], { id: [1n] }), /the rows have no column 'bool'/);
  assert.throws(() => new ParquetFile([{ name: 'v', type: DataType.BinaryVector }]), /fields of type BinaryVector cannot be written to Parquet/);
});

test('a float32 is the shortest text that reads back to it', () => {
  assert.deepEqual([0.1, 1 / 3, 100, 1.5e-30, 16777216, 1e20].map(float32Text), ['0.1', '0.33333334', '100', '1.5e-30', '16777216', '100000000000000000000']);
  const bits = new Uint32Array(1);
  const float = new Float32Array(bits.buffer);
  for (let i = 0, state = 1; i < 200_000; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bits[0] = state;
    if (Number.isFinite(float[0])) assert.ok(Object.is(Math.fround(Number(float32Text(float[0]))), float[0]), String(float[0]));
  }
});

test('files of another writer, with small pages in other codecs', async () => {
  const fields = [
    { name: 'id', type: DataType.Int64 },
    { name: 's', type: DataType.VarChar, nullable: true },
    { name: 'v', type: DataType.FloatVector },
    { name: 'l', type: DataType.Array, element: DataType.Int32, nullable: true },
  ];
  const expected = Array.from({ length: 40 }, (_, i) => ({
    id: i,
    s: i % 7 ? `text ${i % 5}` : null,
    v: [i, Number(float32Text(i / 3)), 0.1],
    l: i % 4 ? Array.from({ length: i % 3 }, (_, k) => k + i) : null,
  }));
  const extra = i => ({ st: { x: i, y: [String(i), 'b'] }, t: new Date(i * 1e9).toJSON(), d: i % 2 === 0 });
  for (const name of ['gzip-pages-v1', 'lz4-pages-v1', 'zstd-pages-v2']) {
    const lines = await linesOf(fileOf(name), target(fields));
    assert.deepEqual(lines.map(line => JSON.parse(line)), expected, name);
    const dynamic = await linesOf(fileOf(name), target(fields, { isDynamic: true }));
    assert.deepEqual(dynamic.map(line => JSON.parse(line)), expected.map((row, i) => ({ ...row, ...extra(i) })), name);
  }
  await assert.rejects(linesOf(fileOf('brotli'), target(fields)), /unsupported compression codec: BROTLI/);
});

test('numbers may be narrower than their field, and doubles come into floats', async () => {
  const accepted = [
    [integer('x', 8), Int32Array.of(-5), DataType.Int64, '-5'],
    [integer('x', 8), Int32Array.of(-5), DataType.Int16, '-5'],
    [integer('x', 16), Int32Array.of(300), DataType.Int32, '300'],
    [integer('x', 32), Int32Array.of(7), DataType.Double, '7'],
    [integer('x', 64), BigInt64Array.of(3n), DataType.Float, '3'],
    [{ name: 'x', type: 'FLOAT', repetition_type: 'REQUIRED' }, Float32Array.of(0.1), DataType.Double, '0.10000000149011612'],
    [{ name: 'x', type: 'DOUBLE', repetition_type: 'REQUIRED' }, Float64Array.of(0.1), DataType.Float, '0.1'],
  ];
  for (const [element, data, type, text] of accepted) {
    const file = otherFile([{ name: 'x', data }], { schema: [{ name: 'schema', num_children: 1 }, element] });
    assert.deepEqual(await linesOf(file, target([{ name: 'x', type }])), [`{"x":${text}}`]);
  }
  const refused = [
    [integer('x', 64), BigInt64Array.of(1n), DataType.Int32, 'int32', 'int64'],
    [integer('x', 16), Int32Array.of(1), DataType.Int8, 'int8', 'int16'],
    [integer('x', 8, false), Int32Array.of(1), DataType.Int64, 'int64', 'uint8'],
    [{ name: 'x', type: 'DOUBLE', repetition_type: 'REQUIRED' }, Float64Array.of(1), DataType.Int64, 'int64', 'float64'],
    [{ name: 'x', type: 'BOOLEAN', repetition_type: 'REQUIRED' }, [true], DataType.VarChar, 'utf8', 'bool'],
    [{ name: 'x', type: 'BYTE_ARRAY', repetition_type: 'REQUIRED' }, [new Uint8Array(1)], DataType.VarChar, 'utf8', 'binary'],
    [{ name: 'x', type: 'FLOAT', repetition_type: 'REQUIRED' }, Float32Array.of(1), DataType.FloatVector, 'list<float32>', 'float32'],
  ];
  for (const [element, data, type, milvus, arrow] of refused) {
    const file = otherFile([{ name: 'x', data }], { schema: [{ name: 'schema', num_children: 1 }, element] });
    const message = `schema not equal, err=field 'x' type mis-match, milvus data type '${milvus}', arrow data type get '${arrow}'`;
    await assert.rejects(linesOf(file, target([{ name: 'x', type }])), { message });
  }
});

test('columns and fields have to fit', async () => {
  const file = otherFile([{ name: 'id', data: [1n, 2n], type: 'INT64' }, { name: 'more', data: ['a', 'b'], type: 'STRING' }]);
  const id = { name: 'id', type: DataType.Int64 };
  const other = { name: 'other', type: DataType.Int64 };
  assert.deepEqual(await linesOf(file, target([id])), ['{"id":1}', '{"id":2}']);
  assert.deepEqual(await linesOf(file, target([id], { isDynamic: true })), ['{"id":1,"more":"a"}', '{"id":2,"more":"b"}']);
  const [isNaN, noText] = [{ name: 'n', data: [1, NaN], type: 'DOUBLE' }, { name: 'b', data: [Uint8Array.of(0xff), Uint8Array.of(65)], type: 'BYTE_ARRAY' }];
  const unasked = otherFile([{ name: 'id', data: [1n, 2n], type: 'INT64' }, isNaN, noText]);
  assert.deepEqual(await linesOf(unasked, target([id], { isDynamic: true })), ['{"id":1,"n":1,"b":null}', '{"id":2,"n":null,"b":"A"}']);
  await assert.rejects(linesOf(file, target([id, other])), { message: "no parquet field for milvus field 'other'" });
  for (const may of [{ nullable: true }, { hasDefault: true }, { isGenerated: true }]) {
    assert.equal((await linesOf(file, target([id, { ...other, ...may }]))).length, 2);
  }
  const generated = target([{ ...id, isGenerated: true }]);
  await assert.rejects(linesOf(file, generated), { message: "the primary key 'id' is auto-generated, no need to provide" });
  assert.equal((await linesOf(file, { ...generated, takesGenerated: true })).length, 2);
});

test('a value that cannot be imported is named by row and field', async () => {
  const refusal = async (columns, field, message) => assert.rejects(linesOf(otherFile(columns), target([field])), { message });
  const x = type => ({ name: 'x', type });
  await refusal([{ name: 'x', data: [1, NaN], type: 'DOUBLE' }], x(DataType.Double), "row 2, field 'x': the number NaN is not finite");
  await refusal([{ name: 'x', data: [1, 1e300], type: 'DOUBLE' }], x(DataType.Float), "row 2, field 'x': the number 1e+300 is beyond float32");
  await refusal([{ name: 'x', data: ['{', ''], type: 'STRING' }], x(DataType.JSON), /^row 1, field 'x': the text is not JSON: /);
  await refusal([{ name: 'x', data: [1n, null], type: 'INT64' }], x(DataType.Int64), "row 2: the field 'x' is not nullable but the file contains null value");
  const vectors = { v: [[1, 2], [3, Infinity]] };
  const field = { name: 'v', type: DataType.FloatVector, dim: 2 };
  await assert.rejects(linesOf(written([field], vectors), target([field])), { message: "row 2, field 'v': the number Infinity is not finite" });
  const schema = [
    { name: 'schema', num_children: 1 },
    { name: 'v', repetition_type: 'REQUIRED', num_children: 1, converted_type: 'LIST' },
    { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
    { name: 'element', repetition_type: 'OPTIONAL', type: 'FLOAT' },
  ];
  const withNull = otherFile([{ name: 'v', data: [[1, null]] }], { schema });
  await assert.rejects(linesOf(withNull, target([field])), { message: "row 1, field 'v': an element is null" });
});

test('text of a JSON field is its value, on one line, and a text that holds JSON where it is no object', async () => {
  const data = ['{\n  "n": 12345678901234567890\r\n}', 'null', '"5"', '[1,\n2]', '3'];
  const lines = ['{"x":{   "n": 12345678901234567890  }}', '{"x":"null"}', '{"x":"\\"5\\""}', '{"x":"[1,\\n2]"}', '{"x":"3"}'];
  const file = otherFile([{ name: 'x', data, type: 'STRING' }]);
  assert.deepEqual(await linesOf(file, target([{ name: 'x', type: DataType.JSON }])), lines);
});

test('a file that is cut short or damaged is an error, and nothing is read for ever', { timeout: 60_000 }, async () => {
  const fields = target(FIELDS);
  const bytes = new Uint8Array(await written(FIELDS, ROWS, ROWS).arrayBuffer());
  for (const length of [0, 4, 11, bytes.length >> 1, bytes.length - 1]) {
    await assert.rejects(linesOf(new Blob([bytes.slice(0, length)]), fields), /^Refusal: the Parquet file cannot be read: /);
  }
  let state = 7;
  const random = below => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) % below;
  for (let i = 0; i < 500; i++) {
    const damaged = bytes.slice();
    for (let n = 0; n < 3; n++) damaged[random(damaged.length)] = random(256);
    await linesOf(new Blob([damaged]), fields).catch(error => assert.equal(error.name, 'Refusal', error.stack));
  }
});

const INTEGERS = [{ name: 'x', type: 'INT32', repetition_type: 'OPTIONAL' }];
const LISTS = [
  { name: 'x', repetition_type: 'REQUIRED', num_children: 1, converted_type: 'LIST' },
  { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
  { name: 'element', repetition_type: 'REQUIRED', type: 'INT32' },
];
const refusedAs = (file, field, reason) => assert.rejects(linesOf(file, target([{ name: 'x', nullable: true, ...field }])), { name: 'Refusal', message: `the Parquet file cannot be read: ${reason}` });

test('the rows of all groups are those of the file, and a group may have none', async () => {
  const pages = count => [pageOf(bytesOf(new Uint8Array(Int32Array.from({ length: count }, (_, at) => at).buffer)), count)];
  const column = count => [{ elements: [{ name: 'x', type: 'INT32', repetition_type: 'REQUIRED' }], pages: pages(count) }];
  const field = { type: DataType.Int32 };
  await refusedAs(fileOfPages(column(5), { rows: 3, values: 5 }), field, 'a column goes on behind its row group');
  await refusedAs(fileOfPages(column(5), { rows: 5, rowsOfFile: 6 }), field, 'its row groups have 5 rows, and the file 6');
  const nowhere = fileOfPages([{ elements: [{ name: 'x', type: 'INT32', repetition_type: 'REQUIRED' }], pages: [] }], { rows: 0, start: 0 });
  assert.deepEqual(await linesOf(nowhere, target([{ name: 'x', ...field }])), []);
});

test('a page that claims more than any writer puts into one is not believed', { timeout: 10_000 }, async () => {
  const [rows, field] = [5e8, { type: DataType.Int32 }];
  const nulls = runOf(rows, 0);
  const refused = (page, reason, codec) => refusedAs(fileOfPages([{ elements: INTEGERS, pages: [page] }], { rows, codec }), field, reason);
  const tooMany = 'a page has an impossible number of values';
  await refused(pageOf(sized(nulls), rows), tooMany);
  const v2 = { num_values: rows, num_nulls: rows, num_rows: rows, encoding: 'PLAIN', definition_levels_byte_length: nulls.length, repetition_levels_byte_length: 0 };
  await refused(pageOf(nulls, rows, { type: 'DATA_PAGE_V2', data_page_header: undefined, data_page_header_v2: v2 }), tooMany);
  const dictionary = { num_values: rows, encoding: 'PLAIN' };
  await refused(pageOf(bytesOf(), rows, { type: 'DICTIONARY_PAGE', data_page_header: undefined, dictionary_page_header: dictionary }), tooMany);
  await refused(pageOf(sized(nulls), 1, { uncompressed_page_size: 6e8 }), 'a page has an impossible size', 'GZIP');
  const many = fileOfPages([{ elements: INTEGERS, pages: [pageOf(sized(runOf(1e5, 0)), 1e5)] }], { rows: 1e5 });
  assert.deepEqual(new Set(await linesOf(many, target([{ name: 'x', ...field, nullable: true }]))), new Set(['{"x":null}']));
});

test('levels whose size the page does not say, or that are not inside of it, are not looked for', async () => {
  for (const repetition_levels_byte_length of [9, -1, undefined]) {
    const data_page_header_v2 = { num_values: 4, num_nulls: 0, num_rows: 4, encoding: 'PLAIN', definition_levels_byte_length: 2, repetition_levels_byte_length };
    const page = pageOf(bytesOf(0, 0, runOf(4, 0), runOf(4, 0)), 4, { type: 'DATA_PAGE_V2', data_page_header: undefined, data_page_header_v2 });
    const file = fileOfPages([{ elements: LISTS, pages: [page] }], { rows: 4 });
    await refusedAs(file, { type: DataType.Array, element: DataType.Int32 }, 'the levels of a page have an impossible size');
  }
});

/** Pages of one row of ones, which says `pages` times that it goes on. */
function rowInPages(pages, valuesOfPage) {
  const ones = new Uint8Array(new Int32Array(valuesOfPage).fill(1).buffer);
  const definitions = sized(runOf(valuesOfPage, 1));
  const first = bytesOf(sized(bytesOf(runOf(1, 0), runOf(valuesOfPage - 1, 1))), definitions, ones);
  const other = bytesOf(sized(runOf(valuesOfPage, 1)), definitions, ones);
  const all = Array.from({ length: pages }, (_, at) => pageOf(at === 0 ? first : other, valuesOfPage));
  return fileOfPages([{ elements: LISTS, pages: all }], { rows: 1, values: pages * valuesOfPage });
}

test('a row goes on through any number of pages, but not for ever', { timeout: 10_000 }, async () => {
  const list = { type: DataType.Array, element: DataType.Int32 };
  const [line] = await linesOf(rowInPages(30_000, 30), target([{ name: 'x', ...list }]));
  assert.deepEqual([line.slice(0, 10), line.length], ['{"x":[1,1,', '{"x":[]}'.length + 2 * 900_000 - 1]);
  for (const pages of [1, 3]) await refusedAs(rowInPages(pages, Math.ceil(2 ** 20 / pages) + 1), list, 'a row has an impossible number of values');
});

/** Numbers as in the deltas of a page: the first, and `count` times the same difference. */
function deltasOf(first, difference, count) {
  const block = bytesOf(varInt(difference * 2), 0);
  return bytesOf(varInt(32), 1, varInt(count), varInt(first * 2), ...Array(Math.ceil(count / 32)).fill(block));
}

test('all columns together take no more memory than there is', { timeout: 20_000 }, async () => {
  const reason = 'its pages take more than 2 GB of memory at once';
  const element = { name: 'x', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'REQUIRED' };
  const texts = ({ bytes, count, encoding }) => {
    const packed = gzipSync(bytes);
    const page = pageOf(packed, count, { uncompressed_page_size: bytes.length, data_page_header: { num_values: count, encoding } });
    return fileOfPages([{ elements: [element], pages: [page] }], { rows: count, codec: 'GZIP' });
  };
  const field = { type: DataType.VarChar };
  // Empty ones, of four bytes each.
  await refusedAs(texts({ bytes: new Uint8Array(9e7), count: 9e7 / 4, encoding: 'PLAIN' }), field, reason);
  // Each begins as the one before, and goes on.
  const [count, more] = [1 << 13, 1 << 10];
  const growing = bytesOf(deltasOf(0, more, count), deltasOf(more, 0, count), new Uint8Array(count * more));
  await refusedAs(texts({ bytes: growing, count, encoding: 'DELTA_BYTE_ARRAY' }), field, reason);
  const rows = 2 ** 26;
  const pages = [pageOf(sized(runOf(rows, 1)), rows, { data_page_header: { num_values: rows, encoding: 'RLE' } })];
  const columns = Array.from({ length: 5 }, (_, at) => ({ elements: [{ name: `x${at}`, type: 'BOOLEAN', repetition_type: 'REQUIRED' }], pages }));
  const fields = columns.map((_, at) => ({ name: `x${at}`, type: DataType.Bool }));
  await assert.rejects(linesOf(fileOfPages(columns, { rows }), target(fields)), { message: `the Parquet file cannot be read: ${reason}` });
});

test('pages give back the memory that they took when they are read', async () => {
  const pages = Array(10).fill(pageOf(sized(runOf(4, 0)), 4));
  const file = fileOfPages([{ elements: INTEGERS, pages }], { rows: 40 });
  const metadata = parquetMetadata(await file.arrayBuffer());
  const root = parquetSchema(metadata);
  const [leaf] = leavesOf(root, root.children[0], () => false);
  let [taken, most, sum] = [0, 0, 0];
  const free = bytes => (taken -= bytes);
  const take = bytes => ([taken, sum, most] = [taken + bytes, sum + bytes, Math.max(most, taken + bytes)]);
  leaf.open(file, metadata.row_groups[0].columns[0].meta_data, { take, free });
  for (let row = 0; row < 40; row++) {
    while (!leaf.hasRow()) await leaf.load();
    leaf.skip();
  }
  assert.ok(sum > 0);
  assert.deepEqual([taken, most], [sum / 10, sum / 10]);
});

test('a large row group is read in small parts', { timeout: 60_000 }, async () => {
  const [rows, dim] = [20_000, 200];
  const field = { name: 'v', type: DataType.FloatVector, dim };
  const vectors = Array.from({ length: rows }, (_, row) => new Float32Array(dim).fill(row));
  const file = written([field], { v: vectors });
  let largest = 0;
  class Watched extends Blob {
    slice(start, end) {
      largest = Math.max(largest, end - start);
      return super.slice(start, end);
    }
  }
  const lines = await linesOf(new Watched([file]), target([field]));
  assert.equal(lines.length, rows);
  assert.equal(lines[rows - 1], `{"v":[${Array(dim).fill(rows - 1).join(',')}]}`);
  assert.ok(file.size > 15e6 && largest < 2.5e6, `${largest} bytes at a time of ${file.size}`);
});
