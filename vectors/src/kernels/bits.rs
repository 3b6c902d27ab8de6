//! Comparing signs. Counting the bits of 64-bit words is one instruction on every machine with a browser.

/// In how many bits a query differs from each row of `query.len()` words.
#[inline(never)]
pub fn differing_bits(query: &[u64], rows: &[u64], out: &mut [u32]) {
    match query.len() {
        // A length that is known beforehand is twice as fast.
        2 => differing_bits_of::<2>(query, rows, out),
        4 => differing_bits_of::<4>(query, rows, out),
        6 => differing_bits_of::<6>(query, rows, out),
        8 => differing_bits_of::<8>(query, rows, out),
        12 => differing_bits_of::<12>(query, rows, out),
        16 => differing_bits_of::<16>(query, rows, out),
        24 => differing_bits_of::<24>(query, rows, out),
        words => {
            for (row, out) in rows.chunks_exact(words.max(1)).zip(out) {
                *out = query.iter().zip(row).map(|(a, b)| (a ^ b).count_ones()).sum();
            }
        }
    }
}

fn differing_bits_of<const WORDS: usize>(query: &[u64], rows: &[u64], out: &mut [u32]) {
    let Some(query) = query.first_chunk::<WORDS>() else { return };
    for (row, out) in rows.as_chunks::<WORDS>().0.iter().zip(out) {
        *out = (0..WORDS).map(|word| (query[word] ^ row[word]).count_ones()).sum();
    }
}
