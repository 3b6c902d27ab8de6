// Collections: create, describe, load and release, rename, drop, aliases.

import { ConsistencyLevelEnum, ERROR_REASONS, ErrorCode, ShowCollectionsType } from '../const/index.js';
import { formatDescribedCol } from '../format/describe.js';
import { wireCollectionSchema, type DataTypeName } from '../format/schema.js';
import { checkCollectionFieldsWithOptions, checkCollectionName, validatePartitionNumbers } from '../format/validate.js';
import { formatKeyValueData, parseToKeyValue } from '../format/values.js';
import type {
  AlterAliasReq,
  BatchDescribeCollectionReq,
  BatchDescribeCollectionResponse,
  BoolResponse,
  CreateAliasReq,
  CreateCollectionReq,
  DescribeAliasReq,
  DescribeAliasResponse,
  DescribeCollectionReq,
  DescribeCollectionResponse,
  DropAliasReq,
  DropCollectionReq,
  FieldSchema,
  FieldType,
  GetCollectionStatisticsReq,
  HasCollectionReq,
  ListAliasesReq,
  ListAliasesResponse,
  RenameCollectionReq,
  ResStatus,
  ShowCollectionsReq,
  ShowCollectionsResponse,
  StatisticsResponse,
  collectionNameReq,
} from '../types/index.js';
import { SUCCESS, completeReply } from '../wire/replies.js';
import { Database } from './database.js';

const MAX_CACHED = 256;
const CACHE_TTL_MS = 12 * 60 * 1000;

type LevelName = keyof typeof ConsistencyLevelEnum;
/** What the primary-key getters need of a description. */
type Described = { schema: { fields: Pick<FieldSchema, 'name' | 'is_primary_key' | 'data_type'>[] } };

function checkAlias(data: CreateAliasReq): void {
  checkCollectionName(data);
  if (!data.alias) throw new Error(ERROR_REASONS.ALIAS_NAME_IS_REQUIRED);
}

export class Collection extends Database {
  #described = new Map<string, { collection: DescribeCollectionResponse; until: number }>();

  #cacheKey(data: { db_name?: string; collection_name: string }): string {
    return `${data.db_name || this.database}:${data.collection_name}`;
  }

  protected forgetCollection(data: { db_name?: string; collection_name: string }): void {
    this.#described.delete(this.#cacheKey(data));
  }

  async _createCollection(data: CreateCollectionReq): Promise<ResStatus> {
    const { schema, fields: plain } = (data ?? {}) as { schema?: FieldType[]; fields?: FieldType[] };
    const fields = schema || plain;
    if (!fields?.length || !data.collection_name) throw new Error(ERROR_REASONS.CREATE_COLLECTION_CHECK_PARAMS);
    const isExternalCollection = !!data.external_source;
    if (isExternalCollection) {
      if ('auto_id' in data || fields.some(field => field.autoID)) throw new Error(ERROR_REASONS.CREATE_EXTERNAL_COLLECTION_AUTO_ID);
      if (fields.some(field => field.is_primary_key)) throw new Error(ERROR_REASONS.CREATE_EXTERNAL_COLLECTION_PRIMARY_KEY);
    }
    checkCollectionFieldsWithOptions(fields, { isExternalCollection });
    if (data.num_partitions !== undefined) validatePartitionNumbers(data.num_partitions);
    const level = ConsistencyLevelEnum[(data.consistency_level ?? 'Bounded') as LevelName] ?? ConsistencyLevelEnum.Bounded;
    const body = {
      db_name: data.db_name,
      collection_name: data.collection_name,
      schema: wireCollectionSchema(data),
      shards_num: data.shards_num,
      consistency_level: level,
      num_partitions: data.num_partitions,
      properties: data.properties && parseToKeyValue(data.properties),
    };
    const status = await this.call<ResStatus>('CreateCollection', body, data);
    this.forgetCollection(data);
    return status;
  }

  async hasCollection(data: HasCollectionReq): Promise<BoolResponse> {
    checkCollectionName(data);
    const { status } = await this.call<DescribeCollectionResponse>('DescribeCollection', data, data);
    return { status: { ...SUCCESS, extra_info: {} }, value: status.error_code === ErrorCode.SUCCESS };
  }

  async showCollections(data?: ShowCollectionsReq): Promise<ShowCollectionsResponse> {
    const body = {
      type: data ? data.type : ShowCollectionsType.All,
      collection_names: data?.collection_names || [],
      db_name: data?.db_name,
    };
    const reply = await this.call<ShowCollectionsResponse>('ShowCollections', body, data);
    reply.data = reply.collection_names.map((name, index) => ({
      name,
      id: reply.collection_ids[index]!,
      timestamp: reply.created_utc_timestamps[index]!,
      loadedPercentage: reply.inMemory_percentages[index]!,
    }));
    return reply;
  }
  list_collections = this.showCollections;
  listCollections = this.showCollections;

  async describeCollection(data: DescribeCollectionReq): Promise<DescribeCollectionResponse> {
    checkCollectionName(data);
    const key = this.#cacheKey(data);
    const known = this.#described.get(key);
    if (data.cache === true && known && known.until > Date.now()) return known.collection;
    const body = { collection_name: data.collection_name, db_name: data.db_name };
    const reply = await this.call<DescribeCollectionResponse>('DescribeCollection', body, data);
    this.#described.delete(key);
    if (reply.status.error_code !== ErrorCode.SUCCESS) return reply;
    const collection = formatDescribedCol(reply);
    this.#described.set(key, { collection, until: Date.now() + CACHE_TTL_MS });
    if (this.#described.size > MAX_CACHED) {
      for (const oldest of this.#described.keys()) {
        this.#described.delete(oldest);
        break;
      }
    }
    return collection;
  }

  async batchDescribeCollections(data: BatchDescribeCollectionReq): Promise<BatchDescribeCollectionResponse> {
    const body = { collection_name: data.collection_names, db_name: data.db_name, collectionID: data.collectionIDs || [] };
    const reply = await this.call<BatchDescribeCollectionResponse>('BatchDescribeCollection', body, data);
    if (reply.status.error_code !== ErrorCode.SUCCESS || !reply.responses) return reply;
    const complete = (response: object): DescribeCollectionResponse =>
      completeReply('DescribeCollection', { ...response }) as unknown as DescribeCollectionResponse;
    reply.responses = reply.responses.map(response => formatDescribedCol(complete(response)));
    return reply;
  }

  async getCollectionStatistics(data: GetCollectionStatisticsReq): Promise<StatisticsResponse> {
    checkCollectionName(data);
    const reply = await this.call<StatisticsResponse>('GetCollectionStatistics', data, data);
    reply.data = formatKeyValueData(
      reply.stats,
      reply.stats.map(({ key }) => key)
    );
    return reply;
  }
  getCollectionStats = this.getCollectionStatistics;

  async renameCollection(data: RenameCollectionReq): Promise<ResStatus> {
    const body = {
      oldName: data.collection_name,
      newName: data.new_collection_name,
      db_name: data.db_name,
      newDBName: data.new_db_name,
    };
    const status = await this.call<ResStatus>('RenameCollection', body, data);
    this.forgetCollection(data);
    this.forgetCollection({ db_name: data.new_db_name || data.db_name, collection_name: data.new_collection_name });
    return status;
  }

  async dropCollection(data: DropCollectionReq): Promise<ResStatus> {
    checkCollectionName(data);
    const status = await this.call<ResStatus>('DropCollection', data, data);
    this.forgetCollection(data);
    return status;
  }
  drop_collection = this.dropCollection;

  async truncateCollection(data: DropCollectionReq): Promise<{ status: ResStatus }> {
    checkCollectionName(data);
    return this.call('TruncateCollection', data, data);
  }

  async createAlias(data: CreateAliasReq): Promise<ResStatus> {
    checkAlias(data);
    return this.#changeAlias('CreateAlias', data);
  }

  async describeAlias(data: DescribeAliasReq): Promise<DescribeAliasResponse> {
    checkAlias(data);
    return this.call('DescribeAlias', data, data);
  }

  async alterAlias(data: AlterAliasReq): Promise<ResStatus> {
    checkAlias(data);
    return this.#changeAlias('AlterAlias', data);
  }

  async #changeAlias(method: string, data: DropAliasReq): Promise<ResStatus> {
    const status = await this.call<ResStatus>(method, data, data);
    this.forgetCollection({ db_name: data.db_name, collection_name: data.alias });
    return status;
  }

  async listAliases(data: ListAliasesReq): Promise<ListAliasesResponse> {
    checkCollectionName(data);
    return this.call('ListAliases', data, data);
  }

  async dropAlias(data: DropAliasReq): Promise<ResStatus> {
    if (!data.alias) throw new Error(ERROR_REASONS.ALIAS_NAME_IS_REQUIRED);
    return this.#changeAlias('DropAlias', data);
  }

  async getPkFieldName(data: collectionNameReq, desc?: Described): Promise<string> {
    const { schema } = desc ?? (await this.describeCollection(data));
    return schema.fields.find(field => field.is_primary_key)?.name ?? '';
  }

  async getPkFieldType(data: collectionNameReq, desc?: Described): Promise<DataTypeName> {
    const { schema } = desc ?? (await this.describeCollection(data));
    return schema.fields.find(field => field.is_primary_key)?.data_type ?? 'Int64';
  }

  async getPkField(data: collectionNameReq): Promise<FieldSchema> {
    const { fields } = (await this.describeCollection(data)).schema;
    return fields.find(field => field.is_primary_key) ?? fields[0]!;
  }
}
