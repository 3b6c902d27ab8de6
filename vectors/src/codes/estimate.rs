//! What signs tell of the ranks of rows.

use super::query::CodedQuery;
use super::search::{BLOCK_ROWS, Candidate};
use super::{Codes, Signs, padded, words_of};
use crate::kernels::{differing_bits, residual_product, residual_signs};

/// What signs leave out of the square of normally distributed numbers, as a share of what stands for them: 1 - 2 / pi. Turned rows
/// have such numbers.
const LEFT_OUT: f32 = 0.363;

/// A query among the rows of one list.
pub(super) struct Estimator<'a> {
    codes: &'a Codes,
    /// Of what is left of the query without the list's centre.
    signs: &'a [u64],
    slope: f32,
    centre_rank: f32,
}

impl Estimator<'_> {
    /// Of consecutive positions, at most `BLOCK_ROWS`.
    pub(super) fn ranks(&self, start: usize, ranks: &mut [f32]) {
        let Signs { words, scales, offsets } = &self.codes.signs;
        let (width, end) = (self.signs.len(), start + ranks.len());
        let mut differing = [0u32; BLOCK_ROWS];
        let differing = &mut differing[..ranks.len()];
        differing_bits(self.signs, &words[start * width..end * width], differing);
        let of_rows = offsets[start..end].iter().zip(&scales[start..end]);
        for ((rank, (offset, scale)), differing) in ranks.iter_mut().zip(of_rows).zip(&*differing) {
            *rank = self.estimate(*differing, *offset, *scale);
        }
    }

    pub(super) fn rank(&self, position: usize) -> f32 {
        let Signs { words, scales, offsets } = &self.codes.signs;
        let width = self.signs.len();
        let mut differing = [0];
        differing_bits(self.signs, &words[position * width..(position + 1) * width], &mut differing);
        self.estimate(differing[0], offsets[position], scales[position])
    }

    /// Signs agree by chance as often as not, at most.
    pub(super) fn deviation(&self, position: usize) -> f32 {
        (self.slope * self.codes.signs.scales[position]).abs() * (self.codes.dim as f32).sqrt()
    }

    #[inline]
    fn estimate(&self, differing: u32, offset: f32, scale: f32) -> f32 {
        let agreeing = (self.codes.dim as i32 - 2 * differing as i32) as f32;
        self.centre_rank + offset - self.slope * scale * agreeing
    }
}

impl Codes {
    pub(super) fn estimator<'a>(&'a self, query: &CodedQuery, list: usize, signs: &'a mut [u64]) -> Estimator<'a> {
        let width = padded(self.dim);
        let centre = &self.lists.centres.values[list * width..(list + 1) * width];
        let (sum, square) = residual_signs(&query.centred, centre, self.lists.centres.scales[list], signs);
        let query_scale = if sum > 0.0 { square / sum } else { 0.0 };
        Estimator { codes: self, signs, slope: query.weight * query_scale, centre_rank: query.centre_ranks[list] }
    }

    /// Estimated ranks of a list's rows, in their order.
    pub(super) fn estimates(&self, query: &CodedQuery, list: usize, mut each: impl FnMut(&Estimator, usize, &[f32])) {
        let positions = self.lists.positions(list);
        if positions.is_empty() {
            return;
        }
        let mut signs = vec![0; words_of(self.dim)];
        let estimator = self.estimator(query, list, &mut signs);
        let mut ranks = [0f32; BLOCK_ROWS];
        for start in positions.clone().step_by(BLOCK_ROWS) {
            let ranks = &mut ranks[..(positions.end - start).min(BLOCK_ROWS)];
            estimator.ranks(start, ranks);
            each(&estimator, start, ranks);
        }
    }

    /// Estimates candidates again, by the numbers of the query instead of their signs: less wrong, with half the deviation, for
    /// many times the work.
    pub fn estimate_closely(&self, query: &CodedQuery, candidates: &mut [Candidate]) {
        let (width, words) = (padded(self.dim), words_of(self.dim));
        for Candidate { rank, deviation, position, list } in candidates {
            let (position, list) = (*position as usize, *list as usize);
            let centre = &self.lists.centres.values[list * width..(list + 1) * width];
            let signs = &self.signs.words[position * words..(position + 1) * words];
            let (product, square) = residual_product(&query.centred, centre, self.lists.centres.scales[list], signs);
            let slope = query.weight * self.signs.scales[position];
            *rank = query.centre_ranks[list] + self.signs.offsets[position] - slope * product;
            *deviation = slope.abs() * (LEFT_OUT * square).sqrt();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::rotation::Random;
    use super::super::search::SURELY;
    use super::*;
    use crate::{MetricType, Order, TopK};

    #[test]
    fn numbers_of_the_query_make_estimates_less_wrong() {
        const DIM: usize = 64;
        const ROWS: usize = 5000;
        let mut random = Random::new(5);
        let mut number = || (0..6).map(|_| random.below(2001) as f32 / 1000.0 - 1.0).sum::<f32>();
        let rows: Vec<f32> = (0..ROWS * DIM).map(|_| number()).collect();
        for metric in [MetricType::L2, MetricType::Ip, MetricType::Cosine] {
            let codes = Codes::build(&[&rows], DIM, metric).expect("enough rows");
            let order = Order::of(metric);
            let (mut by_signs, mut by_numbers, mut wrong) = (0.0, 0.0, 0);
            let queries: Vec<f32> = (0..20 * DIM).map(|_| number()).collect();
            for query in queries.chunks(DIM) {
                let query = CodedQuery::new(&codes, query);
                let mut candidates = Vec::new();
                for list in 0..codes.lists.count() {
                    codes.estimates(&query, list, |estimator, start, ranks| {
                        let of_row = |(position, rank): (usize, &f32)| Candidate {
                            deviation: estimator.deviation(position),
                            ..Candidate::new(*rank, position as u32, list)
                        };
                        candidates.extend((start..).zip(ranks).step_by(25).map(of_row));
                    });
                }
                let mut closely = candidates.clone();
                codes.estimate_closely(&query, &mut closely);
                for (candidate, closer) in candidates.iter().zip(&closely) {
                    let mut score = TopK::new(1, order, None);
                    codes.rank_scattered(&query, std::slice::from_ref(candidate), &mut score);
                    let rank = order.rank(score.worst_score().expect("one row"));
                    by_signs += (rank - candidate.rank).powi(2);
                    by_numbers += (rank - closer.rank).powi(2);
                    wrong += usize::from(!closer.may_be_within(rank, SURELY));
                    assert!(closer.deviation < 0.6 * candidate.deviation, "{metric:?}");
                }
            }
            let ratio = (by_numbers / by_signs).sqrt();
            assert!(ratio < 0.7, "{metric:?}: {ratio}");
            // 0.6 % of what is normally distributed.
            assert!(wrong * 100 < 20 * ROWS / 25, "{metric:?}: {wrong}");
        }
    }
}
