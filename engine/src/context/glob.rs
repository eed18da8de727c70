//! Some of the files of a folder, by a pattern.

use std::fmt;
use std::path::{Path, PathBuf};

use metalab_cas::value::GLOB;
use metalab_cas::{Digest, Value};
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeStruct, Serializer};

use super::cache::StatCache;
use super::content::{Content, ContentError};
use super::folder;
use super::matching::matches;
use super::path::DirPath;
use super::stamp::Stamp;

/// The files below a folder that match a pattern: runs are keyed by their names and contents, whatever else lies there.
///
/// `*` and `?` match within a name, `[a-z]` one of some characters, and `**` any number of folders. Names that begin
/// with a dot match only where the pattern says the dot. Links to files count by what they lead to, links to folders are
/// not followed. Names are relative to the folder, which is no part of the identity, and sorted.
///
/// No match is an error, unless [`Glob::may_be_empty`] says otherwise.
///
/// ```
/// use metalab_engine::context::Glob;
///
/// let sources = Glob::new("src", "context/*.rs");
/// let files = sources.files()?;
/// assert!(files.iter().any(|path| path.ends_with("context/glob.rs")));
/// // The same in one text: the folder ends where the pattern begins.
/// assert_eq!(Glob::from("src/context/*.rs").files()?, files);
/// # Ok::<(), metalab_engine::context::ContentError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Glob {
    root: DirPath,
    pattern: String,
    may_be_empty: bool,
}

impl Glob {
    /// The files below `root` whose path from there matches `pattern`.
    pub fn new(root: impl Into<DirPath>, pattern: impl Into<String>) -> Self {
        Self { root: root.into(), pattern: pattern.into(), may_be_empty: false }
    }

    /// Nothing that matches is no error, but an empty set of files.
    #[must_use]
    pub fn may_be_empty(self) -> Self {
        Self { may_be_empty: true, ..self }
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The pattern.
    pub fn pattern(&self) -> &str {
        &self.pattern
    }

    /// The files that match now, in the order of their names. While a run executes they are those that it is keyed by.
    ///
    /// # Errors
    /// When the pattern is none, the folder cannot be read, or nothing matches.
    pub fn files(&self) -> Result<Vec<PathBuf>, ContentError> {
        let found = matches(&self.root, &self.pattern, &self.to_string())?;
        self.refuse_none(found.len())?;
        Ok(found.into_values().map(|(path, _)| path).collect())
    }

    pub(super) fn is_allowed_empty(&self) -> bool {
        self.may_be_empty
    }

    fn refuse_none(&self, found: usize) -> Result<(), ContentError> {
        match found == 0 && !self.may_be_empty {
            true => Err(ContentError::NoMatch { pattern: self.to_string() }),
            false => Ok(()),
        }
    }
}

/// `data/**/*.csv`: the folder is what stands before the first part with a `*`, `?` or `[`.
impl From<&str> for Glob {
    fn from(text: &str) -> Self {
        let parts: Vec<&str> = text.split('/').collect();
        let first = parts.iter().position(|part| part.contains(['*', '?', '['])).unwrap_or(parts.len() - 1);
        let (root, pattern) = parts.split_at(first);
        let root = match root {
            [] => ".".to_owned(),
            [""] => "/".to_owned(),
            parts => parts.join("/"),
        };
        Self::new(root, pattern.join("/"))
    }
}

impl From<String> for Glob {
    fn from(text: String) -> Self {
        text.as_str().into()
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.root, self.pattern)
    }
}

impl crate::params::IntoAxis<Glob> for &str {
    fn into_axis(self) -> crate::params::AxisValues {
        crate::params::AxisValues::fixed(&Glob::from(self))
    }
}

impl<const N: usize> crate::params::IntoAxis<Glob> for [&str; N] {
    fn into_axis(self) -> crate::params::AxisValues {
        crate::params::AxisValues::swept(self.map(Glob::from))
    }
}

impl Serialize for Glob {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        struct Parts<'a>(&'a Glob);

        impl Serialize for Parts<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut parts = serializer.serialize_struct("Glob", 3)?;
                parts.serialize_field("root", &self.0.root)?;
                parts.serialize_field("pattern", &self.0.pattern)?;
                parts.serialize_field("may_be_empty", &self.0.may_be_empty)?;
                parts.end()
            }
        }

        serializer.serialize_newtype_struct(GLOB, &Parts(self))
    }
}

impl<'de> Deserialize<'de> for Glob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Inside;

        impl<'de> Visitor<'de> for Inside {
            type Value = Glob;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a pattern of files")
            }

            fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<Glob, D::Error> {
                inner.deserialize_any(self)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Glob, E> {
                Ok(text.into())
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Glob, A::Error> {
                let (mut root, mut pattern, mut may_be_empty) = (None, None, false);
                while let Some(key) = map.next_key::<String>()? {
                    match key.as_str() {
                        "root" => root = Some(map.next_value::<DirPath>()?),
                        "pattern" => pattern = Some(map.next_value::<String>()?),
                        "may_be_empty" => may_be_empty = map.next_value()?,
                        other => {
                            return Err(de::Error::unknown_field(
                                other,
                                &["root", "pattern", "may_be_empty"],
                            ));
                        }
                    }
                }
                let root = root.ok_or_else(|| de::Error::missing_field("root"))?;
                let pattern = pattern.ok_or_else(|| de::Error::missing_field("pattern"))?;
                Ok(Glob { root, pattern, may_be_empty })
            }
        }

        deserializer.deserialize_newtype_struct(GLOB, Inside)
    }
}

/// The content of the files that match, and the list of them that is hashed (**format**): the canonical
/// `Variant("$metalab::glob", [[name, bytes(digest)], ...])`, sorted by name.
pub(super) fn content(
    files: &StatCache,
    root: &Path,
    glob: &Glob,
) -> Result<(Content, Vec<u8>), ContentError> {
    let shown = glob.to_string();
    let before = stamp(root, glob.pattern(), &shown)?;
    let found = matches(root, glob.pattern(), &shown)?;
    glob.refuse_none(found.len())?;
    let (mut size, mut list) = (0, Vec::with_capacity(found.len()));
    let count = found.len() as u64;
    for (name, (path, _)) in found {
        let shown = glob.root().join(&name).display().to_string();
        let content = files.file_at(&path, &shown)?;
        size += content.size;
        let digest = Value::Bytes(content.digest.as_bytes().to_vec());
        list.push(Value::List(vec![Value::Text(name), digest]));
    }
    if stamp(root, glob.pattern(), &shown)? != before {
        return Err(ContentError::Changing { path: shown });
    }
    let list = Value::Variant(GLOB.to_owned(), Box::new(Value::List(list)));
    let bytes = list.to_bytes().expect("names and digests always encode");
    Ok((Content { digest: Digest::of(&bytes), size, files: count, stamp: before }, bytes))
}

/// One stamp for all files that match; see [`folder::stamp`].
pub(super) fn stamp(root: &Path, pattern: &str, shown: &str) -> Result<Stamp, ContentError> {
    let mut total = Stamp { size: 0, modified: 0, changed: 0, inode: 0, device: 0 };
    let mut sum = 0_u128;
    for (name, (_, meta)) in matches(root, pattern, shown)? {
        let stamp = Stamp::of(&meta);
        total.modified = total.modified.max(stamp.modified);
        total.changed = total.changed.max(stamp.changed);
        total.size += stamp.size;
        sum = sum.wrapping_add(folder::entry(Path::new(&name), &stamp));
    }
    (total.inode, total.device) = ((sum >> 64) as u64, sum as u64);
    Ok(total)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn texts_and_values_are_read() {
        for (text, root, pattern) in [
            ("data/**/*.csv", "data", "**/*.csv"),
            ("*.csv", ".", "*.csv"),
            ("/data/x/[ab]/*.csv", "/data/x", "[ab]/*.csv"),
            ("/*.csv", "/", "*.csv"),
            ("data/a.csv", "data", "a.csv"),
        ] {
            let glob = Glob::from(text);
            assert_eq!((glob.root().to_str().unwrap(), glob.pattern()), (root, pattern));
            let value = Value::from_serde(&glob.clone().may_be_empty()).unwrap();
            assert_eq!(value.into_serde::<Glob>().unwrap(), glob.clone().may_be_empty());
            assert_eq!(Value::Text(text.into()).into_serde::<Glob>().unwrap(), glob);
            let json = serde_json::to_string(&glob).unwrap();
            assert_eq!(serde_json::from_str::<Glob>(&json).unwrap(), glob);
        }
    }
}
