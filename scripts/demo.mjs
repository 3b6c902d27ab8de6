// Builds what is missing and serves the demo page: `npm run demo`, or `npm run demo -- 8080` for a port of one's own.
import { join } from 'node:path';
import { build } from './build.mjs';
import { Failure, main, root } from './run.mjs';
import { serve } from './serve.mjs';
import { setup } from './setup.mjs';
import { makeWordnet, printProgress, wordnetFolder } from './wordnet/wordnet.mjs';

main(import.meta.url, async () => {
  await setup(['wasm']);
  await build();
  makeWordnet(printProgress);
  const port = Number(process.argv[2] ?? 4173);
  const mounts = { '/': join(root, 'www/demo'), '/dist/': join(root, 'dist'), '/wordnet/': wordnetFolder };
  const { url } = await serve(mounts, port).catch(error => {
    throw new Failure(`port ${port} cannot be used (${error.code}): npm run demo -- ANOTHER_PORT`);
  });
  console.log(`The demo is at ${url}`);
});
