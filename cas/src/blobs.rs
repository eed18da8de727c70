//! Blobs: immutable bytes by their digest, under `cas/ab/cdef…`.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;

use crate::backend::{Backend, BackendError, PutMode};
use crate::digest::{Digest, Hasher};
use crate::key::Key;

/// Blobs that nothing refers to are kept this long: who puts one has this time to refer to it.
pub const GRACE: Duration = Duration::from_secs(14 * 24 * 3600);
/// A blob younger than this may be one that its writer has not synced yet.
const RECENT: Duration = Duration::from_secs(3600);
/// Bytes hashed and written at once: few enough to be still in the cache of the core that has read them.
const PIECE: usize = 128 << 10;
/// Bytes asked of the back end at once.
const RANGE: u64 = 1 << 20;

/// A blob that could not be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BlobError {
    /// Its bytes are not those of its digest.
    #[error("blob {digest} is damaged: its bytes have the digest {found}")]
    Damaged {
        /// What it should be.
        digest: Digest,
        /// What it is.
        found: Digest,
    },
    /// The store failed.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// A file outside the store failed.
    #[error("a file outside the store failed ({what})")]
    Io {
        /// What was being done.
        what: &'static str,
        /// The cause.
        source: io::Error,
    },
}

impl BlobError {
    /// Whether the blob is simply not there.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Backend(error) if error.is_not_found())
    }
}

/// The blobs of a store.
///
/// ```
/// use std::sync::Arc;
/// use metalab_cas::{Blobs, object::ObjectBackend};
/// let blobs = Blobs::new(Arc::new(ObjectBackend::memory()));
/// let digest = blobs.put(b"some bytes")?;
/// assert_eq!(&blobs.get(&digest)?[..], b"some bytes");
/// # Ok::<(), metalab_cas::BlobError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Blobs {
    backend: Arc<dyn Backend>,
}

/// Which blobs are there, from one listing.
#[derive(Clone, Debug, Default)]
pub struct Presence(HashSet<Digest>);

impl Presence {
    /// Whether the blob was there.
    pub fn contains(&self, digest: &Digest) -> bool {
        self.0.contains(digest)
    }

    /// How many there were.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there were none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Blobs {
    /// The blobs on a back end.
    pub fn new(backend: Arc<dyn Backend>) -> Self {
        Self { backend }
    }

    /// Stores bytes; durable after [`Blobs::sync`]. A blob that is there is not written again, but its age is renewed
    /// when it has used up half of [`GRACE`].
    ///
    /// # Errors
    /// When the store does not take them.
    pub fn put(&self, bytes: &[u8]) -> Result<Digest, BackendError> {
        let digest = Digest::of(bytes);
        let key = Key::blob(&digest);
        if !self.keep(&key, bytes.len() as u64)? {
            self.backend.put(&key, bytes, PutMode::Replace)?;
        }
        Ok(digest)
    }

    /// Stores what `reader` yields, hashed while written; its digest and size.
    ///
    /// # Errors
    /// When it cannot be read or the store does not take it.
    pub fn put_reader(&self, reader: &mut dyn Read) -> Result<(Digest, u64), BackendError> {
        let mut upload = self.backend.upload()?;
        let mut hasher = Hasher::new();
        let mut piece = vec![0; PIECE];
        let mut size = 0;
        loop {
            let count = match reader.read(&mut piece) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(BackendError::from_io("read the source of", "cas", error)),
            };
            hasher.update(&piece[..count]);
            upload.write(&piece[..count])?;
            size += count as u64;
        }
        let digest = hasher.finish();
        let key = Key::blob(&digest);
        if !self.keep(&key, size)? {
            upload.finish(&key, PutMode::Replace)?;
        }
        Ok((digest, size))
    }

    /// Stores the content of a file.
    ///
    /// # Errors
    /// When it cannot be read or the store does not take it.
    pub fn put_file(&self, path: &Path) -> Result<(Digest, u64), BlobError> {
        let mut file = File::open(path).map_err(|source| BlobError::Io { what: "open", source })?;
        Ok(self.put_reader(&mut file)?)
    }

    /// Whether a blob of this size is there; renews its age. A wrong size is a torn blob: written anew.
    fn keep(&self, key: &Key, size: u64) -> Result<bool, BackendError> {
        let Some(meta) = self.backend.head(key)?.filter(|meta| meta.size == size) else { return Ok(false) };
        let age = SystemTime::now().duration_since(meta.modified).unwrap_or_default();
        let renewed = if age > GRACE / 2 {
            self.backend.touch(key)
        } else if age < RECENT {
            self.backend.adopt(key)
        } else {
            Ok(())
        };
        match renewed {
            Ok(()) => Ok(true),
            // Collected just now.
            Err(error) if error.is_not_found() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Whether the blob is there; its bytes are verified when they are used.
    ///
    /// # Errors
    /// When the store cannot tell.
    pub fn has(&self, digest: &Digest) -> Result<bool, BlobError> {
        Ok(self.backend.head(&Key::blob(digest))?.is_some())
    }

    /// The bytes of a blob, verified.
    ///
    /// # Errors
    /// When it is not there or damaged.
    pub fn get(&self, digest: &Digest) -> Result<Bytes, BlobError> {
        let bytes = self.backend.get(&Key::blob(digest))?;
        let found = Digest::of(&bytes);
        if found == *digest { Ok(bytes) } else { Err(BlobError::Damaged { digest: *digest, found }) }
    }

    /// Takes a blob away if its bytes are not what its name says, so that the next `put` stores it anew; says whether it
    /// did.
    ///
    /// # Errors
    /// When it cannot be read or removed.
    pub fn drop_damaged(&self, digest: &Digest) -> Result<bool, BlobError> {
        match self.copy_to(digest, &mut io::sink()) {
            Err(BlobError::Damaged { .. }) => {
                self.backend.delete(&Key::blob(digest))?;
                Ok(true)
            }
            Err(error) if error.is_not_found() => Ok(false),
            verified => verified.map(|_| false),
        }
    }

    /// Copies a blob out, verified at the end: what was written after an error is to be thrown away.
    ///
    /// # Errors
    /// When it is not there or damaged, or `output` does not take it.
    pub fn copy_to(&self, digest: &Digest, output: &mut dyn Write) -> Result<u64, BlobError> {
        let key = Key::blob(digest);
        let mut hasher = Hasher::new();
        let mut at = 0;
        loop {
            let piece = self.backend.get_range(&key, at..at + RANGE)?;
            if piece.is_empty() {
                break;
            }
            hasher.update(&piece);
            output.write_all(&piece).map_err(|source| BlobError::Io { what: "write", source })?;
            at += piece.len() as u64;
        }
        let found = hasher.finish();
        if found == *digest { Ok(at) } else { Err(BlobError::Damaged { digest: *digest, found }) }
    }

    /// Writes a blob to a new file: shares the disk blocks where the file system can, else copies. Never a link that
    /// the store could be written through. Verified; nothing is left after an error.
    ///
    /// # Errors
    /// When it is not there or damaged, or the file is there already or cannot be written.
    pub fn materialise(&self, digest: &Digest, path: &Path) -> Result<(), BlobError> {
        let failed = |source| BlobError::Io { what: "create", source };
        let mut file = File::options().read(true).write(true).create_new(true).open(path).map_err(failed)?;
        let written = match self.reflink(digest, &file) {
            true => verify(&mut file, digest),
            false => self.copy_to(digest, &mut file).map(drop),
        };
        written.inspect_err(|_| {
            let _ = std::fs::remove_file(path);
        })
    }

    fn reflink(&self, digest: &Digest, to: &File) -> bool {
        let Some(path) = self.backend.local_path(&Key::blob(digest)) else { return false };
        #[cfg(target_os = "linux")]
        return File::open(path).is_ok_and(|from| rustix::fs::ioctl_ficlone(to, from).is_ok());
        #[cfg(not(target_os = "linux"))]
        {
            let _ = (path, to);
            false
        }
    }

    /// Which blobs are there, from one listing.
    ///
    /// # Errors
    /// When the listing is not complete.
    pub fn present(&self) -> Result<Presence, BackendError> {
        let listed = self.backend.list(&Key::new("cas").expect("a legal key"))?;
        let digests = listed.iter().filter_map(|listed| {
            let (folder, rest) = listed.key.as_str().strip_prefix("cas/")?.split_once('/')?;
            format!("{folder}{rest}").parse().ok()
        });
        Ok(Presence(digests.collect()))
    }

    /// Makes all blobs that were put durable.
    ///
    /// # Errors
    /// When that is not sure.
    pub fn sync(&self) -> Result<(), BackendError> {
        self.backend.sync()
    }

    /// The back end.
    pub fn backend(&self) -> &Arc<dyn Backend> {
        &self.backend
    }
}

fn verify(file: &mut File, digest: &Digest) -> Result<(), BlobError> {
    let mut hasher = Hasher::new();
    hasher.update_reader(file).map_err(|source| BlobError::Io { what: "read", source })?;
    let found = hasher.finish();
    if found == *digest { Ok(()) } else { Err(BlobError::Damaged { digest: *digest, found }) }
}
