// Limits and default values, with the SDK's names.

export const MAX_PARTITION_KEY_FIELD_COUNT = 1;
export const MAX_PARTITIONS_NUMBER = 4096;
export const NO_LIMIT = -1;
export const DEFAULT_MILVUS_PORT = 19530;
export const DEFAULT_CONNECT_TIMEOUT = 15000;
export const DEFAULT_TOPK = 100;
export const DEFAULT_METRIC_TYPE = 'COSINE';
export const DEFAULT_VECTOR_FIELD = 'vector';
export const DEFAULT_PRIMARY_KEY_FIELD = 'id';
export const DEFAULT_MAX_RETRIES = 3;
export const DEFAULT_RETRY_DELAY = 10;
export const DEFAULT_PARTITIONS_NUMBER = 16;
export const DEFAULT_RESOURCE_GROUP = '__default_resource_group';
export const DEFAULT_DB = 'default';
export const DEFAULT_DYNAMIC_FIELD = '$meta';
export const DEFAULT_COUNT_QUERY_STRING = 'count(*)';
export const CLUSTER_ID = 'cluster_id';
export const DEFAULT_HTTP_TIMEOUT = 60000;
export const DEFAULT_HTTP_ENDPOINT_VERSION = 'v2';
export const DEFAULT_POOL_MAX = 10;
export const DEFAULT_POOL_MIN = 2;
export const DEFAULT_MIN_INT64 = '-9223372036854775807';
export const DEFAULT_MAX_SEARCH_SIZE = 16384;
export const DEFAULT_MAX_L2_DISTANCE = 99999999;
export const DEFAULT_MIN_COSINE_DISTANCE = -2;

/** Keys of a collection's `properties`. */
export const CollectionProperties = {
  TTL_SECONDS: 'collection.ttl.seconds',
  TTL_FIELD: 'ttl_field',
  TIMEZONE: 'collection.timezone',
  MMAP_ENABLED: 'mmap.enabled',
} as const;
