// Every answer that is meant to differ from the recorded one. `at` is a filter, or a method and which of the case's calls of
// it (`query 2` is the second), or `*` for a whole case; `ours` is the answer (ids, or a part of its text); `why` is the reason.
// A line whose answer is not `ours`, or that no longer differs from the recording, fails.

const line = (name, at, ours, why) => ({ name, at, ours, why });

export const intendedDifferences = [
  line('load/replicas-more-than-nodes', 'loadCollectionAsync 1', '"code":12', 'too many replicas have a code of their own since 2.4'),
  line('load/without-index', 'loadCollection 1', 'index not found[collection=orc]","code":700', 'what is thrown has the code, too'),
  line('load/alias', 'createCollection 1', 'conflicts with an existing alias', 'says what is wrong, as newer versions do'),
  line('load/alias', 'describeAlias 1', '"db_name":"default"', 'newer versions fill it'),
  line('load/alias', 'dropCollection 2', 'because it has associated aliases [orc_alias]', 'refused since 2.4'),
  line('load/no-such-collection', 'search 1', '"code":100', 'the client of 2.3.5 ended with a TypeError of its own'),
  line('load/no-such-collection', 'loadCollection 1', '[collection=orc_nope]","code":100', 'what is thrown has the code, too'),
  line('load/no-such-collection', 'loadCollectionSync 1', '[collection=orc_nope]","code":100', 'what is thrown has the code, too'),
  line('load/no-such-collection', 'renameCollection 1', '[database=default]', '2.3.5 shows the number of the database'),
  line('load/no-such-collection', 'compact 1', '"code":100', '2.3.5 starts compactions of nothing'),
  line('load/no-such-collection', 'bulkInsert 1', '"code":100', 'newer versions name the cause'),
  line('load/no-such-collection', 'listImportTasks 1', '"code":100', '2.3.5 wraps the reason'),
  line('load/missing-arguments', 'getImportState 1', '"code":2101', 'a code of its own since 3.0'),
  line('load/missing-arguments', 'search 1', '"code":100', 'the client of 2.3.5 ended with a TypeError of its own'),

  line('import/rows-json', 'query 1', '"$meta":{"color":"imp"}', 'fault of 2.3.5: imported rows need a load'),
  line('import/rows-json', 'query 2', '[{"id":"101"},{"id":"102"}]', 'fault of 2.3.5: imported rows need a load'),

  line('partitions/load-second-separately', 'query 1', '[{"id":"11"},{"id":"12"},{"id":"21"}]', 'fault of 2.3.5: rows loaded second appear late'),
  line('partitions/load-collection-after-partition', 'query 1', '{"id":"1"}', 'fault of 2.3.5: rows loaded second appear late'),
  line('partitions/release-one-of-loaded-collection', 'query 5', '{"id":"12"}', 'fault of 2.3.5: rows loaded second appear late'),
  line('partitions/load-second-settled', 'query 1', '{"id":"21"}', 'fault of 2.3.5: rows loaded second appear late'),
  line('partitions/meta', 'createPartition 3', '"Success"', 'names of partitions may have a hyphen since 2.4'),
  line('partitions/meta', 'listPartitions 1', '"bad-name"', 'names of partitions may have a hyphen since 2.4'),

  line('release/writes-on-released-collection', 'query 1', '{"id":"11","words":111}', 'of rows with one key the newest since 2.4'),

  line('fields/bad-lists', 'loadCollectionAsync 1', 'does not contain primary key field id', '2.3.5 ignores load_fields'),
  line('fields/bad-lists', 'loadCollectionAsync 2', 'does not contain vector field', '2.3.5 ignores load_fields'),
  line('fields/bad-lists', 'loadCollectionAsync 3', 'field not found[field=nope]', '2.3.5 ignores load_fields'),
  line('fields/bad-lists', 'loadCollectionAsync 4', 'field not found[field=color]', '2.3.5 ignores load_fields'),

  line('dml/query', 'query 13', '"$meta":{}', 'only the keys that were asked for since 2.4'),
  line('dml/auto-id-and-varchar-pk', 'upsert 1', '"upsert_cnt":"1"', 'an upsert with autoID needs the key since 2.4, and gives a new one'),

  line('filters/all', '1 < i32 + 1 < 12', 'comparisons between Bool', 'the first comparison is fine since 2.4, the second refuses'),
  line('filters/all', 's == apple', 'unsupported data type JSON', 'refused before it runs'),
  line('filters/all', 'j["s"] == s', 'unsupported data type JSON', 'refused before it runs'),
  line('filters/all', 's == null', 'unsupported data type JSON', 'refused before it runs'),
  line('filters/all', 'j["a"] == null', 'unsupported right datatype JSON of compare expr', 'refused before it runs'),
  line('filters/all', 'ai[0] == ai[1]', 'unsupported right datatype ARRAY of compare expr', 'refused before it runs'),
  line('filters/all', 'array_contains(ai, [1])', "contains operation can't compare", 'refused before it runs'),
  line('filters/all', 'j["a"] in [1, 2.5]', [1, 2], 'lists of mixed types came after 2.3.5'),
  line('filters/all', 'color not in ["red"]', [2], 'a missing key is unknown; 3.2.2 contradicts its own != here'),
  line('filters/all', 'j == {}', "mismatched input '}' expecting Identifier", 'braces are of templates now'),
  line('filters/all', 'id in {1}', "mismatched input '1' expecting Identifier", 'braces are of templates now'),
  line('filters/all', 'id == {x}', 'variable name {x} is not found', 'braces are of templates now'),
  line('filters/all', 'text_match(s, "apple")', 'does not enable match', 'text_match came after 2.3.5'),
  line('filters/all', 'phrase_match(s, "apple")', 'does not enable match', 'phrase_match came after 2.3.5'),
  line('filters/nullable', 's not like "a%"', 'invalid expression: s not like', 'the text of 2.3.5 for it; 3.2.2 has texts of its own'),
  line('filters/nullable', 'v is null', 'not supported on vector field', '3.2.2 has texts of its own'),
  line('filters/templates', 'query 1', '[{"id":"1"},{"id":"2"}]', 'templates came after 2.3.5'),
  line('filters/templates', 'query 2', '[{"id":"1"}]', 'templates came after 2.3.5'),
  line('filters/templates', 'query 3', '[{"id":"1"},{"id":"5"},{"id":"6"}]', 'templates came after 2.3.5'),
  line('filters/templates', 'query 4', '[{"id":"1"}]', 'templates came after 2.3.5'),
  line('filters/templates', 'query 5', 'variable name {missing} is not found', 'templates came after 2.3.5'),
  line('filters/division-by-zero', 'i32 / 0 == 1', 'divisor cannot be zero', '2.3.5 dies of it'),
  line('filters/division-by-zero', 'i32 % 0 == 1', 'divisor cannot be zero', 'as the division'),

  line('search/options', 'search 36', 'range_filter must less than radius', 'the text of newer versions'),
  line('search/options', 'search 38', 'groupBy field not found in schema', '2.3.5 ignores group_by_field; grouping by keys is still to come'),
  line('search/options', 'search 40', 'not supported for group_by', '2.3.5 ignores group_by_field'),
  line('search/ip-and-cosine', 'search 7', 'Not allowed to do range-search when doing search-group-by', 'refused since 2.4; 3.2.2 does it'),
  line('search/hybrid-two-vectors', 'loadCollectionAsync 1', 'there is no vector index on field: [b]', '2.5.1 loads without'),
  line('search/hybrid-two-vectors', 'search 1', 'ann field \\"b\\" not loaded', '2.5.1 ignores load_fields'),
  line('search/hybrid-two-vectors', 'hybridSearch 1', 'not available in the browser', 'hybrid search is still to come'),
  line('search/hybrid-two-vectors', 'hybridSearch 2', 'not available in the browser', 'hybrid search is still to come'),
  line('search/bm25', '*', 'functions in the schema', 'functions and sparse vectors are still to come'),
];
