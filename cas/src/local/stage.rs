//! Files that have no name yet.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use super::group::Group;
use super::{TEMPORARY, create_folders};
use crate::backend::{BackendError, PutMode, PutOutcome, Upload};
use crate::crash::step;
use crate::key::Key;

/// A temporary file on its way to its name; removed when dropped without one.
pub(super) struct Stage {
    root: PathBuf,
    path: PathBuf,
    /// Taken when the file has its name.
    file: Option<File>,
    key: String,
    group: Arc<Group>,
    /// Bytes written.
    size: u64,
    /// Of these, the bytes on their way to the disk.
    sent: u64,
}

/// Bytes after which a file begins its way to the disk, while the rest is still being written.
const SEND: u64 = 16 << 20;

impl Stage {
    /// A temporary file in the folder of `key`.
    pub(super) fn beside(root: &Path, key: &Key, group: Arc<Group>) -> Result<Self, BackendError> {
        group.check(key.as_str())?;
        let folder = key.parent().map_or_else(|| root.to_owned(), |parent| root.join(parent.as_str()));
        let path = folder.join(temporary_name());
        let open = || File::options().read(true).write(true).create_new(true).open(&path);
        let file = match step("create", open) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                group.created(&create_folders(root, key)?);
                step("create", open)
            }
            other => other,
        };
        let file = file.map_err(|error| BackendError::from_io("create", key.as_str(), error))?;
        Ok(Self {
            root: root.to_owned(),
            path,
            file: Some(file),
            key: key.as_str().to_owned(),
            group,
            size: 0,
            sent: 0,
        })
    }

    fn file(&mut self) -> &mut File {
        self.file.as_mut().expect("the file is taken only when the stage ends")
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), BackendError> {
        let file = self.file();
        step("write", || file.write_all(bytes))
            .map_err(|error| BackendError::from_io("write", &self.key, error))?;
        self.size += bytes.len() as u64;
        if self.size - self.sent >= SEND {
            self.send();
        }
        Ok(())
    }

    /// Starts writing to the disk what is new, so that the sync at the end has little left to wait for: in all, a large
    /// file costs no more than copying and syncing it would without hashing.
    ///
    /// Only a hint. The advice is about the page cache, but on Linux it starts the write-back of dirty pages without
    /// waiting for it, and without taking its errors from the sync that must see them.
    fn send(&mut self) {
        let sent = std::mem::replace(&mut self.sent, self.size);
        #[cfg(target_os = "linux")]
        {
            use rustix::fs::{Advice, fadvise};
            let length = std::num::NonZeroU64::new(self.size - sent);
            let _ = fadvise(self.file(), sent, length, Advice::DontNeed);
        }
        #[cfg(not(target_os = "linux"))]
        let _ = sent;
    }

    /// Gives the file its name.
    pub(super) fn name(mut self, key: &Key, mode: PutMode) -> Result<PutOutcome, BackendError> {
        let failed = |error| BackendError::from_io("name", key.as_str(), error);
        let verified_when_used = key.as_str().starts_with("cas/");
        if !verified_when_used {
            let file = self.file();
            step("sync file", || file.sync_data()).map_err(failed)?;
        }
        let target = self.root.join(key.as_str());
        let rename = || match mode {
            PutMode::Replace => fs::rename(&self.path, &target).map(|()| PutOutcome::Written),
            PutMode::Create => create_named(&self.path, &target),
        };
        let outcome = match step("rename", rename) {
            // An upload learns its name, and so its folder, only now.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                self.group.created(&create_folders(&self.root, key)?);
                step("rename", rename)
            }
            other => other,
        };
        let outcome = outcome.map_err(failed)?;
        if outcome == PutOutcome::Written {
            let file = self.file.take();
            self.group.add(target, file.filter(|_| verified_when_used));
        } else {
            adopt(&self.group, target, key)?;
        }
        Ok(outcome)
    }
}

/// Puts a file that is there already into the group: who wrote it may not have synced it yet.
pub(super) fn adopt(group: &Group, path: PathBuf, key: &Key) -> Result<(), BackendError> {
    // Syncing needs no right to write.
    let file = File::open(&path).map_err(|error| BackendError::from_io("open", key.as_str(), error))?;
    group.adopt(&path, file);
    Ok(())
}

/// A name that no key and no other writer has, on whatever host it runs.
fn temporary_name() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    static WRITER: OnceLock<String> = OnceLock::new();
    let writer = WRITER.get_or_init(|| {
        let mut random = [0; 8];
        // Without randomness the name may be taken; `create_new` then refuses it.
        let _ = getrandom::fill(&mut random);
        format!("{TEMPORARY}{}{}", std::process::id(), crate::digest::to_hex(&random))
    });
    format!("{writer}-{}", COUNT.fetch_add(1, Ordering::Relaxed))
}

/// Renames unless the name is taken; where the file system cannot, by a second name that is then the only one.
fn create_named(from: &Path, to: &Path) -> std::io::Result<PutOutcome> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Ok(()) => Ok(PutOutcome::Written),
        Err(Errno::EXIST) => Ok(PutOutcome::Existed),
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => match fs::hard_link(from, to) {
            Ok(()) => fs::remove_file(from).map(|()| PutOutcome::Written),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(PutOutcome::Existed),
            Err(error) => Err(error),
        },
        Err(error) => Err(error.into()),
    }
}

impl Upload for Stage {
    fn write(&mut self, bytes: &[u8]) -> Result<(), BackendError> {
        Stage::write(self, bytes)
    }

    fn finish(self: Box<Self>, key: &Key, mode: PutMode) -> Result<PutOutcome, BackendError> {
        self.name(key, mode)
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if self.file.is_some() {
            // What cannot be removed is taken for stale later.
            let _ = fs::remove_file(&self.path);
        }
    }
}
