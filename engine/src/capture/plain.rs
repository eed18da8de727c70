//! Serde values as a tree that remembers which number types were used.
//!
//! A canonical [`Value`] forgets widths and refuses NaN; what is captured keeps both: the width becomes the element
//! type of an array, and NaN is as good a result as any.

mod ser;

use std::borrow::Cow;
use std::fmt;

use metalab_cas::value::{Int, MAX_DEPTH};
use metalab_cas::{Map, Value};
use serde::Serialize;

use crate::record::Scalar;

/// How a canonical value spells a number that is not finite: `Variant("$float", "NaN")`.
pub(super) const FLOAT: &str = "$float";

/// A serde value.
#[derive(Debug)]
pub(super) enum Plain {
    Null,
    Bool(bool),
    Number(Number),
    /// More than 64 bits.
    Wide(Int),
    Text(String),
    Bytes(Vec<u8>),
    List(Vec<Plain>),
    Map(Vec<(Plain, Plain)>),
    Variant(String, Box<Plain>),
}

/// A number of at most 64 bits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Number {
    F64(f64),
    F32(f32),
    I64(i64),
    I32(i32),
    I16(i16),
    I8(i8),
    U64(u64),
    U32(u32),
    U16(u16),
    U8(u8),
}

/// What cannot be captured, and where it is.
#[derive(Debug)]
pub(super) struct PlainError {
    /// Such as `a.b`.
    place: String,
    what: String,
}

impl PlainError {
    fn inside(mut self, key: &str) -> Self {
        self.place = match self.place.is_empty() {
            true => key.to_owned(),
            false => format!("{key}.{}", self.place),
        };
        self
    }
}

impl fmt::Display for PlainError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place.as_str() {
            "" => f.write_str(&self.what),
            place => write!(f, "in `{place}`: {}", self.what),
        }
    }
}

impl std::error::Error for PlainError {}

impl serde::ser::Error for PlainError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self { place: String::new(), what: message.to_string() }
    }
}

impl Plain {
    pub(super) fn of(value: &(impl Serialize + ?Sized)) -> Result<Self, PlainError> {
        value.serialize(ser::ToPlain::default())
    }

    /// What it is, in words for messages.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "a bool",
            Self::Number(_) | Self::Wide(_) => "a number",
            Self::Text(_) => "a text",
            Self::Bytes(_) => "a byte string",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
            Self::Variant(..) => "an enum",
        }
    }

    /// The text that stands for it as a key.
    pub(super) fn as_key(&self) -> Option<Cow<'_, str>> {
        Some(match self {
            Self::Text(text) => text.as_str().into(),
            Self::Bool(x) => x.to_string().into(),
            Self::Number(number) => Scalar::from(*number).to_string().into(),
            Self::Variant(name, inner) if matches!(**inner, Self::Null) => name.as_str().into(),
            _ => return None,
        })
    }

    /// As a canonical value. Numbers that are not finite become variants called [`FLOAT`].
    pub(super) fn into_value(self) -> Result<Value, PlainError> {
        Ok(match self {
            Self::Null => Value::Null,
            Self::Bool(x) => x.into(),
            Self::Number(number) => number.into(),
            Self::Wide(x) => x.into(),
            Self::Text(x) => x.into(),
            Self::Bytes(x) => x.into(),
            Self::List(list) => {
                Value::List(list.into_iter().map(Self::into_value).collect::<Result<_, _>>()?)
            }
            Self::Variant(name, inner) => Value::Variant(name, Box::new(inner.into_value()?)),
            Self::Map(entries) => {
                let entries =
                    entries.into_iter().map(|(key, value)| Ok((key.into_value()?, value.into_value()?)));
                let entries = entries.collect::<Result<Vec<_>, PlainError>>()?;
                Value::Map(Map::from_entries(entries).map_err(serde::ser::Error::custom)?)
            }
        })
    }
}

impl From<Number> for Scalar {
    fn from(number: Number) -> Self {
        match number {
            Number::F64(x) => x.into(),
            Number::F32(x) => x.into(),
            Number::I64(x) => x.into(),
            Number::I32(x) => x.into(),
            Number::I16(x) => x.into(),
            Number::I8(x) => x.into(),
            Number::U64(x) => x.into(),
            Number::U32(x) => x.into(),
            Number::U16(x) => x.into(),
            Number::U8(x) => x.into(),
        }
    }
}

impl From<Number> for Value {
    fn from(number: Number) -> Self {
        match number {
            Number::F64(x) if x.is_finite() => (x + 0.0).into(),
            Number::F32(x) if x.is_finite() => (f64::from(x) + 0.0).into(),
            Number::F64(x) => not_finite(x),
            Number::F32(x) => not_finite(x.into()),
            Number::I64(x) => x.into(),
            Number::I32(x) => x.into(),
            Number::I16(x) => x.into(),
            Number::I8(x) => x.into(),
            Number::U64(x) => x.into(),
            Number::U32(x) => x.into(),
            Number::U16(x) => x.into(),
            Number::U8(x) => x.into(),
        }
    }
}

fn not_finite(x: f64) -> Value {
    let text = match x {
        _ if x.is_nan() => "NaN",
        _ if x > 0.0 => "inf",
        _ => "-inf",
    };
    Value::Variant(FLOAT.to_owned(), Box::new(text.into()))
}

/// Makes numbers that are not finite out of the variants that stand for them.
pub(super) fn restore(value: Value) -> Value {
    match value {
        Value::Variant(name, inner) => match (name.as_str(), inner.as_text()) {
            (FLOAT, Some("NaN")) => Value::Float(f64::NAN),
            (FLOAT, Some("inf")) => Value::Float(f64::INFINITY),
            (FLOAT, Some("-inf")) => Value::Float(f64::NEG_INFINITY),
            _ => Value::Variant(name, Box::new(restore(*inner))),
        },
        Value::List(list) => Value::List(list.into_iter().map(restore).collect()),
        Value::Map(map) => {
            let entries = map.iter().map(|(key, value)| (key.clone(), restore(value.clone())));
            // The keys stay as they are, so they still differ.
            Map::from_entries(entries.collect::<Vec<_>>()).map_or(Value::Map(map.clone()), Value::Map)
        }
        other => other,
    }
}

/// One level deeper, if that is still allowed.
fn deeper(depth: usize) -> Result<usize, PlainError> {
    match depth < MAX_DEPTH - 2 {
        true => Ok(depth + 1),
        false => Err(serde::ser::Error::custom(format!("nested more than {} levels deep", MAX_DEPTH - 2))),
    }
}
