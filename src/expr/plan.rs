//! A filter bound to a schema: names are field ids, constants have the type of what they meet, errors are behind it.

use super::like::Pattern;
use super::sets::{IntSet, Interval, ValueSet};
use super::value::{Comparison, Number, Value};
use crate::schema::{DataType, FieldId};

#[derive(Debug, Clone)]
pub enum Plan {
    And(Vec<Plan>),
    Or(Vec<Plan>),
    Not(Box<Plan>),
    Test(Box<ColumnTest>),
    Columns(Box<ColumnPair>),
}

/// What a test of one row takes, beside others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cost {
    /// Many rows are tested at once.
    Numbers,
    /// Rows are tested one by one.
    Rows,
    /// And a text is read for it.
    Json,
}

impl Plan {
    pub fn cost(&self) -> Cost {
        match self {
            Plan::And(terms) | Plan::Or(terms) => terms.iter().map(Plan::cost).max().unwrap_or(Cost::Numbers),
            Plan::Not(inner) => inner.cost(),
            Plan::Test(test) => match (test.column.data_type, &test.test) {
                (_, Test::IsNull) => Cost::Numbers,
                (DataType::Json, _) => Cost::Json,
                (DataType::VarChar | DataType::Array, _) => Cost::Rows,
                _ => Cost::Numbers,
            },
            Plan::Columns(_) => Cost::Numbers,
        }
    }

    /// The same, with one set in the place of equalities of one column that follow one another in an OR: a row is then looked
    /// at once.
    pub fn with_sets(self) -> Plan {
        match self {
            Plan::And(terms) => Plan::And(terms.into_iter().map(Plan::with_sets).collect()),
            Plan::Not(inner) => Plan::Not(Box::new(inner.with_sets())),
            Plan::Or(terms) => {
                let terms: Vec<Plan> = terms.into_iter().map(Plan::with_sets).collect();
                let equal_one = |left: &Plan, right: &Plan| {
                    let column = left.equality().map(|test| (test.column.id, &test.column.path));
                    column.is_some() && column == right.equality().map(|test| (test.column.id, &test.column.path))
                };
                let runs: Vec<usize> = terms.chunk_by(equal_one).map(<[Plan]>::len).collect();
                let mut terms = terms.into_iter();
                let mut merged: Vec<Plan> = Vec::with_capacity(runs.len());
                for run in runs {
                    let mut run = terms.by_ref().take(run);
                    merged.extend(run.next().map(|first| first.or_equal(run.collect())));
                }
                if merged.len() == 1 { merged.swap_remove(0) } else { Plan::Or(merged) }
            }
            other => other,
        }
    }

    /// The test, if it is of equality with one constant.
    fn equality(&self) -> Option<&ColumnTest> {
        let Plan::Test(test) = self else { return None };
        let is_equality = match &test.test {
            Test::Json { comparison, .. } | Test::Text { comparison, .. } => *comparison == Comparison::Equal,
            Test::Int(interval) => interval.lowest == interval.highest && !interval.negated,
            _ => false,
        };
        is_equality.then_some(test)
    }

    /// Equality with the one constant or one of those of `others`, which are such tests of the same column.
    fn or_equal(self, others: Vec<Plan>) -> Plan {
        let Plan::Test(mut test) = self else { return self };
        if others.is_empty() {
            return Plan::Test(test);
        }
        let tests = || others.iter().filter_map(Plan::equality).map(|other| &other.test).chain([&test.test]);
        let values = || {
            tests().filter_map(|test| match test {
                Test::Json { constant, .. } => Some(constant.clone()),
                Test::Text { constant, .. } => Some(Value::String(constant.clone())),
                _ => None,
            })
        };
        test.test = match &test.test {
            Test::Json { .. } => Test::JsonIn(ValueSet::new(values().collect())),
            Test::Text { .. } => Test::TextIn(ValueSet::new(values().collect())),
            _ => Test::IntIn(IntSet::new(
                tests()
                    .filter_map(|test| if let Test::Int(interval) = test { Some(interval.lowest) } else { None })
                    .collect(),
            )),
        };
        Plan::Test(test)
    }
}

#[derive(Debug, Clone)]
pub struct ColumnRef {
    pub id: FieldId,
    pub name: String,
    pub data_type: DataType,
    pub element_type: Option<DataType>,
    /// Keys into JSON, or the one index into an array.
    pub path: Vec<String>,
}

impl ColumnRef {
    /// The type of what a row has here: of an array's element when it is indexed.
    pub fn value_type(&self) -> DataType {
        match (self.data_type, self.element_type) {
            (DataType::Array, Some(element)) if !self.path.is_empty() => element,
            (data_type, _) => data_type,
        }
    }
}

#[derive(Debug, Clone)]
pub struct ColumnTest {
    pub column: ColumnRef,
    pub test: Test,
}

#[derive(Debug, Clone)]
pub struct ColumnPair {
    pub left: ColumnRef,
    pub comparison: Comparison,
    pub right: ColumnRef,
}

/// What is asked of one value; which ones can occur follows from the column's type.
#[derive(Debug, Clone)]
pub enum Test {
    /// Never unknown.
    IsNull,
    /// Of JSON; never unknown.
    Exists,
    Int(Interval<i64>),
    IntIn(IntSet),
    Float(Interval<f64>),
    FloatIn(ValueSet),
    Text {
        comparison: Comparison,
        constant: String,
    },
    TextBetween {
        lower: Bound,
        upper: Bound,
    },
    TextIn(ValueSet),
    Like(Pattern),
    Arithmetic(Arithmetic),
    ArrayEquals {
        constants: Vec<Value>,
        negated: bool,
    },
    Contains(Contains),
    /// Of arrays; JSON that is no array has length 0.
    Length(Interval<i64>),
    Json {
        comparison: Comparison,
        constant: Value,
    },
    JsonBetween {
        lower: (Comparison, Value),
        upper: (Comparison, Value),
    },
    JsonIn(ValueSet),
}

#[derive(Debug, Clone)]
pub struct Bound {
    pub text: String,
    pub inclusive: bool,
}

#[derive(Debug, Clone)]
pub struct Contains {
    pub constants: ValueSet,
    /// Every one of them, or any.
    pub all: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArithmeticOperator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
}

/// `value operator operand comparison constant`.
#[derive(Debug, Clone, Copy)]
pub struct Arithmetic {
    pub operator: ArithmeticOperator,
    pub operand: Number,
    pub comparison: Comparison,
    pub constant: Number,
}

impl ArithmeticOperator {
    /// Wraps as Milvus does; the binder refuses a zero divisor.
    pub fn on_ints(self, left: i64, right: i64) -> i64 {
        match self {
            ArithmeticOperator::Add => left.wrapping_add(right),
            ArithmeticOperator::Subtract => left.wrapping_sub(right),
            ArithmeticOperator::Multiply => left.wrapping_mul(right),
            ArithmeticOperator::Divide if right != 0 => left.wrapping_div(right),
            ArithmeticOperator::Modulo if right != 0 => left.wrapping_rem(right),
            ArithmeticOperator::Divide | ArithmeticOperator::Modulo => 0,
        }
    }

    pub fn on_floats(self, left: f64, right: f64) -> f64 {
        match self {
            ArithmeticOperator::Add => left + right,
            ArithmeticOperator::Subtract => left - right,
            ArithmeticOperator::Multiply => left * right,
            ArithmeticOperator::Divide => left / right,
            ArithmeticOperator::Modulo => left % right,
        }
    }

    /// In the precision of Float columns.
    pub fn on_singles(self, left: f32, right: f32) -> f32 {
        match self {
            ArithmeticOperator::Add => left + right,
            ArithmeticOperator::Subtract => left - right,
            ArithmeticOperator::Multiply => left * right,
            ArithmeticOperator::Divide => left / right,
            ArithmeticOperator::Modulo => left % right,
        }
    }
}
