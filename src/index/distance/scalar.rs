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

#[inline(never)]
pub fn l2_squared(query: &[f32], rows: &[f32], out: &mut [f32]) {
    for (row, out) in rows.chunks_exact(query.len().max(1)).zip(out) {
        *out = sum_of(query, row, |a, b| (a - b) * (a - b));
    }
}

#[inline(never)]
pub fn inner_product(query: &[f32], rows: &[f32], out: &mut [f32]) {
    for (row, out) in rows.chunks_exact(query.len().max(1)).zip(out) {
        *out = sum_of(query, row, |a, b| a * b);
    }
}
