/// A number above the row that has it, in bits that compare as numbers do: rows break ties, NaN is the largest, and there is one
/// zero. Hits are put in order as this one type, because each type that is sorted has a copy of the code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ranked(u64);

const SIGN: u32 = 1 << 31;

impl Ranked {
    #[inline]
    pub fn new(rank: f32, row: u32) -> Ranked {
        // Adding 0 makes the two zeros one.
        let bits = if rank.is_nan() { f32::INFINITY } else { rank + 0.0 }.to_bits();
        let ordered = if bits & SIGN == 0 { bits | SIGN } else { !bits };
        Ranked(u64::from(ordered) << 32 | u64::from(row))
    }

    #[inline]
    pub fn row(self) -> u32 {
        self.0 as u32
    }

    #[inline]
    pub fn rank(self) -> f32 {
        let ordered = (self.0 >> 32) as u32;
        f32::from_bits(if ordered & SIGN == 0 { !ordered } else { ordered & !SIGN })
    }
}
