// A static file server without any special header: what elanus must work behind.
import { createReadStream, existsSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, sep } from 'node:path';

const types = {
  '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.mjs': 'text/javascript', '.css': 'text/css',
  '.json': 'application/json', '.jsonl': 'application/jsonl', '.map': 'application/json', '.wasm': 'application/wasm', '.svg': 'image/svg+xml',
  '.png': 'image/png', '.ico': 'image/x-icon', '.txt': 'text/plain; charset=utf-8', '.csv': 'text/csv',
};

/**
 * Serves folders of this machine to this machine: `{ '/': 'www/demo', '/dist/': 'dist' }`, the longest prefix first. `served` hears
 * of each path and its file.
 */
export async function serve(mounts, port = 0, served = () => undefined) {
  const prefixes = Object.keys(mounts).sort((a, b) => b.length - a.length);
  const fileOf = path => {
    const prefix = prefixes.find(prefix => path.startsWith(prefix));
    if (prefix === undefined) return undefined;
    const folder = mounts[prefix];
    let file = join(folder, path.slice(prefix.length));
    if (file !== folder && !file.startsWith(folder + sep)) return undefined;
    if (existsSync(file) && statSync(file).isDirectory()) file = join(file, 'index.html');
    return existsSync(file) ? file : undefined;
  };
  const server = createServer((request, response) => {
    let file;
    try {
      const path = decodeURIComponent(new URL(request.url, 'http://localhost').pathname);
      file = fileOf(path);
      if (file) served(path, file);
    } catch {
      // A path that does not decode names nothing.
    }
    if (!file) return void response.writeHead(404, { 'Content-Type': 'text/plain' }).end('not found');
    const type = types[extname(file)] ?? 'application/octet-stream';
    response.writeHead(200, { 'Content-Type': type, 'Content-Length': statSync(file).size, 'Cache-Control': 'no-cache' });
    if (request.method === 'HEAD') return void response.end();
    createReadStream(file).on('error', () => response.destroy()).pipe(response);
  });
  await new Promise((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve));
  const close = () => new Promise(resolve => {
    server.close(resolve);
    server.closeAllConnections();
  });
  return { url: `http://localhost:${server.address().port}/`, close };
}
