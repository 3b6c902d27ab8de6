// Indexes.

import { ErrorCode } from '../const/index.js';
import { checkCollectionName } from '../format/validate.js';
import { parseToKeyValue } from '../format/values.js';
import type {
  AlterIndexReq,
  CreateIndexRequest,
  CreateIndexSimpleReq,
  CreateIndexesReq,
  DescribeIndexReq,
  DescribeIndexResponse,
  DropIndexPropertiesReq,
  DropIndexReq,
  GetIndexBuildProgressReq,
  GetIndexBuildProgressResponse,
  GetIndexStateReq,
  GetIndexStateResponse,
  ListIndexResponse,
  ResStatus,
  collectionNameReq,
} from '../types/index.js';
import { Segments } from './segments.js';

export class Index extends Segments {
  /** One index, or several: then the first refusal, if any. */
  async createIndex(data: CreateIndexesReq): Promise<ResStatus> {
    if (!Array.isArray(data)) return this._createIndex(data);
    const statuses = await Promise.all(data.map(item => this._createIndex(item)));
    return statuses.find(status => status.error_code !== ErrorCode.SUCCESS) ?? statuses[0]!;
  }

  async _createIndex(data: CreateIndexRequest): Promise<ResStatus> {
    checkCollectionName(data);
    const { params, index_type, metric_type, extra_params: given } = data as CreateIndexSimpleReq & { extra_params?: object };
    const extra: Record<string, unknown> = { ...given };
    if (params) extra.params = JSON.stringify(params);
    if (index_type) extra.index_type = index_type;
    if (metric_type) extra.metric_type = metric_type;
    // What is named there as well comes first, as in the SDK.
    const { collection_name, db_name, field_name, index_name } = { ...data, ...extra } as CreateIndexSimpleReq;
    return this.call('CreateIndex', { collection_name, db_name, field_name, index_name, extra_params: parseToKeyValue(extra) }, data);
  }

  async describeIndex(data: DescribeIndexReq): Promise<DescribeIndexResponse> {
    return this.#named('DescribeIndex', data);
  }

  async listIndexes(data: DescribeIndexReq): Promise<ListIndexResponse> {
    const { status, index_descriptions } = await this.describeIndex(data);
    return { status, indexes: index_descriptions.map(index => index.index_name) };
  }

  async getIndexState(data: GetIndexStateReq): Promise<GetIndexStateResponse> {
    return this.#named('GetIndexState', data);
  }

  async getIndexBuildProgress(data: GetIndexBuildProgressReq): Promise<GetIndexBuildProgressResponse> {
    return this.#named('GetIndexBuildProgress', data);
  }

  async getIndexStatistics(data: DescribeIndexReq): Promise<DescribeIndexResponse> {
    return this.#named('GetIndexStatistics', data);
  }

  async dropIndex(data: DropIndexReq): Promise<ResStatus> {
    return this.#named('DropIndex', data);
  }

  async #named<T>(method: string, data: collectionNameReq): Promise<T> {
    checkCollectionName(data);
    return this.call(method, data, data);
  }

  async alterIndexProperties(data: AlterIndexReq): Promise<ResStatus> {
    checkCollectionName(data);
    const { collection_name, db_name, index_name } = data;
    return this.call('AlterIndex', { collection_name, db_name, index_name, extra_params: parseToKeyValue(data.params) }, data);
  }
  alterIndex = this.alterIndexProperties;

  async dropIndexProperties(data: DropIndexPropertiesReq): Promise<ResStatus> {
    const { collection_name, db_name, index_name } = data;
    return this.call('AlterIndex', { collection_name, db_name, index_name, delete_keys: data.properties }, data);
  }
}
