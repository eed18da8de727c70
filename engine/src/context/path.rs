//! Paths that stand for their content.

use std::fmt;
use std::ops::Deref;
use std::path::{Path, PathBuf};

use metalab_cas::value::{FILE, FOLDER};
use serde::de::{self, Deserializer, EnumAccess, VariantAccess, Visitor};
use serde::ser::{Error as _, Serialize, Serializer};

/// A path that cannot be an argument.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PathError {
    /// It is not UTF-8.
    #[error("the path `{shown}` is not UTF-8 and cannot be kept in a record; rename it")]
    NotUtf8 {
        /// The path, with replacement characters.
        shown: String,
    },
}

macro_rules! paths {
    ($($(#[$doc:meta])* $name:ident = $magic:ident, $what:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(PathBuf);

        impl $name {
            /// The path as it was given.
            pub fn as_path(&self) -> &Path {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(path: &str) -> Self {
                Self(path.into())
            }
        }

        impl From<String> for $name {
            fn from(path: String) -> Self {
                Self(path.into())
            }
        }

        impl TryFrom<&Path> for $name {
            type Error = PathError;

            fn try_from(path: &Path) -> Result<Self, PathError> {
                match path.to_str() {
                    Some(path) => Ok(path.into()),
                    None => Err(PathError::NotUtf8 { shown: path.display().to_string() }),
                }
            }
        }

        impl TryFrom<PathBuf> for $name {
            type Error = PathError;

            fn try_from(path: PathBuf) -> Result<Self, PathError> {
                path.as_path().try_into()
            }
        }

        impl Deref for $name {
            type Target = Path;

            fn deref(&self) -> &Path {
                &self.0
            }
        }

        impl AsRef<Path> for $name {
            fn as_ref(&self) -> &Path {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.display().fmt(f)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                // Only made of texts, so it is one.
                let text = self.0.to_str().ok_or_else(|| S::Error::custom("a path is not UTF-8"))?;
                serializer.serialize_newtype_struct($magic, text)
            }
        }

        impl<'de> de::Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let visitor = PathVisitor { magic: $magic, what: $what };
                deserializer.deserialize_newtype_struct($magic, visitor).map(Self::from)
            }
        }
    )*};
}

paths! {
    /// A file as an argument or context field: runs are keyed by its content, never by its path.
    ///
    /// ```
    /// use metalab_engine::context::FilePath;
    ///
    /// let data = FilePath::from("data/train.csv");
    /// assert_eq!(data.file_name().and_then(|name| name.to_str()), Some("train.csv"));
    /// ```
    FilePath = FILE, "the path of a file";
    /// A folder as an argument or context field: runs are keyed by all that is in it, never by its path.
    DirPath = FOLDER, "the path of a folder";
}

/// Takes plain text, and the form paths have in canonical values.
struct PathVisitor {
    magic: &'static str,
    what: &'static str,
}

impl<'de> Visitor<'de> for PathVisitor {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.what)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<String, E> {
        Ok(text.to_owned())
    }

    fn visit_string<E: de::Error>(self, text: String) -> Result<String, E> {
        Ok(text)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_enum<A: EnumAccess<'de>>(self, access: A) -> Result<String, A::Error> {
        let (variant, content) = access.variant::<String>()?;
        match variant == self.magic {
            true => content.newtype_variant(),
            false => Err(de::Error::unknown_variant(&variant, &[])),
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use metalab_cas::Value;

    use super::*;

    #[test]
    fn paths_are_variants_in_values_and_text_elsewhere() {
        let path = FilePath::from("a/b.csv");
        let value = Value::from_serde(&path).unwrap();
        assert_eq!(value, Value::Variant(FILE.into(), Box::new(Value::Text("a/b.csv".into()))));
        assert_eq!(value.into_serde::<FilePath>().unwrap(), path);
        assert_eq!(Value::Text("a/b.csv".into()).into_serde::<FilePath>().unwrap(), path);
        let folder = Value::from_serde(&DirPath::from("a")).unwrap();
        assert!(folder.into_serde::<FilePath>().is_err());
        assert_eq!(serde_json::to_string(&path).unwrap(), r#""a/b.csv""#);
        assert_eq!(serde_json::from_str::<FilePath>(r#""a/b.csv""#).unwrap(), path);
    }

    #[test]
    fn nested_paths_come_back() {
        #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        struct Data {
            train: FilePath,
            more: Vec<Option<DirPath>>,
        }
        let data = Data { train: "x".into(), more: vec![Some("y".into()), None] };
        let value = Value::from_serde(&data).unwrap();
        assert_eq!(value.into_serde::<Data>().unwrap(), data);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn paths_that_are_no_text_are_refused_in_words() {
        use std::os::unix::ffi::OsStrExt;
        let path = Path::new(std::ffi::OsStr::from_bytes(b"a\xff.csv"));
        let error = FilePath::try_from(path).unwrap_err().to_string();
        assert!(error.contains("is not UTF-8"), "{error}");
    }
}
