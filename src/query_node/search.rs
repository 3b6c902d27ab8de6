//! Search: the nearest rows.

use super::QueryNode;
use super::coded::{self, Candidates, CodedSegment};
use super::exact::{self, ExactSegment};
use super::output::{NodeReply, RowAt, gather};
use super::target::Target;
use crate::catalog::{CollectionName, IndexDefinition};
use crate::error::{Error, Result, Status};
use crate::expr::Rows;
use crate::index::codes::Effort;
use crate::index::{IndexType, MetricType, SegmentIndex};
use crate::platform::{Breather, Platform};
use crate::schema::{Field, KeyValue, OutputFields};
use crate::search::{Order, RankedHit, SearchParams, TopK, decode_query_vectors, effort, group, merge, round_score};
use crate::segment::SegmentRows;
use crate::sorted::SortedMap;
use crate::value::{Column, ColumnData, Mask, PrimaryKey, RowOffset};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Of one call, that go through the rows together.
const QUERIES_AT_ONCE: usize = 64;
/// Of all queries that are looked at together, as far as there are several.
const HITS_AT_ONCE: usize = 1 << 20;
const ROWS_BETWEEN_BREATHS: usize = 4096;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct SearchRequest {
    #[serde(deserialize_with = "crate::request::or_default")]
    db_name: String,
    #[serde(deserialize_with = "crate::request::or_default")]
    collection_name: String,
    #[serde(deserialize_with = "crate::request::or_default")]
    partition_names: Vec<String>,
    #[serde(deserialize_with = "crate::request::or_default")]
    dsl: String,
    nq: i64,
    #[serde(deserialize_with = "crate::request::key_values")]
    search_params: Vec<KeyValue>,
    #[serde(deserialize_with = "crate::request::or_default")]
    output_fields: Vec<String>,
    #[serde(deserialize_with = "crate::request::or_default")]
    expr_template_values: SortedMap<String, Value>,
    ids: Option<Value>,
    function_score: Option<Value>,
    search_aggregation: Option<Value>,
    highlighter: Option<Value>,
    /// Whether the caller puts the answers of several nodes together, and cuts the window and rounds only then.
    merge: bool,
}

impl SearchRequest {
    fn refuse_what_is_missing(&self) -> Result<()> {
        for (asked, what) in [
            (&self.ids, "search by ids is"),
            (&self.function_score, "function scores are"),
            (&self.search_aggregation, "search aggregations are"),
            (&self.highlighter, "highlighters are"),
        ] {
            if asked.as_ref().is_some_and(|asked| !asked.is_null()) {
                return Err(Error::Unimplemented { what: format!("{what} not available in the browser") });
            }
        }
        let hint = self.search_params.iter().find(|it| it.key == "hints").map_or("", |it| it.value.as_str());
        if !matches!(hint, "" | "iterative_filter" | "disable") {
            return Err(Error::invalid(format!("hints: {hint} not supported")));
        }
        Ok(())
    }
}

/// One search with all that its queries share.
pub(super) struct Plan {
    pub target: Target,
    masks: Vec<Mask>,
    pub field: Field,
    index: IndexDefinition,
    pub metric: MetricType,
    pub params: SearchParams,
    pub effort: Effort,
    /// Whether no row that is better may be missed.
    finds_all: bool,
    group_field: Option<Field>,
}

type KeyedHit = RankedHit<RowAt>;

impl<P: Platform> QueryNode<P> {
    pub(super) async fn search(&self, body: &str, blobs: &[Vec<u8>]) -> Result<NodeReply> {
        let request: SearchRequest = crate::request::parse("Search", body)?;
        let mut params = SearchParams::from_key_values(&request.search_params)?;
        request.refuse_what_is_missing()?;
        let name = CollectionName::new(&request.db_name, &request.collection_name);
        let target = self.target(name, &request.partition_names, params.ignore_growing).await?;
        params.check_iterated(target.view.id)?;
        let field = params.vector_field(target.schema())?.clone();
        if !target.fields.contains(&field.id) {
            return Err(Error::invalid(format!("ann field \"{}\" not loaded", field.name)));
        }
        let index = self.loaded.borrow().indexes.iter().find(|index| index.field == field.id).cloned();
        let index = index.ok_or_else(|| Error::FieldIndexNotLoaded { field: field.name.clone() })?;
        let metric = index.metric.unwrap_or(MetricType::Cosine);
        params.check_metric(metric)?;
        let index_type = IndexType::from_name(&index.index_type).unwrap_or(IndexType::AutoIndex);
        // What goes on until there are enough asks for no depth: batches of an iterator, ranges, groups.
        let goes_on = params.iteration.is_some() || params.range.is_some() || params.group_by.is_some();
        // Rows that no index has are compared one by one, and all of them.
        let has_index = target.segments.iter().any(|segment| segment.indexes.contains_key(&index.id));
        let depth = if goes_on || !has_index { 0 } else { params.depth() };
        let effort = effort(&params.index_params, index_type, depth)?;
        let order = Order::of(metric);
        if let Some(iteration) = params.iteration {
            params.range = Some(iteration.range(order, params.range));
        }
        if request.merge {
            params = SearchParams { limit: params.depth(), offset: 0, round_decimal: None, ..params };
        }
        let group_field = params.group_field(target.schema())?.cloned();
        if let Some(field) = group_field.as_ref().filter(|field| !target.fields.contains(&field.id)) {
            return Err(Error::invalid(format!("field {} is not loaded", field.name)));
        }
        if params.iteration.is_some() && request.nq > 1 {
            return Err(Error::invalid("not support search iteration over multiple vectors at present"));
        }
        let output = target.output(&request.output_fields)?;
        let queries = decode_query_vectors(blobs.first().map(Vec::as_slice).unwrap_or_default(), request.nq, &field)?;
        let filter = target
            .filter(&request.dsl, &request.expr_template_values)
            .map_err(|error| error.during("failed to create query plan"))?;
        let mut breather = Breather::new(&self.platform);
        let mut masks = Vec::with_capacity(target.segments.len());
        for segment in &target.segments {
            masks.push(target.matching(&filter, segment)?);
            breather.breathe().await;
        }
        // Rows beyond a bound are not rarer where the query is, so that there is no telling how many lists have some.
        let finds_all = index_type == IndexType::Flat || params.range.is_some();
        let plan = Plan { target, masks, field, index, metric, params, effort, finds_all, group_field };
        let dim = plan.field.dim.unwrap_or(1) as usize;
        let queries: Vec<&[f32]> = queries.chunks_exact(dim).collect();
        let mut hits_of_queries = Vec::with_capacity(queries.len());
        for queries in queries.chunks(QUERIES_AT_ONCE) {
            hits_of_queries.extend(self.nearest(&plan, queries, &mut breather).await?);
        }
        plan.reply(&request, &output, &hits_of_queries)
    }

    /// The hits of each query, as many as are asked for if there are as many.
    async fn nearest(
        &self,
        plan: &Plan,
        queries: &[&[f32]],
        breather: &mut Breather<'_, P>,
    ) -> Result<Vec<Vec<KeyedHit>>> {
        let rows: usize = plan.masks.iter().map(|mask| mask.count_ones(..)).sum();
        let mut hits_of_queries = vec![Vec::new(); queries.len()];
        let mut unanswered: Vec<usize> = (0..queries.len()).collect();
        // One more where it must be seen whether the last score has further hits.
        let has_growing = plan.target.segments.iter().any(|segment| segment.sealed.is_none());
        let passed_over = match plan.params.iteration {
            Some(iteration) => iteration.given() + 1,
            None => usize::from(has_growing),
        };
        let mut depth = (plan.params.depth() + passed_over).min(rows.max(1));
        let mut groups_there = None;
        while !unanswered.is_empty() {
            let at_once = (HITS_AT_ONCE / depth).max(1);
            let mut left = Vec::new();
            for numbers in unanswered.chunks(at_once) {
                let asked: Vec<&[f32]> = numbers.iter().map(|number| queries[*number]).collect();
                let scanned = self.scan(plan, &asked, depth, breather).await?;
                for (number, Scanned { lists, cut_off }) in numbers.iter().zip(scanned) {
                    match plan.answer(lists, depth, !cut_off || depth >= rows, groups_there.as_ref()) {
                        Some(answer) => hits_of_queries[*number] = answer,
                        None => left.push(*number),
                    }
                }
            }
            unanswered = left;
            // Whoever looks for more groups than there are would look at every row.
            if let Some(field) = plan.group_field.as_ref().filter(|_| !unanswered.is_empty() && groups_there.is_none())
            {
                groups_there = Some(groups_of(plan, field, breather).await);
            }
            depth = depth.saturating_mul(4).min(rows.max(1));
        }
        Ok(hits_of_queries)
    }

    /// For each query the best `depth` rows of each segment, or at least those among the best of all.
    async fn scan(
        &self,
        plan: &Plan,
        queries: &[&[f32]],
        depth: usize,
        breather: &mut Breather<'_, P>,
    ) -> Result<Vec<Scanned>> {
        let segments = &plan.target.segments;
        let mut found_of_queries = vec![vec![Vec::new(); segments.len()]; queries.len()];
        let mut candidates_of_queries = vec![Candidates::default(); queries.len()];
        let mut coded_segments = Vec::new();
        for (at, (rows, mask)) in segments.iter().zip(&plan.masks).enumerate() {
            let mask = if mask.count_ones(..) == mask.len() { None } else { Some(mask) };
            let norms = match rows.indexes.get(&plan.index.id) {
                Some(SegmentIndex::Codes(codes)) => {
                    let stored_rows = rows.stored_rows.get(&plan.index.id);
                    coded_segments.push((at, CodedSegment { codes, stored_rows, rows, mask }));
                    continue;
                }
                Some(SegmentIndex::InverseNorms(norms)) => Some(norms.as_slice()),
                None => None,
            };
            let found = exact::scan(plan, queries, ExactSegment { rows, mask, norms }, depth, breather).await;
            for (of_query, hits) in found_of_queries.iter_mut().zip(found) {
                of_query[at] = hits;
            }
        }
        if plan.finds_all {
            let found = (queries, found_of_queries.as_mut_slice());
            exact::find(plan, found, &coded_segments, depth, breather).await?;
        } else {
            let found = (queries, candidates_of_queries.as_mut_slice());
            coded::find(plan, found, &coded_segments, depth, breather).await?;
        }
        let mut scanned = Vec::with_capacity(queries.len());
        for ((query, mut found), candidates) in queries.iter().zip(found_of_queries).zip(candidates_of_queries) {
            candidates.rank_exactly((plan, query), depth, &mut found, breather).await?;
            let cut_off = found.iter().map(Vec::len).sum::<usize>() >= depth;
            let lists = found.into_iter().zip(segments).enumerate().map(|(at, (hits, rows))| {
                let ranked = hits.into_iter().map(|hit| RankedHit {
                    score: hit.score,
                    key: plan.key_of(rows, RowOffset(hit.row)),
                    at: RowAt { segment: at as u32, row: RowOffset(hit.row) },
                });
                ranked.collect()
            });
            scanned.push(Scanned { lists: lists.collect(), cut_off });
            breather.breathe().await;
        }
        Ok(scanned)
    }
}

impl Plan {
    /// Scores and output fields of all hits, one query after the other.
    fn reply(
        &self,
        request: &SearchRequest,
        output: &OutputFields,
        hits_of_queries: &[Vec<KeyedHit>],
    ) -> Result<NodeReply> {
        let rows: Vec<RowAt> = hits_of_queries.iter().flatten().map(|hit| hit.at).collect();
        let mut batch = gather(&self.target.segments, &output.fields, &rows)?;
        let scores = hits_of_queries.iter().flatten().map(|hit| match self.params.round_decimal {
            Some(decimals) => round_score(hit.score, decimals),
            None => hit.score,
        });
        batch.columns.insert(0, ("$score".to_owned(), Column::new(ColumnData::Float(scores.collect()))));
        if request.merge {
            batch.columns.extend(merge_columns(self, &rows)?);
        }
        let body = json!({
            "status": Status::success(),
            "collection_name": request.collection_name,
            "results": {
                "num_queries": request.nq,
                "top_k": self.params.limit,
                "topks": hits_of_queries.iter().map(|hits| hits.len().to_string()).collect::<Vec<_>>(),
                "output_fields": output.listed,
                "primary_field_name": self.target.schema().primary_key().name,
                "order": if Order::of(self.metric) == Order::Ascending { "asc" } else { "desc" },
                "given_of_bound": self.params.iteration.map(|iteration| iteration.given()),
            },
            "load_version": self.target.version.to_string(),
            "session_ts": "0",
        });
        Ok(NodeReply { body: body.to_string(), blobs: vec![batch.encode()] })
    }

    /// What hits of one score are put in order by.
    fn key_of(&self, rows: &SegmentRows, row: RowOffset) -> PrimaryKey {
        let key = rows.primary_key_of(row);
        if self.params.iteration.is_some() { PrimaryKey::Int64(key.number()) } else { key }
    }

    /// What the caller gets of the best `depth` hits of each segment; `None` when a deeper search could change it.
    fn answer(
        &self,
        mut lists: Vec<Vec<KeyedHit>>,
        depth: usize,
        exhausted: bool,
        groups_there: Option<&GroupRows>,
    ) -> Option<Vec<KeyedHit>> {
        let order = Order::of(self.metric);
        // Behind the end of a list may be more hits of its last score. Of sealed rows these have larger keys, which matter to
        // iterators alone.
        let mut horizon = TopK::new(1, order, None);
        for (list, rows) in lists.iter().zip(&self.target.segments) {
            if list.len() >= depth && (self.params.iteration.is_some() || rows.sealed.is_none()) {
                list.last().into_iter().for_each(|end| horizon.offer(end.score, 0));
            }
        }
        let horizon = horizon.worst_score();
        // Of what is worse than the best `depth`, segments need not have given all, and several of these may have one key.
        let mut best = TopK::new(depth, order, None);
        lists.iter().flatten().for_each(|hit| best.offer(hit.score, hit.at.row.0));
        if let Some(last) = best.worst_score().filter(|_| !exhausted) {
            lists.iter_mut().for_each(|list| list.retain(|hit| order.compare(hit.score, last).is_le()));
        }
        if let Some(iteration) = self.params.iteration {
            lists.iter_mut().for_each(|list| list.retain(|hit| !iteration.was_given(hit.score, hit.key.number())));
        }
        let hits = merge(order, lists, depth);
        if let Some(field) = &self.group_field {
            return grouped(self, field, (&hits, exhausted), groups_there);
        }
        // Pages that follow one another leave nothing out.
        let is_certain = |last: &KeyedHit| horizon.is_none_or(|horizon| order.compare(last.score, horizon).is_lt());
        // Fewer only where one key had several rows.
        let is_enough = exhausted || hits.get(self.params.depth() - 1).is_some_and(is_certain);
        is_enough.then(|| hits.into_iter().skip(self.params.offset).take(self.params.limit).collect())
    }
}

struct Scanned {
    /// By segment.
    lists: Vec<Vec<KeyedHit>>,
    /// Whether there may be more rows.
    cut_off: bool,
}

/// What hits are put in order and into groups by: `$key`, and `$group` where there is one.
fn merge_columns(plan: &Plan, rows: &[RowAt]) -> Result<Vec<(String, Column)>> {
    let segments = &plan.target.segments;
    let keys = if plan.params.iteration.is_some() {
        let numbers = rows.iter().map(|at| plan.key_of(&segments[at.segment as usize], at.row).number());
        Some(Column::new(ColumnData::Int64(numbers.collect())))
    } else {
        let primary_key = plan.target.schema().primary_key().clone();
        gather(segments, &[primary_key], rows)?.columns.pop().map(|(_, column)| column)
    };
    let keys = keys.into_iter().map(|column| ("$key".to_owned(), column));
    let groups = plan.group_field.as_ref().map(|field| {
        let key = |at: &RowAt| group_key(&segments[at.segment as usize], field, at.row);
        let texts = rows.iter().map(|at| match key(at) {
            GroupKey::Null => String::new(),
            GroupKey::Number(number) => format!("#{number}"),
            GroupKey::Text(text) => format!("={text}"),
        });
        let texts: Vec<String> = texts.collect();
        ("$group".to_owned(), Column::new(ColumnData::VarChar(texts.iter().map(String::as_str).collect())))
    });
    Ok(keys.chain(groups).collect())
}

/// A value to group by; nulls are one group.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum GroupKey {
    Null,
    Number(i64),
    Text(String),
}

fn group_key(segment: &SegmentRows, field: &Field, row: RowOffset) -> GroupKey {
    let row = row.index();
    let Some(column) = segment.column(field.id).filter(|column| column.is_valid(row)) else {
        return GroupKey::Null;
    };
    match &column.data {
        ColumnData::Bool(values) => GroupKey::Number(i64::from(values[row])),
        ColumnData::Int8(values) => GroupKey::Number(i64::from(values[row])),
        ColumnData::Int16(values) => GroupKey::Number(i64::from(values[row])),
        ColumnData::Int32(values) => GroupKey::Number(i64::from(values[row])),
        ColumnData::Int64(values) => GroupKey::Number(values[row]),
        ColumnData::VarChar(values) => GroupKey::Text(values.get(row).to_owned()),
        other => unreachable!("grouping by {:?} was refused before", other.data_type()),
    }
}

/// Groups by what they have in common, and how many of the rows that take part each has.
type GroupRows = BTreeMap<GroupKey, usize>;

/// The groups that there are; not all of them when there are clearly more than are asked for.
async fn groups_of<P: Platform>(plan: &Plan, field: &Field, breather: &mut Breather<'_, P>) -> GroupRows {
    let mut groups = GroupRows::new();
    let needs_all = plan.params.group_by.as_ref().is_some_and(|group_by| group_by.strict);
    for (segment, mask) in plan.target.segments.iter().zip(&plan.masks) {
        for (count, row) in mask.ones().enumerate() {
            *groups.entry(group_key(segment, field, RowOffset::from_index(row))).or_default() += 1;
            if groups.len() > plan.params.depth() && !needs_all {
                return groups;
            }
            if count % ROWS_BETWEEN_BREATHS == 0 {
                breather.breathe().await;
            }
        }
    }
    groups
}

/// The hits group after group; `None` when a deeper search could change them.
fn grouped(
    plan: &Plan,
    field: &Field,
    (hits, exhausted): (&[KeyedHit], bool),
    there: Option<&GroupRows>,
) -> Option<Vec<KeyedHit>> {
    let group_by = plan.params.group_by.as_ref()?;
    let keys = hits.iter().map(|hit| group_key(&plan.target.segments[hit.at.segment as usize], field, hit.at.row));
    let groups = group(keys, plan.params.depth(), group_by.size, group_by.strict, there);
    (groups.enough || exhausted)
        .then(|| groups.positions(plan.params.offset).map(|position| hits[position].clone()).collect())
}
