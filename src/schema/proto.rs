//! The `schema` object of DescribeCollection, as the SDK's gRPC layer hands it out: every key, enums by name, int64 as text.

use super::{CollectionSchema, DefaultValue, Field};
use serde_json::{Value, json};

impl CollectionSchema {
    /// The dynamic field stays hidden: clients know it by `enable_dynamic_field`.
    pub fn to_proto(&self) -> Value {
        let fields: Vec<Value> = self.fields.iter().filter(|field| !field.is_dynamic).map(field_to_proto).collect();
        json!({
            "fields": fields,
            "properties": [],
            "functions": [],
            "struct_array_fields": [],
            "file_resource_ids": [],
            "name": self.name,
            "description": self.description,
            "autoID": false,
            "enable_dynamic_field": self.enable_dynamic_field,
            "dbName": "",
            "version": 0,
            "external_source": "",
            "external_spec": "",
            "enable_namespace": false,
        })
    }
}

fn field_to_proto(field: &Field) -> Value {
    json!({
        "type_params": field.type_params,
        "index_params": [],
        "fieldID": field.id.0.to_string(),
        "name": field.name,
        "is_primary_key": field.is_primary_key,
        "description": field.description,
        "data_type": field.data_type.name(),
        "autoID": field.auto_id,
        "state": "FieldCreated",
        "element_type": field.element_type.map_or("None", |element| element.name()),
        "default_value": field.default_value.as_ref().map(|value| default_to_proto(field, value)),
        "is_dynamic": false,
        "is_partition_key": field.is_partition_key,
        "is_clustering_key": field.is_clustering_key,
        "nullable": field.nullable,
        "is_function_output": false,
        "external_field": "",
    })
}

fn default_to_proto(field: &Field, value: &DefaultValue) -> Value {
    match value {
        DefaultValue::Bool(value) => json!({ "bool_data": value, "data": "bool_data" }),
        DefaultValue::Int(value) if field.data_type == super::DataType::Int64 => {
            json!({ "long_data": value.to_string(), "data": "long_data" })
        }
        DefaultValue::Int(value) => json!({ "int_data": value, "data": "int_data" }),
        DefaultValue::Float(value) => json!({ "float_data": f64::from(*value), "data": "float_data" }),
        DefaultValue::Double(value) => json!({ "double_data": value, "data": "double_data" }),
        DefaultValue::String(value) => json!({ "string_data": value, "data": "string_data" }),
    }
}
