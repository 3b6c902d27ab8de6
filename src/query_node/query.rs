//! Query: the rows for which a filter is true, by primary key.

use super::QueryNode;
use super::output::{NodeReply, RowAt, gather};
use super::target::Target;
use crate::catalog::CollectionName;
use crate::error::{Error, Result, Status};
use crate::export::DynamicKeys;
use crate::expr::Filter;
use crate::ids::{PartitionId, Timestamp};
use crate::platform::{Breather, Platform};
use crate::schema::{DYNAMIC_FIELD, KeyValue};
use crate::search::QueryParams;
use crate::segment::SegmentRows;
use crate::sorted::SortedMap;
use crate::value::{Batch, Column, ColumnData, PrimaryKey, PrimaryKeys, RowOffset};
use serde::Deserialize;
use serde_json::{Value, json};
use std::cmp::Ordering;
use std::collections::BinaryHeap;

const COUNT: &str = "count(*)";
/// What tells which of several nodes has the newest row of a key.
const NEWNESS: &str = "$newness";

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct QueryRequest {
    #[serde(deserialize_with = "crate::request::or_default")]
    pub db_name: String,
    #[serde(deserialize_with = "crate::request::or_default")]
    pub collection_name: String,
    #[serde(deserialize_with = "crate::request::or_default")]
    pub expr: String,
    #[serde(deserialize_with = "crate::request::or_default")]
    pub output_fields: Vec<String>,
    #[serde(deserialize_with = "crate::request::or_default")]
    pub partition_names: Vec<String>,
    #[serde(deserialize_with = "crate::request::key_values")]
    pub query_params: Vec<KeyValue>,
    #[serde(deserialize_with = "crate::request::or_default")]
    pub expr_template_values: SortedMap<String, Value>,
    /// Whether the caller puts the answers of several nodes together.
    pub merge: bool,
}

impl<P: Platform> QueryNode<P> {
    pub(super) async fn query(&self, body: &str) -> Result<NodeReply> {
        let request: QueryRequest = crate::request::parse("Query", body)?;
        let counts = request.output_fields.iter().any(|name| name.trim().eq_ignore_ascii_case(COUNT));
        let params = QueryParams::from_key_values(&request.query_params)?;
        if counts && request.output_fields.len() > 1 {
            return Err(Error::invalid(format!("parse output field name failed: {COUNT}")));
        }
        params.check_filter(&request.expr, counts)?;
        let name = CollectionName::new(&request.db_name, &request.collection_name);
        let target = self.target(name, &request.partition_names, params.ignore_growing).await?;
        let filter = target.filter(&request.expr, &request.expr_template_values)?;
        let primary_key = target.schema().primary_key().clone();
        let (batch, listed) = if counts {
            let count = self.count(&target, &filter).await? as i64;
            let column = Column::new(ColumnData::Int64(vec![count]));
            (Batch { rows: 1, columns: vec![(COUNT.to_owned(), column)] }, vec![COUNT.to_owned()])
        } else {
            let mut output = target.output(&request.output_fields)?;
            output.include(&primary_key);
            let found = self.find(&target, &filter, params).await?;
            let mut batch = gather(&target.segments, &output.fields, &found)?;
            let keys = DynamicKeys { schema: target.schema(), only: &output.only_keys() };
            let dynamic = batch.columns.iter_mut().find(|(name, _)| name == DYNAMIC_FIELD);
            if let Some((_, Column { data: ColumnData::Json(objects), .. })) = dynamic
                && !keys.only.is_empty()
            {
                *objects = keys.cut(objects);
            }
            if request.merge {
                let written = |at: &RowAt| target.segments[at.segment as usize].written_by(at.row).0 as i64;
                let newness = found.iter().map(written);
                batch.columns.push((NEWNESS.to_owned(), Column::new(ColumnData::Int64(newness.collect()))));
            }
            (batch, output.wire_names().into_iter().map(str::to_owned).collect())
        };
        let body = json!({
            "status": Status::success(),
            "collection_name": request.collection_name,
            "output_fields": listed,
            "primary_field_name": primary_key.name,
            "load_version": target.version.to_string(),
            "session_ts": "0",
        });
        Ok(NodeReply { body: body.to_string(), blobs: vec![batch.encode()] })
    }

    async fn count(&self, target: &Target, filter: &Filter) -> Result<usize> {
        let mut breather = Breather::new(&self.platform);
        let mut count = 0;
        for segment in &target.segments {
            count += target.matching(filter, segment)?.count_ones(..);
            breather.breathe().await;
        }
        Ok(count)
    }

    /// Matching rows in the order of their primary keys; of rows with one key the newest.
    async fn find(&self, target: &Target, filter: &Filter, params: QueryParams) -> Result<Vec<RowAt>> {
        let mut breather = Breather::new(&self.platform);
        let mut matching: Vec<Vec<RowOffset>> = Vec::with_capacity(target.segments.len());
        for segment in &target.segments {
            let mut rows: Vec<RowOffset> =
                target.matching(filter, segment)?.ones().map(RowOffset::from_index).collect();
            if !segment.sorted {
                let keys = |left: &RowOffset, right: &RowOffset| segment.compare_keys(*left, segment, *right);
                rows.sort_unstable_by(|left, right| keys(left, right).then(left.cmp(right)));
            }
            matching.push(rows);
            breather.breathe().await;
        }
        let wanted = params.limit.map_or(usize::MAX, |limit| limit + params.offset);
        let mut found = merge_by_key(&target.segments, &matching, wanted);
        found.drain(..params.offset.min(found.len()));
        Ok(found)
    }

    /// Primary keys of the rows for which a filter is true, for a delete.
    pub(super) async fn matching_keys(
        &self,
        expr: &str,
        templates: &SortedMap<String, Value>,
        partition: Option<PartitionId>,
    ) -> Result<PrimaryKeys> {
        let target = self.target_by_id(partition).await?;
        let filter = target.filter(expr, templates)?;
        let found = self.find(&target, &filter, QueryParams::default()).await?;
        let keys = found.iter().map(|at| target.segments[at.segment as usize].primary_key_of(at.row));
        let mut numbers = Vec::new();
        let mut texts = Vec::new();
        for key in keys {
            match key {
                PrimaryKey::Int64(key) => numbers.push(key),
                PrimaryKey::VarChar(key) => texts.push(key),
            }
        }
        let is_text = target.schema().primary_key().data_type == crate::schema::DataType::VarChar;
        Ok(if is_text { PrimaryKeys::VarChar(texts) } else { PrimaryKeys::Int64(numbers) })
    }
}

/// The next row of one segment in a merge; the heap gives the smallest key first, and of equal keys what was written last.
struct Cursor<'a> {
    segments: &'a [SegmentRows],
    segment: usize,
    rows: &'a [RowOffset],
    at: usize,
}

impl Cursor<'_> {
    fn compare_key(&self, other: &Cursor) -> Ordering {
        let (here, there) = (&self.segments[self.segment], &other.segments[other.segment]);
        here.compare_keys(self.rows[self.at], there, other.rows[other.at])
    }

    /// Of what one write has put in two segments any will do, but always the same.
    fn newness(&self) -> (Timestamp, usize) {
        (self.segments[self.segment].written_by(self.rows[self.at]), self.segment)
    }
}

impl Ord for Cursor<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.compare_key(other).reverse().then_with(|| self.newness().cmp(&other.newness()))
    }
}

impl PartialOrd for Cursor<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Cursor<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Cursor<'_> {}

/// The first `wanted` keys of segments whose matching rows ascend by key.
fn merge_by_key(segments: &[SegmentRows], matching: &[Vec<RowOffset>], wanted: usize) -> Vec<RowAt> {
    let cursors = matching.iter().enumerate().filter(|(_, rows)| !rows.is_empty());
    let mut heap: BinaryHeap<Cursor> =
        cursors.map(|(segment, rows)| Cursor { segments, segment, rows, at: 0 }).collect();
    let mut found: Vec<RowAt> = Vec::new();
    let mut last_key: Option<RowAt> = None;
    while let Some(mut cursor) = heap.pop() {
        let segment = &segments[cursor.segment];
        // Of one key's rows in a segment the last is the newest.
        while cursor.at + 1 < cursor.rows.len()
            && segment.compare_keys(cursor.rows[cursor.at], segment, cursor.rows[cursor.at + 1]).is_eq()
        {
            cursor.at += 1;
        }
        let row = cursor.rows[cursor.at];
        let known =
            last_key.is_some_and(|last| segments[last.segment as usize].compare_keys(last.row, segment, row).is_eq());
        if !known {
            if found.len() == wanted {
                break;
            }
            let at = RowAt { segment: cursor.segment as u32, row };
            found.push(at);
            last_key = Some(at);
        }
        cursor.at += 1;
        if cursor.at < cursor.rows.len() {
            heap.push(cursor);
        }
    }
    found
}
