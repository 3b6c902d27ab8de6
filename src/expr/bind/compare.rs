//! Comparisons, ranges and `in`.

use super::{Binder, Meaning, Operand, Predicate, predicate};
use crate::expr::lexer::Operator;
use crate::expr::plan::{Bound, ColumnPair, ColumnRef, ColumnTest, Plan, Test};
use crate::expr::sets::{IntSet, Interval, ValueSet};
use crate::expr::value::{Comparison, Value};
use crate::schema::DataType;
use crate::value::PrimaryKeys;

pub(super) fn comparison(operator: Operator) -> Comparison {
    match operator {
        Operator::Less => Comparison::Less,
        Operator::LessEqual => Comparison::LessEqual,
        Operator::Greater => Comparison::Greater,
        Operator::GreaterEqual => Comparison::GreaterEqual,
        Operator::NotEqual => Comparison::NotEqual,
        _ => Comparison::Equal,
    }
}

/// Whether Milvus compares values of these types at all.
pub(super) fn comparable(left: Option<DataType>, right: Option<DataType>) -> bool {
    // A list of mixed types has none, and may be what a path leads to.
    let (left, right) = match (left, right) {
        (Some(DataType::Json), _) => return true,
        (Some(left), Some(right)) => (left, right),
        _ => return false,
    };
    let number = |data_type: DataType| data_type.is_integer() || data_type.is_floating();
    match left {
        DataType::Bool => matches!(right, DataType::Bool | DataType::Json),
        DataType::VarChar => matches!(right, DataType::VarChar | DataType::Json),
        left if number(left) => number(right) || right == DataType::Json,
        _ => false,
    }
}

/// The constant as a value of this type.
pub(super) fn cast(data_type: DataType, value: Value) -> Result<Value, String> {
    match (data_type, value) {
        (DataType::Json, value) => Ok(value),
        (DataType::Array, value @ Value::Array(_)) => Ok(value),
        (DataType::Bool, value @ Value::Bool(_)) => Ok(value),
        (DataType::VarChar, value @ Value::String(_)) => Ok(value),
        (data_type, value @ Value::Int(_)) if data_type.is_integer() => Ok(value),
        (data_type, value @ Value::Float(_)) if data_type.is_floating() => Ok(value),
        (data_type, Value::Int(int)) if data_type.is_floating() => Ok(Value::Float(int as f64)),
        (data_type, value) => {
            Err(format!("cannot cast value to {}, value: {}", data_type.name(), value.to_proto_text()))
        }
    }
}

/// A constant that meets a Float column is a single as well: `f == 3.4` means the single next to 3.4. What meets an element of
/// an array is not, in Milvus: `a[0] == 3.4` means 3.4, which no single is.
fn in_precision(column: &ColumnRef, value: f64) -> f64 {
    if column.data_type == DataType::Float { f64::from(value as f32) } else { value }
}

fn test(column: ColumnRef, test: Test) -> Plan {
    Plan::Test(Box::new(ColumnTest { column, test }))
}

impl Binder<'_> {
    pub(super) fn compare(&mut self, operator: Operator, left: Operand, right: Operand) -> Result<Meaning, String> {
        let mut comparison = comparison(operator);
        let (left_type, right_type) = (left.data_type(), right.data_type());
        if !comparable(left.compared_type(), right.compared_type()) && !empty_array(&left, &right) {
            let element = |operand: &Operand| operand.element_type().map_or("None", DataType::name);
            return Err(format!(
                "comparisons between {}, element_type: {} and {} elementType: {} are not supported",
                left_type.name(),
                element(&left),
                right_type.name(),
                element(&right)
            ));
        }
        let (left, constant) = match (left.kind, right.kind) {
            (Meaning::Value(left), Meaning::Value(right)) => {
                return fold(comparison, &left, &right).map(|holds| Meaning::Value(Value::Bool(holds)));
            }
            (Meaning::Value(constant), other) => {
                comparison = comparison.flipped();
                (other, constant)
            }
            (other, Meaning::Value(constant)) => (other, constant),
            (Meaning::Column(left), Meaning::Column(right)) => {
                return columns(*left, comparison, *right).map(predicate);
            }
            _ => return Err("only comparison between two fields is supported".into()),
        };
        match left {
            Meaning::Column(column) => self.compare_column(*column, comparison, constant),
            Meaning::Arithmetic(arithmetic) => {
                let constant = cast(arithmetic.data_type, constant)?;
                let (column, condition) = arithmetic.compare(comparison, &constant)?;
                Ok(predicate(test(column, condition)))
            }
            _ => Err("not supported to combine multiple fields".into()),
        }
    }

    fn compare_column(
        &mut self,
        column: ColumnRef,
        comparison: Comparison,
        constant: Value,
    ) -> Result<Meaning, String> {
        let value_type = column.value_type();
        let constant = cast(value_type, constant)?;
        let equality = matches!(comparison, Comparison::Equal | Comparison::NotEqual);
        if matches!(constant, Value::Array(_)) && !equality {
            return Err("arrays can only be compared by == and !=".into());
        }
        let keys =
            (comparison == Comparison::Equal).then(|| self.keys(&column, std::slice::from_ref(&constant))).flatten();
        let condition = match (value_type, constant) {
            (DataType::Json, constant) => Test::Json { comparison, constant },
            (DataType::Array, Value::Array(constants)) => {
                Test::ArrayEquals { constants, negated: comparison == Comparison::NotEqual }
            }
            (_, Value::Bool(value)) => Test::Int(Interval::<i64>::new(comparison, i64::from(value))),
            (_, Value::Int(int)) => Test::Int(Interval::<i64>::new(comparison, int)),
            (_, Value::Float(float)) => Test::Float(Interval::<f64>::new(comparison, in_precision(&column, float))),
            (_, Value::String(constant)) => Test::Text { comparison, constant },
            (_, Value::Array(_)) => return Err("can not comparisons array fields directly".into()),
        };
        Ok(Meaning::Predicate(Predicate { plan: test(column, condition), keys }))
    }

    /// The constants as primary keys, if that is what the column is.
    fn keys(&self, column: &ColumnRef, constants: &[Value]) -> Option<PrimaryKeys> {
        if column.id != self.schema.primary_key().id {
            return None;
        }
        let ints = constants.iter().map(|key| if let Value::Int(key) = key { Some(*key) } else { None });
        if let Some(keys) = ints.collect::<Option<Vec<_>>>().filter(|_| column.data_type == DataType::Int64) {
            return Some(PrimaryKeys::Int64(keys));
        }
        let texts = constants.iter().map(|key| if let Value::String(key) = key { Some(key.clone()) } else { None });
        texts.collect::<Option<Vec<_>>>().map(PrimaryKeys::VarChar)
    }

    /// `first lower column upper last`, in either direction.
    pub fn range(&mut self, first: (Operand, Operator), column: Operand, last: (Operator, Operand)) -> Operand {
        let (start, end) = (first.0.start, last.1.end);
        if first.0.is_poison() || column.is_poison() || last.1.is_poison() {
            return Operand::poison(start, end);
        }
        let ascending = matches!(first.1, Operator::Less | Operator::LessEqual);
        // As comparisons of the column: what stands on its left turns round.
        let left = (comparison(first.1).flipped(), first.0);
        let right = (comparison(last.0), last.1);
        let (lower, upper) = if ascending { (left, right) } else { (right, left) };
        let result = self.between(column, lower, upper);
        self.settle(result, start, end)
    }

    fn between(
        &mut self,
        column: Operand,
        (above, lower): (Comparison, Operand),
        (below, upper): (Comparison, Operand),
    ) -> Result<Meaning, String> {
        let Meaning::Column(column) = column.kind else { return Err("invalid range operations".into()) };
        let value_type = column.value_type();
        if value_type == DataType::Array {
            return Err("can not comparisons array fields directly".into());
        }
        let (lower_text, upper_text) = (self.source(&lower), self.source(&upper));
        let Meaning::Value(lower) = lower.kind else {
            return Err(format!("lowerbound cannot be a non-const expression: {lower_text}"));
        };
        let Meaning::Value(upper) = upper.kind else {
            return Err(format!("upperbound cannot be a non-const expression: {upper_text}"));
        };
        let refused = || "invalid range operations".to_owned();
        let condition = match value_type {
            DataType::Bool => return Err("invalid range operations on boolean expr".into()),
            DataType::Json => match (&lower, &upper) {
                (Value::String(_), Value::String(_)) => {
                    Test::JsonBetween { lower: (above, lower), upper: (below, upper) }
                }
                (lower_value, upper_value) if lower_value.number().and(upper_value.number()).is_some() => {
                    Test::JsonBetween { lower: (above, lower), upper: (below, upper) }
                }
                _ => return Err(refused()),
            },
            integer if integer.is_integer() => match (lower, upper) {
                (Value::Int(lower), Value::Int(upper)) => {
                    Test::Int(Interval::<i64>::new(above, lower).and(Interval::<i64>::new(below, upper)))
                }
                _ => return Err(refused()),
            },
            float if float.is_floating() => match (cast(float, lower), cast(float, upper)) {
                (Ok(Value::Float(lower)), Ok(Value::Float(upper))) => {
                    let lower = Interval::<f64>::new(above, in_precision(&column, lower));
                    Test::Float(lower.and(Interval::<f64>::new(below, in_precision(&column, upper))))
                }
                _ => return Err(refused()),
            },
            DataType::VarChar => match (lower, upper) {
                (Value::String(lower), Value::String(upper)) => Test::TextBetween {
                    lower: Bound { text: lower, inclusive: above == Comparison::GreaterEqual },
                    upper: Bound { text: upper, inclusive: below == Comparison::LessEqual },
                },
                _ => return Err(refused()),
            },
            _ => return Err(refused()),
        };
        Ok(predicate(test(*column, condition)))
    }

    pub(super) fn membership(&mut self, left: Operand, negated: bool, right: Operand) -> Result<Meaning, String> {
        let text = self.source(&left);
        if left.constant().is_some() {
            return Err(format!("'term' can only be used on non-const expression, but got: {text}"));
        }
        let list = self.source_between(right.start, right.end.min(right.start + 100));
        let column = match left.kind {
            Meaning::Column(column) if column.value_type() != DataType::Array && !column.data_type.is_vector() => {
                *column
            }
            _ => return Err(format!("'term' can only be used on single field, but got: {text}")),
        };
        let Meaning::Value(Value::Array(values)) = right.kind else {
            return Err(format!("the right-hand side of 'in' must be a list, but got: {list}"));
        };
        let value_type = column.value_type();
        let mut constants = Vec::with_capacity(values.len());
        for value in values {
            let name = value_type.name();
            let source = if matches!(value, Value::Array(_)) { "[..]".to_owned() } else { value.to_string() };
            constants.push(
                cast(value_type, value).map_err(|_| format!("value '{source}' in list cannot be casted to {name}"))?,
            );
        }
        let keys = if negated { None } else { self.keys(&column, &constants) };
        let condition = match value_type {
            DataType::Json => Test::JsonIn(ValueSet::new(constants)),
            DataType::VarChar => Test::TextIn(ValueSet::new(constants)),
            floating if floating.is_floating() => {
                let rounded = constants.into_iter().map(|constant| match constant {
                    Value::Float(float) => Value::Float(in_precision(&column, float)),
                    other => other,
                });
                Test::FloatIn(ValueSet::new(rounded.collect()))
            }
            _ => {
                let ints = constants.iter().filter_map(|constant| match constant {
                    Value::Int(int) => Some(*int),
                    Value::Bool(value) => Some(i64::from(*value)),
                    _ => None,
                });
                Test::IntIn(IntSet::new(ints.collect()))
            }
        };
        let plan = test(column, condition);
        let plan = if negated { Plan::Not(Box::new(plan)) } else { plan };
        Ok(Meaning::Predicate(Predicate { plan, keys }))
    }
}

/// `[]` has no element type, and equals every other empty array.
fn empty_array(left: &Operand, right: &Operand) -> bool {
    let empty = |operand: &Operand| matches!(operand.constant(), Some(Value::Array(values)) if values.is_empty());
    let array = |operand: &Operand| matches!(operand.data_type(), DataType::Array | DataType::Json);
    empty(left) && array(right) || empty(right) && array(left)
}

fn columns(left: ColumnRef, comparison: Comparison, right: ColumnRef) -> Result<Plan, String> {
    for (column, other) in [(&left, &right), (&right, &left)] {
        match column.data_type {
            DataType::Array if column.path.is_empty() => {
                return Err("can not comparisons array fields directly".into());
            }
            DataType::Array => return Err("unsupported right datatype ARRAY of compare expr".into()),
            DataType::Json if other.data_type == DataType::VarChar => return Err("unsupported data type JSON".into()),
            DataType::Json => return Err("unsupported right datatype JSON of compare expr".into()),
            _ => {}
        }
    }
    Ok(Plan::Columns(Box::new(ColumnPair { left, comparison, right })))
}

fn fold(comparison: Comparison, left: &Value, right: &Value) -> Result<bool, String> {
    let ordering = match (left, right) {
        (Value::Bool(left), Value::Bool(right)) => Some(left.cmp(right)),
        (Value::String(left), Value::String(right)) => Some(left.cmp(right)),
        (left, right) => match (left.number(), right.number()) {
            (Some(left), Some(right)) => left.compare(right),
            _ => return Err("comparisons between two constant arrays are not supported".into()),
        },
    };
    Ok(comparison.holds(ordering))
}
