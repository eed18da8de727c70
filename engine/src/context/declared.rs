//! Paths that count by something else than their content, because the user said so.

use std::fmt;
use std::ops::Deref;
use std::path::Path;

use metalab_cas::value::{NAMED, STAT};
use serde::de::{Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, Serializer};

use super::path::{DirPath, FilePath};

/// A file or folder by its metadata alone: size and time of modification; of a folder, those of all files in it, with
/// their names. Nothing of it is read.
///
/// For data that are too large to be read once, on a file system whose times can be trusted. What was touched or copied
/// without its times counts as new, although it is the same; what was changed with size and time kept counts as the
/// same, although it is not. Results say that identity was by metadata (`metalab why`).
///
/// ```
/// use metalab_engine::context::{DirPath, FilePath, Stat};
///
/// let scans: Stat<DirPath> = "data/scans".into();
/// let table: Stat<FilePath> = "data/table.bin".into();
/// assert_eq!(table.file_name().and_then(|name| name.to_str()), Some("table.bin"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stat<P>(P);

/// A file or folder whose path counts, too, exactly as it is given: two runs on equal content under two names are two
/// runs.
///
/// For operations that look at the name. The path becomes a part of the run and is recorded as it is, an absolute one
/// with all its folders; give relative ones.
///
/// ```
/// use metalab_engine::context::{FilePath, Named};
///
/// let sample: Named<FilePath> = "samples/patient-7.csv".into();
/// assert_eq!(sample.extension().and_then(|ending| ending.to_str()), Some("csv"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Named<P>(P);

/// What [`Stat`] and [`Named`] may be put around: [`FilePath`], [`DirPath`], and for `Named` also a `Stat` of them.
pub trait PathArgument:
    sealed::Sealed + Serialize + for<'de> Deserialize<'de> + From<String> + AsRef<Path> + fmt::Display
{
}

/// What [`Stat`] may be put around.
pub trait ContentPath: PathArgument {}

mod sealed {
    pub trait Sealed {}
}

impl sealed::Sealed for FilePath {}
impl PathArgument for FilePath {}
impl ContentPath for FilePath {}
impl sealed::Sealed for DirPath {}
impl PathArgument for DirPath {}
impl ContentPath for DirPath {}
impl<P: ContentPath> sealed::Sealed for Stat<P> {}
impl<P: ContentPath> PathArgument for Stat<P> {}

macro_rules! wrapper {
    ($name:ident, $bound:ident, $magic:ident) => {
        impl<P: $bound> $name<P> {
            /// Says so of a path.
            pub fn new(path: impl Into<P>) -> Self {
                Self(path.into())
            }

            /// The path as it was given.
            pub fn as_path(&self) -> &Path {
                self.0.as_ref()
            }
        }

        impl<P: $bound> From<&str> for $name<P> {
            fn from(path: &str) -> Self {
                Self(path.to_owned().into())
            }
        }

        impl<P: $bound> From<String> for $name<P> {
            fn from(path: String) -> Self {
                Self(path.into())
            }
        }

        impl<P: $bound> Deref for $name<P> {
            type Target = Path;

            fn deref(&self) -> &Path {
                self.0.as_ref()
            }
        }

        impl<P: $bound> AsRef<Path> for $name<P> {
            fn as_ref(&self) -> &Path {
                self.0.as_ref()
            }
        }

        impl<P: $bound> fmt::Display for $name<P> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl<P: $bound> Serialize for $name<P> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_newtype_struct($magic, &self.0)
            }
        }

        impl<'de, P: $bound> Deserialize<'de> for $name<P> {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Inside<P>(std::marker::PhantomData<P>);

                impl<'de, P: $bound> Visitor<'de> for Inside<P> {
                    type Value = P;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str("a path")
                    }

                    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<P, D::Error> {
                        P::deserialize(inner)
                    }
                }

                let inside = Inside(std::marker::PhantomData);
                deserializer.deserialize_newtype_struct($magic, inside).map(Self)
            }
        }

        impl crate::params::IntoAxis<$name<FilePath>> for &str {
            fn into_axis(self) -> crate::params::AxisValues {
                crate::params::AxisValues::fixed(&<$name<FilePath>>::from(self))
            }
        }

        impl crate::params::IntoAxis<$name<DirPath>> for &str {
            fn into_axis(self) -> crate::params::AxisValues {
                crate::params::AxisValues::fixed(&<$name<DirPath>>::from(self))
            }
        }

        impl<const N: usize> crate::params::IntoAxis<$name<FilePath>> for [&str; N] {
            fn into_axis(self) -> crate::params::AxisValues {
                crate::params::AxisValues::swept(self.map(<$name<FilePath>>::from))
            }
        }

        impl<const N: usize> crate::params::IntoAxis<$name<DirPath>> for [&str; N] {
            fn into_axis(self) -> crate::params::AxisValues {
                crate::params::AxisValues::swept(self.map(<$name<DirPath>>::from))
            }
        }
    };
}

wrapper!(Stat, ContentPath, STAT);
wrapper!(Named, PathArgument, NAMED);

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use metalab_cas::Value;

    use super::*;

    #[test]
    fn wrapped_paths_come_back() {
        let stat: Stat<FilePath> = "a/b.csv".into();
        let value = Value::from_serde(&stat).unwrap();
        assert!(matches!(&value, Value::Variant(name, _) if name == STAT));
        assert_eq!(value.into_serde::<Stat<FilePath>>().unwrap(), stat);
        let both: Named<Stat<DirPath>> = "a".into();
        assert_eq!(Value::from_serde(&both).unwrap().into_serde::<Named<Stat<DirPath>>>().unwrap(), both);
        // In JSON and CSV they are plain text.
        assert_eq!(serde_json::to_string(&both).unwrap(), r#""a""#);
        assert_eq!(serde_json::from_str::<Named<Stat<DirPath>>>(r#""a""#).unwrap(), both);
        assert_eq!(Value::Text("a".into()).into_serde::<Named<Stat<DirPath>>>().unwrap(), both);
        assert!(Value::from_serde(&both).unwrap().into_serde::<Named<FilePath>>().is_err());
    }
}
