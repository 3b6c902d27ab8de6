//! JSON text, read from left to right and strictly; nothing recurses, so depth is no danger.

use super::Parsed;
use crate::expr::json::unescape;
use memchr::memchr2;
use std::borrow::Cow;

pub struct JsonText<'a> {
    text: &'a str,
    at: usize,
}

/// The kind of value that begins with a byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Null,
    Bool,
    Number,
    String,
    List,
    Object,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Kind::Null => "null",
            Kind::Bool => "bool",
            Kind::Number => "number",
            Kind::String => "string",
            Kind::List => "list",
            Kind::Object => "object",
        }
    }
}

impl<'a> JsonText<'a> {
    pub fn new(text: &'a str) -> Self {
        JsonText { text, at: 0 }
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The next byte that is no white space; the reader stands on it.
    pub fn peek(&mut self) -> Option<u8> {
        while matches!(self.byte(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
        self.byte()
    }

    pub fn take(&mut self, wanted: u8) -> bool {
        let found = self.peek() == Some(wanted);
        self.at += usize::from(found);
        found
    }

    pub fn expect(&mut self, wanted: u8) -> Parsed<()> {
        if self.take(wanted) { Ok(()) } else { Err(self.unexpected(&format!("'{}'", char::from(wanted)))) }
    }

    pub fn kind(&mut self) -> Parsed<Kind> {
        Ok(match self.peek() {
            Some(b'n') => Kind::Null,
            Some(b't' | b'f') => Kind::Bool,
            Some(b'-' | b'0'..=b'9') => Kind::Number,
            Some(b'"') => Kind::String,
            Some(b'[') => Kind::List,
            Some(b'{') => Kind::Object,
            _ => return Err(self.unexpected("a value")),
        })
    }

    /// Nothing but white space is left.
    pub fn end(&mut self) -> Parsed<()> {
        if self.peek().is_none() { Ok(()) } else { Err(self.unexpected("the end")) }
    }

    fn unexpected(&self, wanted: &str) -> String {
        match self.text.get(self.at..).and_then(|rest| rest.chars().next()) {
            Some(found) => format!("invalid JSON at byte {}: expected {wanted}, found {found:?}", self.at),
            None => format!("invalid JSON at byte {}: expected {wanted}, found the end", self.at),
        }
    }

    /// Consumes `word` if it is next.
    fn take_word(&mut self, word: &str) -> bool {
        let found = self.peek().is_some() && self.text.as_bytes()[self.at..].starts_with(word.as_bytes());
        self.at += if found { word.len() } else { 0 };
        found
    }

    pub fn null(&mut self) -> Parsed<()> {
        if self.take_word("null") { Ok(()) } else { Err(self.unexpected("null")) }
    }

    pub fn bool(&mut self) -> Parsed<bool> {
        if self.take_word("true") {
            return Ok(true);
        }
        if self.take_word("false") { Ok(false) } else { Err(self.unexpected("true or false")) }
    }

    /// The text of a number as JSON writes them: no `+1`, `.5`, `01`, `NaN` or `Infinity`.
    pub fn number(&mut self) -> Parsed<&'a str> {
        self.peek();
        let start = self.at;
        self.at += usize::from(self.byte() == Some(b'-'));
        match self.byte() {
            Some(b'0') => self.at += 1,
            _ => self.digits()?,
        }
        if self.byte() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.byte(), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(self.byte(), Some(b'+' | b'-')));
            self.digits()?;
        }
        Ok(&self.text[start..self.at])
    }

    fn digits(&mut self) -> Parsed<()> {
        let rest = &self.text.as_bytes()[self.at..];
        let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        if count > 0 { Ok(()) } else { Err(self.unexpected("a digit")) }
    }

    /// What stands between the quotes, its escapes checked and kept.
    pub fn raw_string(&mut self) -> Parsed<&'a str> {
        self.expect(b'"')?;
        let start = self.at;
        let bytes = self.text.as_bytes();
        loop {
            let span = memchr2(b'"', b'\\', &bytes[self.at..]).unwrap_or(bytes.len() - self.at);
            let clean = &bytes[self.at..self.at + span];
            if let Some(control) = clean.iter().position(|byte| *byte < 0x20) {
                self.at += control;
                return Err(self.unexpected("no control character in a string"));
            }
            self.at += span;
            match self.byte() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(&self.text[start..self.at - 1]);
                }
                Some(_) => self.escape()?,
                None => return Err(self.unexpected("'\"'")),
            }
        }
    }

    fn escape(&mut self) -> Parsed<()> {
        let rest = &self.text.as_bytes()[self.at..];
        let length = match rest.get(1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => 2,
            Some(b'u') if rest.len() >= 6 && rest[2..6].iter().all(u8::is_ascii_hexdigit) => 6,
            _ => return Err(self.unexpected("an escape that JSON has")),
        };
        self.at += length;
        Ok(())
    }

    pub fn string(&mut self) -> Parsed<Cow<'a, str>> {
        let raw = self.raw_string()?;
        if memchr::memchr(b'\\', raw.as_bytes()).is_none() {
            return Ok(Cow::Borrowed(raw));
        }
        unescape(raw).map(Cow::Owned).ok_or_else(|| self.unexpected("escapes that JSON has"))
    }

    /// Appends the next value to `out`, as it is written but without white space around its tokens.
    pub fn copy_value(&mut self, out: &mut String) -> Parsed<()> {
        let mut open = Vec::new();
        loop {
            let begun = match self.kind()? {
                Kind::Object => self.copy_opening(b'{', b'}', &mut open, out),
                Kind::List => self.copy_opening(b'[', b']', &mut open, out),
                scalar => {
                    self.copy_scalar(scalar, out)?;
                    false
                }
            };
            if begun {
                if open.last() == Some(&b'}') {
                    self.copy_key(out)?;
                }
                continue;
            }
            loop {
                let Some(closing) = open.last().copied() else { return Ok(()) };
                if self.take(b',') {
                    out.push(',');
                    if closing == b'}' {
                        self.copy_key(out)?;
                    }
                    break;
                }
                self.expect(closing)?;
                out.push(closing.into());
                open.pop();
            }
        }
    }

    /// Whether the list or object that begins here holds anything; an empty one is copied whole.
    fn copy_opening(&mut self, opening: u8, closing: u8, open: &mut Vec<u8>, out: &mut String) -> bool {
        self.at += 1;
        out.push(opening.into());
        if self.take(closing) {
            out.push(closing.into());
            return false;
        }
        open.push(closing);
        true
    }

    fn copy_key(&mut self, out: &mut String) -> Parsed<()> {
        push_quoted(out, self.raw_string()?);
        self.expect(b':')?;
        out.push(':');
        Ok(())
    }

    fn copy_scalar(&mut self, kind: Kind, out: &mut String) -> Parsed<()> {
        match kind {
            Kind::Null => {
                self.null()?;
                out.push_str("null");
            }
            Kind::Bool => out.push_str(if self.bool()? { "true" } else { "false" }),
            Kind::Number => out.push_str(self.number()?),
            _ => push_quoted(out, self.raw_string()?),
        }
        Ok(())
    }
}

/// Appends a string whose escapes are in place.
pub fn push_quoted(out: &mut String, raw: &str) {
    out.push('"');
    out.push_str(raw);
    out.push('"');
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn compact(text: &str) -> Parsed<String> {
        let mut json = JsonText::new(text);
        let mut out = String::new();
        json.copy_value(&mut out)?;
        json.end()?;
        Ok(out)
    }

    #[test]
    fn white_space_goes_and_all_else_stays() {
        let text = " { \"a b\" : [ 1.50 , -0e+1 ,\t[ ] , { } ] ,\n \"\\u0041\" : \"x \\n\" , \"a b\" : null }\r";
        assert_eq!(compact(text), Ok(r#"{"a b":[1.50,-0e+1,[],{}],"\u0041":"x \n","a b":null}"#.into()));
    }

    #[test]
    fn what_is_no_json_is_refused_with_its_place() {
        assert_eq!(compact("[1, 02]"), Err("invalid JSON at byte 5: expected ']', found '2'".into()));
        for text in [
            "",
            "NaN",
            "-Infinity",
            "+1",
            ".5",
            "1.",
            "1e",
            "-",
            "[1,]",
            "{\"a\":1,}",
            "{a:1}",
            "[1 2]",
            "{\"a\"}",
            "tru",
            "\"",
            "\"\\x\"",
            "\"\\u12g4\"",
            "\"\u{1}\"",
            "[}",
            "1 2",
            "{\"a\":}",
        ] {
            assert!(compact(text).is_err(), "{text}");
        }
    }

    #[test]
    fn depth_is_no_danger() {
        let deep = format!("{}{}", "[".repeat(1_000_000), "]".repeat(1_000_000));
        assert_eq!(compact(&deep).as_ref(), Ok(&deep));
        assert!(compact(&deep[1..]).is_err());
    }

    proptest! {
        #[test]
        fn takes_what_serde_takes(text in "[\\[\\]{}:,\"\\\\u0-9a-f.eE+\\- né]{0,24}") {
            let expected = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
            prop_assert_eq!(compact(&text).is_ok(), expected, "{}", text);
        }
    }
}
