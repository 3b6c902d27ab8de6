//! How far a search iterator is. Nothing is kept between pages: hits are in the order of their scores, and those of one score in
//! that of their keys' numbers, so that score and number of the last hit say where the next page begins. What is deleted
//! meanwhile moves nothing.

use super::{Order, ScoreRange};
use crate::error::{Error, Result};

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Iteration {
    /// `None` before the first page.
    last: Option<LastHit>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct LastHit {
    score: f32,
    /// `None` if the caller does not say; then no more hits of the score are given.
    place: Option<Place>,
}

/// Among the hits of one score.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Place {
    key_number: i64,
    /// Hits that were given until then, so that as many are looked for at once; too few only take longer.
    given: usize,
}

impl Iteration {
    /// Callers that keep their first token, as some clients of Milvus do, have none of a later bound.
    pub fn new(bound: Option<f32>, token: Option<&str>) -> Result<Iteration> {
        let token = token.map(read_token).transpose()?;
        let place = |score: f32| token.filter(|(of_score, _)| *of_score == score).map(|(_, place)| place);
        Ok(Iteration { last: bound.map(|score| LastHit { score, place: place(score) }) })
    }

    /// The scores that the rest has.
    pub fn range(&self, order: Order, asked: Option<ScoreRange>) -> ScoreRange {
        let asked = asked.unwrap_or_default();
        let Some(LastHit { score, place }) = self.last else { return asked };
        let start = if place.is_some() { score } else { order.behind(score) };
        match asked.range_filter {
            Some(filter) if order.compare(filter, start).is_gt() => asked,
            _ => ScoreRange { range_filter: Some(start), ..asked },
        }
    }

    pub fn was_given(&self, score: f32, key_number: i64) -> bool {
        self.last
            .is_some_and(|last| last.score == score && last.place.is_some_and(|place| key_number <= place.key_number))
    }

    /// How many hits of the rest's first score were given, as far as is known.
    pub fn given(&self) -> usize {
        self.last.and_then(|last| last.place).map_or(0, |place| place.given)
    }
}

/// A UUID of version 8: eight digits for the bits of the score that it belongs to, four for how many hits of it were given, and
/// sixteen for the number of the last one's key.
fn read_token(token: &str) -> Result<(f32, Place)> {
    let invalid = || Error::invalid("invalid token format");
    let groups: Vec<&str> = token.split('-').collect();
    let is_uuid = groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && groups.iter().all(|group| group.bytes().all(|digit| digit.is_ascii_hexdigit()));
    if !is_uuid {
        return Err(invalid());
    }
    let number = |digits: &str| u64::from_str_radix(digits, 16).map_err(|_| invalid());
    let key = format!("{}{}{}", &groups[2][1..], &groups[3][3..], groups[4]);
    let place = Place { key_number: number(&key)? as i64, given: number(groups[1])? as usize };
    Ok((f32::from_bits(number(groups[0])? as u32), place))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of 300 hits, the last of which has that key.
    fn token(score: f32, key: i64) -> String {
        let key = format!("{key:016x}");
        format!("{:08x}-012c-8{}-800{}-{}", score.to_bits(), &key[..3], &key[3..4], &key[4..])
    }

    fn after(score: f32, token: Option<&str>) -> Iteration {
        Iteration::new(Some(score), token).unwrap()
    }

    fn from(start: f32) -> ScoreRange {
        ScoreRange { radius: None, range_filter: Some(start) }
    }

    #[test]
    fn a_page_begins_behind_the_last_hit() {
        for key in [0, 7, -7, i64::MAX, i64::MIN, 1 << 52, -(1 << 49)] {
            let page = after(0.5, Some(&token(0.5, key)));
            assert_eq!((page.range(Order::Ascending, None), page.given()), (from(0.5), 300));
            assert!(page.was_given(0.5, key) && page.was_given(0.5, i64::MIN));
            assert_eq!(page.was_given(0.5, i64::MAX), key == i64::MAX);
            assert!(!page.was_given(0.6, key));
        }
        let first = Iteration::new(None, None).unwrap();
        assert_eq!((first.range(Order::Ascending, None), first.given()), (ScoreRange::default(), 0));
        assert!(!first.was_given(0.0, 0));
    }

    #[test]
    fn without_the_token_of_its_bound_a_page_begins_behind_that() {
        for token in [None, Some(&*token(0.25, 3)), Some("123e4567-e89b-12d3-a456-426614174000")] {
            let page = after(0.5, token);
            assert_eq!(page.range(Order::Ascending, None), from(0.5f32.next_up()));
            assert_eq!(page.range(Order::Descending, None), from(0.5f32.next_down()));
            assert_eq!(page.given(), 0);
        }
    }

    #[test]
    fn what_is_no_uuid_is_refused() {
        for wrong in ["", "7", "g23e4567-e89b-12d3-a456-426614174000", "123e4567-e89b-12d3-a456-42661417400", "é-é"] {
            assert!(Iteration::new(Some(0.5), Some(wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_range_that_was_asked_for_stays() {
        let asked = ScoreRange { radius: Some(2.0), range_filter: Some(1.0) };
        let range = |bound| after(bound, Some(&token(bound, 4))).range(Order::Ascending, Some(asked));
        assert_eq!(range(1.5), ScoreRange { range_filter: Some(1.5), ..asked });
        assert_eq!(range(0.5), asked);
    }
}
