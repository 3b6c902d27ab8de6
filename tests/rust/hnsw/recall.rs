//! Recall of the first ten.

use super::{Vectors, gaussian};
use crate::support::rng::Rng;
use elanus::index::MetricType;
use elanus::index::hnsw::Graph;

const DIM: usize = 64;
const QUERIES: usize = 50;
const LIMIT: usize = 10;

/// Groups of rows around 64 centres.
fn mixture(rows: usize, seed: u64) -> Vec<f32> {
    let rng = Rng::new(seed);
    let centres: Vec<f32> = (0..64 * DIM).map(|_| gaussian(&rng)).collect();
    let row = |_| {
        let centre = &centres[rng.below(64) as usize * DIM..][..DIM];
        centre.iter().map(|value| value + 0.35 * gaussian(&rng)).collect::<Vec<f32>>()
    };
    (0..rows).flat_map(row).collect()
}

/// Rows that vary in 16 directions only.
fn low_latent(rows: usize, seed: u64) -> Vec<f32> {
    let rng = Rng::new(seed);
    let directions: Vec<f32> = (0..16 * DIM).map(|_| gaussian(&rng)).collect();
    let row = |_| {
        let latent: Vec<f32> = (0..16).map(|_| gaussian(&rng)).collect();
        let value = |at| latent.iter().zip(directions[at..].iter().step_by(DIM)).map(|(a, b)| a * b).sum();
        (0..DIM).map(value).collect::<Vec<f32>>()
    };
    (0..rows).flat_map(row).collect()
}

/// The rows, a graph over all but the last of them, and those last as queries.
struct Bench {
    vectors: Vectors,
    graph: Graph,
    queries: Vec<f32>,
}

impl Bench {
    fn new(mut values: Vec<f32>, metric: MetricType, m: u32) -> Bench {
        let queries = values.split_off(values.len() - QUERIES * DIM);
        let vectors = Vectors { dim: DIM, metric, values };
        Bench { graph: vectors.build(m), vectors, queries }
    }

    fn recall(&self, ef: usize, accept: impl Fn(u32) -> bool + Copy) -> f64 {
        let mut found = 0;
        for query in self.queries.chunks_exact(DIM) {
            let expected = &self.vectors.brute_force(query, accept)[..LIMIT];
            let hits = self.vectors.search(&self.graph, query, ef, accept);
            assert!(hits.len() == ef && hits.iter().all(|hit| accept(hit.row)));
            found += hits[..LIMIT].iter().filter(|hit| expected.contains(hit)).count();
        }
        found as f64 / (QUERIES * LIMIT) as f64
    }

    fn assert_recall(&self, floors: [(usize, f64); 3]) {
        for (ef, floor) in floors {
            let recall = self.recall(ef, |_| true);
            println!("ef {ef}: {recall}");
            assert!(recall >= floor, "recall {recall} at ef {ef}");
        }
    }
}

#[test]
fn mixture_with_filter_and_deletes() {
    let bench = Bench::new(mixture(10_000 + QUERIES, 1), MetricType::L2, 16);
    bench.assert_recall([(50, 0.98), (100, 0.99), (400, 1.0)]);
    // Rows of no order, and rows that were deleted because they came first.
    let tenth = |row: u32| row.wrapping_mul(2_654_435_761) >> 16 & 1023 < 103;
    let recall = bench.recall(100, tenth);
    assert!(recall >= 0.99, "recall {recall} of a tenth");
    let recall = bench.recall(100, |row| row >= 4_000);
    assert!(recall >= 0.99, "recall {recall} of what is left");
}

#[test]
fn low_latent_dimensions() {
    let bench = Bench::new(low_latent(10_000 + QUERIES, 2), MetricType::L2, 32);
    bench.assert_recall([(50, 0.9), (100, 0.98), (400, 1.0)]);
    let recall = bench.recall(100, |row| row % 10 == 3);
    assert!(recall >= 0.99, "recall {recall} of a tenth");
}

#[test]
fn cosine() {
    let bench = Bench::new(low_latent(3_000 + QUERIES, 3), MetricType::Cosine, 16);
    bench.assert_recall([(50, 0.9), (100, 0.97), (400, 0.99)]);
}

/// Not a metric: a row is not even the nearest to itself.
#[test]
fn inner_products() {
    let bench = Bench::new(mixture(3_000 + QUERIES, 4), MetricType::Ip, 16);
    bench.assert_recall([(50, 0.9), (100, 0.95), (400, 0.98)]);
}

#[test]
fn fewer_neighbours_make_a_smaller_graph_that_asks_for_a_higher_ef() {
    let values = low_latent(3_000 + QUERIES, 5);
    let words = [32, 8, 4].map(|m| {
        let bench = Bench::new(values.clone(), MetricType::L2, m);
        bench.assert_recall([(50, 0.7), (100, 0.85), (400, 0.97)]);
        bench.graph.words().len()
    });
    assert!(words.is_sorted_by(|more, fewer| more > fewer), "{words:?}");
}
