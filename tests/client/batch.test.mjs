import assert from 'node:assert/strict';
import test from 'node:test';
import { DataType } from '../../dist/client/index.js';
import { decodeBatch, encodeBatch } from '../../target/modules/client/wire/batch.js';
import { readColumn } from '../../target/modules/client/wire/column-reader.js';
import { writeColumn } from '../../target/modules/client/wire/column-writer.js';
import { stringifyBody, stringifyValue } from '../../target/modules/client/wire/json.js';
import { toInt64 } from '../../target/modules/client/wire/int64.js';

function roundTrip(shape, values, shift = 0) {
  const column = writeColumn('c', { name: 'f', ...shape }, values);
  const block = encodeBatch({ rows: values.length, columns: [column] });
  const moved = new Uint8Array(block.byteLength + shift);
  moved.set(block, shift);
  const batch = decodeBatch(moved.subarray(shift));
  assert.equal(batch.rows, values.length);
  return readColumn(batch.columns[0], { start: 0, end: batch.rows });
}

test('int64 extremes come back exact, in every form they are given', () => {
  const values = [2n ** 63n - 1n, -(2n ** 63n), '9223372036854775807', '-5', -1, 0, 2 ** 53 - 1, -(2 ** 53 - 1), 2 ** 33 + 7, { low: -1, high: 2147483647, unsigned: false }, { low: 5, high: -1 }];
  const exact = values.map(v => (typeof v === 'object' ? ((BigInt(v.high) << 32n) | BigInt(v.low >>> 0)).toString() : BigInt(v).toString()));
  for (const shift of [0, 3]) assert.deepEqual(roundTrip({ type: DataType.Int64 }, values, shift), exact);
});

test('values that are no int64 are refused', () => {
  for (const bad of [1.5, NaN, '1.0', '', 'abc', 2n ** 63n, '9223372036854775808', true, {}, [1]]) {
    assert.equal(toInt64(bad), undefined, String(bad));
    assert.throws(() => roundTrip({ type: DataType.Int64 }, [1, bad]), /collection "c", field "f", row 1: expected Int64/);
  }
});

test('scalars with nulls', () => {
  assert.deepEqual(roundTrip({ type: DataType.Bool }, [true, null, false]), [true, null, false]);
  assert.deepEqual(roundTrip({ type: DataType.Int8 }, [-128, undefined, 127]), [-128, null, 127]);
  assert.deepEqual(roundTrip({ type: DataType.Int16 }, [-32768, 32767]), [-32768, 32767]);
  assert.deepEqual(roundTrip({ type: DataType.Int32 }, [-2147483648, 2147483647, 3n]), [-2147483648, 2147483647, 3]);
  assert.deepEqual(roundTrip({ type: DataType.Float }, [0.1, null]), [Math.fround(0.1), null]);
  assert.deepEqual(roundTrip({ type: DataType.Double }, [0.1, 1e300]), [0.1, 1e300]);
  assert.deepEqual(roundTrip({ type: DataType.Int64 }, Array.from({ length: 20 }, (_, i) => (i % 3 ? i : null))), Array.from({ length: 20 }, (_, i) => (i % 3 ? String(i) : null)));
});

test('numbers out of range and of the wrong kind are refused with field, row and value', () => {
  assert.throws(() => roundTrip({ type: DataType.Int32 }, [1.5]), /Int32/);
  assert.throws(() => roundTrip({ type: DataType.Float }, ['1']), /received string "1"/);
  assert.throws(() => roundTrip({ type: DataType.Bool }, [1]), /expected Bool/);
  assert.throws(() => roundTrip({ type: DataType.VarChar }, ['a', 5]), /row 1: expected VarChar/);
  assert.throws(() => roundTrip({ type: DataType.FloatVector, dim: 2 }, [[1], [1, 2, 3]]), /row 0: expected FloatVector of 2 numbers/);
  assert.throws(() => roundTrip({ type: DataType.FloatVector, dim: 2 }, [[1, 'x']]), /FloatVector of 2/);
  assert.throws(() => roundTrip({ type: DataType.Array, element: DataType.Int32 }, [[1, null]]), /Int32/);
});

test('what Milvus itself would refuse is refused with its codes and texts', () => {
  const refused = (code, reason, detail) => error => {
    assert.deepEqual([error.code, error.reason], [code, reason]);
    assert.match(error.detail, detail);
    return true;
  };
  const overflow = "[expected=integer doesn't overflow][actual=out of range]";
  assert.throws(
    () => roundTrip({ type: DataType.Int8 }, [1, 128]),
    refused(1100, `the 1th element (128) out of range: [-128, 127]: invalid parameter${overflow}`, /row 1: expected Int8 .* received number 128/)
  );
  assert.throws(
    () => roundTrip({ type: DataType.Array, element: DataType.Int16 }, [[], [5, -32769]]),
    refused(1100, `the 1th element (-32769) out of range: [-32768, 32767]: invalid parameter${overflow}`, /row 1/)
  );
  const vectors = rows => roundTrip({ type: DataType.FloatVector, dim: 2 }, rows);
  assert.throws(() => vectors([[1, 2], [1, 2, 3]]), refused(65535, 'the length(5) of float data should divide the dim(2)', /row 1: expected FloatVector of 2/));
  const rows = 'the num_rows (3) of field (f) is not equal to passed num_rows (2): invalid parameter[expected=2][actual=3]';
  assert.throws(() => vectors([[1, 2], [1, 2, 3, 4]]), refused(1100, rows, /row 1/));
});

test('text: unicode, empty, lone surrogates, a leading byte-order mark', () => {
  const values = ['', 'é', '漢字🦅', '\uFEFFx', 'a\u0000b', 'x'.repeat(5000)];
  assert.deepEqual(roundTrip({ type: DataType.VarChar }, values), values);
  assert.deepEqual(roundTrip({ type: DataType.VarChar }, ['a\uD800b']), ['a\uFFFDb']);
});

test('json keeps big integers as digits', () => {
  assert.equal(stringifyValue({ a: 2n ** 60n, b: [1n], c: undefined, d: NaN }), '{"a":1152921504606846976,"b":[1],"d":null}');
  assert.equal(stringifyBody({ task: { low: 1, high: 1, unsigned: false }, f: new Float32Array([1, 2]) }), '{"task":4294967297,"f":[1,2]}');
  assert.equal(stringifyValue({ low: 1, high: 1 }), '{"low":1,"high":1}');
  const cycle = {};
  cycle.self = cycle;
  assert.throws(() => stringifyValue(cycle), /circular/);
  assert.deepEqual(roundTrip({ type: DataType.JSON }, [{ a: [1, { b: null }] }, null, 'text', 0, false]), [{ a: [1, { b: null }] }, null, 'text', 0, false]);
});

test('arrays', () => {
  assert.deepEqual(roundTrip({ type: DataType.Array, element: DataType.Int64 }, [[1, 2n ** 62n], [], null, ['-3']]), [['1', String(2n ** 62n)], [], null, ['-3']]);
  assert.deepEqual(roundTrip({ type: DataType.Array, element: DataType.VarChar }, [['a', ''], [], ['🦅']]), [['a', ''], [], ['🦅']]);
  assert.deepEqual(roundTrip({ type: DataType.Array, element: DataType.Bool }, [[true], [false, true]]), [[true], [false, true]]);
  assert.deepEqual(roundTrip({ type: DataType.Array, element: DataType.Double }, [new Float64Array([0.1]), [1]]), [[0.1], [1]]);
});

test('vectors', () => {
  assert.deepEqual(roundTrip({ type: DataType.FloatVector, dim: 2 }, [[1, 0.1], new Float32Array([3, 4]), null]), [[1, Math.fround(0.1)], [3, 4], null]);
  assert.deepEqual(roundTrip({ type: DataType.BinaryVector, dim: 16 }, [[1, 255], [0, 2]]), [[1, 255], [0, 2]]);
  assert.deepEqual(roundTrip({ type: DataType.Int8Vector, dim: 2 }, [[-1, 127], new Int8Array([-128, 5])]), [[-1, 127], [-128, 5]]);
  assert.deepEqual(roundTrip({ type: DataType.SparseFloatVector }, [{ 3: 0.5, 70000: 1 }, [{ index: 1, value: 2 }]]), [{ 3: 0.5, 70000: 1 }, { 1: 2 }]);
});

test('a column that no row has is left out; one of written nulls is not', () => {
  assert.equal(writeColumn('c', { name: 'f', type: DataType.Int8 }, [undefined, undefined]), undefined);
  assert.deepEqual(roundTrip({ type: DataType.Int8 }, [null, null]), [null, null]);
});

test('a block that is cut short is refused', () => {
  const column = writeColumn('c', { name: 'f', type: DataType.Int64 }, [1, 2, 3]);
  const block = encodeBatch({ rows: 3, columns: [column] });
  assert.throws(() => decodeBatch(block.slice(0, block.length - 8)), /cut short/);
});
