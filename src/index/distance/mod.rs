//! Distances of one query to a block of rows. Kernels stay out of line and take whole blocks: V8 tiers a function up between
//! calls, so one giant loop would run a first query in slow code to its end.

pub mod scalar;
#[cfg(target_arch = "wasm32")]
pub mod simd128;

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
