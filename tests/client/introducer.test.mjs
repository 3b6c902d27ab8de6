import assert from 'node:assert/strict';
import test, { afterEach, beforeEach } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Introductions } from '../../target/modules/client/connection/introductions.js';

const SCRIPT = new URL('../../target/modules/workers/introducer.js', import.meta.url);

let scripts = 0;
let connect;
let ports = [];

function channel() {
  const { port1, port2 } = new MessageChannel();
  ports.push(port1);
  return { port1, port2 };
}

/** A port to the introducer, which does not hear that it is closed, as in Chromium. */
function tab() {
  const { port1, port2 } = channel();
  const listen = port2.addEventListener.bind(port2);
  port2.addEventListener = (type, ...rest) => type === 'close' || listen(type, ...rest);
  connect({ ports: [port2] });
  return port1;
}

beforeEach(async () => {
  globalThis.addEventListener = (type, listener) => (connect = listener);
  await import(`${SCRIPT}?${++scripts}`);
  globalThis.SharedWorker = class {
    port = tab();
  };
});

afterEach(() => {
  for (const port of ports.splice(0)) port.close();
});

/** The names of those that are handed on to an owner, and what else comes on a port. */
function heard(port) {
  const messages = [];
  port.onmessage = ({ data: { owner, want } }) => {
    if (owner) messages.push('owner');
    else want.onmessage = ({ data }) => messages.push(data);
  };
  return messages;
}

function want(port, name) {
  const { port1, port2 } = channel();
  port1.postMessage(name);
  port.postMessage({ store: 's', want: port2 }, [port2]);
}

const say = (port, role) => port.postMessage({ store: 's', role });
/** Messages on several ports have no order. */
const settled = () => sleep(20);

test('who wants an owner is handed on once, with the last of its ports, and hears of new ones', async () => {
  const [one, other, owner] = [tab(), tab(), tab()];
  const [toOne, toOther, toOwner] = [one, other, owner].map(heard);
  want(one, 'first');
  want(one, 'second');
  want(other, 'other');
  await settled();
  say(owner, 'owner');
  await settled();
  assert.deepEqual([toOne, toOther, toOwner.toSorted()], [['owner'], ['owner'], ['other', 'second']]);
  want(one, 'third');
  await settled();
  assert.deepEqual(toOwner.slice(2), ['third']);
});

test('a tab that has gone is forgotten, until it wants again', async () => {
  const [one, owner, next] = [tab(), tab(), tab()];
  const [toOne, toOwner, toNext] = [one, owner, next].map(heard);
  want(one, 'early');
  say(one, 'gone');
  await settled();
  say(owner, 'owner');
  await settled();
  assert.deepEqual([toOne, toOwner], [[], []]);
  say(owner, 'gone');
  await settled();
  want(one, 'late');
  await settled();
  say(next, 'owner');
  await settled();
  assert.deepEqual([toOne, toOwner, toNext], [['owner'], [], ['late']]);
});

test('introductions that are closed say so', async t => {
  const nothing = () => undefined;
  const handlers = { onNewOwner: nothing, onOwnerKnown: nothing, onOwnerAnswer: nothing, onWant: nothing, onPort: port => ports.push(port) };
  const wanted = [];
  const [closed, open, owner] = [{}, {}, { onWant: end => wanted.push(typeof end) }].map(more => new Introductions('s', { ...handlers, ...more }));
  t.after(() => [open, owner].forEach(one => one.close()));
  closed.want(false);
  closed.close();
  await settled();
  owner.takeOffice();
  await settled();
  open.want(false);
  await settled();
  // One by each way, and none of the tab that is gone.
  assert.deepEqual(wanted.toSorted(), ['object', 'string']);
});
