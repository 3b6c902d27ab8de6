//! Texts that want to exhaust the stack, the memory or the clock. Every one ends in an answer or an error, soon.

use super::{Table, field, schema};
use elanus::schema::{DYNAMIC_FIELD, DataType};
use elanus::value::ColumnData;
use proptest::prelude::*;
use serde_json::json;
use std::time::{Duration, Instant};

fn table() -> Table {
    let mut id = field(100, "id", DataType::Int64);
    id.is_primary_key = true;
    let fields = vec![
        id,
        field(101, "s", DataType::VarChar),
        field(102, "j", DataType::Json),
        field(103, DYNAMIC_FIELD, DataType::Json),
    ];
    Table::new(
        schema(fields),
        &[json!({"id": 1, "s": "a", "j": {"a": 1}}), json!({"id": 2, "s": "b", "j": [1, [2]], "x": "y"})],
    )
}

/// On a stack as small as a browser's, and within a time that leaves room for slow machines.
fn soon(text: String) -> Result<Vec<usize>, String> {
    let run = move || {
        let started = Instant::now();
        let answer = table().matching(&text);
        let limit = Duration::from_secs(if cfg!(debug_assertions) { 60 } else { 2 });
        assert!(started.elapsed() < limit, "{:?}", started.elapsed());
        answer
    };
    std::thread::Builder::new().stack_size(1 << 20).spawn(run).unwrap().join().unwrap()
}

fn refused(text: String, detail: &str) {
    let reason = soon(text).unwrap_err();
    assert!(reason.contains(detail), "{}", &reason[reason.len().saturating_sub(400)..]);
    assert!(reason.len() < 10_000, "the reason has {} bytes", reason.len());
}

#[test]
fn nesting_has_a_limit() {
    for open in [
        "(",
        "[",
        "not ",
        "!",
        "- ",
        "~",
        "not (",
        "json_contains(j, [",
        "exists ",
        "f(",
        "text_match(x=",
        "((id == 1) and ",
    ] {
        refused(open.repeat(100_000), "nested too deeply");
    }
    refused(format!("{}id == 1{}", "(".repeat(100_000), ")".repeat(100_000)), "nested too deeply");
    let deep = format!("{}id == 1{}", "not (".repeat(100), ")".repeat(100));
    assert_eq!(soon(deep), Ok(vec![1]));
    let alternating = format!("{}id == 1{}", "(id == 2 or id != 5 and ".repeat(150), ")".repeat(150));
    assert_eq!(soon(alternating), Ok(vec![1, 2]));
}

#[test]
fn long_chains_are_no_nesting() {
    let chain = |term: &str, operator: &str| vec![term; 100_000].join(operator);
    assert_eq!(soon(chain("id == 1", " and ")), Ok(vec![1]));
    assert_eq!(soon(chain("id == 1", " || ")), Ok(vec![1]));
    assert_eq!(soon(chain("j[\"a\"] == 1", " and ")), Ok(vec![1]));
    assert_eq!(soon(format!("id == {}", chain("1", " - 2 + "))), Ok(vec![]));
    refused(chain("id", " + "), "predicate is not a boolean expression");
    refused(chain("id", " == "), "comparisons between Bool");
    refused(chain("id", " "), "invalid expression");
    refused(chain("1", ","), "invalid expression");
}

#[test]
fn long_lists_are_sets() {
    let ids: Vec<String> = (0..100_000i64).map(|id| (id * 1_000_003 + 2).to_string()).collect();
    assert_eq!(soon(format!("id in [{}]", ids.join(","))), Ok(vec![2]));
    assert_eq!(soon(format!("id not in [{},]", ids.join(","))), Ok(vec![1]));
    let words: Vec<String> = (0..100_000).map(|word| format!("\"{word}\"")).collect();
    assert_eq!(soon(format!("s in [{},\"b\"]", words.join(","))), Ok(vec![2]));
    assert_eq!(soon(format!("x in [{},\"y\", 5]", words.join(","))), Ok(vec![2]));
}

#[test]
fn ten_megabytes_of_anything() {
    for text in
        ["(", "\"", "'", "\\", "a", "1", ".", " ", "\0", "é", "a[\"", "a[0]", "=", "&&", "!", "{", "r\"", "0x", "id=="]
    {
        let _ = soon(text.repeat((10 << 20) / text.len()));
    }
    assert_eq!(soon(format!("s like \"%{}\"", "a%".repeat(1 << 20))), Ok(vec![]));
    refused(format!("id == {}", "9".repeat(10 << 20)), "value out of range");
    refused(" 1".repeat(9 << 20), "the limit is");
}

#[test]
fn odd_bytes_are_refused() {
    refused("id == 1 \0".into(), "token recognition error");
    refused("id == \0".into(), "line 1:7 mismatched input '<EOF>'");
    refused("id == 1 \u{1F600}".into(), "token recognition error");
    refused("s == \"\\xff\"".into(), "invalid string literal");
    refused("s == \"\\ud800\"".into(), "invalid string literal");
    refused("s == \"a\nb\"".into(), "line 2:1 token recognition error");
    refused("s == \"unterminated".into(), "line 1:");
    refused("1 == 2 ==\n 3 == \"".into(), "line 2:");
    assert_eq!(soon("s == \"\0\"".into()), Ok(vec![]));
    assert_eq!(soon("\u{9}id==1\r\n".into()), Ok(vec![1]));
}

#[test]
fn json_is_not_believed() {
    let mut table = table();
    let id = table.schema.field("j").unwrap().id;
    let deep = format!("{{\"a\":{}", "[".repeat(1 << 20));
    for broken in ["", "{", "{\"a\"", "{\"a\":", "{\"a\":1", "[", "nul", "\"\\u12", "{\"a\":1e999}", "{\"a\"1}", &deep]
    {
        table.columns.get_mut(&id).unwrap().data = ColumnData::Json(["{\"a\":1}", broken].into_iter().collect());
        assert_eq!(table.matching("j[\"a\"] == 1"), Ok(vec![1]), "{broken:.20}");
        assert_eq!(table.matching("not (j[\"a\"] == 1)"), Ok(vec![]), "{broken:.20}");
        assert!(table.matching("json_contains(j, 1) or array_length(j[\"a\"][0]) == 0").is_ok());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_panics(text in any::<String>()) {
        let _ = table().matching(&text);
    }

    /// Pieces of the language in any order reach further than letters do.
    #[test]
    fn no_tokens_panic(pieces in prop::collection::vec(prop::sample::select(PIECES), 0..14)) {
        let _ = table().matching(&pieces.join(" "));
        let _ = table().matching(&pieces.concat());
    }
}

const PIECES: &[&str] = &[
    "id",
    "s",
    "j",
    "x",
    "j[\"a\"]",
    "j[0]",
    "$meta",
    "$meta['x']",
    "nope",
    "1",
    "0",
    "-",
    "+",
    "1.5",
    "0x1p3",
    "9223372036854775808",
    "\"a\"",
    "'a%'",
    "r\"\\\"",
    "true",
    "FALSE",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "{t}",
    ",",
    "=",
    "==",
    "!=",
    "<",
    "<=",
    ">",
    ">=",
    "and",
    "or",
    "not",
    "!",
    "&&",
    "||",
    "in",
    "not in",
    "like",
    "is null",
    "is not null",
    "exists",
    "*",
    "**",
    "/",
    "%",
    "&",
    "|",
    "^",
    "~",
    "<<",
    ">>",
    "=~",
    "!~",
    "json_contains(",
    "array_contains_any(",
    "array_length(",
    "text_match(",
    "f(",
    "[]",
    "\\",
    "#",
    "é",
];
