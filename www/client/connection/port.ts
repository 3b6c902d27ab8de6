// Ports between pages and workers. Where no SharedWorker can hand on a MessagePort, a port is a broadcast channel with a name
// of its own, which exactly one page and one worker open: what is sent is always copied, and is lost while the other end is
// not open yet. So the asking end knocks, is greeted as on every port, and keeps what it has to send until then.

import type { Fatal, PortEnd } from '../wire/messages.js';

export interface Port {
  onmessage: ((message: MessageEvent) => void) | null;
  postMessage(message: unknown, transfer?: Transferable[]): void;
  close(): void;
}

/** Asks for the greeting, which may have been sent before this end was open. */
export const KNOCK = 'knock';
/** The asking end goes; nothing else would tell the serving one. */
export const LEAVE = 'leave';

export function askingPort(end: PortEnd): Port {
  return typeof end === 'string' ? new KnockingPort(end) : end;
}

/** Closes an asking end. */
export function leave(port: Port): void {
  port.onmessage = null;
  port.postMessage(LEAVE);
  port.close();
}

export function servingPort(end: PortEnd): Port {
  return typeof end === 'string' ? new BroadcastChannel(end) : end;
}

/** Long enough for an asking end that was just told the name to open it. */
const OPENING_MS = 5000;

/** Says one thing instead of serving. */
export function turnAway(end: PortEnd, message: Fatal): void {
  const port = servingPort(end);
  port.postMessage(message);
  if (typeof end !== 'string') {
    port.close();
    return;
  }
  port.onmessage = () => port.postMessage(message);
  setTimeout(() => port.close(), OPENING_MS);
}

class KnockingPort implements Port {
  onmessage: ((message: MessageEvent) => void) | null = null;
  #channel: BroadcastChannel;
  #unsent: unknown[] | undefined = [];

  constructor(name: string) {
    this.#channel = new BroadcastChannel(name);
    this.#channel.onmessage = message => {
      const unsent = this.#unsent ?? [];
      this.#unsent = undefined;
      for (const kept of unsent) this.#channel.postMessage(kept);
      this.onmessage?.(message);
    };
    this.#channel.postMessage(KNOCK);
  }

  postMessage(message: unknown): void {
    // A copy, for the sender may change it before it is sent.
    if (this.#unsent) this.#unsent.push(structuredClone(message));
    else this.#channel.postMessage(message);
  }

  close(): void {
    // Who has not opened the other end yet is told when it does.
    if (this.#unsent?.includes(LEAVE)) setTimeout(() => this.#channel.close(), OPENING_MS);
    else this.#channel.close();
  }
}
