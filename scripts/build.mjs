// Builds dist: the wasm module with its bindings, and the client and each worker as one script, so that a page waits for few.
import { cpSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { bin, filesUnder, isStale, main, root, run } from './run.mjs';

const module = 'target/wasm32-unknown-unknown/release/elanus.wasm';
const bindings = 'target/bindings';
/** What tsc makes of www, a module each. */
export const modules = 'target/modules';

// What rustc lets the module use: its defaults for the target, and simd128 from .cargo/config.toml.
export const features = [
  'bulk-memory', 'multivalue', 'mutable-globals', 'nontrapping-float-to-int', 'reference-types', 'sign-ext', 'simd',
].map(feature => `--enable-${feature}`);

// Functions that are called in one place stay apart: in one with all that it calls, a loop waits long for being compiled well.
// And what is alike stays together, by the names that tell every type: it is smaller when it is compressed.
const optimization = ['-O3', '--one-caller-inline-max-function-size=10', '--reorder-functions-by-name'];

/** The modules that pages and workers start with. Other packages are only in that of the Parquet worker. */
const client = 'client/index.js';
const workers = ['coordinator', 'node', 'file-worker', 'introducer'].map(worker => `workers/${worker}.js`);
const parquet = 'workers/parquet.js';
const otherPackages = ['hyparquet', 'hyparquet-writer', 'hyparquet-compressors', 'fzstd'];

async function wasm() {
  await run('cargo', ['build', '--release', '--target', 'wasm32-unknown-unknown', '--lib']);
  if (!isStale(['dist/wasm/elanus_bg.wasm', `${modules}/wasm/elanus.js`], [module, 'scripts/build.mjs'])) return;
  await run('wasm-bindgen', [module, '--target', 'web', '--omit-default-module-path', '--out-dir', bindings, '--out-name', 'elanus']);
  mkdirSync(join(root, modules, 'wasm'), { recursive: true });
  for (const name of ['elanus.js', 'elanus.d.ts']) cpSync(join(root, bindings, name), join(root, modules, 'wasm', name));
  rmSync(join(root, 'dist/wasm'), { recursive: true, force: true });
  mkdirSync(join(root, 'dist/wasm'), { recursive: true });
  // Last: what it writes says that all of this was done.
  await run(bin('wasm-opt'), [...optimization, ...features, `${bindings}/elanus_bg.wasm`, '-o', 'dist/wasm/elanus_bg.wasm']);
}

async function typescript() {
  const sources = filesUnder('www/client', 'www/parquet', 'www/wasm', 'www/workers');
  const outputs = [client, ...workers, parquet].map(entry => join('dist', entry));
  if (!isStale(outputs, [...sources, 'tsconfig.json', 'package-lock.json', 'scripts/build.mjs', `${modules}/wasm/elanus.js`])) return;
  // A module whose source is gone would be there for ever.
  for (const folder of ['client', 'parquet', 'workers']) {
    for (const place of ['dist', modules]) rmSync(join(root, place, folder), { recursive: true, force: true });
  }
  await run(bin('tsc'), ['-p', 'tsconfig.json', '--noEmitOnError']);
  for (const path of filesUnder(`${modules}/client`).filter(path => path.endsWith('.d.ts'))) {
    cpSync(join(root, path), join(root, 'dist', path.slice(modules.length)));
  }
  await bundle(join(root, modules), join(root, 'dist'));
}

/** Makes scripts of modules. What they name by a URL of their own, which are workers and the wasm module, keeps its place. */
export async function bundle(from, to) {
  const options = ['--bundle', '--minify-whitespace', '--minify-syntax', '--format=esm', '--target=es2022', '--log-level=warning'];
  const inputs = list => list.map(entry => join(from, entry));
  const out = [`--outdir=${to}`, `--outbase=${from}`];
  // An application sees the client's names in its stack traces.
  await run(bin('esbuild'), [...inputs([client]), ...options, ...out]);
  await run(bin('esbuild'), [...inputs(workers), ...options, '--minify-identifiers', ...out]);
  const notices = otherPackages.map(name => `${name}\n\n${readFileSync(join(root, 'node_modules', name, 'LICENSE'), 'utf8')}`);
  await run(bin('esbuild'), [...inputs([parquet]), ...options, '--minify', '--conditions=browser', `--banner:js=/*!\n${notices.join('\n')}*/`, ...out]);
}

export async function build() {
  await wasm();
  await typescript();
}

main(import.meta.url, build);
