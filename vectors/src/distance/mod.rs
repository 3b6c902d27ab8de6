//! Distances of one query to a block of rows. Kernels stay out of line and take whole blocks: V8 tiers a function up between
//! calls, so one giant loop would run a first query in slow code to its end.

mod bits;
pub mod scalar;
#[cfg(target_arch = "wasm32")]
pub mod simd128;

pub use bits::differing_bits;

#[cfg(not(target_arch = "wasm32"))]
use scalar as kernels;
#[cfg(target_arch = "wasm32")]
use simd128 as kernels;

/// Rows that one kernel call takes.
pub const BLOCK_ROWS: usize = 1024;

/// Squared L2 distance of `query` to each row of `rows`, which is `out.len()` rows of `query.len()` numbers.
pub fn l2_squared(query: &[f32], rows: &[f32], out: &mut [f32]) {
    kernels::l2_squared(query, rows, out);
}

/// Inner product of `query` with each row of `rows`, which is `out.len()` rows of `query.len()` numbers.
pub fn inner_product(query: &[f32], rows: &[f32], out: &mut [f32]) {
    kernels::inner_product(query, rows, out);
}

/// Inner product of `query` with each row of `rows`, whose lengths are a multiple of sixteen.
pub fn inner_product_i8(query: &[i16], rows: &[i8], out: &mut [i32]) {
    kernels::inner_product_i8(query, rows, out);
}

/// The same for the rows at some positions.
pub fn inner_product_i8_at(query: &[i16], rows: &[i8], positions: &[u32], out: &mut Vec<i32>) {
    kernels::inner_product_i8_at(query, rows, positions, out);
}

/// Signs of a vector without a centre, and the sums of magnitudes and squares; lengths are a multiple of sixteen.
pub fn residual_signs(vector: &[f32], centre: &[i8], scale: f32, words: &mut [u64]) -> (f32, f32) {
    kernels::residual_signs(vector, centre, scale, words)
}

/// Inner product of two rows, whose length is a multiple of sixteen.
pub fn product_of_i8(a: &[i8], b: &[i8]) -> i32 {
    kernels::product_of_i8(a, b)
}
