//! Names and constants to plans: types are checked here, with the texts that Milvus refuses a filter with.
//!
//! The first refusal is kept and everything that contains it is `Poison`, because a syntax error further on goes first.

mod arithmetic;
mod compare;
mod functions;

use super::lexer::{Kind, Lexer, Operator};
use super::literal;
use super::plan::{ColumnRef, Plan};
use super::value::{Value, brief, from_template};
use crate::error::Error;
use crate::schema::{CollectionSchema, DataType, Field, FieldId};
use crate::sorted::{SortedMap, SortedSet};
use crate::value::PrimaryKeys;
use arithmetic::ArithmeticExpression;

/// Keys in one JSON path.
const MAX_PATH: usize = 256;

#[derive(Debug)]
pub struct Operand {
    kind: Meaning,
    /// Bytes of the text.
    start: usize,
    end: usize,
}

#[derive(Debug)]
enum Meaning {
    /// Something in here was refused.
    Poison,
    Value(Value),
    Column(Box<ColumnRef>),
    Arithmetic(Box<ArithmeticExpression>),
    Predicate(Predicate),
}

#[derive(Debug)]
struct Predicate {
    plan: Plan,
    /// When it is exactly a comparison of the primary key.
    keys: Option<PrimaryKeys>,
}

impl Operand {
    pub fn value(value: Value, start: usize, end: usize) -> Self {
        Operand { kind: Meaning::Value(value), start, end }
    }

    pub fn poison(start: usize, end: usize) -> Self {
        Operand { kind: Meaning::Poison, start, end }
    }

    /// The same in parentheses.
    pub fn spanning(self, start: usize, end: usize) -> Self {
        Operand { kind: self.kind, start, end }
    }

    fn is_poison(&self) -> bool {
        matches!(self.kind, Meaning::Poison)
    }

    fn column(&self) -> Option<&ColumnRef> {
        if let Meaning::Column(column) = &self.kind { Some(column) } else { None }
    }

    fn constant(&self) -> Option<&Value> {
        if let Meaning::Value(value) = &self.kind { Some(value) } else { None }
    }

    fn data_type(&self) -> DataType {
        match &self.kind {
            Meaning::Value(value) => value.data_type(),
            Meaning::Column(column) => column.data_type,
            Meaning::Arithmetic(arithmetic) => arithmetic.data_type,
            Meaning::Predicate(_) | Meaning::Poison => DataType::Bool,
        }
    }

    fn element_type(&self) -> Option<DataType> {
        match &self.kind {
            Meaning::Value(value) => value.element_type(),
            Meaning::Column(column) => column.element_type,
            _ => None,
        }
    }

    /// The type of a value, or of the elements if it is an array.
    fn compared_type(&self) -> Option<DataType> {
        match self.data_type() {
            DataType::Array => self.element_type(),
            data_type => Some(data_type),
        }
    }
}

/// What a filter turned out to be.
pub struct Bound {
    pub plan: Plan,
    pub fields: SortedSet<FieldId>,
    pub primary_keys: Option<PrimaryKeys>,
}

pub struct Binder<'a> {
    text: &'a str,
    templates: &'a SortedMap<String, serde_json::Value>,
    schema: &'a CollectionSchema,
    loaded: Option<&'a SortedSet<FieldId>>,
    fields: SortedSet<FieldId>,
    refusal: Option<String>,
    /// A function of Milvus that is not here yet.
    lacking: Option<&'static str>,
}

impl<'a> Binder<'a> {
    pub fn new(
        text: &'a str,
        templates: &'a SortedMap<String, serde_json::Value>,
        schema: &'a CollectionSchema,
        loaded: Option<&'a SortedSet<FieldId>>,
    ) -> Self {
        Binder { text, templates, schema, loaded, fields: SortedSet::new(), refusal: None, lacking: None }
    }

    pub fn finish(self, root: Operand) -> Result<Bound, Error> {
        if let Some(function) = self.lacking {
            return Err(Error::Unimplemented { what: format!("{function} in a filter") });
        }
        if let Some(refusal) = self.refusal {
            return Err(Error::QueryPlan(super::cannot_parse(self.text, &refusal)));
        }
        let data_type = root.data_type();
        match root.kind {
            Meaning::Predicate(Predicate { plan, keys }) => {
                Ok(Bound { plan: plan.with_sets(), fields: self.fields, primary_keys: keys })
            }
            _ => Err(Error::QueryPlan(format!(
                "predicate is not a boolean expression: {}, data type: {}",
                brief(self.text),
                data_type.name()
            ))),
        }
    }

    fn refuse(&mut self, refusal: impl Into<String>, start: usize, end: usize) -> Operand {
        self.refusal.get_or_insert_with(|| refusal.into());
        Operand::poison(start, end)
    }

    fn settle(&mut self, result: Result<Meaning, String>, start: usize, end: usize) -> Operand {
        match result {
            Ok(kind) => Operand { kind, start, end },
            Err(refusal) => self.refuse(refusal, start, end),
        }
    }

    /// The tokens of an operand without the space between them, as Milvus prints them.
    fn source(&self, operand: &Operand) -> String {
        self.source_between(operand.start, operand.end)
    }

    fn source_between(&self, start: usize, end: usize) -> String {
        let text = brief(&self.text[start..end]);
        let mut lexer = Lexer::new(&text);
        let mut source = String::with_capacity(text.len());
        loop {
            let token = lexer.next_token();
            if token.start == token.end {
                return source;
            }
            source.push_str(&text[token.start..token.end]);
        }
    }

    pub fn integer(&mut self, text: &str, negated: bool, start: usize, end: usize) -> Operand {
        // The least int64 is spelt as the negation of something too large; negating it again wraps to itself.
        let value = if negated && text == "9223372036854775808" { Ok(i64::MIN) } else { literal::integer(text) };
        self.settle(value.map(|int| Meaning::Value(Value::Int(int))), start, end)
    }

    pub fn float(&mut self, text: &str, start: usize, end: usize) -> Operand {
        self.settle(literal::float(text).map(Meaning::Value), start, end)
    }

    pub fn string(&mut self, text: &str, start: usize, end: usize) -> Operand {
        self.settle(literal::string(text).map(|text| Meaning::Value(Value::String(text))), start, end)
    }

    pub fn template(&mut self, name: &str, start: usize, end: usize) -> Operand {
        let value = match self.templates.get(name) {
            Some(json) => from_template(name, json),
            None => Err(format!("the value of expression template variable name {{{name}}} is not found")),
        };
        self.settle(value.map(Meaning::Value), start, end)
    }

    pub fn list_item(&mut self, operand: Operand) -> Option<Value> {
        let source = |binder: &Self, operand: &Operand| binder.source(operand);
        match operand.kind {
            Meaning::Value(value) => Some(value),
            Meaning::Poison => None,
            _ => {
                let refusal = format!("array element type must be generic value, but got: {}", source(self, &operand));
                self.refuse(refusal, operand.start, operand.end);
                None
            }
        }
    }

    pub fn column(&mut self, text: &str, indexed: bool, start: usize, end: usize) -> Operand {
        let resolved = self.resolve(text, indexed).map(|column| Meaning::Column(Box::new(column)));
        self.settle(resolved, start, end)
    }

    /// A field, or a key of the dynamic field, with the path behind it.
    fn resolve(&mut self, text: &str, indexed: bool) -> Result<ColumnRef, String> {
        let (name, indexes) = match text.find('[').filter(|_| indexed) {
            Some(at) => text.split_at(at),
            None => (text, ""),
        };
        let mut path = Vec::new();
        let field = match self.schema.field(name) {
            Some(field) => {
                self.require_loaded(field, || format!("field {name} is not loaded"))?;
                field
            }
            None => {
                let field = self.schema.dynamic_field().ok_or_else(|| format!("field {name} not exist"))?;
                self.require_loaded(field, || format!("field {name} is dynamic but dynamic field is not loaded"))?;
                path.push(name.to_owned());
                field
            }
        };
        if indexed && !matches!(field.data_type, DataType::Json | DataType::Array) {
            return Err(format!("{} data type not supported accessed with []", field.data_type.name()));
        }
        for key in Indexes(indexes) {
            let quoted = key.starts_with(['"', '\'']);
            if quoted && field.data_type == DataType::Array {
                return Err("can only access array field with integer index".into());
            }
            let key = if quoted { literal::string(key)? } else { key.to_owned() };
            if key.is_empty() {
                return Err(format!("invalid identifier: {}", brief(text)));
            }
            path.push(key);
            if path.len() > MAX_PATH {
                return Err(format!("json path is longer than {MAX_PATH} keys"));
            }
        }
        if field.data_type == DataType::Array && path.len() > 1 {
            return Err(format!("invalid identifier: {}", brief(text)));
        }
        self.fields.insert(field.id);
        Ok(ColumnRef {
            id: field.id,
            name: field.name.clone(),
            data_type: field.data_type,
            element_type: field.element_type,
            path,
        })
    }

    fn require_loaded(&self, field: &Field, refusal: impl Fn() -> String) -> Result<(), String> {
        if self.loaded.is_none_or(|loaded| loaded.contains(&field.id)) { Ok(()) } else { Err(refusal()) }
    }

    pub fn unary(&mut self, operator: Operator, operand: Operand, start: usize) -> Operand {
        let end = operand.end;
        if operand.is_poison() {
            return operand;
        }
        let result = match operator {
            Operator::Exists => self.exists(&operand),
            Operator::Not => match operand.kind {
                Meaning::Predicate(Predicate { plan, .. }) => Ok(predicate(match plan {
                    Plan::Not(inner) => *inner,
                    plan => Plan::Not(Box::new(plan)),
                })),
                Meaning::Value(Value::Bool(value)) => Ok(Meaning::Value(Value::Bool(!value))),
                _ => Err("not op can only be applied on boolean expression".into()),
            },
            _ => self.signed(operator, operand),
        };
        self.settle(result, start, end)
    }

    pub fn binary(&mut self, left: Operand, operator: Operator, negated: bool, right: Operand) -> Operand {
        let (start, end) = (left.start, right.end);
        if left.is_poison() || right.is_poison() {
            return Operand::poison(start, end);
        }
        let unsupported =
            |what: &str, binder: &Self| Err(format!("{what} is not supported: {}", binder.source_between(start, end)));
        let result = match operator {
            Operator::And | Operator::Or => logical(operator, left, right),
            Operator::Less
            | Operator::LessEqual
            | Operator::Greater
            | Operator::GreaterEqual
            | Operator::Equal
            | Operator::NotEqual => self.compare(operator, left, right),
            Operator::In => self.membership(left, negated, right),
            Operator::ShiftLeft | Operator::ShiftRight => unsupported("shift", self),
            Operator::BitAnd => unsupported("BitAnd", self),
            Operator::BitOr => unsupported("BitOr", self),
            Operator::BitXor => unsupported("BitXor", self),
            Operator::RegexMatch | Operator::RegexNotMatch => unsupported("regex match", self),
            _ => self.arithmetic(left, operator, right),
        };
        self.settle(result, start, end)
    }
}

fn predicate(plan: Plan) -> Meaning {
    Meaning::Predicate(Predicate { plan, keys: None })
}

/// Chains become one list, so that a hundred thousand terms are no deeper than two.
fn logical(operator: Operator, left: Operand, right: Operand) -> Result<Meaning, String> {
    let and = operator == Operator::And;
    match (left.kind, right.kind) {
        (Meaning::Value(Value::Bool(left)), Meaning::Value(Value::Bool(right))) => {
            Ok(Meaning::Value(Value::Bool(if and { left && right } else { left || right })))
        }
        (Meaning::Predicate(left), Meaning::Predicate(right)) => Ok(predicate(match (left.plan, and) {
            (Plan::And(mut terms), true) => {
                terms.push(right.plan);
                Plan::And(terms)
            }
            (Plan::Or(mut terms), false) => {
                terms.push(right.plan);
                Plan::Or(terms)
            }
            (left, true) => Plan::And(vec![left, right.plan]),
            (left, false) => Plan::Or(vec![left, right.plan]),
        })),
        _ => {
            let name = if and { "and" } else { "or" };
            Err(format!("'{name}' can only be used between boolean expressions"))
        }
    }
}

/// The name and the keys of text like `name["key"][0]`, if it is just that.
pub fn split_path(text: &str) -> Option<(&str, Vec<String>)> {
    let token = Lexer::new(text).next_token();
    let is_path = matches!(token.kind, Kind::Identifier | Kind::JsonIdentifier | Kind::Function);
    if !is_path || (token.start, token.end) != (0, text.len()) {
        return None;
    }
    let (name, indexes) = text.split_at(text.find('[').unwrap_or(text.len()));
    let key = |index: &str| match index.starts_with(['"', '\'']) {
        true => literal::string(index).ok(),
        false => Some(index.to_owned()),
    };
    Some((name, Indexes(indexes).map(key).collect::<Option<_>>()?))
}

/// The keys between the brackets of `["a"][0]`, quotes included. The lexer has checked the shape.
struct Indexes<'a>(&'a str);

impl<'a> Iterator for Indexes<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let inner = self.0.strip_prefix('[')?;
        let quote = inner.chars().next()?;
        let mut escaped = false;
        let closing = inner.char_indices().skip(1).find(|(_, letter)| {
            let closes = !escaped && *letter == if matches!(quote, '"' | '\'') { quote } else { ']' };
            escaped = !escaped && *letter == '\\';
            closes
        });
        let end = closing.map(|(at, letter)| if letter == ']' { at } else { at + 1 })?;
        self.0 = inner.get(end + 1..)?;
        inner.get(..end)
    }
}
