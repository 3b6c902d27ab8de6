// What the other scripts share: running programs from the project's root, and finding them.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Where setup puts the tools that cargo builds. */
export const tools = join(root, '.tools', 'bin');

export const bin = name => join(root, 'node_modules', '.bin', name);

/** An error whose text is all that the reader needs: no stack. */
export class Failure extends Error {}

/** Runs a program with the project's tools first on its path, its output going where ours goes. */
export function run(command, args, env = {}) {
  const PATH = [tools, process.env.PATH].join(delimiter);
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: 'inherit', env: { ...process.env, PATH, ...env } });
    child.on('error', error => reject(new Failure(`${command} cannot be started: ${error.message}`)));
    child.on('exit', (code, signal) =>
      code === 0 ? resolve() : reject(new Failure(`${command} ${args.join(' ')}: ${signal ?? `exit code ${code}`}`)));
  });
}

/** What a program prints, or null if it is not there or fails. */
export function output(command, args) {
  const { status, stdout } = spawnSync(command, args, { cwd: root, encoding: 'utf8' });
  return status === 0 ? stdout.trim() : null;
}

export function onPath(name) {
  const places = (process.env.PATH ?? '').split(delimiter).map(folder => join(folder, name));
  return places.find(place => existsSync(place));
}

/** The files under the paths, in order; a path that does not exist has none. */
export function filesUnder(...paths) {
  return paths.flatMap(path => {
    const full = join(root, path);
    if (!existsSync(full)) return [];
    if (!statSync(full).isDirectory()) return [path];
    return filesUnder(...readdirSync(full).sort().map(name => join(path, name)));
  });
}

/** Whether an output is missing or older than an input. */
export function isStale(outputs, inputs) {
  const time = path => statSync(join(root, path)).mtimeMs;
  if (outputs.some(path => !existsSync(join(root, path)))) return true;
  return Math.max(...inputs.map(time)) > Math.min(...outputs.map(time));
}

/** Runs a script's main function if the script was started itself, and not imported. */
export function main(url, work) {
  if (process.argv[1] !== fileURLToPath(url)) return;
  work().catch(error => {
    console.error(error instanceof Failure ? `error: ${error.message}` : error);
    process.exit(1);
  });
}
