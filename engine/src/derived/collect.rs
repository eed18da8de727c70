//! From anything serde knows to metrics.
//!
//! A single value is a metric called like its function; nothing is none; structs, maps and lists of pairs are several.
//! NaN and infinities stay what they are. `None` inside a struct leaves that metric out.

use serde::Serialize;
use serde::ser::{
    Impossible, SerializeMap, SerializeSeq, SerializeStruct, SerializeTuple, SerializeTupleStruct, Serializer,
};

use super::metrics::{Metrics, MetricsError};
use crate::record::Scalar;

pub(super) fn collect(function: &str, returned: &impl Serialize) -> Result<Metrics, MetricsError> {
    match returned.serialize(Shape { name: function })? {
        Found::Nothing => Ok(Metrics::new()),
        Found::One(value) => Ok(Metrics::new().with(function, value)),
        Found::Many(metrics) => Ok(metrics),
    }
}

/// What a value turned out to be.
enum Found {
    Nothing,
    One(Scalar),
    Many(Metrics),
}

/// Looks at a value; `name` is how it is called in errors.
#[derive(Clone, Copy)]
struct Shape<'a> {
    name: &'a str,
}

impl Shape<'_> {
    fn nested<T>(self, found: &'static str) -> Result<T, MetricsError> {
        Err(MetricsError::Nested { name: self.name.to_owned(), found })
    }
}

macro_rules! scalars {
    ($($method:ident: $type:ty),* $(,)?) => {$(
        fn $method(self, value: $type) -> Result<Found, MetricsError> {
            Ok(Found::One(value.into()))
        }
    )*};
}

impl<'a> Serializer for Shape<'a> {
    type Ok = Found;
    type Error = MetricsError;
    type SerializeSeq = Pairs<'a>;
    type SerializeTuple = Pairs<'a>;
    type SerializeTupleStruct = Pairs<'a>;
    type SerializeTupleVariant = Impossible<Found, MetricsError>;
    type SerializeMap = Fields;
    type SerializeStruct = Fields;
    type SerializeStructVariant = Impossible<Found, MetricsError>;

    scalars! {
        serialize_bool: bool, serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64,
        serialize_f32: f32, serialize_f64: f64, serialize_str: &str,
    }

    fn serialize_i128(self, value: i128) -> Result<Found, MetricsError> {
        Ok(Found::One(i64::try_from(value).map_or(Scalar::Float(value as f64), Scalar::Int)))
    }

    fn serialize_u128(self, value: u128) -> Result<Found, MetricsError> {
        Ok(Found::One(i64::try_from(value).map_or(Scalar::Float(value as f64), Scalar::Int)))
    }

    fn serialize_char(self, value: char) -> Result<Found, MetricsError> {
        Ok(Found::One(Scalar::Text(value.into())))
    }

    fn serialize_bytes(self, _: &[u8]) -> Result<Found, MetricsError> {
        self.nested("a byte string")
    }

    fn serialize_none(self) -> Result<Found, MetricsError> {
        Ok(Found::Nothing)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Found, MetricsError> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<Found, MetricsError> {
        Ok(Found::Nothing)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<Found, MetricsError> {
        Ok(Found::Nothing)
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<Found, MetricsError> {
        Ok(Found::One(variant.into()))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<Found, MetricsError> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<Found, MetricsError> {
        self.nested("a variant with a value")
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Pairs<'a>, MetricsError> {
        Ok(Pairs { name: self.name, found: Metrics::new(), pending: None })
    }

    fn serialize_tuple(self, length: usize) -> Result<Pairs<'a>, MetricsError> {
        self.serialize_seq(Some(length))
    }

    fn serialize_tuple_struct(self, _: &'static str, length: usize) -> Result<Pairs<'a>, MetricsError> {
        self.serialize_seq(Some(length))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, MetricsError> {
        self.nested("a variant with values")
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Fields, MetricsError> {
        Ok(Fields { found: Metrics::new(), key: String::new() })
    }

    fn serialize_struct(self, _: &'static str, length: usize) -> Result<Fields, MetricsError> {
        self.serialize_map(Some(length))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, MetricsError> {
        self.nested("a variant with fields")
    }
}

/// Adds a named value.
fn add<T: Serialize + ?Sized>(metrics: &mut Metrics, name: &str, value: &T) -> Result<(), MetricsError> {
    match value.serialize(Shape { name })? {
        Found::Nothing => Ok(()),
        Found::One(value) => {
            metrics.set(name, value);
            Ok(())
        }
        Found::Many(_) => Shape { name }.nested("made of several values"),
    }
}

/// The fields of a struct or map.
struct Fields {
    found: Metrics,
    key: String,
}

impl SerializeMap for Fields {
    type Ok = Found;
    type Error = MetricsError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), MetricsError> {
        self.key = match key.serialize(Shape { name: "" })? {
            Found::One(key) => key.to_string(),
            _ => return Shape { name: "" }.nested("named by something else than text"),
        };
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), MetricsError> {
        add(&mut self.found, &std::mem::take(&mut self.key), value)
    }

    fn end(self) -> Result<Found, MetricsError> {
        Ok(Found::Many(self.found))
    }
}

impl SerializeStruct for Fields {
    type Ok = Found;
    type Error = MetricsError;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), MetricsError> {
        add(&mut self.found, key, value)
    }

    fn end(self) -> Result<Found, MetricsError> {
        Ok(Found::Many(self.found))
    }
}

/// A list of pairs, or one pair: a text and then a value. A pair inside a list says so by being text first.
struct Pairs<'a> {
    name: &'a str,
    found: Metrics,
    /// The name of a pair whose value has not come.
    pending: Option<String>,
}

impl Pairs<'_> {
    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), MetricsError> {
        let name = self.pending.take();
        match (value.serialize(Shape { name: name.as_deref().unwrap_or(self.name) })?, name) {
            (Found::One(value), Some(name)) => self.found.set(name, value),
            (Found::Nothing, Some(_)) => {}
            (Found::One(Scalar::Text(name)), None) => self.pending = Some(name),
            (Found::Many(metrics), None) => self.found.0.extend(metrics.0),
            (Found::Many(_), Some(name)) => return Shape { name: &name }.nested("made of several values"),
            (_, None) => return Shape { name: self.name }.nested("a list of values without names"),
        }
        Ok(())
    }

    fn finish(self) -> Result<Found, MetricsError> {
        match self.pending {
            None => Ok(Found::Many(self.found)),
            Some(name) => Shape { name: &name }.nested("a name without a value"),
        }
    }
}

macro_rules! elements {
    ($($trait:ident::$method:ident),*) => {$(
        impl $trait for Pairs<'_> {
            type Ok = Found;
            type Error = MetricsError;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), MetricsError> {
                self.element(value)
            }

            fn end(self) -> Result<Found, MetricsError> {
                self.finish()
            }
        }
    )*};
}

elements!(
    SerializeSeq::serialize_element,
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field
);

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn of(value: impl Serialize) -> Vec<(String, Scalar)> {
        Metrics::of("f", &value).unwrap().0
    }

    #[test]
    fn every_form_gives_metrics() {
        #[derive(Serialize)]
        struct Two {
            a: f32,
            b: Option<u64>,
        }
        let one = |name: &str, value: Scalar| (name.to_owned(), value);
        assert_eq!(of(0.5), [one("f", 0.5.into())]);
        assert_eq!(of("text"), [one("f", "text".into())]);
        assert_eq!(of(Some(true)), [one("f", true.into())]);
        assert_eq!(of(None::<f64>), []);
        assert_eq!(of(()), []);
        assert_eq!(of(Two { a: 0.5, b: Some(3) }), [one("a", 0.5.into()), one("b", 3.into())]);
        assert_eq!(of(Two { a: 0.5, b: None }), [one("a", 0.5.into())]);
        assert_eq!(of(vec![("x".to_owned(), 1.0), ("y".to_owned(), 2.0)]).len(), 2);
        assert_eq!(of([("x", 1.0)]), [one("x", 1.0.into())]);
        assert_eq!(of(("x", 1.0)), [one("x", 1.0.into())]);
        assert_eq!(of(BTreeMap::from([("k", 1_u8)])), [one("k", 1.into())]);
        assert_eq!(of(Metrics::new().with("m", 2)), [one("m", 2.into())]);
        assert!(matches!(of(f64::NAN)[..], [(_, Scalar::Float(x))] if x.is_nan()));
        assert_eq!(of(Vec::<(String, f64)>::new()), []);
    }

    #[test]
    fn what_is_no_metric_is_refused() {
        let refused = |value: &dyn erased::Look| value.error();
        for (value, part) in [
            (&vec![1.0, 2.0] as &dyn erased::Look, "without names"),
            (&vec![("a", vec![("b", 1)])], "several values"),
            (&vec![("", 1.0)], "cannot be called so"),
            (&vec![("../x", 1.0)], "cannot be called so"),
            (&vec![("x", 1.0), ("x", 2.0)], "given twice"),
            (&("only a name",), "without a value"),
        ] {
            assert!(refused(value).contains(part), "{} should say {part}", refused(value));
        }
    }

    mod erased {
        use super::*;

        pub(super) trait Look {
            fn error(&self) -> String;
        }

        impl<T: Serialize> Look for T {
            fn error(&self) -> String {
                Metrics::of("f", self).unwrap_err().to_string()
            }
        }
    }
}
