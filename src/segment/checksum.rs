//! What files and log records are checked by: XXH3, because wasm has no instruction for a CRC.

use xxhash_rust::xxh3::{Xxh3Default, xxh3_64};

#[inline(never)]
pub fn checksum(bytes: &[u8]) -> u32 {
    xxh3_64(bytes) as u32
}

/// Of every `chunk_bytes` of parts that follow one another.
pub fn checksums(parts: &[&[u8]], chunk_bytes: usize) -> Vec<u32> {
    if let [whole] = parts {
        return whole.chunks(chunk_bytes).map(checksum).collect();
    }
    let mut sums = Vec::new();
    let (mut hasher, mut hashed) = (Xxh3Default::new(), 0);
    for part in parts {
        let mut rest = *part;
        while !rest.is_empty() {
            let (now, later) = rest.split_at(rest.len().min(chunk_bytes - hashed));
            hasher.update(now);
            (rest, hashed) = (later, hashed + now.len());
            if hashed == chunk_bytes {
                sums.push(hasher.digest() as u32);
                hasher.reset();
                hashed = 0;
            }
        }
    }
    if hashed > 0 {
        sums.push(hasher.digest() as u32);
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_have_the_checksums_of_the_whole() {
        let bytes: Vec<u8> = (0..3000u32).map(|at| ((at * at) >> 3) as u8).collect();
        for chunk_bytes in [1, 7, 256, 1000, 1500, 5000] {
            let whole: Vec<u32> = bytes.chunks(chunk_bytes).map(checksum).collect();
            for cuts in [vec![0, 3000], vec![0, 1, 999, 1000, 1000, 2500, 3000], (0..=3000).collect()] {
                let parts: Vec<&[u8]> = cuts.windows(2).map(|cut| &bytes[cut[0]..cut[1]]).collect();
                assert_eq!(checksums(&parts, chunk_bytes), whole, "{chunk_bytes} {cuts:?}");
            }
        }
        assert_eq!(checksums(&[], 5), [0; 0]);
    }
}
