// What the page does until it is killed. Each step is told before it starts and after its promise resolved; the server kills
// at a moment of its choosing, within the steps that the kind is about.
import { collection_name, createIndex, dropIndex, idsOf, rowsOf, succeeded } from './collection.mjs';

class Worker {
  constructor(client, { next, kept }, report) {
    Object.assign(this, { client, next, kept, report });
  }

  async step(operation, batch, work) {
    await this.report({ begin: operation, batch });
    succeeded(await work());
    await this.report({ end: operation, batch });
  }

  async insert() {
    const batch = this.next++;
    await this.step('insert', batch, () => this.client.insert({ collection_name, data: rowsOf(batch) }));
    this.kept.push(batch);
  }

  async delete() {
    const batch = this.kept.shift();
    if (batch === undefined) return;
    await this.step('delete', batch, () => this.client.delete({ collection_name, ids: idsOf(batch) }));
  }

  flush() {
    return this.step('flush', undefined, () => this.client.flush({ collection_names: [collection_name] }));
  }
}

const forEver = async work => {
  for (let round = 0; ; round += 1) await work(round);
};

const kinds = {
  // Several inserts on their way at once, and deletes among them.
  async insert(worker) {
    const writer = async round => (round % 4 === 3 ? worker.delete() : worker.insert());
    await Promise.all([forEver(writer), forEver(writer), forEver(writer)]);
  },

  // Rows come in while others are flushed.
  async flush(worker) {
    const flusher = async round => {
      await worker.insert();
      if (round % 2 === 1) await worker.delete();
      await worker.flush();
    };
    await Promise.all([forEver(flusher), forEver(() => worker.insert())]);
  },

  // Four small segments, then segments that lost more than a fifth of their rows.
  async compaction(worker) {
    const compact = () => worker.step('compaction', undefined, () => worker.client.compact({ collection_name }));
    await forEver(async () => {
      for (let segment = 0; segment < 4; segment += 1) {
        await worker.insert();
        await worker.flush();
      }
      await compact();
      for (let left = Math.ceil(worker.kept.length / 3); left > 0; left -= 1) await worker.delete();
      await worker.flush();
      await compact();
    });
  },

  // An index over several sealed segments is built and dropped, again and again.
  async index(worker) {
    for (let segment = 0; segment < 3; segment += 1) {
      await worker.insert();
      await worker.flush();
    }
    succeeded(await worker.client.releaseCollection({ collection_name }));
    const build = async () => {
      await createIndex(worker.client);
      for (;;) {
        const { status, state } = await worker.client.getIndexState({ collection_name, field_name: 'v' });
        if (state !== 'InProgress' && state !== 'Unissued') return status;
      }
    };
    await forEver(async () => {
      await dropIndex(worker.client);
      await worker.step('index', undefined, build);
    });
  },
};

export const workOf = kind => (client, plan, report) => kinds[kind](new Worker(client, plan, report));
