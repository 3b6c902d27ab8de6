//! Damaged files: every one is read or refused, without a panic, without an end that never comes, and without memory that the
//! file does not account for.

use super::numpy::{npy, read_files};
use super::random::{csv_file, json_file, json_lines_file, rows};
use super::*;
use proptest::prelude::*;
use proptest::sample::Index;

const TOKENS: [&str; 24] = [
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "\\",
    "\n",
    "\r",
    "null",
    "1e999",
    "NaN",
    "-",
    "99999999999999999999",
    "\"id\"",
    "\"$meta\"",
    "\\ud800",
    "\u{feff}",
    "\0",
    "<f8",
    "(1,)",
    "True",
    "4294967296",
];
/// No damage makes a file of a few rows larger than this in memory.
const MOST_BYTES: usize = 1 << 20;

#[derive(Debug, Clone)]
enum Damage {
    Set(Index, u8),
    Cut(Index, Index),
    Repeat(Index, Index),
    Insert(Index, &'static str),
    End(Index),
}

fn damage() -> impl Strategy<Value = Vec<Damage>> {
    let one = prop_oneof![
        any::<(Index, u8)>().prop_map(|(at, byte)| Damage::Set(at, byte)),
        any::<(Index, Index)>().prop_map(|(from, to)| Damage::Cut(from, to)),
        any::<(Index, Index)>().prop_map(|(from, to)| Damage::Repeat(from, to)),
        (any::<Index>(), prop::sample::select(&TOKENS[..])).prop_map(|(at, token)| Damage::Insert(at, token)),
        (any::<Index>(), prop::sample::select(&TOKENS[..])).prop_map(|(at, token)| Damage::Insert(at, token)),
        any::<Index>().prop_map(Damage::End),
    ];
    prop::collection::vec(one, 1..4)
}

fn damaged(mut file: Vec<u8>, damages: &[Damage]) -> Vec<u8> {
    for damage in damages {
        let place = |index: &Index| index.index(file.len() + 1);
        match damage {
            Damage::Set(at, byte) => {
                let at = place(at);
                if let Some(changed) = file.get_mut(at) {
                    *changed = *byte;
                }
            }
            Damage::Cut(from, to) => {
                let (from, to) = (place(from), place(to));
                file.drain(from.min(to)..from.max(to));
            }
            Damage::Repeat(from, to) => {
                let (from, to) = (place(from), place(to));
                file.extend_from_within(from.min(to)..from.max(to));
            }
            Damage::Insert(at, token) => {
                let at = place(at);
                file.splice(at..at, token.bytes());
            }
            Damage::End(at) => file.truncate(place(at)),
        }
    }
    file
}

fn assert_sound(read: &Result<Vec<Batch>>) {
    match read {
        Ok(batches) => {
            for batch in batches {
                assert!(batch.columns.iter().all(|(_, column)| column.len() == batch.rows));
                let bytes: usize = batch.columns.iter().map(|(_, column)| column.allocated_bytes()).sum();
                assert!(bytes < MOST_BYTES, "{bytes} bytes");
            }
        }
        Err(error) => assert!(matches!(error, Error::ImportFailed(_)), "{error:?}"),
    }
}

/// `ELANUS_IMPORT_CASES` for a longer run.
fn many_cases() -> ProptestConfig {
    let cases = std::env::var("ELANUS_IMPORT_CASES").map_or(10_000, |cases| cases.parse().expect("a number"));
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases) }
}

proptest! {
    #![proptest_config(many_cases())]

    #[test]
    fn damaged_files_of_rows(
        rows in rows(), damages in damage(), which in 0usize..3, piece in 1usize..300, at_most_rows in 1usize..5,
    ) {
        let (format, file) = match which {
            0 => (Format::Json, json_file(&rows)),
            1 => (Format::JsonLines, json_lines_file(&rows)),
            _ => (csv_format(), csv_file(&rows)),
        };
        let file = damaged(file.into_bytes(), &damages);
        let schema = all_types();
        let read = read_pieces(&format, &schema, &file, piece, at_most_rows);
        assert_sound(&read);
        // Damage or not, it must be the same however the file was cut.
        prop_assert_eq!(read, read_pieces(&format, &schema, &file, usize::MAX, at_most_rows));
    }

    #[test]
    fn any_bytes_as_files(bytes in prop::collection::vec(any::<u8>(), 0..60), tokens in prop::collection::vec(prop::sample::select(&TOKENS[..]), 0..12)) {
        let schema = small(true, &[]);
        let mut file = tokens.concat().into_bytes();
        file.extend_from_slice(&bytes);
        for format in [Format::Json, Format::JsonLines, csv_format()] {
            assert_sound(&read_pieces(&format, &schema, &file, 3, 2));
        }
    }

    #[test]
    fn damaged_numpy_files(damages in damage(), which in 0usize..3, piece in 1usize..100, values in prop::collection::vec(any::<u8>(), 48)) {
        let schema = small(false, &[json!({ "name": "t", "data_type": 21, "type_params": { "max_length": 9 } })]);
        let mut files = [
            ("id", npy("<i8", "(3,)", &values[..24])),
            ("v", npy("<f4", "(3, 2)", &values[24..])),
            ("t", npy("<U1", "(3,)", b"a\0\0\0b\0\0\0c\0\0\0")),
        ];
        files[which].1 = damaged(std::mem::take(&mut files[which].1), &damages);
        assert_sound(&read_files(&schema, &files, piece, 2));
    }
}
