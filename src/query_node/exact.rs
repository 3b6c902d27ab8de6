//! Searching so that no row that is better is missed: vectors one after the other, or codes, which cannot be wrong by more than
//! their error, and then the vectors of what that leaves open.

use super::coded::{CodedSegment, offer_exact};
use super::search::Plan;
use crate::error::Result;
use crate::expr::Rows;
use crate::index::codes::{CodeSearch, CodedQuery, Effort, ScoreError, SelectedRows, Selection};
use crate::index::flat::FlatScan;
use crate::platform::{Breather, Platform};
use crate::search::{Hit, Order, ScoreRange, TopK};
use crate::segment::SegmentRows;
use crate::value::{Column, ColumnData, Mask};

/// Rows scanned between two looks at the clock.
const SCAN_ROWS: usize = 16_384;
/// Rows that several queries look at one after the other stay in a core's cache.
const CACHED_BYTES: usize = 256 << 10;

/// Rows that are kept before vectors are looked at. Among those behind the wanted ones are nearly always all that codes leave in
/// doubt; if not, there is a second look.
const fn wanted(depth: usize) -> usize {
    4 * depth + 64
}

/// A segment whose vectors are in memory.
pub(super) struct ExactSegment<'a> {
    pub rows: &'a SegmentRows,
    pub mask: Option<&'a Mask>,
    pub norms: Option<&'a [f32]>,
}

/// The best rows for each query.
pub(super) async fn scan<P: Platform>(
    plan: &Plan,
    queries: &[&[f32]],
    ExactSegment { rows, mask, norms }: ExactSegment<'_>,
    depth: usize,
    breather: &mut Breather<'_, P>,
) -> Vec<Vec<Hit>> {
    let mut tops = vec![TopK::new(depth, Order::of(plan.metric), plan.params.range); queries.len()];
    let Some(Column { data: ColumnData::FloatVector { values, dim }, .. }) = rows.column(plan.field.id) else {
        return vec![Vec::new(); queries.len()];
    };
    let block_rows = match queries {
        [_] => SCAN_ROWS,
        _ => (CACHED_BYTES / (dim * size_of::<f32>())).clamp(1, SCAN_ROWS),
    };
    for (block, vectors) in values.chunks(block_rows * dim).enumerate() {
        let first = block * block_rows;
        let count = vectors.len() / dim;
        for (query, top) in queries.iter().zip(&mut tops) {
            FlatScan {
                query,
                vectors,
                metric: plan.metric,
                inverse_norms: norms.and_then(|norms| norms.get(first..first + count)),
                mask,
                base_row: first as u32,
            }
            .run(top);
        }
        breather.breathe().await;
    }
    tops.into_iter().map(TopK::into_sorted).collect()
}

/// For each query, beside what other segments are known to have, the best rows of these, which come with their places in the
/// target: those of the best `depth` of all.
pub(super) async fn find<P: Platform>(
    plan: &Plan,
    (queries, found): (&[&[f32]], &mut [Vec<Vec<Hit>>]),
    segments: &[(usize, CodedSegment<'_>)],
    depth: usize,
    breather: &mut Breather<'_, P>,
) -> Result<()> {
    let order = Order::of(plan.metric);
    for (at, segment) in segments {
        let asked = queries.iter().enumerate().map(|(number, query)| {
            let range = among_best(plan.params.range.unwrap_or_default(), order, &found[number], depth);
            Look::begin(segment, Asked { number, query, range, wanted: wanted(depth) }, order)
        });
        let mut looks: Vec<Look> = asked.collect();
        while !looks.is_empty() {
            look_through(segment, &mut looks, breather).await?;
            let mut again = Vec::new();
            for look in looks {
                let number = look.asked.number;
                match look.conclude(plan, segment.rows, depth, breather).await? {
                    Conclusion::Best(hits) => found[number][*at] = hits,
                    Conclusion::LookAgain(asked) => again.push(Look::begin(segment, asked, order)),
                }
                breather.breathe().await;
            }
            looks = again;
        }
    }
    Ok(())
}

/// What of a range can still be among the best `depth`, where some are known.
fn among_best(range: ScoreRange, order: Order, found: &[Vec<Hit>], depth: usize) -> ScoreRange {
    let mut best = TopK::new(depth, order, None);
    found.iter().flatten().for_each(|hit| best.offer(hit.score, hit.row));
    match best.worst_score() {
        Some(last) => up_to(range, order, last),
        None => range,
    }
}

/// What of a range is not worse than a score. Nothing is behind an infinite one.
fn up_to(range: ScoreRange, order: Order, last: f32) -> ScoreRange {
    let behind = Some(order.behind(last)).filter(|behind| behind.is_finite());
    ScoreRange { radius: range.radius.into_iter().chain(behind).min_by(|a, b| order.compare(*a, *b)), ..range }
}

struct Asked<'a> {
    /// Among all queries.
    number: usize,
    query: &'a [f32],
    range: ScoreRange,
    /// Rows that are kept before their vectors are looked at.
    wanted: usize,
}

/// A query among the codes of one segment.
struct Look<'a> {
    asked: Asked<'a>,
    coded: CodedQuery,
    error: ScoreError,
    /// Until they are looked through.
    rows: Option<SelectedRows>,
    /// Of each list a score that none of its rows is better than.
    best_of_lists: Vec<f32>,
    sink: TopK,
}

enum Conclusion<'a> {
    Best(Vec<Hit>),
    LookAgain(Asked<'a>),
}

impl<'a> Look<'a> {
    fn begin(segment: &CodedSegment<'_>, asked: Asked<'a>, order: Order) -> Self {
        let CodedSegment { codes, mask, .. } = *segment;
        let search = CodeSearch { query: asked.query, depth: asked.wanted, mask, effort: Effort::ALL };
        let Selection { query: coded, rows, .. } = codes.select(&search);
        let (error, best_of_lists) = (codes.certain_error(&coded), codes.best_of_lists(&coded));
        let sink = TopK::new(asked.wanted, order, Some(widened(asked.range, order, error)));
        Look { asked, coded, error, rows: Some(rows), best_of_lists, sink }
    }

    /// Whether a list can have a row that is among those that are kept.
    fn reaches(&self, list: usize) -> bool {
        let order = self.sink.order();
        let is_behind = |best: f32, bound: f32| !best.is_nan() && order.compare(best, bound).is_gt();
        let bounds = [self.sink.worst_score(), self.asked.range.radius];
        !bounds.into_iter().flatten().any(|bound| is_behind(self.best_of_lists[list], bound))
    }

    async fn conclude<P: Platform>(
        self,
        plan: &Plan,
        rows: &SegmentRows,
        depth: usize,
        breather: &mut Breather<'_, P>,
    ) -> Result<Conclusion<'a>> {
        let Look { asked: Asked { number, query, range, wanted }, error, sink, .. } = self;
        let (order, worst) = (sink.order(), sink.worst_score());
        let worse = |score: f32| order.worse(score, error.at(score));
        let kept = sink.into_sorted();
        let until = |bound: f32| kept.partition_point(|hit| order.compare(hit.score, bound).is_le());
        let surely_within = range.range_filter.map_or(0, |filter| until(worse(filter)));
        let first = surely_within.saturating_add(depth).min(kept.len());
        let mut best = TopK::new(depth, order, Some(range));
        offer_exact((plan, query), rows, &kept[..first], &mut best, breather).await?;
        // To codes, rows that are as near as the last of these may look worse by the error.
        let behind = best.worst_score().map_or(kept.len(), |last| until(worse(last)));
        let left = kept.get(first..behind).unwrap_or_default();
        offer_exact((plan, query), rows, left, &mut best, breather).await?;
        let last = best.worst_score();
        Ok(match (worst, last) {
            (None, _) => Conclusion::Best(best.into_sorted()),
            // Outside the range were more than expected.
            (_, None) => Conclusion::LookAgain(Asked { number, query, range, wanted: wanted.saturating_mul(4) }),
            (Some(worst), Some(last)) if order.compare(worse(last), worst).is_lt() => {
                Conclusion::Best(best.into_sorted())
            }
            // Of what was left out, that alone may be better.
            (_, Some(last)) => {
                Conclusion::LookAgain(Asked { number, query, range: up_to(range, order, last), wanted: usize::MAX })
            }
        })
    }
}

/// Offers all rows that the looks may keep to them.
async fn look_through<P: Platform>(
    segment: &CodedSegment<'_>,
    looks: &mut [Look<'_>],
    breather: &mut Breather<'_, P>,
) -> Result<()> {
    let mut looks_of_lists = vec![Vec::new(); segment.codes.list_count()];
    for (number, look) in looks.iter_mut().enumerate() {
        match look.rows.take() {
            None => {}
            Some(SelectedRows::Scattered(rows)) => segment.rank_scattered(&look.coded, rows, &mut look.sink)?,
            Some(SelectedRows::Lists(lists)) => {
                let mut nearest_first = lists.into_iter();
                while look.sink.worst_score().is_none()
                    && let Some(list) = nearest_first.next()
                {
                    let numbers = segment.numbers_of(list)?;
                    segment.codes.rank_list(&look.coded, (list, &numbers), segment.mask, &mut look.sink);
                    breather.breathe().await;
                }
                nearest_first.for_each(|list| looks_of_lists[list].push(number));
            }
        }
        breather.breathe().await;
    }
    // A list is read once, and is in a core's cache while all queries that want it look at it.
    for (list, wanted) in looks_of_lists.into_iter().enumerate() {
        let mut numbers = None;
        for number in wanted {
            let look = &mut looks[number];
            if look.reaches(list) {
                let numbers = match &mut numbers {
                    Some(numbers) => numbers,
                    numbers => numbers.insert(segment.numbers_of(list)?),
                };
                segment.codes.rank_list(&look.coded, (list, numbers), segment.mask, &mut look.sink);
            }
        }
        if numbers.is_some() {
            breather.breathe().await;
        }
    }
    Ok(())
}

/// A range that holds whatever is in the given one, where scores may be wrong. Of infinite ones nothing is known.
fn widened(range: ScoreRange, order: Order, error: ScoreError) -> ScoreRange {
    let by = |bound: Option<f32>, sign: f32| {
        bound.map(|bound| order.worse(bound, sign * error.at(bound))).filter(|bound| bound.is_finite())
    };
    ScoreRange { radius: by(range.radius, 1.0), range_filter: by(range.range_filter, -1.0) }
}
