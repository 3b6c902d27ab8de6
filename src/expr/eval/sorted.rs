//! Texts that ascend from row to row, as primary keys of sealed rows do: what passes is found, not looked for.

use crate::expr::plan::{Bound, Test};
use crate::expr::value::Comparison;
use crate::value::{Mask, Strings};
use std::ops::Range;

/// Finding a text takes as long as testing so many rows.
const ROWS_OF_SEARCH: usize = 32;

/// Rows that pass; `None` for tests that have to look at every row, and where that takes no longer.
pub fn evaluate(texts: &Strings, test: &Test) -> Option<Mask> {
    let mut mask = Mask::with_capacity(texts.len());
    let mut pass = |rows: Range<usize>| {
        if !rows.is_empty() {
            mask.insert_range(rows)
        }
    };
    let all = texts.len();
    match test {
        Test::Text { comparison, constant } => pass(match comparison {
            Comparison::Equal => below(texts, constant, false)..below(texts, constant, true),
            Comparison::Less => 0..below(texts, constant, false),
            Comparison::LessEqual => 0..below(texts, constant, true),
            Comparison::Greater => below(texts, constant, true)..all,
            Comparison::GreaterEqual => below(texts, constant, false)..all,
            Comparison::NotEqual => return None,
        }),
        Test::TextBetween {
            lower: Bound { text: lowest, inclusive: from },
            upper: Bound { text: highest, inclusive: to },
        } => {
            pass(below(texts, lowest, !from)..below(texts, highest, *to));
        }
        Test::TextIn(set) if set.strings().len() * ROWS_OF_SEARCH <= all => {
            set.strings().for_each(|text| pass(below(texts, text, false)..below(texts, text, true)));
        }
        _ => return None,
    }
    Some(mask)
}

/// How many rows are less than a bound, or equal to it if it is `inclusive`.
fn below(texts: &Strings, bound: &str, inclusive: bool) -> usize {
    let (mut from, mut to) = (0, texts.len());
    while from < to {
        let middle = from.midpoint(to);
        let ordering = texts.get(middle).cmp(bound);
        if ordering.is_lt() || inclusive && ordering.is_eq() { from = middle + 1 } else { to = middle }
    }
    from
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use super::super::scalar;
    use super::*;
    use crate::expr::sets::ValueSet;
    use crate::expr::value::Value;
    use crate::value::ColumnData;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn rows_that_pass_are_those_of_a_look_at_all(
            mut texts in prop::collection::vec("[a-c]{0,3}", 0..200),
            lower in "[a-c]{0,3}",
            upper in "[a-c]{0,3}",
            inclusive in any::<(bool, bool)>(),
        ) {
            texts.sort();
            let texts: Strings = texts.iter().map(String::as_str).collect();
            let comparisons = [
                Comparison::Equal,
                Comparison::Less,
                Comparison::LessEqual,
                Comparison::Greater,
                Comparison::GreaterEqual,
            ];
            let mut tests: Vec<Test> =
                comparisons.map(|comparison| Test::Text { comparison, constant: lower.clone() }).into();
            tests.push(Test::TextBetween {
                lower: Bound { text: lower.clone(), inclusive: inclusive.0 },
                upper: Bound { text: upper.clone(), inclusive: inclusive.1 },
            });
            if texts.len() >= 2 * ROWS_OF_SEARCH {
                tests.push(Test::TextIn(ValueSet::new(vec![Value::String(lower), Value::String(upper)])));
            }
            for test in tests {
                let all = scalar::evaluate(&ColumnData::VarChar(texts.clone()), &test, None);
                prop_assert_eq!(evaluate(&texts, &test), all, "{:?}", test);
            }
        }
    }
}
