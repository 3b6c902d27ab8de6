// The program of the README in pages as users make them: from any static server, and through Vite and webpack.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import test, { after, before } from 'node:test';
import { promisify } from 'node:util';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { chromium } from 'playwright-core';
import { chromiumArguments, findChromium } from '../../scripts/browser.mjs';
import { root } from '../../scripts/run.mjs';
import { serve } from '../../scripts/serve.mjs';
import { install, pack, temporaryFolder } from './packed.mjs';

const BUNDLERS = ['vite@8.3.8', 'webpack@5.112.2'];
const WAIT_MS = 30_000;

const run = promisify(execFile);
const folder = temporaryFolder();
const { tarball } = pack(folder);
const [, page] = readFileSync(join(root, 'README.md'), 'utf8').match(/^```html\n(.*?)^```/ms);
const [, program] = page.match(/<script type="module">\n(.*?)<\/script>/s);
const expected = ['Kim: 0.995', 'Emma: 0.774', 'LoadStateNotLoad'];

const rows = parquetWriteBuffer({
  columnData: [
    { name: 'id', data: [1n, 2n] },
    { name: 'v', data: [[1, 2], [3, 4]] },
  ],
  schema: [
    { name: 'schema', num_children: 2 },
    { name: 'id', type: 'INT64', repetition_type: 'REQUIRED' },
    { name: 'v', repetition_type: 'REQUIRED', num_children: 1, converted_type: 'LIST' },
    { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
    { name: 'element', type: 'DOUBLE', repetition_type: 'REQUIRED' },
  ],
});
/** Before that of the README: has a worker of its own, which bundlers have to find too. */
const importOfParquet = `import { MilvusClient as Client } from 'elanus';
  {
    const client = new Client({ address: 'indexeddb://parquet' });
    const fields = [{ name: 'id', data_type: 'Int64', is_primary_key: true }, { name: 'v', data_type: 'FloatVector', dim: 2 }];
    await client.createCollection({ collection_name: 'c', fields });
    const data = await (await fetch('data:;base64,${Buffer.from(rows).toString('base64')}')).blob();
    const { tasks: [task] } = await client.bulkInsert({ collection_name: 'c', files: [{ name: 'rows.parquet', data }] });
    let last;
    for await (last of client.watchImport({ task })) continue;
    document.body.append(Object.assign(document.createElement('pre'), { textContent: \`\${last.state} \${last.row_count}\` }));
    await client.closeConnection();
  }
`;

let browser;
before(async () => {
  install(tarball, folder);
  browser = await chromium.launch({ executablePath: findChromium(), args: chromiumArguments });
});
after(() => browser?.close());

/** The lines that the program shows; each time in a new, empty profile. */
async function shown(url) {
  const context = await browser.newContext();
  try {
    const tab = await context.newPage();
    const errors = [];
    tab.on('pageerror', error => errors.push(error.message));
    await tab.goto(url);
    const isDone = () => document.body?.textContent.includes('LoadState');
    // A page that never gets there is compared all the same: what it shows instead says why.
    await tab.waitForFunction(isDone, null, { timeout: WAIT_MS }).catch(error => errors.push(error.message));
    const lines = await tab.evaluate(() => [...document.querySelectorAll('pre')].map(it => it.textContent));
    return [...lines, ...errors];
  } finally {
    await context.close();
  }
}

async function shownFrom(built) {
  const server = await serve({ '/': built });
  try {
    return await shown(server.url);
  } finally {
    await server.close();
  }
}

test('the README opens with one whole page, which runs from a static server', async () => {
  writeFileSync(join(folder, 'index.html'), page);
  assert.deepEqual(await shownFrom(folder), expected);
});

test('bundlers', { timeout: 300_000 }, async t => {
  const expectedHere = ['ImportCompleted 2', ...expected];
  const project = join(folder, 'bundled');
  mkdirSync(project);
  const write = (name, text) => writeFileSync(join(project, name), text);
  write('package.json', JSON.stringify({ private: true, type: 'module' }));
  await run('npm', ['install', '--no-save', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error', ...BUNDLERS], { cwd: project });
  // Afterwards, because npm removes what it did not install.
  install(tarball, project);
  write('main.js', importOfParquet + program);
  write('index.html', '<!doctype html><meta charset="utf-8"><body><script type="module" src="./main.js"></script></body>');

  await t.test('a build by Vite', async () => {
    write('build.mjs', `import { build } from 'vite'; await build({ configFile: false, base: './', build: { outDir: 'vite' }, logLevel: 'warn' });`);
    await run(process.execPath, ['build.mjs'], { cwd: project });
    assert.deepEqual(await shownFrom(join(project, 'vite')), expectedHere);
  });

  for (const [name, optimizeDeps] of Object.entries({ bundled: {}, excluded: { exclude: ['elanus'] } })) {
    await t.test(`Vite's development server, the package ${name}`, async () => {
      const options = { configFile: false, optimizeDeps, cacheDir: `cache-${name}`, logLevel: 'warn', server: { port: 0 } };
      write(`${name}.mjs`, `import { createServer } from 'vite';
        const server = await createServer(${JSON.stringify(options)});
        await server.listen();
        console.log(server.resolvedUrls.local[0]);`);
      const child = spawn(process.execPath, [`${name}.mjs`], { cwd: project, stdio: ['ignore', 'pipe', 'inherit'] });
      try {
        for await (const line of createInterface(child.stdout)) {
          if (!line.startsWith('http')) continue;
          assert.deepEqual(await shown(line), expectedHere);
          break;
        }
      } finally {
        child.kill();
      }
    });
  }

  await t.test('a build by webpack', async () => {
    write('webpack.mjs', `import webpack from 'webpack';
      const config = { mode: 'production', entry: './main.js', output: { path: ${JSON.stringify(join(project, 'webpack'))} } };
      webpack(config, (error, stats) => {
        if (error || stats.hasErrors()) { console.error(error ?? stats.toString('errors-only')); process.exit(1); }
      });`);
    await run(process.execPath, ['webpack.mjs'], { cwd: project });
    writeFileSync(join(project, 'webpack/index.html'), '<!doctype html><meta charset="utf-8"><body><script src="main.js"></script></body>');
    assert.deepEqual(await shownFrom(join(project, 'webpack')), expectedHere);
  });
});
