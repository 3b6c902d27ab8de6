// The package as npm would publish it, installed in a folder of its own.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { root } from '../../scripts/run.mjs';

/** A folder that is gone when the tests of its file have ended. */
export function temporaryFolder() {
  const folder = mkdtempSync(join(tmpdir(), 'elanus-packaging-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Packs into the folder, and answers the tarball and the paths in it. */
export function pack(folder) {
  const output = execFileSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], { cwd: root, encoding: 'utf8' });
  const [{ filename, files }] = Object.values(JSON.parse(output));
  return { tarball: join(folder, filename), files: files.map(file => file.path) };
}

/** Unpacks it where `npm install` would; it has no dependencies. */
export function install(tarball, folder) {
  const place = join(folder, 'node_modules/elanus');
  mkdirSync(place, { recursive: true });
  execFileSync('tar', ['-xzf', tarball, '-C', place, '--strip-components=1']);
}
