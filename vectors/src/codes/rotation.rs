//! A fixed random rotation. Afterwards no dimension says more than another, which is what makes one bit of each worth
//! keeping and one scale of a row enough for all its numbers.

use crate::kernels::{hadamard, multiply};
use std::ops::Range;

/// Signs and Walsh-Hadamard transforms in turn: of the first numbers, then of the last, as many as a power of two.
pub struct Rotation {
    dim: usize,
    block: usize,
    /// Signs of each round, and within its block what makes the transform orthonormal.
    factors: Vec<f32>,
}

const ROUNDS: usize = 4;

impl Rotation {
    /// The same for every segment and every version: codes that were written depend on it.
    pub fn new(dim: usize) -> Rotation {
        let block = if dim == 0 { 0 } else { 1 << dim.ilog2() };
        let mut random = Random::new(dim as u64);
        let mut factors: Vec<f32> =
            (0..ROUNDS * dim).map(|_| if random.next() >> 63 == 0 { 1.0 } else { -1.0 }).collect();
        let scale = 1.0 / (block.max(1) as f32).sqrt();
        for (round, factors) in factors.chunks_exact_mut(dim.max(1)).enumerate() {
            factors[block_of(round, dim, block)].iter_mut().for_each(|factor| *factor *= scale);
        }
        Rotation { dim, block, factors }
    }

    pub fn apply(&self, vector: &mut [f32]) {
        for (round, factors) in self.factors.chunks_exact(self.dim.max(1)).enumerate() {
            multiply(vector, factors);
            hadamard(&mut vector[block_of(round, self.dim, self.block)]);
        }
    }
}

fn block_of(round: usize, dim: usize, block: usize) -> Range<usize> {
    let start = if round.is_multiple_of(2) { 0 } else { dim - block };
    start..start + block
}

/// SplitMix64: builds repeat to the bit, in a test and in every browser.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    /// `count` different rows of `rows`, ascending, spread over all of them.
    pub fn spread(&mut self, rows: usize, count: usize) -> Vec<usize> {
        let count = count.min(rows);
        // The product of the two is more than 32 bits hold.
        let start_of = |at: usize| (at as u64 * rows as u64 / count as u64) as usize;
        (0..count).map(|at| start_of(at) + self.below(start_of(at + 1) - start_of(at))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg_attr(not(target_arch = "wasm32"), test)]
    #[cfg_attr(target_arch = "wasm32", wasm_bindgen_test::wasm_bindgen_test)]
    fn chosen_rows_are_spread_over_all_of_them() {
        for (rows, count) in [(0, 5), (3, 5), (10, 10), (1_000_000, 20_480), (16_000_000, 20_480)] {
            let chosen = Random::new(7).spread(rows, count);
            assert_eq!(chosen.len(), count.min(rows));
            assert!(chosen.windows(2).all(|pair| pair[0] < pair[1]) && chosen.iter().all(|row| *row < rows));
        }
    }

    #[test]
    fn lengths_and_angles_stay() {
        let mut random = Random::new(1);
        for dim in [1, 2, 3, 4, 5, 8, 31, 64, 100, 384] {
            let mut vector = || -> Vec<f32> { (0..dim).map(|_| (random.next() >> 40) as f32 / 1e7 - 0.8).collect() };
            let (a, b) = (vector(), vector());
            let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
            let (mut turned_a, mut turned_b) = (a.clone(), b.clone());
            let rotation = Rotation::new(dim);
            rotation.apply(&mut turned_a);
            rotation.apply(&mut turned_b);
            assert!((dot(&a, &b) - dot(&turned_a, &turned_b)).abs() < 1e-4 * dim as f32, "dim {dim}");
            assert!((dot(&a, &a) - dot(&turned_a, &turned_a)).abs() < 1e-4 * dim as f32, "dim {dim}");
        }
    }

    #[test]
    fn one_number_is_spread_over_all() {
        for dim in [16, 100, 384] {
            let mut vector = vec![0.0; dim];
            vector[dim / 3] = 1.0;
            Rotation::new(dim).apply(&mut vector);
            let largest = vector.iter().fold(0f32, |largest, value| largest.max(value.abs()));
            assert!(largest < 6.0 / (dim as f32).sqrt(), "dim {dim}: {largest}");
        }
    }
}
