// A SharedWorker that only introduces: tabs that want a store's coordinator are handed on to the tab that runs it. It holds
// no data and outlives versions of the package, so its messages never change shape.

import type { FromIntroducer, ToIntroducer } from '../client/wire/messages.js';

interface Want {
  store: string;
  want: MessagePort;
}

/** Those that have wanted. */
const tabs = new Set<MessagePort>();
const owners = new Map<string, MessagePort>();
/** The last want of each tab: with a new one it has given up the one before. */
const waiting = new Map<MessagePort, Want>();

function introduce(owner: MessagePort, { store, want }: Want): void {
  owner.postMessage({ store, want } satisfies FromIntroducer, [want]);
}

function forget(tab: MessagePort): void {
  tabs.delete(tab);
  waiting.delete(tab);
  for (const [store, owner] of owners) if (owner === tab) owners.delete(store);
}

function receive(tab: MessagePort, message: ToIntroducer): void {
  const { store } = message;
  if ('want' in message) {
    tabs.add(tab);
    const owner = owners.get(store);
    if (owner) introduce(owner, message);
    else waiting.set(tab, message);
    return;
  }
  if (message.role === 'gone') {
    forget(tab);
    return;
  }
  owners.set(store, tab);
  for (const [from, wanted] of waiting) {
    if (wanted.store !== store) continue;
    introduce(tab, wanted);
    waiting.delete(from);
  }
  for (const other of tabs) if (other !== tab) other.postMessage({ store, owner: true } satisfies FromIntroducer);
}

addEventListener('connect', event => {
  const port = (event as MessageEvent).ports[0];
  if (!port) return;
  port.addEventListener('close', () => forget(port));
  port.onmessage = (message: MessageEvent<ToIntroducer>) => receive(port, message.data);
});
