//! The fields that a read or an export gives, by the names that were asked for.

use super::{CollectionSchema, DYNAMIC_FIELD, Field, FieldId};
use crate::error::{Error, Result};
use crate::expr::split_path;
use crate::sorted::SortedSet;

pub struct OutputFields {
    /// Columns to give.
    pub fields: Vec<Field>,
    /// What was asked for, by name.
    pub listed: Vec<String>,
    /// Names that are of no field, but keys of the dynamic one.
    dynamic_keys: SortedSet<String>,
}

impl OutputFields {
    /// `*` stands for every field that is there, the name of no field for a key of the dynamic field.
    pub fn choose(schema: &CollectionSchema, there: &SortedSet<FieldId>, names: &[String]) -> Result<OutputFields> {
        let mut fields: Vec<Field> = Vec::new();
        let mut listed: Vec<String> = Vec::new();
        let mut dynamic_keys = SortedSet::new();
        let mut add = |field: &Field| {
            if !fields.iter().any(|known| known.id == field.id) {
                fields.push(field.clone());
            }
        };
        for name in names.iter().map(|name| name.trim()) {
            if name == "*" {
                for field in schema.fields.iter().filter(|field| there.contains(&field.id)) {
                    add(field);
                    listed.push(field.name.clone());
                }
                continue;
            }
            let mut listed_name = name.to_owned();
            let field = match schema.field(name) {
                Some(field) if there.contains(&field.id) => field,
                Some(field) if field.is_dynamic => {
                    return Err(Error::invalid("field $meta cannot be returned since dynamic field not loaded"));
                }
                Some(_) => return Err(Error::invalid(format!("field {name} is not loaded"))),
                None if is_aggregate(name) => {
                    return Err(Error::Unimplemented { what: format!("{name} in output_fields") });
                }
                None => match schema.dynamic_field() {
                    Some(dynamic) if there.contains(&dynamic.id) => {
                        listed_name = dynamic_key(name)
                            .ok_or_else(|| Error::invalid(format!("parse output field name failed: {name}")))?;
                        dynamic_keys.insert(listed_name.clone());
                        dynamic
                    }
                    Some(_) => {
                        return Err(Error::invalid(format!(
                            "field {name} cannot be returned since dynamic field not loaded"
                        )));
                    }
                    None => return Err(Error::invalid(format!("field {name} not exist"))),
                },
            };
            add(field);
            listed.push(listed_name);
        }
        let mut seen = SortedSet::new();
        listed.retain(|name| seen.insert(name.clone()));
        Ok(OutputFields { fields, listed, dynamic_keys })
    }

    pub fn include(&mut self, field: &Field) {
        if !self.fields.iter().any(|known| known.id == field.id) {
            self.fields.insert(0, field.clone());
        }
        if !self.listed.contains(&field.name) {
            self.listed.insert(0, field.name.clone());
        }
    }

    /// The only keys of the dynamic field to give; none where it is given whole, or not at all.
    pub fn only_keys(&self) -> SortedSet<String> {
        let gives_whole = self.listed.iter().any(|name| name == DYNAMIC_FIELD);
        if gives_whole { SortedSet::new() } else { self.dynamic_keys.clone() }
    }

    /// A key that is no field comes out of the dynamic field; there the page finds it.
    pub fn wire_names(&self) -> Vec<&str> {
        let fields = self.fields.iter().map(|field| field.name.as_str());
        fields.chain(self.dynamic_keys.iter().map(String::as_str)).collect()
    }
}

/// Whether a server would compute it of many rows; `count(*)` is answered before.
fn is_aggregate(name: &str) -> bool {
    let function = name.split_once('(').filter(|_| name.ends_with(')')).map_or("", |(function, _)| function);
    ["count", "sum", "avg", "min", "max"].iter().any(|known| function.eq_ignore_ascii_case(known))
}

/// The key that is meant by its own name, or by `$meta["key"]`.
fn dynamic_key(name: &str) -> Option<String> {
    match split_path(name)? {
        (key, path) if path.is_empty() => Some(key.to_owned()),
        (DYNAMIC_FIELD, path) => <[String; 1]>::try_from(path).ok().map(|[key]| key),
        _ => None,
    }
}
