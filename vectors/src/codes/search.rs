//! Searching codes: lists, then signs, then int8 numbers.

use super::build::{largest_magnitude, subtract, turn};
use super::plan::Effort;
use super::{Codes, dot, padded, words_of};
use crate::Mask;
use crate::MetricType;
use crate::TopK;
use crate::distance::{differing_bits, inner_product_i8, inner_product_i8_at, residual_signs};

/// Rows that a kernel takes at once.
const BLOCK_ROWS: usize = 256;
/// Comparing the numbers of scattered rows, after their signs, costs as much as that of all rows when these are so many times
/// as many.
pub(super) const SCATTERED_COST: usize = 4;
/// When no more than one row of so many takes part, all that do are compared by numbers: what is near among so few says little
/// about lists.
const FEW: usize = 16;

pub struct CodeSearch<'a> {
    pub query: &'a [f32],
    /// Rows that are wanted.
    pub depth: usize,
    /// Segment rows that take part; `None` for all.
    pub mask: Option<&'a Mask>,
    pub effort: Effort,
}

/// A query as codes know it. Inside, ranks are what scores are outside, turned so that smaller is better.
pub struct CodedQuery {
    /// Turned, without the mean, padded.
    centred: Vec<f32>,
    /// What int8 rows are multiplied with, of 14 bits: with the mean but for L2.
    pub(super) factors: Vec<i16>,
    factors_scale: f32,
    /// Inner products with a rank are taken off so often.
    weight: f32,
    /// Of each list: what ranks its centre has, and how near it is.
    centre_ranks: Vec<f32>,
    nearness: Vec<f32>,
}

/// A row to be compared by numbers.
#[derive(Clone, Copy)]
pub struct Candidate {
    rank: f32,
    pub position: u32,
    list: u32,
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
}

pub enum SelectedRows {
    /// These.
    Scattered(Vec<Candidate>),
    /// All of some lists.
    Lists(Vec<usize>),
}

impl Codes {
    /// Offers rows to `sink`, as many as are wanted if there are as many. int8 numbers must be in memory.
    pub fn search(&self, search: &CodeSearch, sink: &mut TopK) {
        let Selection { query, rows } = self.select(search);
        match rows {
            SelectedRows::Scattered(candidates) => {
                let positions: Vec<u32> = candidates.iter().map(|candidate| candidate.position).collect();
                let mut products = Vec::with_capacity(positions.len());
                inner_product_i8_at(&query.factors, &self.rows.values, &positions, &mut products);
                self.offer_candidates(&query, &candidates, &products, sink);
            }
            SelectedRows::Lists(lists) => {
                let width = padded(self.dim);
                for list in lists {
                    let positions = self.lists.positions(list);
                    let rows = &self.rows.values[positions.start * width..positions.end * width];
                    self.rank_list(&query, (list, rows), search.mask, sink);
                }
            }
        }
    }

    /// The first half of a search: which rows are to be compared by numbers.
    pub fn select(&self, search: &CodeSearch) -> Selection {
        let rows = self.row_count();
        let taking_part = search.mask.map_or(rows, |mask| mask.count_ones(..));
        let query = CodedQuery::new(self, search.query);
        if taking_part == 0 || search.depth == 0 {
            return Selection { query, rows: SelectedRows::Lists(Vec::new()) };
        }
        if let Some(candidates) = self.walk(&query, search, taking_part) {
            return Selection { query, rows: SelectedRows::Scattered(candidates) };
        }
        let share = taking_part as f32 / rows as f32;
        let steps = search.effort.steps(&self.plans, search.depth as f32 / share, self.lists.count());
        let reranked = steps.rerank(search.depth);
        let few = reranked.max(rows / FEW);
        if let Some(mask) = search.mask.filter(|_| taking_part <= few) {
            return Selection { query, rows: SelectedRows::Scattered(self.survivors(mask)) };
        }
        let mut lists = query.lists_by_nearness();
        let probed = self.enough_lists(&lists, steps.lists, search);
        lists.truncate(probed);
        let probed_rows: usize = lists.iter().map(|list| self.lists.positions(*list).len()).sum();
        if probed_rows <= reranked.saturating_mul(SCATTERED_COST) {
            return Selection { query, rows: SelectedRows::Lists(lists) };
        }
        let mut candidates = Candidates::new(reranked);
        for list in lists {
            self.compare_signs(&query, list, search.mask, &mut candidates);
        }
        Selection { query, rows: SelectedRows::Scattered(candidates.into_best()) }
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

    /// How many of the lists, at least `planned`, have as many rows that take part as are wanted.
    fn enough_lists(&self, lists: &[usize], planned: usize, search: &CodeSearch) -> usize {
        let taking_part = |list: usize| match search.mask {
            None => self.lists.positions(list).len(),
            Some(mask) => self.row_at[self.lists.positions(list)].iter().filter(|row| mask[**row as usize]).count(),
        };
        let mut found = 0;
        for (at, list) in lists.iter().enumerate() {
            if at >= planned && found >= search.depth {
                return at;
            }
            // Counting is only needed until there are enough.
            found += if found < search.depth { taking_part(*list) } else { 0 };
        }
        lists.len()
    }

    /// All rows that take part, which are few.
    fn survivors(&self, mask: &Mask) -> Vec<Candidate> {
        let of_list = |list: usize| {
            let takes_part = |position: &usize| mask[self.row_at[*position] as usize];
            let positions = self.lists.positions(list).filter(takes_part);
            positions.map(move |at| Candidate::new(0.0, at as u32, list))
        };
        (0..self.lists.count()).flat_map(of_list).collect()
    }

    /// Estimated ranks of a list's rows, in their order.
    pub(super) fn estimates(&self, query: &CodedQuery, list: usize, mut each: impl FnMut(usize, &[f32])) {
        let positions = self.lists.positions(list);
        if positions.is_empty() {
            return;
        }
        let mut signs = vec![0u64; words_of(self.dim)];
        let width = padded(self.dim);
        let centre = &self.lists.centres.values[list * width..(list + 1) * width];
        let (sum, square) = residual_signs(&query.centred, centre, self.lists.centres.scales[list], &mut signs);
        let query_scale = if sum > 0.0 { square / sum } else { 0.0 };
        let words = words_of(self.dim);
        let slope = query.weight * query_scale;
        let centre_rank = query.centre_ranks[list];
        let mut differing = [0u32; BLOCK_ROWS];
        let mut ranks = [0f32; BLOCK_ROWS];
        for start in positions.clone().step_by(BLOCK_ROWS) {
            let end = (start + BLOCK_ROWS).min(positions.end);
            let (differing, ranks) = (&mut differing[..end - start], &mut ranks[..end - start]);
            differing_bits(&signs, &self.signs.words[start * words..end * words], differing);
            let of_rows = self.signs.offsets[start..end].iter().zip(&self.signs.scales[start..end]);
            for ((rank, (offset, scale)), differing) in ranks.iter_mut().zip(of_rows).zip(&*differing) {
                let agreeing = (self.dim as i32 - 2 * *differing as i32) as f32;
                *rank = centre_rank + offset - slope * scale * agreeing;
            }
            each(start, ranks);
        }
    }

    fn compare_signs(&self, query: &CodedQuery, list: usize, mask: Option<&Mask>, candidates: &mut Candidates) {
        self.estimates(query, list, |start, ranks| {
            for (position, rank) in (start..).zip(ranks) {
                if *rank < candidates.threshold && mask.is_none_or(|mask| mask[self.row_at[position] as usize]) {
                    candidates.push(Candidate::new(*rank, position as u32, list));
                }
            }
        });
    }

    /// Turns a row's position and its product with the query into its score.
    pub(super) fn list_scorer(&self, query: &CodedQuery, list: usize) -> impl Fn(usize, i32) -> f32 {
        let (metric, at_centre, factors_scale) = (self.metric, query.centre_ranks[list], query.factors_scale);
        move |position, product| {
            let product = product as f32 * factors_scale * self.rows.scales[position];
            match metric {
                MetricType::L2 => (at_centre + self.rows.offsets[position] - 2.0 * product).max(0.0),
                MetricType::Ip => product - at_centre,
                MetricType::Cosine => (product - at_centre).clamp(-1.0, 1.0),
            }
        }
    }
}

impl Codes {
    /// By how much scores of a query may be wrong: six times the deviation that rounding numbers to int8 brings, of the row
    /// with the coarsest scale.
    pub fn largest_error(&self, query: &[f32]) -> f32 {
        const DEVIATION_OF_ROUNDING: f32 = 0.289;
        let coarsest = self.rows.scales.iter().copied().fold(0f32, f32::max);
        let query = CodedQuery::new(self, query);
        let factors: f32 = query.factors.iter().map(|factor| f32::from(*factor).powi(2)).sum();
        6.0 * DEVIATION_OF_ROUNDING * coarsest * query.weight * query.factors_scale * factors.sqrt()
    }
}

impl CodedQuery {
    pub fn new(codes: &Codes, query: &[f32]) -> CodedQuery {
        let mut turned = vec![0f32; codes.dim];
        turn(&codes.rotation, codes.metric, query, &mut turned);
        let at_mean = match codes.metric {
            MetricType::L2 => 0.0,
            MetricType::Ip | MetricType::Cosine => -dot(&turned, &codes.mean),
        };
        let mut centred = turned.clone();
        subtract(&mut centred, &codes.mean);
        let (factors, factors_scale) = match codes.metric {
            MetricType::L2 => int16(&centred),
            MetricType::Ip | MetricType::Cosine => int16(&turned),
        };
        let weight = if codes.metric == MetricType::L2 { 2.0 } else { 1.0 };
        let square = dot(&centred, &centred);
        centred.resize(padded(codes.dim), 0.0);
        let lists = &codes.lists;
        let mut products = vec![0i32; lists.count()];
        inner_product_i8(&factors, &lists.centres.values, &mut products);
        let mut of_lists = CodedQuery {
            centred,
            factors,
            factors_scale,
            weight,
            centre_ranks: Vec::with_capacity(products.len()),
            nearness: Vec::with_capacity(products.len()),
        };
        for (list, product) in products.into_iter().enumerate() {
            let product = product as f32 * factors_scale * lists.centres.scales[list];
            let (rank, nearness) = match codes.metric {
                MetricType::L2 => {
                    let distance = square + lists.squares[list] - 2.0 * product;
                    (distance, distance)
                }
                MetricType::Ip => (at_mean - product, -product),
                MetricType::Cosine => {
                    let distance = lists.squares[list] - 2.0 * (product - lists.mean_products[list]);
                    (at_mean - product, distance)
                }
            };
            of_lists.centre_ranks.push(rank);
            of_lists.nearness.push(nearness);
        }
        of_lists
    }

    /// All lists, the nearest first.
    pub fn lists_by_nearness(&self) -> Vec<usize> {
        let mut lists: Vec<usize> = (0..self.nearness.len()).collect();
        lists.sort_unstable_by(|a, b| self.nearness[*a].total_cmp(&self.nearness[*b]));
        lists
    }
}

/// Numbers of as many bits that the sum of their products with int8 numbers fits 32 bits, padded, and their scale.
fn int16(vector: &[f32]) -> (Vec<i16>, f32) {
    let width = padded(vector.len());
    let most = (i32::MAX as usize / 128 / width).min(8191) as f32;
    let scale = largest_magnitude(vector) / most;
    let inverse = if scale > 0.0 { 1.0 / scale } else { 0.0 };
    let mut factors: Vec<i16> = vector.iter().map(|value| (value * inverse).round_ties_even() as i16).collect();
    factors.resize(width, 0);
    (factors, scale)
}

impl Candidate {
    pub(super) fn new(rank: f32, position: u32, list: usize) -> Candidate {
        Candidate { rank, position, list: list as u32 }
    }
}

impl Candidates {
    fn new(wanted: usize) -> Candidates {
        Candidates { wanted, threshold: f32::INFINITY, found: Vec::with_capacity(2 * wanted) }
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

    fn into_best(mut self) -> Vec<Candidate> {
        self.cut();
        self.found
    }
}
