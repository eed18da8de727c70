//! Values by digest, wherever they lie.

use bytes::Bytes;
use metalab_cas::{BackendError, BlobError, Digest, Presence};

use crate::index::Index;
use crate::journal::{JournalError, PackPlace, Writer};
use crate::record::{Place, ValueRef};
use crate::store::Store;

/// Outputs up to this size, in bytes, lie in the record itself.
pub const INLINE_MAX: usize = 1024;

/// Values up to this size, in bytes, are kept in packs, larger ones as blobs of their own.
pub const PACK_MAX: usize = 256 << 10;

/// Why a value could not be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ValueError {
    /// Nobody has it.
    #[error("value {digest} is not in the store: run the step that makes it again")]
    Missing {
        /// Its digest.
        digest: Digest,
    },
    /// What is stored under its name are other bytes.
    #[error("value {digest} is damaged in the store: run the step that makes it again, it is stored anew")]
    Damaged {
        /// Its digest.
        digest: Digest,
    },
    /// It is not the list of cells it should be.
    #[error(
        "value {digest} is no list of cells of this version: use the metalab that wrote it, or a newer one"
    )]
    NotCells {
        /// Its digest.
        digest: Digest,
    },
    /// The journal's packs cannot be read.
    #[error(transparent)]
    Journal(JournalError),
    /// The blobs cannot be reached.
    #[error(transparent)]
    Blob(BlobError),
    /// The store's files cannot be reached.
    #[error(transparent)]
    Backend(#[from] BackendError),
}

/// Puts and gets values of one store. Identity does not depend on where they lie.
#[derive(Clone, Debug)]
pub struct Values(Store);

impl Values {
    pub(crate) fn new(store: &Store) -> Self {
        Self(store.clone())
    }

    /// Stores bytes: small ones in the pack of the writer's next commit, large ones as a blob, durable with it.
    ///
    /// # Errors
    /// When a blob cannot be written.
    pub fn put(&self, writer: &mut Writer, bytes: &[u8]) -> Result<ValueRef, ValueError> {
        let (digest, size) = (Digest::of(bytes), bytes.len() as u64);
        if bytes.len() <= PACK_MAX {
            writer.put_value(digest, bytes);
            return Ok(ValueRef { digest, size, place: Place::Pack });
        }
        self.0.blobs().put(bytes)?;
        Ok(ValueRef { digest, size, place: Place::Blob })
    }

    /// The bytes of a value, verified.
    ///
    /// # Errors
    /// When nobody has it, or no sound copy is left.
    pub fn get(&self, digest: &Digest, index: &Index) -> Result<Bytes, ValueError> {
        let places = index.places_of(digest);
        self.get_from(digest, places)
    }

    /// The same when it is known where in a pack it may lie.
    ///
    /// # Errors
    /// When nobody has it, or no sound copy is left.
    pub fn get_from(
        &self,
        digest: &Digest,
        places: impl Iterator<Item = PackPlace>,
    ) -> Result<Bytes, ValueError> {
        let mut damaged = false;
        for place in places {
            match self.0.journal().read_value(&place, digest) {
                Ok(bytes) => return Ok(bytes),
                // Another copy may be sound.
                Err(JournalError::Damaged { .. }) => damaged = true,
                Err(error) if error.is_not_found() => {}
                Err(error) => return Err(ValueError::Journal(error)),
            }
        }
        match self.0.blobs().get(digest) {
            Err(error) if error.is_not_found() => Err(match damaged {
                true => ValueError::Damaged { digest: *digest },
                false => ValueError::Missing { digest: *digest },
            }),
            Err(BlobError::Damaged { .. }) => Err(ValueError::Damaged { digest: *digest }),
            got => got.map_err(ValueError::Blob),
        }
    }

    /// Whether a value is there, by listings alone: its bytes are verified when they are used.
    pub fn has(&self, digest: &Digest, index: &Index, blobs: &Presence) -> bool {
        index.place_of(digest).is_some() || blobs.contains(digest)
    }
}

/// The bytes of a value, verified, when it is known where in a pack it should lie.
///
/// # Errors
/// When nobody has it, or no sound copy is left.
pub fn read(store: &Store, digest: &Digest, pack: Option<&PackPlace>) -> Result<Bytes, ValueError> {
    store.values().get_from(digest, pack.copied().into_iter())
}
