//! Kernels for wasm's 128-bit vectors: four sums in flight hide the latency of an addition.

use core::arch::wasm32::{
    f32x4_abs, f32x4_add, f32x4_convert_i32x4, f32x4_extract_lane, f32x4_mul, f32x4_splat, f32x4_sub,
    i16x8_load_extend_i8x8, i32x4_add, i32x4_bitmask, i32x4_dot_i16x8, i32x4_extend_high_i16x8, i32x4_extend_low_i16x8,
    i32x4_extract_lane, i32x4_splat, v128, v128_load,
};

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

/// Inner products of a query with rows of `query.len()` numbers, a multiple of sixteen.
#[inline(never)]
#[target_feature(enable = "simd128")]
pub fn inner_product_i8(query: &[i16], rows: &[i8], out: &mut [i32]) {
    let width = query.len().max(1);
    let mut quads = rows.chunks_exact(4 * width);
    let (quads_out, rest_out) = out.as_chunks_mut::<4>();
    for (rows, out) in quads.by_ref().zip(quads_out) {
        *out = sums_of_four(query, std::array::from_fn(|row| &rows[row * width..(row + 1) * width]));
    }
    for (row, out) in quads.remainder().chunks_exact(width).zip(rest_out) {
        *out = sum_of_products(query, row);
    }
}

/// Four rows at once need each number of the query once, and are waited for together where they are scattered.
#[inline]
#[target_feature(enable = "simd128")]
fn sums_of_four(query: &[i16], rows: [&[i8]; 4]) -> [i32; 4] {
    const WIDTH: usize = 32;
    let mut sums = [i32x4_splat(0); 4];
    let (steps, rest) = query.as_chunks::<WIDTH>();
    let [a, b, c, d] = rows.map(|row| row.as_chunks::<WIDTH>().0);
    for ((((query, a), b), c), d) in steps.iter().zip(a).zip(b).zip(c).zip(d) {
        add_products(&mut sums, query, [a, b, c, d]);
    }
    for query in rest.as_chunks::<HALF_WIDTH>().0 {
        let last = |row: &'_ [i8]| *row.last_chunk::<HALF_WIDTH>().expect("rows are as long as the query");
        let rows = rows.map(last);
        add_products(&mut sums, query, rows.each_ref());
    }
    sums.map(|sum| horizontal_sum_i32(sum))
}

/// What the length of a row is a multiple of.
const HALF_WIDTH: usize = 16;

#[inline]
#[target_feature(enable = "simd128")]
fn add_products<const WIDTH: usize>(sums: &mut [v128; 4], query: &[i16; WIDTH], rows: [&[i8; WIDTH]; 4]) {
    const LOADED: usize = 8;
    for start in (0..WIDTH).step_by(LOADED) {
        // SAFETY: `WIDTH` is a multiple of what is loaded, and no load asks for alignment.
        let query = unsafe { v128_load(query.as_ptr().add(start).cast()) };
        for (sum, row) in sums.iter_mut().zip(rows) {
            let codes = unsafe { i16x8_load_extend_i8x8(row.as_ptr().add(start)) };
            *sum = i32x4_add(*sum, i32x4_dot_i16x8(query, codes));
        }
    }
}

/// Inner product of two rows, whose length is a multiple of sixteen.
#[inline(never)]
#[target_feature(enable = "simd128")]
pub fn product_of_i8(a: &[i8], b: &[i8]) -> i32 {
    const WIDTH: usize = 8;
    let mut sum = i32x4_splat(0);
    for (a, b) in a.as_chunks::<WIDTH>().0.iter().zip(b.as_chunks::<WIDTH>().0) {
        // SAFETY: both arrays have eight numbers, and neither load asks for alignment.
        let (a, b) = unsafe { (i16x8_load_extend_i8x8(a.as_ptr()), i16x8_load_extend_i8x8(b.as_ptr())) };
        sum = i32x4_add(sum, i32x4_dot_i16x8(a, b));
    }
    horizontal_sum_i32(sum)
}

#[inline]
#[target_feature(enable = "simd128")]
fn horizontal_sum_i32(sum: v128) -> i32 {
    i32x4_extract_lane::<0>(sum)
        + i32x4_extract_lane::<1>(sum)
        + i32x4_extract_lane::<2>(sum)
        + i32x4_extract_lane::<3>(sum)
}

/// Inner products of a query with the rows at some positions.
#[inline(never)]
#[target_feature(enable = "simd128")]
pub fn inner_product_i8_at(query: &[i16], rows: &[i8], positions: &[u32], out: &mut Vec<i32>) {
    out.clear();
    let row = |position: u32| &rows[position as usize * query.len()..][..query.len()];
    let (quads, rest) = positions.as_chunks::<4>();
    for positions in quads {
        out.extend(sums_of_four(query, positions.map(row)));
    }
    for position in rest {
        out.push(sum_of_products(query, row(*position)));
    }
}

#[inline]
#[target_feature(enable = "simd128")]
fn sum_of_products(query: &[i16], row: &[i8]) -> i32 {
    const WIDTH: usize = 16;
    let mut sums = [i32x4_splat(0); 2];
    for (a, b) in query.as_chunks::<WIDTH>().0.iter().zip(row.as_chunks::<WIDTH>().0) {
        for (half, sum) in sums.iter_mut().enumerate() {
            // SAFETY: both arrays have sixteen numbers, and neither load asks for alignment.
            let (a, b) = unsafe {
                (v128_load(a.as_ptr().add(half * 8).cast()), i16x8_load_extend_i8x8(b.as_ptr().add(half * 8)))
            };
            *sum = i32x4_add(*sum, i32x4_dot_i16x8(a, b));
        }
    }
    horizontal_sum_i32(i32x4_add(sums[0], sums[1]))
}

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

    #[wasm_bindgen_test]
    fn integers_agree_with_scalar_kernels() {
        let mut state = 99u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 16) as u16 as i16
        };
        for dim in [16, 32, 48, 384] {
            let query: Vec<i16> = (0..dim).map(|_| next() >> 2).collect();
            let rows: Vec<i8> = (0..dim * 5).map(|_| (next() >> 8) as i8).collect();
            let (mut simd, mut plain) = ([0i32; 5], [0i32; 5]);
            super::inner_product_i8(&query, &rows, &mut simd);
            scalar::inner_product_i8(&query, &rows, &mut plain);
            assert_eq!(simd, plain, "dim {dim}");
            let mut some = Vec::new();
            super::inner_product_i8_at(&query, &rows, &[4, 1, 0, 3, 2, 4], &mut some);
            assert_eq!(some, [4, 1, 0, 3, 2, 4].map(|row| plain[row]), "dim {dim}");
            let (a, b) = (&rows[..dim], &rows[dim..2 * dim]);
            assert_eq!(super::product_of_i8(a, b), scalar::product_of_i8(a, b), "dim {dim}");
        }
    }

    #[wasm_bindgen_test]
    fn signs_agree_with_scalar_kernels() {
        let vector: Vec<f32> = (0..96).map(|at| ((at * 37 % 101) as f32 - 50.0) / 7.0).collect();
        let centre: Vec<i8> = (0..96).map(|at| (at * 53 % 255) as u8 as i8).collect();
        let (mut simd, mut plain) = ([7u64; 2], [7u64; 2]);
        let sums = super::residual_signs(&vector, &centre, 0.07, &mut simd);
        let expected = scalar::residual_signs(&vector, &centre, 0.07, &mut plain);
        assert_eq!(simd, plain);
        assert!((sums.0 - expected.0).abs() < 1e-3 && (sums.1 - expected.1).abs() < 1e-2);
    }
}
