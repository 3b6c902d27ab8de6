//! Plans to masks, a column at a time.
//!
//! SQL's three truth values as two masks: rows where it is true, and rows where it may be, which also has the unknown ones.
//! Then AND and OR work on both alike, and NOT swaps them. Without nulls there is one mask.

mod array;
mod json;
mod scalar;
mod sorted;

use super::Rows;
use super::plan::{ColumnRef, ColumnTest, Cost, Plan, Test};
use crate::error::{Error, Result};
use crate::schema::DataType;
use crate::value::{Column, ColumnData, Mask};

pub struct Truth {
    yes: Mask,
    /// `None` when nothing is unknown.
    possible: Option<Mask>,
}

/// Rows for which the plan is true.
pub fn evaluate(plan: &Plan, rows: &dyn Rows) -> Result<Mask> {
    Ok(truth(plan, rows, None)?.yes)
}

/// What it says of rows that are not `wanted` means nothing.
fn truth(plan: &Plan, rows: &dyn Rows, wanted: Option<&Mask>) -> Result<Truth> {
    match plan {
        Plan::And(terms) => combine(terms, rows, wanted, true),
        Plan::Or(terms) => combine(terms, rows, wanted, false),
        Plan::Not(inner) => Ok(truth(inner, rows, wanted)?.not()),
        Plan::Test(test) => test_column(test, rows, wanted),
        Plan::Columns(pair) => {
            let (left, right) = (fetch(&pair.left, rows)?, fetch(&pair.right, rows)?);
            let yes = scalar::compare_columns(&left.data, pair.comparison, &right.data)
                .ok_or_else(|| mistyped(&pair.left))?;
            Ok(Truth::known_where(yes, left.validity.as_ref()).known_also_where(right.validity.as_ref()))
        }
    }
}

fn combine(terms: &[Plan], rows: &dyn Rows, wanted: Option<&Mask>, and: bool) -> Result<Truth> {
    // What takes longer comes later, and looks only where the others leave something open.
    let of = |cost: Cost| terms.iter().filter(move |term| term.cost() == cost);
    let mut terms = of(Cost::Numbers).chain(of(Cost::Rows)).chain(of(Cost::Json));
    let mut result = match terms.next() {
        Some(first) => truth(first, rows, wanted)?,
        None => Truth { yes: all(rows.row_count()), possible: None },
    };
    for term in terms {
        let open = result.open(wanted, and);
        // Whatever follows changes nothing any more.
        if open.is_clear() {
            break;
        }
        result = result.combined(truth(term, rows, Some(&open))?, and);
    }
    Ok(result)
}

impl Truth {
    /// Unknown where `validity` has no bit.
    fn known_where(yes: Mask, validity: Option<&Mask>) -> Truth {
        Truth { yes, possible: None }.known_also_where(validity)
    }

    fn known_also_where(mut self, validity: Option<&Mask>) -> Truth {
        if let Some(validity) = validity {
            let mut possible = self.possible.take().unwrap_or_else(|| self.yes.clone());
            let mut unknown = validity.clone();
            unknown.toggle_range(..);
            possible.union_with(&unknown);
            self.yes.intersect_with(validity);
            self.possible = Some(possible);
        }
        self
    }

    fn not(mut self) -> Truth {
        self.yes.toggle_range(..);
        match self.possible {
            None => self,
            Some(mut possible) => {
                possible.toggle_range(..);
                Truth { yes: possible, possible: Some(self.yes) }
            }
        }
    }

    /// Rows of which another term decides.
    fn open(&self, wanted: Option<&Mask>, and: bool) -> Mask {
        let mut open = match &self.possible {
            Some(possible) if and => possible.clone(),
            _ => self.yes.clone(),
        };
        if !and {
            open.toggle_range(..);
        }
        wanted.into_iter().for_each(|wanted| open.intersect_with(wanted));
        open
    }

    fn combined(mut self, other: Truth, and: bool) -> Truth {
        let apply = |into: &mut Mask, from: &Mask| if and { into.intersect_with(from) } else { into.union_with(from) };
        if self.possible.is_some() || other.possible.is_some() {
            let possible = self.possible.get_or_insert_with(|| self.yes.clone());
            apply(possible, other.possible.as_ref().unwrap_or(&other.yes));
        }
        apply(&mut self.yes, &other.yes);
        self
    }
}

fn test_column(ColumnTest { column, test }: &ColumnTest, rows: &dyn Rows, wanted: Option<&Mask>) -> Result<Truth> {
    let stored = fetch(column, rows)?;
    let validity = stored.validity.as_ref();
    if let Test::IsNull = test {
        let mut yes = validity.cloned().unwrap_or_else(|| all(stored.len()));
        yes.toggle_range(..);
        return Ok(Truth { yes, possible: None });
    }
    match (&stored.data, test) {
        (ColumnData::Json(texts), test) => {
            json::evaluate(texts, [validity, wanted], &column.path, test).ok_or_else(|| mistyped(column))
        }
        (ColumnData::Array(lists), test) => match column.path.first() {
            Some(index) => {
                let elements = array::elements_at(lists, validity, index);
                let yes = scalar::evaluate(&elements.data, test, wanted).ok_or_else(|| mistyped(column))?;
                Ok(Truth::known_where(yes, elements.validity.as_ref()))
            }
            None => {
                let yes = array::evaluate(lists, test, wanted).ok_or_else(|| mistyped(column))?;
                Ok(Truth::known_where(yes, validity))
            }
        },
        (data, test) => {
            let in_order = match data {
                ColumnData::VarChar(texts) if rows.sorted_by() == Some(column.id) => sorted::evaluate(texts, test),
                _ => None,
            };
            let yes = in_order.or_else(|| scalar::evaluate(data, test, wanted)).ok_or_else(|| mistyped(column))?;
            Ok(Truth::known_where(yes, validity))
        }
    }
}

fn fetch<'r>(column: &ColumnRef, rows: &'r dyn Rows) -> Result<&'r Column> {
    let stored =
        rows.column(column.id).ok_or_else(|| Error::QueryPlan(format!("field {} is not loaded", column.name)))?;
    let element = |data: &ColumnData| match data {
        ColumnData::Array(lists) => Some(lists.elements.data_type()),
        _ => None,
    };
    let whole = stored.len() == rows.row_count()
        && stored.validity.as_ref().is_none_or(|validity| validity.len() == rows.row_count());
    let typed = stored.data.data_type() == column.data_type
        && (column.data_type != DataType::Array || element(&stored.data) == column.element_type);
    if whole && typed { Ok(stored) } else { Err(mistyped(column)) }
}

fn mistyped(column: &ColumnRef) -> Error {
    Error::Unexpected(format!("the column of field {} is not what its schema says", column.name))
}

fn all(rows: usize) -> Mask {
    let mut mask = Mask::with_capacity(rows);
    mask.insert_range(..);
    mask
}

/// One bit a row, without branches.
fn mask_of<T>(values: &[T], test: impl Fn(&T) -> bool) -> Mask {
    let mut mask = Mask::with_capacity(values.len());
    for (block, stretch) in mask.as_mut_slice().iter_mut().zip(values.chunks(fixedbitset::Block::BITS as usize)) {
        let mut bits = 0;
        let mut at = stretch.len();
        // Iterators are calls where code is compiled for size.
        while at > 0 {
            at -= 1;
            bits = bits << 1 | fixedbitset::Block::from(test(&stretch[at]));
        }
        *block = bits;
    }
    mask
}

/// As `mask_of`, by row number, of rows that are wanted.
fn mask_by_row(rows: usize, wanted: Option<&Mask>, test: impl Fn(usize) -> bool) -> Mask {
    let mut mask = Mask::with_capacity(rows);
    let is_wanted = |row: usize| wanted.is_none_or(|wanted| wanted.contains(row));
    (0..rows).filter(|row| is_wanted(*row) && test(*row)).for_each(|row| mask.insert(row));
    mask
}
