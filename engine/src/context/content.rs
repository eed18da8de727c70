//! The content of files and folders, or why there is none.

use std::io;

use metalab_cas::Digest;

use super::stamp::Stamp;

/// The content of a file or folder at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Content {
    /// BLAKE3 of the bytes; of the tree, for a folder.
    pub digest: Digest,
    /// The number of bytes; of a folder, that of all its files.
    pub size: u64,
    /// The number of files: 1 for a file.
    pub files: u64,
    /// What the metadata said; of a folder, a summary of all that is in it.
    pub stamp: Stamp,
}

/// Why a path has no content that could enter an identity.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ContentError {
    /// Nothing is there.
    #[error(
        "there is no file or folder `{path}`; check the path (relative ones start at the current directory)"
    )]
    Missing {
        /// The path as it was given.
        path: String,
    },
    /// A folder where a file is meant.
    #[error("`{path}` is a folder where a file is meant; name a file, or make the argument a `DirPath`")]
    IsFolder {
        /// The path as it was given.
        path: String,
    },
    /// A file where a folder is meant.
    #[error("`{path}` is a file where a folder is meant; name a folder, or make the argument a `FilePath`")]
    IsFile {
        /// The path as it was given.
        path: String,
    },
    /// A pipe, socket or device.
    #[error("`{path}` is neither a file nor a folder; its content cannot be known before it is read")]
    Special {
        /// The path as it was given.
        path: String,
    },
    /// It cannot be read.
    #[error("cannot read `{path}`; check its permissions")]
    Unreadable {
        /// The path as it was given.
        path: String,
        /// The cause.
        source: io::Error,
    },
    /// It changed while it was read.
    #[error("`{path}` changes while it is read; wait until whatever writes it has finished")]
    Changing {
        /// The path as it was given.
        path: String,
    },
    /// A folder holds what no tree can hold.
    #[error("cannot use the folder `{path}`")]
    Folder {
        /// The path as it was given.
        path: String,
        /// The cause.
        source: metalab_cas::tree::TreeError,
    },
    /// A pattern that is none.
    #[error("`{pattern}` is no pattern of files: {reason}")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// What is wrong.
        reason: String,
    },
    /// No file matches a pattern.
    #[error(
        "no file matches `{pattern}`; check the pattern and its folder, or say `.may_be_empty()` if that is right"
    )]
    NoMatch {
        /// Folder and pattern.
        pattern: String,
    },
    /// A name that is no text.
    #[error("the name of `{path}` is not UTF-8 and cannot be kept in a record; rename it")]
    NotUtf8 {
        /// The path, with replacement characters.
        path: String,
    },
    /// Two keys of a map are paths with one content.
    #[error("two keys of a map are paths with equal content; use the paths as values instead")]
    SameKey,
    /// The path of an argument or context field.
    #[error("`{at}`: {}", chain(inner))]
    At {
        /// The argument or field.
        at: String,
        /// What is wrong with its path; told by the message, causes included.
        inner: Box<ContentError>,
    },
}

impl ContentError {
    /// What is wrong, without the argument or field, which the reader of the message knows.
    pub(crate) fn without_place(&self) -> String {
        match self {
            Self::At { inner, .. } => chain(inner),
            other => chain(other),
        }
    }
}

/// An error and its causes in one line.
fn chain(error: &ContentError) -> String {
    let causes = std::iter::successors(std::error::Error::source(error), |error| error.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
