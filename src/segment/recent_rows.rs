//! Rows of a file that were read a short while ago. Searches with the same filter look at the same few rows again and again, and a
//! read takes longer than all else that is done with a row.

use crate::error::Result;

/// Rows of which one has to go when another comes.
const WAYS: usize = 4;
/// No row has this number.
const NONE: u32 = u32::MAX;
/// Knuth's multiplicative hash: neighbours go far from each other.
const SPREAD: u32 = 2_654_435_769;

pub struct RecentRows {
    /// As many as there are ways in each set.
    numbers: Vec<u32>,
    rows: Vec<i8>,
    row_bytes: usize,
    /// The way that goes next.
    next: usize,
}

impl RecentRows {
    /// Takes at most so many bytes, but has room for one set.
    pub fn new(row_bytes: usize, most_bytes: usize) -> Self {
        let sets = (most_bytes / (row_bytes + size_of::<u32>()) / WAYS).max(1);
        RecentRows { numbers: vec![NONE; sets * WAYS], rows: vec![0; sets * WAYS * row_bytes], row_bytes, next: 0 }
    }

    pub fn bytes(&self) -> usize {
        size_of_val(self.numbers.as_slice()) + self.rows.len()
    }

    /// A row, which `read` fills in when it is not here.
    pub fn row(&mut self, number: u32, read: impl FnOnce(&mut [i8]) -> Result<()>) -> Result<&[i8]> {
        let sets = self.numbers.len() / WAYS;
        let first = ((u64::from(number.wrapping_mul(SPREAD)) * sets as u64) >> 32) as usize * WAYS;
        let known = self.numbers[first..first + WAYS].iter().position(|known| *known == number);
        let place = first + known.unwrap_or(self.next);
        let row = &mut self.rows[place * self.row_bytes..][..self.row_bytes];
        if known.is_none() {
            // What cannot be read is not there.
            self.numbers[place] = NONE;
            read(row)?;
            self.numbers[place] = number;
            self.next = (self.next + 1) % WAYS;
        }
        Ok(row)
    }
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use super::*;
    use crate::error::Error;
    use proptest::prelude::*;

    fn row_of(number: u32) -> [i8; 16] {
        std::array::from_fn(|at| (number.wrapping_mul(31) as usize + at) as i8)
    }

    proptest! {
        #[test]
        fn every_row_is_the_one_that_was_asked_for(asked in prop::collection::vec(0u32..200, 1..400), bytes in 0usize..4000) {
            let mut recent = RecentRows::new(16, bytes);
            for (at, number) in asked.iter().enumerate() {
                let fails = at % 7 == 3;
                let found = recent.row(*number, |row| {
                    row.copy_from_slice(&row_of(if fails { 0 } else { *number }));
                    if fails { Err(Error::Unexpected("unread".into())) } else { Ok(()) }
                });
                prop_assert!(found.is_err() == fails && found.is_err() || found.unwrap() == row_of(*number));
            }
        }
    }

    #[test]
    fn rows_that_have_room_are_rarely_read_again() {
        let mut recent = RecentRows::new(16, 100 * 20 * 2);
        let mut reads = 0;
        for _ in 0..10 {
            for number in (0..100).map(|row| row * 97) {
                recent
                    .row(number, |row| {
                        reads += 1;
                        row.copy_from_slice(&row_of(number));
                        Ok(())
                    })
                    .unwrap();
            }
        }
        assert!(reads < 150, "{reads} reads of 1000");
        assert!(recent.bytes() <= 100 * 20 * 2);
    }
}
