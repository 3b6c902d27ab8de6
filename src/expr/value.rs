//! Constants of a filter, from its text or from its template values, and how numbers compare.

use crate::json;
use crate::schema::DataType;
use crate::value::float_text;
use std::cmp::Ordering;
use std::fmt;

#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Bool(bool),
    Int(i64),
    Float(f64),
    String(String),
    Array(Vec<Value>),
}

impl Value {
    pub fn data_type(&self) -> DataType {
        match self {
            Value::Bool(_) => DataType::Bool,
            Value::Int(_) => DataType::Int64,
            Value::Float(_) => DataType::Double,
            Value::String(_) => DataType::VarChar,
            Value::Array(_) => DataType::Array,
        }
    }

    /// The one type of an array's elements; numbers of both kinds together are doubles.
    pub fn element_type(&self) -> Option<DataType> {
        let Value::Array(values) = self else { return None };
        let mut types = values.iter().map(Value::data_type);
        let first = types.next()?;
        types.try_fold(first, |common, next| match (common, next) {
            (common, next) if common == next => Some(common),
            (DataType::Int64 | DataType::Double, DataType::Int64 | DataType::Double) => Some(DataType::Double),
            _ => None,
        })
    }

    pub fn number(&self) -> Option<Number> {
        match self {
            Value::Int(int) => Some(Number::Int(*int)),
            Value::Float(float) => Some(Number::Float(*float)),
            _ => None,
        }
    }

    /// As Milvus' errors print it: the text of its protobuf message.
    pub fn to_proto_text(&self) -> String {
        match self {
            Value::Bool(value) => format!("bool_val:{value} "),
            Value::Int(value) => format!("int64_val:{value} "),
            Value::Float(value) => format!("float_val:{} ", float_text(*value)),
            Value::String(value) => format!("string_val:{value:?} "),
            Value::Array(values) => {
                let values: Vec<_> = values.iter().take(16).map(|value| format!("array:{{{value}}}")).collect();
                format!("array_val:{{{}}} ", values.join(" "))
            }
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Bool(value) => write!(out, "{value}"),
            Value::Int(value) => write!(out, "{value}"),
            Value::Float(value) => out.write_str(&float_text(*value)),
            Value::String(value) => write!(out, "\"{value}\""),
            Value::Array(values) => {
                out.write_str("[")?;
                for (at, value) in values.iter().enumerate() {
                    write!(out, "{}{value}", if at == 0 { "" } else { "," })?;
                }
                out.write_str("]")
            }
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number {
    Int(i64),
    Float(f64),
}

impl Number {
    /// By value, without rounding either side; `None` with NaN.
    pub fn compare(self, other: Number) -> Option<Ordering> {
        match (self, other) {
            (Number::Int(left), Number::Int(right)) => Some(left.cmp(&right)),
            (Number::Float(left), Number::Float(right)) => left.partial_cmp(&right),
            (Number::Int(left), Number::Float(right)) => compare_int_float(left, right),
            (Number::Float(left), Number::Int(right)) => compare_int_float(right, left).map(Ordering::reverse),
        }
    }

    pub fn to_f64(self) -> f64 {
        match self {
            Number::Int(int) => int as f64,
            Number::Float(float) => float,
        }
    }
}

fn compare_int_float(int: i64, float: f64) -> Option<Ordering> {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    if float >= LIMIT {
        Some(Ordering::Less)
    } else if float < -LIMIT {
        Some(Ordering::Greater)
    } else {
        let whole = float.trunc();
        // With NaN the fraction is NaN as well, which is what makes the whole comparison unknown.
        let fraction = 0.0.partial_cmp(&(float - whole))?;
        Some(int.cmp(&(whole as i64)).then(fraction))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Equal,
    NotEqual,
}

impl Comparison {
    /// The operator after its two sides have changed places.
    pub fn flipped(self) -> Self {
        match self {
            Comparison::Less => Comparison::Greater,
            Comparison::LessEqual => Comparison::GreaterEqual,
            Comparison::Greater => Comparison::Less,
            Comparison::GreaterEqual => Comparison::LessEqual,
            same => same,
        }
    }

    /// `None` are two values that do not compare: they are different, and neither is the greater.
    pub fn holds(self, ordering: Option<Ordering>) -> bool {
        match (self, ordering) {
            (Comparison::NotEqual, ordering) => ordering != Some(Ordering::Equal),
            (_, None) => false,
            (Comparison::Less, Some(ordering)) => ordering.is_lt(),
            (Comparison::LessEqual, Some(ordering)) => ordering.is_le(),
            (Comparison::Greater, Some(ordering)) => ordering.is_gt(),
            (Comparison::GreaterEqual, Some(ordering)) => ordering.is_ge(),
            (Comparison::Equal, Some(ordering)) => ordering.is_eq(),
        }
    }
}

/// Template values nest no deeper than this; the text of a filter has its own limit.
const MAX_TEMPLATE_DEPTH: usize = 32;

/// The constant in a `TemplateValue` of Milvus' protocol, as JSON.
pub fn from_template(name: &str, json: &serde_json::Value) -> Result<Value, String> {
    template(json, 0).ok_or_else(|| format!("invalid template value of {{{name}}}: {}", brief(&json.to_string())))
}

fn template(json: &serde_json::Value, depth: usize) -> Option<Value> {
    let object = json.as_object().filter(|_| depth <= MAX_TEMPLATE_DEPTH)?;
    // An int64 that a double cannot hold travels as a decimal string.
    let int = |json: &serde_json::Value| match json {
        serde_json::Value::String(digits) => digits.parse().ok().map(Value::Int),
        number => number.as_i64().map(Value::Int),
    };
    let list = |json: &serde_json::Value, read: &dyn Fn(&serde_json::Value) -> Option<Value>| {
        let items = json.get("data").unwrap_or(json).as_array()?;
        items.iter().map(read).collect::<Option<Vec<_>>>().map(Value::Array)
    };
    let (kind, inner) = object.iter().find(|(_, inner)| !inner.is_null())?;
    match kind.as_str() {
        "bool_val" => inner.as_bool().map(Value::Bool),
        "int64_val" => int(inner),
        "float_val" => inner.as_f64().map(Value::Float),
        "string_val" => inner.as_str().map(|text| Value::String(text.to_owned())),
        "array_val" => {
            let (kind, inner) = inner.as_object()?.iter().find(|(_, inner)| !inner.is_null())?;
            match kind.as_str() {
                "bool_data" => list(inner, &|item| item.as_bool().map(Value::Bool)),
                "long_data" | "int_data" => list(inner, &int),
                "double_data" | "float_data" => list(inner, &|item| item.as_f64().map(Value::Float)),
                "string_data" => list(inner, &|item| item.as_str().map(|text| Value::String(text.to_owned()))),
                "json_data" => list(inner, &|item| json_item(item, depth + 1)),
                "array_data" => list(inner, &|item| {
                    template(&serde_json::json!({ "array_val": item.get("array_val").unwrap_or(item) }), depth + 1)
                }),
                _ => None,
            }
        }
        _ => None,
    }
}

/// An item of a mixed list: the JSON itself, or its text as the protocol carries it.
fn json_item(json: &serde_json::Value, depth: usize) -> Option<Value> {
    match json {
        serde_json::Value::Bool(value) => Some(Value::Bool(*value)),
        serde_json::Value::Number(number) => number.as_i64().map(Value::Int).or(number.as_f64().map(Value::Float)),
        serde_json::Value::String(text) => match json::parse(text.as_bytes()) {
            Ok(serde_json::Value::String(inner)) => Some(Value::String(inner)),
            Ok(inner) if depth <= MAX_TEMPLATE_DEPTH => json_item(&inner, depth + 1),
            _ => Some(Value::String(text.clone())),
        },
        serde_json::Value::Array(items) if depth <= MAX_TEMPLATE_DEPTH => {
            items.iter().map(|item| json_item(item, depth + 1)).collect::<Option<_>>().map(Value::Array)
        }
        _ => None,
    }
}

/// The start of a text that may be megabytes.
pub fn brief(text: &str) -> std::borrow::Cow<'_, str> {
    const LIMIT: usize = 2048;
    if text.len() <= LIMIT {
        return text.into();
    }
    let end = (0..=LIMIT).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    format!("{}...", &text[..end]).into()
}
