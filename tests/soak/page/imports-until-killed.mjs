// What the page of a browser that will be killed does for imports: it looks at what became of the last one, then begins the next
// and tells each phase of it. The server answers what is to be looked at and what is to be begun.
import { succeeded } from './collection.mjs';
import { contents, endOf, filesOf, leftBytes, prepare, sourceOf } from './imports.mjs';

const recoveryMs = 60_000;

/** The job that the kill left; undefined if there is none. */
async function jobOf(client, { task, collection_name }) {
  if (task !== undefined) return task;
  const { tasks } = succeeded(await client.listImportTasks({ collection_name }));
  return tasks[0]?.id;
}

async function lookAt(client, store, cycle, tell) {
  const task = await jobOf(client, cycle);
  // What is not tidied by then is left for ever.
  const job = task === undefined ? undefined : await endOf(client, task, recoveryMs, tell);
  if (task !== undefined && !job) return { hasJob: true };
  await tell('ended');
  const bytesLeft = await leftBytes(store);
  const files = await filesOf(store);
  const found = await contents(client, store, cycle, cycle.count);
  const reason = job?.infos.find(({ key }) => key === 'failed_reason').value;
  return { hasJob: task !== undefined, state: job?.state, reason, bytesLeft, files, ...found };
}

async function begin(client, store, cycle, tell, report) {
  const source = await sourceOf(cycle.url, cycle.isFile);
  await report({ files: await filesOf(store) });
  let [task, state, isStored] = [];
  client.on('importstate', event => {
    state = event.state;
    if (task !== undefined) void tell(state);
    if (event.is_stored && !isStored) void report({ stored: true });
    isStored ||= event.is_stored;
  });
  await tell('asking');
  const { collection_name, partition_name } = cycle;
  const { tasks } = succeeded(await client.bulkInsert({ collection_name, partition_name, files: [source] }));
  await report({ task: tasks[0] });
  await tell('ImportPending');
  // What was told before the page knew its task.
  [task] = tasks;
  await tell(state);
  await endOf(client, task, recoveryMs);
  await leftBytes(store);
  await tell('tidy');
}

export async function importUntilKilled(client, store, report) {
  let told;
  /** Each phase once. */
  const tell = async phase => {
    if (phase === told) return;
    told = phase;
    const { cancel } = await report({ phase });
    if (cancel) await client.cancelImport({ task: cancel });
  };
  const { last, next } = await report({ opened: true });
  if (last) {
    await report({ outcome: await lookAt(client, store, last, tell) });
    succeeded(await client.dropCollection({ collection_name: last.collection_name }));
  }
  if (!next) return;
  told = undefined;
  await prepare(client, next);
  await begin(client, store, next, tell, report);
}
