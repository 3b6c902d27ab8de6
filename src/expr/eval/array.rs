//! Array columns: their elements, their lengths, what they contain.

use super::mask_by_row;
use crate::expr::plan::{Contains, Test};
use crate::expr::sets::ValueSet;
use crate::expr::value::{Number, Value};
use crate::schema::DataType;
use crate::value::{Column, ColumnData, Lists, Mask};
use std::cmp::Ordering;

/// Element `index` of every row as a column of its own; null where there is no such element.
pub fn elements_at(lists: &Lists, validity: Option<&Mask>, index: &str) -> Column {
    let index = index.parse::<usize>().ok();
    let mut column = Column::new(lists.elements.empty_like());
    let mut valid = Mask::with_capacity(lists.len());
    for row in 0..lists.len() {
        let range = lists.range(row);
        let at = index.and_then(|index| range.start.checked_add(index)).filter(|at| *at < range.end);
        match at.filter(|_| validity.is_none_or(|validity| validity.contains(row))) {
            Some(at) => {
                column.data.extend_from_rows(&lists.elements, std::iter::once(at));
                valid.insert(row);
            }
            None => column.data.push_blank(),
        }
    }
    column.validity = Some(valid);
    column
}

/// Rows that pass, whatever null rows hold, and those that are not wanted; `None` when the test is not one of arrays.
pub fn evaluate(lists: &Lists, test: &Test, wanted: Option<&Mask>) -> Option<Mask> {
    let rows = lists.len();
    Some(match test {
        Test::Length(interval) => mask_by_row(rows, wanted, |row| interval.contains(lists.range(row).len() as i64)),
        Test::ArrayEquals { constants, negated } => mask_by_row(rows, wanted, |row| {
            let range = lists.range(row);
            let equal = range.len() == constants.len()
                && range.zip(constants).all(|(at, constant)| equals(&lists.elements, at, constant));
            equal != *negated
        }),
        Test::Contains(Contains { constants, all: false }) => {
            mask_by_row(rows, wanted, |row| lists.range(row).any(|at| place(&lists.elements, at, constants).is_some()))
        }
        Test::Contains(Contains { constants, all: true }) => {
            let mut seen = Seen::new(constants.len());
            let mut mask = Mask::with_capacity(rows);
            for row in (0..rows).filter(|row| wanted.is_none_or(|wanted| wanted.contains(*row))) {
                let places = lists.range(row).filter_map(|at| place(&lists.elements, at, constants));
                mask.set(row, seen.covers(places));
            }
            mask
        }
        _ => return None,
    })
}

/// Where the element is among the constants.
fn place(elements: &ColumnData, at: usize, constants: &ValueSet) -> Option<usize> {
    match elements {
        ColumnData::VarChar(texts) => constants.string(texts.get(at)),
        ColumnData::Bool(values) => constants.bool(values[at] != 0),
        numbers => constants.number(number(numbers, at)?),
    }
}

fn number(elements: &ColumnData, at: usize) -> Option<Number> {
    Some(match elements {
        ColumnData::Int8(values) => Number::Int(values[at].into()),
        ColumnData::Int16(values) => Number::Int(values[at].into()),
        ColumnData::Int32(values) => Number::Int(values[at].into()),
        ColumnData::Int64(values) => Number::Int(values[at]),
        ColumnData::Float(values) => Number::Float(values[at].into()),
        ColumnData::Double(values) => Number::Float(values[at]),
        _ => return None,
    })
}

fn equals(elements: &ColumnData, at: usize, constant: &Value) -> bool {
    match (elements, constant) {
        (ColumnData::VarChar(texts), Value::String(constant)) => texts.get(at) == constant,
        (ColumnData::Bool(values), Value::Bool(constant)) => (values[at] != 0) == *constant,
        (numbers, constant) => {
            let single = numbers.data_type() == DataType::Float;
            let constant = constant.number().map(|constant| match single {
                true => Number::Float(f64::from(constant.to_f64() as f32)),
                false => constant,
            });
            let pair = number(numbers, at).zip(constant);
            pair.is_some_and(|(left, right)| left.compare(right) == Some(Ordering::Equal))
        }
    }
}

/// Which constants a row has shown; clearing it costs no more than what was set.
pub struct Seen {
    marks: Vec<bool>,
    set: Vec<usize>,
}

impl Seen {
    pub fn new(count: usize) -> Self {
        Seen { marks: vec![false; count], set: Vec::new() }
    }

    /// Whether the places are all that there are.
    pub fn covers(&mut self, places: impl Iterator<Item = usize>) -> bool {
        for place in places {
            if !std::mem::replace(&mut self.marks[place], true) {
                self.set.push(place);
            }
        }
        let covered = self.set.len() == self.marks.len();
        self.set.drain(..).for_each(|place| self.marks[place] = false);
        covered
    }
}
