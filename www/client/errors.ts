// Errors that the client itself rejects with. Refusals by the engine are answers (a status), as with the SDK; these are for
// calls that got no answer.

import type { ResStatus } from './types/index.js';

/** An error that is also a Milvus status: `code`, `error_code`, `reason`, `retriable` and `detail`. */
export class MilvusError extends Error implements ResStatus {
  override name = 'MilvusError';
  readonly extra_info: Record<string, string> = {};
  readonly error_code: string;
  readonly reason: string;
  readonly code: number;
  readonly retriable: boolean;
  readonly detail: string;

  constructor(status: { code?: number; reason: string; error_code?: string | number; retriable?: boolean; detail?: string }) {
    const error_code = String(status.error_code ?? 'UnexpectedError');
    super(`ErrorCode: ${error_code}. Reason: ${status.reason}`);
    this.error_code = error_code;
    this.reason = status.reason;
    this.code = status.code ?? UNEXPECTED;
    this.retriable = status.retriable ?? false;
    this.detail = status.detail ?? status.reason;
  }
}

/** Thrown where the SDK throws an error with this text and does not answer with the status. */
export function failure(status: ResStatus): MilvusError {
  return new MilvusError(status);
}

export const UNEXPECTED = 65535;
const SERVICE_NOT_READY = 1;
export const SERVICE_UNIMPLEMENTED = 10;

export function unavailable(method: string): MilvusError {
  return new MilvusError({
    code: SERVICE_UNIMPLEMENTED,
    reason: `service unimplemented: ${method} is not available in the browser`,
  });
}

/** The engine could not be reached, or ended before it answered: try again. */
export function notReady(why: string): MilvusError {
  return new MilvusError({ code: SERVICE_NOT_READY, reason: `service not ready[${why}]`, retriable: true });
}

/** Trying again does not help as long as the page, its server and its browser are as they are. */
export function neverReady(why: string): MilvusError {
  return new MilvusError({ code: SERVICE_NOT_READY, reason: `service not ready[${why}]` });
}

/** Another tab owns the store and speaks another protocol: nothing helps but a reload. */
export function otherVersion(ours: number, theirs: number): MilvusError {
  const remedy = theirs > ours ? 'reload this tab' : 'reload or close the other tabs of this site';
  return new MilvusError({
    reason: `this tab has a version of elanus that cannot work with the one in the tab that owns the store (protocol ${ours} here, ${theirs} there): ${remedy}`,
  });
}

/** Rows that could be sent to a server, and that it would refuse: the answer of that insert or upsert. */
export class RefusedRows extends MilvusError {
  override name = 'RefusedRows';
}

/** The worker that a call was waiting for has ended. */
export class WorkerDied extends Error {
  override name = 'WorkerDied';
}

/** What gRPC calls a deadline: same code, name and text. */
export class DeadlineExceeded extends Error {
  readonly code = 4;
  readonly details: string;
  constructor(timeout_ms: number) {
    const details = `Deadline exceeded after ${(timeout_ms / 1000).toFixed(3)}s`;
    super(`4 DEADLINE_EXCEEDED: ${details}`);
    this.details = details;
  }
}

/** Using a client after closeConnection; the SDK's pool says it in just these words. */
export class ClientClosed extends MilvusError {
  constructor() {
    super({ code: SERVICE_NOT_READY, reason: 'pool is draining and cannot accept work' });
    this.message = this.reason;
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
