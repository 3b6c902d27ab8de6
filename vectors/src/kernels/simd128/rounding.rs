//! Float vectors as integers and signs.

use super::super::scalar;
use super::{LANES, horizontal_sum, load};
use core::arch::wasm32::{
    f32x4_abs, f32x4_add, f32x4_convert_i32x4, f32x4_mul, f32x4_nearest, f32x4_splat, f32x4_sub, i8x16_narrow_i16x8,
    i16x8_load_extend_i8x8, i16x8_narrow_i32x4, i32x4, i32x4_bitmask, i32x4_eq, i32x4_extend_high_i16x8,
    i32x4_extend_low_i16x8, i32x4_splat, i32x4_trunc_sat_f32x4, v128, v128_and, v128_store, v128_xor,
};

/// Numbers that kernels of residuals take in one step.
const STEP: usize = 8;

/// What is left of eight numbers of a vector without those of a centre.
#[inline]
#[target_feature(enable = "simd128")]
fn residual(values: &[f32; STEP], codes: &[i8; STEP], scale: v128) -> [v128; 2] {
    // SAFETY: the array has eight numbers, and the load asks for no alignment.
    let codes = unsafe { i16x8_load_extend_i8x8(codes.as_ptr()) };
    let centre = |half| f32x4_mul(f32x4_convert_i32x4(half), scale);
    [
        f32x4_sub(load(values), centre(i32x4_extend_low_i16x8(codes))),
        f32x4_sub(load(&values[LANES..]), centre(i32x4_extend_high_i16x8(codes))),
    ]
}

/// The signs of what is left of a vector without a centre, which is int8 numbers with a scale, as bits in `words`; and the
/// sums of its numbers' magnitudes and squares. Lengths are a multiple of sixteen.
#[inline(never)]
#[target_feature(enable = "simd128")]
pub fn residual_signs(vector: &[f32], centre: &[i8], scale: f32, words: &mut [u64]) -> (f32, f32) {
    let scale = f32x4_splat(scale);
    let mut magnitudes = [f32x4_splat(0.0); 4];
    let mut squares = [f32x4_splat(0.0); 4];
    words.fill(0);
    for (at, (values, codes)) in vector.as_chunks::<STEP>().0.iter().zip(centre.as_chunks::<STEP>().0).enumerate() {
        let mut signs = 0;
        for (half, left) in residual(values, codes, scale).into_iter().enumerate() {
            magnitudes[half] = f32x4_add(magnitudes[half], f32x4_abs(left));
            squares[half] = f32x4_add(squares[half], f32x4_mul(left, left));
            signs |= u64::from(i32x4_bitmask(left)) << (half * LANES);
        }
        words[at * STEP / 64] |= signs << (at * STEP % 64);
    }
    (horizontal_sum(magnitudes), horizontal_sum(squares))
}

/// The inner product of what is left of a vector without a centre with numbers of size 1 whose signs are bits, and the sum of its
/// squares. Lengths are a multiple of sixteen.
#[inline(never)]
#[target_feature(enable = "simd128")]
pub fn residual_product(vector: &[f32], centre: &[i8], scale: f32, signs: &[u64]) -> (f32, f32) {
    let scale = f32x4_splat(scale);
    let sign_bit = i32x4_splat(i32::MIN);
    let bits_of_lanes = [i32x4(1, 2, 4, 8), i32x4(16, 32, 64, 128)];
    let mut products = [f32x4_splat(0.0); 4];
    let mut squares = [f32x4_splat(0.0); 4];
    for (at, (values, codes)) in vector.as_chunks::<STEP>().0.iter().zip(centre.as_chunks::<STEP>().0).enumerate() {
        let bits = i32x4_splat((signs[at * STEP / 64] >> (at * STEP % 64)) as i32);
        for (half, left) in residual(values, codes, scale).into_iter().enumerate() {
            let are_negative = i32x4_eq(v128_and(bits, bits_of_lanes[half]), bits_of_lanes[half]);
            let turned = v128_xor(left, v128_and(are_negative, sign_bit));
            products[half] = f32x4_add(products[half], turned);
            squares[half] = f32x4_add(squares[half], f32x4_mul(left, left));
        }
    }
    (horizontal_sum(products), horizontal_sum(squares))
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
