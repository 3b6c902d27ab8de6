//! What may be a name. Texts are Milvus' own; clients match on them.

use super::DYNAMIC_FIELD;
use crate::error::{Error, Result};

pub const MAX_NAME_BYTES: usize = 255;

/// Columns that Milvus adds to every collection by itself.
pub const SYSTEM_FIELDS: [&str; 4] = ["RowID", "Timestamp", "$namespace_id", DYNAMIC_FIELD];

/// Words of the filter grammar that exist in lower and in upper case.
const KEYWORDS: [&str; 8] = ["like", "exists", "and", "or", "not", "in", "true", "false"];

/// The same, before a parenthesis.
pub const FUNCTIONS: [&str; 17] = [
    "json_contains",
    "json_contains_all",
    "json_contains_any",
    "array_contains",
    "array_contains_all",
    "array_contains_any",
    "array_length",
    "text_match",
    "phrase_match",
    "random_sample",
    "element_filter",
    "match_all",
    "match_any",
    "match_least",
    "match_most",
    "match_exact",
    "text_match_fuzzy",
];

/// Whether a name is one of these words, in small letters or in capitals.
pub fn is_word(name: &str, word: &str) -> bool {
    name == word || name.eq_ignore_ascii_case(word) && !name.bytes().any(|byte| byte.is_ascii_lowercase())
}

/// What is wrong with a name.
enum Fault {
    Empty,
    TooLong,
    FirstCharacter,
    Character,
}

fn fault(name: &str, allow_first_digit: bool, extra: &[u8]) -> Option<Fault> {
    let first = match name.bytes().next() {
        None => return Some(Fault::Empty),
        Some(first) => first,
    };
    let letter = |byte: u8| byte == b'_' || byte.is_ascii_alphabetic();
    if name.len() > MAX_NAME_BYTES {
        Some(Fault::TooLong)
    } else if !(letter(first) || allow_first_digit && first.is_ascii_digit()) {
        Some(Fault::FirstCharacter)
    } else if !name.bytes().all(|byte| letter(byte) || byte.is_ascii_digit() || extra.contains(&byte)) {
        Some(Fault::Character)
    } else {
        None
    }
}

fn check_collection_or_alias(name: &str, kind: &str) -> Result<()> {
    let Some(fault) = fault(name, false, &[]) else { return Ok(()) };
    let invalid = format!("Invalid collection {kind}: {name}.");
    Err(Error::invalid(match fault {
        Fault::Empty => format!("collection {kind} should not be empty"),
        Fault::TooLong => {
            format!("{invalid} the length of a collection {kind} must be less than {MAX_NAME_BYTES} characters")
        }
        Fault::FirstCharacter => {
            format!("{invalid} the first character of a collection {kind} must be an underscore or letter")
        }
        Fault::Character => format!("{invalid} collection {kind} can only contain numbers, letters and underscores"),
    }))
}

pub fn check_collection(name: &str) -> Result<()> {
    check_collection_or_alias(name, "name")
}

pub fn check_alias(name: &str) -> Result<()> {
    check_collection_or_alias(name, "alias")
}

/// Partition names may start with a digit and contain `-`, unlike all the others.
pub fn check_partition(name: &str) -> Result<()> {
    let Some(fault) = fault(name, true, b"-") else { return Ok(()) };
    Err(Error::invalid(format!(
        "Invalid partition name: {name}. {}",
        match fault {
            Fault::Empty => "Partition name should not be empty.".to_owned(),
            Fault::TooLong => format!("The length of a partition name must be less than {MAX_NAME_BYTES} characters."),
            Fault::FirstCharacter =>
                "The first character of a partition name must be an underscore or letter.".to_owned(),
            Fault::Character => "Partition name can only contain numbers, letters and underscores.".to_owned(),
        }
    )))
}

/// An empty index name is allowed: the index is then named after its field.
pub fn check_index(name: &str) -> Result<()> {
    let Some(fault) = fault(name, false, b"[]") else { return Ok(()) };
    let detail = match fault {
        Fault::Empty => return Ok(()),
        Fault::TooLong => format!("The length of a index name must be less than {MAX_NAME_BYTES} characters."),
        Fault::FirstCharacter => "The first character of a index name must be an underscore or letter.".to_owned(),
        Fault::Character => "Index name can only contain numbers, letters, and underscores.".to_owned(),
    };
    Err(Error::invalid(format!("Invalid index name: {name}. {detail}")))
}

pub fn check_database(name: &str) -> Result<()> {
    let Some(fault) = fault(name, false, &[]) else { return Ok(()) };
    let text = match fault {
        Fault::Empty => "database name couldn't be empty".to_owned(),
        Fault::TooLong => format!("the length of a database name must be less than {MAX_NAME_BYTES} characters"),
        Fault::FirstCharacter => "the first character of a database name must be an underscore or letter".to_owned(),
        Fault::Character => "database name can only contain numbers, letters and underscores".to_owned(),
    };
    Err(Error::InvalidDatabaseName { database: name.to_owned(), text })
}

pub fn check_field(name: &str) -> Result<()> {
    let detail = match fault(name, false, &[]) {
        None if is_keyword(name) => format!("{name} is keyword in milvus."),
        None => return Ok(()),
        Some(Fault::Empty) => return Err(invalid_field(name, "field name should not be empty".to_owned())),
        Some(Fault::TooLong) => format!("The length of a field name must be less than {MAX_NAME_BYTES} characters."),
        Some(Fault::FirstCharacter) => {
            "The first character of a field name must be an underscore or letter.".to_owned()
        }
        Some(Fault::Character) => "Field name can only contain numbers, letters, and underscores.".to_owned(),
    };
    Err(invalid_field(name, format!("Invalid field name: {name}. {detail}")))
}

fn invalid_field(name: &str, text: String) -> Error {
    Error::FieldNameInvalid { field: name.to_owned(), text }
}

/// The grammar knows its words in lower and in upper case only, and the two literals also capitalised.
fn is_keyword(name: &str) -> bool {
    matches!(name, "True" | "False") || KEYWORDS.iter().chain(&FUNCTIONS).any(|word| is_word(name, word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_rules_of_their_kind() {
        assert!(check_collection("_a1").is_ok());
        assert!(check_collection("1a").is_err());
        assert!(check_collection(&"a".repeat(255)).is_ok());
        assert!(check_collection(&"a".repeat(256)).is_err());
        assert!(check_collection("é").is_err());
        assert!(check_partition("2024-05").is_ok());
        assert!(check_partition("-a").is_err());
        assert!(check_index("").is_ok());
        assert!(check_index("v[x]").is_ok());
        assert!(check_database("").is_err());
    }

    #[test]
    fn texts_are_those_of_milvus() {
        assert_eq!(
            check_collection("12-s").unwrap_err().to_string(),
            "Invalid collection name: 12-s. the first character of a collection name must be an underscore or letter: \
             invalid parameter"
        );
        assert_eq!(
            check_partition("with space").unwrap_err().to_string(),
            "Invalid partition name: with space. Partition name can only contain numbers, letters and underscores.: \
             invalid parameter"
        );
    }

    #[test]
    fn words_of_the_filter_grammar_are_no_field_names() {
        for word in ["in", "IN", "true", "True", "TRUE", "json_contains", "ARRAY_LENGTH"] {
            assert_eq!(check_field(word).unwrap_err().code(), 1701, "{word}");
        }
        for word in ["In", "Like", "inside", "tRue"] {
            assert!(check_field(word).is_ok(), "{word}");
        }
    }
}
