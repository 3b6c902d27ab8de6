// Every method of the SDK's MilvusClient that a browser has: ours accepts what the SDK's accepts, and answers something
// that can be used as the SDK's answer. Compiled, never run.

import type * as sdk from '@zilliz/milvus2-sdk-node';
import type * as ours from '../../www/client/index.js';

type Ours = ours.MilvusClient;
type Sdk = sdk.MilvusClient;

type Method<C, M extends keyof C> = C[M] extends (...args: infer A) => infer R ? { args: A; answer: Awaited<R> } : never;
type Accepts<M extends keyof Ours & keyof Sdk> = Method<Sdk, M>['args'] extends Method<Ours, M>['args'] ? true : never;
type Answers<M extends keyof Ours & keyof Sdk> = Method<Ours, M>['answer'] extends Method<Sdk, M>['answer'] ? true : never;

/** Fails to compile where a method is named that does not fit. */
type Check<T extends { [M in keyof T]: M extends keyof Ours & keyof Sdk ? { accepts: Accepts<M>; answers: Answers<M> } : never }> = T;
type Fits = { accepts: true; answers: true };

export type Methods = Check<{
  use: Fits;
  closeConnection: Fits;
  getVersion: Fits;
  checkHealth: Fits;
  useDatabase: Fits;
  createDatabase: Fits;
  listDatabases: Fits;
  describeDatabase: Fits;
  dropDatabase: Fits;
  hasCollection: Fits;
  showCollections: Fits;
  describeCollection: Fits;
  batchDescribeCollections: Fits;
  getCollectionStatistics: Fits;
  loadCollectionAsync: Fits;
  refreshLoad: Fits;
  loadCollection: Fits;
  releaseCollection: Fits;
  renameCollection: Fits;
  dropCollection: Fits;
  truncateCollection: Fits;
  createAlias: Fits;
  describeAlias: Fits;
  listAliases: Fits;
  dropAlias: Fits;
  alterAlias: Fits;
  getLoadingProgress: Fits;
  getLoadState: Fits;
  getPkFieldName: Fits;
  getPkFieldType: Fits;
  getPkField: Fits;
  list_collections: Fits;
  listCollections: Fits;
  getCollectionStats: Fits;
  loadCollectionSync: Fits;
  drop_collection: Fits;
  createCollection: Fits;
  upsert: Fits;
  insert: Fits;
  deleteEntities: Fits;
  delete: Fits;
  searchIterator: Fits;
  queryIterator: Fits;
  flush: Fits;
  flushSync: Fits;
  query: Fits;
  count: Fits;
  get: Fits;
  bulkInsert: Fits;
  listImportTasks: Fits;
  getImportState: Fits;
  createIndex: Fits;
  describeIndex: Fits;
  listIndexes: Fits;
  getIndexState: Fits;
  getIndexBuildProgress: Fits;
  getIndexStatistics: Fits;
  dropIndex: Fits;
  createPartition: Fits;
  hasPartition: Fits;
  listPartitions: Fits;
  getPartitionStatistics: Fits;
  loadPartitions: Fits;
  loadPartitionsSync: Fits;
  releasePartitions: Fits;
  dropPartition: Fits;
  showPartitions: Fits;
  getPartitionStats: Fits;
  runAnalyzer: Fits;
  alterDatabase: Fits;
  dropDatabaseProperties: Fits;
  alterDatabaseProperties: Fits;
  addCollectionField: Fits;
  addCollectionFields: Fits;
  alterCollectionProperties: Fits;
  dropCollectionProperties: Fits;
  alterCollectionFieldProperties: Fits;
  compact: Fits;
  getCompactionState: Fits;
  getCompactionStateWithPlans: Fits;
  getReplicas: Fits;
  alterCollectionSchema: Fits;
  addFunctionField: Fits;
  dropCollectionField: Fits;
  dropFunctionField: Fits;
  addCollectionFunction: Fits;
  alterCollectionFunction: Fits;
  dropCollectionFunction: Fits;
  createSnapshot: Fits;
  dropSnapshot: Fits;
  listSnapshots: Fits;
  describeSnapshot: Fits;
  restoreSnapshot: Fits;
  getRestoreSnapshotState: Fits;
  listRestoreSnapshotJobs: Fits;
  alterCollection: Fits;
  describeReplicas: Fits;
  getMetric: Fits;
  getFlushState: Fits;
  flushAll: Fits;
  flushAllSync: Fits;
  getFlushAllState: Fits;
  getQuerySegmentInfo: Fits;
  getPersistentSegmentInfo: Fits;
  alterIndexProperties: Fits;
  dropIndexProperties: Fits;
  alterIndex: Fits;
}>;

/** Server-only methods exist and accept anything. */
export type ServerOnly = Pick<
  Ours,
  | 'reconnectToPrimary'
  | 'getTelemetry'
  | 'addFileResource'
  | 'removeFileResource'
  | 'listFileResources'
  | 'session'
  | 'refreshExternalCollection'
  | 'getRefreshExternalCollectionProgress'
  | 'listRefreshExternalCollectionJobs'
  | 'pinSnapshotData'
  | 'unpinSnapshotData'
  | 'loadBalance'
  | 'updateReplicateConfiguration'
  | 'getReplicateConfiguration'
  | 'createResourceGroup'
  | 'listResourceGroups'
  | 'describeResourceGroup'
  | 'updateResourceGroups'
  | 'dropResourceGroup'
  | 'transferReplica'
  | 'transferNode'
  | 'dropAllResourceGroups'
  | 'update_replicate_configuration'
  | 'get_replicate_configuration'
  | 'createUser'
  | 'updateUser'
  | 'deleteUser'
  | 'listUsers'
  | 'createRole'
  | 'alterRole'
  | 'dropRole'
  | 'addUserToRole'
  | 'removeUserFromRole'
  | 'describeRole'
  | 'listRoles'
  | 'describeUser'
  | 'grantPrivilege'
  | 'revokePrivilege'
  | 'dropAllRoles'
  | 'selectGrant'
  | 'listGrants'
  | 'hasRole'
  | 'createPrivilegeGroup'
  | 'dropPrivilegeGroup'
  | 'listPrivilegeGroups'
  | 'addPrivilegesToGroup'
  | 'removePrivilegesFromGroup'
  | 'grantPrivilegeV2'
  | 'revokePrivilegeV2'
  | 'backupRBAC'
  | 'restoreRBAC'
  | 'updatePassword'
  | 'dropUser'
  | 'grantRole'
  | 'revokeRole'
  | 'selectRole'
  | 'selectUser'
  | 'grantRolePrivilege'
  | 'revokeRolePrivilege'
  | 'listGrant'
>;
