//! Exact scan of float vectors in row order.

use super::MetricType;
use super::kernels::{BLOCK_ROWS, inner_product, l2_squared};
use crate::Mask;
use crate::TopK;

/// Blocks with fewer rows than one in this many wanted are read row by row: a distance costs more than finding a set bit.
const SPARSE_BLOCK: usize = 8;

/// One query over consecutive rows of a segment.
#[derive(Debug, Clone, Copy)]
pub struct FlatScan<'a> {
    pub query: &'a [f32],
    /// Rows of `query.len()` numbers, from row `base_row` of the segment on.
    pub vectors: &'a [f32],
    pub metric: MetricType,
    /// `inverse_norms(vectors)`; computed on the fly when COSINE lacks it.
    pub inverse_norms: Option<&'a [f32]>,
    /// Rows that take part, by their number in the segment (`base_row` included); `None` for all.
    pub mask: Option<&'a Mask>,
    pub base_row: u32,
}

impl FlatScan<'_> {
    /// Offers every row that takes part to `sink`.
    pub fn run(&self, sink: &mut TopK) {
        let dim = self.query.len();
        if dim == 0 {
            return;
        }
        let rows = self.vectors.len() / dim;
        // At length 1, so that products with it stay in float32's range as long as the rows' own lengths do.
        let unit_query: Vec<f32>;
        let query = match self.metric {
            MetricType::Cosine => {
                let norm = f64::from(inverse_norm(self.query));
                unit_query = self.query.iter().map(|number| (f64::from(*number) * norm) as f32).collect();
                &unit_query
            }
            _ => self.query,
        };
        let mut scores = [0f32; BLOCK_ROWS];
        for start in (0..rows).step_by(BLOCK_ROWS) {
            let end = (start + BLOCK_ROWS).min(rows);
            let wanted = self.mask.map(|mask| {
                let base = self.base_row as usize;
                mask.count_ones((base + start).min(mask.len())..(base + end).min(mask.len()))
            });
            match wanted {
                Some(0) => {}
                Some(wanted) if wanted * SPARSE_BLOCK < end - start => {
                    self.wanted_rows(start, end).for_each(|row| {
                        let mut score = [0f32];
                        self.score_block(query, row, &mut score);
                        sink.offer(score[0], self.base_row + row as u32);
                    });
                }
                Some(wanted) if wanted < end - start => {
                    let scores = &mut scores[..end - start];
                    self.score_block(query, start, scores);
                    self.wanted_rows(start, end)
                        .for_each(|row| sink.offer(scores[row - start], self.base_row + row as u32));
                }
                _ => {
                    let scores = &mut scores[..end - start];
                    self.score_block(query, start, scores);
                    sink.offer_block(scores, self.base_row + start as u32);
                }
            }
        }
    }

    fn wanted_rows(&self, start: usize, end: usize) -> impl Iterator<Item = usize> {
        let base = self.base_row as usize;
        let words = self.mask.map(Mask::as_slice).unwrap_or_default();
        let bits = usize::BITS as usize;
        let (first, last) = ((base + start) / bits, (base + end).div_ceil(bits).min(words.len()));
        words[first.min(last)..last].iter().enumerate().flat_map(move |(at, word)| {
            let mut word = *word;
            let origin = (first + at) * bits;
            std::iter::from_fn(move || {
                (word != 0).then(|| {
                    let row = origin + word.trailing_zeros() as usize;
                    word &= word - 1;
                    row
                })
            })
            .filter(move |row| (base + start..base + end).contains(row))
            .map(move |row| row - base)
        })
    }

    /// Scores of the `out.len()` rows from `start` on.
    fn score_block(&self, query: &[f32], start: usize, out: &mut [f32]) {
        let dim = query.len();
        let rows = &self.vectors[start * dim..(start + out.len()) * dim];
        match self.metric {
            MetricType::L2 => l2_squared(query, rows, out),
            MetricType::Ip => inner_product(query, rows, out),
            MetricType::Cosine => {
                inner_product(query, rows, out);
                match self.inverse_norms.and_then(|norms| norms.get(start..start + out.len())) {
                    Some(norms) => out.iter_mut().zip(norms).for_each(|(score, norm)| {
                        *score = cosine(*score, *norm);
                    }),
                    None => out.iter_mut().zip(rows.chunks_exact(dim)).for_each(|(score, row)| {
                        *score = cosine(*score, inverse_norm(row));
                    }),
                }
            }
        }
    }
}

/// Rounding must not push a score over the bounds that range searches are given in.
fn cosine(inner_product: f32, row_norm: f32) -> f32 {
    (inner_product * row_norm).clamp(-1.0, 1.0)
}

/// 1 / length; 0 for a zero vector, which then scores 0 against everything.
pub fn inverse_norm(vector: &[f32]) -> f32 {
    let mut square = [0f32];
    inner_product(vector, vector, &mut square);
    match square[0] {
        square if square > 0.0 && square.is_finite() && square >= f32::MIN_POSITIVE => 1.0 / square.sqrt(),
        // Squares that over- or underflow f32 fit into f64.
        _ => {
            let square: f64 = vector.iter().map(|value| f64::from(*value) * f64::from(*value)).sum();
            if square > 0.0 { (1.0 / square.sqrt()) as f32 } else { 0.0 }
        }
    }
}

/// `inverse_norm` of every row.
pub fn inverse_norms(vectors: &[f32], dim: usize) -> Vec<f32> {
    vectors.chunks_exact(dim.max(1)).map(inverse_norm).collect()
}
