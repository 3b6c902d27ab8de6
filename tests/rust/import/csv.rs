//! CSV.

use super::*;

const FILE: &str = "id,v,b,i8,i16,i32,f,d,t,j,a,n,def\r\n\
    9223372036854775807,\"[0.1, -1.5e-3]\",true,-128,32767,-5,16777217,0.1,\"x,\"\"é\n😀\",\
    \"{\"\"k\"\": [1, {\"\"deep\"\": 9007199254740993}]}\",\"[\"\"p\"\", \"\"q\\\"\"r\"\"]\",,\r\n";

#[test]
fn every_type() {
    assert_first_row(&read(&csv_format(), &all_types(), FILE).expect("read"));
    assert_first_row(&read(&csv_format(), &all_types(), format!("\u{feff}{}", FILE.trim_end())).expect("read"));
}

#[test]
fn separator_and_null_key_are_the_callers() {
    let schema = small(
        false,
        &[
            json!({ "name": "t", "data_type": 21, "type_params": { "max_length": 9 }, "nullable": true }),
            json!({ "name": "s", "data_type": 21, "type_params": { "max_length": 9 } }),
        ],
    );
    let format = Format::Csv { separator: '|', null_key: "NULL".into() };
    let batch = read(&format, &schema, "s|t|v|id\nNULL|NULL|[1,2]|+1\n||[1,2]|2\n").expect("read");
    assert_eq!(texts_of(&batch, "s"), ["NULL", ""]);
    assert!(!column(&batch, "t").is_valid(0));
    assert!(column(&batch, "t").is_valid(1));
    assert_eq!(column(&batch, "id").data, ColumnData::Int64(vec![1, 2]));
    for separator in ['\0', '\n', '\r', '"', '\u{fffd}', 'é'] {
        let format = Format::Csv { separator, null_key: String::new() };
        let refused = RowReader::new(&format, &schema).err();
        let text = format!("unsupported csv separator: {separator:?}");
        assert_eq!(refused, Some(Error::ImportFailed(text)));
    }
}

#[test]
fn unknown_columns_go_into_the_dynamic_field_as_texts() {
    let file = "id,v,\"x\"\"\",$meta\n1,\"[1, 2]\",\"a\"\"b\",\"{\"\"y\"\": 1}\"\n2,\"[1, 2]\",,{}\n";
    let batch = read(&csv_format(), &small(true, &[]), file).expect("read");
    assert_eq!(texts_of(&batch, "$meta"), [r#"{"x\"":"a\"b","y":1}"#, r#"{"x\"":""}"#]);
    let ignored = read(&csv_format(), &small(false, &[]), file).expect("names without a place are ignored");
    assert_eq!(ignored.columns.len(), 2);
    let refused = refusal(&csv_format(), &small(true, &[]), "id,v,$meta\n1,\"[1, 2]\",7\n");
    assert!(refused.starts_with("row 1: illegal value for dynamic field, not a JSON object"), "{refused}");
}

#[test]
fn what_is_wrong_is_told_with_row_and_field() {
    for (file, text) in [
        ("", "header: the file is empty"),
        ("id\n1\n", "header: value of field 'v' is missed"),
        ("id,v,id\n", "header: duplicated field is not allowed, field=id"),
        ("id,v\n1\n", "row 1: the number of fields in the row is not equal to the header, expected 2, got 1"),
        ("id,v\n1,[],3\n", "row 1: the number of fields in the row is not equal to the header, expected 2, got 3"),
        ("id,v\n1,\"[1,2]\"\n,\"[1,2]\"\n", "row 2: field 'id': failed to parse value '' as an integer"),
        ("id,v\n1,\"1,2\"\n", "row 1: field 'v': expected a JSON list, got '1,2'"),
        ("id,v\n1,\"[1,2]x\"\n", "row 1: field 'v': invalid JSON at byte 5: expected the end, found 'x'"),
        ("id,v\n1,\"[1,NaN]\"\n", "row 1: field 'v': element 1: invalid JSON"),
    ] {
        let refused = refusal(&csv_format(), &small(false, &[]), file);
        assert!(refused.starts_with(text), "{file}: {refused}");
    }
    let typed = |data_type: u32| small(false, &[json!({ "name": "x", "data_type": data_type })]);
    for (data_type, value) in [(1, "yes"), (2, "300"), (4, "1_000"), (10, "inf"), (11, "NaN"), (10, "1e39"), (23, "{")]
    {
        let refused = refusal(&csv_format(), &typed(data_type), format!("x,id,v\n{value},1,\"[1,2]\"\n"));
        assert!(refused.starts_with("row 1: field 'x': "), "{value}: {refused}");
    }
    let refused = refusal(&csv_format(), &small(false, &[]), b"id,v\n\xff,\"[1,2]\"\n");
    assert_eq!(refused, "row 1: field 'id': invalid UTF-8 at byte 0 of column 1");
}

#[test]
fn a_header_of_very_many_columns_is_refused() {
    let header = format!("id,v{}", ",x".repeat(5000));
    assert_eq!(refusal(&csv_format(), &small(true, &[]), header), "header: the row has more than 4096 cells");
}

#[test]
fn a_file_of_a_header_alone_has_no_rows() {
    for file in ["id,v", "id,v\n", "\n\nid,v\r\n\r\n"] {
        assert_eq!(read_pieces(&csv_format(), &small(false, &[]), file.as_bytes(), 1, 9), Ok(vec![]), "{file}");
    }
}

#[test]
fn quotes_that_are_not_closed_or_not_of_cells_are_refused() {
    let schema = small(true, &[]);
    let bare = "bare \" in non-quoted field";
    let open = "extraneous or missing \" in quoted-field";
    for (file, row, text) in [
        ("id,v,t\n1,\"[1,2]\",\"abc", 1, open),
        ("id,v,t\n1,\"[1,2]\",\"abc\n2,\"[1,2]\",d\n", 1, open),
        ("id,v,t\n1,\"[1,2]\",a\n2,\"[1,2]\",5\" pipe\n", 2, bare),
        ("id,v,t\n1,\"[1,2]\",\"a\"b\n", 1, open),
        ("id,v,t\n1,\"[1,2]\" ,a\n", 1, open),
        ("id,v,t\n1,\"[1,2]\", \"a\"\n", 1, bare),
    ] {
        for piece in [1, 2, 3, 5, usize::MAX] {
            let refused = read_pieces(&csv_format(), &schema, file.as_bytes(), piece, usize::MAX).expect_err(file);
            assert_eq!(refused, Error::ImportFailed(format!("row {row}: {text}")), "{file} in pieces of {piece}");
        }
    }
    let file =
        "\u{feff}\"id\",v,\"\"\"t\"\r\n1,\"[1,2]\",\"\"\r\n\r\n2,\"[1,2]\",\"\"\"\"\n3,\"[1,2]\",\"a,\r\n\"\"b\"";
    for piece in [1, 2, 3, 5, usize::MAX] {
        let batches = read_pieces(&csv_format(), &schema, file.as_bytes(), piece, usize::MAX).expect("read");
        assert_eq!(texts_of(&batches[0], "$meta"), [r#"{"\"t":""}"#, r#"{"\"t":"\""}"#, r#"{"\"t":"a,\r\n\"b"}"#]);
    }
}

#[test]
fn long_names_of_columns_are_not_repeated_in_every_row_of_a_batch() {
    let names: String = (0..300).map(|at| format!(",{at:0>250}")).collect();
    let file = format!("id,v{names}\n1,\"[1,2]\"{}\n", ",".repeat(300));
    let refused = refusal(&csv_format(), &small(true, &[]), &file);
    assert_eq!(refused, "row 1: the length (76801) of dynamic field exceeds max length (65536)");
    read(&csv_format(), &small(false, &[]), &file).expect("names without a place are ignored");
}
