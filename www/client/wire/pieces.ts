// The bytes that a page keeps, to send them again if the engine ends, are copied for each sending: in pieces and a task for each,
// because copying megabytes at once would hold the page up. Only the engine's memory puts them together again.

import { nextTask } from '../steps.js';
import type { Piece, Received, ReceivedBlob, Request, RequestBlob } from './messages.js';

export const PIECE_BYTES = 1 << 20;

/** Small requests go at once; `send` says whether the next may follow. */
export async function sendCopy(request: Request, send: (message: Request | Piece, transfer: ArrayBuffer[]) => boolean): Promise<void> {
  const blobs = [...request.blobs];
  const last = blobs.at(-1);
  if (last instanceof Uint8Array) {
    let at = 0;
    for (; last.byteLength - at > PIECE_BYTES; at += PIECE_BYTES) {
      const piece = last.slice(at, at + PIECE_BYTES);
      if (!send({ id: request.id, piece }, [piece.buffer])) return;
      await nextTask();
    }
    if (at > 0) blobs[blobs.length - 1] = last.slice(at);
  }
  send({ ...request, blobs }, []);
}

export const received = (blobs: RequestBlob[]): ReceivedBlob[] => blobs.map(blob => (blob instanceof Blob ? blob : [blob]));

/** Of one port. */
export class Assembly {
  #pieces = new Map<number, Uint8Array<ArrayBuffer>[]>();

  /** The request that is whole with this message. */
  add(message: Request | Piece): Received | undefined {
    const before = this.#pieces.get(message.id);
    if ('piece' in message) {
      if (before) before.push(message.piece);
      else this.#pieces.set(message.id, [message.piece]);
      return undefined;
    }
    const blobs = received(message.blobs);
    if (before) {
      this.#pieces.delete(message.id);
      (blobs.at(-1) as Uint8Array[]).unshift(...before);
    }
    return { ...message, blobs };
  }
}
