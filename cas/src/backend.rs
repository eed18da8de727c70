//! The port to where files live: local disks, buckets, memory.
//!
//! A [`Backend`] keeps immutable or replaced-as-a-whole files under [`Key`]s. It is small on
//! purpose: blobs, packs, journal and index are all built on these calls, so whatever implements
//! them (and passes the conformance suite) can hold a store. All calls block.
//!
//! The contract in three sentences:
//! * **Whole or absent.** What `put` and `upload` write is never seen in part, also when the
//!   process is killed in between. (`append` is for files whose readers know torn tails.)
//! * **Visible, then durable.** After `put` returns, every reader sees the file; it survives a
//!   power cut once [`Backend::sync`] has returned `Ok`.
//! * **An error is not an absence.** "Not there" is [`BackendError::NotFound`], `Ok(None)` or an
//!   empty list; every other failure is reported as what it is.

use std::fmt::Debug;
use std::io;
use std::ops::Range;
use std::path::PathBuf;
use std::time::SystemTime;

pub use bytes::Bytes;

use crate::key::{Key, KeyError};

/// Size and age of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meta {
    /// Its size in bytes.
    pub size: u64,
    /// When it was last written or [touched](Backend::touch).
    pub modified: SystemTime,
}

/// One file of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its full key.
    pub key: Key,
    /// Its size and age.
    pub meta: Meta,
}

/// What a put does when the key is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PutMode {
    /// Leaves what is there, and says so; of two concurrent creators exactly one writes.
    Create,
    /// Replaces it in one step.
    Replace,
}

/// What a put did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PutOutcome {
    /// The bytes are there now.
    Written,
    /// The key was taken, nothing changed (only with [`PutMode::Create`]).
    Existed,
}

/// A place that keeps files under keys. See the [module](self) for the contract.
pub trait Backend: Send + Sync + Debug {
    /// The kind of back end: `local`, `memory`, `object`, ...
    fn name(&self) -> &'static str;

    /// The whole file.
    ///
    /// # Errors
    /// [`BackendError::NotFound`] if it is not there.
    fn get(&self, key: &Key) -> Result<Bytes, BackendError>;

    /// The bytes of `range`, clipped at the end of the file like `pread` does.
    ///
    /// # Errors
    /// [`BackendError::NotFound`] if the file is not there.
    fn get_range(&self, key: &Key, range: Range<u64>) -> Result<Bytes, BackendError>;

    /// Size and age, or `None` if the file is not there.
    ///
    /// # Errors
    /// Every failure but absence.
    fn head(&self, key: &Key) -> Result<Option<Meta>, BackendError>;

    /// All files below `folder` at any depth, sorted by key; temporary files are left out.
    ///
    /// A folder that is not there is empty.
    ///
    /// # Errors
    /// Every other failure: an incomplete listing is never returned.
    fn list(&self, folder: &Key) -> Result<Vec<Listed>, BackendError>;

    /// Writes a whole file: visible after return, durable after [`Backend::sync`].
    ///
    /// # Errors
    /// After an error the file is as it was before.
    fn put(&self, key: &Key, bytes: &[u8], mode: PutMode) -> Result<PutOutcome, BackendError>;

    /// Begins a file whose name is known only at the end (it is hashed while written).
    ///
    /// Dropped without [`Upload::finish`], nothing is left.
    ///
    /// # Errors
    /// When no file can be begun.
    fn upload(&self) -> Result<Box<dyn Upload>, BackendError>;

    /// Opens a growing file, creating it; `None` where the back end cannot append.
    ///
    /// # Errors
    /// When the file cannot be opened.
    fn append(&self, key: &Key) -> Result<Option<Box<dyn Append>>, BackendError>;

    /// Renews the age of a file, so that collection takes it for new.
    ///
    /// # Errors
    /// [`BackendError::NotFound`] if it is not there.
    fn touch(&self, key: &Key) -> Result<(), BackendError>;

    /// Deletes a file; one that is not there is fine.
    ///
    /// # Errors
    /// When it may still be there.
    fn delete(&self, key: &Key) -> Result<(), BackendError>;

    /// Takes a file that somebody else wrote into the group of the next [`Backend::sync`]: its
    /// writer may not have made it durable yet.
    ///
    /// Nothing to do (the default) where files are durable as soon as they are visible.
    ///
    /// # Errors
    /// [`BackendError::NotFound`] if it is not there.
    fn adopt(&self, key: &Key) -> Result<(), BackendError> {
        let _ = key;
        Ok(())
    }

    /// Makes every put and upload that finished before this call durable, as one group.
    ///
    /// Files that a put found to exist, and adopted ones, belong to the group too.
    ///
    /// # Errors
    /// When anything of the group may be lost; the back end says what then still works.
    fn sync(&self) -> Result<(), BackendError>;

    /// Where the file lies (or would lie) on this machine, if it does.
    ///
    /// Such a path is for reading: writing through it breaks the store.
    fn local_path(&self, key: &Key) -> Option<PathBuf>;

    /// Whether every writing call is refused.
    fn read_only(&self) -> bool;
}

/// A file that is being written and has no name yet.
pub trait Upload: Send {
    /// Adds bytes.
    ///
    /// # Errors
    /// After an error the upload is dead; begin another.
    fn write(&mut self, bytes: &[u8]) -> Result<(), BackendError>;

    /// Gives the file its name: visible after return, durable after [`Backend::sync`].
    ///
    /// # Errors
    /// After an error nothing is left of the upload.
    fn finish(self: Box<Self>, key: &Key, mode: PutMode) -> Result<PutOutcome, BackendError>;
}

/// A growing file with one writer.
pub trait Append: Send {
    /// Adds bytes at the end. A reader may see any prefix of them.
    ///
    /// # Errors
    /// After an error the handle is dead: it refuses all further calls. Abandon the file and
    /// repeat what was not synced in a new one.
    fn write(&mut self, bytes: &[u8]) -> Result<(), BackendError>;

    /// Makes all that was written durable, the name of the file included.
    ///
    /// # Errors
    /// After an error the handle is dead, as for [`Append::write`].
    fn sync(&mut self) -> Result<(), BackendError>;

    /// Bytes in the file.
    fn len(&self) -> u64;

    /// Whether the file has no bytes.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Why a back end did not do what was asked.
///
/// Names keys, never host paths: what is stored or shown elsewhere tells nothing about a machine.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackendError {
    /// The file is not there.
    #[error("`{key}` is not in the store")]
    NotFound {
        /// The file.
        key: String,
    },
    /// The disk or the quota is full.
    #[error("no space is left (or the quota is used up) for `{key}`: free some space, then run again")]
    Full {
        /// The file being written.
        key: String,
        /// The cause.
        source: io::Error,
    },
    /// The store was opened for reading, or lies on a read-only file system.
    #[error(
        "`{key}` cannot be written: the store is read-only; name a store that can be written, or mount this one for writing"
    )]
    ReadOnly {
        /// The file.
        key: String,
    },
    /// The permissions do not allow it.
    #[error("access to `{key}` is denied: check owner and permissions of the store (or the credentials)")]
    Denied {
        /// The file.
        key: String,
        /// The cause.
        source: Cause,
    },
    /// Something else is where the file or its folder should be.
    #[error("`{key}` cannot be used: {what}; move it out of the store")]
    Conflict {
        /// The file.
        key: String,
        /// What is there.
        what: &'static str,
    },
    /// The place cannot be reached at present; trying later may help.
    #[error("`{key}` could not be reached ({what}): try again later")]
    Unavailable {
        /// The file.
        key: String,
        /// What was being done.
        what: &'static str,
        /// The cause.
        source: Cause,
    },
    /// An earlier group of writes could not be made durable, so this handle refuses to write on.
    #[error(
        "`{key}` was not written: an earlier sync of the store failed; open the store again and repeat what was not reported done"
    )]
    Poisoned {
        /// The file.
        key: String,
    },
    /// Anything else the system reports.
    #[error("`{key}` failed ({what})")]
    Other {
        /// The file.
        key: String,
        /// What was being done.
        what: &'static str,
        /// The cause.
        source: Cause,
    },
    /// A name that cannot be a key.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// The error a back end met: of the operating system or of an object store.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

impl BackendError {
    /// Sorts an error of the operating system by what a caller can do about it.
    pub fn from_io(what: &'static str, key: &str, source: io::Error) -> BackendError {
        use io::ErrorKind as K;
        let key = key.to_owned();
        match source.kind() {
            K::NotFound => BackendError::NotFound { key },
            K::StorageFull | K::QuotaExceeded | K::FileTooLarge => BackendError::Full { key, source },
            K::ReadOnlyFilesystem => BackendError::ReadOnly { key },
            K::PermissionDenied => BackendError::Denied { key, source: source.into() },
            K::NotADirectory => BackendError::Conflict { key, what: "a file is where a folder should be" },
            K::IsADirectory => BackendError::Conflict { key, what: "a folder is where the file should be" },
            K::TimedOut
            | K::StaleNetworkFileHandle
            | K::ConnectionReset
            | K::HostUnreachable
            | K::NetworkDown => BackendError::Unavailable { key, what, source: source.into() },
            _ => BackendError::Other { key, what, source: source.into() },
        }
    }

    /// Whether the file is simply not there.
    pub fn is_not_found(&self) -> bool {
        matches!(self, BackendError::NotFound { .. })
    }
}
