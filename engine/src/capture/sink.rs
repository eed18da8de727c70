//! Where large captures and running logs go while a run works.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use metalab_cas::tree::TreeError;
use metalab_cas::{Backend, BackendError, Blobs, Digest};

use crate::id::{RunId, WriterId};
use crate::live::log_key;

/// Takes what should not wait in memory for the end of a run.
pub trait Sink: Send + Sync + std::fmt::Debug {
    /// Stores bytes.
    ///
    /// # Errors
    /// When the store does not take them.
    fn bytes(&self, bytes: &[u8]) -> Result<Digest, BackendError>;

    /// Stores what `reader` yields, hashed while written; its digest and size.
    ///
    /// # Errors
    /// When it cannot be read, or the store does not take it.
    fn reader(&self, reader: &mut dyn io::Read) -> Result<(Digest, u64), BackendError>;

    /// Stores a folder; the digest of its tree and the bytes in its files.
    ///
    /// # Errors
    /// When it cannot be read or holds what a tree cannot, or the store does not take it.
    fn folder(&self, path: &Path) -> Result<(Digest, u64), TreeError>;

    /// Opens the log of a running attempt, or its stream of that name, if there is a place where others can read it.
    ///
    /// It is called while the capture is locked: it must not capture, nor emit events.
    ///
    /// # Errors
    /// When there is one and it cannot be written.
    fn open_log(&self, run: &RunId, stream: Option<&str>) -> io::Result<Option<(File, PathBuf)>>;
}

/// The sink of runs that execute with a store.
///
/// Large captures become blobs; logs grow line by line in `live/logs/`, where `metalab logs -f` finds them, on
/// stores that are folders of this machine (see [`crate::live`]).
#[derive(Clone, Debug)]
pub struct StoreSink {
    blobs: Arc<Blobs>,
    backend: Arc<dyn Backend>,
    writer: WriterId,
}

impl StoreSink {
    /// A sink into the store on `backend`, for the runs of `writer`.
    pub fn new(blobs: Arc<Blobs>, backend: Arc<dyn Backend>, writer: WriterId) -> Self {
        Self { blobs, backend, writer }
    }

    fn log_path(&self, run: &RunId, stream: Option<&str>) -> Option<PathBuf> {
        let key = log_key(run, &self.writer, stream)?;
        if self.backend.read_only() { None } else { self.backend.local_path(&key) }
    }
}

impl Sink for StoreSink {
    fn bytes(&self, bytes: &[u8]) -> Result<Digest, BackendError> {
        self.blobs.put(bytes)
    }

    fn reader(&self, reader: &mut dyn io::Read) -> Result<(Digest, u64), BackendError> {
        self.blobs.put_reader(reader)
    }

    fn folder(&self, path: &Path) -> Result<(Digest, u64), TreeError> {
        metalab_cas::tree::put_folder(&self.blobs, path)
    }

    fn open_log(&self, run: &RunId, stream: Option<&str>) -> io::Result<Option<(File, PathBuf)>> {
        let Some(path) = self.log_path(run, stream) else { return Ok(None) };
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        // A new file also for a second attempt: who tails the first keeps reading the first.
        let _ = fs::remove_file(&path);
        let mut file = File::create_new(&path)?;
        file.flush()?;
        Ok(Some((file, path)))
    }
}

/// A sink that takes nothing, for tests.
#[cfg(test)]
#[derive(Debug)]
pub(super) struct Nowhere;

#[cfg(test)]
impl Sink for Nowhere {
    fn bytes(&self, bytes: &[u8]) -> Result<Digest, BackendError> {
        Ok(Digest::of(bytes))
    }

    fn reader(&self, _: &mut dyn io::Read) -> Result<(Digest, u64), BackendError> {
        Ok((Digest::of(b""), 0))
    }

    fn folder(&self, path: &Path) -> Result<(Digest, u64), TreeError> {
        metalab_cas::tree::folder_digest(path)
    }

    fn open_log(&self, _: &RunId, _: Option<&str>) -> io::Result<Option<(File, PathBuf)>> {
        Ok(None)
    }
}
