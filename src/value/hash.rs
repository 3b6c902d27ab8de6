//! Milvus' hashes of keys, so that exported rows keep their partitions.

use crc::{CRC_32_ISO_HDLC, Crc};

/// murmur3 (32 bit, seed 0) of the key's eight little-endian bytes, sign bit cleared: Milvus' `Hash32Int64`.
pub(crate) fn hash_int64(key: i64) -> u32 {
    let mut hash = 0u32;
    for word in [key as u32, (key >> 32) as u32] {
        hash ^= word.wrapping_mul(0xcc9e_2d51).rotate_left(15).wrapping_mul(0x1b87_3593);
        hash = hash.rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64);
    }
    hash ^= 8;
    hash = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35);
    (hash ^ (hash >> 16)) & 0x7fff_ffff
}

/// One kilobyte; that faster ones have sixteen would be felt in the size of the module.
static CRC32: Crc<u32> = Crc::<u32>::new(&CRC_32_ISO_HDLC);

/// CRC32 of the first hundred bytes: Milvus' `HashString2Uint32`.
pub(crate) fn hash_text(key: &str) -> u32 {
    CRC32.checksum(&key.as_bytes()[..key.len().min(100)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_spread_and_stay() {
        // Reference values of murmur3_32(seed 0) over 8 zero bytes, and of CRC-32/ISO-HDLC over "123456789".
        assert_eq!(hash_int64(0), 0x63852afc);
        assert_eq!(hash_text("123456789"), 0xcbf43926);
        let mut counts = [0; 16];
        (0..1600).for_each(|key| counts[hash_int64(key) as usize % 16] += 1);
        assert!(counts.iter().all(|count| (50..200).contains(count)), "{counts:?}");
    }
}
