// Measures what the package claims, in a real browser, and writes the tables: `npm run bench`, or `npm run bench -- import`.
import { parseArgs } from 'node:util';
import * as imports from '../benches/import.mjs';
import * as search from '../benches/search.mjs';
import { build } from './build.mjs';
import { Failure, main } from './run.mjs';
import { setup } from './setup.mjs';

const benches = { import: imports, search };

const help = Object.entries(benches)
  .map(([name, { usage = '' }]) => `npm run bench -- ${name}\n${usage.replace(/^/gm, '  ')}`)
  .join('\n');

/** Names of benches, and options of those that have some. */
function given() {
  try {
    const options = Object.assign({ help: { type: 'boolean' } }, ...Object.values(benches).map(bench => bench.options ?? {}));
    const { values, positionals } = parseArgs({ options, allowPositionals: true });
    const unknown = positionals.filter(name => !benches[name]);
    if (unknown.length > 0) throw new Error(`There is no bench ${unknown}`);
    return { values, names: positionals.length > 0 ? positionals : Object.keys(benches) };
  } catch (error) {
    throw new Failure(`${error.message}\n${help}`);
  }
}

main(import.meta.url, async () => {
  const { values, names } = given();
  if (values.help) return void console.log(help);
  await setup();
  await build();
  for (const name of names) await benches[name].run(values);
});
