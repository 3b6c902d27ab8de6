//! Rules that no recording shows: precedence, what may be read, which filters name their primary keys, and types.

use super::{Table, field, schema};
use elanus::expr::Filter;
use elanus::schema::{DYNAMIC_FIELD, DataType, FieldId};
use elanus::sorted::{SortedMap, SortedSet};
use elanus::value::PrimaryKeys;
use serde_json::json;

fn table() -> Table {
    let mut id = field(100, "id", DataType::Int64);
    id.is_primary_key = true;
    let mut numbers = field(105, "ai", DataType::Array);
    numbers.element_type = Some(DataType::Float);
    let mut vector = field(106, "v", DataType::FloatVector);
    vector.dim = Some(2);
    let fields = vec![
        id,
        field(101, "n", DataType::Int32),
        field(102, "f", DataType::Float),
        field(103, "s", DataType::VarChar),
        field(104, "j", DataType::Json),
        numbers,
        vector,
        field(107, DYNAMIC_FIELD, DataType::Json),
    ];
    let rows = [
        json!({"id": 1, "n": 10, "f": 0.1, "s": "a", "j": {"a": 1, "0": "zero"}, "ai": [0.1, 2], "v": [0, 0], "k": 1}),
        json!({"id": 2, "n": null, "f": null, "s": null, "j": null, "ai": null, "v": [0, 0]}),
        json!({"id": i64::MIN, "n": -7, "f": 3, "s": "b\\", "j": [5, "x"], "ai": [], "v": [0, 0], "k": null}),
    ];
    Table::new(schema(fields), &rows)
}

fn rows(text: &str) -> Vec<usize> {
    table().matching(text).unwrap()
}

fn reason(text: &str) -> String {
    table().matching(text).unwrap_err()
}

#[test]
fn operators_bind_as_in_the_grammar() {
    assert_eq!(rows("id == 1 or id == 2 and n == 10"), [1]);
    assert_eq!(rows("f == 2 * 2 ** 1 - 1 or k == 2 ** 0"), [1, 3]);
    assert_eq!(rows("not s like \"a\""), [3]);
    assert_eq!(rows("not k is null"), [1]);
    assert_eq!(rows("n + 1 == 11"), [1]);
    assert_eq!(rows("n == 1 + 3 * 3"), [1]);
    assert_eq!(rows("- 1 < id < 1 + 1"), [1]);
    assert_eq!(rows("1 > id"), [3]);
    assert!(reason("not n == 10").contains("not op can only be applied on boolean expression"));
    assert!(reason("n & 1 == 1").contains("BitAnd is not supported: n&1==1"));
    assert!(reason("-n == 1").contains("unexpected op: -"));
    assert!(reason("not n in [1]").contains("not op"));
    assert!(reason("1 - n == 1").contains("module field is not yet supported"));
    assert!(reason("n + n == 1").contains("not supported to do arithmetic operations between multiple fields"));
    assert!(reason("(id > 1) == true").contains("not supported to combine multiple fields"));
}

#[test]
fn keywords_have_two_spellings() {
    assert_eq!(rows("NOT (id IN [1]) AND (s LIKE 'b%' OR EXISTS k)"), [3]);
    assert!(reason("s Like 'b%'").contains("invalid expression"));
    assert!(reason("k is  null").contains("invalid expression"));
}

#[test]
fn names_end_where_they_end() {
    for text in ["id in[1,2]", "id in[1, 2]", "id IN[ 1, 2 ]", "id in[1,2] and n not in[7,8] or id in[ 2 ]"] {
        assert_eq!(rows(text), [1, 2], "{text}");
    }
    assert_eq!(rows(r#"s in["a", "z"]"#), [1]);
    for unclosed in [
        r#"j["a" == 1"#,
        r#"j["a" > 0"#,
        "ai[0 == 1",
        "k[1 is null",
        r#"exists j["a""#,
        r#"not exists j["a""#,
        r#"id > 0 and not exists j["a"["b""#,
        r#"json_contains(j["a", 1)"#,
        r#"array_length(j["a") > 0"#,
    ] {
        let reason = reason(unclosed);
        assert!(
            reason.contains("invalid expression") || reason.contains("mismatched input '['"),
            "{unclosed}: {reason}"
        );
    }
    for name in ["r", "r1", "rand", "RAND", "rin", "ror", "rnot", "rlike", "rtrue", "rexists", "rating", "raw", "r_"] {
        for text in [format!("{name} == 1"), format!("{name}[0] == 1"), format!("{name}[\"a\"] == 1")] {
            assert!(rows(&text).is_empty(), "{text}");
        }
        assert!(rows(&format!("exists {name}")).is_empty(), "{name}");
    }
    assert!(reason("id > 0 rand id < 3").contains("invalid expression"));
    assert_eq!(rows("s == r'a'"), [1]);
}

#[test]
fn functions_are_written_as_in_the_grammar() {
    for text in [
        "array_contains(ai, x = 1)",
        "array_contains(k = ai, s = 1)",
        r#"json_contains(x=j["a"], y=1)"#,
        "array_length(x = ai) == 1",
        "array_contains(ai, 1,)",
        r#"json_contains_any(j["a"], [1],)"#,
        "array_length(ai,) == 1",
        "array_length((ai)) == 1",
    ] {
        reason(text);
    }
    for name in ["json_contains", "ARRAY_LENGTH", "text_match", "random_sample", "st_within", "MATCH_ALL"] {
        for text in [
            format!("{name} is null"),
            format!("{name} > 3"),
            format!("exists {name}"),
            format!("1 < {name} <= 5"),
            format!("id in [1] or not {name}"),
        ] {
            reason(&text);
        }
        assert!(rows(&format!("{name}[\"a\"] == 1")).is_empty());
    }
    assert_eq!(rows("array_contains_any(ai, [2, 3,]) and array_length(ai) == 2"), [1]);
    assert!(rows("json_contain is not null or Random_Sample > 3").is_empty());
}

#[test]
fn literals_are_those_of_c() {
    assert_eq!(rows("n == 0xA and n == 012 and n == 0b1010"), [1]);
    assert_eq!(rows("f == 3. and f == .3e1 and f == 0x1.8p1"), [3]);
    assert_eq!(rows("id == -9223372036854775808"), [3]);
    assert_eq!(rows(r#"s == "b\\" and s == r"b\" and s == "\x62\134""#), [3]);
    assert_eq!(rows("id in [1, 2,]"), [1, 2]);
    assert!(reason("n == 08").contains("invalid expression"));
    for escape in [r"\?", r"\0", r"\1", r"\12", r"\400", r"\x1"] {
        assert!(reason(&format!("s == \"{escape}\"")).contains("invalid string literal"), "{escape}");
    }
}

#[test]
fn unknown_is_neither_true_nor_false() {
    assert_eq!(rows("k != 1 or not exists k"), [2, 3]);
    assert_eq!(rows("n == 10 or not (n == 10)"), [1, 3]);
    assert_eq!(rows("n == 10 or n is null"), [1, 2]);
    assert_eq!(rows("id == 2 or n > 0"), [1, 2]);
    assert_eq!(rows("not (id == 2 and n > 0)"), [1, 3]);
    assert_eq!(rows("n not in []"), [1, 3]);
    assert_eq!(rows("j[\"a\"] != 2"), [1]);
    assert_eq!(rows("not array_contains(ai, 5)"), [1, 3]);
    assert_eq!(rows("ai[0] != 5"), [1]);
    assert_eq!(rows("k is null"), [2, 3]);
    assert_eq!(rows("j is null"), [2]);
}

#[test]
fn paths_are_json_pointers() {
    assert_eq!(rows("j[0] == 5"), [3]);
    assert_eq!(rows("j[\"0\"] == 5 or j[0] == 'zero'"), [1, 3]);
    assert_eq!(rows("$meta[\"k\"] == 1"), [1]);
    assert!(reason("ai['0'] == 5").contains("can only access array field with integer index"));
    assert!(reason("n[0] == 5").contains("Int32 data type not supported accessed with []"));
    assert!(reason("exists n").contains("exists operations are only supported on json field, got: Int32"));
}

#[test]
fn singles_meet_constants_in_their_precision() {
    assert_eq!(rows("f == 0.1 and f in [0.1, 7] and 0.1 <= f <= 0.1 and ai == [0.1, 2]"), [1]);
    for text in ["ai[0] == 0.1", "ai[0] in [0.1]", "array_contains(ai, 0.1)", "ai[0] <= 0.1"] {
        assert!(rows(text).is_empty(), "{text}");
    }
    assert_eq!(rows("ai[0] > 0.1 and array_contains_all(ai, [2]) and ai[1] == 2"), [1]);
    assert_eq!(rows("f + 0.1 == 0.2"), [1]);
    assert!(rows("f > 1e300").is_empty());
    assert_eq!(rows("f < 1e300"), [1, 3]);
}

#[test]
fn zero_divides_nothing() {
    for text in ["n / 0 == 1", "n % 0 == 1", "f / 0.0 == 1", "j['a'] / 0 == 1", "n == 1 / 0", "n == 1 % 0"] {
        assert!(reason(text).contains("divisor cannot be zero"), "{text}");
    }
    assert_eq!(rows("id / -1 == -9223372036854775808"), [3]);
}

#[test]
fn functions_of_text_are_refused() {
    assert!(reason("text_match(s, 'a', minimum_should_match=2)").contains("field \"s\" does not enable match"));
    assert!(reason("id == 1 and random_sample(0.5)").contains("service unimplemented: random_sample in a filter"));
    assert!(reason("nope > 1 and id == 'a' and random_sample(0.5)").contains("comparisons between"));
    assert!(reason("s =~ 'a'").contains("regex match is not supported: s=~'a'"));
    assert!(reason("json_contains(j)").contains("invalid expression"));
    assert!(reason("json_contains_all(j, 1)").contains("ContainsAll operation element must be an array"));
}

#[test]
fn only_a_plain_comparison_of_the_primary_key_names_keys() {
    let table = table();
    let keys = |text: &str| table.parse(text).unwrap().primary_keys();
    assert_eq!(keys("((id) == 5)"), Some(PrimaryKeys::Int64(vec![5])));
    assert_eq!(keys("5 == id"), Some(PrimaryKeys::Int64(vec![5])));
    assert_eq!(keys("id in [3, 1, 3]"), Some(PrimaryKeys::Int64(vec![3, 1, 3])));
    assert_eq!(keys("id in []"), Some(PrimaryKeys::Int64(vec![])));
    for text in
        ["id != 5", "id not in [5]", "not (id in [5])", "id == 5 or id == 6", "id < 5", "n == 5", "id + 0 == 5", ""]
    {
        assert_eq!(keys(text), None, "{text}");
    }
    let mut id = field(100, "id", DataType::VarChar);
    id.is_primary_key = true;
    let texts = Table::new(schema(vec![id]), &[]);
    assert_eq!(texts.parse("id in ['x']").unwrap().primary_keys(), Some(PrimaryKeys::VarChar(vec!["x".into()])));
    assert_eq!(texts.parse("id in []").unwrap().primary_keys(), Some(PrimaryKeys::VarChar(vec![])));
    assert!(texts.parse("x == 1").unwrap_err().ends_with("error: field x not exist"));
}

#[test]
fn only_loaded_fields_are_read() {
    let table = table();
    let loaded: SortedSet<FieldId> = [FieldId(100), FieldId(101)].into();
    let parse = |text: &str| Filter::parse(text, &SortedMap::new(), &table.schema, Some(&loaded));
    assert_eq!(parse("id > 1 and n == 3 or id == 2").unwrap().fields(), &loaded);
    for (text, detail) in [
        ("s == 'a'", "field s is not loaded"),
        ("k == 1", "field k is dynamic but dynamic field is not loaded"),
        ("$meta['k'] == 1", "field $meta is not loaded"),
    ] {
        assert_eq!(parse(text).unwrap_err().to_string(), format!("cannot parse expression: {text}, error: {detail}"));
    }
    let mut unloaded = super::Table { columns: SortedMap::new(), ..table };
    let filter = unloaded.parse("n == 3").unwrap();
    assert!(filter.evaluate(&unloaded).unwrap_err().to_string().contains("field n is not loaded"));
    unloaded.columns.insert(FieldId(101), elanus::value::Column::new(elanus::value::ColumnData::Bool(vec![1])));
    assert!(filter.evaluate(&unloaded).is_err());
}

#[test]
fn chains_of_equalities_are_lists() {
    for (column, constants) in [
        ("n", vec!["10", "-7", "3"]),
        ("s", vec![r#""a""#, r#""z""#, r#""a""#]),
        (r#"j["a"]"#, vec!["1", r#""1""#, "true", "1.0", "2"]),
        ("k", vec!["1", "[1]", "0.5"]),
        ("f", vec!["0.1", "3"]),
    ] {
        let chain = |negated: &str| {
            let terms: Vec<String> = constants.iter().map(|it| format!("{negated}({column} == {it})")).collect();
            terms.join(if negated.is_empty() { " or " } else { " and " })
        };
        let of_each = |text: &str| constants.iter().flat_map(|it| rows(&format!("{column} == {it} {text}"))).collect();
        let any: SortedSet<usize> = of_each("");
        assert_eq!(rows(&chain("")), any.iter().copied().collect::<Vec<_>>(), "{column}");
        assert_eq!(rows(&format!("not ({})", chain(""))), rows(&chain("not ")), "{column}");
        // Others in between.
        let with_others = format!("id == 2 or {} or id == 2 or {column} == {}", chain(""), constants[0]);
        let and_two: SortedSet<usize> = any.iter().copied().chain([2]).collect();
        assert_eq!(rows(&with_others), and_two.into_iter().collect::<Vec<_>>(), "{column}");
    }
}
