//! Vectors as small integers with a scale.

use super::padded;
use crate::kernels::{largest_magnitude, round_to_i8, round_to_i16};

fn inverse(scale: f32) -> f32 {
    if scale > 0.0 { 1.0 / scale } else { 0.0 }
}

/// Appends numbers as int8, padded, and gives their scale.
pub fn push_int8(vector: &[f32], values: &mut Vec<i8>) -> f32 {
    let scale = largest_magnitude(vector) / 127.0;
    let start = values.len();
    values.resize(start + padded(vector.len()), 0);
    round_to_i8(vector, inverse(scale), &mut values[start..]);
    scale
}

/// Numbers of as many bits that the sum of their products with int8 numbers fits 32 bits, padded by what `factors` has more, and
/// their scale.
pub fn set_int16(vector: &[f32], factors: &mut [i16]) -> f32 {
    let most = (i32::MAX as usize / 128 / factors.len().max(1)).min(8191) as f32;
    let scale = largest_magnitude(vector) / most;
    round_to_i16(vector, inverse(scale), factors);
    scale
}
