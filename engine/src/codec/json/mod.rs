//! Small serde values as JSON text, deterministic and without loss.
//!
//! # Format `json` (version 1)
//!
//! Compact JSON in UTF-8 as `serde_json` would shape it, with these rules on top:
//!
//! * Maps are sorted by the bytes of their keys (structs keep the order of declaration), so that a `HashMap` gives
//!   the same bytes each time. Keys are texts, whole numbers, bools, characters or unit variants. A `HashSet` is a
//!   list in an order of its own: use a `BTreeSet`.
//! * Floats have the fewest digits that read back as the same number, always with a point or an exponent:
//!   decimal from 1e-5 up to below 1e16 (`0.1`, `3.0`), else as `1.5e-7`. An f32 is the f64 it equals.
//! * NaN and infinities are `{"$float":"NaN"}`, `{"$float":"inf"}`, `{"$float":"-inf"}`.
//! * Byte strings (of `serialize_bytes`) are `{"$bytes":"<hexadecimal>"}`.
//! * Keys of the user's own that begin with `$` get another `$` in front.
//! * Whole numbers up to 128 bits are written in full.
//! * At most 100 levels of nesting.

mod de;
mod key;
mod node;
mod ser;
#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;
mod text;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Codec, CodecError};

/// The deepest nesting that is written and read.
const MAX_DEPTH: usize = 100;

/// JSON text for serde values; `NaN`, infinities and byte strings survive.
///
/// ```
/// use metalab_engine::codec::{Codec, Json};
/// use std::collections::HashMap;
///
/// let scores = HashMap::from([("b".to_owned(), f64::NAN), ("a".to_owned(), 1.0)]);
/// let mut bytes = Vec::new();
/// Json::encode(&scores, &mut bytes)?;
/// assert_eq!(bytes, br#"{"a":1.0,"b":{"$float":"NaN"}}"#);
/// # Ok::<(), metalab_engine::codec::CodecError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Json;

impl<T: Serialize + DeserializeOwned> Codec<T> for Json {
    const NAME: &'static str = "json";
    const EXTENSION: &'static str = "json";

    fn encode(value: &T, out: &mut Vec<u8>) -> Result<(), CodecError> {
        append(value, out)
    }

    fn decode(bytes: &[u8]) -> Result<T, CodecError> {
        node::parse(bytes).and_then(T::deserialize).map_err(|error| error.0)
    }
}

/// Appends the JSON text of a value that need not be read back.
pub(crate) fn append<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) -> Result<(), CodecError> {
    value.serialize(ser::Writer::new(out)).map_err(|error| error.0)
}

/// [`CodecError`] as serde wants it.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct Error(CodecError);

impl Error {
    fn decode(message: impl std::fmt::Display) -> Self {
        Self(CodecError::Decode { codec: "json", message: message.to_string() })
    }
}

impl serde::ser::Error for Error {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Self(CodecError::Encode { codec: "json", message: message.to_string() })
    }
}

impl serde::de::Error for Error {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Self::decode(message)
    }
}
