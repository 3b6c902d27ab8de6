//! Searching a segment by its codes, and the exact scores of what they find.

use super::search::Plan;
use crate::error::{Error, Result};
use crate::expr::Rows;
use crate::index::codes::{Candidate, CodeSearch, CodedQuery, Codes, Effort, ScoreError, SelectedRows, Selection};
use crate::index::flat::FlatScan;
use crate::platform::{Breather, Platform};
use crate::schema::Field;
use crate::search::{Hit, Order, ScoreRange, TopK};
use crate::segment::{SegmentRows, StoredRows};
use crate::sorted::SortedMap;
use crate::value::{ColumnData, Mask};
use std::borrow::Cow;

/// Rows beyond the wanted ones whose exact scores are looked at: codes may have put them in the wrong order.
const fn with_spare(depth: usize) -> usize {
    depth + depth / 4 + 8
}

/// One query over one segment.
pub(super) struct CodedSegment<'a> {
    pub codes: &'a Codes,
    /// Where int8 numbers are that are not in memory.
    pub stored_rows: Option<&'a StoredRows>,
    pub rows: &'a SegmentRows,
    pub mask: Option<&'a Mask>,
}

impl CodedSegment<'_> {
    fn numbers_of(&self, list: usize) -> Result<Cow<'_, [i8]>> {
        match self.stored_rows {
            None => Ok(Cow::Borrowed(self.codes.numbers_of(list))),
            Some(stored) => Ok(Cow::Owned(stored.read_range(self.codes.positions_of(list))?)),
        }
    }

    fn rank_scattered(&self, query: &CodedQuery, mut candidates: Vec<Candidate>, sink: &mut TopK) -> Result<()> {
        let Some(stored) = self.stored_rows else {
            self.codes.rank_scattered(query, &candidates, sink);
            return Ok(());
        };
        // Files are read forwards.
        candidates.sort_unstable_by_key(|candidate| candidate.position);
        let positions: Vec<u32> = candidates.iter().map(|candidate| candidate.position).collect();
        self.codes.rank_candidates(query, &candidates, &stored.read(&positions)?, sink);
        Ok(())
    }
}

/// What codes find of all segments: the best rows, a few more than are wanted, with scores that may be wrong by an error.
#[derive(Default, Clone)]
pub(super) struct Candidates {
    /// With their segments.
    hits: Vec<(usize, Hit)>,
    error: ScoreError,
}

/// The best rows of the segment that is `at` that place, for each query.
pub(super) async fn find<P: Platform>(
    plan: &Plan,
    (queries, candidates): (&[&[f32]], &mut [Candidates]),
    (at, segment): (usize, CodedSegment<'_>),
    depth: usize,
    breather: &mut Breather<'_, P>,
) -> Result<()> {
    let (mask, depth) = (segment.mask, with_spare(depth));
    let mut ranked = Vec::with_capacity(queries.len());
    let mut wanted_lists = Vec::new();
    for (number, query) in queries.iter().enumerate() {
        let mut sink = TopK::new(depth, Order::of(plan.metric), None);
        let Selection { query, rows } = segment.codes.select(&CodeSearch { query, depth, mask, effort: plan.effort });
        match rows {
            SelectedRows::Scattered(candidates) => segment.rank_scattered(&query, candidates, &mut sink)?,
            SelectedRows::Lists(lists) => wanted_lists.extend(lists.into_iter().map(|list| (list, number))),
        }
        ranked.push((query, sink));
        breather.breathe().await;
    }
    // A list is read once, and is in a core's cache while all queries that want it look at it.
    wanted_lists.sort_unstable();
    for wanted in wanted_lists.chunk_by(|left, right| left.0 == right.0) {
        let list = wanted[0].0;
        let numbers = segment.numbers_of(list)?;
        for (_, number) in wanted {
            let (query, sink) = &mut ranked[*number];
            segment.codes.rank_list(query, (list, &numbers), mask, sink);
        }
        breather.breathe().await;
    }
    for ((query, sink), found) in ranked.into_iter().zip(candidates) {
        found.error = found.error.max(query.error);
        found.hits.extend(sink.into_sorted().into_iter().map(|hit| (at, hit)));
    }
    Ok(())
}

impl Candidates {
    pub fn len(&self) -> usize {
        self.hits.len()
    }

    /// By segment, those that can be among the best `depth`, which `exact_hits` tells apart.
    pub fn into_rows(self, order: Order, depth: usize) -> SortedMap<usize, Vec<u32>> {
        let Candidates { mut hits, error } = self;
        hits.sort_unstable_by(|(_, left), (_, right)| order.compare(left.score, right.score));
        let last = depth.checked_sub(1).and_then(|last| hits.get(last)).map(|(_, hit)| hit.score);
        let is_near = |score: f32| last.is_none_or(|last| (score - last).abs() <= error.at(last));
        let mut rows_of: SortedMap<usize, Vec<u32>> = SortedMap::new();
        for (place, (segment, hit)) in hits.into_iter().take(with_spare(depth)).enumerate() {
            if place < depth || is_near(hit.score) {
                rows_of.entry(segment).or_default().push(hit.row);
            }
        }
        rows_of
    }
}

/// The best `depth` of some rows, by their vectors.
pub(super) fn exact_hits(
    plan: &Plan,
    query: &[f32],
    rows: &SegmentRows,
    mut found: Vec<u32>,
    depth: usize,
) -> Result<Vec<Hit>> {
    found.sort_unstable();
    let vectors = vectors_of(rows, &plan.field, &found)?;
    let mut exact = TopK::new(depth, Order::of(plan.metric), plan.params.range);
    let (metric, vectors) = (plan.metric, vectors.as_slice());
    FlatScan { query, vectors, metric, inverse_norms: None, mask: None, base_row: 0 }.run(&mut exact);
    let hits = exact.into_sorted().into_iter();
    Ok(hits.map(|hit| Hit { row: found[hit.row as usize], ..hit }).collect())
}

/// The best `depth` rows within a range, with exact scores. Rows beyond a bound are not rarer where the query is, so that there
/// is no telling how many lists have some: all are looked at. For an iterator, which never comes back, no better row is missing.
pub(super) async fn search_range<P: Platform>(
    plan: &Plan,
    query: &[f32],
    segment: &CodedSegment<'_>,
    depth: usize,
    breather: &mut Breather<'_, P>,
) -> Result<Vec<Hit>> {
    let CodedSegment { codes, rows, mask, .. } = *segment;
    let order = Order::of(plan.metric);
    let mut range = plan.params.range.unwrap_or_default();
    let mut wanted = with_spare(depth);
    loop {
        let Selection { query: coded, rows: selected } =
            codes.select(&CodeSearch { query, depth: wanted, mask, effort: Effort::ALL });
        let mut sink = TopK::new(wanted, order, Some(widened(range, order, coded.error)));
        match selected {
            SelectedRows::Scattered(candidates) => segment.rank_scattered(&coded, candidates, &mut sink)?,
            SelectedRows::Lists(lists) => {
                for list in lists {
                    codes.rank_list(&coded, (list, &segment.numbers_of(list)?), mask, &mut sink);
                    breather.breathe().await;
                }
            }
        }
        let worst = sink.worst_score();
        let found = sink.into_sorted().into_iter().map(|hit| hit.row).collect();
        let hits = exact_hits(plan, query, rows, found, depth)?;
        let Some(worst) = worst else { return Ok(hits) };
        let Some(last) = hits.get(depth - 1).map(|hit| hit.score) else {
            // Outside the range were more than expected.
            wanted *= 4;
            continue;
        };
        if plan.params.iteration.is_none() || order.compare(order.worse(last, coded.error.at(last)), worst).is_lt() {
            return Ok(hits);
        }
        // Of what was left out, that alone may be better.
        range.radius = Some(order.behind(last));
        wanted = usize::MAX;
    }
}

/// The vectors of some rows, one after the other.
fn vectors_of(segment: &SegmentRows, field: &Field, rows: &[u32]) -> Result<Vec<f32>> {
    match (segment.column(field.id).map(|column| &column.data), segment.stored.get(&field.id)) {
        (Some(ColumnData::FloatVector { dim, values }), _) => {
            let vector = |row: &u32| &values[*row as usize * dim..(*row as usize + 1) * dim];
            Ok(rows.iter().flat_map(vector).copied().collect())
        }
        (_, Some(stored)) => stored.read(rows),
        _ => Err(Error::Unexpected(format!("vectors of field {} are nowhere", field.name))),
    }
}

/// A range that holds whatever is in the given one, where scores may be wrong. Of infinite ones nothing is known.
fn widened(range: ScoreRange, order: Order, error: ScoreError) -> ScoreRange {
    let by = |bound: Option<f32>, sign: f32| {
        bound.map(|bound| order.worse(bound, sign * error.at(bound))).filter(|bound| bound.is_finite())
    };
    ScoreRange { radius: by(range.radius, 1.0), range_filter: by(range.range_filter, -1.0) }
}
