// The store's owner lock, and the coordinator that this page runs while it has it.

import type { StoreConfig } from '../wire/messages.js';
import { ownerLock, seizureLock } from '../wire/messages.js';
import { spawnCoordinator } from '../spawn.js';
import { CoordinatorHost } from './coordinator-host.js';
import { SpareWorker } from './spare-worker.js';

/** Tabs that wait for the same owner lose patience at the same moment, and only one of them shall take over. */
const SEIZURE_MS = 500;
/** A lock that is free is got within a few milliseconds, or tens of them when the browser has just started. */
const SPARE_MS = 500;

export interface OwnershipHandlers {
  onGained(): void;
  onLost(): void;
  /** The browser lets this page have no locks, now and later. */
  onDenied(reason: unknown): void;
}

export class Ownership {
  #config: StoreConfig;
  #handlers: OwnershipHandlers;
  #turn = new AbortController();
  #host: CoordinatorHost | undefined;
  #spare: SpareWorker;

  constructor(config: StoreConfig, handlers: OwnershipHandlers) {
    this.#config = config;
    this.#handlers = handlers;
    this.#spare = new SpareWorker(() => spawnCoordinator(config.store), SPARE_MS);
    this.#request({ steal: false });
  }

  /** Of the coordinator, as long as this page is the owner. */
  get host(): CoordinatorHost | undefined {
    return this.#host;
  }

  /** Takes the lock from whoever has it, unless another tab is doing that. The storage refuses what a deposed owner writes. */
  seize(): void {
    const seizure = async (lock: Lock | null): Promise<void> => {
      if (!lock || this.#host || this.#turn.signal.aborted) return;
      this.#turn.abort();
      this.#request({ steal: true });
      const { signal } = this.#turn;
      await new Promise<void>(resolve => {
        setTimeout(resolve, SEIZURE_MS);
        signal.addEventListener('abort', () => resolve());
      });
    };
    navigator.locks.request(seizureLock(this.#config.store), { ifAvailable: true }, seizure).catch((error: unknown) => {
      console.error('elanus: the store could not be owned', error);
    });
  }

  /** The lock will not be got soon. */
  isOthers(): void {
    this.#spare.end();
  }

  giveUp(): void {
    this.#spare.end();
    this.#turn.abort();
  }

  #request({ steal }: { steal: boolean }): void {
    const turn = new AbortController();
    const { signal } = turn;
    this.#turn = turn;
    // A request that steals takes no signal.
    const options = steal ? { steal } : { signal };
    navigator.locks.request(ownerLock(this.#config.store), options, () => this.#own(signal)).catch((error: unknown) => {
      if (signal.aborted) return;
      turn.abort();
      if ((error as Error).name === 'AbortError') this.#request({ steal: false });
      else this.#handlers.onDenied(error);
    });
  }

  /** Resolves when the turn is over, which frees the lock. */
  #own(turn: AbortSignal): Promise<void> {
    if (turn.aborted) return Promise.resolve();
    const host = new CoordinatorHost(this.#config, this.#spare);
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
