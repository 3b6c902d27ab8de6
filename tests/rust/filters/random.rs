//! Random filters over random nullable columns, against the definition: one row at a time, with three truth values.

use super::{Table, field, schema};
use elanus::schema::{DYNAMIC_FIELD, DataType};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

#[derive(Debug, Clone)]
enum Tree {
    And(Vec<Tree>),
    Or(Vec<Tree>),
    Not(Box<Tree>),
    Compare { column: Column, operator: &'static str, constant: Json, reversed: bool },
    Columns { left: Column, operator: &'static str, right: Column },
    Between { column: Column, lower: Json, above: &'static str, below: &'static str, upper: Json },
    In { column: Column, constants: Vec<Json>, negated: bool },
    Like { column: Column, pattern: String },
    IsNull { column: Column, negated: bool },
    Exists { column: Column },
    Contains { column: Column, mode: &'static str, constants: Vec<Json> },
    Length { column: Column, operator: &'static str, constant: i64 },
    Arithmetic { column: Column, arithmetic: char, operand: Json, operator: &'static str, constant: Json },
}

/// As it is written, and where a row has it.
#[derive(Debug, Clone, Copy)]
struct Column {
    text: &'static str,
    field: &'static str,
    path: &'static [&'static str],
}

const fn plain(name: &'static str) -> Column {
    Column { text: name, field: name, path: &[] }
}

const INTS: [Column; 3] = [plain("i8"), plain("i64"), Column { text: "ai[1]", field: "ai", path: &["1"] }];
const FLOATS: [Column; 2] = [plain("f"), plain("d")];
const TEXTS: [Column; 2] = [plain("s"), Column { text: "as_[0]", field: "as_", path: &["0"] }];
const JSONS: [Column; 4] = [
    Column { text: "j[\"a\"]", field: "j", path: &["a"] },
    Column { text: "j[\"a\"][0]", field: "j", path: &["a", "0"] },
    Column { text: "j['b']['a']", field: "j", path: &["b", "a"] },
    Column { text: "dyn", field: DYNAMIC_FIELD, path: &["dyn"] },
];
const BOOLS: [Column; 1] = [plain("b")];
const LEFT_NUMBERS: [Column; 4] = [plain("i8"), plain("i64"), plain("f"), plain("d")];
const RIGHT_NUMBERS: [Column; 2] = [plain("i64"), plain("d")];
const ARRAYS: [Column; 2] = [plain("ai"), plain("as_")];
const OPERATORS: [&str; 6] = ["==", "!=", "<", "<=", ">", ">="];

fn value<'r>(row: &'r Json, column: &Column) -> Option<&'r Json> {
    let mut value = match column.field {
        DYNAMIC_FIELD => row,
        field => row.get(field)?,
    };
    for key in column.path {
        value = match value {
            Json::Array(items) => items.get(key.parse::<usize>().ok()?)?,
            other => other.get(key)?,
        };
    }
    (!value.is_null()).then_some(value)
}

fn ordering(left: &Json, right: &Json) -> Option<std::cmp::Ordering> {
    match (left, right) {
        (Json::Bool(left), Json::Bool(right)) => Some(left.cmp(right)),
        (Json::String(left), Json::String(right)) => Some(left.cmp(right)),
        (Json::Number(left), Json::Number(right)) => match (left.as_i64(), right.as_i64()) {
            (Some(left), Some(right)) => Some(left.cmp(&right)),
            (Some(left), None) => exactly(left, right.as_f64()?),
            (None, Some(right)) => exactly(right, left.as_f64()?).map(std::cmp::Ordering::reverse),
            (None, None) => left.as_f64()?.partial_cmp(&right.as_f64()?),
        },
        (Json::Array(left), Json::Array(right)) => {
            let equal = left.len() == right.len() && left.iter().zip(right).all(|(left, right)| equal(left, right));
            equal.then_some(std::cmp::Ordering::Equal)
        }
        _ => None,
    }
}

/// Doubles of this test split exactly into an i128 and a fraction.
fn exactly(left: i64, right: f64) -> Option<std::cmp::Ordering> {
    let fraction = 0.0.partial_cmp(&right.fract())?;
    Some(i128::from(left).cmp(&(right.trunc() as i128)).then(fraction))
}

fn equal(left: &Json, right: &Json) -> bool {
    ordering(left, right).is_some_and(|ordering| ordering.is_eq())
}

fn holds(left: &Json, operator: &str, right: &Json) -> bool {
    let ordering = ordering(left, right);
    match operator {
        "==" => ordering.is_some_and(|ordering| ordering.is_eq()),
        "!=" => !ordering.is_some_and(|ordering| ordering.is_eq()),
        "<" => ordering.is_some_and(|ordering| ordering.is_lt()),
        "<=" => ordering.is_some_and(|ordering| ordering.is_le()),
        ">" => ordering.is_some_and(|ordering| ordering.is_gt()),
        _ => ordering.is_some_and(|ordering| ordering.is_ge()),
    }
}

fn like(pattern: &[char], text: &[char]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some(('%', rest)) => (0..=text.len()).any(|skip| like(rest, &text[skip..])),
        Some(('_', rest)) => !text.is_empty() && like(rest, &text[1..]),
        Some((letter, rest)) => text.first() == Some(letter) && like(rest, &text[1..]),
    }
}

impl Tree {
    fn text(&self) -> String {
        let list = |constants: &[Json]| constants.iter().map(Json::to_string).collect::<Vec<_>>().join(", ");
        let join = |terms: &[Tree], by: &str| {
            terms.iter().map(|term| format!("({})", term.text())).collect::<Vec<_>>().join(by)
        };
        match self {
            Tree::And(terms) => join(terms, " and "),
            Tree::Or(terms) => join(terms, " || "),
            Tree::Not(inner) => format!("not ({})", inner.text()),
            Tree::Compare { column, operator, constant, reversed: false } => {
                format!("{} {operator} {constant}", column.text)
            }
            Tree::Compare { column, operator, constant, reversed: true } => {
                let flipped = operator.replace('<', "#").replace('>', "<").replace('#', ">");
                format!("{constant}{flipped}{}", column.text)
            }
            Tree::Columns { left, operator, right } => format!("{} {operator} {}", left.text, right.text),
            Tree::Between { column, lower, above, below, upper } => {
                format!("{lower} {above} {} {below} {upper}", column.text)
            }
            Tree::In { column, constants, negated } => {
                format!("{} {}in [{}]", column.text, if *negated { "not " } else { "" }, list(constants))
            }
            Tree::Like { column, pattern } => format!("{} like \"{pattern}\"", column.text),
            Tree::IsNull { column, negated } => {
                format!("{} is {}null", column.text, if *negated { "not " } else { "" })
            }
            Tree::Exists { column } => format!("exists {}", column.text),
            Tree::Contains { column, mode: "", constants } => {
                format!("json_contains({}, {})", column.text, list(constants))
            }
            Tree::Contains { column, mode, constants } => {
                format!("array_contains{mode}({}, [{}])", column.text, list(constants))
            }
            Tree::Length { column, operator, constant } => {
                format!("array_length({}) {operator} {constant}", column.text)
            }
            Tree::Arithmetic { column, arithmetic, operand, operator, constant } => {
                format!("{} {arithmetic} {operand} {operator} {constant}", column.text)
            }
        }
    }

    /// `None` is unknown.
    fn holds(&self, row: &Json) -> Option<bool> {
        match self {
            Tree::And(terms) => decided(terms.iter().map(|term| term.holds(row)), false),
            Tree::Or(terms) => decided(terms.iter().map(|term| term.holds(row)), true),
            Tree::Not(inner) => inner.holds(row).map(|holds| !holds),
            Tree::Compare { column, operator, constant, .. } => Some(holds(value(row, column)?, operator, constant)),
            Tree::Columns { left, operator, right } => Some(holds(value(row, left)?, operator, value(row, right)?)),
            Tree::Between { column, lower, above, below, upper } => {
                let value = value(row, column)?;
                Some(holds(lower, above, value) && holds(value, below, upper))
            }
            Tree::In { column, constants, negated } => {
                let value = value(row, column)?;
                Some(constants.iter().any(|constant| equal(value, constant)) != *negated)
            }
            Tree::Like { column, pattern } => Some(
                value(row, column)?
                    .as_str()
                    .is_some_and(|text| like(&pattern.chars().collect::<Vec<_>>(), &text.chars().collect::<Vec<_>>())),
            ),
            Tree::IsNull { column, negated } => Some(value(row, column).is_none() != *negated),
            Tree::Exists { column } => Some(value(row, column).is_some()),
            Tree::Contains { column, mode, constants } => {
                let items = value(row, column)?.as_array();
                let has = |constant: &Json| items.is_some_and(|items| items.iter().any(|item| equal(item, constant)));
                Some(match *mode {
                    "_all" => items.is_some() && constants.iter().all(has),
                    _ => constants.iter().any(has),
                })
            }
            Tree::Length { column, operator, constant } => {
                let length = value(row, column)?.as_array().map_or(0, Vec::len);
                Some(holds(&json!(length), operator, &json!(constant)))
            }
            Tree::Arithmetic { column, arithmetic, operand, operator, constant } => {
                let value = value(row, column)?;
                let whole = value.as_i64().zip(operand.as_i64()).map(|(left, right)| match arithmetic {
                    '+' => left.wrapping_add(right),
                    '-' => left.wrapping_sub(right),
                    '*' => left.wrapping_mul(right),
                    '/' => left.wrapping_div(right),
                    _ => left.wrapping_rem(right),
                });
                let real = value.as_f64().zip(operand.as_f64()).map(|(left, right)| match arithmetic {
                    '+' => left + right,
                    '-' => left - right,
                    '*' => left * right,
                    '/' => left / right,
                    _ => left % right,
                });
                let result = whole.map(Json::from).or(real.map(Json::from)).unwrap_or(Json::Null);
                Some(holds(&result, operator, constant))
            }
        }
    }
}

/// One term of this value decides; failing that, one unknown term leaves it open.
fn decided(terms: impl Iterator<Item = Option<bool>>, deciding: bool) -> Option<bool> {
    let terms: Vec<_> = terms.collect();
    if terms.contains(&Some(deciding)) {
        return Some(deciding);
    }
    (!terms.contains(&None)).then_some(!deciding)
}

fn int() -> impl Strategy<Value = i64> {
    prop_oneof![4 => -3i64..4, 1 => Just(i64::MAX), 1 => Just(i64::MIN + 1), 1 => Just(200)]
}

/// Halves are exact as singles, so that one definition serves both float types.
fn half() -> impl Strategy<Value = f64> {
    (-6i32..7).prop_map(|halves| f64::from(halves) / 2.0)
}

fn word() -> impl Strategy<Value = String> {
    "[ab%_é]{0,3}"
}

fn scalar() -> impl Strategy<Value = Json> {
    prop_oneof![
        int().prop_map(Json::from),
        half().prop_map(Json::from),
        word().prop_map(Json::from),
        any::<bool>().prop_map(Json::from)
    ]
}

fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![1 => Just(Json::Null), 4 => scalar()];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            inner.prop_map(|value| json!({ "a": value })),
        ]
    })
}

fn row() -> impl Strategy<Value = Json> {
    fn maybe<T: Into<Json> + std::fmt::Debug>(values: impl Strategy<Value = T>) -> impl Strategy<Value = Json> {
        prop::option::weighted(0.75, values.prop_map(Into::into)).prop_map(|value| value.unwrap_or(Json::Null))
    }
    let object = prop::option::of(any_json())
        .prop_flat_map(|a| prop::option::of(any_json()).prop_map(move |b| (a.clone(), b)))
        .prop_map(|(a, b)| {
            Json::Object(
                [("a", a), ("b", b)].into_iter().filter_map(|(key, value)| Some((key.into(), value?))).collect(),
            )
        });
    (
        (maybe(-128i64..128), maybe(int()), maybe(half()), maybe(half()), maybe(any::<bool>()), maybe(word())),
        (maybe(object), maybe(prop::collection::vec(int(), 0..4)), maybe(prop::collection::vec(word(), 0..3)), any_json()),
    )
        .prop_map(|((i8, i64, f, d, b, s), (j, ai, as_, dynamic))| {
            json!({"id": 1, "i8": i8, "i64": i64, "f": f, "d": d, "b": b, "s": s, "j": j, "ai": ai, "as_": as_, "dyn": dynamic})
        })
}

fn table(rows: &[Json]) -> Table {
    let named = [
        ("id", DataType::Int64),
        ("i8", DataType::Int8),
        ("i64", DataType::Int64),
        ("f", DataType::Float),
        ("d", DataType::Double),
        ("b", DataType::Bool),
        ("s", DataType::VarChar),
        ("j", DataType::Json),
        ("ai", DataType::Array),
        ("as_", DataType::Array),
        (DYNAMIC_FIELD, DataType::Json),
    ];
    let fields = named.iter().zip(100..).map(|((name, data_type), id)| {
        let mut new = field(id, name, *data_type);
        new.is_primary_key = *name == "id";
        new.nullable = *name != "id";
        new.element_type = match *name {
            "ai" => Some(DataType::Int64),
            "as_" => Some(DataType::VarChar),
            _ => None,
        };
        new
    });
    Table::new(schema(fields.collect()), rows)
}

fn pick<T: Clone + std::fmt::Debug>(from: &'static [T]) -> impl Strategy<Value = T> {
    prop::sample::select(from)
}

fn term() -> BoxedStrategy<Tree> {
    let ints = || int().prop_map(Json::from).boxed();
    let floats = || prop_oneof![half().prop_map(Json::from), (-3i64..4).prop_map(Json::from)].boxed();
    let words = || word().prop_map(Json::from).boxed();
    let of = |columns: &'static [Column], constants: BoxedStrategy<Json>| {
        let compare = (pick(columns), pick(&OPERATORS), constants.clone(), any::<bool>())
            .prop_map(|(column, operator, constant, reversed)| Tree::Compare { column, operator, constant, reversed });
        let within = (pick(columns), prop::collection::vec(constants, 0..4), any::<bool>())
            .prop_map(|(column, constants, negated)| Tree::In { column, constants, negated });
        prop_oneof![compare, within].boxed()
    };
    let between = |columns: &'static [Column], constants: BoxedStrategy<Json>| {
        (pick(columns), constants.clone(), pick(&["<", "<="]), pick(&["<", "<="]), constants)
            .prop_map(|(column, lower, above, below, upper)| Tree::Between { column, lower, above, below, upper })
            .boxed()
    };
    let arithmetic = |columns: &'static [Column],
                      operand: BoxedStrategy<Json>,
                      constant: BoxedStrategy<Json>,
                      of: &'static [char]| {
        let operand = operand.prop_filter("a zero divisor is refused", |operand| operand.as_f64() != Some(0.0));
        (pick(columns), pick(of), operand, pick(&OPERATORS), constant)
            .prop_map(|(column, arithmetic, operand, operator, constant)| Tree::Arithmetic {
                column,
                arithmetic,
                operand,
                operator,
                constant,
            })
            .boxed()
    };
    let null =
        (prop_oneof![pick(&INTS[..2]), pick(&FLOATS), pick(&JSONS), pick(&ARRAYS), Just(plain("j"))], any::<bool>())
            .prop_map(|(column, negated)| Tree::IsNull { column, negated });
    let contains = prop_oneof![
        (Just(ARRAYS[0]), pick(&["_all", "_any"]), prop::collection::vec(ints(), 0..4)),
        (Just(ARRAYS[1]), pick(&["_all", "_any"]), prop::collection::vec(words(), 0..3)),
        (pick(&JSONS), pick(&["_all", "_any"]), prop::collection::vec(scalar().boxed(), 0..3)),
        (pick(&JSONS), Just(""), prop::collection::vec(scalar().boxed(), 1)),
        (Just(ARRAYS[0]), Just(""), prop::collection::vec(ints(), 1)),
    ]
    .prop_map(|(column, mode, constants)| Tree::Contains { column, mode, constants });
    let arrays = prop_oneof![
        (Just(ARRAYS[0]), prop::collection::vec(ints(), 1..3)),
        (pick(&JSONS), prop::collection::vec(ints(), 1..3)),
        (pick(&JSONS), prop::collection::vec(words(), 1..3))
    ];
    prop_oneof![
        of(&INTS, ints()),
        of(&FLOATS, floats()),
        of(&TEXTS, words()),
        of(&BOOLS, any::<bool>().prop_map(Json::from).boxed()),
        of(&JSONS, scalar().boxed()),
        between(&INTS, ints()),
        between(&FLOATS, floats()),
        between(&TEXTS, words()),
        between(&JSONS, floats()),
        between(&JSONS, words()),
        arithmetic(&INTS, ints(), ints(), &['+', '-', '*', '/', '%']),
        arithmetic(&INTS[..1], half().prop_map(Json::from).boxed(), floats(), &['+', '-', '*', '/']),
        arithmetic(&FLOATS, half().prop_map(Json::from).boxed(), floats(), &['+', '-', '*']),
        arithmetic(&JSONS, ints(), ints(), &['+', '-', '*', '/', '%']),
        (prop_oneof![pick(&TEXTS), pick(&JSONS)], word()).prop_map(|(column, pattern)| Tree::Like { column, pattern }),
        null,
        pick(&JSONS).prop_map(|column| Tree::Exists { column }),
        contains,
        (prop_oneof![pick(&ARRAYS), pick(&JSONS)], pick(&OPERATORS), 0i64..3)
            .prop_map(|(column, operator, constant)| Tree::Length { column, operator, constant }),
        (arrays, pick(&["==", "!="]), any::<bool>()).prop_map(|((column, constants), operator, reversed)| {
            Tree::Compare { column, operator, constant: constants.into(), reversed }
        }),
        (pick(&LEFT_NUMBERS), pick(&OPERATORS), pick(&RIGHT_NUMBERS))
            .prop_map(|(left, operator, right)| Tree::Columns { left, operator, right }),
    ]
    .boxed()
}

fn tree() -> impl Strategy<Value = Tree> {
    term().prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4).prop_map(Tree::And),
            prop::collection::vec(inner.clone(), 2..4).prop_map(Tree::Or),
            inner.prop_map(|tree| Tree::Not(Box::new(tree))),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn columns_agree_with_rows(rows in prop::collection::vec(row(), 1..70), tree in tree()) {
        let text = tree.text();
        let expected: Vec<usize> = rows
            .iter()
            .zip(1..)
            .filter(|(row, _)| tree.holds(row) == Some(true))
            .map(|(_, number)| number)
            .collect();
        prop_assert_eq!(table(&rows).matching(&text), Ok(expected), "{}", text);
    }
}
