// Files that are called `.gz`.

import { messageOf } from './errors.js';

const MAGIC = [0x1f, 0x8b];

/**
 * What is in gzip, unpacked, and anything else as it is: where a server names gzip as the coding of what it sends, the browser
 * has unpacked it already. Errors name the file.
 */
export function gunzipped(name: string, packed: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
  const source = packed.getReader();
  let reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        reader ??= (await plain(source)).getReader();
        const { done, value } = await reader.read();
        if (done) controller.close();
        else controller.enqueue(value);
      } catch (error) {
        throw new Error(`${name}: ${messageOf(error)}`, { cause: error });
      }
    },
    cancel: reason => (reader ?? source).cancel(reason),
  });
}

async function plain(source: ReadableStreamDefaultReader<Uint8Array>): Promise<ReadableStream<Uint8Array>> {
  const begin: Uint8Array[] = [];
  for (let bytes = 0; bytes < MAGIC.length; ) {
    const { done, value } = await source.read();
    if (done) break;
    begin.push(value);
    bytes += value.length;
  }
  const start = begin.flatMap(chunk => [...chunk.subarray(0, MAGIC.length)]);
  const whole = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const first = begin.shift();
      if (first) return controller.enqueue(first);
      const { done, value } = await source.read();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: reason => source.cancel(reason),
  });
  // The types of the DOM know only of decompression from one kind of buffers.
  return MAGIC.every((byte, at) => start[at] === byte) ? whole.pipeThrough(new DecompressionStream('gzip') as never) : whole;
}
