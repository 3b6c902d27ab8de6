//! Columns with one value a row.

use super::{mask_by_row, mask_of};
use crate::expr::plan::{Arithmetic, Test};
use crate::expr::sets::{IntSet, Interval};
use crate::expr::value::{Comparison, Number};
use crate::value::{ColumnData, Mask, Strings};
use elanus_vectors::within;

/// Rows that pass, whatever null rows hold, and those that are not wanted; `None` when the test is not one of this column's type.
pub fn evaluate(data: &ColumnData, test: &Test, wanted: Option<&Mask>) -> Option<Mask> {
    Some(match (data, test) {
        (ColumnData::Bool(values), Test::Int(interval)) => in_interval(values, interval),
        (ColumnData::Int8(values), Test::Int(interval)) => in_interval(values, interval),
        (ColumnData::Int16(values), Test::Int(interval)) => in_interval(values, interval),
        (ColumnData::Int32(values), Test::Int(interval)) => in_interval(values, interval),
        (ColumnData::Int64(values), Test::Int(interval)) => in_interval(values, interval),
        (ColumnData::Bool(values), Test::IntIn(set)) => in_set(values, set),
        (ColumnData::Int8(values), Test::IntIn(set)) => in_set(values, set),
        (ColumnData::Int16(values), Test::IntIn(set)) => in_set(values, set),
        (ColumnData::Int32(values), Test::IntIn(set)) => in_set(values, set),
        (ColumnData::Int64(values), Test::IntIn(set)) => in_set(values, set),
        (ColumnData::Float(values), Test::Float(interval)) => {
            negated_if(interval.negated, within::f32_within(values, interval.lowest, interval.highest))
        }
        (ColumnData::Double(values), Test::Float(interval)) => {
            negated_if(interval.negated, within::f64_within(values, interval.lowest, interval.highest))
        }
        (ColumnData::Float(values), Test::FloatIn(set)) => {
            mask_of(values, |value| set.number(Number::Float(f64::from(*value))).is_some())
        }
        (ColumnData::Double(values), Test::FloatIn(set)) => {
            mask_of(values, |value| set.number(Number::Float(*value)).is_some())
        }
        (ColumnData::Int8(values), Test::Arithmetic(test)) => int_arithmetic(values, test),
        (ColumnData::Int16(values), Test::Arithmetic(test)) => int_arithmetic(values, test),
        (ColumnData::Int32(values), Test::Arithmetic(test)) => int_arithmetic(values, test),
        (ColumnData::Int64(values), Test::Arithmetic(test)) => int_arithmetic(values, test),
        (ColumnData::Float(values), Test::Arithmetic(test)) => {
            let (operand, constant) = (test.operand.to_f64() as f32, test.constant.to_f64() as f32);
            let interval = Interval::<f64>::new(test.comparison, f64::from(constant));
            numbers_within(values, &interval, |value| f64::from(test.operator.on_singles(*value, operand)))
        }
        (ColumnData::Double(values), Test::Arithmetic(test)) => float_arithmetic(values, test, |value| *value),
        (ColumnData::VarChar(texts), test) => evaluate_texts(texts, test, wanted)?,
        _ => return None,
    })
}

fn evaluate_texts(texts: &Strings, test: &Test, wanted: Option<&Mask>) -> Option<Mask> {
    let by_text = |passes: &dyn Fn(&str) -> bool| mask_by_row(texts.len(), wanted, |row| passes(texts.get(row)));
    Some(match test {
        // Equality looks at lengths first, which settles most rows without a comparison of bytes.
        Test::Text { comparison: Comparison::Equal, constant } => by_text(&|text| text == constant),
        Test::Text { comparison: Comparison::NotEqual, constant } => by_text(&|text| text != constant),
        Test::Text { comparison, constant } => by_text(&|text| comparison.holds(Some(text.cmp(constant)))),
        Test::TextBetween { lower, upper } => by_text(&|text| {
            let above = text.cmp(&lower.text);
            let below = text.cmp(&upper.text);
            (above.is_gt() || lower.inclusive && above.is_eq()) && (below.is_lt() || upper.inclusive && below.is_eq())
        }),
        Test::TextIn(set) => by_text(&|text| set.string(text).is_some()),
        Test::Like(pattern) => by_text(&|text| pattern.matches(text)),
        _ => return None,
    })
}

fn in_set<T: Copy + Into<i64>>(values: &[T], set: &IntSet) -> Mask {
    mask_of(values, |value| set.contains((*value).into()))
}

fn in_interval<T: Whole>(values: &[T], interval: &Interval<i64>) -> Mask {
    let (least, greatest): (i64, i64) = (T::LEAST.into(), T::GREATEST.into());
    let clamped = (T::try_from(interval.lowest.max(least)), T::try_from(interval.highest.min(greatest)));
    let (lowest, highest) = match clamped {
        (Ok(lowest), Ok(highest)) => (lowest, highest),
        // The interval lies beyond the type.
        _ => (T::GREATEST, T::LEAST),
    };
    negated_if(interval.negated, T::within(values, lowest, highest))
}

trait Whole: TryFrom<i64> + Into<i64> {
    const LEAST: Self;
    const GREATEST: Self;

    fn within(values: &[Self], lowest: Self, highest: Self) -> Mask
    where
        Self: Sized;
}

macro_rules! whole {
    ($($int:ty: $within:ident),*) => {
        $(impl Whole for $int {
            const LEAST: Self = <$int>::MIN;
            const GREATEST: Self = <$int>::MAX;

            fn within(values: &[Self], lowest: Self, highest: Self) -> Mask {
                within::$within(values, lowest, highest)
            }
        })*
    };
}

whole!(u8: u8_within, i8: i8_within, i16: i16_within, i32: i32_within, i64: i64_within);

fn negated_if(negated: bool, mut mask: Mask) -> Mask {
    if negated {
        mask.toggle_range(..);
    }
    mask
}

fn numbers_within<T>(values: &[T], interval: &Interval<f64>, number: impl Fn(&T) -> f64) -> Mask {
    let Interval { lowest, highest, negated } = *interval;
    if negated {
        mask_of(values, |value| !(lowest <= number(value) && number(value) <= highest))
    } else {
        mask_of(values, |value| lowest <= number(value) && number(value) <= highest)
    }
}

/// Whole as long as the operand is; the binder has seen to it that the constant then is as well.
fn int_arithmetic<T: Copy + Into<i64>>(values: &[T], test: &Arithmetic) -> Mask {
    match (test.operand, test.constant) {
        (Number::Int(operand), Number::Int(constant)) => {
            let interval = Interval::<i64>::new(test.comparison, constant);
            mask_of(values, |value| interval.contains(test.operator.on_ints((*value).into(), operand)))
        }
        _ => float_arithmetic(values, test, |value| (*value).into() as f64),
    }
}

fn float_arithmetic<T>(values: &[T], test: &Arithmetic, number: impl Fn(&T) -> f64) -> Mask {
    let interval = Interval::<f64>::new(test.comparison, test.constant.to_f64());
    let operand = test.operand.to_f64();
    numbers_within(values, &interval, |value| test.operator.on_floats(number(value), operand))
}

/// `None` for types that do not compare.
pub fn compare_columns(left: &ColumnData, comparison: Comparison, right: &ColumnData) -> Option<Mask> {
    match (left, right) {
        (ColumnData::VarChar(left), ColumnData::VarChar(right)) => {
            Some(mask_by_row(left.len(), None, |row| comparison.holds(Some(left.get(row).cmp(right.get(row))))))
        }
        (ColumnData::Int64(left), ColumnData::Int64(right)) => {
            Some(mask_by_row(left.len(), None, |row| comparison.holds(Some(left[row].cmp(&right[row])))))
        }
        (ColumnData::Bool(_), ColumnData::Bool(_)) => numbers_compared(left, comparison, right),
        (ColumnData::Bool(_), _) | (_, ColumnData::Bool(_)) => None,
        _ => numbers_compared(left, comparison, right),
    }
}

fn numbers_compared(left: &ColumnData, comparison: Comparison, right: &ColumnData) -> Option<Mask> {
    number_at(left, 0).or(left.is_empty().then_some(Number::Int(0)))?;
    number_at(right, 0).or(right.is_empty().then_some(Number::Int(0)))?;
    Some(mask_by_row(left.len(), None, |row| {
        let pair = number_at(left, row).zip(number_at(right, row));
        pair.is_some_and(|(left, right)| comparison.holds(left.compare(right)))
    }))
}

/// `None` when the row does not exist or the column has no numbers.
fn number_at(data: &ColumnData, row: usize) -> Option<Number> {
    Some(match data {
        ColumnData::Bool(values) => Number::Int((*values.get(row)?).into()),
        ColumnData::Int8(values) => Number::Int((*values.get(row)?).into()),
        ColumnData::Int16(values) => Number::Int((*values.get(row)?).into()),
        ColumnData::Int32(values) => Number::Int((*values.get(row)?).into()),
        ColumnData::Int64(values) => Number::Int(*values.get(row)?),
        ColumnData::Float(values) => Number::Float((*values.get(row)?).into()),
        ColumnData::Double(values) => Number::Float(*values.get(row)?),
        _ => return None,
    })
}
