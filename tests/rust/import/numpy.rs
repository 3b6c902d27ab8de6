//! Columns of .npy files.

use super::*;
use elanus::import::NumpyBatches;

/// A file of numpy's version 1.
pub fn npy(descr: &str, shape: &str, values: &[u8]) -> Vec<u8> {
    let dict = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
    [b"\x93NUMPY\x01\x00", &(dict.len() as u16).to_le_bytes()[..], dict.as_bytes(), values].concat()
}

fn le<const WIDTH: usize>(values: impl IntoIterator<Item = [u8; WIDTH]>) -> Vec<u8> {
    values.into_iter().flatten().collect()
}

fn unicode(text: &str, width: usize) -> Vec<u8> {
    le(text.chars().map(u32::from).chain(std::iter::repeat(0)).take(width).map(u32::to_le_bytes))
}

pub fn read_files(
    schema: &CollectionSchema,
    files: &[(&str, Vec<u8>)],
    piece: usize,
    at_most_rows: usize,
) -> Result<Vec<Batch>> {
    let names: Vec<&str> = files.iter().map(|(name, _)| *name).collect();
    let mut reader = NumpyBatches::new(schema, &names)?;
    let mut places = vec![0; files.len()];
    let mut batches = Vec::new();
    while let Some(file) = reader.next_file() {
        let rest = &files[file].1[places[file]..];
        let bytes = &rest[..rest.len().min(piece)];
        places[file] += bytes.len();
        if bytes.is_empty() {
            reader.finish(file)?;
        }
        reader.push(file, nth_chunk(bytes, places[file] / piece))?;
        while let Some(batch) = reader.take_batch(at_most_rows)? {
            batches.push(batch);
        }
    }
    assert_eq!(reader.rows_read(), batches.iter().map(|batch| batch.rows as u64).sum::<u64>());
    Ok(batches)
}

fn refusal(schema: &CollectionSchema, files: &[(&str, Vec<u8>)]) -> String {
    match read_files(schema, files, 5, 100) {
        Err(Error::ImportFailed(text)) => text,
        other => panic!("{other:?}"),
    }
}

fn ids(ids: &[i64]) -> Vec<u8> {
    npy("<i8", &format!("({},)", ids.len()), &le(ids.iter().map(|id| id.to_le_bytes())))
}

fn vectors(rows: usize) -> Vec<u8> {
    npy("<f4", &format!("({rows}, 2)"), &le((0..rows * 2).map(|at| (at as f32).to_le_bytes())))
}

#[test]
fn every_type_that_numpy_has() {
    let fields = all_fields();
    let without_array = fields.as_array().expect("a list").iter().filter(|field| field["data_type"] != 22);
    let schema = schema(true, without_array.cloned().collect());
    let files = [
        ("id", ids(&[i64::MAX, 2])),
        ("v", npy(">f8", "(2, 2)", &le([0.1f64, -1.5e-3, 3.0, 4.0].map(f64::to_be_bytes)))),
        ("b", npy("|b1", "(2,)", &[1, 0])),
        ("i8", npy("|i1", "(2,)", &[0x80, 5])),
        ("i16", npy(">i2", "(2,)", &le([32767i16, -1].map(i16::to_be_bytes)))),
        ("i32", npy("<i4", "(2L,)", &le([-5i32, 6].map(i32::to_le_bytes)))),
        ("f", npy("<f4", "(2,)", &le([16777216.0f32, 0.5].map(f32::to_le_bytes)))),
        ("d", npy("<f8", "(2,)", &le([0.1f64, 0.2].map(f64::to_le_bytes)))),
        ("t", npy("<U7", "(2,)", &[unicode("é😀", 7), unicode("1234567", 7)].concat())),
        ("j", npy("|S8", "(2,)", b"{\"k\": 1}[ 1 ]\0\0\0")),
        ("$meta", npy("|S7", "(2,)", b"{\"x\":1}{}\0\0\0\0\0")),
    ];
    let batches = read_files(&schema, &files, usize::MAX, 10).expect("read");
    let batch = check_insert(&schema, &mut batches.into_iter().next().expect("a batch"), WriteMode::Insert)
        .expect("valid")
        .batch;
    assert_eq!(column(&batch, "id").data, ColumnData::Int64(vec![i64::MAX, 2]));
    assert_eq!(column(&batch, "v").data, ColumnData::FloatVector { dim: 2, values: vec![0.1, -1.5e-3, 3.0, 4.0] });
    assert_eq!(column(&batch, "b").data, ColumnData::Bool(vec![1, 0]));
    assert_eq!(column(&batch, "i8").data, ColumnData::Int8(vec![-128, 5]));
    assert_eq!(column(&batch, "i16").data, ColumnData::Int16(vec![32767, -1]));
    assert_eq!(column(&batch, "i32").data, ColumnData::Int32(vec![-5, 6]));
    assert_eq!(column(&batch, "f").data, ColumnData::Float(vec![16777216.0, 0.5]));
    assert_eq!(column(&batch, "d").data, ColumnData::Double(vec![0.1, 0.2]));
    assert_eq!(texts_of(&batch, "t"), ["é😀", "1234567"]);
    assert_eq!(texts_of(&batch, "j"), [r#"{"k":1}"#, "[1]"]);
    assert_eq!(texts_of(&batch, "$meta"), [r#"{"x":1}"#, "{}"]);
    assert!(!column(&batch, "n").is_valid(1));
    assert_eq!(column(&batch, "def").data, ColumnData::Int32(vec![7, 7]));
}

#[test]
fn however_files_are_cut_the_batches_are_the_same() {
    let schema = small(false, &[]);
    let files = [("v", vectors(10)), ("id", ids(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]))];
    let whole = read_files(&schema, &files, usize::MAX, 4).expect("read");
    assert_eq!(whole.iter().map(|batch| batch.rows).collect::<Vec<_>>(), [4, 4, 2]);
    for piece in [1, 2, 3, 7, 64, 100] {
        assert_eq!(read_files(&schema, &files, piece, 4).as_ref(), Ok(&whole), "pieces of {piece}");
    }
    assert_eq!(read_files(&schema, &[("id", ids(&[])), ("v", vectors(0))], 9, 4), Ok(vec![]));
}

#[test]
fn files_that_do_not_fit_the_schema_are_refused() {
    let schema = small(false, &[]);
    let cut = |mut file: Vec<u8>, less: usize| {
        file.truncate(file.len() - less);
        file
    };
    for (files, text) in [
        (vec![("id", ids(&[1]))], "there is no file corresponding to field 'v'"),
        (vec![("id", ids(&[1])), ("x", ids(&[1]))], "there is no field corresponding to file 'x.npy'"),
        (vec![("id", ids(&[1])), ("id", ids(&[1]))], "there are several files corresponding to field 'id'"),
        (vec![("id", ids(&[1])), ("v", vectors(2))], "the row counts of the files are not equal: field "),
        (vec![("id", ids(&[1])), ("v", ids(&[1]))], "field 'v': illegal numpy data type '<i8' for type 'FloatVector'"),
        (vec![("id", vectors(1)), ("v", vectors(1))], "field 'id': illegal numpy data type '<f4' for type 'Int64'"),
        (
            vec![("id", npy("<i8", "(1, 1)", &[0; 8])), ("v", vectors(1))],
            "field 'id': expected shape '1', got shape '2'",
        ),
        (vec![("id", ids(&[1])), ("v", npy("<f4", "(2,)", &[0; 8]))], "field 'v': expected shape '2', got shape '1'"),
        (vec![("id", ids(&[1])), ("v", npy("<f4", "(1, 3)", &[0; 12]))], "field 'v': expected dim '2', got dim '3'"),
        (
            vec![("id", ids(&[1])), ("v", cut(vectors(1), 3))],
            "field 'v': the file has 3 bytes less than its shape says",
        ),
        (vec![("id", ids(&[1])), ("v", [vectors(1), vec![0]].concat())], "field 'v': the file has more bytes"),
        (vec![("id", ids(&[1])), ("v", b"\x93NUM".to_vec())], "field 'v': the file ends within its header"),
        (vec![("id", ids(&[1])), ("v", b"PK".to_vec())], "field 'v': not a numpy file"),
        (vec![("id", npy("|O", "(1,)", b"")), ("v", vectors(1))], "field 'id': illegal numpy data type '|O'"),
    ] {
        let refused = refusal(&schema, &files);
        assert!(refused.starts_with(text), "{text}: {refused}");
    }
    let with_array = small(
        false,
        &[
            json!({ "name": "a", "data_type": 22, "element_type": 5, "type_params": { "max_capacity": 9 }, "nullable": true }),
        ],
    );
    let refused = refusal(&with_array, &[("id", ids(&[1])), ("v", vectors(1))]);
    assert_eq!(refused, "field 'a': type 'Array' is not supported by numpy files");
}

#[test]
fn bad_values_are_told_with_their_row() {
    let one = |data_type: u32, file: Vec<u8>| {
        let field = json!({ "name": "x", "data_type": data_type, "type_params": { "max_length": 9 } });
        refusal(&small(false, &[field]), &[("id", ids(&[1, 2])), ("v", vectors(2)), ("x", file)])
    };
    let infinite = one(10, npy("<f4", "(2,)", &le([1.0, f32::NAN].map(f32::to_le_bytes))));
    assert_eq!(infinite, "field 'x': row 2: value is not a number or infinity, or out of the type's range");
    assert_eq!(one(1, npy("|b1", "(2,)", &[0, 2])), "field 'x': row 2: 2 is no bool");
    assert_eq!(one(21, npy("|S1", "(2,)", b"a\xff")), "field 'x': row 2: invalid UTF-8");
    let surrogate = npy("<U1", "(2,)", &le([65u32, 0xd800].map(u32::to_le_bytes)));
    assert_eq!(one(21, surrogate), "field 'x': row 2: 0xd800 is no character");
    assert!(one(23, npy("|S1", "(2,)", b"1{")).starts_with("field 'x': row 2: not a JSON format string"));
    let vector = npy("<f8", "(1, 2)", &le([1.0, 1e39].map(f64::to_le_bytes)));
    let refused = refusal(&small(false, &[]), &[("id", ids(&[1])), ("v", vector)]);
    assert_eq!(refused, "field 'v': row 1: value is not a number or infinity, or out of the type's range");
}

#[test]
fn a_shape_that_overflows_allocates_nothing() {
    let schema = small(false, &[]);
    for rows in ["18446744073709551615", "9223372036854775807", "4611686018427387904"] {
        let files = [("id", npy("<i8", &format!("({rows},)"), &[])), ("v", npy("<f4", &format!("({rows}, 2)"), &[]))];
        assert!(refusal(&schema, &files).contains("bytes less than its shape says"), "{rows}");
    }
    let wide = npy("<U99999999999", "(1,)", &[]);
    let text = small(false, &[json!({ "name": "x", "data_type": 21, "type_params": { "max_length": 9 } })]);
    assert!(refusal(&text, &[("id", ids(&[1])), ("v", vectors(1)), ("x", wide)]).contains("a row has more than"));
}
