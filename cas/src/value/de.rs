//! From values to Rust types, by serde.

use serde::de::value::{BorrowedStrDeserializer, StrDeserializer};
use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess, SeqAccess,
    Unexpected, VariantAccess, Visitor,
};

use super::{FILE, FOLDER, Int, Map, Value, ValueError, marks_path};

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

/// Takes what any self-describing format has; alternatives of enums arrive as text or maps.
struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, x: bool) -> Result<Value, E> {
        Ok(x.into())
    }

    fn visit_i64<E>(self, x: i64) -> Result<Value, E> {
        Ok(x.into())
    }

    fn visit_u64<E>(self, x: u64) -> Result<Value, E> {
        Ok(x.into())
    }

    fn visit_i128<E>(self, x: i128) -> Result<Value, E> {
        Ok(x.into())
    }

    fn visit_u128<E>(self, x: u128) -> Result<Value, E> {
        Ok(x.into())
    }

    fn visit_f64<E: serde::de::Error>(self, x: f64) -> Result<Value, E> {
        if x.is_finite() { Ok(Value::Float(x + 0.0)) } else { Err(E::custom(ValueError::not_finite(x))) }
    }

    fn visit_str<E>(self, x: &str) -> Result<Value, E> {
        Ok(x.into())
    }

    fn visit_string<E>(self, x: String) -> Result<Value, E> {
        Ok(x.into())
    }

    fn visit_bytes<E>(self, x: &[u8]) -> Result<Value, E> {
        Ok(Value::Bytes(x.to_vec()))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, d: D) -> Result<Value, D::Error> {
        Value::deserialize(d)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, d: D) -> Result<Value, D::Error> {
        Value::deserialize(d)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(element) = seq.next_element()? {
            list.push(element);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut entries: Vec<(Value, Value)> = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Map::from_entries(entries).map(Value::Map).map_err(serde::de::Error::custom)
    }
}

impl Value {
    fn unexpected(&self) -> Unexpected<'_> {
        match self {
            Value::Null => Unexpected::Unit,
            Value::Bool(x) => Unexpected::Bool(*x),
            Value::Int(x) => match (u64::try_from(*x), i64::try_from(*x)) {
                (Ok(n), _) => Unexpected::Unsigned(n),
                (_, Ok(n)) => Unexpected::Signed(n),
                _ => Unexpected::Other("a very large integer"),
            },
            Value::Float(x) => Unexpected::Float(*x),
            Value::Text(x) => Unexpected::Str(x),
            Value::Bytes(x) => Unexpected::Bytes(x),
            Value::List(_) => Unexpected::Seq,
            Value::Map(_) => Unexpected::Map,
            Value::Variant(..) => Unexpected::Enum,
            Value::File(_) => Unexpected::Other("the digest of a file"),
            Value::Folder(_) => Unexpected::Other("the digest of a folder"),
        }
    }
}

fn visit_int<'de, V: Visitor<'de>>(int: Int, visitor: V) -> Result<V::Value, ValueError> {
    if let Ok(n) = u64::try_from(int) {
        visitor.visit_u64(n)
    } else if let Ok(n) = i64::try_from(int) {
        visitor.visit_i64(n)
    } else if let Ok(n) = u128::try_from(int) {
        visitor.visit_u128(n)
    } else if let Ok(n) = i128::try_from(int) {
        visitor.visit_i128(n)
    } else {
        Err(ValueError::de(format!("the integer {int} fits no Rust type")))
    }
}

macro_rules! as_any {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
            self.deserialize_any(visitor)
        }
    )*};
}

impl<'de> Deserializer<'de> for &'de Value {
    type Error = ValueError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        match self {
            Value::Null => visitor.visit_unit(),
            Value::Bool(x) => visitor.visit_bool(*x),
            Value::Int(x) => visit_int(*x, visitor),
            Value::Float(x) => visitor.visit_f64(*x),
            Value::Text(x) => visitor.visit_borrowed_str(x),
            Value::Bytes(x) => visitor.visit_borrowed_bytes(x),
            Value::List(list) => visit_list(list, visitor),
            Value::Map(map) => visitor.visit_map(Entries { entries: map.iter(), value: None }),
            // Buffering visitors (untagged enums) know no enums, so alternatives take the shape
            // they have in JSON.
            Value::Variant(name, inner) if **inner == Value::Null => visitor.visit_borrowed_str(name),
            Value::Variant(name, inner) => visitor.visit_map(OneEntry { name: Some(name), value: inner }),
            Value::File(digest) | Value::Folder(digest) => visitor.visit_string(digest.to_hex()),
        }
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        match self {
            Value::Int(int) => visitor.visit_f64(int.to_f64()),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        match self {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        if name != FILE && name != FOLDER && marks_path(name) {
            return match self {
                Value::Variant(kind, inner) if kind == name => visitor.visit_newtype_struct(&**inner),
                other => visitor.visit_newtype_struct(other),
            };
        }
        if name == FILE || name == FOLDER {
            // A plain text is taken as well: that is how paths stand in JSON and CSV files.
            return match self {
                Value::Variant(kind, path) if kind == name => visitor.visit_newtype_struct(&**path),
                Value::Text(_) => visitor.visit_newtype_struct(self),
                other => Err(ValueError::de(format!("a path was expected, this is {}", other.kind()))),
            };
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        match self {
            Value::Text(name) => visitor.visit_enum(Alternative { name, value: &Value::Null }),
            Value::Variant(name, value) => visitor.visit_enum(Alternative { name, value }),
            Value::Map(map) if map.len() == 1 => match map.iter().next() {
                Some((Value::Text(name), value)) => visitor.visit_enum(Alternative { name, value }),
                _ => Err(serde::de::Error::invalid_type(self.unexpected(), &"the name of a variant")),
            },
            _ => Err(serde::de::Error::invalid_type(self.unexpected(), &"a variant")),
        }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        self.deserialize_any(visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, ValueError> {
        self.deserialize_any(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        self.deserialize_any(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        self.deserialize_any(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        visitor.visit_unit()
    }

    as_any! {
        deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128 deserialize_char
        deserialize_str deserialize_string deserialize_bytes deserialize_byte_buf deserialize_unit
        deserialize_seq deserialize_map deserialize_identifier
    }
}

impl<'de> IntoDeserializer<'de, ValueError> for &'de Value {
    type Deserializer = &'de Value;

    fn into_deserializer(self) -> &'de Value {
        self
    }
}

fn visit_list<'de, V: Visitor<'de>>(list: &'de [Value], visitor: V) -> Result<V::Value, ValueError> {
    let mut access = Elements { all: list, at: 0 };
    let done = visitor.visit_seq(&mut access)?;
    if access.at < list.len() {
        return Err(ValueError::de(format!("a list of {} has too many elements here", list.len())));
    }
    Ok(done)
}

struct Elements<'de> {
    all: &'de [Value],
    at: usize,
}

impl<'de> SeqAccess<'de> for &mut Elements<'de> {
    type Error = ValueError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, ValueError> {
        let Some(element) = self.all.get(self.at) else { return Ok(None) };
        self.at += 1;
        seed.deserialize(element).map(Some).map_err(|e| e.in_element(self.at - 1))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.all.len() - self.at)
    }
}

struct Entries<'de, I> {
    entries: I,
    value: Option<(&'de Value, &'de Value)>,
}

impl<'de, I: ExactSizeIterator<Item = (&'de Value, &'de Value)>> MapAccess<'de> for Entries<'de, I> {
    type Error = ValueError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, ValueError> {
        self.value = self.entries.next();
        self.value.map(|(key, _)| seed.deserialize(MapKey(key))).transpose()
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, ValueError> {
        let (key, value) =
            self.value.take().ok_or_else(|| ValueError::de("a map value was asked for twice"))?;
        seed.deserialize(value).map_err(|e| match key {
            Value::Text(name) => e.in_field(name),
            other => e.in_field(&format!("[{other}]")),
        })
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.entries.len())
    }
}

/// A key: numbers and bools may stand as text, which is how JSON has them.
struct MapKey<'de>(&'de Value);

macro_rules! key_from_text {
    ($($method:ident: $visit:ident $type:ty,)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
            match self.0 {
                Value::Text(text) => match text.parse::<$type>() {
                    Ok(x) => visitor.$visit(x),
                    Err(_) => self.0.$method(visitor),
                },
                other => other.$method(visitor),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for MapKey<'de> {
    type Error = ValueError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        self.0.deserialize_any(visitor)
    }

    key_from_text! {
        deserialize_bool: visit_bool bool,
        deserialize_i8: visit_i8 i8,
        deserialize_i16: visit_i16 i16,
        deserialize_i32: visit_i32 i32,
        deserialize_i64: visit_i64 i64,
        deserialize_i128: visit_i128 i128,
        deserialize_u8: visit_u8 u8,
        deserialize_u16: visit_u16 u16,
        deserialize_u32: visit_u32 u32,
        deserialize_u64: visit_u64 u64,
        deserialize_u128: visit_u128 u128,
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        self.0.deserialize_enum(name, variants, visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        if marks_path(name) {
            return self.0.deserialize_newtype_struct(name, visitor);
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        match self.0 {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    serde::forward_to_deserialize_any! {
        f32 f64 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct
        identifier ignored_any
    }
}

/// A variant in the shape of a map with one entry.
struct OneEntry<'de> {
    name: Option<&'de str>,
    value: &'de Value,
}

impl<'de> MapAccess<'de> for OneEntry<'de> {
    type Error = ValueError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, ValueError> {
        self.name.take().map(|name| seed.deserialize(BorrowedStrDeserializer::new(name))).transpose()
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, ValueError> {
        seed.deserialize(self.value)
    }
}

struct Alternative<'de> {
    name: &'de str,
    value: &'de Value,
}

impl<'de> EnumAccess<'de> for Alternative<'de> {
    type Error = ValueError;
    type Variant = Content<'de>;

    fn variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<(T::Value, Content<'de>), ValueError> {
        let name: StrDeserializer<'_, ValueError> = self.name.into_deserializer();
        Ok((seed.deserialize(name)?, Content { name: self.name, value: self.value }))
    }
}

struct Content<'de> {
    name: &'de str,
    value: &'de Value,
}

impl<'de> VariantAccess<'de> for Content<'de> {
    type Error = ValueError;

    fn unit_variant(self) -> Result<(), ValueError> {
        match self.value {
            Value::Null => Ok(()),
            other => Err(ValueError::de(format!(
                "variant `{}` holds nothing, here is {}",
                self.name,
                other.kind()
            ))),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, ValueError> {
        seed.deserialize(self.value).map_err(|e| e.in_field(self.name))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, ValueError> {
        self.value.deserialize_seq(visitor).map_err(|e| e.in_field(self.name))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        self.value.deserialize_map(visitor).map_err(|e| e.in_field(self.name))
    }
}
