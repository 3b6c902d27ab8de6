//! Going on where a plan may have missed rows. Plans are measured on rows of the segment, and hold for queries like these. Of any
//! query, signs and the spread of lists say what it may have missed, as soon as it is known how near rows must be.

use super::plan::{Effort, Thoroughness};
use super::query::CodedQuery;
use super::search::{Candidate, CodeSearch, LIST_COST, SURVIVOR_COST};
use super::{Codes, Lists, Signs};
use crate::{Mask, MetricType, Order, TopK};

/// Rows are spread more in the directions where queries are than in others, and some lists have more than one group of them.
const SPREAD: f32 = 1.25;
/// No row is better by so many deviations.
const NONE_BEYOND: f32 = 5.0;
/// The mean square of a residual's numbers, as a share of the square of its signs' scale: normally distributed, as turned rows
/// are, they have a mean magnitude whose square is that share of their mean square.
const OF_SCALE: f32 = 2.0 / std::f32::consts::PI;

/// How a search went by its plan.
pub struct Planned {
    /// Lists that were looked at.
    pub(super) lists: Vec<usize>,
    pub(super) left_out: LeftOut,
    /// Whether other lists may be looked at.
    pub(super) may_widen: bool,
    /// Of all rows, those that take part.
    pub(super) share: f32,
    pub(super) thoroughness: Thoroughness,
}

impl Planned {
    /// `None` where a search leaves nothing to plans.
    pub(super) fn new(search: &CodeSearch, share: f32, lists: Vec<usize>, left_out: LeftOut) -> Option<Planned> {
        let Effort { lists: asked_lists, rerank, .. } = search.effort;
        let left_out = if rerank.is_some() { LeftOut::None } else { left_out };
        let thoroughness = search.effort.thoroughness();
        let planned = Planned { lists, left_out, may_widen: asked_lists.is_none(), share, thoroughness };
        (!search.effort.compares_all()).then_some(planned)
    }
}

/// Rows of these lists that were not compared by numbers.
pub(super) enum LeftOut {
    None,
    /// Which are estimated to be worse than this one, and to deviate as much.
    WorseThan(Candidate),
    /// All but these, at ascending positions. A walk through a graph found them, which passes rows by where none were built in.
    AllBut(Vec<u32>),
}

/// How the ranks of a list's rows are spread.
pub(super) struct Spread {
    mean_offset: f32,
    offset_variance: f32,
    /// Of their residuals' numbers.
    square: f32,
}

impl Spread {
    pub fn of_lists(metric: MetricType, lists: &Lists, signs: &Signs) -> Vec<Spread> {
        let of_list = |list| {
            let positions = lists.positions(list);
            let rows = positions.len().max(1) as f32;
            let (scales, offsets) = (&signs.scales[positions.clone()], &signs.offsets[positions]);
            let mean_offset = offsets.iter().sum::<f32>() / rows;
            let square = scales.iter().map(|scale| scale * scale).sum::<f32>() * OF_SCALE / rows;
            // Of products they are what the mean and the centre add, which spreads with the rest.
            let offset_variance = match metric {
                MetricType::L2 => offsets.iter().map(|offset| (offset - mean_offset).powi(2)).sum::<f32>() / rows,
                MetricType::Ip | MetricType::Cosine => 0.0,
            };
            Spread { mean_offset, offset_variance, square }
        };
        (0..lists.count()).map(of_list).collect()
    }
}

impl Codes {
    /// Rows to compare by numbers that a search may have missed, when `wanted` rows are found with scores up to `worst`.
    pub fn beyond(
        &self,
        (query, planned): (&CodedQuery, &Planned),
        mask: Option<&Mask>,
        wanted: usize,
        worst: f32,
    ) -> Vec<Candidate> {
        let Planned { lists, left_out, thoroughness, .. } = planned;
        let rank = Order::of(self.metric).rank(worst);
        let others = self.promising_lists(query, planned, rank, thoroughness.missed * wanted as f32);
        let (left_from, compared) = match left_out {
            LeftOut::None => (None, &[][..]),
            LeftOut::WorseThan(last) => {
                (last.may_be_within(rank, thoroughness.deviations).then_some(last.rank), &[][..])
            }
            LeftOut::AllBut(compared) => ((!others.is_empty()).then_some(f32::NEG_INFINITY), &compared[..]),
        };
        let left = left_from.into_iter().flat_map(|from| lists.iter().map(move |list| (*list, from)));
        let takes_part = |position: usize| mask.is_none_or(|mask| mask[self.row_at[position] as usize]);
        let are_few = |list: usize| {
            let rows = self.lists.positions(list).len() as f32;
            self.has_numbers() && planned.share * rows * SURVIVOR_COST <= LIST_COST + rows
        };
        let mut beyond = Vec::new();
        for (list, from) in left.chain(others.iter().map(|list| (*list, f32::NEG_INFINITY))) {
            // Of lists that were looked at, estimates tell which rows are compared already.
            if from == f32::NEG_INFINITY && are_few(list) {
                let positions = self.lists.positions(list).filter(|position| takes_part(*position));
                let rows = positions.map(|position| Candidate::new(0.0, position as u32, list));
                beyond.extend(rows.filter(|row| compared.binary_search(&row.position).is_err()));
                continue;
            }
            self.estimates(query, list, |estimator, start, ranks| {
                for (position, estimate) in (start..).zip(ranks) {
                    let deviation = estimator.deviation(position);
                    let row = Candidate { deviation, ..Candidate::new(*estimate, position as u32, list) };
                    let is_left = *estimate > from && row.may_be_within(rank, thoroughness.deviations);
                    if is_left && takes_part(position) && compared.binary_search(&row.position).is_err() {
                        beyond.push(row);
                    }
                }
            });
        }
        beyond
    }

    /// Lists that were not looked at, so many that no more than `allowed` better rows are to be expected in the others.
    fn promising_lists(&self, query: &CodedQuery, planned: &Planned, rank: f32, allowed: f32) -> Vec<usize> {
        if !planned.may_widen || planned.lists.len() == self.lists.count() {
            return Vec::new();
        }
        let mut is_other = vec![true; self.lists.count()];
        planned.lists.iter().for_each(|list| is_other[*list] = false);
        let others = (0..self.lists.count()).filter(|list| is_other[*list]);
        let expected = others.map(|list| (list, planned.share * self.better_rows(query, list, rank)));
        let expected: Vec<(usize, f32)> = expected.filter(|(_, rows)| *rows > 0.0).collect();
        let mut left: f32 = expected.iter().map(|(_, rows)| rows).sum();
        if left <= allowed {
            return Vec::new();
        }
        let mut best = TopK::new(expected.len(), Order::Descending, None);
        expected.iter().for_each(|(list, rows)| best.offer(*rows, *list as u32));
        let lists = best.into_sorted().into_iter();
        lists
            .take_while(|list| {
                let goes_on = left > allowed;
                left -= list.score;
                goes_on
            })
            .map(|list| list.row as usize)
            .collect()
    }

    /// Rows of a list that are to be expected below a rank.
    fn better_rows(&self, query: &CodedQuery, list: usize, rank: f32) -> f32 {
        let spread = &self.spreads[list];
        let of_products = query.weight.powi(2) * query.distance(self, list).max(0.0) * spread.square;
        let variance = SPREAD.powi(2) * (of_products + spread.offset_variance);
        let gap = query.centre_ranks[list] + spread.mean_offset - rank;
        // As it is with nearly all lists.
        if gap > 0.0 && gap * gap >= NONE_BEYOND.powi(2) * variance {
            return 0.0;
        }
        self.lists.positions(list).len() as f32 * part_behind(gap / variance.sqrt())
    }
}

/// The part of normally distributed numbers that is above so many deviations.
fn part_behind(deviations: f32) -> f32 {
    // Within some hundredths of itself.
    let of_positive = |deviations: f32| {
        let exponent = f64::from(-0.717 * deviations - 0.416 * deviations * deviations);
        0.5 * std::f64::consts::E.powf(exponent) as f32
    };
    match deviations {
        _ if deviations.is_nan() => 0.0,
        _ if deviations < 0.0 => 1.0 - of_positive(-deviations),
        _ => of_positive(deviations),
    }
}
