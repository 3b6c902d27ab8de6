//! What of a schema may change after its creation.

use super::{CollectionSchema, DataType, FieldId, KeyValue, MMAP_ENABLED, WARMUP, check, check_warmup, parse};
use crate::error::{Error, Result};
use serde_json::Value;

const DESCRIPTION: &str = "field.description";

impl CollectionSchema {
    /// Adds the field that an `AddCollectionFieldRequest.schema` describes. Rows that are there already read null in it, or
    /// its default.
    pub fn add_field(&mut self, proto: &Value) -> Result<FieldId> {
        let field = parse::parse_field(proto, &self.name, self.next_field_id())?;
        check::check_added(self, &field)?;
        let id = field.id;
        let before_dynamic = self.fields.iter().position(|field| field.is_dynamic).unwrap_or(self.fields.len());
        self.fields.insert(before_dynamic, field);
        Ok(id)
    }

    /// Rows that are there already have no keys in it.
    pub fn add_dynamic_field(&mut self) -> Result<FieldId> {
        if let Some(field) = self.dynamic_field() {
            return Ok(field.id);
        }
        check::check_room(self)?;
        let id = self.next_field_id();
        self.fields.push(parse::dynamic_field(id));
        self.enable_dynamic_field = true;
        Ok(id)
    }

    fn next_field_id(&self) -> FieldId {
        let last = self.fields.iter().map(|field| field.id.0).max().unwrap_or_default();
        FieldId(last + 1)
    }

    /// Rows that are there already stay as they are, also when they are longer than a new limit.
    pub fn alter_field(&mut self, name: &str, set: Vec<KeyValue>, delete: &[String]) -> Result<()> {
        let collection = self.name.clone();
        let field = self.fields.iter_mut().find(|field| field.name == name && !field.is_dynamic);
        let field =
            field.ok_or_else(|| Error::invalid(format!("column {name} does not exist in collection {collection}")))?;
        if let Some(key) = delete.iter().find(|key| ![MMAP_ENABLED, WARMUP].contains(&key.as_str())) {
            return Err(not_allowed(key));
        }
        let is_text = DataType::VarChar == field.element_type.unwrap_or(field.data_type);
        let mut params = Vec::new();
        for property in set {
            match property.key.as_str() {
                MMAP_ENABLED if matches!(property.value.to_ascii_lowercase().as_str(), "true" | "false") => {}
                MMAP_ENABLED => {
                    let text = format!("invalid {MMAP_ENABLED} value: {}, expected: true, false", property.value);
                    return Err(Error::invalid(text));
                }
                WARMUP => check_warmup(&property.value)?,
                DESCRIPTION => {
                    field.description = property.value;
                    continue;
                }
                "max_length" if is_text => {
                    field.max_length = Some(check::max_length(std::slice::from_ref(&property), name, &collection)?);
                }
                "max_length" => {
                    return Err(Error::invalid(format!("{name} can not modify the maxlength for non-string types")));
                }
                "max_capacity" if field.data_type == DataType::Array => {
                    field.max_capacity = Some(check::max_capacity(std::slice::from_ref(&property), name, &collection)?);
                }
                "max_capacity" => {
                    return Err(Error::invalid(format!("{name} can not modify the maxcapacity for non-array types")));
                }
                key => return Err(not_allowed(key)),
            }
            params.push(property);
        }
        merge_properties(&mut field.type_params, params, delete);
        Ok(())
    }
}

fn not_allowed(key: &str) -> Error {
    Error::invalid(format!("{key} does not allow update in collection field param"))
}

/// Sets and deletes properties by key, keeping the order of those that stay.
pub fn merge_properties(properties: &mut Vec<KeyValue>, set: Vec<KeyValue>, delete: &[String]) {
    properties.retain(|property| !delete.contains(&property.key));
    for new in set {
        match properties.iter_mut().find(|property| property.key == new.key) {
            Some(property) => *property = new,
            None => properties.push(new),
        }
    }
}
