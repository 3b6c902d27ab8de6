// A server of files that are made while they are sent: nobody holds more than a part of one. `rows.jsonl?from=5&count=10&keys=1`
// has the rows with the numbers 5 to 14, and keys beside.
import { createServer } from 'node:http';
import { Readable } from 'node:stream';
import { fileKinds } from './page/import-rows.mjs';

const rowsAtOnce = 200;

function* parts({ head, row }, from, count, hasKey) {
  let text = head(hasKey);
  for (let at = 0; at < count; at += 1) {
    text += row(from + at, hasKey);
    if ((at + 1) % rowsAtOnce > 0) continue;
    yield Buffer.from(text);
    text = '';
  }
  yield Buffer.from(text);
}

export async function serveSources() {
  let sent = 0;
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url, 'http://localhost');
    const kind = fileKinds[pathname.split('.').at(-1)];
    const [from, count, keys] = ['from', 'count', 'keys'].map(name => Number(searchParams.get(name)));
    response.writeHead(200, { 'Access-Control-Allow-Origin': '*', 'Content-Type': 'application/octet-stream' });
    const source = Readable.from(parts(kind, from, count, keys === 1), { objectMode: true, highWaterMark: 1 });
    source.on('data', part => (sent += part.length));
    // Who asked for it may be killed.
    response.on('close', () => source.destroy());
    source.pipe(response);
  });
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve));
  const close = () => new Promise(resolve => {
    server.close(resolve);
    server.closeAllConnections();
  });
  const urlOf = (kind, { from, count, hasKey }) => {
    const query = new URLSearchParams({ from, count, keys: hasKey ? 1 : 0 });
    return `http://localhost:${server.address().port}/rows.${kind}?${query}`;
  };
  return { urlOf, close, sentBytes: () => sent };
}
