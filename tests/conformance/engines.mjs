// Which engine's answer counts, by area of cases; what each can be trusted for is in the README of the recordings.

const server = 'milvus-2.3.5';
const core = 'milvus-lite-2.5.1';
const newest = 'milvus-lite-3.2.2';

/** Areas whose cases are replayed. Left out: `schema` (recorded without a case). */
export const areas = { load: server, partitions: server, fields: server, dml: server, filters: server, search: server, import: server };

/** Cases for which the area's engine was too old. */
const ofCases = {
  'filters/nullable': newest,
  'search/hybrid-two-vectors': core,
  'search/bm25': core,
};

/** Answers in which the area's engine has a known fault or was too old, and the newest is trusted. */
const ofAnswers = {
  'filters/all': [
    // Upper-case keywords.
    'id == 1 OR id == 2', 'id > 1 AND id < 3', 'NOT (id == 1)',
    // `is null`, and what exists.
    's is not null', 'j["a"] is null', 'j["a"] is not null', 'color is null', 'color IS NOT NULL',
    'exists j["a"]', 'not exists j["a"]', 'exists $meta["color"]',
    // Missing keys are unknown, not unequal.
    'j["zz"] != 1', 'not (j["zz"] == 1)', 'color != "red"', 'not (color == "red")', 'nosuch != 1',
    // 2.3.5 took only prefixes as patterns.
    's like "%ana"', 's like "%an%"', 's like "a%e"', 's like "a%p%e"', 's like "ban\\\\%ana"', 's like "_pple"', 's like ""',
    // 2.3.5 rounded operands, took empty lists only after `in`, and arithmetic only before == and !=.
    'i32 + 0.5 == 10.5', 'array_contains_all(ai, [])', 'array_contains_any(ai, [])', 'array_length(ai) > 1',
  ],
  // 2.3.5 ignored group_by_field, and lost zero vectors under COSINE.
  'search/ip-and-cosine': ['search 4', 'search 5', 'search 6', 'search 7', 'search 8', 'search 9'],
};

export const engines = [server, core, newest];

export const engineOf = (area, name, at) => (ofAnswers[name]?.includes(at) ? newest : (ofCases[name] ?? areas[area]));
