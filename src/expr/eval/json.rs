//! JSON columns. A path that is missing, null or holds a number that cannot be represented makes every test but `exists`
//! unknown; a value of another kind than the constant differs from it, and is neither greater nor less.

use super::array::Seen;
use super::{Truth, mask_by_row};
use crate::expr::json::{JsonValueRef, array_length, elements, lookup};
use crate::expr::plan::{Arithmetic, Contains, Test};
use crate::expr::sets::json_compare;
use crate::expr::value::{Comparison, Number};
use crate::value::{Mask, Strings};

/// Of rows that are in all of `masks`; the others count as missing. `None` when the test is not one of JSON.
pub fn evaluate(texts: &Strings, masks: [Option<&Mask>; 2], path: &[String], test: &Test) -> Option<Truth> {
    let value_at = |row: usize| {
        if !masks.iter().flatten().all(|mask| mask.contains(row)) {
            return None;
        }
        lookup(texts.get(row), path).filter(|value| !matches!(value, JsonValueRef::Null))
    };
    let mut seen;
    let mut passes: Box<dyn FnMut(&JsonValueRef) -> bool + '_> = match test {
        Test::Exists => {
            let yes = mask_by_row(texts.len(), None, |row| value_at(row).is_some());
            return Some(Truth { yes, possible: None });
        }
        Test::Json { comparison, constant } => Box::new(|value| comparison.holds(json_compare(value, constant))),
        Test::JsonBetween { lower: (above, lower), upper: (below, upper) } => {
            Box::new(|value| above.holds(json_compare(value, lower)) && below.holds(json_compare(value, upper)))
        }
        Test::JsonIn(set) => Box::new(|value| set.json(value).is_some()),
        Test::Like(pattern) => Box::new(|value| match value {
            JsonValueRef::String(text) => pattern.matches(text),
            _ => false,
        }),
        Test::Arithmetic(arithmetic) => Box::new(|value| passes_arithmetic(value, arithmetic)),
        Test::Length(interval) => Box::new(|value| match value {
            JsonValueRef::Array(text) => interval.contains(array_length(text) as i64),
            _ => interval.contains(0),
        }),
        Test::Contains(Contains { constants, all }) => {
            seen = Seen::new(constants.len());
            Box::new(|value| match value {
                JsonValueRef::Array(text) => {
                    let mut places = elements(text).filter_map(|element| constants.json(&element));
                    if *all { seen.covers(places) } else { places.next().is_some() }
                }
                _ => false,
            })
        }
        _ => return None,
    };
    let mut yes = Mask::with_capacity(texts.len());
    let mut known = Mask::with_capacity(texts.len());
    for row in 0..texts.len() {
        if let Some(value) = value_at(row) {
            known.insert(row);
            yes.set(row, passes(&value));
        }
    }
    Some(Truth::known_where(yes, Some(&known).filter(|known| !known.is_full())))
}

fn passes_arithmetic(value: &JsonValueRef, test: &Arithmetic) -> bool {
    let JsonValueRef::Number(number) = value else { return test.comparison == Comparison::NotEqual };
    let result = match (*number, test.operand) {
        (Number::Int(value), Number::Int(operand)) => Number::Int(test.operator.on_ints(value, operand)),
        (value, operand) => Number::Float(test.operator.on_floats(value.to_f64(), operand.to_f64())),
    };
    test.comparison.holds(result.compare(test.constant))
}
