//! What the arguments of an import ask for: names of files and options, by Milvus' rules.

use crate::error::{Error, Result};
use crate::import::{Format, extension};
use crate::schema::KeyValue;
use crate::value::parsed_float;

const MAX_FILES: usize = 1024;

/// Milvus tells the type by the ending alone; of all types but NumPy a job has one file.
pub(super) fn check_files<'a>(names: impl ExactSizeIterator<Item = &'a str> + Clone) -> Result<()> {
    let refused = |text: String| Err(Error::ImportFailed(text));
    let count = names.len();
    if count > MAX_FILES {
        return refused(format!("The max number of import files should not exceed {MAX_FILES}, but got {count}"));
    }
    let Some(first) = names.clone().next() else { return Err(Error::invalid("import request is empty")) };
    if let Some(other) = names.clone().find(|other| extension(other) != extension(first)) {
        return refused(format!("inconsistency in file types, ({first}) vs ({other})"));
    }
    for name in names {
        let format = Format::of_file(name)?;
        if count > 1 && format != Format::Numpy {
            let kind = extension(first);
            let kind = if kind == "parquet" { "Parquet".to_owned() } else { kind.to_ascii_uppercase() };
            return refused(format!("for {kind} import, accepts only one file"));
        }
    }
    Ok(())
}

pub(super) struct ImportOptions {
    /// A job that has not ended by then fails.
    pub timeout_ms: Option<u64>,
    separator: Option<char>,
    null_key: Option<String>,
}

impl ImportOptions {
    pub fn of(options: &[KeyValue]) -> Result<Self> {
        let value_of = |key: &str| options.iter().find(|option| option.key == key).map(|option| option.value.as_str());
        for (key, unsupported) in [("auto_commit", "false"), ("backup", "true"), ("l0_import", "true")] {
            if value_of(key).is_some_and(|value| value.eq_ignore_ascii_case(unsupported)) {
                return Err(Error::Unimplemented { what: format!("{key}={unsupported} of an import") });
            }
        }
        let refused = |text: String| Error::ImportFailed(text);
        let timeout_ms =
            match value_of("timeout") {
                None => None,
                Some(text) => {
                    let parsed = go_duration_ms(text);
                    Some(parsed.ok_or_else(|| {
                        refused(format!("parse timeout failed, err=time: invalid duration \"{text}\""))
                    })?)
                }
            };
        // Of several characters Milvus takes the first.
        let separator = value_of("sep").and_then(|text| text.chars().next());
        Ok(ImportOptions { timeout_ms, separator, null_key: value_of("nullkey").map(str::to_owned) })
    }

    /// How files of such a name are read.
    pub fn format_of(&self, name: &str) -> Result<Format> {
        Ok(match Format::of_file(name)? {
            Format::Csv { separator, null_key } => Format::Csv {
                separator: self.separator.unwrap_or(separator),
                null_key: self.null_key.clone().unwrap_or(null_key),
            },
            other => other,
        })
    }
}

/// As Go's `time.ParseDuration` reads it: `300s`, `1h45m`, `1.5h`.
fn go_duration_ms(text: &str) -> Option<u64> {
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest == "0" {
        return Some(0);
    }
    let mut milliseconds = 0.0;
    while !rest.is_empty() || text.is_empty() {
        let number = rest.find(|character: char| !character.is_ascii_digit() && character != '.')?;
        let unit = rest[number..].find(|character: char| character.is_ascii_digit() || character == '.');
        let end = unit.map_or(rest.len(), |length| number + length);
        let factor = match &rest[number..end] {
            "h" => 3_600_000.0,
            "m" => 60_000.0,
            "s" => 1000.0,
            "ms" => 1.0,
            "us" | "µs" | "μs" => 1e-3,
            "ns" => 1e-6,
            _ => return None,
        };
        milliseconds += parsed_float::<f64>(&rest[..number])? * factor;
        rest = &rest[end..];
    }
    (milliseconds < u64::MAX as f64).then_some(milliseconds as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_gos() {
        for (text, expected) in [
            ("300s", Some(300_000)),
            ("1h45m", Some(6_300_000)),
            ("1.5h", Some(5_400_000)),
            ("2m0.5s10ms", Some(120_510)),
            ("0", Some(0)),
            ("1500us", Some(1)),
        ] {
            assert_eq!(go_duration_ms(text), expected, "{text}");
        }
        for text in ["", "5", "s", "1x", "-1s", "1.2.3s", "1e3s", "99999999999999999999h"] {
            assert_eq!(go_duration_ms(text), None, "{text}");
        }
    }

    fn options(pairs: &[(&str, &str)]) -> Result<ImportOptions> {
        let pair = |(key, value): &(&str, &str)| KeyValue { key: (*key).into(), value: (*value).into() };
        ImportOptions::of(&pairs.iter().map(pair).collect::<Vec<_>>())
    }

    #[test]
    fn options_shape_the_format() {
        let format = |pairs, name| options(pairs).and_then(|options| options.format_of(name));
        let csv = |separator, null_key: &str| Ok(Format::Csv { separator, null_key: null_key.into() });
        assert_eq!(format(&[("sep", ";"), ("nullkey", "NULL")], "a.csv"), csv(';', "NULL"));
        assert_eq!(format(&[("sep", "")], "a.csv"), csv(',', ""));
        assert_eq!(format(&[("sep", ";|")], "a.csv"), csv(';', ""));
        assert_eq!(format(&[("sep", ";")], "a.json"), Ok(Format::Json));
        assert!(options(&[("timeout", "soon")]).is_err());
        assert!(options(&[("auto_commit", "false")]).is_err());
        assert!(options(&[("auto_commit", "true"), ("bucket", "b")]).is_ok());
    }
}
