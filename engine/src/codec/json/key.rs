//! Keys of maps, which are texts in JSON.

use std::borrow::Cow;
use std::fmt::Display;

use serde::de::{self, DeserializeSeed, IntoDeserializer, Visitor};
use serde::ser::{Impossible, Serialize, Serializer};

use super::{CodecError, Error};

/// Turns a key into its text.
pub(super) struct KeyText;

fn refused<T>(found: &'static str) -> Result<T, Error> {
    Err(Error(CodecError::Key { found }))
}

macro_rules! shown {
    ($($method:ident: $type:ty),*) => {$(
        fn $method(self, x: $type) -> Result<String, Error> {
            Ok(x.to_string())
        }
    )*};
}

macro_rules! refusals {
    ($($method:ident($($type:ty),*) -> $out:ty: $found:literal),* $(,)?) => {$(
        fn $method(self, $(_: $type),*) -> Result<$out, Error> {
            refused($found)
        }
    )*};
}

type No = Impossible<String, Error>;

impl Serializer for KeyText {
    type Ok = String;
    type Error = Error;
    type SerializeSeq = No;
    type SerializeTuple = No;
    type SerializeTupleStruct = No;
    type SerializeTupleVariant = No;
    type SerializeMap = No;
    type SerializeStruct = No;
    type SerializeStructVariant = No;

    shown! {
        serialize_bool: bool, serialize_char: char, serialize_str: &str,
        serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64, serialize_i128: i128,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64, serialize_u128: u128
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<String, Error> {
        Ok(variant.to_owned())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        x: &T,
    ) -> Result<String, Error> {
        x.serialize(self)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, _: &T) -> Result<String, Error> {
        refused("an option")
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<String, Error> {
        refused("a variant with content")
    }

    fn collect_str<T: Display + ?Sized>(self, x: &T) -> Result<String, Error> {
        Ok(x.to_string())
    }

    refusals! {
        serialize_f32(f32) -> String: "a float",
        serialize_f64(f64) -> String: "a float",
        serialize_bytes(&[u8]) -> String: "a byte string",
        serialize_none() -> String: "an option",
        serialize_unit() -> String: "a unit",
        serialize_unit_struct(&'static str) -> String: "a unit struct",
        serialize_seq(Option<usize>) -> No: "a list",
        serialize_tuple(usize) -> No: "a tuple",
        serialize_tuple_struct(&'static str, usize) -> No: "a tuple",
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> No: "a variant with content",
        serialize_map(Option<usize>) -> No: "a map",
        serialize_struct(&'static str, usize) -> No: "a struct",
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> No: "a variant with content",
    }
}

/// Reads a key back from its text.
pub(super) struct Key<'de>(pub(super) Cow<'de, str>);

macro_rules! parsed {
    ($($method:ident: $type:ty => $visit:ident),*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            match self.0.parse::<$type>() {
                Ok(x) => visitor.$visit(x),
                Err(_) => self.deserialize_any(visitor),
            }
        }
    )*};
}

impl<'de> de::Deserializer<'de> for Key<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
            Cow::Owned(text) => visitor.visit_string(text),
        }
    }

    parsed! {
        deserialize_bool: bool => visit_bool,
        deserialize_i8: i8 => visit_i8, deserialize_i16: i16 => visit_i16, deserialize_i32: i32 => visit_i32,
        deserialize_i64: i64 => visit_i64, deserialize_i128: i128 => visit_i128,
        deserialize_u8: u8 => visit_u8, deserialize_u16: u16 => visit_u16, deserialize_u32: u32 => visit_u32,
        deserialize_u64: u64 => visit_u64, deserialize_u128: u128 => visit_u128
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
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.0.as_ref().into_deserializer().deserialize_enum(name, variants, visitor)
    }

    serde::forward_to_deserialize_any! {
        f32 f64 char str string bytes byte_buf option unit unit_struct seq tuple tuple_struct map struct identifier
        ignored_any
    }
}

impl<'de> Key<'de> {
    pub(super) fn read<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Error> {
        seed.deserialize(self)
    }
}
