// The page's side of the SharedWorker that introduces tabs to the owner of a store.

import { openIntroducer } from '../spawn.js';
import type { FromIntroducer, ToIntroducer } from '../wire/messages.js';

export class Introductions {
  #store: string;
  #port: MessagePort | undefined;

  /** Without SharedWorker the result is closed from the start: only the owning tab can use the store then. */
  static open(store: string, handlers: { onOwner(): void; onWant(port: MessagePort): void }): Introductions {
    const introductions = new Introductions(store);
    if (typeof SharedWorker === 'undefined') return introductions;
    const port = openIntroducer();
    introductions.#port = port;
    port.onmessage = (message: MessageEvent<FromIntroducer>) => {
      const { data } = message;
      if (data.store !== store) return;
      if ('want' in data) handlers.onWant(data.want);
      else handlers.onOwner();
    };
    return introductions;
  }

  private constructor(store: string) {
    this.#store = store;
  }

  get isOpen(): boolean {
    return this.#port !== undefined;
  }

  announce(role: 'owner' | 'gone'): void {
    this.#port?.postMessage({ store: this.#store, role } satisfies ToIntroducer);
  }

  want(port: MessagePort): void {
    this.#port?.postMessage({ store: this.#store, want: port } satisfies ToIntroducer, [port]);
  }

  close(): void {
    this.#port?.close();
    this.#port = undefined;
  }
}
