//! Kernels without intrinsics. Sixteen independent sums let LLVM use vector registers, which one running sum would forbid:
//! floating-point addition must not be reordered.

const LANES: usize = 16;

fn sum_of(query: &[f32], row: &[f32], term: impl Fn(f32, f32) -> f32) -> f32 {
    let mut sums = [0f32; LANES];
    let (query_chunks, row_chunks) = (query.chunks_exact(LANES), row.chunks_exact(LANES));
    let (query_rest, row_rest) = (query_chunks.remainder(), row_chunks.remainder());
    for (a, b) in query_chunks.zip(row_chunks) {
        for lane in 0..LANES {
            sums[lane] += term(a[lane], b[lane]);
        }
    }
    let rest: f32 = query_rest.iter().zip(row_rest).map(|(a, b)| term(*a, *b)).sum();
    sums.iter().sum::<f32>() + rest
}

/// Squared L2 distance of a query to each row of `query.len()` numbers.
#[inline(never)]
pub fn l2_squared(query: &[f32], rows: &[f32], out: &mut [f32]) {
    for (row, out) in rows.chunks_exact(query.len().max(1)).zip(out) {
        *out = sum_of(query, row, |a, b| (a - b) * (a - b));
    }
}

/// Inner product of a query with each row of `query.len()` numbers.
#[inline(never)]
pub fn inner_product(query: &[f32], rows: &[f32], out: &mut [f32]) {
    for (row, out) in rows.chunks_exact(query.len().max(1)).zip(out) {
        *out = sum_of(query, row, |a, b| a * b);
    }
}

/// Inner products of a query with rows of `query.len()` numbers.
#[inline(never)]
pub fn inner_product_i8(query: &[i16], rows: &[i8], out: &mut [i32]) {
    for (row, out) in rows.chunks_exact(query.len().max(1)).zip(out) {
        *out = sum_of_products(query, row);
    }
}

/// Inner products of a query with the rows at some positions.
#[inline(never)]
pub fn inner_product_i8_at(query: &[i16], rows: &[i8], positions: &[u32], out: &mut Vec<i32>) {
    let row = |position: u32| &rows[position as usize * query.len()..][..query.len()];
    out.clear();
    out.extend(positions.iter().map(|position| sum_of_products(query, row(*position))));
}

#[inline(always)]
fn sum_of_products(query: &[i16], row: &[i8]) -> i32 {
    query.iter().zip(row).map(|(a, b)| i32::from(*a) * i32::from(*b)).sum()
}

/// The signs of what is left of a vector without a centre, which is int8 numbers with a scale, as bits in `words`; and the
/// sums of its numbers' magnitudes and squares.
#[inline(never)]
pub fn residual_signs(vector: &[f32], centre: &[i8], scale: f32, words: &mut [u64]) -> (f32, f32) {
    let (mut magnitudes, mut squares) = (0.0, 0.0);
    words.fill(0);
    for (at, (value, code)) in vector.iter().zip(centre).enumerate() {
        let left = value - f32::from(*code) * scale;
        magnitudes += left.abs();
        squares += left * left;
        words[at / 64] |= u64::from(left.to_bits() >> 31) << (at % 64);
    }
    (magnitudes, squares)
}

/// The inner product of what is left of a vector without a centre with numbers of size 1 whose signs are bits, and the sum of its
/// squares.
#[inline(never)]
pub fn residual_product(vector: &[f32], centre: &[i8], scale: f32, signs: &[u64]) -> (f32, f32) {
    let (mut product, mut squares) = (0.0, 0.0);
    for (at, (value, code)) in vector.iter().zip(centre).enumerate() {
        let left = value - f32::from(*code) * scale;
        let is_negative = signs[at / 64] >> (at % 64) & 1 == 1;
        product += if is_negative { -left } else { left };
        squares += left * left;
    }
    (product, squares)
}

/// Inner product of two rows.
pub fn product_of_i8(a: &[i8], b: &[i8]) -> i32 {
    a.iter().zip(b).map(|(a, b)| i32::from(*a) * i32::from(*b)).sum()
}

/// Numbers times a factor, rounded, as far as they fit.
pub fn round_to_i8(values: &[f32], factor: f32, out: &mut [i8]) {
    values.iter().zip(out).for_each(|(value, out)| *out = (value * factor).round_ties_even() as i8);
}

pub fn round_to_i16(values: &[f32], factor: f32, out: &mut [i16]) {
    values.iter().zip(out).for_each(|(value, out)| *out = (value * factor).round_ties_even() as i16);
}

/// Of the numbers of a vector; those that are none count for nothing.
pub fn largest_magnitude(vector: &[f32]) -> f32 {
    vector.iter().map(|value| value.abs()).fold(0.0, |largest, value| if value > largest { value } else { largest })
}

pub fn add(vector: &mut [f32], other: &[f32]) {
    vector.iter_mut().zip(other).for_each(|(value, other)| *value += other);
}

pub fn subtract(vector: &mut [f32], other: &[f32]) {
    vector.iter_mut().zip(other).for_each(|(value, other)| *value -= other);
}

pub fn multiply(vector: &mut [f32], other: &[f32]) {
    vector.iter_mut().zip(other).for_each(|(value, other)| *value *= other);
}

/// The Walsh-Hadamard transform of as many numbers as a power of two.
pub fn hadamard(values: &mut [f32]) {
    let mut half = 1;
    while half < values.len() {
        for pair in values.chunks_exact_mut(2 * half) {
            let (low, high) = pair.split_at_mut(half);
            low.iter_mut().zip(high).for_each(|(a, b)| (*a, *b) = (*a + *b, *a - *b));
        }
        half *= 2;
    }
}

pub fn all_finite(values: &[f32]) -> bool {
    values.iter().all(|value| value.is_finite())
}
