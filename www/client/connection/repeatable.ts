// Which calls may be sent again when the coordinator ended before it answered: those that only read, those whose second run
// changes nothing, and writes of rows and new imports, which it knows again by their request id.

import type { Outgoing } from './channel.js';

const PREFIXES = /^(Describe|BatchDescribe|Has|Show|Get|List|Load|Release|CancelLoad|Check)/;
const NAMES = new Set(['Connect', 'Route', 'Flush', 'FlushAll', 'RunAnalyzer', 'Import', 'ImportPut', 'ImportAlive', 'CancelImport', 'BeginExport', 'StepExport', 'EndExport']);
const WRITES = new Set(['Insert', 'Upsert', 'Delete']);

/** The coordinator knows writes again for 60 s; the rest is for the repeat to get there. */
const WRITES_KNOWN_FOR_MS = 45_000;

export function isRepeatable(method: string): boolean {
  return NAMES.has(method) || WRITES.has(method) || PREFIXES.test(method);
}

/** The call to send instead of one that was not answered; undefined when it cannot be sent again any more. */
export function repeatOf(outgoing: Outgoing, msSinceSent: number): Outgoing | undefined {
  if (!WRITES.has(outgoing.method)) return outgoing;
  if (msSinceSent > WRITES_KNOWN_FOR_MS) return undefined;
  // Its numbers may be longer than a parsed body could hold.
  return { ...outgoing, body: outgoing.body.replace('{', '{"repeated":true,') };
}
