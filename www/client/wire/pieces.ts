// The bytes that a page keeps, to send them again if the engine ends, are copied for each sending: in pieces and a task for each,
// because copying megabytes at once would hold the page up. Only the engine's memory puts them together again.

import { nextTask } from '../steps.js';
import type { Piece, Received, ReceivedBlob, Request, RequestBlob } from './messages.js';

export const PIECE_BYTES = 1 << 20;

/** Bytes may also be given as parts that follow one another. */
export type OutgoingBlob = RequestBlob | Uint8Array[];
type Given = Omit<Request, 'blobs'> & { blobs: OutgoingBlob[] };

function* piecesOf(parts: Uint8Array[]): Generator<Uint8Array<ArrayBuffer>> {
  let left = parts.reduce((bytes, part) => bytes + part.byteLength, 0);
  const rest = parts.values();
  let part = new Uint8Array();
  do {
    const piece = new Uint8Array(Math.min(left, PIECE_BYTES));
    for (let filled = 0; filled < piece.byteLength; ) {
      while (part.byteLength === 0) part = rest.next().value as Uint8Array<ArrayBuffer>;
      const now = part.subarray(0, piece.byteLength - filled);
      piece.set(now, filled);
      filled += now.byteLength;
      part = part.subarray(now.byteLength);
    }
    left -= piece.byteLength;
    yield piece;
  } while (left > 0);
}

/** Small requests go at once; `send` says whether the next may follow. */
export async function sendCopy(request: Given, send: (message: Request | Piece, transfer: ArrayBuffer[]) => boolean): Promise<void> {
  const [last, ...others] = [...request.blobs].reverse();
  const isLarge = Array.isArray(last) || (last instanceof Uint8Array && last.byteLength > PIECE_BYTES);
  if (!isLarge) {
    send(request as Request, []);
    return;
  }
  let next: Uint8Array<ArrayBuffer> | undefined;
  for (const piece of piecesOf([last].flat())) {
    if (next) {
      if (!send({ id: request.id, piece: next }, [next.buffer])) return;
      await nextTask();
    }
    next = piece;
  }
  send({ ...request, blobs: [...others.reverse(), next] } as Request, [next!.buffer]);
}

export const received = (blobs: RequestBlob[]): ReceivedBlob[] => blobs.map(blob => (blob instanceof Blob ? blob : [blob].flat()));

/** Of one port. */
export class Assembly {
  #pieces = new Map<number, Uint8Array<ArrayBuffer>[]>();

  /** The request that is whole with this message. */
  add(message: Request | Piece): Received | undefined {
    const before = this.#pieces.get(message.id);
    if ('piece' in message) {
      if (!message.piece) this.#pieces.delete(message.id);
      else if (before) before.push(message.piece);
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
