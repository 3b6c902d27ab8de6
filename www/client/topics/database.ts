// Databases.

import { DEFAULT_DB, ErrorCode, METADATA } from '../const/index.js';
import { parseToKeyValue } from '../format/values.js';
import type {
  AlterDatabaseRequest,
  CreateDatabaseRequest,
  DescribeDatabaseRequest,
  DescribeDatabaseResponse,
  DropDatabasePropertiesRequest,
  DropDatabasesRequest,
  ListDatabasesRequest,
  ListDatabasesResponse,
  ResStatus,
} from '../types/index.js';
import { BaseClient } from './base.js';

export class Database extends BaseClient {
  async createDatabase(data: CreateDatabaseRequest): Promise<ResStatus> {
    await this.checkCompatibility({ ...data, message: 'createDatabase is not supported on this version of milvus.' });
    return this.call('CreateDatabase', { db_name: data.db_name, properties: parseToKeyValue(data.properties) }, data);
  }

  async listDatabases(data?: ListDatabasesRequest): Promise<ListDatabasesResponse> {
    await this.checkCompatibility({ ...data, message: 'listDatabases is not supported on this version of milvus.' });
    return this.call('ListDatabases', {}, data);
  }

  async describeDatabase(data: DescribeDatabaseRequest): Promise<DescribeDatabaseResponse> {
    await this.checkCompatibility({ ...data, message: 'describeDatabase is not supported on this version of milvus.' });
    return this.call('DescribeDatabase', data, data);
  }

  async dropDatabase(data: DropDatabasesRequest): Promise<ResStatus> {
    await this.checkCompatibility({ ...data, message: 'dropDatabase is not supported on this version of milvus.' });
    return this.call('DropDatabase', data, data);
  }

  async alterDatabase(data: AlterDatabaseRequest): Promise<ResStatus> {
    const { db_name, db_id } = data;
    return this.call('AlterDatabase', { db_name, db_id, properties: parseToKeyValue(data.properties) }, data);
  }
  alterDatabaseProperties = this.alterDatabase;

  async dropDatabaseProperties(data: DropDatabasePropertiesRequest): Promise<ResStatus> {
    return this.call('AlterDatabase', { db_name: data.db_name, delete_keys: data.properties }, data);
  }

  /** The database of calls that name none. */
  async use(data?: { db_name: string }): Promise<Pick<ResStatus, 'error_code' | 'reason'>> {
    this.metadata.set(METADATA.DATABASE, data?.db_name || DEFAULT_DB);
    return { error_code: ErrorCode.SUCCESS, reason: '' };
  }
  useDatabase = this.use;
}
