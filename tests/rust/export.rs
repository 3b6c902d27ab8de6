//! Rows that are written as files and read back as an import does.

use elanus::export::{Beginning, ExportFormat, ExportRows, Measures};
use elanus::import::{FileBatches, Format};
use elanus::schema::{CollectionSchema, DataType, Field};
use elanus::segment::SegmentRows;
use elanus::sorted::SortedSet;
use elanus::value::{Batch, CheckedRows, Column, ColumnData, Lists, Mask, RowOffset, WriteMode, check_insert};
use elanus::{Error, Result};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

/// A field of a random schema.
#[derive(Debug, Clone, Copy)]
struct Kind {
    data_type: DataType,
    element: DataType,
    nullable: bool,
    with_default: bool,
}

fn kind() -> impl Strategy<Value = Kind> {
    let elements: Vec<DataType> = DataType::ALL
        .into_iter()
        .filter(|it| !it.is_vector() && !matches!(it, DataType::Array | DataType::Json))
        .collect();
    (select(DataType::ALL.to_vec()), select(elements), any::<bool>(), any::<bool>()).prop_map(
        |(data_type, element, nullable, with_default)| Kind {
            data_type,
            element,
            nullable: nullable && !data_type.is_vector(),
            with_default: with_default
                && !matches!(data_type, DataType::Array | DataType::Json | DataType::FloatVector),
        },
    )
}

fn proto(at: usize, kind: Kind) -> Value {
    let default = match kind.data_type {
        DataType::Bool => json!({ "bool_data": true }),
        DataType::Int64 => json!({ "long_data": "9007199254740993" }),
        DataType::Float => json!({ "float_data": 0.1 }),
        DataType::Double => json!({ "double_data": 0.1 }),
        DataType::VarChar => json!({ "string_data": "default" }),
        _ => json!({ "int_data": 7 }),
    };
    let params = json!([{ "key": "max_length", "value": "1000" }, { "key": "max_capacity", "value": "100" }, { "key": "dim", "value": "3" }]);
    json!({ "name": format!("f{at}"), "data_type": kind.data_type as u32, "element_type": kind.element as u32,
        "nullable": kind.nullable, "type_params": params,
        "default_value": if kind.with_default { default } else { Value::Null } })
}

fn schema(kinds: &[Kind], auto_id: bool, dynamic: bool) -> CollectionSchema {
    let mut fields = vec![
        json!({ "name": "id", "data_type": 5, "is_primary_key": true, "autoID": auto_id }),
        json!({ "name": "v", "data_type": 101, "type_params": [{ "key": "dim", "value": "2" }] }),
    ];
    fields.extend(kinds.iter().enumerate().map(|(at, kind)| proto(at, *kind)));
    let request = json!({ "enable_dynamic_field": dynamic, "fields": fields });
    CollectionSchema::from_proto("c", &request).expect("a schema")
}

/// What a value is made of, whatever its type.
#[derive(Debug, Clone)]
struct Seed {
    is_null: bool,
    number: i64,
    bits: u64,
    text: String,
    json: Value,
    length: usize,
}

fn seed() -> impl Strategy<Value = Seed> {
    let text = prop_oneof![
        select(vec![
            "",
            "\\N",
            "\\N1",
            "null",
            "a,b",
            "\"",
            "\r\n",
            " edge ",
            "\n",
            "é😀",
            "\0",
            "zero\0",
            "in\0side",
            "{\"a\": 1}"
        ])
        .prop_map(str::to_owned),
        "[a-c,\"\\\\ \n]{0,6}",
        any::<String>(),
    ];
    let leaf =
        prop_oneof![Just(Value::Null), any::<i64>().prop_map(Value::from), "[a\"\\\\\n é]{0,4}".prop_map(Value::from)];
    let json = leaf.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map("x[a\"\\\\\n é,]{0,3}", inner, 0..3)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    });
    (any::<bool>(), any::<i64>(), any::<u64>(), text, json, 0usize..4)
        .prop_map(|(is_null, number, bits, text, json, length)| Seed { is_null, number, bits, text, json, length })
}

fn single(seed: &Seed) -> f32 {
    Some(f32::from_bits(seed.bits as u32)).filter(|it| it.is_finite()).unwrap_or(-0.0)
}

fn push(data: &mut ColumnData, field: Option<&Field>, seed: &Seed) {
    match data {
        ColumnData::Bool(values) => values.push((seed.bits % 2) as u8),
        ColumnData::Int8(values) => values.push(seed.number as i8),
        ColumnData::Int16(values) => values.push(seed.number as i16),
        ColumnData::Int32(values) => values.push(seed.number as i32),
        ColumnData::Int64(values) => values.push(seed.number),
        ColumnData::Float(values) => values.push(single(seed)),
        ColumnData::Double(values) => {
            values.push(Some(f64::from_bits(seed.bits)).filter(|it| it.is_finite()).unwrap_or(0.1))
        }
        ColumnData::VarChar(texts) => {
            let end = seed.text.char_indices().take(24).last().map_or(0, |(at, letter)| at + letter.len_utf8());
            texts.push(&seed.text[..end]);
        }
        ColumnData::Json(texts) if field.is_some_and(|field| field.is_dynamic) => {
            texts.push(&if seed.json.is_object() {
                seed.json.to_string()
            } else {
                json!({ "only": seed.json }).to_string()
            });
        }
        ColumnData::Json(texts) => texts.push(&seed.json.to_string()),
        ColumnData::Array(lists) => {
            for at in 0..seed.length {
                let element = Seed { number: seed.number.wrapping_add(at as i64), ..seed.clone() };
                push(&mut lists.elements, None, &element);
            }
            lists.offsets.push(lists.elements.len() as u32);
        }
        ColumnData::FloatVector { dim, values } => values.extend((0..*dim).map(|at| single(seed) / (at + 1) as f32)),
    }
}

/// Rows as the engine stores them, each in another order of seeds.
fn rows(schema: &CollectionSchema, seeds: &[Seed]) -> CheckedRows {
    let mut columns = Vec::new();
    for (place, field) in schema.fields.iter().enumerate().filter(|(_, field)| !field.auto_id) {
        let mut column = Column::empty(field);
        for row in 0..seeds.len() {
            let seed = &seeds[(row + place) % seeds.len()];
            if field.is_primary_key {
                push(&mut column.data, Some(field), &Seed { number: row as i64 * 3 - 2, ..seed.clone() });
            } else if seed.is_null && field.nullable && field.default_value.is_none() {
                column.push_null();
            } else {
                push(&mut column.data, Some(field), seed);
                if let Some(validity) = &mut column.validity {
                    validity.grow(row + 1);
                    validity.insert(row);
                }
            }
        }
        columns.push((field.name.clone(), column));
    }
    let mut rows =
        check_insert(schema, &mut Batch { rows: seeds.len(), columns }, WriteMode::Insert).expect("valid rows");
    rows.assign_ids(1);
    rows
}

struct Files {
    beginning: Beginning,
    files: Vec<Vec<u8>>,
}

/// Writes rows in steps of some bytes.
fn write(schema: &CollectionSchema, rows: &CheckedRows, format: ExportFormat, step_bytes: usize) -> Result<Files> {
    let is_written = |field: &&Field| !field.auto_id;
    let fields: Vec<Field> = schema.fields.iter().filter(is_written).cloned().collect();
    let columns = schema.fields.iter().zip(&rows.batch.columns).map(|(field, (_, column))| (field.id, column.clone()));
    let segment = SegmentRows::new(schema.primary_key().id, columns.collect(), true);
    let keys = SortedSet::new();
    let all: Vec<RowOffset> = (0..rows.batch.rows).map(RowOffset::from_index).collect();
    let mut measures = Measures::default();
    for some in all.chunks(2) {
        let mut more = Measures::default();
        ExportRows::new(schema, &fields, &keys, &segment)?.measure(format, some, &mut more);
        measures.add(more);
    }
    let beginning = format.begin("c", fields, &measures)?;
    let mut files: Vec<Vec<u8>> = beginning.files.iter().map(|file| file.head.clone()).collect();
    let written = ExportRows::new(schema, &beginning.fields, &keys, &segment)?;
    let mut done = 0;
    while done < all.len() {
        let mut parts = vec![Vec::new(); beginning.layout.files()];
        let count = written.write(&beginning.layout, &all[done..], step_bytes, &mut parts);
        assert!(count > 0, "a step has a row");
        done += count;
        // Packed rows are no file.
        if format == ExportFormat::Parquet {
            files.extend(parts);
        } else {
            files.iter_mut().zip(parts).for_each(|(file, part)| file.extend(part));
        }
    }
    Ok(Files { beginning, files })
}

/// Reads files as an import with their options does.
fn read(schema: &CollectionSchema, written: &Files) -> Result<Batch> {
    let names: Vec<String> = written.beginning.files.iter().map(|file| file.name.clone()).collect();
    let option =
        |key: &str| written.beginning.options.iter().find(|option| option.key == key).map(|it| it.value.clone());
    let format = match Format::of_file(&names[0])? {
        Format::Csv { separator, null_key } => Format::Csv {
            separator: option("sep").map_or(separator, |text| text.chars().next().expect("a character")),
            null_key: option("nullkey").unwrap_or(null_key),
        },
        other => other,
    };
    let mut reader = FileBatches::new(&format, names, schema)?;
    let mut places = vec![0; written.files.len()];
    let mut batches = Vec::new();
    while let Some(file) = reader.next_file() {
        let rest = &written.files[file][places[file]..];
        let bytes = &rest[..rest.len().min(100)];
        places[file] += bytes.len();
        match bytes {
            [] => reader.finish(file)?,
            bytes => drop(reader.push(file, bytes.into())?),
        }
        while let Some(batch) = reader.take_batch(5)? {
            batches.push(batch);
        }
    }
    while let Some(batch) = reader.take_batch(5)? {
        batches.push(batch);
    }
    stored(schema, batches)
}

fn stored(schema: &CollectionSchema, batches: Vec<Batch>) -> Result<Batch> {
    let mut all = batches.first().expect("rows").clone();
    for batch in &batches[1..] {
        all.rows += batch.rows;
        all.columns.iter_mut().zip(&batch.columns).for_each(|((_, to), (_, from))| to.append(from));
    }
    let mut rows = check_insert(schema, &mut all, WriteMode::Insert)?;
    rows.assign_ids(1);
    Ok(rows.batch)
}

/// Why NumPy files cannot hold these rows.
fn numpy_refusal(schema: &CollectionSchema, rows: &CheckedRows) -> Option<&'static str> {
    schema.fields.iter().zip(&rows.batch.columns).find_map(|(field, (_, column))| {
        let nulls = (0..column.len()).filter(|row| !column.is_valid(*row)).count();
        match &column.data {
            _ if nulls == column.len() => None,
            _ if nulls > 0 => Some("null"),
            ColumnData::VarChar(texts) if texts.iter().any(|text| text.contains('\0')) => Some("U+0000"),
            _ if field.data_type == DataType::Array => Some("Array"),
            _ => None,
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn rows_come_back_from_every_format(
        kinds in prop::collection::vec(kind(), 0..6),
        seeds in prop::collection::vec(seed(), 1..12),
        (auto_id, dynamic) in any::<(bool, bool)>(),
        step_bytes in 1usize..300,
    ) {
        let schema = schema(&kinds, auto_id, dynamic);
        let rows = rows(&schema, &seeds);
        for format in [ExportFormat::JsonLines, ExportFormat::Csv] {
            let written = write(&schema, &rows, format, step_bytes).expect("written");
            let text = String::from_utf8_lossy(&written.files[0]).into_owned();
            let back = read(&schema, &written);
            prop_assert_eq!(back.as_ref(), Ok(&rows.batch), "{}", text);
            prop_assert!(format == ExportFormat::Csv || text.split('\n').count() == rows.batch.rows + 1);
        }
        let packed = write(&schema, &rows, ExportFormat::Parquet, step_bytes).expect("written");
        let batches = packed.files[1..].iter().map(|file| Batch::decode(file)).collect::<Result<Vec<_>>>().expect("batches");
        prop_assert_eq!(Batch::decode(&packed.files[0]).expect("a batch").columns.len(), batches[0].columns.len());
        let back = stored(&schema, batches);
        prop_assert_eq!(back.as_ref(), Ok(&rows.batch));
    }

    #[test]
    fn rows_come_back_from_numpy_or_are_refused(
        kinds in prop::collection::vec(kind(), 0..3),
        seeds in prop::collection::vec(seed(), 1..8),
        (auto_id, dynamic) in any::<(bool, bool)>(),
        step_bytes in 1usize..300,
    ) {
        let schema = schema(&kinds, auto_id, dynamic);
        prop_assume!(!schema.fields.iter().any(|field| field.data_type == DataType::Array));
        let rows = rows(&schema, &seeds);
        match (numpy_refusal(&schema, &rows), write(&schema, &rows, ExportFormat::Numpy, step_bytes)) {
            (None, written) => {
                let back = read(&schema, &written.expect("written"));
                prop_assert_eq!(back.as_ref(), Ok(&rows.batch));
            }
            (Some(text), Err(Error::InvalidParameter(refusal))) => {
                let other = ["null", "U+0000"].iter().any(|other| refusal.contains(other));
                prop_assert!(refusal.contains(text) || other, "{}", refusal);
            }
            (Some(text), other) => prop_assert!(false, "{text}: {}", other.is_ok()),
        }
    }
}

#[test]
fn arrays_are_refused_by_numpy() {
    let kind = Kind { data_type: DataType::Array, element: DataType::Int8, nullable: false, with_default: false };
    let schema = schema(&[kind], false, false);
    let refusal = ExportFormat::Numpy.check_field(schema.field("f0").expect("a field")).expect_err("refused");
    assert!(refusal.to_string().contains("field 'f0': type 'Array' is not supported"), "{refusal}");
    assert!(ExportFormat::Csv.check_field(schema.field("f0").expect("a field")).is_ok());
}

/// What other readers of these formats see.
#[test]
fn files_look_like_this() {
    let kind = |data_type, nullable| Kind { data_type, element: DataType::VarChar, nullable, with_default: false };
    let schema = schema(
        &[
            kind(DataType::VarChar, true),
            kind(DataType::Json, false),
            kind(DataType::Array, false),
            kind(DataType::Double, false),
        ],
        false,
        true,
    );
    let mut validity = Mask::with_capacity(3);
    validity.insert_range(1..);
    let lists = Lists { offsets: vec![0, 2, 2, 2], elements: ColumnData::VarChar(["p", "q,\""].into_iter().collect()) };
    let texts =
        Column { data: ColumnData::VarChar(["", "", "x, \"y\""].into_iter().collect()), validity: Some(validity) };
    let columns = [
        ("id", Column::new(ColumnData::Int64(vec![i64::MIN, 0, i64::MAX]))),
        ("v", Column::new(ColumnData::FloatVector { dim: 2, values: vec![0.1, -0.0, 1.0, 1e-7, 3e38, 16_777_216.0] })),
        ("f0", texts),
        ("f1", Column::new(ColumnData::Json(["{ \"a\" :\n1}", "[1, 2]", "\"text\""].into_iter().collect()))),
        ("f2", Column::new(ColumnData::Array(Box::new(lists)))),
        ("f3", Column::new(ColumnData::Double(vec![0.1, 1e300, -2.0]))),
        ("$meta", Column::new(ColumnData::Json(["{}", "{\"k\": [null]}", "{}"].into_iter().collect()))),
    ];
    let mut batch = Batch { rows: 3, columns: columns.map(|(name, column)| (name.to_owned(), column)).into() };
    let rows = check_insert(&schema, &mut batch, WriteMode::Insert).expect("valid rows");
    let text = |format| {
        let written = write(&schema, &rows, format, 100).expect("written");
        (String::from_utf8(written.files[0].clone()).expect("text"), written.beginning)
    };
    let (lines, beginning) = text(ExportFormat::JsonLines);
    assert_eq!(
        lines,
        r#"{"id":-9223372036854775808,"v":[0.1,-0.0],"f0":null,"f1":{"a":1},"f2":["p","q,\""],"f3":0.1,"$meta":{}}
{"id":0,"v":[1.0,1e-7],"f0":"","f1":"[1, 2]","f2":[],"f3":1e+300,"$meta":{"k":[null]}}
{"id":9223372036854775807,"v":[3e+38,16777216.0],"f0":"x, \"y\"","f1":"\"text\"","f2":[],"f3":-2.0,"$meta":{}}
"#
    );
    assert_eq!((beginning.files[0].name.as_str(), beginning.options.len()), ("c.jsonl", 0));
    let (csv, beginning) = text(ExportFormat::Csv);
    assert_eq!(
        csv,
        r#"id,v,f0,f1,f2,f3,$meta
-9223372036854775808,"[0.1,-0.0]",\N,"{""a"":1}","[""p"",""q,\""""]",0.1,{}
0,"[1.0,1e-7]","","[1,2]",[],1e+300,"{""k"":[null]}"
9223372036854775807,"[3e+38,16777216.0]","x, ""y""","""text""",[],-2.0,{}
"#
    );
    let options: Vec<(&str, &str)> = beginning.options.iter().map(|it| (it.key.as_str(), it.value.as_str())).collect();
    assert_eq!((beginning.files[0].name.as_str(), &options[..]), ("c.csv", &[("sep", ","), ("nullkey", "\\N")][..]));
}
