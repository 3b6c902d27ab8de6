// The store's owner lock, and the coordinator that this page runs while it has it.

import type { StoreConfig } from '../wire/messages.js';
import { ownerLock } from '../wire/messages.js';
import { CoordinatorHost } from './coordinator-host.js';

export class Ownership {
  #config: StoreConfig;
  #handlers: { onGained(): void; onLost(): void };
  #turn = new AbortController();
  #host: CoordinatorHost | undefined;

  constructor(config: StoreConfig, handlers: { onGained(): void; onLost(): void }) {
    this.#config = config;
    this.#handlers = handlers;
    this.#request();
  }

  /** Of the coordinator, as long as this page is the owner. */
  get host(): CoordinatorHost | undefined {
    return this.#host;
  }

  giveUp(): void {
    this.#turn.abort();
  }

  #request(): void {
    const { signal } = this.#turn;
    navigator.locks.request(ownerLock(this.#config.store), { signal }, () => this.#own(signal)).catch((error: unknown) => {
      if (!signal.aborted) console.error('elanus: the store could not be owned', error);
    });
  }

  /** Resolves when the turn is over, which frees the lock. */
  #own(turn: AbortSignal): Promise<void> {
    if (turn.aborted) return Promise.resolve();
    const host = new CoordinatorHost(this.#config);
    this.#host = host;
    this.#handlers.onGained();
    return new Promise(resolve => {
      turn.addEventListener('abort', () => {
        host.terminate();
        this.#host = undefined;
        this.#handlers.onLost();
        resolve();
      });
    });
  }
}
