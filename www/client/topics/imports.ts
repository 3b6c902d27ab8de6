// Import: files in, job state out.

import { ERROR_REASONS, ErrorCode, ImportState } from '../const/index.js';
import { failure, messageOf } from '../errors.js';
import { importSources, sendSources, type SourceOfJob, type TakesFiles } from '../import-files.js';
import { readableByEngine } from '../parquet.js';
import { randomId } from '../random-id.js';
import type {
  DescribeCollectionResponse,
  GetImportStateReq,
  GetImportStateResponse,
  ImportReq,
  ImportResponse,
  ImportStateEvent,
  IntLike,
  ListImportTasksReq,
  ListImportTasksResponse,
  ResStatus,
} from '../types/index.js';
import { SchemaChanges } from './schema-changes.js';

const ENDED = new Set<string>([ImportState.ImportCompleted, ImportState.ImportFailedAndCleaned]);

/** Events may get lost between two owners of a store. */
const LOOK_AGAIN_MS = 1000;

export class Imports extends SchemaChanges {
  /**
   * Makes a job and answers with its task; files come in the background. The engine fetches those that a server has;
   * for others the page is needed until the job has completed, or until an `importstate` event says `is_stored`. Aborting
   * cancels the job.
   */
  async bulkInsert(data: ImportReq): Promise<ImportResponse> {
    if (!data?.collection_name) throw new Error(ERROR_REASONS.COLLECTION_NAME_IS_REQUIRED);
    if (!data.files) throw new Error(ERROR_REASONS.IMPORT_FILE_CHECK);
    data.signal?.throwIfAborted();
    // Another may be in use when the files have come.
    const db_name = data.db_name || this.database;
    const sources = importSources(data.files, this.config.baseUrl);
    const [files, urls] = [sources.map(source => source.name), sources.map(source => source.url ?? null)];
    const body = { ...data, db_name, files, urls, options: data.options || [], request_id: randomId() };
    const reply = await this.call<ImportResponse>('Import', body, data);
    const [task] = reply.tasks;
    const describe = (): Promise<DescribeCollectionResponse> => this.describeCollection({ collection_name: data.collection_name, db_name });
    if (task !== undefined) {
      const all = readableByEngine(sources, describe).map((source, file) => ({ file, attempt: 0, source }));
      const own = all.filter(({ source }) => source.url === undefined);
      this.#sendInBackground(task, own, data.signal);
    }
    return reply;
  }

  #sendInBackground(task: IntLike, sources: SourceOfJob[], signal: AbortSignal | undefined): void {
    const cancel = (reason: string): void => {
      // A job that cannot be told of it fails when nothing more comes of its files.
      this.cancelImport({ task, reason }).catch(() => undefined);
    };
    signal?.addEventListener('abort', () => cancel(messageOf(signal.reason)), { once: true });
    const engine: TakesFiles = {
      put: (body, data) => this.call('ImportPut', body, { timeout: 0, signal }, [data]),
      alive: task => this.call('ImportAlive', { task }),
    };
    sendSources(task, sources, engine, signal).catch((error: unknown) => cancel(messageOf(error)));
  }

  async getImportState(data: GetImportStateReq): Promise<GetImportStateResponse> {
    return this.call('GetImportState', data, data);
  }

  async listImportTasks(data: ListImportTasksReq): Promise<ListImportTasksResponse> {
    if (!data?.collection_name) throw new Error(ERROR_REASONS.COLLECTION_NAME_IS_REQUIRED);
    return this.call('ListImportTasks', { ...data, limit: data.limit || 0 }, data);
  }

  /** Browser only: ends a job that has not completed; none of its rows will be there. */
  async cancelImport(data: GetImportStateReq & { reason?: string }): Promise<ResStatus> {
    return this.call('CancelImport', data, data);
  }

  /** Browser only: each new state of a job, up to `ImportCompleted` or `ImportFailedAndCleaned`. */
  async *watchImport(data: GetImportStateReq): AsyncGenerator<GetImportStateResponse, void, void> {
    let wake = (): void => undefined;
    const heard = (event: ImportStateEvent): void => {
      if (event.task === String(data.task)) wake();
    };
    this.on('importstate', heard);
    try {
      for (let told = ''; ; ) {
        const news = new Promise<void>(resolve => (wake = resolve));
        const state = await this.getImportState(data);
        if (state.status.error_code !== ErrorCode.SUCCESS) throw failure(state.status);
        const seen = JSON.stringify(state);
        if (seen !== told) yield state;
        told = seen;
        if (ENDED.has(state.state)) return;
        const timer = setTimeout(wake, LOOK_AGAIN_MS);
        await news;
        clearTimeout(timer);
      }
    } finally {
      this.off('importstate', heard);
    }
  }
}
