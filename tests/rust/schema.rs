//! Create collection: what is refused and how, and what describe gives back.

use elanus::schema::{CollectionSchema, DataType, DefaultValue, FieldId, Layout, check_layout};
use elanus::{Error, Result};
use serde_json::{Value, json};

fn id() -> Value {
    json!({ "name": "id", "data_type": 5, "is_primary_key": true })
}

fn vector() -> Value {
    json!({ "name": "v", "data_type": "FloatVector", "type_params": [{ "key": "dim", "value": "4" }] })
}

fn schema_of(fields: &[Value]) -> Result<CollectionSchema> {
    CollectionSchema::from_proto("book", &json!({ "name": "book", "fields": fields }))
}

/// Code and text of the refusal of id, v and one more field.
fn refused(field: Value) -> (i32, String) {
    let error = schema_of(&[id(), vector(), field]).unwrap_err();
    (error.code(), error.to_string())
}

#[track_caller]
fn assert_refused(field: Value, code: i32, text: &str) {
    let (actual_code, actual) = refused(field);
    assert_eq!(actual_code, code, "{actual}");
    assert!(actual.contains(text), "{actual:?} lacks {text:?}");
}

#[test]
fn both_spellings_of_the_sdk_are_read() {
    let snake = json!({ "name": "b", "enable_dynamic_field": true, "description": "d", "fields": [
        { "name": "k", "data_type": 21, "is_primary_key": true, "autoID": true,
          "type_params": [{ "key": "max_length", "value": "8" }] },
        vector(),
        { "name": "a", "data_type": 22, "element_type": 21, "is_clustering_key": false,
          "type_params": [{ "key": "max_length", "value": 16 }, { "key": "max_capacity", "value": "3" }] },
        { "name": "n", "data_type": 5, "default_value": { "long_data": "9007199254740993" } }
    ]});
    let camel = json!({ "name": "b", "enableDynamicField": true, "description": "d", "fields": [
        { "name": "k", "dataType": "VarChar", "isPrimaryKey": true, "autoID": true,
          "typeParams": { "max_length": 8 } },
        vector(),
        { "name": "a", "dataType": "Array", "elementType": "VarChar",
          "typeParams": [{ "key": "max_length", "value": "16" }, { "key": "max_capacity", "value": "3" }] },
        { "name": "n", "dataType": "Int64", "defaultValue": { "longData": 9007199254740993i64 } }
    ]});
    let schema = CollectionSchema::from_proto("b", &snake).unwrap();
    assert_eq!(schema, CollectionSchema::from_proto("b", &camel).unwrap());
    assert_eq!(schema.primary_key().max_length, Some(8));
    assert_eq!(schema.field("v").unwrap().dim, Some(4));
    let array = schema.field("a").unwrap();
    assert_eq!(
        (array.element_type, array.max_capacity, array.max_length),
        (Some(DataType::VarChar), Some(3), Some(16))
    );
    assert_eq!(schema.field("n").unwrap().default_value, Some(DefaultValue::Int(9007199254740993)));
    let dynamic = schema.dynamic_field().unwrap();
    assert_eq!((dynamic.id, dynamic.name.as_str()), (FieldId(104), "$meta"));
}

#[test]
fn describe_gives_every_key_and_hides_the_dynamic_field() {
    let proto = json!({ "enable_dynamic_field": true, "fields": [
        { "name": "id", "data_type": "Int64", "is_primary_key": true, "autoID": true },
        vector(),
        { "name": "n", "data_type": "Int64", "nullable": true, "default_value": { "long_data": 42 } },
    ]});
    let schema = CollectionSchema::from_proto("orc", &proto).unwrap().to_proto();
    assert_eq!(schema["fields"].as_array().unwrap().len(), 3);
    assert_eq!(
        schema["fields"][0],
        json!({ "type_params": [], "index_params": [], "fieldID": "100", "name": "id", "is_primary_key": true,
            "description": "", "data_type": "Int64", "autoID": true, "state": "FieldCreated", "element_type": "None",
            "default_value": null, "is_dynamic": false, "is_partition_key": false, "is_clustering_key": false,
            "nullable": false, "is_function_output": false, "external_field": "" })
    );
    assert_eq!(schema["fields"][1]["type_params"], json!([{ "key": "dim", "value": "4" }]));
    assert_eq!(schema["fields"][2]["default_value"], json!({ "long_data": "42", "data": "long_data" }));
    assert_eq!(schema["enable_dynamic_field"], true);
}

#[test]
fn a_collection_needs_one_key_and_one_vector() {
    let text = |fields: &[Value]| schema_of(fields).unwrap_err().to_string();
    assert!(text(&[id()]).contains("schema does not contain vector field"));
    assert!(text(&[vector()]).contains("primary key is not specified"));
    assert!(text(&[]).contains("schema does not contain vector field"));
    assert_refused(
        json!({ "name": "id2", "data_type": 5, "is_primary_key": true }),
        1100,
        "there are more than one primary key, field name = id, id2",
    );
    let float_key = [json!({ "name": "f", "data_type": 10, "is_primary_key": true }), vector()];
    assert!(text(&float_key).contains("the data type of primary key should be Int64 or VarChar"));
    let nullable = [json!({ "name": "id", "data_type": 5, "is_primary_key": true, "nullable": true }), vector()];
    assert!(text(&nullable).contains("primary field not support null, type:Int64, name:id"));
}

#[test]
fn names_are_checked() {
    assert_refused(json!({ "name": "id", "data_type": 5 }), 1100, "duplicated field name: id");
    assert_refused(json!({ "name": "$meta", "data_type": 23 }), 1701, "Invalid field name: $meta");
    assert_refused(json!({ "name": "RowID", "data_type": 5 }), 1100, "schema contains system field");
    assert_refused(json!({ "name": "in", "data_type": 5 }), 1701, "in is keyword in milvus");
    assert_refused(
        json!({ "name": "a-b", "data_type": 5 }),
        1701,
        "can only contain numbers, letters, and underscores",
    );
    assert_refused(json!({ "data_type": 5 }), 1701, "field name should not be empty");
    let error = CollectionSchema::from_proto("1a", &json!({ "fields": [id(), vector()] })).unwrap_err();
    assert!(error.to_string().starts_with("Invalid collection name: 1a. the first character"), "{error}");
}

#[test]
fn types_and_their_parameters_are_checked() {
    let text = |params: Value| json!({ "name": "t", "data_type": 21, "type_params": params });
    assert_refused(
        json!({ "name": "t", "data_type": 21 }),
        1100,
        "type param(max_length) should be specified for the field(t) of collection book",
    );
    for length in ["0", "65536", "-1"] {
        assert_refused(
            text(json!([{ "key": "max_length", "value": length }])),
            1100,
            &format!("the maximum length specified for the field(t) should be in (0, 65535], but got {length} instead"),
        );
    }
    assert_refused(text(json!([{ "key": "max_length", "value": "x" }])), 1100, "must be an integer");
    let array = |element: i64, params: Value| json!({ "name": "a", "data_type": 22, "element_type": element, "type_params": params });
    assert_refused(array(5, json!([])), 1100, "type param(max_capacity) should be specified for array field a");
    assert_refused(array(5, json!({ "max_capacity": 4097 })), 1100, "should be in (0, 4096]");
    assert_refused(array(21, json!({ "max_capacity": 4 })), 1100, "type param(max_length)");
    assert_refused(array(23, json!({ "max_capacity": 4 })), 1100, "element type JSON is not supported");
    assert_refused(array(201, json!({ "max_capacity": 4 })), 10, "data type Struct of field a");
    for (dim, shown) in [("1", "1"), ("32769", "32769"), ("-3", "-3")] {
        let field = json!({ "name": "w", "data_type": 101, "type_params": [{ "key": "dim", "value": dim }] });
        assert_refused(
            field,
            1100,
            &format!("invalid dimension: {shown} of field w. float vector dimension should be in range 2 ~ 32768"),
        );
    }
    assert_refused(json!({ "name": "w", "data_type": 101 }), 1100, "dimension is not defined");
    assert_refused(
        json!({ "name": "w", "data_type": 101, "nullable": true, "type_params": { "dim": 4 } }),
        1100,
        "null",
    );
}

#[test]
fn unsupported_types_are_named() {
    for (data_type, name) in [(json!(104), "SparseFloatVector"), (json!("BinaryVector"), "BinaryVector")] {
        assert_refused(json!({ "name": "w", "data_type": data_type }), 10, &format!("data type {name} of field w"));
    }
    assert_refused(json!({ "name": "w", "data_type": 77 }), 1100, "data type 77 of field w does not exist");
    assert_refused(json!({ "name": "w", "data_type": 20 }), 1100, "please use VarChar type instead");
    assert_refused(json!({ "name": "w" }), 1100, "data type None is not valid");
    let functions = json!({ "fields": [id(), vector()], "functions": [{ "name": "bm25" }] });
    assert!(matches!(CollectionSchema::from_proto("c", &functions), Err(Error::Unimplemented { .. })));
}

#[test]
fn defaults_fit_their_field() {
    let with = |data_type: i64, default: Value| json!({ "name": "d", "data_type": data_type, "default_value": default, "type_params": { "max_length": 3 } });
    for (data_type, default) in [
        (1, json!({ "bool_data": true })),
        (2, json!({ "int_data": -128 })),
        (5, json!({ "long_data": "-5" })),
        (10, json!({ "float_data": 1.5 })),
        (11, json!({ "double_data": 1 })),
        (21, json!({ "string_data": "äb" })),
    ] {
        schema_of(&[id(), vector(), with(data_type, default)]).unwrap();
    }
    assert_refused(with(2, json!({ "int_data": 128 })), 1100, "default value out of range");
    assert_refused(with(4, json!({ "int_data": 1i64 << 40 })), 1100, "default value out of range");
    assert_refused(with(5, json!({ "string_data": "x" })), 1100, "type (Int64) of field (d) is not equal to the type");
    assert_refused(with(21, json!({ "string_data": "äbc" })), 1100, "the length (4) of string exceeds max length (3)");
    assert_refused(with(23, json!({ "string_data": "{}" })), 1100, "type not support default_value, type:JSON, name:d");
    assert_refused(with(5, json!({ "long_data": "x" })), 1100, "default value of field d");
    assert_refused(with(5, json!({ "json_data": "x" })), 1100, "default value of field d is not supported");
}

#[test]
fn keys_are_checked() {
    let partition = |data_type: i64, extra: Value| {
        let mut field = json!({ "name": "p", "data_type": data_type, "is_partition_key": true });
        field.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        field
    };
    assert_refused(partition(10, json!({})), 1100, "the data type of partition key should be Int64 or VarChar");
    assert_refused(partition(5, json!({ "nullable": true })), 1100, "partition key field not support nullable");
    assert_refused(
        json!({ "name": "n", "data_type": 5, "autoID": true }),
        1100,
        "only primary field can speficy AutoID",
    );
    let keyed = [json!({ "name": "id", "data_type": 5, "is_primary_key": true, "is_partition_key": true }), vector()];
    assert!(schema_of(&keyed).unwrap_err().to_string().contains("must not be primary field"));
    let clustered = |name: &str| json!({ "name": name, "data_type": 5, "is_clustering_key": true });
    let error = schema_of(&[id(), vector(), clustered("a"), clustered("b")]).unwrap_err();
    assert_eq!(error.code(), 105);
    assert!(error.to_string().contains("there are more than one clustering key, field name = a, b"));
}

#[test]
fn counts_are_limited() {
    let many = |count: usize, make: &dyn Fn(usize) -> Value| {
        let mut fields = vec![id(), vector()];
        fields.extend((2..count).map(make));
        schema_of(&fields)
    };
    let plain = |at: usize| json!({ "name": format!("f{at}"), "data_type": 5 });
    assert!(many(256, &plain).is_ok());
    assert!(many(257, &plain).unwrap_err().to_string().contains("maximum field's number should be limited to 256"));
    let vectors = |at: usize| json!({ "name": format!("v{at}"), "data_type": 101, "type_params": { "dim": 2 } });
    assert!(many(11, &vectors).is_ok());
    assert!(many(12, &vectors).unwrap_err().to_string().contains("maximum vector field's number"));
}

#[test]
fn layout_follows_the_partition_key() {
    let plain = schema_of(&[id(), vector()]).unwrap();
    let keyed = schema_of(&[id(), vector(), json!({ "name": "p", "data_type": 5, "is_partition_key": true })]).unwrap();
    assert_eq!(check_layout(&plain, 0, 0), Ok(Layout { shards: 1, partitions: 1 }));
    assert_eq!(check_layout(&plain, -1, 0), Ok(Layout { shards: 1, partitions: 1 }));
    assert_eq!(check_layout(&keyed, 16, 0), Ok(Layout { shards: 16, partitions: 16 }));
    assert_eq!(check_layout(&keyed, 1, 1024), Ok(Layout { shards: 1, partitions: 1024 }));
    for (schema, shards, partitions) in [(&plain, 17, 0), (&plain, 1, 4), (&keyed, 1, 1025), (&keyed, 1, -1)] {
        assert_eq!(check_layout(schema, shards, partitions).unwrap_err().code(), 1100);
    }
}

#[test]
fn nonsense_is_refused_and_does_not_panic() {
    for proto in [
        json!(null),
        json!([]),
        json!({ "fields": 3 }),
        json!({ "fields": [null, 3] }),
        json!({ "fields": [{ "name": 3 }] }),
        json!({ "fields": [{ "name": "a", "data_type": [] }] }),
        json!({ "fields": [{ "name": "a", "data_type": -1 }] }),
        json!({ "fields": [{ "name": "a", "data_type": 5, "is_primary_key": "yes" }] }),
        json!({ "fields": [{ "name": "a", "data_type": 21, "type_params": ["max_length"] }] }),
    ] {
        assert!(CollectionSchema::from_proto("c", &proto).is_err(), "{proto}");
    }
}
