//! Graphs against brute force, and words that are no graph.

mod hostile;
mod recall;
mod small;

use crate::support::rng::Rng;
use elanus::index::MetricType;
use elanus::index::hnsw::{BuildParams, Distances, Graph, Neighbour, Scratch, build};
use elanus::index::kernels::{inner_product, l2_squared};

/// Rows as they come, and distances by metric: smaller is nearer.
struct Vectors {
    dim: usize,
    metric: MetricType,
    values: Vec<f32>,
}

impl Vectors {
    fn rows(&self) -> u32 {
        (self.values.len() / self.dim) as u32
    }

    fn row(&self, row: u32) -> &[f32] {
        &self.values[row as usize * self.dim..][..self.dim]
    }

    fn distance(&self, a: &[f32], b: &[f32]) -> f32 {
        let mut score = [0.0];
        let mut dot = |a: &[f32], b: &[f32]| {
            inner_product(a, b, &mut score);
            score[0]
        };
        match self.metric {
            MetricType::Ip => -dot(a, b),
            MetricType::Cosine => -dot(a, b) / (dot(a, a) * dot(b, b)).sqrt(),
            MetricType::L2 => {
                l2_squared(a, b, &mut score);
                score[0]
            }
        }
    }

    fn build(&self, m: u32) -> Graph {
        build(self.rows(), self, BuildParams { m, ef_construction: 100 })
    }

    fn search(&self, graph: &Graph, query: &[f32], ef: usize, accept: impl Fn(u32) -> bool) -> Vec<Neighbour> {
        let measure = |rows: &[u32], distances: &mut [f32]| {
            for (row, distance) in rows.iter().zip(distances) {
                *distance = self.distance(query, self.row(*row));
            }
        };
        graph.search(ef, measure, accept, &mut Scratch::default()).to_vec()
    }

    fn brute_force(&self, query: &[f32], accept: impl Fn(u32) -> bool) -> Vec<Neighbour> {
        let rows = (0..self.rows()).filter(|row| accept(*row));
        let mut all: Vec<Neighbour> =
            rows.map(|row| Neighbour { row, distance: self.distance(query, self.row(row)) }).collect();
        all.sort_by(|a, b| a.distance.total_cmp(&b.distance).then(a.row.cmp(&b.row)));
        all
    }
}

impl Distances for Vectors {
    fn between(&self, a: u32, b: u32) -> f32 {
        self.distance(self.row(a), self.row(b))
    }
}

/// Near enough to a normal distribution.
fn gaussian(rng: &Rng) -> f32 {
    (0..6).map(|_| rng.float()).sum::<f32>() / std::f32::consts::SQRT_2
}
