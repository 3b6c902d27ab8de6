// The coordinator's worker, in the page that owns the store: started, started again when it ends, and given the ports of
// all clients (this page's and, through introductions, other tabs'). Ports wait here until the worker is ready, so that a
// store that cannot be opened is reported to each of them.

import { messageOf } from '../errors.js';
import { coordinatorFault, spawnCoordinator } from '../spawn.js';
import type { Connect, Fatal, Opening, PortEnd, Ready, StoreConfig } from '../wire/messages.js';
import { workerDeath } from './death-notice.js';
import { turnAway } from './port.js';
import type { SpareWorker } from './spare-worker.js';

const MAX_BOOT_FAILURES = 3;
const FIRST_BACKOFF_MS = 50;
/** Clients wait no longer than this for the storage: the browser keeps it for up to a minute from a new owner if the last one
 * was stopped in the middle of a write. */
const OPENING_PATIENCE_MS = 5000;
const STORAGE_BUSY: Fatal = {
  fatal: 'the store is not open after 5 s; if the tab that had it was stopped while it wrote, the browser keeps it for up to a minute',
};

export class CoordinatorHost {
  #config: StoreConfig;
  /** For the first coordinator. */
  #spare: SpareWorker;
  #worker: Worker | undefined;
  #ready = false;
  #waiting: PortEnd[] = [];
  #bootFailures = 0;
  #patience: ReturnType<typeof setTimeout> | undefined;
  #isStorageBusy = false;
  #watch = new AbortController();
  #ended = false;

  constructor(config: StoreConfig, spare: SpareWorker) {
    this.#config = config;
    this.#spare = spare;
    this.#spawn();
  }

  connect(end: PortEnd): void {
    this.#waiting.push(end);
    if (this.#ready) this.#introduce();
    else if (this.#isStorageBusy) this.#refuse(STORAGE_BUSY);
    else if (!this.#worker && this.#bootFailures >= MAX_BOOT_FAILURES) {
      // It was given up; somebody asks again.
      this.#bootFailures = 0;
      this.#spawn();
    }
  }

  /** Who still waits asks again when another tab says that it is the owner. */
  terminate(): void {
    this.#ended = true;
    this.#stop();
    this.#waiting = [];
  }

  #spawn(): void {
    if (this.#ended || this.#worker) return;
    let worker: Worker;
    try {
      worker = this.#spare.take() ?? spawnCoordinator(this.#config.store);
    } catch (error) {
      this.#bootFailures = MAX_BOOT_FAILURES;
      this.#refuse({ fatal: coordinatorFault(messageOf(error)), isFinal: true });
      return;
    }
    this.#worker = worker;
    this.#watch = new AbortController();
    const gone = (reason: Fatal): void => {
      if (this.#worker === worker) this.#lost(reason);
    };
    worker.onmessage = (message: MessageEvent<Opening | Ready | Fatal>) => {
      if ('fatal' in message.data) {
        gone(message.data);
        return;
      }
      if ('opening' in message.data) {
        this.#patience = setTimeout(this.#losePatience, OPENING_PATIENCE_MS);
        return;
      }
      this.#endPatience();
      this.#ready = true;
      this.#bootFailures = 0;
      this.#introduce();
      const id = message.data.ready;
      void workerDeath(id, this.#watch.signal).then(() => gone({ fatal: `worker ${id} ended` }));
    };
    worker.onerror = event => {
      event.preventDefault?.();
      gone({ fatal: coordinatorFault(event.message), isFinal: true });
    };
    worker.postMessage(this.#config);
  }

  #introduce(): void {
    // Who asked for both kinds takes what is greeted first, and real ports are faster.
    const isNamed = (end: PortEnd): boolean => typeof end === 'string';
    const ends = this.#waiting.splice(0);
    for (const connect of [...ends.filter(end => !isNamed(end)), ...ends.filter(isNamed)]) {
      this.#worker?.postMessage({ connect } satisfies Connect, typeof connect === 'string' ? [] : [connect]);
    }
  }

  #losePatience = (): void => {
    this.#isStorageBusy = true;
    this.#refuse(STORAGE_BUSY);
  };

  #endPatience(): void {
    clearTimeout(this.#patience);
    this.#isStorageBusy = false;
  }

  #lost(reason: Fatal): void {
    const booted = this.#ready;
    this.#stop();
    if (this.#ended) return;
    if (!booted && ++this.#bootFailures >= MAX_BOOT_FAILURES) {
      this.#refuse(reason);
      return;
    }
    setTimeout(() => this.#spawn(), booted ? 0 : FIRST_BACKOFF_MS * 2 ** this.#bootFailures);
  }

  #stop(): void {
    this.#endPatience();
    this.#watch.abort();
    this.#worker?.terminate();
    this.#worker = undefined;
    this.#ready = false;
  }

  #refuse(reason: Fatal): void {
    for (const end of this.#waiting.splice(0)) turnAway(end, reason);
  }
}
