//! Kernels for wasm's 128-bit vectors: several sums in flight hide the latency of an addition.

mod floats;
mod integers;
mod rounding;

pub use floats::{add, all_finite, hadamard, inner_product, l2_squared, largest_magnitude, multiply, subtract};
pub use integers::{inner_product_i8, inner_product_i8_at, product_of_i8};
pub use rounding::{residual_product, residual_signs, round_to_i8, round_to_i16};

use core::arch::wasm32::{f32x4_add, f32x4_extract_lane, i32x4_shuffle, v128, v128_load, v128_store};

const LANES: usize = 4;

#[inline]
#[target_feature(enable = "simd128")]
fn load(values: &[f32]) -> v128 {
    assert!(values.len() >= LANES);
    // SAFETY: every slice is long enough, and v128_load asks for no alignment.
    unsafe { v128_load(values.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "simd128")]
fn store(into: &mut [f32], vector: v128) {
    assert!(into.len() >= LANES);
    // SAFETY: the slice is long enough, and v128_store asks for no alignment.
    unsafe { v128_store(into.as_mut_ptr().cast(), vector) };
}

#[inline]
#[target_feature(enable = "simd128")]
fn horizontal_sum(sums: [v128; 4]) -> f32 {
    let sum = f32x4_add(f32x4_add(sums[0], sums[1]), f32x4_add(sums[2], sums[3]));
    (f32x4_extract_lane::<0>(sum) + f32x4_extract_lane::<1>(sum))
        + (f32x4_extract_lane::<2>(sum) + f32x4_extract_lane::<3>(sum))
}

/// Four vectors as the columns of a square become its rows.
#[inline]
#[target_feature(enable = "simd128")]
fn transposed([a, b, c, d]: [v128; 4]) -> [v128; 4] {
    let (ab_low, ab_high) = (i32x4_shuffle::<0, 4, 1, 5>(a, b), i32x4_shuffle::<2, 6, 3, 7>(a, b));
    let (cd_low, cd_high) = (i32x4_shuffle::<0, 4, 1, 5>(c, d), i32x4_shuffle::<2, 6, 3, 7>(c, d));
    [
        i32x4_shuffle::<0, 1, 4, 5>(ab_low, cd_low),
        i32x4_shuffle::<2, 3, 6, 7>(ab_low, cd_low),
        i32x4_shuffle::<0, 1, 4, 5>(ab_high, cd_high),
        i32x4_shuffle::<2, 3, 6, 7>(ab_high, cd_high),
    ]
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
        // The signs of something else.
        let signs = [0x9e37_79b9_7f4a_7c15, 0xbf58_476d_1ce4_e5b9];
        let sums = super::residual_product(&vector, &centre, 0.07, &signs);
        let expected = scalar::residual_product(&vector, &centre, 0.07, &signs);
        assert!((sums.0 - expected.0).abs() < 1e-3 && (sums.1 - expected.1).abs() < 1e-2);
    }

    #[wasm_bindgen_test]
    fn roundings_agree_with_scalar_kernels() {
        let odd = [0.5, 1.5, -2.5, 126.5, 127.5, -128.5, 300.0, -300.0, 4e4, -4e4, 1e30, f32::INFINITY, f32::NAN, -0.0];
        for dim in [1, 7, 8, 15, 16, 17, 40] {
            let values: Vec<f32> = odd.iter().cycle().take(dim).copied().collect();
            for factor in [1.0, 0.37, 0.0] {
                let (mut simd, mut plain) = (vec![0i8; dim], vec![0i8; dim]);
                super::round_to_i8(&values, factor, &mut simd);
                scalar::round_to_i8(&values, factor, &mut plain);
                assert_eq!(simd, plain, "dim {dim}, times {factor}");
                let (mut simd, mut plain) = (vec![0i16; dim], vec![0i16; dim]);
                super::round_to_i16(&values, factor, &mut simd);
                scalar::round_to_i16(&values, factor, &mut plain);
                assert_eq!(simd, plain, "dim {dim}, times {factor}");
            }
        }
    }

    #[wasm_bindgen_test]
    fn changes_of_vectors_agree_with_scalar_kernels() {
        for length in [16, 32, 64, 128, 256, 512, 1024] {
            let values: Vec<f32> = (0..length).map(|at| ((at * 37 % 101) as f32 - 50.0) / 8.0).collect();
            let (mut simd, mut plain) = (values.clone(), values.clone());
            super::hadamard(&mut simd);
            scalar::hadamard(&mut plain);
            assert_eq!(simd, plain, "length {length}");
        }
        for length in [1, 3, 4, 15, 16, 17, 39] {
            let values: Vec<f32> = (0..length).map(|at| ((at * 37 % 101) as f32 - 50.0) / 8.0).collect();
            let other: Vec<f32> = (0..length).map(|at| ((at * 53 % 89) as f32 - 44.0) / 8.0).collect();
            assert_eq!(super::largest_magnitude(&values), scalar::largest_magnitude(&values), "length {length}");
            let (mut simd, mut plain) = (values.clone(), values);
            super::add(&mut simd, &other);
            scalar::add(&mut plain, &other);
            assert_eq!(simd, plain, "length {length}");
            super::subtract(&mut simd, &other);
            scalar::subtract(&mut plain, &other);
            assert_eq!(simd, plain, "length {length}");
            super::multiply(&mut simd, &other);
            scalar::multiply(&mut plain, &other);
            assert_eq!(simd, plain, "length {length}");
        }
        for at in 0..40 {
            for odd in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX] {
                let mut values = [f32::MIN_POSITIVE / 2.0; 40];
                values[at] = odd;
                assert_eq!(super::all_finite(&values), scalar::all_finite(&values), "{odd} at {at}");
            }
        }
        let with_none = [1.0, f32::NAN, -3.0, 2.0, f32::NAN];
        assert_eq!((super::largest_magnitude(&with_none), scalar::largest_magnitude(&with_none)), (3.0, 3.0));
    }
}
