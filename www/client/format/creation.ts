// What is described, as it was asked for: the arguments that make the same collection and the same indexes again. All of it
// is JSON.

import type {
  DescribeCollectionResponse,
  ExportedField,
  ExportedIndex,
  ExportedSchema,
  FieldSchema,
  IndexDescription,
  KeyValuePair,
} from '../types/index.js';

const NUMBERS = new Set(['dim', 'max_length', 'max_capacity']);

export function creationOf(collection: DescribeCollectionResponse): ExportedSchema {
  const { collection_name, schema, shards_num, consistency_level, properties, num_partitions } = collection;
  const creation: ExportedSchema = { collection_name, fields: schema.fields.map(fieldOf), shards_num, consistency_level };
  if (schema.description) creation.description = schema.description;
  if (schema.enable_dynamic_field) creation.enable_dynamic_field = true;
  // Of other collections it is the number of partitions that were made later.
  if (schema.fields.some(field => field.is_partition_key)) creation.num_partitions = Number(num_partitions);
  if (properties.length) creation.properties = recordOf(properties);
  return creation;
}

function fieldOf(field: FieldSchema): ExportedField {
  const { name, data_type, element_type, description, default_value, type_params } = field;
  const made: ExportedField = { name, data_type };
  if (element_type && element_type !== 'None') made.element_type = element_type;
  if (description) made.description = description;
  for (const flag of ['is_primary_key', 'autoID', 'is_partition_key', 'is_clustering_key', 'nullable'] as const) {
    if (field[flag]) made[flag] = true;
  }
  if (default_value !== undefined && default_value !== null) made.default_value = default_value;
  const params = Object.entries(recordOf(type_params));
  return Object.assign(made, Object.fromEntries(params.map(([key, value]) => [key, NUMBERS.has(key) ? Number(value) : value])));
}

export function indexParamsOf(indexes: IndexDescription[]): ExportedIndex[] {
  return indexes.map(({ field_name, index_name, params: pairs }) => {
    const { index_type = '', metric_type, params: nested = '{}', ...flat } = recordOf(pairs);
    // The name of an index on a path cannot be given; it gets it again by itself.
    const made: ExportedIndex = { field_name, ...(!/[/$]/.test(index_name) && { index_name }), index_type };
    if (metric_type) made.metric_type = metric_type;
    const params = { ...(JSON.parse(nested) as object), ...flat };
    if (Object.keys(params).length) made.params = params;
    return made;
  });
}

function recordOf(pairs: KeyValuePair[]): Record<string, string> {
  return Object.fromEntries(pairs.map(({ key, value }) => [key, String(value)]));
}
