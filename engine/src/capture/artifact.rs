//! Captured artifacts and where their bytes are.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use metalab_cas::Digest;

use super::misuse::Misuse;
use super::sink::Sink;

/// From this size on bytes go to the store at once, as a blob of their own.
pub(super) const LARGE: usize = 256 << 10;

/// An artifact as it was captured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CapturedArtifact {
    /// Its name, unique in the run.
    pub name: String,
    /// `bytes`, `text`, `json`, `npy`, `npz`, `arrow`, `parquet`, `figure`, `file`, `folder`, or the word of an
    /// [`ArtifactCodec`](super::ArtifactCodec).
    pub kind: Cow<'static, str>,
    /// The file name extension that suits it, without the dot.
    pub extension: Option<String>,
    /// The name of the format, if it was made by an [`ArtifactCodec`](super::ArtifactCodec).
    pub format: Option<String>,
    /// What is said about it: a canonical map; empty for nothing.
    pub metadata: Vec<u8>,
    /// Its bytes.
    pub body: Body,
}

/// Bytes that were captured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// Small, still in memory.
    Bytes(Vec<u8>),
    /// In the store already (a folder without a store: hashed only).
    Stored {
        /// Digest of the bytes; of the tree, for a folder.
        digest: Digest,
        /// Their number; of a folder, that of all its files.
        size: u64,
    },
}

impl Body {
    /// The number of bytes.
    pub fn size(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Stored { size, .. } => *size,
        }
    }

    /// Keeps small bytes and stores large ones.
    pub(super) fn of(
        what: &'static str,
        name: &str,
        bytes: Vec<u8>,
        sink: Option<&dyn Sink>,
    ) -> Result<Self, Misuse> {
        match sink {
            Some(sink) if bytes.len() > LARGE => {
                let digest = sink.bytes(&bytes).map_err(|source| Misuse::Store {
                    what,
                    name: name.to_owned(),
                    source,
                })?;
                Ok(Self::Stored { digest, size: bytes.len() as u64 })
            }
            _ => Ok(Self::Bytes(bytes)),
        }
    }

    /// The content of a file, copied.
    pub(super) fn of_file(name: &str, path: &Path, sink: Option<&dyn Sink>) -> Result<Self, Misuse> {
        let unreadable =
            |source: io::Error| Misuse::Unreadable { name: name.to_owned(), path: shown(path), source };
        let kind = |found, remedy| Misuse::Kind { name: name.to_owned(), path: shown(path), found, remedy };
        // Looked at before it is opened: opening a pipe would wait for its other end.
        let meta = path.metadata().map_err(unreadable)?;
        if meta.is_dir() {
            return Err(kind("a folder", "use `artifact_folder`"));
        }
        if !meta.is_file() {
            return Err(kind("no regular file", "write its content to a file first"));
        }
        let mut file = File::open(path).map_err(unreadable)?;
        let mut start = Vec::new();
        let kept = if sink.is_some() { LARGE as u64 + 1 } else { u64::MAX };
        file.by_ref().take(kept).read_to_end(&mut start).map_err(unreadable)?;
        match sink {
            Some(sink) if start.len() > LARGE => {
                let mut watched = Watched { inner: start.chain(file), failed: None };
                let stored = sink.reader(&mut watched);
                if let Some(source) = watched.failed {
                    return Err(unreadable(source));
                }
                let (digest, size) = stored.map_err(|source| Misuse::Store {
                    what: "artifact",
                    name: name.to_owned(),
                    source,
                })?;
                Ok(Self::Stored { digest, size })
            }
            _ => Ok(Self::Bytes(start)),
        }
    }

    /// The tree of a folder.
    pub(super) fn of_folder(name: &str, path: &Path, sink: Option<&dyn Sink>) -> Result<Self, Misuse> {
        let unreadable =
            |source: io::Error| Misuse::Unreadable { name: name.to_owned(), path: shown(path), source };
        if !path.metadata().map_err(unreadable)?.is_dir() {
            return Err(Misuse::Kind {
                name: name.to_owned(),
                path: shown(path),
                found: "no folder",
                remedy: "use `artifact_file`",
            });
        }
        let tree = match sink {
            Some(sink) => sink.folder(path),
            None => metalab_cas::tree::folder_digest(path),
        };
        let (digest, size) = tree.map_err(|source| Misuse::Folder { name: name.to_owned(), source })?;
        Ok(Self::Stored { digest, size })
    }
}

/// The part of a path that may be shown in a record: relative ones as they are, of others the last component.
fn shown(path: &Path) -> String {
    let part = if path.is_absolute() { path.file_name().map(Path::new).unwrap_or(path) } else { path };
    part.display().to_string()
}

/// Remembers that reading failed, so that it is not taken for a failure of the store.
struct Watched<R> {
    inner: R,
    failed: Option<io::Error>,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.inner.read(buffer).inspect_err(|error| {
            if error.kind() != io::ErrorKind::Interrupted {
                self.failed = Some(io::Error::new(error.kind(), error.to_string()));
            }
        })
    }
}
