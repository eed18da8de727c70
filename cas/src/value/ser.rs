//! From Rust types to values, by serde.

use serde::ser::{self, Serialize, Serializer};

use super::encode::deeper;
use super::{FILE, FOLDER, Map, Value, ValueError, marks_path};

/// Serialises into a [`Value`], counting how deep it is.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct ToValue {
    depth: usize,
}

impl ToValue {
    fn inside(self) -> Result<ToValue, ValueError> {
        Ok(ToValue { depth: deeper(self.depth)? })
    }
}

macro_rules! plain {
    ($($method:ident: $type:ty,)*) => {$(
        fn $method(self, x: $type) -> Result<Value, ValueError> {
            Ok(Value::from(x))
        }
    )*};
}

impl Serializer for ToValue {
    type Ok = Value;
    type Error = ValueError;
    type SerializeSeq = ListOf;
    type SerializeTuple = ListOf;
    type SerializeTupleStruct = ListOf;
    type SerializeTupleVariant = VariantOf<ListOf>;
    type SerializeMap = MapOf;
    type SerializeStruct = MapOf;
    type SerializeStructVariant = VariantOf<MapOf>;

    plain! {
        serialize_bool: bool,
        serialize_i8: i8,
        serialize_i16: i16,
        serialize_i32: i32,
        serialize_i64: i64,
        serialize_i128: i128,
        serialize_u8: u8,
        serialize_u16: u16,
        serialize_u32: u32,
        serialize_u64: u64,
        serialize_u128: u128,
        serialize_str: &str,
    }

    fn serialize_f32(self, x: f32) -> Result<Value, ValueError> {
        self.serialize_f64(x.into())
    }

    fn serialize_f64(self, x: f64) -> Result<Value, ValueError> {
        if x.is_finite() { Ok(Value::Float(x + 0.0)) } else { Err(ValueError::not_finite(x)) }
    }

    fn serialize_char(self, x: char) -> Result<Value, ValueError> {
        Ok(Value::Text(x.into()))
    }

    fn serialize_bytes(self, x: &[u8]) -> Result<Value, ValueError> {
        Ok(Value::Bytes(x.to_vec()))
    }

    fn serialize_none(self) -> Result<Value, ValueError> {
        Ok(Value::Null)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, x: &T) -> Result<Value, ValueError> {
        x.serialize(self)
    }

    fn serialize_unit(self) -> Result<Value, ValueError> {
        Ok(Value::Null)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<Value, ValueError> {
        Ok(Value::Null)
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        name: &'static str,
    ) -> Result<Value, ValueError> {
        self.inside()?;
        Ok(Value::Variant(name.to_owned(), Box::new(Value::Null)))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        x: &T,
    ) -> Result<Value, ValueError> {
        if !marks_path(name) {
            return x.serialize(self);
        }
        if name != FILE && name != FOLDER {
            return Ok(Value::Variant(name.to_owned(), Box::new(x.serialize(self.inside()?)?)));
        }
        match x.serialize(self.inside()?)? {
            path @ Value::Text(_) => Ok(Value::Variant(name.to_owned(), Box::new(path))),
            other => Err(ValueError::Unsupported {
                path: String::new(),
                what: format!("a path is a text, this is {}", other.kind()),
            }),
        }
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        name: &'static str,
        x: &T,
    ) -> Result<Value, ValueError> {
        let inner = x.serialize(self.inside()?).map_err(|e| e.in_field(name))?;
        Ok(Value::Variant(name.to_owned(), Box::new(inner)))
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<ListOf, ValueError> {
        // The length is a claim of the type; a wrong one must not ask for much memory.
        Ok(ListOf { to: self.inside()?, list: Vec::with_capacity(len.unwrap_or(0).min(4096)) })
    }

    fn serialize_tuple(self, len: usize) -> Result<ListOf, ValueError> {
        self.serialize_seq(Some(len))
    }

    fn serialize_tuple_struct(self, _: &'static str, len: usize) -> Result<ListOf, ValueError> {
        self.serialize_seq(Some(len))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        name: &'static str,
        len: usize,
    ) -> Result<VariantOf<ListOf>, ValueError> {
        Ok(VariantOf { name, inner: self.inside()?.serialize_seq(Some(len))? })
    }

    fn serialize_map(self, len: Option<usize>) -> Result<MapOf, ValueError> {
        let entries = Vec::with_capacity(len.unwrap_or(0).min(4096));
        Ok(MapOf { to: self.inside()?, entries, key: None })
    }

    fn serialize_struct(self, _: &'static str, len: usize) -> Result<MapOf, ValueError> {
        self.serialize_map(Some(len))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        name: &'static str,
        len: usize,
    ) -> Result<VariantOf<MapOf>, ValueError> {
        Ok(VariantOf { name, inner: self.inside()?.serialize_map(Some(len))? })
    }
}

/// Collects a list.
pub(super) struct ListOf {
    to: ToValue,
    list: Vec<Value>,
}

impl ListOf {
    fn push<T: Serialize + ?Sized>(&mut self, x: &T) -> Result<(), ValueError> {
        let value = x.serialize(self.to).map_err(|e| e.in_element(self.list.len()))?;
        self.list.push(value);
        Ok(())
    }
}

/// Collects a map or a struct.
pub(super) struct MapOf {
    to: ToValue,
    entries: Vec<(Value, Value)>,
    key: Option<Value>,
}

impl MapOf {
    fn field<T: Serialize + ?Sized>(&mut self, name: &'static str, x: &T) -> Result<(), ValueError> {
        let value = x.serialize(self.to).map_err(|e| e.in_field(name))?;
        self.entries.push((Value::from(name), value));
        Ok(())
    }

    fn finish(self) -> Result<Value, ValueError> {
        Map::from_entries(self.entries).map(Value::Map)
    }
}

/// Collects the content of a variant.
pub(super) struct VariantOf<C> {
    name: &'static str,
    inner: C,
}

impl<C> VariantOf<C> {
    fn wrap(name: &'static str, inner: Result<Value, ValueError>) -> Result<Value, ValueError> {
        let inner = inner.map_err(|e| e.in_field(name))?;
        Ok(Value::Variant(name.to_owned(), Box::new(inner)))
    }
}

macro_rules! list {
    ($($port:ident: $method:ident,)*) => {$(
        impl ser::$port for ListOf {
            type Ok = Value;
            type Error = ValueError;

            fn $method<T: Serialize + ?Sized>(&mut self, x: &T) -> Result<(), ValueError> {
                self.push(x)
            }

            fn end(self) -> Result<Value, ValueError> {
                Ok(Value::List(self.list))
            }
        }
    )*};
}

list! {
    SerializeSeq: serialize_element,
    SerializeTuple: serialize_element,
    SerializeTupleStruct: serialize_field,
}

impl ser::SerializeTupleVariant for VariantOf<ListOf> {
    type Ok = Value;
    type Error = ValueError;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, x: &T) -> Result<(), ValueError> {
        self.inner.push(x).map_err(|e| e.in_field(self.name))
    }

    fn end(self) -> Result<Value, ValueError> {
        Self::wrap(self.name, Ok(Value::List(self.inner.list)))
    }
}

impl ser::SerializeMap for MapOf {
    type Ok = Value;
    type Error = ValueError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), ValueError> {
        self.key = Some(key.serialize(self.to)?);
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, x: &T) -> Result<(), ValueError> {
        let key = self.key.take().ok_or_else(|| ValueError::Unsupported {
            path: String::new(),
            what: "a map value came without its key; mend the Serialize of its type".to_owned(),
        })?;
        let value = x.serialize(self.to).map_err(|e| match &key {
            Value::Text(name) => e.in_field(name),
            other => e.in_field(&format!("[{other}]")),
        })?;
        self.entries.push((key, value));
        Ok(())
    }

    fn end(self) -> Result<Value, ValueError> {
        self.finish()
    }
}

impl ser::SerializeStruct for MapOf {
    type Ok = Value;
    type Error = ValueError;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        x: &T,
    ) -> Result<(), ValueError> {
        self.field(name, x)
    }

    fn end(self) -> Result<Value, ValueError> {
        self.finish()
    }
}

impl ser::SerializeStructVariant for VariantOf<MapOf> {
    type Ok = Value;
    type Error = ValueError;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        x: &T,
    ) -> Result<(), ValueError> {
        self.inner.field(name, x).map_err(|e| e.in_field(self.name))
    }

    fn end(self) -> Result<Value, ValueError> {
        Self::wrap(self.name, self.inner.finish())
    }
}
