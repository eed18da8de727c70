//! From paths in values to digests, and whether these still hold.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use metalab_cas::value::{FILE, FOLDER, GLOB, NAMED, STAT};
use metalab_cas::{Digest, Map, Value};

use super::cache::StatCache;
use super::content::{Content, ContentError};
use super::folder;
use super::glob::{self, Glob};
use super::stamp::Stamp;
use super::stat::{self, ByMetadata};
use crate::plan::files::shown_path;

/// A file or folder a run depends on; checked before and after it. Clones share what they have seen.
#[derive(Clone, Debug)]
pub struct Watched {
    /// Where it is, absolute. Never stored.
    pub path: PathBuf,
    /// The path as the user wrote it.
    pub shown: String,
    /// File or folder.
    pub kind: WatchedKind,
    /// What entered the identity: the content, or a digest of the metadata.
    pub digest: Digest,
    /// Bytes of it when the experiment was planned; of a folder, of all its files. Not known in a worker process.
    pub size: u64,
    /// Number of its files, 1 for a file. Not known in a worker process.
    pub files: u64,
    /// For a glob: the list of its files that was hashed. Not known in a worker process.
    pub(crate) listing: Option<Arc<[u8]>>,
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
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WatchedKind {
    /// A file.
    File,
    /// A folder with all that is in it.
    Folder,
    /// A file by its metadata.
    FileMetadata,
    /// A folder by the metadata of what is in it.
    FolderMetadata,
    /// The files of a folder that match a pattern.
    Glob(Glob),
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
            Value::Variant(name, inner) => match (name.as_str(), &**inner) {
                (FILE, Value::Text(path)) => Value::File(self.watch(path, WatchedKind::File, watched)?),
                (FOLDER, Value::Text(path)) => {
                    Value::Folder(self.watch(path, WatchedKind::Folder, watched)?)
                }
                (STAT, Value::Variant(kind, path)) => self.by_metadata(kind, path, watched)?,
                (NAMED, inner) => {
                    let path = path_in(inner).ok_or_else(|| not_a_path(inner))?.clone();
                    let inner = self.replace(inner, watched)?;
                    Value::Variant(NAMED.to_owned(), Box::new(Value::List(vec![path, inner])))
                }
                (GLOB, _) => {
                    let glob: Glob = value.clone().into_serde().map_err(|_| not_a_path(value))?;
                    let digest = self.watch_glob(glob, watched)?;
                    let digest = Value::Bytes(digest.as_bytes().to_vec());
                    Value::Variant(GLOB.to_owned(), Box::new(digest))
                }
                (_, inner) => Value::Variant(name.clone(), Box::new(self.replace(inner, watched)?)),
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
        let content = match kind {
            WatchedKind::Folder => folder::content(self, &absolute, path)?,
            _ => self.file_at(&absolute, path)?,
        };
        list.push(self.watched(absolute, path.to_owned(), kind, &content, now));
        Ok(content.digest)
    }

    fn by_metadata(&self, kind: &str, path: &Value, list: &mut Vec<Watched>) -> Result<Value, ContentError> {
        let path = path.as_text().ok_or_else(|| not_a_path(path))?;
        let absolute = self.absolute(path.as_ref());
        let (found, kind) = match kind {
            FILE => (stat::file(&absolute, path)?, WatchedKind::FileMetadata),
            FOLDER => (stat::folder(&absolute, path)?, WatchedKind::FolderMetadata),
            _ => return Err(not_a_path(&Value::Text(path.to_owned()))),
        };
        let ByMetadata { size, files, .. } = found;
        // The metadata are all that is looked at: there is no stamp beside them.
        let content = Content { digest: found.digest(), size, files, stamp: Stamp::default() };
        list.push(self.watched(absolute, path.to_owned(), kind, &content, (self.clock)()));
        Ok(found.value)
    }

    fn watch_glob(&self, glob: Glob, list: &mut Vec<Watched>) -> Result<Digest, ContentError> {
        let absolute = self.absolute(glob.root());
        let now = (self.clock)();
        let (content, listing) = glob::content(self, &absolute, &glob)?;
        let mut watched = self.watched(absolute, glob.to_string(), WatchedKind::Glob(glob), &content, now);
        watched.listing = Some(listing.into());
        list.push(watched);
        Ok(content.digest)
    }

    fn watched(
        &self,
        path: PathBuf,
        shown: String,
        kind: WatchedKind,
        content: &Content,
        now: SystemTime,
    ) -> Watched {
        let Content { digest, size, files, stamp } = *content;
        let seen = Arc::new(Mutex::new(Seen { stamp, young: stamp.is_young(now) }));
        Watched { path, shown, kind, digest, size, files, listing: None, seen, clock: self.clock }
    }
}

/// What was made by hand in the shape of a path, and is none.
fn not_a_path(value: &Value) -> ContentError {
    ContentError::Missing { path: crate::name::shown(&value.to_string()) }
}

/// The path inside of a value that stands for a file or folder.
fn path_in(value: &Value) -> Option<&Value> {
    match value {
        Value::Variant(name, inner) if name == STAT => path_in(inner),
        Value::Variant(name, inner) if name == FILE || name == FOLDER => Some(&**inner),
        _ => None,
    }
}

impl Watched {
    /// What was given, as it may be stored: of an absolute path the last part.
    pub(crate) fn portable(&self) -> String {
        match &self.kind {
            WatchedKind::Glob(glob) => {
                format!("{}/{}", shown_path(&glob.root().to_string_lossy()), glob.pattern())
            }
            _ => shown_path(&self.shown),
        }
    }

    fn check(&self) -> Result<(), Changed> {
        let gone = |source| Changed::Gone { path: self.shown.clone(), source };
        let changed = || Changed::Content { path: self.shown.clone() };
        let by_metadata = match self.kind {
            WatchedKind::FileMetadata => Some(stat::file(&self.path, &self.shown)),
            WatchedKind::FolderMetadata => Some(stat::folder(&self.path, &self.shown)),
            _ => None,
        };
        if let Some(found) = by_metadata {
            return match found.map_err(gone)?.digest() == self.digest {
                true => Ok(()),
                false => Err(changed()),
            };
        }
        let seen = *self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if !seen.young && self.stamp().map_err(gone)? == seen.stamp {
            return Ok(());
        }
        let now = (self.clock)();
        let files = StatCache::new();
        let content = match &self.kind {
            WatchedKind::Folder => folder::content(&files, &self.path, &self.shown),
            WatchedKind::Glob(glob) => glob::content(&files, &self.path, glob).map(|(content, _)| content),
            _ => files.file_at(&self.path, &self.shown),
        };
        match content {
            Ok(content) if content.digest == self.digest => {
                let stamp = content.stamp;
                let seen = Seen { stamp, young: stamp.is_young(now) };
                *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = seen;
                Ok(())
            }
            // A file of several that is gone is a change of them.
            Err(ContentError::NoMatch { .. }) => Err(changed()),
            Ok(_) | Err(ContentError::Changing { .. }) => Err(changed()),
            Err(source) => Err(gone(source)),
        }
    }

    fn stamp(&self) -> Result<Stamp, ContentError> {
        match &self.kind {
            WatchedKind::Folder => folder::stamp(&self.path, &self.shown).map(|(stamp, _)| stamp),
            WatchedKind::Glob(glob) => glob::stamp(&self.path, glob.pattern(), &self.shown),
            _ => {
                let meta = std::fs::metadata(&self.path);
                meta.map(|meta| Stamp::of(&meta))
                    .map_err(|source| super::cache::unreadable(&self.shown, source))
            }
        }
    }
}
