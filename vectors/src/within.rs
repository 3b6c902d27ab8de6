//! Which numbers lie between two: filters look at every row of a column.

use crate::Mask;

const BLOCK_BITS: usize = usize::BITS as usize;

/// One kernel for each type, so that a vector register holds as many numbers as it can.
macro_rules! within {
    ($($name:ident: $number:ty, $bound:ty;)*) => {
        $(
            /// Rows whose number is at least `lowest` and at most `highest`.
            pub fn $name(numbers: &[$number], lowest: $bound, highest: $bound) -> Mask {
                let mut mask = Mask::with_capacity(numbers.len());
                let (blocks, rest) = numbers.as_chunks::<BLOCK_BITS>();
                let of_rest = rest.iter().enumerate().map(|(at, number)| {
                    usize::from(lowest <= <$bound>::from(*number) && <$bound>::from(*number) <= highest) << at
                });
                let of_rest = of_rest.fold(0, |bits, bit| bits | bit);
                let (words, last) = mask.as_mut_slice().split_at_mut(blocks.len());
                for (word, numbers) in words.iter_mut().zip(blocks) {
                    let within = numbers.map(|number| {
                        u8::from(lowest <= <$bound>::from(number)) & u8::from(<$bound>::from(number) <= highest)
                    });
                    *word = bits_of(&within);
                }
                if let [last] = last {
                    *last = of_rest;
                }
                mask
            }
        )*
    };
}

within! {
    u8_within: u8, u8;
    i8_within: i8, i8;
    i16_within: i16, i16;
    i32_within: i32, i32;
    i64_within: i64, i64;
    f32_within: f32, f64;
    f64_within: f64, f64;
}

/// One bit for each byte, which is 0 or 1.
#[cfg(not(target_feature = "simd128"))]
fn bits_of(bytes: &[u8; BLOCK_BITS]) -> usize {
    /// Moves the lowest bit of each of eight bytes into the highest byte.
    const GATHER: u64 = 0x0102_0408_1020_4080;
    let bits = bytes.as_chunks::<8>().0.iter().map(|eight| u64::from_le_bytes(*eight).wrapping_mul(GATHER) >> 56);
    bits.enumerate().fold(0, |word, (at, bits)| word | (bits as usize) << (8 * at))
}

#[cfg(target_feature = "simd128")]
fn bits_of(bytes: &[u8; BLOCK_BITS]) -> usize {
    use core::arch::wasm32::{i8x16_bitmask, i8x16_ne, i8x16_splat, v128_load};
    let bits = bytes.as_chunks::<16>().0.iter().map(|sixteen| {
        // SAFETY: the array has sixteen bytes, and the load asks for no alignment.
        i8x16_bitmask(i8x16_ne(unsafe { v128_load(sixteen.as_ptr().cast()) }, i8x16_splat(0)))
    });
    bits.enumerate().fold(0, |word, (at, bits)| word | usize::from(bits) << (16 * at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_has_its_bit() {
        for rows in 0..200 {
            let numbers: Vec<i16> = (0..rows).map(|row| (row * 7919 % 601) as i16 - 300).collect();
            let floats: Vec<f32> =
                numbers.iter().map(|number| if *number == 0 { f32::NAN } else { f32::from(*number) }).collect();
            let (found, of_floats) = (i16_within(&numbers, -100, 50), f32_within(&floats, -100.5, 50.0));
            assert_eq!((found.len(), of_floats.len()), (rows, rows));
            for row in 0..rows {
                assert_eq!(found[row], (-100..=50).contains(&numbers[row]), "row {row} of {rows}");
                assert_eq!(of_floats[row], (-100.5..=50.0).contains(&floats[row]), "row {row} of {rows}");
            }
        }
    }
}
