//! A graph over the rows of codes, which it knows by their positions: another way to the rows that are compared by numbers.

use super::query::CodedQuery;
use super::search::{Candidate, CodeSearch};
use super::{Codes, padded};
use crate::MetricType;
use crate::hnsw::{Distances, Graph, Scratch};
use crate::kernels::{inner_product_i8_at, product_of_i8};

/// Candidates of a walk where a search does not say how many.
pub const DEFAULT_EF: usize = 128;
/// When a smaller share of the rows takes part, a walk passes so many others that lists are the shorter way.
const WORTH_A_WALK: f32 = 0.8;

/// How far rows are from each other, by int8 numbers of one scale for all.
pub struct RowDistances {
    metric: MetricType,
    width: usize,
    values: Vec<i8>,
    squares: Vec<i32>,
    scale: f32,
    /// Of each row with the mean, where the metric is IP.
    mean_products: Vec<f32>,
}

impl Distances for RowDistances {
    fn between(&self, a: u32, b: u32) -> f32 {
        let row = |row: u32| &self.values[row as usize * self.width..][..self.width];
        let product = product_of_i8(row(a), row(b));
        match self.metric {
            MetricType::Ip => {
                let of_means = self.mean_products[a as usize] + self.mean_products[b as usize];
                -(product as f32 * self.scale * self.scale + of_means)
            }
            // At length 1 the nearest by angle are the nearest by distance.
            MetricType::L2 | MetricType::Cosine => {
                (self.squares[a as usize] + self.squares[b as usize] - 2 * product) as f32
            }
        }
    }
}

impl Codes {
    /// Takes as much memory as the rows' int8 numbers.
    pub fn row_distances(&self) -> RowDistances {
        let (width, numbers) = (padded(self.dim), self.numbers());
        let scale = self.common_scale().max(f32::MIN_POSITIVE);
        let mut distances = RowDistances {
            metric: self.metric,
            width,
            values: Vec::with_capacity(numbers.len()),
            squares: Vec::with_capacity(self.row_count()),
            scale,
            mean_products: Vec::new(),
        };
        for list in 0..self.lists.count() {
            let centre = &self.lists.centres.values[list * width..(list + 1) * width];
            let centre_scale = self.lists.centres.scales[list] / scale;
            for position in self.lists.positions(list) {
                let row_scale = self.row_scales[position] / scale;
                let residual = &numbers[position * width..(position + 1) * width];
                let whole = centre.iter().zip(residual).map(|(centre, left)| {
                    (f32::from(*centre) * centre_scale + f32::from(*left) * row_scale).round_ties_even() as i8
                });
                let start = distances.values.len();
                distances.values.extend(whole);
                let row = &distances.values[start..];
                distances.squares.push(product_of_i8(row, row));
                if self.metric == MetricType::Ip {
                    let with_mean = row.iter().zip(&self.mean).map(|(number, mean)| f32::from(*number) * scale * mean);
                    distances.mean_products.push(with_mean.sum());
                }
            }
        }
        distances
    }

    /// In which the numbers of rows are at most 127, but for few rows that are much longer than the others: at their scale
    /// the others would be nothing but zeros.
    fn common_scale(&self) -> f32 {
        // No number of a row is larger than the largest of its centre and of its residual together.
        let of_row = |position| {
            let list = self.lists.list_of(position as u32);
            self.lists.centres.scales[list] + self.row_scales[position]
        };
        // Of numbers that are not negative, the bits are in the order of the numbers.
        let mut scales: Vec<u32> = (0..self.row_count()).map(|position| of_row(position).to_bits()).collect();
        scales.sort_unstable();
        let of_last = |left_out: usize| f32::from_bits(scales[scales.len() - 1 - left_out]);
        of_last(0).min(2.0 * of_last(scales.len() / 100))
    }

    /// Has searches walk a graph of as many rows.
    pub fn attach(&mut self, graph: Graph) {
        self.graph = Some(graph);
    }

    pub fn has_graph(&self) -> bool {
        self.graph.is_some()
    }

    /// The candidates of a walk; `None` where lists are the better way, or the only one.
    pub(super) fn walk(&self, query: &CodedQuery, search: &CodeSearch, taking_part: usize) -> Option<Vec<Candidate>> {
        let graph = self.graph.as_ref()?;
        if (taking_part as f32) < WORTH_A_WALK * self.row_count() as f32 || search.effort.compares_all() {
            return None;
        }
        let ef = search.effort.ef.unwrap_or(DEFAULT_EF).max(search.depth);
        let mut products = Vec::new();
        let measure = |positions: &[u32], distances: &mut [f32]| {
            inner_product_i8_at(&query.factors, self.numbers(), positions, &mut products);
            for ((position, product), distance) in positions.iter().zip(&products).zip(distances) {
                let score = self.list_scorer(query, self.lists.list_of(*position))(*position as usize, *product);
                *distance = if self.metric == MetricType::L2 { score } else { -score };
            }
        };
        let takes_part = |position: u32| search.mask.is_none_or(|mask| mask[self.row_at[position as usize] as usize]);
        let mut scratch = Scratch::default();
        let found = graph.search(ef, measure, takes_part, &mut scratch).iter();
        let candidates = found.map(|found| Candidate::new(found.distance, found.row, self.lists.list_of(found.row)));
        Some(candidates.collect())
    }
}
