// Connection states and the names of per-client metadata.

export enum METADATA {
  DATABASE = 'dbname',
  AUTH = 'authorization',
  CLIENT_ID = 'identifier',
  CLIENT_REQUEST_ID = 'client-request-id',
  CLIENT_REQUEST_UNIXMSEC = 'client-request-unixmsec',
}

export enum CONNECT_STATUS {
  NOT_CONNECTED = 0,
  CONNECTING = 0,
  CONNECTED = 1,
  UNIMPLEMENTED = 2,
  SHUTDOWN = 5,
}

export enum TLS_MODE {
  DISABLED = 0,
  ONE_WAY = 1,
  TWO_WAY = 2,
  UNAUTHORIZED = 3,
}
