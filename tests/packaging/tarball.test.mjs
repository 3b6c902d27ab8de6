import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { promisify } from 'node:util';
import { bin, filesUnder, root } from '../../scripts/run.mjs';
import { install, pack, temporaryFolder } from './packed.mjs';

const run = promisify(execFile);
const folder = temporaryFolder();
const { tarball, files } = pack(folder);
install(tarball, folder);

test('the tarball holds dist and the documents, and nothing else', () => {
  const documents = ['CHANGELOG.md', 'LICENSE', 'README.md', 'package.json'];
  assert.deepEqual(files.toSorted(), [...documents, ...filesUnder('dist')].toSorted());
  for (const needed of ['dist/client/index.js', 'dist/client/index.d.ts', 'dist/workers/coordinator.js', 'dist/workers/parquet.js', 'dist/wasm/elanus_bg.wasm']) {
    assert.ok(files.includes(needed), `${needed} is missing`);
  }
});

test('nothing has to be installed with it', () => {
  const manifest = JSON.parse(readFileSync(join(folder, 'node_modules/elanus/package.json'), 'utf8'));
  assert.deepEqual(Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies }), []);
});

test('no module names another package, and what came from others brings its licence', () => {
  for (const path of filesUnder('dist').filter(path => path.endsWith('.js'))) {
    const imports = readFileSync(join(root, path), 'utf8').matchAll(/(?:^|[;}])(?:import|export)\b(?:[^;"'()]*\bfrom)?\s*["']([^"']+)["']/gm);
    for (const [, from] of imports) assert.match(from, /^\.{1,2}\//, `${path} imports ${from}`);
  }
  const libraries = readFileSync(join(root, 'dist/workers/parquet.js'), 'utf8');
  for (const name of ['hyparquet', 'hyparquet-writer', 'hyparquet-compressors', 'fzstd']) assert.match(libraries, new RegExp(`^${name}$`, 'm'));
});

test('publint has no complaint', () => run(bin('publint'), ['run', tarball, '--strict']));

test('types resolve wherever ES modules do', () => run(bin('attw'), [tarball, '--profile', 'esm-only'], { cwd: root }));

test('importing it outside of a browser is harmless, using it says what is missing', async () => {
  writeFileSync(
    join(folder, 'server.mjs'),
    `import { DataType, MilvusClient, findKeyValue } from 'elanus';
     process.on('unhandledRejection', error => { console.error('unhandled', error); process.exit(1); });
     const answer = { type: DataType.FloatVector, value: findKeyValue([{ key: 'a', value: 'b' }], 'a') };
     const client = new MilvusClient({ address: 'indexeddb://library' });
     answer.error = await client.hasCollection({ collection_name: 'book' }).then(() => 'none', error => error.message);
     answer.code = await client.connectPromise.then(() => 'none', error => error.code);
     await client.closeConnection();
     console.log(JSON.stringify(answer));`
  );
  const { stdout } = await run(process.execPath, ['server.mjs'], { cwd: folder, timeout: 10_000 });
  const { type, value, error, code } = JSON.parse(stdout);
  assert.deepEqual({ type, value, code }, { type: 101, value: 'b', code: 1 });
  assert.match(error, /elanus runs in a browser page/);
});
