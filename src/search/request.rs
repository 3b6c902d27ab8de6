//! The key/value parameters of searches and queries, checked as Milvus' proxy checks them, with its texts.

use super::params::Params;
use super::{Iteration, ScoreRange};
use crate::error::{Error, Result};
use crate::ids::CollectionId;
use crate::index::MetricType;
use crate::schema::{CollectionSchema, DataType, Field, KeyValue};
use crate::sorted::SortedMap;
use crate::value::float_text;
use elanus_vectors::kernels::all_finite;
use serde_json::Value;

pub const MAX_TOP_K: i64 = 16_384;
pub const MAX_NQ: i64 = 16_384;
pub const MAX_GROUP_SIZE: i64 = 10;
/// Offset and limit of a query together.
const MAX_QUERY_RESULT_WINDOW: i64 = 16_384;

/// What Milvus has and elanus does not yet.
const UNSUPPORTED: [&str; 4] = ["order_by_fields", "search_aggregation", "group_by_fields", "json_path"];

/// How a search is to be made; what depends on the collection is checked by the methods.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchParams {
    /// Absent when the collection's only vector field is meant.
    pub anns_field: Option<String>,
    /// As asked for; `check_metric` compares it with the index.
    pub metric_type: Option<String>,
    pub limit: usize,
    pub offset: usize,
    /// Decimals of the scores, if they are to be rounded.
    pub round_decimal: Option<u32>,
    pub range: Option<ScoreRange>,
    pub ignore_growing: bool,
    pub group_by: Option<GroupBy>,
    /// The collection that an iterator began with.
    pub iterated: Option<i64>,
    /// For a page of an iterator, of `limit` hits.
    pub iteration: Option<Iteration>,
    /// Everything else: `ef`, `nprobe`, ...
    pub index_params: SortedMap<String, Value>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupBy {
    pub field: String,
    /// Hits of each group.
    pub size: usize,
    /// Whether groups are to be filled before the search ends.
    pub strict: bool,
}

impl SearchParams {
    pub fn from_key_values(pairs: &[KeyValue]) -> Result<SearchParams> {
        let params = Params::read(pairs)?;
        params.refuse_unsupported()?;
        let is_iterator = params.flag("iterator")?;
        let limit = match params.required_integer("topk")? {
            // Of an iterator's hits, those of one answer are bounded.
            limit if is_iterator && !(1..=MAX_TOP_K).contains(&limit) => MAX_TOP_K,
            limit => limit,
        };
        check_top_k("topk", limit, limit)?;
        let offset = params.integer("offset")?.unwrap_or(0);
        let page = params.page_of_iterator(offset)?;
        let limit = page.map_or(limit, |(batch, _)| batch);
        if offset != 0 {
            check_top_k("offset", offset, offset)?;
        }
        let depth = limit.saturating_add(offset);
        check_top_k("offset+topk", depth, depth)?;
        let range = params.number("radius")?.map(|radius| -> Result<ScoreRange> {
            Ok(ScoreRange { radius: Some(radius), range_filter: params.number("range_filter")? })
        });
        let group_by = params.group_by()?;
        if group_by.is_some() && range.is_some() {
            return Err(Error::invalid("Not allowed to do range-search when doing search-group-by"));
        }
        if group_by.is_some() && is_iterator {
            return Err(Error::invalid("Not allowed to do groupBy when doing iteration"));
        }
        Ok(SearchParams {
            anns_field: params.text("anns_field").filter(|field| !field.is_empty()),
            metric_type: params.text("metric_type").filter(|metric| !metric.is_empty()),
            limit: limit as usize,
            offset: offset as usize,
            round_decimal: params.round_decimal()?,
            range: range.transpose()?,
            ignore_growing: params.flag("ignore_growing")?,
            group_by,
            iterated: page.and(params.integer("collection_id")?),
            iteration: page.map(|(_, iteration)| iteration),
            index_params: params.0,
        })
    }

    /// Hits that must be found: those that are left out before the first are found as well.
    pub fn depth(&self) -> usize {
        self.limit + self.offset
    }

    /// The field to search; `None` in the request stands for the only vector field.
    pub fn vector_field<'a>(&self, schema: &'a CollectionSchema) -> Result<&'a Field> {
        let mut vectors = schema.vector_fields();
        match &self.anns_field {
            Some(name) => match schema.field(name) {
                Some(field) if field.data_type.is_vector() => Ok(field),
                Some(_) => Err(Error::invalid(format!(
                    "failed to create query plan: field ({name}) to search is not of vector data type"
                ))),
                None => Err(Error::invalid(format!(
                    "failed to create query plan: failed to get field schema by name: fieldName({name}) not found"
                ))),
            },
            None => match (vectors.next(), vectors.next()) {
                (Some(field), None) => Ok(field),
                _ => Err(Error::invalid("multiple anns_fields exist, please specify a anns_field in search_params")),
            },
        }
    }

    /// The name may lead to another collection than when an iterator began.
    pub fn check_iterated(&self, found: CollectionId) -> Result<()> {
        match self.iterated.filter(|id| *id > 0 && *id as u64 != found.0) {
            None => Ok(()),
            Some(asked) => Err(Error::invalid(format!(
                "collection id:{asked} in the request is not consistent to that in the search context, alias or database may \
                 have been changed: {found}"
            ))),
        }
    }

    /// The metric must be the index's, and the bounds of a range must enclose something under it.
    pub fn check_metric(&self, index: MetricType) -> Result<()> {
        if let Some(asked) = &self.metric_type
            && asked != index.name()
        {
            return Err(Error::mismatch("metric type not match", index.name(), asked));
        }
        let Some(ScoreRange { radius: Some(radius), range_filter: Some(filter) }) = self.range else { return Ok(()) };
        match index {
            MetricType::L2 if filter >= radius => Err(Error::invalid(format!(
                "range_filter must less than radius for L2/HAMMING/JACCARD, range_filter: {}, radius: {}",
                float_text(filter),
                float_text(radius)
            ))),
            MetricType::Ip | MetricType::Cosine if filter <= radius => Err(Error::invalid(format!(
                "range_filter must more than radius for IP/COSINE, range_filter: {}, radius: {}",
                float_text(filter),
                float_text(radius)
            ))),
            _ => Ok(()),
        }
    }

    /// The field to group by, if the search groups.
    pub fn group_field<'a>(&self, schema: &'a CollectionSchema) -> Result<Option<&'a Field>> {
        let Some(group_by) = &self.group_by else { return Ok(None) };
        let field = schema.field(&group_by.field).ok_or_else(|| Error::FieldNotFound {
            field: group_by.field.clone(),
            text: "groupBy field not found in schema".to_owned(),
        })?;
        match field.data_type {
            DataType::Bool | DataType::VarChar => Ok(Some(field)),
            integer if integer.is_integer() => Ok(Some(field)),
            other => Err(Error::invalid(format!(
                "group_by_field '{}' has type {} which is not supported for group_by",
                field.name,
                other.name()
            ))),
        }
    }
}

/// How much of a query's answer is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct QueryParams {
    /// `None` for all rows.
    pub limit: Option<usize>,
    pub offset: usize,
    pub ignore_growing: bool,
}

impl QueryParams {
    /// As in Milvus, an offset without a limit says nothing.
    pub fn from_key_values(pairs: &[KeyValue]) -> Result<QueryParams> {
        let params = Params::read(pairs)?;
        params.refuse_unsupported()?;
        let ignore_growing = params.flag("ignore_growing")?;
        let Some(limit) = params.integer("limit")? else {
            return Ok(QueryParams { limit: None, offset: 0, ignore_growing });
        };
        let offset = params.integer("offset")?.unwrap_or(0);
        let outside = |text: String| Err(Error::invalid(format!("invalid max query result window, {text}")));
        if offset < 0 {
            return outside(format!("offset [{offset}] is invalid, should be gte than 0"));
        }
        if limit <= 0 {
            return outside(format!("limit [{limit}] is invalid, should be greater than 0"));
        }
        let depth = limit.saturating_add(offset);
        if depth > MAX_QUERY_RESULT_WINDOW {
            return outside(format!(
                "(offset+limit) should be in range [1, {MAX_QUERY_RESULT_WINDOW}], but got {depth}"
            ));
        }
        Ok(QueryParams { limit: Some(limit as usize), offset: offset as usize, ignore_growing })
    }

    /// A query must be bounded by something: a filter, a limit, or by only counting.
    pub fn check_filter(&self, filter: &str, counts: bool) -> Result<()> {
        match (counts, self.limit) {
            (true, Some(_)) => Err(Error::invalid("count entities with pagination is not allowed")),
            (false, None) if filter.trim().is_empty() => {
                Err(Error::invalid("empty expression should be used with limit"))
            }
            _ => Ok(()),
        }
    }
}

/// The query vectors of a search: `nq` of them in little-endian float32.
pub fn decode_query_vectors(bytes: &[u8], nq: i64, field: &Field) -> Result<Vec<f32>> {
    if !(1..=MAX_NQ).contains(&nq) {
        return Err(Error::invalid(format!(
            "nq [{nq}] is invalid, nq (number of search vector per search request) should be in range [1, {MAX_NQ}], \
             but got {nq}"
        )));
    }
    let (expected, actual) = (field.dim.unwrap_or_default() as usize * 4, bytes.len() / nq as usize);
    if expected * nq as usize != bytes.len() {
        return Err(Error::invalid(format!(
            "vector dimension mismatch, expected vector size(byte) {expected}, actual {actual}, field {}",
            field.name
        )));
    }
    let vectors: Vec<f32> = bytemuck::pod_collect_to_vec(bytes);
    if !all_finite(&vectors) {
        return Err(Error::invalid(format!(
            "value 'NaN' is not a number or infinity, search vector for field {}",
            field.name
        )));
    }
    Ok(vectors)
}

/// Half away from zero, as Milvus rounds.
pub fn round_score(score: f32, decimals: u32) -> f32 {
    let scale = 10f64.powi(decimals as i32);
    ((f64::from(score) * scale).round() / scale) as f32
}

fn check_top_k(name: &str, given: i64, value: i64) -> Result<()> {
    match (1..=MAX_TOP_K).contains(&value) {
        true => Ok(()),
        false => Err(Error::invalid(format!(
            "{name} [{given}] is invalid, top k should be in range [1, {MAX_TOP_K}], but got {value}"
        ))),
    }
}

impl Params {
    fn refuse_unsupported(&self) -> Result<()> {
        match UNSUPPORTED.iter().find(|key| self.text(key).is_some_and(|value| !matches!(&*value, "" | "[]" | "{}"))) {
            None => Ok(()),
            Some(key) => Err(Error::Unimplemented { what: format!("search parameter {key}") }),
        }
    }

    fn round_decimal(&self) -> Result<Option<u32>> {
        match self.integer("round_decimal")? {
            None | Some(-1) => Ok(None),
            Some(decimals @ 0..=6) => Ok(Some(decimals as u32)),
            Some(decimals) => Err(Error::invalid(format!(
                "round_decimal [{decimals}] is invalid, should be -1 or an integer in range [0, 6]"
            ))),
        }
    }

    /// How many hits it is to have, and where it begins.
    fn page_of_iterator(&self, offset: i64) -> Result<Option<(i64, Iteration)>> {
        if !self.flag("search_iter_v2")? {
            return Ok(None);
        }
        if !self.flag("iterator")? {
            return Err(Error::invalid("both iterator and search_iter_v2 must be set in the SDK"));
        }
        if offset > 0 {
            let text = "Setting an offset is not permitted when using a search iterator v2";
            return Err(Error::mismatch(text, "", ""));
        }
        let batch = self.integer("search_iter_batch_size")?.ok_or_else(|| Error::invalid("batch size is required"))?;
        check_top_k("batch size", batch, batch)?;
        let bound = self.number("search_iter_last_bound")?;
        let token = self.text("search_iter_id").filter(|token| !token.is_empty());
        Ok(Some((batch, Iteration::new(bound, token.as_deref())?)))
    }

    fn group_by(&self) -> Result<Option<GroupBy>> {
        let given = self.text("group_size").unwrap_or_default();
        let unreadable = |_| Error::invalid(format!("failed to parse input group size:{given}"));
        let size = self.integer("group_size").map_err(unreadable)?.unwrap_or(1);
        if size <= 0 {
            return Err(Error::invalid(format!("input group size:{size} is negative, failed to do search_groupby")));
        }
        if size > MAX_GROUP_SIZE {
            return Err(Error::invalid(format!(
                "input group size:{size} exceeds configured max group size:{MAX_GROUP_SIZE}"
            )));
        }
        let Some(field) = self.text("group_by_field").filter(|field| !field.is_empty()) else { return Ok(None) };
        Ok(Some(GroupBy { field, size: size as usize, strict: self.flag("strict_group_size")? }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pairs(given: &[(&str, &str)]) -> Vec<KeyValue> {
        given.iter().map(|(key, value)| KeyValue { key: (*key).to_owned(), value: (*value).to_owned() }).collect()
    }

    fn search(given: &[(&str, &str)]) -> Result<SearchParams> {
        let mut all = vec![("topk", "10")];
        all.retain(|(key, _)| !given.iter().any(|(other, _)| key == other));
        all.extend(given);
        SearchParams::from_key_values(&pairs(&all))
    }

    #[track_caller]
    fn assert_refused<T: std::fmt::Debug>(result: Result<T>, text: &str) {
        let error = result.unwrap_err();
        assert_eq!(error.code(), 1100);
        assert!(error.to_string().contains(text), "{error} lacks {text:?}");
    }

    #[test]
    fn what_the_sdk_sends_is_read() {
        let params = search(&[
            ("anns_field", "v"),
            ("params", r#"{"radius":0.5,"range_filter":1,"ef":64}"#),
            ("topk", "3"),
            ("offset", "2"),
            ("metric_type", ""),
            ("ignore_growing", "false"),
            ("radius", "0.5"),
            ("range_filter", "1"),
            ("ef", "64"),
        ])
        .unwrap();
        assert_eq!((params.limit, params.offset, params.depth()), (3, 2, 5));
        assert_eq!(params.range, Some(ScoreRange { radius: Some(0.5), range_filter: Some(1.0) }));
        assert_eq!((params.metric_type.clone(), params.anns_field.as_deref()), (None, Some("v")));
        assert_eq!(params.index_params["ef"], json!(64));
        assert!(params.check_metric(MetricType::Cosine).is_ok());
        assert_refused(
            params.check_metric(MetricType::L2),
            "range_filter must less than radius for L2/HAMMING/JACCARD",
        );
    }

    #[test]
    fn windows_are_bounded_with_the_recorded_texts() {
        for (given, text) in [
            (vec![("topk", "0")], "topk [0] is invalid, top k should be in range [1, 16384], but got 0"),
            (vec![("topk", "-1")], "topk [-1] is invalid, top k should be in range [1, 16384], but got -1"),
            (vec![("topk", "16385")], "topk [16385] is invalid, top k should be in range [1, 16384], but got 16385"),
            (
                vec![("topk", "1"), ("offset", "16384")],
                "offset+topk [16385] is invalid, top k should be in range [1, 16384], but got 16385",
            ),
            (vec![("offset", "-1")], "offset [-1] is invalid, top k should be in range [1, 16384], but got -1"),
            (vec![("topk", "ten")], "topk [ten] is invalid"),
            (vec![("round_decimal", "7")], "round_decimal [7] is invalid, should be -1 or an integer in range [0, 6]"),
            (vec![("radius", "far")], "radius [far] is invalid"),
            (vec![("params", "[1]")], "is not a JSON object"),
        ] {
            assert_refused(search(&given), text);
        }
        assert_refused(SearchParams::from_key_values(&[]), "topk not found in search_params");
        assert!(search(&[("topk", "16384")]).is_ok());
        assert_eq!(search(&[("range_filter", "1")]).unwrap().range, None);
    }

    #[test]
    fn the_metric_is_that_of_the_index() {
        let error = search(&[("metric_type", "IP")]).unwrap().check_metric(MetricType::L2).unwrap_err();
        assert_eq!(error.to_string(), "metric type not match: invalid parameter[expected=L2][actual=IP]");
        assert!(search(&[("metric_type", "COSINE")]).unwrap().check_metric(MetricType::Cosine).is_ok());
        let params = search(&[("metric_type", "cosine")]).unwrap();
        assert_refused(params.check_metric(MetricType::Cosine), "metric type not match");
    }

    #[test]
    fn groups_are_limited() {
        let group = |size: &'static str, more: &[(&'static str, &'static str)]| {
            search(&[&[("group_by_field", "g"), ("group_size", size)], more].concat())
        };
        let parsed = group("2", &[("strict_group_size", "true")]).unwrap();
        assert_eq!(parsed.group_by, Some(GroupBy { field: "g".to_owned(), size: 2, strict: true }));
        assert_refused(group("11", &[]), "input group size:11 exceeds configured max group size:10");
        assert_refused(group("0", &[]), "input group size:0 is negative");
        assert_refused(group("1", &[("radius", "1")]), "Not allowed to do range-search when doing search-group-by");
        assert!(matches!(search(&[("order_by_fields", "a:asc")]), Err(Error::Unimplemented { .. })));
    }

    #[test]
    fn queries_are_bounded() {
        let query = |given: &[(&str, &str)]| QueryParams::from_key_values(&pairs(given));
        assert_eq!(query(&[("offset", "1")]), Ok(QueryParams::default()));
        assert_eq!(query(&[("limit", "2"), ("offset", "1")]).unwrap().offset, 1);
        for (given, text) in [
            (vec![("limit", "0")], "invalid max query result window, limit [0] is invalid, should be greater than 0"),
            (
                vec![("limit", "16385")],
                "invalid max query result window, (offset+limit) should be in range [1, 16384], but got 16385",
            ),
            (vec![("limit", "1"), ("offset", "-1")], "offset [-1] is invalid, should be gte than 0"),
            (vec![("limit", "9223372036854775807"), ("offset", "9")], "(offset+limit) should be in range"),
        ] {
            assert_refused(query(&given), text);
        }
        let limited = query(&[("limit", "1")]).unwrap();
        assert!(limited.check_filter("", false).is_ok());
        assert_refused(limited.check_filter("", true), "count entities with pagination is not allowed");
        assert_refused(QueryParams::default().check_filter(" ", false), "empty expression should be used with limit");
        assert!(QueryParams::default().check_filter("", true).is_ok());
    }

    #[test]
    fn fields_and_vectors_are_those_of_the_schema() {
        let schema = CollectionSchema::from_proto(
            "c",
            &json!({ "fields": [
                { "name": "id", "data_type": 5, "is_primary_key": true },
                { "name": "f", "data_type": 10 },
                { "name": "v", "data_type": 101, "type_params": { "dim": 2 } },
                { "name": "w", "data_type": 101, "type_params": { "dim": 3 } }
            ]}),
        )
        .unwrap();
        let field = |name: &str| search(&[("anns_field", name)]).unwrap().vector_field(&schema).map(|f| f.name.clone());
        assert_eq!(field("w").unwrap(), "w");
        assert_refused(field("x"), "failed to get field schema by name: fieldName(x) not found");
        assert_refused(field("f"), "field (f) to search is not of vector data type");
        assert_refused(field(""), "please specify a anns_field");
        let group =
            |name: &str| search(&[("group_by_field", name)]).unwrap().group_field(&schema).map(|field| field.is_some());
        assert_eq!(group("id"), Ok(true));
        assert_refused(group("f"), "group_by_field 'f' has type Float which is not supported");
        assert_eq!(group("color").unwrap_err().code(), 1700);

        let v = schema.field("v").unwrap();
        let bytes: Vec<u8> = [1f32, 2.0, 3.0, 4.0].iter().flat_map(|value| value.to_le_bytes()).collect();
        assert_eq!(decode_query_vectors(&bytes, 2, v), Ok(vec![1.0, 2.0, 3.0, 4.0]));
        assert_refused(decode_query_vectors(&bytes, 1, v), "expected vector size(byte) 8, actual 16");
        assert_refused(decode_query_vectors(&[], 1, v), "expected vector size(byte) 8, actual 0");
        assert_refused(decode_query_vectors(&[], 0, v), "nq [0] is invalid");
        assert_refused(decode_query_vectors(&bytes, 16385, v), "nq [16385] is invalid");
        assert_refused(decode_query_vectors(&[0xff; 8], 1, v), "is not a number or infinity");
    }

    #[test]
    fn pages_of_iterators_are_checked() {
        let page = |given: &[(&'static str, &'static str)]| {
            let all = [&[("iterator", "true"), ("search_iter_v2", "true"), ("search_iter_batch_size", "20")], given];
            search(&all.concat())
        };
        let first = page(&[("topk", "50000")]).unwrap();
        assert_eq!((first.limit, first.iteration), (20, Some(Iteration::new(None, None).unwrap())));
        for (given, text) in [
            ([("offset", "1")], "Setting an offset is not permitted when using a search iterator v2"),
            ([("group_by_field", "g")], "Not allowed to do groupBy when doing iteration"),
            ([("search_iter_batch_size", "0")], "batch size [0] is invalid"),
            ([("search_iter_last_bound", "near")], "search_iter_last_bound [near] is invalid"),
            ([("search_iter_id", "7")], "invalid token format"),
            ([("iterator", "false")], "both iterator and search_iter_v2 must be set in the SDK"),
        ] {
            assert_refused(page(&given), text);
        }
        assert_refused(search(&[("iterator", "true"), ("search_iter_v2", "true")]), "batch size is required");
        // The first kind of iterators searches ranges; who made one may ask for all rows.
        let plain = search(&[("iterator", "true"), ("topk", "50000")]).unwrap();
        assert_eq!((plain.limit, plain.iteration), (16_384, None));
    }

    #[test]
    fn what_has_no_value_is_not_there() {
        let given = [("radius", ""), ("ef", ""), ("round_decimal", ""), ("metric_type", ""), ("anns_field", "")];
        assert_eq!(search(&given).unwrap(), search(&[]).unwrap());
        assert_refused(search(&[("topk", "")]), "topk [] is invalid");
    }

    #[test]
    fn scores_are_rounded_half_away_from_zero() {
        assert_eq!(round_score(0.125, 2), 0.13);
        assert_eq!(round_score(-0.125, 2), -0.13);
        assert_eq!(round_score(1.81, 1), 1.8);
    }
}
