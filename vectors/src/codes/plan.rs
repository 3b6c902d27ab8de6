//! How many lists to look at and how many rows to compare by numbers: measured on a segment's own rows when its codes are made.

use super::Codes;
use super::rotation::Random;
use super::search::{CodedQuery, SCATTERED_COST};
use serde::{Deserialize, Serialize};

/// Of the search parameter `level`, as Milvus has it: at 1 a search is fastest, at the last all rows are compared by numbers.
pub const MAX_LEVEL: u32 = 10;
/// Parts of the nearest rows that plans find. Two levels share one.
const RECALLS: [f32; 5] = [0.98, 0.985, 0.99, 0.995, 0.999];
/// Of what a plan may miss, this part may be in lists that are not looked at.
const MISSED_BY_LISTS: f32 = 0.5;
/// Rows that are searched for.
const QUERIES: usize = 128;
/// Plans are measured for this many nearest rows; what lies between and beyond follows from the two.
const NEAR: usize = 10;
const FAR: usize = 100;
/// Ranks that are told apart in measuring.
const BUCKETS: usize = 8192;

/// How hard to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effort {
    /// From 1 to `MAX_LEVEL`.
    pub level: u32,
    /// Asked for by `nprobe`.
    pub lists: Option<usize>,
    /// Asked for by `reorder_k`.
    pub rerank: Option<usize>,
    /// Candidates of a walk through a graph; of lists, so many rows are compared at least.
    pub ef: Option<usize>,
}

/// What reaches one recall.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    near: Steps,
    far: Steps,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Steps {
    /// Lists to look at.
    pub lists: usize,
    /// Rows to compare by numbers.
    rerank: usize,
}

impl Steps {
    pub fn rerank(&self, depth: usize) -> usize {
        self.rerank.max(depth)
    }
}

impl Effort {
    pub const ALL: Effort = Effort { level: MAX_LEVEL, lists: None, rerank: None, ef: None };

    pub fn compares_all(&self) -> bool {
        self.level >= MAX_LEVEL
    }

    /// For `depth` rows of the share that takes part.
    pub fn steps(&self, plans: &[Plan], depth: usize, share: f32, all_lists: usize) -> Steps {
        let plan = (self.level.max(1) as usize - 1) / 2;
        let measured = match plans.get(plan) {
            Some(plan) if !self.compares_all() => plan.among(depth, share),
            _ => Steps { lists: all_lists, rerank: usize::MAX },
        };
        Steps {
            lists: self.lists.unwrap_or(measured.lists).clamp(1, all_lists.max(1)),
            rerank: self.rerank.unwrap_or(measured.rerank.max(self.ef.unwrap_or(0))),
        }
    }
}

impl Plan {
    /// Rows that take part are as near to each other as all are, or spread among all: what one of the two needs.
    fn among(&self, depth: usize, share: f32) -> Steps {
        let (together, spread) = (self.at(depth as f32), self.at(depth as f32 / share));
        let rerank = together.rerank.max((spread.rerank as f32 * share).ceil() as usize);
        Steps { lists: spread.lists, rerank }
    }

    /// Work grows with the depth as it does between the two that were measured.
    fn at(&self, depth: f32) -> Steps {
        let decades = (depth / NEAR as f32).max(1.0).log10();
        let grown = |near: usize, far: usize| {
            let near = near.max(1) as f32;
            (near * (far as f32 / near).max(1.0).powf(decades)).ceil() as usize
        };
        Steps { lists: grown(self.near.lists, self.far.lists), rerank: grown(self.near.rerank, self.far.rerank) }
    }
}

/// One row that is searched for.
struct Probe {
    query: CodedQuery,
    /// Lists, the nearest first.
    order: Vec<usize>,
    /// The nearest rows by numbers, nearest first.
    neighbours: Vec<Neighbour>,
}

struct Neighbour {
    /// How many lists must be looked at to find it.
    lists: usize,
    estimate: f32,
}

pub fn measure(codes: &Codes, vectors: &[&[f32]]) -> Vec<Plan> {
    let rows = Random::new(0x9e0b).spread(codes.row_count(), QUERIES);
    let queries: Vec<CodedQuery> = rows.iter().map(|row| CodedQuery::new(codes, vectors[*row])).collect();
    // A row finds itself without fail, which would say nothing.
    let nearest = codes.nearest_of_all(&queries, FAR + 1);
    let probes = rows.into_iter().zip(queries).zip(nearest).map(|((row, query), nearest)| {
        let nearest = nearest.into_sorted().into_iter().map(|hit| hit.row).filter(|other| *other as usize != row);
        Probe::new(codes, query, nearest.take(FAR))
    });
    let probes: Vec<Probe> = probes.collect();
    let [near, far] = [NEAR, FAR].map(|depth| {
        let mut steps: Vec<Steps> = Vec::with_capacity(RECALLS.len());
        for recall in RECALLS {
            // Where signs do not pay for one recall, they do not for a higher one.
            let signs_pay = steps.last().is_none_or(|last| last.rerank < codes.row_count() / SCATTERED_COST);
            steps.push(cheapest(codes, &probes, (depth, recall), signs_pay));
        }
        steps
    });
    near.into_iter().zip(far).map(|(near, far)| Plan { near, far }).collect()
}

impl Probe {
    fn new(codes: &Codes, query: CodedQuery, nearest: impl Iterator<Item = u32>) -> Probe {
        let order = query.nearest_lists(codes.lists.count());
        let mut estimates = vec![0f32; codes.row_count()];
        let mut lists = vec![0; codes.row_count()];
        for (at, list) in order.iter().enumerate() {
            codes.estimates(&query, *list, |start, ranks| {
                estimates[start..start + ranks.len()].copy_from_slice(ranks);
                lists[start..start + ranks.len()].fill(at + 1);
            });
        }
        let neighbours = nearest.map(|row| {
            let position = codes.position_of[row as usize] as usize;
            Neighbour { lists: lists[position], estimate: estimates[position] }
        });
        let neighbours = neighbours.collect();
        Probe { query, order, neighbours }
    }

    /// How many rows of the first lists are estimated to be nearer than each of the nearest `depth` rows that are there.
    fn ranks(&self, codes: &Codes, depth: usize, lists: usize) -> Vec<usize> {
        let there = self.neighbours.iter().take(depth).filter(|neighbour| neighbour.lists <= lists);
        let there: Vec<f32> = there.map(|neighbour| neighbour.estimate).collect();
        let worst = there.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let mut nearer: Vec<f32> = Vec::new();
        for list in &self.order[..lists] {
            codes.estimates(&self.query, *list, |_, ranks| nearer.extend(ranks.iter().filter(|rank| **rank < worst)));
        }
        let best = nearer.iter().copied().fold(worst, f32::min);
        let scale = if worst > best { (BUCKETS - 1) as f32 / (worst - best) } else { 0.0 };
        let bucket = |rank: f32| ((rank - best) * scale) as usize;
        let mut up_to = vec![0usize; BUCKETS];
        nearer.iter().for_each(|rank| up_to[bucket(*rank)] += 1);
        (1..BUCKETS).for_each(|at| up_to[at] += up_to[at - 1]);
        there.into_iter().map(|rank| up_to[bucket(rank).min(BUCKETS - 1)]).collect()
    }
}

/// The fewest lists, and then the fewest rows, that find the wanted part of the nearest `depth` rows.
fn cheapest(codes: &Codes, probes: &[Probe], (depth, recall): (usize, f32), signs_pay: bool) -> Steps {
    let nearest = probes.iter().flat_map(|probe| probe.neighbours.iter().take(depth));
    let lists: Vec<usize> = nearest.map(|neighbour| neighbour.lists).collect();
    let all = lists.len();
    let lists = part(lists, 1.0 - (1.0 - recall) * MISSED_BY_LISTS, all);
    if !signs_pay {
        return Steps { lists, rerank: codes.row_count() };
    }
    let ranks: Vec<usize> = probes.iter().flat_map(|probe| probe.ranks(codes, depth, lists)).collect();
    Steps { lists, rerank: part(ranks, recall, all).max(2 * depth) }
}

/// What a part of `all` values are not above, where the ones that are missing are.
fn part(mut values: Vec<usize>, part: f32, all: usize) -> usize {
    values.sort_unstable();
    let last = ((all as f32 * part).ceil() as usize).clamp(1, values.len().max(1)) - 1;
    values.get(last).copied().unwrap_or(1)
}
