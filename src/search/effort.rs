//! The search parameters by which a caller says how hard to look, by the type of the index, with Milvus' ranges and texts.

use crate::error::{Error, Result};
use crate::index::IndexType;
use crate::index::codes::{DEFAULT_EF, Effort, MAX_LEVEL};
use crate::sorted::SortedMap;
use serde_json::Value;

const MAX_LISTS: i64 = 65_536;

/// What `params` ask of a search for `limit` rows; what is not meant for the type of index is passed over, as by Milvus.
pub fn effort(params: &SortedMap<String, Value>, index_type: IndexType, limit: usize) -> Result<Effort> {
    let is_ivf = matches!(
        index_type,
        IndexType::IvfFlat | IndexType::IvfSq8 | IndexType::IvfPq | IndexType::IvfRabitq | IndexType::Scann
    );
    let is_graph = matches!(index_type, IndexType::Hnsw | IndexType::HnswSq | IndexType::HnswPq | IndexType::HnswPrq);
    let is_auto = index_type == IndexType::AutoIndex;
    let level = number(params, "level", is_auto)?;
    let lists = number(params, "nprobe", is_ivf || is_auto)?;
    let rerank = number(params, "reorder_k", is_auto || index_type == IndexType::Scann)?;
    let graph = number(params, "ef", is_graph)?;
    let disk = number(params, "search_list", index_type == IndexType::DiskAnn)?;
    in_range("level", level, i64::from(MAX_LEVEL))?;
    in_range("nprobe", lists, MAX_LISTS)?;
    for (name, value) in [("reorder_k", rerank), ("ef", graph), ("search_list_size", disk)] {
        in_range(name, value, i64::from(i32::MAX))?;
        if let Some(value) = value.filter(|value| *value < limit as i64) {
            return Err(Error::invalid(format!("{name}({value}) should be larger than k({limit})")));
        }
    }
    Ok(Effort {
        level: level.map_or(1, |level| level as u32),
        lists: lists.map(|lists| lists as usize),
        rerank: rerank.or(disk).map(|rows| rows as usize),
        ef: is_graph.then(|| graph.map_or(DEFAULT_EF, |rows| rows as usize)),
    })
}

fn number(params: &SortedMap<String, Value>, key: &str, is_meant: bool) -> Result<Option<i64>> {
    let Some(value) = params.get(key).filter(|_| is_meant) else { return Ok(None) };
    let parsed = match value {
        Value::String(text) => text.trim().parse().ok(),
        other => other.as_i64(),
    };
    let wrong = || Error::invalid(format!("wrong data type in json, key: '{key}', value: '{value}'"));
    parsed.map(Some).ok_or_else(wrong)
}

fn in_range(name: &str, value: Option<i64>, high: i64) -> Result<()> {
    match value {
        Some(value) if !(1..=high).contains(&value) => Err(Error::invalid(format!(
            "Out of range in json: param '{name}' ({value}) should be in range [1, {high}]"
        ))),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(params: Value, index_type: IndexType) -> Result<Effort> {
        effort(&serde_json::from_value(params).unwrap(), index_type, 10)
    }

    #[test]
    fn what_is_meant_for_the_index_counts() {
        let plain = Effort { level: 1, lists: None, rerank: None, ef: None };
        assert_eq!(of(json!({}), IndexType::AutoIndex).unwrap(), plain);
        assert_eq!(of(json!({ "nprobe": "x", "ef": 0, "level": 99 }), IndexType::Flat).unwrap(), plain);
        let all = json!({ "level": 3, "nprobe": "12", "reorder_k": 50 });
        let asked = Effort { level: 3, lists: Some(12), rerank: Some(50), ef: None };
        assert_eq!(of(all, IndexType::AutoIndex).unwrap(), asked);
        assert_eq!(of(json!({ "ef": 64 }), IndexType::Hnsw).unwrap(), Effort { ef: Some(64), ..plain });
    }

    #[test]
    fn what_is_out_of_range_is_refused() {
        for (params, index_type, text) in [
            (json!({ "level": 11 }), IndexType::AutoIndex, "param 'level' (11) should be in range [1, 10]"),
            (json!({ "nprobe": 0 }), IndexType::IvfFlat, "param 'nprobe' (0) should be in range [1, 65536]"),
            (json!({ "nprobe": "x" }), IndexType::IvfSq8, "wrong data type in json, key: 'nprobe'"),
            (json!({ "ef": 1u64 << 32 }), IndexType::Hnsw, "'ef' (4294967296) should be in range [1, 2147483647]"),
            (json!({ "ef": 9 }), IndexType::Hnsw, "ef(9) should be larger than k(10)"),
            (json!({ "reorder_k": 9 }), IndexType::Scann, "reorder_k(9) should be larger than k(10)"),
            (json!({ "search_list": 9 }), IndexType::DiskAnn, "search_list_size(9) should be larger than k(10)"),
        ] {
            let error = of(params, index_type).unwrap_err();
            assert_eq!(error.code(), 1100);
            assert!(error.to_string().contains(text), "{error}");
        }
    }
}
