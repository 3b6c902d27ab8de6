// What the bench itself needs: the peers' packages, and the two modules that are built of Rust.
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { features } from '../../scripts/build.mjs';
import { bin, filesUnder, isStale, root, run } from '../../scripts/run.mjs';

const target = 'target/benches';
const release = `${target}/wasm32-unknown-unknown/release`;
export const limitsModule = `${release}/limits.wasm`;
/** What pages load of the peers that have to be built first. */
export const peersFolder = `${target}/peers`;

const peers = 'benches/peers';

async function install() {
  const lock = path => JSON.parse(readFileSync(join(root, path), 'utf8')).packages;
  const installed = `${peers}/node_modules/.package-lock.json`;
  const have = existsSync(join(root, installed)) ? lock(installed) : {};
  const wanted = Object.entries(lock(`${peers}/package-lock.json`)).filter(([path]) => path);
  if (wanted.every(([path, { version }]) => have[path]?.version === version)) return;
  await run('npm', ['ci', '--prefix', peers, '--no-audit', '--no-fund']);
}

const crate = folder =>
  run('cargo', [
    'build', '--locked', '--release', '--target', 'wasm32-unknown-unknown', '--target-dir', target, '--manifest-path', `${folder}/Cargo.toml`,
  ]);

async function ferrovec() {
  await crate(`${peers}/ferrovec`);
  const module = `${release}/ferrovec_page.wasm`;
  const bound = `${target}/ferrovec/ferrovec_bg.wasm`;
  const output = `${peersFolder}/ferrovec_bg.wasm`;
  if (!isStale([output], [module, 'benches/search/modules.mjs'])) return;
  await run('wasm-bindgen', [module, '--target', 'web', '--out-dir', `${target}/ferrovec`, '--out-name', 'ferrovec']);
  await run(bin('esbuild'), [`${target}/ferrovec/ferrovec.js`, '--minify', `--outfile=${peersFolder}/ferrovec.js`, '--log-level=warning']);
  await run(bin('wasm-opt'), ['-O3', ...features, bound, '-o', output]);
}

/** Orama comes as many small modules, which name others in ways that no page resolves. */
async function orama() {
  const [entry, output] = [`${peers}/orama.mjs`, `${peersFolder}/orama.js`];
  if (!isStale([output], [entry, ...filesUnder(`${peers}/package-lock.json`)])) return;
  await run(bin('esbuild'), [entry, '--bundle', '--minify', '--format=esm', '--conditions=browser', `--outfile=${output}`, '--log-level=warning']);
}

export async function makeLimits() {
  await crate('benches/limits');
}

export async function makePeers() {
  mkdirSync(join(root, peersFolder), { recursive: true });
  await install();
  await ferrovec();
  await orama();
}
