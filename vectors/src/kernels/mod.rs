//! What is done with every number of vectors, by wasm's vector instructions: LLVM makes none where all is compiled for size.
//! Native tests have the same without.
//!
//! Kernels stay out of line and take whole blocks: V8 tiers a function up between calls, so one giant loop would run a first
//! query in slow code to its end.

mod bits;
pub mod scalar;
#[cfg(target_arch = "wasm32")]
mod simd128;

pub use bits::differing_bits;

#[cfg(not(target_arch = "wasm32"))]
use scalar as kernels;
#[cfg(target_arch = "wasm32")]
use simd128 as kernels;

pub use kernels::{
    add, all_finite, hadamard, inner_product, inner_product_i8, inner_product_i8_at, l2_squared, largest_magnitude,
    multiply, product_of_i8, residual_product, residual_signs, round_to_i8, round_to_i16, subtract,
};

/// Rows that one kernel call takes.
pub const BLOCK_ROWS: usize = 1024;
