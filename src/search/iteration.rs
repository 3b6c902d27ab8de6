//! Where a page of a search iterator begins. Nothing is kept between pages: all hits are in the order of their scores, and hits
//! of one score in that of their keys, so that the last score and how many hits of it were given say where to go on.

use super::{Order, ScoreRange};
use crate::error::{Error, Result};

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Iteration {
    /// Hits of a page.
    pub batch: usize,
    /// The last score that was given; `None` before the first page.
    pub bound: Option<f32>,
    /// How many hits of that score were given; `None` if the caller does not know, and then no more of them are.
    given: Option<usize>,
}

impl Iteration {
    /// A token is a UUID of version 8: in its first eight digits the bits of the bound that it belongs to, in its last twelve
    /// how many hits of it were given. Callers that keep their first token, as some clients of Milvus do, have none of a later
    /// bound.
    pub fn new(batch: usize, bound: Option<f32>, token: Option<&str>) -> Result<Iteration> {
        let told = token.map(read_token).transpose()?;
        let given = told.filter(|(of_bound, _)| bound == Some(*of_bound)).map(|(_, given)| given);
        Ok(Iteration { batch, bound, given })
    }

    /// The scores of what is left, and how many hits of it are not to be given again.
    pub fn rest(&self, order: Order, asked: Option<ScoreRange>) -> (ScoreRange, usize) {
        let asked = asked.unwrap_or_default();
        let Some(bound) = self.bound else { return (asked, 0) };
        let start = if self.given.is_some() { bound } else { order.behind(bound) };
        match asked.range_filter {
            Some(filter) if order.compare(filter, start).is_gt() => (asked, 0),
            _ => (ScoreRange { range_filter: Some(start), ..asked }, self.given.unwrap_or(0)),
        }
    }
}

fn read_token(token: &str) -> Result<(f32, usize)> {
    let groups: Vec<&str> = token.split('-').collect();
    let is_uuid = groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && groups.iter().all(|group| group.bytes().all(|digit| digit.is_ascii_hexdigit()));
    let invalid = || Error::invalid("invalid token format");
    let [bound, .., given] = groups[..] else { return Err(invalid()) };
    match (u32::from_str_radix(bound, 16), u64::from_str_radix(given, 16)) {
        (Ok(bound), Ok(given)) if is_uuid => Ok((f32::from_bits(bound), given as usize)),
        _ => Err(invalid()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(bound: f32, given: usize) -> String {
        format!("{:08x}-0000-8000-8000-{given:012x}", bound.to_bits())
    }

    fn rest(bound: f32, token: Option<&str>, order: Order) -> (ScoreRange, usize) {
        Iteration::new(10, Some(bound), token).unwrap().rest(order, None)
    }

    fn from(start: f32) -> ScoreRange {
        ScoreRange { radius: None, range_filter: Some(start) }
    }

    #[test]
    fn a_page_begins_among_the_hits_of_the_last_score() {
        assert_eq!(rest(0.5, Some(&token(0.5, 300)), Order::Ascending), (from(0.5), 300));
        assert_eq!(rest(-0.5, Some(&token(-0.5, 1)), Order::Descending), (from(-0.5), 1));
        assert_eq!(Iteration::new(10, None, None).unwrap().rest(Order::Ascending, None), (ScoreRange::default(), 0));
    }

    #[test]
    fn without_the_token_of_its_bound_a_page_begins_behind_it() {
        for token in [None, Some(&*token(0.25, 3)), Some("123e4567-e89b-12d3-a456-426614174000")] {
            assert_eq!(rest(0.5, token, Order::Ascending), (from(0.5f32.next_up()), 0));
            assert_eq!(rest(0.5, token, Order::Descending), (from(0.5f32.next_down()), 0));
        }
    }

    #[test]
    fn what_is_no_uuid_is_refused() {
        for wrong in ["", "7", "g23e4567-e89b-12d3-a456-426614174000", "123e4567-e89b-12d3-a456-42661417400", "é"] {
            assert!(Iteration::new(10, Some(0.5), Some(wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_range_that_was_asked_for_stays() {
        let asked = ScoreRange { radius: Some(2.0), range_filter: Some(1.0) };
        let page = |bound, given| Iteration::new(10, Some(bound), Some(&token(bound, given))).unwrap();
        let left = ScoreRange { range_filter: Some(1.5), ..asked };
        assert_eq!(page(1.5, 4).rest(Order::Ascending, Some(asked)), (left, 4));
        assert_eq!(page(0.5, 4).rest(Order::Ascending, Some(asked)), (asked, 0));
    }
}
