//! What a value is tested against: an interval of numbers, or a set of constants.

use super::json::{JsonValueRef, elements};
use super::value::{Comparison, Number, Value};
use std::cmp::Ordering;
use std::collections::HashMap;

/// Every comparison of a number with constants: `lowest <= x <= highest`, or that negated.
/// One loop per column type then serves all operators and ranges.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval<T> {
    pub lowest: T,
    pub highest: T,
    pub negated: bool,
}

impl<T: PartialOrd + Copy> Interval<T> {
    pub fn contains(&self, value: T) -> bool {
        (self.lowest <= value && value <= self.highest) != self.negated
    }
}

impl Interval<i64> {
    const EMPTY: Interval<i64> = Interval { lowest: 1, highest: 0, negated: false };

    pub fn new(comparison: Comparison, bound: i64) -> Self {
        let (lowest, highest) = match comparison {
            Comparison::Equal | Comparison::NotEqual => (Some(bound), Some(bound)),
            Comparison::Less => (Some(i64::MIN), bound.checked_sub(1)),
            Comparison::LessEqual => (Some(i64::MIN), Some(bound)),
            Comparison::Greater => (bound.checked_add(1), Some(i64::MAX)),
            Comparison::GreaterEqual => (Some(bound), Some(i64::MAX)),
        };
        match (lowest, highest) {
            (Some(lowest), Some(highest)) => Interval { lowest, highest, negated: comparison == Comparison::NotEqual },
            _ => Interval::EMPTY,
        }
    }
}

impl Interval<f64> {
    pub fn new(comparison: Comparison, bound: f64) -> Self {
        let (lowest, highest) = match comparison {
            Comparison::Equal | Comparison::NotEqual => (bound, bound),
            Comparison::Less => (f64::NEG_INFINITY, below(bound)),
            Comparison::LessEqual => (f64::NEG_INFINITY, bound),
            Comparison::Greater => (above(bound), f64::INFINITY),
            Comparison::GreaterEqual => (bound, f64::INFINITY),
        };
        Interval { lowest, highest, negated: comparison == Comparison::NotEqual }
    }
}

/// The next double, or NaN, which no value reaches, where there is none.
fn above(bound: f64) -> f64 {
    if bound == f64::INFINITY { f64::NAN } else { bound.next_up() }
}

fn below(bound: f64) -> f64 {
    if bound == f64::NEG_INFINITY { f64::NAN } else { bound.next_down() }
}

impl<T: PartialOrd + Copy> Interval<T> {
    /// What both contain; neither may be negated.
    pub fn and(self, other: Self) -> Self {
        let lowest = if other.lowest <= self.lowest { self.lowest } else { other.lowest };
        let highest = if other.highest >= self.highest { self.highest } else { other.highest };
        Interval { lowest, highest, negated: false }
    }
}

/// Whole numbers: a bit each while they lie close together, sorted otherwise.
#[derive(Debug, Clone, PartialEq)]
pub enum IntSet {
    Dense { lowest: i64, bits: Vec<u64> },
    Sorted(Vec<i64>),
}

impl IntSet {
    pub fn new(mut values: Vec<i64>) -> IntSet {
        values.sort_unstable();
        values.dedup();
        let (Some(lowest), Some(highest)) = (values.first().copied(), values.last()) else {
            return IntSet::Sorted(values);
        };
        match usize::try_from(highest.wrapping_sub(lowest)) {
            // At most 64 bits a value: no more than the sorted list takes.
            Ok(span) if span / 64 < values.len().max(16) => {
                let mut bits = vec![0u64; span / 64 + 1];
                for value in values {
                    let at = value.wrapping_sub(lowest) as usize;
                    bits[at / 64] |= 1 << (at % 64);
                }
                IntSet::Dense { lowest, bits }
            }
            _ => IntSet::Sorted(values),
        }
    }

    pub fn contains(&self, value: i64) -> bool {
        match self {
            IntSet::Dense { lowest, bits } => {
                let at = value.wrapping_sub(*lowest) as u64;
                value >= *lowest
                    && bits
                        .get((at / 64).min(u64::from(u32::MAX)) as usize)
                        .is_some_and(|word| word >> (at % 64) & 1 == 1)
            }
            IntSet::Sorted(values) => values.binary_search(&value).is_ok(),
        }
    }
}

/// Constants of any kinds; every distinct one has a place.
#[derive(Debug, Clone, Default)]
pub struct ValueSet {
    /// In order, so that an int finds the double of the same value.
    numbers: Vec<(Number, usize)>,
    strings: HashMap<String, usize>,
    bools: [Option<usize>; 2],
    arrays: Vec<(Value, usize)>,
    count: usize,
}

impl ValueSet {
    pub fn new(values: Vec<Value>) -> ValueSet {
        let mut set = ValueSet::default();
        let mut numbers = Vec::new();
        for value in values {
            let place = set.count;
            let added = match value {
                Value::Bool(value) => *set.bools[usize::from(value)].get_or_insert(place) == place,
                Value::Int(int) => {
                    numbers.push(Number::Int(int));
                    false
                }
                Value::Float(float) => {
                    numbers.push(Number::Float(float));
                    false
                }
                Value::String(text) => *set.strings.entry(text).or_insert(place) == place,
                array => {
                    let new = !set.arrays.iter().any(|(known, _)| *known == array);
                    if new {
                        set.arrays.push((array, place));
                    }
                    new
                }
            };
            set.count += usize::from(added);
        }
        numbers.retain(|number| !number.to_f64().is_nan());
        numbers.sort_unstable_by(|left, right| left.compare(*right).unwrap_or(Ordering::Equal));
        numbers.dedup_by(|left, right| left.compare(*right) == Some(Ordering::Equal));
        let first = set.count;
        set.count += numbers.len();
        set.numbers = numbers.into_iter().zip(first..).collect();
        set
    }

    /// How many distinct constants there are.
    pub fn len(&self) -> usize {
        self.count
    }

    pub fn number(&self, wanted: Number) -> Option<usize> {
        if wanted.to_f64().is_nan() {
            return None;
        }
        let found = self.numbers.binary_search_by(|(number, _)| number.compare(wanted).unwrap_or(Ordering::Less));
        found.ok().map(|at| self.numbers[at].1)
    }

    pub fn string(&self, wanted: &str) -> Option<usize> {
        self.strings.get(wanted).copied()
    }

    pub fn strings(&self) -> impl ExactSizeIterator<Item = &str> {
        self.strings.keys().map(String::as_str)
    }

    pub fn bool(&self, wanted: bool) -> Option<usize> {
        self.bools[usize::from(wanted)]
    }

    /// The place of the constant that equals this value.
    pub fn json(&self, wanted: &JsonValueRef) -> Option<usize> {
        match wanted {
            JsonValueRef::Bool(value) => self.bool(*value),
            JsonValueRef::Number(number) => self.number(*number),
            JsonValueRef::String(text) => self.string(text),
            JsonValueRef::Array(_) => {
                self.arrays.iter().find(|(array, _)| json_equals(wanted, array)).map(|(_, place)| *place)
            }
            JsonValueRef::Null | JsonValueRef::Object(_) => None,
        }
    }
}

/// Whether the two are of one kind and equal; whole numbers equal doubles of their value.
pub fn json_equals(value: &JsonValueRef, constant: &Value) -> bool {
    json_compare(value, constant) == Some(Ordering::Equal)
}

/// `None` for two of different kinds, and for different arrays: arrays have no order.
pub fn json_compare(value: &JsonValueRef, constant: &Value) -> Option<Ordering> {
    match (value, constant) {
        (JsonValueRef::Number(left), right) => left.compare(right.number()?),
        (JsonValueRef::String(left), Value::String(right)) => Some(left.as_ref().cmp(right)),
        (JsonValueRef::Bool(left), Value::Bool(right)) => Some(left.cmp(right)),
        (JsonValueRef::Array(text), Value::Array(constants)) => {
            let mut constants = constants.iter();
            let equal =
                elements(text).all(|element| constants.next().is_some_and(|constant| json_equals(&element, constant)));
            (equal && constants.next().is_none()).then_some(Ordering::Equal)
        }
        _ => None,
    }
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const COMPARISONS: [Comparison; 6] = [
        Comparison::Less,
        Comparison::LessEqual,
        Comparison::Greater,
        Comparison::GreaterEqual,
        Comparison::Equal,
        Comparison::NotEqual,
    ];

    fn edge_int() -> impl Strategy<Value = i64> {
        prop_oneof![Just(i64::MIN), Just(i64::MAX), -2i64..3, any::<i64>(), Just((1 << 53) + 1)]
    }

    fn edge_float() -> impl Strategy<Value = f64> {
        prop_oneof![
            Just(f64::INFINITY),
            Just(f64::NEG_INFINITY),
            Just(f64::NAN),
            Just(-0.0),
            (-2i64..3).prop_map(|int| int as f64),
            Just(9_007_199_254_740_992.0),
            any::<f64>()
        ]
    }

    proptest! {
        #[test]
        fn an_interval_is_its_comparison(bound in edge_int(), value in edge_int(), low in edge_float(), float in edge_float()) {
            for comparison in COMPARISONS {
                prop_assert_eq!(Interval::<i64>::new(comparison, bound).contains(value), comparison.holds(value.partial_cmp(&bound)));
                prop_assert_eq!(Interval::<f64>::new(comparison, low).contains(float), comparison.holds(float.partial_cmp(&low)));
            }
        }

        #[test]
        fn an_int_set_holds_its_values(values in prop::collection::vec(prop_oneof![edge_int(), -300i64..300], 0..40), probe in edge_int()) {
            let set = IntSet::new(values.clone());
            for value in values.iter().chain([&probe]) {
                prop_assert_eq!(set.contains(*value), values.contains(value));
            }
        }

        #[test]
        fn numbers_compare_by_value(int in edge_int(), float in edge_float()) {
            let expected = if float.is_nan() {
                None
            } else if float.is_infinite() {
                0.0.partial_cmp(&float)
            } else if float.abs() < 1e30 {
                // A double this small splits exactly into an i128 and a fraction.
                let whole = float.trunc();
                Some(i128::from(int).cmp(&(whole as i128)).then(0.0.partial_cmp(&(float - whole)).unwrap_or(Ordering::Equal)))
            } else {
                0.0.partial_cmp(&float)
            };
            prop_assert_eq!(Number::Int(int).compare(Number::Float(float)), expected);
        }
    }

    #[test]
    fn equal_constants_share_a_place() {
        let set =
            ValueSet::new(vec![Value::Int(2), Value::Float(2.0), Value::String("a".into()), Value::String("a".into())]);
        assert_eq!(set.len(), 2);
        assert_eq!(set.number(Number::Float(2.0)), set.number(Number::Int(2)));
    }
}
