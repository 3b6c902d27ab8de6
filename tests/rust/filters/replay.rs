//! Filters that real engines answered, on the rows that they answered them for.
//!
//! Milvus 2.3.5 is what counts, and milvus-lite 3.2.2 for nulls; every filter with another answer here is in a table below
//! with its reason.

use super::{Table, field, push, schema};
use elanus::schema::{DYNAMIC_FIELD, DataType, DefaultValue};
use elanus::sorted::SortedMap;
use serde_json::{Value as Json, json};

const FIXTURES: &str = include_str!("../../conformance/cases/fixtures.json");
const SERVER: &str = include_str!("../../conformance/golden/milvus-2.3.5/filters.json");
const NEWEST: &str = include_str!("../../conformance/golden/milvus-lite-3.2.2/filters.json");

#[derive(Debug, PartialEq)]
enum Answer {
    Rows(&'static [usize]),
    /// The reason contains this.
    Refused(&'static str),
}
use Answer::{Refused, Rows};

const ALL: &[(&str, Answer, &str)] = &[
    ("id == 1 OR id == 2", Rows(&[1, 2]), "upper-case keywords came after 2.3.5"),
    ("id > 1 AND id < 3", Rows(&[2]), "upper-case keywords came after 2.3.5"),
    ("NOT (id == 1)", Rows(&[2, 3, 4, 5, 6]), "upper-case keywords came after 2.3.5"),
    (
        "1 < i32 + 1 < 12",
        Refused("comparisons between Bool, element_type: None and Int64 elementType: None are not supported"),
        "only == and != took arithmetic in 2.3.5; now the first comparison is fine and the second refuses",
    ),
    (
        "id == 9223372036854775808",
        Refused("error: strconv.ParseInt: parsing \"9223372036854775808\": value out of range"),
        "the recording masks long numbers",
    ),
    ("i32 + 0.5 == 10.5", Rows(&[1]), "2.3.5 rounds the operand to the type of the column"),
    ("s == apple", Refused("error: unsupported data type JSON"), "refused while binding instead of while running"),
    ("j[\"s\"] == s", Refused("error: unsupported data type JSON"), "refused while binding instead of while running"),
    ("s == null", Refused("error: unsupported data type JSON"), "refused while binding instead of while running"),
    (
        "j[\"a\"] == null",
        Refused("error: unsupported right datatype JSON of compare expr"),
        "refused while binding instead of while running",
    ),
    (
        "ai[0] == ai[1]",
        Refused("error: unsupported right datatype ARRAY of compare expr"),
        "refused while binding instead of while running",
    ),
    ("s like \"%ana\"", Rows(&[3]), "like took only prefixes"),
    ("s like \"%an%\"", Rows(&[3]), "like took only prefixes"),
    ("s like \"a%e\"", Rows(&[1]), "like took only prefixes"),
    ("s like \"a%p%e\"", Rows(&[1]), "like took only prefixes"),
    ("s like \"_pple\"", Rows(&[1]), "like took only prefixes"),
    ("s like \"ban\\\\%ana\"", Rows(&[3]), "like took only prefixes"),
    ("s like \"\"", Rows(&[4]), "an empty pattern was an empty prefix"),
    ("j[\"a\"] in [1, 2.5]", Rows(&[1, 2]), "lists of mixed types came after 2.3.5"),
    ("j[\"zz\"] != 1", Rows(&[]), "a missing key is unknown since 2.6"),
    ("not (j[\"zz\"] == 1)", Rows(&[]), "a missing key is unknown since 2.6"),
    ("color != \"red\"", Rows(&[2]), "a missing key is unknown since 2.6"),
    ("not (color == \"red\")", Rows(&[2]), "a missing key is unknown since 2.6"),
    ("color not in [\"red\"]", Rows(&[2]), "a missing key is unknown since 2.6; 3.2.2 differs from its own != here"),
    ("nosuch != 1", Rows(&[]), "a missing key is unknown since 2.6"),
    ("exists j[\"a\"]", Rows(&[1, 2, 5, 6]), "null does not exist since 2.6"),
    ("not exists j[\"a\"]", Rows(&[3, 4]), "null does not exist since 2.6"),
    ("exists $meta[\"color\"]", Rows(&[1, 2]), "null does not exist since 2.6"),
    ("j == {}", Refused("error: line 1:6 mismatched input '}' expecting Identifier"), "braces are of templates now"),
    ("id in {1}", Refused("error: line 1:7 mismatched input '1' expecting Identifier"), "braces are of templates now"),
    (
        "id == {x}",
        Refused("error: the value of expression template variable name {x} is not found"),
        "braces are of templates now",
    ),
    ("array_contains_all(ai, [])", Rows(&[1, 2, 3, 4, 5, 6]), "an empty list was only allowed after in"),
    ("array_contains_any(ai, [])", Rows(&[]), "an empty list was only allowed after in"),
    (
        "array_contains(ai, [1])",
        Refused("error: contains operation can't compare between array element type: Int64 and Array"),
        "refused while binding instead of while running",
    ),
    ("array_length(ai) > 1", Rows(&[1, 2, 5, 6]), "only == and != took arithmetic in 2.3.5"),
    ("s is not null", Rows(&[1, 2, 3, 4, 5, 6]), "is null came after 2.3.5"),
    ("j[\"a\"] is null", Rows(&[3, 4]), "is null came after 2.3.5"),
    ("j[\"a\"] is not null", Rows(&[1, 2, 5, 6]), "is null came after 2.3.5"),
    ("color is null", Rows(&[3, 4, 5, 6]), "is null came after 2.3.5"),
    ("color IS NOT NULL", Rows(&[1, 2]), "is null came after 2.3.5"),
    ("text_match(s, \"apple\")", Refused("error: field \"s\" does not enable match"), "text_match came after 2.3.5"),
    (
        "phrase_match(s, \"apple\")",
        Refused("error: field \"s\" does not enable match"),
        "phrase_match came after 2.3.5",
    ),
];

const NULLABLE: &[(&str, Answer, &str)] = &[
    ("s not like \"a%\"", Refused("error: invalid expression: s not like \"a%\""), "the text of 2.3.5 for it"),
    (
        "v is null",
        Refused("error: IsNull/IsNotNull operations are not supported on vector field"),
        "3.2.2 has texts of its own",
    ),
];

const DIVISION: &[(&str, Answer, &str)] = &[
    ("i32 / 0 == 1", Refused("error: divisor cannot be zero"), "2.3.5 dies of it"),
    ("i32 % 0 == 1", Refused("error: divisor cannot be zero"), "as the division"),
];

fn fixture(name: &str) -> Table {
    let fixtures: Json = serde_json::from_str(FIXTURES).unwrap();
    let steps = fixtures[name].as_array().unwrap();
    let mut fields = Vec::new();
    for (at, given) in steps[0][1]["fields"].as_array().unwrap().iter().enumerate() {
        let data_type = |key: &str| DataType::from_name(given[key].as_str()?);
        let mut new = field(100 + at as i64, given["name"].as_str().unwrap(), data_type("data_type").unwrap());
        new.element_type = data_type("element_type");
        new.is_primary_key = given["is_primary_key"] == true;
        new.nullable = given["nullable"] == true;
        new.default_value = given["default_value"].as_i64().map(DefaultValue::Int);
        new.dim = given["dim"].as_u64().map(|dim| dim as u32);
        fields.push(new);
    }
    fields.push(field(100 + fields.len() as i64, DYNAMIC_FIELD, DataType::Json));
    let rows: Vec<Json> = steps[1][1]["data"].as_array().unwrap().iter().map(as_javascript).collect();
    Table::new(schema(fields), &rows)
}

/// The rows went through JavaScript, where every number is a double: 9007199254740993 arrived as ...992.
fn as_javascript(json: &Json) -> Json {
    match json {
        Json::Number(number) => match number.as_f64().unwrap() {
            whole if whole.fract() == 0.0 => json!(whole as i64),
            _ => json.clone(),
        },
        Json::Array(items) => items.iter().map(as_javascript).collect(),
        Json::Object(items) => items.iter().map(|(key, value)| (key.clone(), as_javascript(value))).collect(),
        other => other.clone(),
    }
}

fn replay(case: &str, fixture_name: &str, recorded: &str, differences: &[(&str, Answer, &str)]) {
    let recorded: Vec<Json> = serde_json::from_str(recorded).unwrap();
    let case = recorded.into_iter().find(|recorded| recorded["name"] == case).unwrap();
    let results = case["observed"].as_array().unwrap().iter().find_map(|step| step["results"].as_object()).unwrap();
    let table = fixture(fixture_name);
    let mut wrong = Vec::new();
    for (text, golden) in results {
        let answer = table.matching(text);
        let difference = differences.iter().find(|(filter, ..)| filter == text);
        let same = match (&answer, difference.map(|(_, answer, _)| answer)) {
            (Ok(rows), Some(Rows(expected))) => rows == expected,
            (Err(reason), Some(Refused(expected))) => reason.contains(expected),
            (Ok(rows), None) => json!(rows) == *golden,
            (Err(reason), None) => golden["reason"] == json!(reason),
            _ => false,
        };
        if !same {
            wrong.push(format!("{text}\n    is {answer:?}\n    not {difference:?} {golden}"));
        }
        if let (Some((_, expected, _)), true) = (difference, same) {
            let also_recorded = match expected {
                Rows(rows) => json!(rows) == *golden,
                Refused(reason) => golden["reason"].as_str().is_some_and(|golden| golden.ends_with(reason)),
            };
            assert!(!also_recorded, "{text} is no difference");
        }
    }
    for (text, ..) in differences {
        assert!(results.contains_key(*text), "{text} was not recorded");
    }
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), results.len(), wrong.join("\n"));
}

#[test]
fn filters_answer_as_recorded() {
    replay("filters/all", "filterset", SERVER, ALL);
}

#[test]
fn nullable_fields_answer_as_recorded() {
    replay("filters/nullable", "nullset", NEWEST, NULLABLE);
}

#[test]
fn division_by_zero_is_refused() {
    replay("filters/division-by-zero", "filterset", SERVER, DIVISION);
}

/// No recorded engine knew templates; their answers follow from the filters without.
#[test]
fn templates_stand_for_their_values() {
    let table = fixture("filterset");
    let templates: SortedMap<String, Json> = [
        ("ids", json!({"array_val": {"long_data": {"data": [1, "2"]}}})),
        ("x", json!({"string_val": "apple"})),
        ("low", json!({"float_val": 0.1})),
        ("yes", json!({"bool_val": true})),
        ("big", json!({"int64_val": "9007199254740993"})),
        ("mixed", json!({"array_val": {"json_data": {"data": ["\"p\"", 3]}}})),
        ("nested", json!({"array_val": {"array_data": {"data": [{"long_data": {"data": [1]}}]}}})),
        ("bad", json!({"int64_val": "x"})),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect();
    let matching = |text: &str| table.matching_with(text, &templates);
    assert_eq!(matching("id in {ids}"), Ok(vec![1, 2]));
    assert_eq!(matching("s == {x}"), Ok(vec![1]));
    assert_eq!(matching("f > { low } and b == {yes}"), Ok(vec![1, 5, 6]));
    assert_eq!(matching("json_contains_any(j[\"arr\"], {mixed})"), Ok(vec![1, 2]));
    assert_eq!(matching("json_contains(j[\"arr\"], {nested})"), Ok(vec![]));
    assert_eq!(matching("id == {big}"), Ok(vec![]));
    for name in ["bad", "missing"] {
        assert!(matching(&format!("id == {{{name}}}")).is_err_and(|reason| reason.contains(name)));
    }
}

#[test]
fn whole_numbers_in_json_are_exact() {
    let mut table = fixture("filterset");
    let id = table.schema.field("j").unwrap().id;
    let column = table.columns.get_mut(&id).unwrap();
    push(&mut column.data, &json!({"big": 9007199254740993i64}));
    let mut rows = elanus::value::ColumnData::Json(Default::default());
    (0..6).for_each(|_| push(&mut rows, &json!({"big": 9007199254740993i64})));
    column.data = rows;
    assert_eq!(table.matching("j[\"big\"] == 9007199254740993"), Ok(vec![1, 2, 3, 4, 5, 6]));
    assert_eq!(table.matching("j[\"big\"] == 9007199254740992"), Ok(vec![]));
    assert_eq!(table.matching("j[\"big\"] == 9007199254740992.0"), Ok(vec![]));
    assert_eq!(table.matching("j[\"big\"] > 9007199254740992.0"), Ok(vec![1, 2, 3, 4, 5, 6]));
}
