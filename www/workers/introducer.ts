// A SharedWorker that only introduces: tabs that want a store's coordinator are handed on to the tab that runs it. It holds
// no data and outlives versions of the package, so its messages never change shape.

import type { FromIntroducer, ToIntroducer } from '../client/wire/messages.js';

const tabs = new Set<MessagePort>();
const owners = new Map<string, MessagePort>();
const waiting = new Map<string, MessagePort[]>();

function introduce(store: string, owner: MessagePort, want: MessagePort): void {
  owner.postMessage({ store, want } satisfies FromIntroducer, [want]);
}

function receive(tab: MessagePort, message: ToIntroducer): void {
  const { store } = message;
  if ('want' in message) {
    const owner = owners.get(store);
    if (owner) introduce(store, owner, message.want);
    else waiting.set(store, [...(waiting.get(store) ?? []), message.want]);
    return;
  }
  if (message.role === 'gone') {
    if (owners.get(store) === tab) owners.delete(store);
    return;
  }
  owners.set(store, tab);
  for (const want of waiting.get(store) ?? []) introduce(store, tab, want);
  waiting.delete(store);
  for (const other of tabs) if (other !== tab) other.postMessage({ store, owner: true } satisfies FromIntroducer);
}

addEventListener('connect', event => {
  const port = (event as MessageEvent).ports[0];
  if (!port) return;
  tabs.add(port);
  port.addEventListener('close', () => tabs.delete(port));
  port.onmessage = (message: MessageEvent<ToIntroducer>) => receive(port, message.data);
});
