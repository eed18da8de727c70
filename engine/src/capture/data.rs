//! Data: values that are read back typed.
//!
//! # Format
//!
//! | codec | what | when |
//! | --- | --- | --- |
//! | `npy` | NumPy's `.npy`, see [`codec::Npy`](crate::codec::Npy) | arrays, and lists of numbers or bools of one type (also lists of equally long lists of them) |
//! | `value` | a canonical value, see [`metalab_cas::value`] | everything else |
//!
//! A canonical value holds no NaN and no infinity: those are `Variant("$float", "NaN")`, `"inf"` and `"-inf"`. Negative
//! zero becomes zero there; in arrays every bit is kept. Golden data: `engine/tests/golden/data.txt`.

use metalab_cas::Value;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::artifact::Body;
use super::handle::Capture;
use super::misuse::Misuse;
use super::plain::{Number, Plain, restore};
use crate::codec::{Array, CodecError, Element, MAX_DIMENSIONS, append_npy, read_values, write_header};

/// A canonical value.
pub(crate) const VALUE: &str = "value";
/// An array.
pub(crate) const NPY: &str = "npy";

/// Data as they were captured.
#[derive(Clone, Debug, PartialEq)]
pub struct CapturedData {
    /// The name, unique among the data of the run.
    pub name: String,
    /// `value` or `npy`.
    pub codec: &'static str,
    /// The type of an array's elements in NumPy's words, such as `<f8`.
    pub dtype: Option<&'static str>,
    /// The lengths of an array, slowest first.
    pub shape: Vec<u64>,
    /// The bytes.
    pub body: Body,
}

/// Data in their bytes.
#[derive(Debug, PartialEq)]
pub(super) struct Encoded {
    pub(super) codec: &'static str,
    pub(super) dtype: Option<&'static str>,
    pub(super) shape: Vec<usize>,
    pub(super) bytes: Vec<u8>,
}

impl Capture {
    /// Captures a value of any type that serde can write: numbers, texts, lists, maps, structs, enums.
    ///
    /// It is read back typed by [`RunResult::data`](crate::results::RunResult::data) and is a row of the table `data`. A list
    /// of numbers is kept as an array with its element type and shape. NaN and infinities are kept. A name is used once
    /// in a run; a metric and data may share one.
    ///
    /// ```
    /// # use metalab_engine::capture::Capture;
    /// let capture = Capture::memory();
    /// capture.data("confusion", &[[50, 2], [1, 47]]);
    /// capture.data("labels", &["cat", "dog"]);
    /// assert_eq!(capture.get_data::<Vec<Vec<u32>>>("confusion"), Some(vec![vec![50, 2], vec![1, 47]]));
    /// ```
    pub fn data(&self, name: &str, value: &(impl Serialize + ?Sized)) {
        self.keep_data(name, || {
            encode(value).map_err(|reason| Misuse::Value { what: "data", name: name.to_owned(), reason })
        });
    }

    /// Captures an array of numbers or bools: a vector, a slice, an array of arrays, [`Shaped`](crate::codec::Shaped), and
    /// with the feature `ndarray` its arrays and views.
    ///
    /// The same bytes as [`Capture::data`] makes of a list, without looking at each element.
    ///
    /// ```
    /// # use metalab_engine::capture::Capture;
    /// use metalab_engine::codec::Shaped;
    ///
    /// let capture = Capture::memory();
    /// capture.data_array("weights", &Shaped::new(&[2, 3], &[0.0_f32; 6]));
    /// assert_eq!(capture.get_data_array::<f32>("weights").unwrap().shape(), [2, 3]);
    /// ```
    pub fn data_array(&self, name: &str, array: &(impl Array + ?Sized)) {
        self.keep_data(name, || {
            let mut bytes = Vec::new();
            let shape = append_npy(array, &mut bytes).map_err(|reason| Misuse::Shape {
                what: "data",
                name: name.to_owned(),
                reason,
            })?;
            Ok(Encoded { codec: NPY, dtype: Some(array.dtype()), shape, bytes })
        });
    }

    /// Takes the name first, then encodes outside the lock: a type's own code may itself capture.
    fn keep_data(&self, name: &str, encode: impl FnOnce() -> Result<Encoded, Misuse>) {
        let Some(sink) = self.reserve(name, "data", |state| &mut state.data) else { return };
        let data = encode().and_then(|encoded| {
            let body = Body::of("data", name, encoded.bytes, sink.as_deref())?;
            let shape = encoded.shape.iter().map(|length| *length as u64).collect();
            let name = name.to_owned();
            Ok(CapturedData { name, codec: encoded.codec, dtype: encoded.dtype, shape, body })
        });
        self.fill(name, data, |state| &mut state.data);
    }
}

/// The bytes of any serde value.
pub(super) fn encode(value: &(impl Serialize + ?Sized)) -> Result<Encoded, String> {
    let plain = Plain::of(value).map_err(|error| error.to_string())?;
    if let Some(array) = as_array(&plain) {
        return Ok(array);
    }
    let value = plain.into_value().map_err(|error| error.to_string())?;
    let bytes = value.to_bytes().map_err(|error| error.to_string())?;
    Ok(Encoded { codec: VALUE, dtype: None, shape: Vec::new(), bytes })
}

/// Reads data back.
pub(crate) fn decode<T: DeserializeOwned>(codec: &str, bytes: &[u8]) -> Result<T, CodecError> {
    let value = decode_value(codec, bytes)?;
    value.into_serde().map_err(|error| CodecError::Decode { codec: "data", message: error.to_string() })
}

/// Reads data back without knowing their type: an array is a list of lists. Floats may be NaN or infinite.
///
/// # Errors
/// When the bytes are not in the format that `codec` names.
pub fn decode_value(codec: &str, bytes: &[u8]) -> Result<Value, CodecError> {
    let wrong = |message| CodecError::Decode { codec: "data", message };
    match codec {
        VALUE => Value::decode(bytes).map(restore).map_err(|error| wrong(error.to_string())),
        NPY => read_values(bytes),
        _ => Err(wrong(format!(
            "the format `{}` is not known; use a newer metalab",
            crate::name::shown(codec)
        ))),
    }
}

/// A list of numbers or bools of one type, also in lists of equal lengths.
fn as_array(plain: &Plain) -> Option<Encoded> {
    let (mut shape, mut first) = (Vec::new(), plain);
    while let Plain::List(list) = first {
        shape.push(list.len());
        first = list.first()?;
    }
    if shape.is_empty() || shape.len() > MAX_DIMENSIONS {
        return None;
    }
    let kind = match first {
        Plain::Number(number) => Kind::Number(*number),
        Plain::Bool(_) => Kind::Bool,
        _ => return None,
    };
    let mut bytes = Vec::new();
    write_header(kind.dtype(), &shape, &mut bytes);
    append(plain, &shape, &kind, &mut bytes)?;
    Some(Encoded { codec: NPY, dtype: Some(kind.dtype()), shape, bytes })
}

/// Appends the elements; nothing when one is of another type or a list of another length.
fn append(plain: &Plain, shape: &[usize], kind: &Kind, bytes: &mut Vec<u8>) -> Option<()> {
    match (plain, shape.split_first()) {
        (Plain::List(list), Some((length, shape))) if list.len() == *length => {
            list.iter().try_for_each(|element| append(element, shape, kind, bytes))
        }
        (Plain::Number(number), None) => kind.append(*number, bytes),
        (Plain::Bool(x), None) if matches!(kind, Kind::Bool) => {
            bytes.push(u8::from(*x));
            Some(())
        }
        _ => None,
    }
}

/// The type of an array's elements.
enum Kind {
    Bool,
    /// As this number is.
    Number(Number),
}

macro_rules! numbers {
    ($($kind:ident: $type:ty),*) => {
        impl Kind {
            fn dtype(&self) -> &'static str {
                match self {
                    Self::Bool => bool::DESCR,
                    $(Self::Number(Number::$kind(_)) => <$type>::DESCR,)*
                }
            }

            /// Nothing when the number is of another type.
            fn append(&self, number: Number, bytes: &mut Vec<u8>) -> Option<()> {
                match (self, number) {
                    $((Self::Number(Number::$kind(_)), Number::$kind(x)) => bytes.extend_from_slice(&x.to_le_bytes()),)*
                    _ => return None,
                }
                Some(())
            }
        }
    };
}

numbers!(F64: f64, F32: f32, I64: i64, I32: i32, I16: i16, I8: i8, U64: u64, U32: u32, U16: u16, U8: u8);
