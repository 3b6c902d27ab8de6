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

impl Plan {
    pub fn reads_json(&self) -> bool {
        match self {
            Plan::And(terms) | Plan::Or(terms) => terms.iter().any(Plan::reads_json),
            Plan::Not(inner) => inner.reads_json(),
            Plan::Test(test) => test.column.data_type == DataType::Json,
            Plan::Columns(_) => false,
        }
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
