// A real Milvus server on this machine: that of PyPI's package, whose version is the newest it ever carried.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { Failure, onPath, output, root, run } from '../../scripts/run.mjs';

export const version = '2.3.5';

const cache = join(root, '.cache/milvus');
const python = join(cache, 'venv/bin/python');

/** What is there is kept: the package, and the programs that its first start unpacks. */
async function install() {
  const asked = 'from importlib.metadata import version; print(version("milvus"))';
  if (existsSync(python) && output(python, ['-c', asked]) === version) return;
  if (!onPath('python3')) throw new Failure('there is no python3, in whose packages the server is');
  rmSync(cache, { recursive: true, force: true });
  await run('python3', ['-m', 'venv', join(cache, 'venv')]);
  await run(python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', `milvus==${version}`]);
}

/** `put` makes a file in the server's storage, and says the path that an import finds it by. */
export async function startServer() {
  await install();
  const folder = mkdtempSync(join(tmpdir(), 'elanus-milvus-'));
  mkdirSync(join(cache, 'bin'), { recursive: true });
  symlinkSync(join(cache, 'bin'), join(folder, 'bin'));
  // The server ends when its input does, so it outlives nobody who started it.
  const child = spawn(python, [join(import.meta.dirname, 'server.py'), folder], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  const close = async () => {
    child.stdin.end();
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  const line = once(createInterface(child.stdout), 'line').then(([line]) => line);
  const port = await Promise.race([line, ended.then(() => undefined)]);
  if (!port) {
    await close();
    throw new Failure('the server did not start');
  }
  // Paths are those of files in the server's storage, from the folder that it runs in.
  const put = (path, bytes) => {
    const stored = join('data/exported', path);
    mkdirSync(dirname(join(folder, stored)), { recursive: true });
    writeFileSync(join(folder, stored), bytes);
    return stored;
  };
  return { address: `localhost:${port}`, put, close };
}
