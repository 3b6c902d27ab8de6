//! Distances of float vectors, and what is done to single ones.

use super::{LANES, horizontal_sum, load, store, transposed};
use core::arch::wasm32::{
    f32x4_abs, f32x4_add, f32x4_extract_lane, f32x4_mul, f32x4_pmax, f32x4_splat, f32x4_sub, i32x4_eq, i32x4_splat,
    v128, v128_and, v128_any_true, v128_or,
};

const STEP: usize = 4 * LANES;

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

/// `$vector` and `$scalar` give what becomes of a number and its partner in another vector.
macro_rules! elementwise {
    ($name:ident, $vector:ident, $scalar:expr) => {
        #[inline(never)]
        #[target_feature(enable = "simd128")]
        pub fn $name(vector: &mut [f32], other: &[f32]) {
            let ((quads, rest), (others, others_rest)) = (vector.as_chunks_mut::<LANES>(), other.as_chunks::<LANES>());
            for (quad, other) in quads.iter_mut().zip(others) {
                let changed = $vector(load(quad), load(other));
                store(quad, changed);
            }
            rest.iter_mut().zip(others_rest).for_each(|(value, other)| *value = $scalar(*value, *other));
        }
    };
}

elementwise!(add, f32x4_add, |value: f32, other: f32| value + other);
elementwise!(subtract, f32x4_sub, |value: f32, other: f32| value - other);
elementwise!(multiply, f32x4_mul, |value: f32, other: f32| value * other);

/// Of the numbers of a vector; those that are none count for nothing.
#[inline(never)]
#[target_feature(enable = "simd128")]
pub fn largest_magnitude(vector: &[f32]) -> f32 {
    let mut largest = [f32x4_splat(0.0); 4];
    let (steps, rest) = vector.as_chunks::<STEP>();
    for step in steps {
        for (lane, largest) in largest.iter_mut().enumerate() {
            *largest = f32x4_pmax(*largest, f32x4_abs(load(&step[lane * LANES..])));
        }
    }
    let largest = f32x4_pmax(f32x4_pmax(largest[0], largest[1]), f32x4_pmax(largest[2], largest[3]));
    let lanes = [
        f32x4_extract_lane::<0>(largest),
        f32x4_extract_lane::<1>(largest),
        f32x4_extract_lane::<2>(largest),
        f32x4_extract_lane::<3>(largest),
    ];
    let larger = |largest: f32, value: f32| if value > largest { value } else { largest };
    lanes.into_iter().chain(rest.iter().map(|value| value.abs())).fold(0.0, larger)
}

/// A number whose exponent bits are all set is NaN or infinite.
#[inline(never)]
#[target_feature(enable = "simd128")]
pub fn all_finite(values: &[f32]) -> bool {
    let exponent = i32x4_splat(0x7f80_0000);
    let mut found = i32x4_splat(0);
    let (quads, rest) = values.as_chunks::<LANES>();
    for quad in quads {
        found = v128_or(found, i32x4_eq(v128_and(load(quad), exponent), exponent));
    }
    !v128_any_true(found) && rest.iter().all(|value| value.is_finite())
}

/// Two steps of the transform at once, of vectors: numbers are loaded and stored half as often.
#[inline]
#[target_feature(enable = "simd128")]
fn butterfly([a, b, c, d]: [v128; 4]) -> [v128; 4] {
    let (p, q) = (f32x4_add(a, b), f32x4_sub(a, b));
    let (r, s) = (f32x4_add(c, d), f32x4_sub(c, d));
    [f32x4_add(p, r), f32x4_add(q, s), f32x4_sub(p, r), f32x4_sub(q, s)]
}

/// The Walsh-Hadamard transform of as many numbers as a power of two, sixteen or more.
#[inline(never)]
#[target_feature(enable = "simd128")]
pub fn hadamard(values: &mut [f32]) {
    for step in values.as_chunks_mut::<STEP>().0 {
        let quads = std::array::from_fn(|at| load(&step[at * LANES..]));
        // Pairs within a vector become pairs of vectors.
        let near = transposed(butterfly(transposed(quads)));
        for (at, quad) in butterfly(near).into_iter().enumerate() {
            store(&mut step[at * LANES..], quad);
        }
    }
    let mut width = STEP;
    while 4 * width <= values.len() {
        for four in values.chunks_exact_mut(4 * width) {
            let (first, second) = four.split_at_mut(2 * width);
            let [(a, b), (c, d)] = [first, second].map(|two| two.split_at_mut(width));
            let [a, b, c, d] = [a, b, c, d].map(|part| part.as_chunks_mut::<LANES>().0);
            for (((a, b), c), d) in a.iter_mut().zip(b).zip(c).zip(d) {
                let quads = butterfly([load(a), load(b), load(c), load(d)]);
                [a, b, c, d].into_iter().zip(quads).for_each(|(place, quad)| store(place, quad));
            }
        }
        width *= 4;
    }
    if width < values.len() {
        let (low, high) = values.split_at_mut(width);
        for (low, high) in low.as_chunks_mut::<LANES>().0.iter_mut().zip(high.as_chunks_mut::<LANES>().0) {
            let (a, b) = (load(low), load(high));
            store(low, f32x4_add(a, b));
            store(high, f32x4_sub(a, b));
        }
    }
}
