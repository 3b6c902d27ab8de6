// Builds dist: the wasm module with its bindings, the client and workers from TypeScript, and what they use of other packages.
import { cpSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { bin, filesUnder, isStale, main, root, run } from './run.mjs';

const module = 'target/wasm32-unknown-unknown/release/elanus.wasm';
const bindings = 'target/bindings';

// What rustc lets the module use: its defaults for the target, and simd128 from .cargo/config.toml.
export const features = [
  'bulk-memory', 'multivalue', 'mutable-globals', 'nontrapping-float-to-int', 'reference-types', 'sign-ext', 'simd',
].map(feature => `--enable-${feature}`);

/** The module that brings in the other packages. */
const libraries = 'dist/parquet/libraries.js';
const NOTICES = '/*!';

async function wasm() {
  await run('cargo', ['build', '--release', '--target', 'wasm32-unknown-unknown', '--lib']);
  if (!isStale(['dist/wasm/elanus_bg.wasm'], [module, 'scripts/build.mjs'])) return;
  await run('wasm-bindgen', [module, '--target', 'web', '--out-dir', bindings, '--out-name', 'elanus']);
  mkdirSync(join(root, 'dist/wasm'), { recursive: true });
  for (const name of ['elanus.js', 'elanus.d.ts', 'elanus_bg.wasm.d.ts']) {
    cpSync(join(root, bindings, name), join(root, 'dist/wasm', name));
  }
  // Last: what it writes says that all of this was done.
  await run(bin('wasm-opt'), ['-O3', ...features, `${bindings}/elanus_bg.wasm`, '-o', 'dist/wasm/elanus_bg.wasm']);
}

async function typescript() {
  const sources = filesUnder('www/client', 'www/parquet', 'www/wasm', 'www/workers');
  const entry = 'dist/client/index.js';
  if (isStale([entry, libraries], [...sources, 'tsconfig.json', 'package-lock.json', 'dist/wasm/elanus.d.ts'])) {
    // A module whose source is gone would be published for ever.
    for (const folder of ['dist/client', 'dist/parquet', 'dist/workers']) rmSync(join(root, folder), { recursive: true, force: true });
    await run(bin('tsc'), ['-p', 'tsconfig.json', '--noEmitOnError']);
  }
  // Who runs tsc by itself gets the module as it was written.
  if (!readFileSync(join(root, libraries), 'utf8').startsWith(NOTICES)) await bundleLibraries();
}

/** A page has no import map for other packages, so the one module that names them is replaced by what it names. */
async function bundleLibraries() {
  const packages = ['hyparquet', 'hyparquet-writer', 'hyparquet-compressors', 'fzstd'];
  const notices = packages.map(name => `${name}\n\n${readFileSync(join(root, 'node_modules', name, 'LICENSE'), 'utf8')}`);
  const banner = `${NOTICES}\n${notices.join('\n')}*/`;
  const options = ['--bundle', '--minify', '--format=esm', '--target=es2022', '--conditions=browser', '--log-level=warning'];
  await run(bin('esbuild'), [libraries, ...options, `--banner:js=${banner}`, `--outfile=${libraries}`, '--allow-overwrite']);
}

export async function build() {
  await wasm();
  await typescript();
}

main(import.meta.url, build);
