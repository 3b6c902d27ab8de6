// The page of a browser that will be killed: opens the store, tells what it has, then works until the end comes. Everything is
// reported to the test's server, which answers what to do.
import { MilvusClient } from 'elanus';
import { collection_name, createCollection, succeeded } from './collection.mjs';
import { contents } from './contents.mjs';
import { importUntilKilled } from './imports-until-killed.mjs';
import { workOf } from './work.mjs';

const store = 'soak';

/** What Chromium says when it has found its own files damaged and deleted the database; undefined when it has not. */
function browserLoss() {
  return new Promise((resolve, reject) => {
    const open = indexedDB.open(`elanus/${store}`);
    open.onupgradeneeded = event => {
      resolve(event.dataLoss === 'none' ? undefined : `${event.dataLoss}: ${event.dataLossMessage}`);
      // The store is elanus' to create.
      open.transaction.abort();
    };
    open.onsuccess = () => {
      open.result.close();
      resolve(undefined);
    };
    open.onerror = () => reject(open.error);
  });
}

async function writeUntilKilled(client, kind, report) {
  const isThere = succeeded(await client.hasCollection({ collection_name })).value;
  if (!isThere) await createCollection(client);
  const plan = await report({ contents: isThere ? await contents(client) : {} });
  await workOf(kind)(client, plan, report);
}

export async function run(parameters) {
  const kind = parameters.get('kind');
  const report = async message => {
    const answer = await fetch(parameters.get('reports'), { method: 'POST', body: JSON.stringify(message) });
    return answer.json();
  };
  try {
    const loss = await browserLoss();
    if (loss) await report({ browserLoss: loss });
    const client = new MilvusClient({ address: store, filesIn: parameters.get('filesIn') });
    if (kind === 'import') await importUntilKilled(client, store, report);
    else await writeUntilKilled(client, kind, report);
  } catch (error) {
    await report({ failed: error.stack ?? error.reason ?? error.message ?? JSON.stringify(error) });
  }
}
