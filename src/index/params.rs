//! What a CreateIndex request may ask for: index types by field type, metrics, and the ranges of their parameters.

use super::{MetricType, json_path};
use crate::error::{Error, Result};
use crate::json;
use crate::schema::{DataType, Field, KeyValue, MMAP_ENABLED, WARMUP};
use crate::sorted::SortedMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Milvus' names, mapped by the planner to the indexes that elanus has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum IndexType {
    AutoIndex,
    Flat,
    IvfFlat,
    IvfSq8,
    IvfPq,
    IvfRabitq,
    Hnsw,
    HnswSq,
    HnswPq,
    HnswPrq,
    Scann,
    DiskAnn,
    Inverted,
    Bitmap,
    StlSort,
    Trie,
    Ngram,
}

/// Index types for vectors come first.
const NAMES: [(IndexType, &str); 17] = [
    (IndexType::AutoIndex, "AUTOINDEX"),
    (IndexType::Flat, "FLAT"),
    (IndexType::IvfFlat, "IVF_FLAT"),
    (IndexType::IvfSq8, "IVF_SQ8"),
    (IndexType::IvfPq, "IVF_PQ"),
    (IndexType::IvfRabitq, "IVF_RABITQ"),
    (IndexType::Hnsw, "HNSW"),
    (IndexType::HnswSq, "HNSW_SQ"),
    (IndexType::HnswPq, "HNSW_PQ"),
    (IndexType::HnswPrq, "HNSW_PRQ"),
    (IndexType::Scann, "SCANN"),
    (IndexType::DiskAnn, "DISKANN"),
    (IndexType::Inverted, "INVERTED"),
    (IndexType::Bitmap, "BITMAP"),
    (IndexType::StlSort, "STL_SORT"),
    (IndexType::Trie, "Trie"),
    (IndexType::Ngram, "NGRAM"),
];

/// Types of Milvus for fields that elanus does not have.
const OF_OTHER_FIELDS: [&str; 6] =
    ["BIN_FLAT", "BIN_IVF_FLAT", "MINHASH_LSH", "SPARSE_INVERTED_INDEX", "SPARSE_WAND", "RTREE"];
/// Types of Milvus that elanus could have.
const UNSUPPORTED: [&str; 6] = ["GPU_IVF_FLAT", "GPU_IVF_PQ", "GPU_CAGRA", "GPU_BRUTE_FORCE", "AISAQ", "FMINDEX"];

impl IndexType {
    pub fn name(self) -> &'static str {
        NAMES.iter().find(|(index_type, _)| *index_type == self).map_or("", |(_, name)| name)
    }

    /// Milvus takes the trie's name in either case.
    pub fn from_name(name: &str) -> Option<IndexType> {
        let name = if name == "TRIE" { "Trie" } else { name };
        NAMES.iter().find(|(_, known)| *known == name).map(|(index_type, _)| *index_type)
    }

    pub fn is_for_vectors(self) -> bool {
        (self as u32) <= IndexType::DiskAnn as u32
    }

    /// Whether larger segments are searched by a graph, once it is built.
    pub fn has_graph(self) -> bool {
        matches!(self, IndexType::Hnsw | IndexType::HnswSq | IndexType::HnswPq | IndexType::HnswPrq)
    }

    fn suits_scalar(self, field: &Field) -> bool {
        let number = |data_type: DataType| data_type.is_integer() || data_type.is_floating();
        let element = field.element_type;
        match self {
            IndexType::AutoIndex | IndexType::Inverted => true,
            IndexType::Bitmap => {
                let suits = |kind: DataType| kind.is_integer() || matches!(kind, DataType::Bool | DataType::VarChar);
                !field.is_primary_key && (suits(field.data_type) || element.is_some_and(suits))
            }
            IndexType::StlSort => number(field.data_type) || field.data_type == DataType::VarChar,
            IndexType::Trie => field.data_type == DataType::VarChar,
            IndexType::Ngram => matches!(field.data_type, DataType::VarChar | DataType::Json),
            _ => false,
        }
    }
}

/// A checked index on a field.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IndexParams {
    pub index_type: IndexType,
    /// Of vector fields.
    pub metric_type: Option<MetricType>,
    /// Everything else, `params` taken apart.
    pub params: SortedMap<String, String>,
    /// As the user gave them, for describe.
    pub given: Vec<KeyValue>,
}

/// What may be altered of an index.
pub const INDEX_PROPERTIES: [&str; 3] = [MMAP_ENABLED, WARMUP, "indexoffsetcache.enabled"];

/// `params` by themselves may have this size.
const MAX_PARAMS_BYTES: usize = 102_400;

impl IndexParams {
    pub fn check(field: &Field, extra_params: &[KeyValue]) -> Result<IndexParams> {
        let mut params = flatten(extra_params)?;
        let vector = field.data_type.is_vector();
        let unsuited = |name: &str| {
            let kind = field.data_type.name();
            Error::invalid(match (name, &field.name) {
                (_, field) if vector => {
                    format!("invalid index type: {name}, field {field} of type {kind} can't be built with this index")
                }
                ("Trie", _) => "TRIE are only supported on varchar field".to_owned(),
                ("STL_SORT", _) => "STL_SORT are only supported on numeric field".to_owned(),
                ("BITMAP", _) if field.is_primary_key => "create bitmap index on primary key not supported".to_owned(),
                ("BITMAP", _) => "bitmap index are only supported on bool, int, string and array field".to_owned(),
                (_, field) => format!("{name} are not supported on {kind} field, field {field}"),
            })
        };
        let index_type = match params.remove("index_type").filter(|name| !name.is_empty()) {
            None => IndexType::AutoIndex,
            Some(name) => IndexType::from_name(&name).ok_or_else(|| match name.as_str() {
                known if UNSUPPORTED.contains(&known) => {
                    Error::Unimplemented { what: format!("index type {name} on field {}", field.name) }
                }
                known if OF_OTHER_FIELDS.contains(&known) => unsuited(known),
                _ => Error::invalid(format!("invalid index type: {name}, field {}", field.name)),
            })?,
        };
        let suits = if vector { index_type.is_for_vectors() } else { index_type.suits_scalar(field) };
        if !suits {
            return Err(unsuited(index_type.name()));
        }
        if let Some(value) = params.get(MMAP_ENABLED).filter(|value| !is_bool(value)) {
            return Err(Error::invalid(format!("invalid {MMAP_ENABLED} value: {value}, expected: true, false")));
        }
        if index_type == IndexType::DiskAnn
            && params.get(MMAP_ENABLED).is_some_and(|value| value.eq_ignore_ascii_case("true"))
        {
            return Err(Error::invalid("index type DISKANN does not support mmap"));
        }
        if index_type == IndexType::Ngram {
            check_grams(&params)?;
        }
        if field.data_type == DataType::Json {
            json_path::check(field, &mut params)?;
        }
        let metric_type = match (params.remove("metric_type").filter(|name| !name.is_empty()), vector) {
            (_, false) => None,
            (None, true) if index_type == IndexType::AutoIndex => Some(MetricType::Cosine),
            (None, true) => {
                let (text, expected) =
                    ("metric type not set for vector index".to_owned(), "valid index params".to_owned());
                return Err(Error::ParameterMismatch { text, expected, actual: "invalid index params".to_owned() });
            }
            (Some(name), true) => Some(MetricType::from_name(&name).ok_or_else(|| {
                Error::invalid(format!(
                    "metric type {name} not found or not supported, supported: [L2 IP COSINE], field {}",
                    field.name
                ))
            })?),
        };
        if vector {
            check_ranges(index_type, field, &params)?;
            check_quantizer(index_type, &params)?;
            if index_type == IndexType::AutoIndex && params.keys().any(|key| !INDEX_PROPERTIES.contains(&key.as_str()))
            {
                return Err(Error::invalid("only metric type can be passed when use AutoIndex"));
            }
        }
        Ok(IndexParams { index_type, metric_type, params, given: extra_params.to_vec() })
    }

    /// Whether two requests are for the same index; properties that may be altered make no difference.
    pub fn is_same(&self, other: &IndexParams) -> bool {
        let lasting = |params: &IndexParams| {
            let pairs = params.params.clone().into_iter();
            pairs.filter(|(key, _)| !INDEX_PROPERTIES.contains(&key.as_str())).collect::<Vec<_>>()
        };
        self.index_type == other.index_type && self.metric_type == other.metric_type && lasting(self) == lasting(other)
    }

    /// The parameters of DescribeIndex: what was given, with what was left out.
    pub fn to_key_values(&self) -> Vec<KeyValue> {
        let mut pairs = self.given.clone();
        pairs.retain(|pair| !matches!(pair.key.as_str(), "index_type" | "metric_type"));
        if let Some(metric) = self.metric_type {
            pairs.insert(0, KeyValue { key: "metric_type".to_owned(), value: metric.name().to_owned() });
        }
        pairs.insert(0, KeyValue { key: "index_type".to_owned(), value: self.index_type.name().to_owned() });
        pairs
    }
}

/// One of the parameters that were given, on its own or within `params`.
pub fn parameter(given: &[KeyValue], key: &str) -> Option<String> {
    flatten(given).ok()?.remove(key)
}

/// Takes a parameter out of the JSON text `params`.
pub fn remove_nested(given: &mut [KeyValue], key: &str) {
    for nested in given.iter_mut().filter(|pair| pair.key == "params") {
        if let Ok(Value::Object(mut inner)) = json::parse(nested.value.as_bytes())
            && inner.remove(key).is_some()
        {
            nested.value = Value::Object(inner).to_string();
        }
    }
}

/// All parameters by name; those of the JSON text `params` among them.
fn flatten(extra_params: &[KeyValue]) -> Result<SortedMap<String, String>> {
    let mut all = SortedMap::new();
    for (at, pair) in extra_params.iter().enumerate() {
        if extra_params[..at].iter().any(|before| before.key == pair.key) {
            let text = format!("duplicated index param (key={}) (value={}) found", pair.key, pair.value);
            return Err(Error::invalid(text));
        }
        if pair.key != "params" {
            all.insert(pair.key.clone(), pair.value.clone());
            continue;
        }
        if pair.value.len() > MAX_PARAMS_BYTES {
            return Err(Error::invalid(format!("index params exceed {MAX_PARAMS_BYTES} bytes: {}", pair.value.len())));
        }
        if pair.value.trim().is_empty() {
            continue;
        }
        let Ok(Value::Object(inner)) = json::parse(pair.value.as_bytes()) else {
            return Err(Error::invalid(format!("index params are not a JSON object: {}", pair.value)));
        };
        all.extend(inner.into_iter().map(|(key, value)| match value {
            Value::String(text) => (key, text),
            other => (key, other.to_string()),
        }));
    }
    Ok(all)
}

fn is_bool(value: &str) -> bool {
    value.eq_ignore_ascii_case("true") || value.eq_ignore_ascii_case("false")
}

fn check_grams(params: &SortedMap<String, String>) -> Result<()> {
    let (Some(least), Some(most)) = (params.get("min_gram"), params.get("max_gram")) else {
        return Err(Error::invalid("Ngram index must specify both min_gram and max_gram"));
    };
    match (least.parse::<u32>(), most.parse::<u32>()) {
        (Ok(least), Ok(most)) if least > 0 && least <= most => Ok(()),
        _ => Err(Error::invalid(format!("invalid min_gram ({least}) or max_gram ({most}) value for Ngram index"))),
    }
}

/// A parameter with the range that its index allows.
struct Range {
    key: &'static str,
    low: i64,
    high: i64,
}

const M: Range = Range { key: "M", low: 2, high: 2048 };
const EF_CONSTRUCTION: Range = Range { key: "efConstruction", low: 1, high: i32::MAX as i64 };
const NLIST: Range = Range { key: "nlist", low: 1, high: 65_536 };
const PQ_M: Range = Range { key: "m", low: 1, high: 32_768 };
const PQ_BITS: Range = Range { key: "nbits", low: 1, high: 24 };
const PRQ_RESIDUALS: Range = Range { key: "nrq", low: 1, high: 16 };

fn check_ranges(index_type: IndexType, field: &Field, params: &SortedMap<String, String>) -> Result<()> {
    let ranges: &[Range] = match index_type {
        IndexType::IvfFlat | IndexType::IvfSq8 | IndexType::IvfRabitq | IndexType::Scann => &[NLIST],
        IndexType::IvfPq => &[NLIST, PQ_M, PQ_BITS],
        IndexType::Hnsw | IndexType::HnswSq => &[M, EF_CONSTRUCTION],
        IndexType::HnswPq => &[M, EF_CONSTRUCTION, PQ_M, PQ_BITS],
        IndexType::HnswPrq => &[M, EF_CONSTRUCTION, PQ_M, PQ_BITS, PRQ_RESIDUALS],
        _ => &[],
    };
    for Range { key, low, high } in ranges {
        let Some(text) = params.get(*key) else { continue };
        let value = text.trim().parse::<i64>().map_err(|_| {
            Error::invalid(format!("wrong data type in json, key: '{key}', value: '{text}', field {}", field.name))
        })?;
        if !(*low..=*high).contains(&value) {
            return Err(Error::invalid(format!(
                "Out of range in json: param '{key}' ({value}) should be in range [{low}, {high}], field {}",
                field.name
            )));
        }
        let dim = i64::from(field.dim.unwrap_or(1));
        if *key == PQ_M.key && dim % value != 0 {
            return Err(Error::invalid(format!(
                "dimension must be able to be divided by `m`, dimension: {dim}, m: {value}, field {}",
                field.name
            )));
        }
    }
    Ok(())
}

/// How numbers are kept beside a graph, and what is compared in the end.
fn check_quantizer(index_type: IndexType, params: &SortedMap<String, String>) -> Result<()> {
    const KEPT: [&str; 5] = ["SQ4U", "SQ6", "SQ8", "BF16", "FP16"];
    const COMPARED: [&str; 6] = ["SQ6", "SQ8", "FP16", "BF16", "FP32", "FLAT"];
    let is_in = |names: &[&str], name: &str| names.iter().any(|known| known.eq_ignore_ascii_case(name));
    let is_quantized =
        matches!(index_type, IndexType::HnswSq | IndexType::HnswPq | IndexType::HnswPrq | IndexType::IvfRabitq);
    if index_type == IndexType::HnswSq
        && let Some(name) = params.get("sq_type").filter(|name| !is_in(&KEPT, name))
    {
        return Err(Error::invalid(format!("invalid scalar quantizer type: {name}, optional types are {KEPT:?}")));
    }
    if !is_quantized {
        return Ok(());
    }
    if let Some(name) = params.get("refine_type").filter(|name| !is_in(&COMPARED, name)) {
        return Err(Error::invalid(format!(
            "invalid refine type : {name}, optional types are [sq6, sq8, fp16, bf16, fp32, flat]"
        )));
    }
    match params.get("refine") {
        Some(value) if !is_bool(value) => {
            Err(Error::invalid(format!("Type conflict in json: 'refine' (\"{value}\") should be a boolean")))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::CollectionSchema;
    use serde_json::json;

    fn schema() -> CollectionSchema {
        CollectionSchema::from_proto(
            "c",
            &json!({ "fields": [
                { "name": "id", "data_type": 5, "is_primary_key": true },
                { "name": "v", "data_type": 101, "type_params": { "dim": 6 } },
                { "name": "t", "data_type": 21, "type_params": { "max_length": 8 } },
                { "name": "d", "data_type": 11 },
                { "name": "j", "data_type": 23 }
            ], "enable_dynamic_field": true }),
        )
        .unwrap()
    }

    fn pairs(given: &[(&str, &str)]) -> Vec<KeyValue> {
        given.iter().map(|(key, value)| KeyValue { key: (*key).to_owned(), value: (*value).to_owned() }).collect()
    }

    fn check(field: &str, given: &[(&str, &str)]) -> Result<IndexParams> {
        IndexParams::check(schema().field(field).unwrap(), &pairs(given))
    }

    #[track_caller]
    fn assert_refused(result: Result<IndexParams>, text: &str) {
        let error = result.unwrap_err();
        assert_eq!(error.code(), 1100);
        assert!(error.to_string().contains(text), "{error} lacks {text:?}");
    }

    #[test]
    fn defaults_are_autoindex_and_cosine() {
        let params = check("v", &[]).unwrap();
        assert_eq!((params.index_type, params.metric_type), (IndexType::AutoIndex, Some(MetricType::Cosine)));
        let params = check("t", &[("index_type", "TRIE")]).unwrap();
        assert_eq!((params.index_type, params.metric_type), (IndexType::Trie, None));
    }

    #[test]
    fn every_name_leads_back_to_its_type() {
        for (index_type, name) in NAMES {
            assert_eq!(IndexType::from_name(name), Some(index_type));
            assert_eq!(index_type.name(), name);
            let accepted = check("v", &[("index_type", name), ("metric_type", "L2")]).is_ok();
            assert_eq!(accepted, index_type.is_for_vectors(), "{name}");
        }
    }

    #[test]
    fn describe_keeps_what_was_given() {
        let given = [("index_type", "HNSW"), ("metric_type", "L2"), ("params", r#"{"M":8,"efConstruction":"64"}"#)];
        let params = check("v", &given).unwrap();
        assert_eq!(params.params["M"], "8");
        assert_eq!(params.params["efConstruction"], "64");
        let pairs: Vec<(String, String)> =
            params.to_key_values().into_iter().map(|pair| (pair.key, pair.value)).collect();
        assert_eq!(pairs[0], ("index_type".to_owned(), "HNSW".to_owned()));
        assert_eq!(pairs[1], ("metric_type".to_owned(), "L2".to_owned()));
        assert_eq!(pairs[2].0, "params");
        let flat = [("index_type", "HNSW"), ("metric_type", "L2"), ("M", "8"), ("efConstruction", "64")];
        assert!(params.is_same(&check("v", &flat).unwrap()));
        assert!(!params.is_same(&check("v", &flat[..3]).unwrap()));
    }

    #[test]
    fn indexes_on_json_say_where_and_of_what_type() {
        let json = |field: &str, path: &str, cast: &str| check(field, &[("json_path", path), ("json_cast_type", cast)]);
        for (field, path, pointer) in [
            ("j", "j", ""),
            ("j", r#"j["a"]['b/c'][0]"#, "/a/b~1c/0"),
            ("$meta", "color", "/color"),
            ("$meta", r#"$meta["color"]["x"]"#, "/color/x"),
        ] {
            let params = json(field, path, "varchar").unwrap();
            assert_eq!(params.params["json_path"], pointer);
            let given = pairs(&[("json_path", path)]);
            assert_eq!(json_path::path_in_field(schema().field(field).unwrap(), &given), pointer);
            assert!(params.is_same(&json(field, path, "VARCHAR").unwrap()));
            assert!(!params.is_same(&json(field, path, "DOUBLE").unwrap()));
        }
        for (path, cast, text) in [
            ("j", "INT64", "json_cast_type INT64 is not supported"),
            (r#"k["a"]"#, "BOOL", r#"json path k["a"] is not one of field j"#),
            ("j.a", "BOOL", "json path j.a is not one of field j"),
        ] {
            assert_refused(json("j", path, cast), text);
        }
        assert_refused(check("j", &[("json_path", "j")]), "json index must specify cast type");
        assert_refused(check("j", &[("json_cast_type", "BOOL")]), "json index must specify json path");
    }

    #[test]
    fn what_does_not_suit_is_refused() {
        assert_refused(check("v", &[("index_type", "NOPE")]), "invalid index type: NOPE");
        assert_refused(check("v", &[("index_type", "Trie")]), "invalid index type: Trie");
        assert_refused(check("d", &[("index_type", "HNSW")]), "HNSW are not supported on Double field");
        for (field, index_type, text) in [
            ("d", "TRIE", "TRIE are only supported on varchar field"),
            ("j", "STL_SORT", "STL_SORT are only supported on numeric field"),
            ("d", "BITMAP", "bitmap index are only supported on bool, int, string and array field"),
            ("id", "BITMAP", "create bitmap index on primary key not supported"),
        ] {
            assert_refused(check(field, &[("index_type", index_type)]), text);
        }
        assert_refused(check("v", &[("metric_type", "JACCARD")]), "metric type JACCARD not found or not supported");
        assert!(matches!(check("v", &[("index_type", "GPU_CAGRA")]), Err(Error::Unimplemented { .. })));
        assert_refused(check("v", &[("metric_type", "l2")]), "metric type l2 not found or not supported");
        let no_metric = "metric type not set for vector index: invalid parameter[expected=valid index params]";
        assert_refused(check("v", &[("index_type", "HNSW")]), no_metric);
        let mapped = [("index_type", "DISKANN"), ("metric_type", "L2"), ("mmap.enabled", "true")];
        assert_refused(check("v", &mapped), "index type DISKANN does not support mmap");
        assert_refused(check("t", &[("index_type", "HYBRID")]), "invalid index type: HYBRID");
        assert_refused(check("v", &[("index_type", "FLAT"), ("index_type", "HNSW")]), "duplicated index param");
        assert!(check("v", &[("index_type", "AUTOINDEX"), ("mmap.enabled", "true")]).is_ok());
        let quantized =
            [("index_type", "HNSW_SQ"), ("metric_type", "IP"), ("sq_type", "fp16"), ("refine_type", "FP32")];
        assert!(check("v", &quantized).is_ok());
        assert_refused(check("v", &[("params", "7")]), "index params are not a JSON object");
        assert_refused(
            check("v", &[("index_type", "BIN_FLAT")]),
            "field v of type FloatVector can't be built with this",
        );
        assert_refused(check("t", &[("index_type", "RTREE")]), "RTREE are not supported on VarChar field");
        assert_refused(check("v", &[("mmap.enabled", "banana")]), "invalid mmap.enabled value: banana");
        assert_refused(check("t", &[("index_type", "NGRAM"), ("min_gram", "2")]), "both min_gram and max_gram");
        let grams = [("index_type", "NGRAM"), ("min_gram", "3"), ("max_gram", "2")];
        assert_refused(check("t", &grams), "invalid min_gram (3) or max_gram (2)");
        for (index_type, params, text) in [
            ("HNSW", r#"{"M":1}"#, "param 'M' (1) should be in range [2, 2048]"),
            ("HNSW", r#"{"M":"x"}"#, "wrong data type in json, key: 'M', value: 'x'"),
            ("IVF_FLAT", r#"{"nlist":65537}"#, "param 'nlist' (65537) should be in range [1, 65536]"),
            ("IVF_PQ", r#"{"m":4}"#, "dimension must be able to be divided by `m`, dimension: 6, m: 4"),
            ("IVF_PQ", r#"{"nbits":25}"#, "param 'nbits' (25) should be in range [1, 24]"),
            ("HNSW_SQ", r#"{"sq_type":"SQ9"}"#, "invalid scalar quantizer type: SQ9"),
            ("HNSW_PQ", r#"{"refine":true,"refine_type":"SQ9"}"#, "invalid refine type : SQ9, optional types are"),
            ("IVF_RABITQ", r#"{"refine":"maybe"}"#, "'refine' (\"maybe\") should be a boolean"),
            ("AUTOINDEX", r#"{"nlist":10}"#, "only metric type can be passed when use AutoIndex"),
            ("", r#"{"M":8}"#, "only metric type can be passed when use AutoIndex"),
        ] {
            let given = [("index_type", index_type), ("metric_type", "L2"), ("params", params)];
            assert_refused(check("v", &given), text);
        }
    }
}
