//! A scan of float32 vectors that does nothing but multiply, add and keep the best: as fast as memory is read.
#![cfg(target_arch = "wasm32")]

use core::arch::wasm32::{f32x4_add, f32x4_extract_lane, f32x4_mul, f32x4_splat, v128, v128_load};

/// Memory for the caller's own use, aligned for SIMD, which is never given back.
#[unsafe(no_mangle)]
pub extern "C" fn reserve(bytes: usize) -> *mut v128 {
    let mut memory = Vec::with_capacity(bytes.div_ceil(size_of::<v128>()));
    let start = memory.as_mut_ptr();
    core::mem::forget(memory);
    start
}

/// Four sums, because each addition waits for the one before it.
#[inline(always)]
unsafe fn dot(left: *const v128, right: *const v128, quads: usize) -> f32 {
    let mut sums = [f32x4_splat(0.0); 4];
    let mut at = 0;
    while at < quads {
        for (lane, sum) in sums.iter_mut().enumerate() {
            let product = unsafe { f32x4_mul(v128_load(left.add(at + lane)), v128_load(right.add(at + lane))) };
            *sum = f32x4_add(*sum, product);
        }
        at += sums.len();
    }
    let sum = f32x4_add(f32x4_add(sums[0], sums[1]), f32x4_add(sums[2], sums[3]));
    f32x4_extract_lane::<0>(sum)
        + f32x4_extract_lane::<1>(sum)
        + f32x4_extract_lane::<2>(sum)
        + f32x4_extract_lane::<3>(sum)
}

/// Writes the rows with the `k` largest products with the query, the largest first, and these products; returns how many there
/// are. A row counts if its tag is less than `below`; without tags (null) each does. `dim` is a multiple of 16.
///
/// # Safety
/// The pointers are to memory that `reserve` gave, for as many values as the counts say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scan(
    vectors: *const v128,
    rows: usize,
    dim: usize,
    tags: *const u8,
    below: u8,
    query: *const v128,
    k: usize,
    best_rows: *mut u32,
    best_products: *mut f32,
) -> usize {
    let quads = dim / 4;
    let (best_rows, best_products) =
        unsafe { (core::slice::from_raw_parts_mut(best_rows, k), core::slice::from_raw_parts_mut(best_products, k)) };
    let mut found = 0;
    for row in 0..rows {
        if !tags.is_null() && unsafe { *tags.add(row) } >= below {
            continue;
        }
        let product = unsafe { dot(vectors.add(row * quads), query, quads) };
        if found == k && product <= best_products[k - 1] {
            continue;
        }
        found = (found + 1).min(k);
        let mut at = found - 1;
        while at > 0 && best_products[at - 1] < product {
            best_products[at] = best_products[at - 1];
            best_rows[at] = best_rows[at - 1];
            at -= 1;
        }
        best_products[at] = product;
        best_rows[at] = row as u32;
    }
    found
}
