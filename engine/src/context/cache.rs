//! Digests of files and folders, remembered by their metadata.

use std::collections::HashMap;
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use metalab_cas::{Digest, Hasher};
use serde::{Deserialize, Serialize};

use super::content::{Content, ContentError};
use super::folder;
use super::stamp::Stamp;

/// Digests of files and folders, remembered by path, size, times and inode.
///
/// A digest is believed only if the file was older than the time step of file systems (two seconds) when it was
/// read; a younger one is read again at the next question, because it could have changed without a trace.
/// Shared by threads. Relative paths start at the directory that was current when the cache was made.
///
/// ```
/// use metalab_engine::context::StatCache;
///
/// let files = StatCache::new();
/// let content = files.file("Cargo.toml".as_ref())?;
/// assert_eq!(content.digest, metalab_cas::Digest::of(&std::fs::read("Cargo.toml").unwrap()));
/// let error = files.file("no/such.csv".as_ref()).unwrap_err();
/// assert!(error.to_string().contains("`no/such.csv`"));
/// # Ok::<(), metalab_engine::context::ContentError>(())
/// ```
#[derive(Debug)]
pub struct StatCache {
    base: PathBuf,
    /// Makes keys of paths: differs between machines, so that a store used from two of them mixes nothing up.
    machine: [u8; 32],
    entries: Mutex<HashMap<Digest, Entry>>,
    changed: AtomicBool,
    pub(super) clock: fn() -> SystemTime,
}

/// A digest that may be believed as long as the stamp is the same.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) stamp: Stamp,
    pub(super) digest: [u8; 32],
    /// When it was last asked for, in days since 1970.
    pub(super) used: u32,
}

impl Default for StatCache {
    fn default() -> Self {
        Self::new()
    }
}

impl StatCache {
    /// An empty cache.
    pub fn new() -> Self {
        Self::with_entries(HashMap::new())
    }

    pub(super) fn with_entries(entries: HashMap<Digest, Entry>) -> Self {
        Self {
            // Without a current directory relative paths are looked up as they are, and not found.
            base: std::env::current_dir().unwrap_or_default(),
            machine: machine(),
            entries: Mutex::new(entries),
            changed: AtomicBool::new(false),
            clock: SystemTime::now,
        }
    }

    /// The content of a file.
    ///
    /// # Errors
    /// When it is not there, no file, unreadable, or changes while it is read.
    pub fn file(&self, path: &Path) -> Result<Content, ContentError> {
        self.file_at(&self.base.join(path), &path.display().to_string())
    }

    /// The content of a folder and all that is in it; unchanged files are not read again.
    ///
    /// # Errors
    /// When it is not there, no folder, unreadable, changes while it is read, or holds what a tree cannot hold
    /// (a pipe, a link that leads outside, a name that is not UTF-8).
    pub fn folder(&self, path: &Path) -> Result<Content, ContentError> {
        folder::content(self, &self.base.join(path), &path.display().to_string())
    }

    /// The content of the file at an absolute path; `shown` is what the user called it.
    pub(super) fn file_at(&self, path: &Path, shown: &str) -> Result<Content, ContentError> {
        let failed = |source| unreadable(shown, source);
        let meta = fs::metadata(path).map_err(failed)?;
        regular(&meta, shown)?;
        let stamp = Stamp::of(&meta);
        let key = self.key(path);
        if let Some(digest) = self.remembered(&key, &stamp) {
            return Ok(Content { digest, size: stamp.size, files: 1, stamp });
        }
        // The clock is read before the file: what is written from here on gets a later time.
        let now = (self.clock)();
        let file = File::open(path).map_err(failed)?;
        regular(&file.metadata().map_err(failed)?, shown)?;
        let read = read_whole(&file, &mut &file).map_err(failed)?;
        let (digest, stamp) = read.ok_or_else(|| ContentError::Changing { path: shown.to_owned() })?;
        if !stamp.is_young(now) {
            self.remember(key, Entry { stamp, digest: *digest.as_bytes(), used: today() });
        }
        Ok(Content { digest, size: stamp.size, files: 1, stamp })
    }

    /// The key of an absolute path: tells nothing about it.
    pub(super) fn key(&self, path: &Path) -> Digest {
        Hasher::new().update(&self.machine).update(path.as_os_str().as_encoded_bytes()).finish()
    }

    pub(super) fn remembered(&self, key: &Digest, stamp: &Stamp) -> Option<Digest> {
        let mut entries = self.entries();
        let entry = entries.get_mut(key).filter(|entry| entry.stamp == *stamp)?;
        let today = today();
        if entry.used != today {
            entry.used = today;
            self.changed.store(true, Ordering::Relaxed);
        }
        Some(Digest::from_bytes(entry.digest))
    }

    pub(super) fn remember(&self, key: Digest, entry: Entry) {
        self.entries().insert(key, entry);
        self.changed.store(true, Ordering::Relaxed);
    }

    pub(super) fn entries(&self) -> MutexGuard<'_, HashMap<Digest, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there is something new since this was last asked.
    pub(super) fn take_changed(&self) -> bool {
        self.changed.swap(false, Ordering::Relaxed)
    }

    pub(super) fn mark_changed(&self) {
        self.changed.store(true, Ordering::Relaxed);
    }

    pub(super) fn absolute(&self, path: &Path) -> PathBuf {
        self.base.join(path)
    }
}

/// The digest of what `reader` yields of `file`; `None` when the file changed meanwhile.
fn read_whole(file: &File, reader: &mut dyn Read) -> io::Result<Option<(Digest, Stamp)>> {
    let before = Stamp::of(&file.metadata()?);
    let mut hasher = Hasher::new();
    let size = hasher.update_reader(reader)?;
    let after = Stamp::of(&file.metadata()?);
    Ok((before == after && size == before.size).then(|| (hasher.finish(), before)))
}

pub(super) fn unreadable(shown: &str, source: io::Error) -> ContentError {
    let path = shown.to_owned();
    match source.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => ContentError::Missing { path },
        io::ErrorKind::InvalidInput => ContentError::Missing { path: crate::name::shown(shown) },
        _ => ContentError::Unreadable { path, source },
    }
}

fn regular(meta: &Metadata, shown: &str) -> Result<(), ContentError> {
    let path = shown.to_owned();
    if meta.is_dir() {
        Err(ContentError::IsFolder { path })
    } else if !meta.is_file() {
        Err(ContentError::Special { path })
    } else {
        Ok(())
    }
}

pub(super) fn today() -> u32 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    (now.as_secs() / 86_400) as u32
}

fn machine() -> [u8; 32] {
    let mut hasher = Hasher::new();
    hasher.update(b"metalab stat 1\0");
    match fs::read("/etc/machine-id") {
        Ok(id) => hasher.update(&id),
        Err(_) => hasher.update(rustix::system::uname().nodename().to_bytes()),
    };
    *hasher.finish().as_bytes()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::io::Write;

    use super::*;

    /// Yields what the file holds, then lets something happen to it before its end is seen.
    struct Meanwhile<'a>(&'a File, Option<Box<dyn FnOnce()>>);

    impl Read for Meanwhile<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            match self.0.read(buffer)? {
                0 => {
                    if let Some(happening) = self.1.take() {
                        happening();
                    }
                    Ok(0)
                }
                read => Ok(read),
            }
        }
    }

    #[test]
    fn a_file_that_changes_while_it_is_read_has_no_digest() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        fs::write(&path, "some text").unwrap();
        let read = |happening: Box<dyn FnOnce()>| {
            let file = File::open(&path).unwrap();
            read_whole(&file, &mut Meanwhile(&file, Some(happening))).unwrap()
        };
        assert_eq!(read(Box::new(|| ())).unwrap().0, Digest::of(b"some text"));
        let (grown, again) = (path.clone(), path.clone());
        let grow = move || File::options().append(true).open(grown).unwrap().write_all(b" and more").unwrap();
        assert!(read(Box::new(grow)).is_none());
        let cut = move || File::options().write(true).open(again).unwrap().set_len(3).unwrap();
        assert!(read(Box::new(cut)).is_none());
        assert_eq!(read(Box::new(|| ())).unwrap().0, Digest::of(b"som"));
    }
}
