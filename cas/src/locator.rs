//! Where a store is: a path, `file://...`, `memory://`.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use crate::backend::{Backend, BackendError};
use crate::local::LocalBackend;
use crate::object::ObjectBackend;
use crate::read_only::ReadOnly;

/// What a place is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// For reading.
    ReadOnly,
    /// For reading and writing; it must be there.
    ReadWrite,
    /// For reading and writing; created if it is not there.
    Create,
}

/// A parsed locator.
#[derive(Clone, PartialEq, Eq)]
pub enum Locator {
    /// A folder of this machine.
    Local(PathBuf),
    /// A place in memory of its own, gone with the program.
    Memory,
}

/// A text that locates nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LocatorError {
    /// No text at all.
    #[error("the locator of the store is empty: give a folder, or `memory://`")]
    Empty,
    /// A scheme that is known but not built in yet.
    #[error(
        "stores at `{scheme}://` are not built in yet: use a folder, and copy it to the bucket for keeping"
    )]
    NotBuiltIn {
        /// The scheme.
        scheme: String,
    },
    /// A scheme nobody knows.
    #[error("`{scheme}://` is no place for a store: give a folder, `file://...` or `memory://`")]
    Unknown {
        /// The scheme.
        scheme: String,
    },
    /// A NUL character.
    #[error("the locator of the store has a NUL character")]
    Nul,
    /// The place cannot be opened.
    #[error(transparent)]
    Backend(#[from] BackendError),
}

impl Locator {
    /// Parses a path, `file:///path` or `memory://`.
    ///
    /// # Errors
    /// When it is none of these.
    pub fn parse(text: &str) -> Result<Self, LocatorError> {
        if text.is_empty() {
            return Err(LocatorError::Empty);
        }
        if text.contains('\0') {
            return Err(LocatorError::Nul);
        }
        let Some((scheme, rest)) = text.split_once("://") else { return Ok(Self::Local(text.into())) };
        match scheme {
            "file" => Ok(Self::Local(rest.into())),
            "memory" => Ok(Self::Memory),
            "s3" | "gs" | "az" | "sftp" => Err(LocatorError::NotBuiltIn { scheme: scheme.to_owned() }),
            other => {
                let scheme = other.chars().filter(|c| !c.is_control()).take(40).collect();
                Err(LocatorError::Unknown { scheme })
            }
        }
    }

    /// The folder, if it is one of this machine.
    pub fn local_path(&self) -> Option<&std::path::Path> {
        match self {
            Self::Local(path) => Some(path),
            Self::Memory => None,
        }
    }

    /// Opens the place.
    ///
    /// # Errors
    /// When it cannot be opened so.
    pub fn open(&self, access: Access) -> Result<Arc<dyn Backend>, LocatorError> {
        let backend: Arc<dyn Backend> = match (self, access) {
            (Self::Memory, _) => Arc::new(ObjectBackend::memory()),
            (Self::Local(path), Access::Create) => Arc::new(LocalBackend::create(path)?),
            (Self::Local(path), _) => Arc::new(LocalBackend::open(path)?),
        };
        Ok(if access == Access::ReadOnly { Arc::new(ReadOnly::new(backend)) } else { backend })
    }
}

impl fmt::Display for Locator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(path) => path.display().fmt(f),
            Self::Memory => f.write_str("memory://"),
        }
    }
}

impl fmt::Debug for Locator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Locator({self})")
    }
}
