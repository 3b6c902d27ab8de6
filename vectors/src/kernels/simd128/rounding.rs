//! Float vectors as integers and signs.

use super::super::scalar;
use super::{LANES, horizontal_sum, load};
use core::arch::wasm32::{
    f32x4_abs, f32x4_add, f32x4_convert_i32x4, f32x4_mul, f32x4_nearest, f32x4_splat, f32x4_sub, i8x16_narrow_i16x8,
    i16x8_load_extend_i8x8, i16x8_narrow_i32x4, i32x4_bitmask, i32x4_extend_high_i16x8, i32x4_extend_low_i16x8,
    i32x4_trunc_sat_f32x4, v128, v128_store,
};

/// The signs of what is left of a vector without a centre, which is int8 numbers with a scale, as bits in `words`; and the
/// sums of its numbers' magnitudes and squares. Lengths are a multiple of sixteen.
#[inline(never)]
#[target_feature(enable = "simd128")]
pub fn residual_signs(vector: &[f32], centre: &[i8], scale: f32, words: &mut [u64]) -> (f32, f32) {
    const WIDTH: usize = 8;
    let scale = f32x4_splat(scale);
    let mut magnitudes = [f32x4_splat(0.0); 4];
    let mut squares = [f32x4_splat(0.0); 4];
    words.fill(0);
    for (at, (values, codes)) in vector.as_chunks::<WIDTH>().0.iter().zip(centre.as_chunks::<WIDTH>().0).enumerate() {
        // SAFETY: the array has eight numbers, and the load asks for no alignment.
        let codes = unsafe { i16x8_load_extend_i8x8(codes.as_ptr()) };
        let halves = [i32x4_extend_low_i16x8(codes), i32x4_extend_high_i16x8(codes)];
        let mut signs = 0;
        for half in 0..2 {
            let left = f32x4_sub(load(&values[half * LANES..]), f32x4_mul(f32x4_convert_i32x4(halves[half]), scale));
            magnitudes[half] = f32x4_add(magnitudes[half], f32x4_abs(left));
            squares[half] = f32x4_add(squares[half], f32x4_mul(left, left));
            signs |= u64::from(i32x4_bitmask(left)) << (half * LANES);
        }
        words[at * WIDTH / 64] |= signs << (at * WIDTH % 64);
    }
    (horizontal_sum(magnitudes), horizontal_sum(squares))
}

/// Eight of them.
#[inline]
#[target_feature(enable = "simd128")]
fn rounded(values: &[f32], factor: v128) -> v128 {
    let rounded = |values| i32x4_trunc_sat_f32x4(f32x4_nearest(f32x4_mul(load(values), factor)));
    i16x8_narrow_i32x4(rounded(values), rounded(&values[LANES..]))
}

/// Numbers times a factor, rounded, as far as they fit.
#[inline(never)]
#[target_feature(enable = "simd128")]
pub fn round_to_i8(values: &[f32], factor: f32, out: &mut [i8]) {
    const WIDTH: usize = 16;
    let (steps, rest) = values.as_chunks::<WIDTH>();
    let factors = f32x4_splat(factor);
    for (values, out) in steps.iter().zip(out.as_chunks_mut::<WIDTH>().0) {
        let rounded = i8x16_narrow_i16x8(rounded(values, factors), rounded(&values[WIDTH / 2..], factors));
        // SAFETY: the array has sixteen numbers, and the store asks for no alignment.
        unsafe { v128_store(out.as_mut_ptr().cast(), rounded) };
    }
    scalar::round_to_i8(rest, factor, &mut out[steps.len() * WIDTH..]);
}

#[inline(never)]
#[target_feature(enable = "simd128")]
pub fn round_to_i16(values: &[f32], factor: f32, out: &mut [i16]) {
    const WIDTH: usize = 8;
    let (steps, rest) = values.as_chunks::<WIDTH>();
    let factors = f32x4_splat(factor);
    for (values, out) in steps.iter().zip(out.as_chunks_mut::<WIDTH>().0) {
        // SAFETY: the array has eight numbers, and the store asks for no alignment.
        unsafe { v128_store(out.as_mut_ptr().cast(), rounded(values, factors)) };
    }
    scalar::round_to_i16(rest, factor, &mut out[steps.len() * WIDTH..]);
}
