//! Searching a segment by its codes, and the exact scores of what they find.

use super::search::Plan;
use crate::error::{Error, Result};
use crate::expr::Rows;
use crate::index::codes::{Candidate, CodeSearch, CodedQuery, Codes, Planned, SelectedRows, Selection};
use crate::index::flat::FlatScan;
use crate::platform::{Breather, Platform};
use crate::schema::Field;
use crate::search::{Hit, Order, TopK};
use crate::segment::{SegmentRows, StoredRows};
use crate::sorted::SortedMap;
use crate::value::{ColumnData, Mask, RowOffset};
use std::borrow::Cow;

/// Rows beyond the wanted ones whose exact scores are looked at: codes may have put them in the wrong order.
const fn with_spare(depth: usize) -> usize {
    depth + depth / 4 + 8
}

/// Of segments with numbers in files, what is left over of so many is kept until all segments have been looked at.
const QUERIES_AT_ONCE: usize = 32;
/// Of rows that many scores leave in doubt, as where all are alike.
const VECTORS_AT_ONCE: usize = 1024;
/// Of so many, the best rows of all rule out most of the others, however near to each other these are in their files.
const MANY_SEGMENTS: usize = 4;

/// One query over one segment.
pub(super) struct CodedSegment<'a> {
    pub codes: &'a Codes,
    /// Where int8 numbers are that are not in memory.
    pub stored_rows: Option<&'a StoredRows>,
    pub rows: &'a SegmentRows,
    pub mask: Option<&'a Mask>,
}

impl CodedSegment<'_> {
    pub fn numbers_of(&self, list: usize) -> Result<Cow<'_, [i8]>> {
        match self.stored_rows {
            None => Ok(Cow::Borrowed(self.codes.numbers_of(list))),
            Some(stored) => Ok(Cow::Owned(stored.read_range(self.codes.positions_of(list))?)),
        }
    }

    /// Whether candidates are mostly read one by one; their positions ascend.
    fn are_apart(&self, candidates: &[Candidate]) -> bool {
        let positions: Vec<u32> = candidates.iter().map(|candidate| candidate.position).collect();
        self.stored_rows.is_some_and(|stored| stored.are_apart(&positions))
    }

    pub fn rank_scattered(&self, query: &CodedQuery, mut candidates: Vec<Candidate>, sink: &mut TopK) -> Result<()> {
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

/// Rows of a segment that may be among the best of a query.
struct Promising {
    /// The segment's place among those that are searched by codes.
    place: usize,
    query: CodedQuery,
    planned: Option<Planned>,
    rows: Vec<Candidate>,
}

/// What codes find of all segments: the best rows, a few more than are wanted, with scores that may be wrong by an error.
#[derive(Default, Clone)]
pub(super) struct Candidates {
    hits: Vec<Found>,
}

#[derive(Clone)]
struct Found {
    segment: usize,
    hit: Hit,
    /// By how much the score is likely to be wrong, at most.
    error: f32,
}

/// A query among segments.
struct Asked<'a> {
    query: &'a [f32],
    found: &'a mut Candidates,
    /// Of segments that have been looked at; rows only where their numbers are to be read from a file.
    promising: Vec<Promising>,
}

/// For each query the best rows of some segments, which come with their places in the target.
pub(super) async fn find<P: Platform>(
    plan: &Plan,
    (queries, candidates): (&[&[f32]], &mut [Candidates]),
    segments: &[(usize, CodedSegment<'_>)],
    wanted: usize,
    breather: &mut Breather<'_, P>,
) -> Result<()> {
    let are_stored = segments.iter().any(|(_, segment)| segment.stored_rows.is_some());
    let at_once = if are_stored { QUERIES_AT_ONCE } else { queries.len().max(1) };
    for (queries, candidates) in queries.chunks(at_once).zip(candidates.chunks_mut(at_once)) {
        let asked = queries.iter().zip(candidates);
        let mut asked: Vec<Asked> = asked.map(|(query, found)| Asked { query, found, promising: Vec::new() }).collect();
        for place in 0..segments.len() {
            find_in_segment(plan, &mut asked, (segments, place), wanted, breather).await?;
            if are_stored && place + 1 < segments.len() {
                continue;
            }
            for Asked { found, promising, .. } in &mut asked {
                rank_promising(plan, segments, (std::mem::take(promising), found), wanted, breather).await?;
            }
        }
    }
    Ok(())
}

async fn find_in_segment<P: Platform>(
    plan: &Plan,
    asked: &mut [Asked<'_>],
    (segments, place): (&[(usize, CodedSegment<'_>)], usize),
    wanted: usize,
    breather: &mut Breather<'_, P>,
) -> Result<()> {
    let (at, segment) = &segments[place];
    let (mask, depth) = (segment.mask, with_spare(wanted));
    let may_choose = segment.stored_rows.is_some() && !plan.effort.compares_all();
    let mut ranked = Vec::with_capacity(asked.len());
    let mut ranked_of_lists = vec![Vec::new(); segment.codes.list_count()];
    for (number, asked) in asked.iter_mut().enumerate() {
        let mut sink = TopK::new(depth, Order::of(plan.metric), None);
        let search = CodeSearch { query: asked.query, depth, mask, effort: plan.effort };
        let Selection { query, rows, planned } = segment.codes.select(&search);
        match rows {
            SelectedRows::Scattered(mut rows) => {
                if may_choose {
                    // Files are read forwards.
                    rows.sort_unstable_by_key(|row| row.position);
                    if segments.len() >= MANY_SEGMENTS || segment.are_apart(&rows) {
                        segment.codes.estimate_closely(&query, &mut rows);
                        asked.promising.push(Promising { place, query, planned, rows });
                        breather.breathe().await;
                        continue;
                    }
                }
                segment.rank_scattered(&query, rows, &mut sink)?;
            }
            SelectedRows::Lists(lists) => lists.into_iter().for_each(|list| ranked_of_lists[list].push(ranked.len())),
        }
        ranked.push((number, (query, planned), sink));
        breather.breathe().await;
    }
    // A list is read once, and is in a core's cache while all queries that want it look at it.
    for (list, wanted) in ranked_of_lists.into_iter().enumerate().filter(|(_, wanted)| !wanted.is_empty()) {
        let numbers = segment.numbers_of(list)?;
        for ranked_at in wanted {
            let (_, (query, _), sink) = &mut ranked[ranked_at];
            segment.codes.rank_list(query, (list, &numbers), mask, sink);
        }
        breather.breathe().await;
    }
    for (number, (query, planned), sink) in ranked {
        let Asked { found, promising, .. } = &mut asked[number];
        found.add(*at, (segment.codes, &query), sink);
        promising.push(Promising { place, query, planned, rows: Vec::new() });
    }
    Ok(())
}

/// Reading rows of files takes longer than all else. So the most promising of all segments are read first, and then what may
/// still be among the best `wanted`; at last what plans may have missed, as soon as it is known how near rows must be.
async fn rank_promising<P: Platform>(
    plan: &Plan,
    segments: &[(usize, CodedSegment<'_>)],
    (mut promising, found): (Vec<Promising>, &mut Candidates),
    wanted: usize,
    breather: &mut Breather<'_, P>,
) -> Result<()> {
    let order = Order::of(plan.metric);
    let mut are_planned = true;
    loop {
        let mut left = Vec::with_capacity(promising.iter().map(|of_segment| of_segment.rows.len()).sum());
        for (number, of_segment) in promising.iter().enumerate() {
            left.extend(of_segment.rows.iter().map(|row| (number, *row)));
        }
        let mut at_once = 2 * wanted;
        while !left.is_empty() {
            if let Some(bound) = found.worst_of_best(order, wanted) {
                left.retain(|(_, row)| row.may_be_better(order, bound));
            }
            let mut nearest = TopK::new(at_once, Order::Ascending, None);
            left.iter().for_each(|(_, row)| nearest.offer(row.estimate(), row.position));
            let last = nearest.worst_score();
            let (next, behind): (Vec<_>, Vec<_>) =
                left.into_iter().partition(|(_, row)| last.is_none_or(|last| row.estimate() <= last));
            left = behind;
            for of_segment in next.chunk_by(|(left, _), (right, _)| left == right) {
                let Promising { place, query, .. } = &promising[of_segment[0].0];
                let (at, segment) = &segments[*place];
                let mut sink = TopK::new(with_spare(wanted), order, None);
                segment.rank_scattered(query, of_segment.iter().map(|(_, row)| *row).collect(), &mut sink)?;
                found.add(*at, (segment.codes, query), sink);
                breather.breathe().await;
            }
            at_once *= 2;
        }
        // Where fewer than are wanted are found, no plan left any out.
        let Some(worst) = found.worst_of_best(order, wanted).filter(|_| are_planned) else { return Ok(()) };
        are_planned = false;
        for Promising { place, query, planned, rows } in &mut promising {
            let (_, CodedSegment { codes, stored_rows, mask, .. }) = &segments[*place];
            *rows = planned.as_ref().map_or(Vec::new(), |planned| codes.beyond((query, planned), *mask, wanted, worst));
            if rows.is_empty() {
                continue;
            }
            if stored_rows.is_some() {
                codes.estimate_closely(query, rows);
            }
            breather.breathe().await;
        }
    }
}

impl Candidates {
    fn add(&mut self, segment: usize, (codes, query): (&Codes, &CodedQuery), best: TopK) {
        let error = codes.likely_error(query);
        let found =
            best.into_sorted().into_iter().map(|hit| Found { segment, hit, error: error.at(hit.row, hit.score) });
        self.hits.extend(found);
    }

    /// What the best `count` are no worse than, as wrong as their scores are likely to be.
    fn worst_of_best(&self, order: Order, count: usize) -> Option<f32> {
        let mut best = TopK::new(count, order, None);
        self.hits.iter().for_each(|Found { hit, error, .. }| best.offer(order.worse(hit.score, *error), hit.row));
        best.worst_score()
    }

    /// Adds the best `depth` of all to what is found in each segment, with the scores of their vectors. Beyond the first
    /// `depth`, vectors are read only of rows that may be better than one of these.
    pub async fn rank_exactly<P: Platform>(
        mut self,
        (plan, query): (&Plan, &[f32]),
        depth: usize,
        found_in: &mut [Vec<Hit>],
        breather: &mut Breather<'_, P>,
    ) -> Result<()> {
        let order = Order::of(plan.metric);
        self.hits.sort_unstable_by(|left, right| order.compare(left.hit.score, right.hit.score));
        self.hits.truncate(with_spare(depth));
        let mut behind = self.hits.split_off(depth.min(self.hits.len()));
        while !self.hits.is_empty() {
            let mut rows_of: SortedMap<usize, Vec<Hit>> = SortedMap::new();
            self.hits.drain(..).for_each(|found| rows_of.entry(found.segment).or_default().push(found.hit));
            for (segment, rows) in rows_of {
                let mut exact = TopK::new(depth, order, None);
                found_in[segment].drain(..).for_each(|hit| exact.offer(hit.score, hit.row));
                offer_exact((plan, query), &plan.target.segments[segment], &rows, &mut exact, breather).await?;
                found_in[segment] = exact.into_sorted();
            }
            let mut best = TopK::new(depth, order, None);
            found_in.iter().flatten().for_each(|hit| best.offer(hit.score, hit.row));
            std::mem::swap(&mut self.hits, &mut behind);
            if let Some(last) = best.worst_score() {
                self.hits.retain(|Found { hit, error, .. }| {
                    let at_best = order.worse(hit.score, -error);
                    order.compare(at_best, last).is_le()
                });
            }
        }
        Ok(())
    }
}

/// Offers some rows of a segment with the scores of their vectors.
pub(super) async fn offer_exact<P: Platform>(
    (plan, query): (&Plan, &[f32]),
    segment: &SegmentRows,
    found: &[Hit],
    sink: &mut TopK,
    breather: &mut Breather<'_, P>,
) -> Result<()> {
    // As numbers, of which there are sorts already: sorts are compiled anew for each type.
    let mut numbers: Vec<u32> = found.iter().map(|hit| hit.row).collect();
    numbers.sort_unstable();
    let rows: Vec<RowOffset> = numbers.into_iter().map(RowOffset).collect();
    let mut blocks = rows.chunks(VECTORS_AT_ONCE).peekable();
    while let Some(rows) = blocks.next() {
        let vectors = vectors_of(segment, &plan.field, rows)?;
        let mut exact = TopK::new(rows.len(), sink.order(), None);
        let (metric, vectors) = (plan.metric, vectors.as_slice());
        FlatScan { query, vectors, metric, inverse_norms: None, mask: None, base_row: 0 }.run(&mut exact);
        exact.into_sorted().into_iter().for_each(|hit| sink.offer(hit.score, rows[hit.row as usize].0));
        if blocks.peek().is_some() {
            breather.breathe().await;
        }
    }
    Ok(())
}

/// The vectors of some rows, one after the other.
fn vectors_of(segment: &SegmentRows, field: &Field, rows: &[RowOffset]) -> Result<Vec<f32>> {
    match (segment.column(field.id).map(|column| &column.data), segment.stored.get(&field.id)) {
        (Some(ColumnData::FloatVector { dim, values }), _) => {
            let vector = |row: &RowOffset| &values[row.index() * dim..(row.index() + 1) * dim];
            Ok(rows.iter().flat_map(vector).copied().collect())
        }
        (_, Some(stored)) => stored.read(rows),
        _ => Err(Error::Unexpected(format!("vectors of field {} are nowhere", field.name))),
    }
}
