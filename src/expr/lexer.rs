//! Filter text to tokens, one at a time, as the lexer of Milvus' Plan.g4 cuts them: the longest match wins.

use crate::schema::names::{FUNCTIONS, is_word};
use winnow::combinator::{alt, opt, repeat};
use winnow::error::EmptyError;
use winnow::prelude::*;
use winnow::token::{one_of, take_while};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    End,
    Integer,
    Float,
    Boolean,
    Text,
    Identifier,
    /// A name that is one of Milvus' functions and nothing else.
    Function,
    /// `name["key"][0]`, written without a space.
    JsonIdentifier,
    OpenParen,
    CloseParen,
    OpenBracket,
    CloseBracket,
    OpenBrace,
    CloseBrace,
    Comma,
    Assign,
    Operator(Operator),
    IsNull,
    IsNotNull,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    Exists,
    Like,
    RegexMatch,
    RegexNotMatch,
    Power,
    Not,
    BitNot,
    Multiply,
    Divide,
    Modulo,
    Add,
    Subtract,
    ShiftLeft,
    ShiftRight,
    In,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Equal,
    NotEqual,
    BitAnd,
    BitXor,
    BitOr,
    And,
    Or,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token {
    pub kind: Kind,
    /// Bytes of the text; `end` exclusive.
    pub start: usize,
    pub end: usize,
}

#[derive(Debug, Clone)]
pub struct Lexer<'a> {
    text: &'a str,
    at: usize,
    /// The last stretch that is no token. Milvus' lexer skips it and goes on, and reports it if nothing else is wrong.
    unrecognized: Option<(usize, usize)>,
    unrecognized_count: usize,
}

/// Functions whose names Milvus lets fields have, although no filter can name these then.
const SPATIAL_FUNCTIONS: [&str; 9] = [
    "st_equals",
    "st_touches",
    "st_overlaps",
    "st_crosses",
    "st_contains",
    "st_intersects",
    "st_within",
    "st_dwithin",
    "st_isvalid",
];

/// The name of a function in small letters.
pub fn function(name: &str) -> Option<&'static str> {
    FUNCTIONS.into_iter().chain(SPATIAL_FUNCTIONS).find(|function| is_word(name, function))
}

/// After so many the text is no filter, however long it is.
const MAX_UNRECOGNIZED: usize = 100;

type Lexed<'a> = winnow::Result<&'a str, EmptyError>;

impl<'a> Lexer<'a> {
    pub fn new(text: &'a str) -> Self {
        Lexer { text, at: 0, unrecognized: None, unrecognized_count: 0 }
    }

    pub fn unrecognized(&self) -> Option<(usize, usize)> {
        self.unrecognized
    }

    pub fn next_token(&mut self) -> Token {
        loop {
            let rest = &self.text[self.at..];
            let start = self.text.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
            let mut input = &self.text[start..];
            if input.is_empty() {
                self.at = start;
                return Token { kind: Kind::End, start, end: start };
            }
            if let Some(kind) = token(&mut input) {
                self.at = self.text.len() - input.len();
                return Token { kind, start, end: self.at };
            }
            // The error spans what began like a token and the character that broke it.
            let mut end = start + begun(&self.text[start..]);
            end += usize::from(end > start && self.text[end..].starts_with('\\'));
            let broken = self.text[end..].chars().next().map_or(0, char::len_utf8);
            self.at = end + broken;
            self.unrecognized = Some((start, self.at));
            self.unrecognized_count += 1;
            if self.unrecognized_count == MAX_UNRECOGNIZED {
                self.at = self.text.len();
            }
        }
    }
}

/// Bytes of the dot or unfinished text that what is no token starts with.
fn begun(mut input: &str) -> usize {
    match input.chars().next() {
        Some('.') => 1,
        Some('"' | '\'') => text_beginning(&mut input).map_or(0, str::len),
        _ => 0,
    }
}

fn token(input: &mut &str) -> Option<Kind> {
    let first = input.chars().next()?;
    match first {
        '0'..='9' | '.' => number(input),
        '"' | '\'' => text.parse_next(input).ok().map(|_| Kind::Text),
        'a'..='z' | 'A'..='Z' | '_' | '$' => word(input),
        _ => symbol(input),
    }
}

/// A parser that does not match leaves the text where it failed: `opt` puts it back.
fn word(input: &mut &str) -> Option<Kind> {
    if opt(raw_text).parse_next(input).ok()?.is_some() {
        return Some(Kind::Text);
    }
    let name = alt((identifier, "$meta")).parse_next(input).ok()?;
    let indexes: Option<()> = opt(repeat(1.., index)).parse_next(input).ok()?;
    if indexes.is_some() {
        return Some(Kind::JsonIdentifier);
    }
    let follows = |suffixes: &[(&str, Kind)], input: &mut &str| {
        suffixes.iter().find_map(|(suffix, kind)| {
            *input = input.strip_prefix(suffix)?;
            Some(*kind)
        })
    };
    Some(match name {
        "true" | "True" | "TRUE" | "false" | "False" | "FALSE" => Kind::Boolean,
        // One token with one space, in Milvus' grammar.
        "is" => follows(&[(" not null", Kind::IsNotNull), (" null", Kind::IsNull)], input).unwrap_or(Kind::Identifier),
        "IS" => follows(&[(" NOT NULL", Kind::IsNotNull), (" NULL", Kind::IsNull)], input).unwrap_or(Kind::Identifier),
        "exists" | "EXISTS" => Kind::Operator(Operator::Exists),
        "like" | "LIKE" => Kind::Operator(Operator::Like),
        "not" | "NOT" => Kind::Operator(Operator::Not),
        "in" | "IN" => Kind::Operator(Operator::In),
        "and" | "AND" => Kind::Operator(Operator::And),
        "or" | "OR" => Kind::Operator(Operator::Or),
        name if function(name).is_some() => Kind::Function,
        _ => Kind::Identifier,
    })
}

fn symbol(input: &mut &str) -> Option<Kind> {
    const SYMBOLS: [(&str, Kind); 31] = [
        ("**", Kind::Operator(Operator::Power)),
        ("<<", Kind::Operator(Operator::ShiftLeft)),
        (">>", Kind::Operator(Operator::ShiftRight)),
        ("<=", Kind::Operator(Operator::LessEqual)),
        (">=", Kind::Operator(Operator::GreaterEqual)),
        ("==", Kind::Operator(Operator::Equal)),
        ("!=", Kind::Operator(Operator::NotEqual)),
        ("=~", Kind::Operator(Operator::RegexMatch)),
        ("!~", Kind::Operator(Operator::RegexNotMatch)),
        ("&&", Kind::Operator(Operator::And)),
        ("||", Kind::Operator(Operator::Or)),
        ("(", Kind::OpenParen),
        (")", Kind::CloseParen),
        ("[", Kind::OpenBracket),
        ("]", Kind::CloseBracket),
        ("{", Kind::OpenBrace),
        ("}", Kind::CloseBrace),
        (",", Kind::Comma),
        ("<", Kind::Operator(Operator::Less)),
        (">", Kind::Operator(Operator::Greater)),
        ("=", Kind::Assign),
        ("!", Kind::Operator(Operator::Not)),
        ("~", Kind::Operator(Operator::BitNot)),
        ("*", Kind::Operator(Operator::Multiply)),
        ("/", Kind::Operator(Operator::Divide)),
        ("%", Kind::Operator(Operator::Modulo)),
        ("+", Kind::Operator(Operator::Add)),
        ("-", Kind::Operator(Operator::Subtract)),
        ("&", Kind::Operator(Operator::BitAnd)),
        ("^", Kind::Operator(Operator::BitXor)),
        ("|", Kind::Operator(Operator::BitOr)),
    ];
    SYMBOLS.iter().find_map(|(symbol, kind)| {
        *input = input.strip_prefix(symbol)?;
        Some(*kind)
    })
}

/// The number that takes most of the text, a float before an integer of the same length.
fn number(input: &mut &str) -> Option<Kind> {
    let float = alt((hex_float, decimal_float)).parse_peek(*input).ok();
    let integer = alt((hex_integer, binary_integer, octal_integer, decimal_integer)).parse_peek(*input).ok();
    let (kind, rest) = match (float, integer) {
        (Some((rest, float)), integer) if integer.is_none_or(|(_, integer)| float.len() >= integer.len()) => {
            (Kind::Float, rest)
        }
        (_, Some((rest, _))) => (Kind::Integer, rest),
        _ => return None,
    };
    *input = rest;
    Some(kind)
}

fn identifier<'a>(input: &mut &'a str) -> Lexed<'a> {
    let word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    (one_of(('a'..='z', 'A'..='Z', '_')), take_while(0.., word)).take().parse_next(input)
}

fn index<'a>(input: &mut &'a str) -> Lexed<'a> {
    ('[', alt((text, decimal_integer)), ']').take().parse_next(input)
}

fn text<'a>(input: &mut &'a str) -> Lexed<'a> {
    let quote = input.chars().next().unwrap_or('"');
    (text_beginning, quote).take().parse_next(input)
}

/// A text up to its closing quote, or to what may not stand in it.
fn text_beginning<'a>(input: &mut &'a str) -> Lexed<'a> {
    let quote = alt(('"', '\'')).parse_peek(*input)?.1;
    let plain = take_while(1.., move |letter| letter != quote && !matches!(letter, '\\' | '\r' | '\n'));
    let body: winnow::combinator::Repeat<_, _, _, (), _> = repeat(0.., alt((plain, escape)));
    (quote, body).take().parse_next(input)
}

fn escape<'a>(input: &mut &'a str) -> Lexed<'a> {
    let hex = || one_of(|digit: char| digit.is_ascii_hexdigit());
    let hex4 = || (hex(), hex(), hex(), hex());
    let simple = one_of(['\'', '"', '?', 'a', 'b', 'f', 'n', 'r', 't', 'v', '\\']).take();
    let octal = take_while(1..=3, '0'..='7');
    let byte = ('x', take_while(1.., |digit: char| digit.is_ascii_hexdigit())).take();
    let short = ('u', hex4()).take();
    let long = ('U', hex4(), hex4()).take();
    ('\\', alt((simple, octal, byte, short, long))).take().parse_next(input)
}

/// `r"..."`: nothing in it is an escape.
fn raw_text<'a>(input: &mut &'a str) -> Lexed<'a> {
    let inside = |quote: char| take_while(0.., move |letter| letter != quote && !matches!(letter, '\r' | '\n'));
    let double = ('"', inside('"'), '"').take();
    let single = ('\'', inside('\''), '\'').take();
    ('r', alt((double, single))).take().parse_next(input)
}

fn digits<'a>(input: &mut &'a str) -> Lexed<'a> {
    take_while(1.., '0'..='9').parse_next(input)
}

fn hex_digits<'a>(input: &mut &'a str) -> Lexed<'a> {
    take_while(1.., |digit: char| digit.is_ascii_hexdigit()).parse_next(input)
}

fn decimal_integer<'a>(input: &mut &'a str) -> Lexed<'a> {
    alt(((one_of('1'..='9'), take_while(0.., '0'..='9')).take(), "0")).parse_next(input)
}

fn octal_integer<'a>(input: &mut &'a str) -> Lexed<'a> {
    ('0', take_while(1.., '0'..='7')).take().parse_next(input)
}

fn hex_integer<'a>(input: &mut &'a str) -> Lexed<'a> {
    ('0', one_of(['x', 'X']), hex_digits).take().parse_next(input)
}

fn binary_integer<'a>(input: &mut &'a str) -> Lexed<'a> {
    ('0', one_of(['b', 'B']), take_while(1.., '0'..='1')).take().parse_next(input)
}

fn decimal_float<'a>(input: &mut &'a str) -> Lexed<'a> {
    let exponent = || (one_of(['e', 'E']), opt(one_of(['+', '-'])), digits);
    let fraction = alt(((opt(digits), '.', digits).take(), (digits, '.').take()));
    alt(((fraction, opt(exponent())).take(), (digits, exponent()).take())).parse_next(input)
}

fn hex_float<'a>(input: &mut &'a str) -> Lexed<'a> {
    let fraction = alt(((opt(hex_digits), '.', hex_digits).take(), (hex_digits, '.').take(), hex_digits));
    ('0', one_of(['x', 'X']), fraction, one_of(['p', 'P']), opt(one_of(['+', '-'])), digits).take().parse_next(input)
}
