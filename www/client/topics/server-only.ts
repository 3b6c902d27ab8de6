// What only a server has: users, roles, resource groups, replication, files on its disks, clusters. The methods are here so
// that a program written for a server fails with a Milvus error that says so, and not with a TypeError.

import { Service } from './service.js';

/** Whatever a program does with an answer that never comes compiles. */
type ServerOnly = (data?: unknown) => Promise<any>;

export class ServerOnlyMethods extends Service {
  #none(method: string): ServerOnly {
    return () => this.unavailable(method);
  }

  reconnectToPrimary = this.#none('reconnectToPrimary');
  addFileResource = this.#none('addFileResource');
  removeFileResource = this.#none('removeFileResource');
  listFileResources = this.#none('listFileResources');
  refreshExternalCollection = this.#none('refreshExternalCollection');
  getRefreshExternalCollectionProgress = this.#none('getRefreshExternalCollectionProgress');
  listRefreshExternalCollectionJobs = this.#none('listRefreshExternalCollectionJobs');
  pinSnapshotData = this.#none('pinSnapshotData');
  unpinSnapshotData = this.#none('unpinSnapshotData');
  loadBalance = this.#none('loadBalance');

  updateReplicateConfiguration = this.#none('updateReplicateConfiguration');
  update_replicate_configuration = this.updateReplicateConfiguration;
  getReplicateConfiguration = this.#none('getReplicateConfiguration');
  get_replicate_configuration = this.getReplicateConfiguration;
  createResourceGroup = this.#none('createResourceGroup');
  listResourceGroups = this.#none('listResourceGroups');
  describeResourceGroup = this.#none('describeResourceGroup');
  updateResourceGroups = this.#none('updateResourceGroups');
  dropResourceGroup = this.#none('dropResourceGroup');
  dropAllResourceGroups = this.#none('dropAllResourceGroups');
  transferReplica = this.#none('transferReplica');
  transferNode = this.#none('transferNode');

  createUser = this.#none('createUser');
  updateUser = this.#none('updateUser');
  updatePassword = this.updateUser;
  deleteUser = this.#none('deleteUser');
  dropUser = this.deleteUser;
  listUsers = this.#none('listUsers');
  describeUser = this.#none('describeUser');
  selectUser = this.describeUser;
  createRole = this.#none('createRole');
  alterRole = this.#none('alterRole');
  dropRole = this.#none('dropRole');
  dropAllRoles = this.#none('dropAllRoles');
  hasRole = this.#none('hasRole');
  describeRole = this.#none('describeRole');
  selectRole = this.describeRole;
  listRoles = this.#none('listRoles');
  addUserToRole = this.#none('addUserToRole');
  grantRole = this.addUserToRole;
  removeUserFromRole = this.#none('removeUserFromRole');
  revokeRole = this.removeUserFromRole;
  grantPrivilege = this.#none('grantPrivilege');
  grantRolePrivilege = this.grantPrivilege;
  revokePrivilege = this.#none('revokePrivilege');
  revokeRolePrivilege = this.revokePrivilege;
  grantPrivilegeV2 = this.#none('grantPrivilegeV2');
  revokePrivilegeV2 = this.#none('revokePrivilegeV2');
  selectGrant = this.#none('selectGrant');
  listGrant = this.selectGrant;
  listGrants = this.#none('listGrants');
  createPrivilegeGroup = this.#none('createPrivilegeGroup');
  dropPrivilegeGroup = this.#none('dropPrivilegeGroup');
  listPrivilegeGroups = this.#none('listPrivilegeGroups');
  addPrivilegesToGroup = this.#none('addPrivilegesToGroup');
  removePrivilegesFromGroup = this.#none('removePrivilegesFromGroup');
  backupRBAC = this.#none('backupRBAC');
  restoreRBAC = this.#none('restoreRBAC');
}
