//! The filter language: against recorded Milvus servers, against its own definition row by row, and against hostile text.

mod hostile;
mod random;
mod replay;
mod rules;

use elanus::expr::{Filter, Rows};
use elanus::schema::{CollectionSchema, DYNAMIC_FIELD, DataType, Field, FieldId};
use elanus::sorted::SortedMap;
use elanus::value::{Column, ColumnData};
use serde_json::Value as Json;

/// A collection whose rows are all in memory.
struct Table {
    schema: CollectionSchema,
    rows: usize,
    columns: SortedMap<FieldId, Column>,
}

impl Rows for Table {
    fn row_count(&self) -> usize {
        self.rows
    }

    fn column(&self, field: FieldId) -> Option<&Column> {
        self.columns.get(&field)
    }
}

fn field(id: i64, name: &str, data_type: DataType) -> Field {
    Field {
        id: FieldId(id),
        name: name.to_owned(),
        description: String::new(),
        data_type,
        element_type: None,
        is_primary_key: false,
        auto_id: false,
        is_partition_key: false,
        is_clustering_key: false,
        is_dynamic: name == DYNAMIC_FIELD,
        nullable: false,
        default_value: None,
        max_length: None,
        max_capacity: None,
        dim: None,
        type_params: Vec::new(),
    }
}

fn schema(fields: Vec<Field>) -> CollectionSchema {
    CollectionSchema {
        name: "orc".into(),
        description: String::new(),
        enable_dynamic_field: fields.iter().any(|field| field.is_dynamic),
        fields,
        properties: Vec::new(),
    }
}

impl Table {
    /// Rows as an insert gives them: what the schema does not name goes to the dynamic field.
    fn new(schema: CollectionSchema, rows: &[Json]) -> Table {
        let mut columns: SortedMap<FieldId, Column> =
            schema.fields.iter().map(|field| (field.id, Column::empty(field))).collect();
        for row in rows {
            for field in &schema.fields {
                let column = columns.get_mut(&field.id).unwrap();
                if field.is_dynamic {
                    let named = |key: &str| schema.field(key).is_some();
                    let extra = row.as_object().unwrap().iter().filter(|(key, _)| !named(key));
                    let extra = extra.map(|(key, value)| (key.clone(), value.clone()));
                    push(&mut column.data, &Json::Object(extra.collect()));
                    continue;
                }
                match row.get(&field.name).filter(|value| !value.is_null()) {
                    Some(value) => push(&mut column.data, value),
                    None => match &field.default_value {
                        Some(elanus::schema::DefaultValue::Int(value)) => push(&mut column.data, &(*value).into()),
                        _ => {
                            column.push_null();
                            continue;
                        }
                    },
                }
                let rows = column.len();
                if let Some(validity) = &mut column.validity {
                    validity.grow(rows);
                    validity.insert(rows - 1);
                }
            }
        }
        Table { schema, rows: rows.len(), columns }
    }

    fn parse(&self, text: &str) -> Result<Filter, String> {
        self.parse_with(text, &SortedMap::new())
    }

    fn parse_with(&self, text: &str, templates: &SortedMap<String, Json>) -> Result<Filter, String> {
        Filter::parse(text, templates, &self.schema, None).map_err(|error| error.to_string())
    }

    /// Row numbers from 1, which are the ids of the recorded fixtures.
    fn matching(&self, text: &str) -> Result<Vec<usize>, String> {
        self.matching_with(text, &SortedMap::new())
    }

    fn matching_with(&self, text: &str, templates: &SortedMap<String, Json>) -> Result<Vec<usize>, String> {
        let filter = self.parse_with(text, templates)?;
        let mask = filter.evaluate(self).map_err(|error| error.to_string())?;
        Ok(mask.ones().map(|row| row + 1).collect())
    }
}

fn push(data: &mut ColumnData, value: &Json) {
    match data {
        ColumnData::Bool(values) => values.push(value.as_bool().unwrap().into()),
        ColumnData::Int8(values) => values.push(value.as_i64().unwrap() as i8),
        ColumnData::Int16(values) => values.push(value.as_i64().unwrap() as i16),
        ColumnData::Int32(values) => values.push(value.as_i64().unwrap() as i32),
        ColumnData::Int64(values) => values.push(value.as_i64().unwrap()),
        ColumnData::Float(values) => values.push(value.as_f64().unwrap() as f32),
        ColumnData::Double(values) => values.push(value.as_f64().unwrap()),
        ColumnData::VarChar(texts) => texts.push(value.as_str().unwrap()),
        ColumnData::Json(texts) => texts.push(&value.to_string()),
        ColumnData::Array(lists) => {
            value.as_array().unwrap().iter().for_each(|element| push(&mut lists.elements, element));
            lists.offsets.push(lists.elements.len() as u32);
        }
        ColumnData::FloatVector { values, .. } => {
            values.extend(value.as_array().unwrap().iter().map(|value| value.as_f64().unwrap() as f32));
        }
    }
}
