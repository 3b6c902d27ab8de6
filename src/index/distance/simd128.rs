//! Kernels for wasm's 128-bit vectors: four sums in flight hide the latency of an addition.

use core::arch::wasm32::{f32x4_add, f32x4_extract_lane, f32x4_mul, f32x4_splat, f32x4_sub, v128, v128_load};

const LANES: usize = 4;
const STEP: usize = 4 * LANES;

#[inline]
#[target_feature(enable = "simd128")]
fn load(values: &[f32]) -> v128 {
    debug_assert!(values.len() >= LANES);
    // SAFETY: `chunks_exact` makes every slice long enough, and v128_load asks for no alignment.
    unsafe { v128_load(values.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "simd128")]
fn horizontal_sum(sums: [v128; 4]) -> f32 {
    let sum = f32x4_add(f32x4_add(sums[0], sums[1]), f32x4_add(sums[2], sums[3]));
    (f32x4_extract_lane::<0>(sum) + f32x4_extract_lane::<1>(sum))
        + (f32x4_extract_lane::<2>(sum) + f32x4_extract_lane::<3>(sum))
}

/// `$vector` and `$scalar` give the term that a pair of numbers adds to the sum.
macro_rules! kernel {
    ($name:ident, $vector:expr, $scalar:expr) => {
        #[inline(never)]
        #[target_feature(enable = "simd128")]
        pub fn $name(query: &[f32], rows: &[f32], out: &mut [f32]) {
            for (row, out) in rows.chunks_exact(query.len().max(1)).zip(out) {
                let mut sums = [f32x4_splat(0.0); 4];
                let (query_steps, row_steps) = (query.chunks_exact(STEP), row.chunks_exact(STEP));
                let (query_rest, row_rest) = (query_steps.remainder(), row_steps.remainder());
                for (a, b) in query_steps.zip(row_steps) {
                    for lane in 0..4 {
                        let (a, b) = (load(&a[lane * LANES..]), load(&b[lane * LANES..]));
                        sums[lane] = f32x4_add(sums[lane], $vector(a, b));
                    }
                }
                let (query_quads, row_quads) = (query_rest.chunks_exact(LANES), row_rest.chunks_exact(LANES));
                let (query_tail, row_tail) = (query_quads.remainder(), row_quads.remainder());
                for (a, b) in query_quads.zip(row_quads) {
                    sums[0] = f32x4_add(sums[0], $vector(load(a), load(b)));
                }
                let tail: f32 = query_tail.iter().zip(row_tail).map(|(a, b)| $scalar(*a, *b)).sum();
                *out = horizontal_sum(sums) + tail;
            }
        }
    };
}

kernel!(
    l2_squared,
    |a, b| {
        let difference = f32x4_sub(a, b);
        f32x4_mul(difference, difference)
    },
    |a: f32, b: f32| (a - b) * (a - b)
);
kernel!(inner_product, |a, b| f32x4_mul(a, b), |a: f32, b: f32| a * b);

#[cfg(test)]
mod tests {
    use super::super::scalar;
    use wasm_bindgen_test::wasm_bindgen_test;

    #[wasm_bindgen_test]
    fn agrees_with_scalar_kernels() {
        let mut state = 12345u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / 8_388_608.0 - 1.0
        };
        for dim in 1..70 {
            let query: Vec<f32> = (0..dim).map(|_| next()).collect();
            let rows: Vec<f32> = (0..dim * 7).map(|_| next()).collect();
            let (mut simd, mut plain) = ([0f32; 7], [0f32; 7]);
            super::l2_squared(&query, &rows, &mut simd);
            scalar::l2_squared(&query, &rows, &mut plain);
            assert!(simd.iter().zip(plain).all(|(a, b)| (a - b).abs() <= 1e-5 * dim as f32), "dim {dim}");
            super::inner_product(&query, &rows, &mut simd);
            scalar::inner_product(&query, &rows, &mut plain);
            assert!(simd.iter().zip(plain).all(|(a, b)| (a - b).abs() <= 1e-5 * dim as f32), "dim {dim}");
        }
    }
}
