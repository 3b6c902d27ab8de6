import './definitions.js';
import './made-up.js';
import { client, fail, isBusy, look, resume, run, show } from './page.js';

// Another tab may have loaded, released or dropped something meanwhile.
document.addEventListener('visibilitychange', async () => {
  if (isBusy() || document.hidden) return;
  await look().catch(error => fail('Looking', error));
  if (!isBusy()) show();
});

show();
await run('Opening', async () => {
  await client.connectPromise;
  await look();
});
await resume();
