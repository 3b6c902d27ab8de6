//! `exists`, `is null`, `like` and what is written as a call.

use super::arithmetic::ArithmeticExpression;
use super::compare::comparable;
use super::{Binder, Meaning, Operand, predicate};
use crate::expr::like::Pattern;
use crate::expr::plan::{ColumnRef, ColumnTest, Contains, Plan, Test};
use crate::expr::sets::ValueSet;
use crate::expr::value::{Value, brief};
use crate::expr::{lexer, literal};
use crate::schema::DataType;

fn test(column: ColumnRef, test: Test) -> Meaning {
    predicate(Plan::Test(Box::new(ColumnTest { column, test })))
}

#[derive(Clone, Copy, PartialEq)]
enum ContainsMode {
    One,
    All,
    Any,
}

impl Binder<'_> {
    pub(super) fn exists(&mut self, operand: &Operand) -> Result<Meaning, String> {
        let Some(column) = operand.column() else {
            let text = self.source(operand);
            return Err(format!("exists operations are only supported on single fields now, got: {text}"));
        };
        if column.data_type != DataType::Json {
            let name = column.data_type.name();
            return Err(format!("exists operations are only supported on json field, got: {name}"));
        }
        if column.path.is_empty() {
            return Err("exists operations are not supported now on dynamic field".into());
        }
        Ok(test(column.clone(), Test::Exists))
    }

    /// Of a JSON path it is whether the path exists, the other way round.
    pub fn is_null(&mut self, operand: Operand, negated: bool, end: usize) -> Operand {
        let start = operand.start;
        if operand.is_poison() {
            return operand;
        }
        let result = match operand.kind {
            Meaning::Column(column) if column.data_type.is_vector() => {
                Err("IsNull/IsNotNull operations are not supported on vector field".to_owned())
            }
            Meaning::Column(column) if column.path.is_empty() => Ok((*column, Test::IsNull, negated)),
            Meaning::Column(column) if column.data_type == DataType::Json => Ok((*column, Test::Exists, !negated)),
            Meaning::Column(column) => {
                let name = column.data_type.name();
                Err(format!("exists operations are only supported on json field, got: {name}"))
            }
            _ => Err("IsNull/IsNotNull operations are only supported on single fields".to_owned()),
        };
        let result = result.map(|(column, condition, negated)| {
            let plan = Plan::Test(Box::new(ColumnTest { column, test: condition }));
            predicate(if negated { Plan::Not(Box::new(plan)) } else { plan })
        });
        self.settle(result, start, end)
    }

    pub fn like(&mut self, operand: Operand, pattern: &str, end: usize) -> Operand {
        let start = operand.start;
        if operand.is_poison() {
            return operand;
        }
        let result = match operand.kind {
            Meaning::Column(column) if matches!(column.value_type(), DataType::VarChar | DataType::Json) => {
                literal::string(pattern).map(|pattern| test(*column, Test::Like(Pattern::new(&pattern))))
            }
            Meaning::Arithmetic(_) | Meaning::Predicate(_) => {
                Err("like operation on complicated expr is unsupported".to_owned())
            }
            _ => Err("like operation on non-string or no-json field is unsupported".to_owned()),
        };
        self.settle(result, start, end)
    }

    /// `Err` where the grammar of Milvus has no such call.
    pub fn call(&mut self, name: &str, arguments: Vec<Operand>, start: usize, end: usize) -> Result<Operand, String> {
        let mode = match name {
            "json_contains" | "JSON_CONTAINS" | "array_contains" | "ARRAY_CONTAINS" => Some(ContainsMode::One),
            "json_contains_all" | "JSON_CONTAINS_ALL" | "array_contains_all" | "ARRAY_CONTAINS_ALL" => {
                Some(ContainsMode::All)
            }
            "json_contains_any" | "JSON_CONTAINS_ANY" | "array_contains_any" | "ARRAY_CONTAINS_ANY" => {
                Some(ContainsMode::Any)
            }
            _ => None,
        };
        let invalid = || format!("invalid expression: {}", brief(self.text));
        let poisoned = arguments.iter().any(Operand::is_poison);
        let result = match (mode, name) {
            (Some(mode), _) => {
                let [column, element]: [Operand; 2] = arguments.try_into().map_err(|_| invalid())?;
                if poisoned { Ok(Meaning::Poison) } else { self.contains(mode, column, element) }
            }
            (None, "array_length" | "ARRAY_LENGTH") => {
                let [column]: [Operand; 1] = arguments.try_into().map_err(|_| invalid())?;
                if poisoned { Ok(Meaning::Poison) } else { self.length(column, start, end) }
            }
            (None, _) => match lexer::function(name) {
                Some(_) if poisoned => Ok(Meaning::Poison),
                Some(function) => Err(self.unsupported(function, &arguments)),
                None => Err(invalid()),
            },
        };
        Ok(self.settle(result, start, end))
    }

    /// Why a function that Milvus has is refused here: by its rules, or because it is not here yet.
    fn unsupported(&mut self, function: &'static str, arguments: &[Operand]) -> String {
        let column = arguments.first().and_then(Operand::column);
        if let Some(column) = column.filter(|_| matches!(function, "text_match" | "phrase_match" | "text_match_fuzzy"))
        {
            let field = self.schema.field_by_id(column.id);
            if !field.is_some_and(|field| field.is_set("enable_match")) {
                return format!("field \"{}\" does not enable match", column.name);
            }
        }
        if self.refusal.is_none() {
            self.lacking = Some(function);
        }
        format!("{function} is not supported")
    }

    fn contains(&mut self, mode: ContainsMode, left: Operand, right: Operand) -> Result<Meaning, String> {
        let (left_text, right_text) = (self.source(&left), self.source(&right));
        let column = match left.kind {
            Meaning::Column(column) if matches!(column.value_type(), DataType::Json | DataType::Array) => *column,
            _ => {
                return Err(format!(
                    "contains operation are only supported on json or array fields now, got: {left_text}"
                ));
            }
        };
        let Meaning::Value(element) = right.kind else {
            return Err(format!(
                "contains operation are only supported explicitly specified element, got: {right_text}"
            ));
        };
        let constants = match (mode, element) {
            (ContainsMode::One, element) => vec![element],
            (_, Value::Array(elements)) => elements,
            (ContainsMode::All, _) => return Err("ContainsAll operation element must be an array".into()),
            (ContainsMode::Any, _) => return Err("ContainsAny operation element must be an array".into()),
        };
        if let Some(element_type) = column.element_type {
            for constant in &constants {
                let data_type = constant.data_type();
                if !comparable(Some(element_type), Some(data_type)) {
                    return Err(format!(
                        "contains operation can't compare between array element type: {} and {}",
                        element_type.name(),
                        data_type.name()
                    ));
                }
            }
        }
        let contains = Contains { constants: ValueSet::new(constants), all: mode == ContainsMode::All };
        Ok(test(column, Test::Contains(contains)))
    }

    fn length(&mut self, operand: Operand, start: usize, end: usize) -> Result<Meaning, String> {
        let is_bare = !self.source(&operand).starts_with('(');
        match operand.kind {
            Meaning::Column(column) if is_bare && matches!(column.value_type(), DataType::Json | DataType::Array) => {
                Ok(Meaning::Arithmetic(Box::new(ArithmeticExpression::length(*column))))
            }
            _ => {
                let text = self.source_between(start, end);
                Err(format!("array_length operation are only supported on json or array fields now, got: {text}"))
            }
        }
    }
}
