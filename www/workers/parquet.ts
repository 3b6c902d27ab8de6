// Reads or writes one Parquet file, for a page: started for it and ended after it, so that nobody else loads what it needs.

import { messageOf } from '../client/errors.js';
import type { FromParquet, ToParquet } from '../client/wire/parquet.js';
import { jsonLines } from '../parquet/json-lines.js';
import { ParquetFile } from '../parquet/write.js';
import { scope } from './scope.js';

let lines: AsyncGenerator<Uint8Array<ArrayBuffer>, void, void> | undefined;
let file: ParquetFile | undefined;

async function answer(request: ToParquet): Promise<FromParquet> {
  if ('read' in request) lines = jsonLines(request.read, request.target);
  else if ('more' in request) return { bytes: (await lines?.next())?.value || undefined };
  else if ('write' in request) file = new ParquetFile(request.write);
  else if ('batch' in request) file?.write(request.batch);
  else return { file: file?.finish() };
  return {};
}

scope.onmessage = (message: MessageEvent<ToParquet>) => {
  answer(message.data)
    .catch((error: unknown): FromParquet => ({ failed: messageOf(error) }))
    .then(reply => scope.postMessage(reply, 'bytes' in reply && reply.bytes ? [reply.bytes.buffer] : []));
};
