//! Keys: the checked relative names under which a back end keeps files.

use std::fmt;

/// A relative name of a file or folder in a store, such as `cas/ab/cdef`.
///
/// Components are 1 to 255 bytes of `A-Z a-z 0-9 . _ = -`, not `.` or `..`, and do not begin with
/// `-` (which programs would take for an option); the whole has at most 900 bytes. A key can
/// therefore be joined to a folder or bucket prefix without looking at it again: it never leads
/// outside and means the same everywhere. Back ends name temporary files with characters that no
/// key has, so the two never meet.
///
/// ```
/// use metalab_cas::Key;
/// let key = Key::new("cas/ab").unwrap().join("cdef").unwrap();
/// assert_eq!((key.as_str(), key.name()), ("cas/ab/cdef", "cdef"));
/// assert!(Key::new("../etc/passwd").is_err());
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Box<str>);

/// The most bytes a key may have.
pub const MAX_KEY: usize = 900;

/// Why a text is no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Longer than [`MAX_KEY`] bytes.
    #[error("a name in the store has at most {MAX_KEY} bytes, this one has {length}; use a shorter one")]
    TooLong {
        /// Its length in bytes.
        length: usize,
    },
    /// A component that is empty, too long, `.`, `..`, or has a forbidden character.
    #[error(
        "`{component}` cannot be part of a name in the store: use 1 to 255 of A-Z a-z 0-9 . _ = - (no leading -, not `.` or `..`)"
    )]
    Component {
        /// The component, escaped and cut to some 80 characters.
        component: String,
    },
}

impl Key {
    /// Checks a name.
    ///
    /// # Errors
    /// [`KeyError`] names the component that is not allowed.
    pub fn new(text: &str) -> Result<Key, KeyError> {
        if text.len() > MAX_KEY {
            return Err(KeyError::TooLong { length: text.len() });
        }
        for part in text.split('/') {
            if !component_ok(part) {
                let component = part.escape_debug().take(80).collect();
                return Err(KeyError::Component { component });
            }
        }
        Ok(Key(text.into()))
    }

    /// This key with further components below it.
    ///
    /// # Errors
    /// As [`Key::new`].
    pub fn join(&self, below: &str) -> Result<Key, KeyError> {
        Key::new(&format!("{}/{below}", self.0))
    }

    /// The whole key.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last component.
    pub fn name(&self) -> &str {
        self.0.rsplit_once('/').map_or(&*self.0, |(_, name)| name)
    }

    /// All but the last component; `None` for a key with one component.
    pub fn parent(&self) -> Option<Key> {
        self.0.rsplit_once('/').map(|(parent, _)| Key(parent.into()))
    }

    /// Whether this key lies below `folder` (and is not `folder` itself).
    pub fn is_below(&self, folder: &Key) -> bool {
        self.0.strip_prefix(&*folder.0).is_some_and(|rest| rest.starts_with('/'))
    }

    /// The key of the blob `digest`: `cas/ab/cdef…`.
    pub(crate) fn blob(digest: &crate::Digest) -> Key {
        let hex = digest.to_hex();
        let mut text = String::with_capacity(69);
        text.push_str("cas/");
        text.push_str(&hex[..2]);
        text.push('/');
        text.push_str(&hex[2..]);
        Key(text.into())
    }
}

/// Whether one component of a key is allowed.
pub(crate) fn component_ok(part: &str) -> bool {
    (1..=255).contains(&part.len())
        && part != "."
        && part != ".."
        && !part.starts_with('-')
        && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'=' | b'-'))
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.0)
    }
}

impl std::str::FromStr for Key {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Key, KeyError> {
        Key::new(text)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_key_is_refused() {
        for bad in [
            "", "/", "/a", "a/", "a//b", ".", "..", "a/../b", "a\0b", "a\nb", "~tmp", "-rf", "a/-x", "é",
            "a b",
        ] {
            assert!(Key::new(bad).is_err(), "{bad:?}");
        }
        assert!(Key::new(&"a".repeat(256)).is_err());
        assert!(Key::new(&"a/".repeat(500)).is_err());
        let huge = "\n".repeat(800);
        assert!(Key::new(&huge).unwrap_err().to_string().len() < 400);
    }

    #[test]
    fn parents_and_names() {
        let key = Key::new("a/b=1/c.d").unwrap();
        assert_eq!(key.parent().unwrap().as_str(), "a/b=1");
        assert!(key.is_below(&Key::new("a").unwrap()));
        assert!(!Key::new("ab").unwrap().is_below(&Key::new("a").unwrap()));
        assert_eq!(Key::blob(&crate::Digest::of(b"hello")).as_str().len(), 4 + 2 + 1 + 62);
    }
}
