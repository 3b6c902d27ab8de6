// Everything that must hold before a change lands, in the order in which it fails fastest: `npm run check`.
// Names of steps as arguments run only those.
import { browser, writeWebdriverJson } from './browser.mjs';
import { build } from './build.mjs';
import { bin, Failure, filesUnder, main, run } from './run.mjs';
import { size } from './size.mjs';

const wasmTarget = ['--target', 'wasm32-unknown-unknown'];
const clippy = (...options) => run('cargo', ['clippy', '--all-targets', ...options, '--', '-D', 'warnings']);

async function wasmTests() {
  const { chromium, chromedriver } = browser();
  writeWebdriverJson(chromium);
  const options = ['--headless', '--chrome', '--chromedriver', chromedriver];
  const environment = {
    // The runner allows 20 s for all tests together, which a busy disk takes alone.
    WASM_BINDGEN_TEST_TIMEOUT: '300',
    // It would pass by, without failing, a package that does not say so itself.
    WASM_BINDGEN_USE_DEDICATED_WORKER: '1',
  };
  await run('wasm-pack', ['test', ...options, '--', '--lib', '--test', 'browser'], environment);
}

/** Every `*.test.mjs` of a folder; one at a time, because they share the machine's cores with the browsers they start. */
const nodeTests = folder => ({
  inputs: filesUnder(folder).filter(path => path.endsWith('.test.mjs')),
  work() {
    return run(process.execPath, ['--test', '--test-concurrency=1', ...this.inputs]);
  },
});

// A step without inputs has nothing to check yet and is left out.
const steps = {
  format: { work: () => run('cargo', ['fmt', '--all', '--check']) },
  'clippy': { work: () => clippy() },
  'clippy for wasm': { work: () => clippy(...wasmTarget) },
  'native tests': { work: () => run('cargo', ['test', '--quiet']) },
  build: { work: build },
  types: { inputs: filesUnder('tests/types'), work: () => run(bin('tsc'), ['-p', 'tests/types', '--noEmit']) },
  'wasm tests': { work: wasmTests },
  'client tests': nodeTests('tests/client'),
  'demo tests': nodeTests('tests/demo'),
  'browser tests': nodeTests('tests/e2e'),
  conformance: nodeTests('tests/conformance'),
  packaging: nodeTests('tests/packaging'),
  size: { work: size },
};

main(import.meta.url, async () => {
  const unknown = process.argv.slice(2).filter(name => !steps[name]);
  if (unknown.length > 0) throw new Failure(`there is no step ${unknown}; there are ${Object.keys(steps).join(', ')}`);
  const chosen = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(steps);
  let passed = 0;
  for (const name of chosen) {
    if (steps[name].inputs?.length === 0) continue;
    console.log(`\n== ${name}`);
    const start = performance.now();
    const seconds = () => ((performance.now() - start) / 1000).toFixed(1);
    try {
      await steps[name].work();
    } catch (error) {
      console.error(error instanceof Failure ? error.message : error);
      console.log(`== ${name} failed after ${seconds()} s\n\n${passed} passed, 1 failed`);
      process.exit(1);
    }
    console.log(`== ${name} passed in ${seconds()} s`);
    passed += 1;
  }
  console.log(`\n${passed} passed, 0 failed`);
});
