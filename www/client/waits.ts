// What the calls of a client wait for, and for how long.

import { DeadlineExceeded } from './errors.js';

/** The timer outlasts the last wait, but by no more than this: it keeps a process alive. */
const BEAT_MS = 500;

interface Wait {
  endsAt: number;
  timeout: number;
  reject(reason: unknown): void;
}

/** One timer for all: to set and clear one takes longer than the rest of waiting. */
export class Waits {
  #waits = new Set<Wait>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #timerAt = Infinity;

  /**
   * What `work` resolves with, unless `timeout` milliseconds pass, the signal fires or all are abandoned first: it is not wanted any
   * more then.
   */
  async within<T>(work: (isWanted: () => boolean) => Promise<T>, timeout: number, signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted();
    return new Promise<T>((resolve, reject) => {
      const abort = (): void => wait.reject(signal?.reason);
      const end = (): void => {
        this.#waits.delete(wait);
        signal?.removeEventListener('abort', abort);
      };
      const wait: Wait = {
        endsAt: performance.now() + timeout,
        timeout,
        reject: reason => {
          end();
          reject(reason as Error);
        },
      };
      this.#waits.add(wait);
      this.#wakeAt(wait.endsAt);
      signal?.addEventListener('abort', abort);
      work(() => this.#waits.has(wait)).then(value => {
        end();
        resolve(value);
      }, wait.reject);
    });
  }

  abandon(reason: Error): void {
    for (const wait of [...this.#waits]) wait.reject(reason);
    clearTimeout(this.#timer);
    [this.#timer, this.#timerAt] = [undefined, Infinity];
  }

  #wakeAt(at: number): void {
    if (at >= this.#timerAt) return;
    clearTimeout(this.#timer);
    const now = performance.now();
    this.#timerAt = Math.min(at, now + BEAT_MS);
    this.#timer = setTimeout(this.#wake, Math.max(this.#timerAt - now, 0));
  }

  #wake = (): void => {
    this.#timerAt = Infinity;
    const now = performance.now();
    let next = Infinity;
    for (const wait of [...this.#waits]) {
      if (wait.endsAt <= now) wait.reject(new DeadlineExceeded(wait.timeout));
      else next = Math.min(next, wait.endsAt);
    }
    if (next < Infinity) this.#wakeAt(next);
  };
}
