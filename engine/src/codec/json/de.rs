//! Reading typed values from the tree.

use std::borrow::Cow;

use serde::de::{
    self, DeserializeSeed, Deserializer, EnumAccess, Error as _, IntoDeserializer, MapAccess, SeqAccess,
    Unexpected, VariantAccess, Visitor,
};

use super::Error;
use super::key::Key;
use super::node::Node;

impl<'de> Deserializer<'de> for Node<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Self::Null => visitor.visit_unit(),
            Self::Bool(x) => visitor.visit_bool(x),
            Self::Number(text) => number(text, visitor),
            Self::Float(x) => visitor.visit_f64(x),
            Self::Text(Cow::Borrowed(text)) => visitor.visit_borrowed_str(text),
            Self::Text(Cow::Owned(text)) => visitor.visit_string(text),
            Self::Bytes(bytes) => visitor.visit_byte_buf(bytes),
            Self::List(nodes) => {
                let length = nodes.len();
                let mut list = List(nodes.into_iter());
                let value = visitor.visit_seq(&mut list)?;
                match list.0.len() {
                    0 => Ok(value),
                    left => Err(Error::invalid_length(length, &&*format!("{} elements", length - left))),
                }
            }
            Self::Map(entries) => visitor.visit_map(Map { entries: entries.into_iter(), value: None }),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Self::Null => visitor.visit_none(),
            other => visitor.visit_some(other),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self {
            Self::Text(variant) => visitor.visit_enum(Variant { variant, content: None }),
            Self::Map(mut entries) if entries.len() == 1 => match entries.pop() {
                Some((variant, content)) => visitor.visit_enum(Variant { variant, content: Some(content) }),
                None => Err(Error::custom("an enum is an object with one key")),
            },
            other => Err(Error::invalid_type(other.unexpected(), &"a text or an object with one key")),
        }
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier ignored_any
    }
}

impl Node<'_> {
    fn unexpected(&self) -> Unexpected<'_> {
        match self {
            Self::Null => Unexpected::Unit,
            Self::Bool(x) => Unexpected::Bool(*x),
            Self::Number(_) => Unexpected::Other("a number"),
            Self::Float(x) => Unexpected::Float(*x),
            Self::Text(text) => Unexpected::Str(text),
            Self::Bytes(bytes) => Unexpected::Bytes(bytes),
            Self::List(_) => Unexpected::Seq,
            Self::Map(_) => Unexpected::Map,
        }
    }
}

/// A number, whole if it is written so and fits 128 bits.
fn number<'de, V: Visitor<'de>>(text: &str, visitor: V) -> Result<V::Value, Error> {
    if !text.contains(['.', 'e', 'E']) {
        if let Ok(x) = text.parse() {
            return visitor.visit_u64(x);
        }
        if let Ok(x) = text.parse() {
            return visitor.visit_i64(x);
        }
        if let Ok(x) = text.parse() {
            return visitor.visit_u128(x);
        }
        if let Ok(x) = text.parse() {
            return visitor.visit_i128(x);
        }
    }
    match text.parse::<f64>() {
        Ok(x) if x.is_finite() => visitor.visit_f64(x),
        _ => Err(Error::decode(format_args!("the number `{}` is too large", crate::name::shown(text)))),
    }
}

struct List<'de>(std::vec::IntoIter<Node<'de>>);

impl<'de> SeqAccess<'de> for List<'de> {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        self.0.next().map(|node| seed.deserialize(node)).transpose()
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.0.len())
    }
}

struct Map<'de> {
    entries: std::vec::IntoIter<(Cow<'de, str>, Node<'de>)>,
    value: Option<Node<'de>>,
}

impl<'de> MapAccess<'de> for Map<'de> {
    type Error = Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        let Some((key, value)) = self.entries.next() else { return Ok(None) };
        self.value = Some(value);
        Key(key).read(seed).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Error> {
        let value = self.value.take().ok_or_else(|| Error::custom("a value was asked for before its key"))?;
        seed.deserialize(value)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.entries.len())
    }
}

struct Variant<'de> {
    variant: Cow<'de, str>,
    content: Option<Node<'de>>,
}

impl<'de> EnumAccess<'de> for Variant<'de> {
    type Error = Error;
    type Variant = Content<'de>;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Content<'de>), Error> {
        let variant = match self.variant {
            Cow::Borrowed(text) => seed.deserialize(de::value::BorrowedStrDeserializer::new(text))?,
            Cow::Owned(text) => seed.deserialize(text.into_deserializer())?,
        };
        Ok((variant, Content(self.content)))
    }
}

/// What a variant holds.
struct Content<'de>(Option<Node<'de>>);

impl<'de> Content<'de> {
    fn node(self) -> Result<Node<'de>, Error> {
        self.0.ok_or_else(|| Error::invalid_type(Unexpected::UnitVariant, &"a variant with content"))
    }
}

impl<'de> VariantAccess<'de> for Content<'de> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        match self.0 {
            None | Some(Node::Null) => Ok(()),
            Some(other) => Err(Error::invalid_type(other.unexpected(), &"a variant without content")),
        }
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Error> {
        seed.deserialize(self.node()?)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.node()?.deserialize_any(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.node()?.deserialize_any(visitor)
    }
}
