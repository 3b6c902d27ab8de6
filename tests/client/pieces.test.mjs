// Requests with bytes that the page keeps: in pieces, which are put together again.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Channel } from '../../target/modules/client/connection/channel.js';
import { Assembly, PIECE_BYTES, sendCopy } from '../../target/modules/client/wire/pieces.js';
import { install } from './mock-browser.mjs';

const bytes = length => Uint8Array.from({ length }, (_, at) => at % 251);

async function sent(request) {
  const messages = [];
  // As ports do: what is handed over is gone, and all else is a copy.
  await sendCopy(request, (message, transfer) => messages.push(structuredClone(message, { transfer })) > 0);
  return messages;
}

/** Its bytes in one piece each. */
const joined = request => request && { ...request, blobs: request.blobs.map(parts => new Uint8Array(Buffer.concat(parts))) };

test('requests of any size arrive as they were, and their bytes stay', async () => {
  for (const length of [0, 1, PIECE_BYTES, PIECE_BYTES + 1, 2 * PIECE_BYTES, 2.5 * PIECE_BYTES]) {
    const blob = bytes(length);
    const request = { id: 7, method: 'Insert', body: '{}', blobs: [bytes(3), blob] };
    const messages = await sent(request);
    assert.equal(messages.length, Math.max(1, Math.ceil(length / PIECE_BYTES)));
    assert.ok(messages.every(it => (it.piece ?? it.blobs[1]).buffer.byteLength <= PIECE_BYTES), 'no more than a piece is copied');
    const assembly = new Assembly();
    const whole = messages.map(message => assembly.add(message));
    assert.ok(whole.slice(0, -1).every(it => it === undefined));
    assert.deepEqual(joined(whole.at(-1)), request);
    assert.equal(blob.byteLength, length);
  }
});

test('parts that follow one another arrive as if they were one', async () => {
  const all = bytes(3.5 * PIECE_BYTES);
  for (const ends of [[0], [0, 0, 5], [5, 5, 9, PIECE_BYTES], [PIECE_BYTES, 2 * PIECE_BYTES, all.length], [1, all.length, all.length]]) {
    const parts = ends.map((end, at) => all.slice(ends[at - 1] ?? 0, end));
    const messages = await sent({ id: 7, method: 'Insert', body: '{}', blobs: [bytes(3), parts] });
    assert.equal(messages.length, Math.max(1, Math.ceil(ends.at(-1) / PIECE_BYTES)));
    const assembly = new Assembly();
    const whole = joined(messages.map(message => assembly.add(message)).at(-1));
    assert.deepEqual(whole.blobs, [bytes(3), all.slice(0, ends.at(-1))]);
  }
});

test('pieces of several requests may come in turn', async () => {
  const requests = [1, 2].map(id => ({ id, method: 'Insert', body: '', blobs: [bytes(2 * PIECE_BYTES + id)] }));
  const [first, second] = await Promise.all(requests.map(sent));
  const assembly = new Assembly();
  const whole = first.flatMap((message, at) => [message, second[at]]).map(message => assembly.add(message));
  assert.deepEqual(whole.filter(Boolean).map(joined), requests);
});

test('nothing more is sent once the other end is gone', async () => {
  let count = 0;
  await sendCopy({ id: 1, method: 'Insert', body: '', blobs: [bytes(4.5 * PIECE_BYTES)] }, () => ++count < 2);
  assert.equal(count, 2);
});

test('a request that nobody waits for any more is withdrawn after the pieces that were sent', async () => {
  install();
  const messages = [];
  const port = { postMessage: message => messages.push(message), close() {} };
  navigator.locks.request('elanus:worker:w', () => new Promise(() => undefined));
  const channel = new Channel(port, 'w');
  const isWanted = () => messages.length === 0;
  await channel.call({ method: 'Insert', body: '', blobs: [bytes(4.5 * PIECE_BYTES)], isWanted });
  const [{ id, piece }, withdrawal, ...others] = messages;
  assert.equal(piece.length, PIECE_BYTES);
  assert.deepEqual([withdrawal, others], [{ id, piece: null }, []]);
  const assembly = new Assembly();
  for (const message of messages) assembly.add(message);
  const next = { id, method: 'Insert', body: '', blobs: [bytes(3)] };
  assert.deepEqual(joined(assembly.add(next)), next, 'nothing of it is kept');
  await channel.call({ method: 'Flush', body: '', blobs: [], isWanted });
  assert.equal(messages.length, 2);
  channel.close(new Error('over'));
});
