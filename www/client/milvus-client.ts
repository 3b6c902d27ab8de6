// MilvusClient: all topics together, and collections created in one call.

import {
  DEFAULT_METRIC_TYPE,
  DEFAULT_PRIMARY_KEY_FIELD,
  DEFAULT_VECTOR_FIELD,
  DataType,
  ERROR_REASONS,
  ErrorCode,
} from './const/index.js';
import { unavailable } from './errors.js';
import { buildDefaultSchema } from './format/schema.js';
import { ServerOnlyMethods } from './topics/server-only.js';
import type {
  ClientConfig,
  CreateColReq,
  CreateColWithSchemaAndIndexParamsReq,
  CreateCollectionReq,
  ResStatus,
} from './types/index.js';

/** The version of Milvus' SDK whose API this is. */
const SDK_INFO = { version: '3.0.6', recommendMilvus: 'v3.0.0' };

/**
 * Milvus in a browser tab, behind the API of Milvus' Node client.
 *
 * ```js
 * const client = new MilvusClient({ address: 'indexeddb://library' });
 * await client.createCollection({ collection_name: 'book', dimension: 384 });
 * await client.insert({ collection_name: 'book', data: [{ id: 1, vector, title: 'Kim' }] });
 * const { results } = await client.search({ collection_name: 'book', data: vector, limit: 10 });
 * ```
 */
export class MilvusClient extends ServerOnlyMethods {
  static get sdkInfo(): { version: string; recommendMilvus: string } {
    return { ...SDK_INFO };
  }

  constructor(configOrAddress: ClientConfig | string, ssl?: boolean, username?: string, password?: string, channelOptions?: object) {
    super(configOrAddress, ssl, username, password, channelOptions);
    if (typeof configOrAddress === 'string' || !configOrAddress.__SKIP_CONNECT__) this.connect(SDK_INFO.version);
  }

  getTelemetry(): never {
    throw unavailable('getTelemetry');
  }

  session(_clusterId: string): never {
    throw unavailable('session');
  }

  /** With fields or a schema: creates (and with `index_params` indexes and loads); with a dimension: does all of it. */
  async createCollection(data: CreateColReq | CreateColWithSchemaAndIndexParamsReq | CreateCollectionReq): Promise<ResStatus> {
    await this.checkCompatibility(data);
    if (!data.collection_name) throw new Error(ERROR_REASONS.CREATE_COLLECTION_CHECK_PARAMS);
    return 'fields' in data || 'schema' in data ? this.#createWithSchema(data) : this.#createQuickly(data as CreateColReq);
  }

  async #createWithSchema(data: CreateColWithSchemaAndIndexParamsReq | CreateCollectionReq): Promise<ResStatus> {
    const created = await this._createCollection(data);
    // Not an Error: the SDK throws the status itself.
    if (created.error_code !== ErrorCode.SUCCESS) throw created;
    if (!('index_params' in data)) return created;
    const { collection_name, db_name, timeout, signal } = data;
    const common = { collection_name, db_name, timeout, signal };
    const params = Array.isArray(data.index_params) ? data.index_params : [data.index_params];
    const indexed = await Promise.all(params.map(param => this.createIndex({ ...common, ...param, collection_name })));
    const refused = indexed.find(status => status.error_code !== ErrorCode.SUCCESS);
    if (refused) throw refused;
    await this.loadCollectionSync(common);
    return created;
  }

  async #createQuickly(data: CreateColReq): Promise<ResStatus> {
    const {
      collection_name,
      db_name,
      dimension,
      primary_field_name = DEFAULT_PRIMARY_KEY_FIELD,
      id_type = DataType.Int64,
      metric_type = DEFAULT_METRIC_TYPE,
      vector_field_name = DEFAULT_VECTOR_FIELD,
      enableDynamicField = true,
      enable_dynamic_field = true,
      auto_id = false,
      index_params = {},
      timeout,
      signal,
      consistency_level,
    } = data;
    const common = { collection_name, db_name, timeout, signal };
    let result: ResStatus = { error_code: '', reason: '', extra_info: {}, retriable: false, detail: '' };
    let needsIndex = true;
    if ((await this.hasCollection(common)).value) {
      const { status } = await this.describeIndex(common);
      needsIndex = status.error_code === ErrorCode.IndexNotExist;
    } else {
      result = await this.createCollection({
        ...common,
        enable_dynamic_field: enableDynamicField || enable_dynamic_field,
        fields: buildDefaultSchema({ primary_field_name, id_type, vector_field_name, dimension, auto_id }),
        consistency_level,
      });
    }
    if (needsIndex) {
      const extra_params = { metric_type, ...index_params };
      const indexed = await this.createIndex({ ...common, field_name: vector_field_name, extra_params });
      if (indexed.error_code !== ErrorCode.SUCCESS) throw new Error(indexed.reason);
    }
    await this.loadCollectionSync(common);
    return result;
  }
}
