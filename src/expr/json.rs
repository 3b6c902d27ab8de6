//! Reading one value out of JSON text without building a tree.
//!
//! The text was checked when it was inserted, but it is not trusted here: whatever it holds, a broken place reads as a
//! missing value. Nothing recurses, so depth costs nothing.

use super::value::Number;
use crate::value::parsed_float;
use std::borrow::Cow;

/// A value inside a JSON text; arrays and objects are the text that they span.
#[derive(Debug, Clone, PartialEq)]
pub enum JsonValueRef<'a> {
    Null,
    Bool(bool),
    Number(Number),
    String(Cow<'a, str>),
    Array(&'a str),
    Object(&'a str),
}

/// The value at `path`. A key is an object's key or, as in a JSON pointer, an array's index; of equal keys the last counts.
/// `None` where there is no such value, and for a number that neither an i64 nor a finite f64 can hold.
pub fn lookup<'a>(text: &'a str, path: &[String]) -> Option<JsonValueRef<'a>> {
    let mut here = text;
    for key in path {
        let mut cursor = Cursor::new(here);
        here = match cursor.peek()? {
            b'{' => member(cursor, key)?,
            b'[' => element(cursor, key)?,
            _ => return None,
        };
    }
    read(here)
}

/// The elements of the array that `text` spans; what cannot be read counts as null.
pub fn elements(text: &str) -> impl Iterator<Item = JsonValueRef<'_>> {
    spans(text).map(|span| read(span).unwrap_or(JsonValueRef::Null))
}

/// How many elements the array that `text` spans has.
pub fn array_length(text: &str) -> usize {
    spans(text).count()
}

/// The members of the object that `text` spans: what stands between the quotes of the key, and the text of the value. Ends
/// where the text is no object's any more.
pub(crate) fn members(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut cursor = Cursor::new(text);
    let mut open = cursor.take(b'{');
    std::iter::from_fn(move || {
        if !std::mem::take(&mut open) || cursor.peek() != Some(b'"') {
            return None;
        }
        let key = cursor.string()?;
        if !cursor.take(b':') {
            return None;
        }
        let value = cursor.value()?;
        open = cursor.take(b',');
        Some((key, value))
    })
}

fn spans(text: &str) -> impl Iterator<Item = &str> {
    let mut cursor = Cursor::new(text);
    let mut open = cursor.take(b'[') && cursor.peek() != Some(b']');
    std::iter::from_fn(move || {
        if !open {
            return None;
        }
        let span = cursor.value();
        open = span.is_some() && cursor.take(b',');
        span
    })
}

fn member<'a>(mut cursor: Cursor<'a>, wanted: &str) -> Option<&'a str> {
    let mut found = None;
    if !cursor.take(b'{') || cursor.peek() == Some(b'}') {
        return None;
    }
    loop {
        cursor.peek().filter(|byte| *byte == b'"')?;
        let key = cursor.string()?;
        if !cursor.take(b':') {
            return None;
        }
        let value = cursor.value()?;
        // A key of the same bytes is by far the most frequent match, and one without an escape can match in no other way.
        if key == wanted || key.contains('\\') && unescape(key).is_some_and(|key| key == wanted) {
            found = Some(value);
        }
        if !cursor.take(b',') {
            return found.filter(|_| cursor.take(b'}'));
        }
    }
}

fn element<'a>(cursor: Cursor<'a>, index: &str) -> Option<&'a str> {
    if index.len() > 1 && index.starts_with('0') || !index.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    spans(cursor.text).nth(index.parse().ok()?)
}

fn read(text: &str) -> Option<JsonValueRef<'_>> {
    let mut cursor = Cursor::new(text);
    Some(match cursor.peek()? {
        b'{' => JsonValueRef::Object(text),
        b'[' => JsonValueRef::Array(text),
        b'"' => {
            let raw = cursor.string()?;
            JsonValueRef::String(if raw.contains('\\') { Cow::Owned(unescape(raw)?) } else { Cow::Borrowed(raw) })
        }
        _ => match cursor.value()? {
            "null" => JsonValueRef::Null,
            "true" => JsonValueRef::Bool(true),
            "false" => JsonValueRef::Bool(false),
            number => JsonValueRef::Number(read_number(number)?),
        },
    })
}

fn read_number(text: &str) -> Option<Number> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    // Ours also reads `inf`, `.5` and `+1`, which are no JSON.
    if !digits.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    if let Ok(int) = text.parse() {
        return Some(Number::Int(int));
    }
    let float: f64 = parsed_float(text)?;
    float.is_finite().then_some(Number::Float(float))
}

/// What stands between the quotes of a JSON string, without its escapes.
pub(crate) fn unescape(raw: &str) -> Option<String> {
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find('\\') {
        text.push_str(&rest[..at]);
        let escape = *rest.as_bytes().get(at + 1)?;
        rest = rest.get(at + 2..)?;
        text.push(match escape {
            b'"' | b'\\' | b'/' => char::from(escape),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let first = hex4(&mut rest)?;
                let mut code = first;
                if let (0xD800..=0xDBFF, Some(mut after)) = (first, rest.strip_prefix("\\u")) {
                    let second = hex4(&mut after)?;
                    if (0xDC00..=0xDFFF).contains(&second) {
                        code = 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00);
                        rest = after;
                    }
                }
                char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
            }
            _ => return None,
        });
    }
    text.push_str(rest);
    Some(text)
}

fn hex4(rest: &mut &str) -> Option<u32> {
    let digits = rest.get(..4).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    *rest = &rest[4..];
    u32::from_str_radix(digits, 16).ok()
}

/// A position in JSON text; it only ever stops beside ASCII, so every slice it takes is UTF-8.
struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    fn new(text: &'a str) -> Self {
        Cursor { text, at: 0 }
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The next byte that is no white space; the cursor stands on it.
    fn peek(&mut self) -> Option<u8> {
        while matches!(self.byte(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
        self.byte()
    }

    fn take(&mut self, wanted: u8) -> bool {
        let found = self.peek() == Some(wanted);
        self.at += usize::from(found);
        found
    }

    /// What stands between the quotes; the cursor stands on the first of them.
    fn string(&mut self) -> Option<&'a str> {
        let start = self.at + 1;
        self.at = start;
        loop {
            match self.byte()? {
                b'"' => break,
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
        self.at += 1;
        self.text.get(start..self.at - 1)
    }

    /// The text of one value of any kind.
    fn value(&mut self) -> Option<&'a str> {
        let first = self.peek()?;
        let start = self.at;
        match first {
            b'"' => {
                self.string()?;
            }
            b'{' | b'[' => {
                let mut depth = 0usize;
                loop {
                    match self.byte()? {
                        b'"' => {
                            self.string()?;
                            continue;
                        }
                        b'{' | b'[' => depth += 1,
                        b'}' | b']' => depth -= 1,
                        _ => {}
                    }
                    self.at += 1;
                    if depth == 0 {
                        break;
                    }
                }
            }
            _ => {
                while !matches!(self.byte(), None | Some(b',' | b']' | b'}' | b':' | b' ' | b'\n' | b'\r' | b'\t')) {
                    self.at += 1;
                }
            }
        }
        self.text.get(start..self.at).filter(|value| !value.is_empty())
    }
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at<'a>(text: &'a str, path: &[&str]) -> Option<JsonValueRef<'a>> {
        lookup(text, &path.iter().map(|key| key.to_string()).collect::<Vec<_>>())
    }

    fn int(value: i64) -> Option<JsonValueRef<'static>> {
        Some(JsonValueRef::Number(Number::Int(value)))
    }

    #[test]
    fn finds_values_by_key_and_index() {
        let text =
            r#" { "a" : [ 1 , {"b": "x\n\u00e9\ud83d\ude00"} ] , "c\"d": -7, "0": true, "big": 9007199254740993 } "#;
        assert_eq!(at(text, &["a", "0"]), int(1));
        assert_eq!(at(text, &["a", "1", "b"]), Some(JsonValueRef::String("x\né😀".into())));
        assert_eq!(at(text, &["c\"d"]), int(-7));
        assert_eq!(at(text, &["0"]), Some(JsonValueRef::Bool(true)));
        assert_eq!(at(text, &["big"]), int(9007199254740993));
        assert_eq!(at(text, &["a", "00"]), None);
        assert_eq!(at(text, &["a", "2"]), None);
        assert_eq!(at(text, &["a", "b"]), None);
        assert_eq!(at(text, &["zz"]), None);
    }

    #[test]
    fn takes_the_last_of_equal_keys() {
        assert_eq!(at(r#"{"a": 1, "\u0061": 2}"#, &["a"]), int(2));
    }

    #[test]
    fn reads_no_number_that_json_or_a_double_does_not_have() {
        for text in ["1e999", "+1", ".5", "inf", "NaN", "-", "1x"] {
            assert_eq!(at(text, &[]), None, "{text}");
        }
        assert_eq!(at("18446744073709551616", &[]), Some(JsonValueRef::Number(Number::Float(18446744073709551616.0))));
    }

    #[test]
    fn counts_elements() {
        for (text, length) in [("[]", 0), ("[ ]", 0), ("[1]", 1), ("[[1,2],{\"a\":[3,4]},\",\"]", 3)] {
            assert_eq!(array_length(text), length, "{text}");
        }
    }

    #[test]
    fn depth_is_no_danger() {
        let deep = "[".repeat(1_000_000);
        assert_eq!(at(&deep, &["0"]), None);
        let closed = format!("{deep}{}", "]".repeat(1_000_000));
        assert!(matches!(at(&closed, &["0", "0"]), Some(JsonValueRef::Array(_))));
    }

    fn json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            any::<f64>().prop_filter("JSON has no NaN", |float| float.is_finite()).prop_map(Into::into),
            "[a-c\"\\\\é\n]{0,3}".prop_map(Into::into),
        ];
        leaf.prop_recursive(3, 20, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
                prop::collection::btree_map("[a-c\"\\\\é]{0,2}", inner, 0..4)
                    .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
            ]
        })
    }

    fn agree(found: Option<JsonValueRef<'_>>, expected: &serde_json::Value) -> bool {
        match found {
            Some(JsonValueRef::Array(text) | JsonValueRef::Object(text)) => expected.to_string().as_str() == text,
            Some(JsonValueRef::Null) => expected.is_null(),
            Some(JsonValueRef::Bool(value)) => expected.as_bool() == Some(value),
            Some(JsonValueRef::Number(Number::Int(value))) => expected.as_i64() == Some(value),
            Some(JsonValueRef::Number(Number::Float(value))) => expected.as_f64() == Some(value),
            Some(JsonValueRef::String(value)) => expected.as_str() == Some(&*value),
            None => false,
        }
    }

    proptest! {
        #[test]
        fn agrees_with_a_tree(tree in json()) {
            let text = tree.to_string();
            prop_assert!(agree(lookup(&text, &[]), &tree));
            if let Some(map) = tree.as_object() {
                for (key, value) in map {
                    prop_assert!(agree(lookup(&text, std::slice::from_ref(key)), value));
                }
            }
            if let Some(array) = tree.as_array() {
                prop_assert_eq!(array_length(&text), array.len());
                for (index, value) in array.iter().enumerate() {
                    prop_assert!(agree(lookup(&text, &[index.to_string()]), value));
                }
            }
        }

        #[test]
        fn no_text_panics(text in "[\\[\\]{}:,\"\\\\u0-9a.eE+\\- é]{0,40}", key in "[a0-9]{0,2}") {
            let path = [key.clone(), key];
            for length in 0..=2 {
                if let Some(JsonValueRef::Array(array)) = lookup(&text, &path[..length]) {
                    elements(array).count();
                }
            }
        }
    }
}
