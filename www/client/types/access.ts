// Users, roles and privileges, which a server has.

import type { OperatePrivilegeGroupType, OperatePrivilegeType, RbacObjects } from '../const/index.js';
import type { CallOptions, PrivilegesTypes, resStatusResponse } from './common.js';

export interface usernameReq extends CallOptions {
  username: string;
}
export interface CreateUserReq extends usernameReq {
  password: string;
  description?: string;
}
export interface UpdateUserReq extends usernameReq {
  oldPassword?: string;
  newPassword?: string;
  description?: string;
}
export type DeleteUserReq = usernameReq;
export type ListUsersReq = CallOptions;
export interface SelectUserReq extends usernameReq {
  includeRoleInfo?: boolean;
}

export interface roleNameReq extends CallOptions {
  roleName: string;
}
export interface CreateRoleReq extends roleNameReq {
  description?: string;
}
export interface AlterRoleReq extends roleNameReq {
  description: string;
}
export type DropRoleReq = roleNameReq;
export type HasRoleReq = roleNameReq;
export interface SelectRoleReq extends roleNameReq {
  includeUserInfo?: boolean;
}
export interface listRoleReq extends CallOptions {
  includeUserInfo?: boolean;
}
export interface AddUserToRoleReq extends roleNameReq {
  username: string;
}
export type RemoveUserFromRoleReq = AddUserToRoleReq;

export interface BaseGrantReq extends roleNameReq {
  object: RbacObjects;
  objectName: string;
  db_name?: string;
}
export interface OperateRolePrivilegeReq extends BaseGrantReq {
  privilegeName: PrivilegesTypes;
}
export type SelectGrantReq = BaseGrantReq;
export interface ListGrantsReq extends roleNameReq {
  db_name?: string;
}
export interface GrantPrivilegeV2Request extends CallOptions {
  role: string;
  privilege: PrivilegesTypes;
  db_name: string;
  collection_name: string;
}
export type RevokePrivilegeV2Request = GrantPrivilegeV2Request;
export interface OperatePrivilegeV2Request extends CallOptions {
  role: RoleEntity;
  grantor: Grantor;
  type: OperatePrivilegeType;
  db_name: string;
  collection_name: string;
}

export interface CreatePrivilegeGroupReq extends CallOptions {
  group_name: string;
}
export type DropPrivilegeGroupReq = CreatePrivilegeGroupReq;
export interface AddPrivilegesToGroupReq extends CreatePrivilegeGroupReq {
  privileges: PrivilegesTypes[];
}
export type RemovePrivilegesFromGroupReq = AddPrivilegesToGroupReq;
export interface OperatePrivilegeGroupReq extends CreatePrivilegeGroupReq {
  privileges: PrivilegeEntity[];
  type: OperatePrivilegeGroupType;
}

export type User = { name: string };
export type RoleEntity = { name: string; description?: string };
export type ObjectEntity = { name: RbacObjects };
export type PrivilegeEntity = { name: PrivilegesTypes };
export type Grantor = { user: User; privilege: PrivilegeEntity };
export type GrantEntity = { role: RoleEntity; object: ObjectEntity; object_name: string; grantor: Grantor; db_name: string };
export type RoleResult = { users: User[]; role: RoleEntity; entities: GrantEntity[] };
export type UserResult = { user: User; roles: RoleEntity[]; description?: string };
export type PrivelegeGroup = { group_name: string; privileges: PrivilegeEntity[] };
export type RBACMeta = { users: User[]; roles: RoleEntity[]; grants: GrantEntity[]; privilege_groups: PrivelegeGroup[] };

export type BackupRBACRequest = CallOptions;
export interface RestoreRBACRequest extends CallOptions {
  RBAC_meta: RBACMeta;
}

export interface ListCredUsersResponse extends resStatusResponse {
  usernames: string[];
}
export interface SelectUserResponse extends resStatusResponse {
  results: UserResult[];
}
export interface SelectRoleResponse extends resStatusResponse {
  results: RoleResult[];
}
export interface HasRoleResponse extends resStatusResponse {
  hasRole: boolean;
}
export interface SelectGrantResponse extends resStatusResponse {
  entities: GrantEntity[];
}
export interface ListPrivilegeGroupsResponse extends resStatusResponse {
  privilege_groups: PrivelegeGroup[];
}
export interface BackupRBACResponse extends resStatusResponse {
  RBAC_meta: RBACMeta;
}
