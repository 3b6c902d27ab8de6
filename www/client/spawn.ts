// Where the package's worker scripts are. Bundlers recognise a worker only by `new URL(...)` written inside the call.

import { scriptFault } from './script-fault.js';

export function spawnCoordinator(store: string): Worker {
  return new Worker(new URL('../workers/coordinator.js', import.meta.url), { type: 'module', name: `elanus:${store}` });
}

export function coordinatorFault(why: string | undefined): string {
  return scriptFault('../workers/coordinator.js', import.meta.url, why);
}

export function openIntroducer(): MessagePort {
  const introducer = new SharedWorker(new URL('../workers/introducer.js', import.meta.url), { type: 'module', name: 'elanus-introducer' });
  return introducer.port;
}
