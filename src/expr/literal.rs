//! Literals of a filter to their values, as Go's strconv reads them for Milvus.

use super::value::Value;
use crate::value::parsed_float;

/// `0x`, `0b`, and octal after a `0`, as in C.
pub fn integer(text: &str) -> Result<i64, String> {
    let (digits, radix) = match text.as_bytes() {
        [b'0', b'x' | b'X', ..] => (&text[2..], 16),
        [b'0', b'b' | b'B', ..] => (&text[2..], 2),
        [b'0', _, ..] => (&text[1..], 8),
        _ => (text, 10),
    };
    i64::from_str_radix(digits, radix)
        .map_err(|_| format!("strconv.ParseInt: parsing {:?}: value out of range", super::value::brief(text)))
}

pub fn float(text: &str) -> Result<Value, String> {
    let value = if text.starts_with("0x") || text.starts_with("0X") { hex_float(text) } else { parsed_float(text) };
    value
        .filter(|value: &f64| value.is_finite())
        .map(Value::Float)
        .ok_or_else(|| format!("strconv.ParseFloat: parsing {:?}: value out of range", super::value::brief(text)))
}

fn hex_float(text: &str) -> Option<f64> {
    let (digits, exponent) = text.get(2..)?.split_once(['p', 'P'])?;
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let mut mantissa = 0u64;
    // An exponent outside of this range is zero or infinite whatever the digits are.
    let mut exponent = exponent.parse::<i64>().unwrap_or(if exponent.starts_with('-') { -1 << 40 } else { 1 << 40 });
    exponent = exponent.clamp(-1 << 40, 1 << 40) - 4 * i64::try_from(fraction.len()).ok()?;
    for digit in whole.chars().chain(fraction.chars()) {
        let digit = u64::from(digit.to_digit(16)?);
        if mantissa >> 60 == 0 {
            mantissa = mantissa << 4 | digit;
        } else {
            // The last bit only has to say that something nonzero follows, for the rounding.
            mantissa |= u64::from(digit != 0);
            exponent += 4;
        }
    }
    let mut value = mantissa as f64;
    if value == 0.0 {
        return Some(0.0);
    }
    while exponent > 0 && value.is_finite() {
        value *= 2f64.powi(exponent.min(1000) as i32);
        exponent -= exponent.min(1000);
    }
    while exponent < 0 && value != 0.0 {
        value *= 2f64.powi(exponent.max(-1000) as i32);
        exponent -= exponent.max(-1000);
    }
    Some(value)
}

/// The text between quotes, its escapes resolved; `literal` is one that the lexer accepted.
pub fn string(literal: &str) -> Result<String, String> {
    let invalid = || format!("invalid string literal: {}", super::value::brief(literal));
    let raw = literal.strip_prefix('r');
    let quoted = raw.unwrap_or(literal);
    let body = quoted.get(1..quoted.len() - 1).ok_or_else(invalid)?;
    if raw.is_some() || !body.contains('\\') {
        return Ok(body.to_owned());
    }
    // Bytes, because `\xe4\xb8\xad` spells one character.
    let mut bytes = Vec::with_capacity(body.len());
    let mut rest = body;
    while let Some(at) = rest.find('\\') {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        rest = &rest[at + 1..];
        let escape = rest.bytes().next().ok_or_else(invalid)?;
        match escape {
            b'0'..=b'7' => {
                bytes.push(u8::try_from(take_digits(&mut rest, 8, 3).ok_or_else(invalid)?).map_err(|_| invalid())?)
            }
            b'x' | b'u' | b'U' => {
                rest = &rest[1..];
                let count = match escape {
                    b'x' => 2,
                    b'u' => 4,
                    _ => 8,
                };
                let code = take_digits(&mut rest, 16, count).ok_or_else(invalid)?;
                if escape == b'x' {
                    bytes.push(code as u8);
                } else {
                    let letter = char::from_u32(code).ok_or_else(invalid)?;
                    bytes.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
                }
            }
            simple => {
                bytes.push(match simple {
                    b'a' => 7,
                    b'b' => 8,
                    b'f' => 12,
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'v' => 11,
                    b'\'' | b'"' | b'\\' => simple,
                    _ => return Err(invalid()),
                });
                rest = &rest[1..];
            }
        }
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8(bytes).map_err(|_| invalid())
}

/// As many digits as there must be.
fn take_digits(rest: &mut &str, radix: u32, count: usize) -> Option<u32> {
    let (digits, after) = rest.split_at_checked(count)?;
    *rest = after;
    digits.chars().all(|digit| digit.is_digit(radix)).then(|| u32::from_str_radix(digits, radix).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_of_every_base() {
        for (text, value) in [("0", 0), ("12", 12), ("0x1F", 31), ("017", 15), ("0b101", 5)] {
            assert_eq!(integer(text), Ok(value), "{text}");
        }
        let error = integer("9223372036854775808").unwrap_err();
        assert_eq!(error, "strconv.ParseInt: parsing \"9223372036854775808\": value out of range");
    }

    #[test]
    fn floats_of_both_bases() {
        for (text, value) in
            [("1.", 1.0), (".5", 0.5), ("1e3", 1000.0), ("0x1.8p1", 3.0), ("0x.1p4", 1.0), ("0x1p-1074", 5e-324)]
        {
            assert_eq!(float(text), Ok(Value::Float(value)), "{text}");
        }
        assert!(float("1e999").is_err() && float("0x1p99999999999999999999").is_err());
    }

    #[test]
    fn escapes() {
        let literal = r#""a\n\t\\\"\'\x41\101\u00e9\U0001F600\xe4\xb8\xad""#;
        assert_eq!(string(literal).unwrap(), "a\n\t\\\"'AAé😀中");
        assert_eq!(string(r#"r"a\n""#).unwrap(), r"a\n");
        assert!(string(r#""\ud800""#).is_err() && string(r#""\xff""#).is_err());
    }
}
