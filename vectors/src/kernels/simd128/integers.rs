//! Inner products of integers.

use super::transposed;
use core::arch::wasm32::{
    i16x8_load_extend_i8x8, i32x4_add, i32x4_dot_i16x8, i32x4_splat, v128, v128_load, v128_store,
};

/// Numbers that a kernel takes at once.
const STEP: usize = 8;
/// What the length of a row is a multiple of.
const WIDTH: usize = 16;

/// What is multiplied, as numbers of sixteen bits.
trait Number: Copy {
    fn load(numbers: &[Self; STEP]) -> v128;
}

impl Number for i8 {
    #[inline(always)]
    fn load(numbers: &[i8; STEP]) -> v128 {
        // SAFETY: there are eight, and the load asks for no alignment.
        unsafe { i16x8_load_extend_i8x8(numbers.as_ptr()) }
    }
}

impl Number for i16 {
    #[inline(always)]
    fn load(numbers: &[i16; STEP]) -> v128 {
        // SAFETY: as above.
        unsafe { v128_load(numbers.as_ptr().cast()) }
    }
}

/// Inner products of a query with rows of `query.len()` numbers, a multiple of sixteen.
#[inline(never)]
pub fn inner_product_i8(query: &[i16], rows: &[i8], out: &mut [i32]) {
    let width = query.len().max(1);
    let mut quads = rows.chunks_exact(4 * width);
    let (quads_out, rest_out) = out.as_chunks_mut::<4>();
    for (rows, out) in quads.by_ref().zip(quads_out) {
        *out = sums_of_four(query, std::array::from_fn(|row| &rows[row * width..(row + 1) * width]));
    }
    for (row, out) in quads.remainder().chunks_exact(width).zip(rest_out) {
        *out = product(query, row);
    }
}

/// Inner products of a query with the rows at some positions.
#[inline(never)]
pub fn inner_product_i8_at(query: &[i16], rows: &[i8], positions: &[u32], out: &mut Vec<i32>) {
    out.clear();
    let row = |position: u32| &rows[position as usize * query.len()..][..query.len()];
    let (quads, rest) = positions.as_chunks::<4>();
    for positions in quads {
        out.extend(sums_of_four(query, positions.map(row)));
    }
    for position in rest {
        out.push(product(query, row(*position)));
    }
}

/// Inner product of two rows, whose length is a multiple of sixteen.
#[inline(never)]
pub fn product_of_i8(a: &[i8], b: &[i8]) -> i32 {
    product(a, b)
}

/// Four rows at once need each number of the query once, and are waited for together where they are scattered.
#[inline(always)]
fn sums_of_four(query: &[i16], rows: [&[i8]; 4]) -> [i32; 4] {
    let mut sums = [i32x4_splat(0); 4];
    let [a, b, c, d] = rows.map(|row| row.as_chunks::<WIDTH>().0);
    for ((((query, a), b), c), d) in query.as_chunks::<WIDTH>().0.iter().zip(a).zip(b).zip(c).zip(d) {
        for step in 0..WIDTH / STEP {
            let query = Number::load(&query.as_chunks().0[step]);
            for (sum, row) in sums.iter_mut().zip([a, b, c, d]) {
                *sum = i32x4_add(*sum, i32x4_dot_i16x8(query, Number::load(&row.as_chunks().0[step])));
            }
        }
    }
    let [a, b, c, d] = transposed(sums);
    lanes(i32x4_add(i32x4_add(a, b), i32x4_add(c, d)))
}

#[inline(always)]
fn product<A: Number, B: Number>(a: &[A], b: &[B]) -> i32 {
    let mut sums = [i32x4_splat(0); 2];
    for (a, b) in a.as_chunks::<WIDTH>().0.iter().zip(b.as_chunks::<WIDTH>().0) {
        for (half, sum) in sums.iter_mut().enumerate() {
            let (a, b) = (A::load(&a.as_chunks().0[half]), B::load(&b.as_chunks().0[half]));
            *sum = i32x4_add(*sum, i32x4_dot_i16x8(a, b));
        }
    }
    lanes(i32x4_add(sums[0], sums[1])).into_iter().sum()
}

#[inline(always)]
fn lanes(vector: v128) -> [i32; 4] {
    let mut lanes = [0; 4];
    // SAFETY: the array has as many numbers, and the store asks for no alignment.
    unsafe { v128_store(lanes.as_mut_ptr().cast(), vector) };
    lanes
}
