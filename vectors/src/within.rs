//! Which numbers lie between two: filters look at every row of a column.

use crate::Mask;

const BLOCK_BITS: usize = usize::BITS as usize;

/// One kernel for each type, so that a vector register holds as many numbers as it can.
macro_rules! within {
    ($($name:ident: $number:ty, $word_of:ident;)*) => {
        $(
            /// Rows whose number is at least `lowest` and at most `highest`.
            pub fn $name(numbers: &[$number], lowest: $number, highest: $number) -> Mask {
                let mut mask = Mask::with_capacity(numbers.len());
                let (blocks, rest) = numbers.as_chunks::<BLOCK_BITS>();
                let of_rest = rest.iter().enumerate().map(|(at, number)| {
                    usize::from(lowest <= *number && *number <= highest) << at
                });
                let of_rest = of_rest.fold(0, |bits, bit| bits | bit);
                let (words, last) = mask.as_mut_slice().split_at_mut(blocks.len());
                for (word, numbers) in words.iter_mut().zip(blocks) {
                    *word = $word_of(numbers, lowest, highest);
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
    u8_within: u8, word_of;
    i8_within: i8, word_of;
    i16_within: i16, word_of;
    i32_within: i32, word_of_i32;
    i64_within: i64, word_of_i64;
    f32_numbers_within: f32, word_of_f32;
    f64_within: f64, word_of_f64;
}

/// The same; the bounds need not be numbers of the rows' type.
pub fn f32_within(numbers: &[f32], lowest: f64, highest: f64) -> Mask {
    let (mut first, mut last) = (lowest as f32, highest as f32);
    if f64::from(first) < lowest {
        first = first.next_up();
    }
    if f64::from(last) > highest {
        last = last.next_down();
    }
    f32_numbers_within(numbers, first, last)
}

#[inline(always)]
fn word_of<N: Copy + PartialOrd>(numbers: &[N; BLOCK_BITS], lowest: N, highest: N) -> usize {
    bits_of(&numbers.map(|number| u8::from(lowest <= number) & u8::from(number <= highest)))
}

#[cfg(not(target_feature = "simd128"))]
use {word_of as word_of_i32, word_of as word_of_i64, word_of as word_of_f32, word_of as word_of_f64};

/// What LLVM makes of `word_of` for wide numbers takes more than twice as long.
#[cfg(target_feature = "simd128")]
macro_rules! word_of_wide {
    ($($name:ident: $number:ty, $splat:ident, $ge:ident, $le:ident, $bitmask:ident;)*) => {
        $(
            #[inline(always)]
            fn $name(numbers: &[$number; BLOCK_BITS], lowest: $number, highest: $number) -> usize {
                use core::arch::wasm32::{$bitmask, $ge, $le, $splat, v128_and, v128_load};
                const LANES: usize = 16 / size_of::<$number>();
                let (lowest, highest) = ($splat(lowest), $splat(highest));
                let bits = numbers.as_chunks::<LANES>().0.iter().map(|numbers| {
                    // SAFETY: there are sixteen bytes, and the load asks for no alignment.
                    let numbers = unsafe { v128_load(numbers.as_ptr().cast()) };
                    $bitmask(v128_and($ge(numbers, lowest), $le(numbers, highest)))
                });
                bits.enumerate().fold(0, |word, (at, bits)| word | usize::from(bits) << (LANES * at))
            }
        )*
    };
}

#[cfg(target_feature = "simd128")]
word_of_wide! {
    word_of_i32: i32, i32x4_splat, i32x4_ge, i32x4_le, i32x4_bitmask;
    word_of_i64: i64, i64x2_splat, i64x2_ge, i64x2_le, i64x2_bitmask;
    word_of_f32: f32, f32x4_splat, f32x4_ge, f32x4_le, i32x4_bitmask;
    word_of_f64: f64, f64x2_splat, f64x2_ge, f64x2_le, i64x2_bitmask;
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

    /// Each row's bit, of numbers of all lengths up to some blocks, by each two of them as bounds.
    fn check<N: Copy + PartialOrd + std::fmt::Debug, B: Copy + PartialOrd + std::fmt::Debug>(
        (numbers, bounds): (&[N], &[B]),
        within: impl Fn(&[N], B, B) -> Mask,
        wide: impl Fn(N) -> B,
    ) {
        let all: Vec<N> = numbers.iter().copied().cycle().take(200).collect();
        for (lowest, highest) in bounds.iter().flat_map(|lowest| bounds.iter().map(move |highest| (*lowest, *highest)))
        {
            for rows in [0, 1, 31, 32, 33, 64, 127, 200] {
                let found = within(&all[..rows], lowest, highest);
                assert_eq!(found.len(), rows);
                for (row, number) in all[..rows].iter().enumerate() {
                    let expected = lowest <= wide(*number) && wide(*number) <= highest;
                    assert_eq!(found[row], expected, "{number:?} from {lowest:?} to {highest:?}, row {row} of {rows}");
                }
            }
        }
    }

    macro_rules! check_whole {
        ($($within:ident: $number:ty;)*) => {
            $(
                let numbers = [<$number>::MIN, <$number>::MIN + 1, 0, 1, 5, 100, <$number>::MAX - 1, <$number>::MAX];
                check((&numbers, &numbers), $within, |number| number);
            )*
        };
    }

    #[cfg_attr(target_arch = "wasm32", wasm_bindgen_test::wasm_bindgen_test)]
    #[cfg_attr(not(target_arch = "wasm32"), test)]
    fn every_row_has_its_bit() {
        check_whole! { u8_within: u8; i8_within: i8; i16_within: i16; i32_within: i32; i64_within: i64; }
        let floats = [f64::NEG_INFINITY, f64::MIN, -1.5, -0.0, 0.0, 0.1, 2.5, 1e300, f64::INFINITY, f64::NAN];
        check((&floats, &floats), f64_within, |number| number);
        let narrow = [f32::NEG_INFINITY, f32::MIN, -1.5, -0.0, 0.0, 0.1, 2.5, f32::MAX, f32::INFINITY, f32::NAN];
        let beside = [0.1 - 1e-12, f64::from(0.1f32), 0.1, f64::from(f32::MAX) * 1.000_000_1, -1e-300];
        let bounds: Vec<f64> = floats.into_iter().chain(beside).collect();
        check((&narrow, &bounds), f32_within, f64::from);
    }
}
