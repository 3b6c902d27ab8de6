//! How far the scores of coded rows may be from those of their vectors.

use super::query::CodedQuery;
use super::{Codes, dot};
use crate::MetricType;

/// Three times the deviation that rounding brings. Two rows that change places are wrong by more than twice that, together.
const DEVIATIONS: f32 = 3.0 * 0.289;
/// What turning a vector may change, and adding some hundred float32 numbers in another order, as a share of what is added.
const FLOAT_ERROR: f32 = 1e-5;

/// By how much scores may be wrong because numbers are rounded.
#[derive(Debug, Clone, Copy)]
pub struct ScoreError {
    metric: MetricType,
    constant: f32,
    /// The farther a row is from the query, the more its rounding matters.
    of_distance: f32,
}

impl ScoreError {
    /// Where rows have that score. Where they have a better one, it is no larger.
    pub fn at(&self, score: f32) -> f32 {
        let distance = match self.metric {
            MetricType::L2 => score.max(0.0).sqrt(),
            // Of vectors whose length is 1, about.
            MetricType::Cosine => ((2.0 - 2.0 * score).max(0.0) + 4.0 * FLOAT_ERROR).sqrt(),
            MetricType::Ip => 0.0,
        };
        self.constant + self.of_distance * distance
    }
}

/// What it is rarely more than, for each row, and hardly ever twice that: numbers are rounded up as often as down.
pub struct LikelyError<'a> {
    codes: &'a Codes,
    of_all: ScoreError,
    /// For each unit of the row's scale.
    of_row: ScoreError,
}

impl LikelyError<'_> {
    pub fn at(&self, row: u32, score: f32) -> f32 {
        let scale = self.codes.row_scales[self.codes.position_of[row as usize] as usize];
        self.of_all.at(score) + scale * self.of_row.at(score)
    }
}

/// How wrong things are.
#[derive(Clone, Copy)]
struct Rounding {
    /// A product with a row, for each unit of length of the other factor.
    of_rows: f32,
    /// One with a query, likewise, for each unit of the query's scale.
    of_query: f32,
    /// A sum, for each unit of what is added.
    of_sums: f32,
}

impl Codes {
    pub fn likely_error(&self, query: &CodedQuery) -> LikelyError<'_> {
        let of_all = self.error(query, Rounding { of_rows: 0.0, of_query: DEVIATIONS, of_sums: FLOAT_ERROR });
        let (constant, of_distance) = match self.metric {
            MetricType::L2 => (0.0, 2.0 * DEVIATIONS),
            MetricType::Cosine => (0.0, DEVIATIONS),
            MetricType::Ip => (DEVIATIONS * query.length, 0.0),
        };
        let of_row = ScoreError { metric: self.metric, constant, of_distance };
        LikelyError { codes: self, of_all, of_row }
    }

    /// Never more, whatever the numbers are.
    pub fn certain_error(&self, query: &CodedQuery) -> ScoreError {
        self.error(query, self.worst_rounding())
    }

    /// Where each number is rounded so that it matters most.
    fn worst_rounding(&self) -> Rounding {
        let of_sums = FLOAT_ERROR + self.dim as f32 * f32::EPSILON / 4.0;
        Rounding { of_rows: self.rounding, of_query: (self.dim as f32).sqrt() / 2.0, of_sums }
    }

    fn error(&self, query: &CodedQuery, Rounding { of_rows, of_query, of_sums }: Rounding) -> ScoreError {
        let farthest = self.lists.squares.iter().fold(0.0, |most: f32, square| most.max(*square)).sqrt();
        // Of a row without the mean, at most: its list's centre, and what int8 numbers can hold.
        let reach = farthest + 127.0 * self.coarsest * (self.dim as f32).sqrt();
        let of_query = of_query * query.factors_scale * reach;
        let mean = dot(&self.mean, &self.mean).sqrt();
        let (constant, of_distance) = match self.metric {
            MetricType::L2 => {
                // Query and rows are turned with the mean.
                let of_turning = of_sums * mean;
                let of_squares = self.rounding.powi(2) + of_turning.powi(2) + of_sums * (query.square + reach.powi(2));
                (2.0 * of_query + of_squares, 2.0 * (of_rows + of_turning))
            }
            MetricType::Cosine => {
                // The distance is that of a score which is wrong itself.
                let of_squares = 2.0 * of_rows.powi(2) + of_sums * query.length * (reach + mean);
                (of_query + of_squares, of_rows)
            }
            MetricType::Ip => (of_query + query.length * (of_rows + of_sums * (reach + mean)), 0.0),
        };
        ScoreError { metric: self.metric, constant, of_distance }
    }

    /// Of each list a score that none of its rows is better than.
    pub fn best_of_lists(&self, query: &CodedQuery) -> Vec<f32> {
        let Rounding { of_query, of_sums, .. } = self.worst_rounding();
        let of_query = of_query * query.factors_scale;
        let mean = dot(&self.mean, &self.mean).sqrt();
        let best = |(list, radius): (usize, &f32)| {
            let centre_square = self.lists.squares[list];
            let centre = centre_square.sqrt();
            // How far the nearest row is from the query, at least, and its square.
            let nearest = |square: f32| {
                let square = square - 2.0 * of_query * centre - of_sums * (query.square + centre_square);
                (square.max(0.0).sqrt() - radius - of_sums * (radius + mean)).max(0.0).powi(2)
            };
            match self.metric {
                MetricType::L2 => nearest(query.nearness[list]),
                // Of two vectors of length 1, the distance tells the angle.
                MetricType::Cosine => 1.0 - nearest(query.nearness[list] + query.square) / 2.0 + of_sums,
                MetricType::Ip => {
                    let wrong_by = of_query * centre + of_sums * query.length * (mean + centre + radius);
                    (query.length + of_query) * radius - query.centre_ranks[list] + wrong_by
                }
            }
        };
        self.lists.radii.iter().enumerate().map(best).collect()
    }
}
