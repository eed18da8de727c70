//! From paths in values to digests, and whether these still hold.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use metalab_cas::value::{FILE, FOLDER};
use metalab_cas::{Digest, Map, Value};

use super::cache::StatCache;
use super::content::{Content, ContentError};
use super::folder;
use super::stamp::Stamp;

/// A file or folder a run depends on; checked before and after it. Clones share what they have seen.
#[derive(Clone, Debug)]
pub struct Watched {
    /// Where it is, absolute. Never stored.
    pub path: PathBuf,
    /// The path as the user wrote it.
    pub shown: String,
    /// File or folder.
    pub kind: WatchedKind,
    /// The content that entered the identity.
    pub digest: Digest,
    /// Bytes of it when the experiment was planned; of a folder, of all its files. Not known in a worker process.
    pub size: u64,
    /// Number of its files, 1 for a file. Not known in a worker process.
    pub files: u64,
    pub(super) seen: Arc<Mutex<Seen>>,
    pub(super) clock: fn() -> SystemTime,
}

/// The metadata that went with the content when it was last read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    pub(super) stamp: Stamp,
    /// Too young to tell: the content is compared each time until it is older.
    pub(super) young: bool,
}

/// What is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WatchedKind {
    /// A file.
    File,
    /// A folder with all that is in it.
    Folder,
}

/// A file or folder is not what entered the identity of a run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Changed {
    /// It has another content.
    #[error("`{path}` changed since the experiment was planned; run again to compute with its new content")]
    Content {
        /// The path as the user wrote it.
        path: String,
    },
    /// It cannot be read any more.
    #[error("`{path}` cannot be checked any more")]
    Gone {
        /// The path as the user wrote it.
        path: String,
        /// Why.
        source: ContentError,
    },
}

impl StatCache {
    /// Replaces each path in a value, however deep, by the digest of its content.
    ///
    /// `at` names the argument or field in errors. Also returned: what has to be the same before and after a run.
    ///
    /// # Errors
    /// When a path has no content, see [`ContentError`].
    pub fn resolve(&self, value: &Value, at: &str) -> Result<(Value, Vec<Watched>), ContentError> {
        let mut watched = Vec::new();
        let value = self.replace(value, &mut watched);
        let value =
            value.map_err(|source| ContentError::At { at: at.to_owned(), inner: Box::new(source) })?;
        Ok((value, watched))
    }

    /// Whether a file or folder still has the content that entered the identity.
    ///
    /// A look at its metadata while these are the same (and not too young to tell), otherwise it is read.
    ///
    /// # Errors
    /// When it has another content, or is gone.
    pub fn check(watched: &Watched) -> Result<(), Changed> {
        watched.check()
    }

    fn replace(&self, value: &Value, watched: &mut Vec<Watched>) -> Result<Value, ContentError> {
        Ok(match value {
            Value::Variant(name, inner) => match &**inner {
                Value::Text(path) if name == FILE => {
                    Value::File(self.watch(path, WatchedKind::File, watched)?)
                }
                Value::Text(path) if name == FOLDER => {
                    Value::Folder(self.watch(path, WatchedKind::Folder, watched)?)
                }
                inner => Value::Variant(name.clone(), Box::new(self.replace(inner, watched)?)),
            },
            Value::List(values) => {
                let values = values.iter().map(|value| self.replace(value, watched));
                Value::List(values.collect::<Result<_, _>>()?)
            }
            Value::Map(map) => {
                let entries = map
                    .iter()
                    .map(|(key, value)| Ok((self.replace(key, watched)?, self.replace(value, watched)?)));
                let entries = entries.collect::<Result<Vec<_>, ContentError>>()?;
                // Two paths with one content may become one key: then neither order nor number would be known.
                match Map::from_entries(entries) {
                    Ok(map) => Value::Map(map),
                    Err(_) => return Err(ContentError::SameKey),
                }
            }
            other => other.clone(),
        })
    }

    fn watch(&self, path: &str, kind: WatchedKind, list: &mut Vec<Watched>) -> Result<Digest, ContentError> {
        let absolute = self.absolute(path.as_ref());
        if let Some(known) = list.iter().find(|known| known.path == absolute && known.kind == kind) {
            return Ok(known.digest);
        }
        let now = (self.clock)();
        let Content { digest, size, files, stamp } = match kind {
            WatchedKind::File => self.file_at(&absolute, path)?,
            WatchedKind::Folder => folder::content(self, &absolute, path)?,
        };
        let seen = Arc::new(Mutex::new(Seen { stamp, young: stamp.is_young(now) }));
        let (shown, clock) = (path.to_owned(), self.clock);
        list.push(Watched { path: absolute, shown, kind, digest, size, files, seen, clock });
        Ok(digest)
    }
}

impl Watched {
    fn check(&self) -> Result<(), Changed> {
        let gone = |source| Changed::Gone { path: self.shown.clone(), source };
        let seen = *self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if !seen.young && self.stamp().map_err(gone)? == seen.stamp {
            return Ok(());
        }
        let now = (self.clock)();
        let files = StatCache::new();
        let content = match self.kind {
            WatchedKind::File => files.file_at(&self.path, &self.shown),
            WatchedKind::Folder => folder::content(&files, &self.path, &self.shown),
        };
        match content {
            Ok(content) if content.digest == self.digest => {
                let stamp = content.stamp;
                let seen = Seen { stamp, young: stamp.is_young(now) };
                *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = seen;
                Ok(())
            }
            Ok(_) | Err(ContentError::Changing { .. }) => Err(Changed::Content { path: self.shown.clone() }),
            Err(source) => Err(gone(source)),
        }
    }

    fn stamp(&self) -> Result<Stamp, ContentError> {
        match self.kind {
            WatchedKind::File => {
                let meta = std::fs::metadata(&self.path);
                meta.map(|meta| Stamp::of(&meta))
                    .map_err(|source| super::cache::unreadable(&self.shown, source))
            }
            WatchedKind::Folder => folder::stamp(&self.path, &self.shown).map(|(stamp, _)| stamp),
        }
    }
}
