// Installs what building and testing need, and only what is missing: `node scripts/setup.mjs [wasm] [wasm-pack] [browser]`.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { browser, findChromedriver, findChromium } from './browser.mjs';
import { Failure, main, onPath, output, root, run, tools } from './run.mjs';

const target = 'wasm32-unknown-unknown';
const wasmPackVersion = '0.15.1';

// The program that writes the bindings must be of the version of the crate that it writes them for.
const wasmBindgenVersion = readFileSync(join(root, 'Cargo.lock'), 'utf8').match(/name = "wasm-bindgen"\nversion = "(.+)"/)[1];

const readJson = path => (existsSync(join(root, path)) ? JSON.parse(readFileSync(join(root, path), 'utf8')) : undefined);

async function rust() {
  if (!onPath('cargo')) throw new Failure('there is no cargo: install Rust from https://rustup.rs');
  const sysroot = output('rustc', ['--print', 'sysroot']);
  if (existsSync(join(sysroot, 'lib/rustlib', target))) return;
  if (!onPath('rustup')) throw new Failure(`this Rust has no standard library for ${target}, and there is no rustup to add it`);
  await run('rustup', ['target', 'add', target]);
}

async function npm() {
  const wanted = readJson('package-lock.json').packages;
  const installed = readJson('node_modules/.package-lock.json')?.packages ?? {};
  // Optional packages for other systems are locked but not installed.
  const missing = Object.keys(wanted).filter(path => path && !wanted[path].optional && installed[path]?.version !== wanted[path].version);
  if (missing.length === 0) return;
  await run('npm', ['ci', '--no-audit', '--no-fund']).catch(error => {
    throw new Failure(`${error.message}\nnpm could not install ${missing.length} packages, ${missing[0]} first. Is its registry reachable?`);
  });
}

const hasVersion = (program, version) => output(program, ['--version'])?.split(' ').includes(version);

/** `--debug` because these programs are built more often than they have much to do. */
async function tool(crate, version, programs, ...options) {
  const there = programs.every(name => [join(tools, name), name].some(program => hasVersion(program, version)));
  if (!there) await run('cargo', ['install', '--root', '.tools', '--debug', crate, '--version', `=${version}`, ...options]);
}

async function wasm() {
  await rust();
  await npm();
  const programs = ['wasm-bindgen', 'wasm-bindgen-test-runner'];
  await tool('wasm-bindgen-cli', wasmBindgenVersion, programs, ...programs.flatMap(name => ['--bin', name]));
}

async function wasmPack() {
  await rust();
  await tool('wasm-pack', wasmPackVersion, ['wasm-pack'], '--locked');
}

async function systemBrowser() {
  const isMissing = !findChromium() || !findChromedriver();
  if (isMissing && process.getuid?.() === 0 && onPath('apt-get')) {
    await run('apt-get', ['update']);
    await run('apt-get', ['install', '-y', '--no-install-recommends', 'chromium', 'chromium-driver'], { DEBIAN_FRONTEND: 'noninteractive' });
  }
  browser();
}

const pieces = { wasm, 'wasm-pack': wasmPack, browser: systemBrowser };

export async function setup(needs = Object.keys(pieces)) {
  for (const need of needs) {
    if (!pieces[need]) throw new Failure(`setup knows ${Object.keys(pieces).join(', ')}, not ${need}`);
    await pieces[need]();
  }
}

main(import.meta.url, () => setup(process.argv.length > 2 ? process.argv.slice(2) : undefined));
