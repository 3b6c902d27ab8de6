//! The columns that rows are read into, and what a row as a whole must be.

use super::Parsed;
use super::json::{JsonText, Kind, push_quoted};
use super::value::{read_json_value, read_text_value};
use crate::expr::json::unescape;
use crate::schema::{CollectionSchema, DYNAMIC_FIELD, Field};
use crate::value::{Batch, Column, ColumnData, MAX_JSON_BYTES, allows_given_ids};
use std::borrow::Cow;
use std::collections::HashSet;

pub struct RowColumns {
    slots: Vec<Slot>,
    key: KeyRule,
    dynamic: Option<DynamicRow>,
    rows: usize,
    /// Rows mostly name their fields in the same order.
    likely_next: usize,
}

struct Slot {
    field: Field,
    column: Column,
    /// Whether the present row has given a value.
    given: bool,
}

/// How a primary key with autoID is to come.
enum KeyRule {
    Given,
    Generated(String),
    /// The first row decides for the whole file.
    Either {
        slot: usize,
        given: Option<bool>,
    },
}

/// What a name of a row or a header stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    Slot(usize),
    Dynamic,
    /// The schema has no place for it, as Milvus does not mind since 2.6.
    Nothing,
}

impl RowColumns {
    pub fn new(schema: &CollectionSchema) -> Self {
        let key = schema.primary_key();
        let generated = key.auto_id && !allows_given_ids(schema);
        let has_no_slot = |field: &Field| field.is_dynamic || generated && field.is_primary_key;
        let fields = schema.fields.iter().filter(|field| !has_no_slot(field));
        let slots: Vec<Slot> =
            fields.map(|field| Slot { field: field.clone(), column: Column::empty(field), given: false }).collect();
        let key = if generated {
            KeyRule::Generated(key.name.clone())
        } else if key.auto_id {
            let slot = slots.iter().position(|slot| slot.field.is_primary_key).unwrap_or_default();
            KeyRule::Either { slot, given: None }
        } else {
            KeyRule::Given
        };
        let dynamic = schema.dynamic_field().map(|_| DynamicRow::default());
        RowColumns { slots, key, dynamic, rows: 0, likely_next: 0 }
    }

    pub fn rows(&self) -> usize {
        self.rows
    }

    pub fn target(&mut self, name: &str) -> Parsed<Target> {
        let names = |slot: &Slot| slot.field.name == name;
        let found = match self.slots.get(self.likely_next) {
            Some(slot) if names(slot) => Some(self.likely_next),
            _ => self.slots.iter().position(names),
        };
        if let Some(slot) = found {
            self.likely_next = slot + 1;
            return Ok(Target::Slot(slot));
        }
        if let KeyRule::Generated(key) = &self.key
            && key == name
        {
            return Err(format!("the primary key '{name}' is auto-generated, no need to provide"));
        }
        Ok(if self.dynamic.is_some() { Target::Dynamic } else { Target::Nothing })
    }

    /// Whether the column of a field takes null.
    pub fn takes_null(&self, target: Target) -> bool {
        matches!(target, Target::Slot(slot) if self.slots[slot].field.takes_null())
    }

    /// That a header names all fields that need a value.
    pub fn check_names(&self, named: impl Fn(&str) -> bool) -> Parsed<()> {
        let optional = |slot: &Slot| slot.field.takes_null() || slot.field.auto_id;
        match self.slots.iter().find(|slot| !optional(slot) && !named(&slot.field.name)) {
            None => Ok(()),
            Some(slot) => Err(format!("value of field '{}' is missed", slot.field.name)),
        }
    }

    /// Reads the value that stands behind a key; of equal keys the last counts.
    pub fn read_json(&mut self, raw_key: &str, json: &mut JsonText<'_>) -> Parsed<()> {
        let key = match raw_key.contains('\\') {
            true => Cow::Owned(unescape(raw_key).ok_or("a key has an escape that JSON does not have")?),
            false => Cow::Borrowed(raw_key),
        };
        match (self.target(&key)?, &mut self.dynamic) {
            (Target::Slot(slot), _) => {
                let rows = self.rows;
                self.slots[slot].give(rows, |field, data| match json.kind()? {
                    Kind::Null => json.null().map(|()| false),
                    _ => read_json_value(field, data, json).map(|()| true),
                })
            }
            (Target::Dynamic, Some(dynamic)) if key == DYNAMIC_FIELD => dynamic.read_whole(json),
            (Target::Dynamic, Some(dynamic)) => dynamic.read_json(raw_key, key, json),
            (Target::Dynamic | Target::Nothing, _) => json.copy_value(&mut String::new()),
        }
    }

    /// Reads a cell; `None` is a null one.
    pub fn read_text(&mut self, target: Target, name: &str, text: Option<&str>) -> Parsed<()> {
        match (target, &mut self.dynamic) {
            (Target::Slot(slot), _) => {
                let rows = self.rows;
                self.slots[slot].give(rows, |field, data| match text {
                    None => Ok(false),
                    Some(text) => read_text_value(field, data, text).map(|()| true),
                })
            }
            (Target::Dynamic, Some(dynamic)) => dynamic.read_text(name, text.unwrap_or_default()),
            (Target::Dynamic | Target::Nothing, _) => Ok(()),
        }
    }

    pub fn end_row(&mut self) -> Parsed<()> {
        if let KeyRule::Either { slot, given } = &mut self.key {
            let now = self.slots[*slot].given;
            if *given.get_or_insert(now) != now {
                let name = &self.slots[*slot].field.name;
                return Err(format!("the primary key '{name}' must be given in all rows or in none"));
            }
        }
        for (at, slot) in self.slots.iter_mut().enumerate() {
            if std::mem::take(&mut slot.given)
                || matches!(self.key, KeyRule::Either { slot, given: Some(false) } if slot == at)
            {
                continue;
            }
            if !slot.field.takes_null() {
                return Err(format!("value of field '{}' is missed", slot.field.name));
            }
            slot.column.push_null();
        }
        if let Some(dynamic) = &mut self.dynamic {
            dynamic.end_row()?;
        }
        self.rows += 1;
        self.likely_next = 0;
        Ok(())
    }

    /// The rows read so far; the next one begins a new batch.
    pub fn take(&mut self) -> Batch {
        let mut columns = Vec::with_capacity(self.slots.len() + 1);
        for (at, slot) in self.slots.iter_mut().enumerate() {
            if !matches!(self.key, KeyRule::Either { slot, given: Some(false) } if slot == at) {
                let column = std::mem::replace(&mut slot.column, Column::empty(&slot.field));
                columns.push((slot.field.name.clone(), column));
            }
        }
        if let Some(dynamic) = &mut self.dynamic {
            let texts = std::mem::take(&mut dynamic.texts);
            columns.push((DYNAMIC_FIELD.to_owned(), Column::new(ColumnData::Json(texts))));
        }
        Batch { rows: std::mem::take(&mut self.rows), columns }
    }
}

impl Slot {
    /// Puts what `read` appends into row `row`, or null if it says that there is no value.
    fn give(&mut self, row: usize, read: impl FnOnce(&Field, &mut ColumnData) -> Parsed<bool>) -> Parsed<()> {
        if std::mem::replace(&mut self.given, true) {
            self.column.data.truncate(row);
            if let Some(validity) = &mut self.column.validity {
                validity.grow(row + 1);
                validity.remove(row);
            }
        }
        if !read(&self.field, &mut self.column.data)? {
            if !self.field.takes_null() {
                return Err(format!("the field '{}' is not nullable but its value is null", self.field.name));
            }
            self.column.push_null();
            return Ok(());
        }
        if let Some(validity) = &mut self.column.validity {
            validity.grow(row + 1);
            validity.insert(row);
        }
        Ok(())
    }
}

/// The keys of a row that the schema does not name.
#[derive(Default)]
struct DynamicRow {
    texts: crate::value::Strings,
    /// Members as JSON text, with a comma before each.
    members: String,
    keys: Vec<String>,
    /// The object that the row gave as `$meta` itself, its members likewise.
    whole: String,
    whole_keys: Vec<String>,
}

impl DynamicRow {
    fn read_json(&mut self, raw_key: &str, key: Cow<'_, str>, json: &mut JsonText<'_>) -> Parsed<()> {
        begin_member(&mut self.members, raw_key);
        self.keys.push(key.into_owned());
        json.copy_value(&mut self.members)
    }

    fn read_text(&mut self, name: &str, text: &str) -> Parsed<()> {
        if name == DYNAMIC_FIELD {
            return self.read_object(&mut JsonText::new(text));
        }
        let quoted = serde_json::to_string(name).map_err(|error| error.to_string())?;
        begin_member(&mut self.members, &quoted[1..quoted.len() - 1]);
        self.keys.push(name.to_owned());
        self.members.push_str(&serde_json::to_string(text).map_err(|error| error.to_string())?);
        Ok(())
    }

    /// `$meta` as an object, as a string that holds one, or null.
    fn read_whole(&mut self, json: &mut JsonText<'_>) -> Parsed<()> {
        match json.kind()? {
            Kind::Null => json.null(),
            Kind::Object => self.read_members(json),
            Kind::String => self.read_object(&mut JsonText::new(&json.string()?)),
            other => Err(format!("illegal value for dynamic field, not a JSON object but a {}", other.name())),
        }
    }

    fn read_object(&mut self, json: &mut JsonText<'_>) -> Parsed<()> {
        self.read_members(json)
            .and_then(|()| json.end())
            .map_err(|error| format!("illegal value for dynamic field, not a JSON object: {error}"))
    }

    fn read_members(&mut self, json: &mut JsonText<'_>) -> Parsed<()> {
        self.whole.clear();
        self.whole_keys.clear();
        json.expect(b'{')?;
        if json.take(b'}') {
            return Ok(());
        }
        loop {
            let raw_key = json.raw_string()?;
            json.expect(b':')?;
            begin_member(&mut self.whole, raw_key);
            self.whole_keys.push(unescape(raw_key).ok_or("a key has an escape that JSON does not have")?);
            json.copy_value(&mut self.whole)?;
            if !json.take(b',') {
                return json.expect(b'}');
            }
        }
    }

    fn end_row(&mut self) -> Parsed<()> {
        if !self.whole_keys.is_empty() {
            let keys: HashSet<&String> = self.whole_keys.iter().collect();
            if let Some(key) = self.keys.iter().find(|key| keys.contains(key)) {
                return Err(format!("duplicated key is not allowed, key={key}"));
            }
        }
        self.members.push_str(&self.whole);
        let members = self.members.strip_prefix(',').unwrap_or_default();
        // Now, because a batch of rows that each repeat long names of columns would be more than memory holds.
        let length = members.len() + "{}".len();
        if length > MAX_JSON_BYTES {
            return Err(format!("the length ({length}) of dynamic field exceeds max length ({MAX_JSON_BYTES})"));
        }
        self.texts.push(&format!("{{{members}}}"));
        self.members.clear();
        self.whole.clear();
        self.keys.clear();
        self.whole_keys.clear();
        Ok(())
    }
}

fn begin_member(members: &mut String, raw_key: &str) {
    members.push(',');
    push_quoted(members, raw_key);
    members.push(':');
}
