//! `+ - * / % **`, folded where both sides are constants.

use super::{Binder, Meaning, Operand};
use crate::expr::lexer::Operator;
use crate::expr::plan::{Arithmetic, ArithmeticOperator, ColumnRef, Test};
use crate::expr::sets::Interval;
use crate::expr::value::{Comparison, Number, Value};
use crate::schema::DataType;

#[derive(Debug)]
pub struct ArithmeticExpression {
    pub data_type: DataType,
    shape: Shape,
}

#[derive(Debug)]
enum Shape {
    Column {
        column: ColumnRef,
        operator: ArithmeticOperator,
        operand: Number,
    },
    Length(ColumnRef),
    /// Milvus refuses these only where they are compared.
    Refused(&'static str),
}

const DIVISOR_IS_ZERO: &str = "divisor cannot be zero";

impl ArithmeticExpression {
    pub fn length(column: ColumnRef) -> Self {
        ArithmeticExpression { data_type: DataType::Int64, shape: Shape::Length(column) }
    }

    /// The test of `self comparison constant`; the constant has been cast to the type of `self`.
    pub fn compare(self, comparison: Comparison, constant: &Value) -> Result<(ColumnRef, Test), String> {
        match self.shape {
            Shape::Refused(refusal) => Err(refusal.into()),
            Shape::Length(column) => match constant {
                Value::Int(length) => Ok((column, Test::Length(Interval::<i64>::new(comparison, *length)))),
                other => Err(format!("cannot cast value to Int64, value: {}", other.to_proto_text())),
            },
            Shape::Column { column, operator, operand } => {
                let constant = constant
                    .number()
                    .ok_or_else(|| format!("cannot cast value to Double, value: {}", constant.to_proto_text()))?;
                Ok((column, Test::Arithmetic(Arithmetic { operator, operand, comparison, constant })))
            }
        }
    }
}

impl Binder<'_> {
    pub(super) fn arithmetic(&mut self, left: Operand, operator: Operator, right: Operand) -> Result<Meaning, String> {
        if let (Some(left), Some(right)) = (left.constant(), right.constant()) {
            return fold(left, operator, right).map(Meaning::Value);
        }
        let (name, operation) = match operator {
            Operator::Add => ("add", ArithmeticOperator::Add),
            Operator::Subtract => ("subtract", ArithmeticOperator::Subtract),
            Operator::Multiply => ("multiply", ArithmeticOperator::Multiply),
            Operator::Divide => ("divide", ArithmeticOperator::Divide),
            Operator::Modulo => ("modulo", ArithmeticOperator::Modulo),
            _ => return Err("power can only apply on constants".into()),
        };
        for operand in [&left, &right] {
            if operand.column().is_some_and(|column| column.data_type == DataType::Array && column.path.is_empty()) {
                return Err("can not comparisons array fields directly".into());
            }
        }
        let (Some(left_type), Some(right_type)) = (numeric_type(&left), numeric_type(&right)) else {
            return Err(format!("'{name}' can only be used between integer or floating or json field expressions"));
        };
        let whole = |operand: &Operand| {
            operand.column().is_some_and(|column| {
                let value_type = column.value_type();
                value_type.is_integer() || value_type == DataType::Json
            })
        };
        if operation == ArithmeticOperator::Modulo && !whole(&left) && !whole(&right) {
            return Err("modulo can only apply on integer types".into());
        }
        let data_type = match (left_type, right_type) {
            (DataType::Json, DataType::Json) => DataType::Json,
            (left, right) if left.is_floating() || right.is_floating() => DataType::Double,
            _ => DataType::Int64,
        };
        let shape = match (left.kind, right.kind) {
            (Meaning::Column(column), Meaning::Value(value)) => {
                let operand = value.number().ok_or("complicated arithmetic operations are not supported")?;
                let divides = matches!(operation, ArithmeticOperator::Divide | ArithmeticOperator::Modulo);
                if divides && operand.to_f64() == 0.0 {
                    return Err(DIVISOR_IS_ZERO.into());
                }
                Shape::Column { column: *column, operator: operation, operand }
            }
            (Meaning::Value(value), Meaning::Column(column)) => match operation {
                ArithmeticOperator::Add | ArithmeticOperator::Multiply => {
                    let operand = value.number().ok_or("complicated arithmetic operations are not supported")?;
                    Shape::Column { column: *column, operator: operation, operand }
                }
                _ => Shape::Refused("module field is not yet supported"),
            },
            (Meaning::Column(_), Meaning::Column(_)) => {
                Shape::Refused("not supported to do arithmetic operations between multiple fields")
            }
            _ => Shape::Refused("complicated arithmetic operations are not supported"),
        };
        Ok(Meaning::Arithmetic(Box::new(ArithmeticExpression { data_type, shape })))
    }

    /// `+ - ~` in front of something.
    pub(super) fn signed(&mut self, operator: Operator, operand: Operand) -> Result<Meaning, String> {
        match (operator, operand.kind) {
            (Operator::Add, Meaning::Value(value @ (Value::Int(_) | Value::Float(_)))) => Ok(Meaning::Value(value)),
            (Operator::Subtract, Meaning::Value(Value::Int(int))) => Ok(Meaning::Value(Value::Int(int.wrapping_neg()))),
            (Operator::Subtract, Meaning::Value(Value::Float(float))) => Ok(Meaning::Value(Value::Float(-float))),
            (Operator::Add, kind @ (Meaning::Column(_) | Meaning::Arithmetic(_))) => Ok(kind),
            (operator, _) => Err(format!("unexpected op: {}", symbol(operator))),
        }
    }
}

fn symbol(operator: Operator) -> &'static str {
    match operator {
        Operator::Add => "+",
        Operator::Subtract => "-",
        _ => "~",
    }
}

fn numeric_type(operand: &Operand) -> Option<DataType> {
    let data_type = operand.column().map_or_else(|| operand.data_type(), ColumnRef::value_type);
    let numeric = data_type.is_integer() || data_type.is_floating() || data_type == DataType::Json;
    numeric.then_some(data_type)
}

fn fold(left: &Value, operator: Operator, right: &Value) -> Result<Value, String> {
    let operation = match operator {
        Operator::Add => ArithmeticOperator::Add,
        Operator::Subtract => ArithmeticOperator::Subtract,
        Operator::Multiply => ArithmeticOperator::Multiply,
        Operator::Divide => ArithmeticOperator::Divide,
        Operator::Modulo => ArithmeticOperator::Modulo,
        // Always a double, since 2 ** -1 is one.
        _ => {
            return match (left.number(), right.number()) {
                (Some(left), Some(right)) => Ok(Value::Float(left.to_f64().powf(right.to_f64()))),
                _ => Err("power can only apply on constants".into()),
            };
        }
    };
    let (Some(left), Some(right)) = (left.number(), right.number()) else {
        return Err("arithmetic can only be used between numbers".into());
    };
    let divides = matches!(operation, ArithmeticOperator::Divide | ArithmeticOperator::Modulo);
    if divides && right.to_f64() == 0.0 {
        return Err(DIVISOR_IS_ZERO.into());
    }
    match (left, right) {
        (Number::Int(left), Number::Int(right)) => Ok(Value::Int(operation.on_ints(left, right))),
        _ if operation == ArithmeticOperator::Modulo => Err("modulo can only apply on integer types".into()),
        (left, right) => Ok(Value::Float(operation.on_floats(left.to_f64(), right.to_f64()))),
    }
}
