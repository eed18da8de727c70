//! Folders that cannot be stored or brought back.

use std::io;

use crate::backend::BackendError;
use crate::blobs::BlobError;
use crate::digest::Digest;

/// A folder that cannot be stored or brought back. Paths are relative to it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TreeError {
    /// A name that is not UTF-8.
    #[error("`{path}` has a name that is not UTF-8; rename it")]
    NotUtf8 {
        /// Where, as far as it can be shown.
        path: String,
    },
    /// A link that leads outside.
    #[error(
        "`{path}` is a link to `{target}`, which is outside of the folder; replace it by what it points to"
    )]
    LinkOutside {
        /// Where.
        path: String,
        /// Where it leads.
        target: String,
    },
    /// A socket, pipe or device.
    #[error("`{path}` is a {what}; only files, folders and links inside the folder can be kept")]
    Special {
        /// Where.
        path: String,
        /// What it is.
        what: &'static str,
    },
    /// A tree with an entry of a forbidden name.
    #[error("the tree has an entry called `{name}`, which is not allowed: it is damaged or hostile")]
    Name {
        /// The name, escaped.
        name: String,
    },
    /// Bytes that are no tree.
    #[error("{digest} is not the tree of a folder")]
    Malformed {
        /// The blob.
        digest: Digest,
    },
    /// A file or folder cannot be read or written.
    #[error("`{path}` cannot be used")]
    Io {
        /// Where.
        path: String,
        /// The cause.
        source: io::Error,
    },
    /// A blob of the tree is missing or damaged.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// The store does not take it.
    #[error(transparent)]
    Backend(#[from] BackendError),
}
