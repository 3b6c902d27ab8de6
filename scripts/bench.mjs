// Measures what the package claims, in a real browser, and writes the tables: `npm run bench`, or `npm run bench -- import`.
import * as imports from '../benches/import.mjs';
import { build } from './build.mjs';
import { Failure, main } from './run.mjs';
import { writeResults } from './results.mjs';
import { setup } from './setup.mjs';

const benches = { import: imports };

main(import.meta.url, async () => {
  const unknown = process.argv.slice(2).filter(name => !benches[name]);
  if (unknown.length > 0) throw new Failure(`there is no bench ${unknown}; there are ${Object.keys(benches).join(', ')}`);
  await setup();
  await build();
  for (const name of process.argv.length > 2 ? process.argv.slice(2) : Object.keys(benches)) {
    const { title, text, columns, measure } = benches[name];
    const results = await measure();
    writeResults(`benches/${name}.md`, { title, text: [...text, `Written by \`npm run bench -- ${name}\`.`], columns, results });
  }
});
