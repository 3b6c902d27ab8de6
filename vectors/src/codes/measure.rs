//! Plans are measured on a segment's own rows when its codes are made.

use super::Codes;
use super::plan::{FAR, NEAR, Plan, RECALLS, Steps};
use super::query::CodedQuery;
use super::rotation::Random;
use super::search::SCATTERED_COST;

/// Of what a plan may miss, this part may be in lists that are not looked at.
const MISSED_BY_LISTS: f32 = 0.5;
/// Rows that are searched for.
const QUERIES: usize = 128;
/// When so many of them are done, what will not pay is not measured any further.
const TRIALS: usize = 24;
/// Ranks that are told apart in measuring.
const MOST_BUCKETS: usize = 8192;

/// One row that is searched for.
struct Probe {
    query: CodedQuery,
    /// Lists, the nearest first.
    order: Vec<usize>,
    /// The nearest rows by numbers, nearest first.
    neighbours: Vec<Neighbour>,
}

struct Neighbour {
    position: usize,
    /// How many lists must be looked at to find it.
    lists: usize,
}

/// What signs say of the rows of a probe's nearest lists.
#[derive(Default)]
struct Estimates {
    /// List after list.
    of_rows: Vec<f32>,
    /// How many rows the first lists have.
    ends: Vec<usize>,
    of_neighbours: Vec<f32>,
}

/// A part of the nearest `depth` rows, in as few lists as have it.
struct Goal {
    depth: usize,
    recall: f32,
    lists: usize,
    /// Of each of the nearest rows of all probes that is in these lists: how many rows there are estimated to be as near.
    ranks: Vec<usize>,
    /// Whether it is worth while to compare signs before numbers.
    signs_pay: bool,
}

pub fn plans(codes: &Codes, vectors: &[&[f32]]) -> Vec<Plan> {
    let rows = Random::new(0x9e0b).spread(codes.row_count(), QUERIES);
    let queries: Vec<CodedQuery> = rows.iter().map(|row| CodedQuery::new(codes, vectors[*row])).collect();
    // A row finds itself without fail, which would say nothing.
    let nearest = codes.nearest_of_all(&queries, FAR + 1);
    let probes = rows.into_iter().zip(queries).zip(nearest).map(|((row, query), nearest)| {
        let nearest = nearest.into_sorted().into_iter().map(|hit| hit.row).filter(|other| *other as usize != row);
        Probe::new(codes, query, nearest.take(FAR))
    });
    let probes: Vec<Probe> = probes.collect();
    let mut goals = [NEAR, FAR].map(|depth| RECALLS.map(|recall| Goal::new(&probes, depth, recall)));
    let most_lists = goals.iter().flatten().map(|goal| goal.lists).max().unwrap_or(0);
    let mut estimates = Estimates::default();
    for (at, probe) in probes.iter().enumerate() {
        if at == TRIALS {
            goals.iter_mut().for_each(|goals| give_up_some(goals, codes, &probes[..TRIALS]));
        }
        probe.estimate(codes, most_lists, &mut estimates);
        let measured = goals.iter_mut().flatten().filter(|goal| goal.signs_pay);
        measured.for_each(|goal| goal.look_at(probe, &estimates));
    }
    let [near, far] = goals.map(|mut goals| {
        give_up_some(&mut goals, codes, &probes);
        goals.map(|goal| {
            let rerank = if goal.signs_pay { goal.rerank(&probes) } else { codes.row_count() };
            Steps { lists: goal.lists, rerank }
        })
    });
    near.into_iter().zip(far).map(|(near, far)| Plan { near, far }).collect()
}

/// Where signs do not pay for one recall, they do not for a higher one.
fn give_up_some(goals: &mut [Goal], codes: &Codes, probes: &[Probe]) {
    let pays = |goal: &Goal| goal.signs_pay && goal.rerank(probes) < codes.row_count() / SCATTERED_COST;
    if let Some(first) = goals.iter().position(|goal| !pays(goal)) {
        goals[first + 1..].iter_mut().for_each(|goal| goal.signs_pay = false);
    }
}

impl Probe {
    fn new(codes: &Codes, query: CodedQuery, nearest: impl Iterator<Item = u32>) -> Probe {
        let order = query.nearest_lists(codes.lists.count());
        let mut place_of = vec![0; order.len()];
        order.iter().enumerate().for_each(|(place, list)| place_of[*list] = place);
        let neighbours = nearest.map(|row| {
            let position = codes.position_of[row as usize];
            Neighbour { position: position as usize, lists: place_of[codes.lists.list_of(position)] + 1 }
        });
        let neighbours = neighbours.collect();
        Probe { query, order, neighbours }
    }

    fn estimate(&self, codes: &Codes, lists: usize, estimates: &mut Estimates) {
        let Estimates { of_rows, ends, of_neighbours } = estimates;
        of_rows.clear();
        ends.clear();
        for list in &self.order[..lists] {
            codes.estimates(&self.query, *list, |_, _, ranks| of_rows.extend_from_slice(ranks));
            ends.push(of_rows.len());
        }
        of_neighbours.clear();
        of_neighbours.extend(self.neighbours.iter().map(|Neighbour { position, lists }| {
            let list = codes.lists.positions(self.order[lists - 1]);
            ends.get(lists - 1).map_or(f32::NAN, |end| of_rows[end - list.len() + position - list.start])
        }));
    }
}

impl Goal {
    fn new(probes: &[Probe], depth: usize, recall: f32) -> Goal {
        let nearest = probes.iter().flat_map(|probe| probe.neighbours.iter().take(depth));
        let lists: Vec<usize> = nearest.map(|neighbour| neighbour.lists).collect();
        let all = lists.len();
        let lists = part(&lists, 1.0 - (1.0 - recall) * MISSED_BY_LISTS, all);
        Goal { depth, recall, lists, ranks: Vec::new(), signs_pay: true }
    }

    fn look_at(&mut self, probe: &Probe, Estimates { of_rows, ends, of_neighbours }: &Estimates) {
        let nearest = probe.neighbours.iter().zip(of_neighbours).take(self.depth);
        let there: Vec<f32> = nearest.filter(|(it, _)| it.lists <= self.lists).map(|(_, estimate)| *estimate).collect();
        let worst = there.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let rows = &of_rows[..ends[self.lists - 1]];
        let nearer: Vec<f32> = rows.iter().copied().filter(|estimate| *estimate < worst).collect();
        let best = nearer.iter().copied().fold(worst, f32::min);
        let buckets = (4 * nearer.len()).clamp(1, MOST_BUCKETS);
        let scale = if worst > best { (buckets - 1) as f32 / (worst - best) } else { 0.0 };
        let bucket = |estimate: f32| (((estimate - best) * scale) as usize).min(buckets - 1);
        let mut up_to = vec![0usize; buckets];
        nearer.iter().for_each(|estimate| up_to[bucket(*estimate)] += 1);
        (1..buckets).for_each(|at| up_to[at] += up_to[at - 1]);
        self.ranks.extend(there.into_iter().map(|estimate| up_to[bucket(estimate)]));
    }

    /// The fewest rows that have the wanted part.
    fn rerank(&self, probes: &[Probe]) -> usize {
        let all = probes.iter().map(|probe| probe.neighbours.len().min(self.depth)).sum();
        part(&self.ranks, self.recall, all).max(2 * self.depth)
    }
}

/// What a part of `all` values are not above, where the ones that are missing are. They are at most as many as rows.
fn part(values: &[usize], part: f32, all: usize) -> usize {
    let wanted = ((all as f32 * part).ceil() as usize).clamp(1, values.len().max(1));
    let mut counts = vec![0usize; values.iter().max().map_or(0, |largest| largest + 1)];
    values.iter().for_each(|value| counts[*value] += 1);
    let mut not_above = 0;
    let found = counts.iter().position(|count| {
        not_above += count;
        not_above >= wanted
    });
    found.unwrap_or(1)
}
