//! The best `k` hits of a scan. Inside, every metric is turned so that smaller is better; rows break ties, so that the same
//! data always give the same answer.

use crate::MetricType;
use crate::ranked::Ranked;
use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// Which scores are better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    Ascending,
    Descending,
}

impl Order {
    pub fn of(metric: MetricType) -> Order {
        match metric {
            MetricType::L2 => Order::Ascending,
            MetricType::Ip | MetricType::Cosine => Order::Descending,
        }
    }

    /// Smaller is better; NaN is the worst, and there is one zero.
    pub fn rank(self, score: f32) -> f32 {
        let rank = match self {
            Order::Ascending => score,
            Order::Descending => -score,
        };
        if rank.is_nan() { f32::INFINITY } else { rank + 0.0 }
    }

    /// A score that is worse by so much.
    pub fn worse(self, score: f32, by: f32) -> f32 {
        match self {
            Order::Ascending => score + by,
            Order::Descending => score - by,
        }
    }

    /// The best score that is worse.
    pub fn behind(self, score: f32) -> f32 {
        match self {
            Order::Ascending => score.next_up(),
            Order::Descending => score.next_down(),
        }
    }

    /// The better score first.
    pub fn compare(self, a: f32, b: f32) -> Ordering {
        self.rank(a).total_cmp(&self.rank(b))
    }
}

/// Bounds of a range search, as Milvus names them: the radius is the bad end and not inside, the filter is the good end and is.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ScoreRange {
    pub radius: Option<f32>,
    pub range_filter: Option<f32>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hit {
    pub score: f32,
    pub row: u32,
}

/// The best hits so far.
#[derive(Debug, Clone)]
pub struct TopK {
    k: usize,
    order: Order,
    /// Ranks below `end` and from `start` on take part.
    start: f32,
    end: Option<f32>,
    /// Nothing above it can get in.
    threshold: f32,
    /// The worst on top.
    heap: BinaryHeap<Ranked>,
}

impl TopK {
    pub fn new(k: usize, order: Order, range: Option<ScoreRange>) -> TopK {
        let end = range.and_then(|range| range.radius).map(|radius| order.rank(radius));
        let start = range.and_then(|range| range.range_filter).map_or(f32::NEG_INFINITY, |filter| order.rank(filter));
        TopK { k, order, start, end, threshold: end.unwrap_or(f32::INFINITY), heap: BinaryHeap::new() }
    }

    pub fn len(&self) -> usize {
        self.heap.len()
    }

    pub fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }

    pub fn order(&self) -> Order {
        self.order
    }

    /// The score of the worst hit kept once there are `k`: nothing worse is worth offering.
    pub fn worst_score(&self) -> Option<f32> {
        let worst = self.heap.peek().filter(|_| self.heap.len() == self.k);
        worst.map(|worst| self.score(worst.rank()))
    }

    #[inline]
    pub fn offer(&mut self, score: f32, row: u32) {
        let rank = self.order.rank(score);
        if rank <= self.threshold {
            self.offer_rank(rank, row);
        }
    }

    /// Offers consecutive rows.
    pub fn offer_block(&mut self, scores: &[f32], base_row: u32) {
        match self.order {
            Order::Ascending => self.offer_ranks(scores.iter().copied(), base_row),
            Order::Descending => self.offer_ranks(scores.iter().map(|score| -score), base_row),
        }
    }

    /// Offers rows whose scores are given; `row` tells which, or that it takes no part, and is asked only where it matters.
    pub fn offer_some(&mut self, scores: &[f32], row: impl Fn(usize) -> Option<u32>) {
        for (at, score) in scores.iter().enumerate() {
            let rank = self.order.rank(*score);
            if rank <= self.threshold
                && let Some(row) = row(at)
            {
                let rank = if rank.is_nan() { f32::INFINITY } else { rank + 0.0 };
                self.offer_rank(rank, row);
            }
        }
    }

    fn offer_ranks(&mut self, ranks: impl Iterator<Item = f32>, base_row: u32) {
        for (row, rank) in (base_row..).zip(ranks) {
            // Also taken by NaN, which fails the comparison; it is put right below.
            #[allow(clippy::neg_cmp_op_on_partial_ord)]
            if !(rank > self.threshold) {
                let rank = if rank.is_nan() { f32::INFINITY } else { rank + 0.0 };
                self.offer_rank(rank, row);
            }
        }
    }

    fn offer_rank(&mut self, rank: f32, row: u32) {
        if rank < self.start || self.end.is_some_and(|end| rank >= end) {
            return;
        }
        let ranked = Ranked::new(rank, row);
        if self.heap.len() < self.k {
            self.heap.push(ranked);
        } else if let Some(mut worst) = self.heap.peek_mut().filter(|worst| ranked < **worst) {
            *worst = ranked;
        } else {
            return;
        }
        if let Some(worst) = self.heap.peek().filter(|_| self.heap.len() == self.k) {
            self.threshold = worst.rank();
        }
    }

    fn score(&self, rank: f32) -> f32 {
        match self.order {
            Order::Ascending => rank,
            Order::Descending => 0.0 - rank,
        }
    }

    /// The hits, best first.
    pub fn into_sorted(mut self) -> Vec<Hit> {
        let heap = std::mem::take(&mut self.heap);
        heap.into_sorted_vec().into_iter().map(|hit| Hit { score: self.score(hit.rank()), row: hit.row() }).collect()
    }
}
