// A worker holds a lock named by its id for life, so getting that lock means that it is dead. Waiters ask for it shared:
// any number of them learn it at once, and a tab frozen in the back/forward cache keeps nobody waiting.

import { workerLock } from '../wire/messages.js';

/** Resolves when the worker has ended; never when `signal` fires first. */
export function workerDeath(id: string, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    navigator.locks.request(workerLock(id), { mode: 'shared', signal }, () => resolve()).catch((error: unknown) => {
      // Aborted: the connection was closed. Anything else means that locks do not work, and nobody can be told.
      if (!signal.aborted) console.error('elanus: waiting for a worker failed', error);
    });
  });
}
