//! How typed values become bytes: outputs, and typed artifacts.
//!
//! An encoding is chosen per operation by a marker type ([`Json`], [`Npy`], [`Raw`], [`Text`], or one of your own
//! that implements [`Codec`]). It must be deterministic: equal values give equal bytes, because the digest of an
//! output is what the next step is keyed by.

mod array;
mod json;
mod npy;
mod npz;
mod raw;

pub(crate) use array::append_npy;
pub use array::{Array, DataArray, ShapeError, Shaped};
pub use json::Json;
pub(crate) use json::append as append_json;
pub use npy::{Element, Npy};
pub(crate) use npy::{MAX_DIMENSIONS, read_values, write_header};
pub(crate) use npz::write_npz;
pub use npz::{Npz, NpzError};
pub use raw::{Raw, Text};

/// An encoding of values of type `T`.
///
/// ```
/// use metalab_engine::codec::{Codec, Json};
///
/// let mut bytes = Vec::new();
/// <Json as Codec<(f64, Option<u8>)>>::encode(&(0.5, None), &mut bytes)?;
/// assert_eq!(bytes, b"[0.5,null]");
/// let back: (f64, Option<u8>) = Json::decode(&bytes)?;
/// assert_eq!(back, (0.5, None));
/// # Ok::<(), metalab_engine::codec::CodecError>(())
/// ```
pub trait Codec<T> {
    /// The name kept with the bytes, such as `json`.
    ///
    /// It stands for the format: a format that changes gets another name.
    const NAME: &'static str;
    /// The file name extension that suits the bytes, without the dot.
    const EXTENSION: &'static str;

    /// Appends the bytes of a value to `out`.
    ///
    /// # Errors
    /// When the format cannot hold the value; `out` may have grown.
    fn encode(value: &T, out: &mut Vec<u8>) -> Result<(), CodecError>;

    /// Reads a value back from all of `bytes`.
    ///
    /// # Errors
    /// When they are not in this format, or not of this type.
    fn decode(bytes: &[u8]) -> Result<T, CodecError>;
}

/// A value that could not be encoded, or bytes that could not be decoded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CodecError {
    /// A map has a key that is no text, number, bool, character or unit variant.
    #[error(
        "encode as json: a map key is {found}; keys must be texts, whole numbers, bools or unit variants"
    )]
    Key {
        /// What the key is.
        found: &'static str,
    },
    /// A map has two keys that are written alike.
    #[error("encode as json: the map key `{key}` occurs twice")]
    DuplicateKey {
        /// The key, shortened.
        key: String,
    },
    /// Values are nested too deeply to be read back.
    #[error(
        "encode as json: nested more than {limit} levels deep; flatten the value or choose another codec"
    )]
    TooDeep {
        /// The deepest level allowed.
        limit: usize,
    },
    /// The type's own code refused.
    #[error("encode as {codec}: {message}")]
    Encode {
        /// The codec.
        codec: &'static str,
        /// What it said.
        message: String,
    },
    /// Bytes that are not what they should be.
    #[error("decode as {codec}: {message}")]
    Decode {
        /// The codec.
        codec: &'static str,
        /// What is wrong.
        message: String,
    },
}
