//! Values as JSON, and rows as JSON Lines.

use super::ExportRows;
use crate::expr::json::{members, unescape};
use crate::schema::{CollectionSchema, Field};
use crate::sorted::SortedSet;
use crate::value::{Column, ColumnData, Strings};
use serde::Serialize;
use std::borrow::Cow;

/// Which keys of the dynamic field are given.
pub struct DynamicKeys<'a> {
    pub schema: &'a CollectionSchema,
    /// All if it is empty.
    pub only: &'a SortedSet<String>,
}

impl DynamicKeys<'_> {
    /// An import refuses a key that is a field's name: it is one of before the field was added, and only the field is seen
    /// by that name.
    fn gives(&self, key: &str) -> bool {
        (self.only.is_empty() || self.only.contains(key)) && self.schema.field(key).is_none()
    }

    /// The objects without their other keys.
    pub fn cut(&self, objects: &Strings) -> Strings {
        let mut kept = Strings::default();
        let mut object = Vec::new();
        for whole in objects.iter() {
            object.clear();
            self.push(whole, &mut object);
            kept.push(&String::from_utf8_lossy(&object));
        }
        kept
    }

    pub(super) fn push(&self, object: &str, out: &mut Vec<u8>) {
        out.push(b'{');
        let mut is_first = true;
        for (raw_key, value) in members(object) {
            let key =
                if raw_key.contains('\\') { unescape(raw_key).map(Cow::Owned) } else { Some(Cow::Borrowed(raw_key)) };
            if !key.is_some_and(|key| self.gives(&key)) {
                continue;
            }
            if !std::mem::take(&mut is_first) {
                out.push(b',');
            }
            out.push(b'"');
            out.extend_from_slice(raw_key.as_bytes());
            out.extend_from_slice(b"\":");
            push_compact(value, out);
        }
        out.push(b'}');
    }
}

impl ExportRows<'_> {
    pub(super) fn write_line(&self, row: usize, out: &mut Vec<u8>) {
        out.push(b'{');
        for (at, (field, column)) in self.columns.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            push(&field.name, out);
            out.push(b':');
            match column.is_valid(row) {
                true => self.push_value(field, column, row, out),
                false => out.extend_from_slice(b"null"),
            }
        }
        out.extend_from_slice(b"}\n");
    }

    fn push_value(&self, field: &Field, column: &Column, row: usize, out: &mut Vec<u8>) {
        match &column.data {
            ColumnData::Json(texts) if field.is_dynamic => self.dynamic.push(texts.get(row), out),
            // Milvus takes an object as it is, and any other JSON only as a string that holds its text.
            ColumnData::Json(texts) if texts.get(row).trim_start().starts_with('{') => {
                push_compact(texts.get(row), out)
            }
            ColumnData::Json(texts) => push(texts.get(row), out),
            data => push_element(data, row, out),
        }
    }
}

/// A value of any type but JSON; floats as the shortest text that reads back as the same number.
pub(super) fn push_element(data: &ColumnData, at: usize, out: &mut Vec<u8>) {
    match data {
        ColumnData::Bool(values) => push(&(values[at] != 0), out),
        ColumnData::Int8(values) => push(&values[at], out),
        ColumnData::Int16(values) => push(&values[at], out),
        ColumnData::Int32(values) => push(&values[at], out),
        ColumnData::Int64(values) => push(&values[at], out),
        ColumnData::Float(values) => push(&values[at], out),
        ColumnData::Double(values) => push(&values[at], out),
        ColumnData::VarChar(texts) => push(texts.get(at), out),
        ColumnData::Json(texts) => push_compact(texts.get(at), out),
        ColumnData::Array(lists) => push_list(&lists.elements, lists.range(at), out),
        ColumnData::FloatVector { dim, values } => {
            push_items(&values[at * dim..(at + 1) * dim], out, push);
        }
    }
}

fn push_list(elements: &ColumnData, range: std::ops::Range<usize>, out: &mut Vec<u8>) {
    push_items(&range.collect::<Vec<usize>>(), out, |at, out| push_element(elements, *at, out));
}

fn push_items<T>(items: &[T], out: &mut Vec<u8>, push_item: impl Fn(&T, &mut Vec<u8>)) {
    out.push(b'[');
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        push_item(item, out);
    }
    out.push(b']');
}

fn push<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) {
    serde_json::to_writer(out, value).expect("plain values are written to memory");
}

/// JSON text without white space around its tokens, so that it has no line ends.
pub(super) fn push_compact(text: &str, out: &mut Vec<u8>) {
    let (mut in_string, mut after_backslash) = (false, false);
    for byte in text.bytes() {
        if in_string {
            in_string = byte != b'"' || after_backslash;
            after_backslash = byte == b'\\' && !after_backslash;
        } else if matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
            continue;
        } else {
            in_string = byte == b'"';
        }
        out.push(byte);
    }
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    fn compact(text: &str) -> String {
        let mut out = Vec::new();
        push_compact(text, &mut out);
        String::from_utf8(out).expect("as it was")
    }

    proptest! {
        #[test]
        fn white_space_goes_and_all_else_stays(texts in prop::collection::vec("[ \\\\\"\n\ta{,:é]{0,8}", 0..4)) {
            let value = serde_json::json!({ "a b": texts, " ": [1, null, { "\"": -0.5 }] });
            prop_assert_eq!(compact(&serde_json::to_string_pretty(&value).expect("JSON")), value.to_string());
        }

        #[test]
        fn floats_read_back_as_they_were(single in any::<f32>(), double in any::<f64>()) {
            prop_assume!(single.is_finite() && double.is_finite());
            let text = |data: ColumnData| {
                let mut out = Vec::new();
                push_element(&data, 0, &mut out);
                String::from_utf8(out).expect("text")
            };
            let read: f32 = text(ColumnData::Float(vec![single])).parse().expect("a number");
            prop_assert_eq!(read.to_bits(), single.to_bits());
            let read: f64 = text(ColumnData::Double(vec![double])).parse().expect("a number");
            prop_assert_eq!(read.to_bits(), double.to_bits());
        }

        #[test]
        fn dynamic_keys_are_chosen_and_never_those_of_fields(keys in prop::collection::btree_set("[ab\\\\\"é]{0,2}", 0..5), only in prop::collection::btree_set("[ab\\\\\"é]{0,2}", 0..3)) {
            let request = serde_json::json!({ "fields": [
                { "name": "a", "data_type": 5, "is_primary_key": true },
                { "name": "v", "data_type": 101, "type_params": [{ "key": "dim", "value": "2" }] },
            ], "enable_dynamic_field": true });
            let schema = CollectionSchema::from_proto("c", &request).expect("a schema");
            let object: serde_json::Map<String, Value> = keys.iter().map(|key| (key.clone(), Value::from(1))).collect();
            let mut out = Vec::new();
            let only = only.into_iter().collect();
            DynamicKeys { schema: &schema, only: &only }
                .push(&serde_json::to_string_pretty(&object).expect("JSON"), &mut out);
            let found: serde_json::Map<String, Value> = serde_json::from_slice(&out).expect("an object");
            let expected = keys.iter().filter(|key| (only.is_empty() || only.contains(*key)) && *key != "a");
            prop_assert!(found.keys().eq(expected), "{}", String::from_utf8_lossy(&out));
        }
    }
}
