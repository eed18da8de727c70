//! Canonical values: the closed, language-free model in which arguments are hashed (version 1).
//!
//! A [`Value`] has one encoding and an encoding has one value, so that equal digests mean equal
//! values. Each value is a tag and its content:
//!
//! | tag | kind | content |
//! | --- | --- | --- |
//! | `00` | null | |
//! | `01` `02` | false, true | |
//! | `03` | integer ≥ 0 | uvar(n), n bytes of magnitude, big-endian without leading zeros |
//! | `04` | integer < 0 | the same for −1−x |
//! | `05` | float | 8 bytes of the f64, little-endian; NaN and infinities refused; −0.0 is 0.0 |
//! | `06` | text | uvar(length), UTF-8 |
//! | `07` | bytes | uvar(length), bytes |
//! | `08` | list | uvar(count), elements |
//! | `09` | map | uvar(count), key and value each, sorted by the encoded key, no key twice |
//! | `0a` | variant | uvar(length), name in UTF-8, value (null for a unit variant) |
//! | `0b` | file | 32 bytes: the digest of its content |
//! | `0c` | folder | 32 bytes: the digest of its tree |
//!
//! `uvar` is unsigned LEB128 of the shortest form. Nesting goes at most [`MAX_DEPTH`] deep. The
//! width of an integer does not count, an `f32` is the `f64` it equals, and `1`, `1.0`, `"1"`,
//! `true`, `[1]` all differ.
//!
//! # From Rust types
//!
//! [`Value::from_serde`] maps the serde model: unit, `None` and unit structs are null; `Some(x)`
//! and newtype structs are `x`; structs are maps with text keys; a `char` is text; enum variants
//! are variants. `Option<Option<T>>` therefore cannot keep `Some(None)` apart from `None`.
//! [`Value::into_serde`] goes back, and also takes text for unit variants and integers for floats.
//!
//! # Paths
//!
//! Newtype structs named [`FILE`] and [`FOLDER`] around a text become variants of that
//! name; the engine replaces them by [`Value::File`] and [`Value::Folder`] before it hashes. Those named [`STAT`],
//! [`NAMED`] and [`GLOB`] become variants of that name around whatever they hold.

mod de;
mod decode;
mod encode;
mod error;
mod int;
mod json;
mod map;
mod ser;

pub use error::ValueError;
pub use int::{Int, IntError};
pub use map::Map;

use crate::Digest;

/// How deep values may nest: a list in a list counts two.
pub const MAX_DEPTH: usize = 128;
/// The serde name of the newtype struct that holds the path of a file.
pub const FILE: &str = "$metalab::file";
/// The serde name of the newtype struct that holds the path of a folder.
pub const FOLDER: &str = "$metalab::folder";
/// The serde name of the newtype struct around a path that stands for its metadata.
pub const STAT: &str = "$metalab::stat";
/// The serde name of the newtype struct around a path that counts by itself, too.
pub const NAMED: &str = "$metalab::named";
/// The serde name of the newtype struct that says which files of a folder are meant.
pub const GLOB: &str = "$metalab::glob";

/// Whether a variant of this name is, or was made of, something that stands for files.
pub fn marks_path(name: &str) -> bool {
    matches!(name, FILE | FOLDER | STAT | NAMED | GLOB)
}

/// A canonical value. See the [module](self) for its encoding.
///
/// ```
/// use metalab_cas::value::Value;
/// #[derive(serde::Serialize, serde::Deserialize, PartialEq, Debug)]
/// struct Args { lr: f64, layers: Vec<u32> }
/// let args = Args { lr: 0.1, layers: vec![64, 32] };
/// let value = Value::from_serde(&args).unwrap();
/// assert_eq!(value.to_string(), r#"{lr: 0.1, layers: [64, 32]}"#);
/// let bytes = value.to_bytes().unwrap();
/// assert_eq!(Value::decode(&bytes).unwrap(), value);
/// assert_eq!(value.into_serde::<Args>().unwrap(), args);
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Value {
    /// Nothing.
    #[default]
    Null,
    /// True or false.
    Bool(bool),
    /// An integer, of whatever width.
    Int(Int),
    /// A finite number in double precision.
    Float(f64),
    /// Unicode text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A list.
    List(Vec<Value>),
    /// A map, sorted by its encoded keys.
    Map(Map),
    /// A named alternative and what it holds.
    Variant(String, Box<Value>),
    /// A file, by the digest of its content.
    File(Digest),
    /// A folder, by the digest of its tree.
    Folder(Digest),
}

impl Value {
    /// The value of anything that serde can serialise.
    ///
    /// # Errors
    /// [`ValueError`] names the place inside `data` that has no canonical value.
    pub fn from_serde<T: serde::Serialize + ?Sized>(data: &T) -> Result<Value, ValueError> {
        data.serialize(ser::ToValue::default())
    }

    /// The Rust value that this value describes.
    ///
    /// A `&Value` is a serde `Deserializer` itself, for types that borrow.
    ///
    /// # Errors
    /// [`ValueError::De`] says what did not fit.
    pub fn into_serde<T: serde::de::DeserializeOwned>(self) -> Result<T, ValueError> {
        T::deserialize(&self)
    }

    /// The digest of the encoding.
    ///
    /// # Errors
    /// As [`Value::encode`].
    pub fn digest(&self) -> Result<Digest, ValueError> {
        Ok(Digest::of(&self.to_bytes()?))
    }

    /// The kind in a word, for messages.
    pub fn kind(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Bool(_) => "bool",
            Value::Int(_) => "integer",
            Value::Float(_) => "float",
            Value::Text(_) => "text",
            Value::Bytes(_) => "bytes",
            Value::List(_) => "list",
            Value::Map(_) => "map",
            Value::Variant(..) => "variant",
            Value::File(_) => "file",
            Value::Folder(_) => "folder",
        }
    }

    /// The text, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The map, if it is one.
    pub fn as_map(&self) -> Option<&Map> {
        match self {
            Value::Map(map) => Some(map),
            _ => None,
        }
    }

    /// The number as a double, for integers (rounded) and floats.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Value::Int(int) => Some(int.to_f64()),
            Value::Float(float) => Some(*float),
            _ => None,
        }
    }
}

macro_rules! from {
    ($($type:ty => |$x:ident| $make:expr;)*) => {$(
        impl From<$type> for Value {
            fn from($x: $type) -> Value {
                $make
            }
        }
    )*};
}

from! {
    () => |_x| Value::Null;
    bool => |x| Value::Bool(x);
    Int => |x| Value::Int(x);
    f64 => |x| Value::Float(x);
    f32 => |x| Value::Float(x.into());
    &str => |x| Value::Text(x.to_owned());
    String => |x| Value::Text(x);
    Vec<u8> => |x| Value::Bytes(x);
    Vec<Value> => |x| Value::List(x);
    Map => |x| Value::Map(x);
    u8 => |x| Value::Int(x.into());
    u16 => |x| Value::Int(x.into());
    u32 => |x| Value::Int(x.into());
    u64 => |x| Value::Int(x.into());
    usize => |x| Value::Int(x.into());
    u128 => |x| Value::Int(x.into());
    i8 => |x| Value::Int(x.into());
    i16 => |x| Value::Int(x.into());
    i32 => |x| Value::Int(x.into());
    i64 => |x| Value::Int(x.into());
    isize => |x| Value::Int(x.into());
    i128 => |x| Value::Int(x.into());
}
