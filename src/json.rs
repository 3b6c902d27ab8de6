//! JSON into types, by way of a tree of values.
//!
//! What serde derives is compiled anew for each kind of input; a tree is the only one here. serde_json's own way from a tree
//! takes lists for structs, too, and compiles that for each of them, which is a fortieth of what is downloaded.

use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error as _, IntoDeserializer, Unexpected,
    VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;
use serde_json::{Error, Value};

type Result<T> = std::result::Result<T, Error>;

pub fn read<T: DeserializeOwned>(json: &[u8]) -> Result<T> {
    T::deserialize(Tree(&parse(json)?))
}

#[inline(never)]
pub fn parse(json: &[u8]) -> Result<Value> {
    serde_json::from_slice(json)
}

#[derive(Clone, Copy)]
struct Tree<'de>(&'de Value);

impl<'de> Tree<'de> {
    fn unexpected(self) -> Unexpected<'de> {
        match self.0 {
            Value::Null => Unexpected::Unit,
            Value::Bool(value) => Unexpected::Bool(*value),
            Value::Number(number) => match (number.as_u64(), number.as_i64()) {
                (Some(value), _) => Unexpected::Unsigned(value),
                (None, Some(value)) => Unexpected::Signed(value),
                (None, None) => Unexpected::Float(number.as_f64().unwrap_or(f64::NAN)),
            },
            Value::String(text) => Unexpected::Str(text),
            Value::Array(_) => Unexpected::Seq,
            Value::Object(_) => Unexpected::Map,
        }
    }

    fn refused<T>(self, visitor: &impl Visitor<'de>) -> Result<T> {
        Err(Error::invalid_type(self.unexpected(), visitor))
    }
}

impl<'de> IntoDeserializer<'de, Error> for Tree<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Tree<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Number(number) => number.deserialize_any(visitor),
            Value::String(text) => visitor.visit_borrowed_str(text),
            Value::Array(_) => self.deserialize_seq(visitor),
            Value::Object(_) => self.deserialize_map(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        if self.0.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _name: &'static str, visitor: V) -> Result<V::Value> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let Value::Array(values) = self.0 else { return self.refused(&visitor) };
        let mut access = SeqDeserializer::new(values.iter().map(Tree));
        let value = visitor.visit_seq(&mut access)?;
        access.end().map(|()| value)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _length: usize, visitor: V) -> Result<V::Value> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _length: usize,
        visitor: V,
    ) -> Result<V::Value> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let Value::Object(members) = self.0 else { return self.refused(&visitor) };
        let members = members.iter().map(|(key, value)| (Key(key), Tree(value)));
        visitor.visit_map(MapDeserializer::new(members))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        match self.0 {
            Value::String(variant) => visitor.visit_enum(Variant { name: variant, content: None }),
            Value::Object(members) if members.len() == 1 => {
                let (name, content) = members.iter().next().expect("there is one");
                visitor.visit_enum(Variant { name, content: Some(Tree(content)) })
            }
            _ => self.refused(&visitor),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct identifier
    }
}

/// The name of a member, also where a number is wanted.
struct Key<'de>(&'de str);

impl<'de> IntoDeserializer<'de, Error> for Key<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

macro_rules! numbers_of_keys {
    ($($deserialize:ident $visit:ident),*) => {
        $(fn $deserialize<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
            match self.0.parse() {
                Ok(number) => visitor.$visit(number),
                Err(_) => visitor.visit_borrowed_str(self.0),
            }
        })*
    };
}

impl<'de> Deserializer<'de> for Key<'de> {
    type Error = Error;

    numbers_of_keys! {
        deserialize_i8 visit_i8, deserialize_i16 visit_i16, deserialize_i32 visit_i32, deserialize_i64 visit_i64,
        deserialize_u8 visit_u8, deserialize_u16 visit_u16, deserialize_u32 visit_u32, deserialize_u64 visit_u64
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_borrowed_str(self.0)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _name: &'static str, visitor: V) -> Result<V::Value> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        visitor.visit_enum(Variant { name: self.0, content: None })
    }

    forward_to_deserialize_any! {
        bool i128 u128 f32 f64 char str string bytes byte_buf option unit unit_struct seq tuple tuple_struct map struct
        identifier ignored_any
    }
}

/// A name, or an object of one member.
struct Variant<'de> {
    name: &'de str,
    content: Option<Tree<'de>>,
}

impl<'de> EnumAccess<'de> for Variant<'de> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self)> {
        Ok((seed.deserialize(self.name.into_deserializer())?, self))
    }
}

impl<'de> Variant<'de> {
    fn content(&self) -> Result<Tree<'de>> {
        self.content.ok_or_else(|| Error::custom(format_args!("{} has no content", self.name)))
    }
}

impl<'de> VariantAccess<'de> for Variant<'de> {
    type Error = Error;

    fn unit_variant(self) -> Result<()> {
        match self.content {
            None => Ok(()),
            Some(content) if content.0.is_null() => Ok(()),
            Some(_) => Err(Error::custom(format_args!("{} has no content", self.name))),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value> {
        seed.deserialize(self.content()?)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _length: usize, visitor: V) -> Result<V::Value> {
        self.content()?.deserialize_seq(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(self, fields: &'static [&'static str], visitor: V) -> Result<V::Value> {
        self.content()?.deserialize_struct("", fields, visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::{Deserialize, Serialize};
    use serde_json::json;
    use std::collections::BTreeMap;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    enum Kind {
        Unit,
        One(u8),
        Two(i64, String),
        Named { a: Option<f32> },
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Id(u64);

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Whole {
        kinds: Vec<Kind>,
        id: Id,
        #[serde(flatten)]
        rest: Rest,
        by_name: BTreeMap<u64, (bool, f64)>,
        any: Value,
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Rest {
        #[serde(default)]
        missing: String,
        text: String,
        unit: (),
    }

    #[test]
    fn reads_what_serde_writes() {
        let whole = Whole {
            kinds: vec![Kind::Unit, Kind::One(1), Kind::Two(-2, "two".into()), Kind::Named { a: Some(0.5) }],
            id: Id(u64::MAX),
            rest: Rest { missing: String::new(), text: "\"\u{1F600}".into(), unit: () },
            by_name: BTreeMap::from([(7, (true, 1e300))]),
            any: json!({ "a": [null, 1, -1, 0.5, "x", {}] }),
        };
        let text = serde_json::to_vec(&whole).unwrap();
        assert_eq!(read::<Whole>(&text).unwrap(), whole);
    }

    #[test]
    fn refuses_with_the_texts_of_serde_json() {
        type Texts = (String, String);
        type Refused = fn(&str) -> Texts;
        let cases: [(&str, Refused); 5] = [
            ("[1]", both::<Rest>),
            ("{\"text\": 1, \"unit\": null}", both::<Rest>),
            ("null", both::<Vec<u8>>),
            ("[1, -1]", both::<Vec<u8>>),
            ("\"Other\"", both::<Kind>),
        ];
        fn both<T: DeserializeOwned + std::fmt::Debug>(text: &str) -> (String, String) {
            let tree: Value = serde_json::from_str(text).unwrap();
            (read::<T>(text.as_bytes()).unwrap_err().to_string(), T::deserialize(&tree).unwrap_err().to_string())
        }
        for (text, both) in cases {
            let (ours, theirs) = both(text);
            if text == "[1]" {
                assert_eq!(ours, "invalid type: sequence, expected struct Rest");
            } else {
                assert_eq!(ours, theirs);
            }
        }
        assert!(read::<Kind>(b"\"One\"").is_err());
        assert!(read::<Kind>(b"{\"Unit\": 1}").is_err());
        assert!(read::<Kind>(b"{\"One\": 1, \"Unit\": null}").is_err());
        assert!(read::<(u8, u8)>(b"[1, 2, 3]").is_err());
    }
}
