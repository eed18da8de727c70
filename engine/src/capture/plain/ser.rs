//! From Rust types to trees, by serde.

use metalab_cas::value::{FILE, FOLDER};
use serde::ser::{self, Serialize, Serializer};

use super::{Number, Plain, PlainError, deeper};
use crate::secret::mask;

/// Serialises into a [`Plain`], counting how deep it is.
#[derive(Clone, Copy, Default)]
pub(in crate::capture) struct ToPlain {
    depth: usize,
}

impl ToPlain {
    fn inside(self) -> Result<Self, PlainError> {
        Ok(Self { depth: deeper(self.depth)? })
    }

    fn open(self, variant: Option<&str>, kind: Kind) -> Result<Open, PlainError> {
        let to = self.inside()?;
        let to = if variant.is_some() { to.inside()? } else { to };
        Ok(Open {
            to,
            variant: variant.map(str::to_owned),
            kind,
            list: Vec::new(),
            map: Vec::new(),
            key: None,
        })
    }
}

macro_rules! numbers {
    ($($method:ident: $type:ty = $kind:ident,)*) => {$(
        fn $method(self, x: $type) -> Result<Plain, PlainError> {
            Ok(Plain::Number(Number::$kind(x)))
        }
    )*};
}

impl Serializer for ToPlain {
    type Ok = Plain;
    type Error = PlainError;
    type SerializeSeq = Open;
    type SerializeTuple = Open;
    type SerializeTupleStruct = Open;
    type SerializeTupleVariant = Open;
    type SerializeMap = Open;
    type SerializeStruct = Open;
    type SerializeStructVariant = Open;

    numbers! {
        serialize_f64: f64 = F64,
        serialize_f32: f32 = F32,
        serialize_i64: i64 = I64,
        serialize_i32: i32 = I32,
        serialize_i16: i16 = I16,
        serialize_i8: i8 = I8,
        serialize_u64: u64 = U64,
        serialize_u32: u32 = U32,
        serialize_u16: u16 = U16,
        serialize_u8: u8 = U8,
    }

    fn serialize_i128(self, x: i128) -> Result<Plain, PlainError> {
        Ok(Plain::Wide(x.into()))
    }

    fn serialize_u128(self, x: u128) -> Result<Plain, PlainError> {
        Ok(Plain::Wide(x.into()))
    }

    fn serialize_bool(self, x: bool) -> Result<Plain, PlainError> {
        Ok(Plain::Bool(x))
    }

    fn serialize_char(self, x: char) -> Result<Plain, PlainError> {
        Ok(Plain::Text(x.into()))
    }

    fn serialize_str(self, x: &str) -> Result<Plain, PlainError> {
        Ok(Plain::Text(mask(x).into_owned()))
    }

    fn serialize_bytes(self, x: &[u8]) -> Result<Plain, PlainError> {
        Ok(Plain::Bytes(x.to_vec()))
    }

    fn serialize_none(self) -> Result<Plain, PlainError> {
        Ok(Plain::Null)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, x: &T) -> Result<Plain, PlainError> {
        x.serialize(self)
    }

    fn serialize_unit(self) -> Result<Plain, PlainError> {
        Ok(Plain::Null)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<Plain, PlainError> {
        Ok(Plain::Null)
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        name: &'static str,
    ) -> Result<Plain, PlainError> {
        Ok(Plain::Variant(name.to_owned(), Box::new(Plain::Null)))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        x: &T,
    ) -> Result<Plain, PlainError> {
        if name == FILE || name == FOLDER {
            return Err(ser::Error::custom(
                "this is a path, which means nothing elsewhere; capture what is there by `artifact_file` or `artifact_folder`",
            ));
        }
        x.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        name: &'static str,
        x: &T,
    ) -> Result<Plain, PlainError> {
        let inner = x.serialize(self.inside()?).map_err(|error| error.inside(name))?;
        Ok(Plain::Variant(name.to_owned(), Box::new(inner)))
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<Open, PlainError> {
        let mut open = self.open(None, Kind::List)?;
        // The length is a claim of the type; a wrong one must not ask for much memory.
        open.list.reserve(len.unwrap_or(0).min(4096));
        Ok(open)
    }

    fn serialize_tuple(self, len: usize) -> Result<Open, PlainError> {
        self.serialize_seq(Some(len))
    }

    fn serialize_tuple_struct(self, _: &'static str, len: usize) -> Result<Open, PlainError> {
        self.serialize_seq(Some(len))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        name: &'static str,
        _: usize,
    ) -> Result<Open, PlainError> {
        self.open(Some(name), Kind::List)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Open, PlainError> {
        self.open(None, Kind::Map)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Open, PlainError> {
        self.open(None, Kind::Map)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        name: &'static str,
        _: usize,
    ) -> Result<Open, PlainError> {
        self.open(Some(name), Kind::Map)
    }
}

#[derive(Clone, Copy)]
enum Kind {
    List,
    Map,
}

/// A list or map that is being filled, perhaps inside of a variant.
pub(in crate::capture) struct Open {
    to: ToPlain,
    variant: Option<String>,
    kind: Kind,
    list: Vec<Plain>,
    map: Vec<(Plain, Plain)>,
    key: Option<Plain>,
}

impl Open {
    fn element<T: Serialize + ?Sized>(&mut self, x: &T) -> Result<(), PlainError> {
        let element = x.serialize(self.to).map_err(|error| error.inside(&self.list.len().to_string()))?;
        self.list.push(element);
        Ok(())
    }

    fn field<T: Serialize + ?Sized>(&mut self, key: &'static str, x: &T) -> Result<(), PlainError> {
        let value = x.serialize(self.to).map_err(|error| error.inside(key))?;
        self.map.push((Plain::Text(key.to_owned()), value));
        Ok(())
    }

    fn done(self) -> Result<Plain, PlainError> {
        let plain = match self.kind {
            Kind::List => Plain::List(self.list),
            Kind::Map => Plain::Map(self.map),
        };
        Ok(match self.variant {
            Some(name) => Plain::Variant(name, Box::new(plain)),
            None => plain,
        })
    }
}

macro_rules! lists {
    ($($trait:ident $method:ident;)*) => {$(
        impl ser::$trait for Open {
            type Ok = Plain;
            type Error = PlainError;

            fn $method<T: Serialize + ?Sized>(&mut self, x: &T) -> Result<(), PlainError> {
                self.element(x)
            }

            fn end(self) -> Result<Plain, PlainError> {
                self.done()
            }
        }
    )*};
}

lists! {
    SerializeSeq serialize_element;
    SerializeTuple serialize_element;
    SerializeTupleStruct serialize_field;
    SerializeTupleVariant serialize_field;
}

macro_rules! structs {
    ($($trait:ident;)*) => {$(
        impl ser::$trait for Open {
            type Ok = Plain;
            type Error = PlainError;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, x: &T) -> Result<(), PlainError> {
                self.field(key, x)
            }

            fn end(self) -> Result<Plain, PlainError> {
                self.done()
            }
        }
    )*};
}

structs! {
    SerializeStruct;
    SerializeStructVariant;
}

impl ser::SerializeMap for Open {
    type Ok = Plain;
    type Error = PlainError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), PlainError> {
        self.key = Some(key.serialize(self.to)?);
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, x: &T) -> Result<(), PlainError> {
        let key = self
            .key
            .take()
            .ok_or_else(|| <PlainError as ser::Error>::custom("a value came before its key"))?;
        let shown = key.as_key().unwrap_or_else(|| "?".into());
        let value = x.serialize(self.to).map_err(|error| error.inside(&shown))?;
        drop(shown);
        self.map.push((key, value));
        Ok(())
    }

    fn end(self) -> Result<Plain, PlainError> {
        self.done()
    }
}
