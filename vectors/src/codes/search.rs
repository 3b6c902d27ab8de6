//! Searching codes: lists, then signs, then int8 numbers.

use super::beyond::{LeftOut, Planned};
use super::plan::{Effort, FAR};
use super::query::CodedQuery;
use super::{Codes, padded, words_of};
use crate::Mask;
use crate::MetricType;
use crate::kernels::{inner_product_i8, inner_product_i8_at};
use crate::{Order, TopK};

/// Rows that a kernel takes at once.
pub(super) const BLOCK_ROWS: usize = 256;
/// Comparing the numbers of scattered rows, after their signs, costs as much as that of all rows when these are so many times
/// as many.
pub(super) const SCATTERED_COST: usize = 4;
/// When no more than one row of so many takes part, all that do are looked at: what is near among so few says little about lists.
const FEW: usize = 16;
/// When all would be looked at, that takes longer than looking at those that take part while they are so few.
const FEW_OF_ALL: usize = 8;
/// Beginning with a list, and comparing a row that takes part wherever it is, in rows that are compared by signs.
pub(super) const LIST_COST: f32 = 50.0;
pub(super) const SURVIVOR_COST: f32 = 6.0;
/// Of the rows that are compared by numbers, one more for so many: it shows that what is left out is worse.
const RESERVE: usize = 2;
/// Plans say little of more rows: behind a group of rows that are near each other, many are as far as the next.
const MANY: usize = 2 * FAR;
/// So many times as many are then looked at, and compared by numbers; reading their vectors takes longer.
const LOOKED_AT_OF_MANY: usize = 16;
const RERANKED_OF_MANY: usize = 4;
/// Lists that tell how many rows take part near a query.
const NEAREST_LISTS: usize = 8;
/// Queries that show whether signs leave few rows open.
const TRIED_BY_SIGNS: usize = 8;
/// By so many deviations of its estimate a row is not better.
pub(super) const SURELY: f32 = 2.5;
/// By so many it is not, whatever is to be learned from that.
const CERTAINLY: f32 = 4.0;

pub struct CodeSearch<'a> {
    pub query: &'a [f32],
    /// Rows that are wanted.
    pub depth: usize,
    /// Segment rows that take part; `None` for all.
    pub mask: Option<&'a Mask>,
    pub effort: Effort,
}

/// A row to be compared by numbers.
#[derive(Clone, Copy)]
pub struct Candidate {
    pub(super) rank: f32,
    /// Of an estimated rank, at most; infinite where nothing was estimated.
    pub(super) deviation: f32,
    pub position: u32,
    pub(super) list: u32,
}

/// The best of them.
struct Candidates {
    wanted: usize,
    /// Nothing above it can get in.
    threshold: f32,
    found: Vec<Candidate>,
}

/// What a search compares by numbers.
pub struct Selection {
    pub query: CodedQuery,
    pub rows: SelectedRows,
    /// What a plan said; `None` where nothing else would be looked at.
    pub planned: Option<Planned>,
}

pub enum SelectedRows {
    /// These.
    Scattered(Vec<Candidate>),
    /// All of some lists.
    Lists(Vec<usize>),
}

impl Codes {
    /// The first half of a search: which rows are to be compared by numbers.
    pub fn select(&self, search: &CodeSearch) -> Selection {
        let rows = self.row_count();
        let taking_part = search.mask.map_or(rows, |mask| mask.count_ones(..));
        let query = CodedQuery::new(self, search.query);
        if taking_part == 0 || search.depth == 0 {
            return Selection { query, rows: SelectedRows::Lists(Vec::new()), planned: None };
        }
        if let Some(candidates) = self.walk(&query, search, taking_part) {
            let mut compared: Vec<u32> = candidates.iter().map(|candidate| candidate.position).collect();
            compared.sort_unstable();
            let mut lists: Vec<usize> = compared.iter().map(|position| self.lists.list_of(*position)).collect();
            lists.dedup();
            let planned = Planned::new(search, taking_part as f32 / rows as f32, lists, LeftOut::AllBut(compared));
            return Selection { query, rows: SelectedRows::Scattered(candidates), planned };
        }
        self.select_by_plan(query, search, taking_part)
    }

    fn select_by_plan(&self, query: CodedQuery, search: &CodeSearch, taking_part: usize) -> Selection {
        let rows = self.row_count();
        let share = taking_part as f32 / rows as f32;
        let steps = search.effort.steps(&self.plans, search.depth, share, self.lists.count());
        let of_depth = |times: usize, asked: Option<usize>| {
            let is_planned = search.depth <= MANY || asked.is_some();
            if is_planned { search.depth } else { search.depth.saturating_mul(times) }
        };
        let reranked = steps.rerank(of_depth(RERANKED_OF_MANY, search.effort.rerank));
        let looked_at = of_depth(LOOKED_AT_OF_MANY, search.effort.lists);
        let rows_of_list = rows as f32 / self.lists.count() as f32;
        let cost_of_lists = steps.lists as f32 * (LIST_COST + rows_of_list);
        let cost_of_survivors = taking_part.saturating_sub(reranked) as f32 * SURVIVOR_COST;
        let looks_at_all = search.effort.compares_all();
        let are_cheap = match looks_at_all {
            true => taking_part <= rows / FEW_OF_ALL,
            false => cost_of_survivors <= cost_of_lists,
        };
        let are_few = search.mask.is_some() && (taking_part <= rows / FEW || are_cheap);
        let lists = if are_few { Vec::new() } else { self.enough_lists(&query, (steps.lists, looked_at), search.mask) };
        let are_rare = |mask: &&Mask| !looks_at_all && self.are_rare_near(&lists, mask, share);
        let with_reserve =
            if search.effort.rerank.is_some() { reranked } else { reranked.saturating_add(reranked / RESERVE) };
        if let Some(mask) = search.mask.filter(|mask| are_few || are_rare(mask)) {
            let (survivors, left_out) = self.survivors(&query, mask, taking_part, with_reserve);
            let planned = Planned::new(search, share, (0..self.lists.count()).collect(), left_out);
            return Selection { query, rows: SelectedRows::Scattered(survivors), planned };
        }
        let probed_rows: usize = lists.iter().map(|list| self.lists.positions(*list).len()).sum();
        if probed_rows <= reranked.saturating_mul(SCATTERED_COST) {
            let planned = Planned::new(search, share, lists.clone(), LeftOut::None);
            return Selection { query, rows: SelectedRows::Lists(lists), planned };
        }
        let mut candidates = Candidates::new(with_reserve);
        for list in &lists {
            self.compare_signs(&query, *list, search.mask, &mut candidates);
        }
        let (candidates, left_out) = candidates.into_best();
        let planned = Planned::new(search, share, lists, left_out);
        Selection { query, rows: SelectedRows::Scattered(candidates), planned }
    }

    /// The nearest rows of each query by numbers, which must be in memory.
    pub(super) fn nearest_of_all(&self, queries: &[CodedQuery], depth: usize) -> Vec<TopK> {
        let (first, rest) = queries.split_at(queries.len().min(TRIED_BY_SIGNS));
        let mut nearest: Vec<Option<TopK>> = first.iter().map(|query| self.nearest_by_signs(query, depth)).collect();
        let signs_tell = 2 * nearest.iter().flatten().count() >= first.len();
        nearest.extend(rest.iter().map(|query| if signs_tell { self.nearest_by_signs(query, depth) } else { None }));
        let mut by_all: Vec<(&CodedQuery, TopK)> = Vec::new();
        for (query, _) in queries.iter().zip(&nearest).filter(|(_, nearest)| nearest.is_none()) {
            by_all.push((query, TopK::new(depth, Order::of(self.metric), None)));
        }
        for list in 0..self.lists.count() {
            // It is in a core's cache while all queries look at it.
            for (query, nearest) in &mut by_all {
                self.rank_list(query, (list, self.numbers_of(list)), None, nearest);
            }
        }
        let mut by_all = by_all.into_iter().map(|(_, nearest)| nearest);
        nearest.into_iter().map(|nearest| nearest.or_else(|| by_all.next()).expect("one for each query")).collect()
    }

    /// The same, of the rows that signs leave open; `None` where these are so many that it takes no longer to look at all.
    fn nearest_by_signs(&self, query: &CodedQuery, depth: usize) -> Option<TopK> {
        let order = Order::of(self.metric);
        let mut rows = Vec::with_capacity(self.row_count());
        let mut promising = Candidates::new(2 * depth);
        for list in 0..self.lists.count() {
            self.estimates(query, list, |estimator, start, ranks| {
                for (position, rank) in (start..).zip(ranks) {
                    let deviation = estimator.deviation(position);
                    let row = Candidate { deviation, ..Candidate::new(*rank, position as u32, list) };
                    if promising.may_take(*rank) {
                        promising.push(row);
                    }
                    rows.push(row);
                }
            });
        }
        let mut nearest = TopK::new(depth, order, None);
        self.rank_scattered(query, &promising.into_best().0, &mut nearest);
        let worst = nearest.worst_score()?;
        rows.retain(|row| row.may_be_within(order.rank(worst), CERTAINLY));
        if rows.len() * SCATTERED_COST > self.row_count() {
            return None;
        }
        let mut nearest = TopK::new(depth, order, None);
        self.rank_scattered(query, &rows, &mut nearest);
        Some(nearest)
    }

    /// The int8 numbers of a list's rows, which must be in memory.
    pub fn numbers_of(&self, list: usize) -> &[i8] {
        let (positions, width) = (self.lists.positions(list), padded(self.dim));
        &self.numbers()[positions.start * width..positions.end * width]
    }

    /// The second half, of candidates whose numbers are in memory.
    pub fn rank_scattered(&self, query: &CodedQuery, candidates: &[Candidate], sink: &mut TopK) {
        let positions: Vec<u32> = candidates.iter().map(|candidate| candidate.position).collect();
        let mut products = Vec::with_capacity(positions.len());
        inner_product_i8_at(&query.factors, self.numbers(), &positions, &mut products);
        self.offer_candidates(query, candidates, &products, sink);
    }

    /// The second half, of candidates whose numbers are given, one after the other.
    pub fn rank_candidates(&self, query: &CodedQuery, candidates: &[Candidate], rows: &[i8], sink: &mut TopK) {
        let mut products = vec![0; candidates.len()];
        inner_product_i8(&query.factors, rows, &mut products);
        self.offer_candidates(query, candidates, &products, sink);
    }

    /// The second half, of a list whose numbers are given.
    pub fn rank_list(&self, query: &CodedQuery, (list, rows): (usize, &[i8]), mask: Option<&Mask>, sink: &mut TopK) {
        let positions = self.lists.positions(list);
        let width = padded(self.dim);
        let score = self.list_scorer(query, list);
        let mut products = [0i32; BLOCK_ROWS];
        let mut scores = [0f32; BLOCK_ROWS];
        for (start, rows) in positions.step_by(BLOCK_ROWS).zip(rows.chunks(BLOCK_ROWS * width)) {
            let products = &mut products[..rows.len() / width];
            inner_product_i8(&query.factors, rows, products);
            for (at, product) in products.iter().enumerate() {
                scores[at] = score(start + at, *product);
            }
            let takes_part = |row: &u32| mask.is_none_or(|mask| mask[*row as usize]);
            sink.offer_some(&scores[..products.len()], |at| Some(self.row_at[start + at]).filter(takes_part));
        }
    }

    fn offer_candidates(&self, query: &CodedQuery, candidates: &[Candidate], products: &[i32], sink: &mut TopK) {
        for (Candidate { position, list, .. }, product) in candidates.iter().zip(products) {
            let score = self.list_scorer(query, *list as usize)(*position as usize, *product);
            sink.offer(score, self.row_at[*position as usize]);
        }
    }

    /// The nearest lists, at least as many as `planned`, with as many rows that take part as are wanted.
    fn enough_lists(&self, query: &CodedQuery, (planned, wanted): (usize, usize), mask: Option<&Mask>) -> Vec<usize> {
        let mut found = 0;
        let mut are_enough = |list: &usize| {
            found += self.taking_part(*list, mask);
            found >= wanted
        };
        let lists = query.nearest_lists(planned);
        if lists.iter().any(&mut are_enough) {
            return lists;
        }
        let mut all = query.nearest_lists(self.lists.count());
        let more = all[lists.len()..].iter().position(are_enough);
        all.truncate(more.map_or(all.len(), |more| lists.len() + more + 1));
        all
    }

    fn taking_part(&self, list: usize, mask: Option<&Mask>) -> usize {
        let rows = &self.row_at[self.lists.positions(list)];
        mask.map_or(rows.len(), |mask| rows.iter().filter(|row| mask[**row as usize]).count())
    }

    /// Whether clearly fewer rows take part in the nearest lists than everywhere. Plans say nothing of such queries.
    fn are_rare_near(&self, lists: &[usize], mask: &Mask, share: f32) -> bool {
        let nearest = &lists[..lists.len().min(NEAREST_LISTS)];
        let rows: usize = nearest.iter().map(|list| self.lists.positions(*list).len()).sum();
        let found: usize = nearest.iter().map(|list| self.taking_part(*list, Some(mask))).sum();
        let expected = share * rows as f32;
        (found as f32) < expected - 2.0 * expected.sqrt()
    }

    /// All rows that take part, which are few; where numbers are in a file, so many that are estimated to be the nearest.
    fn survivors(
        &self,
        query: &CodedQuery,
        mask: &Mask,
        taking_part: usize,
        reranked: usize,
    ) -> (Vec<Candidate>, LeftOut) {
        let mut positions = Mask::with_capacity(self.row_count());
        mask.ones().for_each(|row| positions.insert(self.position_of[row] as usize));
        let mut list = 0;
        let of_lists = positions.ones().map(|position| {
            while self.lists.starts[list + 1] as usize <= position {
                list += 1;
            }
            Candidate::new(0.0, position as u32, list)
        });
        let all: Vec<Candidate> = of_lists.collect();
        if self.has_numbers() {
            return (all, LeftOut::None);
        }
        let mut nearest = Candidates::new(reranked.min(taking_part));
        let mut signs = vec![0; words_of(self.dim)];
        for of_list in all.chunk_by(|a, b| a.list == b.list) {
            let estimator = self.estimator(query, of_list[0].list as usize, &mut signs);
            for candidate in of_list {
                let position = candidate.position as usize;
                let rank = estimator.rank(position);
                if nearest.may_take(rank) {
                    nearest.push(Candidate { rank, deviation: estimator.deviation(position), ..*candidate });
                }
            }
        }
        nearest.into_best()
    }

    fn compare_signs(&self, query: &CodedQuery, list: usize, mask: Option<&Mask>, candidates: &mut Candidates) {
        self.estimates(query, list, |estimator, start, ranks| {
            for (position, rank) in (start..).zip(ranks) {
                if candidates.may_take(*rank) && mask.is_none_or(|mask| mask[self.row_at[position] as usize]) {
                    let deviation = estimator.deviation(position);
                    candidates.push(Candidate { deviation, ..Candidate::new(*rank, position as u32, list) });
                }
            }
        });
    }

    /// Turns a row's position and its product with the query into its score.
    pub(super) fn list_scorer(&self, query: &CodedQuery, list: usize) -> impl Fn(usize, i32) -> f32 {
        let (metric, at_centre, factors_scale) = (self.metric, query.centre_ranks[list], query.factors_scale);
        move |position, product| {
            let product = product as f32 * factors_scale * self.row_scales[position];
            match metric {
                MetricType::L2 => {
                    let distance = at_centre + self.row_offsets[position] - 2.0 * product;
                    // `max` is a call in wasm.
                    if distance > 0.0 { distance } else { 0.0 }
                }
                MetricType::Ip => product - at_centre,
                MetricType::Cosine => (product - at_centre + self.row_offsets[position]).clamp(-1.0, 1.0),
            }
        }
    }
}

impl Candidate {
    pub(super) fn new(rank: f32, position: u32, list: usize) -> Candidate {
        Candidate { rank, deviation: f32::INFINITY, position, list: list as u32 }
    }

    /// Its estimated rank; one that is not finite is as good as any.
    pub fn estimate(&self) -> f32 {
        if self.rank.is_finite() { self.rank } else { f32::MIN }
    }

    /// Whether its estimate leaves that open. One that is not finite does.
    pub fn may_be_better(&self, order: Order, score: f32) -> bool {
        self.may_be_within(order.rank(score), SURELY)
    }

    #[allow(clippy::neg_cmp_op_on_partial_ord)]
    pub(super) fn may_be_within(&self, rank: f32, deviations: f32) -> bool {
        !(self.rank - deviations * self.deviation > rank)
    }
}

impl Candidates {
    fn new(wanted: usize) -> Candidates {
        Candidates { wanted, threshold: f32::INFINITY, found: Vec::with_capacity(2 * wanted) }
    }

    /// Estimates of queries near the limits of float32 are infinite or NaN, and one row is then as good as another.
    #[inline]
    #[allow(clippy::neg_cmp_op_on_partial_ord)]
    fn may_take(&self, rank: f32) -> bool {
        !(rank > self.threshold)
    }

    fn push(&mut self, candidate: Candidate) {
        self.found.push(candidate);
        if self.found.len() == 2 * self.wanted {
            self.cut();
            self.threshold = self.found[self.wanted - 1].rank;
        }
    }

    fn cut(&mut self) {
        if self.found.len() > self.wanted {
            self.found.select_nth_unstable_by(self.wanted - 1, |a, b| a.rank.total_cmp(&b.rank));
            self.found.truncate(self.wanted);
        }
    }

    fn into_best(mut self) -> (Vec<Candidate>, LeftOut) {
        let are_all = self.found.len() <= self.wanted && self.threshold == f32::INFINITY;
        self.cut();
        let last = self.found.iter().copied().reduce(|last, next| if next.rank > last.rank { next } else { last });
        let left_out = last.filter(|_| !are_all).map_or(LeftOut::None, LeftOut::WorseThan);
        (self.found, left_out)
    }
}

#[cfg(test)]
mod tests {
    use super::super::rotation::Random;
    use super::*;

    #[test]
    fn signs_leave_the_nearest_rows_open() {
        const DIM: usize = 64;
        let mut random = Random::new(3);
        let mut number = || random.below(2001) as f32 / 1000.0 - 1.0;
        let centres: Vec<f32> = (0..20 * DIM).map(|_| 4.0 * number()).collect();
        for (spread, by_signs) in [(0.3, true), (30.0, false)] {
            let rows: Vec<f32> = (0..6000 * DIM).map(|at| centres[at % centres.len()] + spread * number()).collect();
            for metric in [MetricType::L2, MetricType::Ip, MetricType::Cosine] {
                let codes = Codes::build(&[&rows], DIM, metric).expect("enough rows");
                let queries = rows.chunks(DIM).step_by(500).map(|query| CodedQuery::new(&codes, query));
                let queries: Vec<CodedQuery> = queries.collect();
                let few = queries.iter().filter(|query| codes.nearest_by_signs(query, 30).is_some()).count();
                assert_eq!(2 * few > queries.len(), by_signs, "{few} of {} with {metric:?}", queries.len());
                for (query, found) in queries.iter().zip(codes.nearest_of_all(&queries, 30)) {
                    let mut all = TopK::new(30, Order::of(metric), None);
                    for list in 0..codes.lists.count() {
                        codes.rank_list(query, (list, codes.numbers_of(list)), None, &mut all);
                    }
                    assert_eq!(found.into_sorted(), all.into_sorted(), "{metric:?}, spread {spread}");
                }
            }
        }
    }

    #[test]
    fn numbers_tell_rows_apart_that_are_nearly_the_same() {
        const DIM: usize = 64;
        let mut random = Random::new(8);
        let mut number = || (0..4).map(|_| random.below(2001) as f32 / 1000.0 - 1.0).sum::<f32>();
        let centres: Vec<f32> = (0..100 * DIM).map(|_| number()).collect();
        for spread in [0.2, 0.05, 0.01] {
            let mut near = |at: usize| centres[at % centres.len()] + spread * number();
            let rows: Vec<f32> = (0..6000 * DIM).map(&mut near).collect();
            let queries: Vec<f32> = (0..40 * DIM).map(&mut near).collect();
            for metric in [MetricType::L2, MetricType::Ip, MetricType::Cosine] {
                let (codes, order) = (Codes::build(&[&rows], DIM, metric).expect("enough rows"), Order::of(metric));
                let mut found = 0;
                for query in queries.chunks(DIM) {
                    let mut exact = TopK::new(10, order, None);
                    let scan = crate::flat::FlatScan {
                        query,
                        vectors: &rows,
                        metric,
                        inverse_norms: None,
                        mask: None,
                        base_row: 0,
                    };
                    scan.run(&mut exact);
                    let coded = CodedQuery::new(&codes, query);
                    let mut by_numbers = TopK::new(20, order, None);
                    for list in 0..codes.lists.count() {
                        codes.rank_list(&coded, (list, codes.numbers_of(list)), None, &mut by_numbers);
                    }
                    let by_numbers: Vec<u32> = by_numbers.into_sorted().iter().map(|hit| hit.row).collect();
                    found += exact.into_sorted().iter().filter(|hit| by_numbers.contains(&hit.row)).count();
                }
                assert!(found >= 375, "{found} of 400 with {metric:?}, spread {spread}");
            }
        }
    }

    #[test]
    fn more_rows_are_found_than_are_near_each_other() {
        const DIM: usize = 64;
        const LIMIT: usize = 400;
        let mut random = Random::new(3);
        let mut number = || (0..4).map(|_| random.below(2001) as f32 / 1000.0 - 1.0).sum::<f32>();
        let centres: Vec<f32> = (0..50 * DIM).map(|_| number()).collect();
        let mut near = |at: usize| centres[at % centres.len()] + 0.3 * number();
        let rows: Vec<f32> = (0..8000 * DIM).map(&mut near).collect();
        let queries: Vec<f32> = (0..20 * DIM).map(&mut near).collect();
        for metric in [MetricType::L2, MetricType::Cosine] {
            let (codes, order) = (Codes::build(&[&rows], DIM, metric).expect("enough rows"), Order::of(metric));
            let mut found = 0;
            for query in queries.chunks(DIM) {
                let coded = CodedQuery::new(&codes, query);
                let [mut exact, mut by_plan] = [(); 2].map(|()| TopK::new(LIMIT, order, None));
                let rank = |list: usize, sink: &mut TopK| {
                    codes.rank_list(&coded, (list, codes.numbers_of(list)), None, sink);
                };
                (0..codes.lists.count()).for_each(|list| rank(list, &mut exact));
                let effort = Effort { level: 1, lists: None, rerank: None, ef: None };
                match codes.select(&CodeSearch { query, depth: LIMIT, mask: None, effort }).rows {
                    SelectedRows::Scattered(rows) => codes.rank_scattered(&coded, &rows, &mut by_plan),
                    SelectedRows::Lists(lists) => lists.into_iter().for_each(|list| rank(list, &mut by_plan)),
                }
                let by_plan: Vec<u32> = by_plan.into_sorted().iter().map(|hit| hit.row).collect();
                found += exact.into_sorted().iter().filter(|hit| by_plan.contains(&hit.row)).count();
            }
            assert!(found * 100 >= 97 * 20 * LIMIT, "{found} with {metric:?}");
        }
    }
}
