// A server that takes the messages of the soak's page; the answer to each is what `take` gives.
import { createServer } from 'node:http';

/** Undefined if the page was killed while it sent it. */
async function messageOf(request) {
  const chunks = [];
  try {
    for await (const chunk of request) chunks.push(chunk);
  } catch (error) {
    if (error.code === 'ECONNRESET') return undefined;
    throw error;
  }
  return JSON.parse(Buffer.concat(chunks).toString() || '{}');
}

export async function listen(take) {
  const server = createServer(async (request, response) => {
    const message = await messageOf(request);
    if (!message) return;
    const answer = take(message);
    response.writeHead(200, { 'Access-Control-Allow-Origin': '*', 'Content-Type': 'application/json' });
    response.end(JSON.stringify(answer ?? {}));
  });
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve));
  const close = () => new Promise(resolve => {
    server.close(resolve);
    server.closeAllConnections();
  });
  return { url: `http://localhost:${server.address().port}/`, close };
}
