//! Floating-point numbers and their texts.

use fast_float2::FastFloat;

/// The number of its width that is nearest to a text, which may name infinities and what is no number. Files of vectors are
/// read at one and a half times the speed of std, and nothing else may use std's: it would be ten kilobytes of tables more.
pub(crate) fn parsed_float<T: FastFloat>(text: &str) -> Option<T> {
    fast_float2::parse(text).ok()
}

/// The shortest text that is read as the same number, as Go's `%v` prints it for Milvus' errors.
pub(crate) fn float_text<T: zmij::Float + Into<f64>>(number: T) -> String {
    let as_double: f64 = number.into();
    if !as_double.is_finite() {
        let text = if as_double.is_nan() {
            "NaN"
        } else if as_double > 0.0 {
            "+Inf"
        } else {
            "-Inf"
        };
        return text.to_owned();
    }
    let mut buffer = zmij::Buffer::new();
    let shortest = buffer.format_finite(number);
    let (sign, shortest) = shortest.strip_prefix('-').map_or(("", shortest), |rest| ("-", rest));
    let (mantissa, exponent) = shortest.split_once('e').unwrap_or((shortest, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{whole}{fraction}");
    let digits = all.trim_start_matches('0');
    // Of the point among the digits, which are at least one.
    let place = exponent.parse().unwrap_or(0) + whole.len() as i32 - (all.len() - digits.len()) as i32;
    let digits = digits.trim_end_matches('0');
    let (digits, place) = if digits.is_empty() { ("0", 1) } else { (digits, place) };
    let after = |at: usize| if at < digits.len() { format!(".{}", &digits[at..]) } else { String::new() };
    match place {
        -3..=0 => format!("{sign}0.{}{digits}", "0".repeat(place.unsigned_abs() as usize)),
        1..=6 => {
            let before = &digits[..digits.len().min(place as usize)];
            format!("{sign}{before:0<width$}{}", after(place as usize), width = place as usize)
        }
        _ => {
            let (power, sign_of_power) = ((place - 1).unsigned_abs(), if place > 0 { '+' } else { '-' });
            format!("{sign}{}{}e{sign_of_power}{power:02}", &digits[..1], after(1))
        }
    }
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn texts_are_read_as_std_reads_them(text in "[+-]?[0-9]{0,25}\\.?[0-9]{0,25}([eE][+-]?[0-9]{0,3})?|[+-]?(inf|nan|Infinity|1_0| 1|0x1)") {
            let bits = |number: f64| number.to_bits();
            prop_assert_eq!(parsed_float(&text).map(bits), text.parse().ok().map(bits));
            prop_assert_eq!(parsed_float(&text).map(f32::to_bits), text.parse().ok().map(f32::to_bits));
        }

        #[test]
        fn what_is_printed_is_read_as_the_same(bits in any::<u64>(), simple in -1_000_000i32..1_000_000) {
            for number in [f64::from_bits(bits), f64::from(simple) / 1000.0, f64::from(simple)].into_iter().filter(|number| number.is_finite()) {
                prop_assert_eq!(float_text(number).parse::<f64>().unwrap().to_bits(), number.to_bits(), "{}", float_text(number));
            }
        }
    }

    #[test]
    fn numbers_are_printed_as_go_prints_them() {
        let expected = [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.5, "1.5"),
            (100000.0, "100000"),
            (123456.789, "123456.789"),
            (1000000.0, "1e+06"),
            (-123456789.0, "-1.23456789e+08"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (0.00123, "0.00123"),
            (1e100, "1e+100"),
            (5e-324, "5e-324"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
            (f64::NAN, "NaN"),
        ];
        expected.into_iter().for_each(|(number, text)| assert_eq!(float_text(number), text));
        assert_eq!(float_text(0.1f32), "0.1");
    }
}
