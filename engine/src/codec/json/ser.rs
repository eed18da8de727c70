//! Writing values as JSON text.

use std::ops::Range;

use serde::Serialize;
use serde::ser::{self, Error as _};

use super::key::KeyText;
use super::{CodecError, Error, MAX_DEPTH, text};

/// Appends one value to a vector; scalars allocate nothing.
pub(super) struct Writer<'a> {
    out: &'a mut Vec<u8>,
    depth: usize,
}

impl<'a> Writer<'a> {
    pub(super) fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out, depth: 0 }
    }

    fn list(self, closing: &'static str) -> Result<List<'a>, Error> {
        let writer = self.deeper()?;
        writer.out.push(b'[');
        Ok(List { writer, first: true, closing })
    }

    fn object(self, closing: &'static str) -> Result<Object<'a>, Error> {
        let writer = self.deeper()?;
        writer.out.push(b'{');
        Ok(Object { writer, first: true, closing })
    }

    /// Begins `{"variant":`; the caller closes it.
    fn variant(self, variant: &str) -> Result<Self, Error> {
        let writer = self.deeper()?;
        writer.out.push(b'{');
        text::key(variant, writer.out);
        writer.out.push(b':');
        Ok(writer)
    }

    fn deeper(self) -> Result<Self, Error> {
        match self.depth < MAX_DEPTH {
            true => Ok(Self { depth: self.depth + 1, ..self }),
            false => Err(Error(CodecError::TooDeep { limit: MAX_DEPTH })),
        }
    }

    fn nested(&mut self) -> Writer<'_> {
        Writer { out: self.out, depth: self.depth }
    }

    fn whole(self, x: impl std::fmt::Display) -> Result<(), Error> {
        text::whole(x, self.out);
        Ok(())
    }
}

macro_rules! whole_numbers {
    ($($method:ident: $type:ty),*) => {$(
        fn $method(self, x: $type) -> Result<(), Error> {
            self.whole(x)
        }
    )*};
}

impl<'a> ser::Serializer for Writer<'a> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = List<'a>;
    type SerializeTuple = List<'a>;
    type SerializeTupleStruct = List<'a>;
    type SerializeTupleVariant = List<'a>;
    type SerializeMap = Map<'a>;
    type SerializeStruct = Object<'a>;
    type SerializeStructVariant = Object<'a>;

    whole_numbers! {
        serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64, serialize_i128: i128,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64, serialize_u128: u128
    }

    fn serialize_bool(self, x: bool) -> Result<(), Error> {
        self.out.extend_from_slice(if x { b"true" } else { b"false" });
        Ok(())
    }

    fn serialize_f32(self, x: f32) -> Result<(), Error> {
        self.serialize_f64(x.into())
    }

    fn serialize_f64(self, x: f64) -> Result<(), Error> {
        text::float(x, self.out);
        Ok(())
    }

    fn serialize_char(self, x: char) -> Result<(), Error> {
        self.serialize_str(x.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, x: &str) -> Result<(), Error> {
        text::quoted(x, self.out);
        Ok(())
    }

    fn serialize_bytes(self, x: &[u8]) -> Result<(), Error> {
        text::bytes(x, self.out);
        Ok(())
    }

    fn serialize_none(self) -> Result<(), Error> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, x: &T) -> Result<(), Error> {
        x.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Error> {
        self.out.extend_from_slice(b"null");
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Error> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<(), Error> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, x: &T) -> Result<(), Error> {
        x.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        x: &T,
    ) -> Result<(), Error> {
        let mut writer = self.variant(variant)?;
        x.serialize(writer.nested())?;
        writer.out.push(b'}');
        Ok(())
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<List<'a>, Error> {
        self.list("]")
    }

    fn serialize_tuple(self, _: usize) -> Result<List<'a>, Error> {
        self.list("]")
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<List<'a>, Error> {
        self.list("]")
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<List<'a>, Error> {
        self.variant(variant)?.list("]}")
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Map<'a>, Error> {
        let writer = self.deeper()?;
        writer.out.push(b'{');
        let start = writer.out.len();
        Ok(Map { writer, start, entries: Vec::new(), sorted: true })
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Object<'a>, Error> {
        self.object("}")
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Object<'a>, Error> {
        self.variant(variant)?.object("}}")
    }
}

/// A list being written.
pub(super) struct List<'a> {
    writer: Writer<'a>,
    first: bool,
    closing: &'static str,
}

impl List<'_> {
    fn element<T: Serialize + ?Sized>(&mut self, x: &T) -> Result<(), Error> {
        if !std::mem::take(&mut self.first) {
            self.writer.out.push(b',');
        }
        x.serialize(self.writer.nested())
    }

    fn close(self) -> Result<(), Error> {
        self.writer.out.extend_from_slice(self.closing.as_bytes());
        Ok(())
    }
}

macro_rules! lists {
    ($($trait:ident::$method:ident),*) => {$(
        impl ser::$trait for List<'_> {
            type Ok = ();
            type Error = Error;

            fn $method<T: Serialize + ?Sized>(&mut self, x: &T) -> Result<(), Error> {
                self.element(x)
            }

            fn end(self) -> Result<(), Error> {
                self.close()
            }
        }
    )*};
}

lists! {
    SerializeSeq::serialize_element, SerializeTuple::serialize_element, SerializeTupleStruct::serialize_field,
    SerializeTupleVariant::serialize_field
}

/// A struct being written, in the order of its fields.
pub(super) struct Object<'a> {
    writer: Writer<'a>,
    first: bool,
    closing: &'static str,
}

macro_rules! objects {
    ($($trait:ident),*) => {$(
        impl ser::$trait for Object<'_> {
            type Ok = ();
            type Error = Error;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, x: &T) -> Result<(), Error> {
                if !std::mem::take(&mut self.first) {
                    self.writer.out.push(b',');
                }
                text::key(key, self.writer.out);
                self.writer.out.push(b':');
                x.serialize(self.writer.nested())
            }

            fn end(self) -> Result<(), Error> {
                self.writer.out.extend_from_slice(self.closing.as_bytes());
                Ok(())
            }
        }
    )*};
}

objects!(SerializeStruct, SerializeStructVariant);

/// A map being written: entries go out as they come and are put in order at the end, if they were not.
pub(super) struct Map<'a> {
    writer: Writer<'a>,
    start: usize,
    /// Key and place of `"key":value`.
    entries: Vec<(String, Range<usize>)>,
    sorted: bool,
}

impl ser::SerializeMap for Map<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        let key = key.serialize(KeyText)?;
        if let Some((last, _)) = self.entries.last() {
            self.sorted &= *last < key;
            self.writer.out.push(b',');
        }
        let start = self.writer.out.len();
        text::key(&key, self.writer.out);
        self.writer.out.push(b':');
        self.entries.push((key, start..start));
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, x: &T) -> Result<(), Error> {
        x.serialize(self.writer.nested())?;
        let (_, place) =
            self.entries.last_mut().ok_or_else(|| Error::custom("a value came before its key"))?;
        place.end = self.writer.out.len();
        Ok(())
    }

    fn end(mut self) -> Result<(), Error> {
        if !self.sorted {
            self.entries.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
            if let Some([(twice, _), _]) = self.entries.array_windows().find(|[(a, _), (b, _)]| a == b) {
                return Err(Error(CodecError::DuplicateKey { key: crate::name::shown(twice) }));
            }
            let unsorted = self.writer.out.split_off(self.start);
            for (at, (_, place)) in self.entries.iter().enumerate() {
                if at > 0 {
                    self.writer.out.push(b',');
                }
                self.writer
                    .out
                    .extend_from_slice(&unsorted[place.start - self.start..place.end - self.start]);
            }
        }
        self.writer.out.push(b'}');
        Ok(())
    }
}
