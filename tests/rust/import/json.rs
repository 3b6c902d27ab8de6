//! JSON and JSON lines.

use super::*;
use elanus::schema::KeyValue;

const FIRST_ROW: &str = r#"{"id": 9223372036854775807, "v": [0.1, -1.5e-3], "b": true, "i8": -128, "i16": 32767, "i32": -5,
    "f": 16777217, "d": 0.1, "t": "x,\"\u00e9\n\ud83d\ude00", "j": { "k": [ 1, {"deep": 9007199254740993} ] },
    "a": ["p", "q\"r"], "n": null}"#;

fn rows(text: &str) -> String {
    format!("[{text}]")
}

#[test]
fn every_type_in_every_layout() {
    for (format, file) in [
        (Format::Json, format!("{{\"rows\": [{FIRST_ROW}]}}")),
        (Format::Json, format!("\u{feff} {{ \"ROWS\" :\n[ {FIRST_ROW} ]\t}} ")),
        (Format::Json, rows(FIRST_ROW)),
        (Format::JsonLines, FIRST_ROW.to_owned()),
        (Format::JsonLines, format!("\n{FIRST_ROW},\r\n\n")),
    ] {
        let batch = read(&format, &all_types(), &file).expect("read");
        assert_first_row(&batch);
        assert_eq!(texts_of(&batch, "$meta"), ["{}"]);
    }
}

#[test]
fn numbers_are_the_nearest_of_their_type() {
    // Read as a double first, this would round to another float.
    let text = "1.00000005960464477540";
    let file = rows(&format!(r#"{{"id": -9223372036854775808, "v": [{text}, 3.4028235e38]}}"#));
    let batch = read(&Format::Json, &small(false, &[]), file).expect("read");
    let nearest: f32 = text.parse().expect("a float");
    assert_eq!(column(&batch, "v").data, ColumnData::FloatVector { dim: 2, values: vec![nearest, f32::MAX] });
    assert_eq!(column(&batch, "id").data, ColumnData::Int64(vec![i64::MIN]));
}

#[test]
fn json_fields_take_objects_and_strings_that_hold_json() {
    let schema = small(false, &[json!({ "name": "j", "data_type": 23, "nullable": true })]);
    let file = r#"{"id": 1, "v": [1, 2], "j": {"a": [ ]}}
        {"id": 2, "v": [1, 2], "j": " [1, \"x\"] "}
        {"id": 3, "v": [1, 2]}"#;
    let batch = read(&Format::JsonLines, &schema, file).expect("read");
    assert_eq!(texts_of(&batch, "j")[..2], [r#"{"a":[]}"#, r#"[1,"x"]"#]);
    assert!(!column(&batch, "j").is_valid(2));
    for value in ["[1]", "1", "true", "\"{\"", "\"\""] {
        let file = rows(&format!(r#"{{"id": 1, "v": [1, 2], "j": {value}}}"#));
        assert!(refusal(&Format::Json, &schema, file).starts_with("row 1: field 'j': "), "{value}");
    }
}

#[test]
fn of_equal_keys_the_last_counts() {
    let schema = small(
        true,
        &[
            json!({ "name": "a", "data_type": 22, "element_type": 5, "type_params": { "max_capacity": 9 }, "nullable": true }),
        ],
    );
    let file = r#"{"a": [1, 2], "id": 1, "v": [1, 2], "a": [3], "x": 1, "x": 2}
        {"id": 2, "\u0069d": 3, "v": [1, 2], "v": [3, 4], "a": [1], "a": null}
        {"id": 4, "v": [5, 6], "a": null, "a": [7, 8]}
        {"id": 5, "v": [7, 8], "a": [1], "a": null}"#;
    let batch = read(&Format::JsonLines, &schema, file).expect("read");
    assert_eq!(column(&batch, "id").data, ColumnData::Int64(vec![1, 3, 4, 5]));
    assert_eq!(
        column(&batch, "v").data,
        ColumnData::FloatVector { dim: 2, values: vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0] }
    );
    match &column(&batch, "a").data {
        ColumnData::Array(lists) => {
            assert_eq!(lists.offsets, [0, 1, 1, 3, 3]);
            assert_eq!(lists.elements, ColumnData::Int64(vec![3, 7, 8]));
        }
        other => panic!("{other:?}"),
    }
    let valid: Vec<bool> = (0..4).map(|row| column(&batch, "a").is_valid(row)).collect();
    assert_eq!(valid, [true, false, true, false]);
    let first: Value = serde_json::from_str(&texts_of(&batch, "$meta")[0]).expect("JSON");
    assert_eq!(first, json!({ "x": 2 }));
}

#[test]
fn unknown_keys_go_into_the_dynamic_field() {
    let schema = small(true, &[]);
    let file = r#"{"id": 1, "x": [1, {"y": 2}], "v": [1, 2], "k\n": "s\u00e9"}
        {"id": 2, "v": [1, 2], "$meta": {"z": 1}, "x": null}
        {"id": 3, "v": [1, 2], "$meta": "{\"z\": 2}"}
        {"id": 4, "v": [1, 2], "$meta": null}
        {"id": 5, "v": [1, 2], "$meta": { }}"#;
    let batch = read(&Format::JsonLines, &schema, file).expect("read");
    let expected = [r#"{"x":[1,{"y":2}],"k\n":"s\u00e9"}"#, r#"{"x":null,"z":1}"#, r#"{"z":2}"#, "{}", "{}"];
    assert_eq!(texts_of(&batch, "$meta"), expected);
    for (keys, text) in [
        (r#""x": 1, "$meta": {"y": 1, "x": 1}"#, "duplicated key is not allowed, key=x"),
        (r#""$meta": [1]"#, "illegal value for dynamic field, not a JSON object but a list"),
        (r#""$meta": "[1]""#, "illegal value for dynamic field, not a JSON object: "),
        (r#""$meta": "{} {}""#, "illegal value for dynamic field, not a JSON object: "),
    ] {
        let file = rows(&format!(r#"{{"id": 1, "v": [1, 2], {keys}}}"#));
        let refused = refusal(&Format::Json, &schema, &file);
        assert!(refused.starts_with(&format!("row 1: {text}")), "{refused}");
    }
    let file = rows(r#"{"id": 1, "v": [1, 2], "x": 1}"#);
    let ignored = read(&Format::Json, &small(false, &[]), file).expect("names without a place are ignored");
    assert_eq!(ignored.columns.len(), 2);
}

#[test]
fn generated_keys_are_not_given_unless_the_collection_allows_it() {
    let mut schema = schema(
        false,
        json!([
            { "name": "id", "data_type": 5, "is_primary_key": true, "autoID": true },
            { "name": "v", "data_type": 101, "type_params": { "dim": 2 } },
        ]),
    );
    let with_id = r#"{"id": 1, "v": [1, 2]}"#;
    let without = r#"{"v": [1, 2]}"#;
    let refused = refusal(&Format::JsonLines, &schema, with_id);
    assert_eq!(refused, "row 1: the primary key 'id' is auto-generated, no need to provide");
    read(&Format::JsonLines, &schema, without).expect("keys are generated");
    schema.properties.push(KeyValue { key: "allow_insert_auto_id".into(), value: "true".into() });
    read(&Format::JsonLines, &schema, without).expect("keys are generated");
    let batch = read(&Format::JsonLines, &schema, with_id).expect("keys are taken");
    assert_eq!(column(&batch, "id").data, ColumnData::Int64(vec![1]));
    for file in [format!("{with_id}{without}"), format!("{without}{with_id}")] {
        let refused = refusal(&Format::JsonLines, &schema, file);
        assert_eq!(refused, "row 2: the primary key 'id' must be given in all rows or in none");
    }
}

#[test]
fn what_is_no_list_of_rows_is_refused() {
    for (file, text) in [
        ("", "init failed, failed to decode JSON, error: the file is empty"),
        ("7", "invalid JSON format, the content should be started with '{' or '['"),
        (r#"{"data": []}"#, "invalid JSON format, the root key should be 'rows', but get 'data'"),
        (r#"{"rows": 1}"#, "invalid JSON format, rows list should begin with '['"),
        (r#"{"rows": []"#, "invalid JSON format, the file ends before its last '}'"),
        (r#"{"rows": [], "x": 1}"#, "invalid JSON format, ',' follows the rows list"),
        ("[] []", "invalid JSON format, '[' follows the rows list"),
        ("[1]", "row 1: invalid JSON format, each row should be a key-value map, found '1'"),
        ("[", "row 1: invalid JSON format, rows list should end with a ']', found the end of the file"),
        (r#"[{"id": 1, "v": [1, 2]}"#, "row 2: invalid JSON format, rows list should end with a ']'"),
        (r#"[{"id": 1, "v": [1, 2]},]"#, "row 2: invalid JSON format, each row should be a key-value map, found ']'"),
        (r#"[{"id": 1, "v": [1, 2]} {"#, "row 2: invalid JSON format, rows list should end with a ']', found '{'"),
        (r#"[{"id": 1, "v": [1, 2"#, "row 1: failed to parse row, error: the file ends within the row"),
    ] {
        let refused = refusal(&Format::Json, &small(false, &[]), file);
        assert!(refused.starts_with(text), "{file}: {refused}");
    }
    for (format, file) in
        [(Format::Json, "[ ]"), (Format::Json, "{ }"), (Format::Json, r#"{"rows":[]}"#), (Format::JsonLines, " \n")]
    {
        assert_eq!(read_pieces(&format, &small(false, &[]), file.as_bytes(), 1, 9), Ok(vec![]), "{file}");
    }
}

#[test]
fn a_bad_value_is_told_with_row_and_field() {
    let schema = all_types();
    for (key, value, text) in [
        ("id", "\"1\"", "field 'id': expected type 'Int64', got type 'string'"),
        ("id", "1.0", "field 'id': failed to parse value '1.0' as an integer: invalid digit found in string"),
        ("id", "9223372036854775808", "field 'id': failed to parse value '9223372036854775808' as an integer"),
        ("id", "null", "the field 'id' is not nullable but its value is null"),
        ("i8", "128", "field 'i8': failed to parse value '128' as an integer: number too large"),
        ("b", "1", "field 'b': expected type 'Bool', got type 'number'"),
        ("f", "3.5e38", "field 'f': value '3.5e38' is not a number or infinity, or out of the type's range"),
        ("d", "1e309", "field 'd': value '1e309' is not a number or infinity"),
        ("d", "NaN", "invalid JSON at byte"),
        ("t", "5", "field 't': expected type 'VarChar', got type 'number'"),
        ("a", "[\"x\", 1]", "field 'a': element 1: expected type 'VarChar', got type 'number'"),
        ("a", "{}", "field 'a': expected type 'Array', got type 'object'"),
        ("v", "[1]", "expected dim '2' for field 'v' with type 'FloatVector', got dim '1'"),
        ("v", "[1, 2, 3]", "expected dim '2' for field 'v' with type 'FloatVector', got dim '3'"),
        ("v", "[]", "expected dim '2' for field 'v' with type 'FloatVector', got dim '0'"),
        ("v", "[1, null]", "field 'v': element 1: invalid JSON"),
        ("v", "[1, -Infinity]", "field 'v': element 1: invalid JSON"),
        ("v", "[1 2]", "field 'v': invalid JSON"),
        ("v", "\"[1, 2]\"", "field 'v': expected type 'FloatVector', got type 'string'"),
    ] {
        let mut file = rows(&format!(r#"{FIRST_ROW}, {{"{key}": {value}}}"#));
        file.push(' ');
        let refused = refusal(&Format::Json, &schema, &file);
        assert!(refused.starts_with(&format!("row 2: {text}")), "{key} {value}: {refused}");
    }
    let refused = refusal(&Format::JsonLines, &schema, r#"{"id": 1}"#);
    assert_eq!(refused, "row 1: value of field 'v' is missed");
    let refused = refusal(&Format::JsonLines, &small(false, &[]), b"{\"id\": 1, \"v\": [1, 2], \"\xff\": 1}");
    assert_eq!(refused, "row 1: invalid UTF-8 at byte 24 of the row");
}

#[test]
fn a_failed_reader_stays_failed() {
    let mut reader = RowReader::new(&Format::JsonLines, &small(false, &[])).expect("a reader");
    reader.push(Chunk::from(br#"{"id": 1, "v": [1]} {"id": 1, "v": [1, 2]}"#.as_slice()));
    let first = reader.take_batch(1);
    assert!(first.is_err());
    assert_eq!(reader.take_batch(1), first);
}

#[test]
fn a_row_of_too_many_bytes_is_refused() {
    let mut reader = RowReader::new(&Format::Json, &small(true, &[])).expect("a reader");
    reader.push(Chunk::from(b"[{\"x\": \"".as_slice()));
    let piece = vec![b'x'; 1 << 20];
    for _ in 0..64 {
        assert_eq!(reader.take_batch(1), Ok(None));
        reader.push(Chunk::from(piece.as_slice()));
    }
    let refused = reader.take_batch(1);
    assert_eq!(refused, Err(Error::ImportFailed("row 1: the row has more than 67108864 bytes".into())));
}

#[test]
fn a_batch_ends_with_its_bytes_too() {
    let text = "x".repeat(1 << 20);
    let file: String = (0..40).map(|id| format!("{{\"id\": {id}, \"v\": [1, 2], \"x\": \"{text}\"}}\n")).collect();
    let batches =
        read_pieces(&Format::JsonLines, &small(false, &[]), file.as_bytes(), 1 << 16, usize::MAX).expect("read");
    assert_eq!(batches.iter().map(|batch| batch.rows).collect::<Vec<_>>(), [4; 10]);
}
