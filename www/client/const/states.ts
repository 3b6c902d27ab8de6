// States of indexes, segments, compactions, imports, loads, snapshots and of the service.

export enum IndexState {
  IndexStateNone = 0,
  Unissued = 1,
  InProgress = 2,
  Finished = 3,
  Failed = 4,
}

export enum SegmentState {
  SegmentStateNone = 0,
  NotExist = 1,
  Growing = 2,
  Sealed = 3,
  Flushed = 'Flushed',
  Flushing = 'Flushing',
  Dropped = 'Dropped',
  Importing = 'Importing',
}

export enum SegmentLevel {
  Legacy = 0,
  L0 = 1,
  L1 = 2,
  L2 = 3,
}

export enum CompactionState {
  UndefiedState = 0,
  Executing = 1,
  Completed = 2,
}

export enum ImportState {
  ImportPending = 'ImportPending',
  ImportFailed = 'ImportFailed',
  ImportStarted = 'ImportStarted',
  ImportPersisted = 'ImportPersisted',
  ImportCompleted = 'ImportCompleted',
  ImportFailedAndCleaned = 'ImportFailedAndCleaned',
}

export enum StateCode {
  Initializing = 0,
  Healthy = 1,
  Abnormal = 2,
  StandBy = 3,
}

export enum LoadState {
  LoadStateNotExist = 'LoadStateNotExist',
  LoadStateNotLoad = 'LoadStateNotLoad',
  LoadStateLoading = 'LoadStateLoading',
  LoadStateLoaded = 'LoadStateLoaded',
}

export enum ShowCollectionsType {
  All = 0,
  Loaded = 1,
}

export enum ShowPartitionsType {
  All = 0,
  Loaded = 1,
}

export enum RestoreSnapshotState {
  RestoreSnapshotNone = 'RestoreSnapshotNone',
  RestoreSnapshotPending = 'RestoreSnapshotPending',
  RestoreSnapshotExecuting = 'RestoreSnapshotExecuting',
  RestoreSnapshotCompleted = 'RestoreSnapshotCompleted',
  RestoreSnapshotFailed = 'RestoreSnapshotFailed',
}

export enum RefreshExternalCollectionState {
  RefreshPending = 'RefreshPending',
  RefreshInProgress = 'RefreshInProgress',
  RefreshCompleted = 'RefreshCompleted',
  RefreshFailed = 'RefreshFailed',
}

export enum VolumeType {
  MANAGED = 'MANAGED',
  EXTERNAL = 'EXTERNAL',
}
