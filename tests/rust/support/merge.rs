//! One answer of several nodes' answers, as the page's client makes it.

use super::client::Answer;
use elanus::value::{Batch, ColumnData, RowOffset};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The request that each of so many nodes gets: several are asked from their first row on.
pub fn for_nodes(body: &Value, nodes: usize) -> Value {
    let mut body = body.clone();
    if nodes == 1 {
        return body;
    }
    body["merge"] = json!(true);
    if let Some(list) = body["query_params"].as_array_mut() {
        let offset = number(list, "offset").unwrap_or(0);
        for pair in list.iter_mut().filter(|pair| pair["key"] == "limit") {
            pair["value"] =
                json!((pair["value"].to_string().trim_matches('"').parse::<usize>().unwrap() + offset).to_string());
        }
        list.retain(|pair| pair["key"] != "offset");
    }
    body
}

fn number(params: &[Value], key: &str) -> Option<usize> {
    let pair = params.iter().find(|pair| pair["key"] == key)?;
    pair["value"].to_string().trim_matches('"').parse().ok()
}

/// `None` when the nodes do not agree on what is loaded, and must be asked again.
pub fn merge(body: &Value, mut answers: Vec<Answer>) -> Option<Answer> {
    if answers.len() == 1 {
        return answers.pop();
    }
    let version = |answer: &Answer| answer.body["load_version"].clone();
    if answers.iter().any(|answer| answer.is_ok() != answers[0].is_ok() || version(answer) != version(&answers[0])) {
        return None;
    }
    if !answers[0].is_ok() {
        return answers.pop();
    }
    let mut merged = Answer { body: answers[0].body.clone(), batch: None };
    let batches: Vec<Batch> = answers.into_iter().filter_map(|answer| answer.batch).collect();
    let rows = concat(&batches);
    let params = |key| body[key].as_array().cloned().unwrap_or_default();
    if merged.body["results"].is_object() {
        let order = search_order(&merged, &rows, &batches, &params("search_params"));
        merged.body["results"]["topks"] = json!(order.iter().map(|hits| hits.len().to_string()).collect::<Vec<_>>());
        merged.batch = Some(rows.select(&order.concat()));
    } else if let Some(ColumnData::Int64(counts)) = rows.column("count(*)").map(|column| &column.data) {
        let mut first = batches[0].clone();
        first.columns[0].1.data = ColumnData::Int64(vec![counts.iter().sum()]);
        merged.batch = Some(first);
    } else {
        let params = params("query_params");
        let mut order: Vec<RowOffset> = (0..rows.rows).map(RowOffset::from_index).collect();
        let key = merged.body["primary_field_name"].as_str().expect("a name").to_owned();
        let newness = |row: RowOffset| match &rows.column("$newness").expect("asked for").data {
            ColumnData::Int64(values) => values[row.index()],
            other => panic!("{other:?}"),
        };
        order.sort_by_key(|row| (key_of(&rows, &key, *row), std::cmp::Reverse(newness(*row))));
        order.dedup_by_key(|row| key_of(&rows, &key, *row));
        let offset = number(&params, "offset").unwrap_or(0);
        let order: Vec<RowOffset> =
            order.into_iter().skip(offset).take(number(&params, "limit").unwrap_or(usize::MAX)).collect();
        let mut batch = rows.select(&order);
        batch.columns.retain(|(name, _)| name != "$newness");
        merged.batch = Some(batch);
    }
    Some(merged)
}

fn concat(batches: &[Batch]) -> Batch {
    let mut all = batches[0].clone();
    for batch in &batches[1..] {
        all.rows += batch.rows;
        for ((_, column), (_, more)) in all.columns.iter_mut().zip(&batch.columns) {
            column.append(more);
        }
    }
    all
}

fn key_of(rows: &Batch, name: &str, row: RowOffset) -> (i64, String) {
    match &rows.column(name).expect("the key").data {
        ColumnData::Int64(keys) => (keys[row.index()], String::new()),
        ColumnData::VarChar(keys) => (0, keys.get(row.index()).to_owned()),
        other => panic!("{other:?} is no key"),
    }
}

/// The rows of each query's hits, best first, and of rows with one key the best.
fn search_order(first: &Answer, rows: &Batch, batches: &[Batch], params: &[Value]) -> Vec<Vec<RowOffset>> {
    let queries = first.body["results"]["topks"].as_array().expect("hits of each query").len();
    assert_eq!(queries, 1, "several queries over several nodes are for the page's client");
    assert_eq!(batches.iter().map(|batch| batch.rows).sum::<usize>(), rows.rows);
    let ColumnData::Float(scores) = &rows.column("$score").expect("scores").data else { panic!("no scores") };
    let sign = if first.body["results"]["order"] == "asc" { 1.0 } else { -1.0 };
    let mut order: Vec<RowOffset> = (0..rows.rows).map(RowOffset::from_index).collect();
    order.sort_by(|left, right| {
        let score = |row: RowOffset| sign * scores[row.index()];
        score(*left)
            .total_cmp(&score(*right))
            .then_with(|| key_of(rows, "$key", *left).cmp(&key_of(rows, "$key", *right)))
    });
    let mut seen = BTreeSet::new();
    order.retain(|row| seen.insert(key_of(rows, "$key", *row)));
    let limit = number(params, "limit").or_else(|| number(params, "topk")).expect("a limit");
    vec![order.into_iter().skip(number(params, "offset").unwrap_or(0)).take(limit).collect()]
}
